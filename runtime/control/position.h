/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a spout task is to resume: the position below which everything is done, and the note that its spout keeps with
 * positions (sq_note() in squall.h). It travels in POSITION, is held by the supervisor, and stands on disk as it stands
 * here.
 */
#ifndef SQI_POSITION_H
#define SQI_POSITION_H

#include <string.h>

#include "control/message.h"

struct sqi_position {
        uint64_t number;
        uint8_t known; /* 0: none was ever told, the spout begins at its beginning */
        uint8_t size;  /* of the note */
        uint8_t note[SQ_NOTE_MAX];
};

_Static_assert(sizeof(struct sqi_position) == 248, "no padding: it is written to disk");

/* Takes over what POSITION says, unless it lies behind: what was done stays done. */
static inline void
sqi_position_take(struct sqi_position *position, const struct sqi_message *message)
{
        size_t size = message->text.len < SQ_NOTE_MAX ? message->text.len : SQ_NOTE_MAX;

        if (position->known && message->number < position->number)
                return;
        memset(position, 0, sizeof(*position));
        position->known = 1;
        position->number = message->number;
        position->size = (uint8_t)size;
        if (size > 0)
                memcpy(position->note, message->text.ptr, size);
}

static inline struct sq_str
sqi_position_note(const struct sqi_position *position)
{
        return (struct sq_str){(const char *)position->note, position->size};
}

#endif

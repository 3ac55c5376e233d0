/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiving end of a channel: does each batch go on where the one before it ended?
 *
 * A channel numbers its tuples from 0 in each incarnation of its sender (docs/wire.md). So a batch that was lost on its
 * way, or came twice, shows in the number of the next one. Where a jump is meant the sender says so (`hints`): it
 * dropped what belonged to lost trees, or it sends again what it kept. A reader that was restarted begins in the
 * middle, with sqi_sequence_join().
 *
 * A sender that hears of our predecessor's death leaves its connection for a new one. What libzmq had brought to us by
 * the old one meanwhile, of trees that are lost by now, may come behind the first batch of the new one. That is late
 * and no fault: it lies below the number that the new connection began with.
 */
#ifndef SQI_SEQUENCE_H
#define SQI_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "tuple/wire.h"

/* All zero: nothing has come, and the first tuple is to be number 0. */
struct sqi_sequence {
        uint64_t next;        /* number of the tuple that is to come */
        uint64_t floor;       /* where the sender has last begun anew: what lies below may be late */
        uint32_t incarnation; /* of the sender */
};

/* The first batch may begin anywhere. */
void sqi_sequence_join(struct sqi_sequence *sequence);

/* The rare cases of sqi_sequence_take(). */
bool sqi_sequence_jump(struct sqi_sequence *sequence, const struct sqi_header *header);

/* Takes a batch of tuples in, and goes on behind it in any case. False: there is a gap before it, or it came before,
 * and nobody meant it. */
static inline bool
sqi_sequence_take(struct sqi_sequence *sequence, const struct sqi_header *header)
{
        if (__builtin_expect(header->first_seq != sequence->next || header->incarnation != sequence->incarnation, 0))
                return sqi_sequence_jump(sequence, header);
        sequence->next += header->count;
        return true;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command that changes something is answered once: its id and its answer are kept, so that the client that did not
 * hear it gets the same one again, from the next supervisor too.
 */
#ifndef SQI_REQUESTS_H
#define SQI_REQUESTS_H

#include "daemon/state.h"

enum { SQI_ANSWERS = 256, SQI_ANSWER_TEXT = 160 };
struct sqi_answer {
        uint8_t id[SQI_REQUEST_ID];
        int32_t status;
        char name[SQI_ID_MAX + 1], serial[SQI_SERIAL_SIZE];
        char text[SQI_ANSWER_TEXT]; /* the error, cut */
};
struct sqi_answers {
        uint32_t n; /* ever; the last SQI_ANSWERS of them are kept */
        struct sqi_answer items[SQI_ANSWERS];
};
/* 0; or a negative errno, for sqi_sealed_reason(): there are none then. */
int sqi_state_get_answers(struct sqi_state *state, struct sqi_answers *ret);
int sqi_state_put_answer(struct sqi_state *state, struct sqi_answers *answers, const struct sqi_answer *answer);
const struct sqi_answer *sqi_answers_find(const struct sqi_answers *answers, const uint8_t id[SQI_REQUEST_ID]);

#endif

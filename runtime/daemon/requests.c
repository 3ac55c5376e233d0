/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/requests.h"

#include <stdlib.h>
#include <string.h>

#include "base/sealed.h"

void
sqi_state_get_answers(struct sqi_state *state, struct sqi_answers *ret)
{
        void *bytes;
        size_t size;
        bool torn;

        memset(ret, 0, sizeof(*ret));
        if (sqi_sealed_read(state->fd, "requests", &bytes, &size, &torn) < 0)
                return;
        if (size == sizeof(*ret))
                memcpy(ret, bytes, size);
        for (uint32_t i = 0; i < SQI_ANSWERS; i++) {
                ret->items[i].name[SQI_ID_MAX] = ret->items[i].serial[SQI_SERIAL_SIZE - 1] = '\0';
                ret->items[i].text[SQI_ANSWER_TEXT - 1] = '\0';
        }
        free(bytes);
}

int
sqi_state_put_answer(struct sqi_state *state, struct sqi_answers *answers, const struct sqi_answer *answer)
{
        int r;

        answers->items[answers->n++ % SQI_ANSWERS] = *answer;
        sqi_desk_aside(state->desk);
        r = sqi_sealed_write(state->fd, "requests", answers, sizeof(*answers));
        sqi_desk_back(state->desk);
        return r;
}

const struct sqi_answer *
sqi_answers_find(const struct sqi_answers *answers, const uint8_t id[SQI_REQUEST_ID])
{
        for (uint32_t i = 0; i < SQI_ANSWERS && i < answers->n; i++)
                if (memcmp(answers->items[i].id, id, SQI_REQUEST_ID) == 0)
                        return &answers->items[i];
        return NULL;
}

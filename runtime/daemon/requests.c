/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_mark.h"
#include "base/sealed.h"

/* The file. Then as many answers as there are, at most SQI_ANSWERS. */
struct answers_head {
        char magic[4]; /* "SQA" and the version */
        uint32_t n;    /* ever */
};
static const char magic[4] = {'S', 'Q', 'A', 1};

static uint32_t
count(uint32_t n)
{
        return n < SQI_ANSWERS ? n : SQI_ANSWERS;
}

/* malloc'd. 0 or -ENOMEM. */
static int
encode(const struct sqi_answers *answers, void **ret_bytes, size_t *ret_size)
{
        struct answers_head head = {.n = answers->n};
        size_t size = count(answers->n) * sizeof(answers->items[0]);
        char *bytes = malloc(sizeof(head) + size);

        if (!bytes)
                return -ENOMEM;
        memcpy(head.magic, magic, sizeof(magic));
        memcpy(bytes, &head, sizeof(head));
        memcpy(bytes + sizeof(head), answers->items, size);
        *ret_bytes = bytes;
        *ret_size = sizeof(head) + size;
        return 0;
}

/* Before there were versions, all of it as it lies in memory. 0, -EBADMSG or -EPROTO. */
static int
decode(const char *bytes, size_t size, struct sqi_answers *ret)
{
        struct answers_head head;

        if (size == sizeof(*ret)) {
                memcpy(ret, bytes, size);
                return 0;
        }
        int r = sqi_file_mark_check(bytes, size, magic);
        if (r < 0 || size < sizeof(head))
                return r < 0 ? r : -EBADMSG;
        memcpy(&head, bytes, sizeof(head));
        if (size != sizeof(head) + count(head.n) * sizeof(ret->items[0]))
                return -EBADMSG;
        ret->n = head.n;
        memcpy(ret->items, bytes + sizeof(head), size - sizeof(head));
        return 0;
}

int
sqi_state_get_answers(struct sqi_state *state, struct sqi_answers *ret)
{
        void *bytes;
        size_t size;
        bool torn;
        int r;

        memset(ret, 0, sizeof(*ret));
        r = sqi_sealed_read(state->fd, "requests", &bytes, &size, &torn);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = decode(bytes, size, ret);
        for (uint32_t i = 0; i < SQI_ANSWERS; i++) {
                ret->items[i].name[SQI_ID_MAX] = ret->items[i].serial[SQI_SERIAL_SIZE - 1] = '\0';
                ret->items[i].text[SQI_ANSWER_TEXT - 1] = '\0';
        }
        free(bytes);
        return r;
}

int
sqi_state_put_answer(struct sqi_state *state, struct sqi_answers *answers, const struct sqi_answer *answer)
{
        void *bytes;
        size_t size;
        int r;

        answers->items[answers->n++ % SQI_ANSWERS] = *answer;
        r = encode(answers, &bytes, &size);
        if (r < 0)
                return r;
        sqi_desk_aside(state->desk);
        r = sqi_sealed_write(state->fd, "requests", bytes, size);
        sqi_desk_back(state->desk);
        free(bytes);
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

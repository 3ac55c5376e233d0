/* SPDX-License-Identifier: Apache-2.0 */
#include "drpc_request.h"

#include <stdio.h>
#include <string.h>

enum { TIMEOUT_DIGITS = 9, BAD = 400 };

static bool
read_timeout(struct sq_str text, uint64_t *ret)
{
        *ret = 0;
        if (text.len == 0 || text.len > TIMEOUT_DIGITS)
                return false;
        for (size_t i = 0; i < text.len; i++) {
                if (text.ptr[i] < '0' || text.ptr[i] > '9')
                        return false;
                *ret = *ret * 10 + (uint64_t)(text.ptr[i] - '0');
        }
        return *ret > 0;
}

/* The first frames: whom the answer goes to. How many they are; 0: this cannot be answered. */
static size_t
read_envelope(const struct sq_str *frames, size_t n, struct sqi_drpc_request *ret)
{
        if (n < 2 || frames[0].len == 0 || frames[0].len > DRPC_CLIENT)
                return 0;
        ret->client = frames[0];
        if (frames[1].len == 0)
                return 2;
        if (n < 3 || frames[1].len > DRPC_TAG || frames[2].len > 0)
                return 0;
        ret->tag = frames[1];
        return 3;
}

unsigned
sqi_drpc_request_read(const struct sq_str *frames, size_t n, struct sqi_drpc_request *ret, const char **ret_wrong)
{
        size_t at;

        *ret = (struct sqi_drpc_request){0};
        at = read_envelope(frames, n, ret);
        *ret_wrong =
                "a request is two frames, FUNCTION and ARGS, or three with a time-out in ms, sent by a REQ or behind "
                "an empty frame";
        if (at == 0)
                return BAD;
        ret->cancels = n == at;
        if (ret->cancels)
                return 0;
        if (n - at < 2 || n - at > 3)
                return BAD;
        ret->function = frames[at];
        ret->args = frames[at + 1];
        if (n - at == 3 && !read_timeout(frames[at + 2], &ret->timeout_ms)) {
                *ret_wrong = "the time-out is a whole number of milliseconds above 0, as text";
                return BAD;
        }
        return 0;
}

void
sqi_drpc_token_write(const struct sqi_drpc_token *token, char ret[DRPC_TOKEN])
{
        snprintf(ret, DRPC_TOKEN, "%u.%016llx.%llx", token->task, (unsigned long long)token->nonce,
                 (unsigned long long)token->serial);
}

/* Up to the next point, or the end. False: it is no number in that base. */
static bool
read_part(struct sq_str *text, unsigned base, uint64_t most, uint64_t *ret)
{
        static const char digits[] = "0123456789abcdef";
        const char *end = text->len ? memchr(text->ptr, '.', text->len) : NULL;
        size_t len = end ? (size_t)(end - text->ptr) : text->len;

        *ret = 0;
        for (size_t i = 0; i < len; i++) {
                const char *digit = memchr(digits, text->ptr[i], base);

                if (!digit || *ret > (most - (uint64_t)(digit - digits)) / base)
                        return false;
                *ret = *ret * base + (uint64_t)(digit - digits);
        }
        text->ptr += len + (end != NULL);
        text->len -= len + (end != NULL);
        return len > 0;
}

bool
sqi_drpc_token_read(struct sq_str text, struct sqi_drpc_token *ret)
{
        struct sqi_drpc_token token;
        uint64_t task;

        if (!read_part(&text, 10, UINT32_MAX, &task) || !read_part(&text, 16, UINT64_MAX, &token.nonce) ||
            !read_part(&text, 16, UINT64_MAX, &token.serial) || text.len > 0)
                return false;
        token.task = (unsigned)task;
        *ret = token;
        return true;
}

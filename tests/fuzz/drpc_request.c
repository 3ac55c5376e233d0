/* SPDX-License-Identifier: Apache-2.0 */
/* Any frames: what is read of them lies within them; and a token that is read is the one that is written of it. */
#include <stdlib.h>
#include <string.h>

#include "../../clients/drpc_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_within(struct sq_str part, const uint8_t *data, size_t size)
{
        const char *begin = (const char *)data;

        if (part.ptr && (part.ptr < begin || part.ptr + part.len > begin + size))
                abort();
}

/* A frame is a byte, its length, and so much behind it. */
static size_t
cut(const uint8_t *data, size_t size, struct sq_str frames[DRPC_FRAMES])
{
        size_t n = 0, at = 0;

        while (at < size && n < DRPC_FRAMES) {
                size_t len = data[at++];

                len = len < size - at ? len : size - at;
                frames[n++] = (struct sq_str){(const char *)data + at, len};
                at += len;
        }
        return n;
}

static void
check_token(struct sq_str text)
{
        struct sqi_drpc_token token, again;
        char written[DRPC_TOKEN];

        if (!sqi_drpc_token_read(text, &token))
                return;
        sqi_drpc_token_write(&token, written);
        if (!sqi_drpc_token_read((struct sq_str){written, strlen(written)}, &again) || again.task != token.task ||
            again.nonce != token.nonce || again.serial != token.serial)
                abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sq_str frames[DRPC_FRAMES];
        struct sqi_drpc_request request;
        const char *wrong = NULL;
        size_t n = cut(data, size, frames);
        unsigned status = sqi_drpc_request_read(frames, n, &request, &wrong);

        if (status != 0 && !wrong)
                abort();
        if (status == 0 && !request.client.ptr)
                abort();
        check_within(request.client, data, size);
        check_within(request.tag, data, size);
        check_within(request.function, data, size);
        check_within(request.args, data, size);
        check_token((struct sq_str){(const char *)data, size});
        return 0;
}

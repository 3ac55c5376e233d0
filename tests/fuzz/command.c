/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that a client, or a supervisor, may send. What decodes as a request is encoded and decoded again, to the
 * same. */
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "tuple/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(struct sq_str a, struct sq_str b)
{
        if (a.len != b.len || (a.len > 0 && memcmp(a.ptr, b.ptr, a.len) != 0))
                abort();
}

static void
check_request(const struct sqi_request *request)
{
        struct sqi_request again;
        void *bytes;
        size_t size;

        if (sqi_request_encode(request, &bytes, &size) < 0)
                return;
        if (sqi_request_decode(bytes, size, &again) < 0 || again.command != request->command ||
            again.leave != request->leave)
                abort();
        check_text(again.name, request->name);
        check_text(again.plan, request->plan);
        free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sqi_request request;
        struct sqi_reply reply;
        struct sq_value value;
        char text[256];

        if (sqi_request_decode(data, size, &request) == 0)
                check_request(&request);
        if (sqi_reply_decode(data, size, &reply) == 0) {
                value = sqi_unpack((const uint8_t *)reply.result.ptr,
                                   (const uint8_t *)reply.result.ptr + reply.result.len);
                (void)sq_json(value, text, sizeof(text));
        }
        return 0;
}

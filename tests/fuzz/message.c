/* SPDX-License-Identifier: Apache-2.0 */
/* A control message as a hostile neighbour may send it. What is accepted must come out the same after another round. */
#include <stdlib.h>
#include <string.h>

#include "control/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
same(const struct sqi_message *one, const struct sqi_message *other)
{
        if (one->type != other->type || one->worker != other->worker || one->incarnation != other->incarnation ||
            one->task != other->task || one->number != other->number || one->a != other->a || one->b != other->b ||
            one->text.len != other->text.len ||
            (one->text.len && memcmp(one->text.ptr, other->text.ptr, one->text.len) != 0))
                abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct sqi_metrics first, second;
        struct sqi_message message, again;
        void *bytes;
        size_t length;

        memset(&first, 0, sizeof(first));
        memset(&second, 0, sizeof(second));
        if (sqi_message_decode(data, size, &message, &first) < 0)
                return 0;
        message.metrics = &first;
        if (sqi_message_encode(&message, &bytes, &length) < 0)
                return 0;
        // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): all its bytes are members
        if (sqi_message_decode(bytes, length, &again, &second) < 0 || memcmp(&first, &second, sizeof(first)) != 0)
                abort();
        same(&message, &again);
        free(bytes);
        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A reply of Nimbus, from anybody: what is made of it lies in it, and walking it ends. */
#include <stdlib.h>
#include <string.h>

#include "storm/thrift.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
walk(const struct sqi_thrift *value, const uint8_t *data, size_t size, unsigned depth)
{
        struct sq_str text = sqi_thrift_text(value);

        if (depth > SQI_THRIFT_DEPTH + 1)
                abort();
        if (text.len > 0 && ((const uint8_t *)text.ptr < data || (const uint8_t *)text.ptr + text.len > data + size))
                abort();
        for (const struct sqi_thrift *at = sqi_thrift_first(value); at; at = at->next)
                walk(at, data, size, depth + 1);
        (void)sqi_thrift_key(value, "default");
        (void)sqi_thrift_int(sqi_thrift_at(value, 2));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sqi_arena *arena = sqi_arena_new();
        struct sqi_thrift_reply reply;

        if (arena && sqi_thrift_read(arena, data, size, &reply) == 0)
                walk(reply.result, data, size, 0);
        sqi_arena_free(&arena);
        return 0;
}

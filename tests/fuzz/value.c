/* SPDX-License-Identifier: Apache-2.0 */
/* One msgpack value: what sqi_skip() accepts can be read, walked, packed again, and packs to what it was. */
#include <stdlib.h>
#include <string.h>

#include "tuple/pack.h"
#include "tuple/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
walk(struct sq_value value, int depth)
{
        struct sq_items items = sq_items(value);
        struct sq_value item;

        while (depth < 40 && sq_next_item(&items, &item))
                walk(item, depth + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *end = sqi_skip(data, data + size);

        if (!end)
                return 0;
        struct sq_value value = sqi_unpack(data, end);
        walk(value, 0);
        size_t bound = sqi_pack_bound(&value);
        if (bound == SIZE_MAX)
                abort();
        uint8_t *again = malloc(bound + 1);
        uint8_t *again_end = sqi_pack(again, &value);
        if (sqi_skip(again, again_end) != again_end || (size_t)(again_end - again) > bound)
                abort();
        struct sq_value second = sqi_unpack(again, again_end);
        if (second.type != value.type)
                abort();
        free(again);
        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of an evaluation: chunks, each twice as large as the one before, that are used again. */
#include "expr/expr.h"

#include <stdlib.h>

enum { CHUNK = 4096, ALIGNMENT = 16 };

struct sqi_chunk {
        struct sqi_chunk *next;
        size_t size, used;
        _Alignas(ALIGNMENT) char bytes[];
};

static struct sqi_chunk *
add_chunk(struct sqi_scratch *scratch, size_t size)
{
        size_t wanted = scratch->last ? 2 * scratch->last->size : CHUNK;
        struct sqi_chunk *chunk;

        while (wanted < size)
                wanted *= 2;
        chunk = malloc(sizeof(*chunk) + wanted);
        if (!chunk)
                return NULL;
        *chunk = (struct sqi_chunk){.size = wanted};
        if (scratch->last)
                scratch->last->next = chunk;
        else
                scratch->first = chunk;
        return chunk;
}

/* Those behind it are empty, and may all be too small. */
static struct sqi_chunk *
next_chunk(struct sqi_scratch *scratch, size_t size)
{
        struct sqi_chunk *chunk = scratch->last ? scratch->last->next : scratch->first;

        while (chunk && chunk->size < size) {
                scratch->last = chunk;
                chunk = chunk->next;
        }
        return chunk ? chunk : add_chunk(scratch, size);
}

void *
sqi_scratch_take(struct sqi_scratch *scratch, size_t size)
{
        struct sqi_chunk *chunk = scratch->last;
        void *taken;

        if (size > SQI_SCRATCH_MAX)
                return NULL;
        size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
        if (scratch->taken + size > SQI_SCRATCH_MAX)
                return NULL;
        if (!chunk || chunk->size - chunk->used < size) {
                chunk = next_chunk(scratch, size);
                if (!chunk)
                        return NULL;
                scratch->last = chunk;
        }
        taken = chunk->bytes + chunk->used;
        chunk->used += size;
        scratch->taken += size;
        return taken;
}

void
sqi_scratch_reset(struct sqi_scratch *scratch)
{
        if (scratch->taken == 0)
                return;
        for (struct sqi_chunk *chunk = scratch->first; chunk; chunk = chunk->next)
                chunk->used = 0;
        scratch->last = NULL;
        scratch->taken = 0;
}

void
sqi_scratch_free(struct sqi_scratch *scratch)
{
        struct sqi_chunk *chunk = scratch->first, *next;

        for (; chunk; chunk = next) {
                next = chunk->next;
                free(chunk);
        }
        *scratch = (struct sqi_scratch){0};
}

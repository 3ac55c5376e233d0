/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16 * 1024, ALIGN = 16 };

struct block {
        struct block *next;
        size_t size, used;
        _Alignas(ALIGN) char bytes[];
};

struct sqi_arena {
        struct block *blocks;
};

struct sqi_arena *
sqi_arena_new(void)
{
        return calloc(1, sizeof(struct sqi_arena));
}

void
sqi_arena_free(struct sqi_arena **arena)
{
        struct block *block, *next;

        if (!*arena)
                return;
        for (block = (*arena)->blocks; block; block = next) {
                next = block->next;
                free(block);
        }
        free(*arena);
        *arena = NULL;
}

static struct block *
add_block(struct sqi_arena *arena, size_t least)
{
        size_t size = least > BLOCK ? least : BLOCK;
        struct block *block = calloc(1, sizeof(*block) + size);

        if (!block)
                return NULL;
        block->size = size;
        block->next = arena->blocks;
        arena->blocks = block;
        return block;
}

void *
sqi_arena_alloc(struct sqi_arena *arena, size_t n, size_t size)
{
        struct block *block = arena->blocks;
        size_t bytes;
        void *ptr;

        if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 2)
                return NULL;
        bytes = (bytes + ALIGN) & ~(size_t)(ALIGN - 1);
        if (!block || block->size - block->used < bytes)
                block = add_block(arena, bytes);
        if (!block)
                return NULL;
        ptr = block->bytes + block->used;
        block->used += bytes;
        return ptr;
}

char *
sqi_arena_copy(struct sqi_arena *arena, const char *text, size_t len)
{
        char *copy = sqi_arena_alloc(arena, len + 1, 1);

        if (copy && len > 0)
                memcpy(copy, text, len);
        return copy;
}

char *
sqi_arena_text(struct sqi_arena *arena, const char *text)
{
        return sqi_arena_copy(arena, text, strlen(text));
}

char *
sqi_arena_print(struct sqi_arena *arena, const char *format, ...)
{
        char *text = NULL, *copy;
        va_list args;
        int len;

        va_start(args, format);
        len = vasprintf(&text, format, args);
        va_end(args);
        if (len < 0)
                return NULL;
        copy = sqi_arena_copy(arena, text, (size_t)len);
        free(text);
        return copy;
}

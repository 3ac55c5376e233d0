/* SPDX-License-Identifier: Apache-2.0 */
#include "state/owned.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { FIRST_PLACES = 64, CHUNK = 512, ALIGNED = 16 };

/* Open addressing with linear probing, at most half full. */
struct sqi_owned {
        struct sqi_block **places;
        size_t mask, count;
        struct sqi_block *spare; /* of a timer that was called, and is set anew most often; or NULL */
};

struct sqi_owned *
sqi_owned_new(void)
{
        struct sqi_owned *owned = calloc(1, sizeof(*owned));

        if (!owned)
                return NULL;
        owned->mask = FIRST_PLACES - 1;
        owned->places = calloc(FIRST_PLACES, sizeof(struct sqi_block *));
        if (!owned->places)
                sqi_owned_free(&owned);
        return owned;
}

void
sqi_owned_free(struct sqi_owned **owned)
{
        if (!*owned)
                return;
        free((*owned)->spare);
        free((*owned)->places);
        free(*owned);
        *owned = NULL;
}

/* ---- Blocks ------------------------------------------------------------------------------------------ */

static size_t
bytes_at(size_t len)
{
        return (sizeof(struct sqi_block) + len + ALIGNED - 1) / ALIGNED * ALIGNED;
}

void *
sqi_block_bytes(struct sqi_block *block)
{
        return (uint8_t *)block + bytes_at(block->len);
}

static uint64_t
hash_of(const struct sqi_part *part, struct sq_str key)
{
        return XXH3_64bits_withSeed(key.ptr, key.len, (uint64_t)(uintptr_t)part);
}

/* The place that holds the block, or the free one where it would go. */
static size_t
place_of(const struct sqi_owned *owned, const struct sqi_part *part, struct sq_str key, uint64_t hash)
{
        size_t at = hash & owned->mask;
        const struct sqi_block *block;

        for (; (block = owned->places[at]); at = (at + 1) & owned->mask)
                if (block->hash == hash && block->part == part && block->len == key.len &&
                    (key.len == 0 || memcmp(block->key, key.ptr, key.len) == 0))
                        break;
        return at;
}

static bool
grow(struct sqi_owned *owned)
{
        size_t mask = owned->mask * 2 + 1;
        struct sqi_block **places = calloc(mask + 1, sizeof(struct sqi_block *));

        if (!places)
                return false;
        for (size_t i = 0; i <= owned->mask; i++) {
                if (!owned->places[i])
                        continue;
                size_t at = owned->places[i]->hash & mask;
                while (places[at])
                        at = (at + 1) & mask;
                places[at] = owned->places[i];
        }
        free(owned->places);
        owned->places = places;
        owned->mask = mask;
        return true;
}

struct sqi_block *
sqi_block_find(const struct sqi_owned *owned, const struct sqi_part *part, struct sq_str key)
{
        return owned->places[place_of(owned, part, key, hash_of(part, key))];
}

static void
append(struct sqi_part *part, struct sqi_block *block)
{
        block->prev = part->last;
        if (part->last)
                part->last->next = block;
        else
                part->first = block;
        part->last = block;
        part->nblocks++;
}

/* Is it as that of a timer: without bytes, its key a number? */
static bool
may_be_spare(size_t len, size_t size)
{
        return size == 0 && len == sizeof(uint64_t);
}

static struct sqi_block *
allocate(struct sqi_owned *owned, size_t len, size_t size)
{
        struct sqi_block *block = owned->spare;

        if (!block || !may_be_spare(len, size))
                return calloc(1, bytes_at(len) + size);
        owned->spare = NULL;
        memset(block, 0, bytes_at(len));
        return block;
}

static struct sqi_block *
make(struct sqi_owned *owned, struct sqi_part *part, struct sq_str key, uint64_t hash, size_t size)
{
        struct sqi_block *block;

        if (owned->count * 2 > owned->mask && !grow(owned))
                return NULL;
        block = allocate(owned, key.len, size);
        if (!block)
                return NULL;
        block->part = part;
        block->hash = hash;
        block->size = size;
        block->len = key.len;
        if (key.len)
                memcpy(block->key, key.ptr, key.len);
        owned->places[place_of(owned, part, key, hash)] = block;
        owned->count++;
        append(part, block);
        return block;
}

/* It may move: its neighbours and its place learn of it. */
static struct sqi_block *
enlarge(struct sqi_owned *owned, struct sqi_block *block, size_t size)
{
        struct sqi_part *part = block->part;
        size_t at = place_of(owned, part, (struct sq_str){(const char *)block->key, block->len}, block->hash);
        struct sqi_block *larger = realloc(block, bytes_at(block->len) + size);

        if (!larger)
                return NULL;
        owned->places[at] = larger;
        if (larger->next)
                larger->next->prev = larger;
        else
                part->last = larger;
        if (larger->prev)
                larger->prev->next = larger;
        else
                part->first = larger;
        memset((uint8_t *)sqi_block_bytes(larger) + larger->size, 0, size - larger->size);
        larger->size = size;
        return larger;
}

void *
sqi_block_get(struct sqi_owned *owned, struct sqi_part *part, struct sq_str key, size_t size)
{
        uint64_t hash = hash_of(part, key);
        struct sqi_block *block = owned->places[place_of(owned, part, key, hash)];

        if (!block)
                block = make(owned, part, key, hash, size);
        else if (block->size < size)
                block = enlarge(owned, block, size);
        return block ? sqi_block_bytes(block) : NULL;
}

/* Frees the place and moves back what it had pushed on (Knuth, 6.4 R). */
static void
vacate(struct sqi_owned *owned, size_t hole)
{
        for (size_t at = (hole + 1) & owned->mask; owned->places[at]; at = (at + 1) & owned->mask) {
                size_t home = owned->places[at]->hash & owned->mask;
                if (((at - home) & owned->mask) < ((at - hole) & owned->mask))
                        continue;
                owned->places[hole] = owned->places[at];
                hole = at;
        }
        owned->places[hole] = NULL;
        owned->count--;
}

void
sqi_block_forget(struct sqi_owned *owned, struct sqi_block *block)
{
        struct sqi_part *part = block->part;

        vacate(owned, place_of(owned, part, (struct sq_str){(const char *)block->key, block->len}, block->hash));
        if (block->prev)
                block->prev->next = block->next;
        else
                part->first = block->next;
        if (block->next)
                block->next->prev = block->prev;
        else
                part->last = block->prev;
        if (part->tail == block)
                part->tail = NULL;
        part->nblocks--;
        if (!owned->spare && may_be_spare(block->len, block->size))
                owned->spare = block;
        else
                free(block);
}

/* ---- Parts ------------------------------------------------------------------------------------------- */

struct sqi_part *
sqi_part_find(struct sqi_part *parts, uint32_t number)
{
        while (parts && parts->number != number)
                parts = parts->next;
        return parts;
}

struct sqi_part *
sqi_part_get(struct sqi_part **parts, uint32_t number)
{
        struct sqi_part **end = parts;

        for (; *end; end = &(*end)->next)
                if ((*end)->number == number)
                        return *end;
        *end = calloc(1, sizeof(**end));
        if (*end)
                (*end)->number = number;
        return *end;
}

void
sqi_parts_release(struct sqi_owned *owned, struct sqi_part **parts)
{
        while (*parts) {
                struct sqi_part *part = *parts;

                while (part->first)
                        sqi_block_forget(owned, part->first);
                *parts = part->next;
                free(part);
        }
}

/* ---- Arrays ------------------------------------------------------------------------------------------ */

static uint64_t
elements_of_a_chunk(const struct sqi_part *part)
{
        return part->element >= CHUNK ? 1 : CHUNK / part->element;
}

/* A number as the key of a chunk; `number` outlives it. */
static struct sq_str
chunk_key(const uint64_t *number)
{
        return (struct sq_str){(const char *)number, sizeof(*number)};
}

/* Element `place`, counted from the first that was ever there. */
static void *
element_in(struct sqi_part *part, struct sqi_block *chunk, uint64_t place)
{
        part->tail = chunk;
        return (uint8_t *)sqi_block_bytes(chunk) + place % elements_of_a_chunk(part) * part->element;
}

static struct sqi_block *
chunk_of(const struct sqi_owned *owned, struct sqi_part *part, uint64_t number)
{
        if (part->tail && memcmp(part->tail->key, &number, sizeof(number)) == 0)
                return part->tail;
        return sqi_block_find(owned, part, chunk_key(&number));
}

void *
sqi_array_push(struct sqi_owned *owned, struct sqi_part *part, size_t element)
{
        uint64_t number;
        struct sqi_block *chunk;

        if (part->element == 0)
                part->element = element;
        number = part->end / elements_of_a_chunk(part);
        chunk = chunk_of(owned, part, number);
        if (!chunk)
                chunk = make(owned, part, chunk_key(&number), hash_of(part, chunk_key(&number)),
                             elements_of_a_chunk(part) * part->element);
        return chunk ? element_in(part, chunk, part->end++) : NULL;
}

void *
sqi_array_at(const struct sqi_owned *owned, struct sqi_part *part, uint64_t index)
{
        uint64_t place = part->begin + index;
        struct sqi_block *chunk;

        if (index >= part->end - part->begin)
                return NULL;
        chunk = chunk_of(owned, part, place / elements_of_a_chunk(part));
        return chunk ? element_in(part, chunk, place) : NULL;
}

void
sqi_array_drop(struct sqi_owned *owned, struct sqi_part *part, uint64_t n)
{
        uint64_t length = part->end - part->begin, before, after;

        if (part->element == 0)
                return;
        before = part->begin / elements_of_a_chunk(part);
        part->begin += n < length ? n : length;
        after = part->begin / elements_of_a_chunk(part);
        for (; before < after; before++) {
                struct sqi_block *chunk = chunk_of(owned, part, before);
                if (chunk)
                        sqi_block_forget(owned, chunk);
        }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a key owns beside its block of keyed state: parts, which have numbers. A part is a map or an array.
 *
 *     entry of the key --> part 0 --> part 3 --> ...
 *                            |          '--> block, block, ...    those of a map: one an element, by its key
 *                            '--> block, block, ...               those of an array: CHUNK bytes of elements each, by
 *                                                                 number
 *
 * A block is found by its part and its key in one hash table a task, and stands in the list of its part, in the
 * order in which it was made. So one mechanism serves both, and what is written down is blocks. A block of a map
 * moves when it grows; an element of an array never does.
 *
 * Costs, on a 64-bit machine: a part 80 bytes; a block 64 bytes, its key rounded up to 16 bytes, and 16 in the table.
 */
#ifndef SQI_OWNED_H
#define SQI_OWNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "squall.h"

struct sqi_block;

struct sqi_part {
        struct sqi_part *next; /* of the same key */
        uint32_t number;
        uint64_t nblocks;
        struct sqi_block *first, *last;
        /* of an array: elements `begin` to `end` are there, of `element` bytes each; 0 bytes: it is a map */
        uint64_t begin, end, element;
        struct sqi_block *tail; /* the chunk that was used last, or NULL */
};

struct sqi_block {
        struct sqi_block *next, *prev; /* of the same part */
        struct sqi_part *part;
        uint64_t hash, size;
        uint64_t len; /* of the key, which follows; then, aligned to 16, the bytes */
        uint64_t unused[2];
        uint8_t key[];
};

struct sqi_owned; /* the blocks of all keys of a task */

struct sqi_owned *sqi_owned_new(void);
/* When all parts have been released. */
void sqi_owned_free(struct sqi_owned **owned);

/* The part `number` of the list; NULL: there is none. */
struct sqi_part *sqi_part_find(struct sqi_part *parts, uint32_t number);
/* The same, made when it is new. NULL: no memory. */
struct sqi_part *sqi_part_get(struct sqi_part **parts, uint32_t number);
/* All parts of a list, with their blocks. */
void sqi_parts_release(struct sqi_owned *owned, struct sqi_part **parts);

/* The bytes of a block: at least `size`, zeroed when it is new or where it grows. NULL: no memory. */
void *sqi_block_get(struct sqi_owned *owned, struct sqi_part *part, struct sq_str key, size_t size);
/* NULL: there is none. */
struct sqi_block *sqi_block_find(const struct sqi_owned *owned, const struct sqi_part *part, struct sq_str key);
void *sqi_block_bytes(struct sqi_block *block);
void sqi_block_forget(struct sqi_owned *owned, struct sqi_block *block);

/* Arrays. The first push says how large an element is. NULL: no memory, or there is no such element. */
void *sqi_array_push(struct sqi_owned *owned, struct sqi_part *part, size_t element);
void *sqi_array_at(const struct sqi_owned *owned, struct sqi_part *part, uint64_t index);
/* The first `n`, or all that there are. */
void sqi_array_drop(struct sqi_owned *owned, struct sqi_part *part, uint64_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/keyed.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_PLACES = 256, CHUNK = 64 * 1024, GRAIN = 8, CLASSES = 32 };

/* Followed by the state, then the key. Small: what a look-up touches should share a cache line. */
struct entry {
        uint32_t len;
        uint32_t index; /* in `order`; while idle: unused */
};

struct chunk {
        struct chunk *next;
        size_t padding;
};

/* A forgotten entry's memory, waiting for the next of its size. */
struct idle {
        struct idle *next;
};

struct sqi_keyed {
        uint64_t *places;
        size_t mask, count;
        size_t state_at, key_at; /* offsets in an entry */
        struct entry **order;    /* as they came; NULL where one was forgotten */
        size_t norder, order_capacity;
        struct chunk *chunks;
        uint8_t *room, *room_end;
        struct idle *idle[CLASSES]; /* by size / GRAIN */
};

static const uint64_t address_mask = (1ull << 48) - 1;

static inline size_t
round_up(size_t size, size_t grain)
{
        return (size + grain - 1) & ~(grain - 1);
}

struct sqi_keyed *
sqi_keyed_new(size_t state_size)
{
        struct sqi_keyed *keyed = calloc(1, sizeof(*keyed));

        if (!keyed)
                return NULL;
        /* a state of 16 bytes and more may hold a type of that alignment */
        keyed->state_at = state_size >= 16 ? 16 : sizeof(struct entry);
        keyed->key_at = keyed->state_at + round_up(state_size, GRAIN);
        keyed->mask = FIRST_PLACES - 1;
        keyed->places = calloc(FIRST_PLACES, sizeof(*keyed->places));
        if (!keyed->places)
                sqi_keyed_free(&keyed);
        return keyed;
}

void
sqi_keyed_free(struct sqi_keyed **keyed)
{
        if (!*keyed)
                return;
        while ((*keyed)->chunks) {
                struct chunk *next = (*keyed)->chunks->next;
                free((*keyed)->chunks);
                (*keyed)->chunks = next;
        }
        free((*keyed)->places);
        free((*keyed)->order);
        free(*keyed);
        *keyed = NULL;
}

static inline uint64_t
load(const char *at)
{
        uint64_t word;

        memcpy(&word, at, sizeof(word));
        return word;
}

static inline uint64_t
fold(uint64_t a, uint64_t b)
{
        __uint128_t product = (__uint128_t)a * b;

        return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Multiply and fold, 16 bytes a step (the idea of wyhash, Wang Yi, public domain). For this table only; what goes over the wire is XXH3. */
static inline uint64_t
hash_of(struct sq_str key)
{
        const uint64_t p1 = 0xa0761d6478bd642full, p2 = 0xe7037ed1a0b428dbull;
        const char *at = key.ptr;
        uint64_t seed = key.len, a = 0, b = 0;
        size_t len = key.len;

        for (; len > 16; at += 16, len -= 16)
                seed = fold(load(at) ^ p1, load(at + 8) ^ seed);
        if (len >= 8) {
                a = load(at);
                b = load(at + len - 8);
        } else if (len >= 4) {
                uint32_t first, last;
                memcpy(&first, at, 4);
                memcpy(&last, at + len - 4, 4);
                a = first;
                b = last;
        } else if (len)
                a = (uint64_t)(uint8_t)at[0] << 16 | (uint64_t)(uint8_t)at[len >> 1] << 8 | (uint8_t)at[len - 1];
        return fold(a ^ p1, fold(b ^ seed, p2) ^ p2);
}

static inline struct entry *
entry_of(uint64_t place)
{
        return (struct entry *)(uintptr_t)(place & address_mask);
}

static inline uint64_t
place_of(const struct entry *entry, uint64_t hash)
{
        return (uint64_t)(uintptr_t)entry | (hash & ~address_mask);
}

static inline void *
state_of(const struct sqi_keyed *keyed, struct entry *entry)
{
        return (char *)entry + keyed->state_at;
}

static inline struct sq_str
key_of(const struct sqi_keyed *keyed, struct entry *entry)
{
        return (struct sq_str){(char *)entry + keyed->key_at, entry->len};
}

/* Most keys are words: comparing up to 16 bytes by two loads beats the call. */
static inline bool
same(const char *a, const char *b, size_t len)
{
        uint64_t a1, b1, a2, b2;

        if (len > 16)
                return memcmp(a, b, len) == 0;
        if (len >= 8) {
                memcpy(&a1, a, 8);
                memcpy(&b1, b, 8);
                memcpy(&a2, a + len - 8, 8);
                memcpy(&b2, b + len - 8, 8);
                return ((a1 ^ b1) | (a2 ^ b2)) == 0;
        }
        if (len >= 4) {
                uint32_t c1, d1, c2, d2;
                memcpy(&c1, a, 4);
                memcpy(&d1, b, 4);
                memcpy(&c2, a + len - 4, 4);
                memcpy(&d2, b + len - 4, 4);
                return ((c1 ^ d1) | (c2 ^ d2)) == 0;
        }
        for (size_t i = 0; i < len; i++)
                if (a[i] != b[i])
                        return false;
        return true;
}

/* The place that holds `key`, or the free one where it would go. */
static uint64_t *
find(const struct sqi_keyed *keyed, struct sq_str key, uint64_t hash)
{
        for (size_t at = hash & keyed->mask;; at = (at + 1) & keyed->mask) {
                uint64_t place = keyed->places[at];
                if (place == 0)
                        return &keyed->places[at];
                if ((place ^ hash) & ~address_mask)
                        continue;
                struct entry *entry = entry_of(place);
                if (entry->len == key.len && same((char *)entry + keyed->key_at, key.ptr, key.len))
                        return &keyed->places[at];
        }
}

static bool
grow(struct sqi_keyed *keyed)
{
        size_t mask = keyed->mask * 2 + 1;
        uint64_t *places = calloc(mask + 1, sizeof(*places));

        if (!places)
                return false;
        for (size_t i = 0; i < keyed->norder; i++) {
                if (!keyed->order[i])
                        continue;
                uint64_t hash = hash_of(key_of(keyed, keyed->order[i]));
                size_t at = hash & mask;
                while (places[at])
                        at = (at + 1) & mask;
                places[at] = place_of(keyed->order[i], hash);
        }
        free(keyed->places);
        keyed->places = places;
        keyed->mask = mask;
        return true;
}

/* Room for one more in `order`: closes the gaps when they are half of it, else makes it larger. */
static bool
reserve_order(struct sqi_keyed *keyed)
{
        if (keyed->norder < keyed->order_capacity)
                return true;
        if (keyed->count <= keyed->norder / 2) {
                size_t kept = 0;
                for (size_t i = 0; i < keyed->norder; i++) {
                        struct entry *entry = keyed->order[i];
                        if (!entry)
                                continue;
                        entry->index = (uint32_t)kept;
                        keyed->order[kept++] = entry;
                }
                keyed->norder = kept;
                if (kept < keyed->order_capacity)
                        return true;
        }
        size_t capacity = keyed->order_capacity ? keyed->order_capacity * 2 : FIRST_PLACES;
        struct entry **order = capacity > UINT32_MAX ? NULL : realloc(keyed->order, capacity * sizeof(struct entry *));
        if (!order)
                return false;
        keyed->order = order;
        keyed->order_capacity = capacity;
        return true;
}

static struct entry *
allocate(struct sqi_keyed *keyed, size_t size)
{
        size_t class = size / GRAIN;

        if (class < CLASSES && keyed->idle[class]) {
                struct idle *idle = keyed->idle[class];
                keyed->idle[class] = idle->next;
                return (struct entry *)idle;
        }
        if ((size_t)(keyed->room_end - keyed->room) < size) {
                size_t bytes = sizeof(struct chunk) + (size > CHUNK ? size : CHUNK);
                struct chunk *chunk = malloc(bytes);
                if (!chunk)
                        return NULL;
                chunk->next = keyed->chunks;
                keyed->chunks = chunk;
                keyed->room = (uint8_t *)(chunk + 1);
                keyed->room_end = (uint8_t *)chunk + bytes;
        }
        keyed->room += size;
        return (struct entry *)(void *)(keyed->room - size);
}

/* Entries of 16-byte states are multiples of 16, so that all of them are aligned to it. */
static size_t
entry_size(const struct sqi_keyed *keyed, size_t len)
{
        return round_up(keyed->key_at + len, keyed->state_at);
}

static void *
insert(struct sqi_keyed *keyed, struct sq_str key, uint64_t hash)
{
        if (key.len > UINT32_MAX || (keyed->count * 2 > keyed->mask && !grow(keyed)) || !reserve_order(keyed))
                return NULL;
        struct entry *entry = allocate(keyed, entry_size(keyed, key.len));
        if (!entry)
                return NULL;
        *entry = (struct entry){.len = (uint32_t)key.len, .index = (uint32_t)keyed->norder};
        memset(state_of(keyed, entry), 0, keyed->key_at - keyed->state_at);
        if (key.len)
                memcpy((char *)entry + keyed->key_at, key.ptr, key.len);
        keyed->order[keyed->norder++] = entry;
        keyed->count++;
        *find(keyed, key, hash) = place_of(entry, hash);
        return state_of(keyed, entry);
}

uint64_t
sqi_keyed_hash(struct sq_str key)
{
        return hash_of(key);
}

void
sqi_keyed_fetch_place(const struct sqi_keyed *keyed, uint64_t hash)
{
        __builtin_prefetch(&keyed->places[hash & keyed->mask]);
}

void
sqi_keyed_fetch_entry(const struct sqi_keyed *keyed, uint64_t hash)
{
        __builtin_prefetch(entry_of(keyed->places[hash & keyed->mask]));
}

void *
sqi_keyed_get_hashed(struct sqi_keyed *keyed, struct sq_str key, uint64_t hash)
{
        const uint64_t *place = find(keyed, key, hash);

        return *place ? state_of(keyed, entry_of(*place)) : insert(keyed, key, hash);
}

void *
sqi_keyed_get(struct sqi_keyed *keyed, struct sq_str key)
{
        return sqi_keyed_get_hashed(keyed, key, hash_of(key));
}

/* Frees the place and moves back what it had pushed on (Knuth, 6.4 R). */
static void
vacate(struct sqi_keyed *keyed, size_t hole)
{
        for (size_t at = hole;;) {
                at = (at + 1) & keyed->mask;
                if (keyed->places[at] == 0)
                        break;
                size_t home = hash_of(key_of(keyed, entry_of(keyed->places[at]))) & keyed->mask;
                if (((at - home) & keyed->mask) >= ((at - hole) & keyed->mask)) {
                        keyed->places[hole] = keyed->places[at];
                        hole = at;
                }
        }
        keyed->places[hole] = 0;
}

bool
sqi_keyed_forget(struct sqi_keyed *keyed, struct sq_str key)
{
        uint64_t *place = find(keyed, key, hash_of(key));
        struct entry *entry = entry_of(*place);

        if (*place == 0)
                return false;
        vacate(keyed, (size_t)(place - keyed->places));
        keyed->order[entry->index] = NULL;
        keyed->count--;
        size_t class = entry_size(keyed, entry->len) / GRAIN;
        if (class < CLASSES) {
                struct idle *idle = (struct idle *)(void *)entry;
                idle->next = keyed->idle[class];
                keyed->idle[class] = idle;
        }
        return true;
}

size_t
sqi_keyed_count(const struct sqi_keyed *keyed)
{
        return keyed->count;
}

bool
sqi_keyed_step(const struct sqi_keyed *keyed, size_t *cursor, struct sq_str *ret_key, void **ret_state)
{
        while (*cursor < keyed->norder && !keyed->order[*cursor])
                ++*cursor;
        if (*cursor >= keyed->norder)
                return false;
        struct entry *entry = keyed->order[(*cursor)++];
        *ret_key = key_of(keyed, entry);
        *ret_state = state_of(keyed, entry);
        return true;
}

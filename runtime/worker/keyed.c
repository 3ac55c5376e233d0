/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/keyed.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FIRST_PLACES = 256, CHUNK = 64 * 1024, GRAIN = 16, CLASSES = 16 };

/* Followed by the state, then the key. */
struct entry {
        struct entry *next, *prev;
        uint64_t hash;
        uint32_t len;
        uint32_t size; /* of the whole, a multiple of GRAIN */
};

struct chunk {
        struct chunk *next;
        size_t padding;
};

struct sqi_keyed {
        uint64_t *places;
        size_t mask, count;
        size_t state_size; /* rounded up to GRAIN */
        struct entry *first, *last;
        struct chunk *chunks;
        uint8_t *room, *room_end;
        struct entry *idle[CLASSES]; /* forgotten entries by size / GRAIN */
};

static const uint64_t address_mask = (1ull << 48) - 1;

struct sqi_keyed *
sqi_keyed_new(size_t state_size)
{
        struct sqi_keyed *keyed = calloc(1, sizeof(*keyed));

        if (!keyed)
                return NULL;
        keyed->state_size = (state_size + GRAIN - 1) & ~(size_t)(GRAIN - 1);
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
        free(*keyed);
        *keyed = NULL;
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
state_of(struct entry *entry)
{
        return entry + 1;
}

static inline char *
key_of(const struct sqi_keyed *keyed, struct entry *entry)
{
        return (char *)state_of(entry) + keyed->state_size;
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
                if (entry->len == key.len && same(key_of(keyed, entry), key.ptr, key.len))
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
        for (struct entry *entry = keyed->first; entry; entry = entry->next) {
                size_t at = entry->hash & mask;
                while (places[at])
                        at = (at + 1) & mask;
                places[at] = place_of(entry, entry->hash);
        }
        free(keyed->places);
        keyed->places = places;
        keyed->mask = mask;
        return true;
}

static struct entry *
allocate(struct sqi_keyed *keyed, size_t size)
{
        size_t class = size / GRAIN;

        if (class < CLASSES && keyed->idle[class]) {
                struct entry *entry = keyed->idle[class];
                keyed->idle[class] = entry->next;
                return entry;
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

static void *
insert(struct sqi_keyed *keyed, struct sq_str key, uint64_t hash)
{
        size_t size = (sizeof(struct entry) + keyed->state_size + key.len + GRAIN - 1) & ~(size_t)(GRAIN - 1);

        if (size > UINT32_MAX || (keyed->count * 2 > keyed->mask && !grow(keyed)))
                return NULL;
        struct entry *entry = allocate(keyed, size);
        if (!entry)
                return NULL;
        *entry = (struct entry){.prev = keyed->last, .hash = hash, .len = (uint32_t)key.len, .size = (uint32_t)size};
        memset(state_of(entry), 0, keyed->state_size);
        if (key.len)
                memcpy(key_of(keyed, entry), key.ptr, key.len);
        if (keyed->last)
                keyed->last->next = entry;
        else
                keyed->first = entry;
        keyed->last = entry;
        keyed->count++;
        *find(keyed, key, hash) = place_of(entry, hash);
        return state_of(entry);
}

void *
sqi_keyed_get(struct sqi_keyed *keyed, struct sq_str key)
{
        uint64_t hash = XXH3_64bits(key.ptr, key.len);
        uint64_t *place = find(keyed, key, hash);

        return *place ? state_of(entry_of(*place)) : insert(keyed, key, hash);
}

/* Frees the place and moves back what it had pushed on (Knuth, 6.4 R). */
static void
vacate(struct sqi_keyed *keyed, size_t hole)
{
        for (size_t at = hole;;) {
                at = (at + 1) & keyed->mask;
                if (keyed->places[at] == 0)
                        break;
                size_t home = entry_of(keyed->places[at])->hash & keyed->mask;
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
        uint64_t *place = find(keyed, key, XXH3_64bits(key.ptr, key.len));

        if (*place == 0)
                return false;
        struct entry *entry = entry_of(*place);
        vacate(keyed, (size_t)(place - keyed->places));
        *(entry->prev ? &entry->prev->next : &keyed->first) = entry->next;
        *(entry->next ? &entry->next->prev : &keyed->last) = entry->prev;
        keyed->count--;
        size_t class = entry->size / GRAIN;
        if (class < CLASSES) {
                entry->next = keyed->idle[class];
                keyed->idle[class] = entry;
        }
        return true;
}

size_t
sqi_keyed_count(const struct sqi_keyed *keyed)
{
        return keyed->count;
}

/* The cursor is the entry to hand out next, one past the caller's; the list's end is marked by the table's own address. */
bool
sqi_keyed_step(const struct sqi_keyed *keyed, void **cursor, struct sq_str *ret_key, void **ret_state)
{
        struct entry *entry = *cursor ? *cursor : keyed->first;

        if (!entry || *cursor == (const void *)keyed)
                return false;
        *cursor = entry->next ? (void *)entry->next : (void *)(uintptr_t)keyed;
        *ret_key = (struct sq_str){key_of(keyed, entry), entry->len};
        *ret_state = state_of(entry);
        return true;
}

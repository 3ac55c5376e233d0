/* SPDX-License-Identifier: Apache-2.0 */
#include "state/keyed_table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FIRST_PLACES = 256, CHUNK = 64 * 1024, LARGE_PAGE = 2 << 20, LARGE_TABLE = 64 * 1024 };

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
        for (size_t i = 0; (*keyed)->owned && i < (*keyed)->norder; i++)
                sqi_parts_release((*keyed)->owned, &(*keyed)->order[i].parts);
        sqi_owned_free(&(*keyed)->owned);
        while ((*keyed)->chunks) {
                struct chunk *next = (*keyed)->chunks->next;
                free((*keyed)->chunks);
                (*keyed)->chunks = next;
        }
        free((*keyed)->places);
        free((*keyed)->order);
        free((*keyed)->changed);
        free((*keyed)->pending);
        free((*keyed)->gone.bytes);
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

/* The bits of the first `len` bytes of two words. */
#define ONES(n) ((1ull << ((n)*8)) - 1)
#define LOW(n) \
        { \
                ONES(n), 0 \
        }
#define HIGH(n) \
        { \
                ~0ull, ONES(n) \
        }
static const uint64_t masks[SQI_SHORT_KEY + 1][2] = {
        LOW(0),  LOW(1),  LOW(2),  LOW(3),  LOW(4),  LOW(5),  LOW(6),  LOW(7),         HIGH(0),
        HIGH(1), HIGH(2), HIGH(3), HIGH(4), HIGH(5), HIGH(6), HIGH(7), {~0ull, ~0ull},
};

static inline void
read_short(struct sqi_key *key, const char *from)
{
        key->low = load(from) & masks[key->bytes.len][0];
        key->high = load(from + 8) & masks[key->bytes.len][1];
}

/* Multiply and fold, 16 bytes a step (the idea of wyhash, Wang Yi, public domain). For this table only; what goes over
 * the wire is XXH3. */
static const uint64_t p1 = 0xa0761d6478bd642full, p2 = 0xe7037ed1a0b428dbull;

static inline uint64_t
hash_short(const struct sqi_key *key)
{
        return fold(key->low ^ p1, key->high ^ key->bytes.len ^ p2);
}

static uint64_t
hash_long(struct sq_str bytes)
{
        const char *at = bytes.ptr, *end = at + bytes.len;
        uint64_t seed = bytes.len ^ p2;

        for (; end - at > 16; at += 16)
                seed = fold(load(at) ^ p1, load(at + 8) ^ seed);
        return fold(load(end - 16) ^ p1, load(end - 8) ^ seed);
}

/* Out of the way of keys that are read as they lie. */
static __attribute__((noinline)) void
prepare_other(struct sqi_key *key)
{
        char padded[SQI_SHORT_KEY] = {0};

        key->low = key->high = 0;
        if (key->bytes.len > SQI_SHORT_KEY) {
                key->hash = hash_long(key->bytes);
                return;
        }
        if (key->bytes.len)
                memcpy(padded, key->bytes.ptr, key->bytes.len);
        read_short(key, padded);
        key->hash = hash_short(key);
}

static inline void
prepare(struct sqi_key *key, struct sq_str bytes, bool readable)
{
        key->bytes = bytes;
        if (__builtin_expect(bytes.len > SQI_SHORT_KEY || !readable, 0)) {
                prepare_other(key);
                return;
        }
        read_short(key, bytes.ptr);
        key->hash = hash_short(key);
}

static inline uint64_t
hash_bytes(struct sq_str bytes)
{
        struct sqi_key key;

        prepare(&key, bytes, true);
        return key.hash;
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

/* A short key lies in its entry with zeroes behind it. */
static inline bool
is_entry_of(const struct sqi_keyed *keyed, const struct entry *entry, const struct sqi_key *key)
{
        const char *bytes = (const char *)entry + keyed->key_at;

        if ((entry->len & ~FLAGS) != key->bytes.len)
                return false;
        if (key->bytes.len <= SQI_SHORT_KEY)
                return ((load(bytes) ^ key->low) | (load(bytes + 8) ^ key->high)) == 0;
        return memcmp(bytes, key->bytes.ptr, key->bytes.len) == 0;
}

/* The place that holds the key, or the free one where it would go. */
static inline uint64_t *
find(const struct sqi_keyed *keyed, const struct sqi_key *key)
{
        for (size_t at = key->hash & keyed->mask;; at = (at + 1) & keyed->mask) {
                uint64_t place = keyed->places[at];
                if (place == 0)
                        return &keyed->places[at];
                if (((place ^ key->hash) & ~address_mask) == 0 && is_entry_of(keyed, entry_of(place), key))
                        return &keyed->places[at];
        }
}

/* What is large is looked at here and there: with pages of the usual size nearly each look misses the table of pages,
 * too. `size` is a multiple of LARGE_PAGE. Not zeroed; for free(). NULL: no memory. */
static void *
allocate_large(size_t size)
{
        void *memory = aligned_alloc(LARGE_PAGE, size);

        if (memory)
                (void)madvise(memory, size, MADV_HUGEPAGE); /* there may be no such pages */
        return memory;
}

/* `n` is a power of two. */
static uint64_t *
new_places(size_t n)
{
        size_t size = n * sizeof(uint64_t);
        uint64_t *places = size < LARGE_PAGE ? calloc(n, sizeof(*places)) : allocate_large(size);

        if (places && size >= LARGE_PAGE)
                memset(places, 0, size);
        return places;
}

static bool
grow_to(struct sqi_keyed *keyed, size_t mask)
{
        uint64_t *places = new_places(mask + 1);

        if (!places)
                return false;
        for (size_t i = 0; i < keyed->norder; i++) {
                struct entry *entry = keyed->order[i].entry;
                if (!entry)
                        continue;
                uint64_t hash = hash_bytes(key_of(keyed, entry));
                size_t at = hash & mask;
                while (places[at])
                        at = (at + 1) & mask;
                places[at] = place_of(entry, hash);
        }
        free(keyed->places);
        keyed->places = places;
        keyed->mask = mask;
        return true;
}

static bool
grow(struct sqi_keyed *keyed)
{
        return grow_to(keyed, keyed->mask * 2 + 1);
}

static bool
grow_order(struct sqi_keyed *keyed, size_t capacity)
{
        struct ordered *order = capacity > UINT32_MAX ? NULL : realloc(keyed->order, capacity * sizeof(*order));

        if (!order)
                return false;
        keyed->order = order;
        keyed->order_capacity = capacity;
        return true;
}

/* Room for one more in `order`: closes the gaps when they are half of it, else makes it larger. */
static bool
reserve_order(struct sqi_keyed *keyed)
{
        if (keyed->norder < keyed->order_capacity)
                return true;
        if (keyed->count <= keyed->norder / 2) {
                size_t kept = 0, marked = 0;
                for (size_t i = 0; i < keyed->norder; i++) {
                        if (!keyed->order[i].entry)
                                continue;
                        sqi_keyed_list_move(keyed, i, kept);
                        keyed->order[i].entry->index = (uint32_t)kept;
                        keyed->order[kept++] = keyed->order[i];
                        marked += i < keyed->nmarked;
                }
                keyed->norder = kept;
                keyed->nmarked = marked;
                if (kept < keyed->order_capacity)
                        return true;
        }
        return grow_order(keyed, keyed->order_capacity ? keyed->order_capacity * 2 : FIRST_PLACES);
}

void
sqi_keyed_reserve(struct sqi_keyed *keyed, size_t n)
{
        size_t mask = keyed->mask;

        while (n * 2 > mask && mask < UINT32_MAX)
                mask = mask * 2 + 1;
        if (mask > keyed->mask)
                (void)grow_to(keyed, mask); /* it grows later, then */
        if (n > keyed->order_capacity)
                (void)grow_order(keyed, n);
}

/* The steps between sizes from there on: a power of two. */
static size_t
grain_of(size_t size)
{
        size_t grain = GRAIN;

        while (size >= 2 * grain * FINE)
                grain *= 2;
        return grain;
}

/* All entries of a class are of one size. */
static size_t
class_of(size_t size)
{
        size_t grain = grain_of(size), doublings = (size_t)__builtin_ctzl(grain / GRAIN);

        return doublings * FINE + size / grain;
}

/* Room for an entry of `size`. False: no memory. */
static bool
add_chunk(struct sqi_keyed *keyed, size_t size)
{
        bool large = keyed->count > LARGE_TABLE && sizeof(struct chunk) + size <= LARGE_PAGE;
        size_t bytes = large ? LARGE_PAGE : sizeof(struct chunk) + (size > CHUNK ? size : CHUNK);
        struct chunk *chunk = large ? allocate_large(bytes) : malloc(bytes);

        if (!chunk)
                return false;
        chunk->next = keyed->chunks;
        keyed->chunks = chunk;
        keyed->room = (uint8_t *)(chunk + 1);
        keyed->room_end = (uint8_t *)chunk + bytes;
        return true;
}

static struct entry *
allocate(struct sqi_keyed *keyed, size_t size)
{
        size_t class = class_of(size);

        if (keyed->idle[class]) {
                struct idle *idle = keyed->idle[class];
                keyed->idle[class] = idle->next;
                return (struct entry *)idle;
        }
        if ((size_t)(keyed->room_end - keyed->room) < size && !add_chunk(keyed, size))
                return NULL;
        keyed->room += size;
        return (struct entry *)(void *)(keyed->room - size);
}

/* Room for the words of a short key; entries of 16-byte states are multiples of 16, so that all of them are aligned to
 * it. */
static size_t
entry_size(const struct sqi_keyed *keyed, size_t len)
{
        size_t size = round_up(keyed->key_at + (len < SQI_SHORT_KEY ? SQI_SHORT_KEY : len), keyed->state_at);

        return round_up(size, grain_of(size));
}

/* ---- Look-ups ---------------------------------------------------------------------------------------- */

static void *
insert(struct sqi_keyed *keyed, const struct sqi_key *key)
{
        size_t len = key->bytes.len;

        if (len >= TURN || (keyed->count * 2 > keyed->mask && !grow(keyed)) || !reserve_order(keyed))
                return NULL;
        struct entry *entry = allocate(keyed, entry_size(keyed, len));
        if (!entry)
                return NULL;
        memset(entry, 0, entry_size(keyed, len));
        *entry = (struct entry){.len = (uint32_t)len | keyed->changed_flag, .index = (uint32_t)keyed->norder};
        if (len)
                memcpy((char *)entry + keyed->key_at, key->bytes.ptr, len);
        keyed->order[keyed->norder++] = (struct ordered){entry, 0, NULL};
        keyed->count++;
        *find(keyed, key) = place_of(entry, key->hash);
        if (keyed->tracked)
                sqi_keyed_list(keyed, entry->index);
        return state_of(keyed, entry);
}

void
sqi_key_prepare(struct sqi_key *key, struct sq_str bytes, bool readable)
{
        prepare(key, bytes, readable);
}

void
sqi_keyed_fetch_place(const struct sqi_keyed *keyed, const struct sqi_key *key)
{
        __builtin_prefetch(&keyed->places[key->hash & keyed->mask]);
}

void
sqi_keyed_fetch_entry(const struct sqi_keyed *keyed, const struct sqi_key *key)
{
        __builtin_prefetch(entry_of(keyed->places[key->hash & keyed->mask]));
}

void *
sqi_keyed_touch_prepared(struct sqi_keyed *keyed, const struct sqi_key *key)
{
        struct entry *entry = entry_of(*find(keyed, key));

        if (!entry)
                return NULL;
        if (keyed->tracked)
                touch(keyed, entry);
        return state_of(keyed, entry);
}

void *
sqi_keyed_find_short(const struct sqi_keyed *keyed, const struct sqi_key *key)
{
        uint64_t place = keyed->places[key->hash & keyed->mask];
        struct entry *entry = entry_of(place);
        const char *bytes = (const char *)entry + keyed->key_at;

        if (place == 0 || ((place ^ key->hash) >> 48) != 0 || key->bytes.len > SQI_SHORT_KEY ||
            entry->len != (key->bytes.len | keyed->changed_flag) ||
            ((load(bytes) ^ key->low) | (load(bytes + 8) ^ key->high)) != 0)
                return NULL;
        return state_of(keyed, entry);
}

void *
sqi_keyed_get(struct sqi_keyed *keyed, struct sq_str bytes)
{
        struct sqi_key key;

        prepare(&key, bytes, false);
        void *state = sqi_keyed_touch_prepared(keyed, &key);
        return state ? state : insert(keyed, &key);
}

void *
sqi_keyed_find(const struct sqi_keyed *keyed, struct sq_str bytes)
{
        struct sqi_key key;

        prepare(&key, bytes, false);
        uint64_t place = *find(keyed, &key);
        return place ? state_of(keyed, entry_of(place)) : NULL;
}

/* Frees the place and moves back what it had pushed on (Knuth, 6.4 R). */
static void
vacate(struct sqi_keyed *keyed, size_t hole)
{
        for (size_t at = hole;;) {
                at = (at + 1) & keyed->mask;
                if (keyed->places[at] == 0)
                        break;
                size_t home = hash_bytes(key_of(keyed, entry_of(keyed->places[at]))) & keyed->mask;
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
        struct sqi_key prepared;
        prepare(&prepared, key, false);
        uint64_t *place = find(keyed, &prepared);
        struct entry *entry = entry_of(*place);

        if (*place == 0)
                return false;
        if (keyed->npending > 0)
                sqi_keyed_save_pending(keyed, entry->index);
        sqi_keyed_list_gone(keyed, entry);
        vacate(keyed, (size_t)(place - keyed->places));
        keyed->order[entry->index].entry = NULL;
        sqi_parts_release(keyed->owned, &keyed->order[entry->index].parts);
        keyed->count--;
        size_t class = class_of(entry_size(keyed, entry->len & ~FLAGS));
        struct idle *idle = (struct idle *)(void *)entry;
        idle->next = keyed->idle[class];
        keyed->idle[class] = idle;
        return true;
}

struct sqi_part **
sqi_keyed_parts(const struct sqi_keyed *keyed, const void *state)
{
        const struct entry *entry = (const struct entry *)(const void *)((const char *)state - keyed->state_at);

        return entry->index < keyed->norder && keyed->order[entry->index].entry == entry
                       ? &keyed->order[entry->index].parts
                       : NULL;
}

void
sqi_keyed_fetch_parts(const struct sqi_keyed *keyed, const void *state)
{
        const struct entry *entry = (const struct entry *)(const void *)((const char *)state - keyed->state_at);

        if (entry->index < keyed->norder)
                __builtin_prefetch(&keyed->order[entry->index]);
}

struct sqi_owned *
sqi_keyed_owned(struct sqi_keyed *keyed)
{
        if (!keyed->owned)
                keyed->owned = sqi_owned_new();
        return keyed->owned;
}

struct sq_str
sqi_keyed_key(const struct sqi_keyed *keyed, const void *state)
{
        const char *entry = (const char *)state - keyed->state_at;

        return (struct sq_str){entry + keyed->key_at, ((const struct entry *)(const void *)entry)->len & ~FLAGS};
}

uint64_t
sqi_keyed_route(const struct sqi_keyed *keyed, const void *state)
{
        const char *entry = (const char *)state - keyed->state_at;

        return keyed->order[((const struct entry *)(const void *)entry)->index].route;
}

void
sqi_keyed_mark(struct sqi_keyed *keyed)
{
        keyed->nmarked = keyed->norder;
}

bool
sqi_keyed_is_marked(const struct sqi_keyed *keyed, const void *state)
{
        const char *entry = (const char *)state - keyed->state_at;

        return ((const struct entry *)(const void *)entry)->index < keyed->nmarked;
}

size_t
sqi_keyed_count(const struct sqi_keyed *keyed)
{
        return keyed->count;
}

void
sqi_keyed_route_last(struct sqi_keyed *keyed, uint64_t route)
{
        keyed->order[keyed->norder - 1].route = route;
}

bool
sqi_keyed_step_routed(const struct sqi_keyed *keyed, size_t *cursor, struct sq_str *ret_key, void **ret_state,
                      uint64_t *ret_route)
{
        while (*cursor < keyed->norder && !keyed->order[*cursor].entry)
                ++*cursor;
        if (*cursor >= keyed->norder)
                return false;
        const struct ordered *at = &keyed->order[(*cursor)++];
        *ret_key = key_of(keyed, at->entry);
        *ret_state = state_of(keyed, at->entry);
        *ret_route = at->route;
        return true;
}

bool
sqi_keyed_step(const struct sqi_keyed *keyed, size_t *cursor, struct sq_str *ret_key, void **ret_state)
{
        uint64_t route;

        return sqi_keyed_step_routed(keyed, cursor, ret_key, ret_state, &route);
}

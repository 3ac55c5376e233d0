/* SPDX-License-Identifier: Apache-2.0 */
/* What has changed in keyed state since it was written down. */
#include <stdlib.h>
#include <string.h>

#include "task/keyed_table.h"

enum { AHEAD = 1 };

static void
change_nothing(struct sqi_keyed *keyed)
{
        keyed->all_changed = false;
        keyed->nchanged = keyed->gone.n = keyed->gone.size = 0;
}

/* From here on it is not known by the piece: there is no memory for that, or too much is gone. */
static void
change_all(struct sqi_keyed *keyed)
{
        change_nothing(keyed);
        keyed->all_changed = true;
}

/* Zeroes are behind what there was. */
static bool
reserve(void **bytes, size_t *capacity, size_t size)
{
        size_t more = *capacity ? *capacity : 4096;
        void *larger;

        if (size <= *capacity)
                return true;
        while (more < size)
                more *= 2;
        larger = realloc(*bytes, more);
        if (!larger)
                return false;
        memset((char *)larger + *capacity, 0, more - *capacity);
        *bytes = larger;
        *capacity = more;
        return true;
}

void
sqi_keyed_list(struct sqi_keyed *keyed, uint32_t index)
{
        if (keyed->all_changed)
                return;
        if (!reserve((void **)&keyed->changed, &keyed->changed_capacity, (index / 64 + 1) * sizeof(uint64_t))) {
                change_all(keyed);
                return;
        }
        keyed->changed[index / 64] |= 1ull << index % 64;
        keyed->nchanged++;
}

void
sqi_keyed_list_gone(struct sqi_keyed *keyed, struct sq_str key)
{
        struct sqi_keyed_gone *gone = &keyed->gone;
        uint32_t len = (uint32_t)key.len;

        if (!keyed->tracked || keyed->all_changed)
                return;
        if (gone->n > keyed->count ||
            !reserve((void **)&gone->bytes, &keyed->gone_capacity, gone->size + sizeof(len) + key.len)) {
                change_all(keyed);
                return;
        }
        memcpy(gone->bytes + gone->size, &len, sizeof(len));
        if (len)
                memcpy(gone->bytes + gone->size + sizeof(len), key.ptr, len);
        gone->size += sizeof(len) + len;
        gone->n++;
}

void
sqi_keyed_list_move(struct sqi_keyed *keyed, size_t from, size_t to)
{
        if (!keyed->tracked || keyed->all_changed || keyed->order[from].entry->len & CLEAN)
                return;
        keyed->changed[from / 64] &= ~(1ull << from % 64);
        keyed->changed[to / 64] |= 1ull << to % 64;
}

/* ---- To write down what has changed ------------------------------------------------------------------ */

void
sqi_keyed_track(struct sqi_keyed *keyed)
{
        if (!keyed->tracked)
                change_all(keyed);
        keyed->tracked = true;
}

void
sqi_keyed_touch(struct sqi_keyed *keyed, const void *state)
{
        touch(keyed, (struct entry *)(void *)((char *)(uintptr_t)state - keyed->state_at));
}

bool
sqi_keyed_is_clean(const struct sqi_keyed *keyed, const void *state)
{
        return ((const struct entry *)(const void *)((const char *)state - keyed->state_at))->len & CLEAN;
}

bool
sqi_keyed_has_changed_much(const struct sqi_keyed *keyed)
{
        return keyed->all_changed || (keyed->nchanged + keyed->gone.n) * 2 > keyed->count;
}

const struct sqi_keyed_gone *
sqi_keyed_gone(const struct sqi_keyed *keyed)
{
        return &keyed->gone;
}

/* Fetches what has changed of 64 places. AHEAD: so many such in front of what is taken. */
static void
fetch_ahead(const struct sqi_keyed *keyed, size_t word)
{
        for (uint64_t bits = word * 64 < keyed->norder ? keyed->changed[word] : 0; bits; bits &= bits - 1) {
                const char *entry = (const char *)keyed->order[word * 64 + (size_t)__builtin_ctzll(bits)].entry;

                __builtin_prefetch(entry);
                __builtin_prefetch(entry + keyed->key_at);
        }
}

/* The next place from *cursor on that has changed, whose bit is cleared; norder: there is none. */
static size_t
next_changed(struct sqi_keyed *keyed, size_t *cursor)
{
        size_t words = keyed->norder ? (keyed->norder - 1) / 64 + 1 : 0,
               most = keyed->changed_capacity / sizeof(uint64_t);

        for (size_t word = *cursor / 64; word < words && word < most; word++) {
                uint64_t bits = keyed->changed[word];

                if (*cursor <= word * 64 && word + AHEAD < most)
                        fetch_ahead(keyed, word + AHEAD);
                if (bits) {
                        *cursor = word * 64 + (size_t)__builtin_ctzll(bits);
                        keyed->changed[word] = bits & (bits - 1);
                        return (*cursor)++;
                }
                *cursor = (word + 1) * 64;
        }
        return keyed->norder;
}

/* NULL: there is none any more. */
static struct entry *
next_to_take(struct sqi_keyed *keyed, bool all, size_t *cursor)
{
        size_t at;

        while ((at = all ? *cursor : next_changed(keyed, cursor)) < keyed->norder) {
                *cursor += all;
                if (keyed->order[at].entry)
                        return keyed->order[at].entry;
        }
        return NULL;
}

bool
sqi_keyed_take(struct sqi_keyed *keyed, bool all, size_t *cursor, struct sq_str *ret_key, void **ret_state,
               uint64_t *ret_route)
{
        struct entry *entry = next_to_take(keyed, all, cursor);

        if (!entry) {
                if (all && keyed->changed)
                        memset(keyed->changed, 0, keyed->changed_capacity);
                change_nothing(keyed);
                return false;
        }
        entry->len |= CLEAN;
        *ret_key = key_of(keyed, entry);
        *ret_state = state_of(keyed, entry);
        *ret_route = keyed->order[entry->index].route;
        return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What has changed in keyed state since it was written down. */
#include <stdlib.h>
#include <string.h>

#include "state/keyed_table.h"

enum { AHEAD = 1 };

static void
change_nothing(struct sqi_keyed *keyed)
{
        keyed->all_changed = keyed->sampled = false;
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
        if (keyed->all_changed) {
                keyed->nchanged += keyed->sampled && is_in_sample(index);
                return;
        }
        if (!reserve((void **)&keyed->changed, &keyed->changed_capacity, (index / 64 + 1) * sizeof(uint64_t))) {
                change_all(keyed);
                return;
        }
        keyed->changed[index / 64] |= 1ull << index % 64;
        keyed->nchanged++;
}

void
sqi_keyed_list_gone(struct sqi_keyed *keyed, struct entry *entry)
{
        struct sqi_keyed_gone *gone = &keyed->gone;
        struct sq_str key = key_of(keyed, entry);
        uint32_t len = (uint32_t)key.len;
        bool listed = has_changed(keyed, entry);

        if (!keyed->tracked)
                return;
        if (keyed->all_changed) {
                keyed->nchanged += keyed->sampled && !listed && is_in_sample(entry->index);
                return;
        }
        keyed->nchanged -= keyed->nchanged > 0 && listed;
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

/* False: it is not set. */
static bool
take_bit(uint64_t *bits, size_t capacity, size_t at)
{
        uint64_t bit = 1ull << at % 64;

        if (at / 64 >= capacity / sizeof(*bits) || !(bits[at / 64] & bit))
                return false;
        bits[at / 64] &= ~bit;
        return true;
}

void
sqi_keyed_list_move(struct sqi_keyed *keyed, size_t from, size_t to)
{
        if (keyed->tracked && !keyed->all_changed && has_changed(keyed, keyed->order[from].entry)) {
                keyed->changed[from / 64] &= ~(1ull << from % 64);
                keyed->changed[to / 64] |= 1ull << to % 64;
        }
        if (keyed->npending > 0 && take_bit(keyed->pending, keyed->pending_capacity, from)) {
                keyed->pending[to / 64] |= 1ull << to % 64;
                keyed->pending_at = 0;
        }
}

/* ---- To write down what has changed ------------------------------------------------------------------ */

void
sqi_keyed_track(struct sqi_keyed *keyed)
{
        if (!keyed->tracked)
                change_all(keyed);
        keyed->tracked = true;
}

static struct entry *
entry_of_state(const struct sqi_keyed *keyed, const void *state)
{
        return (struct entry *)(void *)((char *)(uintptr_t)state - keyed->state_at);
}

void
sqi_keyed_touch(struct sqi_keyed *keyed, const void *state)
{
        touch(keyed, entry_of_state(keyed, state));
}

bool
sqi_keyed_is_clean(const struct sqi_keyed *keyed, const void *state)
{
        return !has_changed(keyed, entry_of_state(keyed, state));
}

double
sqi_keyed_changed_share(const struct sqi_keyed *keyed)
{
        if (keyed->all_changed || keyed->count == 0)
                return 1;
        return (double)(keyed->nchanged + keyed->gone.n) / (double)keyed->count;
}

/* As far as it is known. */
static bool
have_most_changed(const struct sqi_keyed *keyed)
{
        if (keyed->all_changed)
                return keyed->sampled && (double)(keyed->nchanged * SAMPLE) > (double)keyed->count * SQI_MUCH_CHANGED;
        return sqi_keyed_changed_share(keyed) > SQI_MUCH_CHANGED;
}

const struct sqi_keyed_gone *
sqi_keyed_gone(const struct sqi_keyed *keyed)
{
        return &keyed->gone;
}

static void
hand_to_save(struct sqi_keyed *keyed, size_t index)
{
        struct entry *entry = keyed->order[index].entry;

        keyed->save(keyed->context, key_of(keyed, entry), state_of(keyed, entry), keyed->order[index].route);
}

void
sqi_keyed_save_pending(struct sqi_keyed *keyed, uint32_t index)
{
        if (!take_bit(keyed->pending, keyed->pending_capacity, index))
                return;
        keyed->npending--;
        hand_to_save(keyed, index);
        flag(keyed->order[index].entry, CLEAN);
}

void
sqi_keyed_save_now(struct sqi_keyed *keyed, const void *state)
{
        if (keyed->npending > 0)
                sqi_keyed_save_pending(keyed, entry_of_state(keyed, state)->index);
}

/* How many words of a set of bits are about entries. */
static size_t
words_of(const struct sqi_keyed *keyed, size_t capacity)
{
        size_t words = (keyed->norder + 63) / 64, most = capacity / sizeof(uint64_t);

        return words < most ? words : most;
}

/* Fetches the entries of 64 places; AHEAD: so many such in front of what is looked at. */
static void
fetch_ahead(const struct sqi_keyed *keyed, size_t word)
{
        if (word >= words_of(keyed, keyed->pending_capacity))
                return;
        for (uint64_t bits = keyed->pending[word]; bits; bits &= bits - 1) {
                const char *entry = (const char *)keyed->order[word * 64 + (size_t)__builtin_ctzll(bits)].entry;

                __builtin_prefetch(entry, 1);
                __builtin_prefetch(entry + keyed->key_at);
        }
}

/* Those of 64 places that were forgotten. */
static uint64_t
forgotten(const struct sqi_keyed *keyed, size_t word)
{
        uint64_t gone = 0;

        for (uint64_t bits = keyed->pending[word]; bits; bits &= bits - 1)
                if (!keyed->order[word * 64 + (size_t)__builtin_ctzll(bits)].entry)
                        gone |= bits & -bits;
        return gone;
}

/* What is forgotten is not taken. */
static void
count_pending(struct sqi_keyed *keyed)
{
        size_t words = words_of(keyed, keyed->pending_capacity);
        bool gaps = keyed->count < keyed->norder;

        for (size_t word = 0; word < words; word++) {
                if (gaps)
                        keyed->pending[word] &= ~forgotten(keyed, word);
                keyed->npending += (size_t)__builtin_popcountll(keyed->pending[word]);
        }
}

/* Of places that were given up since: what comes to be there has not changed. */
static void
drop_pending_behind(struct sqi_keyed *keyed, size_t n)
{
        size_t words = keyed->pending_capacity / sizeof(uint64_t);

        if (n / 64 >= words)
                return;
        keyed->pending[n / 64] &= (1ull << n % 64) - 1;
        for (size_t word = n / 64 + 1; word < words; word++)
                keyed->pending[word] = 0;
}

static bool
make_all_pending(struct sqi_keyed *keyed)
{
        if (!reserve((void **)&keyed->pending, &keyed->pending_capacity, (keyed->norder / 64 + 1) * sizeof(uint64_t)))
                return false;
        memset(keyed->pending, 0xff, (keyed->norder / 64 + 1) * sizeof(uint64_t));
        if (keyed->changed)
                memset(keyed->changed, 0, keyed->changed_capacity);
        return true;
}

static void
swap_changed_and_pending(struct sqi_keyed *keyed)
{
        uint64_t *changed = keyed->changed;
        size_t capacity = keyed->changed_capacity;

        keyed->changed = keyed->pending;
        keyed->changed_capacity = keyed->pending_capacity;
        keyed->pending = changed;
        keyed->pending_capacity = capacity;
}

bool
sqi_keyed_begin_take(struct sqi_keyed *keyed, bool all, sqi_keyed_save *save, void *context)
{
        bool most = have_most_changed(keyed) && keyed->count >= SAMPLED_FROM;

        sqi_keyed_end_take(keyed);
        all = all || keyed->all_changed;
        if (all && !make_all_pending(keyed))
                return false;
        if (!all)
                swap_changed_and_pending(keyed);
        keyed->save = save;
        keyed->context = context;
        drop_pending_behind(keyed, keyed->norder);
        count_pending(keyed);
        keyed->changed_flag ^= TURN;
        change_nothing(keyed);
        keyed->all_changed = keyed->sampled = all && most;
        return true;
}

bool
sqi_keyed_take(struct sqi_keyed *keyed, struct sq_str *ret_key, void **ret_state, uint64_t *ret_route)
{
        struct entry *entry;
        size_t index;

        if (keyed->npending == 0)
                return false;
        while (keyed->pending[keyed->pending_at] == 0)
                fetch_ahead(keyed, ++keyed->pending_at + AHEAD);
        index = keyed->pending_at * 64 + (size_t)__builtin_ctzll(keyed->pending[keyed->pending_at]);
        keyed->pending[keyed->pending_at] &= keyed->pending[keyed->pending_at] - 1;
        keyed->npending--;
        entry = keyed->order[index].entry;
        flag(entry, keyed->sampled && !is_in_sample(entry->index) ? keyed->changed_flag : CLEAN);
        *ret_key = key_of(keyed, entry);
        *ret_state = state_of(keyed, entry);
        *ret_route = keyed->order[index].route;
        return true;
}

size_t
sqi_keyed_left(const struct sqi_keyed *keyed)
{
        return keyed->npending;
}

void
sqi_keyed_end_take(struct sqi_keyed *keyed)
{
        struct sq_str key;
        uint64_t route;
        void *state;

        while (sqi_keyed_take(keyed, &key, &state, &route)) /* none is left with the flag that comes next */
                ;
        keyed->pending_at = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keyed state: a hash table from the bytes of a key to a block of zeroed state, for one task.
 *
 * Open addressing with linear probing, at most half full. A place is one word: 16 bits of the hash and 48 of the
 * entry's address, so that a look-up that hits reads two cache lines, the place and the entry (length, state and key
 * side by side). Entries lie in an arena and never move; a list keeps the order in which they came; a forgotten entry's
 * memory serves the next one of its size.
 *
 * Most keys are words. A key of up to 16 bytes is taken as two machine words, zeroes behind its end, and hashed and
 * compared by them: the length of a word is not predictable, so code that branches on it pays for a wrong guess at
 * every other look-up.
 */
#ifndef SQI_KEYED_H
#define SQI_KEYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "squall.h"
#include "state/owned.h"

struct sqi_keyed;

/* `state_size`: bytes of each state. NULL when memory is short. */
struct sqi_keyed *sqi_keyed_new(size_t state_size);
void sqi_keyed_free(struct sqi_keyed **keyed);

/* So many keys will be there: the table need not grow from one size to the next. */
void sqi_keyed_reserve(struct sqi_keyed *keyed, size_t n);

/* The state of `key`; made, zeroed, when new. NULL when memory is short. */
void *sqi_keyed_get(struct sqi_keyed *keyed, struct sq_str key);

/* The same if it is there; else NULL. */
void *sqi_keyed_find(const struct sqi_keyed *keyed, struct sq_str key);

/*
 * A look-up taken apart, for a caller that knows its keys some tuples ahead: prepare them all, fetch the places, then
 * the entries, and by the time of the look-up they are in the cache.
 */
struct sqi_key {
        struct sq_str bytes;
        uint64_t hash;
        uint64_t low, high; /* the bytes of a short key */
};

enum { SQI_SHORT_KEY = 16 };

/* `readable`: at least SQI_SHORT_KEY bytes may be read from bytes.ptr on, however short the key is. */
void sqi_key_prepare(struct sqi_key *key, struct sq_str bytes, bool readable);
void sqi_keyed_fetch_place(const struct sqi_keyed *keyed, const struct sqi_key *key);
void sqi_keyed_fetch_entry(const struct sqi_keyed *keyed, const struct sqi_key *key);
/* As sqi_keyed_get(), of a key that is there; else NULL. */
void *sqi_keyed_touch_prepared(struct sqi_keyed *keyed, const struct sqi_key *key);

/* The same for a short key in the first place that is looked at, where most are, and that counts as changed already.
 * NULL: it may be elsewhere. */
void *sqi_keyed_find_short(const struct sqi_keyed *keyed, const struct sqi_key *key);

/* False: there was none. */
bool sqi_keyed_forget(struct sqi_keyed *keyed, struct sq_str key);

/* The parts that the key of this state owns (owned.h), for sqi_part_get(), and where the blocks of all keys are. NULL:
 * it is not the state of a key; or no memory. What a key owns is forgotten with it. */
struct sqi_part **sqi_keyed_parts(const struct sqi_keyed *keyed, const void *state);
struct sqi_owned *sqi_keyed_owned(struct sqi_keyed *keyed);

/* Fetches what they are looked up by, once the entry itself is at hand. */
void sqi_keyed_fetch_parts(const struct sqi_keyed *keyed, const void *state);

/* Of the state of a key: its key, and the hash that deals out its tuples. */
struct sq_str sqi_keyed_key(const struct sqi_keyed *keyed, const void *state);
uint64_t sqi_keyed_route(const struct sqi_keyed *keyed, const void *state);

size_t sqi_keyed_count(const struct sqi_keyed *keyed);

/* All keys that are there now are marked, and none that is made from now on. Was this state's key? */
void sqi_keyed_mark(struct sqi_keyed *keyed);
bool sqi_keyed_is_marked(const struct sqi_keyed *keyed, const void *state);

/* Steps through the entries in the order in which they came. Start with *cursor 0; false at the end. Between two steps
 * entries may be forgotten, not made. */
bool sqi_keyed_step(const struct sqi_keyed *keyed, size_t *cursor, struct sq_str *ret_key, void **ret_state);

/* The hash that deals out the tuples of the key that was made last; and to step through all with it. 0 where none was
 * given. */
void sqi_keyed_route_last(struct sqi_keyed *keyed, uint64_t route);
bool sqi_keyed_step_routed(const struct sqi_keyed *keyed, size_t *cursor, struct sq_str *ret_key, void **ret_state,
                           uint64_t *ret_route);

/*
 * What has changed since it was last written down, for who writes down no more than that:
 *
 *  1. sqi_keyed_track(): everything counts as changed. From then on a key changes when it is made, asked for by
 *     sqi_keyed_get() or touched.
 *  2. sqi_keyed_gone(), then sqi_keyed_begin_take(): what has changed, or all, is to be taken as it is now, and counts
 *     as unchanged from then on. That costs a look at each.
 *  3. sqi_keyed_take() to its end, in portions, between which keys change: what was not taken yet is handed to `save`
 *     before it does. So the order in which keys are taken or saved is not theirs. What was taken is the caller's to
 *     keep. sqi_keyed_end_take() gives up what was not: the next time it has to be all.
 */
void sqi_keyed_track(struct sqi_keyed *keyed);
/* `state` is that of a key. */
void sqi_keyed_touch(struct sqi_keyed *keyed, const void *state);
bool sqi_keyed_is_clean(const struct sqi_keyed *keyed, const void *state);
/* How much of it, keys that were forgotten included. 1: it is not known what, so all has to be taken. Where more than
 * SQI_MUCH_CHANGED had, and all was taken, it is not looked at by the key until a sample says that less does again. */
double sqi_keyed_changed_share(const struct sqi_keyed *keyed);
#define SQI_MUCH_CHANGED 0.5

/* The keys that were forgotten, with some that have been made again since; `size` bytes, each with its length, a
 * uint32_t, before it. */
struct sqi_keyed_gone {
        uint8_t *bytes;
        size_t size, n;
};
const struct sqi_keyed_gone *sqi_keyed_gone(const struct sqi_keyed *keyed);
typedef void sqi_keyed_save(void *context, struct sq_str key, const void *state, uint64_t route);
/* All; or those that have changed. False: no memory. */
bool sqi_keyed_begin_take(struct sqi_keyed *keyed, bool all, sqi_keyed_save *save, void *context);
/* False: that was all. */
bool sqi_keyed_take(struct sqi_keyed *keyed, struct sq_str *ret_key, void **ret_state, uint64_t *ret_route);
/* How many are still to be taken. */
size_t sqi_keyed_left(const struct sqi_keyed *keyed);
void sqi_keyed_end_take(struct sqi_keyed *keyed);
/* The key of this state may change, and its caller finds out later whether it has. */
void sqi_keyed_save_now(struct sqi_keyed *keyed, const void *state);

#endif

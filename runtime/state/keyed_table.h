/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of keyed state share: keyed.c, which looks keys up, and keyed_changes.c, which knows what has changed.
 * Nobody else looks in. */
#ifndef SQI_KEYED_TABLE_H
#define SQI_KEYED_TABLE_H

#include "state/keyed.h"

/* Sizes of entries: multiples of GRAIN below FINE * GRAIN, then FINE steps from each power of two to the next. */
enum { GRAIN = 8, FINE = 32, CLASSES = FINE * 33 };

/*
 * Followed by the state, then the key. Small: what a look-up touches should share a cache line. A key has fewer bytes
 * than FLAGS: by these an entry that has not changed since the last time that something was taken is not what a quick
 * look-up looks for, and so comes to the slow one, which lists it.
 *
 *     as keyed->changed_flag      it has changed: 0 and TURN take turns, from one time to the next
 *     the other of the two        it had changed until then, and is pending
 *     CLEAN                       it has been taken; where only a sample is looked at, that alone is flagged so
 *
 * So it takes one step, and not one for each of them, to begin to take what has changed.
 */
#define CLEAN (1u << 31)
#define TURN (1u << 30)
#define FLAGS (CLEAN | TURN)

/* One key of so many is in the sample. Few keys are none. */
enum { SAMPLE = 16, SAMPLED_FROM = 64 * SAMPLE };
struct entry {
        uint32_t len;   /* and FLAGS */
        uint32_t index; /* in `order`; while idle: unused */
};

/* What is not needed to look a key up. */
struct ordered {
        struct entry *entry; /* NULL: forgotten */
        uint64_t route;
        struct sqi_part *parts; /* that the key owns */
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
        uint32_t changed_flag;
        size_t state_at, key_at; /* offsets in an entry */
        struct ordered *order;   /* as they came */
        size_t norder, order_capacity;
        size_t nmarked; /* so many of the first in `order` were there at the mark */
        struct chunk *chunks;
        uint8_t *room, *room_end;
        struct idle *idle[CLASSES]; /* by class_of() */
        struct sqi_owned *owned;    /* NULL: no key owns anything */

        /* What has changed, when it is `tracked`: all; or a bit in `changed` for each, by its place in `order`, and the
         * keys that were forgotten. `sampled`: all counts as changed, as most had the last time, and costs nothing to
         * know then; `nchanged` is about the sample alone, which tells whether most still do. */
        bool tracked, all_changed, sampled;
        uint64_t *changed;
        size_t changed_capacity, nchanged;
        struct sqi_keyed_gone gone;
        size_t gone_capacity;

        /* What is being taken: a bit in `pending` for each of `npending` that are still to be, none of them before the
         * word `pending_at`; who changes one of those hands it to `save` first. */
        uint64_t *pending;
        size_t pending_capacity, npending, pending_at;
        sqi_keyed_save *save;
        void *context;
};

static inline void *
state_of(const struct sqi_keyed *keyed, struct entry *entry)
{
        return (char *)entry + keyed->state_at;
}

static inline struct sq_str
key_of(const struct sqi_keyed *keyed, struct entry *entry)
{
        return (struct sq_str){(char *)entry + keyed->key_at, entry->len & ~FLAGS};
}

/* keyed_changes.c: the entry with this place in `order` has changed, and had not before or is new. */
void sqi_keyed_list(struct sqi_keyed *keyed, uint32_t index);
/* The entry is about to be forgotten. */
void sqi_keyed_list_gone(struct sqi_keyed *keyed, struct entry *entry);
/* The entry is about to change. */
void sqi_keyed_save_pending(struct sqi_keyed *keyed, uint32_t index);
/* An entry comes to another place in `order`, further to the front. */
void sqi_keyed_list_move(struct sqi_keyed *keyed, size_t from, size_t to);

static inline bool
has_changed(const struct sqi_keyed *keyed, const struct entry *entry)
{
        return (entry->len & FLAGS) == keyed->changed_flag;
}

static inline bool
is_in_sample(uint32_t index)
{
        return index % SAMPLE == 0;
}

static inline void
flag(struct entry *entry, uint32_t flags)
{
        entry->len = (entry->len & ~FLAGS) | flags;
}

static inline void
touch(struct sqi_keyed *keyed, struct entry *entry)
{
        if (has_changed(keyed, entry))
                return;
        if (keyed->npending > 0)
                sqi_keyed_save_pending(keyed, entry->index);
        flag(entry, keyed->changed_flag);
        sqi_keyed_list(keyed, entry->index);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task was given by Redis and has not given back: an entry for each position of the spout.
 *
 *     entries   [ said | done | open | done | open ]      of position p at p % size
 *                 first                            next   done: processed; said: and Redis has answered that it knows
 *
 *     sqi_held_add(&held, position, &entry)       positions rise by one; from held.next on
 *     sqi_held_done(&held, position)              it is in held.done, until sqi_held_said() of the first ones of them
 *
 * After a connection broke, what Redis says that it has given us is compared with that:
 *
 *     sqi_held_look(&held)                        then, for each entry of the answer:
 *     sqi_held_has(&held, &entry)                 whether it is known
 */
#ifndef SQI_CLIENT_REDIS_HELD_H
#define SQI_CLIENT_REDIS_HELD_H

#include <squall-kit.h>

enum sqi_held_state { SQI_HELD_OPEN, SQI_HELD_DONE, SQI_HELD_SAID };

/* Of a stream: its id. Of a list: ms is the hash of the element, seq its length, and several may be equal. */
struct sqi_held_entry {
        uint64_t ms, seq;
        enum sqi_held_state state;
        bool found; /* it was in the answer that is compared */
};

/* {.unique = whether entries are} holds nothing. */
struct sqi_held {
        bool unique;
        struct sqi_held_entry *entries;
        uint64_t first, next, size;
        uint64_t *done; /* positions, to be told */
        size_t ndone;
        uint64_t *known; /* positions that were not said when it was looked at, in order of their entries */
        size_t nknown;
};

struct sqi_held_entry *sqi_held_at(const struct sqi_held *held, uint64_t position);
/* False: no memory. */
bool sqi_held_add(struct sqi_held *held, const struct sqi_held_entry *entry);
/* False: it is not open. */
bool sqi_held_done(struct sqi_held *held, uint64_t position);
/* The first `n` of held->done are said. */
void sqi_held_said(struct sqi_held *held, size_t n);
/* False: no memory. */
bool sqi_held_look(struct sqi_held *held);
/* One of equal entries is found once. */
bool sqi_held_has(struct sqi_held *held, const struct sqi_held_entry *wanted);
/* After all of an answer: those of held->done that were not in it come first. How many. */
size_t sqi_held_gone(struct sqi_held *held);
/* Makes an element of a list an entry. */
struct sqi_held_entry sqi_held_element(struct sq_str element);
void sqi_held_free(struct sqi_held *held);

#endif

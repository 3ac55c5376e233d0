/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timers of a bolt: a set of (key, time of day).
 *
 * What counts is the set. It is a part of what the key owns (owned.h): a block a timer, whose key is its time. So
 * timers are written down, handed on and forgotten with their key. Beside it a heap has them in the order of their
 * times; it is made of the set after a restore, and may hold some that are not set any more: those are passed over.
 */
#ifndef SQI_TIMERS_H
#define SQI_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sq_task;

enum { SQI_PART_TIMERS = 0x7fffffff }; /* no map or array of a component has this number */

struct sqi_timer {
        int64_t at_ns; /* since 1970 */
        void *state;   /* of its key */
};

struct sqi_timers {
        struct sqi_timer *heap;
        size_t n, room;
        struct sqi_timer fired; /* while its callback runs */
        const uint64_t *route;  /* meanwhile, of its key; else NULL */
};

/* Looks through the keys for timers that came along. 0 or -ENOMEM. */
int sqi_timers_find(struct sq_task *task);
/* By the clock of the task: when the next one is due; UINT64_MAX: none is set. */
uint64_t sqi_timers_due(const struct sq_task *task);
/* Calls `.timer` for those that are due, some of them at most. */
void sqi_timers_fire(struct sq_task *task);
void sqi_timers_free(struct sqi_timers *timers);

#endif

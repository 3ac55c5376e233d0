/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timers of a bolt: a set of (key, time of day), and another of (key, event time).
 *
 * What counts is the set. It is a part of what the key owns (owned.h): a block a timer, whose key is its time. So
 * timers are written down, handed on and forgotten with their key. Beside it a queue (timer_queue.h) has them in order;
 * it is made of the set after a restore, and may hold some that are not set any more: those are passed over.
 */
#ifndef SQI_TIMERS_H
#define SQI_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/timer_queue.h"

struct sq_task;

/* No map or array of a component has these numbers. */
enum { SQI_PART_EVENT_TIMERS = 0x7ffffffe, SQI_PART_TIMERS = 0x7fffffff };

struct sqi_timers {
        struct sqi_timer_queue queue;
        struct sqi_timer fired; /* while its callback runs */
};

static inline bool
sqi_timers_have_come(const struct sqi_timers *timers, int64_t now_ns)
{
        return timers->queue.n > 0 && sqi_timer_queue_time(&timers->queue) <= now_ns;
}

/* Looks through the keys for timers that came along. 0 or -ENOMEM. */
int sqi_timers_find(struct sq_task *task);
/* By the clock of the task: when the next one is due; UINT64_MAX: none is set. */
uint64_t sqi_timers_due(const struct sq_task *task);
/* Calls `.timer` for those that are due, some of them at most. */
void sqi_timers_fire(struct sq_task *task);
/* The same of `.event_timer`, by the watermark: some of them, or all where the task has a driver. Between two batches.
 * True: none is due any more. */
bool sqi_event_timers_fire(struct sq_task *task);
void sqi_timers_free(struct sqi_timers *timers);

#endif

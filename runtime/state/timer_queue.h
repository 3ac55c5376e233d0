/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers in the order of their times, and of one time in that in which they were put there.
 *
 * Many keys have a timer at the same time, the end of a window, and set it one after the other. So what is put one
 * behind the other for one time is a run, a list, and the heap has runs and not timers:
 *
 *     heap of runs    [10:00, 0] [10:01, 4] [10:01, 9]        time, number of the first that was put there
 *                         |          |          |
 *     nodes              a b c d    a b c      d
 *
 * Taking one of a run needs no look at any other, and it is known which ones come after it.
 */
#ifndef SQI_TIMER_QUEUE_H
#define SQI_TIMER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqi_timer {
        int64_t at_ns; /* since 1970 */
        void *state;   /* of its key */
};

struct sqi_timer_run;
struct sqi_timer_node;

/* Begins as zeroes. */
struct sqi_timer_queue {
        struct sqi_timer_run *runs;
        struct sqi_timer_node *nodes;
        uint32_t nruns, runs_room;
        uint32_t n, room;   /* of nodes */
        uint32_t made;      /* nodes that were ever in use; those that are free again are a list */
        uint32_t free_node; /* its first, + 1; 0: there is none */
        uint32_t last;      /* the node that was put there last, + 1; 0: it was taken */
        int64_t last_at_ns;
        uint64_t order; /* of the next one */
};

static inline bool
sqi_timer_queue_is_full(const struct sqi_timer_queue *queue)
{
        return queue->n == queue->room;
}

/* Room for twice as many. False: no memory. */
bool sqi_timer_queue_grow(struct sqi_timer_queue *queue);
/* It is not full. False: no memory. */
bool sqi_timer_queue_put(struct sqi_timer_queue *queue, struct sqi_timer timer);
/* The time of the first. It is not empty, here and below. */
int64_t sqi_timer_queue_time(const struct sqi_timer_queue *queue);
struct sqi_timer sqi_timer_queue_take(struct sqi_timer_queue *queue);
/* The states of the next `n` that are taken, as far as they are of one run. How many there are. */
unsigned sqi_timer_queue_ahead(const struct sqi_timer_queue *queue, unsigned n, const void **ret_states);
/* Leaves those that `is_set`, each once. Without memory all stay. */
typedef bool sqi_timer_is_set(const void *context, const struct sqi_timer *timer);
void sqi_timer_queue_tidy(struct sqi_timer_queue *queue, sqi_timer_is_set *is_set, const void *context);
void sqi_timer_queue_free(struct sqi_timer_queue *queue);

#endif

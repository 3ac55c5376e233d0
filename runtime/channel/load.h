/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How loaded each task is: one line of memory a task, in a file of the run directory that all workers map. Whoever
 * sends a batch adds its tuples, the task that executes them takes them off and says what one costs; shuffle asks how
 * long a tuple would wait.
 *
 * What is queued is a hint, never a truth: a dead incarnation's tuples stay counted until the task finds its inbox
 * empty and starts again from nothing. What is on its way in bytes is waited for, so a task that could not take it
 * off again must not begin: its senders would wait for ever.
 *
 * A spout at least once leaves word there of how far it has come, for its next incarnation: written before what it
 * tells of may leave the process, so whatever the dead one had sent lies below it (task/owed.c).
 */
#ifndef SQI_LOAD_H
#define SQI_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqi_load {
        _Atomic int64_t queued;   /* tuples sent and not executed yet */
        _Atomic uint64_t cost_ns; /* of one, about */
        _Atomic uint64_t pace_ns; /* from one to the next, with what the task waits for room behind it; 0: not known */
        _Atomic int64_t bytes;    /* sent to the inbox and not received yet */
        _Atomic int64_t feedback; /* the same by edges that close a cycle; what waits at a sender counts, too */
        _Atomic uint64_t reached; /* spout: every position that an incarnation has emitted is below it; 0: none has */
        _Atomic uint64_t under_way; /* spout: its tuple trees that are not done */
} __attribute__((aligned(64)));

/* 0 or a negative errno, as when there is no room for the file; ended by sqi_loads_close(). */
int sqi_loads_open(const char *rundir, uint32_t ntasks, struct sqi_load **ret);
void sqi_loads_close(struct sqi_load **loads, uint32_t ntasks);

static inline void
sqi_load_add(struct sqi_load *load, int64_t tuples)
{
        if (load)
                atomic_fetch_add_explicit(&load->queued, tuples, memory_order_relaxed);
}

static inline bool
sqi_load_is_queued(const struct sqi_load *load)
{
        return atomic_load_explicit(&load->queued, memory_order_relaxed) > 0;
}

static inline void
sqi_load_idle(struct sqi_load *load)
{
        if (load && atomic_load_explicit(&load->queued, memory_order_relaxed) != 0)
                atomic_store_explicit(&load->queued, 0, memory_order_relaxed);
}

/* One tuple took `ns`; an eighth of the difference goes into what is told. */
static inline void
sqi_load_cost(struct sqi_load *load, uint64_t ns)
{
        if (!load)
                return;
        uint64_t cost = atomic_load_explicit(&load->cost_ns, memory_order_relaxed);
        cost = cost ? cost - cost / 8 + ns / 8 : ns;
        atomic_store_explicit(&load->cost_ns, cost ? cost : 1, memory_order_relaxed);
}

/* How long a tuple would wait behind what is queued, and behind `staged` more. */
static inline uint64_t
sqi_load_wait_ns(const struct sqi_load *load, uint64_t staged)
{
        if (!load)
                return 0;
        int64_t queued = atomic_load_explicit(&load->queued, memory_order_relaxed);
        return ((queued > 0 ? (uint64_t)queued : 0) + staged) *
               atomic_load_explicit(&load->cost_ns, memory_order_relaxed);
}

static inline void
sqi_load_pace(struct sqi_load *load, uint64_t ns)
{
        if (load)
                atomic_store_explicit(&load->pace_ns, ns ? ns : 1, memory_order_relaxed);
}

/* A spout is about to emit the tuple tree of `position`. It alone writes: no lock prefix. */
static inline void
sqi_load_reach(struct sqi_load *load, uint64_t position)
{
        if (!load)
                return;
        if (position >= atomic_load_explicit(&load->reached, memory_order_relaxed))
                atomic_store_explicit(&load->reached, position + 1, memory_order_relaxed);
        atomic_store_explicit(&load->under_way, atomic_load_explicit(&load->under_way, memory_order_relaxed) + 1,
                              memory_order_relaxed);
}

/* So many of its trees are not done. */
static inline void
sqi_load_under_way(struct sqi_load *load, uint64_t trees)
{
        if (load)
                atomic_store_explicit(&load->under_way, trees, memory_order_relaxed);
}

/* How many tuples the task gets done in `ns`, at least one. While it has executed none nobody knows: it could be as
 * slow as SQI_UNKNOWN_NS. */
enum { SQI_UNKNOWN_NS = 1000000 };
static inline uint32_t
sqi_load_fits(const struct sqi_load *load, uint64_t ns)
{
        uint64_t cost = atomic_load_explicit(&load->cost_ns, memory_order_relaxed),
                 pace = atomic_load_explicit(&load->pace_ns, memory_order_relaxed);
        if (pace == 0)
                pace = SQI_UNKNOWN_NS;
        uint64_t fits = ns / (cost > pace ? cost : pace);

        return fits == 0 ? 1 : fits < UINT32_MAX ? (uint32_t)fits : UINT32_MAX;
}

/* Never below nothing: what was forgotten may arrive all the same, and would leave room for as much too much. */
static inline void
sqi_load_take_off(_Atomic int64_t *bytes, size_t size)
{
        int64_t before = atomic_load_explicit(bytes, memory_order_relaxed), after;
        do
                after = before > (int64_t)size ? before - (int64_t)size : 0;
        while (!atomic_compare_exchange_weak_explicit(bytes, &before, after, memory_order_relaxed,
                                                      memory_order_relaxed));
}

static inline void
sqi_load_arrive(struct sqi_load *load, size_t size)
{
        if (load)
                sqi_load_take_off(&load->bytes, size);
}

/* Feedback is never held up: who takes in more from outside looks whether what there is has got through. */
static inline void
sqi_load_feed_back(struct sqi_load *load, size_t size)
{
        if (load)
                atomic_fetch_add_explicit(&load->feedback, (int64_t)size, memory_order_relaxed);
}

static inline void
sqi_load_fed_back(struct sqi_load *load, size_t size)
{
        if (load)
                sqi_load_take_off(&load->feedback, size);
}

/*
 * May `size` bytes set out for the task, if not more than `most` are to be on their way? True: they count from here on.
 * Where nothing else is on its way, anything may. Ended by sqi_load_arrive(), by the receiver, or by the sender when it
 * could not send.
 */
static inline bool
sqi_load_set_out(struct sqi_load *load, size_t size, int64_t most)
{
        int64_t before = atomic_fetch_add_explicit(&load->bytes, (int64_t)size, memory_order_relaxed);

        if (before <= 0 || before + (int64_t)size <= most)
                return true;
        sqi_load_arrive(load, size);
        return false;
}

/* What was on its way is lost, or may be: its bytes count no more. */
static inline void
sqi_load_forget_feedback(struct sqi_load *load)
{
        if (load)
                atomic_store_explicit(&load->feedback, 0, memory_order_relaxed);
}

static inline void
sqi_load_forget(struct sqi_load *load)
{
        if (load)
                atomic_store_explicit(&load->bytes, 0, memory_order_relaxed);
        sqi_load_forget_feedback(load);
}

/* Are more than `most` bytes on their way to it? */
static inline bool
sqi_load_exceeds_bytes(const struct sqi_load *load, int64_t most)
{
        return atomic_load_explicit(&load->bytes, memory_order_relaxed) > most;
}

/* Will it take the task longer than `ns` to execute what is queued? */
static inline bool
sqi_load_exceeds(const struct sqi_load *load, uint64_t ns)
{
        int64_t queued = atomic_load_explicit(&load->queued, memory_order_relaxed);

        return queued > (int64_t)sqi_load_fits(load, ns);
}

#endif

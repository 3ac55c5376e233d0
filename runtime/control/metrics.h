/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted of a task. The task thread is the only writer; the worker's control thread reads
 * while it does. Hence the relaxed atomics: each counter is exact, a set of them is a moment's blur.
 */
#ifndef SQI_METRICS_H
#define SQI_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "control/heavy.h"

/*
 * One list: the fields of struct sqi_metrics, their order on the wire, their names in --json, and how people are shown
 * them:
 *
 *     WORK      a column of the summary and of `status`
 *     TROUBLE   a line, when it is not zero
 *     COST      what the work took
 *     LEVEL     a gauge: not added up over incarnations
 *     LAG       a gauge: all of them together are one figure, control/figures.h
 *     LIFE      the runtime's own
 */
#define SQI_COUNTERS(X) \
        X(emitted, WORK, "tuples emitted by the component") \
        X(executed, WORK, "tuples executed") \
        X(acked, WORK, "bolt: tuples acked; spout: tuple trees completed") \
        X(failed, WORK, "bolt: tuples failed; spout: tuple trees failed or timed out") \
        X(replayed, WORK, "spout: tuple trees emitted again") \
        X(given_up, TROUBLE, "spout: tuple trees given up after their last retry; exactly once, bolt: tuples failed") \
        X(dead_lettered, TROUBLE, "spout: of those, the ones that are in the dead-letter file") \
        X(lost, TROUBLE, "tuples of no tuple tree that were not processed: nobody can replay them") \
        X(keys_lost, TROUBLE, "keys whose state was lost with its worker: it has begun anew, from nothing") \
        X(left_out, TROUBLE, "records that could not be read and became no tuple") \
        X(untimed, TROUBLE, \
          "tuples emitted without a time where event-time names one: they do not move the watermark") \
        X(timed_out, TROUBLE, "spout: tuple trees that the message timeout failed") \
        X(misused, TROUBLE, "reported misuses of squall.h") \
        X(malformed, TROUBLE, "batches refused") \
        X(fenced, TROUBLE, "batches of a dead incarnation refused") \
        X(gaps, TROUBLE, "batches lost or come twice between living tasks, by the numbers of those behind them") \
        X(transferred, COST, "tuples put into channels: emitted x receivers") \
        X(batches_in, COST, "batches received") \
        X(batches_out, COST, "batches sent") \
        X(bytes_in, COST, "bytes received") \
        X(bytes_out, COST, "bytes sent") \
        X(blocked_ns, COST, "nanoseconds spent waiting for a full channel; spout: or for tuple trees in flight") \
        X(busy_ns, COST, "nanoseconds spent in callbacks and on batches, not blocked") \
        X(pending, LEVEL, "spout: tuple trees in flight") \
        X(keys, LEVEL, "keys of keyed state") \
        X(lag_bytes, LAG, "spout: bytes of its source that it has not emitted yet") \
        X(lag_messages, LAG, "spout: messages of its source that it has not emitted yet") \
        X(lag_in_bytes, LAG, "1: the first of them is known; added up: of so many tasks") \
        X(lag_in_messages, LAG, "1: the second of them is known") \
        X(loops, LIFE, "turns of the task loop")

/*
 * A histogram of nanoseconds, log-linear as HdrHistogram's (G. Tene): SQI_HISTOGRAM_SUB buckets an octave, and a value
 * is taken for the middle of its bucket, so a quantile is within 1/64 of the true one. Values from 0 to 2^40 ns (18
 * minutes); larger ones count in the last bucket.
 */
enum { SQI_HISTOGRAM_SUB = 32, SQI_HISTOGRAM_BUCKETS = 36 * SQI_HISTOGRAM_SUB };

struct sqi_histogram {
        _Atomic uint32_t buckets[SQI_HISTOGRAM_BUCKETS];
};

/* A metric of the component's own (sq_count(), sq_gauge(), sq_histogram()), known by its name. */
enum { SQI_OWN_MAX = 8, SQI_OWN_NAME = 32 };
enum sqi_own_metric_kind { SQI_OWN_NONE, SQI_OWN_COUNTER, SQI_OWN_GAUGE, SQI_OWN_HISTOGRAM, SQI_OWN_KINDS };

struct sqi_own_metric {
        _Atomic uint32_t kind; /* written last: what is before it holds from then on */
        char name[SQI_OWN_NAME];
        _Atomic int64_t value; /* histogram: how many */
        struct sqi_histogram values;
};

/* How far event time has come: of a moment, as the heavy keys are. */
struct sqi_shown_time {
        _Atomic int64_t watermark;    /* ns since 1970 */
        _Atomic uint32_t known, idle; /* flags: there is one; nothing comes for now */
};

struct sqi_metrics {
#define X(name, ...) _Atomic uint64_t name;
        SQI_COUNTERS(X)
#undef X
        struct sqi_histogram execute;           /* ns of one execute; sampled: one tuple a batch */
        struct sqi_histogram complete;          /* ns from emit to completed tuple tree, spouts */
        struct sqi_own_metric own[SQI_OWN_MAX]; /* the first with SQI_OWN_NONE ends them */
        struct sqi_heavy heavy;                 /* of a moment: read where it lies, not reported and not added up */
        struct sqi_shown_time time;             /* the same */
};

/* The counters alone, at one moment. */
struct sqi_counts {
#define X(name, ...) uint64_t name;
        SQI_COUNTERS(X)
#undef X
};

enum sqi_counter_use {
        SQI_COUNTER_WORK,
        SQI_COUNTER_TROUBLE,
        SQI_COUNTER_COST,
        SQI_COUNTER_LEVEL,
        SQI_COUNTER_LAG,
        SQI_COUNTER_LIFE
};

/* The list as a table, in the same order: the counters stand first in struct sqi_metrics, without gaps. */
struct sqi_counter {
        const char *name;
        enum sqi_counter_use use;
        const char *help;
};
#define X(name, ...) +1
enum { SQI_NCOUNTERS = 0 SQI_COUNTERS(X) };
#undef X
extern const struct sqi_counter sqi_counters[SQI_NCOUNTERS];
uint64_t sqi_counter_get(const struct sqi_metrics *metrics, unsigned counter);
uint64_t sqi_counts_get(const struct sqi_counts *counts, unsigned counter);

/* Tuples that were not processed, and of which no dead-letter file tells; and keys whose state is lost. */
static inline uint64_t
sqi_metrics_missing(const struct sqi_metrics *metrics)
{
        uint64_t given_up = atomic_load_explicit(&metrics->given_up, memory_order_relaxed),
                 letters = atomic_load_explicit(&metrics->dead_lettered, memory_order_relaxed);

        return atomic_load_explicit(&metrics->lost, memory_order_relaxed) +
               atomic_load_explicit(&metrics->keys_lost, memory_order_relaxed) +
               (given_up > letters ? given_up - letters : 0);
}

/* The writer's add: no lock prefix, for there is one writer. */
static inline void
sqi_count(_Atomic uint64_t *counter, uint64_t n)
{
        atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void
sqi_gauge(_Atomic uint64_t *gauge, uint64_t value)
{
        atomic_store_explicit(gauge, value, memory_order_relaxed);
}

void sqi_histogram_add(struct sqi_histogram *histogram, uint64_t ns);
/* Adds all of `from` to `into`. */
void sqi_histogram_merge(struct sqi_histogram *into, const struct sqi_histogram *from);
/* The largest value that counts in a bucket; the last one holds all that are larger too. */
uint64_t sqi_histogram_edge(unsigned bucket);
/* The value at quantile q (0..1) in ns, within 1/64; of the last bucket the upper edge; 0 when empty. */
uint64_t sqi_histogram_quantile(const struct sqi_histogram *histogram, double q);
/* The mean, each value taken for the middle of its bucket, so within 1/64; 0 when empty. */
double sqi_histogram_mean(const struct sqi_histogram *histogram);
/* The component's own metric of that name, made when there is none; NULL: another kind has the name, or there are
 * SQI_OWN_MAX. */
struct sqi_own_metric *sqi_own_metric_find(struct sqi_metrics *metrics, const char *name,
                                           enum sqi_own_metric_kind kind);
const char *sqi_own_metric_kind_name(uint32_t kind); /* "counter", ... */

/* Another number after each turn of the task's loop and each tuple: who shows the same for long is stuck in a
 * callback. */
static inline uint64_t
sqi_metrics_life(const struct sqi_metrics *metrics)
{
        return atomic_load_explicit(&metrics->loops, memory_order_relaxed) +
               atomic_load_explicit(&metrics->executed, memory_order_relaxed);
}

/* Another number whenever something was counted, signs of life and times apart: is there anything to tell? */
uint64_t sqi_metrics_news(const struct sqi_metrics *metrics);

/* Adds counters and histograms: for a component's total over its tasks, and a task's over its incarnations. */
void sqi_metrics_merge(struct sqi_metrics *into, const struct sqi_metrics *from);

#endif

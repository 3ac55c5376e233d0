/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buckets of the histogram: the first SQI_HISTOGRAM_SUB hold one value each; from there on every octave [2^e, 2^(e+1))
 * has SQI_HISTOGRAM_SUB buckets of equal width, up to 2^40.
 */
#include "control/metrics.h"

#include <stddef.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/invariant.h"

const struct sqi_counter sqi_counters[SQI_NCOUNTERS] = {
#define X(name, use, help) {#name, SQI_COUNTER_##use, help},
        SQI_COUNTERS(X)
#undef X
};
_Static_assert(offsetof(struct sqi_metrics, execute) == SQI_NCOUNTERS * sizeof(uint64_t),
               "counters stand first, without gaps");

uint64_t
sqi_counter_get(const struct sqi_metrics *metrics, unsigned counter)
{
        sqi_assert(counter < SQI_NCOUNTERS);
        return atomic_load_explicit((const _Atomic uint64_t *)(const void *)metrics + counter, memory_order_relaxed);
}

uint64_t
sqi_counts_get(const struct sqi_counts *counts, unsigned counter)
{
        sqi_assert(counter < SQI_NCOUNTERS);
        return *((const uint64_t *)(const void *)counts + counter);
}

enum { SUB_BITS = 5 };
_Static_assert(1 << SUB_BITS == SQI_HISTOGRAM_SUB, "SUB_BITS follows from SQI_HISTOGRAM_SUB");

static unsigned
bucket_of(uint64_t ns)
{
        unsigned octave, bucket;

        if (ns < SQI_HISTOGRAM_SUB)
                return (unsigned)ns;
        octave = 63u - (unsigned)__builtin_clzll(ns) - SUB_BITS;
        bucket = (octave + 1) * SQI_HISTOGRAM_SUB + (unsigned)((ns >> octave) & (SQI_HISTOGRAM_SUB - 1));
        return bucket < SQI_HISTOGRAM_BUCKETS ? bucket : SQI_HISTOGRAM_BUCKETS - 1;
}

uint64_t
sqi_histogram_edge(unsigned bucket)
{
        unsigned octave = bucket / SQI_HISTOGRAM_SUB;
        uint64_t place = bucket % SQI_HISTOGRAM_SUB;

        if (octave == 0)
                return place;
        return ((SQI_HISTOGRAM_SUB + place + 1) << (octave - 1)) - 1;
}

static double
middle(unsigned bucket)
{
        uint64_t below = bucket ? sqi_histogram_edge(bucket - 1) + 1 : 0;

        return ((double)below + (double)sqi_histogram_edge(bucket)) / 2;
}

static uint32_t
load(const _Atomic uint32_t *count)
{
        return atomic_load_explicit(count, memory_order_relaxed);
}

static void
add(_Atomic uint32_t *count, uint32_t n)
{
        atomic_store_explicit(count, load(count) + n, memory_order_relaxed);
}

void
sqi_histogram_add(struct sqi_histogram *histogram, uint64_t ns)
{
        add(&histogram->buckets[bucket_of(ns)], 1);
}

void
sqi_histogram_merge(struct sqi_histogram *into, const struct sqi_histogram *from)
{
        for (unsigned i = 0; i < SQI_HISTOGRAM_BUCKETS; i++) {
                uint32_t n = load(&from->buckets[i]);

                if (n > 0) /* few have any */
                        add(&into->buckets[i], n);
        }
}

uint64_t
sqi_histogram_quantile(const struct sqi_histogram *histogram, double q)
{
        uint64_t total = 0, rank, seen = 0;
        unsigned i;

        for (i = 0; i < SQI_HISTOGRAM_BUCKETS; i++)
                total += load(&histogram->buckets[i]);
        if (total == 0)
                return 0;
        rank = (uint64_t)ceil(q * (double)total);
        if (rank == 0)
                rank = 1;
        for (i = 0; i < SQI_HISTOGRAM_BUCKETS - 1; i++) {
                seen += load(&histogram->buckets[i]);
                if (seen >= rank)
                        break;
        }
        return i == SQI_HISTOGRAM_BUCKETS - 1 ? sqi_histogram_edge(i) : (uint64_t)middle(i);
}

double
sqi_histogram_mean(const struct sqi_histogram *histogram)
{
        uint64_t total = 0;
        double sum = 0;

        for (unsigned i = 0; i < SQI_HISTOGRAM_BUCKETS; i++) {
                uint32_t n = load(&histogram->buckets[i]);

                total += n;
                sum += n * middle(i);
        }
        return total ? sum / (double)total : 0;
}

const char *
sqi_own_metric_kind_name(uint32_t kind)
{
        static const char *const names[SQI_OWN_KINDS] = {"none", "counter", "gauge", "histogram"};

        return kind < SQI_OWN_KINDS ? names[kind] : "?";
}

struct sqi_own_metric *
sqi_own_metric_find(struct sqi_metrics *metrics, const char *name, enum sqi_own_metric_kind kind)
{
        for (unsigned i = 0; i < SQI_OWN_MAX; i++) {
                struct sqi_own_metric *own = &metrics->own[i];
                uint32_t has = atomic_load_explicit(&own->kind, memory_order_relaxed);
                if (has == SQI_OWN_NONE) {
                        snprintf(own->name, sizeof(own->name), "%s", name);
                        atomic_store_explicit(&own->kind, kind, memory_order_release);
                        return own;
                }
                if (strncmp(own->name, name, SQI_OWN_NAME - 1) == 0)
                        return has == kind ? own : NULL;
        }
        return NULL;
}

/* A gauge of several tasks is their sum. */
static void
merge_own(struct sqi_metrics *into, const struct sqi_own_metric *from)
{
        uint32_t kind = atomic_load_explicit(&from->kind, memory_order_acquire);
        struct sqi_own_metric *own = kind ? sqi_own_metric_find(into, from->name, (enum sqi_own_metric_kind)kind)
                                          : NULL;

        if (!own)
                return;
        atomic_fetch_add_explicit(&own->value, atomic_load_explicit(&from->value, memory_order_relaxed),
                                  memory_order_relaxed);
        if (kind == SQI_OWN_HISTOGRAM)
                sqi_histogram_merge(&own->values, &from->values);
}

void
sqi_metrics_merge(struct sqi_metrics *into, const struct sqi_metrics *from)
{
#define X(name, ...) sqi_count(&into->name, atomic_load_explicit(&from->name, memory_order_relaxed));
        SQI_COUNTERS(X)
#undef X
        if (atomic_load_explicit(&from->executed, memory_order_relaxed) > 0) /* by a bolt: no tree of it completes */
                sqi_histogram_merge(&into->execute, &from->execute);
        else
                sqi_histogram_merge(&into->complete, &from->complete);
        for (unsigned i = 0; i < SQI_OWN_MAX; i++)
                merge_own(into, &from->own[i]);
}

uint64_t
sqi_metrics_news(const struct sqi_metrics *metrics)
{
        const uint64_t odd = 0x9e3779b97f4a7c15; /* Fibonacci hashing, Knuth */
        const _Atomic uint64_t *quiet[] = {&metrics->loops, &metrics->busy_ns, &metrics->blocked_ns};
        uint64_t news = 0;

#define X(name, ...) \
        if (&metrics->name != quiet[0] && &metrics->name != quiet[1] && &metrics->name != quiet[2]) \
                news = (news + atomic_load_explicit(&metrics->name, memory_order_relaxed)) * odd;
        SQI_COUNTERS(X)
#undef X
        for (uint32_t i = 0; i < SQI_OWN_MAX && atomic_load_explicit(&metrics->own[i].kind, memory_order_acquire); i++)
                news = (news + (uint64_t)atomic_load_explicit(&metrics->own[i].value, memory_order_relaxed)) * odd;
        return news;
}

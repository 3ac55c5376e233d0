/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the benchmarks measure latency, the floor and the bolt `stopwatch` alike: from the time at which a tuple was due,
 * whatever became of those before it, so that a stall is charged to every tuple that it delayed (no coordinated
 * omission: G. Tene).
 *
 * The histogram is log-linear with LATENCY_SUB buckets an octave: a quantile is within 0.4 % of the true value; the
 * largest is kept as it is.
 */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include <stdint.h>
#include <stdio.h>

enum { LATENCY_BITS = 8, LATENCY_SUB = 1 << LATENCY_BITS, LATENCY_OCTAVES = 33 };

/* What is due in the first half second does not count: caches, page tables and the governor warm up. */
#define LATENCY_WARM_UP_NS UINT64_C(500000000)

struct latency {
        uint64_t from_ns; /* due before: not counted; follows from the first */
        uint64_t n, max;
        uint64_t buckets[LATENCY_OCTAVES * LATENCY_SUB];
};

static inline void
latency_add(struct latency *latency, uint64_t due_ns, uint64_t now_ns)
{
        uint64_t ns = now_ns > due_ns ? now_ns - due_ns : 0;
        unsigned octave = ns < LATENCY_SUB ? 0 : 64u - LATENCY_BITS - (unsigned)__builtin_clzll(ns);
        uint64_t bucket = octave ? octave * (uint64_t)LATENCY_SUB + ((ns >> (octave - 1)) & (LATENCY_SUB - 1)) : ns;

        if (!latency->from_ns)
                latency->from_ns = due_ns + LATENCY_WARM_UP_NS;
        if (due_ns < latency->from_ns)
                return;
        if (bucket >= LATENCY_OCTAVES * LATENCY_SUB)
                bucket = LATENCY_OCTAVES * LATENCY_SUB - 1;
        latency->buckets[bucket]++;
        latency->n++;
        if (ns > latency->max)
                latency->max = ns;
}

/* In us, the middle of its bucket, or the largest. */
static inline double
latency_us(const struct latency *latency, double quantile)
{
        uint64_t rank = (uint64_t)(quantile * (double)latency->n), seen = 0, bucket = 0, octave;
        double ns;

        while (bucket < LATENCY_OCTAVES * LATENCY_SUB - 1 && (seen += latency->buckets[bucket]) <= rank)
                bucket++;
        octave = bucket / LATENCY_SUB;
        ns = (double)bucket;
        if (octave > 0)
                ns = ((double)(LATENCY_SUB + bucket % LATENCY_SUB) + 0.5) * (double)(UINT64_C(1) << (octave - 1));
        return (ns < (double)latency->max ? ns : (double)latency->max) / 1e3;
}

/* One JSON object, and a line end. */
static inline void
latency_print(const struct latency *latency, FILE *out)
{
        (void)fprintf(out, "{\"tuples\":%llu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f}\n",
                      (unsigned long long)latency->n, latency_us(latency, 0.5), latency_us(latency, 0.99),
                      latency_us(latency, 0.999), (double)latency->max / 1e3);
}

#endif

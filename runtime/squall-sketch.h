/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squall-sketch.h - sketches: numbers of bounded size with a bounded error.
 *
 * A part of squall-kit.h, which says how it is linked, and what threads and owners there are.
 */
#ifndef SQUALL_SKETCH_H
#define SQUALL_SKETCH_H

#include <squall.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Sketches ---------------------------------------------------------------------------------------- */

/*
 * A bag of 64-bit keys that knows how often each occurs. Bags merge: put the occurrences of one into another, and take
 * the lower ceiling. Two sketches are made of it, kit/bag.c says how:
 *
 *     quantiles           sq_bag_put(&bag, sq_bag_ordered(real), 1, false), then sq_bag_quantile()
 *     distinct values     sq_bag_put(&bag, sq_bag_hash(value), 1, true), then sq_bag_distinct()
 */
struct sq_occurrence {
        uint64_t key, n; /* n: 0 in a free place */
};

/* Open addressing, a power of two of places. {.ceiling = UINT64_MAX} is an empty one; free(places) ends it. */
struct sq_bag {
        struct sq_occurrence *places;
        size_t used, size;
        uint64_t ceiling; /* of distinct values: no key above it was kept */
        bool lent;        /* `places` are the caller's, until the bag needs more and takes its own */
};

/* So many of the smallest keys tell how many there are, of distinct values. */
enum { SQ_BAG_DISTINCT_KEPT = 2048 };

/* Puts a key `n` times; `distinct`: thins the bag out when it is large. False: no memory. */
SQ_EXPORT bool sq_bag_put(struct sq_bag *bag, uint64_t key, uint64_t n, bool distinct);
/* Equal values have the same: 20 and 20.0, 0.0 and -0.0, maps in another order. */
SQ_EXPORT uint64_t sq_bag_hash(struct sq_value value);
/* Doubles as integers in the same order, cut to 0.1 %. */
SQ_EXPORT uint64_t sq_bag_ordered(double real);
/* These two end the bag: nothing may be put into it afterwards. */
SQ_EXPORT int64_t sq_bag_distinct(struct sq_bag *bag);
/* The smallest value that is not below `q` of all `total`. */
SQ_EXPORT double sq_bag_quantile(struct sq_bag *bag, uint64_t total, double q);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The cells of aggregates (aggregate.h): each begins as zeroes, and holds no pointer. bool: false means no memory. */
#ifndef SQI_WINDOWS_CELLS_H
#define SQI_WINDOWS_CELLS_H

#include "windows/aggregate.h"

/* Whole numbers add up in 128 bits, `low` and `high`; floats beside them. */
struct sqi_sum {
        uint64_t n, low;
        int64_t high;
        double real;
};

void sqi_sum_add(struct sqi_sum *sum, struct sq_value number);
void sqi_sum_merge(struct sqi_sum *into, const struct sqi_sum *from);
/* Nil of nothing, as all that follow. A whole sum that no 64 bits hold becomes the nearest double. */
struct sq_value sqi_sum_total(const struct sqi_sum *sum);
struct sq_value sqi_sum_average(const struct sqi_sum *sum);

/* The least or the greatest number: the cell is the value, SQ_ANY as long as there is none. */
void sqi_extreme_put(struct sq_value *extreme, bool greatest, struct sq_value number);
struct sq_value sqi_extreme_value(const struct sq_value *extreme);

struct sqi_spread {
        uint64_t n;
        double mean, squares; /* of the distances from the mean */
};

void sqi_spread_add(struct sqi_spread *spread, double real);
void sqi_spread_merge(struct sqi_spread *into, const struct sqi_spread *from);
struct sq_value sqi_spread_deviation(const struct sqi_spread *spread);

/* A bag (squall-sketch.h), its places in a blob. */
struct sqi_sketch {
        uint64_t n, used, size;
        uint64_t above; /* UINT64_MAX - ceiling */
};

bool sqi_sketch_put(struct sqi_sketch *sketch, const struct sqi_blobs *blobs, size_t blob, uint64_t key, bool distinct);
bool sqi_sketch_merge(struct sqi_sketch *into, const struct sqi_blobs *into_blobs, const struct sqi_sketch *from,
                      const struct sqi_blobs *from_blobs, size_t blob, bool distinct);
/* These end it. */
struct sq_value sqi_sketch_quantile(const struct sqi_sketch *sketch, const struct sqi_blobs *blobs, size_t blob,
                                    double quantile);
struct sq_value sqi_sketch_distinct(const struct sqi_sketch *sketch, const struct sqi_blobs *blobs, size_t blob);

/* Are its bytes elsewhere? */
bool sqi_value_is_long(struct sq_value value);

/* A value of any type, that of the least or the greatest rank; a long one is in the blob. */
struct sqi_chosen {
        struct sq_value rank, value; /* SQ_ANY: there is none */
};

bool sqi_chosen_put(struct sqi_chosen *chosen, const struct sqi_blobs *blobs, size_t blob, enum sqi_aggregate_kind kind,
                    const struct sqi_taken *taken);
bool sqi_chosen_merge(struct sqi_chosen *into, const struct sqi_blobs *into_blobs, const struct sqi_chosen *from,
                      const struct sqi_blobs *from_blobs, size_t blob, enum sqi_aggregate_kind kind);
struct sq_value sqi_chosen_value(const struct sqi_chosen *chosen, const struct sqi_blobs *blobs, size_t blob);

/* Values one after the other in a blob of `size` bytes, each with a number that its owner gives it. */
struct sqi_values {
        uint64_t n, used, size;
};

bool sqi_values_append(struct sqi_values *values, const struct sqi_blobs *blobs, size_t blob, uint64_t number,
                       struct sq_value value);
bool sqi_values_merge(struct sqi_values *into, const struct sqi_blobs *into_blobs, const struct sqi_values *from,
                      const struct sqi_blobs *from_blobs, size_t blob);
bool sqi_values_list(const struct sqi_values *values, const struct sqi_blobs *blobs, size_t blob, struct sq_value *ret,
                     void **ret_memory);
/* Steps through them: *at begins at 0. False at the end. */
bool sqi_values_step(const struct sqi_values *values, const void *bytes, uint64_t *at, uint64_t *ret_number,
                     struct sq_value *ret);

/* How often each value occurs, in the first blob; the values, in the second, by their hashes. */
struct sqi_ranking {
        struct sqi_sketch times;
        struct sqi_values values;
};

bool sqi_ranking_put(struct sqi_ranking *ranking, const struct sqi_blobs *blobs, size_t blob, struct sq_value value);
bool sqi_ranking_merge(struct sqi_ranking *into, const struct sqi_blobs *into_blobs, const struct sqi_ranking *from,
                       const struct sqi_blobs *from_blobs, size_t blob);
/* How often the value of that hash occurs; `bytes`: the first blob. */
uint64_t sqi_ranking_times(const struct sqi_sketch *times, const void *bytes, uint64_t hash);
/* The `most` that occur most often, as { value, count }; of those that occur as often the smaller ones. */
bool sqi_ranking_list(const struct sqi_ranking *ranking, const struct sqi_blobs *blobs, size_t blob, size_t most,
                      struct sq_value *ret, void **ret_memory);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an aggregate comes to for several slots, in the memory of the process. A slot can be taken off it again, as long
 * as the slot is as it was when it was put, or what it got since was put as well. It is there for the aggregates
 * that count: how many values there are, or how often each occurs.
 *
 * It begins as zeroes; sqi_tally_clear() ends it. bool: false means no memory, and that it is of no use any more.
 */
#ifndef SQI_WINDOWS_TALLY_H
#define SQI_WINDOWS_TALLY_H

#include "windows/aggregate.h"

struct sqi_tallied {
        uint64_t key, n;        /* as in a bag; n: 0 in a free place */
        struct sq_value *value; /* SQI_TOP: with the bytes of a long one behind it */
};

struct sqi_tally {
        uint64_t n; /* values */
        struct sqi_tallied *places;
        size_t used, size;
        uint64_t above; /* UINT64_MAX - the ceiling, of distinct values: no key above it is kept */
};

bool sqi_aggregate_tallies(const struct sqi_aggregate *aggregate);
/* The value was folded into the slot with that cell, which was put. */
bool sqi_tally_fold(const struct sqi_aggregate *aggregate, struct sqi_tally *tally, const void *cell,
                    struct sq_value value);
bool sqi_tally_put(const struct sqi_aggregate *aggregate, struct sqi_tally *tally, const struct sqi_blobs *blobs,
                   const void *cell);
void sqi_tally_take(const struct sqi_aggregate *aggregate, struct sqi_tally *tally, const struct sqi_blobs *blobs,
                    const void *cell);
/* Has it fewer of the smallest keys than a result is made of, for there were more once? Then it is to be put together
 * anew. */
bool sqi_tally_is_worn(const struct sqi_tally *tally);
/* As sqi_aggregate_result(); the tally stays as it is. */
bool sqi_tally_result(const struct sqi_aggregate *aggregate, const struct sqi_tally *tally, struct sq_value *ret,
                      void **ret_memory);
void sqi_tally_clear(struct sqi_tally *tally);

#endif

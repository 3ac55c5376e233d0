/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregates: what is kept of the tuples of a slot, so that slots can be put together. Of each there is a cell in the
 * slot, which begins as zeroes, and perhaps blobs beside it. Nil is left out of all of them.
 *
 *                                          cell      blobs
 *      count [FIELD]                       8 bytes
 *      sum FIELD, avg FIELD                32        whole numbers exactly, in 128 bits, floats beside them
 *      min FIELD, max FIELD                16        numbers
 *      stddev FIELD                        24        of a sample (n - 1): T. Chan et al., 1979, merges without loss
 *      pN FIELD, distinct FIELD            32        a sketch: kit/bag.c
 *      topN FIELD                          56        how often each value occurs, and the values: exact
 *      first FIELD, last FIELD             32        a text, a list or a map; by time, of equal times by arrival
 *      min_by FIELD NUMBER, max_by ...     32        the same: FIELD where NUMBER is least
 *      collect FIELD                       24        all values, by slots and within them by arrival
 */
#ifndef SQI_WINDOWS_AGGREGATE_H
#define SQI_WINDOWS_AGGREGATE_H

#include "windows/blobs.h"

enum sqi_aggregate_kind {
        SQI_COUNT,
        SQI_SUM,
        SQI_AVG,
        SQI_MIN,
        SQI_MAX,
        SQI_STDDEV, /* up to here, all that they have is in the cell, in any order */
        SQI_QUANTILE,
        SQI_DISTINCT,
        SQI_TOP,
        SQI_FIRST,
        SQI_LAST,
        SQI_MIN_BY,
        SQI_MAX_BY,
        SQI_COLLECT,
        SQI_AGGREGATES
};

/* Aggregate i has the blobs i and i + SQI_SECOND. */
enum { SQI_NO_COLUMN = -1, SQI_ARGUMENTS = 2, SQI_SECOND = SQ_FIELDS_MAX, SQI_BLOB_NUMBERS = 2 * SQI_SECOND };

struct sqi_aggregate {
        enum sqi_aggregate_kind kind;
        struct sq_str arguments[SQI_ARGUMENTS]; /* names of fields, views into its text; ptr NULL: none */
        int columns[SQI_ARGUMENTS];             /* among the input fields of the bolt */
        double quantile;
        size_t most; /* SQI_TOP */
        size_t at;   /* of its cell, in what a slot has behind its header */
        size_t blob; /* the number of its first blob */
};

/* Reads "p99 ms". False: it is not an aggregate. */
bool sqi_aggregate_read(const char *text, struct sqi_aggregate *ret);
/* Why a text is none: what it lacks, or which one it is near to. */
void sqi_aggregate_refuse(const char *text, char *ret_why, size_t size);
size_t sqi_aggregate_size(const struct sqi_aggregate *aggregate);
/* Does it take numbers alone for that argument? */
bool sqi_aggregate_wants_number(const struct sqi_aggregate *aggregate, size_t argument);
/* The type of what comes of it, for arguments of that type. */
enum sq_type sqi_aggregate_type(const struct sqi_aggregate *aggregate, enum sq_type type);

/* What a tuple has for an aggregate. */
struct sqi_taken {
        struct sq_value value, rank; /* rank: what first, last, min_by and max_by go by */
};

/* False: the value is not what the aggregate takes. */
bool sqi_aggregate_take(const struct sqi_aggregate *aggregate, struct sq_value argument, struct sq_value *ret);
/* False: no memory. `cell` is that of the aggregate. */
bool sqi_aggregate_fold(const struct sqi_aggregate *aggregate, const struct sqi_blobs *blobs, void *cell,
                        const struct sqi_taken *taken);
bool sqi_aggregate_merge(const struct sqi_aggregate *aggregate, const struct sqi_blobs *into_blobs, void *into,
                         const struct sqi_blobs *from_blobs, const void *from);
/* What it comes to. *ret_memory is what it stands on, to be freed after the use; `cell` and its blobs are of no use any
 * more but to be forgotten. False: no memory. */
bool sqi_aggregate_result(const struct sqi_aggregate *aggregate, const struct sqi_blobs *blobs, void *cell,
                          struct sq_value *ret, void **ret_memory);
/* Forgets the blobs. */
void sqi_aggregate_clear(const struct sqi_aggregate *aggregate, const struct sqi_blobs *blobs);

#endif

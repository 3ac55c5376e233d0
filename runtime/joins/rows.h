/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows that a key holds of one side of a join, in the order of their times, and of one time in that in which they
 * came. They are in keyed state:
 *
 *     shelves   side    where each row stands: begin ... begin + n of a list that has room behind it, and in front
 *                       what those had that were dropped
 *     values    id      the fields of a row, packed one behind the other
 */
#ifndef SQI_JOINS_ROWS_H
#define SQI_JOINS_ROWS_H

#include <squall.h>

struct sqi_join_row {
        int64_t time;
        uint64_t id; /* among all rows of the key */
        uint64_t matched;
};

struct sqi_shelf;

/* The rows of a side at hand. They move when one is put. */
struct sqi_join_rows {
        struct sq_task *task;
        const void *key;
        unsigned side;
        size_t n;
        struct sqi_join_row *at;
        struct sqi_shelf *shelf;
};

void sqi_join_rows_open(struct sqi_join_rows *rows, struct sq_task *task, const void *key, unsigned side);
/* How many have an earlier time. */
size_t sqi_join_rows_before(const struct sqi_join_rows *rows, int64_t time);
void sqi_join_rows_put(struct sqi_join_rows *rows, struct sqi_join_row row, struct sq_str values);
struct sq_str sqi_join_rows_values(const struct sqi_join_rows *rows, size_t i);
/* The first `n`. */
void sqi_join_rows_drop(struct sqi_join_rows *rows, size_t n);
/* How many there are, to look at: what is there stays as it is. */
size_t sqi_join_rows_count(struct sq_task *task, const void *key, unsigned side);

#endif

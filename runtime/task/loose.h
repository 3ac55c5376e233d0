/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loose tuples: those that belong to no tuple tree, as what a bolt upstream emitted in `finish`. No spout would replay
 * one that failed here, so under at-least-once its bolt does:
 *
 *  1. sqi_loose_hold() copies what was executed and waits for a `.flush`; sqi_loose_flushed() lets go of it, or turns
 *     it into failures.
 *  2. sqi_loose_fail() takes what a verdict failed.
 *  3. sqi_loose_next() hands failures out again, after a back-off; for SQI_LOOSE_NS since the first one, then they are
 *     lost: counted, logged, and the run fails.
 *
 * A task is not at its end before sqi_loose_is_empty(). At most once nothing is held: what fails is lost at once.
 */
#ifndef SQI_LOOSE_H
#define SQI_LOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sq_task;
struct sq_tuple;
struct sqi_loose;

enum { SQI_LOOSE_SECS = 10 };

struct sqi_loose_list {
        struct sqi_loose *first, **end; /* `end` NULL: not used yet */
        size_t n;
};

struct sqi_loose_tuples {
        struct sqi_loose_list held, failed;
        uint64_t since_ns, due_ns, delay_ns; /* of what has failed: the first time, the next try, the back-off */
};

void sqi_loose_hold(struct sq_task *task, const struct sq_tuple *tuple);
void sqi_loose_fail(struct sq_task *task, const struct sq_tuple *tuple);
void sqi_loose_flushed(struct sq_task *task, bool fine);

/* When failures are to be tried again; UINT64_MAX: there are none. */
uint64_t sqi_loose_due(const struct sq_task *task);
/* Calls `execute` for each of them. */
void sqi_loose_retry(struct sq_task *task, void (*execute)(struct sq_task *task, struct sq_tuple *tuple));
bool sqi_loose_is_empty(const struct sq_task *task);
void sqi_loose_free(struct sqi_loose_tuples *loose);

#endif

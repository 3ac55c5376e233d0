/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tasks of a topology have counted, over all their incarnations: the last word of each that ended, plus the
 * present one's.
 *
 * For a supervisor that adopts the workers of a dead one, the sums are kept in the run directory, before the next
 * incarnation writes its own numbers (control/counted.h) over those of the last. So at every instant the two files have
 * each incarnation once.
 */
#ifndef SQI_TOTALS_H
#define SQI_TOTALS_H

#include "control/message.h"
#include "plan/plan.h"

struct sqi_totals;

int sqi_totals_new(const struct sqi_plan *plan, struct sqi_totals **ret);
void sqi_totals_free(struct sqi_totals **totals);

/* A METRICS message with its metrics. A task's own numbers only grow; what comes late from an incarnation before the
 * last one known is ignored. */
void sqi_totals_take(struct sqi_totals *totals, const struct sqi_message *message, const struct sqi_metrics *metrics);

/* The same of the counters alone; the rest stays as last reported. */
void sqi_totals_take_counts(struct sqi_totals *totals, const struct sqi_message *message,
                            const struct sqi_counts *counts);

/* Likewise, of an incarnation that is dead: its last word. What comes later from it was said before. */
void sqi_totals_end(struct sqi_totals *totals, const struct sqi_message *message, const struct sqi_metrics *metrics);

/* Writes down what the tasks of that worker have counted up to and with that incarnation, all of which are dead. 0,
 * also when there is nothing to write; or a negative errno. */
int sqi_totals_keep(const struct sqi_totals *totals, const char *rundir, uint32_t worker, uint32_t incarnation);
/* Goes on from there; before anything is taken. 0, also when nothing was kept; or a negative errno: -EBADMSG when it
 * cannot be read. */
int sqi_totals_resume(struct sqi_totals *totals, const char *rundir, uint32_t worker);

/* The sum of one task, or of a component's tasks; the gauges, `pending` and `keys`, are the
 * present incarnation's. The keys of those before it are `keys_lost`. */
void sqi_totals_task(const struct sqi_totals *totals, uint32_t task, struct sqi_metrics *ret);
/* The counters alone. */
void sqi_totals_counts(const struct sqi_totals *totals, uint32_t task, struct sqi_counts *ret);
/* Tuples of the topology that were not processed and are in no dead-letter file, lost or given up; and keys that have
 * lost their state. */
uint64_t sqi_totals_missing(const struct sqi_totals *totals);
void sqi_totals_component(const struct sqi_totals *totals, uint32_t component, struct sqi_metrics *ret);

#endif

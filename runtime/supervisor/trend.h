/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the tasks of a topology work, and what they spend their time on: what they had counted, remembered once a
 * second.
 *
 * Memory is bounded: a task has the last SQI_TREND_SECONDS, a component besides them an hour in steps of
 * SQI_TREND_STEP_SECS. Rates come from the two ends of a window, so they are exact for the time between two looks.
 */
#ifndef SQI_TREND_H
#define SQI_TREND_H

#include "supervisor/totals.h"

enum { SQI_TREND_SECONDS = 64, SQI_TREND_STEP_SECS = 15, SQI_TREND_STEPS = 241 };

/* What is remembered: one list. */
#define SQI_TREND(X) X(emitted) X(executed) X(acked) X(failed) X(transferred) X(busy_ns) X(blocked_ns)

/* Per second, over a window that was `seconds` long; 0: there is nothing yet. */
struct sqi_pace {
        double seconds;
#define X(name) double name;
        SQI_TREND(X)
#undef X
};

struct sqi_trend;

int sqi_trend_new(const struct sqi_plan *plan, struct sqi_trend **ret); /* 0 or -ENOMEM; the plan outlives it */
void sqi_trend_free(struct sqi_trend **trend);

/* Monotonic time in ns of the next look. */
uint64_t sqi_trend_due(const struct sqi_trend *trend);
void sqi_trend_look(struct sqi_trend *trend, const struct sqi_totals *totals, uint64_t now_ns);

/* Over the last `seconds`, or what there is of them. */
void sqi_trend_task(const struct sqi_trend *trend, uint32_t task, double seconds, struct sqi_pace *ret);
/* The same of the sum over a component's tasks; the last hour is known. */
void sqi_trend_component(const struct sqi_trend *trend, uint32_t component, double seconds, struct sqi_pace *ret);

/* The last hour of a component: its n-th step before now, 0 the newest, and how long ago it ended. False: it is not
 * known. */
bool sqi_trend_step(const struct sqi_trend *trend, uint32_t component, unsigned n, double *ret_age,
                    struct sqi_pace *ret);

/* The parts of a task's time, from 0 to 1: in callbacks and on batches, waiting for whom it sends to, the rest. */
struct sqi_shares {
        double busy, blocked, idle;
};
struct sqi_shares sqi_pace_shares(const struct sqi_pace *pace, uint32_t ntasks);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which component limits a topology, and why, in words.
 *
 * Pressure travels upstream: behind a slow component its senders wait, and their senders behind them. So what limits
 * is the component that is busy itself while who sends to it waits; where nobody waits, nothing limits but what
 * comes in. Of a component the busiest task counts, since one that gets most of the keys holds up all. That is the
 * rule of Flink's page (FLINK-14127), with the waiting measured and not sampled.
 */
#ifndef SQI_BOTTLENECK_H
#define SQI_BOTTLENECK_H

#include "supervisor/trend.h"

enum { SQI_BOTTLENECK_REASON = 320, SQI_BOTTLENECK_ADVICE = 320 };

struct sqi_bottleneck {
        const char *component; /* of the plan; NULL: none */
        bool keeps_up;         /* with what its spouts bring */
        bool skewed;           /* `task` gets more tuples than its part, which is why */
        uint32_t task;         /* of the plan: the busiest of `component` */
        char reason[SQI_BOTTLENECK_REASON];
        char advice[SQI_BOTTLENECK_ADVICE]; /* empty: there is none to give */
};

/* Of the last seconds. `cores` of the machine: more tasks than that do not help. */
void sqi_bottleneck_find(const struct sqi_plan *plan, const struct sqi_trend *trend, unsigned cores,
                         struct sqi_bottleneck *ret);

#endif

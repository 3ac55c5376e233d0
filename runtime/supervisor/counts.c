/* SPDX-License-Identifier: Apache-2.0 */
/* What the workers of a topology have counted, from where they count: control/counted.h. */
#include "supervisor/running.h"

void
sqi_running_take_counts(struct sqi_running *running, uint32_t worker, uint32_t incarnation, sqi_totals_taker *take)
{
        struct sqi_message message = {.type = SQI_MSG_METRICS, .worker = worker, .incarnation = incarnation};
        struct sqi_metrics *metrics = &running->received->metrics;

        for (message.task = 0; message.task < running->plan->ntasks; message.task++)
                if (running->plan->tasks[message.task].worker == worker &&
                    sqi_counted_read(running->counted, message.task, incarnation, metrics) == 0)
                        take(running->totals, &message, metrics);
}

void
sqi_running_count(struct sqi_running *running)
{
        for (uint32_t w = 0; w < running->plan->nworkers; w++)
                sqi_running_take_counts(running, w, running->life->workers[w].incarnation, sqi_totals_take);
}

/* What was counted up to now, without the histograms. */
static void
take_counts_alone(struct sqi_running *running)
{
        struct sqi_message message = {.type = SQI_MSG_METRICS};
        struct sqi_counts counts;

        for (message.task = 0; message.task < running->plan->ntasks; message.task++) {
                message.worker = running->plan->tasks[message.task].worker;
                message.incarnation = running->life->workers[message.worker].incarnation;
                if (sqi_counted_read_counts(running->counted, message.task, message.incarnation, &counts) == 0)
                        sqi_totals_take_counts(running->totals, &message, &counts);
        }
}

void
sqi_running_look(struct sqi_running *running, uint64_t now_ns)
{
        if (now_ns < sqi_trend_due(running->trend))
                return;
        take_counts_alone(running);
        sqi_trend_look(running->trend, running->totals, now_ns);
}

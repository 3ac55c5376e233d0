/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "control/counted.h"
#include "supervisor/running.h"

static bool
has_watermarks(const struct sqi_plan *plan, uint32_t component)
{
        bool has = plan->components[component].event_time != NULL;

        for (uint32_t e = 0; e < plan->nedges && !has; e++)
                has = plan->edges[e].to == component && !plan->edges[e].feedback &&
                      plan->components[plan->edges[e].from].streams[plan->edges[e].stream].watermarks;
        return has;
}

static void
add(struct sqi_event_time_at *at, const struct sqi_shown_time *shown, int64_t *latest)
{
        bool known = atomic_load_explicit(&shown->known, memory_order_acquire);
        int64_t watermark = atomic_load_explicit(&shown->watermark, memory_order_relaxed);

        if (atomic_load_explicit(&shown->idle, memory_order_relaxed))
                at->nidle++;
        else if (!known)
                at->nsilent++;
        else if (!at->known || watermark < at->watermark) {
                at->known = true;
                at->watermark = watermark;
        }
        if (known && watermark > *latest)
                *latest = watermark;
}

void
sqi_running_event_time(const struct sqi_running *running, uint32_t component, struct sqi_event_time_at *ret)
{
        const struct sqi_plan_component *it = &running->plan->components[component];
        struct sqi_metrics *metrics = has_watermarks(running->plan, component) ? malloc(sizeof(*metrics)) : NULL;
        int64_t latest = SQ_NO_WATERMARK;

        *ret = (struct sqi_event_time_at){0};
        for (uint32_t t = it->first_task; metrics && t < it->first_task + it->ntasks; t++) {
                uint32_t worker = running->plan->tasks[t].worker;

                ret->ntasks++;
                if (sqi_counted_read(running->rundir.path, t, running->life->workers[worker].incarnation, metrics) == 0)
                        add(ret, &metrics->time, &latest);
                else
                        ret->nsilent++;
        }
        free(metrics);
        if (ret->nsilent > 0)
                ret->known = false;
        else if (ret->nidle == ret->ntasks && latest > SQ_NO_WATERMARK) {
                ret->known = true;
                ret->watermark = latest;
        }
}

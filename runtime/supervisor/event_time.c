/* SPDX-License-Identifier: Apache-2.0 */
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
        struct sqi_shown_time shown;
        int64_t latest = SQ_NO_WATERMARK;

        *ret = (struct sqi_event_time_at){0};
        if (!has_watermarks(running->plan, component))
                return;
        for (uint32_t t = it->first_task; t < it->first_task + it->ntasks; t++) {
                uint32_t worker = running->plan->tasks[t].worker;

                ret->ntasks++;
                if (sqi_counted_read_time(running->counted, t, running->life->workers[worker].incarnation, &shown) == 0)
                        add(ret, &shown, &latest);
                else
                        ret->nsilent++;
        }
        if (ret->nsilent > 0)
                ret->known = false;
        else if (ret->nidle == ret->ntasks && latest > SQ_NO_WATERMARK) {
                ret->known = true;
                ret->watermark = latest;
        }
}

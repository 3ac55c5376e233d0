/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/status.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/figures.h"
#include "daemon/vitals.h"
#include "daemon/checkpoints.h"
#include "lifecycle/tell.h"
#include "supervisor/usage.h"

enum { NAME_SIZE = 256, CAUSE_SIZE = SQI_CAUSE_TEXT + 256 };

/* ---- Sums -------------------------------------------------------------------------------------------- */

/* By its spouts, over 10 s: a batch at a slow bolt may take longer than one. */
static double
emitted_a_second(const struct sqi_hosted *hosted)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        struct sqi_pace pace;
        double sum = 0;

        for (uint32_t c = 0; sqi_hosted_is_running(hosted) && c < plan->ncomponents; c++)
                if (plan->components[c].kind == SQ_KIND_SPOUT) {
                        sqi_trend_component(sqi_running_trend(hosted->running), c, 10, &pace);
                        sum += pace.emitted;
                }
        return sum;
}

static uint64_t
restarts(const struct sqi_hosted *hosted)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        uint64_t n = 0;

        for (uint32_t w = 0; hosted->running && w < plan->nworkers; w++)
                n += sqi_running_lifecycle(hosted->running)->workers[w].restarts;
        return n;
}

double
sqi_status_uptime(const struct sqi_hosted *hosted)
{
        int64_t now = (int64_t)time(NULL);

        if (!hosted->running)
                return 0;
        if (!sqi_hosted_is_running(hosted) || now - hosted->record.began < 2)
                return (double)sqi_running_uptime(hosted->running) / 1e9;
        return (double)(now - hosted->record.began);
}

/* ---- One topology ------------------------------------------------------------------------------------ */

static void
put_head(struct sqi_writer *writer, const struct sqi_hosted *hosted)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);

        sqi_write_text(writer, "topology", hosted->record.name);
        sqi_write_text(writer, "state", sqi_hosted_state(hosted));
        sqi_write_real(writer, "uptime_s", sqi_status_uptime(hosted));
        sqi_write_uint(writer, "tasks", plan ? plan->ntasks : 0);
        sqi_write_uint(writer, "workers", plan ? plan->nworkers : 0);
        sqi_write_real(writer, "emitted_s", emitted_a_second(hosted));
        sqi_write_uint(writer, "restarts", restarts(hosted));
        sqi_write_text(writer, "cause",
                       hosted->trouble[0]        ? hosted->trouble
                       : hosted->record.cause[0] ? hosted->record.cause
                                                 : NULL);
        sqi_write_text(writer, "serial", hosted->record.serial);
}

void
sqi_status_list(const struct sqi_daemon *daemon, struct sqi_writer *writer)
{
        sqi_write_array(writer, NULL);
        for (const struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next) {
                if (hosted->discarded)
                        continue;
                sqi_write_map(writer, NULL);
                put_head(writer, hosted);
                sqi_write_end(writer);
        }
        sqi_write_end(writer);
}

static const char *
worker_state(const struct sqi_lifecycle *life, uint32_t worker)
{
        static const char *const names[] = {
                [SQI_WORKER_IDLE] = "idle",     [SQI_WORKER_SPAWNING] = "spawning", [SQI_WORKER_ALIVE] = "starting",
                [SQI_WORKER_KILLED] = "killed", [SQI_WORKER_WAITING] = "waiting",   [SQI_WORKER_LEAVING] = "leaving",
                [SQI_WORKER_BACK] = "back",     [SQI_WORKER_GONE] = "gone",
        };
        const struct sqi_life_worker *it = &life->workers[worker];

        if (it->state == SQI_WORKER_ALIVE && it->adopting)
                return "adopting";
        return it->state == SQI_WORKER_ALIVE && it->started ? "running" : names[it->state];
}

static void
put_task(struct sqi_writer *writer, const struct sqi_hosted *hosted, uint32_t task)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        const struct sqi_lifecycle *life = sqi_running_lifecycle(hosted->running);
        uint32_t worker = plan->tasks[task].worker;
        const struct sqi_life_worker *it = &life->workers[worker];
        char name[NAME_SIZE], cause[CAUSE_SIZE];
        struct sqi_metrics metrics;
        struct sqi_usage usage = sqi_usage_of(sqi_running_pid(hosted->running, worker));

        sqi_totals_task(sqi_running_totals(hosted->running), task, &metrics);
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "task", sqi_task_name(plan, task, name, sizeof(name)));
        sqi_write_uint(writer, "worker", worker);
        sqi_write_uint(writer, "pid", (uint64_t)sqi_running_pid(hosted->running, worker));
        sqi_write_text(writer, "state", worker_state(life, worker));
        sqi_write_uint(writer, "incarnation", it->incarnation);
        sqi_write_uint(writer, "restarts", it->restarts);
        sqi_write_text(writer, "cause",
                       it->restarts > 0 ? sqi_cause_text(plan, &it->cause, cause, sizeof(cause)) : NULL);
        sqi_write_counters(writer, &metrics);
        if (plan->components[plan->tasks[task].component].kind == SQ_KIND_SPOUT)
                sqi_write_lag(writer, &metrics);
        sqi_write_task_vitals(writer, hosted->running, task);
        sqi_write_uint(writer, "rss_bytes", usage.rss); /* of its worker, as all of that */
        sqi_write_real(writer, "cpu_s", usage.cpu_seconds);
        sqi_write_end(writer);
}

static uint64_t
component_restarts(const struct sqi_hosted *hosted, const struct sqi_plan_component *component)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        uint64_t n = 0;

        for (uint32_t t = component->first_task; t < component->first_task + component->ntasks; t++)
                n += sqi_running_lifecycle(hosted->running)->workers[plan->tasks[t].worker].restarts;
        return n;
}

static void
put_component(struct sqi_writer *writer, const struct sqi_hosted *hosted, uint32_t c)
{
        const struct sqi_plan_component *component = &sqi_hosted_plan(hosted)->components[c];
        struct sqi_metrics metrics;
        double left;

        sqi_totals_component(sqi_running_totals(hosted->running), c, &metrics);
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "id", component->id);
        sqi_write_text(writer, "kind", sqi_kind_name(component->kind));
        sqi_write_uint(writer, "restarts", component_restarts(hosted, component));
        sqi_write_text(writer, "log_level", sqi_level_name(sqi_levels_of(&hosted->levels, component->id, &left)));
        sqi_write_real(writer, "log_level_s", left);
        sqi_write_counters(writer, &metrics);
        if (component->kind == SQ_KIND_SPOUT)
                sqi_write_lag(writer, &metrics);
        sqi_write_times(writer, &metrics);
        sqi_write_component_vitals(writer, hosted->running, c);
        sqi_write_event_time(writer, hosted->running, c);
        sqi_write_array(writer, "tasks");
        for (uint32_t t = component->first_task; t < component->first_task + component->ntasks; t++)
                put_task(writer, hosted, t);
        sqi_write_end(writer);
        sqi_write_end(writer);
}

static void
write_edges(struct sqi_writer *writer, const struct sqi_plan *plan)
{
        sqi_write_array(writer, "edges");
        for (uint32_t e = 0; plan && e < plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];
                const struct sqi_plan_component *from = &plan->components[edge->from];

                sqi_write_map(writer, NULL);
                sqi_write_text(writer, "from", from->id);
                sqi_write_text(writer, "to", plan->components[edge->to].id);
                sqi_write_text(writer, "stream", from->streams[edge->stream].id);
                sqi_write_text(writer, "grouping", sqi_grouping_name(edge->grouping));
                sqi_write_bool(writer, "feedback", edge->feedback);
                sqi_write_end(writer);
        }
        sqi_write_end(writer);
}

void
sqi_status_one(const struct sqi_hosted *hosted, struct sqi_writer *writer)
{
        const struct sqi_plan *plan = hosted->running ? sqi_hosted_plan(hosted) : NULL;

        sqi_write_map(writer, NULL);
        put_head(writer, hosted);
        sqi_write_text(writer, "dead_letters", plan && plan->config.dead_letter ? plan->config.dead_letter : "");
        if (plan) {
                sqi_write_bottleneck(writer, hosted->running);
                sqi_checkpoints_write(hosted->running, writer);
        }
        sqi_events_write_last_death(&hosted->daemon->events, hosted->record.name, "last_death", writer);
        write_edges(writer, plan);
        sqi_write_array(writer, "components");
        for (uint32_t c = 0; plan && c < plan->ncomponents; c++)
                put_component(writer, hosted, c);
        sqi_write_end(writer);
        sqi_write_end(writer);
}

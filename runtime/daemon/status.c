/* SPDX-License-Identifier: Apache-2.0 */
/* What LIST and STATUS answer, as msgpack maps: the names here are those of --json. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/hosted.h"
#include "lifecycle/tell.h"

enum { NAME_SIZE = 256, CAUSE_SIZE = SQI_CAUSE_TEXT + 256 };

/* Both, component and task, show these of their counters. */
#define COUNTERS(X) X(emitted) X(executed) X(acked) X(failed) X(replayed) X(pending)
enum {
#define X(name) +1
        NCOUNTERS = 0 COUNTERS(X)
#undef X
};

static void
put_text(msgpack_packer *packer, const char *text)
{
        msgpack_pack_str_with_body(packer, text, strlen(text));
}

static void
put_key_text(msgpack_packer *packer, const char *key, const char *text)
{
        put_text(packer, key);
        if (text)
                put_text(packer, text);
        else
                msgpack_pack_nil(packer);
}

static void
put_key_uint(msgpack_packer *packer, const char *key, uint64_t number)
{
        put_text(packer, key);
        msgpack_pack_uint64(packer, number);
}

static void
put_key_real(msgpack_packer *packer, const char *key, double number)
{
        put_text(packer, key);
        msgpack_pack_double(packer, number);
}

static void
put_counters(msgpack_packer *packer, const struct sqi_metrics *metrics)
{
#define X(name) put_key_uint(packer, #name, atomic_load_explicit(&metrics->name, memory_order_relaxed));
        COUNTERS(X)
#undef X
}

static void
put_quantiles(msgpack_packer *packer, const char *key, const struct sqi_histogram *histogram)
{
        put_text(packer, key);
        msgpack_pack_map(packer, 2);
        put_key_real(packer, "p50", (double)sqi_histogram_quantile(histogram, 0.5) / 1e3);
        put_key_real(packer, "p99", (double)sqi_histogram_quantile(histogram, 0.99) / 1e3);
}

/* The component's own metrics: a number, or {n, p50, p99}. */
static void
put_own(msgpack_packer *packer, const struct sqi_metrics *metrics)
{
        uint32_t n = 0;

        while (n < SQI_OWN_MAX && metrics->own[n].kind != SQI_OWN_NONE)
                n++;
        put_text(packer, "metrics");
        msgpack_pack_map(packer, n);
        for (uint32_t i = 0; i < n; i++) {
                const struct sqi_own *own = &metrics->own[i];
                put_text(packer, own->name);
                if (own->kind != SQI_OWN_HISTOGRAM) {
                        msgpack_pack_int64(packer, own->value);
                        continue;
                }
                msgpack_pack_map(packer, 3);
                put_key_uint(packer, "n", (uint64_t)own->value);
                put_key_uint(packer, "p50", sqi_histogram_quantile(&own->values, 0.5));
                put_key_uint(packer, "p99", sqi_histogram_quantile(&own->values, 0.99));
        }
}

/* ---- Sums ------------------------------------------------------------------------------------------------------------------ */

static uint64_t
emitted_by_spouts(const struct sqi_hosted *hosted)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        struct sqi_metrics metrics;
        uint64_t sum = 0;

        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                if (plan->components[c].kind != SQ_KIND_SPOUT)
                        continue;
                sqi_totals_component(sqi_running_totals(hosted->running), c, &metrics);
                sum += atomic_load_explicit(&metrics.emitted, memory_order_relaxed);
        }
        return sum;
}

void
sqi_status_sample(struct sqi_hosted *hosted, uint64_t now)
{
        if (!sqi_hosted_is_running(hosted)) {
                hosted->now = hosted->before = (struct sqi_sample){0};
                return;
        }
        hosted->before = hosted->now;
        hosted->now = (struct sqi_sample){now, emitted_by_spouts(hosted)};
}

static double
emitted_a_second(const struct sqi_hosted *hosted)
{
        const struct sqi_sample *now = &hosted->now, *before = &hosted->before;

        if (before->emitted == 0 || now->at_ns <= before->at_ns || now->emitted < before->emitted)
                return 0;
        return (double)(now->emitted - before->emitted) * 1e9 / (double)(now->at_ns - before->at_ns);
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

static double
uptime(const struct sqi_hosted *hosted)
{
        int64_t now = (int64_t)time(NULL);

        if (!hosted->running)
                return 0;
        if (!sqi_hosted_is_running(hosted) || now - hosted->record.began < 2)
                return (double)sqi_running_uptime(hosted->running) / 1e9;
        return (double)(now - hosted->record.began);
}

/* ---- One topology ---------------------------------------------------------------------------------------------------------- */

enum { HEAD_KEYS = 9 };
static void
put_head(msgpack_packer *packer, const struct sqi_hosted *hosted)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);

        put_key_text(packer, "topology", hosted->record.name);
        put_key_text(packer, "state", sqi_hosted_state(hosted));
        put_key_real(packer, "uptime_s", uptime(hosted));
        put_key_uint(packer, "tasks", plan ? plan->ntasks : 0);
        put_key_uint(packer, "workers", plan ? plan->nworkers : 0);
        put_key_real(packer, "emitted_s", emitted_a_second(hosted));
        put_key_uint(packer, "restarts", restarts(hosted));
        put_key_text(packer, "cause", hosted->record.cause[0] ? hosted->record.cause : NULL);
        put_key_text(packer, "serial", hosted->record.serial);
}

void
sqi_status_list(const struct sqi_daemon *daemon, msgpack_packer *packer)
{
        size_t n = 0;

        for (const struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                n += !hosted->discarded;
        msgpack_pack_array(packer, n);
        for (const struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next) {
                if (hosted->discarded)
                        continue;
                msgpack_pack_map(packer, HEAD_KEYS);
                put_head(packer, hosted);
        }
}

static const char *
worker_state(const struct sqi_lifecycle *life, uint32_t worker)
{
        static const char *const names[] = {
                [SQI_WORKER_IDLE] = "idle",     [SQI_WORKER_SPAWNING] = "spawning", [SQI_WORKER_ALIVE] = "starting",
                [SQI_WORKER_KILLED] = "killed", [SQI_WORKER_WAITING] = "waiting",   [SQI_WORKER_GONE] = "gone",
        };
        const struct sqi_life_worker *it = &life->workers[worker];

        if (it->state == SQI_WORKER_ALIVE && it->adopting)
                return "adopting";
        return it->state == SQI_WORKER_ALIVE && it->started ? "running" : names[it->state];
}

static void
put_task(msgpack_packer *packer, const struct sqi_hosted *hosted, uint32_t task)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        const struct sqi_lifecycle *life = sqi_running_lifecycle(hosted->running);
        uint32_t worker = plan->tasks[task].worker;
        const struct sqi_life_worker *it = &life->workers[worker];
        char name[NAME_SIZE], cause[CAUSE_SIZE];
        struct sqi_metrics metrics;

        sqi_totals_task(sqi_running_totals(hosted->running), task, &metrics);
        msgpack_pack_map(packer, 7 + NCOUNTERS);
        put_key_text(packer, "task", sqi_task_name(plan, task, name, sizeof(name)));
        put_key_uint(packer, "worker", worker);
        put_key_uint(packer, "pid", (uint64_t)sqi_running_pid(hosted->running, worker));
        put_key_text(packer, "state", worker_state(life, worker));
        put_key_uint(packer, "incarnation", it->incarnation);
        put_key_uint(packer, "restarts", it->restarts);
        put_key_text(packer, "cause", it->restarts > 0 ? sqi_cause_text(plan, &it->cause, cause, sizeof(cause)) : NULL);
        put_counters(packer, &metrics);
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
put_component(msgpack_packer *packer, const struct sqi_hosted *hosted, uint32_t c)
{
        const struct sqi_plan_component *component = &sqi_hosted_plan(hosted)->components[c];
        struct sqi_metrics metrics;
        double left;

        sqi_totals_component(sqi_running_totals(hosted->running), c, &metrics);
        msgpack_pack_map(packer, 9 + NCOUNTERS);
        put_key_text(packer, "id", component->id);
        put_key_text(packer, "kind", component->kind == SQ_KIND_SPOUT ? "spout" : "bolt");
        put_key_uint(packer, "restarts", component_restarts(hosted, component));
        put_key_text(packer, "log_level", sqi_level_name(sqi_levels_of(&hosted->levels, component->id, &left)));
        put_key_real(packer, "log_level_s", left);
        put_counters(packer, &metrics);
        put_quantiles(packer, "execute_us", &metrics.execute);
        put_quantiles(packer, "complete_us", &metrics.complete);
        put_own(packer, &metrics);
        put_text(packer, "tasks");
        msgpack_pack_array(packer, component->ntasks);
        for (uint32_t t = component->first_task; t < component->first_task + component->ntasks; t++)
                put_task(packer, hosted, t);
}

void
sqi_status_one(const struct sqi_hosted *hosted, msgpack_packer *packer)
{
        const struct sqi_plan *plan = hosted->running ? sqi_hosted_plan(hosted) : NULL;

        msgpack_pack_map(packer, HEAD_KEYS + 1);
        put_head(packer, hosted);
        put_text(packer, "components");
        msgpack_pack_array(packer, plan ? plan->ncomponents : 0);
        for (uint32_t c = 0; plan && c < plan->ncomponents; c++)
                put_component(packer, hosted, c);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/scrape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "control/figures.h"
#include "http/exposition.h"
#include "daemon/vitals.h"
#include "supervisor/bottleneck.h"

enum { NAME_SIZE = 64, NUMBER_SIZE = 12, OCTAVES = SQI_HISTOGRAM_BUCKETS / SQI_HISTOGRAM_SUB };
/* The steps of a time are from 1 us (2^10 ns) to 69 s (2^36 ns). */
enum { FIRST_TIME = 5, LAST_TIME = 31 };

/* What there is besides the counters, which come first in the table that is made of both. */
enum {
        INFO,
        STATE,
        UPTIME,
        KEEPS_UP,
        EPOCH,
        EPOCH_AGE,
        EPOCH_TOOK,
        EPOCH_BYTES,
        EPOCH_WRITTEN,
        EPOCH_RECORDED,
        EPOCHS_GIVEN_UP,
        RESTORES,
        TASKS,
        LAG,
        HEAVIEST,
        WATERMARK_LAG,
        WATERMARK_IDLE,
        WORKER_UP,
        RESTARTS,
        EXECUTE,
        COMPLETE,
        OWN_TOTAL,
        OWN,
        OWN_VALUES,
        NOTHERS
};
static const struct sqi_family others[NOTHERS] = {
        [INFO] = {"squall_info", "gauge", "1, with the version of the supervisor"},
        [STATE] = {"squall_topology_state", "gauge",
                   "1, with the state that the topology is in, as squall list has it"},
        [UPTIME] = {"squall_topology_uptime_seconds", "gauge", "time since this supervisor started or adopted it"},
        [KEEPS_UP] = {"squall_keeps_up", "gauge",
                      "1: it keeps up with what its spouts bring; 0: a component limits it"},
        [EPOCH] = {"squall_epoch", "gauge", "exactly-once: the newest epoch that is sealed; 0: none yet"},
        [EPOCH_AGE] = {"squall_epoch_age_seconds", "gauge", "time since that was sealed, or since the start"},
        [EPOCH_TOOK] = {"squall_epoch_took_seconds", "gauge", "from its begin until it was sealed"},
        [EPOCH_BYTES] = {"squall_epoch_bytes", "gauge", "what it takes on disk"},
        [EPOCH_WRITTEN] = {"squall_epoch_written_bytes", "gauge",
                           "bytes that it has written: the rest was there already"},
        [EPOCH_RECORDED] = {"squall_epoch_recorded_bytes", "gauge",
                            "bytes of tuples that were on their way, among what it has written"},
        [EPOCHS_GIVEN_UP] = {"squall_epochs_given_up_total", "counter", "epochs that were not sealed in time"},
        [RESTORES] = {"squall_restores_total", "counter", "how often it went back to the newest epoch"},
        [TASKS] = {"squall_tasks", "gauge", "tasks of the component"},
        [LAG] = {"squall_source_lag", "gauge",
                 "what its source holds that a spout task has not emitted yet, in bytes or messages (`unit`)"},
        [HEAVIEST] = {"squall_heaviest_key_ratio", "gauge",
                      "what part of its tuples the key has that a task sees most, by a sample; of a fields grouping"},
        [WATERMARK_LAG] = {"squall_watermark_lag_seconds", "gauge",
                           "how far the watermark of the component is behind the time of day"},
        [WATERMARK_IDLE] = {"squall_watermark_idle_tasks", "gauge",
                            "tasks of the component to which, or from which, no event time comes for now"},
        [WORKER_UP] = {"squall_worker_up", "gauge", "1: the worker has a process"},
        [RESTARTS] = {"squall_worker_restarts_total", "counter", "how often the worker has been started again"},
        [EXECUTE] = {"squall_execute_seconds", "histogram",
                     "time of one execute of a bolt, of a sample: one tuple a batch; the sum is within 1/64"},
        [COMPLETE] = {"squall_complete_seconds", "histogram",
                      "time from a spout's emit to the end of its tuple tree, of a sample; the sum is within 1/64"},
        [OWN_TOTAL] = {"squall_own_total", "counter", "what the component counts itself by sq_count()"},
        [OWN] = {"squall_own", "gauge", "what the component shows itself by sq_gauge(), added up over its tasks"},
        [OWN_VALUES] = {"squall_own_values", "histogram", "what the component measures itself by sq_histogram()"},
};

struct sqi_scrape {
        struct sqi_exposition *out;
        bool is_time[SQI_NCOUNTERS]; /* in ns: shown in seconds */
        char names[SQI_NCOUNTERS][NAME_SIZE];
        struct sqi_family families[SQI_NCOUNTERS + NOTHERS];
};

static bool
is_shown(unsigned counter)
{
        return sqi_counters[counter].use != SQI_COUNTER_LAG;
}

/* emitted: squall_emitted_total; busy_ns: squall_busy_seconds_total; pending, which is a level: squall_pending. */
static void
name_counter(struct sqi_scrape *scrape, unsigned c)
{
        const struct sqi_counter *counter = &sqi_counters[c];
        size_t len = strlen(counter->name);
        bool is_time = len > 3 && strcmp(counter->name + len - 3, "_ns") == 0,
             is_level = counter->use == SQI_COUNTER_LEVEL;

        snprintf(scrape->names[c], NAME_SIZE, "squall_%.*s%s%s", (int)(is_time ? len - 3 : len), counter->name,
                 is_time ? "_seconds" : "", is_level ? "" : "_total");
        scrape->is_time[c] = is_time;
        scrape->families[c] = (struct sqi_family){scrape->names[c], is_level ? "gauge" : "counter", counter->help};
}

int
sqi_scrape_new(const char *version, struct sqi_scrape **ret)
{
        struct sqi_scrape *scrape = calloc(1, sizeof(*scrape));
        int r;

        if (!scrape)
                return -ENOMEM;
        for (unsigned c = 0; c < SQI_NCOUNTERS; c++)
                name_counter(scrape, c);
        memcpy(scrape->families + SQI_NCOUNTERS, others, sizeof(others));
        r = sqi_exposition_new(scrape->families, SQI_NCOUNTERS + NOTHERS, &scrape->out);
        if (r < 0) {
                free(scrape);
                return r;
        }
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + INFO, (struct sqi_label[]){{"version", version}, {0}}, 1);
        *ret = scrape;
        return 0;
}

int
sqi_scrape_take(struct sqi_scrape **scrape, void **ret_bytes, size_t *ret_size)
{
        int r = sqi_exposition_take(&(*scrape)->out, ret_bytes, ret_size);

        free(*scrape);
        *scrape = NULL;
        return r;
}

/* ---- Samples ----------------------------------------------------------------------------------------- */

/* One step an octave, of some of them. `unit` is what a value counts. */
static void
put_histogram(struct sqi_scrape *scrape, size_t family, const struct sqi_label *labels,
              const struct sqi_histogram *histogram, unsigned first, unsigned last, double unit)
{
        struct sqi_rung steps[OCTAVES];
        uint64_t total = 0;

        for (unsigned b = 0; b < SQI_HISTOGRAM_BUCKETS; b++) {
                total += atomic_load_explicit(&histogram->buckets[b], memory_order_relaxed);
                if (b % SQI_HISTOGRAM_SUB == SQI_HISTOGRAM_SUB - 1)
                        steps[b / SQI_HISTOGRAM_SUB] = (struct sqi_rung){(double)sqi_histogram_edge(b) * unit, total};
        }
        sqi_expose_histogram(scrape->out, SQI_NCOUNTERS + family, labels, steps + first, last - first + 1, total,
                             sqi_histogram_mean(histogram) * (double)total * unit);
}

static void
put_own(struct sqi_scrape *scrape, const char *topology, const char *component, const struct sqi_metrics *metrics)
{
        for (unsigned i = 0; i < SQI_OWN_MAX && metrics->own[i].kind != SQI_OWN_NONE; i++) {
                const struct sqi_own_metric *own = &metrics->own[i];
                const struct sqi_label labels[] = {
                        {"topology", topology}, {"component", component}, {"name", own->name}, {0}};

                if (own->kind == SQI_OWN_HISTOGRAM)
                        /* the last bucket holds what is larger too: its step is the one to infinity */
                        put_histogram(scrape, OWN_VALUES, labels, &own->values, 0, OCTAVES - 2, 1);
                else
                        sqi_expose_real(scrape->out, SQI_NCOUNTERS + (own->kind == SQI_OWN_COUNTER ? OWN_TOTAL : OWN),
                                        labels, (double)own->value);
        }
}

static void
put_task(struct sqi_scrape *scrape, const char *topology, const char *component, uint32_t index,
         const struct sqi_counts *counts)
{
        char task[NUMBER_SIZE];
        const struct sqi_label labels[] = {{"topology", topology}, {"component", component}, {"task", task}, {0}};

        snprintf(task, sizeof(task), "%u", index);
        for (unsigned c = 0; c < SQI_NCOUNTERS; c++) {
                uint64_t n = sqi_counts_get(counts, c);

                if (!is_shown(c))
                        continue;
                if (scrape->is_time[c])
                        sqi_expose_real(scrape->out, c, labels, (double)n / 1e9);
                else
                        sqi_expose_uint(scrape->out, c, labels, n);
        }
}

static void
put_lag(struct sqi_scrape *scrape, const char *topology, const char *component, uint32_t index,
        const struct sqi_counts *counts)
{
        char task[NUMBER_SIZE];
        const char *unit;
        uint64_t amount;

        snprintf(task, sizeof(task), "%u", index);
        if (sqi_lag_of(counts, &unit, &amount))
                sqi_expose_uint(
                        scrape->out, SQI_NCOUNTERS + LAG,
                        (struct sqi_label[]){
                                {"topology", topology}, {"component", component}, {"task", task}, {"unit", unit}, {0}},
                        amount);
}

/* Which key that is `status` says: it is the data's, and there may be any number of them. */
static void
put_heaviest(struct sqi_scrape *scrape, const char *topology, const struct sqi_running *running,
             const struct sqi_plan_component *component, uint32_t index)
{
        char task[NUMBER_SIZE], key[SQI_HEAVY_TEXT + 1];
        const struct sqi_label labels[] = {{"topology", topology}, {"component", component->id}, {"task", task}, {0}};
        double part = sqi_running_heaviest(running, component->first_task + index, key);

        snprintf(task, sizeof(task), "%u", index);
        if (part > 0)
                sqi_expose_real(scrape->out, SQI_NCOUNTERS + HEAVIEST, labels, part);
}

static void
put_epochs(struct sqi_scrape *scrape, const char *topology, const struct sqi_running *running)
{
        const struct sqi_checkpoint *checkpoint = &sqi_running_lifecycle(running)->checkpoint;
        const struct sqi_label labels[] = {{"topology", topology}, {0}};
        double age = checkpoint->sealed ? (double)(sqi_clock_ns() - checkpoint->sealed_at)
                                        : (double)sqi_running_uptime(running);

        if (!sqi_plan_is_exact(sqi_running_plan(running)))
                return;
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + EPOCH, labels, checkpoint->sealed);
        sqi_expose_real(scrape->out, SQI_NCOUNTERS + EPOCH_AGE, labels, age / 1e9);
        sqi_expose_real(scrape->out, SQI_NCOUNTERS + EPOCH_TOOK, labels, (double)checkpoint->took / 1e9);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + EPOCH_BYTES, labels, checkpoint->size);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + EPOCH_WRITTEN, labels, checkpoint->written);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + EPOCH_RECORDED, labels, checkpoint->recorded);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + EPOCHS_GIVEN_UP, labels, checkpoint->given_up);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + RESTORES, labels, checkpoint->restores);
}

static void
put_running(struct sqi_scrape *scrape, const char *topology, const struct sqi_running *running)
{
        const struct sqi_label labels[] = {{"topology", topology}, {0}};
        struct sqi_bottleneck bottleneck;

        sqi_expose_real(scrape->out, SQI_NCOUNTERS + UPTIME, labels, (double)sqi_running_uptime(running) / 1e9);
        sqi_bottleneck_find(sqi_running_plan(running), sqi_running_trend(running), 1, &bottleneck);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + KEEPS_UP, labels, bottleneck.keeps_up);
        put_epochs(scrape, topology, running);
}

/* Only then its tasks look at their keys. */
static bool
takes_by_fields(const struct sqi_plan *plan, uint32_t component)
{
        for (uint32_t e = 0; e < plan->nedges; e++)
                if (plan->edges[e].to == component && plan->edges[e].grouping == SQI_FIELDS)
                        return true;
        return false;
}

static void
put_event_time(struct sqi_scrape *scrape, const struct sqi_label *labels, const struct sqi_running *running, uint32_t c)
{
        struct sqi_event_time_at at;
        double lag;

        sqi_running_event_time(running, c, &at);
        if (sqi_watermark_lag(&at, &lag))
                sqi_expose_real(scrape->out, SQI_NCOUNTERS + WATERMARK_LAG, labels, lag);
        if (at.ntasks > 0)
                sqi_expose_uint(scrape->out, SQI_NCOUNTERS + WATERMARK_IDLE, labels, at.nidle);
}

static void
put_component(struct sqi_scrape *scrape, const char *topology, const struct sqi_running *running, uint32_t c)
{
        const struct sqi_plan_component *component = &sqi_running_plan(running)->components[c];
        const struct sqi_label labels[] = {{"topology", topology}, {"component", component->id}, {0}};
        bool keyed = takes_by_fields(sqi_running_plan(running), c);
        struct sqi_metrics metrics;
        struct sqi_counts counts;

        for (uint32_t i = 0; i < component->ntasks; i++) {
                sqi_totals_counts(sqi_running_totals(running), component->first_task + i, &counts);
                put_task(scrape, topology, component->id, i, &counts);
                put_lag(scrape, topology, component->id, i, &counts);
                if (keyed)
                        put_heaviest(scrape, topology, running, component, i);
        }
        sqi_totals_component(sqi_running_totals(running), c, &metrics);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + TASKS, labels, component->ntasks);
        put_histogram(scrape, component->kind == SQ_KIND_SPOUT ? COMPLETE : EXECUTE, labels,
                      component->kind == SQ_KIND_SPOUT ? &metrics.complete : &metrics.execute, FIRST_TIME, LAST_TIME,
                      1e-9);
        put_own(scrape, topology, component->id, &metrics);
        put_event_time(scrape, labels, running, c);
}

static void
put_worker(struct sqi_scrape *scrape, const char *topology, const struct sqi_running *running, uint32_t w)
{
        char worker[NUMBER_SIZE];
        const struct sqi_label labels[] = {{"topology", topology}, {"worker", worker}, {0}};

        snprintf(worker, sizeof(worker), "%u", w);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + WORKER_UP, labels, sqi_running_pid(running, w) != 0);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + RESTARTS, labels,
                        sqi_running_lifecycle(running)->workers[w].restarts);
}

void
sqi_scrape_topology(struct sqi_scrape *scrape, const char *name, const char *state, const struct sqi_running *running)
{
        const struct sqi_plan *plan = running ? sqi_running_plan(running) : NULL;

        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + STATE,
                        (struct sqi_label[]){{"topology", name}, {"state", state}, {0}}, 1);
        if (running)
                put_running(scrape, name, running);
        for (uint32_t c = 0; plan && c < plan->ncomponents; c++)
                put_component(scrape, name, running, c);
        for (uint32_t w = 0; plan && w < plan->nworkers; w++)
                put_worker(scrape, name, running, w);
}

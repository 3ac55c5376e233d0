/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/scrape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "control/figures.h"
#include "http/exposition.h"
#include "daemon/vitals.h"
#include "supervisor/bottleneck.h"

enum { NAME_SIZE = 64, NUMBER_SIZE = 24, OCTAVES = SQI_HISTOGRAM_BUCKETS / SQI_HISTOGRAM_SUB, EDGE_DIGITS = 15 };
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
        struct edge {
                char text[NUMBER_SIZE];
        } times[OCTAVES], values[OCTAVES]; /* of the steps of a histogram: in seconds, and as they are */
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

static void
name_edges(struct sqi_scrape *scrape)
{
        for (unsigned i = 0; i < OCTAVES; i++) {
                double edge = (double)sqi_histogram_edge(i * SQI_HISTOGRAM_SUB + SQI_HISTOGRAM_SUB - 1);

                sqi_print_real(scrape->times[i].text, NUMBER_SIZE, EDGE_DIGITS, edge * 1e-9);
                sqi_print_real(scrape->values[i].text, NUMBER_SIZE, EDGE_DIGITS, edge);
        }
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
        name_edges(scrape);
        memcpy(scrape->families + SQI_NCOUNTERS, others, sizeof(others));
        r = sqi_exposition_new(scrape->families, SQI_NCOUNTERS + NOTHERS, &scrape->out);
        if (r < 0) {
                free(scrape);
                return r;
        }
        sqi_expose_labels(scrape->out, (struct sqi_label[]){{"version", version}, {0}});
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + INFO, 1);
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

/* One step an octave, of some of them, by their edges; `unit` is what a value counts. */
static void
put_histogram(struct sqi_scrape *scrape, size_t family, const struct sqi_histogram *histogram, unsigned first,
              unsigned last, const struct edge *edges, double unit)
{
        struct sqi_rung steps[OCTAVES];
        uint64_t total = 0;

        for (unsigned b = 0; b < SQI_HISTOGRAM_BUCKETS; b++) {
                total += atomic_load_explicit(&histogram->buckets[b], memory_order_relaxed);
                if (b % SQI_HISTOGRAM_SUB == SQI_HISTOGRAM_SUB - 1)
                        steps[b / SQI_HISTOGRAM_SUB] = (struct sqi_rung){edges[b / SQI_HISTOGRAM_SUB].text, total};
        }
        sqi_expose_histogram(scrape->out, SQI_NCOUNTERS + family, steps + first, last - first + 1, total,
                             sqi_histogram_mean(histogram) * (double)total * unit);
}

static void
put_own(struct sqi_scrape *scrape, const char *topology, const char *component, const struct sqi_metrics *metrics)
{
        for (unsigned i = 0; i < SQI_OWN_MAX && metrics->own[i].kind != SQI_OWN_NONE; i++) {
                const struct sqi_own_metric *own = &metrics->own[i];
                const struct sqi_label labels[] = {
                        {"topology", topology}, {"component", component}, {"name", own->name}, {0}};

                sqi_expose_labels(scrape->out, labels);
                if (own->kind == SQI_OWN_HISTOGRAM)
                        /* the last bucket holds what is larger too: its step is the one to infinity */
                        put_histogram(scrape, OWN_VALUES, &own->values, 0, OCTAVES - 2, scrape->values, 1);
                else
                        sqi_expose_real(scrape->out, SQI_NCOUNTERS + (own->kind == SQI_OWN_COUNTER ? OWN_TOTAL : OWN),
                                        (double)own->value);
        }
}

static void
put_counts(struct sqi_scrape *scrape, const struct sqi_counts *counts)
{
        for (unsigned c = 0; c < SQI_NCOUNTERS; c++) {
                uint64_t n = sqi_counts_get(counts, c);

                if (!is_shown(c))
                        continue;
                if (scrape->is_time[c])
                        sqi_expose_seconds(scrape->out, c, n);
                else
                        sqi_expose_uint(scrape->out, c, n);
        }
}

/* Which key that is `status` says: it is the data's, and there may be any number of them. */
static void
put_heaviest(struct sqi_scrape *scrape, const struct sqi_running *running, uint32_t task)
{
        char key[SQI_HEAVY_TEXT + 1];
        double part = sqi_running_heaviest(running, task, key);

        if (part > 0)
                sqi_expose_real(scrape->out, SQI_NCOUNTERS + HEAVIEST, part);
}

static void
put_task(struct sqi_scrape *scrape, const char *topology, const struct sqi_running *running,
         const struct sqi_plan_component *component, uint32_t index, bool keyed)
{
        char number[NUMBER_SIZE];
        struct sqi_label labels[] = {{"topology", topology}, {"component", component->id}, {"task", number}, {0}, {0}};
        struct sqi_counts counts;
        const char *unit;
        uint64_t amount;

        snprintf(number, sizeof(number), "%u", index);
        sqi_expose_labels(scrape->out, labels);
        sqi_totals_counts(sqi_running_totals(running), component->first_task + index, &counts);
        put_counts(scrape, &counts);
        if (keyed)
                put_heaviest(scrape, running, component->first_task + index);
        if (!sqi_lag_of(&counts, &unit, &amount))
                return;
        labels[3] = (struct sqi_label){"unit", unit};
        sqi_expose_labels(scrape->out, labels);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + LAG, amount);
}

static void
put_epochs(struct sqi_scrape *scrape, const struct sqi_running *running)
{
        const struct sqi_checkpoint *checkpoint = &sqi_running_lifecycle(running)->checkpoint;
        double age = checkpoint->sealed ? (double)(sqi_clock_ns() - checkpoint->sealed_at)
                                        : (double)sqi_running_uptime(running);

        if (!sqi_plan_is_exact(sqi_running_plan(running)))
                return;
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + EPOCH, checkpoint->sealed);
        sqi_expose_real(scrape->out, SQI_NCOUNTERS + EPOCH_AGE, age / 1e9);
        sqi_expose_real(scrape->out, SQI_NCOUNTERS + EPOCH_TOOK, (double)checkpoint->took / 1e9);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + EPOCH_BYTES, checkpoint->size);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + EPOCH_WRITTEN, checkpoint->written);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + EPOCH_RECORDED, checkpoint->recorded);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + EPOCHS_GIVEN_UP, checkpoint->given_up);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + RESTORES, checkpoint->restores);
}

static void
put_running(struct sqi_scrape *scrape, const struct sqi_running *running)
{
        struct sqi_bottleneck bottleneck;

        sqi_expose_real(scrape->out, SQI_NCOUNTERS + UPTIME, (double)sqi_running_uptime(running) / 1e9);
        sqi_bottleneck_find(sqi_running_plan(running), sqi_running_trend(running), 1, &bottleneck);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + KEEPS_UP, bottleneck.keeps_up);
        put_epochs(scrape, running);
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
put_event_time(struct sqi_scrape *scrape, const struct sqi_running *running, uint32_t c)
{
        struct sqi_event_time_at at;
        double lag;

        sqi_running_event_time(running, c, &at);
        if (sqi_watermark_lag(&at, &lag))
                sqi_expose_real(scrape->out, SQI_NCOUNTERS + WATERMARK_LAG, lag);
        if (at.ntasks > 0)
                sqi_expose_uint(scrape->out, SQI_NCOUNTERS + WATERMARK_IDLE, at.nidle);
}

static void
put_component(struct sqi_scrape *scrape, const char *topology, const struct sqi_running *running, uint32_t c)
{
        const struct sqi_plan_component *component = &sqi_running_plan(running)->components[c];
        bool keyed = takes_by_fields(sqi_running_plan(running), c), spout = component->kind == SQ_KIND_SPOUT;
        struct sqi_metrics metrics;

        for (uint32_t i = 0; i < component->ntasks; i++)
                put_task(scrape, topology, running, component, i, keyed);
        sqi_totals_component(sqi_running_totals(running), c, &metrics);
        sqi_expose_labels(scrape->out, (struct sqi_label[]){{"topology", topology}, {"component", component->id}, {0}});
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + TASKS, component->ntasks);
        put_histogram(scrape, spout ? COMPLETE : EXECUTE, spout ? &metrics.complete : &metrics.execute, FIRST_TIME,
                      LAST_TIME, scrape->times, 1e-9);
        put_event_time(scrape, running, c);
        put_own(scrape, topology, component->id, &metrics);
}

static void
put_worker(struct sqi_scrape *scrape, const char *topology, const struct sqi_running *running, uint32_t w)
{
        char worker[NUMBER_SIZE];
        const struct sqi_label labels[] = {{"topology", topology}, {"worker", worker}, {0}};

        snprintf(worker, sizeof(worker), "%u", w);
        sqi_expose_labels(scrape->out, labels);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + WORKER_UP, sqi_running_pid(running, w) != 0);
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + RESTARTS, sqi_running_lifecycle(running)->workers[w].restarts);
}

void
sqi_scrape_topology(struct sqi_scrape *scrape, const char *name, const char *state, const struct sqi_running *running)
{
        const struct sqi_plan *plan = running ? sqi_running_plan(running) : NULL;

        sqi_expose_labels(scrape->out, (struct sqi_label[]){{"topology", name}, {"state", state}, {0}});
        sqi_expose_uint(scrape->out, SQI_NCOUNTERS + STATE, 1);
        sqi_expose_labels(scrape->out, (struct sqi_label[]){{"topology", name}, {0}});
        if (running)
                put_running(scrape, running);
        for (uint32_t c = 0; plan && c < plan->ncomponents; c++)
                put_component(scrape, name, running, c);
        for (uint32_t w = 0; plan && w < plan->nworkers; w++)
                put_worker(scrape, name, running, w);
}

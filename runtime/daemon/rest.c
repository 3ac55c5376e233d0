/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/rest.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/status.h"
#include "lifecycle/tell.h"

enum { TEXT_SIZE = 64, CAUSE_SIZE = SQI_CAUSE_TEXT + 256, SANI_SIZE = SQI_ID_MAX + 16 };
#define ALL_TIME ":all-time"

/* ---- Words ------------------------------------------------------------------------------------------- */

/* "1d 0h 3m 5s", without what is zero in front. */
static void
put_uptime(struct sqi_writer *writer, double uptime)
{
        uint64_t s = (uint64_t)uptime;
        char text[TEXT_SIZE];

        if (s < 60)
                snprintf(text, sizeof(text), "%ds", (int)s);
        else if (s < 3600)
                snprintf(text, sizeof(text), "%dm %ds", (int)(s / 60), (int)(s % 60));
        else if (s < 86400)
                snprintf(text, sizeof(text), "%dh %dm %ds", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
        else
                snprintf(text, sizeof(text), "%llud %dh %dm %ds", (unsigned long long)(s / 86400), (int)(s / 3600 % 24),
                         (int)(s / 60 % 60), (int)(s % 60));
        sqi_write_text(writer, "uptime", text);
        sqi_write_uint(writer, "uptimeSeconds", s);
}

/* Storm's word for a state, or our own in capitals where it has none. */
static void
put_status(struct sqi_writer *writer, const char *key, const struct sqi_hosted *hosted)
{
        static const struct {
                const char *ours, *theirs;
        } words[] = {{"starting", "ACTIVE"},      {"running", "ACTIVE"},  {"degraded", "ACTIVE"},
                     {"updating", "REBALANCING"}, {"stopping", "KILLED"}, {"draining", "KILLED"}};
        const char *state = sqi_hosted_state(hosted);
        char text[TEXT_SIZE];
        size_t i;

        for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (strcmp(words[i].ours, state) == 0)
                        break;
        if (i < sizeof(words) / sizeof(words[0]))
                state = words[i].theirs;
        snprintf(text, sizeof(text), "%s", state);
        for (char *at = text; *at; at++)
                *at = (char)toupper((unsigned char)*at);
        sqi_write_text(writer, key, text);
}

static void
put_decimal(struct sqi_writer *writer, const char *key, double number)
{
        char text[TEXT_SIZE];

        snprintf(text, sizeof(text), "%.3f", number);
        sqi_write_text(writer, key, text);
}

static double
milliseconds(const struct sqi_histogram *histogram)
{
        return sqi_histogram_mean(histogram) / 1e6;
}

static void
put_host(struct sqi_writer *writer, const char *key)
{
        char name[TEXT_SIZE] = "localhost";

        (void)gethostname(name, sizeof(name) - 1);
        sqi_write_text(writer, key, name);
}

static void
put_window(struct sqi_writer *writer)
{
        sqi_write_text(writer, "window", ALL_TIME);
        sqi_write_text(writer, "windowHint", "All time");
}

/* ---- Numbers ----------------------------------------------------------------------------------------- */

static void
sum_component(const struct sqi_hosted *hosted, uint32_t c, struct sqi_metrics *ret)
{
        sqi_totals_component(sqi_running_totals(hosted->running), c, ret);
}

/* The largest part of its time that a task of the component was busy. */
static double
capacity(const struct sqi_hosted *hosted, const struct sqi_plan_component *component)
{
        double time = (double)sqi_running_uptime(hosted->running), most = 0;
        struct sqi_metrics metrics;

        for (uint32_t i = 0; time > 0 && i < component->ntasks; i++) {
                sqi_totals_task(sqi_running_totals(hosted->running), component->first_task + i, &metrics);
                double busy = (double)metrics.busy_ns / time;

                most = busy > most ? busy : most;
        }
        return most;
}

static void
put_counts(struct sqi_writer *writer, const struct sqi_metrics *metrics)
{
        sqi_write_uint(writer, "emitted", metrics->emitted);
        sqi_write_uint(writer, "transferred", metrics->transferred);
        sqi_write_uint(writer, "acked", metrics->acked);
        sqi_write_uint(writer, "failed", metrics->failed);
}

/* A bolt acks when its execute returns, or later by itself: the time of the latter is not measured apart. */
static void
put_times(struct sqi_writer *writer, enum sq_kind kind, const struct sqi_metrics *metrics)
{
        if (kind == SQ_KIND_SPOUT) {
                put_decimal(writer, "completeLatency", milliseconds(&metrics->complete));
                return;
        }
        sqi_write_uint(writer, "executed", metrics->executed);
        put_decimal(writer, "executeLatency", milliseconds(&metrics->execute));
        put_decimal(writer, "processLatency", milliseconds(&metrics->execute));
}

static void
put_resources(struct sqi_writer *writer)
{
        static const char *const names[] = {"requestedMemOnHeap", "requestedMemOffHeap", "requestedTotalMem",
                                            "requestedCpu",       "assignedMemOnHeap",   "assignedMemOffHeap",
                                            "assignedTotalMem",   "assignedCpu"};

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                sqi_write_real(writer, names[i], 0);
}

/* ---- Topologies -------------------------------------------------------------------------------------- */

/* In the list, and at the head of one. */
static void
put_topology(struct sqi_writer *writer, const struct sqi_hosted *hosted)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);

        sqi_write_text(writer, "id", hosted->record.name);
        sqi_write_text(writer, "encodedId", hosted->record.name);
        sqi_write_text(writer, "name", hosted->record.name);
        put_status(writer, "status", hosted);
        put_uptime(writer, sqi_status_uptime(hosted));
        sqi_write_uint(writer, "tasksTotal", plan ? plan->ntasks : 0);
        sqi_write_uint(writer, "workersTotal", plan ? plan->nworkers : 0);
        sqi_write_uint(writer, "executorsTotal", plan ? plan->ntasks : 0);
        sqi_write_uint(writer, "replicationCount", 1);
        put_resources(writer);
}

void
sqi_rest_topologies(const struct sqi_daemon *daemon, struct sqi_writer *writer)
{
        sqi_write_map(writer, NULL);
        sqi_write_array(writer, "topologies");
        for (const struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next) {
                if (hosted->discarded)
                        continue;
                sqi_write_map(writer, NULL);
                put_topology(writer, hosted);
                sqi_write_end(writer);
        }
        sqi_write_end(writer);
        sqi_write_bool(writer, "schedulerDisplayResource", false);
        sqi_write_end(writer);
}

void
sqi_rest_cluster(const struct sqi_daemon *daemon, struct sqi_writer *writer)
{
        static const char *const resources[] = {
                "totalMem", "totalCpu", "availMem", "availCpu", "memAssignedPercentUtil", "cpuAssignedPercentUtil"};
        uint64_t topologies = 0, tasks = 0, workers = 0;

        for (const struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next) {
                if (hosted->discarded || !sqi_hosted_is_running(hosted))
                        continue;
                topologies++;
                tasks += sqi_hosted_plan(hosted)->ntasks;
                workers += sqi_hosted_plan(hosted)->nworkers;
        }
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "stormVersion", daemon->options.version);
        sqi_write_uint(writer, "supervisors", 1);
        sqi_write_uint(writer, "topologies", topologies);
        sqi_write_uint(writer, "slotsTotal", workers);
        sqi_write_uint(writer, "slotsUsed", workers);
        sqi_write_uint(writer, "slotsFree", 0);
        sqi_write_uint(writer, "executorsTotal", tasks);
        sqi_write_uint(writer, "tasksTotal", tasks);
        sqi_write_bool(writer, "schedulerDisplayResource", false);
        for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++)
                sqi_write_real(writer, resources[i], 0);
        sqi_write_end(writer);
}

/* ---- One topology ------------------------------------------------------------------------------------ */

static void
put_config(struct sqi_writer *writer, const struct sqi_config *config)
{
        sqi_write_map(writer, "configuration");
        for (const struct sqi_config_key *key = sqi_config_keys; key->name; key++) {
                const char *at = (const char *)config + key->offset, *choice = key->choices;

                if (key->type == SQI_CONFIG_FLOAT) {
                        sqi_write_real(writer, key->name, *(const double *)(const void *)at);
                } else if (key->type == SQI_CONFIG_PATH) {
                        sqi_write_text(writer, key->name, *(const char *const *)(const void *)at);
                } else if (key->type == SQI_CONFIG_INT) {
                        sqi_write_int(writer, key->name, *(const int64_t *)(const void *)at);
                } else {
                        for (int64_t n = *(const int64_t *)(const void *)at; n > 0 && *choice; n--)
                                choice += strcspn(choice, "|") + 1;
                        sqi_write_str(writer, key->name, (struct sq_str){choice, strcspn(choice, "|")});
                }
        }
        sqi_write_end(writer);
}

/* Of the bolts what they emit and of the spouts the rest, as Storm adds them up. */
static void
put_topology_stats(struct sqi_writer *writer, const struct sqi_hosted *hosted, const struct sqi_plan *plan)
{
        struct sqi_metrics *spouts = calloc(2, sizeof(*spouts)), metrics;

        if (!spouts) {
                writer->failed = true;
                return;
        }
        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                sum_component(hosted, c, &metrics);
                sqi_metrics_merge(&spouts[plan->components[c].kind == SQ_KIND_SPOUT ? 0 : 1], &metrics);
        }
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "windowPretty", "All time");
        sqi_write_text(writer, "window", ALL_TIME);
        sqi_write_uint(writer, "emitted", spouts[0].emitted + spouts[1].emitted);
        sqi_write_uint(writer, "transferred", spouts[0].transferred + spouts[1].transferred);
        sqi_write_uint(writer, "acked", spouts[0].acked);
        sqi_write_uint(writer, "failed", spouts[0].failed);
        put_times(writer, SQ_KIND_SPOUT, &spouts[0]);
        sqi_write_end(writer);
        free(spouts);
}

/* The last death of a worker that has a task of it; when that was is not kept. */
static const char *
last_error(const struct sqi_hosted *hosted, const struct sqi_plan_component *component, char text[CAUSE_SIZE],
           uint32_t *ret_worker)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        const struct sqi_lifecycle *life = sqi_running_lifecycle(hosted->running);

        for (uint32_t i = 0; i < component->ntasks; i++) {
                uint32_t worker = plan->tasks[component->first_task + i].worker;

                if (life->workers[worker].restarts == 0)
                        continue;
                *ret_worker = worker;
                return sqi_cause_text(plan, &life->workers[worker].cause, text, CAUSE_SIZE);
        }
        return NULL;
}

static void
put_error(struct sqi_writer *writer, const char *key, const char *error, uint32_t worker)
{
        sqi_write_text(writer, key, error ? error : "");
        if (error)
                put_host(writer, "errorHost");
        else
                sqi_write_text(writer, "errorHost", "");
        if (error)
                sqi_write_uint(writer, "errorPort", worker);
        else
                sqi_write_nil(writer, "errorPort");
        sqi_write_nil(writer, "errorTime");
        sqi_write_nil(writer, "errorLapsedSecs");
        sqi_write_text(writer, "errorWorkerLogLink", "");
}

static void
put_component(struct sqi_writer *writer, const struct sqi_hosted *hosted, uint32_t c)
{
        const struct sqi_plan_component *component = &sqi_hosted_plan(hosted)->components[c];
        bool spout = component->kind == SQ_KIND_SPOUT;
        struct sqi_metrics metrics;
        char text[CAUSE_SIZE];
        uint32_t worker = 0;
        const char *error = last_error(hosted, component, text, &worker);

        sum_component(hosted, c, &metrics);
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, spout ? "spoutId" : "boltId", component->id);
        sqi_write_text(writer, spout ? "encodedSpoutId" : "encodedBoltId", component->id);
        sqi_write_uint(writer, "executors", component->ntasks);
        sqi_write_uint(writer, "tasks", component->ntasks);
        put_counts(writer, &metrics);
        put_times(writer, component->kind, &metrics);
        if (!spout)
                put_decimal(writer, "capacity", capacity(hosted, component));
        put_error(writer, "lastError", error, worker);
        sqi_write_end(writer);
}

static void
put_components(struct sqi_writer *writer, const char *key, const struct sqi_hosted *hosted, const struct sqi_plan *plan,
               enum sq_kind kind)
{
        sqi_write_array(writer, key);
        for (uint32_t c = 0; plan && c < plan->ncomponents; c++)
                if (plan->components[c].kind == kind)
                        put_component(writer, hosted, c);
        sqi_write_end(writer);
}

static void
put_worker(struct sqi_writer *writer, const struct sqi_hosted *hosted, const struct sqi_plan *plan, uint32_t w)
{
        uint64_t tasks = 0;

        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "topologyId", hosted->record.name);
        sqi_write_text(writer, "topologyName", hosted->record.name);
        sqi_write_text(writer, "supervisorId", "squall");
        put_host(writer, "host");
        sqi_write_uint(writer, "port", w);
        sqi_write_map(writer, "componentNumTasks");
        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                const struct sqi_plan_component *component = &plan->components[c];
                uint64_t n = 0;

                for (uint32_t i = 0; i < component->ntasks; i++)
                        n += plan->tasks[component->first_task + i].worker == w;
                if (n > 0)
                        sqi_write_uint(writer, component->id, n);
                tasks += n;
        }
        sqi_write_end(writer);
        sqi_write_uint(writer, "executorsTotal", tasks);
        sqi_write_uint(writer, "pid", (uint64_t)sqi_running_pid(hosted->running, w));
        sqi_write_text(writer, "workerLogLink", "");
        sqi_write_end(writer);
}

void
sqi_rest_topology(const struct sqi_hosted *hosted, struct sqi_writer *writer)
{
        const struct sqi_plan *plan = hosted->running ? sqi_hosted_plan(hosted) : NULL;

        sqi_write_map(writer, NULL);
        put_topology(writer, hosted);
        put_window(writer);
        sqi_write_real(writer, "msgTimeout", plan ? plan->config.message_timeout : 0);
        sqi_write_bool(writer, "schedulerDisplayResource", false);
        sqi_write_bool(writer, "debug", false);
        sqi_write_real(writer, "samplingPct", 0);
        sqi_write_array(writer, "topologyStats");
        if (plan)
                put_topology_stats(writer, hosted, plan);
        sqi_write_end(writer);
        put_components(writer, "spouts", hosted, plan, SQ_KIND_SPOUT);
        put_components(writer, "bolts", hosted, plan, SQ_KIND_BOLT);
        sqi_write_array(writer, "workers");
        for (uint32_t w = 0; plan && w < plan->nworkers; w++)
                put_worker(writer, hosted, plan, w);
        sqi_write_end(writer);
        if (plan)
                put_config(writer, &plan->config);
        sqi_write_end(writer);
}

/* ---- One component ----------------------------------------------------------------------------------- */

/* A count that is the component's as a whole, where it has one stream; else it is not known. */
static void
put_part(struct sqi_writer *writer, const char *key, bool whole, uint64_t n)
{
        if (whole)
                sqi_write_uint(writer, key, n);
        else
                sqi_write_nil(writer, key);
}

static void
put_output_stats(struct sqi_writer *writer, const struct sqi_plan_component *component,
                 const struct sqi_metrics *metrics)
{
        bool whole = component->nstreams == 1;

        sqi_write_array(writer, "outputStats");
        for (uint32_t s = 0; s < component->nstreams; s++) {
                sqi_write_map(writer, NULL);
                sqi_write_text(writer, "stream", component->streams[s].id);
                put_part(writer, "emitted", whole, metrics->emitted);
                put_part(writer, "transferred", whole, metrics->transferred);
                if (component->kind == SQ_KIND_SPOUT) {
                        put_part(writer, "acked", whole, metrics->acked);
                        put_part(writer, "failed", whole, metrics->failed);
                        put_times(writer, SQ_KIND_SPOUT, metrics);
                }
                sqi_write_end(writer);
        }
        sqi_write_end(writer);
}

static uint32_t
inputs_of(const struct sqi_plan *plan, uint32_t c)
{
        uint32_t n = 0;

        for (uint32_t e = 0; e < plan->nedges; e++)
                n += plan->edges[e].to == c;
        return n;
}

static void
put_input_stats(struct sqi_writer *writer, const struct sqi_plan *plan, uint32_t c, const struct sqi_metrics *metrics)
{
        bool whole = inputs_of(plan, c) == 1;

        sqi_write_array(writer, "inputStats");
        for (uint32_t e = 0; e < plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];

                if (edge->to != c)
                        continue;
                sqi_write_map(writer, NULL);
                sqi_write_text(writer, "component", plan->components[edge->from].id);
                sqi_write_text(writer, "encodedComponentId", plan->components[edge->from].id);
                sqi_write_text(writer, "stream", plan->components[edge->from].streams[edge->stream].id);
                put_part(writer, "executed", whole, metrics->executed);
                put_part(writer, "acked", whole, metrics->acked);
                put_part(writer, "failed", whole, metrics->failed);
                put_decimal(writer, "executeLatency", milliseconds(&metrics->execute));
                put_decimal(writer, "processLatency", milliseconds(&metrics->execute));
                sqi_write_end(writer);
        }
        sqi_write_end(writer);
}

static void
put_executor(struct sqi_writer *writer, const struct sqi_hosted *hosted, uint32_t task, enum sq_kind kind)
{
        struct sqi_metrics metrics;
        char text[TEXT_SIZE];

        sqi_totals_task(sqi_running_totals(hosted->running), task, &metrics);
        snprintf(text, sizeof(text), "[%u-%u]", task + 1, task + 1); /* Storm counts from 1 */
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "id", text);
        sqi_write_text(writer, "encodedId", text);
        put_uptime(writer, (double)sqi_running_uptime(hosted->running) / 1e9);
        put_host(writer, "host");
        sqi_write_uint(writer, "port", sqi_hosted_plan(hosted)->tasks[task].worker);
        put_counts(writer, &metrics);
        put_times(writer, kind, &metrics);
        if (kind == SQ_KIND_BOLT)
                put_decimal(writer, "capacity",
                            (double)metrics.busy_ns / ((double)sqi_running_uptime(hosted->running) + 1));
        sqi_write_text(writer, "workerLogLink", "");
        sqi_write_end(writer);
}

static void
put_component_head(struct sqi_writer *writer, const struct sqi_hosted *hosted,
                   const struct sqi_plan_component *component)
{
        sqi_write_text(writer, "id", component->id);
        sqi_write_text(writer, "encodedId", component->id);
        sqi_write_text(writer, "name", hosted->record.name);
        sqi_write_text(writer, "componentType", sqi_kind_name(component->kind));
        sqi_write_uint(writer, "executors", component->ntasks);
        sqi_write_uint(writer, "tasks", component->ntasks);
        sqi_write_text(writer, "topologyId", hosted->record.name);
        sqi_write_text(writer, "encodedTopologyId", hosted->record.name);
        put_status(writer, "topologyStatus", hosted);
        put_window(writer);
        sqi_write_bool(writer, "schedulerDisplayResource", false);
        sqi_write_bool(writer, "debug", false);
        sqi_write_real(writer, "samplingPct", 0);
}

static void
put_component_stats(struct sqi_writer *writer, const struct sqi_plan_component *component,
                    const struct sqi_metrics *metrics)
{
        sqi_write_array(writer, component->kind == SQ_KIND_SPOUT ? "spoutSummary" : "boltStats");
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "windowPretty", "All time");
        sqi_write_text(writer, "window", ALL_TIME);
        put_counts(writer, metrics);
        put_times(writer, component->kind, metrics);
        sqi_write_end(writer);
        sqi_write_end(writer);
}

static void
put_component_page(struct sqi_writer *writer, const struct sqi_hosted *hosted, uint32_t c)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        const struct sqi_plan_component *component = &plan->components[c];
        struct sqi_metrics metrics;
        char text[CAUSE_SIZE];
        uint32_t worker = 0;
        const char *error = last_error(hosted, component, text, &worker);

        sum_component(hosted, c, &metrics);
        sqi_write_map(writer, NULL);
        put_component_head(writer, hosted, component);
        put_component_stats(writer, component, &metrics);
        sqi_write_array(writer, "componentErrors");
        if (error) {
                sqi_write_map(writer, NULL);
                put_error(writer, "error", error, worker);
                sqi_write_end(writer);
        }
        sqi_write_end(writer);
        if (component->kind == SQ_KIND_BOLT)
                put_input_stats(writer, plan, c, &metrics);
        put_output_stats(writer, component, &metrics);
        sqi_write_array(writer, "executorStats");
        for (uint32_t i = 0; i < component->ntasks; i++)
                put_executor(writer, hosted, component->first_task + i, component->kind);
        sqi_write_end(writer);
        sqi_write_end(writer);
}

bool
sqi_rest_component(const struct sqi_hosted *hosted, const char *id, struct sqi_writer *writer)
{
        const struct sqi_plan *plan = hosted->running ? sqi_hosted_plan(hosted) : NULL;

        for (uint32_t c = 0; plan && c < plan->ncomponents; c++) {
                if (strcmp(plan->components[c].id, id) != 0)
                        continue;
                put_component_page(writer, hosted, c);
                return true;
        }
        return false;
}

/* ---- The graph --------------------------------------------------------------------------------------- */

/* A stream's name as Storm's page uses it for an identifier: odd characters away, and Java's hash of the name behind,
 * so that two stay two. */
static const char *
sanitize(const char *stream, char ret[SANI_SIZE])
{
        uint32_t hash = 0;
        size_t n = 0;

        if (!isalpha((unsigned char)stream[0]))
                ret[n++] = 's';
        for (const char *at = stream; *at && n < SQI_ID_MAX; at++)
                ret[n++] = isalpha((unsigned char)*at) || strchr("_-:.", *at) ? *at : '_';
        for (const char *at = stream; *at; at++)
                hash = hash * 31 + (unsigned char)*at;
        snprintf(ret + n, SANI_SIZE - n, "%d", (int)hash);
        return ret;
}

static void
put_vertex_task(struct sqi_writer *writer, const struct sqi_hosted *hosted, const struct sqi_plan_component *component,
                uint32_t task)
{
        struct sqi_metrics metrics;
        char name[SANI_SIZE];

        sqi_totals_task(sqi_running_totals(hosted->running), task, &metrics);
        sqi_write_map(writer, NULL);
        put_host(writer, ":host");
        sqi_write_uint(writer, ":port", sqi_hosted_plan(hosted)->tasks[task].worker);
        sqi_write_uint(writer, ":uptime_secs", sqi_running_uptime(hosted->running) / SQI_SECOND);
        sqi_write_map(writer, ":transferred");
        sqi_write_map(writer, ALL_TIME);
        if (component->nstreams == 1)
                sqi_write_uint(writer, sanitize(component->streams[0].id, name), metrics.transferred);
        sqi_write_end(writer);
        sqi_write_end(writer);
        sqi_write_end(writer);
}

static void
put_vertex_inputs(struct sqi_writer *writer, const struct sqi_plan *plan, uint32_t c)
{
        char name[SANI_SIZE];

        sqi_write_array(writer, ":inputs");
        for (uint32_t e = 0; e < plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];
                const char *stream = plan->components[edge->from].streams[edge->stream].id;

                if (edge->to != c)
                        continue;
                sqi_write_map(writer, NULL);
                sqi_write_text(writer, ":component", plan->components[edge->from].id);
                sqi_write_text(writer, ":stream", stream);
                sqi_write_text(writer, ":sani-stream", sanitize(stream, name));
                sqi_write_text(writer, ":grouping", sqi_grouping_name(edge->grouping));
                sqi_write_end(writer);
        }
        sqi_write_end(writer);
}

static void
put_vertex(struct sqi_writer *writer, const struct sqi_hosted *hosted, uint32_t c)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        const struct sqi_plan_component *component = &plan->components[c];
        bool spout = component->kind == SQ_KIND_SPOUT;
        struct sqi_metrics metrics;

        sum_component(hosted, c, &metrics);
        sqi_write_map(writer, component->id);
        sqi_write_text(writer, ":type", sqi_kind_name(component->kind));
        sqi_write_real(writer, ":capacity", spout ? 0 : capacity(hosted, component));
        sqi_write_real(writer, ":latency", milliseconds(spout ? &metrics.complete : &metrics.execute));
        sqi_write_uint(writer, ":transferred", metrics.transferred);
        sqi_write_array(writer, ":stats");
        for (uint32_t i = 0; i < component->ntasks; i++)
                put_vertex_task(writer, hosted, component, component->first_task + i);
        sqi_write_end(writer);
        sqi_write_text(writer, ":link", "");
        put_vertex_inputs(writer, plan, c);
        sqi_write_end(writer);
}

void
sqi_rest_visualization(const struct sqi_hosted *hosted, struct sqi_writer *writer)
{
        const struct sqi_plan *plan = hosted->running ? sqi_hosted_plan(hosted) : NULL;

        sqi_write_map(writer, NULL);
        for (uint32_t c = 0; plan && c < plan->ncomponents; c++)
                put_vertex(writer, hosted, c);
        sqi_write_end(writer);
}

void
sqi_rest_done(const char *operation, const char *name, struct sqi_writer *writer)
{
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "topologyOperation", operation);
        sqi_write_text(writer, "topologyId", name);
        sqi_write_text(writer, "status", "success");
        sqi_write_end(writer);
}

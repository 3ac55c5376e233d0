/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/rest.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/rest_values.h"
#include "daemon/status.h"

/* ---- Topologies -------------------------------------------------------------------------------------- */

static void
put_resources(struct sqi_writer *writer)
{
        static const char *const names[] = {"requestedMemOnHeap", "requestedMemOffHeap", "requestedTotalMem",
                                            "requestedCpu",       "assignedMemOnHeap",   "assignedMemOffHeap",
                                            "assignedTotalMem",   "assignedCpu"};

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                sqi_write_real(writer, names[i], 0);
}

/* In the list, and at the head of one. */
static void
put_topology(struct sqi_writer *writer, const struct sqi_hosted *hosted)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);

        sqi_write_text(writer, "id", hosted->record.name);
        sqi_write_text(writer, "encodedId", hosted->record.name);
        sqi_write_text(writer, "name", hosted->record.name);
        sqi_rest_status(writer, "status", hosted);
        sqi_rest_uptime(writer, sqi_status_uptime(hosted));
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
                sqi_rest_sum(hosted, c, &metrics);
                sqi_metrics_merge(&spouts[plan->components[c].kind == SQ_KIND_SPOUT ? 0 : 1], &metrics);
        }
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "windowPretty", "All time");
        sqi_write_text(writer, "window", SQI_REST_ALL_TIME);
        sqi_write_uint(writer, "emitted", spouts[0].emitted + spouts[1].emitted);
        sqi_write_uint(writer, "transferred", spouts[0].transferred + spouts[1].transferred);
        sqi_write_uint(writer, "acked", spouts[0].acked);
        sqi_write_uint(writer, "failed", spouts[0].failed);
        sqi_rest_times(writer, SQ_KIND_SPOUT, &spouts[0]);
        sqi_write_end(writer);
        free(spouts);
}

static void
put_component(struct sqi_writer *writer, const struct sqi_hosted *hosted, uint32_t c)
{
        const struct sqi_plan_component *component = &sqi_hosted_plan(hosted)->components[c];
        bool spout = component->kind == SQ_KIND_SPOUT;
        struct sqi_metrics metrics;
        char text[SQI_REST_CAUSE];
        uint32_t worker = 0;
        const char *error = sqi_rest_last_error(hosted, component, text, &worker);

        sqi_rest_sum(hosted, c, &metrics);
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, spout ? "spoutId" : "boltId", component->id);
        sqi_write_text(writer, spout ? "encodedSpoutId" : "encodedBoltId", component->id);
        sqi_write_uint(writer, "executors", component->ntasks);
        sqi_write_uint(writer, "tasks", component->ntasks);
        sqi_rest_counts(writer, &metrics);
        sqi_rest_times(writer, component->kind, &metrics);
        if (!spout)
                sqi_rest_decimal(writer, "capacity", sqi_rest_capacity(hosted, component));
        sqi_rest_error(writer, "lastError", error, worker);
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
        sqi_rest_host(writer, "host");
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
        sqi_rest_window(writer);
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

void
sqi_rest_done(const char *operation, const char *name, struct sqi_writer *writer)
{
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "topologyOperation", operation);
        sqi_write_text(writer, "topologyId", name);
        sqi_write_text(writer, "status", "success");
        sqi_write_end(writer);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One component of a topology, as Storm's UI REST API shows it. */
#include <stdio.h>
#include <string.h>

#include "daemon/rest.h"
#include "daemon/rest_values.h"

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
                        sqi_rest_times(writer, SQ_KIND_SPOUT, metrics);
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
                sqi_rest_decimal(writer, "executeLatency", sqi_rest_milliseconds(&metrics->execute));
                sqi_rest_decimal(writer, "processLatency", sqi_rest_milliseconds(&metrics->execute));
                sqi_write_end(writer);
        }
        sqi_write_end(writer);
}

static void
put_executor(struct sqi_writer *writer, const struct sqi_hosted *hosted, uint32_t task, enum sq_kind kind)
{
        struct sqi_metrics metrics;
        char text[2 * 12 + 4];

        sqi_totals_task(sqi_running_totals(hosted->running), task, &metrics);
        snprintf(text, sizeof(text), "[%u-%u]", task + 1, task + 1); /* Storm counts from 1 */
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "id", text);
        sqi_write_text(writer, "encodedId", text);
        sqi_rest_uptime(writer, (double)sqi_running_uptime(hosted->running) / 1e9);
        sqi_rest_host(writer, "host");
        sqi_write_uint(writer, "port", sqi_hosted_plan(hosted)->tasks[task].worker);
        sqi_rest_counts(writer, &metrics);
        sqi_rest_times(writer, kind, &metrics);
        if (kind == SQ_KIND_BOLT)
                sqi_rest_decimal(writer, "capacity",
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
        sqi_rest_status(writer, "topologyStatus", hosted);
        sqi_rest_window(writer);
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
        sqi_write_text(writer, "window", SQI_REST_ALL_TIME);
        sqi_rest_counts(writer, metrics);
        sqi_rest_times(writer, component->kind, metrics);
        sqi_write_end(writer);
        sqi_write_end(writer);
}

static void
put_component_page(struct sqi_writer *writer, const struct sqi_hosted *hosted, uint32_t c)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        const struct sqi_plan_component *component = &plan->components[c];
        struct sqi_metrics metrics;
        char text[SQI_REST_CAUSE];
        uint32_t worker = 0;
        const char *error = sqi_rest_last_error(hosted, component, text, &worker);

        sqi_rest_sum(hosted, c, &metrics);
        sqi_write_map(writer, NULL);
        put_component_head(writer, hosted, component);
        put_component_stats(writer, component, &metrics);
        sqi_write_array(writer, "componentErrors");
        if (error) {
                sqi_write_map(writer, NULL);
                sqi_rest_error(writer, "error", error, worker);
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

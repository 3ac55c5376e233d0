/* SPDX-License-Identifier: Apache-2.0 */
/* The graph of a topology, as Storm's UI REST API hands it to the page that draws it. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "daemon/rest.h"
#include "daemon/rest_values.h"

enum { SANI_SIZE = SQI_ID_MAX + 16 };

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
        sqi_rest_host(writer, ":host");
        sqi_write_uint(writer, ":port", sqi_hosted_plan(hosted)->tasks[task].worker);
        sqi_write_uint(writer, ":uptime_secs", sqi_running_uptime(hosted->running) / SQI_SECOND);
        sqi_write_map(writer, ":transferred");
        sqi_write_map(writer, SQI_REST_ALL_TIME);
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

        sqi_rest_sum(hosted, c, &metrics);
        sqi_write_map(writer, component->id);
        sqi_write_text(writer, ":type", sqi_kind_name(component->kind));
        sqi_write_real(writer, ":capacity", spout ? 0 : sqi_rest_capacity(hosted, component));
        sqi_write_real(writer, ":latency", sqi_rest_milliseconds(spout ? &metrics.complete : &metrics.execute));
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

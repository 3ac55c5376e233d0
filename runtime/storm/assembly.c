/* SPDX-License-Identifier: Apache-2.0 */
#include "storm/assembly.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "storm/resources.h"
#include "tuple/writer.h"

/* ---- Storm's structs, by the ids of their fields ------------------------------------------------------- */

enum { TOPOLOGY_SPOUTS = 1, TOPOLOGY_BOLTS, TOPOLOGY_STATE_SPOUTS };
enum { COMPONENT_OBJECT = 1, COMPONENT_COMMON, OBJECT_SHELL = 2, SHELL_COMMAND = 1, SHELL_SCRIPT };
enum { COMMON_INPUTS = 1, COMMON_STREAMS, COMMON_PARALLELISM, COMMON_CONFIG };
enum { STREAM_COMPONENT = 1, STREAM_NAME, INFO_FIELDS = 1, INFO_DIRECT };
enum { JAVA_CLASS = 1, JAVA_ARGUMENTS };
enum { BY_FIELDS = 1, BY_SHUFFLE, BY_ALL, BY_NONE, BY_DIRECT, BY_JAVA, BY_LOCAL_OR_SHUFFLE = 8 };

enum { PENDING = 1000 }; /* of a spout, where Squall would find it by itself: Storm's is without bound */

#define END_STREAM "squall-end"
#define END_FIELD "task"
#define PARTIAL_KEY "org.apache.storm.grouping.PartialKeyGrouping"

static void
put_empty(struct sqi_thrift_call *call, int16_t id)
{
        sqi_thrift_put_struct(call, id);
        sqi_thrift_stop(call);
}

static void
put_fields(struct sqi_thrift_call *call, const struct sqi_plan_stream *stream, uint32_t n, const uint8_t *places)
{
        sqi_thrift_put_list(call, BY_FIELDS, SQI_THRIFT_STRING, n);
        for (uint32_t k = 0; k < n; k++)
                sqi_thrift_item_text(call, stream->fields[places ? places[k] : k].name);
}

/* A union: the struct of one field. */
static void
put_grouping(struct sqi_thrift_call *call, const struct sqi_plan_edge *edge, const struct sqi_plan_stream *stream)
{
        static const int16_t plain[] = {[SQI_SHUFFLE] = BY_SHUFFLE,
                                        [SQI_ALL] = BY_ALL,
                                        [SQI_DIRECT] = BY_DIRECT,
                                        [SQI_LOCAL_OR_SHUFFLE] = BY_LOCAL_OR_SHUFFLE,
                                        [SQI_NONE] = BY_NONE};

        switch (edge->grouping) {
        case SQI_FIELDS:
                put_fields(call, stream, edge->nkeys, edge->keys);
                break;
        case SQI_GLOBAL:
                put_fields(call, stream, 0, NULL);
                break;
        case SQI_PARTIAL_KEY: /* without arguments it is by the first field */
                sqi_thrift_put_struct(call, BY_JAVA);
                sqi_thrift_put_text(call, JAVA_CLASS, PARTIAL_KEY);
                sqi_thrift_put_list(call, JAVA_ARGUMENTS, SQI_THRIFT_STRUCT, 0);
                sqi_thrift_stop(call);
                break;
        default:
                put_empty(call, plain[edge->grouping]);
        }
        sqi_thrift_stop(call);
}

static void
put_stream_id(struct sqi_thrift_call *call, const char *component, const char *stream)
{
        sqi_thrift_put_text(call, STREAM_COMPONENT, component);
        sqi_thrift_put_text(call, STREAM_NAME, stream);
        sqi_thrift_stop(call);
}

/* Is this edge the first from its component to that one? Then its marks come with it. */
static bool
is_first(const struct sqi_plan *plan, uint32_t e)
{
        for (uint32_t before = 0; before < e; before++)
                if (plan->edges[before].from == plan->edges[e].from && plan->edges[before].to == plan->edges[e].to)
                        return false;
        return true;
}

static void
put_inputs(struct sqi_thrift_call *call, const struct sqi_plan *plan, uint32_t component)
{
        uint32_t n = 0;

        for (uint32_t e = 0; e < plan->nedges; e++)
                n += plan->edges[e].to == component ? 1 + is_first(plan, e) : 0;
        sqi_thrift_put_map(call, COMMON_INPUTS, SQI_THRIFT_STRUCT, SQI_THRIFT_STRUCT, n);
        for (uint32_t e = 0; e < plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];
                const struct sqi_plan_component *from = &plan->components[edge->from];

                if (edge->to != component)
                        continue;
                put_stream_id(call, from->id, from->streams[edge->stream].id);
                put_grouping(call, edge, &from->streams[edge->stream]);
                if (!is_first(plan, e))
                        continue;
                put_stream_id(call, from->id, END_STREAM);
                put_empty(call, BY_ALL);
                sqi_thrift_stop(call);
        }
}

static bool
is_direct(const struct sqi_plan *plan, uint32_t component, uint32_t stream)
{
        for (uint32_t e = 0; e < plan->nedges; e++)
                if (plan->edges[e].from == component && plan->edges[e].stream == stream &&
                    plan->edges[e].grouping == SQI_DIRECT)
                        return true;
        return false;
}

static void
put_streams(struct sqi_thrift_call *call, const struct sqi_plan *plan, uint32_t c)
{
        const struct sqi_plan_component *component = &plan->components[c];

        sqi_thrift_put_map(call, COMMON_STREAMS, SQI_THRIFT_STRING, SQI_THRIFT_STRUCT, component->nstreams + 1);
        for (uint32_t s = 0; s < component->nstreams; s++) {
                sqi_thrift_item_text(call, component->streams[s].id);
                put_fields(call, &component->streams[s], component->streams[s].nfields, NULL);
                sqi_thrift_put_bool(call, INFO_DIRECT, is_direct(plan, c, s));
                sqi_thrift_stop(call);
        }
        sqi_thrift_item_text(call, END_STREAM);
        sqi_thrift_put_list(call, INFO_FIELDS, SQI_THRIFT_STRING, 1);
        sqi_thrift_item_text(call, END_FIELD);
        sqi_thrift_put_bool(call, INFO_DIRECT, false);
        sqi_thrift_stop(call);
}

/* A SpoutSpec or a Bolt. */
static void
put_component(struct sqi_thrift_call *call, const struct sqi_plan *plan, uint32_t c)
{
        const struct sqi_plan_component *component = &plan->components[c];
        char config[64];

        snprintf(config, sizeof(config), "{\"topology.tasks\":%u}", component->ntasks);
        sqi_thrift_item_text(call, component->id);
        sqi_thrift_put_struct(call, COMPONENT_OBJECT);
        sqi_thrift_put_struct(call, OBJECT_SHELL);
        sqi_thrift_put_text(call, SHELL_COMMAND, SQI_RESOURCES_COMMAND);
        sqi_thrift_put_text(call, SHELL_SCRIPT, SQI_RESOURCES_SCRIPT);
        sqi_thrift_stop(call);
        sqi_thrift_stop(call);
        sqi_thrift_put_struct(call, COMPONENT_COMMON);
        put_inputs(call, plan, c);
        put_streams(call, plan, c);
        sqi_thrift_put_i32(call, COMMON_PARALLELISM, (int32_t)component->ntasks);
        sqi_thrift_put_text(call, COMMON_CONFIG, config);
        sqi_thrift_stop(call);
        sqi_thrift_stop(call);
}

static void
put_components(struct sqi_thrift_call *call, int16_t id, const struct sqi_plan *plan, enum sq_kind kind)
{
        uint32_t n = 0;

        for (uint32_t c = 0; c < plan->ncomponents; c++)
                n += plan->components[c].kind == kind;
        sqi_thrift_put_map(call, id, SQI_THRIFT_STRING, SQI_THRIFT_STRUCT, n);
        for (uint32_t c = 0; c < plan->ncomponents; c++)
                if (plan->components[c].kind == kind)
                        put_component(call, plan, c);
}

void
sqi_assembly_put(struct sqi_thrift_call *call, int16_t id, const struct sqi_plan *plan)
{
        sqi_thrift_put_struct(call, id);
        put_components(call, TOPOLOGY_SPOUTS, plan, SQ_KIND_SPOUT);
        put_components(call, TOPOLOGY_BOLTS, plan, SQ_KIND_BOLT);
        sqi_thrift_put_map(call, TOPOLOGY_STATE_SPOUTS, SQI_THRIFT_STRING, SQI_THRIFT_STRUCT, 0);
        sqi_thrift_stop(call);
}

char *
sqi_assembly_config(const struct sqi_plan *plan)
{
        struct sqi_writer json = sqi_writer(SQI_JSON);
        const struct sqi_config *config = &plan->config;
        void *text = NULL;
        size_t size;

        sqi_write_map(&json, NULL);
        sqi_write_int(&json, "topology.workers", config->workers > 0 ? config->workers : 1);
        sqi_write_int(&json, "topology.message.timeout.secs", (int64_t)fmax(1, ceil(config->message_timeout)));
        sqi_write_int(&json, "topology.max.spout.pending", config->max_pending > 0 ? config->max_pending : PENDING);
        sqi_write_int(&json, "topology.subprocess.timeout.secs", (int64_t)fmax(1, ceil(config->worker_timeout)));
        if (config->delivery == SQI_AT_MOST_ONCE)
                sqi_write_int(&json, "topology.acker.executors", 0);
        sqi_write_end(&json);
        return sqi_writer_take(&json, &text, &size) < 0 ? NULL : text;
}

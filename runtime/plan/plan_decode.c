/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes from a file into a plan. The reader fails once and for all: after a failure every read gives zero or nothing, so that the
 * code below reads straight on and asks at the end. Nothing is allocated for a count that the bytes left over could not hold.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "plan/plan.h"
#include "plan/plan_codec.h"
#include "tuple/unpack.h"

struct reader {
        const uint8_t *at, *end;
        struct sqi_arena *arena;
        int r; /* 0, -EBADMSG, -ENOMEM */
        char *error;
        size_t error_size;
};

static void
refuse(struct reader *reader, const char *what)
{
        if (reader->r < 0)
                return;
        reader->r = -EBADMSG;
        (void)snprintf(reader->error, reader->error_size, "%s", what);
}

static void
demand(struct reader *reader, bool holds, const char *what)
{
        if (!holds)
                refuse(reader, what);
}

static void *
alloc(struct reader *reader, size_t n, size_t size)
{
        void *ptr = sqi_arena_alloc(reader->arena, n, size);

        if (ptr == NULL && reader->r == 0) {
                reader->r = -ENOMEM;
                (void)snprintf(reader->error, reader->error_size, "out of memory");
        }
        return ptr;
}

/* ---- Values ------------------------------------------------------------------------------------------------------------- */

static struct sq_value
read_value(struct reader *reader)
{
        const uint8_t *next = reader->r == 0 ? sqi_skip(reader->at, reader->end) : NULL;
        struct sq_value value = sq_nil();

        if (next == NULL) {
                refuse(reader, "cut short");
                return value;
        }
        value = sqi_unpack(reader->at, next);
        reader->at = next;
        return value;
}

static uint32_t
read_number(struct reader *reader, uint32_t max, const char *what)
{
        struct sq_value value = read_value(reader);
        bool number = value.type == SQ_UINT || (value.type == SQ_INT && value.as.i >= 0);

        demand(reader, number && value.as.u <= max, what);
        return reader->r == 0 ? (uint32_t)value.as.u : 0;
}

static double
read_real(struct reader *reader, double max, const char *what)
{
        struct sq_value value = read_value(reader);

        demand(reader, value.type == SQ_FLOAT && value.as.f >= 0 && value.as.f <= max, what);
        return reader->r == 0 ? value.as.f : 0;
}

static bool
read_flag(struct reader *reader, const char *what)
{
        struct sq_value value = read_value(reader);

        demand(reader, value.type == SQ_BOOL, what);
        return reader->r == 0 && value.as.b;
}

/* Never NULL. */
static const char *
read_text(struct reader *reader, const char *what)
{
        struct sq_value value = read_value(reader);
        const char *copy;

        demand(reader, value.type == SQ_STR && memchr(value.as.ptr, '\0', value.len) == NULL, what);
        if (reader->r < 0)
                return "";
        copy = sqi_arena_copy(reader->arena, value.as.ptr, value.len);
        if (copy == NULL)
                reader->r = -ENOMEM;
        return copy != NULL ? copy : "";
}

static uint32_t
read_list(struct reader *reader, uint32_t max, const char *what)
{
        const uint8_t *next;
        uint32_t n = 0;

        if (reader->r < 0)
                return 0;
        next = sqi_unpack_head(reader->at, reader->end, &n);
        demand(reader, next != NULL && n <= max && n <= (size_t)(reader->end - next), what);
        if (reader->r < 0)
                return 0;
        reader->at = next;
        return n;
}

static void
read_tuple(struct reader *reader, uint32_t n, const char *what)
{
        demand(reader, read_list(reader, n, what) == n, what);
}

/* ---- The parts of a plan ------------------------------------------------------------------------------------------------ */

static uint32_t
read_fields(struct reader *reader, struct sq_field **ret)
{
        uint32_t i, n = read_list(reader, 2 * SQ_FIELDS_MAX, "a list of fields is wrong");

        demand(reader, n % 2 == 0, "a list of fields is odd");
        *ret = alloc(reader, n / 2, sizeof(**ret));
        for (i = 0; reader->r == 0 && i < n / 2; i++) {
                (*ret)[i].name = read_text(reader, "a field has no name");
                (*ret)[i].type = (enum sq_type)read_number(reader, SQ_TIME, "a field has no type");
        }
        return n / 2;
}

static const char **
read_texts(struct reader *reader, uint32_t *ret_n)
{
        uint32_t i, n = read_list(reader, UINT32_MAX, "the values of a setting are wrong");
        const char **texts = alloc(reader, n, sizeof(*texts));

        for (i = 0; reader->r == 0 && i < n; i++)
                texts[i] = read_text(reader, "a value of a setting is no text");
        *ret_n = n;
        return texts;
}

static void
read_setting(struct reader *reader, struct sqi_setting *setting)
{
        uint32_t nvalues, nnames;

        read_tuple(reader, SQI_PLAN_SETTING_PARTS, "a setting is wrong");
        setting->name = read_text(reader, "a setting has no name");
        setting->shape = (enum sqi_setting_shape)read_number(reader, SQI_MAPPING, "a setting has no shape");
        setting->values = read_texts(reader, &nvalues);
        setting->names = read_texts(reader, &nnames);
        setting->n = nvalues;
        demand(reader, nnames == (setting->shape == SQI_MAPPING ? nvalues : 0), "a setting has names without values");
        demand(reader, setting->shape != SQI_SCALAR || nvalues == 1, "a setting has no value");
}

static void
read_streams(struct reader *reader, struct sqi_plan_component *component)
{
        uint32_t i;

        component->nstreams = read_list(reader, SQ_STREAMS_MAX + 1, "the streams of a component are wrong");
        demand(reader, component->nstreams > 0, "a component has no stream");
        component->streams = alloc(reader, component->nstreams, sizeof(*component->streams));
        for (i = 0; reader->r == 0 && i < component->nstreams; i++) {
                read_tuple(reader, 2, "a stream is wrong");
                component->streams[i].id = read_text(reader, "a stream has no name");
                component->streams[i].nfields = read_fields(reader, &component->streams[i].fields);
        }
}

static void
read_component(struct reader *reader, struct sqi_plan_component *component)
{
        uint32_t i;

        read_tuple(reader, SQI_PLAN_COMPONENT_PARTS, "a component is wrong");
        component->id = read_text(reader, "a component has no id");
        demand(reader, sqi_is_id(component->id), "a component has no id");
        component->kind = (enum sq_kind)read_number(reader, SQ_KIND_BOLT, "a component is neither spout nor bolt");
        demand(reader, component->kind != 0, "a component is neither spout nor bolt");
        component->component = read_text(reader, "a component has no name");
        component->path = read_text(reader, "a component has no path");
        demand(reader, component->path[0] == '/', "a component has no absolute path");
        component->ntasks = read_number(reader, SQI_TASKS_MAX, "a component has no tasks");
        demand(reader, component->ntasks > 0, "a component has no tasks");
        component->cycle = read_number(reader, SQI_COMPONENTS_MAX, "a component has no cycle");
        component->tick_secs = read_real(reader, 31536000, "the ticks of a component are wrong");
        component->nin = read_fields(reader, &component->in);
        read_streams(reader, component);
        component->nsettings = read_list(reader, UINT32_MAX, "the settings of a component are wrong");
        component->settings = alloc(reader, component->nsettings, sizeof(*component->settings));
        for (i = 0; reader->r == 0 && i < component->nsettings; i++)
                read_setting(reader, &component->settings[i]);
}

static uint32_t
read_places(struct reader *reader, uint8_t places[SQ_FIELDS_MAX], uint32_t nfields)
{
        uint32_t i, n = read_list(reader, SQ_FIELDS_MAX, "the places of an edge are wrong");

        for (i = 0; i < n; i++) {
                places[i] = (uint8_t)read_number(reader, UINT8_MAX, "a place of an edge is wrong");
                demand(reader, places[i] < nfields, "an edge names a field that its stream has not");
        }
        return n;
}

static void
read_edge(struct reader *reader, const struct sqi_plan *plan, uint32_t *inputs, struct sqi_plan_edge *edge)
{
        const char *what = "an edge leads nowhere";
        uint32_t nfields;
        bool keyed;

        read_tuple(reader, SQI_PLAN_EDGE_PARTS, "an edge is wrong");
        edge->from = read_number(reader, plan->ncomponents - 1, what);
        edge->stream = read_number(reader, SQ_STREAMS_MAX, what);
        edge->to = read_number(reader, plan->ncomponents - 1, what);
        edge->grouping = (enum sqi_grouping_type)read_number(reader, SQI_NONE, "an edge has no grouping");
        if (reader->r < 0)
                return;
        demand(reader, edge->stream < plan->components[edge->from].nstreams && plan->components[edge->to].kind == SQ_KIND_BOLT,
               what);
        if (reader->r < 0)
                return;
        edge->input = inputs[edge->to]++;
        nfields = plan->components[edge->from].streams[edge->stream].nfields;
        edge->nkeys = read_places(reader, edge->keys, nfields);
        edge->nin = read_places(reader, edge->in, nfields);
        edge->feedback = read_flag(reader, "an edge is neither feedback nor not");
        keyed = edge->grouping == SQI_FIELDS || edge->grouping == SQI_PARTIAL_KEY;
        demand(reader, keyed == (edge->nkeys > 0), "the fields of a grouping are wrong");
        demand(reader, edge->nin == plan->components[edge->to].nin, "the input fields of an edge are wrong");
}

static void
read_config(struct reader *reader, struct sqi_config *config)
{
        uint32_t n = read_list(reader, 256, "the config is wrong");
        const char *key, *text;

        sqi_config_defaults(config);
        demand(reader, n % 2 == 0, "the config is odd");
        for (; reader->r == 0 && n > 0; n -= 2) {
                key = read_text(reader, "a config key is wrong");
                text = read_text(reader, "a config value is wrong");
                if (reader->r == 0 && sqi_config_try(config, key, text, reader->error, reader->error_size) < 0)
                        reader->r = -EBADMSG;
        }
}

static void
read_components(struct reader *reader, struct sqi_plan *plan)
{
        uint32_t i;

        plan->ncomponents = read_list(reader, SQI_COMPONENTS_MAX, "the components are wrong");
        demand(reader, plan->ncomponents > 0, "there are no components");
        plan->components = alloc(reader, plan->ncomponents, sizeof(*plan->components));
        for (i = 0; reader->r == 0 && i < plan->ncomponents; i++) {
                read_component(reader, &plan->components[i]);
                plan->components[i].first_task = plan->ntasks;
                plan->ntasks += plan->components[i].ntasks;
                demand(reader, plan->ntasks <= SQI_TASKS_MAX, "there are too many tasks");
                demand(reader, i == 0 || plan->components[i].kind >= plan->components[i - 1].kind, "a spout stands behind a bolt");
        }
}

static void
read_edges(struct reader *reader, struct sqi_plan *plan)
{
        uint32_t i, *inputs;

        plan->nedges = read_list(reader, SQI_EDGES_MAX, "the edges are wrong");
        plan->edges = alloc(reader, plan->nedges, sizeof(*plan->edges));
        inputs = alloc(reader, plan->ncomponents, sizeof(*inputs));
        for (i = 0; reader->r == 0 && i < plan->nedges; i++)
                read_edge(reader, plan, inputs, &plan->edges[i]);
}

static void
read_tasks(struct reader *reader, struct sqi_plan *plan)
{
        uint32_t i, index, task = 0;

        demand(reader, read_list(reader, SQI_TASKS_MAX, "the tasks are wrong") == plan->ntasks, "the tasks are wrong");
        plan->tasks = alloc(reader, plan->ntasks, sizeof(*plan->tasks));
        for (i = 0; reader->r == 0 && i < plan->ncomponents; i++)
                for (index = 0; reader->r == 0 && index < plan->components[i].ntasks; index++)
                        plan->tasks[task++] = (struct sqi_plan_task){
                                i, index, read_number(reader, plan->nworkers - 1, "a task has no worker")};
}

static void
read_plan(struct reader *reader, struct sqi_plan *plan)
{
        read_tuple(reader, SQI_PLAN_PARTS, "not a plan");
        demand(reader, strcmp(read_text(reader, "not a plan"), SQI_PLAN_MAGIC) == 0, "not a plan");
        demand(reader, read_number(reader, UINT32_MAX, "not a plan") == SQI_PLAN_VERSION, "a plan of another version of squall");
        plan->name = read_text(reader, "the plan has no name");
        demand(reader, sqi_is_id(plan->name), "the plan has no name");
        plan->directory = read_text(reader, "the plan has no directory");
        read_config(reader, &plan->config);
        plan->nworkers = read_number(reader, SQI_TASKS_MAX, "the workers are wrong");
        demand(reader, plan->nworkers > 0, "there are no workers");
        read_components(reader, plan);
        demand(reader, plan->nworkers <= plan->ntasks, "there are more workers than tasks");
        read_edges(reader, plan);
        read_tasks(reader, plan);
        demand(reader, reader->r < 0 || reader->at == reader->end, "there are bytes behind the plan");
}

int
sqi_plan_decode(const void *bytes, size_t size, struct sqi_plan **ret, char *error, size_t error_size)
{
        struct reader reader = {.at = bytes, .end = (const uint8_t *)bytes + size, .error = error, .error_size = error_size};
        struct sqi_plan *plan = calloc(1, sizeof(*plan));

        reader.arena = plan != NULL ? sqi_arena_new() : NULL;
        if (reader.arena == NULL) {
                free(plan);
                (void)snprintf(error, error_size, "out of memory");
                return -ENOMEM;
        }
        plan->memory = reader.arena;
        read_plan(&reader, plan);
        if (reader.r < 0)
                sqi_plan_free(&plan);
        else
                *ret = plan;
        return reader.r;
}

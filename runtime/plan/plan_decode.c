/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes from a file into a plan. The reader fails once and for all, and so does what stands on it: the code below reads
 * straight on and asks at the end. Nothing is allocated for a count that the bytes left over could not hold.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/date.h"
#include "base/sealed.h"
#include "plan/plan.h"
#include "plan/plan_codec.h"
#include "tuple/reader.h"

struct decoder {
        struct sqi_reader in;
        struct sqi_arena *arena;
        int r; /* 0, -EBADMSG, -EPROTO, -ENOMEM */
        char *error;
        size_t error_size;
};

static void
refuse_as(struct decoder *decoder, int r, const char *what)
{
        if (decoder->r < 0)
                return;
        decoder->r = r;
        sqi_read_fail(&decoder->in, what);
        snprintf(decoder->error, decoder->error_size, "%s", what);
}

static void
refuse(struct decoder *decoder, const char *what)
{
        refuse_as(decoder, -EBADMSG, what);
}

static void
demand(struct decoder *decoder, bool holds, const char *what)
{
        if (!holds || decoder->in.error)
                refuse(decoder, what);
}

static void *
alloc(struct decoder *decoder, size_t n, size_t size)
{
        void *ptr = sqi_arena_alloc(decoder->arena, n, size);

        if (!ptr && decoder->r == 0) {
                decoder->r = -ENOMEM;
                snprintf(decoder->error, decoder->error_size, "out of memory");
        }
        return ptr;
}

/* ---- Values ------------------------------------------------------------------------------------------ */

static uint32_t
read_number(struct decoder *decoder, uint32_t max, const char *what)
{
        uint32_t number = (uint32_t)sqi_read_uint(&decoder->in, max);

        demand(decoder, true, what);
        return number;
}

static double
read_real(struct decoder *decoder, double max, const char *what)
{
        double real = sqi_read_real(&decoder->in);

        demand(decoder, real >= 0 && real <= max, what);
        return decoder->r == 0 ? real : 0;
}

static bool
read_flag(struct decoder *decoder, const char *what)
{
        bool flag = sqi_read_bool(&decoder->in);

        demand(decoder, true, what);
        return flag;
}

/* Never NULL. */
static const char *
read_text(struct decoder *decoder, const char *what)
{
        struct sq_str text = sqi_read_str(&decoder->in);
        const char *copy;

        demand(decoder, !memchr(text.ptr, '\0', text.len), what);
        if (decoder->r < 0)
                return "";
        copy = sqi_arena_copy(decoder->arena, text.ptr, text.len);
        if (!copy)
                decoder->r = -ENOMEM;
        return copy ? copy : "";
}

static uint32_t
read_list(struct decoder *decoder, uint32_t max, const char *what)
{
        uint32_t n = sqi_read_array(&decoder->in);

        demand(decoder, n <= max, what);
        return decoder->r == 0 ? n : 0;
}

static void
read_tuple(struct decoder *decoder, uint32_t n, const char *what)
{
        demand(decoder, read_list(decoder, n, what) == n, what);
}

/* ---- The parts of a plan ----------------------------------------------------------------------------- */

static uint32_t
read_fields(struct decoder *decoder, struct sq_field **ret)
{
        uint32_t n = read_list(decoder, 2 * SQ_FIELDS_MAX, "a list of fields is wrong");

        demand(decoder, n % 2 == 0, "a list of fields is odd");
        *ret = alloc(decoder, n / 2, sizeof(**ret));
        for (uint32_t i = 0; decoder->r == 0 && i < n / 2; i++) {
                (*ret)[i].name = read_text(decoder, "a field has no name");
                (*ret)[i].type = (enum sq_type)read_number(decoder, SQ_TIME, "a field has no type");
        }
        return n / 2;
}

static const char **
read_texts(struct decoder *decoder, uint32_t *ret_n)
{
        uint32_t n = read_list(decoder, UINT32_MAX, "the values of a setting are wrong");
        const char **texts = alloc(decoder, n, sizeof(*texts));

        for (uint32_t i = 0; decoder->r == 0 && i < n; i++)
                texts[i] = read_text(decoder, "a value of a setting is no text");
        *ret_n = n;
        return texts;
}

static void
read_setting(struct decoder *decoder, struct sqi_setting *setting)
{
        uint32_t nvalues, nnames, nkeys = 0,
                                  parts = read_list(decoder, SQI_PLAN_SETTING_PARTS + 1, "a setting is wrong");

        setting->name = read_text(decoder, "a setting has no name");
        setting->shape = (enum sqi_setting_shape)read_number(decoder, SQI_NESTED, "a setting has no shape");
        demand(decoder, parts == SQI_PLAN_SETTING_PARTS + (setting->shape == SQI_NESTED), "a setting is wrong");
        setting->values = read_texts(decoder, &nvalues);
        setting->names = read_texts(decoder, &nnames);
        setting->keys = setting->shape == SQI_NESTED ? read_texts(decoder, &nkeys) : NULL;
        setting->n = nvalues;
        demand(decoder, nnames == (setting->shape >= SQI_MAPPING ? nvalues : 0), "a setting has names without values");
        demand(decoder, nkeys == (setting->shape == SQI_NESTED ? nvalues : 0), "a setting has keys without values");
        if (setting->shape < SQI_MAPPING)
                setting->names = NULL;
        demand(decoder, setting->shape != SQI_SCALAR || nvalues == 1, "a setting has no value");
}

static uint32_t
read_settings(struct decoder *decoder, struct sqi_setting **ret)
{
        uint32_t n = read_list(decoder, UINT32_MAX, "the settings of a component are wrong");

        *ret = alloc(decoder, n, sizeof(**ret));
        for (uint32_t i = 0; decoder->r == 0 && i < n; i++)
                read_setting(decoder, &(*ret)[i]);
        return n;
}

static void
read_streams(struct decoder *decoder, struct sqi_plan_component *component)
{
        component->nstreams = read_list(decoder, SQ_DECLARED_STREAMS_MAX + 1, "the streams of a component are wrong");
        demand(decoder, component->nstreams > 0, "a component has no stream");
        component->streams = alloc(decoder, component->nstreams, sizeof(*component->streams));
        for (uint32_t i = 0; decoder->r == 0 && i < component->nstreams; i++) {
                read_tuple(decoder, 2, "a stream is wrong");
                component->streams[i].id = read_text(decoder, "a stream has no name");
                component->streams[i].nfields = read_fields(decoder, &component->streams[i].fields);
        }
}

/* A list that may have one more part. True: it has. */
static bool
read_longer(struct decoder *decoder, uint32_t n, const char *what)
{
        uint32_t parts = read_list(decoder, n + 1, what);

        demand(decoder, parts >= n, what);
        return parts > n;
}

static enum sqi_time_unit
read_unit(struct decoder *decoder, bool dated, const char *what)
{
        enum sqi_time_unit unit = (enum sqi_time_unit)read_number(decoder, SQI_UNITS - 1, what);

        demand(decoder, (unit == SQI_UNIT_DATE) == dated, what);
        return unit;
}

static const char *
read_date(struct decoder *decoder, bool dated, const char *what)
{
        const char *date = dated ? read_text(decoder, what) : NULL;

        demand(decoder, !dated || !sqi_date_check((struct sq_str){date, strlen(date)}), what);
        return date;
}

static void
read_event_time(struct decoder *decoder, struct sqi_plan_component *component)
{
        static const char what[] = "the event time of a component is wrong";
        struct sqi_event_time *time = alloc(decoder, 1, sizeof(*time));
        bool dated;

        if (decoder->r < 0)
                return;
        component->event_time = time;
        dated = read_longer(decoder, 5, what);
        time->stream = read_number(decoder, component->nstreams - 1, what);
        demand(decoder, decoder->r == 0 && component->streams[time->stream].nfields > 0, what);
        if (decoder->r < 0)
                return;
        time->place = read_number(decoder, component->streams[time->stream].nfields - 1, what);
        time->format.unit = read_unit(decoder, dated, what);
        time->disorder_ns = (int64_t)sqi_read_uint(&decoder->in, INT64_MAX);
        time->idle_ns = sqi_read_uint(&decoder->in, INT64_MAX);
        time->format.date = read_date(decoder, dated, what);
        demand(decoder, true, what);
}

static void
read_component(struct decoder *decoder, struct sqi_plan_component *component)
{
        bool timed = read_longer(decoder, SQI_PLAN_COMPONENT_PARTS, "a component is wrong");

        component->id = read_text(decoder, "a component has no id");
        demand(decoder, sqi_is_id(component->id), "a component has no id");
        component->kind = (enum sq_kind)read_number(decoder, SQ_KIND_BOLT, "a component is neither spout nor bolt");
        demand(decoder, component->kind != 0, "a component is neither spout nor bolt");
        component->component = read_text(decoder, "a component has no name");
        component->path = read_text(decoder, "a component has no path");
        demand(decoder, component->path[0] == '/', "a component has no absolute path");
        component->ntasks = read_number(decoder, SQI_TASKS_MAX, "a component has no tasks");
        demand(decoder, component->ntasks > 0, "a component has no tasks");
        demand(decoder, component->ntasks <= SQI_PARALLELISM_MAX, "a component has too many tasks");
        component->cycle = read_number(decoder, SQI_COMPONENTS_MAX, "a component has no cycle");
        component->tick_secs = read_real(decoder, 31536000, "the ticks of a component are wrong");
        component->nin = read_fields(decoder, &component->in);
        read_streams(decoder, component);
        component->nsettings = read_settings(decoder, &component->settings);
        if (timed)
                read_event_time(decoder, component);
}

static uint32_t
read_places(struct decoder *decoder, uint8_t places[SQ_FIELDS_MAX], uint32_t nfields)
{
        uint32_t n = read_list(decoder, SQ_FIELDS_MAX, "the places of an edge are wrong");

        for (uint32_t i = 0; i < n; i++) {
                places[i] = (uint8_t)read_number(decoder, UINT8_MAX, "a place of an edge is wrong");
                demand(decoder, places[i] < nfields, "an edge names a field that its stream has not");
        }
        return n;
}

static void
read_edge_time(struct decoder *decoder, uint32_t nfields, struct sqi_edge_time *time)
{
        static const char what[] = "the event time of an edge is wrong";

        bool dated = read_longer(decoder, 2, what);

        time->known = true;
        time->place = (uint8_t)read_number(decoder, UINT8_MAX, what);
        time->format.unit = read_unit(decoder, dated, what);
        time->format.date = read_date(decoder, dated, what);
        demand(decoder, time->place < nfields, what);
}

static void
read_custom(struct decoder *decoder, struct sqi_plan_edge *edge)
{
        struct sqi_plan_grouping *custom = alloc(decoder, 1, sizeof(*custom));

        if (decoder->r < 0)
                return;
        edge->custom = custom;
        read_tuple(decoder, 3, "a custom grouping is wrong");
        custom->component = read_text(decoder, "a custom grouping has no name");
        custom->path = read_text(decoder, "a custom grouping has no path");
        demand(decoder, custom->path[0] == '/', "a custom grouping has no absolute path");
        custom->nsettings = read_settings(decoder, &custom->settings);
}

static bool
is_keyed_as_it_must(const struct sqi_plan_edge *edge)
{
        bool keyed = edge->grouping == SQI_FIELDS || edge->grouping == SQI_PARTIAL_KEY;

        return edge->grouping == SQI_CUSTOM || keyed == (edge->nkeys > 0);
}

static void
read_edge(struct decoder *decoder, const struct sqi_plan *plan, uint32_t *inputs, struct sqi_plan_edge *edge)
{
        const char *what = "an edge leads nowhere";
        uint32_t nfields, parts = read_list(decoder, SQI_PLAN_EDGE_PARTS + 2, "an edge is wrong"), more;

        edge->from = read_number(decoder, plan->ncomponents - 1, what);
        edge->stream = read_number(decoder, SQ_DECLARED_STREAMS_MAX, what);
        edge->to = read_number(decoder, plan->ncomponents - 1, what);
        edge->grouping = (enum sqi_grouping_type)read_number(decoder, SQI_CUSTOM, "an edge has no grouping");
        more = parts - SQI_PLAN_EDGE_PARTS - (edge->grouping == SQI_CUSTOM);
        demand(decoder, more <= 1, "an edge is wrong");
        if (decoder->r < 0)
                return;
        demand(decoder,
               edge->stream < plan->components[edge->from].nstreams && plan->components[edge->to].kind == SQ_KIND_BOLT,
               what);
        if (decoder->r < 0)
                return;
        edge->input = inputs[edge->to]++;
        nfields = plan->components[edge->from].streams[edge->stream].nfields;
        edge->nkeys = read_places(decoder, edge->keys, nfields);
        edge->nin = read_places(decoder, edge->in, nfields);
        edge->feedback = read_flag(decoder, "an edge is neither feedback nor not");
        if (more == 1)
                read_edge_time(decoder, nfields, &edge->time);
        if (edge->grouping == SQI_CUSTOM)
                read_custom(decoder, edge);
        demand(decoder, is_keyed_as_it_must(edge), "the fields of a grouping are wrong");
        demand(decoder, edge->nin == plan->components[edge->to].nin, "the input fields of an edge are wrong");
}

static void
read_config(struct decoder *decoder, struct sqi_config *config)
{
        uint32_t n = read_list(decoder, 256, "the config is wrong");
        const char *key, *text;

        sqi_config_defaults(config);
        demand(decoder, n % 2 == 0, "the config is odd");
        for (; decoder->r == 0 && n > 0; n -= 2) {
                key = read_text(decoder, "a config key is wrong");
                text = read_text(decoder, "a config value is wrong");
                if (decoder->r == 0 && sqi_config_try(config, key, text, decoder->error, decoder->error_size) < 0)
                        decoder->r = -EBADMSG;
        }
}

static void
read_components(struct decoder *decoder, struct sqi_plan *plan)
{
        plan->ncomponents = read_list(decoder, SQI_COMPONENTS_MAX, "the components are wrong");
        demand(decoder, plan->ncomponents > 0, "there are no components");
        plan->components = alloc(decoder, plan->ncomponents, sizeof(*plan->components));
        for (uint32_t i = 0; decoder->r == 0 && i < plan->ncomponents; i++) {
                read_component(decoder, &plan->components[i]);
                plan->components[i].first_task = plan->ntasks;
                plan->ntasks += plan->components[i].ntasks;
                demand(decoder, plan->ntasks <= SQI_TASKS_MAX, "there are too many tasks");
                demand(decoder, i == 0 || plan->components[i].kind >= plan->components[i - 1].kind,
                       "a spout stands behind a bolt");
        }
}

static void
read_edges(struct decoder *decoder, struct sqi_plan *plan)
{
        uint32_t *inputs;

        plan->nedges = read_list(decoder, SQI_EDGES_MAX, "the edges are wrong");
        plan->edges = alloc(decoder, plan->nedges, sizeof(*plan->edges));
        inputs = alloc(decoder, plan->ncomponents, sizeof(*inputs));
        for (uint32_t i = 0; decoder->r == 0 && i < plan->nedges; i++)
                read_edge(decoder, plan, inputs, &plan->edges[i]);
}

static void
read_tasks(struct decoder *decoder, struct sqi_plan *plan)
{
        uint32_t task = 0;

        demand(decoder, read_list(decoder, SQI_TASKS_MAX, "the tasks are wrong") == plan->ntasks,
               "the tasks are wrong");
        plan->tasks = alloc(decoder, plan->ntasks, sizeof(*plan->tasks));
        for (uint32_t i = 0; decoder->r == 0 && i < plan->ncomponents; i++)
                for (uint32_t index = 0; decoder->r == 0 && index < plan->components[i].ntasks; index++)
                        plan->tasks[task++] = (struct sqi_plan_task){
                                i, index, read_number(decoder, plan->nworkers - 1, "a task has no worker")};
}

/* How many parts there are. A later version may have more of them, and is known by its number all the same. */
static uint32_t
read_head(struct decoder *decoder)
{
        uint32_t nparts = read_list(decoder, UINT16_MAX, "not a plan"), version;

        demand(decoder, strcmp(read_text(decoder, "not a plan"), SQI_PLAN_MAGIC) == 0, "not a plan");
        version = read_number(decoder, UINT32_MAX, "not a plan");
        if (version > SQI_PLAN_VERSION)
                refuse_as(decoder, -EPROTO, sqi_sealed_reason(-EPROTO));
        demand(decoder, version == SQI_PLAN_VERSION && nparts >= SQI_PLAN_PARTS - 1 && nparts <= SQI_PLAN_PARTS,
               "not a plan");
        return nparts;
}

static void
read_plan(struct decoder *decoder, struct sqi_plan *plan)
{
        uint32_t nparts = read_head(decoder);

        plan->name = read_text(decoder, "the plan has no name");
        demand(decoder, sqi_is_id(plan->name), "the plan has no name");
        plan->directory = read_text(decoder, "the plan has no directory");
        read_config(decoder, &plan->config);
        plan->nworkers = read_number(decoder, SQI_TASKS_MAX, "the workers are wrong");
        demand(decoder, plan->nworkers > 0, "there are no workers");
        read_components(decoder, plan);
        demand(decoder, plan->nworkers <= plan->ntasks, "there are more workers than tasks");
        read_edges(decoder, plan);
        read_tasks(decoder, plan);
        plan->lose_state = decoder->r == 0 && nparts == SQI_PLAN_PARTS && sqi_read_bool(&decoder->in);
        demand(decoder, decoder->r < 0 || sqi_reader_is_done(&decoder->in), "there are bytes behind the plan");
        if (decoder->r == 0)
                sqi_plan_mark_streams(plan);
}

int
sqi_plan_decode(const void *bytes, size_t size, struct sqi_plan **ret, char *error, size_t error_size)
{
        struct decoder decoder = {.in = sqi_reader(bytes, size), .error = error, .error_size = error_size};
        struct sqi_plan *plan = calloc(1, sizeof(*plan));

        decoder.arena = plan ? sqi_arena_new() : NULL;
        if (!decoder.arena) {
                free(plan);
                snprintf(error, error_size, "out of memory");
                return -ENOMEM;
        }
        plan->memory = decoder.arena;
        read_plan(&decoder, plan);
        if (decoder.r < 0)
                sqi_plan_free(&plan);
        else
                *ret = plan;
        return decoder.r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "rig/setup.h"

#include <stdio.h>

#include "topology/model.h"
#include "base/nearest.h"

enum { INPUTS_MAX = 16, TASKS_MAX = 256 };

struct input {
        const char *name;
        struct sqi_fields fields;
        struct sqi_declared_time time;
};

struct plan_builder {
        const struct sqi_setup *setup;
        struct sqi_model model;
        struct sqi_model_component component;
        struct sqi_declared declared;
        size_t ninputs;
        struct input inputs[INPUTS_MAX];
        int64_t parallelism, index, direct;
        const char *epochs; /* folder of them, or NULL */
        size_t errors;      /* that the diagnostics held before */
        struct sqi_plan *plan;
};

bool
sqi_setup_take(struct sqi_setup *setup, const struct sqi_yaml_item *item)
{
#define X(name, text) \
        if (strcmp(item->key, text) == 0) { \
                setup->name = item; \
                return true; \
        }
        SQI_SETUP_KEYS(X)
#undef X
        return false;
}

void
sqi_setup_offer(struct sqi_nearest *nearest)
{
#define X(name, text) sqi_nearest_offer(nearest, text);
        SQI_SETUP_KEYS(X)
#undef X
}

/* ---- the component ----------------------------------------------------------------------------------- */

static int
read_number(struct plan_builder *builder, const struct sqi_yaml_item *item, int64_t least, int64_t most, int64_t *ret)
{
        if (!item)
                return 0;
        if (item->value->kind == SQI_YAML_SCALAR && sqi_parse_int(item->value->text, ret) == 0 && *ret >= least &&
            *ret <= most)
                return 0;
        sqi_model_error(&builder->model, item->value->place, "'%s' needs a number from %lld to %lld", item->key,
                        (long long)least, (long long)most);
        return -EINVAL;
}

/* A path may be either; a built-in of both kinds needs `kind`. */
static int
find_kind(struct plan_builder *builder, const char *name)
{
        const struct sqi_yaml_item *kind = builder->setup->kind;
        struct sqi_component *component;
        char *path, error[256];

        builder->component.kind = SQ_KIND_BOLT;
        if (kind) {
                builder->component.kind = strcmp(kind->value->text ? kind->value->text : "", "spout") == 0
                                                  ? SQ_KIND_SPOUT
                                                  : SQ_KIND_BOLT;
                return 0;
        }
        path = sqi_catalog_find(SQ_KIND_BOLT, name, builder->setup->home);
        if (path && sqi_component_load(path, &component, error, sizeof(error)) == 0) {
                builder->component.kind = component->kind;
                sqi_component_close(&component);
        } else if (!path && (path = sqi_catalog_find(SQ_KIND_SPOUT, name, builder->setup->home)))
                builder->component.kind = SQ_KIND_SPOUT;
        free(path);
        return 0;
}

static int
load(struct plan_builder *builder)
{
        const struct sqi_setup *setup = builder->setup;
        struct sqi_model *model = &builder->model;
        struct sqi_model_component *component = &builder->component;
        const char *name = setup->component ? sqi_yaml_component(setup->component->value) : NULL;

        if (!name) {
                sqi_model_error(model, (struct sqi_place){0},
                                "'component' is missing: the component under test, a built-in or the path of a .so");
                return -EINVAL;
        }
        find_kind(builder, name);
        component->id.text = setup->component->value->text;
        const char *slash = strrchr(name, '/'), *dot = slash ? strchr(slash, '.') : NULL;
        if (slash)
                component->id.text = sqi_arena_copy(model->arena, slash + 1,
                                                    dot ? (size_t)(dot - slash - 1) : strlen(slash + 1));
        component->component = (struct sqi_word){name, setup->component->value->place};
        if (slash && name[0] != '/')
                component->component.text = sqi_arena_print(model->arena, "%s/%s", setup->home, name);
        component->place = setup->component->key_place;
        component->parallelism = 1;
        component->tick_secs = -1;
        if (setup->properties)
                sqi_model_properties(model, component, setup->properties);
        model->components = component;
        model->ncomponents = 1;
        sqi_check_components(model);
        return model->diagnostics->errors > builder->errors ? -EINVAL : 0;
}

/* ---- inputs ------------------------------------------------------------------------------------------ */

static enum sq_type
type_of(struct plan_builder *builder, const struct sqi_yaml *node)
{
        for (int type = SQ_ANY; type <= SQ_TIME && node->text; type++)
                if (strcmp(sq_type_name((enum sq_type)type), node->text) == 0)
                        return (enum sq_type)type;
        sqi_model_error(&builder->model, node->place,
                        "no type '%s' (any, bool, int, uint, float, str, bin, array, map, time)",
                        node->text ? node->text : "");
        return SQ_ANY;
}

static void
add_field(struct input *input, const char *name, enum sq_type type)
{
        if (name && sqi_fields_find(&input->fields, name) < 0 && input->fields.n < SQ_FIELDS_MAX)
                input->fields.items[input->fields.n++] = (struct sq_field){name, type};
}

/* The type that the bolt declares for a field of which the test says only the name. */
static enum sq_type
declared_type(const struct plan_builder *builder, const char *name)
{
        const struct sq_field *in = builder->component.loaded->bolt->in;

        for (size_t i = 0; name && i < SQ_FIELDS_MAX && in[i].name; i++)
                if (strcmp(in[i].name, name) == 0)
                        return in[i].type;
        return SQ_ANY;
}

/* "inputs": {SOURCE: [FIELD, {FIELD: TYPE}]} or {SOURCE: {FIELD: TYPE}}. */
static void
read_input(struct plan_builder *builder, const struct sqi_yaml_item *item)
{
        struct input *input = &builder->inputs[builder->ninputs++];

        input->name = item->key;
        for (const struct sqi_yaml_item *field = item->value->first; field; field = field->next) {
                if (field->key)
                        add_field(input, field->key, type_of(builder, field->value));
                else if (field->value->kind == SQI_YAML_MAPPING && field->value->first)
                        add_field(input, field->value->first->key, type_of(builder, field->value->first->value));
                else
                        add_field(input, field->value->text, declared_type(builder, field->value->text));
        }
}

/* Without "inputs": one, of the fields that the bolt declares and those that the first tuple of the test has
 * besides. */
static void
guess_input(struct plan_builder *builder)
{
        struct input *input = &builder->inputs[builder->ninputs++];
        const struct sq_field *in = builder->component.loaded->bolt->in;
        const struct sqi_yaml *example = builder->setup->example;

        input->name = "in";
        for (size_t i = 0; i < SQ_FIELDS_MAX && in[i].name; i++)
                add_field(input, in[i].name, in[i].type);
        for (const struct sqi_yaml_item *item = example ? example->first : NULL; item; item = item->next)
                add_field(input, item->key, SQ_ANY);
}

static int
read_inputs(struct plan_builder *builder)
{
        const struct sqi_yaml_item *inputs = builder->setup->inputs;

        if (builder->component.kind == SQ_KIND_SPOUT)
                return 0;
        if (!inputs)
                guess_input(builder);
        else if (sqi_model_expect(&builder->model, inputs->value, SQI_YAML_MAPPING, "'inputs'"))
                for (const struct sqi_yaml_item *item = inputs->value->first; item && builder->ninputs < INPUTS_MAX;
                     item = item->next)
                        read_input(builder, item);
        return builder->model.diagnostics->errors > builder->errors ? -EINVAL : 0;
}

static int
set_time(struct plan_builder *builder, struct input *input, const struct sqi_yaml *field)
{
        input->time.watermarks = true;
        if (field->kind == SQI_YAML_SCALAR && sqi_fields_find(&input->fields, field->text) >= 0) {
                input->time.field = field->text;
                return 0;
        }
        sqi_model_error(&builder->model, field->place, "the input '%s' has no field '%s'", input->name,
                        field->kind == SQI_YAML_SCALAR ? field->text : "");
        return -EINVAL;
}

/* "event-time": FIELD, which every input has, or {SOURCE: FIELD}; the others have no watermarks. */
static int
read_event_time(struct plan_builder *builder)
{
        const struct sqi_yaml *node = builder->setup->event_time ? builder->setup->event_time->value : NULL;
        int r = 0;

        for (size_t i = 0; node && i < builder->ninputs && r == 0; i++) {
                struct input *input = &builder->inputs[i];
                const struct sqi_yaml_item *own = node->kind == SQI_YAML_MAPPING ? sqi_yaml_get(node, input->name)
                                                                                 : NULL;

                if (own || node->kind != SQI_YAML_MAPPING)
                        r = set_time(builder, input, own ? own->value : node);
        }
        return r;
}

static int
declare(struct plan_builder *builder, char *error, size_t size)
{
        const struct sqi_fields *inputs[INPUTS_MAX];
        struct sqi_declared_time times[INPUTS_MAX];
        struct sq_reading readings[INPUTS_MAX];
        struct sq_declaration decl = {.arena = builder->model.arena,
                                      .state = builder->component.state,
                                      .settings = builder->component.settings,
                                      .nsettings = builder->component.nsettings,
                                      .parallelism = (unsigned)builder->parallelism,
                                      .exactly_once = builder->setup->epochs != NULL,
                                      .ninputs = builder->ninputs,
                                      .inputs = inputs,
                                      .times = times,
                                      .readings = readings,
                                      .declared = &builder->declared};

        for (size_t i = 0; i < builder->ninputs; i++) {
                inputs[i] = &builder->inputs[i].fields;
                times[i] = builder->inputs[i].time;
                readings[i] = (struct sq_reading){
                        .from = builder->inputs[i].name, .stream = "default", .to = builder->component.id.text};
        }
        int r = sqi_declare(&decl, builder->component.loaded);
        if (r < 0)
                snprintf(error, size, "%s", decl.errors[0].text);
        return r;
}

/* ---- the plan ---------------------------------------------------------------------------------------- */

static int
lay_streams(struct plan_builder *builder, struct sqi_plan_component *into, struct sqi_fields *const *streams, size_t n)
{
        into->nstreams = (uint32_t)n;
        into->streams = sqi_arena_alloc(builder->model.arena, n, sizeof(*into->streams));
        for (size_t s = 0; into->streams && s < n; s++) {
                struct sqi_plan_stream *stream = &into->streams[s];
                stream->id = "default";
                stream->nfields = (uint32_t)streams[s]->n;
                stream->fields = sqi_fields_held(builder->model.arena, streams[s]);
                if (!stream->fields)
                        return -ENOMEM;
        }
        return into->streams ? 0 : -ENOMEM;
}

static int
lay_self(struct plan_builder *builder, struct sqi_plan_component *self)
{
        const struct sqi_component *loaded = builder->component.loaded;
        int r;

        self->id = builder->component.id.text;
        self->kind = loaded->kind;
        self->component = builder->component.component.text;
        self->path = sqi_arena_text(builder->model.arena, loaded->path);
        self->ntasks = (uint32_t)builder->parallelism;
        self->tick_secs = builder->plan->config.tick_secs;
        self->nin = (uint32_t)builder->declared.in.n;
        self->in = builder->declared.in.items;
        r = lay_streams(builder, self, builder->declared.streams, builder->declared.nstreams);
        for (uint32_t s = 0; r == 0 && s < self->nstreams; s++)
                self->streams[s].id = builder->declared.ids[s];
        self->nsettings = (uint32_t)builder->component.nsettings;
        self->settings = builder->component.settings;
        return r;
}

/* The rig says itself what the watermarks are. A number in the field counts milliseconds, as there. */
static int
lay_time(struct plan_builder *builder, uint32_t input, struct sqi_plan_edge *edge)
{
        const struct sqi_fields *fields = &builder->inputs[input].fields;

        if (!builder->inputs[input].time.watermarks)
                return 0;
        edge->time = (struct sqi_edge_time){
                true, (uint8_t)sqi_fields_find(fields, builder->inputs[input].time.field), {.unit = SQI_UNIT_MS}};
        builder->plan->components[input].event_time = sqi_arena_alloc(builder->model.arena, 1,
                                                                      sizeof(struct sqi_event_time));
        return builder->plan->components[input].event_time ? 0 : -ENOMEM;
}

static int
lay_input(struct plan_builder *builder, uint32_t input, uint32_t self, char *error, size_t size)
{
        struct sqi_plan *plan = builder->plan;
        struct sqi_plan_edge *edge = &plan->edges[plan->nedges++];
        struct sqi_fields *fields = &builder->inputs[input].fields;

        *edge = (struct sqi_plan_edge){
                .from = input, .to = self, .input = input, .nin = (uint32_t)builder->declared.in.n};
        plan->components[input] = (struct sqi_plan_component){
                .id = builder->inputs[input].name, .kind = SQ_KIND_SPOUT, .ntasks = 1};
        for (uint32_t f = 0; f < edge->nin; f++) {
                const char *name = sqi_declared_in_name(&builder->declared, f, input);
                int place = sqi_fields_find(fields, name);
                if (place < 0) {
                        snprintf(error, size, "'%s' needs the field '%s', which the input '%s' does not have",
                                 plan->components[self].id, name, builder->inputs[input].name);
                        return -EINVAL;
                }
                edge->in[f] = (uint8_t)place;
        }
        if (lay_streams(builder, &plan->components[input], &fields, 1) < 0)
                return -ENOMEM;
        return lay_time(builder, input, edge);
}

/* Two sinks: one that reads every stream, and one of `direct` tasks that reads it by direct grouping. */
static int
lay_sinks(struct plan_builder *builder, uint32_t self)
{
        struct sqi_plan *plan = builder->plan;

        for (uint32_t i = 0; i < (builder->direct ? 2 : 1); i++) {
                uint32_t to = plan->ncomponents++;
                plan->components[to] = (struct sqi_plan_component){
                        .id = i ? "direct" : "sink", .kind = SQ_KIND_BOLT, .ntasks = i ? (uint32_t)builder->direct : 1};
                for (uint32_t s = 0; s < plan->components[self].nstreams; s++)
                        if (plan->components[self].streams[s].nfields)
                                plan->edges[plan->nedges++] = (struct sqi_plan_edge){
                                        .from = self, .stream = s, .to = to, .grouping = i ? SQI_DIRECT : SQI_SHUFFLE};
        }
        return 0;
}

static int
lay_tasks(struct plan_builder *builder)
{
        struct sqi_plan *plan = builder->plan;
        uint32_t task = 0;

        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                plan->components[c].first_task = plan->ntasks;
                plan->ntasks += plan->components[c].ntasks;
        }
        plan->tasks = sqi_arena_alloc(builder->model.arena, plan->ntasks, sizeof(*plan->tasks));
        for (uint32_t c = 0; plan->tasks && c < plan->ncomponents; c++)
                for (uint32_t i = 0; i < plan->components[c].ntasks; i++)
                        plan->tasks[task++] = (struct sqi_plan_task){c, i, 0};
        return plan->tasks ? 0 : -ENOMEM;
}

static int
configure(struct plan_builder *builder)
{
        const struct sqi_yaml_item *config = builder->setup->config;
        char error[256];

        sqi_config_defaults(&builder->plan->config);
        builder->plan->config.delivery = builder->setup->epochs ? SQI_EXACTLY_ONCE : SQI_AT_LEAST_ONCE;
        if (!config || !sqi_model_expect(&builder->model, config->value, SQI_YAML_MAPPING, "'config'"))
                return 0;
        for (const struct sqi_yaml_item *item = config->value->first; item; item = item->next) {
                const char *text = item->value->kind == SQI_YAML_SCALAR ? item->value->text : "";
                if (sqi_config_try(&builder->plan->config, item->key, text, error, sizeof(error)) < 0)
                        sqi_model_error(&builder->model, item->key_place, "%s", error);
        }
        return builder->model.diagnostics->errors > builder->errors ? -EINVAL : 0;
}

static int
lay(struct plan_builder *builder, char *error, size_t size)
{
        uint32_t self = (uint32_t)builder->ninputs;
        struct sqi_plan *plan = builder->plan = calloc(1, sizeof(*plan));
        int r = plan ? configure(builder) : -ENOMEM;

        if (r < 0)
                return r;
        plan->name = "test";
        plan->directory = builder->setup->directory;
        plan->components = sqi_arena_alloc(builder->model.arena, builder->ninputs + 3, sizeof(*plan->components));
        plan->edges = sqi_arena_alloc(builder->model.arena, builder->ninputs + 2 * builder->declared.nstreams,
                                      sizeof(*plan->edges));
        if (!plan->components || !plan->edges)
                return -ENOMEM;
        plan->ncomponents = self + 1;
        r = lay_self(builder, &plan->components[self]);
        for (uint32_t i = 0; i < builder->ninputs && r == 0; i++)
                r = lay_input(builder, i, self, error, size);
        if (r == 0)
                r = lay_sinks(builder, self);
        if (r == 0)
                sqi_plan_mark_streams(plan);
        return r < 0 ? r : lay_tasks(builder);
}

/* "true": they are kept in memory. */
static int
read_epochs(struct plan_builder *builder)
{
        const struct sqi_yaml_item *item = builder->setup->epochs;

        if (!item)
                return 0;
        if (item->value->kind != SQI_YAML_SCALAR || !item->value->text[0]) {
                sqi_model_error(&builder->model, item->value->place, "'epochs' needs 'true', or a folder for them");
                return -EINVAL;
        }
        if (strcmp(item->value->text, "true") != 0)
                builder->epochs = sqi_model_path(&builder->model, item->value->text);
        return 0;
}

static int
build(struct plan_builder *builder, char *error, size_t size)
{
        const struct sqi_setup *setup = builder->setup;
        int r = read_number(builder, setup->parallelism, 1, TASKS_MAX, &builder->parallelism);

        if (r == 0)
                r = read_number(builder, setup->index, 0, builder->parallelism - 1, &builder->index);
        if (r == 0)
                r = read_number(builder, setup->direct, 0, TASKS_MAX, &builder->direct);
        if (r == 0)
                r = read_epochs(builder);
        if (r == 0)
                r = load(builder);
        if (r == 0)
                r = read_inputs(builder);
        if (r == 0)
                r = read_event_time(builder);
        if (r == 0)
                r = declare(builder, error, size);
        return r < 0 ? r : lay(builder, error, size);
}

int
sqi_setup_open(const struct sqi_setup *setup, struct sqi_arena **arena, struct sqi_diagnostics *diagnostics,
               struct sq_rig **ret, char *error, size_t size)
{
        struct plan_builder *builder = calloc(1, sizeof(*builder));
        int r;

        if (!builder)
                return -ENOMEM;
        builder->setup = setup;
        builder->parallelism = 1;
        builder->errors = diagnostics->errors;
        builder->model = (struct sqi_model){.arena = *arena, .diagnostics = diagnostics, .directory = setup->directory};
        r = build(builder, error, size);
        if (r == 0) {
                uint32_t task = builder->plan->components[builder->ninputs].first_task + (uint32_t)builder->index;
                struct sq_field *in = sqi_arena_alloc(*arena, SQ_FIELDS_MAX, sizeof(*in));
                if (in)
                        builder->plan->components[builder->ninputs].in = memcpy(in, builder->declared.in.items,
                                                                                sizeof(builder->declared.in.items));
                builder->plan->memory = *arena;
                *arena = NULL;
                r = in ? sqi_rig_open(&builder->plan, task, builder->epochs, ret, error, size) : -ENOMEM;
        }
        free(builder->plan);
        sqi_component_close(&builder->component.loaded);
        free(builder);
        return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of single parts: does the component exist and load, do its settings fit, do the ends of a stream exist? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/functions.h"
#include "topology/model.h"
#include "topology/on_storm.h"
#include "base/nearest.h"
#include "component/connectors.h"
#include "component/elf.h"

/* ---- Components -------------------------------------------------------------------------------------- */

/* It is something else, which has its place elsewhere. */
static void
refuse_kind(struct sqi_model *model, const struct sqi_model_component *component, enum sq_kind is)
{
        const char *name = component->component.text, *kind = sqi_kind_name(is);

        if (component->kind == SQ_KIND_GROUPING)
                sqi_model_error(model, component->component.place, "'%.200s' is a %s, not a grouping", name, kind);
        else if (is == SQ_KIND_GROUPING)
                sqi_model_error(model, component->component.place,
                                "'%.200s' is a grouping (name it in an entry of 'streams': "
                                "grouping: { type: custom, component: %.200s })",
                                name, name);
        else
                sqi_model_error(model, component->component.place, "'%.200s' is a %s (list it below '%ss')", name, kind,
                                kind);
}

static void
refuse_unknown(struct sqi_model *model, const struct sqi_model_component *component)
{
        const char *name = component->component.text, *kind = sqi_kind_name(component->kind);
        enum sq_kind other = SQ_KIND_SPOUT;
        char *elsewhere = NULL;
        char **names = sqi_catalog_names(component->kind), hint[SQI_HINT_SIZE];
        struct sqi_nearest nearest = sqi_nearest(name);
        size_t i, len = strlen(name);

        for (enum sq_kind each = SQ_KIND_SPOUT; each <= SQ_KIND_GROUPING && !elsewhere; each++) {
                elsewhere = each == component->kind ? NULL : sqi_catalog_find(each, name, model->directory);
                other = each;
        }
        for (i = 0; names && names[i]; i++)
                sqi_nearest_offer(&nearest, names[i]);
        if (elsewhere)
                refuse_kind(model, component, other);
        else if (len > 3 && strcmp(name + len - 3, ".so") == 0)
                sqi_model_error(model, component->component.place, "no built-in %s '%s' (write './%s' for the file)",
                                kind, name, name);
        else if (sqi_nearest_name(&nearest))
                sqi_model_error(model, component->component.place, "no built-in %s '%.200s'%s", kind, name,
                                sqi_nearest_hint(&nearest, hint));
        else
                sqi_model_error(
                        model, component->component.place,
                        "no built-in %s '%.200s' (`squall components` lists them; a .so of your own needs a '/', as in ./NAME.so)",
                        kind, name);
        sqi_catalog_names_free(names);
        free(elsewhere);
}

static void
load(struct sqi_model *model, struct sqi_model_component *component)
{
        const char *name = component->component.text;
        char error[512], *path;

        if (!name)
                return;
        path = sqi_catalog_find(component->kind, name, model->directory);
        if (!path && sqi_connector_lacks(component->kind, name, error, sizeof(error))) {
                sqi_model_error(model, component->component.place,
                                "the %s '%.200s' was not built here, for it needs %s (squall doctor says more)",
                                sqi_kind_name(component->kind), name, error);
                return;
        }
        if (!path) {
                refuse_unknown(model, component);
                return;
        }
        if (sqi_component_load(path, &component->loaded, error, sizeof(error)) < 0)
                sqi_model_error(model, component->component.place, "the component '%.200s': %s", name, error);
        free(path);
        if (component->loaded && component->loaded->kind != component->kind) {
                refuse_kind(model, component, component->loaded->kind);
                sqi_component_close(&component->loaded);
        }
}

static void
resolve_paths(struct sqi_model *model, const struct sq_option *options, struct sqi_setting *setting)
{
        const struct sq_option *option = sqi_option_find(options, setting->name);

        if (option && sqi_option_is_path(option) && setting->shape == SQI_SCALAR && setting->values[0][0] != '\0')
                setting->values[0] = sqi_model_path(model, setting->values[0]);
}

/* Where a setting is wrong: at the map that stands for a value, when its option takes none. */
static struct sqi_place
place_of(const struct sqi_model_component *component, const struct sq_option *options, size_t i)
{
        const struct sq_option *option = sqi_option_find(options, component->settings[i].name);
        bool nested = component->settings[i].shape == SQI_NESTED && option && option->type == SQ_OPTION_MAP;

        return nested ? component->nested_places[i] : component->setting_places[i];
}

/* Nothing more is to be said of it, or of what it may mean. */
static void
refuse(struct sqi_model *model, struct sqi_model_component *component, const char *name)
{
        const struct sq_option *options = sqi_component_options(component->loaded);
        struct sqi_nearest nearest = sqi_nearest(name);

        for (size_t i = 0; i < SQ_OPTIONS_MAX && options[i].name; i++)
                sqi_nearest_offer(&nearest, options[i].name);
        if (!sqi_option_find(options, name) && sqi_nearest_name(&nearest))
                name = sqi_arena_text(model->arena, sqi_nearest_name(&nearest));
        if (name)
                component->refused[component->nrefused++] = name;
}

static void
fill(struct sqi_model *model, struct sqi_model_component *component)
{
        const struct sq_option *options = sqi_component_options(component->loaded), *option;
        size_t i, at = 0, size = sqi_component_state_size(component->loaded);
        void *state = sqi_model_alloc(model, 1, size + 1);
        char error[512];
        bool ok = component->nrefused == 0, whole = true;

        if (!state)
                return;
        sqi_settings_defaults(options, state);
        for (i = 0; i < component->nsettings; i++) {
                option = sqi_option_find(options, component->settings[i].name);
                if (model->on_storm && component->settings[i].shape == SQI_SCALAR)
                        sqi_on_storm_path(model, component, i, option);
                resolve_paths(model, options, &component->settings[i]);
                if (sqi_settings_store(options, &component->settings[i], state, error, sizeof(error)) < 0) {
                        sqi_model_error(model, place_of(component, options, i), "in '%s': %s",
                                        component->id.text ? component->id.text : component->loaded->name, error);
                        refuse(model, component, component->settings[i].name);
                        ok = false;
                        whole &= !option || !option->required;
                }
        }
        while (sqi_settings_missing(options, component->settings, component->nsettings, &at, &option)) {
                ok = whole = false;
                if (sqi_model_is_refused(component, option->name))
                        continue;
                sqi_model_error(
                        model, component->properties_place.line > 0 ? component->properties_place : component->place,
                        "in '%s': the setting '%s' is missing%s%s", component->id.text ? component->id.text : "?",
                        option->name, option->help ? ": " : "", option->help ? option->help : "");
        }
        component->state = ok ? state : NULL;
        component->partial = !ok && whole ? state : NULL;
}

static void
load_and_fill(struct sqi_model *model, struct sqi_model_component *component)
{
        load(model, component);
        if (component->loaded)
                fill(model, component);
}

static void
check_tasks(struct sqi_model *model)
{
        int64_t tasks = 0;

        for (size_t i = 0; i < model->ncomponents; i++)
                tasks += model->components[i].parallelism;
        if (tasks > SQI_TASKS_MAX)
                sqi_model_error(model, model->name.place, "too many tasks: %lld (%d at most; lower a 'parallelism')",
                                (long long)tasks, SQI_TASKS_MAX);
}

/* Which of its settings names the function of a `drpc` spout; -1: none. */
static int
function_of(const struct sqi_model_component *component)
{
        for (size_t i = 0; i < component->nsettings; i++)
                if (component->component.text && strcmp(component->component.text, SQI_FUNCTION_COMPONENT) == 0 &&
                    strcmp(component->settings[i].name, SQI_FUNCTION_SETTING) == 0 && component->settings[i].n == 1)
                        return (int)i;
        return -1;
}

/* Whoever asks names a function, and not a spout. */
static void
check_functions(struct sqi_model *model)
{
        for (size_t c = 0; c < model->ncomponents; c++) {
                const struct sqi_model_component *component = &model->components[c], *other = model->components;
                int at = function_of(component), before = -1;

                for (; at >= 0 && before < 0 && other < component; other++) {
                        before = function_of(other);
                        if (before >= 0 &&
                            strcmp(other->settings[before].values[0], component->settings[at].values[0]) != 0)
                                before = -1;
                }
                if (before >= 0)
                        sqi_model_error(model, component->setting_places[at],
                                        "the function '%s' is that of another spout already",
                                        component->settings[at].values[0]);
        }
}

void
sqi_check_components(struct sqi_model *model)
{
        for (size_t i = 0; i < model->ncomponents; i++)
                load_and_fill(model, &model->components[i]);
        for (size_t i = 0; i < model->nedges; i++)
                if (model->edges[i].custom && !model->edges[i].grouping_broken)
                        load_and_fill(model, model->edges[i].custom);
        check_tasks(model);
        check_functions(model);
}

/* The guarantee of a topology is that of its spouts; who asks for more than one can keep should know. */
void
sqi_check_delivery(struct sqi_model *model)
{
        const struct sqi_model_component *component;
        bool replays, any = false;

        for (size_t i = 0; i < model->ncomponents; i++) {
                component = &model->components[i];
                if (!component->loaded || component->kind != SQ_KIND_SPOUT)
                        continue;
                replays = component->loaded->spout->replay || component->loaded->spout->failed;
                any |= replays;
                if (!replays && model->delivery_given && model->config.delivery == SQI_AT_LEAST_ONCE)
                        sqi_diagnose(model->diagnostics, SQI_WARNING, component->component.place,
                                     "the spout '%s' can't replay: what it emits is delivered at most once",
                                     component->id.text ? component->id.text : component->loaded->name);
        }
        if (!model->delivery_given)
                model->config.delivery = any ? SQI_AT_LEAST_ONCE : SQI_AT_MOST_ONCE;
}

/* ---- Streams ----------------------------------------------------------------------------------------- */

static int
find_component(struct sqi_model *model, const struct sqi_word *id, const char *key)
{
        struct sqi_nearest nearest;
        char hint[SQI_HINT_SIZE];
        int found;

        if (!id->text)
                return -1;
        found = sqi_model_find(model, id->text);
        if (found >= 0 || model->incomplete || !sqi_is_id(id->text))
                return found; /* what it names may be what is wrong already */
        nearest = sqi_nearest(id->text);
        for (size_t i = 0; i < model->ncomponents; i++)
                if (model->components[i].id.text && (key[0] == 'f' || model->components[i].kind == SQ_KIND_BOLT))
                        sqi_nearest_offer(&nearest, model->components[i].id.text);
        sqi_model_error(model, id->place, "'%s' names no component: '%.200s'%s", key, id->text,
                        sqi_nearest_hint(&nearest, hint));
        return -1;
}

static bool
is_same_stream(const struct sqi_word *a, const struct sqi_word *b)
{
        return strcmp(a->text ? a->text : "default", b->text ? b->text : "default") == 0;
}

static void
refuse_second(struct sqi_model *model, const struct sqi_model_edge *edge)
{
        const struct sqi_model_edge *first;

        for (first = model->edges; first < edge; first++)
                if (first->source == edge->source && first->target == edge->target &&
                    is_same_stream(&first->stream, &edge->stream))
                        break;
        if (first < edge)
                sqi_model_error(model, edge->place, "the stream from '%s' to '%s' is there already (line %u)",
                                edge->from.text, edge->to.text, first->place.line);
}

/* Does the component's code call the function that emits directly, or one of those that let the grouping choose? */
static void
how_it_emits(const struct sqi_component *component, bool *ret_direct, bool *ret_plain)
{
        static const char *const plain[] = {"sq_emit_values", "sq_emit_many", "sq_emit_each", "sq_emit_tuple",
                                            "sq_emit_told"};

        *ret_direct = sqi_elf_mentions(component->path, "sq_emit_direct_values") ||
                      sqi_elf_mentions(component->path, "sq_emit_to_values");
        *ret_plain = false;
        for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
                *ret_plain |= sqi_elf_mentions(component->path, plain[i]);
}

/* Only what is certain is refused: code that emits by a library of its own calls neither, and which stream a call is
 * about is not known. */
static void
check_grouping(struct sqi_model *model, const struct sqi_model_edge *edge, const struct sqi_model_component *source)
{
        bool direct, plain;

        if (edge->grouping_broken)
                return;
        how_it_emits(source->loaded, &direct, &plain);
        if (edge->grouping == SQI_DIRECT && plain && !direct)
                sqi_model_error(
                        model, edge->grouping_place,
                        "'%s' never emits directly, so '%s' would get nothing (take another grouping, as shuffle)",
                        edge->from.text, edge->to.text);
        if (edge->grouping != SQI_DIRECT && direct && !plain)
                sqi_model_error(model, edge->grouping_place,
                                "'%s' only emits directly, so '%s' would get nothing (take the grouping 'direct')",
                                edge->from.text, edge->to.text);
}

static void
check_stream(struct sqi_model *model, struct sqi_model_edge *edge)
{
        const struct sqi_model_component *source;

        edge->source = find_component(model, &edge->from, "from");
        edge->target = find_component(model, &edge->to, "to");
        if (edge->target >= 0 && model->components[edge->target].kind == SQ_KIND_SPOUT) {
                sqi_model_error(model, edge->to.place, "'%s' is a spout: nothing can flow to it", edge->to.text);
                edge->target = -1;
        }
        if (edge->source < 0 || edge->target < 0)
                return;
        source = &model->components[edge->source];
        if (source->loaded)
                check_grouping(model, edge, source);
        refuse_second(model, edge);
}

/* One that comes from nowhere counts as little as it will be asked about. */
static void
number_input(struct sqi_model_edge *edge, uint32_t *inputs, bool *named)
{
        if (edge->target < 0)
                return;
        named[edge->target] = true;
        edge->input = inputs[edge->target];
        if (edge->source >= 0)
                inputs[edge->target]++;
}

void
sqi_check_streams(struct sqi_model *model)
{
        uint32_t *inputs = sqi_model_alloc(model, model->ncomponents, sizeof(*inputs));
        bool *named = sqi_model_alloc(model, model->ncomponents, sizeof(*named));
        const struct sqi_model_component *component;
        size_t i;

        for (i = 0; inputs && named && i < model->nedges; i++) {
                check_stream(model, &model->edges[i]);
                number_input(&model->edges[i], inputs, named);
        }
        for (i = 0; named && i < model->ncomponents; i++) {
                component = &model->components[i];
                if (component->kind == SQ_KIND_BOLT && component->id.text && !named[i])
                        sqi_diagnose(model->diagnostics, SQI_WARNING, component->id.place,
                                     "the bolt '%s' has no input (no entry of 'streams' leads to it)",
                                     component->id.text);
        }
}

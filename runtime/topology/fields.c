/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields along the streams. Components are asked what they declare in topological order, so that the fields of every
 * input are known when a `.declare` asks for them. Within a cycle nobody can be first: there an unknown input is taken
 * to have the fields of a known one (a generic bolt passes on what it got), everybody is asked again until nothing
 * changes, and a cycle whose fields grow with every round is an error. Then each stream is held against what its reader
 * asks for and its grouping names.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topology/model.h"
#include "base/nearest.h"
#include "component/elf.h"

static const struct sqi_fields no_fields;

static const char *
stream_id(const struct sqi_model_edge *edge)
{
        return edge->stream.text ? edge->stream.text : "default";
}

/* NULL: its source has not declared them (yet), or has no such stream. */
static const struct sqi_fields *
stream_fields(const struct sqi_model *model, const struct sqi_model_edge *edge)
{
        const struct sqi_declared *declared = model->components[edge->source].declared;
        int stream = declared ? sqi_declared_stream(declared, stream_id(edge)) : -1;

        return stream >= 0 ? declared->streams[stream] : NULL;
}

static bool
feeds(const struct sqi_model_edge *edge, size_t component)
{
        return edge->source >= 0 && edge->target == (int)component;
}

/* What is known of the inputs of a component. */
struct known_inputs {
        const struct sqi_fields **fields;
        struct sqi_declared_time *times;
        struct sq_reading *readings;
};

static struct sq_reading
reading_of(const struct sqi_model_edge *edge)
{
        struct sq_reading reading = {.from = edge->from.text,
                                     .stream = stream_id(edge),
                                     .to = edge->to.text,
                                     .grouping = edge->grouping_broken ? NULL : sqi_grouping_name(edge->grouping)};

        for (size_t i = 0; i < edge->nargs && i < SQ_FIELDS_MAX; i++)
                reading.keys[reading.nkeys++] = edge->args[i].text ? edge->args[i].text : "";
        return reading;
}

/* The fields of each input of `component`. Returns the number of inputs. *ret_open: one is not known, for its source is
 * broken, and has none here. */
static int
collect_inputs(const struct sqi_model *model, size_t component, const struct known_inputs *ret, bool *ret_open)
{
        const struct sqi_fields **inputs = ret->fields;
        const struct sqi_model_component *self = &model->components[component], *source;
        const struct sqi_fields *known = &no_fields;
        int n = 0, i;

        for (size_t e = 0; e < model->nedges; e++) {
                const struct sqi_model_edge *edge = &model->edges[e];

                if (!feeds(edge, component))
                        continue;
                source = &model->components[edge->source];
                inputs[n] = stream_fields(model, edge);
                if (!inputs[n] && (source->declared || source->declare_failed || !source->state ||
                                   source->cycle != self->cycle || self->cycle == 0)) {
                        inputs[n] = &no_fields;
                        *ret_open = true;
                }
                if (inputs[n] && inputs[n] != &no_fields && known == &no_fields)
                        known = inputs[n];
                n++;
        }
        for (i = 0; i < n; i++)
                if (!inputs[i])
                        inputs[i] = known;
        i = 0;
        for (size_t e = 0; e < model->nedges; e++)
                if (feeds(&model->edges[e], component)) {
                        ret->times[i] = sqi_time_of_input(model, &model->edges[e], inputs[i]);
                        ret->readings[i] = reading_of(&model->edges[e]);
                        i++;
                }
        return n;
}

/* Whether a setting has an effect depends on others: not to be told where one of these is wrong. */
static bool
is_sure(const struct sqi_model_component *component)
{
        for (size_t i = 0; i < component->nrefused; i++)
                if (sqi_option_find(sqi_component_options(component->loaded), component->refused[i]))
                        return false;
        return true;
}

int
sqi_model_declaration(struct sqi_model *model, size_t component, struct sq_declaration *ret)
{
        const struct sqi_model_component *self = &model->components[component];
        const void *state = self->state ? self->state : self->partial;
        const size_t most = model->nedges + 1;
        struct known_inputs inputs = {.fields = sqi_model_alloc(model, most, sizeof(*inputs.fields)),
                                      .times = sqi_model_alloc(model, most, sizeof(*inputs.times)),
                                      .readings = sqi_model_alloc(model, most, sizeof(*inputs.readings))};
        struct sqi_declared *declared = sqi_model_alloc(model, 1, sizeof(*declared));
        bool open = false;
        int n;

        if (!inputs.fields || !inputs.times || !inputs.readings || !declared)
                return -ENOMEM;
        n = state ? collect_inputs(model, component, &inputs, &open) : -1;
        *ret = (struct sq_declaration){.arena = model->arena,
                                       .state = state,
                                       .nsettings = state && is_sure(self) ? self->nsettings : 0,
                                       .settings = self->settings,
                                       .parallelism = (unsigned)self->parallelism,
                                       .exactly_once = model->config.delivery == SQI_EXACTLY_ONCE,
                                       .at_least_once = model->config.delivery == SQI_AT_LEAST_ONCE,
                                       .open = open,
                                       .ninputs = n < 0 ? 0 : (size_t)n,
                                       .inputs = inputs.fields,
                                       .times = inputs.times,
                                       .readings = inputs.readings,
                                       .declared = declared};
        return n < 0 || open ? -ENODATA : 0;
}

/* Of settings of which some are wrong only what is wrong with others can be told, not what comes of them. */
static void
report(struct sqi_model *model, struct sqi_model_component *component, const struct sq_declaration *decl)
{
        component->declare_failed = true;
        component->declared = NULL;
        for (size_t i = 0; i < decl->nerrors; i++) {
                const struct sqi_declared_error *error = &decl->errors[i];

                if (!component->state && (!error->option[0] || sqi_model_is_refused(component, error->option)))
                        continue;
                sqi_model_error(model, sqi_model_setting_place(component, error->option), "in '%s': %s%s%s",
                                component->id.text ? component->id.text : "?", error->option,
                                error->option[0] ? ": " : "", error->text);
        }
}

/* An error that stands in both. */
static void
keep_common(struct sq_declaration *decl, const struct sq_declaration *other)
{
        size_t kept = 0;

        for (size_t i = 0; i < decl->nerrors; i++)
                for (size_t k = 0; k < other->nerrors; k++)
                        if (decl->errors[i].option[0] && strcmp(decl->errors[i].option, other->errors[k].option) == 0 &&
                            strcmp(decl->errors[i].text, other->errors[k].text) == 0) {
                                decl->errors[kept++] = decl->errors[i];
                                break;
                        }
        decl->nerrors = kept;
}

/*
 * Inputs are not known: what is wrong with a setting whatever they bring is told all the same. So it is asked as one
 * that gets any field, as one that gets none, and as one that gets event time besides; what stands each time is its
 * own.
 */
static void
ask_alone(struct sqi_model *model, size_t component)
{
        struct sqi_model_component *self = &model->components[component];
        static const struct sqi_declared_time timed = {.watermarks = true, .field = "time"};
        struct sq_declaration ways[3] = {{0}};

        for (int way = 0; way < 3; way++) {
                struct sq_declaration *decl = &ways[way];
                struct sqi_declared_time *times;

                if (sqi_model_declaration(model, component, decl) != -ENODATA || !decl->open)
                        return;
                times = sqi_model_alloc(model, decl->ninputs, sizeof(*times));
                for (size_t i = 0; times && way == 2 && i < decl->ninputs; i++)
                        times[i] = timed;
                if (way == 2)
                        decl->times = times;
                decl->any = way != 1;
                (void)sqi_declare(decl, self->loaded);
                if (way > 0)
                        keep_common(&ways[0], decl);
        }
        report(model, self, &ways[0]);
}

/* Asks one component. 1: something has changed; 0: nothing has, or can't be known; -EINVAL: refused, see `decl`;
 * -ENOMEM. */
static int
ask(struct sqi_model *model, size_t component, struct sq_declaration *decl)
{
        struct sqi_model_component *self = &model->components[component];
        int r = self->declare_failed ? -ENODATA : sqi_model_declaration(model, component, decl);
        bool changed;

        if (r == -ENODATA) {
                if (!self->declare_failed && decl->open)
                        ask_alone(model, component);
                self->declare_failed = true;
                return 0;
        }
        if (r < 0)
                return r;
        r = sqi_declare(decl, self->loaded);
        if (!self->state) {
                report(model, self, decl);
                return 0;
        }
        changed = r == 0 && (!self->declared || !sqi_declared_equal(self->declared, decl->declared));
        self->declared = r == 0 ? decl->declared : self->declared;
        if (changed && sqi_declared_times(decl->declared))
                sqi_trace_event_time(model);
        return r < 0 ? r : changed;
}

/* One strongly connected component: `members` of them. */
static void
settle(struct sqi_model *model, const size_t *members, size_t n)
{
        size_t round, i, rounds = n > 1 || model->components[members[0]].cycle != 0 ? n + 4 : 1;
        struct sq_declaration decl;
        bool changed = true;
        int r;

        for (round = 0; round < rounds && changed; round++) {
                changed = false;
                for (i = 0; i < n; i++) {
                        r = ask(model, members[i], &decl);
                        if (r == -ENOMEM)
                                model->diagnostics->no_memory = true;
                        /* The first rounds of a cycle work with guesses: only an error that stays is one. */
                        changed |= r == 1 || (r == -EINVAL && round + 1 < rounds && round < n);
                }
        }
        for (i = 0; i < n; i++)
                if (!model->components[members[i]].declare_failed && ask(model, members[i], &decl) == -EINVAL)
                        report(model, &model->components[members[i]], &decl);
        if (changed && rounds > 1)
                for (i = 0; i < n; i++)
                        if (!model->components[members[i]].declare_failed) {
                                sqi_model_error(
                                        model, model->components[members[i]].id.place,
                                        "the fields of '%s' can't be decided: they change with every round of its cycle",
                                        model->components[members[i]].id.text);
                                break;
                        }
}

static void
settle_all(struct sqi_model *model)
{
        size_t *order = sqi_model_alloc(model, model->ncomponents, sizeof(*order));
        size_t *starts = sqi_model_alloc(model, model->ncomponents + 2, sizeof(*starts));
        size_t i, n;

        if (!order || !starts)
                return;
        /* Ranks are 0 .. n - 1: a counting sort. */
        for (i = 0; i < model->ncomponents; i++)
                starts[model->components[i].rank + 2]++;
        for (i = 2; i < model->ncomponents + 2; i++)
                starts[i] += starts[i - 1];
        for (i = 0; i < model->ncomponents; i++)
                order[starts[model->components[i].rank + 1]++] = i;
        for (i = 0; i < model->ncomponents; i += n) {
                n = 1;
                while (i + n < model->ncomponents &&
                       model->components[order[i + n]].rank == model->components[order[i]].rank)
                        n++;
                settle(model, &order[i], n);
        }
}

/* ---- The streams ------------------------------------------------------------------------------------- */

static void
check_keys(struct sqi_model *model, struct sqi_model_edge *edge, const struct sqi_fields *fields)
{
        char hint[SQI_LIST_SIZE];
        size_t i, j;
        int place;

        for (i = 0; !edge->grouping_broken && i < edge->nargs; i++) {
                place = sqi_fields_find(fields, edge->args[i].text);
                if (place < 0) {
                        sqi_model_error(model, edge->args[i].place, "the stream '%s' of '%s' has no field '%.200s'%s",
                                        stream_id(edge), edge->from.text, edge->args[i].text,
                                        sqi_model_lacks(fields, edge->args[i].text, hint));
                        continue;
                }
                edge->keys[i] = (uint8_t)place;
                for (j = 0; j < i; j++)
                        if (strcmp(edge->args[i].text, edge->args[j].text) == 0)
                                break;
                if (j < i)
                        sqi_model_error(model, edge->args[i].place, "the grouping names the field '%s' twice",
                                        edge->args[i].text);
        }
}

static void
check_inputs(struct sqi_model *model, struct sqi_model_edge *edge, const struct sqi_fields *fields)
{
        const struct sqi_model_component *target = &model->components[edge->target];
        const struct sq_field *wanted, *given;
        const char *name;
        char hint[SQI_LIST_SIZE];
        int place;

        for (size_t i = 0; target->declared && i < target->declared->in.n; i++) {
                wanted = &target->declared->in.items[i];
                name = sqi_declared_in_name(target->declared, i, edge->input);
                place = sqi_fields_find(fields, name);
                if (place < 0) {
                        sqi_model_error(model, edge->from.place,
                                        "'%s' needs the field '%s', which '%s' does not emit%s", edge->to.text, name,
                                        edge->from.text, sqi_model_lacks(fields, name, hint));
                        continue;
                }
                given = &fields->items[place];
                if (!sqi_type_fits(wanted->type, given->type))
                        sqi_model_error(model, edge->from.place,
                                        "'%s' needs the field '%s' as %s, and '%s' emits it as %s", edge->to.text, name,
                                        sq_type_name(wanted->type), edge->from.text, sq_type_name(given->type));
                edge->in[i] = (uint8_t)place;
        }
}

/* The ids of the streams of a component: how many, 0 where what it declares is not known. */
static size_t
known_ids(const struct sqi_model_component *source, const char *ids[SQ_DECLARED_STREAMS_MAX + 1])
{
        if (!source->declared)
                return source->loaded && !sqi_elf_mentions(source->loaded->path, "sq_declare_stream")
                               ? sqi_component_ids(source->loaded, ids)
                               : 0;
        memcpy(ids, source->declared->ids, sizeof(source->declared->ids));
        return source->declared->nstreams;
}

static void
check_stream(struct sqi_model *model, struct sqi_model_edge *edge)
{
        const char *ids[SQ_DECLARED_STREAMS_MAX + 1];
        size_t n = known_ids(&model->components[edge->source], ids);
        struct sqi_nearest nearest = sqi_nearest(stream_id(edge));
        char hint[SQI_HINT_SIZE];

        for (size_t i = 0; i < n; i++) {
                sqi_nearest_offer(&nearest, ids[i]);
                if (strcmp(ids[i], stream_id(edge)) == 0)
                        edge->stream_index = (int)i;
        }
        if (n > 0 && edge->stream_index < 0)
                sqi_model_error(model, edge->stream.place, "'%s' has no stream '%.200s'%s", edge->from.text,
                                stream_id(edge), sqi_nearest_hint(&nearest, hint));
}

static void
check_edge(struct sqi_model *model, struct sqi_model_edge *edge)
{
        const struct sqi_fields *fields = stream_fields(model, edge);

        check_stream(model, edge);
        if (!fields)
                return;
        if (fields->n == 0) {
                sqi_model_error(model, edge->stream.text ? edge->stream.place : edge->from.place,
                                "'%s' emits nothing on the stream '%s'", edge->from.text, stream_id(edge));
                return;
        }
        check_keys(model, edge, fields);
        check_inputs(model, edge, fields);
}

void
sqi_check_fields(struct sqi_model *model)
{
        sqi_trace_event_time(model);
        settle_all(model);
        sqi_check_event_time(model);
        for (size_t i = 0; i < model->nedges; i++)
                if (model->edges[i].source >= 0 && model->edges[i].target >= 0)
                        check_edge(model, &model->edges[i]);
}

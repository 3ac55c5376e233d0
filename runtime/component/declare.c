/* SPDX-License-Identifier: Apache-2.0 */
#include "component/declare.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool
sqi_type_fits(enum sq_type wanted, enum sq_type given)
{
        bool number;

        wanted = sqi_type_held(wanted);
        given = sqi_type_held(given);
        number = given == SQ_INT || given == SQ_UINT;
        if (wanted == SQ_ANY || given == SQ_ANY || wanted == given)
                return true;
        return number && (wanted == SQ_INT || wanted == SQ_UINT || wanted == SQ_FLOAT);
}

int
sqi_fields_find(const struct sqi_fields *fields, const char *name)
{
        for (size_t i = 0; i < fields->n; i++)
                if (strcmp(fields->items[i].name, name) == 0)
                        return (int)i;
        return -1;
}

struct sq_field *
sqi_fields_held(struct sqi_arena *arena, const struct sqi_fields *fields)
{
        struct sq_field *copy = sqi_arena_alloc(arena, fields->n, sizeof(*copy));

        for (size_t i = 0; copy && i < fields->n; i++)
                copy[i] = (struct sq_field){fields->items[i].name, sqi_type_held(fields->items[i].type)};
        return copy;
}

static bool
fields_equal(const struct sqi_fields *a, const struct sqi_fields *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (a->items[i].type != b->items[i].type || strcmp(a->items[i].name, b->items[i].name) != 0)
                        return false;
        return true;
}

static bool
times_equal(const struct sqi_declared_stream_time *a, const struct sqi_declared_stream_time *b)
{
        return a->as == b->as && a->input == b->input && !a->field == !b->field &&
               (!a->field || strcmp(a->field, b->field) == 0);
}

bool
sqi_declared_equal(const struct sqi_declared *a, const struct sqi_declared *b)
{
        if (a->nstreams != b->nstreams)
                return false;
        for (size_t i = 0; i < a->nstreams; i++)
                if (strcmp(a->ids[i], b->ids[i]) != 0 || !fields_equal(a->streams[i], b->streams[i]) ||
                    !times_equal(&a->times[i], &b->times[i]))
                        return false;
        return fields_equal(&a->in, &b->in);
}

bool
sqi_declared_times(const struct sqi_declared *declared)
{
        for (size_t i = 0; i < declared->nstreams; i++)
                if (declared->times[i].as != SQI_TIME_PASSED_ON)
                        return true;
        return false;
}

int
sqi_declared_stream(const struct sqi_declared *declared, const char *id)
{
        for (size_t i = 0; i < declared->nstreams; i++)
                if (strcmp(declared->ids[i], id) == 0)
                        return (int)i;
        return -1;
}

size_t
sqi_component_ids(const struct sqi_component *component, const char *ids[SQ_STREAMS_MAX + 1])
{
        const struct sq_stream *streams = sqi_component_streams(component);
        size_t n = 0;

        ids[n++] = "default";
        for (; n <= SQ_STREAMS_MAX && streams[n - 1].id; n++)
                ids[n] = streams[n - 1].id;
        return n;
}

static bool
is_told(const struct sq_declaration *decl, const struct sqi_declared_error *error)
{
        for (size_t i = 0; i < decl->nerrors; i++)
                if (strcmp(decl->errors[i].option, error->option) == 0 &&
                    strcmp(decl->errors[i].text, error->text) == 0)
                        return true;
        return false;
}

/* What is no fault of a setting may come of one that is. */
void
sq_declare_error(struct sq_declaration *decl, const char *option, const char *format, ...)
{
        struct sqi_declared_error *error = &decl->errors[decl->nerrors];
        va_list args;

        if (decl->nerrors == SQI_DECLARED_ERRORS_MAX || (decl->nerrors > 0 && !option))
                return;
        snprintf(error->option, sizeof(error->option), "%s", option ? option : "");
        va_start(args, format);
        vsnprintf(error->text, sizeof(error->text), format, args);
        va_end(args);
        decl->nerrors += !is_told(decl, error);
}

static bool
is_given(const struct sq_declaration *decl, const char *option)
{
        for (size_t i = 0; i < decl->nsettings; i++)
                if (strcmp(decl->settings[i].name, option) == 0)
                        return true;
        return false;
}

void
sq_declare_unused(struct sq_declaration *decl, const char *option, const char *when)
{
        if (is_given(decl, option))
                sq_declare_error(decl, option, "has no effect %s (leave it out)", when);
}

static void
add_field(struct sq_declaration *decl, struct sqi_fields *fields, const char *where, const char *name,
          enum sq_type type)
{
        bool read = fields == &decl->declared->in; /* what is read may be read for two reasons */

        if (!name || name[0] == '\0' || (unsigned)type > SQ_TEXT)
                sq_declare_error(decl, NULL, "it declares a field without a name or type in its %s", where);
        else if (!read && sqi_fields_find(fields, name) >= 0)
                sq_declare_error(decl, NULL, "it declares field '%s' twice in its %s", name, where);
        else if (fields->n == SQ_FIELDS_MAX)
                sq_declare_error(decl, NULL, "it declares more than %u fields in its %s", SQ_FIELDS_MAX, where);
        else {
                fields->items[fields->n].name = sqi_arena_text(decl->arena, name);
                fields->items[fields->n].type = type;
                if (!fields->items[fields->n].name)
                        sq_declare_error(decl, NULL, "out of memory");
                else
                        fields->n++;
        }
}

const void *
sq_declared_state(const struct sq_declaration *decl)
{
        return decl->state;
}

unsigned
sq_declared_inputs(const struct sq_declaration *decl)
{
        return (unsigned)decl->ninputs;
}

unsigned
sq_declared_parallelism(const struct sq_declaration *decl)
{
        return decl->parallelism;
}

bool
sq_declared_exactly_once(const struct sq_declaration *decl)
{
        return decl->exactly_once;
}

bool
sq_declared_at_least_once(const struct sq_declaration *decl)
{
        return decl->at_least_once;
}

struct sq_field
sq_declared_input(const struct sq_declaration *decl, unsigned input, unsigned place)
{
        if (input >= decl->ninputs || place >= decl->inputs[input]->n)
                return (struct sq_field){NULL, SQ_ANY};
        return decl->inputs[input]->items[place];
}

struct sq_field
sq_declared_field(const struct sq_declaration *decl, unsigned input, const char *name)
{
        struct sq_field field;
        unsigned place = 0;

        do
                field = sq_declared_input(decl, input, place++);
        while (field.name && strcmp(field.name, name) != 0);
        if (decl->any && input < decl->ninputs && decl->inputs[input]->n == 0)
                field.name = name;
        return field;
}

bool
sq_declared_open(const struct sq_declaration *decl)
{
        return decl->open;
}

bool
sq_declared_watermarks(const struct sq_declaration *decl, unsigned input)
{
        return input < decl->ninputs && decl->times && decl->times[input].watermarks;
}

const char *
sq_declared_time(const struct sq_declaration *decl, unsigned input)
{
        return sq_declared_watermarks(decl, input) ? decl->times[input].field : NULL;
}

void
sq_declare_in(struct sq_declaration *decl, const char *name, enum sq_type type)
{
        add_field(decl, &decl->declared->in, "input", name, type);
}

bool
sq_declared_reading(const struct sq_declaration *decl, unsigned input, struct sq_reading *ret)
{
        if (input >= decl->ninputs || !decl->readings)
                return false;
        *ret = decl->readings[input];
        return true;
}

static const char *const *
copy_names(struct sq_declaration *decl, const char *const *names)
{
        const char **copy = sqi_arena_alloc(decl->arena, decl->ninputs, sizeof(*copy));

        for (size_t i = 0; copy && i < decl->ninputs; i++)
                if (!(copy[i] = sqi_arena_text(decl->arena, names[i])))
                        return NULL;
        return copy;
}

void
sq_declare_in_each(struct sq_declaration *decl, const char *const *names, enum sq_type type)
{
        struct sqi_declared *declared = decl->declared;
        size_t n = declared->in.n;

        if (decl->ninputs == 0)
                return;
        add_field(decl, &declared->in, "input", names[0], type);
        if (declared->in.n == n)
                return;
        declared->in_each[n] = copy_names(decl, names);
        if (!declared->in_each[n])
                sq_declare_error(decl, NULL, "out of memory");
}

const char *
sqi_declared_in_name(const struct sqi_declared *declared, size_t field, size_t input)
{
        return declared->in_each[field] ? declared->in_each[field][input] : declared->in.items[field].name;
}

void
sq_declare_out(struct sq_declaration *decl, unsigned stream, const char *name, enum sq_type type)
{
        size_t n = decl->declared->nstreams;

        if (stream >= n)
                sq_declare_error(decl, NULL, "it declares a field of stream %u, and has %zu", stream, n);
        else
                add_field(decl, decl->declared->streams[stream], "output", name, type);
}

static void
declare_time(struct sq_declaration *decl, unsigned stream, const char *field, struct sqi_declared_stream_time time)
{
        struct sqi_declared *declared = decl->declared;
        int place = stream < declared->nstreams && field ? sqi_fields_find(declared->streams[stream], field) : -1;
        bool of_input = time.as == SQI_TIME_OF;

        if (stream < declared->nstreams && !field) {
                declared->times[stream] = time;
        } else if (place < 0 || (!of_input && declared->streams[stream]->items[place].type != SQ_TIME)) {
                sq_declare_error(decl, NULL, "it says that the time of stream %u is in '%s', which is no time in it",
                                 stream, field ? field : "");
        } else {
                time.field = declared->streams[stream]->items[place].name;
                declared->times[stream] = time;
        }
}

void
sq_declare_until(struct sq_declaration *decl, unsigned stream, const char *field)
{
        declare_time(decl, stream, field, (struct sqi_declared_stream_time){.as = SQI_TIME_UNTIL});
}

void
sq_declare_time(struct sq_declaration *decl, unsigned stream, const char *field)
{
        declare_time(decl, stream, field, (struct sqi_declared_stream_time){.as = field ? SQI_TIME_AT : SQI_TIME_NONE});
}

void
sq_declare_time_of(struct sq_declaration *decl, unsigned stream, const char *field, unsigned input)
{
        declare_time(decl, stream, field, (struct sqi_declared_stream_time){.as = SQI_TIME_OF, .input = input});
}

unsigned
sq_declare_stream(struct sq_declaration *decl, const char *id)
{
        struct sqi_declared *declared = decl->declared;

        if (!id || id[0] == '\0')
                sq_declare_error(decl, NULL, "it declares a stream without a name");
        else if (sqi_declared_stream(declared, id) >= 0)
                sq_declare_error(decl, NULL, "it has a stream '%s' already", id);
        else if (declared->nstreams > SQ_DECLARED_STREAMS_MAX)
                sq_declare_error(decl, NULL, "it has more than %u streams besides 'default'", SQ_DECLARED_STREAMS_MAX);
        else {
                size_t n = declared->nstreams;
                declared->ids[n] = sqi_arena_text(decl->arena, id);
                declared->streams[n] = sqi_arena_alloc(decl->arena, 1, sizeof(*declared->streams[n]));
                if (declared->ids[n] && declared->streams[n])
                        return (unsigned)declared->nstreams++;
                sq_declare_error(decl, NULL, "out of memory");
        }
        return 0;
}

static void
add_fields(struct sq_declaration *decl, struct sqi_fields *into, const struct sq_field *fields)
{
        for (size_t i = 0; i < SQ_FIELDS_MAX && fields[i].name; i++)
                add_field(decl, into, "definition", fields[i].name, fields[i].type);
}

int
sqi_declare(struct sq_declaration *decl, const struct sqi_component *component)
{
        sqi_declare_fn declare = sqi_component_declare(component);
        const char *ids[SQ_STREAMS_MAX + 1];
        size_t n = sqi_component_ids(component, ids);

        memset(decl->declared, 0, sizeof(*decl->declared));
        for (size_t i = 0; i < n; i++)
                (void)sq_declare_stream(decl, ids[i]);
        if (component->kind == SQ_KIND_BOLT)
                add_fields(decl, &decl->declared->in, component->bolt->in);
        add_fields(decl, decl->declared->streams[0], sqi_component_out(component));
        for (size_t i = 1; i < n; i++)
                add_fields(decl, decl->declared->streams[i], sqi_component_streams(component)[i - 1].fields);
        if (declare)
                declare(decl);
        return decl->nerrors > 0 ? -EINVAL : 0;
}

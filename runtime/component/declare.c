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

bool
sqi_declared_equal(const struct sqi_declared *a, const struct sqi_declared *b)
{
        for (size_t i = 0; i <= SQ_STREAMS_MAX; i++)
                if (!fields_equal(&a->streams[i], &b->streams[i]))
                        return false;
        return fields_equal(&a->in, &b->in);
}

size_t
sqi_component_nstreams(const struct sqi_component *component)
{
        const struct sq_stream *streams = sqi_component_streams(component);
        size_t n = 0;

        while (n < SQ_STREAMS_MAX && streams[n].id)
                n++;
        return n + 1;
}

const char *
sqi_component_stream(const struct sqi_component *component, size_t stream)
{
        return stream == 0 ? "default" : sqi_component_streams(component)[stream - 1].id;
}

void
sq_declare_error(struct sq_declaration *decl, const char *option, const char *format, ...)
{
        va_list args;

        if (decl->failed)
                return;
        decl->failed = true;
        snprintf(decl->option, sizeof(decl->option), "%s", option ? option : "");
        va_start(args, format);
        vsnprintf(decl->error, sizeof(decl->error), format, args);
        va_end(args);
}

static void
add_field(struct sq_declaration *decl, struct sqi_fields *fields, const char *where, const char *name,
          enum sq_type type)
{
        if (!name || name[0] == '\0' || (unsigned)type > SQ_TEXT)
                sq_declare_error(decl, NULL, "it declares a field without a name or type in its %s", where);
        else if (sqi_fields_find(fields, name) >= 0)
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
        return field;
}

void
sq_declare_in(struct sq_declaration *decl, const char *name, enum sq_type type)
{
        add_field(decl, &decl->declared->in, "input", name, type);
}

void
sq_declare_out(struct sq_declaration *decl, unsigned stream, const char *name, enum sq_type type)
{
        if (stream >= decl->nstreams)
                sq_declare_error(decl, NULL, "it declares a field of stream %u, and has %zu", stream, decl->nstreams);
        else
                add_field(decl, &decl->declared->streams[stream], "output", name, type);
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

        memset(decl->declared, 0, sizeof(*decl->declared));
        decl->nstreams = sqi_component_nstreams(component);
        if (component->kind == SQ_KIND_BOLT)
                add_fields(decl, &decl->declared->in, component->bolt->in);
        add_fields(decl, &decl->declared->streams[0], sqi_component_out(component));
        for (size_t i = 1; i < decl->nstreams; i++)
                add_fields(decl, &decl->declared->streams[i], sqi_component_streams(component)[i - 1].fields);
        if (declare)
                declare(decl);
        return decl->failed ? -EINVAL : 0;
}

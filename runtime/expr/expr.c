/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions over the fields of a tuple: squall-expr.h says how they are used, grammar.c how they are written. */
#include "expr/expr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/regex.h"

struct compiled {
        const char *text;
        struct sqi_node *root;
};

struct sq_exprs {
        struct sqi_scope scope;
        struct sqi_evaluation run;
        size_t n, room;
        struct compiled *compiled;
        char error[384];
};

struct sq_exprs *
sq_exprs_new(void)
{
        return calloc(1, sizeof(struct sq_exprs));
}

void
sq_exprs_free(struct sq_exprs **exprs)
{
        if (!*exprs)
                return;
        for (struct sqi_node *node = (*exprs)->scope.prepared; node; node = node->next)
                if (node->function)
                        sqi_forget(node);
                else
                        sqi_regex_free(node->prepared);
        sqi_scratch_free(&(*exprs)->scope.build.scratch);
        sqi_scratch_free(&(*exprs)->run.scratch);
        free((*exprs)->compiled);
        free(*exprs);
        *exprs = NULL;
}

/* Text that lives as long as the expressions, or NULL. */
static const char *
own(struct sq_exprs *exprs, const char *text)
{
        size_t size = strlen(text) + 1;
        char *copy = sqi_scratch_take(&exprs->scope.build.scratch, size);

        return copy ? memcpy(copy, text, size) : NULL;
}

bool
sq_exprs_field(struct sq_exprs *exprs, const char *name, enum sq_type type)
{
        struct sqi_scope *scope = &exprs->scope;
        const char *copy = scope->nfields < SQ_FIELDS_MAX ? own(exprs, name) : NULL;

        if (copy)
                scope->fields[scope->nfields++] = (struct sq_field){copy, type};
        return copy;
}

void
sq_exprs_open(struct sq_exprs *exprs)
{
        exprs->scope.open = true;
}

static bool
make_place(struct sq_exprs *exprs)
{
        size_t room = exprs->room ? 2 * exprs->room : 4;
        struct compiled *compiled;

        if (exprs->n < exprs->room)
                return true;
        compiled = realloc(exprs->compiled, room * sizeof(*compiled));
        if (!compiled)
                return false;
        exprs->compiled = compiled;
        exprs->room = room;
        return true;
}

int
sq_exprs_add(struct sq_exprs *exprs, const char *text)
{
        const char *copy = make_place(exprs) ? own(exprs, text) : NULL;
        struct sqi_node *root;

        if (!copy) {
                snprintf(exprs->error, sizeof(exprs->error), "out of memory");
                return -1;
        }
        root = sqi_expr_read(&exprs->scope, copy, exprs->error, sizeof(exprs->error));
        if (!root)
                return -1;
        exprs->compiled[exprs->n] = (struct compiled){copy, root};
        return (int)exprs->n++;
}

int
sq_exprs_add_condition(struct sq_exprs *exprs, const char *text)
{
        int number = sq_exprs_add(exprs, text);
        enum sq_type type = number < 0 ? SQ_BOOL : sq_exprs_type(exprs, number);

        if (type == SQ_BOOL || type == SQ_ANY || type == SQ_NIL)
                return number;
        snprintf(exprs->error, sizeof(exprs->error), "column 1: a condition is true or false, and this is of type %s",
                 sq_type_name(type));
        return -1;
}

size_t
sq_exprs_count(const struct sq_exprs *exprs)
{
        return exprs->n;
}

const char *
sq_exprs_error(const struct sq_exprs *exprs)
{
        return exprs->error;
}

enum sq_type
sq_exprs_type(const struct sq_exprs *exprs, int number)
{
        return (enum sq_type)exprs->compiled[number].root->type;
}

void
sq_exprs_use_all(struct sq_exprs *exprs)
{
        struct sqi_scope *scope = &exprs->scope;

        for (scope->nused = 0; scope->nused < scope->nfields; scope->nused++)
                scope->used[scope->nused] = (uint8_t)scope->nused;
}

unsigned
sq_exprs_nfields(const struct sq_exprs *exprs)
{
        return exprs->scope.nused;
}

struct sq_field
sq_exprs_used(const struct sq_exprs *exprs, unsigned field)
{
        return exprs->scope.fields[exprs->scope.used[field]];
}

/* ---- In a component ---------------------------------------------------------------------------------- */

/* A field of several types is one of any type: the inputs' all have it, or none reads it. */
struct sq_exprs *
sq_exprs_declared(struct sq_declaration *decl)
{
        struct sq_exprs *exprs = sq_exprs_new();
        struct sq_field field, other;

        for (unsigned place = 0; exprs && (field = sq_declared_input(decl, 0, place)).name; place++) {
                for (unsigned input = 1; input < sq_declared_inputs(decl); input++) {
                        other = sq_declared_field(decl, input, field.name);
                        if (other.name && other.type != field.type)
                                field.type = SQ_ANY;
                }
                if (!sq_exprs_field(exprs, field.name, field.type))
                        sq_exprs_free(&exprs);
        }
        if (!exprs)
                sq_declare_error(decl, NULL, "out of memory");
        else if (sq_declared_open(decl))
                sq_exprs_open(exprs);
        return exprs;
}

void
sq_exprs_declare(const struct sq_exprs *exprs, struct sq_declaration *decl)
{
        for (unsigned i = 0; i < exprs->scope.nused; i++)
                sq_declare_in(decl, sq_exprs_used(exprs, i).name, sq_exprs_used(exprs, i).type);
}

/* The types were checked by then, and the plan does not keep them all. */
struct sq_exprs *
sq_exprs_prepared(const struct sq_task *task)
{
        struct sq_exprs *exprs = sq_exprs_new();
        struct sq_field field;

        for (unsigned i = 0; exprs && (field = sq_input_field(task, i)).name; i++)
                if (!sq_exprs_field(exprs, field.name, SQ_ANY))
                        sq_exprs_free(&exprs);
        return exprs;
}

/* ---- Evaluation -------------------------------------------------------------------------------------- */

void
sq_exprs_begin(struct sq_exprs *exprs, const struct sq_task *task, const struct sq_tuple *in)
{
        sqi_scratch_reset(&exprs->run.scratch);
        exprs->run.in = in;
        exprs->run.task = task;
}

void
sq_exprs_begin_values(struct sq_exprs *exprs, const struct sq_value *fields)
{
        sqi_scratch_reset(&exprs->run.scratch);
        exprs->run.in = NULL;
        exprs->run.fields = fields;
        exprs->run.task = NULL;
}

bool
sq_exprs_value(struct sq_exprs *exprs, int number, struct sq_value *ret)
{
        const struct compiled *compiled = &exprs->compiled[number];
        struct sqi_evaluation *run = &exprs->run;
        struct sq_value value;
        char place[48];

        run->failed = false;
        value = compiled->root->eval(compiled->root, run);
        if (__builtin_expect(!run->failed, 1)) {
                *ret = value;
                return true;
        }
        sqi_place(compiled->text, run->failed_at, place, sizeof(place));
        snprintf(exprs->error, sizeof(exprs->error), "%s%s", place, run->cause);
        return false;
}

bool
sq_exprs_values(struct sq_exprs *exprs, struct sq_value *ret)
{
        for (size_t i = 0; i < exprs->n; i++)
                if (!sq_exprs_value(exprs, (int)i, &ret[i]))
                        return false;
        return true;
}

static char *
evaluate_json(struct sq_exprs *exprs, int number, struct sq_json_reader *json, struct sq_str text)
{
        struct sq_value object, value, fields[SQ_FIELDS_MAX];
        size_t len;
        char *result;

        if (!sq_json_read(json, text, &object) || object.type != SQ_MAP) {
                snprintf(exprs->error, sizeof(exprs->error), "not a JSON object: %.*s%s%s",
                         (int)(text.len < 80 ? text.len : 80), text.ptr, json->wrong ? ": " : "",
                         json->wrong ? json->wrong : "");
                return NULL;
        }
        for (unsigned i = 0; i < exprs->scope.nused; i++)
                fields[i] = sq_member(object, sq_exprs_used(exprs, i).name);
        sq_exprs_begin_values(exprs, fields);
        if (!sq_exprs_value(exprs, number, &value))
                return NULL;
        len = sq_json(value, NULL, 0) + 1;
        result = malloc(len);
        if (result)
                sq_json(value, result, len);
        else
                snprintf(exprs->error, sizeof(exprs->error), "out of memory");
        return result;
}

char *
sq_exprs_try(struct sq_exprs *exprs, int number, struct sq_str json)
{
        struct sq_json_reader reader = {0};
        char *result = evaluate_json(exprs, number, &reader, json);

        sq_json_free(&reader);
        return result;
}

int
sq_exprs_holds(struct sq_exprs *exprs, int number)
{
        struct sq_value value;
        char shown[64];

        if (!sq_exprs_value(exprs, number, &value))
                return -1;
        if (value.type == SQ_BOOL || value.type == SQ_NIL)
                return value.type == SQ_BOOL && value.as.b;
        sq_json(value, shown, sizeof(shown));
        snprintf(exprs->error, sizeof(exprs->error), "a condition is true or false, and not %s", shown);
        return -1;
}

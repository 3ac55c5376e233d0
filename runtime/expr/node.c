/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of an expression. What is made of constants alone is calculated at once. */
#include "expr/lexer.h"

#include <stdio.h>
#include <string.h>

struct sqi_node *
sqi_new_node(struct sqi_lexer *reader, sqi_eval *eval, uint32_t at, size_t nargs, struct sqi_node *const *args)
{
        size_t size = sizeof(struct sqi_node) + nargs * sizeof(*args);
        struct sqi_node *node = reader->failed ? NULL : sqi_scratch_take(&reader->scope->build.scratch, size);

        if (!node)
                return sqi_fail(reader, at, "no memory for it");
        memset(node, 0, size);
        node->eval = eval;
        node->at = at;
        node->nargs = (uint16_t)nargs;
        if (nargs > 0)
                memcpy(node->args, args, nargs * sizeof(*args));
        return node;
}

struct sqi_node *
sqi_new_constant(struct sqi_lexer *reader, uint32_t at, struct sq_value value)
{
        struct sqi_node *node = sqi_new_node(reader, sqi_eval_constant, at, 0, NULL);

        if (!node)
                return NULL;
        node->is_constant = true;
        node->type = value.type;
        node->value = value;
        return node;
}

static bool
all_constant(const struct sqi_node *node)
{
        for (unsigned i = 0; i < node->nargs; i++)
                if (!node->args[i]->is_constant)
                        return false;
        return !node->function || !node->function->changes;
}

/* The node, or the constant that it is. */
struct sqi_node *
sqi_fold(struct sqi_lexer *reader, struct sqi_node *node)
{
        struct sqi_evaluation *run = &reader->scope->build;

        if (!node || reader->failed || !all_constant(node))
                return node;
        run->at = node->at;
        node->value = node->eval(node, run);
        if (run->failed)
                return sqi_fail(reader, run->failed_at, "%s", run->cause);
        node->eval = sqi_eval_constant;
        node->is_constant = true;
        node->type = node->value.type;
        return node;
}

void
sqi_keep_prepared(struct sqi_lexer *reader, struct sqi_node *node)
{
        if (!node->prepared)
                return;
        node->next = reader->scope->prepared;
        reader->scope->prepared = node;
}

struct sqi_node *
sqi_new_text(struct sqi_lexer *reader, uint32_t at, struct sq_str text)
{
        struct sqi_node *node = sqi_new_constant(reader, at, sq_str(text));

        if (node)
                node->is_quoted = true;
        return node;
}

/* The longest field whose name stands at `at`; -1: none. */
int
sqi_find_field(const struct sqi_scope *scope, const char *at, size_t *ret_len)
{
        int found = -1;
        size_t len;

        *ret_len = 0;
        for (unsigned i = 0; i < scope->nfields; i++) {
                len = strlen(scope->fields[i].name);
                if (len > *ret_len && strncmp(scope->fields[i].name, at, len) == 0 && !sqi_is_name(at[len])) {
                        found = (int)i;
                        *ret_len = len;
                }
        }
        return found;
}

int
sqi_find_named(const struct sqi_scope *scope, struct sq_str name)
{
        for (unsigned i = 0; i < scope->nfields; i++)
                if (sq_str_is(name, scope->fields[i].name))
                        return (int)i;
        return -1;
}

static int
add_field(struct sqi_lexer *reader, struct sq_str name)
{
        struct sqi_scope *scope = reader->scope;
        struct sq_str own;

        if (scope->nfields == SQ_FIELDS_MAX) {
                sqi_fail(reader, sqi_here(reader), "more than %u fields", SQ_FIELDS_MAX);
                return -1;
        }
        if (!sqi_copy(reader, name.ptr, name.len, &own))
                return -1;
        scope->fields[scope->nfields] = (struct sq_field){own.ptr, SQ_ANY};
        return (int)scope->nfields++;
}

static struct sqi_node *
no_field(struct sqi_lexer *reader, uint32_t at, struct sq_str name)
{
        const struct sqi_scope *scope = reader->scope;
        char list[160] = "";
        size_t n = 0;

        if (scope->nfields == 1 && strcmp(scope->fields[0].name, "value") == 0)
                return sqi_fail(
                        reader, at,
                        "no input field `%.*s` (there is `value` alone: `value.%.*s` is a member of it, and the "
                        "setting `fields` of what emits it makes fields of members)",
                        (int)(name.len < 64 ? name.len : 64), name.ptr, (int)(name.len < 64 ? name.len : 64), name.ptr);
        for (unsigned i = 0; i < scope->nfields && n < sizeof(list); i++)
                n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "", scope->fields[i].name);
        if (n >= sizeof(list))
                memcpy(list + sizeof(list) - 4, "...", 4);
        return sqi_fail(reader, at, "no input field `%.*s`%s%s%s (a text stands in quotes)",
                        (int)(name.len < 64 ? name.len : 64), name.ptr, n ? " (there are: " : "", list, n ? ")" : "");
}

struct sqi_node *
sqi_new_field(struct sqi_lexer *reader, uint32_t at, struct sq_str name, int field)
{
        struct sqi_scope *scope = reader->scope;
        struct sqi_node *node;
        unsigned place = 0;

        if (field < 0 && scope->open)
                field = add_field(reader, name);
        if (field < 0)
                return reader->failed ? NULL : no_field(reader, at, name);
        while (place < scope->nused && scope->used[place] != field)
                place++;
        if (place == scope->nused)
                scope->used[scope->nused++] = (uint8_t)field;
        node = sqi_new_node(reader, sqi_eval_field, at, 0, NULL);
        if (!node)
                return NULL;
        node->field = (uint16_t)place;
        node->type = (uint8_t)scope->fields[field].type;
        return node;
}

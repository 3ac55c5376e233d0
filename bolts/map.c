/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `map`: tuples with other fields. `emit` lists all of them, each with its expression. `set`, `rename` and
 * `drop` change those of the input and leave the rest as it is; all expressions are over the fields of the input.
 */
#include <squall-kit.h>
#include <stdio.h>
#include <string.h>

struct map {
        struct sq_pairs emit, set, rename;
        struct sq_list drop;
        struct sq_exprs *exprs; /* one for each output field, in order */
        struct sq_value values[SQ_FIELDS_MAX];
};

/* What the settings make of the fields: a name for each expression, and what is wrong. */
struct outputs {
        unsigned n;
        char names[SQ_FIELDS_MAX][256];
        struct sq_declaration *decl; /* that is told of all that is wrong; NULL: there is none */
        char wrong[400];             /* the last of it, or "" */
};

static void SQ_PRINTF(3, 4) refuse(struct outputs *outputs, const char *option, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(outputs->wrong, sizeof(outputs->wrong), format, arguments);
        va_end(arguments);
        if (outputs->decl)
                sq_declare_error(outputs->decl, option, "%s", outputs->wrong);
}

static void
add(struct outputs *outputs, struct sq_exprs *exprs, const char *option, const char *name, const char *text)
{
        if (outputs->n == SQ_FIELDS_MAX)
                refuse(outputs, option, "%s: more fields than a tuple can have", name);
        else if (sq_exprs_add(exprs, text) < 0)
                refuse(outputs, option, "%s: %s", name, sq_exprs_error(exprs));
        else
                snprintf(outputs->names[outputs->n++], sizeof(outputs->names[0]), "%s", name);
}

static const char *
find(const struct sq_pairs *pairs, const char *name)
{
        for (size_t i = 0; i < pairs->n; i++)
                if (strcmp(pairs->names[i], name) == 0)
                        return pairs->values[i];
        return NULL;
}

static bool
is_dropped(const struct map *self, const char *name)
{
        for (size_t i = 0; i < self->drop.n; i++)
                if (strcmp(self->drop.items[i], name) == 0)
                        return true;
        return false;
}

static bool
is_field(const struct sq_exprs *exprs, const char *name)
{
        for (unsigned i = 0; i < sq_exprs_nfields(exprs); i++)
                if (strcmp(sq_exprs_used(exprs, i).name, name) == 0)
                        return true;
        return false;
}

/* A field that `set` names keeps its place, one that it adds comes behind the others. */
static void
change_fields(const struct map *self, struct sq_exprs *exprs, struct outputs *outputs)
{
        char quoted[256];

        sq_exprs_use_all(exprs);
        for (unsigned i = 0; i < sq_exprs_nfields(exprs); i++) {
                const char *name = sq_exprs_used(exprs, i).name, *set = find(&self->set, name);
                const char *renamed = find(&self->rename, name);
                if (is_dropped(self, name))
                        continue;
                snprintf(quoted, sizeof(quoted), "`%s`", name);
                add(outputs, exprs, set ? "set" : "rename", renamed ? renamed : name, set ? set : quoted);
        }
        for (size_t i = 0; i < self->set.n; i++)
                if (!is_field(exprs, self->set.names[i]) || is_dropped(self, self->set.names[i]))
                        add(outputs, exprs, "set", self->set.names[i], self->set.values[i]);
        for (size_t i = 0; i < self->drop.n; i++)
                if (!is_field(exprs, self->drop.items[i]))
                        refuse(outputs, "drop", "no input field `%s`", self->drop.items[i]);
        for (size_t i = 0; i < self->rename.n; i++)
                if (!is_field(exprs, self->rename.names[i]))
                        refuse(outputs, "rename", "no input field `%s`", self->rename.names[i]);
}

static void
read_settings(const struct map *self, struct sq_exprs *exprs, struct outputs *outputs)
{
        bool changes = self->set.n || self->drop.n || self->rename.n;

        if (changes == (self->emit.n > 0))
                refuse(outputs, changes ? "emit" : NULL, "%s",
                       changes ? "`emit` lists all fields: `set`, `drop` and `rename` do not go with it"
                               : "it needs `emit`, or `set`, `drop` or `rename`");
        else if (changes)
                change_fields(self, exprs, outputs);
        for (size_t i = 0; i < self->emit.n && !changes; i++)
                add(outputs, exprs, "emit", self->emit.names[i], self->emit.values[i]);
}

static void
declare(struct sq_declaration *decl)
{
        struct sq_exprs *exprs = sq_exprs_declared(decl);
        struct outputs outputs = {.decl = decl};

        if (!exprs)
                return;
        read_settings(sq_declared_state(decl), exprs, &outputs);
        if (!outputs.wrong[0]) {
                sq_exprs_declare(exprs, decl);
                for (unsigned i = 0; i < outputs.n; i++)
                        sq_declare_out(decl, 0, outputs.names[i], sq_exprs_type(exprs, (int)i));
        }
        sq_exprs_free(&exprs);
}

static int
prepare(struct sq_task *task)
{
        struct map *self = sq_state(task);
        struct outputs outputs = {0};

        self->exprs = sq_exprs_prepared(task);
        if (!self->exprs)
                return sq_error(task, "out of memory");
        read_settings(self, self->exprs, &outputs);
        return outputs.wrong[0] ? sq_error(task, "%s", outputs.wrong) : 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct map *self = sq_state(task);

        sq_exprs_begin(self->exprs, task, in);
        if (!sq_exprs_values(self->exprs, self->values))
                return sq_fail(task, "%s", sq_exprs_error(self->exprs));
        sq_emit_values(task, 0, sq_exprs_count(self->exprs), self->values);
        return SQ_ACK;
}

static void
cleanup(struct sq_task *task)
{
        struct map *self = sq_state(task);

        sq_exprs_free(&self->exprs);
}

SQ_BOLT(map) = {
        .about = "Tuples with other fields: picked, renamed, calculated.",
        .state = sizeof(struct map),
        .options =
                {
                        SQ_OPT_MAP(
                                struct map, emit,
                                "all output fields in order: NAME: EXPRESSION over the fields of the input, or just a field"),
                        SQ_OPT_MAP(struct map, set,
                                   "fields that are added, or have another value: NAME: EXPRESSION; the others stay"),
                        SQ_OPT_LIST(struct map, drop, "fields that are left out; the others stay"),
                        SQ_OPT_MAP(struct map, rename, "fields that get another name: NAME: NEW; the others stay"),
                },
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .cleanup = cleanup,
};

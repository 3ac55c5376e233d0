/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `map`: tuples with other fields: each a field of the input under the same or another name, or a constant. */
#include <squall-kit.h>
#include <string.h>

struct map {
        struct sq_pairs emit;
        unsigned nmoving;              /* output fields that are input fields: ... */
        uint8_t moving[SQ_FIELDS_MAX]; /* ... input field i goes to values[moving[i]] */
        struct sq_value values[SQ_FIELDS_MAX];
};

static struct sq_str
text_of(const char *text)
{
        return (struct sq_str){text, strlen(text)};
}

static void
declare(struct sq_declaration *decl)
{
        const struct map *self = sq_declared_state(decl);
        struct sq_value value;
        struct sq_field field;

        for (size_t i = 0; i < self->emit.n; i++) {
                const char *source = self->emit.values[i];

                if (sq_read_literal(text_of(source), &value)) {
                        sq_declare_out(decl, 0, self->emit.names[i], (enum sq_type)value.type);
                        continue;
                }
                field = sq_declared_field(decl, 0, source);
                if (!field.name)
                        sq_declare_error(decl, "emit",
                                         "no input field `%s` (a constant text stands in quotes: \"'%s'\")", source,
                                         source);
                else
                        sq_declare_in(decl, source, field.type);
                sq_declare_out(decl, 0, self->emit.names[i], field.type);
        }
}

static int
prepare(struct sq_task *task)
{
        struct map *self = sq_state(task);

        if (self->emit.n > SQ_FIELDS_MAX)
                return sq_error(task, "emit: %zu fields are more than a tuple can have", self->emit.n);
        for (size_t i = 0; i < self->emit.n; i++)
                if (!sq_read_literal(text_of(self->emit.values[i]), &self->values[i]))
                        self->moving[self->nmoving++] = (uint8_t)i;
        return 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct map *self = sq_state(task);

        for (unsigned i = 0; i < self->nmoving; i++)
                self->values[self->moving[i]] = sq_get(in, i);
        sq_emit_values(task, 0, self->emit.n, self->values);
        return SQ_ACK;
}

SQ_BOLT(map) = {
        .about = "Tuples with other fields: picked, renamed, constant.",
        .state = sizeof(struct map),
        .options =
                {
                        SQ_REQ_MAP(
                                struct map, emit,
                                "the output fields in order: NAME: FIELD (or just FIELD), or NAME: a constant (42, 1.5, true, null, \"'text'\")"),
                },
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
};

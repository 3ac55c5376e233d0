/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `flatmap`: a tuple for each element of an array, with the fields of the input beside it. */
#include <squall-kit.h>
#include <stdio.h>
#include <string.h>

struct flatmap {
        const char *each, *as;
        struct sq_list keep;
        struct sq_exprs *exprs; /* the kept fields, and `each` */
        int number;             /* of `each` */
        struct sq_value values[SQ_FIELDS_MAX + 1];
};

/* NULL, or the setting that is wrong: sq_exprs_error() says how. */
static const char *
read_settings(const struct flatmap *self, struct sq_exprs *exprs)
{
        char quoted[256];
        unsigned n;

        if (self->keep.n == 0)
                sq_exprs_use_all(exprs);
        n = self->keep.n ? (unsigned)self->keep.n : sq_exprs_nfields(exprs);
        for (unsigned i = 0; i < n; i++) {
                snprintf(quoted, sizeof(quoted), "`%s`",
                         self->keep.n ? self->keep.items[i] : sq_exprs_used(exprs, i).name);
                if (sq_exprs_add(exprs, quoted) < 0)
                        return "keep";
        }
        return sq_exprs_add(exprs, self->each) < 0 ? "each" : NULL;
}

static void
declare_fields(const struct flatmap *self, struct sq_exprs *exprs, struct sq_declaration *decl)
{
        int each = (int)sq_exprs_count(exprs) - 1;
        enum sq_type type = sq_exprs_type(exprs, each);
        const char *name;

        if (type != SQ_ARRAY && type != SQ_ANY) {
                sq_declare_error(decl, "each", "an array has elements, and this is of type %s", sq_type_name(type));
                return;
        }
        sq_exprs_declare(exprs, decl);
        for (int i = 0; i < each; i++) {
                name = self->keep.n ? self->keep.items[i] : sq_exprs_used(exprs, (unsigned)i).name;
                sq_declare_out(decl, 0, name, sq_exprs_type(exprs, i));
        }
        sq_declare_out(decl, 0, self->as, SQ_ANY);
}

static void
declare(struct sq_declaration *decl)
{
        const struct flatmap *self = sq_declared_state(decl);
        struct sq_exprs *exprs = sq_exprs_declared(decl);
        const char *option;

        if (!exprs)
                return;
        option = read_settings(self, exprs);
        if (option)
                sq_declare_error(decl, option, "%s", sq_exprs_error(exprs));
        else
                declare_fields(self, exprs, decl);
        sq_exprs_free(&exprs);
}

static int
prepare(struct sq_task *task)
{
        struct flatmap *self = sq_state(task);
        const char *option;

        self->exprs = sq_exprs_prepared(task);
        if (!self->exprs)
                return sq_error(task, "out of memory");
        option = read_settings(self, self->exprs);
        if (option)
                return sq_error(task, "%s: %s", option, sq_exprs_error(self->exprs));
        self->number = (int)sq_exprs_count(self->exprs) - 1;
        return 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct flatmap *self = sq_state(task);
        struct sq_value *element = &self->values[self->number];
        struct sq_items items;

        sq_exprs_begin(self->exprs, task, in);
        if (!sq_exprs_values(self->exprs, self->values))
                return sq_fail(task, "%s", sq_exprs_error(self->exprs));
        if (element->type == SQ_NIL)
                return SQ_ACK;
        if (element->type != SQ_ARRAY)
                return sq_fail(task, "each: an array has elements, and this is of type %s",
                               sq_type_name((enum sq_type)element->type));
        items = sq_items(*element);
        while (sq_next_item(&items, element))
                sq_emit_values(task, 0, (size_t)self->number + 1, self->values);
        return SQ_ACK;
}

static void
cleanup(struct sq_task *task)
{
        struct flatmap *self = sq_state(task);

        sq_exprs_free(&self->exprs);
}

SQ_BOLT(flatmap) = {
        .about = "A tuple for each element of an array.",
        .state = sizeof(struct flatmap),
        .options =
                {
                        SQ_REQ_STR(
                                struct flatmap, each,
                                "an expression that makes an array: tags, or split(line, ' '); null has no elements"),
                        SQ_OPT_STR_AS("as", struct flatmap, as, "item", "the field for the element, behind the others"),
                        SQ_OPT_LIST(struct flatmap, keep, "the input fields that go along; none: all of them"),
                },
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .cleanup = cleanup,
};

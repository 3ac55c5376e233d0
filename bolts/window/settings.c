/* SPDX-License-Identifier: Apache-2.0 */
#include "window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PANES_MAX = 10000, NO_COLUMN = -1 };

static const char *const kinds[KINDS] = {"count", "sum", "avg", "min", "max", "p", "distinct"};

/* "10s", "500ms", "100 tuples": nanoseconds, or a number of tuples. */
static bool
read_length(const char *text, int64_t *ret_length, bool *ret_timed)
{
        static const struct {
                const char *unit;
                double factor;
        } units[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {"tuples", 1}, {"tuple", 1}};
        char *unit;
        double number = sq_strtod(text, &unit);

        while (*unit == ' ')
                unit++;
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
                if (strcmp(unit, units[i].unit) != 0 || !(number * units[i].factor >= 1) ||
                    number * units[i].factor > 1e18)
                        continue;
                *ret_length = (int64_t)(number * units[i].factor);
                *ret_timed = *unit != 't';
                return true;
        }
        return false;
}

static int64_t
common_divisor(int64_t a, int64_t b)
{
        return b == 0 ? a : common_divisor(b, a % b);
}

/* The setting that is wrong, and why; or NULL. */
static const char *
read_lengths(struct window *self, const char **ret_why)
{
        bool slide_timed;

        *ret_why = "must be a time (500ms, 10s, 5m, 1h, 1d) or a number of tuples (100 tuples)";
        if (!read_length(self->size, &self->length, &self->timed))
                return "size";
        self->step = self->length;
        slide_timed = self->timed;
        if (self->slide && !read_length(self->slide, &self->step, &slide_timed))
                return "slide";
        *ret_why = "must be no longer than `size`, and of the same kind";
        if (slide_timed != self->timed || self->step > self->length)
                return "slide";
        self->pane = common_divisor(self->length, self->step);
        *ret_why = "divides `size` into too many parts (10,000 at most)";
        return self->length / self->pane > PANES_MAX ? "slide" : NULL;
}

/* "count", "sum FIELD", "p99.9 FIELD": the kind, and where the field's name begins ("" when there is none). */
static bool
read_aggregate(const char *text, struct aggregate *ret, const char **ret_field)
{
        size_t length = strcspn(text, " ");
        char *end;

        *ret_field = text + length + strspn(text + length, " ");
        *ret = (struct aggregate){.column = NO_COLUMN};
        for (ret->kind = 0; ret->kind < KINDS; ret->kind++)
                if (ret->kind != QUANTILE && sq_str_is((struct sq_str){text, length}, kinds[ret->kind]))
                        return ret->kind == COUNT || **ret_field;
        ret->kind = QUANTILE;
        if (*text != 'p' || !strchr("0123456789", text[1]))
                return false;
        ret->quantile = sq_strtod(text + 1, &end) / 100;
        return end == text + length && ret->quantile <= 1 && **ret_field;
}

/* The input fields are those of `by`, then those of the aggregates, each once: where `name` stands among them. */
static int
column_of(const struct window *self, const char *name, size_t aggregates, int *ret_columns)
{
        const char *names[SQ_FIELDS_MAX], *field;
        int n = 0, found = NO_COLUMN;
        struct aggregate aggregate;

        for (size_t i = 0; i < self->by.n && n < (int)SQ_FIELDS_MAX; i++)
                names[n++] = self->by.items[i];
        for (size_t i = 0; i < aggregates && n < (int)SQ_FIELDS_MAX; i++) {
                bool known = !read_aggregate(self->compute.values[i], &aggregate, &field) || !*field;
                for (int c = 0; c < n && !known; c++)
                        known = strcmp(names[c], field) == 0;
                if (!known)
                        names[n++] = field;
        }
        for (int c = 0; c < n && found < 0; c++)
                if (strcmp(names[c], name) == 0)
                        found = c;
        *ret_columns = n;
        return found;
}

static void
declare_aggregate(struct sq_declaration *decl, const struct window *self, size_t i)
{
        struct aggregate aggregate;
        const char *name;
        int columns;

        if (!read_aggregate(self->compute.values[i], &aggregate, &name)) {
                sq_declare_error(
                        decl, "compute",
                        "`%s` is no aggregate: count, or one of sum, avg, min, max, distinct, p50, p99.9 with a field",
                        self->compute.values[i]);
                return;
        }
        enum sq_type type = *name ? sq_declared_field(decl, 0, name).type : SQ_ANY, out = SQ_ANY;
        if (*name && column_of(self, name, i, &columns) < 0)
                sq_declare_in(decl, name, type);
        if (aggregate.kind != COUNT && aggregate.kind != DISTINCT && !sq_may_be_number(type))
                sq_declare_error(decl, "compute", "the field `%s` is not a number: it is declared as %s", name,
                                 sq_type_name(type));
        if (aggregate.kind == COUNT || aggregate.kind == DISTINCT)
                out = SQ_INT;
        else if (aggregate.kind == AVG || aggregate.kind == QUANTILE || type == SQ_FLOAT || type == SQ_TEXT)
                out = SQ_FLOAT;
        else if (type == SQ_INT)
                out = SQ_INT;
        sq_declare_out(decl, 0, self->compute.names[i], out);
}

void
window_declare(struct sq_declaration *decl)
{
        const struct window *self = sq_declared_state(decl);
        struct window lengths = *self;
        const char *why, *wrong = read_lengths(&lengths, &why);

        if (wrong)
                sq_declare_error(decl, wrong, "%s", why);
        for (size_t i = 0; i < self->by.n; i++) {
                enum sq_type type = sq_declared_field(decl, 0, self->by.items[i]).type;
                sq_declare_in(decl, self->by.items[i], type);
                sq_declare_out(decl, 0, self->by.items[i], type);
        }
        if (lengths.timed) {
                sq_declare_out(decl, 0, "start", SQ_TIME);
                sq_declare_out(decl, 0, "end", SQ_TIME);
        }
        for (size_t i = 0; i < self->compute.n; i++)
                declare_aggregate(decl, self, i);
}

int
window_read_settings(struct window *self)
{
        const char *why, *field;
        int columns;

        (void)read_lengths(self, &why);
        self->n = self->compute.n;
        self->aggregates = calloc(self->n, sizeof(*self->aggregates));
        if (!self->aggregates)
                return -ENOMEM;
        for (size_t i = 0; i < self->n; i++) {
                (void)read_aggregate(self->compute.values[i], &self->aggregates[i], &field);
                if (*field)
                        self->aggregates[i].column = column_of(self, field, self->n, &columns);
        }
        return 0;
}

static uint64_t
hash_text(uint64_t hash, const char *text)
{
        struct sq_value value = sq_text(text ? text : "");

        return hash * 31 + sq_bag_hash(value);
}

uint64_t
window_layout(const struct window *self)
{
        uint64_t hash = hash_text(hash_text(1, self->size), self->slide);

        for (size_t i = 0; i < self->compute.n; i++)
                hash = hash_text(hash_text(hash, self->compute.names[i]), self->compute.values[i]);
        return hash | 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as a table for people: the names of the fields above, and below them the values in columns, numbers to the
 * right, which grow with what comes. Other fields get their names anew. What would steer a terminal is shown as a dot.
 */
#include <stdlib.h>
#include <string.h>

#include "write.h"

enum { WIDTH_MAX = 48, STEP = 4 };

struct write_table {
        struct sq_encoder names, cell; /* of the last record: its names, each behind the other */
        unsigned widths[SQ_FIELDS_MAX];
        bool in_colour;
};

/* Characters on a screen, near enough. */
static unsigned
width_of(struct sq_str text)
{
        unsigned n = 0;

        for (size_t i = 0; i < text.len; i++)
                n += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
        return n;
}

static int
put(struct sq_encoder *to, const char *ptr, size_t len)
{
        struct sq_encoder text = {.format = SQ_FORMAT_TEXT, .bytes = to->bytes, .len = to->len, .room = to->room};
        struct sq_value value = sq_str((struct sq_str){ptr, len});
        int r = sq_encode_values(&text, 1, NULL, &value);

        to->bytes = text.bytes;
        to->len = text.len;
        to->room = text.room;
        return r;
}

/* The text of a value, a view. 0 or -ENOMEM. */
static int
make_cell(struct write_table *table, struct sq_value value, struct sq_str *ret)
{
        int r;

        table->cell.len = 0;
        r = value.type == SQ_NIL ? 0 : sq_encode_values(&table->cell, 1, NULL, &value);
        for (size_t i = 0; i < table->cell.len; i++)
                if ((unsigned char)table->cell.bytes[i] < ' ' || table->cell.bytes[i] == 0x7f)
                        table->cell.bytes[i] = '.';
        *ret = (struct sq_str){table->cell.len > 0 ? table->cell.bytes : "", table->cell.len};
        return r;
}

/* In steps, so that the columns do not move with each record. */
static void
widen(struct write_table *table, unsigned column, unsigned width)
{
        if (width > table->widths[column])
                table->widths[column] = width < WIDTH_MAX ? (width + STEP - 1) / STEP * STEP : WIDTH_MAX;
}

static bool
is_number(struct sq_value value)
{
        return value.type == SQ_INT || value.type == SQ_UINT || value.type == SQ_FLOAT;
}

static int
put_cell(struct write_table *table, struct sq_encoder *to, unsigned column, struct sq_value value, bool right,
         bool last)
{
        static const char spaces[WIDTH_MAX + 2] = "                                                 ";
        struct sq_str text;
        unsigned width, pad;
        int r = make_cell(table, value, &text);

        width = width_of(text);
        widen(table, column, width);
        pad = width < table->widths[column] ? table->widths[column] - width : 0;
        if (r == 0 && right)
                r = put(to, spaces, pad);
        if (r == 0)
                r = put(to, text.ptr, text.len);
        if (r == 0 && !right && !last)
                r = put(to, spaces, pad);
        return r == 0 ? put(to, last ? "\n" : "  ", last ? 1 : 2) : r;
}

static int
put_row(struct write_table *table, struct sq_encoder *to, const struct sq_tuple *in, bool names)
{
        unsigned n = sq_tuple_size(in);
        int r = 0;

        for (unsigned i = 0; i < n && r == 0; i++) {
                struct sq_value value = sq_tuple_get(in, i);

                r = put_cell(table, to, i, names ? sq_text(sq_tuple_name(in, i)) : value, is_number(value), i + 1 == n);
        }
        return r;
}

/* Whether the fields are those of the record before; from now on they are. */
static bool
is_of_same_fields(struct write_table *table, const struct sq_tuple *in)
{
        size_t at = 0;
        bool same = true;

        for (unsigned i = 0; i < sq_tuple_size(in); i++) {
                const char *name = sq_tuple_name(in, i);
                size_t len = strlen(name) + 1;

                same = same && at + len <= table->names.len && memcmp(table->names.bytes + at, name, len) == 0;
                at += len;
        }
        if (same && at == table->names.len)
                return true;
        table->names.len = 0;
        for (unsigned i = 0; i < sq_tuple_size(in); i++)
                if (put(&table->names, sq_tuple_name(in, i), strlen(sq_tuple_name(in, i)) + 1) < 0)
                        table->names.len = 0;
        return false;
}

/* The names stand above columns as wide as those of the first record. */
static void
measure(struct write_table *table, const struct sq_tuple *in)
{
        struct sq_str text;

        memset(table->widths, 0, sizeof(table->widths));
        for (unsigned i = 0; i < sq_tuple_size(in); i++)
                if (make_cell(table, sq_tuple_get(in, i), &text) == 0)
                        widen(table, i, width_of(text));
}

int
write_pretty(struct write_table *table, struct sq_encoder *to, const struct sq_tuple *in)
{
        size_t before = to->len;
        int r = 0;

        if (!is_of_same_fields(table, in)) {
                measure(table, in);
                r = table->in_colour ? put(to, "\033[1m", 4) : 0;
                if (r == 0)
                        r = put_row(table, to, in, true);
                if (r == 0 && table->in_colour) {
                        to->len--; /* the colour ends with the line */
                        r = put(to, "\033[0m\n", 5);
                }
        }
        if (r == 0)
                r = put_row(table, to, in, false);
        if (r < 0)
                to->len = before;
        return r;
}

struct write_table *
write_table_new(bool in_colour)
{
        struct write_table *table = calloc(1, sizeof(*table));

        if (!table)
                return NULL;
        table->names.format = table->cell.format = SQ_FORMAT_TEXT;
        table->in_colour = in_colour;
        return table;
}

void
write_table_free(struct write_table **table)
{
        if (!*table)
                return;
        sq_encoder_free(&(*table)->names);
        sq_encoder_free(&(*table)->cell);
        free(*table);
        *table = NULL;
}

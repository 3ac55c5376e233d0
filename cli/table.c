/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void
cli_table_cell(struct cli_table *table, const char *format, ...)
{
        va_list arguments;

        if (table->ncells == table->capacity) {
                size_t capacity = table->capacity ? 2 * table->capacity : 64;
                char **cells = realloc(table->cells, capacity * sizeof(*cells));
                if (!cells)
                        return;
                table->cells = cells;
                table->capacity = capacity;
        }
        va_start(arguments, format);
        if (vasprintf(&table->cells[table->ncells], format, arguments) < 0)
                table->cells[table->ncells] = NULL;
        va_end(arguments);
        table->ncells++;
}

void
cli_table_str(struct cli_table *table, struct sq_str text)
{
        cli_table_cell(table, "%.*s", (int)text.len, text.ptr);
}

void
cli_table_heads(struct cli_table *table, const char *const *heads)
{
        for (unsigned i = 0; i < table->columns; i++)
                cli_table_cell(table, "%s", heads[i]);
}

static const char *
text(const struct cli_table *table, size_t cell)
{
        return table->cells[cell] ? table->cells[cell] : "";
}

/* In UTF-8 a character's first byte is not like the ones that follow it. */
static int
length(const char *text)
{
        int n = 0;

        for (; *text; text++)
                n += ((unsigned char)*text & 0xc0) != 0x80;
        return n;
}

static int
width(const struct cli_table *table, unsigned column)
{
        int most = table->widths ? table->widths[column] : 0;

        for (size_t i = column; i < table->ncells; i += table->columns)
                if (length(text(table, i)) > most)
                        most = length(text(table, i));
        if (table->widths)
                table->widths[column] = most;
        return most;
}

void
cli_table_clear(struct cli_table *table)
{
        for (size_t i = 0; i < table->ncells; i++)
                free(table->cells[i]);
        free(table->cells);
        *table = (struct cli_table){.columns = table->columns, .left = table->left, .widths = table->widths};
}

void
cli_table_print(struct cli_table *table, FILE *out)
{
        for (size_t i = 0; i < table->ncells; i++) {
                unsigned column = (unsigned)(i % table->columns);
                bool last = column + 1 == table->columns || i + 1 == table->ncells;
                int room = width(table, column) - length(text(table, i));

                if (column >= table->left)
                        fprintf(out, "%*s%s", room, "", text(table, i));
                else
                        fprintf(out, "%s%*s", text(table, i), last ? 0 : room, "");
                fputs(last ? "\n" : " ", out);
        }
        cli_table_clear(table);
}

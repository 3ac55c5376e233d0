/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table for a terminal, whose columns are as wide as what stands in them.
 *
 *  1. struct cli_table table = {.columns = 3, .left = 1}; all else zero.
 *  2. cli_table_cell() for each cell, row by row, the heads first.
 *  3. cli_table_print() prints it and frees what it holds.
 *
 * The first `left` columns stand at the left edge, the others, numbers, at the right one. What goes on for ever is
 * printed a part at a time: `widths`, of zeroes at first, keep the columns where they are.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "squall.h"

struct cli_table {
        unsigned columns, left;
        char **cells; /* NULL: no memory; shown as empty */
        size_t ncells, capacity;
        int *widths; /* NULL, or of each column the least width, which grows with what is printed; the caller's */
};

__attribute__((format(printf, 2, 3))) void cli_table_cell(struct cli_table *table, const char *format, ...);
void cli_table_str(struct cli_table *table, struct sq_str text);
void cli_table_heads(struct cli_table *table, const char *const *heads); /* one for each column */
void cli_table_clear(struct cli_table *table);                           /* frees what it holds */
void cli_table_print(struct cli_table *table, FILE *out);

#endif

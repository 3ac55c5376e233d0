/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a constant, as a condition and as a record of CSV cells: nothing is read or written out of bounds. */
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_cells(struct sq_str record, char *scratch)
{
        const char *end = scratch + record.len;
        struct sq_str cell;

        while (sq_csv_cell(&record, &scratch, &cell))
                if (cell.len > 0 && memchr(cell.ptr, '\0', cell.len) == cell.ptr)
                        continue;
        if (scratch > end)
                abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1), *scratch = malloc(size + 1);
        struct sq_condition *condition;
        struct sq_value value;

        if (!text || !scratch)
                abort();
        memcpy(text, data, size);
        text[size] = '\0';
        if (sq_read_literal((struct sq_str){text, size}, &value) && value.type == SQ_ANY)
                abort();
        condition = sq_condition_read(text);
        if (sq_condition_error(condition) && !*sq_condition_error(condition))
                abort();
        sq_condition_free(&condition);
        read_cells((struct sq_str){text, size}, scratch);
        free(scratch);
        free(text);
        return 0;
}

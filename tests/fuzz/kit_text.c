/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a constant, as a record of CSV cells, as a type and as a value of each type: nothing is
 * read or written out of bounds, and a value that converts has the type it was converted to. */
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_cells(struct sq_str record, struct sq_csv_dialect dialect, char *scratch)
{
        const char *end = scratch + record.len;
        struct sq_str cell;

        while (sq_csv_cell(&record, dialect, &scratch, &cell))
                if (cell.len > 0 && memchr(cell.ptr, '\0', cell.len) == cell.ptr)
                        continue;
        if (scratch > end)
                abort();
}

static void
convert(const char *type, struct sq_value value)
{
        struct sq_conversion conversion;
        struct sq_value once, twice;

        if (sq_conversion_read(type, &conversion) || !sq_convert(&conversion, value, &once))
                return;
        if (conversion.type != SQ_ANY && once.type != conversion.type && !(conversion.nullable && once.type == SQ_NIL))
                abort();
        if (!sq_convert(&conversion, once, &twice) || twice.type != once.type)
                abort();
}

static void
convert_to_all(struct sq_value value)
{
        static const char *const types[] = {"str",   "int?", "uint",         "float",
                                            "bool?", "bin",  "any",          "array",
                                            "map?",  "time", "time unix_ms", "time %d/%b/%Y:%H:%M:%S.%f %z"};

        for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
                convert(types[i], value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1), *scratch = malloc(size + 1);
        struct sq_value value;

        if (!text || !scratch)
                abort();
        memcpy(text, data, size);
        text[size] = '\0';
        if (sq_read_literal((struct sq_str){text, size}, &value) && value.type == SQ_ANY)
                abort();
        convert(text, sq_text("1"));
        convert_to_all(sq_str((struct sq_str){text, size}));
        for (int64_t quote = 0; quote < 3; quote++)
                read_cells((struct sq_str){text, size}, sq_csv_dialect(quote, quote), scratch);
        free(scratch);
        free(text);
        return 0;
}

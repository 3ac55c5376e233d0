/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as an expression, over values of each type: it is refused with a cause or has a value of its type, or none
 * and a cause; and it has the same value again. */
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 4096 };

static struct sq_value
value_of(const char *name, const char *text)
{
        static const struct sq_value items[] = {{SQ_STR, SQ_PLAIN, 1, 1, {.ptr = "k"}},
                                                {SQ_INT, SQ_PLAIN, 1, 0, {.i = 7}}};

        switch (*name) {
        case 'i':
                return sq_int(-7);
        case 'u':
                return sq_uint(UINT64_MAX);
        case 'f':
                return sq_float(2.5);
        case 'b':
                return sq_bool(true);
        case 'a':
                return sq_array(items, 2);
        case 'm':
                return sq_map(items, 1);
        case 't':
                return sq_time((struct sq_time){1700000000, 5});
        case 'n':
                return sq_nil();
        default:
                return sq_text(text);
        }
}

static void
evaluate(struct sq_exprs *exprs, int number, const char *text)
{
        struct sq_value fields[SQ_FIELDS_MAX], value;
        char first[512], second[512];
        enum sq_type type = sq_exprs_type(exprs, number);
        bool good;

        for (unsigned i = 0; i < sq_exprs_nfields(exprs); i++)
                fields[i] = value_of(sq_exprs_used(exprs, i).name, text);
        sq_exprs_begin_values(exprs, fields);
        good = sq_exprs_value(exprs, number, &value);
        if (!good && !*sq_exprs_error(exprs))
                abort();
        if (!good || strstr(text, "now"))
                return;
        if (type == SQ_BOOL && value.type != SQ_BOOL && value.type != SQ_NIL)
                abort();
        sq_json(value, first, sizeof(first));
        sq_exprs_begin_values(exprs, fields);
        if (!sq_exprs_value(exprs, number, &value))
                abort();
        sq_json(value, second, sizeof(second));
        if (strcmp(first, second) != 0)
                abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sq_exprs *exprs = sq_exprs_new();
        char *text = malloc(size + 1);
        int number;

        if (!exprs || !text || size > TEXT_MAX) {
                sq_exprs_free(&exprs);
                free(text);
                return 0;
        }
        memcpy(text, data, size);
        text[size] = '\0';
        sq_exprs_field(exprs, "s", SQ_TEXT);
        sq_exprs_field(exprs, "str", SQ_STR);
        sq_exprs_field(exprs, "i", SQ_INT);
        sq_exprs_field(exprs, "a", SQ_ARRAY);
        sq_exprs_open(exprs);
        number = sq_exprs_add(exprs, text);
        if (number < 0 && !*sq_exprs_error(exprs))
                abort();
        if (number >= 0)
                evaluate(exprs, number, text);
        sq_exprs_free(&exprs);
        free(text);
        return 0;
}

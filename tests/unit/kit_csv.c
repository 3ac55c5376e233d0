/* SPDX-License-Identifier: Apache-2.0 */
/* CSV: where records end, what is in their cells, and what a quote means in both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <squall-kit.h>

/* "a|b" for each record, "!" before a wrong one, "/" between records, "..." for one that goes on. Line ends in cells
 * show as "~". */
static const char *
records(const char *text, struct sq_csv_dialect dialect, bool last, char ret[1024])
{
        const char *at = text, *end = text + strlen(text), *line, *wrong;
        char scratch[1024], *to = ret, *grow;
        struct sq_str record, cell;

        for (; at < end; at = line + (line < end)) {
                to += sprintf(to, "%s", to > ret ? "/" : "");
                line = sq_csv_record(at, (size_t)(end - at), last, dialect, &wrong);
                if (!line) {
                        (void)strcpy(to, "...");
                        return ret;
                }
                to += sprintf(to, "%s", wrong ? "!" : "");
                record = (struct sq_str){at, (size_t)(line - at)};
                record.len -= record.len > 0 && at[record.len - 1] == '\r';
                grow = scratch;
                for (int n = 0; sq_csv_cell(&record, dialect, &grow, &cell); n++)
                        to += sprintf(to, "%s%.*s", n ? "|" : "", (int)cell.len, cell.ptr);
        }
        *to = '\0';
        for (to = ret; *to; to++)
                *to = *to == '\n' ? '~' : *to;
        return ret;
}

struct example {
        const char *text, *expected;
};

static void
expect(const struct example *examples, size_t n, bool last)
{
        char text[1024];

        for (size_t i = 0; i < n; i++)
                assert_string_equal(records(examples[i].text, (struct sq_csv_dialect){0}, last, text),
                                    examples[i].expected);
}

static void
reads_other_dialects(void **unused)
{
        static const struct {
                int64_t separator, quote;
                const char *text, *expected;
        } examples[] = {
                {2, 0, "a;\"b;c\"\nd,e;f\n", "a|b;c/d,e|f"},
                {0, 1, "'a,''b''',\"c\"\n'two\nlines',d\n", "a,'b'|\"c\"/two~lines|d"},
                {0, 1, "'a,b\n", "!a,b"},
                {1, 2, "\"a\tb\"\t'\n\"open\t\n", "\"a|b\"|'/\"open|"},
                {4, 0, "a \"b c\" \n", "a|b c|"},
                {3, 2, "|\n", "|"},
        };
        char text[1024];

        (void)unused;
        for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
                assert_string_equal(
                        records(examples[i].text, sq_csv_dialect(examples[i].separator, examples[i].quote), true, text),
                        examples[i].expected);
}

static void
reads_what_rfc_4180_says(void **unused)
{
        static const struct example examples[] = {
                {"a,b\n1,2\n", "a|b/1|2"},    {"a,b\r\n1,2\r\n", "a|b/1|2"},  {"a,\n,b\n", "a|/|b"},
                {"\"a\",\"b,c\"\n", "a|b,c"}, {"\"a\"\"b\",c\r\n", "a\"b|c"}, {"\"a\nb\",c\nd,e\n", "a~b|c/d|e"},
                {"\"\",\"\"\"\"\n", "|\""},   {"a,\"b\"\r\nc,d", "a|b/c|d"},
        };

        (void)unused;
        expect(examples, sizeof(examples) / sizeof(*examples), true);
}

static void
takes_a_quote_elsewhere_in_a_cell_as_text(void **unused)
{
        static const struct example examples[] = {
                {"1,pipe 3\" thin,4\n2,x,5\n", "1|pipe 3\" thin|4/2|x|5"},
                {"1,3\"\n2,4\"\n", "1|3\"/2|4\""},
                {"1, \"a,b\"\n2,x\n", "1| \"a|b\"/2|x"},
                {"1,\"3\"-pipe,4\n2,x,5\n", "1|3-pipe|4/2|x|5"},
                {"1,\"a\"\"b\"c,2\n", "1|a\"bc|2"},
        };

        (void)unused;
        expect(examples, sizeof(examples) / sizeof(*examples), true);
}

static void
a_quote_that_is_never_closed_costs_its_own_line_only(void **unused)
{
        static const struct example examples[] = {
                {"1,\"open\n2,x\n3,y\n", "!1|open/2|x/3|y"},
                {"1,\"open\n2,\"x\"\n3,y\n", "!1|open/2|x/3|y"},
                {"1,\"open\n2,\"x\",\"z\"\n3,\"also open\n4,y", "!1|open/2|x|z/!3|also open/4|y"},
                {"\"", "!"},
        };

        (void)unused;
        expect(examples, sizeof(examples) / sizeof(*examples), true);
}

static void
waits_for_the_rest_of_a_record(void **unused)
{
        static const struct example examples[] = {
                {"a,b\nc", "a|b/..."}, {"a,\"b", "..."}, {"a,\"b\n", "..."}, {"a,\"b\"", "..."}, {"a,\"b\n\",c", "..."},
        };

        (void)unused;
        expect(examples, sizeof(examples) / sizeof(*examples), false);
}

static void
a_quoted_cell_has_a_largest_size(void **unused)
{
        enum { LARGE = (1 << 20) + 100 };
        char *text = malloc(LARGE);
        const char *wrong;

        (void)unused;
        assert_non_null(text);
        memset(text, 'x', LARGE);
        text[0] = '"', text[1] = 'a', text[2] = '\n';
        text[LARGE - 2] = '"', text[LARGE - 1] = '\n';
        assert_ptr_equal(sq_csv_record(text, LARGE, false, (struct sq_csv_dialect){0}, &wrong), text + 2);
        assert_non_null(wrong);
        assert_ptr_equal(sq_csv_record(text, 1 << 10, false, (struct sq_csv_dialect){0}, &wrong), NULL);
        free(text);
}

static void
finds_the_columns_by_their_names(void **unused)
{
        static const char *const names[] = {"id", "qty"};
        struct sq_csv_columns columns = {0};
        struct sq_str header = {"qty,x,\"id\",qty", 15}, row = {"7,?,b,8,9", 9};
        struct sq_value values[2];
        char scratch[64];

        (void)unused;
        assert_int_equal(sq_csv_columns_read(&columns, header, 2, names), 2);
        assert_int_equal(sq_csv_row(&columns, row, scratch, 2, values), 5);
        assert_int_equal(columns.n, 4);
        assert_memory_equal(values[0].as.ptr, "b", 1);
        assert_memory_equal(values[1].as.ptr, "7", 1);
        assert_int_equal(sq_csv_row(&columns, (struct sq_str){"1", 1}, scratch, 2, values), 1);
        assert_int_equal(values[0].len, 0);
        assert_int_equal(sq_csv_columns_read(&columns, (struct sq_str){"qty,a", 5}, 2, names), 0);
        sq_csv_columns_free(&columns);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_what_rfc_4180_says),
                cmocka_unit_test(reads_other_dialects),
                cmocka_unit_test(takes_a_quote_elsewhere_in_a_cell_as_text),
                cmocka_unit_test(a_quote_that_is_never_closed_costs_its_own_line_only),
                cmocka_unit_test(waits_for_the_rest_of_a_record),
                cmocka_unit_test(a_quoted_cell_has_a_largest_size),
                cmocka_unit_test(finds_the_columns_by_their_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

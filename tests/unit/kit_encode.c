/* SPDX-License-Identifier: Apache-2.0 */
/* Values as records of every format, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <squall-kit.h>

enum { FIELDS = 3 };
#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static const char *const names[FIELDS] = {"a", "b", "c"};

static struct sq_value
bytes(const char *text, size_t len)
{
        return sq_str((struct sq_str){text, len});
}

/* The record of `n` values must be `expected`, of `len` bytes. */
static void
expect_bytes(enum sq_format format, size_t n, const struct sq_value *values, const char *expected, size_t len)
{
        struct sq_encoder encoder = {.format = format};

        assert_int_equal(sq_encode_values(&encoder, n, names, values), 0);
        assert_int_equal(encoder.len, len);
        assert_memory_equal(encoder.bytes, expected, len);
        sq_encoder_free(&encoder);
        assert_null(encoder.bytes);
}

static void
expect(enum sq_format format, size_t n, const struct sq_value *values, const char *expected)
{
        expect_bytes(format, n, values, expected, strlen(expected));
}

/* Of one value, a text of `len` bytes if it is not 0. */
struct example {
        struct sq_value value;
        const char *alone, *beside; /* beside 1 */
};

static void
expect_each(enum sq_format format, const struct example *examples, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const struct sq_value pair[] = {examples[i].value, sq_int(1)};

                expect(format, 1, pair, examples[i].alone);
                expect(format, 2, pair, examples[i].beside);
        }
}

static void
writes_the_text_of_a_record_of_one_field_as_it_is_but_for_line_ends(void **unused)
{
        const struct example examples[] = {
                {sq_text("tab\there"), "tab\there\n", "tab\\there\t1\n"},
                {sq_text("back\\slash"), "back\\slash\n", "back\\\\slash\t1\n"},
                {sq_text("two\nlines"), "two\\nlines\n", "two\\nlines\t1\n"},
                {sq_text("\r\n"), "\r\\n\n", "\\r\\n\t1\n"},
                {sq_text(""), "\n", "\t1\n"},
                {sq_text("\xff\xc3"), "\xff\xc3\n", "\xff\xc3\t1\n"},
        };

        (void)unused;
        expect_each(SQ_FORMAT_TSV, examples, LENGTH(examples));
}

static void
quotes_cells_of_csv_where_they_need_it(void **unused)
{
        const struct example examples[] = {
                {sq_text("plain text"), "plain text\n", "plain text,1\n"},
                {sq_text("a,b"), "\"a,b\"\n", "\"a,b\",1\n"},
                {sq_text("3\" pipe"), "\"3\"\" pipe\"\n", "\"3\"\" pipe\",1\n"},
                {sq_text("two\nlines"), "\"two\nlines\"\n", "\"two\nlines\",1\n"},
                {sq_text("\r"), "\"\r\"\n", "\"\r\",1\n"},
                {sq_text("\""), "\"\"\"\"\n", "\"\"\"\",1\n"},
                {sq_text(""), "\"\"\n", ",1\n"},
                {sq_text("tab\t\\"), "tab\t\\\n", "tab\t\\,1\n"},
                {sq_text("\xff"), "\xff\n", "\xff,1\n"},
        };

        (void)unused;
        expect_each(SQ_FORMAT_CSVL, examples, LENGTH(examples));
}

static void
writes_other_values_in_cells_as_json_does_but_for_nil_and_times(void **unused)
{
        const struct sq_value list[] = {sq_int(1), sq_text("a\tb"), sq_nil()};
        const struct example tsv[] = {
                {sq_nil(), "\n", "\t1\n"},
                {sq_bool(true), "true\n", "true\t1\n"},
                {sq_int(INT64_MIN), "-9223372036854775808\n", "-9223372036854775808\t1\n"},
                {sq_int(0), "0\n", "0\t1\n"},
                {sq_uint(UINT64_MAX), "18446744073709551615\n", "18446744073709551615\t1\n"},
                {sq_float(20), "20.0\n", "20.0\t1\n"},
                {sq_float(NAN), "null\n", "null\t1\n"},
                {sq_float(-INFINITY), "null\n", "null\t1\n"},
                {sq_bin("\x00\xff\t", 3), NULL, NULL}, /* below: it has a zero byte */
                {sq_time((struct sq_time){0, 5}), "1970-01-01T00:00:00.000000005Z\n",
                 "1970-01-01T00:00:00.000000005Z\t1\n"},
                {sq_array(list, 3), "[1,\"a\\tb\",null]\n", "[1,\"a\\\\tb\",null]\t1\n"},
                {sq_map(NULL, 0), "{}\n", "{}\t1\n"},
        };
        const struct example csv[] = {
                {sq_nil(), "\"\"\n", ",1\n"},
                {sq_array(list, 3), "\"[1,\"\"a\\tb\"\",null]\"\n", "\"[1,\"\"a\\tb\"\",null]\",1\n"},
                {sq_time((struct sq_time){0, 0}), "1970-01-01T00:00:00Z\n", "1970-01-01T00:00:00Z,1\n"},
        };

        (void)unused;
        for (size_t i = 0; i < LENGTH(tsv); i++)
                if (tsv[i].alone)
                        expect_each(SQ_FORMAT_TSV, &tsv[i], 1);
        expect_bytes(SQ_FORMAT_TSV, 1, &tsv[8].value, "\x00\xff\t\n", 4);
        expect_each(SQ_FORMAT_CSVL, csv, LENGTH(csv));
}

static void
writes_objects_that_are_json_whatever_is_in_them(void **unused)
{
        static const char *const odd[] = {"", "quo\"te", "\xff"};
        const struct sq_value pair[] = {sq_int(1), sq_float(INFINITY)};
        const struct sq_value values[] = {sq_map(pair, 1), bytes("a\0\xc3", 3), sq_nil()};
        struct sq_encoder encoder = {.format = SQ_FORMAT_JSONL};
        const char *expected = "{\"\":{\"1\":null},\"quo\\\"te\":\"a\\u0000\\ufffd\",\"\\ufffd\":null}\n";

        (void)unused;
        expect(SQ_FORMAT_JSON, 3, values, "{\"a\":{\"1\":null},\"b\":\"a\\u0000\\ufffd\",\"c\":null}");
        expect(SQ_FORMAT_JSON, 0, NULL, "{}");
        assert_int_equal(sq_encode_values(&encoder, 3, odd, values), 0);
        assert_int_equal(encoder.len, strlen(expected));
        assert_memory_equal(encoder.bytes, expected, encoder.len);
        sq_encoder_free(&encoder);
}

/* A text of every length, and one with a byte that needs quotes at every place. */
static void
expect_bare_where_it_can_be(const char *text)
{
        char with[32], expected[64];

        for (size_t n = 1; n <= strlen(text); n++)
                for (const char *special = " =\"\\\n"; *special; special++)
                        for (size_t at = 0; at <= n; at++) {
                                struct sq_value value = bytes(with, n);
                                const char *shown = *special == '\n'   ? "\\u000a"
                                                    : *special == '"'  ? "\\\""
                                                    : *special == '\\' ? "\\\\"
                                                    : *special == ' '  ? " "
                                                                       : "=";

                                memcpy(with, text, n);
                                if (at < n)
                                        with[at] = *special;
                                if (at == n)
                                        snprintf(expected, sizeof(expected), "a=%.*s", (int)n, text);
                                else
                                        snprintf(expected, sizeof(expected), "a=\"%.*s%s%.*s\"", (int)at, text, shown,
                                                 (int)(n - at) - 1, text + at + 1);
                                expect(SQ_FORMAT_LOGFMT, 1, &value, expected);
                        }
}

static void
writes_pairs_of_logfmt_with_quotes_where_they_need_them(void **unused)
{
        static const char *const odd[] = {"", "a b=\"", "\xc3\xa9"};
        const struct sq_value list[] = {sq_int(1), sq_text("x")};
        const struct sq_value values[] = {sq_text("plain/text?a"), sq_text("two\nlines"), sq_text("")};
        const struct sq_value others[] = {sq_array(list, 2), sq_nil(), sq_time((struct sq_time){0, 0})};
        const struct sq_value texts[] = {sq_text("a=b"), sq_text("C:\\x \"y\""), sq_text("\xc3\xa9\x7f")};
        const char *expected = "_=1 a_b__=2.5 \xc3\xa9=true\n";
        struct sq_encoder encoder = {.format = SQ_FORMAT_LOGFMTL};

        (void)unused;
        expect(SQ_FORMAT_LOGFMT, 3, values, "a=plain/text?a b=\"two\\u000alines\" c=\"\"");
        expect(SQ_FORMAT_LOGFMT, 3, others, "a=\"[1,\\\"x\\\"]\" c=1970-01-01T00:00:00Z");
        expect(SQ_FORMAT_LOGFMT, 3, texts, "a=\"a=b\" b=\"C:\\\\x \\\"y\\\"\" c=\"\xc3\xa9\\u007f\"");
        expect(SQ_FORMAT_LOGFMT, 0, NULL, "");
        expect_bare_where_it_can_be("0123456789abcdefghi");
        assert_int_equal(
                sq_encode_values(&encoder, 3, odd, (struct sq_value[]){sq_int(1), sq_float(2.5), sq_bool(true)}), 0);
        assert_int_equal(encoder.len, strlen(expected));
        assert_memory_equal(encoder.bytes, expected, encoder.len);
        sq_encoder_free(&encoder);
}

static void
writes_the_bytes_of_text_between_tabs(void **unused)
{
        const struct sq_value values[] = {sq_text("a\tb\n"), sq_nil(), sq_time((struct sq_time){0, 0})};

        (void)unused;
        expect(SQ_FORMAT_TEXT, 3, values, "a\tb\n\tnull\t1970-01-01T00:00:00Z");
        expect(SQ_FORMAT_TEXT, 1, values, "a\tb\n");
        expect(SQ_FORMAT_TEXT, 0, NULL, "");
}

static void
writes_maps_of_msgpack_in_the_shortest_form(void **unused)
{
        const struct sq_value pair[] = {sq_nil(), sq_bin("\xff", 1)}, list[] = {sq_map(pair, 1), sq_bool(false)};
        const struct sq_value values[] = {sq_array(list, 2), sq_uint(1), sq_float(0.5)};
        const struct sq_value times[] = {sq_time((struct sq_time){1, 0})};

        (void)unused;
        expect_bytes(SQ_FORMAT_MSGPACK, 3, values,
                     "\x83\xa1"
                     "a\x92\x81\xc0\xc4\x01\xff\xc2\xa1"
                     "b\x01\xa1"
                     "c\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00",
                     24);
        expect_bytes(SQ_FORMAT_MSGPACK, 1, times,
                     "\x81\xa1"
                     "a\xd6\xff\x00\x00\x00\x01",
                     9);
}

static void
appends_records_behind_those_that_stand_there(void **unused)
{
        enum { MANY = 20000, LONG = 1000000 };
        struct sq_encoder encoder = {.format = SQ_FORMAT_TSV};
        char *text = malloc(LONG);
        struct sq_value value = sq_text("line");

        (void)unused;
        assert_non_null(text);
        memset(text, 'x', LONG);
        for (int i = 0; i < MANY; i++)
                assert_int_equal(sq_encode_values(&encoder, 1, names, &value), 0);
        assert_int_equal(encoder.len, MANY * 5);
        value = bytes(text, LONG);
        assert_int_equal(sq_encode_values(&encoder, 1, names, &value), 0);
        assert_int_equal(encoder.len, MANY * 5 + LONG + 1);
        for (int i = 0; i < MANY; i++)
                assert_memory_equal(encoder.bytes + i * 5, "line\n", 5);
        assert_memory_equal(encoder.bytes + MANY * 5, text, LONG);
        sq_encoder_free(&encoder);
        free(text);
}

/* ---- And back ---------------------------------------------------------------------------------------- */

static const char *const hard[] = {
        "",          " ",        "\"",  "\"\"",         ",",
        "a,\"b\"\n", "\r\n",     "\n",  "\t",           "\\n",
        "\\",        "3\" pipe", "'",   "\xef\xbb\xbf", "\xf0\x9f\x98\x80",
        "'a;b'",     "|",        "x\r", "''x",
};

static void
expect_csv(struct sq_str record, struct sq_csv_dialect dialect, size_t n, const struct sq_value *values)
{
        char scratch[256], *grow = scratch;
        const char *wrong, *end = sq_csv_record(record.ptr, record.len, true, dialect, &wrong);
        struct sq_str cell;

        assert_null(wrong);
        assert_ptr_equal(end, record.ptr + record.len - 1);
        record.len--;
        for (size_t f = 0; f < n; f++) {
                assert_true(sq_csv_cell(&record, dialect, &grow, &cell));
                assert_int_equal(cell.len, values[f].len);
                assert_memory_equal(cell.ptr, values[f].as.ptr, cell.len);
        }
        assert_false(sq_csv_cell(&record, dialect, &grow, &cell));
}

/* What it has no way to write is refused, and nothing of it is left. */
static void
goes_through(struct sq_csv_dialect dialect, size_t n, const struct sq_value *values)
{
        struct sq_encoder encoder = {.format = SQ_FORMAT_CSVL, .dialect = dialect};
        bool needs = n == 1 && values[0].len == 0;
        char special[] = {'\r', '\n', dialect.separator, '\0'};
        int r;

        for (size_t f = 0; f < n; f++)
                needs |= strpbrk(values[f].as.ptr, special) != NULL;
        assert_int_equal(sq_encode_values(&encoder, 1, names, (struct sq_value[]){sq_text("x")}), 0);
        assert_int_equal(encoder.len, 2);
        r = sq_encode_values(&encoder, n, names, values);
        if (dialect.quote == '\n' && needs) {
                assert_int_equal(r, -EBADMSG);
                assert_int_equal(encoder.len, 2);
        } else {
                assert_int_equal(r, 0);
                expect_csv((struct sq_str){encoder.bytes + 2, encoder.len - 2}, dialect, n, values);
        }
        sq_encoder_free(&encoder);
}

static void
the_csv_reader_reads_what_was_written_in_each_dialect(void **unused)
{
        enum { SEPARATORS = 5, QUOTES = 3 };

        (void)unused;
        for (size_t d = 0; d < SEPARATORS * QUOTES; d++) {
                struct sq_csv_dialect dialect = sq_csv_dialect((int64_t)d / QUOTES, (int64_t)d % QUOTES);

                for (size_t i = 0; i < LENGTH(hard) * LENGTH(hard); i++) {
                        const struct sq_value values[] = {sq_text(hard[i / LENGTH(hard)]),
                                                          sq_text(hard[i % LENGTH(hard)])};

                        goes_through(dialect, 2, values);
                        goes_through(dialect, 1, values);
                }
        }
}

static void
an_array_is_quoted_as_its_dialect_says(void **unused)
{
        struct sq_value pair[] = {sq_int(1), sq_int(2)}, list = sq_array(pair, 2);
        struct sq_encoder encoder = {.format = SQ_FORMAT_CSV, .dialect = {';', '\''}};

        (void)unused;
        assert_int_equal(sq_encode_values(&encoder, 1, names, &list), 0);
        assert_int_equal(encoder.len, 5);
        encoder.len = 0;
        encoder.dialect = (struct sq_csv_dialect){',', '\''};
        assert_int_equal(sq_encode_values(&encoder, 1, names, &list), 0);
        assert_memory_equal(encoder.bytes, "'[1,2]'", 7);
        encoder.dialect.quote = '\n';
        assert_int_equal(sq_encode_values(&encoder, 1, names, &list), -EBADMSG);
        sq_encoder_free(&encoder);
}

static void
the_json_reader_reads_what_was_written(void **unused)
{
        struct sq_encoder encoder = {.format = SQ_FORMAT_JSON};
        struct sq_json_reader json = {0};

        (void)unused;
        for (size_t i = 0; i < LENGTH(hard); i++) {
                const char *const name[] = {hard[i]};
                const struct sq_value value = sq_text(hard[LENGTH(hard) - 1 - i]);
                struct sq_value object, member;

                encoder.len = 0;
                assert_int_equal(sq_encode_values(&encoder, 1, name, &value), 0);
                assert_true(sq_json_read(&json, (struct sq_str){encoder.bytes, encoder.len}, &object));
                member = sq_member(object, hard[i]);
                assert_int_equal(member.type, SQ_STR);
                assert_int_equal(member.len, value.len);
                assert_memory_equal(member.as.ptr, value.as.ptr, value.len);
        }
        sq_json_free(&json);
        sq_encoder_free(&encoder);
}

/* Whatever its length and wherever it stands: words of eight bytes, and what is left of them, are looked at apart. */
static void
escapes_a_byte_wherever_it_stands_in_a_text(void **unused)
{
        enum { LONGEST = 25 };
        char text[LONGEST], alone[16], expected[LONGEST + 32];

        (void)unused;
        for (int byte = 1; byte < 256; byte++)
                for (size_t len = 1; len <= LONGEST; len++)
                        for (size_t at = 0; at < len; at++) {
                                memset(text, 'x', sizeof(text));
                                text[at] = (char)byte;
                                const struct sq_value one = bytes(text + at, 1), all = bytes(text, len);
                                const size_t n = sq_json(one, alone, sizeof(alone)) - 2;

                                snprintf(expected, sizeof(expected), "{\"a\":\"%.*s%.*s%.*s\"}", (int)at, text, (int)n,
                                         alone + 1, (int)(len - at - 1), text + at + 1);
                                expect(SQ_FORMAT_JSON, 1, &all, expected);
                        }
        assert_string_equal((sq_json(sq_text("\x7f"), alone, sizeof(alone)), alone), "\"\\u007f\"");
        assert_string_equal((sq_json(sq_text("\x1f"), alone, sizeof(alone)), alone), "\"\\u001f\"");
        assert_string_equal((sq_json(sq_text("\x80"), alone, sizeof(alone)), alone), "\"\\ufffd\"");
        assert_string_equal((sq_json(sq_text("\""), alone, sizeof(alone)), alone), "\"\\\"\"");
}

static void
writes_whole_numbers_of_every_length(void **unused)
{
        char expected[64];

        (void)unused;
        for (int64_t number = 0; number >= 0 && number < INT64_MAX / 12; number = number * 11 + 7)
                for (int64_t sign = -1; sign <= 1; sign += 2) {
                        const struct sq_value value = sq_int(sign * number);

                        snprintf(expected, sizeof(expected), "{\"a\":%lld}", (long long)sign * number);
                        expect(SQ_FORMAT_JSON, 1, &value, expected);
                }
        const struct sq_value ends[] = {sq_int(INT64_MIN), sq_int(INT64_MAX), sq_int(100)};

        expect(SQ_FORMAT_JSON, 3, ends, "{\"a\":-9223372036854775808,\"b\":9223372036854775807,\"c\":100}");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(writes_the_text_of_a_record_of_one_field_as_it_is_but_for_line_ends),
                cmocka_unit_test(quotes_cells_of_csv_where_they_need_it),
                cmocka_unit_test(writes_other_values_in_cells_as_json_does_but_for_nil_and_times),
                cmocka_unit_test(writes_objects_that_are_json_whatever_is_in_them),
                cmocka_unit_test(writes_pairs_of_logfmt_with_quotes_where_they_need_them),
                cmocka_unit_test(writes_the_bytes_of_text_between_tabs),
                cmocka_unit_test(writes_maps_of_msgpack_in_the_shortest_form),
                cmocka_unit_test(appends_records_behind_those_that_stand_there),
                cmocka_unit_test(the_csv_reader_reads_what_was_written_in_each_dialect),
                cmocka_unit_test(an_array_is_quoted_as_its_dialect_says),
                cmocka_unit_test(the_json_reader_reads_what_was_written),
                cmocka_unit_test(escapes_a_byte_wherever_it_stands_in_a_text),
                cmocka_unit_test(writes_whole_numbers_of_every_length),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

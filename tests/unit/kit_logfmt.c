/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of pairs as programs write them, and lines that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <squall-kit.h>

enum { ROOM = 1024 };

/* What a line is, as JSON; or, behind a !, what is wrong with it. */
static void
expect(const char *line, const char *expected)
{
        const struct sq_str text = {line, strlen(line)};
        struct sq_value *room = test_malloc((text.len + 1) * sizeof(*room)), map;
        char *exact = test_malloc(text.len + 1), *scratch = test_malloc(text.len + 1), is[ROOM];
        char *first = exact + 1; /* its last byte is that of the memory: one read behind it is found */
        const char *wrong;

        memcpy(first, text.ptr, text.len);
        wrong = sq_logfmt_read((struct sq_str){first, text.len}, room, scratch, &map);
        if (*expected == '!') {
                assert_non_null(wrong);
                assert_string_equal(wrong, expected + 1);
        } else {
                assert_null(wrong);
                (void)sq_json(map, is, sizeof(is));
                assert_string_equal(is, expected);
        }
        test_free(scratch);
        test_free(exact);
        test_free(room);
}

static void
reads_lines_as_programs_write_them(void **unused)
{
        (void)unused;
        expect("level=info msg=\"Listening on 0.0.0.0:8080\" took=3ms retried",
               "{\"level\":\"info\",\"msg\":\"Listening on 0.0.0.0:8080\",\"took\":\"3ms\",\"retried\":\"true\"}");
        expect("at=info method=GET path=\"/a?b=c&d=\\\"e\\\"\" host=shop.example.com fwd=\"10.0.0.1\" dyno=web.1 "
               "status=200 bytes=",
               "{\"at\":\"info\",\"method\":\"GET\",\"path\":\"/a?b=c&d=\\\"e\\\"\",\"host\":\"shop.example.com\","
               "\"fwd\":\"10.0.0.1\",\"dyno\":\"web.1\",\"status\":\"200\",\"bytes\":\"\"}");
        expect("ts=2026-11-26T07:00:00.123456789Z caller=manager.go:42 err=\"open C:\\\\temp\\u00e9: no such file\"",
               "{\"ts\":\"2026-11-26T07:00:00.123456789Z\",\"caller\":\"manager.go:42\",\"err\":\"open "
               "C:\\\\temp\xc3\xa9: no such file\"}");
        expect("\tquery=a=b=c\r\n", "{\"query\":\"a=b=c\"}");
        expect("name=J\xc3\xbcrgen-aus-M\xc3\xbcnchen stadt-m\xc3\xbcnchen-oberbayern=x",
               "{\"name\":\"J\xc3\xbcrgen-aus-M\xc3\xbcnchen\",\"stadt-m\xc3\xbcnchen-oberbayern\":\"x\"}");
        expect("path=C:\\Users\\x text=\"C:\\Users\\x\"",
               "{\"path\":\"C:\\\\Users\\\\x\",\"text\":\"C:\\\\Users\\\\x\"}");
        expect("word=a\"b a=\"\" =", "!a value has no key");
        expect("word=a\"b a=\"\"", "{\"word\":\"a\\\"b\",\"a\":\"\"}");
        expect("", "{}");
        expect(" \t ", "{}");
}

static void
says_what_a_line_lacks(void **unused)
{
        (void)unused;
        expect("level=info msg=\"the rest is missing", "!a quote is not closed");
        expect("level=info msg=\"the rest is missing\\\"", "!a quote is not closed");
        expect("level=info =5", "!a value has no key");
        expect("\"quoted\"=5", "!a quote stands where a key begins");
        expect("a-long-key-with-a-\"quote=5", "!a quote stands in a key");
        expect("n=1 s=a\nn=2 s=b", "!more than one line");
        expect("\nn=1 s=\"a\nb\"\r\n", "{\"n\":\"1\",\"s\":\"a\\nb\"}");
        expect("msg=\"one\"two", "!text stands behind a closing quote");
}

/* Wherever in a word of sixteen bytes what ends it stands. */
static void
ends_a_word_at_every_place(void **unused)
{
        enum { LONGEST = 40 };
        static const char ends[] = " \t\x7f\x01\r";
        char line[LONGEST + 8], expected[LONGEST + 32];

        (void)unused;
        for (int n = 1; n < LONGEST; n++)
                for (const char *end = ends; *end; end++) {
                        memset(line, 'k', (size_t)n);
                        memcpy(line + n, "=v b", 5);
                        line[n + 2] = *end;
                        snprintf(expected, sizeof(expected), "{\"%.*s\":\"v\",\"b\":\"true\"}", n, line);
                        expect(line, expected);
                        line[0] = 'k';
                        line[1] = '=';
                        memset(line + 2, 'v', (size_t)n);
                        memcpy(line + 2 + n, " b", 3);
                        line[2 + n] = *end;
                        snprintf(expected, sizeof(expected), "{\"k\":\"%.*s\",\"b\":\"true\"}", n, line + 2);
                        expect(line, expected);
                }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_lines_as_programs_write_them),
                cmocka_unit_test(says_what_a_line_lacks),
                cmocka_unit_test(ends_a_word_at_every_place),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

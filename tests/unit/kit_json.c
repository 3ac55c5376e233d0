/* SPDX-License-Identifier: Apache-2.0 */
/* JSON texts into values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <squall-kit.h>

/* The text read and written again, or "refused". */
static const char *
again(const char *text, char ret[256])
{
        struct sq_json_reader json = {0};
        struct sq_value value;

        (void)strcpy(ret, "refused");
        if (sq_json_read(&json, (struct sq_str){text, strlen(text)}, &value))
                assert_in_range(sq_json(value, ret, 256), 1, 255);
        sq_json_free(&json);
        return ret;
}

static void
reads_what_is_valid(void **unused)
{
        static const char *const texts[][2] = {
                {"1", "1"},
                {" [1 , -2.5e0 , true , null ] ", "[1,-2.5,true,null]"},
                {"{\"a\":{\"b\":[]},\"c\":{}}", "{\"a\":{\"b\":[]},\"c\":{}}"},
                {"\"\\u00e9\\ud83d\\ude00\\n\\/\"", "\"\xc3\xa9\xf0\x9f\x98\x80\\n/\""},
                {"18446744073709551615", "18446744073709551615"},
                {"-9223372036854775808", "-9223372036854775808"},
                {"-0", "0"},
                {"0.12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                 "0.12345678901234568"},
                {"99999999999999999999999999999999999999999999999999999999999999999999999999999999", "1e+80"},
                {"18446744073709551616", "1.8446744073709552e+19"},
                {"1e-400", "0.0"},
                {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
                 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"},
                {"{\"\":0}", "{\"\":0}"},
        };
        char text[256];

        (void)unused;
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
                assert_string_equal(again(texts[i][0], text), texts[i][1]);
}

static void
refuses_what_is_not(void **unused)
{
        static const char *const texts[] = {
                "",
                " ",
                "[",
                "[1",
                "[1,",
                "[1,]",
                "[,1]",
                "[1 2]",
                "{",
                "{\"a\"",
                "{\"a\":",
                "{\"a\":1,}",
                "{a:1}",
                "{1:1}",
                "01",
                "-",
                "+1",
                "1.",
                ".5",
                "1e",
                "1e+",
                "0x1",
                "nul",
                "nullx",
                "True",
                "NaN",
                "Infinity",
                "'a'",
                "\"",
                "\"a",
                "\"\\x\"",
                "\"\\u12g4\"",
                "\"\t\"",
                "[1]]",
                "1 1",
                "[\"a\" \"b\"]",
                "{\"a\":1 \"b\":2}",
                "\"\\",
                "\"\\u",
                "\"\\ud800\\u\"",
                "//",
                "[1]//",
        };
        char text[256];

        (void)unused;
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
                assert_string_equal(again(texts[i], text), "refused");
}

/* The kinds of cases that N. Seriot's JSONTestSuite has, written anew: what every reader must take, ... */
static void
takes_what_every_reader_must(void **unused)
{
        static const char *const texts[][2] = {
                {"[]", "[]"},
                {"[ ]", "[]"},
                {"\t\r\n [\n]\r\n", "[]"},
                {"{}", "{}"},
                {"null", "null"},
                {"\"\"", "\"\""},
                {"[[[]],{}]", "[[[]],{}]"},
                {"[null,1,\"1\",{}]", "[null,1,\"1\",{}]"},
                {"[0e1]", "[0.0]"},
                {"[0E+1]", "[0.0]"},
                {"[1e-2]", "[0.01]"},
                {"[1E22]", "[1e+22]"},
                {"[-0.0]", "[-0.0]"},
                {"[-123]", "[-123]"},
                {"[123.456e1]", "[1234.56]"},
                {"[0.4e006]", "[400000.0]"},
                {"[\"\\u0060\\u012a\\u12AB\"]", "[\"`\xc4\xaa\xe1\x8a\xab\"]"},
                {"[\"\\ud801\\udc37\"]", "[\"\xf0\x90\x90\xb7\"]"},
                {"[\"\\uDBFF\\uDFFE\"]", "[\"\xf4\x8f\xbf\xbe\"]"},
                {"[\"\\u0000\"]", "[\"\\u0000\"]"},
                {"[\"\\\\n\\\\u0000\"]", "[\"\\\\n\\\\u0000\"]"},
                {"[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "[\"\\\"\\\\/\\b\\f\\n\\r\\t\"]"},
                {"[\"a/*b*/c/*d//e\"]", "[\"a/*b*/c/*d//e\"]"},
                {"[\"\xe2\x80\xa8\xe2\x80\xa9\"]", "[\"\xe2\x80\xa8\xe2\x80\xa9\"]"},
                {"[\"\xf0\x9b\xbf\xbf\"]", "[\"\xf0\x9b\xbf\xbf\"]"},
                {"[\"\x7f\"]", "[\"\\u007f\"]"},
                {"{\"a\":\"b\",\"a\":\"b\"}", "{\"a\":\"b\",\"a\":\"b\"}"},
                {"{\"foo\\u0000bar\":42}", "{\"foo\\u0000bar\":42}"},
                {"{\"\":{\"\":[{}]}}", "{\"\":{\"\":[{}]}}"},
                {"{\n\"a\" :\t1\r}", "{\"a\":1}"},
        };
        char text[256];

        (void)unused;
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
                assert_string_equal(again(texts[i][0], text), texts[i][1]);
}

/* ... must refuse, ... */
#define BYTES(text) \
        { \
                text, sizeof(text) - 1 \
        }
static void
refuses_what_every_reader_must(void **unused)
{
        static const struct sq_str texts[] = {
                BYTES("[1 true]"),
                BYTES("[a\xe5]"),
                BYTES("[\"\": 1]"),
                BYTES("[\"\"],"),
                BYTES("[1,,2]"),
                BYTES("[,]"),
                BYTES("[\"x\""),
                BYTES("[3[4]]"),
                BYTES("[-]"),
                BYTES("[*]"),
                BYTES("[\"\","),
                BYTES("[1,\n1\n,1"),
                BYTES("[{}"),
                BYTES("[fals]"),
                BYTES("[nul]"),
                BYTES("[tru]"),
                BYTES("123\0"),
                BYTES("[++1]"),
                BYTES("[+Inf]"),
                BYTES("[-01]"),
                BYTES("[-1.0.]"),
                BYTES("[-2.]"),
                BYTES("[-NaN]"),
                BYTES("[.-1]"),
                BYTES("[.2e-3]"),
                BYTES("[0.1.2]"),
                BYTES("[0.3e]"),
                BYTES("[0.3e+]"),
                BYTES("[0.e1]"),
                BYTES("[0E]"),
                BYTES("[1.0e-]"),
                BYTES("[1 000.0]"),
                BYTES("[1eE2]"),
                BYTES("[2.e+3]"),
                BYTES("[9.e+]"),
                BYTES("[1+2]"),
                BYTES("[0x42]"),
                BYTES("[Inf]"),
                BYTES("[-foo]"),
                BYTES("[- 1]"),
                BYTES("[-.123]"),
                BYTES("[1ea]"),
                BYTES("[1.2a-3]"),
                BYTES("[1e1\xe5]"),
                BYTES("[0\xe5]"),
                BYTES("[\xef\xbc\x91]"),
                BYTES("[\"x\", truth]"),
                BYTES("{[: \"x\"}"),
                BYTES("{\"x\", null}"),
                BYTES("{\"x\"::\"b\"}"),
                BYTES("{\"a\" b}"),
                BYTES("{:\"b\"}"),
                BYTES("{\"a\" \"b\"}"),
                BYTES("{null:null}"),
                BYTES("{\"id\":0,,}"),
                BYTES("{'a':0}"),
                BYTES("{\"a\":\"b\"}#"),
                BYTES("{\"a\":1}//"),
                BYTES("{\"a\":/*b*/1}"),
                BYTES("{\"a\":\"a"),
                BYTES("{\"a\":1 true}"),
                BYTES("{,\"a\":1}"),
                BYTES("[\"\\uD800\\\"]"),
                BYTES("[\"\\uD800\\u1\"]"),
                BYTES("[\"\\u\"]"),
                BYTES("[\"\\u00A\"]"),
                BYTES("[\"\\x00\"]"),
                BYTES("[\"\\\\\\\"]"),
                BYTES("[\"\\\t\"]"),
                BYTES("[\"\\\0\"]"),
                BYTES("[\"\\a\"]"),
                BYTES("[\"\\\xe5\"]"),
                BYTES("[\\u0020\"x\"]"),
                BYTES("[\n\"a\nb\"]"),
                BYTES("[\"a\0b\"]"),
                BYTES("\"\\UA66D\""),
                BYTES("\"x\"y"),
                BYTES("<.>"),
                BYTES("[<null>]"),
                BYTES("[1]x"),
                BYTES("[][]"),
                BYTES("]"),
                BYTES("{]"),
                BYTES("[}"),
                BYTES("[\"a\"}"),
                BYTES("{\"a\":1]"),
                BYTES("\0"),
                BYTES("\xef\xbb\xbf"),
                BYTES("[\x0c]"),
                BYTES("[\xe2\x81\xa0]"),
                BYTES("\xc2\xa0[]"),
                BYTES("2@"),
                BYTES("{}}"),
                BYTES("{\"\":"),
                BYTES("[True]"),
                BYTES("*"),
                BYTES("{\"a\":\"b\",}"),
                BYTES("{\"a\""),
                BYTES("\xe5"),
                BYTES("[1\0]"),
        };
        struct sq_json_reader json = {0};
        struct sq_value value;

        (void)unused;
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
                if (sq_json_read(&json, texts[i], &value))
                        fail_msg("takes %.*s", (int)texts[i].len, texts[i].ptr);
        sq_json_free(&json);
}

/* ... and where readers differ. */
static void
takes_halves_of_characters_and_bytes_that_are_no_utf_8(void **unused)
{
        static const char *const texts[][2] = {
                {"[\"\\uDADA\"]", "[\"\xef\xbf\xbd\"]"},
                {"[\"\\uD888\\u1234\"]", "[\"\xef\xbf\xbd\xe1\x88\xb4\"]"},
                {"[\"\\uDd1e\\uD834\"]", "[\"\xef\xbf\xbd\xef\xbf\xbd\"]"},
                {"[\"\\uD800\\n\"]", "[\"\xef\xbf\xbd\\n\"]"},
                {"[\"\xed\xa0\x80\"]", "[\"\\ufffd\\ufffd\\ufffd\"]"},
                {"[\"\xc0\xaf\x81\"]", "[\"\\ufffd\\ufffd\\ufffd\"]"},
                {"[-1e-400]", "[-0.0]"},
        };
        char text[256];

        (void)unused;
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
                assert_string_equal(again(texts[i][0], text), texts[i][1]);
}

static void
says_what_it_cannot_hold(void **unused)
{
        struct sq_json_reader json = {0};
        struct sq_value value;
        char deep[300];

        (void)unused;
        memset(deep, '[', 150);
        memset(deep + 150, ']', 150);
        assert_false(sq_json_read(&json, (struct sq_str){deep, 300}, &value));
        assert_non_null(strstr(json.wrong, "deep"));
        assert_false(sq_json_read(&json, (struct sq_str){"[1e400]", 7}, &value));
        assert_non_null(strstr(json.wrong, "too large"));
        assert_false(sq_json_read(&json, (struct sq_str){"nope", 4}, &value));
        assert_string_equal(json.wrong, "not JSON");
        sq_json_free(&json);
}

static void
finds_a_member_by_its_name(void **unused)
{
        struct sq_json_reader json = {0};
        struct sq_value object;
        const char *text = "{\"ab\":1,\"a\":2}";

        (void)unused;
        assert_true(sq_json_read(&json, (struct sq_str){text, strlen(text)}, &object));
        assert_int_equal(sq_member(object, "a").as.i, 2);
        assert_int_equal(sq_member(object, "b").type, SQ_NIL);
        assert_int_equal(sq_member(sq_int(1), "b").type, SQ_NIL);
        sq_json_free(&json);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_what_is_valid),
                cmocka_unit_test(refuses_what_is_not),
                cmocka_unit_test(takes_what_every_reader_must),
                cmocka_unit_test(refuses_what_every_reader_must),
                cmocka_unit_test(takes_halves_of_characters_and_bytes_that_are_no_utf_8),
                cmocka_unit_test(says_what_it_cannot_hold),
                cmocka_unit_test(finds_a_member_by_its_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

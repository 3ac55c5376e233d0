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
                cmocka_unit_test(says_what_it_cannot_hold),
                cmocka_unit_test(finds_a_member_by_its_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

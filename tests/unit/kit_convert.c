/* SPDX-License-Identifier: Apache-2.0 */
/* Values of records into values of declared types, and the setting that declares them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <squall-kit.h>

/* The value converted; SQ_ANY as the type stands for "it does not convert". */
static struct sq_value
converted(const char *type, struct sq_value value)
{
        struct sq_value result = {.type = SQ_ANY};
        struct sq_conversion conversion;

        assert_null(sq_conversion_read(type, &conversion));
        (void)sq_convert(&conversion, value, &result);
        return result;
}

static struct sq_value
text_as(const char *type, const char *text)
{
        return converted(type, sq_text(text));
}

static void
assert_refused(const char *type, struct sq_value value)
{
        assert_int_equal(converted(type, value).type, SQ_ANY);
}

static void
reads_whole_numbers_of_all_64_bits_and_none_beyond(void **unused)
{
        (void)unused;
        assert_int_equal(text_as("int", "9223372036854775807").as.i, INT64_MAX);
        assert_int_equal(text_as("int", "-9223372036854775808").as.i, INT64_MIN);
        assert_int_equal(text_as("int", "-9223372036854775808").type, SQ_INT);
        assert_refused("int", sq_text("9223372036854775808"));
        assert_refused("int", sq_text("-9223372036854775809"));
        assert_refused("int", sq_uint(UINT64_MAX));
        assert_true(text_as("uint", "18446744073709551615").as.u == UINT64_MAX);
        assert_int_equal(text_as("uint", "5").type, SQ_UINT);
        assert_refused("uint", sq_text("18446744073709551616"));
        assert_refused("uint", sq_text("-1"));
        assert_refused("uint", sq_int(-1));
}

static void
takes_a_double_for_whole_only_where_it_cannot_have_been_rounded(void **unused)
{
        static const double nothing = NAN;

        (void)unused;
        assert_int_equal(converted("int", sq_float(-20.0)).as.i, -20);
        assert_int_equal(text_as("int", "1e3").as.i, 1000);
        assert_int_equal(text_as("uint", "42.0").as.u, 42);
        assert_true(converted("int", sq_float(0x1p53 - 1)).as.i == (INT64_C(1) << 53) - 1);
        assert_refused("int", sq_float(0x1p53));
        assert_refused("int", sq_text("9007199254740993.0"));
        assert_refused("int", sq_text("1.5"));
        assert_refused("int", sq_float(INFINITY));
        assert_refused("int", sq_float(nothing));
}

static void
reads_a_text_as_a_number_only_when_all_of_it_is_one(void **unused)
{
        static const char *const texts[] = {"",    " 7",  "7 ",    "0x10", "1,5", "nan",
                                            "inf", "1_0", "1e400", "true", "-",   "7\n"};
        static const char *const types[] = {"int", "uint", "float"};

        (void)unused;
        assert_int_equal(text_as("int", "007").as.i, 7);
        assert_int_equal(text_as("int", "+7").as.i, 7);
        for (size_t t = 0; t < sizeof(types) / sizeof(*types); t++)
                for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
                        assert_refused(types[t], sq_text(texts[i]));
}

static void
makes_a_double_of_every_finite_number(void **unused)
{
        static const double nothing = NAN;

        (void)unused;
        assert_int_equal(converted("float", sq_int(3)).type, SQ_FLOAT);
        assert_true(converted("float", sq_int(3)).as.f == 3.0);
        assert_true(converted("float", sq_uint(UINT64_MAX)).as.f == 0x1p64);
        assert_true(text_as("float", "12.5").as.f == 12.5);
        assert_true(text_as("float", "100000000000000000000").as.f == 1e20);
        assert_refused("float", sq_float(nothing));
        assert_refused("float", sq_float(INFINITY));
}

static void
takes_only_the_words_true_and_false_for_a_bool(void **unused)
{
        (void)unused;
        assert_true(text_as("bool", "True").as.b);
        assert_int_equal(text_as("bool", "FALSE").type, SQ_BOOL);
        assert_false(text_as("bool", "FALSE").as.b);
        assert_true(converted("bool", sq_bool(true)).as.b);
        assert_refused("bool", sq_text("1"));
        assert_refused("bool", sq_text("yes"));
        assert_refused("bool", sq_int(1));
}

static void
does_not_make_text_of_what_is_none(void **unused)
{
        const struct sq_value item = sq_int(1);

        (void)unused;
        assert_int_equal(text_as("str", "12").type, SQ_STR);
        assert_refused("str", sq_int(12));
        assert_refused("str", sq_bool(true));
        assert_refused("str", sq_bin("x", 1));
        assert_int_equal(text_as("bin", "x").type, SQ_BIN);
        assert_refused("array", sq_text("[1]"));
        assert_int_equal(converted("array", sq_array(&item, 1)).type, SQ_ARRAY);
        assert_refused("map", sq_array(&item, 1));
        assert_int_equal(converted("any", sq_int(12)).as.i, 12);
}

static void
null_and_the_empty_text_are_null_only_with_a_question_mark(void **unused)
{
        static const char *const numbers[] = {"int?", "uint?", "float?", "bool?", "array?", "map?"};

        (void)unused;
        for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
                assert_int_equal(text_as(numbers[i], "").type, SQ_NIL);
                assert_int_equal(converted(numbers[i], sq_nil()).type, SQ_NIL);
        }
        assert_refused("int", sq_nil());
        assert_refused("str", sq_nil());
        assert_refused("int?", sq_text("x"));
        assert_int_equal(text_as("str?", "").type, SQ_STR);
        assert_int_equal(converted("str?", sq_nil()).type, SQ_NIL);
        assert_int_equal(converted("any", sq_nil()).type, SQ_NIL);
}

static void
refuses_what_is_not_a_type_with_words(void **unused)
{
        static const char *const texts[] = {"", "?", "integer", "int??", "int ?", " int", "Int", "nil", "int64"};
        struct sq_conversion conversion;

        (void)unused;
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
                assert_non_null(sq_conversion_read(texts[i], &conversion));
        assert_non_null(strstr(sq_conversion_read("time %Q", &conversion), "time"));
        assert_non_null(strstr(sq_conversion_read("time day", &conversion), "time"));
        assert_non_null(sq_conversion_read("timely", &conversion));
}

static void
reads_times_of_their_format_and_no_others(void **unused)
{
        (void)unused;
        assert_int_equal(text_as("time", "1970-01-02T00:00:01Z").as.i, 86401);
        assert_int_equal(text_as("time iso8601?", "1970-01-01T01:00:00+01:00").as.i, 0);
        assert_int_equal(text_as("time %d/%b/%Y:%H:%M:%S %z", "02/Jan/1970:01:00:00 +0100").as.i, 86400);
        assert_int_equal(converted("time unix_ms", sq_int(-1)).as.i, -1);
        assert_int_equal(converted("time unix_ms", sq_int(-1)).len, 999000000);
        assert_int_equal(converted("time unix", sq_float(1.5)).len, 500000000);
        assert_int_equal(converted("time", sq_time((struct sq_time){5, 0})).as.i, 5);
        assert_int_equal(converted("time?", sq_nil()).type, SQ_NIL);
        assert_int_equal(text_as("time?", "").type, SQ_NIL);
        assert_refused("time", sq_text(""));
        assert_refused("time", sq_text("1970-13-01"));
        assert_refused("time unix", sq_uint(UINT64_MAX));
        assert_refused("time unix", sq_bool(true));
}

/* ---- The setting ------------------------------------------------------------------------------------- */

static const char *const names[] = {"ms", "uid", "uid", "tag"}, *const keys[] = {"", "path", "type", ""};
static const char *const values[] = {"float", "user.id", "int", "str?"};
static const struct sq_nested typed = {4, names, keys, values};

static void
a_schema_has_names_paths_and_types(void **unused)
{
        struct sq_schema schema;
        char wrong[256];

        (void)unused;
        assert_true(sq_schema_read(&typed, &schema, wrong, sizeof(wrong)));
        assert_true(schema.typed);
        assert_int_equal(schema.n, 3);
        assert_string_equal(schema.names[1], "uid");
        assert_string_equal(schema.paths[1], "user.id");
        assert_string_equal(schema.paths[2], "tag");
        assert_int_equal(schema.conversions[1].type, SQ_INT);
        assert_true(schema.conversions[2].nullable);
}

static void
a_list_of_names_has_no_types(void **unused)
{
        const struct sq_nested list = {2, names, NULL, names};
        struct sq_schema schema;
        char wrong[256];

        (void)unused;
        assert_true(sq_schema_read(&list, &schema, wrong, sizeof(wrong)));
        assert_false(schema.typed);
        assert_int_equal(schema.n, 2);
}

static void
says_which_field_has_which_value_instead_of_its_type(void **unused)
{
        struct sq_value record[] = {sq_text("12.5"), sq_text("x7"), sq_nil()};
        struct sq_schema schema;
        char cause[256] = "";

        (void)unused;
        assert_true(sq_schema_read(&typed, &schema, cause, sizeof(cause)));
        assert_false(sq_schema_convert(&schema, record, cause, sizeof(cause)));
        assert_string_equal(cause, "the field `uid` is \"x7\", not int");
        record[1] = sq_text("7");
        assert_true(sq_schema_convert(&schema, record, cause, sizeof(cause)));
        assert_true(record[0].as.f == 12.5);
        assert_int_equal(record[1].as.i, 7);
        assert_int_equal(record[2].type, SQ_NIL);
}

static void
refuses_a_setting_that_means_nothing(void **unused)
{
        static const char *const a[] = {"a", "a"}, *const ab[] = {"a", "b"};
        static const char *const unknown[] = {"zone", ""}, *const path[] = {"", "path"},
                                 *const paths[] = {"path", "path"};
        static const char *const types[] = {"int", "a"}, *const same[] = {"x", "x"}, *const empty[] = {""};
        const struct sq_nested wrong[] = {
                {1, a, unknown, types}, {1, a, NULL, empty}, {2, ab, path, types},
                {2, ab, paths, same},   {2, a, path, types},
        };
        struct sq_schema schema;
        char cause[256];

        (void)unused;
        for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
                *cause = '\0';
                assert_false(sq_schema_read(&wrong[i], &schema, cause, sizeof(cause)));
                assert_true(*cause);
        }
}

static void
a_part_is_the_member_of_that_name_or_one_of_a_member(void **unused)
{
        static const char text[] = "{\"user\": {\"id\": 7, \"a.b\": 1}, \"user.name\": \"ann\", \"n\": 5}";
        struct sq_json_reader json = {0};
        struct sq_value object;

        (void)unused;
        assert_true(sq_json_read(&json, (struct sq_str){text, sizeof(text) - 1}, &object));
        assert_int_equal(sq_part(object, "user.id").as.i, 7);
        assert_int_equal(sq_part(object, "user.a.b").as.i, 1);
        assert_int_equal(sq_part(object, "user.name").type, SQ_STR);
        assert_int_equal(sq_part(object, "user").type, SQ_MAP);
        assert_int_equal(sq_part(object, "n.id").type, SQ_NIL);
        assert_int_equal(sq_part(object, "user.").type, SQ_NIL);
        assert_int_equal(sq_part(object, ".").type, SQ_NIL);
        sq_json_free(&json);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_whole_numbers_of_all_64_bits_and_none_beyond),
                cmocka_unit_test(takes_a_double_for_whole_only_where_it_cannot_have_been_rounded),
                cmocka_unit_test(reads_a_text_as_a_number_only_when_all_of_it_is_one),
                cmocka_unit_test(makes_a_double_of_every_finite_number),
                cmocka_unit_test(takes_only_the_words_true_and_false_for_a_bool),
                cmocka_unit_test(does_not_make_text_of_what_is_none),
                cmocka_unit_test(null_and_the_empty_text_are_null_only_with_a_question_mark),
                cmocka_unit_test(refuses_what_is_not_a_type_with_words),
                cmocka_unit_test(reads_times_of_their_format_and_no_others),
                cmocka_unit_test(a_schema_has_names_paths_and_types),
                cmocka_unit_test(a_list_of_names_has_no_types),
                cmocka_unit_test(says_which_field_has_which_value_instead_of_its_type),
                cmocka_unit_test(refuses_a_setting_that_means_nothing),
                cmocka_unit_test(a_part_is_the_member_of_that_name_or_one_of_a_member),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Records of every format as the fields of a tuple. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <squall-kit.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))
#define BYTES(literal) ((struct sq_str){literal, sizeof(literal) - 1})

/* The values of a record between blanks, as JSON, or why it is none. `names` are the setting `fields`; with `types`,
 * converted. */
static const char *
decoded(enum sq_format format, size_t n, const char *const *names, const char *const *types, struct sq_str record)
{
        static char text[1024];
        struct sq_decoder decoder = {.format = format,
                                     .wanted = {.n = n, .names = names, .values = types ? types : names}};
        struct sq_value values[SQ_FIELDS_MAX];
        char *copy = malloc(record.len + 1), *at = text;

        assert_non_null(copy);
        memcpy(copy, record.ptr, record.len); /* so that what reads beyond it is found */
        assert_null(sq_decoder_begin(&decoder));
        if (sq_decode(&decoder, (struct sq_str){copy, record.len}, values) < 0)
                snprintf(text, sizeof(text), "%s", decoder.wrong);
        else
                for (size_t i = 0; i < (n ? n : 1); i++) {
                        at += i > 0 ? sprintf(at, " ") : 0;
                        at += sq_json(values[i], at, (size_t)(text + sizeof(text) - at));
                }
        sq_decoder_free(&decoder);
        free(copy);
        return text;
}

static const char *const ab[] = {"a", "b"};

struct example {
        enum sq_format format;
        struct sq_str record;
        const char *expected;
};

static void
expect_each(size_t n, const char *const *names, const char *const *types, const struct example *examples, size_t count)
{
        for (size_t i = 0; i < count; i++)
                assert_string_equal(decoded(examples[i].format, n, names, types, examples[i].record),
                                    examples[i].expected);
}

static void
takes_the_members_of_a_map_and_the_places_of_an_array(void **unused)
{
        static const struct example examples[] = {
                {SQ_FORMAT_JSON, BYTES("{\"b\":2,\"c\":3,\"a\":\"x\"}"), "\"x\" 2"},
                {SQ_FORMAT_JSON, BYTES("{\"b\":2}"), "null 2"},
                {SQ_FORMAT_JSONL, BYTES("{\"a\":[1],\"b\":{\"c\":1}}"), "[1] {\"c\":1}"},
                {SQ_FORMAT_JSON, BYTES("[1,2,3]"), "1 2"},
                {SQ_FORMAT_JSON, BYTES("[1]"), "1 null"},
                {SQ_FORMAT_MSGPACK,
                 BYTES("\x82\xa1"
                       "b\x02\xa1"
                       "a\xa1x"),
                 "\"x\" 2"},
                {SQ_FORMAT_MSGPACK,
                 BYTES("\x83\x01\x02\xa1"
                       "b\xc3\xc0\x05"),
                 "null true"},
                {SQ_FORMAT_MSGPACK, BYTES("\x92\x01\x91\x02"), "1 [2]"},
                {SQ_FORMAT_LOGFMT, BYTES("c=1 b=2 a=\"x y\""), "\"x y\" \"2\""},
                {SQ_FORMAT_LOGFMT, BYTES("b"), "null \"true\""},
                {SQ_FORMAT_CSV, BYTES("x,\"2,\"\"3\""), "\"x\" \"2,\\\"3\""},
                {SQ_FORMAT_CSV, BYTES("x"), "\"x\" \"\""},
                {SQ_FORMAT_CSV, BYTES("x,y,z"), "\"x\" \"y\""},
        };

        (void)unused;
        expect_each(2, ab, NULL, examples, LENGTH(examples));
}

static void
takes_the_whole_value_where_no_fields_are_asked_for(void **unused)
{
        static const struct example examples[] = {
                {SQ_FORMAT_TEXT, BYTES("a,b"), "\"a,b\""},
                {SQ_FORMAT_TEXT, BYTES(""), "\"\""},
                {SQ_FORMAT_JSON, BYTES(" {\"a\":[1,2.5,null]} "), "{\"a\":[1,2.5,null]}"},
                {SQ_FORMAT_MSGPACK,
                 BYTES("\x81\xa1"
                       "a\x93\x01\xcb\x40\x04\0\0\0\0\0\0\xc0"),
                 "{\"a\":[1,2.5,null]}"},
                {SQ_FORMAT_MSGPACK, BYTES("\xd6\xff\0\0\0\x01"), "\"1970-01-01T00:00:01Z\""},
        };

        (void)unused;
        expect_each(0, NULL, NULL, examples, LENGTH(examples));
}

static void
converts_to_declared_types(void **unused)
{
        static const char *const names[] = {"n", "user.id"}, *const types[] = {"int", "str?"};
        static const struct example examples[] = {
                {SQ_FORMAT_JSON, BYTES("{\"n\":\"7\",\"user\":{\"id\":\"x\"}}"), "7 \"x\""},
                {SQ_FORMAT_JSON, BYTES("{\"n\":7}"), "7 null"},
                {SQ_FORMAT_JSON, BYTES("{\"n\":\"seven\"}"), "the field `n` is \"seven\", not int"},
                {SQ_FORMAT_MSGPACK, BYTES("\x82\xa1n\xcb\x40\x1c\0\0\0\0\0\0\xa4user\x81\xa2id\xa1x"), "7 \"x\""},
                {SQ_FORMAT_LOGFMT, BYTES("user.id=x n=7"), "7 \"x\""},
                {SQ_FORMAT_LOGFMT, BYTES("n=7"), "7 null"},
                {SQ_FORMAT_CSV, BYTES("7,x"), "7 \"x\""},
                {SQ_FORMAT_CSV, BYTES("7.5,x"), "the field `n` is \"7.5\", not int"},
        };

        (void)unused;
        expect_each(2, names, types, examples, LENGTH(examples));
}

static void
refuses_what_is_not_of_the_format(void **unused)
{
        static const struct example examples[] = {
                {SQ_FORMAT_JSON, BYTES("{\"a\":1"), "not JSON"},
                {SQ_FORMAT_JSON, BYTES("1"), "neither a map nor an array, so it has no fields"},
                {SQ_FORMAT_LOGFMT, BYTES("a=\"b"), "a quote is not closed"},
                {SQ_FORMAT_CSV, BYTES("x,\"y"), "a quote is never closed"},
                {SQ_FORMAT_MSGPACK, BYTES(""), "not one value of msgpack"},
                {SQ_FORMAT_MSGPACK, BYTES("\x92\x01"), "not one value of msgpack"},
                {SQ_FORMAT_MSGPACK, BYTES("\x01\x02"), "not one value of msgpack"},
                {SQ_FORMAT_MSGPACK, BYTES("\xdd\xff\xff\xff\xff\x01"), "not one value of msgpack"},
                {SQ_FORMAT_MSGPACK, BYTES("\xc1"), "not one value of msgpack"},
                {SQ_FORMAT_MSGPACK, BYTES("\x07"), "neither a map nor an array, so it has no fields"},
        };

        (void)unused;
        expect_each(2, ab, NULL, examples, LENGTH(examples));
}

/* Arrays of one array each, so many of them. */
static bool
unpacks(unsigned depth)
{
        char bytes[256];
        struct sq_value value;

        memset(bytes, 0x91, depth);
        bytes[depth] = 1;
        return sq_unpack((struct sq_str){bytes, depth + 1}, &value);
}

static void
unpacks_what_is_nested_no_deeper_than_an_array_may_be(void **unused)
{
        (void)unused;
        assert_true(unpacks(0));
        assert_true(unpacks(128));
        assert_false(unpacks(129));
}

/* 5 may stand in nine bytes; as a key of a group it is the same 5. */
static void
hands_out_no_number_as_its_sender_packed_it(void **unused)
{
        struct sq_decoder decoder = {.format = SQ_FORMAT_MSGPACK};
        struct sq_value values[SQ_FIELDS_MAX], item;
        struct sq_items items;

        (void)unused;
        assert_null(sq_decoder_begin(&decoder));
        assert_int_equal(sq_decode(&decoder, BYTES("\x91\x91\xcf\0\0\0\0\0\0\0\x05"), values), 1);
        assert_int_equal(values[0].form, SQ_PLAIN);
        items = sq_items(values[0]);
        assert_true(sq_next_item(&items, &item));
        assert_int_equal(item.form, SQ_PLAIN);
        sq_decoder_free(&decoder);
}

static void
finds_cells_by_the_columns_of_a_header(void **unused)
{
        struct sq_csv_columns columns = {0};
        struct sq_decoder decoder = {.format = SQ_FORMAT_CSV, .wanted = {.n = 2, .names = ab, .values = ab}};
        struct sq_value values[SQ_FIELDS_MAX];

        (void)unused;
        assert_null(sq_decoder_begin(&decoder));
        assert_int_equal(sq_csv_columns_read(&columns, BYTES("b,c,a"), 2, ab), 2);
        decoder.columns = &columns;
        assert_int_equal(sq_decode(&decoder, BYTES("1,2,3,4"), values), 4);
        assert_memory_equal(values[0].as.ptr, "3", 1);
        assert_memory_equal(values[1].as.ptr, "1", 1);
        sq_csv_columns_free(&columns);
        sq_decoder_free(&decoder);
}

static void
a_text_is_one_field(void **unused)
{
        struct sq_decoder decoder = {.format = SQ_FORMAT_TEXT, .wanted = {.n = 2, .names = ab, .values = ab}};

        (void)unused;
        assert_string_equal(sq_decoder_begin(&decoder), "a text has one field, and no parts");
        assert_string_equal(decoded(SQ_FORMAT_TEXT, 1, ab, (const char *const[]){"int"}, BYTES("12")), "12");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(takes_the_members_of_a_map_and_the_places_of_an_array),
                cmocka_unit_test(takes_the_whole_value_where_no_fields_are_asked_for),
                cmocka_unit_test(converts_to_declared_types),
                cmocka_unit_test(refuses_what_is_not_of_the_format),
                cmocka_unit_test(unpacks_what_is_nested_no_deeper_than_an_array_may_be),
                cmocka_unit_test(hands_out_no_number_as_its_sender_packed_it),
                cmocka_unit_test(finds_cells_by_the_columns_of_a_header),
                cmocka_unit_test(a_text_is_one_field),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

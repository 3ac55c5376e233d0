/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of JSON objects that are read without the rest: as if the whole had been read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../shared/draw.h"
#include "formats/pick.h"

enum { CASES = 40000, ROOM = 4096, PATHS = 6 };

struct text {
        char bytes[ROOM];
        size_t n;
};

static void
put(struct text *text, const char *what)
{
        size_t n = strlen(what);

        if (text->n + n < sizeof(text->bytes)) {
                memcpy(text->bytes + text->n, what, n);
                text->n += n;
        }
}

#define ONE_OF(random, list) (list)[draw(random, sizeof(list) / sizeof(*(list)))]

static void
put_blank(struct text *text, uint64_t *random)
{
        static const char *const blanks[] = {"", "", "", "", " ", "\t", "\n ", "\r"};

        put(text, ONE_OF(random, blanks));
}

static void
put_key(struct text *text, uint64_t *random)
{
        static const char *const keys[] = {
                "a",   "b",   "c",     "d",    "a", "b",       "c",    "e",
                "a.b", "b.c", "a.b.c", "b[0]", "",  "\\u0061", "\\\"", "long-name-of-more-than-sixteen-bytes"};

        put(text, "\"");
        put(text, ONE_OF(random, keys));
        put(text, "\"");
}

static void put_value(struct text *text, uint64_t *random, unsigned depth);

static void
put_list(struct text *text, uint64_t *random, unsigned depth, bool map)
{
        uint64_t n = draw(random, 5);

        put(text, map ? "{" : "[");
        for (uint64_t i = 0; i < n; i++) {
                put_blank(text, random);
                if (map) {
                        put_key(text, random);
                        put_blank(text, random);
                        put(text, ":");
                }
                put_value(text, random, depth + 1);
                put(text, i + 1 < n ? "," : "");
        }
        put_blank(text, random);
        put(text, map ? "}" : "]");
}

/* Now and then one that is none. */
static void
put_value(struct text *text, uint64_t *random, unsigned depth)
{
        static const char *const scalars[] = {"1",
                                              "0",
                                              "-7",
                                              "123456789012345678",
                                              "1234567890123456789",
                                              "1.5",
                                              "2e3",
                                              "18446744073709551615",
                                              "true",
                                              "false",
                                              "null",
                                              "null",
                                              "\"text\"",
                                              "\"\"",
                                              "\"with \\n escapes \\u00e9\"",
                                              "\"a text of more than sixteen bytes, and more\""};
        static const char *const wrong[] = {"01", "1.", "+1", "tru", "\"open", "{", "1e999", "\"\x01\"", "'a'", "-"};
        uint64_t kind = draw(random, 10);

        put_blank(text, random);
        if (draw(random, 400) == 0)
                put(text, ONE_OF(random, wrong));
        else if (kind < 4 && depth < 4)
                put_list(text, random, depth, kind < 3);
        else
                put(text, ONE_OF(random, scalars));
        put_blank(text, random);
}

static bool
same(struct sq_value a, struct sq_value b)
{
        char one[ROOM], other[ROOM];

        return a.type == b.type && sq_json(a, one, sizeof(one)) == sq_json(b, other, sizeof(other)) &&
               strcmp(one, other) == 0;
}

/* Paths that differ. */
static unsigned
draw_paths(uint64_t *random, const char *paths[PATHS])
{
        static const char *const all[] = {"a",
                                          "b",
                                          "c",
                                          "d",
                                          "a.b",
                                          "b.c",
                                          "a.b.c",
                                          "b[0]",
                                          "b[-1].a",
                                          "a[1][0]",
                                          "a.b[0].c",
                                          "",
                                          ".",
                                          "a.",
                                          "[0]",
                                          "b[x]",
                                          "a[0",
                                          "\"",
                                          "long-name-of-more-than-sixteen-bytes"};
        unsigned n = 0;

        while (n < PATHS && (n == 0 || draw(random, 6) > 0)) {
                bool there = false;

                paths[n] = ONE_OF(random, all);
                for (unsigned i = 0; i < n; i++)
                        there |= paths[i] == paths[n];
                n += !there;
        }
        return n;
}

static void
expect_parts(struct sq_value object, unsigned n, const char *const *paths, bool nested, const struct sq_value *values,
             ssize_t members, size_t others)
{
        struct sq_value member;
        size_t found = 0;

        assert_int_equal(members, sq_items(object).left / 2);
        for (unsigned i = 0; i < n; i++) {
                assert_true(same(values[i], nested ? sq_part(object, paths[i]) : sq_member(object, paths[i])));
                found += sq_members(object, 1, &paths[i], &member);
        }
        if (!nested)
                assert_int_equal((size_t)members, found + others);
}

/* An object that was read already, as it is and as msgpack. Whether it was taken by parts. */
static bool
expect_members(struct sqi_pick *pick, struct sq_value object, unsigned n, const char *const *paths, bool nested)
{
        static const char *const name[] = {"object"};
        struct sq_encoder encoder = {.format = SQ_FORMAT_MSGPACK};
        struct sq_value values[SQ_FIELDS_MAX], packed;
        size_t others = 0;
        ssize_t members = sqi_pick_members(pick, object, values, &others);

        if (members >= 0)
                expect_parts(object, n, paths, nested, values, members, others);
        assert_int_equal(sq_encode_values(&encoder, 1, name, &object), 0);
        assert_true(sq_unpack((struct sq_str){encoder.bytes, encoder.len}, &packed));
        packed = sq_member(packed, *name);
        assert_int_equal(sqi_pick_members(pick, packed, values, &others), members);
        if (members >= 0)
                expect_parts(packed, n, paths, nested, values, members, others);
        sq_encoder_free(&encoder);
        return members >= 0;
}

/* Whether it was read by parts. */
static bool
expect_the_same(struct sqi_pick *pick, struct sq_str text, unsigned n, const char *const *paths, bool nested)
{
        struct sq_json_reader picked = {0}, whole = {0};
        struct sq_value values[SQ_FIELDS_MAX], object = sq_nil();
        size_t others = 0;
        ssize_t members = sqi_pick_read(pick, &picked, text, values, &others);
        bool is_object = sq_json_read(&whole, text, &object) && object.type == SQ_MAP;

        assert_true(is_object || members < 0);
        if (members >= 0)
                expect_parts(object, n, paths, nested, values, members, others);
        if (is_object && !expect_members(pick, object, n, paths, nested))
                assert_true(members < 0);
        sq_json_free(&picked);
        sq_json_free(&whole);
        return members >= 0;
}

static void
parts_are_what_the_whole_has(void **unused)
{
        uint64_t random = draw_from(7), picked = 0, objects = 0;

        (void)unused;
        for (unsigned i = 0; i < CASES / 10; i++) {
                const char *paths[PATHS];
                unsigned n = draw_paths(&random, paths);
                bool nested = draw(&random, 4) > 0;
                struct sqi_pick *pick = sqi_pick_new(n, paths, nested);

                assert_non_null(pick);
                assert_true(sqi_pick_is_of(pick, n, paths));
                for (unsigned j = 0; j < 10; j++) {
                        struct text text = {.n = 0};
                        struct sq_json_reader json = {0};
                        struct sq_value value;
                        char *exact;

                        put_list(&text, &random, 0, draw(&random, 10) > 0);
                        exact = test_malloc(text.n + 1); /* a byte read behind it is found */
                        memcpy(exact, text.bytes, text.n);
                        picked += expect_the_same(pick, (struct sq_str){exact, text.n}, n, paths, nested);
                        objects += sq_json_read(&json, (struct sq_str){exact, text.n}, &value) && value.type == SQ_MAP;
                        sq_json_free(&json);
                        test_free(exact);
                }
                sqi_pick_free(pick);
        }
        assert_true(objects > CASES / 2);
        assert_true(picked > objects / 2 && picked < objects);
}

static void
expect_part(const char *text, const char *path, const char *want)
{
        struct sq_json_reader json = {0};
        struct sq_value object;
        char is[128];

        assert_true(sq_json_read(&json, (struct sq_str){text, strlen(text)}, &object));
        (void)sq_json(sq_part(object, path), is, sizeof(is));
        assert_string_equal(is, want);
        sq_json_free(&json);
}

static void
a_path_has_dots_and_brackets(void **unused)
{
        static const char text[] = "{\"items\": [{\"price\": 2.5}, [1, 2]], \"items[1]\": \"itself\", \"n\": 5}";

        (void)unused;
        expect_part(text, "items[0].price", "2.5");
        expect_part(text, "items[-2].price", "2.5");
        expect_part(text, "items[-1][1]", "2");
        expect_part(text, "items[1]", "\"itself\"");
        expect_part(text, "items[1][0]", "1");
        expect_part(text, "items[2]", "null");
        expect_part(text, "items[-3]", "null");
        expect_part(text, "items[0]price", "null");
        expect_part(text, "items[]", "null");
        expect_part(text, "items[0", "null");
        expect_part(text, "items[9999999999999999999]", "null");
        expect_part(text, "n[0]", "null");
}

static void
of_members_of_one_name_the_first_counts(void **unused)
{
        static const char *const paths[] = {"b", "a"};
        static const char text[] = "{\"a\":1,\"b\":2,\"a\":3}";
        struct sq_json_reader json = {0};
        struct sq_value object, values[2];

        (void)unused;
        assert_true(sq_json_read(&json, (struct sq_str){text, sizeof(text) - 1}, &object));
        assert_int_equal(sq_members(object, 2, paths, values), 2);
        assert_int_equal(values[0].as.i, 2);
        assert_int_equal(values[1].as.i, 1);
        sq_json_free(&json);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parts_are_what_the_whole_has),
                cmocka_unit_test(a_path_has_dots_and_brackets),
                cmocka_unit_test(of_members_of_one_name_the_first_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

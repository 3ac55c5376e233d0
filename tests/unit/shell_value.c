/* SPDX-License-Identifier: Apache-2.0 */
/* Values on the pipe of a shell component of Storm: each comes back as what it was, and what else comes is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "shell/pipe.h"
#include "tuple/pack.h"

static void
assert_same(struct sq_value a, struct sq_value b)
{
        size_t size = sqi_pack_bound(&a) + sqi_pack_bound(&b);
        uint8_t *one = malloc(size), *other = malloc(size);
        size_t n, m;

        assert_non_null(one);
        assert_non_null(other);
        n = (size_t)(sqi_pack(one, &a) - one);
        m = (size_t)(sqi_pack(other, &b) - other);
        assert_int_equal(n, m);
        assert_memory_equal(one, other, n);
        free(one);
        free(other);
}

static void
comes_back(struct sq_value value, const char *as)
{
        struct sqi_pipe pipe = {.in = -1, .out = -1};
        struct sq_json_reader json = {0};
        struct sqi_arena *arena = sqi_arena_new();
        struct sq_value read, back;

        sqi_pipe_put_value(&pipe, value);
        assert_false(pipe.failed);
        if (as) {
                assert_int_equal(pipe.len, strlen(as));
                assert_memory_equal(pipe.text, as, pipe.len);
        }
        assert_true(sq_json_read(&json, (struct sq_str){pipe.text, pipe.len}, &read));
        assert_int_equal(sqi_pipe_value(arena, read, &back), 0);
        assert_same(value, back);
        sqi_arena_free(&arena);
        sq_json_free(&json);
        sqi_pipe_free(&pipe);
}

static void
plain_values_stand_as_json(void **state)
{
        (void)state;
        comes_back(sq_nil(), "null");
        comes_back(sq_bool(true), "true");
        comes_back(sq_int(INT64_MIN), "-9223372036854775808");
        comes_back(sq_uint(UINT64_MAX), "18446744073709551615");
        comes_back(sq_text("w\"\xc3\xa4\n"), "\"w\\\"\xc3\xa4\\n\"");
        comes_back(sq_text(""), "\"\"");
}

static void
a_float_stays_one(void **state)
{
        static const double numbers[] = {0, -0.0, 1, 1e300, 0.1, -2.5e-300, 9007199254740993.0};

        (void)state;
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
                comes_back(sq_float(numbers[i]), NULL);
        comes_back(sq_float(3), "3.0");
        comes_back(sq_float(INFINITY), "{\"$f\":\"inf\"}");
        comes_back(sq_float(-INFINITY), "{\"$f\":\"-inf\"}");
}

static void
what_json_has_no_word_for_comes_back(void **state)
{
        static const char *const coded[] = {"", "AA==", "AAE=", "AAEC", "AAECAw=="};
        uint8_t bytes[256];
        char as[64];

        (void)state;
        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t)i;
        for (size_t n = 0; n < sizeof(coded) / sizeof(coded[0]); n++) {
                (void)snprintf(as, sizeof(as), "{\"$b\":\"%s\"}", coded[n]);
                comes_back(sq_bin(bytes, n), as);
        }
        comes_back(sq_bin(bytes, sizeof(bytes)), NULL);
        comes_back(sq_str((struct sq_str){"\xff\xfe", 2}), "{\"$s\":\"//4=\"}");
        comes_back(sq_time((struct sq_time){-5, 7}), "{\"$t\":\"-5.000000007\"}");
}

static void
maps_and_arrays_come_back(void **state)
{
        struct sq_value pair[] = {sq_text("a"), sq_int(1)}, dollar[] = {sq_text("$b"), sq_text("x")},
                        numbers[] = {sq_int(1), sq_text("one")};
        struct sq_value items[4];

        (void)state;
        items[0] = sq_map(pair, 1);
        items[1] = sq_map(dollar, 1);
        items[2] = sq_map(numbers, 1);
        items[3] = sq_bin("z", 1);
        comes_back(sq_array(items, 0), "[]");
        comes_back(sq_map(items, 0), "{}");
        comes_back(sq_array(items, 4), "[{\"a\":1},{\"$m\":[\"$b\",\"x\"]},{\"$m\":[1,\"one\"]},{\"$b\":\"eg==\"}]");
}

static void
refuses_a_dollar_that_means_nothing(void **state)
{
        static const char *const wrong[] = {"{\"$\":1}",          "{\"$b\":1}",        "{\"$b\":\"*\"}",
                                            "{\"$b\":\"A\"}",     "{\"$x\":\"A\"}",    "{\"$f\":\"big\"}",
                                            "{\"$t\":\"1\"}",     "{\"$t\":\"1.2x\"}", "{\"$m\":[1]}",
                                            "{\"$m\":{\"a\":1}}", "[[{\"$q\":0}]]"};
        struct sq_json_reader json = {0};
        struct sqi_arena *arena = sqi_arena_new();
        struct sq_value read, back;

        (void)state;
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                assert_true(sq_json_read(&json, (struct sq_str){wrong[i], strlen(wrong[i])}, &read));
                assert_int_equal(sqi_pipe_value(arena, read, &back), -EBADMSG);
        }
        sqi_arena_free(&arena);
        sq_json_free(&json);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(plain_values_stand_as_json),           cmocka_unit_test(a_float_stays_one),
                cmocka_unit_test(what_json_has_no_word_for_comes_back), cmocka_unit_test(maps_and_arrays_come_back),
                cmocka_unit_test(refuses_a_dollar_that_means_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

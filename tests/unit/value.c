/* SPDX-License-Identifier: Apache-2.0 */
/* Where values of msgpack end that stand one behind the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <squall-kit.h>

#include "base/value.h"

enum { LONG = 70000 };

static bool
is_whole(const struct sqi_walk *walk)
{
        return walk->values == 0 && walk->bytes == 0;
}

/* In two pieces, cut at `cut`. */
static void
walks_to_the_end(const char *bytes, size_t n, size_t cut)
{
        struct sqi_walk walk = {0};
        ptrdiff_t first = sqi_walk_value(&walk, bytes, cut), rest;

        assert_true(first >= 0 && (size_t)first <= cut && cut - (size_t)first <= 5);
        assert_true(cut == n || !is_whole(&walk) || first == 0);
        if (cut == n)
                return;
        rest = sqi_walk_value(&walk, bytes + first, n - (size_t)first);
        assert_int_equal(rest, n - (size_t)first);
        assert_true(is_whole(&walk));
}

static void
finds_the_end_of_a_value_in_whatever_pieces_it_comes(void **state)
{
        static char text[LONG];
        const struct sq_value few[] = {sq_nil(),
                                       sq_bool(true),
                                       sq_float(0.5),
                                       sq_time((struct sq_time){-5, 7}),
                                       sq_time((struct sq_time){5, 0}),
                                       sq_time((struct sq_time){5, 7})};
        const struct sq_value numbers[] = {sq_int(-1),      sq_int(-200),        sq_int(-40000), sq_int(INT64_MIN),
                                           sq_int(1),       sq_int(200),         sq_int(40000),  sq_int(1 << 20),
                                           sq_int(1 << 30), sq_uint(UINT64_MAX), sq_map(few, 3), sq_array(few, 0)};
        static struct sq_value many[LONG];
        const struct sq_value values[] = {sq_text(""),
                                          sq_str((struct sq_str){text, 40}),
                                          sq_str((struct sq_str){text, 300}),
                                          sq_bin(text, 5),
                                          sq_bin(text, 300),
                                          sq_array(few, 6),
                                          sq_array(numbers, 12),
                                          sq_array(many, 20),
                                          sq_map(many, 20)};
        const struct sq_value large[] = {sq_str((struct sq_str){text, LONG}), sq_bin(text, LONG), sq_array(many, LONG),
                                         sq_map(many, LONG / 2)};
        static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
        struct sq_encoder encoder = {.format = SQ_FORMAT_MSGPACK};

        (void)state;
        for (size_t i = 0; i < LONG; i++)
                many[i] = sq_int((int64_t)i);
        assert_int_equal(sq_encode_values(&encoder, 9, names, values), 0);
        for (size_t cut = 0; cut <= encoder.len; cut++)
                walks_to_the_end(encoder.bytes, encoder.len, cut);
        encoder.len = 0;
        assert_int_equal(sq_encode_values(&encoder, 4, names, large), 0);
        for (size_t cut = 0; cut <= encoder.len; cut += 9973)
                walks_to_the_end(encoder.bytes, encoder.len, cut);
        sq_encoder_free(&encoder);
}

static void
stops_behind_one_value(void **state)
{
        struct sqi_walk walk = {0};

        (void)state;
        assert_int_equal(sqi_walk_value(&walk, "\x92\x01\xa1x\x93", 5), 4);
        assert_true(is_whole(&walk));
}

static void
says_that_a_byte_begins_no_value(void **state)
{
        struct sqi_walk walk = {0};

        (void)state;
        assert_int_equal(sqi_walk_value(&walk, "\xc1", 1), -1);
        walk = (struct sqi_walk){0};
        assert_int_equal(sqi_walk_value(&walk, "\x92\x01\xc1", 3), -1);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(finds_the_end_of_a_value_in_whatever_pieces_it_comes),
                                           cmocka_unit_test(stops_behind_one_value),
                                           cmocka_unit_test(says_that_a_byte_begins_no_value)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}

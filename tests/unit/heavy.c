/* SPDX-License-Identifier: Apache-2.0 */
/* The sketch of heavy keys: it finds the one that is, and none where none is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "control/heavy.h"

static void
add_number(struct sqi_heavy *heavy, uint32_t n)
{
        char text[16];
        int len = snprintf(text, sizeof(text), "%u", n);

        sqi_heavy_add(heavy, text, (size_t)len);
}

static void
one_heavy_key_among_a_million_is_found_with_its_part(void **state)
{
        struct sqi_heavy heavy = {0};
        char text[SQI_HEAVY_TEXT + 1];
        uint32_t other = 1;

        (void)state;
        for (unsigned i = 0; i < 3000; i++) {
                other = other * 1664525 + 1013904223; /* Numerical Recipes' */
                if (other >> 16 & 1)
                        sqi_heavy_add(&heavy, "the", 3);
                else
                        add_number(&heavy, other % 1000000);
        }
        double part = sqi_heavy_first(&heavy, text);
        assert_string_equal(text, "the");
        assert_true(part > 0.4 && part < 0.55);
}

static void
where_no_key_is_heavy_none_has_a_part_worth_naming(void **state)
{
        struct sqi_heavy heavy = {0};
        char text[SQI_HEAVY_TEXT + 1];

        (void)state;
        assert_true(sqi_heavy_first(&heavy, text) == 0);
        for (uint32_t i = 0; i < 20000; i++)
                add_number(&heavy, i);
        assert_true(sqi_heavy_first(&heavy, text) < 0.01);
}

static void
what_was_heavy_once_gives_way_to_what_is(void **state)
{
        struct sqi_heavy heavy = {0};
        char text[SQI_HEAVY_TEXT + 1];

        (void)state;
        for (unsigned i = 0; i < 100000; i++)
                sqi_heavy_add(&heavy, "old", 3);
        for (unsigned i = 0; i < 3 * SQI_HEAVY_FULL; i++)
                sqi_heavy_add(&heavy, "new", 3);
        assert_true(sqi_heavy_first(&heavy, text) > 0.7);
        assert_string_equal(text, "new");
}

static void
a_long_key_is_cut_and_shown_without_what_a_terminal_obeys(void **state)
{
        struct sqi_heavy heavy = {0};
        char text[SQI_HEAVY_TEXT + 1];
        const char key[] = "a\033[2J and so on, longer than there is room for it";

        (void)state;
        sqi_heavy_add(&heavy, key, sizeof(key) - 1);
        assert_true(sqi_heavy_first(&heavy, text) == 1);
        assert_int_equal(strlen(text), SQI_HEAVY_TEXT);
        assert_memory_equal(text, "a?[2J and so on", 15);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_heavy_key_among_a_million_is_found_with_its_part),
                cmocka_unit_test(where_no_key_is_heavy_none_has_a_part_worth_naming),
                cmocka_unit_test(what_was_heavy_once_gives_way_to_what_is),
                cmocka_unit_test(a_long_key_is_cut_and_shown_without_what_a_terminal_obeys),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

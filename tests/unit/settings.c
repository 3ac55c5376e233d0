/* SPDX-License-Identifier: Apache-2.0 */
/* What a topology file says as text: names, variables, numbers, the keys of the configuration, settings. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/nearest.h"
#include "component/settings.h"
#include "plan/config.h"
#include "topology/expand.h"
#include "topology/model.h"

static void
a_swap_a_letter_and_a_case_are_near_and_another_word_is_not(void **state)
{
        struct sqi_nearest nearest = sqi_nearest("suffle");

        (void)state;
        sqi_nearest_offer(&nearest, "global");
        assert_null(sqi_nearest_name(&nearest));
        sqi_nearest_offer(&nearest, "shuffle");
        assert_string_equal(sqi_nearest_name(&nearest), "shuffle");
        assert_int_equal(sqi_distance("cuont", "count"), 1);
        assert_int_equal(sqi_distance("COUNT", "count"), 0);
        assert_int_equal(sqi_distance("", "abc"), 3);
        assert_int_equal(sqi_distance("kitten", "sitting"), 3);
}

static void
a_list_has_all_names_for_which_there_is_room_and_says_that_there_are_more(void **state)
{
        char list[SQI_LIST_SIZE] = "", name[SQI_WORD_MAX + 2];

        (void)state;
        assert_string_equal(sqi_list_end(list), "");
        sqi_list_add(list, "a");
        sqi_list_add(list, "b");
        assert_string_equal(sqi_list_end(list), " (it has 'a', 'b')");
        for (size_t len = 0; len <= SQI_WORD_MAX + 1; len++) {
                memset(name, 'x', sizeof(name));
                name[len] = '\0';
                list[0] = '\0';
                for (int i = 0; i < SQI_LIST_SIZE; i++)
                        sqi_list_add(list, name);
                sqi_list_add(list, "y");
                (void)sqi_list_end(list);
                assert_in_range(strlen(list), SQI_LIST_SIZE - SQI_WORD_MAX - 20, SQI_LIST_SIZE - 1);
                assert_string_equal(list + strlen(list) - strlen("', ...)"), "', ...)");
        }
}

static void
variables_take_the_environment_or_their_default(void **state)
{
        struct sqi_arena *arena = sqi_arena_new();
        const char *text = NULL;
        char error[256];

        (void)state;
        assert_int_equal(setenv("SQUALL_A", "one", 1), 0);
        assert_int_equal(setenv("SQUALL_EMPTY", "", 1), 0);
        assert_int_equal(unsetenv("SQUALL_B"), 0);
        assert_int_equal(
                sqi_expand(arena, "<${SQUALL_A}|${SQUALL_B:-two}|${SQUALL_EMPTY:-three}|$${x}|$5>", &text, error, 256),
                0);
        assert_string_equal(text, "<one|two|three|${x}|$5>");
        assert_int_equal(sqi_expand(arena, "${SQUALL_B}", &text, error, 256), -EINVAL);
        assert_non_null(strstr(error, "SQUALL_B"));
        assert_int_equal(sqi_expand(arena, "${SQUALL_B", &text, error, 256), -EINVAL);
        assert_int_equal(sqi_expand(arena, "${}", &text, error, 256), -EINVAL);
        sqi_arena_free(&arena);
}

static void
whole_numbers_are_read_with_exponents_and_nothing_else(void **state)
{
        static const char *const refused[] = {
                "", " 1", "1 ", "1.5", "0x10", "1e-1", "nan", "9223372036854775808", "1e300", "1_000"};
        int64_t number = 0;

        (void)state;
        assert_int_equal(sqi_parse_int("-9223372036854775808", &number), 0);
        assert_true(number == INT64_MIN);
        assert_int_equal(sqi_parse_int("1e6", &number), 0);
        assert_int_equal(number, 1000000);
        for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
                assert_int_equal(sqi_parse_int(refused[i], &number), -EINVAL);
}

static void
every_config_key_has_a_default_within_its_range(void **state)
{
        struct sqi_config config;

        (void)state;
        for (const struct sqi_config_key *key = sqi_config_keys; key->name; key++) {
                assert_non_null(key->help);
                if (key->fallback)
                        assert_int_equal(sqi_config_set(&config, key->name, key->fallback), 0);
        }
        sqi_config_defaults(&config);
        assert_int_equal(config.batch_bytes, 131072);
        assert_int_equal(sqi_config_set(&config, "topology.nothing", "1"), -ENOENT);
        assert_int_equal(sqi_config_set(&config, "topology.workers", "two"), -EINVAL);
        assert_int_equal(sqi_config_set(&config, "topology.workers", "-1"), -ERANGE);
        assert_int_equal(sqi_config_set(&config, "topology.delivery", "AT-LEAST-ONCE"), 0);
        assert_int_equal(config.delivery, SQI_AT_LEAST_ONCE);
}

struct block {
        int64_t count, mode;
        double ratio;
        bool on;
        const char *text;
        struct sq_list list;
        struct sq_pairs map;
};

static const struct sq_option options[SQ_OPTIONS_MAX] = {
        SQ_OPT_INT(struct block, count, 7, "how many"),
        SQ_OPT_ENUM(struct block, mode, "slow|fast", "slow", "how"),
        SQ_OPT_FLOAT(struct block, ratio, 0.5, "a part"),
        SQ_OPT_BOOL(struct block, on, true, "or off"),
        SQ_REQ_STR(struct block, text, "any"),
        SQ_OPT_LIST(struct block, list, "several"),
        SQ_OPT_MAP(struct block, map, "pairs"),
};

static int
fill(const struct sqi_setting *settings, size_t n, struct block *block, size_t *bad)
{
        struct sqi_settings_memory memory;
        char error[256];
        int r = sqi_settings_fill(options, settings, n, block, &memory, bad, error, sizeof(error));

        sqi_settings_release(&memory);
        return r;
}

static void
settings_take_defaults_and_then_what_was_given(void **state)
{
        const char *text[] = {"x"}, *fast[] = {"fast"}, *off[] = {"off"}, *two[] = {"a", "b"};
        const struct sqi_setting settings[] = {{"text", SQI_SCALAR, 1, NULL, text, NULL},
                                               {"mode", SQI_SCALAR, 1, NULL, fast, NULL},
                                               {"on", SQI_SCALAR, 1, NULL, off, NULL},
                                               {"list", SQI_SEQUENCE, 2, NULL, two, NULL},
                                               {"map", SQI_SEQUENCE, 2, NULL, two, NULL}};
        struct block block = {0};
        size_t bad = 0;

        (void)state;
        assert_int_equal(fill(settings, 5, &block, &bad), 0);
        assert_int_equal(block.count, 7);
        assert_int_equal(block.mode, 1);
        assert_true(block.ratio > 0.49 && block.ratio < 0.51);
        assert_false(block.on);
        assert_string_equal(block.text, "x");
        assert_int_equal(block.list.n, 2);
        assert_string_equal(block.map.names[1], "b");
        assert_string_equal(block.map.values[1], "b");
}

static void
a_wrong_setting_is_named_and_a_missing_one_is_behind_the_last(void **state)
{
        const char *text[] = {"x"};
        const struct sqi_setting settings[] = {{"text", SQI_SCALAR, 1, NULL, text, NULL},
                                               {"count", SQI_SCALAR, 1, NULL, text, NULL}};
        struct block block = {0};
        size_t bad = 0;

        (void)state;
        assert_int_equal(fill(settings, 2, &block, &bad), -EINVAL);
        assert_int_equal(bad, 1);
        assert_int_equal(fill(NULL, 0, &block, &bad), -EINVAL);
        assert_int_equal(bad, 0);
}

static void
integers_fit_floats_and_text_fits_no_number(void **state)
{
        (void)state;
        assert_true(sqi_type_fits(SQ_FLOAT, SQ_INT));
        assert_true(sqi_type_fits(SQ_INT, SQ_UINT));
        assert_true(sqi_type_fits(SQ_ANY, SQ_MAP));
        assert_true(sqi_type_fits(SQ_MAP, SQ_ANY));
        assert_false(sqi_type_fits(SQ_INT, SQ_FLOAT));
        assert_false(sqi_type_fits(SQ_INT, SQ_STR));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_swap_a_letter_and_a_case_are_near_and_another_word_is_not),
                cmocka_unit_test(a_list_has_all_names_for_which_there_is_room_and_says_that_there_are_more),
                cmocka_unit_test(variables_take_the_environment_or_their_default),
                cmocka_unit_test(whole_numbers_are_read_with_exponents_and_nothing_else),
                cmocka_unit_test(every_config_key_has_a_default_within_its_range),
                cmocka_unit_test(settings_take_defaults_and_then_what_was_given),
                cmocka_unit_test(a_wrong_setting_is_named_and_a_missing_one_is_behind_the_last),
                cmocka_unit_test(integers_fit_floats_and_text_fits_no_number),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Bags: the number of distinct values and quantiles, and that equal values are one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <squall-kit.h>

static int64_t
distinct(const struct sq_value *values, size_t n)
{
        struct sq_bag bag = {.ceiling = UINT64_MAX};
        int64_t found;

        for (size_t i = 0; i < n; i++)
                assert_true(sq_bag_put(&bag, sq_bag_hash(values[i]), 1, true));
        found = sq_bag_distinct(&bag);
        free(bag.places);
        return found;
}

static void
takes_equal_numbers_of_any_type_for_one(void **unused)
{
        const struct sq_value twenty[] = {sq_int(20), sq_uint(20), sq_float(20)},
                              zero[] = {sq_float(0.0), sq_float(-0.0), sq_int(0)},
                              nans[] = {sq_float((double)NAN), sq_float(-(double)NAN)},
                              large[] = {sq_uint(UINT64_C(1) << 63), sq_float(0x1p63)};

        (void)unused;
        assert_int_equal(distinct(twenty, 3), 1);
        assert_int_equal(distinct(zero, 3), 1);
        assert_int_equal(distinct(nans, 2), 1);
        assert_int_equal(distinct(large, 2), 1);
}

static void
takes_maps_in_another_order_for_one_but_not_arrays(void **unused)
{
        const struct sq_value ab[] = {sq_text("a"), sq_int(1), sq_text("b"), sq_float(2)},
                              ba[] = {sq_text("b"), sq_int(2), sq_text("a"), sq_int(1)};
        const struct sq_value maps[] = {sq_map(ab, 2), sq_map(ba, 2)}, arrays[] = {sq_array(ab, 4), sq_array(ba, 4)};

        (void)unused;
        assert_int_equal(distinct(maps, 2), 1);
        assert_int_equal(distinct(arrays, 2), 2);
}

static void
tells_values_apart_that_are_not_equal(void **unused)
{
        const struct sq_value values[] = {sq_nil(),
                                          sq_bool(true),
                                          sq_bool(false),
                                          sq_int(0),
                                          sq_int(-1),
                                          sq_uint(UINT64_MAX),
                                          sq_float(0.5),
                                          sq_float(1e300),
                                          sq_text("0"),
                                          sq_text(""),
                                          sq_array(NULL, 0),
                                          sq_map(NULL, 0),
                                          sq_int(1),
                                          sq_text("true"),
                                          sq_float(-(double)INFINITY),
                                          sq_float((double)INFINITY)};
        const size_t n = sizeof(values) / sizeof(*values);

        (void)unused;
        assert_int_equal(distinct(values, n), n);
}

static void
tells_long_values_apart_by_their_ends(void **unused)
{
        struct sq_value left[300], right[300], arrays[2];

        (void)unused;
        for (size_t i = 0; i < 300; i++)
                left[i] = right[i] = sq_int(1000);
        right[299] = sq_int(1001);
        arrays[0] = sq_array(left, 300);
        arrays[1] = sq_array(right, 300);
        assert_int_equal(distinct(arrays, 2), 2);
}

static void
counts_many_values_within_a_few_percent(void **unused)
{
        struct sq_bag bag = {.ceiling = UINT64_MAX};
        int64_t found;

        (void)unused;
        for (int64_t i = 0; i < 100000; i++)
                assert_true(sq_bag_put(&bag, sq_bag_hash(sq_int(i % 50000)), 1, true));
        found = sq_bag_distinct(&bag);
        assert_in_range(found, 46000, 54000);
        free(bag.places);
}

static void
finds_the_quantiles_of_small_whole_numbers_exactly(void **unused)
{
        struct sq_bag bag = {.ceiling = UINT64_MAX};

        (void)unused;
        for (int i = -50; i <= 50; i++)
                assert_true(sq_bag_put(&bag, sq_bag_ordered(i), 1, false));
        assert_float_equal(sq_bag_quantile(&bag, 101, 0.5), 0, 0);
        free(bag.places);
}

static int
compare(const void *a, const void *b)
{
        return *(const int *)a - *(const int *)b;
}

/* From a seed: numbers that come often, seldom and not at all, against those in order. */
static void
finds_each_quantile_as_sorting_would(void **unused)
{
        enum { MOST = 300, CASES = 2000 };
        uint64_t chance = 1;
        int numbers[MOST];

        (void)unused;
        for (int c = 0; c < CASES; c++) {
                struct sq_bag bag = {.ceiling = UINT64_MAX};
                size_t n = 1 + sq_mix(++chance) % MOST, kinds = 1 + sq_mix(++chance) % MOST;
                double q = (double)(sq_mix(++chance) % 1001) / 1000;

                for (size_t i = 0; i < n; i++) {
                        numbers[i] = (int)(sq_mix(++chance) % kinds) - 20;
                        assert_true(sq_bag_put(&bag, sq_bag_ordered(numbers[i]), 1, false));
                }
                qsort(numbers, n, sizeof(*numbers), compare);
                size_t rank = (size_t)ceil(q * (double)n);
                assert_float_equal(sq_bag_quantile(&bag, n, q), numbers[rank > 0 ? rank - 1 : 0], 0);
                free(bag.places);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(takes_equal_numbers_of_any_type_for_one),
                cmocka_unit_test(takes_maps_in_another_order_for_one_but_not_arrays),
                cmocka_unit_test(tells_values_apart_that_are_not_equal),
                cmocka_unit_test(tells_long_values_apart_by_their_ends),
                cmocka_unit_test(counts_many_values_within_a_few_percent),
                cmocka_unit_test(finds_the_quantiles_of_small_whole_numbers_exactly),
                cmocka_unit_test(finds_each_quantile_as_sorting_would),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Equal values have one form. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tuple/canonical.h"
#include "tuple/pack.h"

enum { ROOM = 512 };

/* Whether two values have the same canonical form. */
static bool
same(struct sq_value a, struct sq_value b)
{
        uint8_t packed[2][ROOM], form[2][2 * ROOM];
        size_t size[2];

        for (int i = 0; i < 2; i++) {
                const uint8_t *end = sqi_pack(packed[i], i ? &b : &a);
                size[i] = (size_t)(sqi_canonical(form[i], packed[i], end) - form[i]);
        }
        return size[0] == size[1] && memcmp(form[0], form[1], size[0]) == 0;
}

static void
whole_floats_are_whole_numbers(void **unused)
{
        (void)unused;
        assert_true(same(sq_float(20.0), sq_int(20)));
        assert_true(same(sq_float(-0.0), sq_float(0.0)));
        assert_true(same(sq_float(-0.0), sq_int(0)));
        assert_true(same(sq_float(-0x1p63), sq_int(INT64_MIN)));
        assert_true(same(sq_float(0x1p63), sq_uint(UINT64_C(1) << 63)));
        assert_true(same(sq_float((double)NAN), sq_float(-(double)NAN)));
        assert_false(same(sq_float(20.5), sq_int(20)));
        assert_false(same(sq_float(0x1p53), sq_int((INT64_C(1) << 53) + 1)));
        assert_false(same(sq_float(0x1p64), sq_uint(UINT64_MAX)));
        assert_false(same(sq_int(1), sq_text("1")));
}

static void
maps_are_the_same_in_any_order(void **unused)
{
        const struct sq_value ab[] = {sq_text("a"), sq_int(1), sq_text("bb"), sq_float(2)};
        const struct sq_value ba[] = {sq_text("bb"), sq_int(2), sq_text("a"), sq_float(1)};
        const struct sq_value other[] = {sq_text("bb"), sq_int(1), sq_text("a"), sq_int(2)};
        const struct sq_value in_array[] = {sq_map(ab, 2), sq_map(ba, 2)}, turned[] = {sq_map(ba, 2), sq_map(ab, 2)};
        struct sq_value many[80], back[80];

        (void)unused;
        assert_true(same(sq_map(ab, 2), sq_map(ba, 2)));
        assert_false(same(sq_map(ab, 2), sq_map(other, 2)));
        assert_true(same(sq_array(in_array, 2), sq_array(turned, 2)));
        assert_false(same(sq_array(ab, 4), sq_array(ba, 4)));
        for (int i = 0; i < 40; i++) {
                many[2 * i] = back[2 * (39 - i)] = sq_int(i);
                many[2 * i + 1] = back[2 * (39 - i) + 1] = sq_float(i);
        }
        assert_true(same(sq_map(many, 40), sq_map(back, 40)));
        assert_true(same(sq_map(NULL, 0), sq_map(NULL, 0)));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whole_floats_are_whole_numbers),
                cmocka_unit_test(maps_are_the_same_in_any_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers: read from text as strtod() reads them, and compared exactly. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <squall-kit.h>

static struct sq_value
number(const char *text)
{
        struct sq_value value;

        if (!sq_read_number((struct sq_str){text, strlen(text)}, &value))
                return sq_nil();
        return value;
}

static void
reads_whole_numbers_as_they_are(void **unused)
{
        (void)unused;
        assert_int_equal(number("9223372036854775807").as.i, INT64_MAX);
        assert_int_equal(number("-9223372036854775808").as.i, INT64_MIN);
        assert_int_equal(number("9223372036854775808").type, SQ_UINT);
        assert_true(number("18446744073709551610").as.u == UINT64_C(18446744073709551610));
        assert_int_equal(number("18446744073709551616").type, SQ_FLOAT);
        assert_int_equal(number("-9223372036854775809").type, SQ_FLOAT);
        assert_int_equal(number("+007").as.i, 7);
}

static void
refuses_what_is_not_a_decimal_number(void **unused)
{
        static const char *const texts[] = {"",   "+",  "-",    ".",   "e1",  "1e",    "1e+",
                                            "1 ", " 1", "0x10", "nan", "inf", "1e400", "-1e999999999999",
                                            "1,5"};

        (void)unused;
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
                assert_int_equal(number(texts[i]).type, SQ_NIL);
}

static void
reads_the_same_doubles_as_strtod(void **unused)
{
        static const char *const texts[] = {"1.5",
                                            ".5",
                                            "5.",
                                            "-0.0",
                                            "1e22",
                                            "1e23",
                                            "123456789012345678e-5",
                                            "9007199254740993.0",
                                            "1e-22",
                                            "4.35",
                                            "2.2250738585072011e-308",
                                            "179769313486231570000e288",
                                            "0.1e1",
                                            "5e-324",
                                            "1e-400"};
        char text[64];

        (void)unused;
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
                assert_true(number(texts[i]).as.f == strtod(texts[i], NULL) && number(texts[i]).type == SQ_FLOAT);
        srandom(1);
        for (int i = 0; i < 100000; i++) {
                snprintf(text, sizeof(text), "%ld.%lde%ld", random() % 100000, random(), random() % 50 - 25);
                assert_true(number(text).as.f == strtod(text, NULL));
        }
}

static void
compares_whole_numbers_and_doubles_exactly(void **unused)
{
        const int64_t large = INT64_C(1) << 53;
        static const double nothing = NAN;

        (void)unused;
        assert_int_equal(sq_compare_numbers(sq_int(large + 1), sq_float(0x1p53)), SQ_GREATER);
        assert_int_equal(sq_compare_numbers(sq_float(0x1p53), sq_int(large + 1)), SQ_LESS);
        assert_int_equal(sq_compare_numbers(sq_int(large), sq_float(0x1p53)), SQ_EQUAL);
        assert_int_equal(sq_compare_numbers(sq_int(INT64_MAX), sq_float(0x1p63)), SQ_LESS);
        assert_int_equal(sq_compare_numbers(sq_uint(UINT64_MAX), sq_float(0x1p64)), SQ_LESS);
        assert_int_equal(sq_compare_numbers(sq_uint(UINT64_MAX), sq_uint(UINT64_MAX - 5)), SQ_GREATER);
        assert_int_equal(sq_compare_numbers(sq_uint(UINT64_MAX), sq_int(-1)), SQ_GREATER);
        assert_int_equal(sq_compare_numbers(sq_int(-1), sq_float(-0.5)), SQ_LESS);
        assert_int_equal(sq_compare_numbers(sq_int(0), sq_float(-0.5)), SQ_GREATER);
        assert_int_equal(sq_compare_numbers(sq_int(0), sq_float(-0.0)), SQ_EQUAL);
        assert_int_equal(sq_compare_numbers(sq_int(2), sq_float(2.5)), SQ_LESS);
        assert_int_equal(sq_compare_numbers(sq_int(1), sq_float(nothing)), SQ_UNORDERED);
        assert_int_equal(sq_compare_numbers(sq_float(nothing), sq_float(1)), SQ_UNORDERED);
        assert_int_equal(sq_compare_numbers(sq_int(INT64_MIN), sq_float(-INFINITY)), SQ_GREATER);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_whole_numbers_as_they_are),
                cmocka_unit_test(refuses_what_is_not_a_decimal_number),
                cmocka_unit_test(reads_the_same_doubles_as_strtod),
                cmocka_unit_test(compares_whole_numbers_and_doubles_exactly),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

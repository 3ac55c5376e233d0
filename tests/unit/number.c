/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text: for people, and so that they read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

static void
shows_bytes_by_three_digits_and_their_unit(void **state)
{
        static const struct {
                uint64_t bytes;
                const char *text;
        } cases[] = {{0, "0 bytes"},        {1, "1 byte"},           {999, "999 bytes"},     {1000, "1.00 kB"},
                     {99949, "99.9 kB"},    {99950, "100 kB"},       {999499, "999 kB"},     {999500, "1.00 MB"},
                     {45600000, "45.6 MB"}, {3200000000, "3.20 GB"}, {UINT64_MAX, "18.4 EB"}};
        char text[SQI_BYTES_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                assert_string_equal(sqi_bytes_text(cases[i].bytes, text), cases[i].text);
}

/* By the C library: the first of 15, 16 and 17 digits that reads back. */
static void
check_shortest(double real)
{
        char is[SQI_REAL_SIZE], should[64];

        for (int digits = 15; digits <= 17; digits++) {
                snprintf(should, sizeof(should), "%.*g", digits, real);
                if (strtod(should, NULL) == real)
                        break;
        }
        assert_int_equal(sqi_print_shortest(is, real), strlen(should));
        assert_string_equal(is, should);
}

static void
prints_a_number_in_the_fewest_digits_that_read_back(void **state)
{
        static const double edges[] = {0,
                                       -0.0,
                                       1,
                                       -1,
                                       0.1,
                                       -0.5,
                                       1e-4,
                                       9.9e-5,
                                       0.0001234,
                                       123456.789012,
                                       1e9,
                                       1e14,
                                       999999999999999,
                                       1e15,
                                       1e16,
                                       1e17,
                                       1e22,
                                       1e23,
                                       5e-324,
                                       1.7976931348623157e308,
                                       0.30000000000000004,
                                       2.5e-7,
                                       1.0 / 3,
                                       4503599627370495.5,
                                       9007199254740992,
                                       999999999.999999,
                                       0.999999,
                                       0.9999995};
        uint64_t seed = 7;

        (void)state;
        for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
                check_shortest(edges[i]);
        for (unsigned i = 0; i < 20000; i++) {
                const uint64_t bits = seed = seed * 6364136223846793005u + 1442695040888963407u;
                const double places = pow(10, (double)(bits % 9)), few = (double)(bits >> 8 >> bits % 50) / places;
                double any;

                memcpy(&any, &bits, sizeof(any));
                check_shortest(few);
                check_shortest(-nextafter(few, 1e300));
                if (isfinite(any))
                        check_shortest(any);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(shows_bytes_by_three_digits_and_their_unit),
                                           cmocka_unit_test(prints_a_number_in_the_fewest_digits_that_read_back)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text: for people, and so that they read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/powers.h"

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

/* By the C library: the first of 1 to 17 digits that reads back, shown by 15 at least. A power of two has a nearer
 * neighbour below, so that there fewer digits may do than those that are nearest. */
static void
check_shortest(double real)
{
        char is[SQI_REAL_SIZE], should[64];
        int len = sqi_print_shortest(is, real), exponent, digits = 1;

        for (; digits <= 17; digits++) {
                snprintf(should, sizeof(should), "%.*e", digits - 1, real);
                if (strtod(should, NULL) == real)
                        break;
        }
        assert_int_equal(len, strlen(is));
        if (strtod(is, NULL) != real || signbit(strtod(is, NULL)) != signbit(real))
                fail_msg("%.17g is shown as %s", real, is);
        snprintf(should, sizeof(should), "%.*g", digits > 15 ? digits : 15, strtod(should, NULL));
        if (digits <= 15 && fabs(real) < DBL_MIN) /* of 15 digits the last ones say nothing there */
                return;
        if (fabs(frexp(real, &exponent)) == 0.5 && strlen(is) < strlen(should))
                return;
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
                                       DBL_MIN,
                                       DBL_MIN / 2,
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

/* A whole number of any size that is asked for here, the lowest word first. */
struct whole {
        uint32_t words[80];
};

static struct whole
times(struct whole number, uint32_t factor, unsigned often)
{
        const size_t n = sizeof(number.words) / sizeof(number.words[0]);

        for (; often > 0; often--) {
                uint64_t carry = 0;

                for (size_t i = 0; i < n; i++, carry >>= 32) {
                        carry += (uint64_t)number.words[i] * factor;
                        number.words[i] = (uint32_t)carry;
                }
                assert_int_equal(carry, 0);
        }
        return number;
}

static int
compare(const struct whole *a, const struct whole *b)
{
        for (size_t i = sizeof(a->words) / sizeof(a->words[0]); i-- > 0;)
                if (a->words[i] != b->words[i])
                        return a->words[i] < b->words[i] ? -1 : 1;
        return 0;
}

static struct whole
whole_of(unsigned __int128 number)
{
        struct whole whole = {{0}};

        for (unsigned i = 0; i < 4; i++, number >>= 32)
                whole.words[i] = (uint32_t)number;
        return whole;
}

/* power - 1 < 10^e * 2^shift <= power, with each factor on the side where it is whole. */
static void
has_powers_of_ten_rounded_up_to_128_bits(void **state)
{
        (void)state;
        for (int e = SQI_POWER_MIN; e <= SQI_POWER_MAX; e++) {
                const struct sqi_power power = sqi_power_of_ten(e);
                const int shift = 127 - sqi_log2_of_ten(e);
                const unsigned up = shift > 0 ? (unsigned)shift : 0, down = shift < 0 ? (unsigned)-shift : 0;
                const unsigned tens = e > 0 ? (unsigned)e : 0, tenths = e < 0 ? (unsigned)-e : 0;
                const unsigned __int128 whole = (unsigned __int128)power.high << 64 | power.low;
                const struct whole exact = times(times(whole_of(1), 10, tens), 2, up);
                const struct whole below = times(times(whole_of(whole - 1), 10, tenths), 2, down);
                const struct whole above = times(times(whole_of(whole), 10, tenths), 2, down);

                assert_true(power.high >> 63);
                assert_true(compare(&below, &exact) < 0 && compare(&exact, &above) <= 0);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(has_powers_of_ten_rounded_up_to_128_bits),
                                           cmocka_unit_test(shows_bytes_by_three_digits_and_their_unit),
                                           cmocka_unit_test(prints_a_number_in_the_fewest_digits_that_read_back)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}

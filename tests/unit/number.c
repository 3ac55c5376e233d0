/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int
main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(shows_bytes_by_three_digits_and_their_unit)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}

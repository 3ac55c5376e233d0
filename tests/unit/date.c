/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text, beside what the C library writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/date.h"

enum { TIMES = 20000 };

#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* strftime() is asked with each of a list */

static uint64_t
draw(uint64_t *seed)
{
        return sq_mix(*seed += UINT64_C(0x9e3779b97f4a7c15));
}

/* Around now, around any year of four digits, far in the future and in the past. */
static int64_t
draw_second(uint64_t *seed, int64_t year)
{
        static const int64_t spans[] = {1, 100, 8000, 2000000000};
        int64_t span = spans[draw(seed) % 4] * year;

        return (int64_t)(draw(seed) % (uint64_t)(2 * span)) - span;
}

static const char *
written(struct sq_time time, const char *format)
{
        static char text[256];

        assert_true(sqi_date_write(time, (struct sq_str){format, strlen(format)}, text, sizeof(text)) < sizeof(text));
        return text;
}

/* %y of a year before 0 is what no two libraries agree about, and %Y of one with less than four digits. */
static void
writes_what_strftime_writes(void **state)
{
        static const char *const formats[] = {"%m %d %e %H %M %S|%j", "%b %B %a %A", "%z %T %D %R", "%s %p %I %%",
                                              "x%Y-%m-%dT%H:%M:%Sy",  "%F",          "%y"};
        uint64_t seed = 1;

        (void)state;
        for (int i = 0; i < TIMES; i++) {
                struct sq_time at = {draw_second(&seed, 31556952), 0};
                const char *format = formats[draw(&seed) % 7];
                time_t second = at.sec;
                char text[256];
                struct tm tm;

                assert_non_null(gmtime_r(&second, &tm));
                if (tm.tm_year < 1000 - 1900 && (strchr(format, 'Y') || strpbrk(format, "FyD")))
                        continue;
                assert_true(strftime(text, sizeof(text), format, &tm) > 0);
                assert_string_equal(written(at, format), text);
        }
}

static void
fills_the_years_before_the_thousandth_with_zeroes(void **state)
{
        (void)state;
        assert_string_equal(written((struct sq_time){-62135596800, 0}, "iso8601"), "0001-01-01T00:00:00Z");
        assert_string_equal(written((struct sq_time){-62167219201, 0}, "iso8601"), "-001-12-31T23:59:59Z");
        assert_string_equal(written((struct sq_time){253402300800, 0}, "iso8601"), "10000-01-01T00:00:00Z");
}

static void
writes_the_digits_of_a_fraction_that_say_something(void **state)
{
        static const struct {
                uint32_t nsec;
                const char *text;
        } fractions[] = {{0, "0"}, {1, "000000001"}, {500000000, "5"}, {120000, "00012"}, {999999999, "999999999"}};
        char text[64];

        (void)state;
        for (size_t i = 0; i < sizeof(fractions) / sizeof(fractions[0]); i++) {
                struct sq_time at = {-1, fractions[i].nsec};

                assert_string_equal(written(at, "%f"), fractions[i].text);
                snprintf(text, sizeof(text), "1969-12-31T23:59:59%s%sZ", at.nsec ? "." : "",
                         at.nsec ? fractions[i].text : "");
                assert_string_equal(written(at, "iso8601"), text);
        }
}

static void
cuts_at_the_size_and_says_what_the_whole_needs(void **state)
{
        static const char whole[] = "1970-01-01T00:00:00Z";
        char text[32];

        (void)state;
        for (size_t size = 0; size < sizeof(text); size++) {
                memset(text, '#', sizeof(text));
                assert_int_equal(sqi_date_write((struct sq_time){0, 0}, (struct sq_str){"iso8601", 7}, text, size),
                                 sizeof(whole) - 1);
                if (size > 0)
                        assert_int_equal(strlen(text), size <= sizeof(whole) - 1 ? size - 1 : sizeof(whole) - 1);
                if (size > 0)
                        assert_memory_equal(text, whole, strlen(text));
                assert_int_equal(text[size], '#');
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(writes_what_strftime_writes),
                cmocka_unit_test(fills_the_years_before_the_thousandth_with_zeroes),
                cmocka_unit_test(writes_the_digits_of_a_fraction_that_say_something),
                cmocka_unit_test(cuts_at_the_size_and_says_what_the_whole_needs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* How long something takes, as topology files and settings say it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <squall-kit.h>

#include "base/duration.h"

static uint64_t
duration(const char *text)
{
        uint64_t ns;

        assert_int_equal(sqi_duration_read(text, &ns), 0);
        return ns;
}

static int
fault(const char *text)
{
        uint64_t ns;

        return sqi_duration_read(text, &ns);
}

static void
has_the_same_units_everywhere(void **unused)
{
        static const char *const texts[] = {"3ns", "3us", "3ms", "3s", "3m", "3h", "3d", "3 d", "1.5h", "1e3s"};
        int64_t ns, delay;

        (void)unused;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                assert_true(sq_read_duration(texts[i], &ns));
                assert_true(sq_read_delay(texts[i], &delay));
                assert_int_equal(ns, duration(texts[i]));
                assert_int_equal(ns, delay);
        }
        assert_int_equal(duration("3d"), INT64_C(3) * 86400 * 1000000000);
        assert_int_equal(duration("3us"), 3000);
        assert_int_equal(duration("1.5h"), INT64_C(5400) * 1000000000);
}

static void
a_number_alone_counts_seconds_and_in_settings_of_components_is_refused(void **unused)
{
        int64_t ns;

        (void)unused;
        assert_int_equal(duration("5"), INT64_C(5000000000));
        assert_false(sq_read_duration("5", &ns));
        assert_false(sq_read_delay("5", &ns));
        assert_false(sq_read_duration("0s", &ns));
        assert_true(sq_read_delay("0", &ns));
        assert_int_equal(ns, 0);
        assert_true(sq_read_delay("0ms", &ns));
}

static void
is_thirty_years_at_most(void **unused)
{
        int64_t ns;

        (void)unused;
        assert_int_equal(duration("11574d"), INT64_C(11574) * 86400 * 1000000000);
        assert_int_equal(fault("11575d"), -ERANGE);
        assert_int_equal(fault("999999999h"), -ERANGE);
        assert_int_equal(fault("1e300s"), -ERANGE);
        assert_int_equal(fault("inf"), -ERANGE);
        assert_false(sq_read_duration("11575d", &ns));
}

static void
refuses_what_is_not_a_time(void **unused)
{
        static const char *const texts[] = {"", "s", "-1s", "soon", "nan", "5 seconds", "5s ", "5 s 3"};

        (void)unused;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                assert_int_equal(fault(texts[i]), -EINVAL);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(has_the_same_units_everywhere),
                cmocka_unit_test(a_number_alone_counts_seconds_and_in_settings_of_components_is_refused),
                cmocka_unit_test(is_thirty_years_at_most),
                cmocka_unit_test(refuses_what_is_not_a_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

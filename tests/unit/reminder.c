/* SPDX-License-Identifier: Apache-2.0 */
/* When something that goes on is said again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/reminder.h"

static void
says_an_hour_of_it_in_seventy_lines(void **unused)
{
        struct sqi_reminder reminder = {0};
        uint64_t said = 0, counted = 0, unsaid;

        (void)unused;
        for (uint64_t i = 1; i <= 36000; i++)
                if (sqi_reminder_due(&reminder, i * SQI_SECOND / 10, &unsaid)) {
                        said++;
                        counted += 1 + unsaid;
                }
        assert_in_range(said, 60, 70);
        assert_int_equal(counted + reminder.unsaid, 36000);
}

static void
says_it_at_once_and_after_one_two_and_four_seconds(void **unused)
{
        struct sqi_reminder reminder = {0};
        uint64_t unsaid, said = 0, at[4];

        (void)unused;
        for (uint64_t ms = 1000; said < 4; ms += 100)
                if (sqi_reminder_due(&reminder, ms * (SQI_SECOND / 1000), &unsaid))
                        at[said++] = ms;
        assert_int_equal(at[0], 1000);
        assert_int_equal(at[1], 2000);
        assert_int_equal(at[2], 4000);
        assert_int_equal(at[3], 8000);
}

static void
says_at_once_what_comes_again_after_a_time(void **unused)
{
        struct sqi_reminder reminder = {0};
        uint64_t unsaid, i;

        (void)unused;
        for (i = 1; i <= 100; i++)
                sqi_reminder_due(&reminder, i * SQI_SECOND, &unsaid);
        assert_false(sqi_reminder_due(&reminder, i * SQI_SECOND, &unsaid));
        assert_true(sqi_reminder_due(&reminder, (i + 61) * SQI_SECOND, &unsaid));
        assert_true(sqi_reminder_due(&reminder, (i + 62) * SQI_SECOND, &unsaid));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(says_an_hour_of_it_in_seventy_lines),
                cmocka_unit_test(says_it_at_once_and_after_one_two_and_four_seconds),
                cmocka_unit_test(says_at_once_what_comes_again_after_a_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* How long a worker that dies again and again is waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lifecycle/backoff.h"

enum { DEATHS = 10 };

static void
waits_ever_longer_for_one_that_dies_as_it_starts(void **unused)
{
        struct sqi_backoff backoff = {0};
        uint64_t before = 0;

        (void)unused;
        assert_int_equal(sqi_backoff_died(&backoff, SQI_MS, false, 0), 0);
        for (unsigned i = 1; i < DEATHS; i++) {
                uint64_t delay = sqi_backoff_died(&backoff, SQI_MS, false, 0);

                assert_true(delay > before);
                before = delay;
        }
        assert_int_equal(backoff.streak, DEATHS);
}

/* As a ledger sends it again: 100 ms after the death, 200, and so on, up to 30 s. */
static void
counts_deaths_of_a_tuple_that_comes_ever_later(void **unused)
{
        struct sqi_backoff backoff = {0};
        uint64_t lived = SQI_BACKOFF_MIN;

        (void)unused;
        for (unsigned i = 0; i < DEATHS; i++) {
                sqi_backoff_died(&backoff, lived + lived / 2, false, 0);
                lived = 2 * lived < SQI_BACKOFF_MAX ? 2 * lived : SQI_BACKOFF_MAX;
        }
        assert_int_equal(backoff.streak, DEATHS);
}

static void
is_back_at_once_for_one_that_is_killed_now_and_then(void **unused)
{
        struct sqi_backoff idle = {0}, busy = {0};

        (void)unused;
        for (unsigned i = 0; i < DEATHS; i++) {
                assert_int_equal(sqi_backoff_died(&idle, 5 * SQI_SECOND, false, 0), 0);
                assert_int_equal(sqi_backoff_died(&busy, SQI_MS, true, 0), 0);
        }
        assert_true(sqi_backoff_is_degraded(&idle));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(waits_ever_longer_for_one_that_dies_as_it_starts),
                cmocka_unit_test(counts_deaths_of_a_tuple_that_comes_ever_later),
                cmocka_unit_test(is_back_at_once_for_one_that_is_killed_now_and_then),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of keys, on the rig's clock: when they ring, when not, and what comes along with a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rig/rig.h"
#include "made.h"

#define SECOND UINT64_C(1000000000)

static void
rings(struct sq_rig *rig, const char *expected)
{
        assert_string_equal(sq_rig_error(rig), "");
        assert_string_equal(sq_rig_emitted(rig, NULL), expected);
}

static void
a_timer_rings_at_its_time_and_once(void **state)
{
        struct sq_rig *rig = make_rig_of("tests/components/alarm");

        (void)state;
        sq_rig_execute(rig, NULL, "{word: tea}");
        sq_rig_advance(rig, 10 * SECOND - 1);
        rings(rig, "");
        sq_rig_advance(rig, 1);
        rings(rig, "{\"word\":\"tea\",\"n\":1,\"time\":\"2024-01-01T00:00:10Z\"}\n");
        sq_rig_advance(rig, 100 * SECOND);
        rings(rig, "");
        sq_rig_free(&rig);
}

static void
one_that_is_cancelled_does_not_ring(void **state)
{
        struct sq_rig *rig = make_rig_of("tests/components/alarm");

        (void)state;
        sq_rig_execute(rig, NULL, "{word: tea}");
        sq_rig_advance(rig, 4 * SECOND);
        sq_rig_execute(rig, NULL, "{word: tea}");
        sq_rig_advance(rig, 9 * SECOND);
        rings(rig, "");
        sq_rig_execute(rig, NULL, "{word: '!tea'}");
        sq_rig_advance(rig, 100 * SECOND);
        rings(rig, "");
        sq_rig_free(&rig);
}

static void
many_ring_in_the_order_of_their_times(void **state)
{
        struct sq_rig *rig = make_rig_of("tests/components/alarm");
        char tuple[64];
        const char *at;
        int n = 0;

        (void)state;
        for (int i = 0; i < 1000; i++) {
                snprintf(tuple, sizeof(tuple), "{word: w%d}", i * 7 % 400);
                sq_rig_execute(rig, NULL, tuple);
                sq_rig_advance(rig, SECOND / 1000);
        }
        sq_rig_advance(rig, 20 * SECOND);
        at = sq_rig_emitted(rig, NULL);
        for (int i = 600; i < 1000; i++) {
                snprintf(tuple, sizeof(tuple), "{\"word\":\"w%d\",", i * 7 % 400);
                assert_memory_equal(at, tuple, strlen(tuple));
                at = strchr(at, '\n') + 1;
                n++;
        }
        assert_int_equal(n, 400);
        assert_string_equal(at, "");
        sq_rig_free(&rig);
}

static void
one_that_is_overdue_after_a_restart_rings_at_once(void **state)
{
        struct sq_rig *rig = make_rig_of("tests/components/alarm");

        (void)state;
        sq_rig_execute(rig, NULL, "{word: tea}");
        sq_rig_advance(rig, 8 * SECOND);
        sq_rig_execute(rig, NULL, "{word: egg}");
        sq_rig_restart(rig, 5 * SECOND);
        rings(rig, "{\"word\":\"tea\",\"n\":1,\"time\":\"2024-01-01T00:00:10Z\"}\n");
        sq_rig_restart(rig, 0);
        sq_rig_advance(rig, 5 * SECOND);
        rings(rig, "{\"word\":\"egg\",\"n\":1,\"time\":\"2024-01-01T00:00:18Z\"}\n");
        sq_rig_free(&rig);
}

static void
a_key_that_is_made_as_one_rings_goes_where_that_key_goes(void **state)
{
        struct sq_rig *rig = make_rig_of("tests/components/alarm");
        void *it;

        (void)state;
        sq_rig_execute(rig, NULL, "{word: tea+}");
        it = sqi_keyed_find(rig->task->instance.keyed, (struct sq_str){"tea+", 4});
        assert_non_null(it);
        sqi_keyed_route_last(rig->task->instance.keyed, 4711);
        sq_rig_advance(rig, 10 * SECOND);
        it = sqi_keyed_find(rig->task->instance.keyed, (struct sq_str){"made", 4});
        assert_non_null(it);
        assert_int_equal(sqi_keyed_route(rig->task->instance.keyed, it), 4711);
        sq_rig_free(&rig);
}

static void
what_was_set_and_cancelled_takes_no_room(void **state)
{
        struct sq_rig *rig = make_rig_of("tests/components/alarm");

        (void)state;
        for (int i = 0; i < 5000; i++) {
                sq_rig_execute(rig, NULL, "{word: tea}");
                sq_rig_advance(rig, (uint64_t)i % 2);
        }
        assert_true(rig->task->instance.timers.queue.room <= 64);
        sq_rig_free(&rig);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_timer_rings_at_its_time_and_once),
                cmocka_unit_test(one_that_is_cancelled_does_not_ring),
                cmocka_unit_test(many_ring_in_the_order_of_their_times),
                cmocka_unit_test(one_that_is_overdue_after_a_restart_rings_at_once),
                cmocka_unit_test(a_key_that_is_made_as_one_rings_goes_where_that_key_goes),
                cmocka_unit_test(what_was_set_and_cancelled_takes_no_room),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Event timers and the watermark of a task, with the rig in the place of its sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "built.h"
#include "rig/rig.h"
#include "made.h"

#define SECOND INT64_C(1000000000)

/* The inputs `a` and `b`. */
static struct sq_rig *
make_alarm(const char *more)
{
        char setup[PATH_MAX + 512];

        snprintf(setup, sizeof(setup),
                 "{component: %s/tests/components/event_alarm.so, inputs: {a: {word: str, at: int}, b: {word: str, at: "
                 "int}}, event-time: at%s}",
                 built_folder(), more);
        return make_rig(setup);
}

static void
emits(struct sq_rig *rig, const char *expected)
{
        assert_string_equal(sq_rig_error(rig), "");
        assert_string_equal(sq_rig_emitted(rig, NULL), expected);
}

static void
says(struct sq_rig *rig, const char *source, int64_t seconds)
{
        assert_int_equal(sq_rig_watermark(rig, source, seconds * SECOND), 0);
}

static void
a_timer_runs_when_the_watermark_has_come_to_it(void **state)
{
        struct sq_rig *rig = make_alarm("");

        (void)state;
        sq_rig_execute(rig, "a", "{word: tea, at: 5}");
        emits(rig, "");
        assert_int_equal(sqi_rig_feed_watermark(rig, NULL, 15 * SECOND - 1), 0);
        sqi_rig_settle(rig);
        emits(rig, "");
        says(rig, NULL, 15);
        emits(rig, "{\"word\":\"tea\",\"n\":1,\"time\":15}\n");
        says(rig, NULL, 100);
        emits(rig, "");
        sq_rig_free(&rig);
}

static void
timers_run_in_the_order_of_their_times_and_of_one_time_in_that_of_their_setting(void **state)
{
        struct sq_rig *rig = make_alarm("");
        char tuple[64], expected[128];
        const char *at;

        (void)state;
        for (int i = 0; i < 500; i++) {
                snprintf(tuple, sizeof(tuple), "{word: w%d, at: %d}", i, i * 7 % 50);
                sq_rig_execute(rig, "a", tuple);
        }
        says(rig, NULL, 1000);
        at = sq_rig_emitted(rig, NULL);
        for (int time = 0; time < 50; time++)
                for (int i = 0; i < 500; i++) {
                        if (i * 7 % 50 != time)
                                continue;
                        snprintf(expected, sizeof(expected), "{\"word\":\"w%d\",\"n\":1,\"time\":%d}\n", i, time + 10);
                        assert_memory_equal(at, expected, strlen(expected));
                        at += strlen(expected);
                }
        assert_string_equal(at, "");
        sq_rig_free(&rig);
}

static void
one_that_is_cancelled_does_not_run_and_the_others_of_its_key_do(void **state)
{
        struct sq_rig *rig = make_alarm("");

        (void)state;
        sq_rig_execute(rig, "a", "{word: tea, at: 1}");
        sq_rig_execute(rig, "a", "{word: tea, at: 2}");
        sq_rig_execute(rig, "a", "{word: tea, at: 2}");
        sq_rig_execute(rig, "a", "{word: '!tea', at: 1}");
        says(rig, NULL, 100);
        emits(rig, "{\"word\":\"tea\",\"n\":3,\"time\":12}\n");
        sq_rig_free(&rig);
}

static void
the_watermark_is_the_least_of_those_of_all_sources(void **state)
{
        struct sq_rig *rig = make_alarm("");

        (void)state;
        assert_true(sq_watermark(rig->task) == SQ_NO_WATERMARK);
        says(rig, "a", 7);
        assert_true(sq_watermark(rig->task) == SQ_NO_WATERMARK);
        says(rig, "b", 5);
        assert_true(sq_watermark(rig->task) == 5 * SECOND);
        says(rig, "b", 9);
        assert_true(sq_watermark(rig->task) == 7 * SECOND);
        sq_rig_free(&rig);
}

static void
the_watermark_never_falls(void **state)
{
        struct sq_rig *rig = make_alarm("");

        (void)state;
        says(rig, NULL, 7);
        says(rig, NULL, 5);
        assert_true(sq_watermark(rig->task) == 7 * SECOND);
        sq_rig_free(&rig);
}

static void
an_idle_source_is_not_waited_for_until_it_speaks_again(void **state)
{
        struct sq_rig *rig = make_alarm("");

        (void)state;
        says(rig, "a", 7);
        assert_int_equal(sq_rig_idle(rig, "b"), 0);
        assert_true(sq_watermark(rig->task) == 7 * SECOND);
        says(rig, "a", 8);
        says(rig, "b", 3);
        says(rig, "a", 9);
        assert_true(sq_watermark(rig->task) == 8 * SECOND);
        says(rig, "b", 20);
        assert_true(sq_watermark(rig->task) == 9 * SECOND);
        sq_rig_free(&rig);
}

static void
when_all_sources_are_idle_the_watermark_stays(void **state)
{
        struct sq_rig *rig = make_alarm("");

        (void)state;
        says(rig, "a", 7);
        says(rig, "b", 5);
        sq_rig_idle(rig, "b");
        assert_true(sq_watermark(rig->task) == 7 * SECOND);
        sq_rig_idle(rig, "a");
        assert_true(sq_watermark(rig->task) == 7 * SECOND);
        sq_rig_free(&rig);
}

static void
at_the_natural_end_all_timers_run_before_finish(void **state)
{
        struct sq_rig *rig = make_alarm("");

        (void)state;
        sq_rig_execute(rig, "a", "{word: tea, at: 1000000}");
        sq_rig_finish(rig);
        emits(rig, "{\"word\":\"tea\",\"n\":1,\"time\":1000010}\n{\"word\":\"finish\",\"n\":0,\"time\":-1}\n");
        sq_rig_free(&rig);
}

static void
at_a_drain_no_timer_runs_that_is_not_due(void **state)
{
        struct sq_rig *rig = make_alarm("");
        struct sqi_header end = {
                .magic = "SQB", .version = SQI_WIRE_VERSION, .kind = SQI_BATCH_END, .handover = SQI_END_DRAINED};

        (void)state;
        sq_rig_execute(rig, "a", "{word: tea, at: 1}");
        says(rig, NULL, 7);
        for (end.task = 0; end.task < 2; end.task++)
                assert_int_equal(sqi_rig_feed_frame(rig, &end, sizeof(end)), 0);
        sqi_rig_settle(rig);
        sqi_rig_settle(rig);
        emits(rig, "{\"word\":\"finish\",\"n\":0,\"time\":7}\n");
        sq_rig_free(&rig);
}

static void
timers_and_the_watermark_come_along_with_a_restart(void **state)
{
        struct sq_rig *rig = make_alarm("");

        (void)state;
        sq_rig_execute(rig, "a", "{word: tea, at: 1}");
        sq_rig_execute(rig, "a", "{word: egg, at: 2}");
        says(rig, NULL, 11);
        emits(rig, "{\"word\":\"tea\",\"n\":1,\"time\":11}\n");
        sq_rig_restart(rig, 0);
        assert_true(sq_watermark(rig->task) == 11 * SECOND);
        sq_rig_execute(rig, "a", "{word: late, at: 10}");
        assert_string_equal(sq_rig_emitted(rig, "late"), "{\"word\":\"late\",\"at\":10}\n");
        says(rig, NULL, 12);
        emits(rig, "{\"word\":\"egg\",\"n\":1,\"time\":12}\n");
        sq_rig_free(&rig);
}

static void
after_a_restore_they_are_those_of_the_sealed_epoch(void **state)
{
        struct sq_rig *rig = make_alarm(", epochs: true");

        (void)state;
        sq_rig_execute(rig, "a", "{word: tea, at: 1}");
        says(rig, NULL, 5);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
        sq_rig_execute(rig, "a", "{word: egg, at: 1}");
        says(rig, NULL, 11);
        emits(rig, "{\"word\":\"tea\",\"n\":1,\"time\":11}\n{\"word\":\"egg\",\"n\":1,\"time\":11}\n");
        sq_rig_restore(rig, 0);
        assert_true(sq_watermark(rig->task) == 5 * SECOND);
        says(rig, NULL, 12);
        emits(rig, "{\"word\":\"tea\",\"n\":1,\"time\":11}\n");
        sq_rig_free(&rig);
}

static void
an_input_without_event_time_says_nothing(void **state)
{
        struct sq_rig *rig = make_alarm("");

        (void)state;
        sq_rig_free(&rig);
        rig = make_rig_of("bolts/count");
        assert_int_equal(sq_rig_watermark(rig, NULL, 0), -1);
        sq_rig_free(&rig);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_timer_runs_when_the_watermark_has_come_to_it),
                cmocka_unit_test(timers_run_in_the_order_of_their_times_and_of_one_time_in_that_of_their_setting),
                cmocka_unit_test(one_that_is_cancelled_does_not_run_and_the_others_of_its_key_do),
                cmocka_unit_test(the_watermark_is_the_least_of_those_of_all_sources),
                cmocka_unit_test(the_watermark_never_falls),
                cmocka_unit_test(an_idle_source_is_not_waited_for_until_it_speaks_again),
                cmocka_unit_test(when_all_sources_are_idle_the_watermark_stays),
                cmocka_unit_test(at_the_natural_end_all_timers_run_before_finish),
                cmocka_unit_test(at_a_drain_no_timer_runs_that_is_not_due),
                cmocka_unit_test(timers_and_the_watermark_come_along_with_a_restart),
                cmocka_unit_test(after_a_restore_they_are_those_of_the_sealed_epoch),
                cmocka_unit_test(an_input_without_event_time_says_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Exactly-once, of real tasks on seeded schedules: shared/marked.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <limits.h>
#include <unistd.h>

#include "../shared/marked.h"
#include "built.h"

#define SPOUT \
        "name: t\nspouts:\n  - { id: gen, component: generate, parallelism: 2, properties: { count: 2000, seed: 3, fields: " \
        "{ n: seq, k: uniform 1 9 } } }\n"

static void
counts_each_tuple_once(void **state)
{
        (void)state;
        check_marked(SPOUT
                     "bolts:\n  - { id: pass, component: filter, parallelism: 2, properties: { where: \"true\" } }\n"
                     "  - { id: count, component: count, parallelism: 2, properties: { by: [k] } }\n"
                     "streams:\n  - { from: gen, to: pass, grouping: SHUFFLE }\n"
                     "  - { from: pass, to: count, grouping: { type: fields, args: [k] } }\n",
                     0);
}

static void
counts_each_tuple_once_by_an_inbox_and_a_broadcast(void **state)
{
        (void)state;
        check_marked(SPOUT "bolts:\n  - { id: pass, component: filter, properties: { where: \"true\" } }\n"
                           "  - { id: count, component: count, parallelism: 2, properties: { by: [k] } }\n"
                           "streams:\n  - { from: gen, to: pass, grouping: SHUFFLE }\n"
                           "  - { from: gen, to: count, grouping: { type: all } }\n"
                           "  - { from: pass, to: count, grouping: { type: fields, args: [k] } }\n",
                     0);
}

/* Most keys have not changed from one epoch to the next. */
static void
counts_each_tuple_once_with_parts_of_what_has_changed(void **state)
{
        (void)state;
        check_marked(
                "name: t\nspouts:\n  - { id: gen, component: generate, parallelism: 2, properties: { count: 3000, rate: 1500, seed: 3, "
                "fields: { n: seq, k: uniform 1 500 } } }\n"
                "bolts:\n  - { id: count, component: count, parallelism: 2, properties: { by: [k], emit: tick } }\n"
                "streams:\n  - { from: gen, to: count, grouping: { type: fields, args: [k] } }\n",
                100);
}

/* A timer for each tuple, by its event time; what is late counts too. */
#define ALARMS \
        "  - { id: alarm, component: \"${SQUALL_LIBDIR}/tests/components/event_alarm.so\", parallelism: 2 }\n" \
        "  - { id: count, component: count, parallelism: 2, properties: { by: [word] } }\n" \
        "streams:\n" \
        "  - { from: alarm, to: count, grouping: { type: fields, args: [word] } }\n" \
        "  - { from: alarm, to: count, grouping: { type: fields, args: [word], streamId: late } }\n"

#define TIMED_SPOUT \
        "name: t\nspouts:\n  - { id: gen, component: generate, parallelism: 2, event-time: { field: at, format: s, " \
        "out-of-orderness: 1s }, properties: { count: 2000, rate: 1500, seed: 3, fields: { word: words 9, at: seq } } }\n"

static void
runs_each_event_timer_once(void **state)
{
        (void)state;
        check_marked(TIMED_SPOUT "bolts:\n" ALARMS
                                 "  - { from: gen, to: alarm, grouping: { type: fields, args: [word] } }\n",
                     0);
}

static void
runs_each_event_timer_once_behind_bolts_that_pass_the_watermark_on(void **state)
{
        (void)state;
        check_marked(
                TIMED_SPOUT
                "bolts:\n  - { id: pass, component: filter, parallelism: 3, properties: { where: \"true\" } }\n" ALARMS
                "  - { from: gen, to: pass, grouping: SHUFFLE }\n"
                "  - { from: pass, to: alarm, grouping: { type: fields, args: [word] } }\n",
                0);
}

static void
runs_each_event_timer_once_of_a_broadcast(void **state)
{
        (void)state;
        check_marked(TIMED_SPOUT "bolts:\n" ALARMS "  - { from: gen, to: alarm, grouping: { type: all } }\n", 0);
}

/* Tuples that are handed over with their epoch, one by one. */
static void
hands_each_tuple_over_once(void **state)
{
        char server[PATH_MAX];

        (void)state;
        snprintf(server, sizeof(server), "%s/squall-marks-%d", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp",
                 (int)getpid());
        setenv(MARKED_SERVER, server, 1);
        check_marked(SPOUT
                     "bolts:\n"
                     "  - { id: sink, component: \"${SQUALL_LIBDIR}/tests/components/staged.so\", parallelism: 2, "
                     "properties: { path: \"${" MARKED_SERVER "}\" } }\n"
                     "  - { id: count, component: count, parallelism: 2, properties: { by: [k] } }\n"
                     "streams:\n  - { from: gen, to: sink, grouping: SHUFFLE }\n"
                     "  - { from: gen, to: count, grouping: { type: fields, args: [k] } }\n",
                     0);
        unlink(server);
        unsetenv(MARKED_SERVER);
}

/* What finish emits comes once, though it fails at first, and epochs are made meanwhile. */
static void
finishes_once(void **state)
{
        (void)state;
        check_marked(SPOUT
                     "bolts:\n"
                     "  - { id: late, component: \"${SQUALL_LIBDIR}/tests/components/late.so\", parallelism: 2 }\n"
                     "  - { id: count, component: count, parallelism: 2, properties: { by: [k] } }\n"
                     "streams:\n  - { from: gen, to: late, grouping: { type: fields, args: [k] } }\n"
                     "  - { from: late, to: count, grouping: { type: fields, args: [k] } }\n",
                     0);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(counts_each_tuple_once),
                cmocka_unit_test(counts_each_tuple_once_by_an_inbox_and_a_broadcast),
                cmocka_unit_test(counts_each_tuple_once_with_parts_of_what_has_changed),
                cmocka_unit_test(runs_each_event_timer_once),
                cmocka_unit_test(runs_each_event_timer_once_behind_bolts_that_pass_the_watermark_on),
                cmocka_unit_test(runs_each_event_timer_once_of_a_broadcast),
                cmocka_unit_test(hands_each_tuple_over_once),
                cmocka_unit_test(finishes_once),
        };
        use_built_components();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a task says of its event time to its readers, with the rig in the place of its sources and its readers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../shared/planned.h"
#include "built.h"
#include "rig/rig.h"
#include "squall-test.h"

#define SECOND INT64_C(1000000000)

/* The task 0 of the component in the topology. */
static struct sq_rig *
rig_in(const char *topology, const char *component)
{
        struct sqi_plan *plan = planned(topology, NULL);
        struct sq_rig *rig = NULL;
        char error[512] = "";

        if (sqi_rig_open(&plan, sqi_plan_find(plan, component)->first_task, NULL, &rig, error, sizeof(error)) < 0)
                fail_msg("%s", error);
        return rig;
}

#define HALF "component: \"${SQUALL_LIBDIR}/tests/components/half.so\""

/* Between two sources of words and their times, two tasks each, and two readers. */
#define TOPOLOGY(spouts_time, bolt_time) \
        "name: t\n" \
        "config: { topology.delivery: at-least-once }\n" \
        "spouts:\n" \
        "  - { id: a, component: generate, parallelism: 2, properties: { fields: { word: words 3, at: seq } }" spouts_time \
        " }\n" \
        "  - { id: b, component: generate, properties: { fields: { word: words 3, at: seq } }" spouts_time " }\n" \
        "bolts:\n" \
        "  - { id: half, " HALF bolt_time " }\n" \
        "  - { id: sink, component: \"null\", parallelism: 2 }\n" \
        "streams:\n" \
        "  - { from: a, to: half, grouping: { type: shuffle } }\n" \
        "  - { from: b, to: half, grouping: { type: shuffle } }\n" \
        "  - { from: half, to: sink, grouping: { type: all } }\n"

static const char passing[] = TOPOLOGY(", event-time: { field: at, format: s }", "");
static const char timed[] = TOPOLOGY("", ", event-time: { field: at, format: s, out-of-orderness: 5s, idle: 30s }");

/* ---- What is passed on ------------------------------------------------------------------------------- */

static void
source_says(struct sq_rig *rig, uint32_t task, int64_t watermark)
{
        const struct sqi_header header = {.magic = "SQB",
                                          .version = SQI_WIRE_VERSION,
                                          .kind = SQI_BATCH_WATERMARK,
                                          .task = task,
                                          .epoch = (uint64_t)watermark};

        rig->mark = (struct sqi_header){0};
        assert_int_equal(sqi_rig_feed_frame(rig, &header, sizeof(header)), 0);
        sqi_rig_settle(rig);
}

static void
source_ends(struct sq_rig *rig, uint32_t task, uint32_t how)
{
        const struct sqi_header header = {
                .magic = "SQB", .version = SQI_WIRE_VERSION, .kind = SQI_BATCH_END, .task = task, .handover = how};

        rig->mark = (struct sqi_header){0};
        assert_int_equal(sqi_rig_feed_frame(rig, &header, sizeof(header)), 0);
        sqi_rig_settle(rig);
        sqi_rig_settle(rig);
}

static void
readers_are_told(const struct sq_rig *rig, int64_t watermark)
{
        assert_int_equal(rig->mark.kind, SQI_BATCH_WATERMARK);
        assert_true((int64_t)rig->mark.epoch == watermark);
}

static void
readers_are_told_nothing(const struct sq_rig *rig)
{
        assert_int_equal(rig->mark.kind, 0);
}

static void
the_least_of_all_tasks_of_all_sources_is_passed_on(void **state)
{
        struct sq_rig *rig = rig_in(passing, "half");

        (void)state;
        source_says(rig, 0, 5 * SECOND);
        source_says(rig, 1, 4 * SECOND);
        readers_are_told_nothing(rig);
        source_says(rig, 2, 7 * SECOND);
        readers_are_told(rig, 4 * SECOND);
        source_says(rig, 2, 9 * SECOND);
        readers_are_told_nothing(rig);
        source_says(rig, 1, 6 * SECOND);
        readers_are_told(rig, 5 * SECOND);
        sq_rig_free(&rig);
}

static void
a_task_is_idle_when_all_its_sources_are_and_until_one_is_not(void **state)
{
        struct sq_rig *rig = rig_in(passing, "half");

        (void)state;
        source_says(rig, 0, 5 * SECOND);
        source_says(rig, 1, SQI_WATERMARK_IDLE);
        source_says(rig, 2, SQI_WATERMARK_IDLE);
        readers_are_told(rig, 5 * SECOND);
        source_says(rig, 0, SQI_WATERMARK_IDLE);
        readers_are_told(rig, SQI_WATERMARK_IDLE);
        source_says(rig, 1, 3 * SECOND);
        readers_are_told(rig, 5 * SECOND);
        source_says(rig, 1, 8 * SECOND);
        readers_are_told(rig, 8 * SECOND);
        sq_rig_free(&rig);
}

static void
a_source_that_has_come_to_its_natural_end_is_not_waited_for(void **state)
{
        struct sq_rig *rig = rig_in(passing, "half");

        (void)state;
        source_says(rig, 0, 5 * SECOND);
        source_ends(rig, 1, 0);
        source_ends(rig, 2, 0);
        readers_are_told(rig, 5 * SECOND);
        source_ends(rig, 0, 0);
        assert_int_equal(rig->mark.kind, SQI_BATCH_END);
        assert_int_equal(rig->mark.handover, 0);
        assert_true(sq_watermark(rig->task) == SQ_END_OF_TIME);
        sq_rig_free(&rig);
}

static void
while_one_source_is_idle_the_end_of_the_others_is_not_the_end_of_time(void **state)
{
        struct sq_rig *rig = rig_in(passing, "half");

        (void)state;
        for (uint32_t t = 0; t < 3; t++)
                source_says(rig, t, 5 * SECOND);
        source_says(rig, 0, SQI_WATERMARK_IDLE);
        source_ends(rig, 1, 0);
        source_ends(rig, 2, 0);
        readers_are_told(rig, SQI_WATERMARK_IDLE);
        assert_true(sq_watermark(rig->task) == 5 * SECOND);
        source_says(rig, 0, 6 * SECOND);
        readers_are_told(rig, 6 * SECOND);
        source_ends(rig, 0, 0);
        assert_true(sq_watermark(rig->task) == SQ_END_OF_TIME);
        sq_rig_free(&rig);
}

static void
the_watermark_stays_where_a_source_was_told_to_end(void **state)
{
        static const uint32_t hows[] = {SQI_END_DRAINED, SQI_END_HANDOVER};

        (void)state;
        for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
                struct sq_rig *rig = rig_in(passing, "half");

                source_says(rig, 0, 5 * SECOND);
                source_says(rig, 1, 6 * SECOND);
                source_says(rig, 2, 7 * SECOND);
                for (uint32_t t = 0; t < 3; t++)
                        source_ends(rig, t, hows[i]);
                assert_int_equal(rig->mark.kind, SQI_BATCH_END);
                assert_int_equal(rig->mark.handover, hows[i]);
                assert_true(sq_watermark(rig->task) == 5 * SECOND);
                sq_rig_free(&rig);
        }
}

static void
a_reader_that_was_restarted_is_told_again(void **state)
{
        struct sq_rig *rig = rig_in(passing, "half");
        uint32_t sink = sqi_plan_find(rig->plan, "sink")->first_task;

        (void)state;
        for (uint32_t t = 0; t < 3; t++)
                source_says(rig, t, 5 * SECOND);
        readers_are_told(rig, 5 * SECOND);
        rig->mark = (struct sqi_header){0};
        sqi_rig_settle(rig);
        readers_are_told_nothing(rig);
        sqi_task_obey(rig->task, &(struct sqi_message){.type = SQI_MSG_PEER_LOST, .task = sink, .number = 1});
        sqi_rig_settle(rig);
        readers_are_told(rig, 5 * SECOND);
        sq_rig_free(&rig);
}

/* What comes round the cycle is of no earlier time than what has come in. */
static void
feedback_edges_are_left_out(void **state)
{
        static const char topology[] =
                "name: t\n"
                "spouts:\n"
                "  - { id: a, component: generate, properties: { fields: { word: words 3, at: seq "
                "} }, event-time: { field: at, format: s } }\n"
                "bolts:\n"
                "  - { id: half, " HALF " }\n"
                "  - { id: back, " HALF " }\n"
                "streams:\n"
                "  - { from: a, to: half, grouping: { type: shuffle } }\n"
                "  - { from: half, to: back, grouping: { type: shuffle } }\n"
                "  - { from: back, to: half, grouping: { type: shuffle } }\n";
        struct sq_rig *rig = rig_in(topology, "half");

        (void)state;
        source_says(rig, 0, 5 * SECOND);
        readers_are_told(rig, 5 * SECOND);
        assert_true(sq_watermark(rig->task) == 5 * SECOND);
        sq_rig_free(&rig);
        rig = rig_in(topology, "back");
        assert_null(rig->task->collector.streams[0].targets[0].told);
        sq_rig_free(&rig);
}

static void
a_topology_without_event_time_has_no_watermarks(void **state)
{
        struct sq_rig *rig = rig_in(TOPOLOGY("", ""), "half");

        (void)state;
        assert_false(rig->task->watermarks.tells);
        assert_int_equal(rig->task->watermarks.nheard, 0);
        source_says(rig, 0, 5 * SECOND);
        readers_are_told_nothing(rig);
        assert_true(sq_watermark(rig->task) == SQ_NO_WATERMARK);
        assert_int_equal(rig->metrics.malformed, 0);
        sq_rig_free(&rig);
}

/* ---- Event time of its own --------------------------------------------------------------------------- */

static void
feed(struct sq_rig *rig, const char *word, struct sq_value at)
{
        const struct sq_value values[] = {sq_text(word), at};

        rig->mark = (struct sqi_header){0};
        assert_int_equal(sqi_rig_feed(rig, &rig->plan->edges[0], 0, 2, values), 0);
        sqi_rig_settle(rig);
}

/* h:mm:ss of a day. */
static int64_t
clock_time(int64_t hour, int64_t minute, int64_t second)
{
        return (hour * 3600 + minute * 60 + second);
}

/* Apache Storm's documentation of windows has this example, with a lag of five seconds; one watermark comes behind the
 * first six tuples, and one behind the next four. */
static void
the_watermark_is_the_latest_time_less_the_disorder(void **state)
{
        static const int64_t first[] = {3, 5, 7, 18, 26, 36}, second[] = {25, 26, 27, 39};
        struct sq_rig *rig = rig_in(timed, "half");

        (void)state;
        for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
                feed(rig, "e", sq_int(clock_time(6, 0, first[i])));
        readers_are_told(rig, clock_time(6, 0, 31) * SECOND);
        for (size_t i = 0; i < sizeof(second) / sizeof(second[0]); i++)
                feed(rig, "e", sq_int(clock_time(8, 0, second[i])));
        readers_are_told(rig, clock_time(8, 0, 34) * SECOND);
        feed(rig, "e", sq_int(clock_time(8, 0, 30)));
        readers_are_told_nothing(rig);
        sq_rig_free(&rig);
}

static void
each_form_of_a_time_counts_and_none_moves_nothing(void **state)
{
        struct sq_rig *rig = rig_in(timed, "half");

        (void)state;
        feed(rig, "int", sq_int(-100));
        readers_are_told(rig, -105 * SECOND);
        feed(rig, "text", sq_text("12"));
        readers_are_told(rig, 7 * SECOND);
        feed(rig, "time", sq_time((struct sq_time){13, 500000000}));
        readers_are_told(rig, 8 * SECOND + SECOND / 2);
        feed(rig, "float", sq_float(14.25));
        readers_are_told(rig, 9 * SECOND + SECOND / 4);
        feed(rig, "nil", sq_nil());
        feed(rig, "words", sq_text("noon"));
        feed(rig, "beyond", sq_uint(UINT64_MAX));
        feed(rig, "overflow", sq_int(INT64_MAX / 1000));
        readers_are_told_nothing(rig);
        assert_int_equal(rig->metrics.untimed, 4);
        assert_int_equal(rig->metrics.emitted, 8);
        sq_rig_free(&rig);
}

static void
what_is_taken_back_does_not_count(void **state)
{
        struct sq_rig *rig = rig_in(timed, "half");

        (void)state;
        feed(rig, "good", sq_int(10));
        readers_are_told(rig, 5 * SECOND);
        feed(rig, "bad", sq_int(1000));
        readers_are_told_nothing(rig);
        feed(rig, "good", sq_int(11));
        readers_are_told(rig, 6 * SECOND);
        feed(rig, "bad", sq_int(2000));
        feed(rig, "bad", sq_int(3000));
        feed(rig, "good", sq_int(12));
        readers_are_told(rig, 7 * SECOND);
        sq_rig_free(&rig);
}

static void
it_is_idle_when_nothing_was_emitted_for_so_long(void **state)
{
        struct sq_rig *rig = rig_in(timed, "half");

        (void)state;
        feed(rig, "e", sq_int(10));
        rig->mark = (struct sqi_header){0};
        sqi_rig_advance(rig, 30 * SECOND - 1);
        readers_are_told_nothing(rig);
        sqi_rig_advance(rig, 1);
        readers_are_told(rig, SQI_WATERMARK_IDLE);
        feed(rig, "e", sq_int(10));
        readers_are_told(rig, 5 * SECOND);
        sq_rig_free(&rig);
}

/* ---- The plan ---------------------------------------------------------------------------------------- */

static void
the_plan_says_where_watermarks_come_and_survives_its_bytes(void **state)
{
        struct sqi_plan *plan = planned(timed, NULL), *copy = NULL;
        const struct sqi_event_time *time;
        void *bytes = NULL;
        size_t size = 0;
        char error[256] = "";

        (void)state;
        assert_int_equal(sqi_plan_encode(plan, &bytes, &size), 0);
        assert_int_equal(sqi_plan_decode(bytes, size, &copy, error, sizeof(error)), 0);
        for (int round = 0; round < 2; round++, sqi_plan_free(&plan), plan = copy) {
                assert_false(sqi_plan_find(plan, "a")->streams[0].watermarks);
                assert_true(sqi_plan_find(plan, "half")->streams[0].watermarks);
                assert_null(sqi_plan_find(plan, "a")->event_time);
                time = sqi_plan_find(plan, "half")->event_time;
                assert_int_equal(time->place, 1);
                assert_int_equal(time->format.unit, SQI_UNIT_S);
                assert_true(time->disorder_ns == 5 * SECOND && time->idle_ns == 30 * (uint64_t)SECOND);
                assert_true(plan->edges[2].time.known && plan->edges[2].time.place == 1);
                assert_false(plan->edges[0].time.known);
        }
        free(bytes);
}

static const char dated[] = "name: t\n"
                            "spouts:\n"
                            "  - { id: a, component: file, properties: { path: /dev/null },\n"
                            "      event-time: { field: line, format: '%d.%m.%Y' } }\n"
                            "bolts: [ { id: sink, component: \"null\" } ]\n"
                            "streams: [ { from: a, to: sink, grouping: { type: all } } ]\n";

static void
the_plan_says_how_a_date_is_written_where_it_begins_and_where_it_is_read(void **state)
{
        struct sqi_plan *plan = planned(dated, NULL), *copy = NULL;
        const struct sq_value day = sq_str((struct sq_str){"02.01.1970", 10});
        void *bytes = NULL;
        size_t size = 0;
        int64_t ns = 0;
        char error[256] = "";

        (void)state;
        assert_int_equal(sqi_plan_encode(plan, &bytes, &size), 0);
        assert_int_equal(sqi_plan_decode(bytes, size, &copy, error, sizeof(error)), 0);
        for (int round = 0; round < 2; round++, sqi_plan_free(&plan), plan = copy, ns = 0) {
                assert_true(sqi_event_time_of(&sqi_plan_find(plan, "a")->event_time->format, day, &ns));
                assert_true(ns == 86400 * SECOND);
                assert_true(sqi_event_time_of(&plan->edges[0].time.format, day, &ns));
                assert_false(sqi_event_time_of(&plan->edges[0].time.format, sq_int(5), &ns));
        }
        free(bytes);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_least_of_all_tasks_of_all_sources_is_passed_on),
                cmocka_unit_test(a_task_is_idle_when_all_its_sources_are_and_until_one_is_not),
                cmocka_unit_test(a_source_that_has_come_to_its_natural_end_is_not_waited_for),
                cmocka_unit_test(while_one_source_is_idle_the_end_of_the_others_is_not_the_end_of_time),
                cmocka_unit_test(the_watermark_stays_where_a_source_was_told_to_end),
                cmocka_unit_test(a_reader_that_was_restarted_is_told_again),
                cmocka_unit_test(feedback_edges_are_left_out),
                cmocka_unit_test(a_topology_without_event_time_has_no_watermarks),
                cmocka_unit_test(the_watermark_is_the_latest_time_less_the_disorder),
                cmocka_unit_test(each_form_of_a_time_counts_and_none_moves_nothing),
                cmocka_unit_test(what_is_taken_back_does_not_count),
                cmocka_unit_test(it_is_idle_when_nothing_was_emitted_for_so_long),
                cmocka_unit_test(the_plan_says_where_watermarks_come_and_survives_its_bytes),
                cmocka_unit_test(the_plan_says_how_a_date_is_written_where_it_begins_and_where_it_is_read),
        };

        use_built_components();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The windows of a key, against a model (windows_model.h), and by examples that are documented elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "windows_harness.h"

enum { CASES = 10000, SOURCES = 3 };

static uint64_t seed;

static uint64_t
random_below(uint64_t n)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return seed % n;
}

/* ---- Random cases ------------------------------------------------------------------------------------- */

static struct sqi_rule
random_rule(void)
{
        struct sqi_rule rule = {.kind = (enum sqi_window_kind)random_below(4), .event_time = random_below(4) != 0};

        rule.size = 1 + (int64_t)random_below(40);
        rule.slide = random_below(3) == 0 ? rule.size : 1 + (int64_t)random_below((uint64_t)rule.size);
        rule.gap = 1 + (int64_t)random_below(12);
        rule.discard = random_below(2);
        if (rule.kind == SQI_OVER_COUNT || rule.kind == SQI_GLOBAL)
                rule.event_time = false;
        if (rule.kind == SQI_OVER_TIME && random_below(2))
                rule.offset = (int64_t)random_below(100) - 50;
        if (rule.event_time && random_below(2))
                rule.lateness = (int64_t)random_below(60);
        if (rule.kind != SQI_OVER_COUNT && random_below(3) == 0)
                rule.early_n = 1 + (int64_t)random_below(5);
        if (rule.kind != SQI_OVER_COUNT && random_below(3) == 0)
                rule.early_ns = 1 + (int64_t)random_below(15);
        return rule;
}

/* Windows of many panes, in most of which something comes. */
static struct sqi_rule
random_dense_rule(void)
{
        struct sqi_rule rule = {.kind = SQI_OVER_TIME, .event_time = true, .size = 10 + (int64_t)random_below(60)};

        rule.slide = 1 + (int64_t)random_below(3);
        rule.offset = (int64_t)random_below(3);
        rule.lateness = random_below(2) ? (int64_t)random_below(60) : 0;
        return rule;
}

/* Where the times of a case lie. */
static int64_t
random_base(void)
{
        static const int64_t bases[] = {0, 1, -3000, 1704067200000000000, -(INT64_C(1) << 61), INT64_C(1) << 62};

        return bases[random_below(sizeof(bases) / sizeof(bases[0]))];
}

/* Sources of different progress, some of them idle for a while: what watermark they come to together. */
struct sources {
        size_t n;
        bool dense;
        int64_t disorder, at[SOURCES], watermark[SOURCES], together;
        bool idle[SOURCES];
};

static int64_t
next_of_source(struct sources *sources, size_t i)
{
        static const uint64_t gaps[] = {1, 1, 3, 3, 8, 200};
        int64_t time;

        sources->at[i] += (int64_t)random_below(gaps[random_below(sources->dense ? 4 : 6)]);
        time = sources->at[i] - (int64_t)random_below((uint64_t)sources->disorder * 2 + 1);
        if (time - sources->disorder > sources->watermark[i])
                sources->watermark[i] = time - sources->disorder;
        return time;
}

static int64_t
watermark_of(struct sources *sources)
{
        int64_t least = INT64_MAX;
        bool any = false;

        for (size_t i = 0; i < sources->n; i++) {
                if (sources->idle[i])
                        continue;
                any = true;
                least = sources->watermark[i] < least ? sources->watermark[i] : least;
        }
        if (any && least > sources->together)
                sources->together = least;
        return sources->together;
}

static bool
same_record(const struct record *a, const struct record *b)
{
        return a->firing == b->firing && a->start == b->start && a->end == b->end && a->content.n == b->content.n &&
               a->content.sum == b->content.sum;
}

static void
same_log(const struct log *expected, const struct log *found, uint64_t case_seed, const struct sqi_rule *rule)
{
        size_t n = expected->n < found->n ? expected->n : found->n, i = 0;

        while (i < n && same_record(&expected->records[i], &found->records[i]))
                i++;
        if (i == n && expected->n == found->n)
                return;
        print_error("case %llu: kind %d size %lld slide %lld offset %lld gap %lld lateness %lld early %lld/%lld %s: "
                    "firing %zu of %zu (found %zu)\n",
                    (unsigned long long)case_seed, (int)rule->kind, (long long)rule->size, (long long)rule->slide,
                    (long long)rule->offset, (long long)rule->gap, (long long)rule->lateness, (long long)rule->early_n,
                    (long long)rule->early_ns, rule->discard ? "discard" : "accumulate", i, expected->n, found->n);
        for (const struct log *log = expected;; log = found) {
                if (i < log->n)
                        print_error("%s: firing %d [%lld, %lld) of %llu\n", log == found ? "found" : "expected",
                                    (int)log->records[i].firing, (long long)log->records[i].start,
                                    (long long)log->records[i].end, (unsigned long long)log->records[i].content.n);
                if (log == found)
                        break;
        }
        fail();
}

static void
all_time(struct harness *harness, struct model *model, int64_t watermark, int64_t wall)
{
        int64_t time = model->rule.event_time ? watermark : wall;

        harness_time(harness, time);
        model_time(model, time);
        harness_early(harness, wall);
        model_early(model, wall);
}

static void
random_case(struct harness *harness, struct model *model, uint64_t case_seed)
{
        struct sources sources = {.together = INT64_MIN};
        struct sqi_rule rule;
        int64_t base, wall, watermark = INT64_MIN;

        seed = case_seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
        sources.dense = random_below(4) == 0;
        rule = sources.dense ? random_dense_rule() : random_rule();
        base = random_base();
        harness_begin(harness, &rule);
        if (harness->timelines.stacks && random_below(2)) {
                harness->timelines.stacks = false;
                harness->timelines.totals = random_below(3) ? &total_ops : NULL;
        }
        model->rule = rule;
        model->past = INT64_MIN;
        model->n = model->narrived = model->log.n = 0;
        model->early_set = false;
        sources.n = 1 + random_below(SOURCES);
        sources.disorder = (int64_t)random_below(25);
        for (size_t i = 0; i < sources.n; i++) {
                sources.at[i] = base;
                sources.watermark[i] = INT64_MIN;
        }
        wall = base;
        for (uint64_t id = 0; id < STEPS; id++) {
                size_t source = random_below(sources.n);
                int64_t time = next_of_source(&sources, source);
                bool late;

                if (random_below(30) == 0)
                        harness->has_total = false;          /* as a restore leaves it */
                sources.idle[source] = random_below(6) == 0; /* after this tuple */
                late = harness_add(harness, time, (struct sqi_now){watermark, wall}, id) == SQI_IS_LATE;
                assert_int_equal(late, !model_add(model, time, wall, id));
                watermark = watermark_of(&sources);
                wall += (int64_t)random_below(5);
                all_time(harness, model, watermark, wall);
        }
        if (rule.event_time) {
                harness_time(harness, INT64_MAX - 1);
                model_time(model, INT64_MAX - 1);
                assert_int_equal(harness->timeline.n, 0); /* nothing is kept for ever */
        } else {
                harness->timelines.front = NULL;
                assert_int_equal(sqi_timeline_finish(&harness->timelines, &harness->timeline), 0);
                model_finish(model);
        }
        same_log(&model->log, &harness->log, case_seed, &rule);
        harness_end(harness);
}

static void
fires_what_a_model_without_panes_fires(void **unused)
{
        struct harness *harness = calloc(1, sizeof(*harness));
        struct model *model = calloc(1, sizeof(*model));
        uint64_t kinds[3] = {0}, folds = 0;

        (void)unused;
        assert_true(harness && model);
        for (uint64_t i = 1; i <= CASES; i++) {
                random_case(harness, model, i);
                for (size_t r = 0; r < harness->log.n; r++)
                        kinds[harness->log.records[r].firing]++;
                folds += harness->folds;
        }
        for (size_t i = 0; i < 3; i++)
                assert_true(kinds[i] > CASES); /* the cases are about something */
        assert_true(folds > CASES);
        free(model);
        free(harness);
}

/* ---- Examples that are documented elsewhere ----------------------------------------------------------- */

struct expected {
        enum sqi_firing firing;
        int64_t start, end;
        const char *tuples; /* their names: a is 0 */
};

static void
assert_fired(struct harness *harness, size_t n, const struct expected *expected)
{
        assert_int_equal(harness->log.n, n);
        for (size_t i = 0; i < n; i++) {
                const struct record *found = &harness->log.records[i];
                uint64_t sum = 0;

                for (const char *tuple = expected[i].tuples; *tuple; tuple++)
                        sum += mixed((uint64_t)(*tuple - 'a'));
                assert_int_equal(found->firing, expected[i].firing);
                assert_int_equal(found->start, expected[i].start);
                assert_int_equal(found->end, expected[i].end);
                assert_int_equal(found->content.n, strlen(expected[i].tuples));
                assert_int_equal(found->content.sum, sum);
        }
        harness->log.n = 0;
}

static int
at(struct harness *harness, char tuple, int64_t time, int64_t watermark)
{
        return harness_add(harness, time, (struct sqi_now){.watermark = watermark}, (uint64_t)(tuple - 'a'));
}

static int64_t
time_of_day(int64_t hour, int64_t minute, int64_t second)
{
        return (hour * 3600 + minute * 60 + second) * 1000000000;
}

/* Windows of 20 s every 10 s, a lag of 5 s: "How watermarks work" in Storm's Windowing.html. */
static void
slides_as_the_worked_example_of_storm(void **unused)
{
        static struct harness harness;
        const struct sqi_rule rule = {.kind = SQI_OVER_TIME,
                                      .event_time = true,
                                      .size = 20 * INT64_C(1000000000),
                                      .slide = 10 * INT64_C(1000000000)};
        const int64_t first[] = {3, 5, 7, 18, 26, 36}, second[] = {25, 26, 27, 39};

        (void)unused;
        harness_begin(&harness, &rule);
        for (size_t i = 0; i < 6; i++)
                assert_int_equal(at(&harness, (char)('a' + i), time_of_day(6, 0, first[i]), INT64_MIN), 0);
        harness_time(&harness, time_of_day(6, 0, 31));
        assert_fired(
                &harness, 3,
                (const struct expected[]){{SQI_FIRES_ON_TIME, time_of_day(5, 59, 50), time_of_day(6, 0, 10), "abc"},
                                          {SQI_FIRES_ON_TIME, time_of_day(6, 0, 0), time_of_day(6, 0, 20), "abcd"},
                                          {SQI_FIRES_ON_TIME, time_of_day(6, 0, 10), time_of_day(6, 0, 30), "de"}});
        for (size_t i = 0; i < 4; i++)
                assert_int_equal(at(&harness, (char)('g' + i), time_of_day(8, 0, second[i]), time_of_day(6, 0, 31)), 0);
        harness_time(&harness, time_of_day(8, 0, 34));
        assert_fired(
                &harness, 3,
                (const struct expected[]){{SQI_FIRES_ON_TIME, time_of_day(6, 0, 20), time_of_day(6, 0, 40), "ef"},
                                          {SQI_FIRES_ON_TIME, time_of_day(6, 0, 30), time_of_day(6, 0, 50), "f"},
                                          {SQI_FIRES_ON_TIME, time_of_day(8, 0, 10), time_of_day(8, 0, 30), "ghi"}});
        harness_end(&harness);
}

/* "allowed lateness" and "late elements considerations" in Flink's documentation of windows. */
static void
fires_again_for_each_late_tuple_within_the_lateness_and_refuses_later_ones(void **unused)
{
        static struct harness harness;
        const struct sqi_rule rule = {
                .kind = SQI_OVER_TIME, .event_time = true, .size = 10, .slide = 10, .lateness = 5};

        (void)unused;
        harness_begin(&harness, &rule);
        assert_int_equal(at(&harness, 'a', 3, INT64_MIN), 0);
        harness_time(&harness, 10);
        assert_int_equal(at(&harness, 'b', 9, 12), 0);
        assert_int_equal(at(&harness, 'c', 0, 14), 0);
        harness_time(&harness, 15);
        assert_int_equal(at(&harness, 'd', 9, 15), SQI_IS_LATE);
        assert_fired(&harness, 3,
                     (const struct expected[]){{SQI_FIRES_ON_TIME, 0, 10, "a"},
                                               {SQI_FIRES_LATE, 0, 10, "ab"},
                                               {SQI_FIRES_LATE, 0, 10, "abc"}});
        assert_int_equal(harness.timeline.n, 0);
        harness_end(&harness);
}

/* A session is what has no gap in it; a late tuple may bridge two, also one that has fired. */
static void
merges_sessions_that_a_tuple_bridges(void **unused)
{
        static struct harness harness;
        const struct sqi_rule rule = {.kind = SQI_SESSIONS, .event_time = true, .gap = 10, .lateness = 100};

        (void)unused;
        harness_begin(&harness, &rule);
        assert_int_equal(at(&harness, 'a', 0, INT64_MIN), 0);
        assert_int_equal(at(&harness, 'b', 20, INT64_MIN), 0);
        harness_time(&harness, 12);
        assert_int_equal(at(&harness, 'c', 10, 12), 0); /* it touches both */
        harness_time(&harness, 30);
        assert_fired(&harness, 2,
                     (const struct expected[]){{SQI_FIRES_ON_TIME, 0, 10, "a"}, {SQI_FIRES_ON_TIME, 0, 30, "abc"}});
        harness_end(&harness);
}

/* "e.g. with an offset of 15 minutes you get 1:15:00.000 - 2:14:59.999": Flink. */
static void
begins_windows_at_their_offset(void **unused)
{
        static struct harness harness;
        const struct sqi_rule rule = {.kind = SQI_OVER_TIME,
                                      .event_time = true,
                                      .size = time_of_day(1, 0, 0),
                                      .slide = time_of_day(1, 0, 0),
                                      .offset = time_of_day(0, 15, 0)};

        (void)unused;
        harness_begin(&harness, &rule);
        assert_int_equal(at(&harness, 'a', time_of_day(1, 15, 0), INT64_MIN), 0);
        assert_int_equal(at(&harness, 'b', time_of_day(2, 14, 59), INT64_MIN), 0);
        assert_int_equal(at(&harness, 'c', time_of_day(2, 15, 0), INT64_MIN), 0);
        harness_time(&harness, time_of_day(4, 0, 0));
        assert_fired(&harness, 2,
                     (const struct expected[]){{SQI_FIRES_ON_TIME, time_of_day(1, 15, 0), time_of_day(2, 15, 0), "ab"},
                                               {SQI_FIRES_ON_TIME, time_of_day(2, 15, 0), time_of_day(3, 15, 0), "c"}});
        harness_end(&harness);
}

static void
fires_what_is_due_before_a_tuple_that_comes_first(void **unused)
{
        static struct harness harness;
        const struct sqi_rule rule = {.kind = SQI_OVER_TIME, .event_time = true, .size = 10, .slide = 10};

        (void)unused;
        harness_begin(&harness, &rule);
        assert_int_equal(at(&harness, 'a', 5, INT64_MIN), 0);
        assert_int_equal(at(&harness, 'b', 15, 12), 0); /* the watermark, and no call at it */
        assert_fired(&harness, 1, (const struct expected[]){{SQI_FIRES_ON_TIME, 0, 10, "a"}});
        harness_end(&harness);
}

static void
takes_times_at_both_ends_of_time(void **unused)
{
        static struct harness harness;
        const enum sqi_window_kind kinds[] = {SQI_OVER_TIME, SQI_SESSIONS};

        (void)unused;
        for (size_t i = 0; i < 4; i++) {
                const struct sqi_rule rule = {.kind = kinds[i % 2],
                                              .event_time = true,
                                              .size = 60,
                                              .slide = 7,
                                              .gap = 9,
                                              .lateness = INT64_MAX / 2,
                                              .early_n = (int64_t)(i / 2) * 1000};
                harness_begin(&harness, &rule);
                assert_int_equal(at(&harness, 'a', INT64_MIN, INT64_MIN), 0);
                assert_int_equal(at(&harness, 'b', INT64_MAX - 100, INT64_MIN), 0);
                assert_int_equal(at(&harness, 'c', INT64_MAX, INT64_MIN), 0);
                harness_time(&harness, INT64_MAX);
                assert_true(harness.log.n >= 2);
                harness_end(&harness);
        }
}

static void
does_not_grow_with_the_windows_that_are_past(void **unused)
{
        static struct harness harness;
        const struct sqi_rule rule = {.kind = SQI_OVER_TIME, .event_time = true, .size = 60, .slide = 1};

        (void)unused;
        harness_begin(&harness, &rule);
        for (int64_t time = 0; time < 5000; time++) {
                assert_int_equal(at(&harness, 'a', time, time), 0);
                harness_time(&harness, time);
                harness.log.n = 0;
        }
        assert_true(harness.timeline.n <= 60);
        assert_true(harness.timeline.room <= 256);
        harness_end(&harness);
}

static size_t
panes_moved_by(int64_t size)
{
        static struct harness harness;
        const struct sqi_rule rule = {
                .kind = SQI_OVER_TIME, .event_time = true, .size = size, .slide = 1, .lateness = 10};

        harness_begin(&harness, &rule);
        for (int64_t time = 0; time < 5000; time++) {
                assert_int_equal(at(&harness, 'a', time, time), 0);
                harness_time(&harness, time);
                harness.log.n = 0;
        }
        assert_true(harness.has_total);
        harness_end(&harness);
        return harness.moved;
}

static void
moves_each_pane_into_a_total_and_out_of_it_once(void **unused)
{
        (void)unused;
        assert_true(panes_moved_by(60) <= 2 * 5000 + 6 * 6);
        assert_true(panes_moved_by(1000) <= 2 * 5000 + 6 * 6);
}

static void
keeps_no_total_of_a_window_with_few_panes(void **unused)
{
        static struct harness harness;
        const struct sqi_rule rule = {
                .kind = SQI_OVER_TIME, .event_time = true, .size = 60, .slide = 1, .lateness = 10};

        (void)unused;
        harness_begin(&harness, &rule);
        for (int64_t time = 0; time < 3000; time += 20) { /* three in a window */
                assert_int_equal(at(&harness, 'a', time, time), 0);
                harness_time(&harness, time);
                harness.log.n = 0;
                assert_false(harness.has_total);
        }
        harness_end(&harness);
}

static void
lets_go_of_the_total_of_a_key_that_has_nothing_more(void **unused)
{
        static struct harness harness;
        const struct sqi_rule rule = {
                .kind = SQI_OVER_TIME, .event_time = true, .size = 60, .slide = 1, .lateness = 10};

        (void)unused;
        harness_begin(&harness, &rule);
        for (int64_t time = 0; time < 100; time++)
                assert_int_equal(at(&harness, 'a', time, time), 0);
        harness_time(&harness, 100);
        assert_true(harness.has_total);
        harness_time(&harness, INT64_MAX - 1);
        assert_int_equal(harness.timeline.n, 0);
        assert_false(harness.has_total);
        harness_end(&harness);
}

static size_t
panes_read_by(int64_t size)
{
        static struct harness harness;
        const struct sqi_rule rule = {.kind = SQI_OVER_TIME, .event_time = true, .size = size, .slide = 1};

        harness_begin(&harness, &rule);
        for (int64_t time = 0; time < 5000; time++) {
                assert_int_equal(at(&harness, 'a', time, time), 0);
                harness_time(&harness, time);
                harness.log.n = 0;
        }
        harness_end(&harness);
        return harness.read;
}

static void
takes_no_longer_the_more_windows_a_pane_is_in(void **unused)
{
        (void)unused;
        assert_true(panes_read_by(60) <= 4 * 5000);
        assert_true(panes_read_by(1000) <= 4 * 5000);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fires_what_a_model_without_panes_fires),
                cmocka_unit_test(slides_as_the_worked_example_of_storm),
                cmocka_unit_test(fires_again_for_each_late_tuple_within_the_lateness_and_refuses_later_ones),
                cmocka_unit_test(merges_sessions_that_a_tuple_bridges),
                cmocka_unit_test(begins_windows_at_their_offset),
                cmocka_unit_test(fires_what_is_due_before_a_tuple_that_comes_first),
                cmocka_unit_test(takes_times_at_both_ends_of_time),
                cmocka_unit_test(does_not_grow_with_the_windows_that_are_past),
                cmocka_unit_test(takes_no_longer_the_more_windows_a_pane_is_in),
                cmocka_unit_test(moves_each_pane_into_a_total_and_out_of_it_once),
                cmocka_unit_test(keeps_no_total_of_a_window_with_few_panes),
                cmocka_unit_test(lets_go_of_the_total_of_a_key_that_has_nothing_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

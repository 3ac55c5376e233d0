/* SPDX-License-Identifier: Apache-2.0 */
/* How fast tasks work, what they spend their time on, and who holds up the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "supervisor/bottleneck.h"

/* gen -> split -> count, of two tasks. */
static struct sqi_plan_component components[] = {
        {.id = "gen", .kind = SQ_KIND_SPOUT, .first_task = 0, .ntasks = 1},
        {.id = "split", .kind = SQ_KIND_BOLT, .first_task = 1, .ntasks = 1},
        {.id = "count", .kind = SQ_KIND_BOLT, .first_task = 2, .ntasks = 2},
};
static struct sqi_plan_edge edges[] = {{.from = 0, .to = 1}, {.from = 1, .to = 2, .grouping = SQI_FIELDS}};
static struct sqi_plan_task tasks[] = {{.component = 0, .worker = 0},
                                       {.component = 1, .worker = 1},
                                       {.component = 2, .worker = 2},
                                       {.component = 2, .index = 1, .worker = 3}};
static const struct sqi_plan plan = {.name = "words",
                                     .ncomponents = 3,
                                     .nedges = 2,
                                     .ntasks = 4,
                                     .nworkers = 4,
                                     .components = components,
                                     .edges = edges,
                                     .tasks = tasks};

/* What a task does in a second. */
struct second {
        double busy, blocked;
        uint64_t executed;
};

struct world {
        struct sqi_totals *totals;
        struct sqi_trend *trend;
        struct sqi_metrics metrics;
        uint64_t now_ns, seconds;
};

static struct world
begin(void)
{
        struct world world = {.now_ns = 5 * SQI_SECOND};

        assert_int_equal(sqi_totals_new(&plan, &world.totals), 0);
        assert_int_equal(sqi_trend_new(&plan, &world.trend), 0);
        sqi_trend_look(world.trend, world.totals, world.now_ns);
        return world;
}

static void
end(struct world *world)
{
        sqi_trend_free(&world->trend);
        sqi_totals_free(&world->totals);
}

/* So many seconds, each of them like that. */
static void
pass(struct world *world, unsigned seconds, const struct second of[4])
{
        struct sqi_counts counts;

        for (unsigned s = 0; s < seconds; s++) {
                world->now_ns += SQI_SECOND;
                for (uint32_t t = 0; t < 4; t++) {
                        sqi_totals_counts(world->totals, t, &counts);
                        counts.busy_ns += (uint64_t)(of[t].busy * 1e9);
                        counts.blocked_ns += (uint64_t)(of[t].blocked * 1e9);
                        counts.executed += of[t].executed;
                        sqi_totals_take_counts(world->totals,
                                               &(struct sqi_message){.type = SQI_MSG_METRICS, .task = t, .worker = t},
                                               &counts);
                }
                sqi_trend_look(world->trend, world->totals, world->now_ns);
        }
}

/* Where so many seconds like that leave a topology that has just begun. */
static struct sqi_bottleneck
found_after(unsigned seconds, const struct second of[4])
{
        struct world world = begin();
        struct sqi_bottleneck bottleneck;

        pass(&world, seconds, of);
        sqi_bottleneck_find(&plan, world.trend, 8, &bottleneck);
        end(&world);
        return bottleneck;
}

static void
a_rate_is_that_of_its_window_and_of_no_other(void **state)
{
        struct world world = begin();
        struct sqi_pace pace;

        (void)state;
        pass(&world, 100, (struct second[4]){[2] = {.executed = 10}, [3] = {.executed = 30}});
        pass(&world, 10, (struct second[4]){[2] = {.executed = 500}, [3] = {.executed = 1500}});
        sqi_trend_task(world.trend, 2, 1, &pace);
        assert_true(pace.executed == 500 && pace.seconds == 1);
        sqi_trend_task(world.trend, 2, 10, &pace);
        assert_true(pace.executed == 500 && pace.seconds == 10);
        sqi_trend_task(world.trend, 2, 20, &pace);
        assert_true(pace.executed == 255 && pace.seconds == 20);
        sqi_trend_component(world.trend, 2, 10, &pace);
        assert_true(pace.executed == 2000);
        sqi_trend_component(world.trend, 2, 900, &pace); /* all there is: it began with the first step */
        assert_true(pace.seconds == 110 && pace.executed > 218 && pace.executed < 219);
        end(&world);
}

static void
an_hour_is_known_and_no_more(void **state)
{
        struct world world = begin();
        struct sqi_pace pace;
        double age;
        unsigned n = 0;

        (void)state;
        pass(&world, 5000, (struct second[4]){[1] = {.executed = 7, .busy = 0.5}});
        for (; sqi_trend_step(world.trend, 1, n, &age, &pace); n++) {
                assert_true(pace.executed == 7 && pace.seconds == SQI_TREND_STEP_SECS);
                assert_true(sqi_pace_shares(&pace, 1).busy == 0.5);
        }
        assert_int_equal(n, 3600 / SQI_TREND_STEP_SECS);
        sqi_trend_component(world.trend, 1, 900, &pace);
        assert_true(pace.executed == 7 && pace.seconds > 880 && pace.seconds < 920);
        end(&world);
}

static void
shares_of_time_are_never_more_than_all_of_it(void **state)
{
        struct sqi_pace pace = {.busy_ns = 1.5e9, .blocked_ns = 1e9};
        struct sqi_shares shares = sqi_pace_shares(&pace, 1);

        (void)state;
        assert_true(shares.busy == 1 && shares.blocked == 0 && shares.idle == 0);
        shares = sqi_pace_shares(&pace, 4);
        assert_true(shares.busy == 0.375 && shares.blocked == 0.25 && shares.idle == 0.375);
}

static void
what_was_never_looked_at_is_not_known(void **state)
{
        struct sqi_bottleneck bottleneck = found_after(0, NULL);

        (void)state;
        assert_null(bottleneck.component);
        assert_string_equal(bottleneck.reason, "not known yet");
}

static void
who_is_busy_while_others_wait_for_it_is_the_bottleneck(void **state)
{
        struct sqi_bottleneck bottleneck = found_after(
                3, (struct second[4]){{.busy = 0.3, .blocked = 0.7},
                                      {.busy = 0.15, .blocked = 0.8, .executed = 100},
                                      {.busy = 0.98, .executed = 50},
                                      {.busy = 0.97, .executed = 50}});

        (void)state;
        assert_string_equal(bottleneck.component, "count");
        assert_string_equal(bottleneck.reason, "task 0 is busy 98 % of the time; split waits 80 %");
        assert_string_equal(bottleneck.advice, "more tasks: squall rebalance words --component count=3");
        assert_false(bottleneck.keeps_up);
}

static void
a_skew_is_told_of_and_more_tasks_are_no_advice(void **state)
{
        struct sqi_bottleneck bottleneck = found_after(
                3, (struct second[4]){{.busy = 0.3, .blocked = 0.7},
                                      {.busy = 0.15, .blocked = 0.8, .executed = 100},
                                      {.busy = 0.24, .executed = 24},
                                      {.busy = 0.98, .executed = 76}});

        (void)state;
        assert_string_equal(bottleneck.component, "count");
        assert_non_null(strstr(bottleneck.reason, "task 1 is busy 98 %"));
        assert_non_null(strstr(bottleneck.reason, " of the time and gets 76 % of the tuples; split waits 80 %"));
        assert_non_null(strstr(bottleneck.advice, "partial-key"));
}

static void
a_spout_that_nobody_holds_up_is_the_bottleneck_itself(void **state)
{
        struct sqi_bottleneck bottleneck = found_after(
                3, (struct second[4]){{.busy = 0.99}, {.busy = 0.5}, {.busy = 0.1}, {.busy = 0.1}});

        (void)state;
        assert_string_equal(bottleneck.component, "gen");
        assert_string_equal(bottleneck.reason, "busy 99 % of the time; nothing behind it is");
}

static void
where_nobody_waits_and_nobody_is_busy_it_keeps_up(void **state)
{
        struct sqi_bottleneck bottleneck = found_after(
                3, (struct second[4]){{.busy = 0.1}, {.busy = 0.2, .blocked = 0.02}, {.busy = 0.7}, {.busy = 0.7}});

        (void)state;
        assert_null(bottleneck.component);
        assert_true(bottleneck.keeps_up);
        assert_string_equal(bottleneck.reason, "it keeps up; busiest is count, 70 % of the time");
}

static void
a_spout_that_waits_for_trees_while_all_are_idle_is_held_by_its_limit(void **state)
{
        struct sqi_bottleneck bottleneck = found_after(
                3, (struct second[4]){{.busy = 0.05, .blocked = 0.9}, {.busy = 0.1}, {.busy = 0.1}, {.busy = 0.1}});

        (void)state;
        assert_string_equal(bottleneck.component, "gen");
        assert_non_null(strstr(bottleneck.reason, "waits 90 % of the time for its tuple trees"));
        assert_false(bottleneck.keeps_up);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_rate_is_that_of_its_window_and_of_no_other),
                cmocka_unit_test(an_hour_is_known_and_no_more),
                cmocka_unit_test(shares_of_time_are_never_more_than_all_of_it),
                cmocka_unit_test(what_was_never_looked_at_is_not_known),
                cmocka_unit_test(who_is_busy_while_others_wait_for_it_is_the_bottleneck),
                cmocka_unit_test(a_skew_is_told_of_and_more_tasks_are_no_advice),
                cmocka_unit_test(a_spout_that_nobody_holds_up_is_the_bottleneck_itself),
                cmocka_unit_test(where_nobody_waits_and_nobody_is_busy_it_keeps_up),
                cmocka_unit_test(a_spout_that_waits_for_trees_while_all_are_idle_is_held_by_its_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A supervisor that finds workers of the one before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../shared/split.h"

/* A new supervisor finds all workers but those of `missing`, each in incarnation 2. */
static void
find_all_but(struct world *world, uint32_t missing)
{
        set_up_plan(world, false);
        assert_int_equal(sqi_lifecycle_new(&world->plan, 0, 42, &world->life), 0);
        for (uint32_t w = 0; w < TASKS; w++) {
                world->incarnations[w] = 2;
                step(world, (struct sqi_event){.type = w == missing ? SQI_EVENT_MISSED : SQI_EVENT_FOUND,
                                               .worker = w,
                                               .incarnation = 2});
        }
        step(world, (struct sqi_event){.type = SQI_EVENT_START});
        assert_int_equal(count_type(world, SQI_ACTION_SPAWN), 0);
}

static void
tells_its_state(struct world *world, uint32_t worker, uint64_t bits)
{
        subscribed(world, worker);
        assert_int_equal(count_sent(world, SQI_MSG_ADOPT, worker), 1);
        hear_with(world, (struct sqi_message){.type = SQI_MSG_STATE, .task = worker, .number = bits});
}

static void
adopts_what_runs_without_restarting_anything(void **state)
{
        struct world world;

        (void)state;
        find_all_but(&world, TASKS);
        for (uint32_t w = 0; w < TASKS; w++) {
                assert_string_equal(sqi_lifecycle_state_name(world.life), "starting");
                tells_its_state(&world, w, SQI_TASK_STARTED);
        }
        assert_string_equal(sqi_lifecycle_state_name(world.life), "running");
        assert_true(reported(&world, SQI_REPORT_ADOPTED));
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 0);
        assert_int_equal(count_type(&world, SQI_ACTION_KILL), 0);
        assert_int_equal(count_sent(&world, SQI_MSG_START, SQI_EVERY_WORKER), 0);
        assert_int_equal(count_sent(&world, SQI_MSG_ACTIVATE, SQI_EVERY_WORKER), 1);
        tear_down(&world);
}

static void
restarts_what_died_without_a_supervisor_in_its_next_incarnation(void **state)
{
        struct world world;

        (void)state;
        find_all_but(&world, COUNT);
        for (uint32_t w = 0; w < COUNT; w++)
                tells_its_state(&world, w, SQI_TASK_STARTED);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 1);
        assert_int_equal(world.life->workers[COUNT].incarnation, 3);
        assert_int_equal(count_sent(&world, SQI_MSG_PEER_LOST, SQI_EVERY_WORKER), 1);
        tear_down(&world);
}

/* Each had been started as often as its own deaths were, which the number of the run is not about. */
static void
begins_with_numbers_that_nobody_had_where_all_have_died(void **state)
{
        struct world world;

        (void)state;
        set_up_plan(&world, false);
        assert_int_equal(sqi_lifecycle_new(&world.plan, 0, 42, &world.life), 0);
        world.life->first_incarnation = 3;
        for (uint32_t w = 0; w < TASKS - 1; w++)
                step(&world, (struct sqi_event){.type = SQI_EVENT_MISSED, .worker = w, .incarnation = w + 1});
        step(&world, (struct sqi_event){.type = SQI_EVENT_START});
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), TASKS);
        for (uint32_t w = 0; w < TASKS; w++)
                assert_int_equal(world.life->workers[w].incarnation, w + 2 > 3 && w < TASKS - 1 ? w + 2 : 3);
        tear_down(&world);
}

static void
waits_with_restarts_until_the_last_living_worker_has_told_its_state(void **state)
{
        struct world world;

        (void)state;
        find_all_but(&world, COUNT);
        tells_its_state(&world, SPOUT, SQI_TASK_STARTED);
        tells_its_state(&world, SPLIT_0, SQI_TASK_STARTED);
        subscribed(&world, SPLIT_1);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 0);
        died(&world, SPLIT_1); /* that is an answer too */
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 2);
        tear_down(&world);
}

static void
kills_and_restarts_a_worker_that_had_not_started(void **state)
{
        struct world world;

        (void)state;
        find_all_but(&world, TASKS);
        for (uint32_t w = 0; w < COUNT; w++)
                tells_its_state(&world, w, SQI_TASK_STARTED);
        tells_its_state(&world, COUNT, 0);
        assert_int_equal(count_type(&world, SQI_ACTION_KILL), 1);
        assert_int_equal(world.life->state, SQI_STARTING);
        died(&world, COUNT);
        assert_int_equal(world.life->state, SQI_RUNNING);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 1);
        assert_int_equal(world.life->workers[COUNT].cause.type, SQI_CAUSE_HALFWAY);
        tear_down(&world);
}

static void
begins_anew_when_nothing_had_started(void **state)
{
        struct world world;

        (void)state;
        find_all_but(&world, COUNT);
        for (uint32_t w = 0; w < COUNT; w++)
                tells_its_state(&world, w, 0);
        for (uint32_t w = 0; w < COUNT; w++)
                died(&world, w);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), TASKS);
        for (uint32_t w = 0; w < TASKS; w++)
                world.incarnations[w] = 3;
        run_up(&world);
        tear_down(&world);
}

static void
drains_what_it_adopts_if_that_was_asked_before(void **state)
{
        struct world world;

        (void)state;
        find_all_but(&world, TASKS);
        step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        for (uint32_t w = 0; w < TASKS; w++)
                tells_its_state(&world, w, SQI_TASK_STARTED | (w == SPOUT ? SQI_TASK_FINISHED : 0));
        assert_int_equal(count_sent(&world, SQI_MSG_DRAIN, SQI_EVERY_WORKER), 1);
        for (uint32_t t = 1; t < TASKS; t++)
                hear(&world, SQI_MSG_FINISHED, t);
        assert_int_equal(count_sent(&world, SQI_MSG_QUIT, SQI_EVERY_WORKER), 1);
        assert_true(reported(&world, SQI_REPORT_QUITTING));
        tear_down(&world);
}

static void
what_was_told_to_drain_has_not_finished_by_itself_under_the_next_supervisor(void **state)
{
        struct world world;

        (void)state;
        find_all_but(&world, TASKS);
        for (uint32_t w = 0; w < TASKS; w++)
                tells_its_state(&world, w,
                                SQI_TASK_STARTED | SQI_TASK_FINISHED | SQI_TASK_DRAINING | SQI_TASK_HANDOVER);
        assert_int_equal(count_sent(&world, SQI_MSG_QUIT, SQI_EVERY_WORKER), 1);
        assert_int_equal(world.life->outcome, SQI_OUTCOME_DRAINED);
        assert_true(world.life->handover);
        tear_down(&world);
}

static void
a_handover_that_one_worker_knows_of_is_carried_on_for_all(void **state)
{
        struct world world;

        (void)state;
        find_all_but(&world, TASKS);
        for (uint32_t w = 0; w < TASKS; w++)
                tells_its_state(&world, w, SQI_TASK_STARTED | (w == SPOUT ? SQI_TASK_HANDOVER : 0));
        for (uint32_t w = 0; w < TASKS; w++)
                assert_int_equal(count_sent(&world, SQI_MSG_HANDOVER, w), 1);
        assert_int_equal(count_sent(&world, SQI_MSG_DRAIN, SQI_EVERY_WORKER), 1);
        tear_down(&world);
}

static void
kills_a_worker_that_does_not_answer_its_new_supervisor(void **state)
{
        struct world world;

        (void)state;
        find_all_but(&world, TASKS);
        for (uint32_t w = 0; w < COUNT; w++)
                tells_its_state(&world, w, SQI_TASK_STARTED);
        for (int i = 0; i < 4; i++) {
                for (uint32_t w = 0; w < COUNT; w++)
                        hear(&world, SQI_MSG_HEARTBEAT, w);
                time_comes(&world, 10 * SQI_SECOND);
                if (world.life->workers[COUNT].state == SQI_WORKER_KILLED)
                        break;
        }
        assert_int_equal(world.life->workers[COUNT].state, SQI_WORKER_KILLED);
        died(&world, COUNT);
        assert_int_equal(world.life->state, SQI_RUNNING);
        tear_down(&world);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(adopts_what_runs_without_restarting_anything),
                cmocka_unit_test(restarts_what_died_without_a_supervisor_in_its_next_incarnation),
                cmocka_unit_test(begins_with_numbers_that_nobody_had_where_all_have_died),
                cmocka_unit_test(waits_with_restarts_until_the_last_living_worker_has_told_its_state),
                cmocka_unit_test(kills_and_restarts_a_worker_that_had_not_started),
                cmocka_unit_test(begins_anew_when_nothing_had_started),
                cmocka_unit_test(drains_what_it_adopts_if_that_was_asked_before),
                cmocka_unit_test(what_was_told_to_drain_has_not_finished_by_itself_under_the_next_supervisor),
                cmocka_unit_test(a_handover_that_one_worker_knows_of_is_carried_on_for_all),
                cmocka_unit_test(kills_a_worker_that_does_not_answer_its_new_supervisor),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

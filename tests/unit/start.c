/* SPDX-License-Identifier: Apache-2.0 */
/* The start of a topology, as the supervisor decides about it. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../shared/split.h"

static void
spawns_every_worker_at_the_start(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), TASKS);
        tear_down(&world);
}

static void
connects_when_the_last_task_is_bound_and_the_last_worker_listens(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        for (uint32_t w = 0; w < TASKS; w++) {
                spawned(&world, w);
                hear(&world, SQI_MSG_BOUND, w);
                assert_int_equal(world.actions.n, 0);
        }
        for (uint32_t w = 0; w < TASKS - 1; w++) {
                subscribed(&world, w);
                assert_int_equal(world.actions.n, 0);
        }
        subscribed(&world, TASKS - 1);
        for (uint32_t w = 0; w < TASKS; w++)
                assert_int_equal(count_sent(&world, SQI_MSG_CONNECT, w), 1);
        tear_down(&world);
}

static void
starts_when_the_last_task_is_ready_and_not_before(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        all_are_bound(&world);
        for (uint32_t t = 0; t < TASKS - 1; t++) {
                hear(&world, SQI_MSG_READY, t);
                assert_int_equal(world.actions.n, 0);
        }
        hear(&world, SQI_MSG_READY, TASKS - 1);
        assert_int_equal(count_sent(&world, SQI_MSG_START, SQI_EVERY_WORKER), 1);
        assert_true(reported(&world, SQI_REPORT_STARTED));
        assert_string_equal(sqi_lifecycle_state_name(world.life), "running");
        tear_down(&world);
}

static void
fails_at_once_when_a_task_cannot_prepare(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        all_are_bound(&world);
        hear_with(&world, (struct sqi_message){.type = SQI_MSG_ERROR, .task = SPLIT_1, .text = {"no such file", 12}});
        assert_int_equal(world.life->outcome, SQI_OUTCOME_FAILED);
        assert_int_equal(world.life->failed_worker, SPLIT_1);
        assert_string_equal(world.life->workers[SPLIT_1].cause.text, "no such file");
        assert_int_equal(count_type(&world, SQI_ACTION_KILL), TASKS);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 0);
        for (uint32_t w = 0; w < TASKS; w++)
                exited(&world, w);
        assert_int_equal(count_type(&world, SQI_ACTION_END), 1);
        tear_down(&world);
}

static void
fails_when_a_worker_dies_three_times_before_the_topology_ever_ran(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        all_are_bound(&world);
        for (int i = 0; i < 2; i++) {
                died(&world, COUNT);
                assert_int_equal(world.life->outcome, SQI_OUTCOME_NONE);
                if (world.life->workers[COUNT].state == SQI_WORKER_WAITING)
                        time_comes(&world, SQI_SECOND);
                spawned(&world, COUNT);
        }
        died(&world, COUNT);
        assert_int_equal(world.life->outcome, SQI_OUTCOME_FAILED);
        assert_int_equal(world.life->workers[COUNT].cause.number, SIGSEGV);
        tear_down(&world);
}

static void
fails_when_a_first_worker_cannot_be_spawned(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        spawned(&world, 0);
        step(&world, (struct sqi_event){.type = SQI_EVENT_SPAWN_FAILED, .worker = 1, .number = EAGAIN});
        assert_int_equal(world.life->outcome, SQI_OUTCOME_FAILED);
        assert_int_equal(world.life->workers[1].cause.number, EAGAIN);
        tear_down(&world);
}

static void
survives_a_death_in_the_middle_of_the_start(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        all_are_bound(&world);
        for (uint32_t t = 0; t < TASKS - 1; t++)
                hear(&world, SQI_MSG_READY, t);
        died(&world, SPOUT);
        hear(&world, SQI_MSG_READY, TASKS - 1);
        assert_int_equal(count_sent(&world, SQI_MSG_START, SQI_EVERY_WORKER), 0);
        comes_back(&world, SPOUT);
        assert_int_equal(count_sent(&world, SQI_MSG_START, SQI_EVERY_WORKER), 1);
        tear_down(&world);
}

/* What a shortage kept from being spawned, or from coming up, comes up when that is over. */
static void
what_has_run_before_is_not_given_up_when_it_cannot_start(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        world.life->proven = true;
        world.life->crash_limit = 0;
        for (int i = 0; i < 20; i++) {
                step(&world, (struct sqi_event){.type = SQI_EVENT_SPAWN_FAILED, .worker = COUNT, .number = EAGAIN});
                assert_int_equal(world.life->state, SQI_STARTING);
                time_comes(&world, 60 * SQI_SECOND);
                assert_int_equal(world.life->workers[COUNT].state, SQI_WORKER_SPAWNING);
        }
        spawned(&world, COUNT);
        hear_with(&world, (struct sqi_message){.type = SQI_MSG_ERROR, .task = COUNT, .text = {"no room", 7}});
        died(&world, COUNT);
        assert_int_equal(world.life->state, SQI_STARTING);
        tear_down(&world);
}

static void
refuses_messages_about_tasks_that_are_not_the_senders(void **state)
{
        struct world world;
        struct sqi_message message = {.type = SQI_MSG_FINISHED, .worker = 0, .task = COUNT};

        (void)state;
        set_up(&world, false);
        run_up(&world);
        step(&world, (struct sqi_event){.type = SQI_EVENT_MESSAGE, .message = &message});
        assert_false(world.life->tasks[COUNT].finished);
        message.task = 999;
        step(&world, (struct sqi_event){.type = SQI_EVENT_MESSAGE, .message = &message});
        message.worker = 999;
        step(&world, (struct sqi_event){.type = SQI_EVENT_MESSAGE, .message = &message});
        assert_int_equal(world.actions.n, 0);
        tear_down(&world);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(spawns_every_worker_at_the_start),
                cmocka_unit_test(connects_when_the_last_task_is_bound_and_the_last_worker_listens),
                cmocka_unit_test(starts_when_the_last_task_is_ready_and_not_before),
                cmocka_unit_test(fails_at_once_when_a_task_cannot_prepare),
                cmocka_unit_test(fails_when_a_worker_dies_three_times_before_the_topology_ever_ran),
                cmocka_unit_test(fails_when_a_first_worker_cannot_be_spawned),
                cmocka_unit_test(survives_a_death_in_the_middle_of_the_start),
                cmocka_unit_test(refuses_messages_about_tasks_that_are_not_the_senders),
                cmocka_unit_test(what_has_run_before_is_not_given_up_when_it_cannot_start),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

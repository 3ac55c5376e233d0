/* SPDX-License-Identifier: Apache-2.0 */
/* How a topology ends: by itself, drained, or killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../shared/split.h"
#include "lifecycle/tell.h"

static void
ends_by_itself_when_every_task_has_finished(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        all_finish(&world);
        assert_int_equal(count_sent(&world, SQI_MSG_QUIT, SQI_EVERY_WORKER), 1);
        for (uint32_t w = 0; w < TASKS; w++) {
                assert_int_equal(count_type(&world, SQI_ACTION_END), 0);
                exited(&world, w);
        }
        assert_int_equal(count_type(&world, SQI_ACTION_END), 1);
        assert_string_equal(sqi_lifecycle_state_name(world.life), "finished");
        tear_down(&world);
}

static void
tells_nobody_to_exit_before_it_is_written_down_that_it_ends_by_itself(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        world.life->notes = true;
        run_up(&world);
        all_finish(&world);
        assert_int_equal(count_type(&world, SQI_ACTION_NOTE), 1);
        assert_int_equal(count_sent(&world, SQI_MSG_QUIT, SQI_EVERY_WORKER), 0);
        assert_true(sqi_lifecycle_due(world.life) == SQI_NEVER); /* the disk may take its time */
        exited(&world, 0);                                       /* nobody needs it any more */
        step(&world, (struct sqi_event){.type = SQI_EVENT_NOTED});
        assert_int_equal(count_sent(&world, SQI_MSG_QUIT, SQI_EVERY_WORKER), 1);
        for (uint32_t w = 1; w < TASKS; w++)
                exited(&world, w);
        assert_int_equal(count_type(&world, SQI_ACTION_END), 1);
        assert_string_equal(sqi_lifecycle_state_name(world.life), "finished");
        tear_down(&world);
}

static void
ends_when_it_is_told_to_although_its_end_is_being_written_down(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        world.life->notes = true;
        run_up(&world);
        all_finish(&world);
        step(&world, (struct sqi_event){.type = SQI_EVENT_ABORT});
        step(&world, (struct sqi_event){.type = SQI_EVENT_NOTED}); /* late */
        assert_int_equal(count_sent(&world, SQI_MSG_QUIT, SQI_EVERY_WORKER), 0);
        for (uint32_t w = 0; w < TASKS; w++)
                exited(&world, w);
        assert_int_equal(count_type(&world, SQI_ACTION_END), 1);
        assert_int_equal(world.life->outcome, SQI_OUTCOME_KILLED);
        tear_down(&world);
}

static void
writes_nothing_down_of_what_is_drained(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        world.life->notes = true;
        run_up(&world);
        step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        all_finish(&world);
        assert_int_equal(count_type(&world, SQI_ACTION_NOTE), 0);
        assert_int_equal(count_sent(&world, SQI_MSG_QUIT, SQI_EVERY_WORKER), 1);
        tear_down(&world);
}

static void
drains_once_and_ends_as_drained(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        assert_int_equal(count_sent(&world, SQI_MSG_DRAIN, SQI_EVERY_WORKER), 1);
        step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        assert_int_equal(world.actions.n, 0);
        all_finish(&world);
        for (uint32_t w = 0; w < TASKS; w++)
                exited(&world, w);
        assert_int_equal(world.life->outcome, SQI_OUTCOME_DRAINED);
        tear_down(&world);
}

static void
drains_a_topology_that_has_not_started_by_starting_it_first(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        assert_int_equal(count_sent(&world, SQI_MSG_DRAIN, SQI_EVERY_WORKER), 0);
        all_are_bound(&world);
        for (uint32_t t = 0; t < TASKS; t++)
                hear(&world, SQI_MSG_READY, t);
        assert_true(place_of(&world, SQI_MSG_DRAIN) < place_of(&world, SQI_MSG_START));
        tear_down(&world);
}

static void
says_what_did_not_finish_when_the_drain_takes_too_long(void **state)
{
        struct world world;
        char text[256];

        (void)state;
        set_up(&world, false);
        run_up(&world);
        step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        hear(&world, SQI_MSG_FINISHED, SPOUT);
        hear(&world, SQI_MSG_FINISHED, SPLIT_0);
        hear(&world, SQI_MSG_FINISHED, SPLIT_1);
        time_passes(&world, 30 * SQI_SECOND);
        assert_true(reported(&world, SQI_REPORT_UNFINISHED));
        assert_int_equal(world.actions.items[0].task, COUNT);
        sqi_report_text(world.life, &world.actions.items[0], text, sizeof(text));
        assert_non_null(strstr(text, "count/0"));
        assert_int_equal(count_type(&world, SQI_ACTION_KILL), TASKS);
        for (uint32_t w = 0; w < TASKS; w++)
                exited(&world, w);
        assert_int_equal(world.life->outcome, SQI_OUTCOME_FAILED);
        tear_down(&world);
}

static void
tells_a_bolt_restarted_in_a_drain_to_start_and_drain(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        hear(&world, SQI_MSG_FINISHED, COUNT);
        died(&world, COUNT);
        comes_back(&world, COUNT);
        assert_int_equal(count_sent(&world, SQI_MSG_START, COUNT), 1);
        assert_int_equal(count_sent(&world, SQI_MSG_DRAIN, COUNT), 1);
        assert_false(world.life->tasks[COUNT].finished);
        tear_down(&world);
}

static void
a_spout_that_had_finished_is_drained_when_it_is_restarted(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        hear(&world, SQI_MSG_FINISHED, SPOUT);
        died(&world, SPOUT);
        comes_back(&world, SPOUT);
        assert_true(place_of(&world, SQI_MSG_DRAIN) < place_of(&world, SQI_MSG_START));
        assert_int_equal(count_sent(&world, SQI_MSG_DRAIN, SPOUT), 1);
        tear_down(&world);
}

/* What the dead one had emitted its successor owes, or counts as lost: task/owed.h. */
static void
a_drain_whose_spout_dies_waits_for_the_next_one_and_fails_by_what_that_misses(void **state)
{
        (void)state;
        for (uint64_t missing = 0; missing < 2; missing++) {
                struct world world;

                set_up(&world, false);
                world.plan.config.delivery = SQI_AT_LEAST_ONCE;
                run_up(&world);
                step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
                died(&world, SPOUT);
                comes_back(&world, SPOUT);
                assert_true(place_of(&world, SQI_MSG_DRAIN) < place_of(&world, SQI_MSG_START));
                assert_int_equal(count_type(&world, SQI_ACTION_END), 0);
                step(&world, (struct sqi_event){.type = SQI_EVENT_TIME, .sums = true, .missing = missing});
                all_finish(&world);
                for (uint32_t w = 0; w < TASKS; w++)
                        exited(&world, w);
                assert_int_equal(world.life->outcome, missing ? SQI_OUTCOME_FAILED : SQI_OUTCOME_DRAINED);
                tear_down(&world);
        }
}

static void
does_not_restart_a_worker_that_dies_after_it_was_told_to_quit(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        all_finish(&world);
        died(&world, COUNT);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 0);
        assert_true(reported(&world, SQI_REPORT_BAD_EXIT));
        assert_int_equal(world.life->outcome, SQI_OUTCOME_FINISHED);
        tear_down(&world);
}

static void
kills_who_does_not_exit_when_told_to(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        all_finish(&world);
        exited(&world, 0);
        exited(&world, 1);
        exited(&world, 2);
        time_comes(&world, 10 * SQI_SECOND);
        assert_int_equal(count_type(&world, SQI_ACTION_KILL), 1);
        assert_true(reported(&world, SQI_REPORT_LATE_EXIT));
        died(&world, COUNT);
        assert_int_equal(count_type(&world, SQI_ACTION_END), 1);
        tear_down(&world);
}

static void
aborts_by_killing_all_even_one_that_is_just_being_spawned(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        spawned(&world, 0);
        step(&world, (struct sqi_event){.type = SQI_EVENT_ABORT});
        assert_int_equal(count_type(&world, SQI_ACTION_KILL), 1);
        died(&world, 0);
        for (uint32_t w = 1; w < TASKS; w++) {
                spawned(&world, w);
                assert_int_equal(count_type(&world, SQI_ACTION_KILL), 1);
                assert_int_equal(count_type(&world, SQI_ACTION_END), 0);
                died(&world, w);
        }
        assert_int_equal(count_type(&world, SQI_ACTION_END), 1);
        assert_string_equal(sqi_lifecycle_state_name(world.life), "killed");
        tear_down(&world);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ends_by_itself_when_every_task_has_finished),
                cmocka_unit_test(tells_nobody_to_exit_before_it_is_written_down_that_it_ends_by_itself),
                cmocka_unit_test(ends_when_it_is_told_to_although_its_end_is_being_written_down),
                cmocka_unit_test(writes_nothing_down_of_what_is_drained),
                cmocka_unit_test(drains_once_and_ends_as_drained),
                cmocka_unit_test(drains_a_topology_that_has_not_started_by_starting_it_first),
                cmocka_unit_test(says_what_did_not_finish_when_the_drain_takes_too_long),
                cmocka_unit_test(tells_a_bolt_restarted_in_a_drain_to_start_and_drain),
                cmocka_unit_test(a_spout_that_had_finished_is_drained_when_it_is_restarted),
                cmocka_unit_test(a_drain_whose_spout_dies_waits_for_the_next_one_and_fails_by_what_that_misses),
                cmocka_unit_test(does_not_restart_a_worker_that_dies_after_it_was_told_to_quit),
                cmocka_unit_test(kills_who_does_not_exit_when_told_to),
                cmocka_unit_test(aborts_by_killing_all_even_one_that_is_just_being_spawned),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

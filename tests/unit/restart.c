/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that die, hang or are silent, and how they come back. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../shared/split.h"

static void
restarts_a_killed_worker_at_once_and_tells_its_peers(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        died(&world, SPLIT_0);
        assert_int_equal(count_sent(&world, SQI_MSG_PEER_LOST, SQI_EVERY_WORKER), 1);
        assert_int_equal(world.actions.items[place_of(&world, SQI_MSG_PEER_LOST)].message.task, SPLIT_0);
        assert_int_equal(world.actions.items[place_of(&world, SQI_MSG_PEER_LOST)].message.number, 1);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 1);
        assert_int_equal(world.actions.items[world.actions.n - 1].incarnation, 1);
        tear_down(&world);
}

static void
starts_a_restarted_worker_alone(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        died(&world, SPLIT_0);
        spawned(&world, SPLIT_0);
        subscribed(&world, SPLIT_0);
        assert_int_equal(world.actions.n, 0);
        hear(&world, SQI_MSG_BOUND, SPLIT_0);
        assert_int_equal(count_sent(&world, SQI_MSG_CONNECT, SPLIT_0), 1);
        assert_int_equal(count_sent(&world, SQI_MSG_CONNECT, SQI_EVERY_WORKER), 0);
        hear(&world, SQI_MSG_READY, SPLIT_0);
        assert_int_equal(count_sent(&world, SQI_MSG_START, SPLIT_0), 1);
        assert_int_equal(count_sent(&world, SQI_MSG_PEER_READY, SQI_EVERY_WORKER), 1);
        tear_down(&world);
}

static void
hands_a_restarted_spout_its_position_before_it_connects(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        hear_with(&world, (struct sqi_message){.type = SQI_MSG_POSITION, .task = SPOUT, .number = 70});
        hear_with(&world, (struct sqi_message){.type = SQI_MSG_POSITION, .task = SPOUT, .number = 60});
        died(&world, SPOUT);
        spawned(&world, SPOUT);
        subscribed(&world, SPOUT);
        hear(&world, SQI_MSG_BOUND, SPOUT);
        assert_int_equal(world.actions.items[place_of(&world, SQI_MSG_POSITION)].message.number, 70);
        assert_true(place_of(&world, SQI_MSG_POSITION) < place_of(&world, SQI_MSG_CONNECT));
        tear_down(&world);
}

static void
keeps_the_note_of_the_latest_position_and_hands_it_back(void **state)
{
        struct world world;
        const struct sqi_message *told;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        hear_with(&world,
                  (struct sqi_message){.type = SQI_MSG_POSITION, .task = SPOUT, .number = 70, .text = {"a\0b", 3}});
        hear_with(&world,
                  (struct sqi_message){.type = SQI_MSG_POSITION, .task = SPOUT, .number = 60, .text = {"old", 3}});
        hear_with(&world,
                  (struct sqi_message){.type = SQI_MSG_POSITION, .task = SPOUT, .number = 70, .text = {"a\0c", 3}});
        died(&world, SPOUT);
        spawned(&world, SPOUT);
        subscribed(&world, SPOUT);
        hear(&world, SQI_MSG_BOUND, SPOUT);
        told = &world.actions.items[place_of(&world, SQI_MSG_POSITION)].message;
        assert_int_equal(told->text.len, 3);
        assert_memory_equal(told->text.ptr, "a\0c", 3);
        tear_down(&world);
}

static void
fails_at_once_when_no_restart_could_mend_an_error(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        hear_with(&world, (struct sqi_message){.type = SQI_MSG_ERROR, .task = SPOUT, .text = {"busy", 4}});
        assert_int_not_equal(world.life->outcome, SQI_OUTCOME_FAILED);
        hear_with(&world,
                  (struct sqi_message){.type = SQI_MSG_ERROR, .task = SPOUT, .number = 1, .text = {"shrunk", 6}});
        assert_int_equal(world.life->outcome, SQI_OUTCOME_FAILED);
        assert_string_equal(world.life->workers[SPOUT].cause.text, "shrunk");
        tear_down(&world);
}

static void
believes_the_position_of_a_dead_incarnation_and_nothing_else(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        died(&world, SPOUT);
        world.incarnations[SPOUT] = 0;
        hear_with(&world, (struct sqi_message){.type = SQI_MSG_POSITION, .task = SPOUT, .number = 9});
        hear(&world, SQI_MSG_FINISHED, SPOUT);
        assert_int_equal(world.life->tasks[SPOUT].position.number, 9);
        assert_false(world.life->tasks[SPOUT].finished);
        tear_down(&world);
}

static void
tells_a_restarted_worker_in_which_incarnations_its_peers_are(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        died(&world, SPOUT);
        comes_back(&world, SPOUT);
        died(&world, COUNT);
        spawned(&world, COUNT);
        subscribed(&world, COUNT);
        hear(&world, SQI_MSG_BOUND, COUNT);
        assert_int_equal(count_sent(&world, SQI_MSG_PEER_LOST, COUNT), 1);
        assert_int_equal(count_sent(&world, SQI_MSG_PEER_READY, COUNT), 1);
        assert_true(place_of(&world, SQI_MSG_PEER_READY) < place_of(&world, SQI_MSG_CONNECT));
        tear_down(&world);
}

static void
waits_longer_after_each_death_that_got_nothing_done_and_fails_after_ten(void **state)
{
        struct world world;
        uint64_t before = 0;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        for (int i = 1; i < 10; i++) {
                uint64_t wait;

                died(&world, COUNT);
                wait = world.life->workers[COUNT].state == SQI_WORKER_SPAWNING
                               ? 0
                               : world.life->workers[COUNT].due - world.now;
                assert_true(wait >= before && wait <= SQI_BACKOFF_MAX);
                before = wait;
                time_passes(&world, wait);
                assert_int_equal(world.life->workers[COUNT].state, SQI_WORKER_SPAWNING);
                comes_back(&world, COUNT);
        }
        assert_string_equal(sqi_lifecycle_state_name(world.life), "degraded");
        died(&world, COUNT);
        assert_int_equal(world.life->outcome, SQI_OUTCOME_FAILED);
        tear_down(&world);
}

static void
restarts_at_once_each_time_when_work_was_done_in_between(void **state)
{
        struct world world;
        struct sqi_metrics metrics = {.executed = 5};

        (void)state;
        set_up(&world, false);
        run_up(&world);
        for (int i = 0; i < 50; i++) {
                hear_with(&world, (struct sqi_message){.type = SQI_MSG_METRICS, .task = COUNT, .metrics = &metrics});
                died(&world, COUNT);
                assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 1);
                comes_back(&world, COUNT);
        }
        assert_int_equal(world.life->outcome, SQI_OUTCOME_NONE);
        tear_down(&world);
}

static void
recovers_from_degraded_after_a_minute_of_health(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        for (int i = 0; i < SQI_DEGRADED_CRASHES; i++) {
                time_passes(&world, 2 * SQI_SECOND);
                died(&world, COUNT);
                comes_back(&world, COUNT);
        }
        assert_true(world.life->degraded);
        time_passes(&world, 59 * SQI_SECOND);
        assert_true(world.life->degraded);
        time_passes(&world, SQI_SECOND);
        assert_false(world.life->degraded);
        assert_true(reported(&world, SQI_REPORT_RECOVERED));
        tear_down(&world);
}

static void
kills_a_silent_worker_and_spawns_only_when_it_is_reaped(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        for (int i = 0; i < 29; i++) {
                for (uint32_t t = 0; t < TASKS; t++)
                        if (t != COUNT)
                                hear(&world, SQI_MSG_HEARTBEAT, t);
                time_comes(&world, SQI_SECOND);
                assert_int_equal(count_type(&world, SQI_ACTION_KILL), 0);
        }
        time_comes(&world, SQI_SECOND);
        assert_int_equal(count_type(&world, SQI_ACTION_KILL), 1);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 0);
        step(&world, (struct sqi_event){
                             .type = SQI_EVENT_EXITED, .worker = COUNT, .cause = SQI_CAUSE_SIGNAL, .number = SIGKILL});
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 1);
        assert_int_equal(world.life->workers[COUNT].cause.type, SQI_CAUSE_SILENT);
        tear_down(&world);
}

static void
kills_a_worker_whose_task_stands_still_while_it_beats(void **state)
{
        struct world world;
        struct sqi_metrics metrics = {.loops = 7};
        size_t killed = 0;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        for (int i = 0; i <= 31 && !killed; i++) {
                time_passes(&world, SQI_SECOND);
                hear_with(&world, (struct sqi_message){.type = SQI_MSG_METRICS, .task = COUNT, .metrics = &metrics});
                killed = count_type(&world, SQI_ACTION_KILL);
        }
        assert_int_equal(killed, 1);
        assert_int_equal(world.life->workers[COUNT].cause.type, SQI_CAUSE_STUCK);
        tear_down(&world);
}

static void
gives_a_worker_the_start_timeout_to_be_heard_of_and_replaces_it_then(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        died(&world, COUNT);
        spawned(&world, COUNT);
        for (int i = 0; i < 119; i++) {
                for (uint32_t t = 0; t < TASKS; t++)
                        if (t != COUNT)
                                hear(&world, SQI_MSG_HEARTBEAT, t);
                time_comes(&world, SQI_SECOND);
                assert_int_equal(count_type(&world, SQI_ACTION_KILL), 0);
        }
        assert_int_equal(sqi_lifecycle_due(world.life) <= world.now + SQI_SECOND, true);
        time_comes(&world, SQI_SECOND);
        assert_int_equal(count_type(&world, SQI_ACTION_KILL), 1);
        assert_int_equal(world.life->workers[COUNT].cause.type, SQI_CAUSE_UNHEARD);
        tear_down(&world);
}

static void
kills_a_worker_that_does_not_get_through_prepare_and_not_before_its_time(void **state)
{
        struct world world;
        struct sqi_metrics metrics = {.loops = 7};
        size_t killed = 0;
        int seconds = 0;

        (void)state;
        set_up(&world, false);
        all_are_bound(&world);
        for (; seconds <= 130 && !killed; seconds++) {
                time_passes(&world, SQI_SECOND);
                hear_with(&world, (struct sqi_message){.type = SQI_MSG_METRICS, .task = COUNT, .metrics = &metrics});
                killed = count_type(&world, SQI_ACTION_KILL);
        }
        assert_int_equal(killed, 1);
        assert_in_range(seconds, 120, 122);
        assert_int_equal(world.life->workers[COUNT].cause.type, SQI_CAUSE_UNREADY);
        tear_down(&world);
}

static void
forgives_silence_when_it_was_itself_stopped(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        time_comes(&world, 3600 * SQI_SECOND);
        assert_int_equal(count_type(&world, SQI_ACTION_KILL), 0);
        tear_down(&world);
}

static void
a_deactivated_topology_stays_so_for_workers_that_are_restarted(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        run_up(&world);
        step(&world, (struct sqi_event){.type = SQI_EVENT_DEACTIVATE});
        assert_int_equal(count_sent(&world, SQI_MSG_DEACTIVATE, SQI_EVERY_WORKER), 1);
        died(&world, SPOUT);
        comes_back(&world, SPOUT);
        assert_int_equal(count_sent(&world, SQI_MSG_DEACTIVATE, SPOUT), 1);
        assert_true(place_of(&world, SQI_MSG_DEACTIVATE) < place_of(&world, SQI_MSG_START));
        tear_down(&world);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(restarts_a_killed_worker_at_once_and_tells_its_peers),
                cmocka_unit_test(starts_a_restarted_worker_alone),
                cmocka_unit_test(hands_a_restarted_spout_its_position_before_it_connects),
                cmocka_unit_test(believes_the_position_of_a_dead_incarnation_and_nothing_else),
                cmocka_unit_test(keeps_the_note_of_the_latest_position_and_hands_it_back),
                cmocka_unit_test(fails_at_once_when_no_restart_could_mend_an_error),
                cmocka_unit_test(tells_a_restarted_worker_in_which_incarnations_its_peers_are),
                cmocka_unit_test(waits_longer_after_each_death_that_got_nothing_done_and_fails_after_ten),
                cmocka_unit_test(restarts_at_once_each_time_when_work_was_done_in_between),
                cmocka_unit_test(recovers_from_degraded_after_a_minute_of_health),
                cmocka_unit_test(kills_a_silent_worker_and_spawns_only_when_it_is_reaped),
                cmocka_unit_test(gives_a_worker_the_start_timeout_to_be_heard_of_and_replaces_it_then),
                cmocka_unit_test(kills_a_worker_whose_task_stands_still_while_it_beats),
                cmocka_unit_test(kills_a_worker_that_does_not_get_through_prepare_and_not_before_its_time),
                cmocka_unit_test(forgives_silence_when_it_was_itself_stopped),
                cmocka_unit_test(a_deactivated_topology_stays_so_for_workers_that_are_restarted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

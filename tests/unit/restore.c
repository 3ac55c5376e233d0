/* SPDX-License-Identifier: Apache-2.0 */
/* Exactly-once after a death, as the supervisor decides about it: all begin anew, together, from the newest epoch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../shared/line.h"

static void
a_death_ends_all_and_all_begin_together_from_the_newest_epoch(void **state)
{
        struct world world;
        const struct sqi_message *message;

        (void)state;
        run_line(&world);
        hear_with(&world, (struct sqi_message){.type = SQI_MSG_POSITION, .task = SPOUT, .number = 170});
        died(&world, BOLT);
        assert_int_equal(count_type(&world, SQI_ACTION_KILL), 2);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 0);
        assert_string_equal(sqi_lifecycle_state_name(world.life), "restoring");
        died(&world, SPOUT);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 0);
        died(&world, SINK);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), TASKS);
        for (uint32_t w = 0; w < TASKS; w++)
                assert_int_equal(world.life->workers[w].incarnation, 1);
        assert_int_equal(world.life->workers[SINK].backoff.crashes, 0);
        assert_int_equal(world.life->workers[SINK].restarts, 0);
        assert_int_equal(world.life->workers[BOLT].restarts, 1);
        for (uint32_t w = 0; w < TASKS; w++)
                spawned(&world, w);
        for (uint32_t w = 0; w < TASKS; w++)
                subscribed(&world, w);
        all_say(&world, SQI_MSG_BOUND);
        message = sent(&world, SQI_MSG_RESTORE);
        assert_int_equal(message->text.len, 4);
        assert_memory_equal(message->text.ptr, "/s/1", 4);
        assert_int_equal(sent(&world, SQI_MSG_POSITION)->number, 100);
        assert_true(place_of(&world, SQI_MSG_RESTORE) < place_of(&world, SQI_MSG_CONNECT));
        all_say(&world, SQI_MSG_READY);
        assert_non_null(sent(&world, SQI_MSG_START));
        assert_null(sent(&world, SQI_MSG_CHECKPOINT));
        assert_true(reported(&world, SQI_REPORT_RESTORED));
        assert_string_equal(sqi_lifecycle_state_name(world.life), "running");
        tear_down(&world);
}

static void
an_epoch_that_a_death_cut_short_is_not_sealed_by_what_comes_late(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        all_beat_for(&world, SQI_SECOND);
        part(&world, SPOUT, 2);
        part(&world, BOLT, 2);
        died(&world, BOLT);
        part(&world, SINK, 2);
        assert_int_equal(count_type(&world, SQI_ACTION_SEAL), 0);
        died(&world, SPOUT);
        died(&world, SINK);
        come_up(&world);
        assert_int_equal(world.life->tasks[SPOUT].position.number, 100);
        all_beat_for(&world, SQI_SECOND);
        sends_checkpoint(&world, 3);
        tear_down(&world);
}

static void
all_wait_for_the_back_off_of_who_dies_again_and_again(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        for (int i = 0; i < 4; i++) {
                died(&world, BOLT);
                died(&world, SPOUT);
                died(&world, SINK);
                if (world.life->checkpoint.restore == SQI_RESTORE_GATHERING) {
                        uint64_t due = sqi_lifecycle_due(world.life);

                        assert_true(due > world.now);
                        all_beat_for(&world, due - world.now);
                        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), TASKS);
                }
                come_up(&world);
        }
        assert_true(world.life->workers[BOLT].backoff.streak > 1);
        assert_int_equal(world.life->workers[SPOUT].backoff.streak, 0);
        tear_down(&world);
}

static void
a_second_death_while_all_come_back_begins_it_again(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        died(&world, BOLT);
        died(&world, SPOUT);
        died(&world, SINK);
        for (uint32_t w = 0; w < TASKS; w++)
                spawned(&world, w);
        died(&world, SINK);
        assert_int_equal(count_type(&world, SQI_ACTION_KILL), 2);
        died(&world, SPOUT);
        died(&world, BOLT);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), TASKS);
        come_up(&world);
        assert_int_equal(world.life->state, SQI_RUNNING);
        tear_down(&world);
}

static void
what_a_dead_incarnation_says_of_its_position_does_not_count(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        died(&world, SPOUT);
        world.incarnations[SPOUT] = 0;
        hear_with(&world, (struct sqi_message){.type = SQI_MSG_POSITION, .task = SPOUT, .number = 900});
        assert_int_equal(world.life->tasks[SPOUT].position.number, 100);
        tear_down(&world);
}

static void
a_new_supervisor_ends_what_it_finds_and_begins_from_the_newest_snapshot(void **state)
{
        struct world world;

        (void)state;
        make_line(&world);
        world.life->restore = "/s/6";
        world.life->checkpoint.epoch = 8;
        world.life->first_incarnation = 2;
        for (uint32_t w = 0; w < 2; w++)
                step(&world, (struct sqi_event){.type = SQI_EVENT_FOUND, .worker = w, .incarnation = 3});
        step(&world, (struct sqi_event){.type = SQI_EVENT_MISSED, .worker = SINK, .incarnation = 1});
        step(&world, (struct sqi_event){.type = SQI_EVENT_START});
        assert_int_equal(count_type(&world, SQI_ACTION_KILL), 2);
        died(&world, SPOUT);
        died(&world, BOLT);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), TASKS);
        assert_int_equal(world.life->workers[SPOUT].incarnation, 4);
        assert_int_equal(world.life->workers[SINK].incarnation, 2);
        tear_down(&world);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_death_ends_all_and_all_begin_together_from_the_newest_epoch),
                cmocka_unit_test(an_epoch_that_a_death_cut_short_is_not_sealed_by_what_comes_late),
                cmocka_unit_test(all_wait_for_the_back_off_of_who_dies_again_and_again),
                cmocka_unit_test(a_second_death_while_all_come_back_begins_it_again),
                cmocka_unit_test(what_a_dead_incarnation_says_of_its_position_does_not_count),
                cmocka_unit_test(a_new_supervisor_ends_what_it_finds_and_begins_from_the_newest_snapshot),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

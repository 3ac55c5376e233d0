/* SPDX-License-Identifier: Apache-2.0 */
/* Exactly-once after a death, as the supervisor decides about it: all begin anew, together, from the newest epoch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../shared/line.h"

static void
a_death_ends_the_run_of_all_and_all_begin_together_from_the_newest_epoch(void **state)
{
        struct world world;
        const struct sqi_message *message;

        (void)state;
        run_line(&world);
        hear_with(&world, (struct sqi_message){.type = SQI_MSG_POSITION, .task = SPOUT, .number = 170});
        died(&world, BOLT);
        assert_int_equal(count_type(&world, SQI_ACTION_REJOIN), 2);
        assert_int_equal(count_type(&world, SQI_ACTION_KILL), 0);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 0);
        assert_string_equal(sqi_lifecycle_state_name(world.life), "restoring");
        listens_again(&world, SPOUT);
        assert_int_equal(count_type(&world, SQI_ACTION_LEFT), 1);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 0);
        assert_null(sent(&world, SQI_MSG_BEGIN));
        listens_again(&world, SINK);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 1);
        assert_int_equal(count_sent(&world, SQI_MSG_BEGIN, SPOUT), 1);
        assert_int_equal(count_sent(&world, SQI_MSG_BEGIN, SINK), 1);
        for (uint32_t w = 0; w < TASKS; w++)
                assert_int_equal(world.life->workers[w].incarnation, 1);
        assert_int_equal(world.life->workers[SINK].backoff.crashes, 0);
        assert_int_equal(world.life->workers[SINK].restarts, 0);
        assert_int_equal(world.life->workers[BOLT].restarts, 1);
        spawned(&world, BOLT);
        subscribed(&world, BOLT);
        all_say(&world, SQI_MSG_BOUND);
        message = sent(&world, SQI_MSG_RESTORE);
        assert_int_equal(message->text.len, 4);
        assert_memory_equal(message->text.ptr, "/s/1", 4);
        assert_int_equal(message->number, 1);
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
        listens_again(&world, SPOUT);
        listens_again(&world, SINK);
        begin_together(&world, BOLT);
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
                listens_again(&world, SPOUT);
                listens_again(&world, SINK);
                if (world.life->checkpoint.restore == SQI_RESTORE_GATHERING) {
                        uint64_t due = sqi_lifecycle_due(world.life);

                        assert_true(due > world.now);
                        all_beat_for(&world, due - world.now);
                        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 1);
                }
                begin_together(&world, BOLT);
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
        listens_again(&world, SPOUT);
        listens_again(&world, SINK);
        spawned(&world, BOLT); /* and does not listen yet */
        all_say(&world, SQI_MSG_BOUND);
        died(&world, SINK);
        assert_int_equal(count_type(&world, SQI_ACTION_KILL), 1);
        assert_int_equal(count_type(&world, SQI_ACTION_REJOIN), 1);
        listens_again(&world, SPOUT);
        assert_int_equal(world.life->workers[SPOUT].incarnation, 2);
        died(&world, BOLT);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 2);
        assert_int_equal(world.life->workers[BOLT].restarts, 1);
        spawned(&world, BOLT);
        subscribed(&world, BOLT);
        begin_together(&world, SINK);
        assert_int_equal(world.life->state, SQI_RUNNING);
        tear_down(&world);
}

/* An epoch that is damaged, say: whichever task says so first. */
static void
restores_that_come_to_nothing_in_a_row_count_together(void **state)
{
        const uint32_t tasks[] = {SPOUT, BOLT, SINK};
        struct world world;

        (void)state;
        run_line(&world);
        died(&world, BOLT);
        for (uint32_t i = 0; i < 6; i++) {
                uint32_t failing = tasks[i % 3];

                for (uint32_t t = 0; t < TASKS; t++)
                        if (world.life->workers[t].state == SQI_WORKER_LEAVING)
                                listens_again(&world, t);
                all_beat_for(&world, SQI_BACKOFF_MAX);
                for (uint32_t t = 0; t < TASKS; t++) {
                        if (world.life->workers[t].state != SQI_WORKER_SPAWNING)
                                continue;
                        spawned(&world, t);
                        subscribed(&world, t);
                }
                all_say(&world, SQI_MSG_BOUND);
                hear_with(&world, (struct sqi_message){.type = SQI_MSG_ERROR, .task = failing, .text = {"torn", 4}});
                died(&world, failing);
                assert_int_equal(world.life->workers[failing].backoff.streak, i + 2);
        }
        tear_down(&world);
}

static void
a_death_of_one_that_is_back_lets_the_others_wait_for_it(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        died(&world, BOLT);
        listens_again(&world, SPOUT);
        died(&world, SPOUT);
        assert_int_equal(world.life->workers[SPOUT].restarts, 1);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 0);
        listens_again(&world, SINK);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 2);
        assert_int_equal(count_sent(&world, SQI_MSG_BEGIN, SINK), 1);
        tear_down(&world);
}

/* Stopped, or the order is lost: it is told again. */
static void
a_worker_that_does_not_leave_in_time_is_killed_and_spawned(void **state)
{
        struct world world;
        size_t told = 0;

        (void)state;
        run_line(&world);
        died(&world, BOLT);
        listens_again(&world, SPOUT);
        for (unsigned i = 0; i < 40 && count_type(&world, SQI_ACTION_KILL) == 0; i++) {
                hear(&world, SQI_MSG_HEARTBEAT, SINK); /* of before, and so no sign that it leaves */
                world.life->workers[SPOUT].beat_at = world.now + SQI_SECOND;
                time_comes(&world, SQI_SECOND);
                told += count_type(&world, SQI_ACTION_REJOIN);
        }
        assert_true(told > 10);
        assert_int_equal(world.life->workers[SINK].state, SQI_WORKER_KILLED);
        assert_int_equal(world.life->workers[SPOUT].state, SQI_WORKER_BACK);
        died(&world, SINK);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 2);
        assert_int_equal(count_sent(&world, SQI_MSG_BEGIN, SPOUT), 1);
        assert_int_equal(world.life->workers[SINK].incarnation, 2); /* never one that it may have listened as */
        assert_int_equal(world.life->workers[SINK].restarts, 0);
        tear_down(&world);
}

static void
a_worker_that_ends_as_it_leaves_is_spawned_and_has_not_crashed(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        died(&world, BOLT);
        died(&world, SINK);
        listens_again(&world, SPOUT);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 2);
        assert_int_equal(world.life->workers[SINK].restarts, 0);
        assert_int_equal(world.life->workers[SINK].backoff.crashes, 0);
        tear_down(&world);
}

static void
an_abort_in_the_middle_of_a_restore_ends_all(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        died(&world, BOLT);
        listens_again(&world, SPOUT);
        step(&world, (struct sqi_event){.type = SQI_EVENT_ABORT});
        assert_int_equal(count_type(&world, SQI_ACTION_KILL), 2);
        died(&world, SPOUT);
        died(&world, SINK);
        assert_int_equal(count_type(&world, SQI_ACTION_END), 1);
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), 0);
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

/* How it is told to begin: 1 as what another run has left. */
static uint64_t
begins_anew(struct world *world, uint32_t dead)
{
        const struct sqi_message *message;

        spawned(world, dead);
        subscribed(world, dead);
        all_say(world, SQI_MSG_BOUND);
        message = sent(world, SQI_MSG_RESTORE);
        assert_non_null(message);
        return message->a;
}

static void
what_another_run_has_left_is_begun_with_as_such_until_there_is_an_epoch_of_its_own(void **state)
{
        struct world world;

        (void)state;
        make_line(&world);
        world.life->restore = "/s/6";
        world.life->anew = true;
        world.life->checkpoint.epoch = 6;
        step(&world, (struct sqi_event){.type = SQI_EVENT_START});
        spawned(&world, SPOUT);
        spawned(&world, BOLT);
        subscribed(&world, SPOUT);
        subscribed(&world, BOLT);
        assert_int_equal(begins_anew(&world, SINK), 1);
        all_say(&world, SQI_MSG_READY);
        died(&world, BOLT);
        listens_again(&world, SPOUT);
        listens_again(&world, SINK);
        assert_int_equal(begins_anew(&world, BOLT), 1);
        all_say(&world, SQI_MSG_READY);
        all_beat_for(&world, SQI_SECOND);
        all_parts(&world, 7);
        seal(&world, 0);
        died(&world, BOLT);
        listens_again(&world, SPOUT);
        listens_again(&world, SINK);
        assert_int_equal(begins_anew(&world, BOLT), 0);
        tear_down(&world);
}

/* ---- In a drain -------------------------------------------------------------------------------------- */

static void
comes_back(struct world *world, uint32_t dead)
{
        for (uint32_t w = 0; w < TASKS; w++)
                if (w != dead)
                        listens_again(world, w);
        begin_together(world, dead);
}

static void
ends_by_itself(struct world *world, uint64_t epoch)
{
        all_say(world, SQI_MSG_FINISHED);
        all_parts(world, epoch);
        seal(world, 0);
        all_commit(world, epoch);
        assert_non_null(sent(world, SQI_MSG_QUIT));
}

static void
a_drain_that_goes_back_to_an_epoch_has_failed_by_who_died(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        died(&world, SINK);
        comes_back(&world, SINK);
        assert_true(reported(&world, SQI_REPORT_GONE_BACK));
        ends_by_itself(&world, 2);
        assert_int_equal(world.life->outcome, SQI_OUTCOME_FAILED);
        assert_int_equal(world.life->failed_worker, SINK);
        tear_down(&world);
}

static void
so_has_one_that_is_asked_for_while_all_go_back_for_one_that_failed(void **state)
{
        for (int by_itself = 0; by_itself <= 1; by_itself++) {
                struct world world;

                (void)state;
                run_line(&world);
                died(&world, SINK);
                if (by_itself)
                        strcpy(world.life->workers[SINK].cause.text, "nobody answers");
                step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
                comes_back(&world, SINK);
                assert_int_equal(reported(&world, SQI_REPORT_GONE_BACK), by_itself);
                ends_by_itself(&world, 2);
                assert_int_equal(world.life->outcome, by_itself ? SQI_OUTCOME_FAILED : SQI_OUTCOME_DRAINED);
                tear_down(&world);
        }
}

/* Of a hand-over the next plan emits it again; behind an epoch that has all there is nothing more. */
static void
a_drain_that_loses_nothing_by_going_back_has_not_failed(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        world.life->handover = true;
        step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        died(&world, SINK);
        comes_back(&world, SINK);
        assert_false(reported(&world, SQI_REPORT_GONE_BACK));
        ends_by_itself(&world, 2);
        assert_int_equal(world.life->outcome, SQI_OUTCOME_DRAINED);
        tear_down(&world);
        run_line(&world);
        step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        all_say(&world, SQI_MSG_FINISHED);
        all_parts(&world, 2);
        seal(&world, 0);
        died(&world, SINK);
        comes_back(&world, SINK);
        assert_false(reported(&world, SQI_REPORT_GONE_BACK));
        ends_by_itself(&world, 3);
        assert_int_equal(world.life->outcome, SQI_OUTCOME_DRAINED);
        tear_down(&world);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_death_ends_the_run_of_all_and_all_begin_together_from_the_newest_epoch),
                cmocka_unit_test(an_epoch_that_a_death_cut_short_is_not_sealed_by_what_comes_late),
                cmocka_unit_test(all_wait_for_the_back_off_of_who_dies_again_and_again),
                cmocka_unit_test(a_second_death_while_all_come_back_begins_it_again),
                cmocka_unit_test(restores_that_come_to_nothing_in_a_row_count_together),
                cmocka_unit_test(a_death_of_one_that_is_back_lets_the_others_wait_for_it),
                cmocka_unit_test(a_worker_that_does_not_leave_in_time_is_killed_and_spawned),
                cmocka_unit_test(a_worker_that_ends_as_it_leaves_is_spawned_and_has_not_crashed),
                cmocka_unit_test(an_abort_in_the_middle_of_a_restore_ends_all),
                cmocka_unit_test(what_a_dead_incarnation_says_of_its_position_does_not_count),
                cmocka_unit_test(a_new_supervisor_ends_what_it_finds_and_begins_from_the_newest_snapshot),
                cmocka_unit_test(what_another_run_has_left_is_begun_with_as_such_until_there_is_an_epoch_of_its_own),
                cmocka_unit_test(a_drain_that_goes_back_to_an_epoch_has_failed_by_who_died),
                cmocka_unit_test(so_has_one_that_is_asked_for_while_all_go_back_for_one_that_failed),
                cmocka_unit_test(a_drain_that_loses_nothing_by_going_back_has_not_failed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

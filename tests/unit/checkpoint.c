/* SPDX-License-Identifier: Apache-2.0 */
/* The epochs of exactly-once as the supervisor decides about them: one step at a time, without a process. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../shared/line.h"
#include "lifecycle/tell.h"

/* ---- Before the start -------------------------------------------------------------------------------- */

static void
no_tuple_flows_before_the_first_epoch_is_sealed(void **state)
{
        struct world world;

        (void)state;
        make_line(&world);
        step(&world, (struct sqi_event){.type = SQI_EVENT_START});
        assert_int_equal(count_type(&world, SQI_ACTION_SPAWN), TASKS);
        come_up(&world);
        assert_null(sent(&world, SQI_MSG_START));
        assert_int_equal(count_type(&world, SQI_ACTION_FOLDER), 1);
        sends_checkpoint(&world, 1);
        all_parts(&world, 1);
        assert_int_equal(count_type(&world, SQI_ACTION_SEAL), 1);
        assert_null(sent(&world, SQI_MSG_COMMIT));
        assert_null(sent(&world, SQI_MSG_START));
        seal(&world, 0);
        assert_true(place_of(&world, SQI_MSG_COMMIT) < place_of(&world, SQI_MSG_START));
        assert_true(reported(&world, SQI_REPORT_STARTED));
        tear_down(&world);
}

static void
a_first_epoch_that_cannot_be_sealed_is_tried_again_and_nothing_starts(void **state)
{
        struct world world;

        (void)state;
        make_line(&world);
        step(&world, (struct sqi_event){.type = SQI_EVENT_START});
        come_up(&world);
        all_parts(&world, 1);
        seal(&world, ENOSPC);
        assert_null(sent(&world, SQI_MSG_START));
        assert_non_null(sent(&world, SQI_MSG_ABANDON));
        assert_true(reported(&world, SQI_REPORT_GIVEN_UP));
        all_beat_for(&world, SQI_SECOND);
        sends_checkpoint(&world, 2);
        all_parts(&world, 2);
        seal(&world, 0);
        assert_non_null(sent(&world, SQI_MSG_START));
        tear_down(&world);
}

static void
a_run_that_begins_from_a_snapshot_starts_without_an_epoch_of_its_own(void **state)
{
        struct world world;

        (void)state;
        make_line(&world);
        world.life->restore = "/s/6";
        world.life->checkpoint.epoch = 6;
        step(&world, (struct sqi_event){.type = SQI_EVENT_START});
        come_up(&world);
        assert_non_null(sent(&world, SQI_MSG_START));
        assert_null(sent(&world, SQI_MSG_CHECKPOINT));
        all_beat_for(&world, SQI_SECOND);
        sends_checkpoint(&world, 7);
        tear_down(&world);
}

/* ---- One after the other ----------------------------------------------------------------------------- */

static void
the_next_epoch_waits_for_the_interval_and_for_every_commit(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        all_beat_for(&world, 999 * SQI_MS);
        assert_null(sent(&world, SQI_MSG_CHECKPOINT));
        all_beat_for(&world, SQI_MS);
        sends_checkpoint(&world, 2);
        all_parts(&world, 2);
        seal(&world, 0);
        assert_int_equal(sent(&world, SQI_MSG_COMMIT)->number, 2);
        hear_with(&world, (struct sqi_message){.type = SQI_MSG_COMMITTED, .task = SPOUT, .number = 2});
        hear_with(&world, (struct sqi_message){.type = SQI_MSG_COMMITTED, .task = BOLT, .number = 2});
        for (int i = 0; i < 100; i++) {
                all_beat_for(&world, SQI_SECOND);
                assert_null(sent(&world, SQI_MSG_CHECKPOINT));
                assert_non_null(sent(&world, SQI_MSG_COMMIT));
        }
        hear_with(&world, (struct sqi_message){.type = SQI_MSG_COMMITTED, .task = SINK, .number = 2});
        all_beat_for(&world, SQI_SECOND);
        sends_checkpoint(&world, 3);
        tear_down(&world);
}

static void
says_once_who_does_not_commit(void **state)
{
        struct world world;
        int said = 0;

        (void)state;
        run_line(&world);
        all_beat_for(&world, SQI_SECOND);
        all_parts(&world, 2);
        seal(&world, 0);
        for (int i = 0; i < 200; i++) {
                all_beat_for(&world, SQI_SECOND);
                said += reported(&world, SQI_REPORT_UNCOMMITTED);
        }
        assert_int_equal(said, 1);
        tear_down(&world);
}

static void
an_order_that_was_lost_comes_again(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        all_beat_for(&world, SQI_SECOND);
        part(&world, SPOUT, 2);
        all_beat_for(&world, SQI_SECOND);
        sends_checkpoint(&world, 2);
        assert_int_equal(count_type(&world, SQI_ACTION_FOLDER), 0);
        part(&world, SPOUT, 2); /* heard twice, counts once */
        part(&world, BOLT, 2);
        assert_int_equal(count_type(&world, SQI_ACTION_SEAL), 0);
        part(&world, SINK, 2);
        assert_int_equal(count_type(&world, SQI_ACTION_SEAL), 1);
        tear_down(&world);
}

/* ---- While its folder is made ------------------------------------------------------------------------ */

static void
folder(struct world *world, int error)
{
        step(world, (struct sqi_event){.type = SQI_EVENT_FOLDER, .number = error});
}

/* A line that runs, whose second epoch waits for the disk. */
static void
open_second(struct world *world)
{
        run_line(world);
        world->slow_disk = true;
        all_beat_for(world, SQI_SECOND);
        assert_int_equal(count_type(world, SQI_ACTION_FOLDER), 1);
        assert_null(sent(world, SQI_MSG_CHECKPOINT));
}

static void
nobody_hears_of_an_epoch_before_its_folder_is_there_and_it_is_said_when_that_takes_long(void **state)
{
        struct world world;
        char text[1024];
        int said = 0;

        (void)state;
        open_second(&world);
        for (int i = 0; i < 100; i++) {
                all_beat_for(&world, SQI_SECOND);
                assert_null(sent(&world, SQI_MSG_CHECKPOINT));
                assert_int_equal(count_type(&world, SQI_ACTION_FOLDER), 0);
                if (!reported(&world, SQI_REPORT_UNCOMMITTED))
                        continue;
                said++;
                sqi_report_text(world.life, &world.actions.items[world.actions.n - 1], text, sizeof(text));
                assert_non_null(strstr(text, "the disk has not taken epoch 2 for 60 s (/s)"));
        }
        assert_int_equal(said, 1);
        folder(&world, 0);
        sends_checkpoint(&world, 2);
        all_beat_for(&world, 30 * SQI_SECOND); /* the disk's time is not the tasks' */
        assert_null(sent(&world, SQI_MSG_ABANDON));
        all_parts(&world, 2);
        assert_int_equal(count_type(&world, SQI_ACTION_SEAL), 1);
        tear_down(&world);
}

static void
a_death_while_the_folder_is_made_is_not_waited_with_and_the_epoch_comes_to_nothing(void **state)
{
        struct world world;

        (void)state;
        open_second(&world);
        died(&world, BOLT);
        listens_again(&world, SPOUT);
        listens_again(&world, SINK);
        folder(&world, EROFS);
        assert_false(reported(&world, SQI_REPORT_GIVEN_UP));
        begin_together(&world, BOLT);
        assert_int_equal(world.life->state, SQI_RUNNING);
        all_beat_for(&world, SQI_SECOND);
        assert_int_equal(count_type(&world, SQI_ACTION_FOLDER), 1);
        folder(&world, 0);
        sends_checkpoint(&world, 3);
        tear_down(&world);
}

static void
of_a_folder_that_comes_after_all_have_begun_anew_the_epoch_is_made(void **state)
{
        struct world world;

        (void)state;
        open_second(&world);
        died(&world, BOLT);
        listens_again(&world, SPOUT);
        listens_again(&world, SINK);
        begin_together(&world, BOLT);
        all_beat_for(&world, 5 * SQI_SECOND);
        assert_int_equal(count_type(&world, SQI_ACTION_FOLDER), 0);
        folder(&world, 0);
        sends_checkpoint(&world, 2);
        tear_down(&world);
}

static void
a_handover_while_the_folder_is_made_ends_with_an_epoch_of_its_own(void **state)
{
        struct world world;

        (void)state;
        open_second(&world);
        world.life->handover = true;
        step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        assert_non_null(sent(&world, SQI_MSG_HANDOVER));
        folder(&world, 0);
        assert_null(sent(&world, SQI_MSG_CHECKPOINT));
        all_say(&world, SQI_MSG_FINISHED);
        assert_int_equal(count_type(&world, SQI_ACTION_FOLDER), 1);
        folder(&world, 0);
        sends_checkpoint(&world, 3);
        assert_true(world.life->checkpoint.last);
        tear_down(&world);
}

static void
an_epoch_whose_folder_comes_when_all_have_finished_is_the_last(void **state)
{
        struct world world;

        (void)state;
        open_second(&world);
        all_say(&world, SQI_MSG_FINISHED);
        assert_int_equal(count_type(&world, SQI_ACTION_FOLDER), 0);
        folder(&world, 0);
        sends_checkpoint(&world, 2);
        all_parts(&world, 2);
        seal(&world, 0);
        all_commit(&world, 2);
        assert_non_null(sent(&world, SQI_MSG_QUIT));
        tear_down(&world);
}

/* ---- Given up ---------------------------------------------------------------------------------------- */

static void
a_part_that_failed_gives_the_epoch_up_with_its_cause_and_its_number_is_never_used_again(void **state)
{
        struct world world;
        char text[1024];

        (void)state;
        run_line(&world);
        all_beat_for(&world, SQI_SECOND);
        part(&world, SPOUT, 2);
        hear_with(&world,
                  (struct sqi_message){.type = SQI_MSG_SNAPSHOT, .task = BOLT, .number = 2, .text = {"no room", 7}});
        assert_int_equal(sent(&world, SQI_MSG_ABANDON)->number, 2);
        assert_true(reported(&world, SQI_REPORT_GIVEN_UP));
        sqi_report_text(world.life, &world.actions.items[world.actions.n - 1], text, sizeof(text));
        assert_non_null(strstr(text, "count/0: no room"));
        part(&world, SINK, 2); /* late */
        assert_int_equal(count_type(&world, SQI_ACTION_SEAL), 0);
        all_beat_for(&world, SQI_SECOND);
        sends_checkpoint(&world, 3);
        all_parts(&world, 2); /* later still */
        assert_int_equal(count_type(&world, SQI_ACTION_SEAL), 0);
        tear_down(&world);
}

static void
an_epoch_without_a_folder_and_one_that_takes_too_long_are_given_up(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        world.slow_disk = true;
        all_beat_for(&world, SQI_SECOND);
        folder(&world, EROFS);
        assert_int_equal(sent(&world, SQI_MSG_ABANDON)->number, 2);
        world.slow_disk = false;
        all_beat_for(&world, SQI_SECOND);
        sends_checkpoint(&world, 3);
        part(&world, SPOUT, 3);
        for (int i = 0; i < 59; i++)
                all_beat_for(&world, SQI_SECOND);
        assert_null(sent(&world, SQI_MSG_ABANDON));
        all_beat_for(&world, SQI_SECOND);
        assert_int_equal(sent(&world, SQI_MSG_ABANDON)->number, 3);
        assert_non_null(strstr(world.life->checkpoint.cause, "count/0"));
        assert_int_equal(world.life->checkpoint.given_up, 2);
        tear_down(&world);
}

static void
the_same_trouble_is_reported_once(void **state)
{
        struct world world;
        int said = 0;

        (void)state;
        run_line(&world);
        world.life->checkpoint.place = "/full";
        for (uint64_t epoch = 2; epoch < 12; epoch++) {
                all_beat_for(&world, SQI_SECOND);
                hear_with(&world,
                          (struct sqi_message){
                                  .type = SQI_MSG_SNAPSHOT, .task = BOLT, .number = epoch, .text = {"full", 4}});
                said += reported(&world, SQI_REPORT_GIVEN_UP);
        }
        assert_int_equal(said, 1);
        tear_down(&world);
}

/* ---- The end ----------------------------------------------------------------------------------------- */

static void
nobody_is_told_to_exit_before_the_last_epoch_is_committed(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        all_say(&world, SQI_MSG_FINISHED);
        assert_null(sent(&world, SQI_MSG_QUIT));
        sends_checkpoint(&world, 2);
        all_parts(&world, 2);
        seal(&world, ENOSPC);
        assert_null(sent(&world, SQI_MSG_QUIT));
        all_beat_for(&world, SQI_SECOND);
        sends_checkpoint(&world, 3);
        all_parts(&world, 3);
        seal(&world, 0);
        assert_null(sent(&world, SQI_MSG_QUIT));
        all_commit(&world, 3);
        assert_non_null(sent(&world, SQI_MSG_QUIT));
        assert_int_equal(world.life->outcome, SQI_OUTCOME_FINISHED);
        tear_down(&world);
}

static void
an_epoch_that_began_before_the_last_task_finished_is_not_the_last(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        all_beat_for(&world, SQI_SECOND);
        sends_checkpoint(&world, 2);
        all_say(&world, SQI_MSG_FINISHED);
        all_parts(&world, 2);
        seal(&world, 0);
        all_commit(&world, 2);
        assert_null(sent(&world, SQI_MSG_QUIT));
        sends_checkpoint(&world, 3);
        all_parts(&world, 3);
        seal(&world, 0);
        all_commit(&world, 3);
        assert_non_null(sent(&world, SQI_MSG_QUIT));
        tear_down(&world);
}

static void
a_death_before_the_last_commit_goes_back_to_the_last_epoch(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        all_say(&world, SQI_MSG_FINISHED);
        all_parts(&world, 2);
        seal(&world, 0);
        died(&world, SINK);
        listens_again(&world, SPOUT);
        listens_again(&world, BOLT);
        begin_together(&world, SINK);
        assert_int_equal(world.life->state, SQI_RUNNING);
        all_say(&world, SQI_MSG_FINISHED);
        sends_checkpoint(&world, 3);
        tear_down(&world);
}

static void
a_handover_gives_up_what_is_under_way_and_ends_with_an_epoch_of_its_own(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        all_beat_for(&world, SQI_SECOND);
        part(&world, SPOUT, 2);
        world.life->handover = true;
        step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        assert_true(place_of(&world, SQI_MSG_ABANDON) < place_of(&world, SQI_MSG_HANDOVER));
        assert_int_equal(sent(&world, SQI_MSG_HANDOVER)->a, 0);
        assert_int_equal(sent(&world, SQI_MSG_HANDOVER)->text.len, 0);
        all_beat_for(&world, 2 * SQI_SECOND);
        assert_null(sent(&world, SQI_MSG_CHECKPOINT));
        all_say(&world, SQI_MSG_FINISHED);
        sends_checkpoint(&world, 3);
        all_parts(&world, 3);
        seal(&world, 0);
        all_commit(&world, 3);
        assert_non_null(sent(&world, SQI_MSG_QUIT));
        assert_int_equal(world.life->outcome, SQI_OUTCOME_DRAINED);
        tear_down(&world);
}

/* ---- To be seen -------------------------------------------------------------------------------------- */

static bool
says(const struct world *world, const char *what)
{
        char text[1024];

        return strstr(sqi_checkpoint_text(world->life, world->now, text, sizeof(text)), what) != NULL;
}

static void
says_how_old_the_newest_epoch_is_and_what_a_restore_waits_for(void **state)
{
        struct world world;

        (void)state;
        make_line(&world);
        step(&world, (struct sqi_event){.type = SQI_EVENT_START});
        assert_true(says(&world, "no epoch of this run yet; all begin anew: lines/0 is not ready yet"));
        strcpy(world.life->checkpoint.newest, "/epochs/7"); /* of an earlier supervisor */
        assert_true(says(&world, "none yet since it went on from an earlier one; all begin anew"));
        world.life->checkpoint.newest[0] = '\0';
        come_up(&world);
        assert_true(says(&world, "waits for the epoch before the start"));
        all_parts(&world, 1);
        seal(&world, 0);
        world.now += SQI_SECOND;
        assert_true(says(&world, "epoch 1, 1.0 s old"));
        assert_true(says(&world, "21 bytes"));
        assert_false(says(&world, ";"));
        died(&world, BOLT);
        assert_true(says(&world, "all begin anew: lines/0 closes what it has"));
        listens_again(&world, SPOUT);
        assert_true(says(&world, "all begin anew: out/0 closes what it has"));
        listens_again(&world, SINK);
        assert_true(says(&world, "lines/0 is not ready yet"));
        tear_down(&world);
}

/* Also of those that come to be. */
static void
every_report_has_a_name_and_a_text(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        for (int report = 0; report < SQI_REPORTS; report++) {
                struct sqi_action action = {.type = SQI_ACTION_REPORT, .report = (enum sqi_report)report};
                char text[2048] = "";

                assert_non_null(sqi_report_name(&action));
                sqi_report_text(world.life, &action, text, sizeof(text));
                assert_true(text[0]);
        }
        tear_down(&world);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_tuple_flows_before_the_first_epoch_is_sealed),
                cmocka_unit_test(a_first_epoch_that_cannot_be_sealed_is_tried_again_and_nothing_starts),
                cmocka_unit_test(a_run_that_begins_from_a_snapshot_starts_without_an_epoch_of_its_own),
                cmocka_unit_test(the_next_epoch_waits_for_the_interval_and_for_every_commit),
                cmocka_unit_test(says_once_who_does_not_commit),
                cmocka_unit_test(an_order_that_was_lost_comes_again),
                cmocka_unit_test(
                        nobody_hears_of_an_epoch_before_its_folder_is_there_and_it_is_said_when_that_takes_long),
                cmocka_unit_test(a_death_while_the_folder_is_made_is_not_waited_with_and_the_epoch_comes_to_nothing),
                cmocka_unit_test(of_a_folder_that_comes_after_all_have_begun_anew_the_epoch_is_made),
                cmocka_unit_test(a_handover_while_the_folder_is_made_ends_with_an_epoch_of_its_own),
                cmocka_unit_test(an_epoch_whose_folder_comes_when_all_have_finished_is_the_last),
                cmocka_unit_test(
                        a_part_that_failed_gives_the_epoch_up_with_its_cause_and_its_number_is_never_used_again),
                cmocka_unit_test(an_epoch_without_a_folder_and_one_that_takes_too_long_are_given_up),
                cmocka_unit_test(the_same_trouble_is_reported_once),
                cmocka_unit_test(nobody_is_told_to_exit_before_the_last_epoch_is_committed),
                cmocka_unit_test(an_epoch_that_began_before_the_last_task_finished_is_not_the_last),
                cmocka_unit_test(a_death_before_the_last_commit_goes_back_to_the_last_epoch),
                cmocka_unit_test(a_handover_gives_up_what_is_under_way_and_ends_with_an_epoch_of_its_own),
                cmocka_unit_test(every_report_has_a_name_and_a_text),
                cmocka_unit_test(says_how_old_the_newest_epoch_is_and_what_a_restore_waits_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

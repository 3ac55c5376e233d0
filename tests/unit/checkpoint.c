/* SPDX-License-Identifier: Apache-2.0 */
/* The epochs of exactly-once as the supervisor decides about them: one step at a time, without a process. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lifecycle/lifecycle.h"
#include "lifecycle/tell.h"

enum { TASKS = 3, SPOUT = 0, BOLT = 1, SINK = 2 };

/* A line of three tasks, each in a worker of its own. */
struct line {
        struct sqi_plan_component components[TASKS];
        struct sqi_plan_task tasks[TASKS];
        struct sqi_plan plan;
        struct sqi_lifecycle *life;
        struct sqi_actions actions;
        uint64_t now;
        uint32_t incarnation; /* of all: they begin together */
};

static void
step(struct line *line, struct sqi_event event)
{
        line->actions.n = 0;
        sqi_lifecycle_step(line->life, &event, line->now, &line->actions);
}

static void
make(struct line *line)
{
        memset(line, 0, sizeof(*line));
        for (uint32_t t = 0; t < TASKS; t++) {
                line->components[t] = (struct sqi_plan_component){.id = t == SPOUT  ? "lines"
                                                                        : t == BOLT ? "count"
                                                                                    : "out",
                                                                  .kind = t == SPOUT ? SQ_KIND_SPOUT : SQ_KIND_BOLT,
                                                                  .first_task = t,
                                                                  .ntasks = 1};
                line->tasks[t] = (struct sqi_plan_task){.component = t, .worker = t};
        }
        line->plan = (struct sqi_plan){.name = "test",
                                       .ncomponents = TASKS,
                                       .ntasks = TASKS,
                                       .nworkers = TASKS,
                                       .components = line->components,
                                       .tasks = line->tasks};
        sqi_config_defaults(&line->plan.config);
        line->plan.config.delivery = SQI_EXACTLY_ONCE;
        line->now = 1000 * SQI_SECOND;
        assert_int_equal(sqi_lifecycle_new(&line->plan, 10, 42, &line->life), 0);
        line->life->checkpoint.place = "/s";
}

static void
tear_down(struct line *line)
{
        free(line->actions.items);
        sqi_lifecycle_free(&line->life);
}

/* ---- What happens ------------------------------------------------------------------------------------ */

static void
hear_with(struct line *line, struct sqi_message message)
{
        message.worker = message.task;
        message.incarnation = line->incarnation;
        step(line, (struct sqi_event){.type = SQI_EVENT_MESSAGE, .message = &message});
}

static void
hear(struct line *line, enum sqi_message_type type, uint32_t task)
{
        hear_with(line, (struct sqi_message){.type = type, .task = task});
}

static void
all_say(struct line *line, enum sqi_message_type type)
{
        for (uint32_t t = 0; t < TASKS; t++)
                hear(line, type, t);
}

static void
come_up(struct line *line)
{
        for (uint32_t w = 0; w < TASKS; w++)
                step(line, (struct sqi_event){.type = SQI_EVENT_SPAWNED, .worker = w});
        for (uint32_t w = 0; w < TASKS; w++)
                step(line,
                     (struct sqi_event){.type = SQI_EVENT_SUBSCRIBED, .worker = w, .incarnation = line->incarnation});
        all_say(line, SQI_MSG_BOUND);
        all_say(line, SQI_MSG_READY);
}

static void
part(struct line *line, uint32_t task, uint64_t epoch)
{
        if (task == SPOUT)
                hear_with(line, (struct sqi_message){.type = SQI_MSG_POSITION, .task = task, .number = 100 * epoch});
        hear_with(line, (struct sqi_message){.type = SQI_MSG_SNAPSHOT, .task = task, .number = epoch, .a = 7, .b = 9});
}

static void
all_parts(struct line *line, uint64_t epoch)
{
        for (uint32_t t = 0; t < TASKS; t++)
                part(line, t, epoch);
}

static void
seal(struct line *line, int error)
{
        step(line, (struct sqi_event){.type = SQI_EVENT_SEALED, .number = error});
}

static void
all_commit(struct line *line, uint64_t epoch)
{
        for (uint32_t t = 0; t < TASKS; t++)
                hear_with(line, (struct sqi_message){.type = SQI_MSG_COMMITTED, .task = t, .number = epoch});
}

static void
exits(struct line *line, uint32_t worker)
{
        step(line, (struct sqi_event){
                           .type = SQI_EVENT_EXITED, .worker = worker, .cause = SQI_CAUSE_SIGNAL, .number = SIGKILL});
}

static void
time_comes(struct line *line, uint64_t later)
{
        line->now += later;
        for (uint32_t t = 0; t < TASKS; t++)
                line->life->workers[t].beat_at = line->now;
        step(line, (struct sqi_event){.type = SQI_EVENT_TIME});
}

/* Up to START, with epoch 1 committed. */
static void
run_up(struct line *line)
{
        make(line);
        step(line, (struct sqi_event){.type = SQI_EVENT_START});
        come_up(line);
        all_parts(line, 1);
        seal(line, 0);
        all_commit(line, 1);
        assert_int_equal(line->life->state, SQI_RUNNING);
}

/* ---- What is wanted ---------------------------------------------------------------------------------- */

static size_t
count_type(const struct line *line, enum sqi_action_type type)
{
        size_t n = 0;

        for (size_t i = 0; i < line->actions.n; i++)
                n += line->actions.items[i].type == type;
        return n;
}

static const struct sqi_message *
sent(const struct line *line, enum sqi_message_type type)
{
        for (size_t i = 0; i < line->actions.n; i++)
                if (line->actions.items[i].type == SQI_ACTION_SEND && line->actions.items[i].message.type == type)
                        return &line->actions.items[i].message;
        return NULL;
}

static size_t
place_of(const struct line *line, enum sqi_message_type type)
{
        for (size_t i = 0; i < line->actions.n; i++)
                if (line->actions.items[i].type == SQI_ACTION_SEND && line->actions.items[i].message.type == type)
                        return i;
        fail_msg("%s was not sent", sqi_message_name(type));
        return 0;
}

static bool
reported(const struct line *line, enum sqi_report report)
{
        for (size_t i = 0; i < line->actions.n; i++)
                if (line->actions.items[i].type == SQI_ACTION_REPORT && line->actions.items[i].report == report)
                        return true;
        return false;
}

static void
sends_checkpoint(const struct line *line, uint64_t epoch)
{
        const struct sqi_message *message = sent(line, SQI_MSG_CHECKPOINT);
        char folder[32];

        assert_non_null(message);
        assert_int_equal(message->number, epoch);
        snprintf(folder, sizeof(folder), "/s/.open.%u", (unsigned)epoch);
        assert_int_equal(message->text.len, strlen(folder));
        assert_memory_equal(message->text.ptr, folder, strlen(folder));
}

/* ---- Before the start -------------------------------------------------------------------------------- */

static void
no_tuple_flows_before_the_first_epoch_is_sealed(void **state)
{
        struct line line;

        (void)state;
        make(&line);
        step(&line, (struct sqi_event){.type = SQI_EVENT_START});
        assert_int_equal(count_type(&line, SQI_ACTION_SPAWN), TASKS);
        come_up(&line);
        assert_null(sent(&line, SQI_MSG_START));
        assert_int_equal(count_type(&line, SQI_ACTION_FOLDER), 1);
        sends_checkpoint(&line, 1);
        all_parts(&line, 1);
        assert_int_equal(count_type(&line, SQI_ACTION_SEAL), 1);
        assert_null(sent(&line, SQI_MSG_COMMIT));
        assert_null(sent(&line, SQI_MSG_START));
        seal(&line, 0);
        assert_true(place_of(&line, SQI_MSG_COMMIT) < place_of(&line, SQI_MSG_START));
        assert_true(reported(&line, SQI_REPORT_STARTED));
        tear_down(&line);
}

static void
a_first_epoch_that_cannot_be_sealed_is_tried_again_and_nothing_starts(void **state)
{
        struct line line;

        (void)state;
        make(&line);
        step(&line, (struct sqi_event){.type = SQI_EVENT_START});
        come_up(&line);
        all_parts(&line, 1);
        seal(&line, ENOSPC);
        assert_null(sent(&line, SQI_MSG_START));
        assert_non_null(sent(&line, SQI_MSG_ABANDON));
        assert_true(reported(&line, SQI_REPORT_GIVEN_UP));
        time_comes(&line, SQI_SECOND);
        sends_checkpoint(&line, 2);
        all_parts(&line, 2);
        seal(&line, 0);
        assert_non_null(sent(&line, SQI_MSG_START));
        tear_down(&line);
}

static void
a_run_that_begins_from_a_snapshot_starts_without_an_epoch_of_its_own(void **state)
{
        struct line line;

        (void)state;
        make(&line);
        line.life->restore = "/s/6";
        line.life->checkpoint.epoch = 6;
        step(&line, (struct sqi_event){.type = SQI_EVENT_START});
        come_up(&line);
        assert_non_null(sent(&line, SQI_MSG_START));
        assert_null(sent(&line, SQI_MSG_CHECKPOINT));
        time_comes(&line, SQI_SECOND);
        sends_checkpoint(&line, 7);
        tear_down(&line);
}

/* ---- One after the other ----------------------------------------------------------------------------- */

static void
the_next_epoch_waits_for_the_interval_and_for_every_commit(void **state)
{
        struct line line;

        (void)state;
        run_up(&line);
        time_comes(&line, 999 * SQI_MS);
        assert_null(sent(&line, SQI_MSG_CHECKPOINT));
        time_comes(&line, SQI_MS);
        sends_checkpoint(&line, 2);
        all_parts(&line, 2);
        seal(&line, 0);
        assert_int_equal(sent(&line, SQI_MSG_COMMIT)->number, 2);
        hear_with(&line, (struct sqi_message){.type = SQI_MSG_COMMITTED, .task = SPOUT, .number = 2});
        hear_with(&line, (struct sqi_message){.type = SQI_MSG_COMMITTED, .task = BOLT, .number = 2});
        for (int i = 0; i < 100; i++) {
                time_comes(&line, SQI_SECOND);
                assert_null(sent(&line, SQI_MSG_CHECKPOINT));
                assert_non_null(sent(&line, SQI_MSG_COMMIT));
        }
        hear_with(&line, (struct sqi_message){.type = SQI_MSG_COMMITTED, .task = SINK, .number = 2});
        time_comes(&line, SQI_SECOND);
        sends_checkpoint(&line, 3);
        tear_down(&line);
}

static void
says_once_who_does_not_commit(void **state)
{
        struct line line;
        int said = 0;

        (void)state;
        run_up(&line);
        time_comes(&line, SQI_SECOND);
        all_parts(&line, 2);
        seal(&line, 0);
        for (int i = 0; i < 200; i++) {
                time_comes(&line, SQI_SECOND);
                said += reported(&line, SQI_REPORT_UNCOMMITTED);
        }
        assert_int_equal(said, 1);
        tear_down(&line);
}

static void
an_order_that_was_lost_comes_again(void **state)
{
        struct line line;

        (void)state;
        run_up(&line);
        time_comes(&line, SQI_SECOND);
        part(&line, SPOUT, 2);
        time_comes(&line, SQI_SECOND);
        sends_checkpoint(&line, 2);
        assert_int_equal(count_type(&line, SQI_ACTION_FOLDER), 0);
        part(&line, SPOUT, 2); /* heard twice, counts once */
        part(&line, BOLT, 2);
        assert_int_equal(count_type(&line, SQI_ACTION_SEAL), 0);
        part(&line, SINK, 2);
        assert_int_equal(count_type(&line, SQI_ACTION_SEAL), 1);
        tear_down(&line);
}

/* ---- Given up ---------------------------------------------------------------------------------------- */

static void
a_part_that_failed_gives_the_epoch_up_with_its_cause_and_its_number_is_never_used_again(void **state)
{
        struct line line;
        char text[1024];

        (void)state;
        run_up(&line);
        time_comes(&line, SQI_SECOND);
        part(&line, SPOUT, 2);
        hear_with(&line,
                  (struct sqi_message){.type = SQI_MSG_SNAPSHOT, .task = BOLT, .number = 2, .text = {"no room", 7}});
        assert_int_equal(sent(&line, SQI_MSG_ABANDON)->number, 2);
        assert_true(reported(&line, SQI_REPORT_GIVEN_UP));
        sqi_report_text(line.life, &line.actions.items[line.actions.n - 1], text, sizeof(text));
        assert_non_null(strstr(text, "count/0: no room"));
        part(&line, SINK, 2); /* late */
        assert_int_equal(count_type(&line, SQI_ACTION_SEAL), 0);
        time_comes(&line, SQI_SECOND);
        sends_checkpoint(&line, 3);
        all_parts(&line, 2); /* later still */
        assert_int_equal(count_type(&line, SQI_ACTION_SEAL), 0);
        tear_down(&line);
}

static void
an_epoch_without_a_folder_and_one_that_takes_too_long_are_given_up(void **state)
{
        struct line line;

        (void)state;
        run_up(&line);
        time_comes(&line, SQI_SECOND);
        step(&line, (struct sqi_event){.type = SQI_EVENT_FOLDER, .number = EROFS});
        assert_int_equal(sent(&line, SQI_MSG_ABANDON)->number, 2);
        time_comes(&line, SQI_SECOND);
        sends_checkpoint(&line, 3);
        part(&line, SPOUT, 3);
        for (int i = 0; i < 59; i++)
                time_comes(&line, SQI_SECOND);
        assert_null(sent(&line, SQI_MSG_ABANDON));
        time_comes(&line, SQI_SECOND);
        assert_int_equal(sent(&line, SQI_MSG_ABANDON)->number, 3);
        assert_non_null(strstr(line.life->checkpoint.cause, "count/0"));
        assert_int_equal(line.life->checkpoint.given_up, 2);
        tear_down(&line);
}

static void
the_same_trouble_is_reported_once(void **state)
{
        struct line line;
        int said = 0;

        (void)state;
        run_up(&line);
        line.life->checkpoint.place = "/full";
        for (uint64_t epoch = 2; epoch < 12; epoch++) {
                time_comes(&line, SQI_SECOND);
                hear_with(&line, (struct sqi_message){
                                         .type = SQI_MSG_SNAPSHOT, .task = BOLT, .number = epoch, .text = {"full", 4}});
                said += reported(&line, SQI_REPORT_GIVEN_UP);
        }
        assert_int_equal(said, 1);
        tear_down(&line);
}

/* ---- Restore ----------------------------------------------------------------------------------------- */

static void
a_death_ends_all_and_all_begin_together_from_the_newest_epoch(void **state)
{
        struct line line;
        const struct sqi_message *message;

        (void)state;
        run_up(&line);
        hear_with(&line, (struct sqi_message){.type = SQI_MSG_POSITION, .task = SPOUT, .number = 170});
        exits(&line, BOLT);
        assert_int_equal(count_type(&line, SQI_ACTION_KILL), 2);
        assert_int_equal(count_type(&line, SQI_ACTION_SPAWN), 0);
        assert_string_equal(sqi_lifecycle_state_name(line.life), "restoring");
        exits(&line, SPOUT);
        assert_int_equal(count_type(&line, SQI_ACTION_SPAWN), 0);
        exits(&line, SINK);
        assert_int_equal(count_type(&line, SQI_ACTION_SPAWN), TASKS);
        for (uint32_t w = 0; w < TASKS; w++)
                assert_int_equal(line.life->workers[w].incarnation, 1);
        assert_int_equal(line.life->workers[SINK].backoff.crashes, 0);
        assert_int_equal(line.life->workers[SINK].restarts, 0);
        assert_int_equal(line.life->workers[BOLT].restarts, 1);
        line.incarnation = 1;
        for (uint32_t w = 0; w < TASKS; w++)
                step(&line, (struct sqi_event){.type = SQI_EVENT_SPAWNED, .worker = w});
        for (uint32_t w = 0; w < TASKS; w++)
                step(&line, (struct sqi_event){.type = SQI_EVENT_SUBSCRIBED, .worker = w, .incarnation = 1});
        all_say(&line, SQI_MSG_BOUND);
        message = sent(&line, SQI_MSG_RESTORE);
        assert_int_equal(message->text.len, 4);
        assert_memory_equal(message->text.ptr, "/s/1", 4);
        assert_int_equal(sent(&line, SQI_MSG_POSITION)->number, 100);
        assert_true(place_of(&line, SQI_MSG_RESTORE) < place_of(&line, SQI_MSG_CONNECT));
        all_say(&line, SQI_MSG_READY);
        assert_non_null(sent(&line, SQI_MSG_START));
        assert_null(sent(&line, SQI_MSG_CHECKPOINT));
        assert_true(reported(&line, SQI_REPORT_RESTORED));
        assert_string_equal(sqi_lifecycle_state_name(line.life), "running");
        tear_down(&line);
}

static void
an_epoch_that_a_death_cut_short_is_not_sealed_by_what_comes_late(void **state)
{
        struct line line;

        (void)state;
        run_up(&line);
        time_comes(&line, SQI_SECOND);
        part(&line, SPOUT, 2);
        part(&line, BOLT, 2);
        exits(&line, BOLT);
        part(&line, SINK, 2);
        assert_int_equal(count_type(&line, SQI_ACTION_SEAL), 0);
        exits(&line, SPOUT);
        exits(&line, SINK);
        line.incarnation = 1;
        come_up(&line);
        assert_int_equal(line.life->tasks[SPOUT].position.number, 100);
        time_comes(&line, SQI_SECOND);
        sends_checkpoint(&line, 3);
        tear_down(&line);
}

static void
all_wait_for_the_back_off_of_who_dies_again_and_again(void **state)
{
        struct line line;

        (void)state;
        run_up(&line);
        for (int i = 0; i < 4; i++) {
                exits(&line, BOLT);
                exits(&line, SPOUT);
                exits(&line, SINK);
                line.incarnation++;
                if (line.life->checkpoint.restore == SQI_RESTORE_GATHERING) {
                        uint64_t due = sqi_lifecycle_due(line.life);

                        assert_true(due > line.now);
                        time_comes(&line, due - line.now);
                        assert_int_equal(count_type(&line, SQI_ACTION_SPAWN), TASKS);
                }
                come_up(&line);
        }
        assert_true(line.life->workers[BOLT].backoff.streak > 1);
        assert_int_equal(line.life->workers[SPOUT].backoff.streak, 0);
        tear_down(&line);
}

static void
a_second_death_while_all_come_back_begins_it_again(void **state)
{
        struct line line;

        (void)state;
        run_up(&line);
        exits(&line, BOLT);
        exits(&line, SPOUT);
        exits(&line, SINK);
        line.incarnation = 1;
        for (uint32_t w = 0; w < TASKS; w++)
                step(&line, (struct sqi_event){.type = SQI_EVENT_SPAWNED, .worker = w});
        exits(&line, SINK);
        assert_int_equal(count_type(&line, SQI_ACTION_KILL), 2);
        exits(&line, SPOUT);
        exits(&line, BOLT);
        assert_int_equal(count_type(&line, SQI_ACTION_SPAWN), TASKS);
        line.incarnation = 2;
        come_up(&line);
        assert_int_equal(line.life->state, SQI_RUNNING);
        tear_down(&line);
}

static void
what_a_dead_incarnation_says_of_its_position_does_not_count(void **state)
{
        struct line line;

        (void)state;
        run_up(&line);
        exits(&line, SPOUT);
        hear_with(&line, (struct sqi_message){.type = SQI_MSG_POSITION, .task = SPOUT, .number = 900});
        assert_int_equal(line.life->tasks[SPOUT].position.number, 100);
        tear_down(&line);
}

static void
a_new_supervisor_ends_what_it_finds_and_begins_from_the_newest_snapshot(void **state)
{
        struct line line;

        (void)state;
        make(&line);
        line.life->restore = "/s/6";
        line.life->checkpoint.epoch = 8;
        line.life->first_incarnation = 2;
        for (uint32_t w = 0; w < 2; w++)
                step(&line, (struct sqi_event){.type = SQI_EVENT_FOUND, .worker = w, .incarnation = 3});
        step(&line, (struct sqi_event){.type = SQI_EVENT_MISSED, .worker = SINK, .incarnation = 1});
        step(&line, (struct sqi_event){.type = SQI_EVENT_START});
        assert_int_equal(count_type(&line, SQI_ACTION_KILL), 2);
        exits(&line, SPOUT);
        exits(&line, BOLT);
        assert_int_equal(count_type(&line, SQI_ACTION_SPAWN), TASKS);
        assert_int_equal(line.life->workers[SPOUT].incarnation, 4);
        assert_int_equal(line.life->workers[SINK].incarnation, 2);
        tear_down(&line);
}

/* ---- The end ----------------------------------------------------------------------------------------- */

static void
nobody_is_told_to_exit_before_the_last_epoch_is_committed(void **state)
{
        struct line line;

        (void)state;
        run_up(&line);
        all_say(&line, SQI_MSG_FINISHED);
        assert_null(sent(&line, SQI_MSG_QUIT));
        sends_checkpoint(&line, 2);
        all_parts(&line, 2);
        seal(&line, ENOSPC);
        assert_null(sent(&line, SQI_MSG_QUIT));
        time_comes(&line, SQI_SECOND);
        sends_checkpoint(&line, 3);
        all_parts(&line, 3);
        seal(&line, 0);
        assert_null(sent(&line, SQI_MSG_QUIT));
        all_commit(&line, 3);
        assert_non_null(sent(&line, SQI_MSG_QUIT));
        assert_int_equal(line.life->outcome, SQI_OUTCOME_FINISHED);
        tear_down(&line);
}

static void
an_epoch_that_began_before_the_last_task_finished_is_not_the_last(void **state)
{
        struct line line;

        (void)state;
        run_up(&line);
        time_comes(&line, SQI_SECOND);
        sends_checkpoint(&line, 2);
        all_say(&line, SQI_MSG_FINISHED);
        all_parts(&line, 2);
        seal(&line, 0);
        all_commit(&line, 2);
        assert_null(sent(&line, SQI_MSG_QUIT));
        sends_checkpoint(&line, 3);
        all_parts(&line, 3);
        seal(&line, 0);
        all_commit(&line, 3);
        assert_non_null(sent(&line, SQI_MSG_QUIT));
        tear_down(&line);
}

static void
a_death_before_the_last_commit_goes_back_to_the_last_epoch(void **state)
{
        struct line line;

        (void)state;
        run_up(&line);
        all_say(&line, SQI_MSG_FINISHED);
        all_parts(&line, 2);
        seal(&line, 0);
        exits(&line, SINK);
        exits(&line, SPOUT);
        exits(&line, BOLT);
        assert_int_equal(count_type(&line, SQI_ACTION_SPAWN), TASKS);
        line.incarnation = 1;
        come_up(&line);
        assert_int_equal(line.life->state, SQI_RUNNING);
        all_say(&line, SQI_MSG_FINISHED);
        sends_checkpoint(&line, 3);
        tear_down(&line);
}

static void
a_handover_gives_up_what_is_under_way_and_ends_with_an_epoch_of_its_own(void **state)
{
        struct line line;

        (void)state;
        run_up(&line);
        time_comes(&line, SQI_SECOND);
        part(&line, SPOUT, 2);
        line.life->handover = true;
        step(&line, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        assert_true(place_of(&line, SQI_MSG_ABANDON) < place_of(&line, SQI_MSG_HANDOVER));
        assert_int_equal(sent(&line, SQI_MSG_HANDOVER)->a, 0);
        assert_int_equal(sent(&line, SQI_MSG_HANDOVER)->text.len, 0);
        time_comes(&line, 2 * SQI_SECOND);
        assert_null(sent(&line, SQI_MSG_CHECKPOINT));
        all_say(&line, SQI_MSG_FINISHED);
        sends_checkpoint(&line, 3);
        all_parts(&line, 3);
        seal(&line, 0);
        all_commit(&line, 3);
        assert_non_null(sent(&line, SQI_MSG_QUIT));
        assert_int_equal(line.life->outcome, SQI_OUTCOME_DRAINED);
        tear_down(&line);
}

/* ---- To be seen -------------------------------------------------------------------------------------- */

static bool
says(const struct line *line, const char *what)
{
        char text[1024];

        return strstr(sqi_checkpoint_text(line->life, line->now, text, sizeof(text)), what) != NULL;
}

static void
says_how_old_the_newest_epoch_is_and_what_a_restore_waits_for(void **state)
{
        struct line line;

        (void)state;
        make(&line);
        step(&line, (struct sqi_event){.type = SQI_EVENT_START});
        assert_true(says(&line, "no epoch of this run yet; all begin anew: lines/0 is not ready yet"));
        come_up(&line);
        assert_true(says(&line, "waits for the epoch before the start"));
        all_parts(&line, 1);
        seal(&line, 0);
        line.now += SQI_SECOND;
        assert_true(says(&line, "epoch 1, 1.0 s old"));
        assert_true(says(&line, "21 bytes"));
        assert_false(says(&line, ";"));
        exits(&line, BOLT);
        assert_true(says(&line, "all begin anew: lines/0 ends"));
        exits(&line, SPOUT);
        exits(&line, SINK);
        assert_true(says(&line, "lines/0 is not ready yet"));
        tear_down(&line);
}

/* Also of those that come to be. */
static void
every_report_has_a_name_and_a_text(void **state)
{
        struct line line;

        (void)state;
        run_up(&line);
        for (int report = 0; report < SQI_REPORTS; report++) {
                struct sqi_action action = {.type = SQI_ACTION_REPORT, .report = (enum sqi_report)report};
                char text[2048] = "";

                assert_non_null(sqi_report_name(&action));
                sqi_report_text(line.life, &action, text, sizeof(text));
                assert_true(text[0]);
        }
        tear_down(&line);
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
                        a_part_that_failed_gives_the_epoch_up_with_its_cause_and_its_number_is_never_used_again),
                cmocka_unit_test(an_epoch_without_a_folder_and_one_that_takes_too_long_are_given_up),
                cmocka_unit_test(the_same_trouble_is_reported_once),
                cmocka_unit_test(a_death_ends_all_and_all_begin_together_from_the_newest_epoch),
                cmocka_unit_test(an_epoch_that_a_death_cut_short_is_not_sealed_by_what_comes_late),
                cmocka_unit_test(all_wait_for_the_back_off_of_who_dies_again_and_again),
                cmocka_unit_test(a_second_death_while_all_come_back_begins_it_again),
                cmocka_unit_test(what_a_dead_incarnation_says_of_its_position_does_not_count),
                cmocka_unit_test(a_new_supervisor_ends_what_it_finds_and_begins_from_the_newest_snapshot),
                cmocka_unit_test(nobody_is_told_to_exit_before_the_last_epoch_is_committed),
                cmocka_unit_test(an_epoch_that_began_before_the_last_task_finished_is_not_the_last),
                cmocka_unit_test(a_death_before_the_last_commit_goes_back_to_the_last_epoch),
                cmocka_unit_test(a_handover_gives_up_what_is_under_way_and_ends_with_an_epoch_of_its_own),
                cmocka_unit_test(every_report_has_a_name_and_a_text),
                cmocka_unit_test(says_how_old_the_newest_epoch_is_and_what_a_restore_waits_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

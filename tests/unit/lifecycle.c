/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's decisions, without a process: what happened goes in, what it wants done is looked at. Time is a
 * number. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lifecycle/lifecycle.h"
#include "lifecycle/tell.h"

enum { TASKS = 4, SPOUT = 0, SPLIT_0 = 1, SPLIT_1 = 2, COUNT = 3 };

/* lines -> split x 2 -> count, a worker for each task; `cyclic` puts split and count into cycle 1. */
struct world {
        struct sqi_plan_component components[3];
        struct sqi_plan_task tasks[TASKS];
        struct sqi_plan plan;
        struct sqi_lifecycle *life;
        struct sqi_actions actions;
        uint64_t now;
        uint32_t incarnations[TASKS];
};

static void
set_up_plan(struct world *world, bool cyclic)
{
        memset(world, 0, sizeof(*world));
        world->components[0] = (struct sqi_plan_component){
                .id = "lines", .kind = SQ_KIND_SPOUT, .first_task = 0, .ntasks = 1};
        world->components[1] = (struct sqi_plan_component){
                .id = "split", .kind = SQ_KIND_BOLT, .first_task = 1, .ntasks = 2, .cycle = cyclic};
        world->components[2] = (struct sqi_plan_component){
                .id = "count", .kind = SQ_KIND_BOLT, .first_task = 3, .ntasks = 1, .cycle = cyclic};
        for (uint32_t t = 0; t < TASKS; t++)
                world->tasks[t] = (struct sqi_plan_task){.component = t == 0   ? 0
                                                                      : t == 3 ? 2
                                                                               : 1,
                                                         .index = t == 2,
                                                         .worker = t};
        world->plan = (struct sqi_plan){.name = "test",
                                        .ncomponents = 3,
                                        .ntasks = TASKS,
                                        .nworkers = TASKS,
                                        .components = world->components,
                                        .tasks = world->tasks};
        world->plan.config.worker_timeout = 30;
        world->plan.config.start_timeout = 120;
        world->plan.config.message_timeout = 30;
        world->now = 1000 * SQI_SECOND;
}

static void
step(struct world *world, struct sqi_event event)
{
        world->actions.n = 0;
        sqi_lifecycle_step(world->life, &event, world->now, &world->actions);
}

static void
set_up(struct world *world, bool cyclic)
{
        set_up_plan(world, cyclic);
        assert_int_equal(sqi_lifecycle_new(&world->plan, 10, 42, &world->life), 0);
        step(world, (struct sqi_event){.type = SQI_EVENT_START});
}

static void
tear_down(struct world *world)
{
        free(world->actions.items);
        sqi_lifecycle_free(&world->life);
}

/* ---- What happens ------------------------------------------------------------------------------------ */

static void
hear_with(struct world *world, struct sqi_message message)
{
        message.worker = message.task; /* a worker for each task */
        message.incarnation = world->incarnations[message.worker];
        step(world, (struct sqi_event){.type = SQI_EVENT_MESSAGE, .message = &message});
}

static void
hear(struct world *world, enum sqi_message_type type, uint32_t task)
{
        hear_with(world, (struct sqi_message){.type = type, .task = task});
}

static void
spawned(struct world *world, uint32_t worker)
{
        step(world, (struct sqi_event){.type = SQI_EVENT_SPAWNED, .worker = worker});
}

static void
subscribed(struct world *world, uint32_t worker)
{
        step(world, (struct sqi_event){.type = SQI_EVENT_SUBSCRIBED,
                                       .worker = worker,
                                       .incarnation = world->incarnations[worker]});
}

static void
died(struct world *world, uint32_t worker)
{
        step(world, (struct sqi_event){
                            .type = SQI_EVENT_EXITED, .worker = worker, .cause = SQI_CAUSE_SIGNAL, .number = SIGSEGV});
        world->incarnations[worker]++;
}

static void
exited(struct world *world, uint32_t worker)
{
        step(world,
             (struct sqi_event){.type = SQI_EVENT_EXITED, .worker = worker, .cause = SQI_CAUSE_EXIT, .number = 0});
}

static void
time_comes(struct world *world, uint64_t later)
{
        world->now += later;
        step(world, (struct sqi_event){.type = SQI_EVENT_TIME});
}

/* All the time there is, in steps as the shell would make them, with every worker beating. */
static void
time_passes(struct world *world, uint64_t later)
{
        for (uint64_t end = world->now + later; world->now < end;) {
                for (uint32_t t = 0; t < TASKS; t++)
                        hear(world, SQI_MSG_HEARTBEAT, t);
                time_comes(world, SQI_SECOND < end - world->now ? SQI_SECOND : end - world->now);
        }
}

static void
all_are_bound(struct world *world)
{
        for (uint32_t w = 0; w < TASKS; w++) {
                spawned(world, w);
                subscribed(world, w);
                hear(world, SQI_MSG_HELLO, w);
                hear(world, SQI_MSG_BOUND, w);
        }
}

static void
run_up(struct world *world)
{
        all_are_bound(world);
        for (uint32_t t = 0; t < TASKS; t++)
                hear(world, SQI_MSG_READY, t);
        assert_int_equal(world->life->state, SQI_RUNNING);
}

static void
comes_back(struct world *world, uint32_t worker)
{
        spawned(world, worker);
        subscribed(world, worker);
        hear(world, SQI_MSG_BOUND, worker);
        hear(world, SQI_MSG_READY, worker);
}

static void
all_finish(struct world *world)
{
        for (uint32_t t = 0; t < TASKS; t++)
                hear(world, SQI_MSG_FINISHED, t);
}

/* ---- What is wanted ---------------------------------------------------------------------------------- */

static size_t
count_type(const struct world *world, enum sqi_action_type type)
{
        size_t n = 0;

        for (size_t i = 0; i < world->actions.n; i++)
                n += world->actions.items[i].type == type;
        return n;
}

/* How many messages of a type go to `worker` (or SQI_EVERY_WORKER). */
static size_t
count_sent(const struct world *world, enum sqi_message_type type, uint32_t worker)
{
        size_t n = 0;

        for (size_t i = 0; i < world->actions.n; i++) {
                const struct sqi_action *action = &world->actions.items[i];

                n += action->type == SQI_ACTION_SEND && action->message.type == type && action->worker == worker;
        }
        return n;
}

static size_t
place_of(const struct world *world, enum sqi_message_type type)
{
        for (size_t i = 0; i < world->actions.n; i++)
                if (world->actions.items[i].type == SQI_ACTION_SEND && world->actions.items[i].message.type == type)
                        return i;
        fail_msg("%s was not sent", sqi_message_name(type));
        return 0;
}

static bool
reported(const struct world *world, enum sqi_report report)
{
        for (size_t i = 0; i < world->actions.n; i++)
                if (world->actions.items[i].type == SQI_ACTION_REPORT && world->actions.items[i].report == report)
                        return true;
        return false;
}

/* ---- Start ------------------------------------------------------------------------------------------- */

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

/* ---- Restarts ---------------------------------------------------------------------------------------- */

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

/* ---- The end ----------------------------------------------------------------------------------------- */

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

/* ---- Cycles ------------------------------------------------------------------------------------------ */

static uint64_t
round_sent(const struct world *world)
{
        return world->actions.items[place_of(world, SQI_MSG_PROBE)].message.number;
}

static void
answer(struct world *world, uint64_t round, uint64_t received, uint64_t sent)
{
        for (uint32_t t = SPLIT_0; t <= COUNT; t++)
                hear_with(world, (struct sqi_message){.type = SQI_MSG_PROBED,
                                                      .task = t,
                                                      .number = round,
                                                      .a = t == COUNT ? received : 0,
                                                      .b = t == COUNT ? sent : 0});
}

static void
releases_a_cycle_after_two_equal_rounds(void **state)
{
        struct world world;
        uint64_t round;

        (void)state;
        set_up(&world, true);
        run_up(&world);
        hear(&world, SQI_MSG_SETTLED, SPLIT_0);
        hear(&world, SQI_MSG_SETTLED, SPLIT_1);
        assert_int_equal(world.actions.n, 0);
        hear(&world, SQI_MSG_SETTLED, COUNT);
        round = round_sent(&world);
        answer(&world, round, 10, 10);
        assert_true(round_sent(&world) > round);
        answer(&world, round_sent(&world), 10, 10);
        assert_int_equal(count_sent(&world, SQI_MSG_RELEASE, SQI_EVERY_WORKER), 1);
        assert_int_equal(world.actions.items[place_of(&world, SQI_MSG_RELEASE)].message.number, 1);
        tear_down(&world);
}

static void
asks_a_busy_cycle_again_after_a_while(void **state)
{
        struct world world;
        uint64_t round;

        (void)state;
        set_up(&world, true);
        run_up(&world);
        for (uint32_t t = SPLIT_0; t <= COUNT; t++)
                hear(&world, SQI_MSG_SETTLED, t);
        round = round_sent(&world);
        answer(&world, round, 10, 12);
        assert_int_equal(world.actions.n, 0);
        world.now = sqi_lifecycle_due(world.life);
        time_comes(&world, 0);
        assert_true(round_sent(&world) > round);
        answer(&world, round_sent(&world), 12, 12);
        answer(&world, round_sent(&world), 13, 13);
        assert_int_equal(count_sent(&world, SQI_MSG_RELEASE, SQI_EVERY_WORKER), 0);
        answer(&world, round_sent(&world), 13, 13);
        assert_int_equal(count_sent(&world, SQI_MSG_RELEASE, SQI_EVERY_WORKER), 1);
        tear_down(&world);
}

static void
releases_a_cycle_whose_task_died_when_it_stands_still(void **state)
{
        struct world world;
        int rounds = 0;

        (void)state;
        set_up(&world, true);
        run_up(&world);
        for (uint32_t t = SPLIT_0; t <= COUNT; t++)
                hear(&world, SQI_MSG_SETTLED, t);
        died(&world, SPLIT_1);
        comes_back(&world, SPLIT_1);
        hear(&world, SQI_MSG_SETTLED, SPLIT_1);
        for (;; rounds++) {
                answer(&world, round_sent(&world), 10, 12);
                if (count_sent(&world, SQI_MSG_RELEASE, SQI_EVERY_WORKER))
                        break;
                world.now = sqi_lifecycle_due(world.life);
                time_comes(&world, 0);
        }
        assert_int_equal(rounds, SQI_CYCLE_STILL);
        tear_down(&world);
}

/* ---- Adoption ---------------------------------------------------------------------------------------- */

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

/* All tasks of a hand-over have finished: the snapshot of epoch 7 is to be sealed now. */
static void
hand_over(struct world *world)
{
        set_up(world, false);
        world->life->folder = "/snapshots/.open";
        world->life->epoch = 7;
        run_up(world);
        world->life->handover = true;
        step(world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        for (uint32_t t = 0; t < TASKS; t++) {
                hear_with(world,
                          (struct sqi_message){.type = SQI_MSG_SNAPSHOT, .task = t, .number = 7, .a = 100 + t, .b = t});
                hear(world, SQI_MSG_FINISHED, t);
        }
}

static void
nobody_is_told_to_exit_before_the_snapshot_of_a_handover_is_sealed(void **state)
{
        struct world world;

        (void)state;
        hand_over(&world);
        assert_int_equal(count_type(&world, SQI_ACTION_SEAL), 1);
        assert_int_equal(count_sent(&world, SQI_MSG_QUIT, SQI_EVERY_WORKER), 0);
        assert_int_equal(world.life->tasks[COUNT].snapshot.size, 100 + COUNT);
        assert_int_equal(world.life->tasks[COUNT].snapshot.epoch, 7);
        time_comes(&world, 100 * SQI_MS);
        assert_int_equal(count_sent(&world, SQI_MSG_QUIT, SQI_EVERY_WORKER), 0);
        step(&world, (struct sqi_event){.type = SQI_EVENT_SEALED});
        assert_int_equal(count_sent(&world, SQI_MSG_QUIT, SQI_EVERY_WORKER), 1);
        assert_int_equal(world.life->outcome, SQI_OUTCOME_DRAINED);
        assert_int_equal(world.life->unsealed, 0);
        tear_down(&world);
}

static void
a_snapshot_that_could_not_be_sealed_is_remembered_at_the_end(void **state)
{
        struct world world;

        (void)state;
        hand_over(&world);
        step(&world, (struct sqi_event){.type = SQI_EVENT_SEALED, .number = ENOSPC});
        assert_int_equal(count_sent(&world, SQI_MSG_QUIT, SQI_EVERY_WORKER), 1);
        assert_int_equal(world.life->unsealed, ENOSPC);
        tear_down(&world);
}

/* It dies once before the start and once after it. */
static void
only_what_has_not_been_started_yet_begins_from_the_snapshot(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        world.life->restore = "/snapshots/6";
        for (uint32_t t = 0; t < TASKS; t++) {
                spawned(&world, t);
                subscribed(&world, t);
                hear(&world, SQI_MSG_HELLO, t);
        }
        for (uint32_t t = 0; t < TASKS; t++)
                hear(&world, SQI_MSG_BOUND, t);
        assert_int_equal(count_sent(&world, SQI_MSG_RESTORE, COUNT), 1);
        died(&world, COUNT);
        time_comes(&world, SQI_SECOND);
        spawned(&world, COUNT);
        subscribed(&world, COUNT);
        hear(&world, SQI_MSG_BOUND, COUNT);
        assert_int_equal(count_sent(&world, SQI_MSG_RESTORE, COUNT), 1);
        assert_true(place_of(&world, SQI_MSG_RESTORE) < place_of(&world, SQI_MSG_CONNECT));
        for (uint32_t t = 0; t < TASKS; t++)
                hear(&world, SQI_MSG_READY, t);
        assert_int_equal(world.life->state, SQI_RUNNING);
        died(&world, COUNT);
        time_comes(&world, SQI_SECOND);
        spawned(&world, COUNT);
        subscribed(&world, COUNT);
        hear(&world, SQI_MSG_BOUND, COUNT);
        assert_int_equal(count_sent(&world, SQI_MSG_CONNECT, COUNT), 1);
        assert_int_equal(count_sent(&world, SQI_MSG_RESTORE, COUNT), 0);
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

/* ---- Simulation: workers that do as the protocol says, killed and stopped at random ------------------ */

enum { STEPS = 400, QUEUE = 64 };

struct puppet {
        bool alive, hung, listens, connected, started, draining, quitting;
        bool told, stays; /* its fate after a hand-over */
        uint32_t incarnation;
        struct sqi_message queue[QUEUE]; /* on its way to the supervisor */
        unsigned n;
        bool bound, ready, finished;
};

struct play {
        struct world world;
        struct puppet puppets[TASKS];
        uint64_t random;
        bool ended, ran, faults;
        uint64_t seed;
};

static uint64_t
draw(struct play *play, uint64_t n)
{
        play->random ^= play->random << 13;
        play->random ^= play->random >> 7;
        play->random ^= play->random << 17;
        return play->random % n;
}

static void
say(struct play *play, uint32_t worker, enum sqi_message_type type)
{
        struct puppet *puppet = &play->puppets[worker];

        if (puppet->n < QUEUE)
                puppet->queue[puppet->n++] = (struct sqi_message){
                        .type = type, .worker = worker, .incarnation = puppet->incarnation, .task = worker};
}

static bool
upstream_has_finished(const struct play *play, uint32_t task)
{
        if (task == SPOUT)
                return play->puppets[SPOUT].draining;
        if (task == COUNT)
                return play->puppets[SPLIT_0].finished && play->puppets[SPLIT_1].finished;
        return play->puppets[SPOUT].finished;
}

static void
check(const struct play *play, bool right, const char *what)
{
        if (!right)
                fail_msg("seed %llu: %s", (unsigned long long)play->seed, what);
}

static void
check_order(struct play *play, uint32_t w, const struct sqi_message *message)
{
        struct puppet *puppet = &play->puppets[w];
        enum sqi_message_type type = message->type;

        if (!puppet->alive || !puppet->listens)
                return; /* nobody hears it */
        if (type == SQI_MSG_CONNECT) {
                check(play, puppet->bound && !puppet->connected, "CONNECT goes once to a bound worker");
                puppet->connected = true;
        } else if (type == SQI_MSG_START) {
                check(play, puppet->ready, "START goes to a ready worker");
                puppet->started = true;
        } else if (type == SQI_MSG_DRAIN) {
                check(play, puppet->told == play->world.life->handover, "HANDOVER goes before DRAIN");
                puppet->draining = true;
        } else if (type == SQI_MSG_HANDOVER) {
                check(play, !puppet->told || puppet->stays == (message->number == 1),
                      "a worker is told one thing about its fate");
                puppet->told = true;
                puppet->stays = message->number == 1;
        } else if (type == SQI_MSG_QUIT) {
                check(play, puppet->finished, "QUIT goes to who has finished");
                check(play, !puppet->stays, "and not to who stays");
                puppet->quitting = true;
        }
}

static void
check_send(struct play *play, const struct sqi_action *action)
{
        if (action->message.type == SQI_MSG_START && action->worker == SQI_EVERY_WORKER) {
                for (uint32_t w = 0; w < TASKS; w++)
                        check(play, play->puppets[w].alive && play->puppets[w].ready,
                              "the first START is for all, and all are ready");
                play->ran = true;
        }
        for (uint32_t w = 0; w < TASKS; w++)
                if (action->worker == SQI_EVERY_WORKER ||
                    (action->worker == w && action->incarnation == play->puppets[w].incarnation))
                        check_order(play, w, &action->message);
}

static void play_step(struct play *play, struct sqi_event event);

static void
do_spawn(struct play *play, const struct sqi_action *action)
{
        struct puppet *puppet = &play->puppets[action->worker];

        check(play, !puppet->alive, "no two incarnations run side by side");
        check(play, action->incarnation == 0 || action->incarnation > puppet->incarnation, "incarnations rise");
        if (play->faults && play->ran && draw(play, 20) == 0) {
                play_step(play, (struct sqi_event){
                                        .type = SQI_EVENT_SPAWN_FAILED, .worker = action->worker, .number = EAGAIN});
                return;
        }
        puppet->alive = true; /* what the one before has said is still under way */
        puppet->hung = puppet->listens = puppet->connected = puppet->started = puppet->draining = puppet->quitting =
                false;
        puppet->told = puppet->stays = false;
        puppet->incarnation = action->incarnation;
        play_step(play, (struct sqi_event){.type = SQI_EVENT_SPAWNED, .worker = action->worker});
}

static bool
is_left(const struct play *play, uint32_t w)
{
        return play->world.life->outcome == SQI_OUTCOME_DRAINED && play->puppets[w].stays && play->puppets[w].finished;
}

static void
play_step(struct play *play, struct sqi_event event)
{
        struct sqi_actions actions = {0};

        sqi_lifecycle_step(play->world.life, &event, play->world.now, &actions);
        for (size_t i = 0; i < actions.n; i++) {
                const struct sqi_action *action = &actions.items[i];

                check(play, !play->ended, "END is the last action");
                if (action->type == SQI_ACTION_SPAWN)
                        do_spawn(play, action);
                else if (action->type == SQI_ACTION_SEND)
                        check_send(play, action);
                else if (action->type == SQI_ACTION_KILL)
                        play->puppets[action->worker].quitting = play->puppets[action->worker].hung = true;
                else if (action->type == SQI_ACTION_END)
                        play->ended = true;
        }
        for (uint32_t w = 0; w < TASKS && play->ended; w++)
                check(play, !play->puppets[w].alive || is_left(play, w),
                      "no process is left at the END but those that stay");
        free(actions.items);
}

static void
die(struct play *play, uint32_t w, enum sqi_cause_type cause, int number)
{
        play->puppets[w].alive = false;
        play->puppets[w].finished = play->puppets[w].bound = play->puppets[w].ready = false;
        play_step(play, (struct sqi_event){.type = SQI_EVENT_EXITED, .worker = w, .cause = cause, .number = number});
}

/* A worker does the next thing that the protocol has for it. */
static void
act(struct play *play, uint32_t w)
{
        struct puppet *puppet = &play->puppets[w];

        if (puppet->quitting) {
                die(play, w, puppet->hung ? SQI_CAUSE_SIGNAL : SQI_CAUSE_EXIT, puppet->hung ? SIGKILL : 0);
        } else if (puppet->hung) {
                return;
        } else if (!puppet->listens) {
                puppet->listens = true;
                play_step(play, (struct sqi_event){
                                        .type = SQI_EVENT_SUBSCRIBED, .worker = w, .incarnation = puppet->incarnation});
        } else if (!puppet->bound) {
                puppet->bound = true;
                say(play, w, SQI_MSG_BOUND);
        } else if (puppet->connected && !puppet->ready) {
                puppet->ready = true;
                say(play, w, SQI_MSG_READY);
        } else if (puppet->started && !puppet->finished && upstream_has_finished(play, w)) {
                puppet->finished = true;
                say(play, w, SQI_MSG_FINISHED);
        } else if (puppet->n < QUEUE / 2) {
                say(play, w, SQI_MSG_HEARTBEAT);
        }
}

static void
deliver(struct play *play, uint32_t w)
{
        struct puppet *puppet = &play->puppets[w];
        struct sqi_message message;

        if (puppet->n == 0)
                return;
        message = puppet->queue[0];
        memmove(puppet->queue, puppet->queue + 1, --puppet->n * sizeof(message));
        play_step(play, (struct sqi_event){.type = SQI_EVENT_MESSAGE, .message = &message});
}

static void
one_turn(struct play *play)
{
        uint32_t w = (uint32_t)draw(play, TASKS);
        struct puppet *puppet = &play->puppets[w];

        if (puppet->alive && play->faults && draw(play, play->ran ? 40 : 400) == 0)
                die(play, w, SQI_CAUSE_SIGNAL, SIGSEGV);
        else if (puppet->alive && play->faults && draw(play, 100) == 0)
                puppet->hung = true;
        else if (puppet->alive && draw(play, 2))
                act(play, w);
        else
                deliver(play, w);
        play->world.now += draw(play, 50) * SQI_MS;
        if (sqi_lifecycle_due(play->world.life) <= play->world.now)
                play_step(play, (struct sqi_event){.type = SQI_EVENT_TIME});
}

static void
play_seed(uint64_t seed, unsigned *ret_drained)
{
        struct play *play = calloc(1, sizeof(*play));
        unsigned turns = 0;

        assert_non_null(play);
        play->seed = seed;
        play->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
        play->faults = true;
        set_up_plan(&play->world, false);
        assert_int_equal(sqi_lifecycle_new(&play->world.plan, 0, seed, &play->world.life), 0);
        play_step(play, (struct sqi_event){.type = SQI_EVENT_START});
        while (turns++ < STEPS && !play->ended)
                one_turn(play);
        play->faults = false;
        play->world.life->handover = draw(play, 2);
        for (uint32_t w = 0; w < TASKS; w++)
                play->world.life->workers[w].stays = play->world.life->handover && draw(play, 2);
        play_step(play, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        play->faults = draw(play, 4) == 0; /* some die on the way */
        while (turns++ < 2 * STEPS && !play->ended)
                one_turn(play);
        play->faults = false;
        while (turns++ < 100 * STEPS && !play->ended)
                one_turn(play);
        check(play, play->ended, "it ends");
        *ret_drained += play->world.life->outcome == SQI_OUTCOME_DRAINED;
        check(play, play->world.life->outcome == SQI_OUTCOME_DRAINED || play->world.life->outcome == SQI_OUTCOME_FAILED,
              "and says how");
        sqi_lifecycle_free(&play->world.life);
        free(play);
}

static uint64_t
setting(const char *name, uint64_t fallback)
{
        const char *text = getenv(name);

        return text ? strtoull(text, NULL, 0) : fallback;
}

/* SQUALL_SIM_SCHEDULES says how many, SQUALL_SIM_SEED runs one again. */
static void
keeps_its_invariants_whatever_dies_and_whenever(void **state)
{
        uint64_t only = setting("SQUALL_SIM_SEED", 0), n = setting("SQUALL_SIM_SCHEDULES", 100000);
        unsigned drained = 0;

        (void)state;
        for (uint64_t seed = only ? only : 1; seed <= (only ? only : n); seed++)
                play_seed(seed, &drained);
        assert_true(only || drained > n / 4); /* or the play is about failures alone */
        print_message("%llu schedules\n", (unsigned long long)(only ? 1 : n));
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
                cmocka_unit_test(ends_by_itself_when_every_task_has_finished),
                cmocka_unit_test(drains_once_and_ends_as_drained),
                cmocka_unit_test(drains_a_topology_that_has_not_started_by_starting_it_first),
                cmocka_unit_test(says_what_did_not_finish_when_the_drain_takes_too_long),
                cmocka_unit_test(tells_a_bolt_restarted_in_a_drain_to_start_and_drain),
                cmocka_unit_test(a_spout_that_had_finished_is_drained_when_it_is_restarted),
                cmocka_unit_test(does_not_restart_a_worker_that_dies_after_it_was_told_to_quit),
                cmocka_unit_test(kills_who_does_not_exit_when_told_to),
                cmocka_unit_test(aborts_by_killing_all_even_one_that_is_just_being_spawned),
                cmocka_unit_test(refuses_messages_about_tasks_that_are_not_the_senders),
                cmocka_unit_test(releases_a_cycle_after_two_equal_rounds),
                cmocka_unit_test(asks_a_busy_cycle_again_after_a_while),
                cmocka_unit_test(releases_a_cycle_whose_task_died_when_it_stands_still),
                cmocka_unit_test(adopts_what_runs_without_restarting_anything),
                cmocka_unit_test(restarts_what_died_without_a_supervisor_in_its_next_incarnation),
                cmocka_unit_test(waits_with_restarts_until_the_last_living_worker_has_told_its_state),
                cmocka_unit_test(kills_and_restarts_a_worker_that_had_not_started),
                cmocka_unit_test(begins_anew_when_nothing_had_started),
                cmocka_unit_test(drains_what_it_adopts_if_that_was_asked_before),
                cmocka_unit_test(what_was_told_to_drain_has_not_finished_by_itself_under_the_next_supervisor),
                cmocka_unit_test(a_handover_that_one_worker_knows_of_is_carried_on_for_all),
                cmocka_unit_test(nobody_is_told_to_exit_before_the_snapshot_of_a_handover_is_sealed),
                cmocka_unit_test(a_snapshot_that_could_not_be_sealed_is_remembered_at_the_end),
                cmocka_unit_test(only_what_has_not_been_started_yet_begins_from_the_snapshot),
                cmocka_unit_test(what_has_run_before_is_not_given_up_when_it_cannot_start),
                cmocka_unit_test(kills_a_worker_that_does_not_answer_its_new_supervisor),
                cmocka_unit_test(a_deactivated_topology_stays_so_for_workers_that_are_restarted),
                cmocka_unit_test(keeps_its_invariants_whatever_dies_and_whenever),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exactly-once, simulated from seeds: the lifecycle as it is, and around it processes that do what the protocol asks
 * of tasks (shared/actors.h). Processes die, and the others begin anew in theirs; the supervisor dies (also between
 * sealing and hearing of it), orders are lost, late, come again behind the next ones, and several in one go, reports
 * come after a death, the disk is full; one in eight is handed over to a next plan on its way. The oracle knows what
 * each cut of an epoch has to be: what was sent into a channel as of the epoch is what was received from it, and what
 * was recorded. In the end every number is published once.
 *
 * So that it is known to see, faults of the tasks and of the supervisor are planted, and each must be found.
 */
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

#include "../shared/actors.h"
#include "../shared/draw.h"

/* Within how many schedules one of them is found. */
enum { PLANTED = 3000 };

/* ---- The supervisor ---------------------------------------------------------------------------------- */

static uint64_t
highest(const bool *which)
{
        for (uint64_t epoch = EPOCHS - 1; epoch > 0; epoch--)
                if (which[epoch])
                        return epoch;
        return 0;
}

static bool
may_be_lost(enum sqi_message_type type)
{
        return type == SQI_MSG_CHECKPOINT || type == SQI_MSG_COMMIT || type == SQI_MSG_ABANDON;
}

static void
do_send(struct play *play, const struct sqi_action *action)
{
        struct order order = {action->message.type, action->message.number};

        if (order.type == SQI_MSG_RESTORE) {
                char text[64];

                snprintf(text, sizeof(text), "%.*s", (int)action->message.text.len, action->message.text.ptr);
                order.number = strtoull(strrchr(text, '/') + 1, NULL, 10);
                check(play, order.number == highest(play->sealed), "nobody goes back behind what is durable");
        }
        if (order.type == SQI_MSG_CHECKPOINT)
                check(play, play->opened[order.number], "nobody writes into a folder that is not there");
        if (order.type == SQI_MSG_POSITION && play->fault == POSITION_OF_LATER_THAN_THE_EPOCH)
                order.number = play->told;
        for (uint32_t w = 0; w < TASKS; w++) {
                const struct process *process = &play->processes[w];

                if (!process->alive || !process->listens || (action->worker != SQI_EVERY_WORKER && action->worker != w))
                        continue;
                if (play->faults && may_be_lost(order.type) && draw(&play->random, 10) == 0)
                        continue;
                order_to(play, w, order);
        }
}

/* The cut of an epoch: nothing is missing from a channel, and nothing twice. */
static void
check_cut(struct play *play, uint64_t epoch)
{
        const struct part *parts = play->parts[epoch];

        for (uint32_t w = 0; w < TASKS; w++)
                check(play, parts[w].there, "all parts of a sealed epoch are there");
        for (uint32_t c = 0; c < CHANNELS; c++) {
                const struct part *from = &parts[channels[c].from], *to = &parts[channels[c].to];

                check(play, from->inner.sent[c] == to->inner.got[c] + to->recorded[c].n,
                      "what was sent is what was received and recorded");
        }
        check(play, play->positions[epoch] == parts[S].inner.next, "the position is as of the epoch");
}

static void play_step(struct play *play, struct sqi_event event);

/* From here on a thread and the disk are at it. */
static void
do_seal(struct play *play, const struct sqi_action *action)
{
        check(play, play->sealing == 0, "one epoch is sealed at a time");
        play->supervisor_dies = play->faults && draw(&play->random, 60) == 0;
        if (play->supervisor_dies)
                return;
        play->sealing = action->epoch;
        play->positions[action->epoch] = play->life->tasks[S].snapshot.position.number;
        check_cut(play, action->epoch);
}

static void
end_sealing(struct play *play)
{
        bool full = play->faults && draw(&play->random, 12) == 0;

        play->sealed[play->sealing] = !full;
        play->sealing = 0;
        play_step(play, (struct sqi_event){.type = SQI_EVENT_SEALED, .number = full ? ENOSPC : 0});
}

static void
do_folder(struct play *play, const struct sqi_action *action)
{
        check(play, action->epoch < EPOCHS, "there are not more epochs than the simulation has room for");
        check(play, !play->used[action->epoch % EPOCHS], "the number of an epoch is never used again");
        check(play, play->opening == 0 && play->sealing == 0, "one thing at a time is asked of the disk");
        play->used[action->epoch % EPOCHS] = true;
        play->opening = action->epoch;
        if (play->fault == BEGUN_WITHOUT_WAITING_FOR_THE_FOLDER)
                play_step(play, (struct sqi_event){.type = SQI_EVENT_FOLDER});
}

static void
end_opening(struct play *play)
{
        bool none = play->faults && draw(&play->random, 20) == 0;

        play->opened[play->opening] = !none;
        play->opening = 0;
        play_step(play, (struct sqi_event){.type = SQI_EVENT_FOLDER, .number = none ? EROFS : 0});
}

static void
do_spawn(struct play *play, const struct sqi_action *action)
{
        struct process *process = &play->processes[action->worker];

        check_all_is_quiet(play);
        check(play, !process->alive, "no worker has two processes");
        check(play, action->incarnation == 0 || action->incarnation > process->incarnation, "incarnations rise");
        renew(process, action->incarnation);
        empty_inbox(play, action->worker);
        play_step(play, (struct sqi_event){.type = SQI_EVENT_SPAWNED, .worker = action->worker});
}

/* The order may be lost. */
static void
do_rejoin(struct play *play, const struct sqi_action *action)
{
        struct process *process = &play->processes[action->worker];

        check(play, action->incarnation > process->incarnation, "incarnations rise");
        if (process->alive && process->listens && (!play->faults || draw(&play->random, 10) > 0))
                process->rejoins = action->incarnation;
}

static void
end_play(struct play *play)
{
        play->ended = true;
        play->opening = 0; /* waited for */
}

static void
do_action(struct play *play, const struct sqi_action *action)
{
        check(play, !play->ended, "END is the last action");
        if (action->type == SQI_ACTION_SPAWN)
                do_spawn(play, action);
        else if (action->type == SQI_ACTION_REJOIN)
                do_rejoin(play, action);
        else if (action->type == SQI_ACTION_LEFT)
                check(play, !play->processes[action->worker].connected, "who has left has nothing");
        else if (action->type == SQI_ACTION_SEND)
                do_send(play, action);
        else if (action->type == SQI_ACTION_KILL)
                play->processes[action->worker].killed = true;
        else if (action->type == SQI_ACTION_SEAL)
                do_seal(play, action);
        else if (action->type == SQI_ACTION_FOLDER)
                do_folder(play, action);
        else if (action->type == SQI_ACTION_END)
                end_play(play);
        else if (action->report == SQI_REPORT_RESTORED)
                play->restores++;
        else if (action->report == SQI_REPORT_GIVEN_UP)
                check(play, !strstr(play->life->checkpoint.cause, "had not written"), "no epoch gets stuck");
}

/* As the shell does: what a deed finds out goes behind what still waits. */
static void
play_step(struct play *play, struct sqi_event event)
{
        bool outermost = play->actions.n == 0;

        sqi_lifecycle_step(play->life, &event, play->now, &play->actions);
        if (!outermost)
                return;
        for (size_t i = 0; i < play->actions.n && !play->supervisor_dies; i++) {
                struct sqi_action action = play->actions.items[i];

                do_action(play, &action);
        }
        play->actions.n = 0;
}

static void
new_supervisor(struct play *play, char restore[32])
{
        uint64_t newest = highest(play->sealed);

        assert_int_equal(sqi_lifecycle_new(&play->plan, 0, play->seed, &play->life), 0);
        play->life->proven = true;
        play->life->checkpoint.place = "/s";
        play->life->checkpoint.epoch = play->fault == NUMBER_USED_AGAIN ? newest : highest(play->used);
        snprintf(restore, 32, "/s/%llu", (unsigned long long)newest);
        if (newest > 0) {
                play->life->restore = restore;
                play->life->tasks[S].position = (struct sqi_position){.known = 1, .number = play->positions[newest]};
        }
}

static void
drain(struct play *play)
{
        play->life->handover = play->handing;
        play_step(play, (struct sqi_event){.type = SQI_EVENT_DRAIN});
}

/* The next plan begins with what the last one has ended with. */
static void
swap_plans(struct play *play, char restore[32])
{
        for (uint32_t w = 0; w < TASKS; w++)
                check(play, !play->processes[w].alive, "no process is left at the end of a plan");
        sqi_lifecycle_free(&play->life);
        play->ended = play->draining = play->handing = false;
        new_supervisor(play, restore);
        play->life->first_incarnation = 1000;
        play_step(play, (struct sqi_event){.type = SQI_EVENT_START});
}

/* What it has not heard is lost with it; what it has sent is under way. */
static void
replace_supervisor(struct play *play, char restore[32])
{
        if (play->sealing > 0)
                play->sealed[play->sealing] = draw(&play->random, 2);
        play->sealing = play->opening = 0;
        sqi_lifecycle_free(&play->life);
        play->supervisor_dies = false;
        new_supervisor(play, restore);
        for (uint32_t w = 0; w < TASKS; w++) {
                struct process *process = &play->processes[w];

                process->nreports = 0;
                play_step(play, (struct sqi_event){.type = process->alive ? SQI_EVENT_FOUND : SQI_EVENT_MISSED,
                                                   .worker = w,
                                                   .incarnation = process->incarnation});
        }
        play_step(play, (struct sqi_event){.type = SQI_EVENT_START});
        if (play->draining && !play->supervisor_dies) /* whoever asked for it asks again */
                drain(play);
}

/* ---- The play ---------------------------------------------------------------------------------------- */

static void
die(struct play *play, uint32_t w, enum sqi_cause_type cause, int number)
{
        uint64_t sealing = play->sealing;

        play->processes[w].alive = false;
        if (sealing > 0 && play->fault == BEGUN_WITHOUT_WAITING_FOR_THE_SEAL) {
                play->sealing = 0;
                play_step(play, (struct sqi_event){.type = SQI_EVENT_SEALED, .number = EINTR});
                play->sealed[sealing] = true;
        }
        play_step(play, (struct sqi_event){.type = SQI_EVENT_EXITED, .worker = w, .cause = cause, .number = number});
}

static void
act(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];

        if (process->killed) {
                die(play, w, SQI_CAUSE_SIGNAL, SIGKILL);
        } else if (process->quitting) {
                die(play, w, SQI_CAUSE_EXIT, 0);
        } else if (process->rejoins > 0) {
                rejoin(play, w);
        } else if (!process->listens) {
                process->listens = true;
                play_step(play, (struct sqi_event){.type = SQI_EVENT_SUBSCRIBED,
                                                   .worker = w,
                                                   .incarnation = process->incarnation});
        } else if (!process->bound && !process->back) {
                process->bound = true;
                say(play, w, SQI_MSG_BOUND, 0);
        } else if (process->connected && !process->ready) {
                load(play, w);
                process->ready = true;
                say(play, w, SQI_MSG_READY, 0);
        } else if (act_on_orders(play, w) && process->started) {
                if (w == S)
                        work_spout(play);
                else
                        work_bolt(play, w);
        }
        if (draw(&play->random, 30) == 0)
                say(play, w, SQI_MSG_HEARTBEAT, 0);
}

static void
deliver(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];
        struct sqi_message message;

        if (process->nreports == 0)
                return;
        message = process->reports[0];
        memmove(process->reports, process->reports + 1, --process->nreports * sizeof(message));
        play_step(play, (struct sqi_event){.type = SQI_EVENT_MESSAGE, .message = &message});
}

/* More often while it seals. */
static bool
supervisor_dies(struct play *play)
{
        return play->supervisor_dies ||
               (play->faults && draw(&play->random, (play->sealing > 0 ? 150 : 1500) * play->health) == 0);
}

static void
one_turn(struct play *play, char restore[32])
{
        uint32_t w = (uint32_t)draw(&play->random, TASKS);
        struct process *process = &play->processes[w];
        uint64_t what = draw(&play->random, 8);

        if (process->alive && play->faults && draw(&play->random, 400 * play->health) == 0)
                die(play, w, SQI_CAUSE_SIGNAL, SIGSEGV);
        else if (supervisor_dies(play))
                replace_supervisor(play, restore);
        else if (play->sealing > 0 && draw(&play->random, 10) == 0)
                end_sealing(play);
        else if (play->opening > 0 && draw(&play->random, 10) == 0)
                end_opening(play);
        else if (what < 2)
                deliver(play, w);
        else if (what == 2 && process->alive && !process->killed && process->norders + process->nagain > 0)
                obey(play, w);
        else if (process->alive)
                act(play, w);
        play->now += draw(&play->random, 10) * SQI_MS;
        if (!play->ended && sqi_lifecycle_due(play->life) <= play->now)
                play_step(play, (struct sqi_event){.type = SQI_EVENT_TIME});
}

static void
make(struct play *play, uint64_t seed, enum fault fault)
{
        play->seed = seed;
        play->fault = fault;
        play->random = draw_from(seed);
        play->faults = true;
        play->by_epochs = seed % 2;
        play->health = draw(&play->random, 4) == 0 ? 10 : 1;
        play->now = 1000 * SQI_SECOND;
        for (uint32_t t = 0; t < TASKS; t++) {
                play->components[t] = (struct sqi_plan_component){
                        .id = "t", .kind = t == S ? SQ_KIND_SPOUT : SQ_KIND_BOLT, .first_task = t, .ntasks = 1};
                play->tasks[t] = (struct sqi_plan_task){.component = t, .worker = t};
        }
        play->plan = (struct sqi_plan){.name = "play",
                                       .ncomponents = TASKS,
                                       .ntasks = TASKS,
                                       .nworkers = TASKS,
                                       .components = play->components,
                                       .tasks = play->tasks};
        sqi_config_defaults(&play->plan.config);
        play->plan.config.delivery = SQI_EXACTLY_ONCE;
        play->plan.config.checkpoint_ms = 500;
        play->plan.config.checkpoint_timeout = 10;
}

/* Also where the drain went back to an epoch, which is told: as if it had been asked for then. */
static bool
is_drained(const struct play *play)
{
        return play->life->outcome == SQI_OUTCOME_DRAINED ||
               (play->life->outcome == SQI_OUTCOME_FAILED && play->life->gone_back && !play->life->handover);
}

static void
check_published(struct play *play)
{
        uint32_t next = play->processes[S].inner.next;

        check(play, is_drained(play) || next == N, "the spout comes to its end");
        for (uint32_t number = 1; number <= N; number++) {
                check(play, play->published[number] == (number <= next), "S to B: each number once");
                check(play, play->published[N + number] == (number <= next), "S to A to B: each number once");
                check(play, play->published[2 * N + number] == (number <= next && number % 3 == 0),
                      "by way of the feedback: each number once");
        }
}

/* As if it were new. */
static void
forget(struct play *play)
{
        uint64_t last = play->last;

        memset(play, 0, offsetof(struct play, parts));
        memset(play->parts, 0, (last + 1) * sizeof(play->parts[0]));
}

/* Once, at a time of its own, or while the last epoch is made at its own end. */
struct drain {
        unsigned at;
        bool late;
};

static struct drain
draw_drain(struct play *play)
{
        struct drain drain = {.at = draw(&play->random, 4) == 0 ? 500 + (unsigned)draw(&play->random, 1500) : TURNS};

        drain.late = draw(&play->random, 4) == 0;
        return drain;
}

static void
drain_in_time(struct play *play, struct drain *when, unsigned turns)
{
        if (when->late && when->at == TURNS && play->life->state == SQI_SEALING)
                when->at = turns;
        if (turns != when->at)
                return;
        play->draining = true;
        play->handing = draw(&play->random, 2);
        if (!play->supervisor_dies)
                drain(play);
}

/* True: the oracle found nothing. */
static bool
holds(struct play *play, uint64_t seed, enum fault fault, char why[128], unsigned *ret_restores)
{
        char restore[32];
        unsigned turns = 0;

        forget(play);
        make(play, seed, fault);
        new_supervisor(play, restore);
        play_step(play, (struct sqi_event){.type = SQI_EVENT_START});
        struct drain when = draw_drain(play);
        while (!play->ended && !play->wrong && turns++ < TURNS) {
                if (turns == 3000)
                        play->faults = false;
                drain_in_time(play, &when, turns);
                one_turn(play, restore);
                if (play->ended && play->handing && play->life->outcome == SQI_OUTCOME_DRAINED)
                        swap_plans(play, restore);
        }
        check(play, play->ended, "it ends");
        check(play, play->life->outcome != SQI_OUTCOME_FAILED || is_drained(play),
              "it does not fail, and does not run into its time-out");
        if (play->life->outcome == SQI_OUTCOME_FINISHED || is_drained(play))
                check_published(play);
        memcpy(why, play->why, sizeof(play->why));
        bool right = !play->wrong;
        *ret_restores += play->restores;
        sqi_lifecycle_free(&play->life);
        free(play->actions.items);
        return right;
}

/* With a sanitizer a schedule takes ten times as long, and it is long by itself. */
static void
every_number_is_published_once_whatever_dies_and_whenever(void **state)
{
        struct schedules run = schedules_to_run(100000, 10);
        unsigned restores = 0;
        char why[128];

        for (uint64_t seed = run.first; seed <= run.last; seed++)
                if (!holds(*state, seed, NOTHING, why, &restores))
                        fail_msg("%s", why);
        assert_true(run.one || restores >= run.n); /* or the play is about nothing */
        print_message("%llu schedules, %u restores\n", (unsigned long long)run.n, restores);
}

static void
every_planted_fault_is_found(void **state)
{
        for (enum fault fault = NOTHING + 1; fault < FAULTS; fault++) {
                unsigned restores = 0;
                uint64_t seed = 1;
                char why[128];

                while (seed < PLANTED && holds(*state, seed, fault, why, &restores))
                        seed++;
                if (seed == PLANTED)
                        fail_msg("fault %u is not seen", (unsigned)fault);
                print_message("fault %u: %s\n", (unsigned)fault, why);
        }
}

static int
make_play(void **state)
{
        *state = calloc(1, sizeof(struct play));
        return *state ? 0 : -1;
}

static int
free_play(void **state)
{
        free(*state);
        return 0;
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_number_is_published_once_whatever_dies_and_whenever),
                cmocka_unit_test(every_planted_fault_is_found),
        };

        return cmocka_run_group_tests(tests, make_play, free_play);
}

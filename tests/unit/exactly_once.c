/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exactly-once, simulated from seeds: the lifecycle as it is, and around it processes that do what the protocol asks of
 * tasks. A spout counts to N; A passes on what it gets, each third number once more by way of itself; B holds back what
 * it gets and publishes it at COMMIT.
 *
 *     S --0--> A --2--> B      A --3--> A (feedback)
 *     S --1----------> B
 *
 * Processes die, the supervisor dies (also between sealing and hearing of it), orders are lost or late, reports come
 * after a death, the disk is full. The oracle knows what each cut of an epoch has to be: what was sent into a channel
 * as of the epoch is what was received from it, and what was recorded. In the end every number is published once.
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

#include "lifecycle/lifecycle.h"

enum { TASKS = 3, S = 0, A = 1, B = 2, CHANNELS = 4, FEEDBACK = 3, N = 60, QUEUE = 256, EPOCHS = 400, TURNS = 60000 };

enum fault {
        NOTHING,
        NO_RECORDING_ON_FEEDBACK,
        NO_RECORDING_AT_ALL,
        END_IS_NO_MARK,
        TUPLE_BETWEEN_SNAPSHOT_AND_MARK,
        DROPPED_INSTEAD_OF_COMMITTED_AT_A_RESTORE,
        COMMITTED_TWICE,
        PUBLISHED_BEFORE_THE_MANIFEST,
        HELD_BACK_IS_LOST_WHEN_GIVEN_UP,
        POSITION_OF_LATER_THAN_THE_EPOCH,
        NUMBER_USED_AGAIN,
        FAULTS
};

static const struct {
        uint32_t from, to;
} channels[CHANNELS] = {{S, A}, {S, B}, {A, B}, {A, A}};

enum kind { TUPLE, MARK, END };
struct item {
        enum kind kind;
        uint32_t number;
};

struct queue {
        struct item items[QUEUE];
        unsigned n;
};

struct held {
        uint32_t number, epoch; /* 0: of no epoch yet */
};

/* What a task is made of, and what of it is in its part. */
struct inner {
        uint32_t next, sent[CHANNELS], got[CHANNELS];
        bool ended[CHANNELS], finished;
};

struct part {
        bool there;
        struct inner inner;
        struct queue recorded[CHANNELS];
        struct held held[4 * N];
        unsigned nheld;
};

struct order {
        enum sqi_message_type type;
        uint64_t number;
};

struct process {
        bool alive, killed, listens, bound, connected, ready, started, quitting, draining;
        uint32_t incarnation;
        uint64_t restore, position;
        struct inner inner;
        struct queue replay[CHANNELS];
        struct held held[4 * N];
        unsigned nheld;
        uint64_t epoch, ordered; /* begun; asked for */
        bool recording, seen[CHANNELS];
        struct part part;
        struct order orders[QUEUE];
        unsigned norders;
        struct sqi_message reports[QUEUE];
        unsigned nreports;
};

struct play {
        struct sqi_plan_component components[TASKS];
        struct sqi_plan_task tasks[TASKS];
        struct sqi_plan plan;
        struct sqi_lifecycle *life;
        struct sqi_actions actions;
        struct process processes[TASKS];
        struct queue queues[CHANNELS];
        bool sealed[EPOCHS], used[EPOCHS];
        uint64_t positions[EPOCHS], told; /* the last position that was told, whatever for */
        uint32_t published[4 * N];
        uint64_t committed; /* with what is published, in one transaction */
        enum fault fault;
        uint64_t random, now, seed;
        bool faults, ended, draining, supervisor_dies, wrong;
        char why[128];
        unsigned restores;
        uint64_t last;                    /* epoch of which there is a part */
        struct part parts[EPOCHS][TASKS]; /* the disk; last, for it is large and hardly used */
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
check(struct play *play, bool right, const char *what)
{
        if (right || play->wrong)
                return;
        play->wrong = true;
        snprintf(play->why, sizeof(play->why), "seed %llu: %s", (unsigned long long)play->seed, what);
}

static void
push(struct play *play, struct queue *queue, enum kind kind, uint32_t number)
{
        check(play, queue->n < QUEUE, "the queues of the simulation are long enough");
        if (queue->n < QUEUE)
                queue->items[queue->n++] = (struct item){kind, number};
}

static struct item
pop(struct queue *queue)
{
        struct item first = queue->items[0];

        memmove(queue->items, queue->items + 1, --queue->n * sizeof(first));
        return first;
}

static void
say(struct play *play, uint32_t w, enum sqi_message_type type, uint64_t number)
{
        struct process *process = &play->processes[w];

        if (type == SQI_MSG_POSITION)
                play->told = number;
        if (process->nreports < QUEUE)
                process->reports[process->nreports++] = (struct sqi_message){.type = type,
                                                                             .worker = w,
                                                                             .incarnation = process->incarnation,
                                                                             .task = w,
                                                                             .number = number,
                                                                             .a = type == SQI_MSG_SNAPSHOT};
}

/* ---- Tasks ------------------------------------------------------------------------------------------- */

static void
send_on(struct play *play, uint32_t w, uint32_t channel, uint32_t number)
{
        play->processes[w].inner.sent[channel]++;
        push(play, &play->queues[channel], TUPLE, number);
}

static void
send_to_all(struct play *play, uint32_t w, enum kind kind, uint64_t number)
{
        for (uint32_t c = 0; c < CHANNELS; c++)
                if (channels[c].from == w && (kind != END || c != FEEDBACK))
                        push(play, &play->queues[c], kind, (uint32_t)number);
}

static void
complete(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];

        for (uint32_t c = 0; c < CHANNELS; c++)
                if (channels[c].to == w && !process->seen[c])
                        return;
        process->recording = false;
        process->part.there = true;
        play->parts[process->epoch][w] = process->part;
        if (process->epoch > play->last)
                play->last = process->epoch;
        say(play, w, SQI_MSG_SNAPSHOT, process->epoch);
}

/* What is held back belongs to this epoch now, and so does what one that was given up had. */
static void
precommit(struct play *play, uint32_t w, uint64_t epoch)
{
        struct process *process = &play->processes[w];
        unsigned n = 0;

        for (unsigned i = 0; i < process->nheld; i++) {
                struct held held = process->held[i];

                if (held.epoch == 0)
                        held.epoch = (uint32_t)epoch;
                else if (play->fault == HELD_BACK_IS_LOST_WHEN_GIVEN_UP)
                        continue;
                process->held[n++] = held;
        }
        process->nheld = n;
        memcpy(process->part.held, process->held, n * sizeof(process->held[0]));
        process->part.nheld = n;
}

/* Snapshot and marks are one step. */
static void
begin(struct play *play, uint32_t w, uint64_t epoch)
{
        struct process *process = &play->processes[w];

        if (epoch <= process->epoch || epoch >= EPOCHS)
                return;
        process->epoch = epoch;
        process->recording = true;
        process->part.inner = process->inner;
        for (uint32_t c = 0; c < CHANNELS; c++) {
                process->part.recorded[c].n = 0;
                process->seen[c] = !process->started || process->inner.finished || process->inner.ended[c];
        }
        precommit(play, w, epoch);
        if (play->fault == PUBLISHED_BEFORE_THE_MANIFEST && w == B) {
                for (unsigned i = 0; i < process->nheld; i++)
                        play->published[process->held[i].number]++;
                process->nheld = process->part.nheld = 0;
        }
        if (w == S)
                say(play, w, SQI_MSG_POSITION, process->inner.next);
        if (w == S && play->fault == TUPLE_BETWEEN_SNAPSHOT_AND_MARK && process->started && process->inner.next < N) {
                uint32_t number = ++process->inner.next;

                send_on(play, S, 0, number);
                send_on(play, S, 1, number);
        }
        if (process->started && !process->inner.finished)
                send_to_all(play, w, MARK, epoch);
        complete(play, w);
}

static void
execute(struct play *play, uint32_t w, uint32_t channel, uint32_t number)
{
        struct process *process = &play->processes[w];

        process->inner.got[channel]++;
        if (w == B) {
                check(play, process->nheld < 4 * N, "B holds back no more than there is");
                if (process->nheld < 4 * N)
                        process->held[process->nheld++] = (struct held){number + (channel == 1 ? 0 : N), 0};
                return;
        }
        send_on(play, A, 2, channel == FEEDBACK ? number + N : number);
        if (channel == 0 && number % 3 == 0)
                send_on(play, A, FEEDBACK, number);
}

static void
receive(struct play *play, uint32_t w, uint32_t channel)
{
        struct process *process = &play->processes[w];
        struct item item = pop(&play->queues[channel]);
        bool records = process->recording && !process->seen[channel] && play->fault != NO_RECORDING_AT_ALL &&
                       (channel != FEEDBACK || play->fault != NO_RECORDING_ON_FEEDBACK);

        if (item.kind == TUPLE) {
                if (records)
                        push(play, &process->part.recorded[channel], TUPLE, item.number);
                execute(play, w, channel, item.number);
                return;
        }
        if (item.kind == MARK)
                begin(play, w, item.number);
        else
                process->inner.ended[channel] = true;
        if (process->recording && !process->seen[channel] &&
            (item.kind == MARK ? item.number == process->epoch : play->fault != END_IS_NO_MARK)) {
                process->seen[channel] = true;
                complete(play, w);
        }
}

static void
finish(struct play *play, uint32_t w)
{
        play->processes[w].inner.finished = true;
        play->processes[w].inner.ended[FEEDBACK] = true;
        send_to_all(play, w, END, 0);
        say(play, w, SQI_MSG_FINISHED, 0);
}

static bool
has_replayed(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];

        for (uint32_t c = 0; c < CHANNELS; c++)
                if (process->replay[c].n > 0) {
                        execute(play, w, c, pop(&process->replay[c]).number);
                        return false;
                }
        return true;
}

static bool
all_ended(const struct play *play, uint32_t w)
{
        const struct process *process = &play->processes[w];

        for (uint32_t c = 0; c < CHANNELS; c++)
                if (channels[c].to == w && c != FEEDBACK && !process->inner.ended[c])
                        return false;
        return true;
}

static void
work_spout(struct play *play)
{
        struct process *process = &play->processes[S];

        if (process->ordered > process->epoch) {
                begin(play, S, process->ordered);
        } else if (process->inner.finished) {
                return;
        } else if (process->inner.next == N || process->draining) {
                finish(play, S);
        } else {
                uint32_t number = ++process->inner.next;

                send_on(play, S, 0, number);
                send_on(play, S, 1, number);
                if (draw(play, 10) == 0)
                        play->told = number;
        }
}

static void
work_bolt(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];
        uint32_t c = (uint32_t)draw(play, CHANNELS);

        if (!has_replayed(play, w))
                return;
        if (process->ordered > process->epoch && (all_ended(play, w) || draw(play, 20) == 0))
                begin(play, w, process->ordered);
        else if (channels[c].to == w && play->queues[c].n > 0)
                receive(play, w, c);
        else if (!process->inner.finished && all_ended(play, w) && (w != A || play->queues[FEEDBACK].n == 0) &&
                 !process->recording)
                finish(play, w);
}

/* ---- Orders ------------------------------------------------------------------------------------------ */

static void
publish(struct play *play, struct process *process, uint64_t epoch)
{
        unsigned n = 0;

        for (unsigned i = 0; i < process->nheld; i++) {
                bool due = process->held[i].epoch > 0 && process->held[i].epoch <= epoch;

                if (due && (epoch > play->committed || play->fault == COMMITTED_TWICE))
                        play->published[process->held[i].number]++;
                else if (!due)
                        process->held[n++] = process->held[i];
        }
        process->nheld = n;
        if (epoch > play->committed)
                play->committed = epoch;
}

/* Its part, committed again, and nothing of what came later. */
static void
load(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];
        const struct part *part = &play->parts[process->restore][w];

        if (process->restore == 0)
                return;
        check(play, part->there, "what is restored is there");
        process->inner = part->inner;
        process->epoch = process->restore;
        memcpy(process->replay, part->recorded, sizeof(process->replay));
        if (w == S)
                process->inner.next = (uint32_t)process->position;
        if (w != B)
                return;
        memcpy(process->held, part->held, sizeof(process->held));
        process->nheld = part->nheld;
        if (play->fault == DROPPED_INSTEAD_OF_COMMITTED_AT_A_RESTORE)
                process->nheld = 0;
        publish(play, process, process->restore);
}

static void
start(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];

        check(play, process->ready, "START goes to who is ready");
        process->started = true;
        if (!process->inner.finished)
                return;
        send_to_all(play, w, END, 0);
        say(play, w, SQI_MSG_FINISHED, 0);
}

static void
obey(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];
        struct order order = process->orders[0];

        memmove(process->orders, process->orders + 1, --process->norders * sizeof(order));
        if (order.type == SQI_MSG_RESTORE)
                process->restore = order.number;
        else if (order.type == SQI_MSG_POSITION)
                process->position = order.number;
        else if (order.type == SQI_MSG_CONNECT)
                process->connected = true;
        else if (order.type == SQI_MSG_START)
                start(play, w);
        else if (order.type == SQI_MSG_DRAIN)
                process->draining = true;
        else if (order.type == SQI_MSG_CHECKPOINT && order.number > process->ordered)
                process->ordered = order.number;
        else if (order.type == SQI_MSG_ABANDON && order.number == process->epoch)
                process->recording = false;
        else if (order.type == SQI_MSG_QUIT)
                process->quitting = true;
        if (order.type == SQI_MSG_COMMIT) {
                publish(play, process, w == B ? order.number : 0);
                say(play, w, SQI_MSG_COMMITTED, order.number);
        }
        if (process->ready && !process->started && process->ordered > process->epoch)
                begin(play, w, process->ordered);
}

/* ---- The supervisor ---------------------------------------------------------------------------------- */

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
        }
        if (order.type == SQI_MSG_POSITION && play->fault == POSITION_OF_LATER_THAN_THE_EPOCH)
                order.number = play->told;
        for (uint32_t w = 0; w < TASKS; w++) {
                struct process *process = &play->processes[w];

                if (!process->alive || !process->listens || (action->worker != SQI_EVERY_WORKER && action->worker != w))
                        continue;
                if (play->faults && may_be_lost(order.type) && draw(play, 10) == 0)
                        continue;
                if (process->norders < QUEUE)
                        process->orders[process->norders++] = order;
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

static void
do_seal(struct play *play, const struct sqi_action *action)
{
        uint64_t epoch = action->epoch;

        if (play->faults && draw(play, 60) == 0) {
                play->supervisor_dies = true;
                return;
        }
        if (play->faults && draw(play, 12) == 0) {
                play_step(play, (struct sqi_event){.type = SQI_EVENT_SEALED, .number = ENOSPC});
                return;
        }
        play->sealed[epoch] = true;
        play->positions[epoch] = play->life->tasks[S].snapshot.position.number;
        check_cut(play, epoch);
        if (play->faults && draw(play, 30) == 0)
                play->supervisor_dies = true; /* and has told nobody */
        else
                play_step(play, (struct sqi_event){.type = SQI_EVENT_SEALED});
}

static void
do_folder(struct play *play, const struct sqi_action *action)
{
        check(play, action->epoch < EPOCHS, "there are not more epochs than the simulation has room for");
        check(play, !play->used[action->epoch % EPOCHS], "the number of an epoch is never used again");
        play->used[action->epoch % EPOCHS] = true;
        play_step(play, (struct sqi_event){.type = SQI_EVENT_FOLDER,
                                           .number = play->faults && draw(play, 20) == 0 ? EROFS : 0});
}

static void
do_spawn(struct play *play, const struct sqi_action *action)
{
        struct process *process = &play->processes[action->worker];
        struct sqi_message reports[QUEUE];
        unsigned n = process->nreports;

        for (uint32_t w = 0; w < TASKS; w++)
                check(play, !play->processes[w].alive || (w != action->worker && !play->processes[w].connected),
                      "no process that has seen something lives beside one that begins anew");
        check(play, action->incarnation == 0 || action->incarnation > process->incarnation, "incarnations rise");
        memcpy(reports, process->reports, n * sizeof(reports[0]));
        *process = (struct process){.alive = true, .incarnation = action->incarnation, .nreports = n};
        memcpy(process->reports, reports, n * sizeof(reports[0])); /* still under way */
        for (uint32_t c = 0; c < CHANNELS; c++)
                if (channels[c].to == action->worker)
                        play->queues[c].n = 0; /* what was in its inbox died with it */
        play_step(play, (struct sqi_event){.type = SQI_EVENT_SPAWNED, .worker = action->worker});
}

static void
do_action(struct play *play, const struct sqi_action *action)
{
        check(play, !play->ended, "END is the last action");
        if (action->type == SQI_ACTION_SPAWN)
                do_spawn(play, action);
        else if (action->type == SQI_ACTION_SEND)
                do_send(play, action);
        else if (action->type == SQI_ACTION_KILL)
                play->processes[action->worker].killed = true;
        else if (action->type == SQI_ACTION_SEAL)
                do_seal(play, action);
        else if (action->type == SQI_ACTION_FOLDER)
                do_folder(play, action);
        else if (action->type == SQI_ACTION_END)
                play->ended = true;
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

static uint64_t
highest(const bool *which)
{
        for (uint64_t epoch = EPOCHS - 1; epoch > 0; epoch--)
                if (which[epoch])
                        return epoch;
        return 0;
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

/* What it has not heard is lost with it; what it has sent is under way. */
static void
replace_supervisor(struct play *play, char restore[32])
{
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
                play_step(play, (struct sqi_event){.type = SQI_EVENT_DRAIN});
}

/* ---- The play ---------------------------------------------------------------------------------------- */

static void
die(struct play *play, uint32_t w, enum sqi_cause_type cause, int number)
{
        play->processes[w].alive = false;
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
        } else if (!process->listens) {
                process->listens = true;
                play_step(play, (struct sqi_event){.type = SQI_EVENT_SUBSCRIBED,
                                                   .worker = w,
                                                   .incarnation = process->incarnation});
        } else if (!process->bound) {
                process->bound = true;
                say(play, w, SQI_MSG_BOUND, 0);
        } else if (process->connected && !process->ready) {
                load(play, w);
                process->ready = true;
                say(play, w, SQI_MSG_READY, 0);
        } else if (process->started) {
                if (w == S)
                        work_spout(play);
                else
                        work_bolt(play, w);
        }
        if (draw(play, 30) == 0)
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

static void
one_turn(struct play *play, char restore[32])
{
        uint32_t w = (uint32_t)draw(play, TASKS);
        struct process *process = &play->processes[w];
        uint64_t what = draw(play, 8);

        if (process->alive && play->faults && draw(play, 400) == 0)
                die(play, w, SQI_CAUSE_SIGNAL, SIGSEGV);
        else if (play->supervisor_dies || (play->faults && draw(play, 1500) == 0))
                replace_supervisor(play, restore);
        else if (what < 2)
                deliver(play, w);
        else if (what == 2 && process->alive && !process->killed && process->norders > 0)
                obey(play, w);
        else if (process->alive)
                act(play, w);
        play->now += draw(play, 10) * SQI_MS;
        if (!play->ended && sqi_lifecycle_due(play->life) <= play->now)
                play_step(play, (struct sqi_event){.type = SQI_EVENT_TIME});
}

static void
make(struct play *play, uint64_t seed, enum fault fault)
{
        play->seed = seed;
        play->fault = fault;
        play->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
        play->faults = true;
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
        play->plan.config.checkpoint_timeout = 20;
}

static void
check_published(struct play *play)
{
        uint32_t next = play->processes[S].inner.next;

        check(play, play->life->outcome == SQI_OUTCOME_DRAINED || next == N, "the spout comes to its end");
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
        unsigned drain = draw(play, 4) == 0 ? 500 + (unsigned)draw(play, 1500) : TURNS;
        bool late = draw(play, 4) == 0; /* while the last epoch is made, at its own end */
        while (!play->ended && !play->wrong && turns++ < TURNS) {
                if (late && drain == TURNS && play->life->state == SQI_SEALING)
                        drain = turns;
                if (turns == 3000)
                        play->faults = false;
                if (turns == drain)
                        play->draining = true;
                if (turns == drain && !play->supervisor_dies)
                        play_step(play, (struct sqi_event){.type = SQI_EVENT_DRAIN});
                one_turn(play, restore);
        }
        check(play, play->ended, "it ends");
        check(play, play->life->outcome != SQI_OUTCOME_FAILED, "it does not fail, and does not run into its time-out");
        if (play->life->outcome == SQI_OUTCOME_FINISHED || play->life->outcome == SQI_OUTCOME_DRAINED)
                check_published(play);
        memcpy(why, play->why, sizeof(play->why));
        bool right = !play->wrong;
        *ret_restores += play->restores;
        sqi_lifecycle_free(&play->life);
        free(play->actions.items);
        return right;
}

static uint64_t
setting(const char *name, uint64_t fallback)
{
        const char *text = getenv(name);

        return text ? strtoull(text, NULL, 0) : fallback;
}

/* With a sanitizer a schedule takes ten times as long, and it is long by itself. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { PART = 10 };
#else
enum { PART = 1 };
#endif

/* SQUALL_SIM_SCHEDULES says how many, SQUALL_SIM_SEED runs one again. */
static void
every_number_is_published_once_whatever_dies_and_whenever(void **state)
{
        uint64_t only = setting("SQUALL_SIM_SEED", 0), n = setting("SQUALL_SIM_SCHEDULES", 100000) / PART;
        unsigned restores = 0;
        char why[128];

        for (uint64_t seed = only ? only : 1; seed <= (only ? only : n); seed++)
                if (!holds(*state, seed, NOTHING, why, &restores))
                        fail_msg("%s", why);
        assert_true(only || restores >= n); /* or the play is about nothing */
        print_message("%llu schedules, %u restores\n", (unsigned long long)(only ? 1 : n), restores);
}

static void
every_planted_fault_is_found(void **state)
{
        for (enum fault fault = NOTHING + 1; fault < FAULTS; fault++) {
                unsigned restores = 0;
                uint64_t seed = 1;
                char why[128];

                while (seed < 300 && holds(*state, seed, fault, why, &restores))
                        seed++;
                if (seed == 300)
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

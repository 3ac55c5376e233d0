/* SPDX-License-Identifier: Apache-2.0 */
#include "actors.h"

#include <stdio.h>
#include <string.h>

#include "draw.h"

const struct route channels[CHANNELS] = {{S, A}, {S, B}, {A, B}, {A, A}};

void
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

/* ---- Beginning --------------------------------------------------------------------------------------- */

void
renew(struct process *process, uint32_t incarnation)
{
        struct sqi_message reports[QUEUE];
        unsigned n = process->nreports;

        memcpy(reports, process->reports, n * sizeof(reports[0]));
        *process = (struct process){.alive = true, .incarnation = incarnation, .nreports = n};
        memcpy(process->reports, reports, n * sizeof(reports[0]));
}

void
empty_inbox(struct play *play, uint32_t w)
{
        for (uint32_t c = 0; c < CHANNELS; c++)
                if (channels[c].to == w)
                        play->queues[c].n = 0;
}

void
check_all_is_quiet(struct play *play)
{
        for (uint32_t w = 0; w < TASKS; w++)
                check(play, !play->processes[w].alive || !play->processes[w].connected,
                      "nothing that has seen something is left beside what begins anew");
}

void
rejoin(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];

        renew(process, process->rejoins);
        for (unsigned i = 0; i < process->nreports && play->fault == REPORT_OF_BEFORE_COUNTS; i++)
                process->reports[i].incarnation = process->incarnation;
        process->back = play->fault != BEGUN_BEFORE_ALL_HAD_LEFT;
        empty_inbox(play, w);
}

static void
begin_anew(struct play *play, uint32_t w)
{
        check_all_is_quiet(play);
        play->processes[w].back = false;
        if (play->fault != BEGUN_BEFORE_ALL_HAD_LEFT)
                empty_inbox(play, w);
}

void
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

/* ---- Epochs ------------------------------------------------------------------------------------------ */

/* A spout says where it goes on, as of the epoch that it has begun last. */
static void
answer(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];

        if (w == S)
                say(play, S, SQI_MSG_POSITION, process->part.inner.next);
        say(play, w, SQI_MSG_SNAPSHOT, process->epoch.answered);
}

static void
answer_without(struct play *play, uint32_t w)
{
        static const char cause[] = "a mark came, and not the order";
        struct process *process = &play->processes[w];

        process->epoch.answered = process->epoch.begun;
        say(play, w, SQI_MSG_SNAPSHOT, process->epoch.answered);
        if (process->nreports > 0)
                process->reports[process->nreports - 1].text = (struct sq_str){cause, sizeof(cause) - 1};
}

/* The last mark is there; the disk takes its time. */
static void
complete(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];

        for (uint32_t c = 0; c < CHANNELS; c++)
                if (channels[c].to == w && !process->seen[c])
                        return;
        process->epoch.recording = false;
        process->epoch.writing_down = true;
}

static void
settle(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];
        struct sqi_epoch *epoch = &process->epoch;

        if (!epoch->writing_down || draw(&play->random, 2) == 0)
                return;
        epoch->writing_down = false;
        process->part.there = true;
        play->parts[epoch->begun][w] = process->part;
        if (epoch->begun > play->last)
                play->last = epoch->begun;
        epoch->answered = epoch->begun;
        answer(play, w);
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

static void
write_state(struct play *play, uint32_t w, uint64_t epoch)
{
        struct process *process = &play->processes[w];

        precommit(play, w, epoch);
        if (play->fault == PUBLISHED_BEFORE_THE_MANIFEST && w == B) {
                for (unsigned i = 0; i < process->nheld; i++)
                        play->published[process->held[i].number]++;
                process->nheld = process->part.nheld = 0;
        }
}

/* Snapshot and marks are one step. */
static void
begin(struct play *play, uint32_t w, uint64_t number)
{
        struct process *process = &play->processes[w];
        struct sqi_epoch *epoch = &process->epoch;
        bool fine = number <= epoch->ordered, runs = process->started && !process->inner.finished;

        if (number >= EPOCHS)
                return;
        epoch->begun = number;
        epoch->recording = fine;
        epoch->writing_down = false;
        process->part.inner = process->inner;
        for (uint32_t c = 0; c < CHANNELS; c++) {
                process->part.recorded[c].n = 0;
                process->seen[c] = !runs || process->inner.ended[c];
        }
        if (fine)
                write_state(play, w, number);
        if (w == S && play->fault == TUPLE_BETWEEN_SNAPSHOT_AND_MARK && process->started && process->inner.next < N) {
                uint32_t next = ++process->inner.next;

                send_on(play, S, 0, next);
                send_on(play, S, 1, next);
        }
        if (runs)
                send_to_all(play, w, MARK, number);
        if (fine)
                complete(play, w);
        else
                answer_without(play, w);
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
see_mark(struct play *play, uint32_t w, uint32_t channel)
{
        struct process *process = &play->processes[w];

        if (!process->epoch.recording || process->seen[channel])
                return;
        process->seen[channel] = true;
        complete(play, w);
}

static void
take_mark(struct play *play, uint32_t w, uint32_t channel, uint64_t number)
{
        struct process *process = &play->processes[w];

        if (number > process->epoch.begun && number > process->epoch.dropped)
                begin(play, w, number);
        if (number == process->epoch.begun)
                see_mark(play, w, channel);
}

static void
take_end(struct play *play, uint32_t w, uint32_t channel, bool handed)
{
        struct process *process = &play->processes[w];

        process->inner.ended[channel] = true;
        process->inner.handed |= handed;
        if (play->fault != END_IS_NO_MARK)
                see_mark(play, w, channel);
}

/* The marks go another way than the orders, and may come first. */
static bool
awaits_order(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];
        uint64_t number = process->awaits.epoch;

        if (number == 0)
                return false;
        if (process->epoch.ordered < number && process->epoch.dropped < number && draw(&play->random, 50) > 0)
                return true;
        process->awaits.epoch = 0;
        take_mark(play, w, process->awaits.channel, number);
        return false;
}

static void
receive(struct play *play, uint32_t w, uint32_t channel)
{
        struct process *process = &play->processes[w];
        struct item item = pop(&play->queues[channel]);
        bool records = process->epoch.recording && !process->seen[channel] && play->fault != NO_RECORDING_AT_ALL &&
                       (channel != FEEDBACK || play->fault != NO_RECORDING_ON_FEEDBACK);

        if (item.kind == END) {
                take_end(play, w, channel, item.number > 0);
        } else if (item.kind == MARK && item.number > process->epoch.begun) {
                process->awaits.epoch = item.number;
                process->awaits.channel = channel;
                awaits_order(play, w);
        } else if (item.kind == MARK) {
                take_mark(play, w, channel, item.number);
        } else {
                if (records)
                        push(play, &process->part.recorded[channel], TUPLE, item.number);
                execute(play, w, channel, item.number);
        }
}

static void
finish(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];

        process->inner.finished = true;
        process->inner.handed |= process->handing;
        process->inner.ended[FEEDBACK] = true;
        send_to_all(play, w, END, process->inner.handed);
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

void
work_spout(struct play *play)
{
        struct process *process = &play->processes[S];

        if (sqi_epoch_is_wanted(&process->epoch)) {
                begin(play, S, process->epoch.ordered);
        } else if (process->inner.finished) {
                return;
        } else if (process->inner.next == N || process->draining) {
                finish(play, S);
        } else {
                uint32_t number = ++process->inner.next;

                send_on(play, S, 0, number);
                send_on(play, S, 1, number);
                if (draw(&play->random, 10) == 0)
                        play->told = number;
        }
}

void
work_bolt(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];
        uint32_t c = (uint32_t)draw(&play->random, CHANNELS);

        if (!has_replayed(play, w))
                return;
        if (sqi_epoch_is_wanted(&process->epoch) && (all_ended(play, w) || draw(&play->random, 20) == 0))
                begin(play, w, process->epoch.ordered);
        else if (channels[c].to == w && play->queues[c].n > 0)
                receive(play, w, c);
        else if (!process->inner.finished && all_ended(play, w) && (w != A || play->queues[FEEDBACK].n == 0) &&
                 !process->epoch.recording)
                finish(play, w);
}

/* ---- Orders ------------------------------------------------------------------------------------------ */

/* What is staged goes out in one transaction with the number of the epoch: if that is there, all of it is. */
static void
publish(struct play *play, struct process *process, uint64_t epoch)
{
        bool again = epoch <= play->committed && play->fault != COMMITTED_TWICE;
        unsigned n = 0;

        for (unsigned i = 0; i < process->nheld; i++) {
                struct held held = process->held[i];
                bool staged = held.epoch > 0 && (held.epoch <= epoch || !play->by_epochs);

                if (!staged)
                        process->held[n++] = held;
                else if (!again)
                        play->published[held.number]++;
        }
        process->nheld = n;
        if (epoch > play->committed)
                play->committed = epoch;
}

/* One that fails is asked for again. */
static void
commit(struct play *play, uint32_t w)
{
        struct sqi_epoch *epoch = &play->processes[w].epoch;

        epoch->commit_asked = false;
        if (play->faults && draw(&play->random, 20) == 0)
                return;
        if (w == B)
                publish(play, &play->processes[B], epoch->commit);
        epoch->committed = epoch->commit;
        say(play, w, SQI_MSG_COMMITTED, epoch->committed);
}

bool
act_on_orders(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];

        if (awaits_order(play, w))
                return false;
        settle(play, w);
        if (process->epoch.commit_asked)
                commit(play, w);
        if (process->ready && !process->started && sqi_epoch_is_wanted(&process->epoch))
                begin(play, w, process->epoch.ordered);
        return true;
}

/* It goes on in the next plan. */
static void
reopen(struct play *play, struct inner *inner)
{
        if (!inner->handed || play->fault == ENDED_BY_A_HANDOVER_FOR_GOOD)
                return;
        inner->handed = inner->finished = false;
        memset(inner->ended, 0, sizeof(inner->ended));
}

/* Its part, committed again, and nothing of what came later. */
void
load(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];
        const struct part *part = &play->parts[process->restore][w];

        if (process->restore == 0)
                return;
        check(play, part->there, "what is restored is there");
        process->inner = part->inner;
        reopen(play, &process->inner);
        process->epoch.ordered = process->epoch.begun = process->epoch.dropped = process->restore;
        process->epoch.commit = process->epoch.committed = process->restore;
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
        if (process->started)
                return;
        process->started = true;
        if (!process->inner.finished)
                return;
        send_to_all(play, w, END, 0);
        say(play, w, SQI_MSG_FINISHED, 0);
}

static void
plant(struct play *play, struct sqi_epoch *epoch, struct order order)
{
        if (play->fault == COMMITTED_AGAIN_BEHIND_THE_NEXT_MARK && order.type == SQI_MSG_COMMIT)
                epoch->commit_asked |= order.number == epoch->committed;
        if (play->fault == ABANDONED_BY_A_LATE_ORDER && order.type == SQI_MSG_ABANDON)
                epoch->recording = epoch->writing_down = false;
        if (play->fault == BEGUN_AGAIN_BY_A_LATE_ORDER && order.type == SQI_MSG_CHECKPOINT &&
            order.number <= epoch->begun) {
                epoch->ordered = order.number;
                epoch->begun = order.number - 1;
        }
}

static void
obey_epoch(struct play *play, uint32_t w, struct order order)
{
        struct sqi_epoch *epoch = &play->processes[w].epoch;
        const struct sqi_message message = {.type = order.type, .number = order.number};
        enum sqi_epoch_answer said = sqi_epoch_take(epoch, &message, play->now);

        if (said == SQI_EPOCH_SAY_PART)
                answer(play, w);
        else if (said == SQI_EPOCH_SAY_COMMITTED)
                say(play, w, SQI_MSG_COMMITTED, epoch->committed);
        plant(play, epoch, order);
}

static void
obey_one(struct play *play, uint32_t w)
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
        else if (order.type == SQI_MSG_HANDOVER)
                process->handing |= w == S;
        else if (order.type == SQI_MSG_DRAIN)
                process->draining = true;
        else if (order.type == SQI_MSG_QUIT)
                process->quitting = true;
        else if (order.type == SQI_MSG_BEGIN)
                begin_anew(play, w);
        else if (order.type == SQI_MSG_CHECKPOINT || order.type == SQI_MSG_COMMIT || order.type == SQI_MSG_ABANDON)
                obey_epoch(play, w, order);
}

void
order_to(struct play *play, uint32_t w, struct order order)
{
        struct process *process = &play->processes[w];

        if (process->norders < QUEUE)
                process->orders[process->norders++] = order;
        if (order.type != SQI_MSG_BEGIN && process->nagain < LATE && draw(&play->random, 8) == 0)
                process->again[process->nagain++] = order;
}

void
obey(struct play *play, uint32_t w)
{
        struct process *process = &play->processes[w];

        if (process->nagain > 0 && process->norders < QUEUE && draw(&play->random, 4) == 0)
                process->orders[process->norders++] = process->again[--process->nagain];
        if (process->norders == 0)
                return;
        for (uint64_t n = 1 + draw(&play->random, process->norders); n > 0; n--)
                obey_one(play, w);
}

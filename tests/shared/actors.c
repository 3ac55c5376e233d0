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

void
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
        if (process->ordered > process->epoch && (all_ended(play, w) || draw(&play->random, 20) == 0))
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
void
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

void
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
        else if (order.type == SQI_MSG_BEGIN)
                begin_anew(play, w);
        if (order.type == SQI_MSG_COMMIT) {
                publish(play, process, w == B ? order.number : 0);
                say(play, w, SQI_MSG_COMMITTED, order.number);
        }
        if (process->ready && !process->started && process->ordered > process->epoch)
                begin(play, w, process->ordered);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A spout that numbers its tuples by key and sequence, can replay any, and writes down when it sent what (record.h). */
#include <errno.h>
#include <squall-kit.h>
#include <unistd.h>

#include "fault.h"
#include "record.h"

enum { BURST = 256 };
enum place { IN_PREPARE, IN_SEEK, IN_NEXT, IN_REPLAY, IN_ACK, IN_FAIL, IN_FINISH, IN_CLEANUP };
static const uint64_t NOTE_NS = 2000000;

struct ledgered {
        struct fault fault;
        int64_t count, keys;
        double rate;
        const char *directory;
        bool note_acks;
        int fd;
        uint64_t next, noted_ns, again_ns;
        struct sq_pace pace;
};

static int
note(struct sq_task *task, enum sent_kind kind, uint64_t position, uint64_t now_ns)
{
        const struct ledgered *self = sq_state(task);
        struct sent sent = {now_ns, position, kind, sq_index(task)};

        return write(self->fd, &sent, sizeof(sent)) == (ssize_t)sizeof(sent)
                       ? 0
                       : sq_error(task, "cannot write: %s", strerror(errno));
}

static int
prepare(struct sq_task *task)
{
        struct ledgered *self = sq_state(task);

        self->fd = record_open(self->directory, "sent", sq_index(task), sq_incarnation(task));
        self->next = sq_index(task);
        if (self->fd < 0)
                return sq_error(task, "cannot write in %s: %s", self->directory, strerror(errno));
        return fault_call(task, &self->fault, IN_PREPARE);
}

static int
seek(struct sq_task *task, uint64_t position)
{
        struct ledgered *self = sq_state(task);
        uint64_t step = sq_parallelism(task), index = sq_index(task);

        self->next = position <= index ? index : index + (position - index + step - 1) / step * step;
        return fault_call(task, &self->fault, IN_SEEK);
}

static void
emit(struct sq_task *task, uint64_t position)
{
        const struct ledgered *self = sq_state(task);
        int64_t key = (int64_t)(position % (uint64_t)self->keys), seq = (int64_t)(position / (uint64_t)self->keys);

        sq_track(task, position);
        sq_emit(task, sq_int(key), sq_int(seq), sq_int(record_check(key, seq)));
}

static enum sq_next
next(struct sq_task *task)
{
        struct ledgered *self = sq_state(task);
        uint64_t step = sq_parallelism(task), end = self->count ? (uint64_t)self->count : UINT64_MAX,
                 room = sq_room(task), due, now;

        if (self->next >= end)
                return SQ_DONE;
        if (fault_call(task, &self->fault, IN_NEXT) < 0)
                return SQ_DONE;
        due = sq_pace_due(&self->pace, task, self->rate, room < BURST ? room : BURST);
        if (due == 0)
                return SQ_IDLE;
        for (uint64_t i = 0; i < due && self->next < end; i++, self->next += step) {
                emit(task, self->next);
                sq_pace_sent(&self->pace, 1);
        }
        now = record_now();
        if (now >= self->noted_ns + NOTE_NS) {
                self->noted_ns = now;
                note(task, SENT_UP_TO, self->next, now);
        }
        return SQ_MORE;
}

static int
replay(struct sq_task *task, uint64_t position)
{
        struct ledgered *self = sq_state(task);
        uint64_t now = record_now();

        if (now >= self->again_ns + NOTE_NS)
                note(task, SENT_AGAIN, position, now);
        self->again_ns = now;
        emit(task, position);
        return fault_call(task, &self->fault, IN_REPLAY);
}

static void
ack(struct sq_task *task, uint64_t position)
{
        struct ledgered *self = sq_state(task);

        (void)fault_call(task, &self->fault, IN_ACK);
        if (self->note_acks)
                note(task, SENT_ACKED, position, record_now());
}

static void
fail(struct sq_task *task, uint64_t position)
{
        (void)position;
        (void)fault_call(task, &((struct ledgered *)sq_state(task))->fault, IN_FAIL);
}

static int
finish(struct sq_task *task)
{
        struct ledgered *self = sq_state(task);

        if (fault_call(task, &self->fault, IN_FINISH) < 0)
                return -1;
        return note(task, SENT_END, self->next, record_now());
}

static void
cleanup(struct sq_task *task)
{
        struct ledgered *self = sq_state(task);

        (void)fault_call(task, &self->fault, IN_CLEANUP);
        close(self->fd);
}

SQ_SPOUT(ledgered) = {
        .about = "Numbered tuples, and a record of when each was sent.",
        .state = sizeof(struct ledgered),
        .options =
                {
                        SQ_OPT_INT(struct ledgered, count, 0, "tuples over all tasks; 0: without end"),
                        SQ_OPT_INT(struct ledgered, keys, 1000, "keys that take turns"),
                        SQ_OPT_FLOAT(struct ledgered, rate, 0,
                                     "tuples a second over all tasks; 0: as fast as possible"),
                        SQ_REQ_PATH(struct ledgered, directory, "where the records go"),
                        SQ_OPT_BOOL(struct ledgered, note_acks, false, "write down each ack, too"),
                        FAULT_OPTIONS(struct ledgered, "prepare|seek|next|replay|ack|fail|finish|cleanup", "next"),
                },
        .out = {{"key", SQ_INT}, {"seq", SQ_INT}, {"check", SQ_INT}},
        .prepare = prepare,
        .seek = seek,
        .next = next,
        .replay = replay,
        .ack = ack,
        .fail = fail,
        .finish = finish,
        .cleanup = cleanup,
};

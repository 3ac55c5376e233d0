/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `zmq`: a tuple for each message of a ZeroMQ socket, so that any program that speaks ZeroMQ feeds a
 * topology.
 *
 * A message is one tuple tree; its position is its number. A message stays in a ring until its tree is complete, to be
 * replayed from:
 *
 *     ring    [ first .............. first + n )     a slot of position p at p % size; what is done in the middle waits for the first
 *
 * So nothing that was received is lost while the spout lives; what its process holds dies with it. Without acks nothing
 * is held. When the topology drains, what waits in the socket is emitted still; what peers send after that is theirs to
 * lose or to keep.
 *
 * A peer may send and go away while the topology is slow. Over TCP nothing is lost by that: the hang-up comes behind
 * the data. Over ipc the kernel reports the hang-up at once, and libzmq, which has stopped reading because its queue is
 * full, takes it for the end of the data (libzmq's issue 4660, open as of 4.3.5): what the kernel held is gone. No
 * option of a socket changes that, and the peer cannot know. So over ipc the queue has no limit unless `hwm` says one;
 * then peers have to stay until what they have sent was read.
 *
 * ZMQ_FD is edge-triggered: the spout sleeps on it only after a receive has answered EAGAIN.
 */
#include <errno.h>
#include <limits.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { PULL, SUB };
enum { CAPACITY_MIN = 256, HWM_UNSET = -1, HWM_TCP = 1000, ENDPOINT_SIZE = 512, BURST_BYTES = 1024 * 1024 };

struct held {
        zmq_msg_t message;
        bool open;
};

struct receiver {
        const char *endpoint, *topic;
        int64_t pattern, hwm;
        bool bind;
        struct sq_decoder decoder;

        void *context, *socket;
        int fd;
        uint64_t first, n, size; /* the ring */
        struct held *ring;
};

static void
declare(struct sq_declaration *decl)
{
        const struct receiver *self = sq_declared_state(decl);

        if (self->hwm < HWM_UNSET || self->hwm > INT_MAX)
                sq_declare_error(decl, "hwm", "must be from 0 to %d", INT_MAX);
        sq_decoder_declare(&self->decoder, decl);
}

/* ---- The socket -------------------------------------------------------------------------------------- */

static int
queue_limit(const struct receiver *self)
{
        if (self->hwm != HWM_UNSET)
                return (int)self->hwm;
        return strncmp(self->endpoint, "ipc:", strlen("ipc:")) == 0 ? 0 : HWM_TCP;
}

static int
prepare(struct sq_task *task)
{
        struct receiver *self = sq_state(task);
        int hwm = queue_limit(self), linger = 0;
        size_t size = sizeof(self->fd);
        const char *wrong = sq_decoder_begin(&self->decoder);

        if (wrong)
                return sq_error(task, "fields: %s", wrong);
        self->decoder.source = self->endpoint;
        self->decoder.unit = "message";
        self->context = zmq_ctx_new();
        self->socket = self->context ? zmq_socket(self->context, self->pattern == PULL ? ZMQ_PULL : ZMQ_SUB) : NULL;
        if (!self->socket || zmq_setsockopt(self->socket, ZMQ_RCVHWM, &hwm, sizeof(hwm)) < 0 ||
            zmq_setsockopt(self->socket, ZMQ_LINGER, &linger, sizeof(linger)) < 0 ||
            zmq_getsockopt(self->socket, ZMQ_FD, &self->fd, &size) < 0)
                return sq_error(task, "%s: %s", self->endpoint, zmq_strerror(errno));
        if (self->pattern == SUB && zmq_setsockopt(self->socket, ZMQ_SUBSCRIBE, self->topic, strlen(self->topic)) < 0)
                return sq_error(task, "%s: %s", self->topic, zmq_strerror(errno));
        if ((self->bind ? zmq_bind : zmq_connect)(self->socket, self->endpoint) < 0)
                return sq_error(task, "%s: %s", self->endpoint, zmq_strerror(errno));
        return 0;
}

/* The last frame of the next message; those before it are a topic or an envelope. 0, or -1 and errno. */
static int
receive(struct receiver *self, zmq_msg_t *message)
{
        do {
                while (zmq_msg_recv(message, self->socket, ZMQ_DONTWAIT) < 0)
                        if (errno != EINTR)
                                return -1;
        } while (zmq_msg_more(message));
        return 0;
}

/* ---- Tuples ------------------------------------------------------------------------------------------ */

static void
emit(struct sq_task *task, struct receiver *self, zmq_msg_t *message, uint64_t position)
{
        struct sq_str body = {zmq_msg_data(message), zmq_msg_size(message)};

        sq_decoder_emit(task, &self->decoder, body, position);
}

/* ---- The ring ---------------------------------------------------------------------------------------- */

static bool
grow(struct receiver *self)
{
        uint64_t old = self->size ? self->size : 1, size = self->size ? self->size * 2 : CAPACITY_MIN;
        struct held *ring = calloc(size, sizeof(*ring));

        if (!ring)
                return false;
        for (uint64_t p = self->first; p < self->first + self->n; p++) {
                ring[p % size].open = self->ring[p % old].open;
                zmq_msg_init(&ring[p % size].message);
                zmq_msg_move(&ring[p % size].message, &self->ring[p % old].message);
        }
        free(self->ring);
        self->ring = ring;
        self->size = size;
        return true;
}

static bool
is_held(const struct receiver *self, uint64_t position)
{
        return self->size > 0 && position >= self->first && position - self->first < self->n &&
               self->ring[position % self->size].open;
}

/* The tree is complete, or given up. */
static void
done(struct sq_task *task, uint64_t position)
{
        struct receiver *self = sq_state(task);

        if (!is_held(self, position))
                return;
        zmq_msg_close(&self->ring[position % self->size].message);
        self->ring[position % self->size].open = false;
        for (; self->n > 0 && !self->ring[self->first % self->size].open; self->n--)
                self->first++;
}

/* Emits the message and, if its tree is tracked, takes it over. It is in the ring before: a tree without edges
 * completes at once. */
static void
take(struct sq_task *task, struct receiver *self, zmq_msg_t *message)
{
        uint64_t position = self->first + self->n;
        struct held *held;

        if (sq_room(task) == UINT64_MAX || self->size == 0) {
                emit(task, self, message, position);
                self->first += self->n == 0;
                return;
        }
        held = &self->ring[position % self->size];
        held->open = true;
        zmq_msg_init(&held->message);
        zmq_msg_move(&held->message, message);
        self->n++;
        sq_track(task, position);
        emit(task, self, &held->message, position);
}

/* Takes what there is, but no more at once than goes out well in one piece. False: there is no more. */
static bool
take_some(struct sq_task *task, struct receiver *self)
{
        uint64_t left = sq_pace_burst(task);
        bool any = true;
        size_t bytes = 0;
        zmq_msg_t message;

        zmq_msg_init(&message);
        for (; left > 0 && bytes < BURST_BYTES; left--) {
                any = (self->n < self->size || grow(self)) && receive(self, &message) == 0;
                if (!any)
                        break;
                bytes += zmq_msg_size(&message);
                take(task, self, &message);
        }
        zmq_msg_close(&message);
        return any;
}

static enum sq_next
next(struct sq_task *task)
{
        struct receiver *self = sq_state(task);

        if (take_some(task, self))
                return SQ_MORE;
        sq_wake_on(task, self->fd);
        return SQ_IDLE;
}

static int
replay(struct sq_task *task, uint64_t position)
{
        struct receiver *self = sq_state(task);

        if (!is_held(self, position))
                return sq_error(task, "%s: message %llu is no longer held", self->endpoint,
                                (unsigned long long)position);
        sq_track(task, position);
        emit(task, self, &self->ring[position % self->size].message, position);
        return 0;
}

/* What an earlier process had received is gone; positions go on from there. */
static int
seek(struct sq_task *task, uint64_t position)
{
        struct receiver *self = sq_state(task);

        self->first = position;
        return 0;
}

/* The last of what was received, of all peers; they are let go first, or a fast one would keep us here for ever. */
static int
finish(struct sq_task *task)
{
        struct receiver *self = sq_state(task);
        char endpoint[ENDPOINT_SIZE] = "";
        size_t size = sizeof(endpoint);
        zmq_msg_t message;

        if (zmq_getsockopt(self->socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0)
                (self->bind ? zmq_unbind : zmq_disconnect)(self->socket, endpoint);
        zmq_msg_init(&message);
        for (uint64_t position = self->first + self->n; receive(self, &message) == 0; position++)
                emit(task, self, &message, position);
        zmq_msg_close(&message);
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct receiver *self = sq_state(task);

        for (uint64_t p = self->first; p < self->first + self->n; p++)
                if (is_held(self, p))
                        zmq_msg_close(&self->ring[p % self->size].message);
        free(self->ring);
        sq_decoder_free(&self->decoder);
        if (self->socket)
                zmq_close(self->socket);
        if (self->context)
                zmq_ctx_term(self->context);
}

SQ_SPOUT(zmq) = {
        .about = "A tuple for each message of a ZeroMQ socket.",
        .state = sizeof(struct receiver),
        .options =
                {
                        SQ_REQ_STR(struct receiver, endpoint, "tcp://HOST:PORT, ipc://PATH, ..."),
                        SQ_OPT_ENUM(struct receiver, pattern, "pull|sub", "pull", "the socket's pattern"),
                        SQ_OPT_BOOL(struct receiver, bind, false, "bind to the endpoint instead of connecting to it"),
                        SQ_OPT_STR(struct receiver, topic, "", "sub: only messages that begin with it"),
                        SQ_OPT_MESSAGES(struct receiver, decoder, "msgpack"),
                        SQ_OPT_INT(
                                struct receiver, hwm, -1,
                                "messages that wait in the socket, for each peer; 0: no limit; default: 1000, over ipc none, "
                                "for with a limit an ipc peer that leaves while the topology is slow loses messages"),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .prepare = prepare,
        .next = next,
        .replay = replay,
        .seek = seek,
        .ack = done,
        .fail = done,
        .finish = finish,
        .cleanup = cleanup,
        .forgets = true,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `zmq`: a tuple for each message of a ZeroMQ socket, so that any program that speaks ZeroMQ feeds a
 * topology. kit/messages.c holds what is not done yet, or writes it down.
 *
 * When the topology drains, what waits in the socket is emitted still, or goes into the journal; what peers send after
 * that is theirs to lose or to keep.
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
#include <string.h>
#include <zmq.h>

#include "../clients/zmq.h"
#include "../clients/zmq_curve.h"
#include "../clients/zmq_peers.h"

enum { PULL, SUB };
enum { HWM_UNSET = -1, HWM_TCP = 1000, ENDPOINT_SIZE = 512, BURST_BYTES = 1024 * 1024, PEERS_LOOK_NS = 1000000000 };

struct receiver {
        struct sq_messages messages;
        const char *endpoint, *topic;
        int64_t pattern, hwm;
        bool bind;

        struct sqi_zmq_curve curve;

        void *context, *socket;
        struct sqi_zmq_peers peers;
        uint64_t look_ns; /* at them, again */
        int fd;
        bool has_left; /* its peers */
};

static void
declare(struct sq_declaration *decl)
{
        const struct receiver *self = sq_declared_state(decl);

        if (self->hwm < HWM_UNSET || self->hwm > INT_MAX)
                sq_declare_error(decl, "hwm", "must be from 0 to %d", INT_MAX);
        if (self->pattern == PULL)
                sq_declare_unused(decl, "topic", "without `pattern: sub`");
        sqi_zmq_declare(decl, self->endpoint, self->bind);
        sqi_zmq_curve_declare(&self->curve, decl);
        sq_messages_declare(&self->messages, decl);
}

static void
probe(struct sq_declaration *decl)
{
        const struct receiver *self = sq_declared_state(decl);

        sqi_zmq_curve_probe(&self->curve, decl);
        sqi_zmq_probe(decl, self->endpoint, self->bind);
}

/* ---- The socket -------------------------------------------------------------------------------------- */

static int
queue_limit(const struct receiver *self)
{
        if (self->hwm != HWM_UNSET)
                return (int)self->hwm;
        return strncmp(self->endpoint, "ipc:", strlen("ipc:")) == 0 ? 0 : HWM_TCP;
}

/* 0, or -1 after sq_error_final(). */
static int
encrypt(struct sq_task *task, struct receiver *self)
{
        char why[PATH_MAX + 256];

        return sqi_zmq_curve_open(&self->curve, self->context, self->socket, why, sizeof(why)) < 0
                       ? sq_error_final(task, "%s: %s", self->endpoint, why)
                       : 0;
}

static int
prepare(struct sq_task *task)
{
        struct receiver *self = sq_state(task);
        int hwm = queue_limit(self), linger = 0;
        size_t size = sizeof(self->fd);

        if (sq_messages_begin(task, self->endpoint) < 0)
                return -1;
        self->context = zmq_ctx_new();
        self->socket = self->context ? zmq_socket(self->context, self->pattern == PULL ? ZMQ_PULL : ZMQ_SUB) : NULL;
        if (!self->socket || zmq_setsockopt(self->socket, ZMQ_RCVHWM, &hwm, sizeof(hwm)) < 0 ||
            zmq_setsockopt(self->socket, ZMQ_LINGER, &linger, sizeof(linger)) < 0 ||
            zmq_getsockopt(self->socket, ZMQ_FD, &self->fd, &size) < 0)
                return sq_error(task, "%s: %s", self->endpoint, zmq_strerror(errno));
        if (self->pattern == SUB && zmq_setsockopt(self->socket, ZMQ_SUBSCRIBE, self->topic, strlen(self->topic)) < 0)
                return sq_error(task, "%s: %s", self->topic, zmq_strerror(errno));
        if (encrypt(task, self) < 0)
                return -1;
        if (sqi_zmq_peers_watch(&self->peers, self->context, self->socket) < 0 ||
            (self->bind ? zmq_bind : zmq_connect)(self->socket, self->endpoint) < 0)
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

/* ---- Messages ---------------------------------------------------------------------------------------- */

/* The next messages, up to a run of them and no more at once than goes out well in one piece: they are the caller's to
 * close. How many; *ret_more: there may be another. */
static size_t
receive_run(struct receiver *self, size_t most, zmq_msg_t *run, struct sq_str *records, bool *ret_more)
{
        size_t n = 0, bytes = 0;

        *ret_more = true;
        while (n < most && bytes < BURST_BYTES) {
                zmq_msg_init(&run[n]);
                *ret_more = receive(self, &run[n]) == 0;
                if (!*ret_more) {
                        zmq_msg_close(&run[n]);
                        break;
                }
                records[n] = (struct sq_str){zmq_msg_data(&run[n]), zmq_msg_size(&run[n])};
                bytes += records[n++].len;
        }
        return n;
}

/* Takes what there is, at most `most`. False: there is no more. */
static bool
take_some(struct sq_task *task, struct receiver *self, uint64_t most)
{
        zmq_msg_t run[SQ_MESSAGES_RUN];
        struct sq_str records[SQ_MESSAGES_RUN];
        size_t bytes = 0;
        bool more = true, fine = true;

        while (more && fine && most > 0 && bytes < BURST_BYTES) {
                size_t n = receive_run(self, most < SQ_MESSAGES_RUN ? most : SQ_MESSAGES_RUN, run, records, &more);

                fine = sq_messages_emit_run(task, n, records) == 0;
                for (size_t i = 0; i < n; i++) {
                        bytes += records[i].len;
                        zmq_msg_close(&run[i]);
                }
                most -= n;
        }
        return more;
}

/* What fails in a handshake is logged, for the socket says nothing of it. False: the task has failed. */
static bool
look_at_peers(struct sq_task *task)
{
        struct receiver *self = sq_state(task);
        uint64_t now_ns = sq_now(task);
        bool fine = true;

        if (now_ns >= self->look_ns) {
                sqi_zmq_peers_note(&self->peers);
                fine = sqi_zmq_peers_tell(task, &self->peers, self->endpoint, self->curve.server_cert != NULL) == 0;
                if (!self->bind)
                        sqi_zmq_peers_again(&self->peers, self->socket, self->endpoint);
                self->look_ns = now_ns + PEERS_LOOK_NS;
        }
        sq_wake_at(task, self->look_ns);
        return fine;
}

static enum sq_next
next(struct sq_task *task)
{
        struct receiver *self = sq_state(task);
        uint64_t most = sq_messages_room(task);
        bool any;

        if (most == 0 || !look_at_peers(task))
                return SQ_IDLE;
        any = take_some(task, self, most);
        if (sq_messages_flush(task) < 0)
                return SQ_IDLE;
        if (any)
                return SQ_MORE;
        sq_wake_on(task, self->fd);
        return SQ_IDLE;
}

/* The last of what was received, of all peers; they are let go first, or a fast one would keep us here for ever. */
static void
leave(struct sq_task *task, struct receiver *self)
{
        char endpoint[ENDPOINT_SIZE] = "";
        size_t size = sizeof(endpoint);

        self->has_left = self->messages.untracked = true;
        if (zmq_getsockopt(self->socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0)
                (self->bind ? zmq_unbind : zmq_disconnect)(self->socket, endpoint);
        while (take_some(task, self, UINT64_MAX))
                ;
}

static int
finish(struct sq_task *task)
{
        leave(task, sq_state(task));
        return sq_messages_flush(task) < 0 ? sq_error(task, "the last messages are not in the journal") : 0;
}

/* Who goes on as another plan has not finished: what the socket holds waits for it in the journal. */
static void
cleanup(struct sq_task *task)
{
        struct receiver *self = sq_state(task);

        if (self->messages.journalled && self->socket && !self->has_left) {
                leave(task, self);
                (void)sq_messages_flush(task);
        }
        sq_messages_end(task);
        sqi_zmq_peers_unwatch(&self->peers, self->socket);
        if (self->socket)
                zmq_close(self->socket);
        if (self->context)
                zmq_ctx_term(self->context);
        sqi_zmq_curve_close(&self->curve);
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
                        SQI_OPT_CURVE(struct receiver, curve),
                        SQ_OPT_INBOUND(struct receiver, messages, "msgpack"),
                        SQ_OPT_INT(
                                struct receiver, hwm, -1,
                                "messages that wait in the socket, for each peer; 0: no limit; default: 1000, over ipc none, "
                                "for with a limit an ipc peer that leaves while the topology is slow loses messages"),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .probe = probe,
        .prepare = prepare,
        .next = next,
        .replay = sq_messages_replay,
        .seek = sq_messages_seek,
        .ack = sq_messages_done,
        .fail = sq_messages_done,
        .finish = finish,
        .cleanup = cleanup,
        .precommit = sq_messages_precommit,
        .release = sq_messages_release,
        .lag = sq_messages_lag,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `zmq`: a message on a ZeroMQ socket for each tuple.
 *
 * PUSH waits for a peer with room, which is back-pressure; after `timeout` the tuple fails. PUB drops what a slow
 * subscriber has no room for, as ZeroMQ's PUB does; the counter `dropped` has the messages that not all got.
 *
 * A tuple is acked when ZeroMQ has taken the message over: what its process holds dies with it. At the end the rest is
 * sent, for at most `timeout`, and read by the peer: libzmq's linger ends when the kernel has the bytes, and an ipc
 * peer whose queue is full throws those away when we hang up (see spouts/zmq.c). So the connections are kept open, by a
 * descriptor of our own, until the kernel holds nothing:
 *
 *     zmq_close, zmq_ctx_term     all is in the kernel, or the linger has run out
 *     SIOCOUTQ of each is 0       the peer has read it
 *     close                       now it may see the hang-up
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { PUSH, PUB };
enum { PEERS_MAX = 256, LOOK_MS = 2 };

struct sender {
        const char *endpoint, *topic;
        int64_t pattern, format, hwm;
        double timeout;
        bool bind;

        void *context, *socket, *monitor;
        int peers[PEERS_MAX]; /* the descriptors of the connections */
        size_t npeers;
        struct sq_encoder message;
};

static void
declare(struct sq_declaration *decl)
{
        const struct sender *self = sq_declared_state(decl);

        if (self->hwm < 0)
                sq_declare_error(decl, "hwm", "must not be negative");
        if (!(self->timeout >= 0 && self->timeout <= 1e6))
                sq_declare_error(decl, "timeout", "must be from 0 to a million seconds");
}

/* ---- The connections --------------------------------------------------------------------------------- */

static const char monitor_endpoint[] = "inproc://connections";

static int
watch_connections(struct sender *self)
{
        const int unlimited = 0;

        if (zmq_socket_monitor(self->socket, monitor_endpoint,
                               ZMQ_EVENT_CONNECTED | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED) < 0)
                return -1;
        self->monitor = zmq_socket(self->context, ZMQ_PAIR);
        if (!self->monitor)
                return -1;
        /* else libzmq's own thread would wait for us */
        zmq_setsockopt(self->monitor, ZMQ_RCVHWM, &unlimited, sizeof(unlimited));
        return zmq_connect(self->monitor, monitor_endpoint);
}

static void
note(struct sender *self, bool gone, int fd)
{
        size_t i = 0;

        while (i < self->npeers && self->peers[i] != fd)
                i++;
        if (gone && i < self->npeers)
                self->peers[i] = self->peers[--self->npeers];
        else if (!gone && i == self->npeers && i < PEERS_MAX)
                self->peers[self->npeers++] = fd;
}

/* An event: 16 bits of kind, 32 of value, the descriptor, then a frame with the endpoint. */
static void
note_connections(struct sender *self)
{
        struct __attribute__((packed)) {
                uint16_t kind;
                int32_t fd;
        } event;

        while (self->monitor && zmq_recv(self->monitor, &event, sizeof(event), ZMQ_DONTWAIT) == sizeof(event)) {
                zmq_recv(self->monitor, NULL, 0, ZMQ_DONTWAIT);
                note(self, event.kind == ZMQ_EVENT_DISCONNECTED, event.fd);
        }
}

static double
now_s(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Waits until the other side has read what the kernel holds for it, and closes. How many have not by `until`. */
static size_t
part(struct sender *self, double until)
{
        const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
        size_t unread = 0;

        for (size_t i = 0; i < self->npeers; i++) {
                int held = 0;

                while (ioctl(self->peers[i], SIOCOUTQ, &held) == 0 && held > 0 && now_s() < until)
                        nanosleep(&pause, NULL);
                unread += held > 0;
                close(self->peers[i]);
        }
        self->npeers = 0;
        return unread;
}

static void
keep_open(struct sender *self)
{
        size_t n = 0;

        note_connections(self);
        for (size_t i = 0; i < self->npeers; i++) {
                int fd = fcntl(self->peers[i], F_DUPFD_CLOEXEC, 0);

                if (fd >= 0)
                        self->peers[n++] = fd;
        }
        self->npeers = n;
}

static void
close_socket(struct sender *self)
{
        if (self->monitor) {
                zmq_socket_monitor(self->socket, NULL, 0);
                zmq_close(self->monitor);
        }
        if (self->socket)
                zmq_close(self->socket);
        if (self->context)
                zmq_ctx_term(self->context);
        self->context = self->socket = self->monitor = NULL;
}

static int
prepare(struct sq_task *task)
{
        struct sender *self = sq_state(task);
        int hwm = (int)self->hwm, ms = (int)(self->timeout * 1000), immediate = self->pattern == PUSH, tell = 1;

        self->message.format = (enum sq_format)self->format;
        self->context = zmq_ctx_new();
        self->socket = self->context ? zmq_socket(self->context, self->pattern == PUSH ? ZMQ_PUSH : ZMQ_PUB) : NULL;
        if (!self->socket || zmq_setsockopt(self->socket, ZMQ_SNDHWM, &hwm, sizeof(hwm)) < 0 ||
            zmq_setsockopt(self->socket, ZMQ_SNDTIMEO, &ms, sizeof(ms)) < 0 ||
            zmq_setsockopt(self->socket, ZMQ_LINGER, &ms, sizeof(ms)) < 0 ||
            zmq_setsockopt(self->socket, ZMQ_IMMEDIATE, &immediate, sizeof(immediate)) < 0 ||
            (self->pattern == PUB && zmq_setsockopt(self->socket, ZMQ_XPUB_NODROP, &tell, sizeof(tell)) < 0) ||
            watch_connections(self) < 0 || (self->bind ? zmq_bind : zmq_connect)(self->socket, self->endpoint) < 0)
                return sq_error(task, "%s: %s", self->endpoint, zmq_strerror(errno));
        return 0;
}

/* ---- Messages ---------------------------------------------------------------------------------------- */

/* PUB: without room at all subscribers it says EAGAIN. The message then goes to those that have room. */
static void
drop(struct sq_task *task, struct sender *self)
{
        const int quiet = 0, tell = 1;

        sq_count(task, "dropped", 1);
        zmq_setsockopt(self->socket, ZMQ_XPUB_NODROP, &quiet, sizeof(quiet));
        if (*self->topic)
                zmq_send(self->socket, self->topic, strlen(self->topic), ZMQ_SNDMORE | ZMQ_DONTWAIT);
        zmq_send(self->socket, self->message.bytes, self->message.len, ZMQ_DONTWAIT);
        zmq_setsockopt(self->socket, ZMQ_XPUB_NODROP, &tell, sizeof(tell));
}

static int
transmit(struct sender *self, const void *ptr, size_t len, int flags)
{
        flags |= self->pattern == PUB ? ZMQ_DONTWAIT : 0;
        int rc;

        do
                rc = zmq_send(self->socket, ptr, len, flags);
        while (rc < 0 && errno == EINTR);
        return rc;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct sender *self = sq_state(task);

        note_connections(self);
        self->message.len = 0;
        if (sq_encode(&self->message, in) < 0)
                return sq_retry_later(task, "%s: no memory for the message", self->endpoint);
        if ((*self->topic && transmit(self, self->topic, strlen(self->topic), ZMQ_SNDMORE) < 0) ||
            transmit(self, self->message.bytes, self->message.len, 0) < 0) {
                if (self->pattern == PUB && errno == EAGAIN) {
                        drop(task, self);
                        return SQ_ACK;
                }
                return sq_retry_later(task, "%s: %s", self->endpoint,
                                      errno == EAGAIN ? "nobody took the message in time" : zmq_strerror(errno));
        }
        return SQ_ACK;
}

static int
finish(struct sq_task *task)
{
        struct sender *self = sq_state(task);
        double until = now_s() + self->timeout;
        bool late;
        size_t unread;

        keep_open(self);
        close_socket(self);
        late = now_s() >= until;
        unread = part(self, until);
        if (self->pattern == PUSH && (late || unread > 0))
                return sq_error_final(task, "%s: not all messages were taken within %g s (timeout): some are lost",
                                      self->endpoint, self->timeout);
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct sender *self = sq_state(task);

        sq_encoder_free(&self->message);
        close_socket(self);
}

SQ_BOLT(zmq) = {
        .about = "A message on a ZeroMQ socket for each tuple.",
        .state = sizeof(struct sender),
        .options =
                {
                        SQ_REQ_STR(struct sender, endpoint, "tcp://HOST:PORT, ipc://PATH, ..."),
                        SQ_OPT_ENUM(struct sender, pattern, "push|pub", "push", "the socket's pattern"),
                        SQ_OPT_BOOL(struct sender, bind, false, "bind to the endpoint instead of connecting to it"),
                        SQ_OPT_STR(struct sender, topic, "", "a first frame for each message"),
                        SQ_OPT_ENCODING(struct sender, format, "msgpack"),
                        SQ_OPT_INT(struct sender, hwm, 1000,
                                   "messages that wait in the socket, for each peer; 0: no limit"),
                        SQ_OPT_FLOAT(struct sender, timeout, 10,
                                     "seconds to wait for a peer with room, and at the end for the rest to be sent"),
                },
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .finish = finish,
        .cleanup = cleanup,
};

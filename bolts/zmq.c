/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `zmq`: a message on a ZeroMQ socket for each tuple.
 *
 * PUSH waits for a peer with room, which is back-pressure; after `timeout` the tuple fails. PUB drops what a slow
 * subscriber has no room for, as ZeroMQ's PUB does. The counter `dropped` has the messages at which that was so. It is
 * less than what subscribers lack: libzmq then passes by one of them, without a word, until half of its queue has gone.
 *
 * By these two a tuple is acked when ZeroMQ has taken the message over: libzmq does not say when one has left, and what
 * its process holds dies with it. REQ asks for more: the peer, a REP socket, answers each message, and `flush`, behind
 * which the acks stand, waits for the answers. The socket is a DEALER, so that many messages are under way at a time;
 * REP hands the frames before the empty one back with its answer, and so the number of the message in the first:
 *
 *     to the peer      number, empty, [topic,] body        and from it      number, empty, whatever it answers
 *
 * At the end the rest is sent, for at most `timeout`, and read by the peer: libzmq's linger ends when the kernel has
 * the bytes, and an ipc peer whose queue is full throws those away when we hang up (see spouts/zmq.c). So the
 * connections are kept open, by a descriptor of our own, until the kernel holds nothing:
 *
 *     zmq_close, zmq_ctx_term     all is in the kernel, or the linger has run out
 *     SIOCOUTQ of each is 0       the peer has read it
 *     close                       now it may see the hang-up
 *
 * Exactly once the messages of an epoch are kept in the snapshot, and its commit sends them. REQ then waits for the
 * answers; PUSH parts from its peers as at the end, for only so it is known that all is read, and connects anew for the
 * next epoch. A commit that was cut short is repeated from its start, byte for byte: with `numbered` a reader knows
 * what it has already. PUB cannot know who has got what.
 */
#include <errno.h>
#include <limits.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "../clients/zmq.h"
#include "../clients/zmq_curve.h"
#include "../clients/zmq_peers.h"

enum { PUSH, PUB, REQ };
enum { ANSWERS_MIN = 64 };
static const double LOOK_S = 0.25;

struct sender {
        const char *endpoint, *topic;
        int64_t pattern, hwm;
        struct sq_encoding encoding;
        double timeout;
        bool bind, numbered;

        bool by_epochs;
        struct sq_encoder
                held; /* exactly once: what came since the last epoch: each message behind its length, 32 bits */

        struct sqi_zmq_curve curve;

        void *context, *socket;
        struct sqi_zmq_peers peers;             /* one that has left may have taken along what it was to answer */
        struct sq_encoder message, first_frame; /* of the topic */
        struct sq_templates *templates;

        uint64_t first, next; /* the messages that are under way; all before `first` are done with */
        uint64_t unanswered;
        bool *answered; /* of the message `first + i` */
        size_t size;
};

static void
declare(struct sq_declaration *decl)
{
        const struct sender *self = sq_declared_state(decl);

        if (self->hwm < 0 || self->hwm > INT_MAX)
                sq_declare_error(decl, "hwm", "must be from 0 to %d", INT_MAX);
        if (!(self->timeout >= 0 && self->timeout <= 20))
                sq_declare_error(
                        decl, "timeout",
                        "must be from 0 to 20 seconds: a task that waits for longer is taken for one that hangs");
        if (self->numbered && !sq_declared_exactly_once(decl))
                sq_declare_error(decl, "numbered", "needs topology.delivery: exactly-once");
        sqi_zmq_declare(decl, self->endpoint, self->bind);
        sq_encoding_declare(&self->encoding, NULL, decl);
        sqi_zmq_curve_declare(&self->curve, decl);
        sq_template_declare(self->topic, decl, "topic");
        if (strchr(self->topic, '{') && sq_declared_exactly_once(decl))
                sq_declare_error(decl, "topic", "is the same for all messages of an epoch: it takes no fields there");
}

static void
probe(struct sq_declaration *decl)
{
        const struct sender *self = sq_declared_state(decl);

        sqi_zmq_curve_probe(&self->curve, decl);
        sqi_zmq_probe(decl, self->endpoint, self->bind);
}

/* ---- The connections --------------------------------------------------------------------------------- */

static void
close_socket(struct sender *self)
{
        sqi_zmq_peers_unwatch(&self->peers, self->socket);
        if (self->socket)
                zmq_close(self->socket);
        if (self->context)
                zmq_ctx_term(self->context);
        sqi_zmq_curve_close(&self->curve);
        self->context = self->socket = NULL;
}

/* Seconds that a send waits at most before we look after the peers. */
static double
slice_of(const struct sender *self)
{
        return self->timeout < LOOK_S ? self->timeout : LOOK_S;
}

/* What a REQ has sent is answered for, or failed, before it ends: there is nothing to linger for. Its answers are small
 * and as many as the messages, and a peer that could not answer would take no more of those. */
static int
set_limits(const struct sender *self)
{
        int hwm = (int)self->hwm, ms = (int)(slice_of(self) * 1000),
            linger = self->pattern == REQ ? 0 : (int)(self->timeout * 1000), immediate = self->pattern != PUB, tell = 1,
            unlimited = 0;

        if (zmq_setsockopt(self->socket, ZMQ_SNDHWM, &hwm, sizeof(hwm)) < 0 ||
            zmq_setsockopt(self->socket, ZMQ_SNDTIMEO, &ms, sizeof(ms)) < 0 ||
            zmq_setsockopt(self->socket, ZMQ_LINGER, &linger, sizeof(linger)) < 0 ||
            zmq_setsockopt(self->socket, ZMQ_IMMEDIATE, &immediate, sizeof(immediate)) < 0 ||
            (self->pattern == REQ && zmq_setsockopt(self->socket, ZMQ_RCVHWM, &unlimited, sizeof(unlimited)) < 0) ||
            (self->pattern == PUB && zmq_setsockopt(self->socket, ZMQ_XPUB_NODROP, &tell, sizeof(tell)) < 0))
                return -1;
        return 0;
}

static int
open_socket(struct sq_task *task)
{
        static const int types[] = {[PUSH] = ZMQ_PUSH, [PUB] = ZMQ_PUB, [REQ] = ZMQ_DEALER};
        struct sender *self = sq_state(task);
        char why[PATH_MAX + 256];

        self->context = zmq_ctx_new();
        self->socket = self->context ? zmq_socket(self->context, types[self->pattern]) : NULL;
        if (self->socket && sqi_zmq_curve_open(&self->curve, self->context, self->socket, why, sizeof(why)) < 0)
                return sq_error_final(task, "%s: %s", self->endpoint, why);
        if (!self->socket || set_limits(self) < 0 ||
            sqi_zmq_peers_watch(&self->peers, self->context, self->socket) < 0 ||
            (self->bind ? zmq_bind : zmq_connect)(self->socket, self->endpoint) < 0)
                return sq_error(task, "%s: %s", self->endpoint, zmq_strerror(errno));
        return 0;
}

/* The socket's end: all that was sent has been read. False: not in time. */
static bool
hand_over(struct sender *self)
{
        double until = sqi_zmq_now_s() + self->timeout;
        bool late;

        sqi_zmq_peers_keep_open(&self->peers);
        close_socket(self);
        late = sqi_zmq_now_s() >= until;
        return sqi_zmq_peers_part(&self->peers, until) == 0 && !late;
}

/* ---- Answers ----------------------------------------------------------------------------------------- */

/* For one more message under way. */
static bool
make_room(struct sender *self)
{
        size_t size = self->size ? 2 * self->size : ANSWERS_MIN;
        bool *answered;

        if (self->next - self->first < self->size)
                return true;
        answered = realloc(self->answered, size * sizeof(*answered));
        if (!answered)
                return false;
        self->answered = answered;
        self->size = size;
        return true;
}

static void
expect_answer(struct sender *self)
{
        self->answered[self->next - self->first] = false;
        self->next++;
        self->unanswered++;
}

static void
note_answer(struct sender *self, uint64_t number)
{
        if (number < self->first || number >= self->next || self->answered[number - self->first])
                return;
        self->answered[number - self->first] = true;
        self->unanswered--;
}

/* Reads the answers that have come. */
static void
take_answers(struct sender *self)
{
        uint64_t number;
        int n;

        while ((n = zmq_recv(self->socket, &number, sizeof(number), ZMQ_DONTWAIT)) >= 0 || errno == EINTR) {
                int more = n >= 0;
                size_t size = sizeof(more);
                bool envelope = n == sizeof(number);

                while (more && zmq_getsockopt(self->socket, ZMQ_RCVMORE, &more, &size) == 0 && more)
                        zmq_recv(self->socket, NULL, 0, ZMQ_DONTWAIT);
                if (envelope)
                        note_answer(self, number);
        }
}

/* Until all have come, a peer has left, or the time is up. */
static void
await_answers(struct sender *self, double until)
{
        zmq_pollitem_t items[] = {{.socket = self->socket, .events = ZMQ_POLLIN},
                                  {.socket = self->peers.monitor, .events = ZMQ_POLLIN}};
        double left;

        for (;;) {
                sqi_zmq_peers_note(&self->peers); /* the answers of one that has left are here by then */
                take_answers(self);
                left = until - sqi_zmq_now_s();
                if (self->unanswered == 0 || self->peers.left || left <= 0)
                        return;
                if (zmq_poll(items, 2, (long)(left * 1000) + 1) < 0 && errno != EINTR)
                        return;
        }
}

/* ---- Messages ---------------------------------------------------------------------------------------- */

/* False: the task has failed. */
static bool
look_at_peers(struct sq_task *task)
{
        struct sender *self = sq_state(task);

        if (self->socket)
                sqi_zmq_peers_note(&self->peers);
        if (sqi_zmq_peers_tell(task, &self->peers, self->endpoint, self->curve.server_cert != NULL) < 0)
                return false;
        if (self->socket && !self->bind)
                sqi_zmq_peers_again(&self->peers, self->socket, self->endpoint);
        return true;
}

/* There was no room for as long as a send waits. Another time? Not for a client that the server refuses. */
static bool
waits_on(struct sq_task *task, double *until)
{
        struct sender *self = sq_state(task);
        double now = sqi_zmq_now_s();

        if (*until == 0)
                *until = now + self->timeout - slice_of(self);
        sqi_zmq_peers_note(&self->peers);
        return now < *until && !(self->peers.is_final && self->curve.server_cert) && look_at_peers(task);
}

static int
transmit(struct sq_task *task, const void *ptr, size_t len, int flags)
{
        const struct sender *self = sq_state(task);
        double until = 0;
        int r, error;

        flags |= self->pattern == PUB ? ZMQ_DONTWAIT : 0;
        do {
                r = zmq_send(self->socket, ptr, len, flags);
                error = r < 0 ? errno : 0;
        } while (error == EINTR || (error == EAGAIN && self->pattern != PUB && waits_on(task, &until)));
        errno = error;
        return r;
}

/* The frames of a message; 0, or -1 and errno. Only the first of them may have to wait for room. `number`: a frame
 * before the message, or NULL. */
static int
send_frames(struct sq_task *task, const char *number, struct sq_str message)
{
        const struct sender *self = sq_state(task);

        if (self->pattern == REQ && (transmit(task, &self->next, sizeof(self->next), ZMQ_SNDMORE) < 0 ||
                                     transmit(task, "", 0, ZMQ_SNDMORE) < 0))
                return -1;
        if ((*self->topic && transmit(task, self->first_frame.bytes, self->first_frame.len, ZMQ_SNDMORE) < 0) ||
            (number && transmit(task, number, strlen(number), ZMQ_SNDMORE) < 0))
                return -1;
        return transmit(task, message.ptr, message.len, 0) < 0 ? -1 : 0;
}

/* PUB: without room at all subscribers it says EAGAIN. The message then goes to those that have room. */
static void
drop(struct sq_task *task, const char *number, struct sq_str message)
{
        const int quiet = 0, tell = 1;
        struct sender *self = sq_state(task);

        sq_count(task, "dropped", 1);
        zmq_setsockopt(self->socket, ZMQ_XPUB_NODROP, &quiet, sizeof(quiet));
        send_frames(task, number, message);
        zmq_setsockopt(self->socket, ZMQ_XPUB_NODROP, &tell, sizeof(tell));
}

/* 0; or -1 and errno. */
static int
send_message(struct sq_task *task, const char *number, struct sq_str message)
{
        struct sender *self = sq_state(task);

        if (self->pattern == REQ && !make_room(self)) {
                errno = ENOMEM;
                return -1;
        }
        if (send_frames(task, number, message) < 0) {
                if (self->pattern != PUB || errno != EAGAIN)
                        return -1;
                drop(task, number, message);
        }
        if (self->pattern == REQ)
                expect_answer(self);
        return 0;
}

/* Behind those of the epoch. False: no memory. */
static bool
hold(struct sender *self)
{
        uint32_t len = (uint32_t)self->message.len;
        struct sq_value parts[] = {sq_bin(&len, sizeof(len)), sq_bin(self->message.bytes, len)};
        size_t before = self->held.len;

        for (size_t i = 0; i < (len > 0 ? 2 : 1); i++)
                if (sq_encode_values(&self->held, 1, NULL, &parts[i]) < 0) {
                        self->held.len = before;
                        return false;
                }
        return true;
}

static enum sq_verdict
not_taken(struct sq_task *task, int error)
{
        struct sender *self = sq_state(task);

        if (!look_at_peers(task))
                return SQ_FAIL;
        return sq_retry_later(task, "%s: %s%s%s", self->endpoint,
                              error == EAGAIN ? "nobody took the message in time" : zmq_strerror(error),
                              self->peers.why ? ": " : "", self->peers.why ? self->peers.why : "");
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct sender *self = sq_state(task);
        int r;

        self->message.len = 0;
        r = sq_encode(&self->message, in);
        if (r == -EBADMSG)
                return sq_refuse_tuple(task, in, "%s: %s", self->endpoint, SQ_UNQUOTED);
        if (r < 0 || sq_template_make(self->topic, self->templates, in, &self->first_frame) < 0 ||
            (self->by_epochs && !hold(self)))
                return sq_retry_later(task, "%s: no memory for the message", self->endpoint);
        if (self->by_epochs)
                return SQ_ACK;
        return send_message(task, NULL, (struct sq_str){self->message.bytes, self->message.len}) < 0
                       ? not_taken(task, errno)
                       : SQ_ACK;
}

/* What is not answered for comes again; an answer that comes after all is none any more. */
static int
flush(struct sq_task *task)
{
        struct sender *self = sq_state(task);
        uint64_t unanswered;
        bool left;

        if (!look_at_peers(task)) /* here, for it is a system call */
                return -1;
        if (self->pattern != REQ || self->next == self->first)
                return 0;
        await_answers(self, sqi_zmq_now_s() + self->timeout);
        unanswered = self->unanswered;
        left = self->peers.left;
        self->first = self->next;
        self->unanswered = 0;
        self->peers.left = false;
        if (unanswered == 0)
                return 0;
        return sq_error(task, "%s: %llu messages were not answered: %s", self->endpoint, (unsigned long long)unanswered,
                        left ? "a peer has left" : "the time is up (timeout)");
}

static int
finish(struct sq_task *task)
{
        struct sender *self = sq_state(task);

        if (self->by_epochs) /* the last epoch is still to be committed */
                return 0;
        if (self->pattern == REQ)
                return flush(task);
        if (!hand_over(self) && self->pattern == PUSH)
                return sq_error_final(task, "%s: not all messages were taken within %g s (timeout): some are lost",
                                      self->endpoint, self->timeout);
        return 0;
}

/* ---- Epochs ------------------------------------------------------------------------------------------ */

static const char held_name[] = "messages";

static int
precommit(struct sq_task *task, uint64_t epoch)
{
        struct sender *self = sq_state(task);
        struct sq_str kept = sq_own(task, held_name); /* of an epoch that was given up */
        char *all;

        (void)epoch;
        if (self->held.len == 0)
                return 0;
        all = malloc(kept.len + self->held.len);
        if (!all)
                return sq_error(task, "%s: no memory for the messages of an epoch", self->endpoint);
        if (kept.len > 0)
                memcpy(all, kept.ptr, kept.len);
        memcpy(all + kept.len, self->held.bytes, self->held.len);
        sq_own_set(task, held_name, (struct sq_str){all, kept.len + self->held.len});
        free(all);
        self->held.len = 0;
        return 0;
}

/* With "EPOCH TASK NUMBER" before each, if wanted: the same whenever it is sent. 0; or -1 and errno. */
static int
send_all(struct sq_task *task, uint64_t epoch, struct sq_str held)
{
        const struct sender *self = sq_state(task);
        size_t n = 0;
        uint32_t len;
        int r = 0;

        for (size_t at = 0; r == 0 && at < held.len; at += sizeof(len) + len) {
                char number[80];

                snprintf(number, sizeof(number), "%llu %u %zu", (unsigned long long)epoch, sq_index(task), n++);
                memcpy(&len, held.ptr + at, sizeof(len));
                r = send_message(task, self->numbered ? number : NULL,
                                 (struct sq_str){held.ptr + at + sizeof(len), len});
        }
        return r;
}

/* Has the other side got it? */
static bool
is_taken(struct sq_task *task)
{
        struct sender *self = sq_state(task);

        if (self->pattern == REQ)
                return flush(task) == 0;
        return self->pattern == PUB || hand_over(self);
}

/* What was not taken is sent again, all of it: by a new socket, for the old one may still hold some. */
static int
commit(struct sq_task *task, uint64_t epoch)
{
        struct sender *self = sq_state(task);
        struct sq_str held = sq_own(task, held_name);
        bool sent, taken;

        if (held.len == 0)
                return 0;
        if (!self->socket && open_socket(task) < 0) {
                close_socket(self);
                return -1;
        }
        sqi_zmq_peers_note(&self->peers);
        sent = send_all(task, epoch, held) == 0;
        taken = is_taken(task);
        if (sent && taken) {
                sq_own_set(task, held_name, (struct sq_str){"", 0});
                return 0;
        }
        close_socket(self);
        return sq_error(task, "%s: not all messages of epoch %llu were taken within %g s (timeout)", self->endpoint,
                        (unsigned long long)epoch, self->timeout);
}

static void
cleanup(struct sq_task *task)
{
        struct sender *self = sq_state(task);

        sq_encoder_free(&self->message);
        sq_encoder_free(&self->first_frame);
        sq_templates_free(&self->templates);
        free(self->answered);
        sq_encoder_free(&self->held);
        close_socket(self);
}

static int
prepare(struct sq_task *task)
{
        struct sender *self = sq_state(task);
        int r;

        self->message.format = (enum sq_format)self->encoding.format;
        self->message.dialect = sq_csv_dialect(self->encoding.separator, self->encoding.quote);
        self->by_epochs = sq_exactly_once(task);
        self->first_frame.format = self->held.format = SQ_FORMAT_TEXT;
        self->templates = sq_templates_new();
        /* what a commit sends again comes before any tuple */
        if (!self->templates || sq_template_write(self->topic, &(struct sq_record){0}, &self->first_frame) < 0)
                r = sq_error(task, "%s: %s", self->endpoint, strerror(ENOMEM));
        else if ((r = open_socket(task)) == 0)
                return 0;
        cleanup(task);
        return r;
}

SQ_BOLT(zmq) = {
        .about = "A message on a ZeroMQ socket for each tuple.",
        .state = sizeof(struct sender),
        .options =
                {
                        SQ_REQ_STR(struct sender, endpoint, "tcp://HOST:PORT, ipc://PATH, ..."),
                        SQ_OPT_ENUM(struct sender, pattern, "push|pub|req", "push",
                                    "the socket's pattern; req: the peer, a REP, answers each message, and only then "
                                    "is its tuple acked"),
                        SQ_OPT_BOOL(struct sender, bind, false, "bind to the endpoint instead of connecting to it"),
                        SQ_OPT_STR(struct sender, topic, "",
                                   "a first frame for each message; fields or expressions in braces: {kind}"),
                        SQ_OPT_ENCODING(struct sender, encoding, "msgpack"),
                        SQI_OPT_CURVE(struct sender, curve),
                        SQ_OPT_INT(struct sender, hwm, 1000,
                                   "messages that wait in the socket, for each peer; 0: no limit"),
                        SQ_OPT_FLOAT(
                                struct sender, timeout, 10,
                                "seconds to wait for a peer with room, for answers (req), and at the end for the rest to be "
                                "sent"),
                        SQ_OPT_BOOL(struct sender, numbered, false,
                                    "exactly once: a frame before each message, EPOCH TASK NUMBER, that is the same "
                                    "when a death lets it come again"),
                },
        .declare = declare,
        .probe = probe,
        .prepare = prepare,
        .execute = execute,
        .flush = flush,
        .finish = finish,
        .cleanup = cleanup,
        .precommit = precommit,
        .commit = commit,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `udp`: a tuple for each datagram, or for each line of one. Datagrams are taken from the kernel, and
 * emitted, several at a time. What the kernel drops, because nobody took it in time, is counted: `dropped by the
 * kernel`.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATAGRAM, LINES };
enum { DATAGRAM_MAX = 65536, DATAGRAMS = 32 };

/* What one call of the kernel brings. Of the room for a datagram only what it fills becomes memory. */
struct arrived {
        struct mmsghdr messages[DATAGRAMS];
        struct iovec rooms[DATAGRAMS];
        char parts[DATAGRAMS][CMSG_SPACE(sizeof(uint32_t))];
        char bytes[DATAGRAMS][DATAGRAM_MAX];
};

struct udp {
        struct sq_messages messages;
        const char *listen;
        int64_t framing, buffer;

        int fd;
        uint32_t dropped; /* as the kernel said last */
        char source[600];
        struct arrived *arrived;
        unsigned n, i;  /* of the datagrams, which is not emitted yet, ... */
        size_t at;      /* ... and from where on */
        uint64_t bytes; /* taken from the kernel */
};

static void
declare(struct sq_declaration *decl)
{
        const struct udp *self = sq_declared_state(decl);
        struct sq_url at;
        const char *wrong = sq_address_read(self->listen, &at);

        if (wrong)
                sq_declare_error(decl, "listen", "%s", wrong);
        if (self->buffer < 1 || self->buffer > 1024)
                sq_declare_error(decl, "buffer", "must be from 1 to 1024 MiB");
        sq_messages_declare(&self->messages, decl);
}

static void
probe(struct sq_declaration *decl)
{
        const struct udp *self = sq_declared_state(decl);

        sq_probe_listening(decl, "listen", self->listen, SOCK_DGRAM);
}

static int
prepare(struct sq_task *task)
{
        struct udp *self = sq_state(task);
        int on = 1, bytes = (int)(self->buffer << 20);

        self->fd = -1;
        snprintf(self->source, sizeof(self->source), "udp %s", self->listen);
        if (sq_bind_inet(task, self->listen, SOCK_DGRAM, &self->fd) < 0)
                return -1;
        if (setsockopt(self->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) < 0 ||
            setsockopt(self->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on)) < 0)
                sq_log(task, SQ_WARN, "%s: %s", self->source, strerror(errno));
        self->arrived = calloc(1, sizeof(*self->arrived));
        if (!self->arrived)
                return sq_error(task, "%s: %s", self->source, strerror(ENOMEM));
        return sq_messages_begin(task, self->source);
}

static void
count_dropped(struct sq_task *task, struct udp *self, struct msghdr *message)
{
        struct cmsghdr *part = CMSG_FIRSTHDR(message);
        uint32_t dropped;

        if (!part || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SO_RXQ_OVFL)
                return;
        memcpy(&dropped, CMSG_DATA(part), sizeof(dropped));
        if (dropped == self->dropped)
                return;
        sq_count(task, "dropped by the kernel", dropped - self->dropped);
        if (self->dropped == 0)
                sq_log(task, SQ_WARN, "%s: datagrams come faster than they are taken: the kernel drops some",
                       self->source);
        self->dropped = dropped;
}

static void
make_rooms(struct arrived *arrived)
{
        for (unsigned i = 0; i < DATAGRAMS; i++) {
                arrived->rooms[i] = (struct iovec){.iov_base = arrived->bytes[i], .iov_len = DATAGRAM_MAX};
                arrived->messages[i].msg_hdr = (struct msghdr){.msg_iov = &arrived->rooms[i],
                                                               .msg_iovlen = 1,
                                                               .msg_control = arrived->parts[i],
                                                               .msg_controllen = sizeof(arrived->parts[i])};
        }
}

/* Whether there is something to emit. */
static bool
has_some(struct sq_task *task, struct udp *self)
{
        int n;

        if (self->i < self->n)
                return true;
        make_rooms(self->arrived);
        n = recvmmsg(self->fd, self->arrived->messages, DATAGRAMS, MSG_DONTWAIT, NULL);
        self->n = n > 0 ? (unsigned)n : 0;
        self->i = 0;
        self->at = 0;
        for (unsigned i = 0; i < self->n; i++)
                self->bytes += self->arrived->messages[i].msg_len + 1;
        if (self->n > 0) /* the last one knows it all */
                count_dropped(task, self, &self->arrived->messages[self->n - 1].msg_hdr);
        return self->n > 0;
}

/* The next record, a view. */
static struct sq_str
take_one(struct udp *self)
{
        const char *at = self->arrived->bytes[self->i] + self->at;
        size_t n = self->arrived->messages[self->i].msg_len - self->at;
        const char *end = self->framing == LINES ? memchr(at, '\n', n) : NULL;
        struct sq_str record = {at, end ? (size_t)(end - at) : n};

        self->at += record.len + (end != NULL);
        if (self->at == self->arrived->messages[self->i].msg_len) {
                self->at = 0;
                self->i++;
        }
        if (self->framing == LINES && record.len > 0 && at[record.len - 1] == '\r')
                record.len--;
        return record;
}

/* Of what has come in, at most `most`: how many; or -1. */
static int64_t
emit_some(struct sq_task *task, struct udp *self, uint64_t most)
{
        struct sq_str records[SQ_MESSAGES_RUN];
        size_t n = 0;

        while (n < most && n < SQ_MESSAGES_RUN && self->i < self->n)
                records[n++] = take_one(self);
        return sq_messages_emit_run(task, n, records) < 0 ? -1 : (int64_t)n;
}

static enum sq_next
next(struct sq_task *task)
{
        struct udp *self = sq_state(task);
        uint64_t most = sq_messages_room(task), n = 0;

        if (most == 0)
                return SQ_IDLE;
        while (n < most && has_some(task, self)) {
                int64_t some = emit_some(task, self, most - n);

                if (some < 0)
                        return SQ_IDLE;
                n += (uint64_t)some;
        }
        if (sq_messages_flush(task) < 0)
                return SQ_IDLE;
        if (n == most)
                return SQ_MORE;
        sq_wake_on(task, self->fd);
        return SQ_IDLE;
}

/* What the kernel holds so far. */
static int
finish(struct sq_task *task)
{
        struct udp *self = sq_state(task);
        uint64_t end = self->bytes + ((uint64_t)self->buffer << 20);

        self->messages.untracked = true;
        while (self->i < self->n || (self->bytes < end && has_some(task, self)))
                if (emit_some(task, self, UINT64_MAX) < 0)
                        return -1;
        return sq_messages_flush(task) < 0 ? sq_error(task, "the last messages are not in the journal") : 0;
}

static void
cleanup(struct sq_task *task)
{
        struct udp *self = sq_state(task);

        if (self->messages.journalled && self->arrived && self->fd > 0 && !self->messages.untracked)
                (void)finish(task); /* who goes on as another plan has not finished */
        if (self->fd > 0)
                close(self->fd);
        free(self->arrived);
        sq_messages_end(task);
}

SQ_SPOUT(udp) = {
        .about = "A tuple for each datagram, or each line of one.",
        .state = sizeof(struct udp),
        .options =
                {
                        SQ_REQ_STR(struct udp, listen, "HOST:PORT; *:PORT: every address of this machine"),
                        SQ_OPT_ENUM(struct udp, framing, "datagram|lines", "datagram", "what a message is"),
                        SQ_OPT_INT(struct udp, buffer, 4, "MiB that may wait in the kernel"),
                        SQ_OPT_INBOUND(struct udp, messages, "text"),
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `udp`: a tuple for each datagram, or for each line of one. What the kernel drops, because nobody took it in
 * time, is counted: `dropped by the kernel`.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATAGRAM, LINES };
enum { DATAGRAM_MAX = 65536 };

struct udp {
        struct sq_messages messages;
        const char *listen;
        int64_t framing, buffer;

        int fd;
        uint32_t dropped; /* as the kernel said last */
        char source[600], bytes[DATAGRAM_MAX];
        size_t at, len; /* of the datagram, what is not emitted yet */
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

static bool
receive(struct sq_task *task, struct udp *self)
{
        char parts[CMSG_SPACE(sizeof(uint32_t))];
        struct iovec room = {.iov_base = self->bytes, .iov_len = sizeof(self->bytes)};
        struct msghdr message = {
                .msg_iov = &room, .msg_iovlen = 1, .msg_control = parts, .msg_controllen = sizeof(parts)};
        ssize_t n = recvmsg(self->fd, &message, MSG_DONTWAIT);

        if (n < 0)
                return false;
        self->at = 0;
        self->len = (size_t)n;
        count_dropped(task, self, &message);
        return true;
}

static int
emit_one(struct sq_task *task, struct udp *self)
{
        const char *at = self->bytes + self->at;
        size_t n = self->len - self->at;
        const char *end = self->framing == LINES ? memchr(at, '\n', n) : NULL;
        struct sq_str record = {at, end ? (size_t)(end - at) : n};

        self->at = end ? self->at + record.len + 1 : self->len;
        if (self->framing == LINES && record.len > 0 && at[record.len - 1] == '\r')
                record.len--;
        return sq_messages_emit(task, record, NULL);
}

static enum sq_next
next(struct sq_task *task)
{
        struct udp *self = sq_state(task);
        uint64_t most = sq_messages_room(task), n = 0;

        if (most == 0)
                return SQ_IDLE;
        for (; n < most && (self->at < self->len || receive(task, self)); n++)
                if (emit_one(task, self) < 0)
                        return SQ_IDLE;
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

        self->messages.untracked = true;
        for (size_t bytes = 0; bytes < (size_t)self->buffer << 20 && (self->at < self->len || receive(task, self));
             bytes += self->len + 1)
                if (emit_one(task, self) < 0)
                        return -1;
        return sq_messages_flush(task) < 0 ? sq_error(task, "the last messages are not in the journal") : 0;
}

static void
cleanup(struct sq_task *task)
{
        struct udp *self = sq_state(task);

        if (self->messages.journalled && self->fd > 0 && !self->messages.untracked)
                (void)finish(task); /* who goes on as another plan has not finished */
        if (self->fd > 0)
                close(self->fd);
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `tcp`: a tuple for each line, or other message, of connections that others make. Several tasks share the
 * port, and the kernel spreads the connections over them. kit/inlet.c has the rest.
 */
#include <squall-kit.h>
#include <stdio.h>
#include <sys/socket.h>

struct tcp {
        struct sq_inlet inlet;
        const char *listen;
        char source[600];
};

static void
declare(struct sq_declaration *decl)
{
        const struct tcp *self = sq_declared_state(decl);
        struct sq_url at;
        const char *wrong = sq_address_read(self->listen, &at);

        if (wrong)
                sq_declare_error(decl, "listen", "%s", wrong);
        sq_inlet_declare(&self->inlet, decl);
}

static void
probe(struct sq_declaration *decl)
{
        const struct tcp *self = sq_declared_state(decl);

        sq_probe_listening(decl, "listen", self->listen, SOCK_STREAM);
}

static int
prepare(struct sq_task *task)
{
        struct tcp *self = sq_state(task);
        int fd;

        snprintf(self->source, sizeof(self->source), "tcp %s", self->listen);
        if (sq_bind_inet(task, self->listen, SOCK_STREAM, &fd) < 0)
                return -1;
        return sq_inlet_open(task, self->source, fd);
}

SQ_SPOUT(tcp) = {
        .about = "A tuple for each message of TCP connections that others make.",
        .state = sizeof(struct tcp),
        .options =
                {
                        SQ_REQ_STR(struct tcp, listen, "HOST:PORT; *:PORT: every address of this machine"),
                        SQ_OPT_INLET(struct tcp, inlet, "text"),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .probe = probe,
        .prepare = prepare,
        .next = sq_inlet_next,
        .replay = sq_messages_replay,
        .seek = sq_messages_seek,
        .ack = sq_messages_done,
        .fail = sq_messages_done,
        .finish = sq_inlet_finish,
        .cleanup = sq_inlet_close,
        .precommit = sq_messages_precommit,
        .release = sq_messages_release,
        .lag = sq_messages_lag,
};

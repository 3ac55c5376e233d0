/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `unix`: a tuple for each line, or other message, of connections to a socket in the file system. It is made
 * by its one task, and goes with it. kit/inlet.c has the rest.
 */
#include <squall-kit.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#undef unix /* a macro of old */

struct unix {
        struct sq_inlet inlet;
        const char *listen;
        char source[600];
};

static void
declare(struct sq_declaration *decl)
{
        const struct unix *self = sq_declared_state(decl);

        if (strlen(self->listen) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
                sq_declare_error(decl, "listen", "is longer than %zu bytes, which no socket's path may be",
                                 sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
        sq_inlet_declare(&self->inlet, decl);
}

static void
probe(struct sq_declaration *decl)
{
        const struct unix *self = sq_declared_state(decl);
        struct stat there;

        if (lstat(self->listen, &there) == 0 && !S_ISSOCK(there.st_mode))
                sq_declare_error(decl, "listen", "%s: there is a file, and no socket: name another path", self->listen);
        sq_probe_output(decl, "listen", self->listen);
}

static int
prepare(struct sq_task *task)
{
        struct unix *self = sq_state(task);
        int fd;

        snprintf(self->source, sizeof(self->source), "unix %s", self->listen);
        if (sq_bind_unix(task, self->listen, SOCK_STREAM, &fd) < 0)
                return -1;
        return sq_inlet_open(task, self->source, fd);
}

static void
cleanup(struct sq_task *task)
{
        struct unix *self = sq_state(task);

        if (self->inlet.watch > 0)
                unlink(self->listen);
        sq_inlet_close(task);
}

SQ_SPOUT(unix) = {
        .about = "A tuple for each message of connections to a UNIX socket.",
        .state = sizeof(struct unix),
        .options =
                {
                        SQ_REQ_PATH(struct unix, listen, "the path of the socket, which is made"),
                        SQ_OPT_INLET(struct unix, inlet, "text"),
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
        .cleanup = cleanup,
        .precommit = sq_messages_precommit,
        .release = sq_messages_release,
        .lag = sq_messages_lag,
};

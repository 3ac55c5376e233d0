/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `exec`: the output of a command, a tuple a line. The command is the leader of a process group of its own,
 * which ends with the spout; what it writes to its standard error goes to the worker's. A command that fails ends the
 * topology, unless `restart` says to begin it again.
 *
 *     running --its output ends--> reaped --status 0, restart: never--> done
 *                                         --restart--> waiting `every` seconds --> running
 *                                         --status, restart: never--> failed
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <squall-kit.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NEVER, FAILED, ALWAYS };
enum { SHOWN = 200 };

struct exec {
        struct sq_messages messages;
        const char *command;
        int64_t framing, limit, restart;
        double every;

        pid_t child; /* 0: none */
        int fd;      /* its output, or -1 */
        struct sq_frames frames;
        uint64_t again_ns;
        bool over;
        char source[SHOWN + 8];
};

static void
declare(struct sq_declaration *decl)
{
        const struct exec *self = sq_declared_state(decl);

        if (self->command[strspn(self->command, " \t\n")] == '\0')
                sq_declare_error(decl, "command", "names no program");
        if (self->restart == NEVER)
                sq_declare_unused(decl, "every", "without `restart: failed` or `restart: always`");
        if (self->limit < 1 || self->limit > INT32_MAX)
                sq_declare_error(decl, "limit", "must be from 1 to %d", INT32_MAX);
        if (!(self->every >= 0.01 && self->every <= 1e6))
                sq_declare_error(decl, "every", "must be from 0.01 to a million seconds");
        if (self->restart == NEVER && self->messages.journal.path && sq_declared_exactly_once(decl))
                sq_declare_error(
                        decl, "restart",
                        "never: exactly-once begins all anew after any death, and so the command (restart: failed or "
                        "always)");
        sq_messages_declare(&self->messages, decl);
}

/* ---- The command ------------------------------------------------------------------------------------- */

/* 0 or a negative errno. The child dies with the worker, whatever that dies of. */
static int
start(struct exec *self)
{
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        self->child = fork();
        if (self->child == 0) {
                sq_child_take_signals();
                setpgid(0, 0);
                prctl(PR_SET_PDEATHSIG, SIGTERM);
                dup2(ends[1], STDOUT_FILENO);
                execl("/bin/sh", "sh", "-c", self->command, (char *)NULL);
                _exit(127);
        }
        close(ends[1]);
        if (self->child < 0) {
                self->child = 0;
                close(ends[0]);
                return -errno;
        }
        self->fd = ends[0];
        return fcntl(self->fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int
run(struct sq_task *task, struct exec *self)
{
        int r = start(self);

        return r < 0 ? sq_error(task, "%s: %s", self->source, strerror(-r)) : 0;
}

/* Asks the command to end; after a second it is not asked. */
static void
put_down(pid_t child)
{
        enum { LOOKS = 100 };
        const struct timespec pause = {.tv_nsec = 10000000};

        kill(-child, SIGTERM);
        for (int i = 0; i < LOOKS; i++) {
                if (waitpid(child, NULL, WNOHANG) == child) {
                        kill(-child, SIGKILL);
                        return;
                }
                nanosleep(&pause, NULL);
        }
        kill(-child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
                ;
}

static void
put_end(struct exec *self)
{
        if (self->fd >= 0)
                close(self->fd);
        self->fd = -1;
        if (self->child > 0)
                put_down(self->child);
        self->child = 0;
}

/* Its output has ended: what becomes of it. */
static void
reap(struct sq_task *task, struct exec *self)
{
        int status = 0;

        close(self->fd);
        self->fd = -1;
        while (waitpid(self->child, &status, 0) < 0 && errno == EINTR)
                ;
        self->child = 0;
        if (self->restart == ALWAYS || (self->restart == FAILED && status != 0)) {
                sq_count(task, "restarts of the command", 1);
                self->again_ns = sq_now(task) + (uint64_t)(self->every * 1e9);
                return;
        }
        self->over = true;
        if (WIFSIGNALED(status))
                (void)sq_error_final(task, "%s: was ended by signal %d", self->source, WTERMSIG(status));
        else if (status != 0)
                (void)sq_error_final(task, "%s: ended with status %d", self->source, WEXITSTATUS(status));
}

/* ---- The spout --------------------------------------------------------------------------------------- */

static int
prepare(struct sq_task *task)
{
        struct exec *self = sq_state(task);

        self->fd = -1;
        self->frames.limit = (size_t)self->limit;
        snprintf(self->source, sizeof(self->source), "exec %.*s", SHOWN, self->command);
        self->over = sq_index(task) > 0;
        return sq_messages_begin(task, self->source);
}

/* What an earlier process had read of a command that was run is gone, and nobody can tell what it was. */
static int
seek(struct sq_task *task, uint64_t position)
{
        struct exec *self = sq_state(task);

        if (position > (self->messages.journalled ? 1 : 0) && self->restart == NEVER && !self->over)
                return sq_error_final(task,
                                      "%s: the worker died with what it had read, and the command is not run twice "
                                      "(restart: failed or always)",
                                      self->source);
        return sq_messages_seek(task, position);
}

static bool
fill(struct exec *self, bool *ret_ended)
{
        size_t room = 0;
        char *to = sq_frames_room(&self->frames, &room);
        ssize_t n = to ? read(self->fd, to, room) : -1;

        *ret_ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
        if (n > 0)
                self->frames.fill += (size_t)n;
        return n > 0;
}

/* Emits at most `most` records of what was read. How many. */
static uint64_t
emit_read(struct sq_task *task, struct exec *self, uint64_t most, bool ended)
{
        uint64_t n = 0;
        int r = 1;

        while (n < most && r != 0) {
                n += sq_frames_emit(task, &self->frames, self->framing, ended, most - n, &r);
                if (r >= 0 || n == most)
                        continue;
                n++;
                sq_decoder_refuse(task, &self->messages.decoder, (struct sq_str){"", 0}, self->messages.next,
                                  r == -EPIPE ? "the output ended within it" : "is longer than `limit`");
                if (!self->frames.skipping)
                        self->frames.at = self->frames.fill;
        }
        return n;
}

static enum sq_next
wait_for_command(struct sq_task *task, struct exec *self)
{
        if (self->over)
                return SQ_DONE;
        if (sq_now(task) >= self->again_ns)
                return run(task, self) < 0 ? SQ_IDLE : SQ_MORE;
        sq_wake_at(task, self->again_ns);
        return SQ_IDLE;
}

static enum sq_next
next(struct sq_task *task)
{
        struct exec *self = sq_state(task);
        uint64_t most = sq_messages_room(task);
        bool ended = false, any;

        if (most == 0 && (self->fd >= 0 || self->messages.journalled)) /* what is in the journal goes first */
                return SQ_IDLE;
        if (self->fd < 0)
                return wait_for_command(task, self);
        any = emit_read(task, self, most, false) > 0 || fill(self, &ended);
        if (ended && emit_read(task, self, most, true) == 0)
                reap(task, self);
        if (sq_messages_flush(task) < 0)
                return SQ_IDLE;
        if (any || ended)
                return SQ_MORE;
        sq_wake_on(task, self->fd);
        return SQ_IDLE;
}

static void
cleanup(struct sq_task *task)
{
        struct exec *self = sq_state(task);

        put_end(self);
        sq_frames_free(&self->frames);
        sq_messages_end(task);
}

SQ_SPOUT(exec) = {
        .about = "The output of a command, a tuple a line.",
        .state = sizeof(struct exec),
        .options =
                {
                        SQ_REQ_STR(struct exec, command, "what /bin/sh runs, by the first task alone"),
                        SQ_OPT_ENUM(
                                struct exec, restart, "never|failed|always", "never",
                                "never: its end is the spout's, and a failure the topology's; failed: it is begun again "
                                "after a failure; always: after each end"),
                        SQ_OPT_FLOAT(struct exec, every, 1, "seconds from its end to its next begin"),
                        SQ_OPT_FRAMING(struct exec, framing),
                        SQ_OPT_INT(struct exec, limit, 1048576, "bytes of a message at most"),
                        SQ_OPT_INBOUND(struct exec, messages, "text"),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .prepare = prepare,
        .next = next,
        .replay = sq_messages_replay,
        .seek = seek,
        .ack = sq_messages_done,
        .fail = sq_messages_done,
        .cleanup = cleanup,
        .precommit = sq_messages_precommit,
        .release = sq_messages_release,
        .lag = sq_messages_lag,
};

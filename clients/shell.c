/* SPDX-License-Identifier: Apache-2.0 */
#include "shell.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { READ_MAX = 1 << 20, NAME_SHOWN = 60 };
static const uint64_t SECOND_NS = 1000000000, SPIN_NS = 100000, GREETING_NS = 120000000000, GRACE_NS = 2000000000,
                      LONG_LIFE_NS = 60000000000;

uint64_t
sqi_shell_clock(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* ---- Its process ------------------------------------------------------------------------------------- */

static void
watch(const struct sqi_shell *shell, int how, int fd, uint32_t events)
{
        struct epoll_event event = {.events = events, .data.fd = fd};

        (void)epoll_ctl(shell->watch, how, fd, &event);
}

/* 0, or a negative errno. */
static int
begin(struct sq_task *task, struct sqi_shell *shell)
{
        int r = sqi_shell_process_begin(&shell->process, &shell->command, &shell->env,
                                        shell->cwd ? shell->cwd : sq_folder(task));

        if (r < 0)
                return r;
        watch(shell, EPOLL_CTL_ADD, shell->process.out, EPOLLIN);
        watch(shell, EPOLL_CTL_ADD, shell->process.err, EPOLLIN);
        watch(shell, EPOLL_CTL_ADD, shell->process.in, 0);
        shell->watches_in = false;
        shell->generation++;
        shell->state = SHELL_GREETING;
        shell->nsaid = shell->line = 0;
        shell->born_ns = shell->heard_ns = sqi_shell_clock();
        shell->asked_ns = 0;
        sqi_shell_reader_reset(&shell->reader);
        sqi_shell_bytes_reset(&shell->first);
        sqi_shell_put_handshake(task, shell, &shell->first);
        return 0;
}

void
sqi_shell_revive(struct sq_task *task, struct sqi_shell *shell)
{
        int r;

        if (shell->state != SHELL_DOWN || sq_now(task) < shell->retry.due_ns)
                return;
        r = begin(task, shell);
        if (r == 0)
                return;
        snprintf(shell->cause, sizeof(shell->cause), "cannot be begun: %s", strerror(-r));
        sqi_shell_bury(task, shell);
}

/* The pid file that it may have made is its own business no longer. */
static void
forget_pid(const struct sqi_shell *shell, pid_t pid)
{
        char path[4200];

        snprintf(path, sizeof(path), "%s/%d", shell->pids, (int)pid);
        if (pid > 0)
                unlink(path);
}

bool
sqi_shell_was_killed(const struct sqi_shell *shell)
{
        int status = shell->process.status;

        return WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM);
}

/* How it ended, where nothing worse is known. */
static void
tell_end(const struct sqi_shell *shell, char *ret, size_t size)
{
        int status = shell->process.status;

        if (shell->cause[0])
                snprintf(ret, size, "%s", shell->cause);
        else if (WIFSIGNALED(status))
                snprintf(ret, size, "was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
        else
                snprintf(ret, size, "ended with status %d", WEXITSTATUS(status));
}

static void read_errors(struct sq_task *task, struct sqi_shell *shell);

void
sqi_shell_bury(struct sq_task *task, struct sqi_shell *shell)
{
        bool by_us = shell->cause[0] != '\0';
        pid_t pid = shell->process.pid;
        char how[SHELL_CAUSE];

        if (shell->state != SHELL_DOWN) {
                read_errors(task, shell);
                sqi_shell_process_end(&shell->process, by_us ? 0 : GRACE_NS);
                forget_pid(shell, pid);
                if (sqi_shell_clock() - shell->born_ns > LONG_LIFE_NS)
                        shell->retry = (struct sq_retry){0};
        }
        tell_end(shell, how, sizeof(how));
        while (shell->nsaid > 0 && shell->said[shell->nsaid - 1] == '\n')
                shell->nsaid--;
        snprintf(shell->cause, sizeof(shell->cause), "%s %.*s%s%.*s", shell->name, SHELL_CAUSE / 2, how,
                 shell->nsaid ? "; it said last: " : "", (int)shell->nsaid, shell->said);
        for (char *at = shell->cause; *at; at++)
                if (*at == '\n')
                        *at = '|';
        sq_log(task, SQ_ERROR, "%s", shell->cause);
        sq_retry_away(task, &shell->retry, shell->name, "is begun again");
        sq_count(task, "restarts of the program", 1);
        if (by_us) /* what it broke speaks against what it was handed */
                shell->process.status = -1;
        shell->state = SHELL_DOWN;
        sqi_shell_bytes_reset(&shell->queue);
        sqi_shell_bytes_reset(&shell->first);
}

int
sqi_shell_breaks(struct sqi_shell *shell, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(shell->cause, sizeof(shell->cause), format, arguments);
        va_end(arguments);
        return -1;
}

/* ---- What it writes ---------------------------------------------------------------------------------- */

/* Many take the end of their input for an error, and say so: it is not one. */
static enum sq_level
level_now(const struct sqi_shell *shell, enum sq_level level)
{
        return shell->state == SHELL_UP && shell->process.in < 0 ? SQ_DEBUG : level;
}

/* A line of its standard error is logged, and stays for the cause of its death. */
static void
end_line(struct sq_task *task, struct sqi_shell *shell)
{
        int n = (int)(shell->nsaid - shell->line);

        if (n > 0)
                sq_log(task, level_now(shell, SQ_INFO), "%s: %.*s", shell->name, n, shell->said + shell->line);
        shell->said[shell->nsaid++] = '\n';
        shell->line = shell->nsaid;
}

/* Room for at least one byte and a line end: the first line goes. */
static void
make_room(struct sqi_shell *shell)
{
        char *end = memchr(shell->said, '\n', shell->nsaid);
        size_t n = end ? (size_t)(end + 1 - shell->said) : shell->nsaid / 2;

        memmove(shell->said, shell->said + n, shell->nsaid - n);
        shell->nsaid -= n;
        shell->line = shell->line > n ? shell->line - n : 0;
}

static void
read_errors(struct sq_task *task, struct sqi_shell *shell)
{
        char bytes[4096];
        ssize_t n;

        while (shell->process.err >= 0 && (n = read(shell->process.err, bytes, sizeof(bytes))) != 0) {
                if (n < 0)
                        return;
                for (ssize_t i = 0; i < n; i++) {
                        while (shell->nsaid + 2 > sizeof(shell->said))
                                make_room(shell);
                        if (bytes[i] == '\n')
                                end_line(task, shell);
                        else
                                shell->said[shell->nsaid++] = bytes[i] < ' ' && bytes[i] >= 0 ? ' ' : bytes[i];
                }
        }
        if (shell->process.err >= 0)
                close(shell->process.err); /* leaves the watch by itself */
        shell->process.err = -1;
}

/* 0; or -1: its output has ended, or cannot be read. */
static int
read_messages(struct sqi_shell *shell)
{
        size_t room = 0, all = 0;
        ssize_t n = 1;

        while (n > 0 && all < READ_MAX) {
                char *to = sqi_shell_reader_room(&shell->reader, &room);
                if (!to)
                        return sqi_shell_breaks(shell, "%s", shell->reader.wrong);
                n = read(shell->process.out, to, room);
                if (n > 0) {
                        shell->reader.fill += (size_t)n;
                        all += (size_t)n;
                        shell->heard_ns = sqi_shell_clock();
                }
                if (n >= 0 && (size_t)n < room)
                        break;
        }
        if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)) || all > 0)
                return 0;
        shell->cause[0] = '\0';
        return -1;
}

int
sqi_shell_next(struct sqi_shell *shell, struct sqi_shell_message *ret)
{
        int r = shell->state == SHELL_DOWN ? 0 : sqi_shell_read(&shell->reader, ret);

        if (r < 0)
                return sqi_shell_breaks(shell, "%s", shell->reader.wrong);
        if (r == 0 || (shell->state == SHELL_UP && ret->command != SHELL_PID))
                return r;
        if (ret->command != SHELL_PID)
                return sqi_shell_breaks(shell, "sent a message before its pid");
        shell->state = SHELL_UP;
        return sqi_shell_next(shell, ret);
}

/* ---- What goes to it --------------------------------------------------------------------------------- */

/* write() without SIGPIPE, which means something to `squall test`. */
static ssize_t
write_quietly(int fd, const char *ptr, size_t n)
{
        const struct timespec now = {0};
        sigset_t broken, before;
        ssize_t done;
        int r;

        sigemptyset(&broken);
        sigaddset(&broken, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &broken, &before);
        done = write(fd, ptr, n);
        r = errno;
        if (done < 0 && r == EPIPE)
                sigtimedwait(&broken, NULL, &now);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        errno = r;
        return done;
}

/* What the pipe takes of the next `most` bytes. A broken one is not an error yet: what the program said before it ended
 * is read first. */
static void
push(const struct sqi_shell *shell, struct sqi_shell_bytes *bytes, size_t most, bool quietly)
{
        ssize_t n = 1;

        while (n > 0 && most > 0) {
                n = quietly ? write_quietly(shell->process.in, bytes->ptr + bytes->at, most)
                            : write(shell->process.in, bytes->ptr + bytes->at, most);
                if (n > 0) {
                        sqi_shell_bytes_took(bytes, (size_t)n);
                        most -= (size_t)n;
                }
        }
        if (n < 0 && errno == EPIPE)
                sqi_shell_bytes_reset(bytes);
}

bool
sqi_shell_push(struct sq_task *task, struct sqi_shell *shell)
{
        bool quietly = sq_stepped(task), left;

        if (shell->process.in < 0)
                return false;
        /* A message is not cut by another. */
        push(shell, &shell->queue, shell->queue.begun, quietly);
        if (shell->queue.begun == 0)
                push(shell, &shell->first, sqi_shell_bytes_left(&shell->first), quietly);
        if (shell->state == SHELL_UP && sqi_shell_bytes_left(&shell->first) == 0)
                push(shell, &shell->queue, sqi_shell_bytes_left(&shell->queue), quietly);
        left = sqi_shell_bytes_left(&shell->first) > 0 ||
               (shell->state == SHELL_UP && sqi_shell_bytes_left(&shell->queue) > 0);
        if (left != shell->watches_in)
                watch(shell, EPOLL_CTL_MOD, shell->process.in, left ? EPOLLOUT : 0);
        shell->watches_in = left;
        return left;
}

void
sqi_shell_ask(struct sqi_shell *shell)
{
        if (!shell->asked_ns)
                shell->asked_ns = sqi_shell_clock();
}

/* Silence counts from where an answer was due. */
static bool
is_silent(const struct sqi_shell *shell)
{
        uint64_t now = sqi_shell_clock(), since = shell->heard_ns > shell->asked_ns ? shell->heard_ns : shell->asked_ns;

        if (shell->state == SHELL_GREETING)
                return now - shell->born_ns > GREETING_NS;
        return shell->asked_ns && (double)(now - since) > shell->timeout * 1e9;
}

int
sqi_shell_turn(struct sq_task *task, struct sqi_shell *shell)
{
        if (shell->state == SHELL_DOWN)
                return 0;
        shell->cause[0] = '\0';
        read_errors(task, shell);
        sqi_shell_push(task, shell);
        if (read_messages(shell) < 0)
                return -1;
        if (shell->first.short_of_memory || shell->queue.short_of_memory)
                return sqi_shell_breaks(shell, "was not sent a message, for there is no memory for it");
        if (!is_silent(shell))
                return 0;
        return sqi_shell_breaks(shell, "gave no sign of life for %g seconds (subprocess heartbeat timeout)",
                                shell->state == SHELL_UP ? shell->timeout : (double)GREETING_NS / 1e9);
}

/* True: there is something. On its files themselves: the kernel then knows who woke whom. */
static bool
wait_ns(const struct sqi_shell *shell, uint64_t ns)
{
        struct pollfd files[] = {{.fd = shell->process.out, .events = POLLIN},
                                 {.fd = shell->process.err, .events = POLLIN},
                                 {.fd = shell->watches_in ? shell->process.in : -1, .events = POLLOUT}};
        const struct timespec timeout = {(time_t)(ns / SECOND_NS), (long)(ns % SECOND_NS)};

        return ppoll(files, sizeof(files) / sizeof(files[0]), &timeout, NULL) > 0;
}

void
sqi_shell_wait(const struct sqi_shell *shell, uint64_t until_ns)
{
        uint64_t now = sqi_shell_clock(), left = until_ns > now ? until_ns - now : 0;

        (void)wait_ns(shell, left < SECOND_NS ? left : SECOND_NS);
}

/* To sleep and be woken takes longer than such an answer where a processor that idles has to be started for it. Whoever
 * else is ready to run comes first. */
void
sqi_shell_wait_briefly(const struct sqi_shell *shell, uint64_t until_ns)
{
        const uint64_t spins = sqi_shell_clock() + SPIN_NS;

        do {
                if (wait_ns(shell, 0))
                        return;
                sched_yield();
        } while (sqi_shell_clock() < spins);
        sqi_shell_wait(shell, until_ns);
}

/* ---- Begin and end ----------------------------------------------------------------------------------- */

static int
make_pids(struct sq_task *task, struct sqi_shell *shell)
{
        const char *folder = sq_run_folder(task), *temporary = getenv("TMPDIR");

        if (folder[0] != '\0')
                shell->pids = strdup(folder);
        else if (asprintf(&shell->pids, "%s/squall-shell-XXXXXX", temporary && *temporary ? temporary : "/tmp") < 0)
                shell->pids = NULL;
        if (!shell->pids)
                return sq_error(task, "no memory");
        if (folder[0] == '\0' && !mkdtemp(shell->pids))
                return sq_error(task, "cannot make a folder %s: %s", shell->pids, strerror(errno));
        shell->own_pids = folder[0] == '\0';
        return 0;
}

static void
make_name(struct sqi_shell *shell)
{
        size_t used = 0;

        for (size_t i = 0; i < shell->command.n && used < NAME_SHOWN; i++)
                used += (size_t)snprintf(shell->name + used, sizeof(shell->name) - used, "%s%.*s", i ? " " : "",
                                         NAME_SHOWN, shell->command.items[i]);
}

/* Until it has said its pid. */
static int
greet(struct sq_task *task, struct sqi_shell *shell)
{
        struct pollfd out = {.fd = shell->process.out, .events = POLLIN};
        struct sqi_shell_message message;
        int r = sqi_shell_turn(task, shell);

        while (r == 0 && shell->state == SHELL_GREETING) {
                /* Only the greeting is taken: what comes behind it waits in the reader. */
                r = sqi_shell_read(&shell->reader, &message);
                if (r < 0)
                        return sqi_shell_breaks(shell, "%s", shell->reader.wrong);
                if (r == 1 && message.command != SHELL_PID)
                        return sqi_shell_breaks(shell, "sent a message before its pid");
                if (r == 1)
                        shell->state = SHELL_UP;
                else if (poll(&out, 1, 100) >= 0)
                        r = sqi_shell_turn(task, shell);
        }
        return r < 0 ? -1 : 0;
}

int
sqi_shell_open(struct sq_task *task, struct sqi_shell *shell)
{
        char wrong[256];
        int r;

        shell->process = (struct sqi_shell_process){.in = -1, .out = -1, .err = -1};
        shell->watch = epoll_create1(EPOLL_CLOEXEC);
        make_name(shell);
        if (shell->watch < 0)
                return sq_error(task, "epoll: %s", strerror(errno));
        if (sqi_shell_read_streams(shell, wrong, sizeof(wrong)) || make_pids(task, shell) < 0)
                return -1;
        sq_wake_on(task, shell->watch);
        r = begin(task, shell);
        if (r == 0 && greet(task, shell) == 0)
                return 0;
        if (r == 0)
                sqi_shell_bury(task, shell);
        else
                snprintf(shell->cause, sizeof(shell->cause), "%s cannot be begun in %s: %s", shell->name,
                         shell->cwd ? shell->cwd : sq_folder(task), strerror(-r));
        if (r == 0 && sqi_shell_was_killed(shell)) /* it is begun again, as later, too */
                return 0;
        sqi_shell_close(shell);
        return sq_error(task, "%s", shell->cause);
}

void
sqi_shell_close(struct sqi_shell *shell)
{
        pid_t pid = shell->process.pid;

        if (!shell->pids)
                return;
        sqi_shell_process_end(&shell->process, GRACE_NS);
        forget_pid(shell, pid);
        if (shell->own_pids)
                rmdir(shell->pids);
        free(shell->pids);
        free(shell->schemas);
        shell->pids = NULL;
        close(shell->watch);
        sqi_shell_reader_free(&shell->reader);
        sqi_shell_bytes_free(&shell->first);
        sqi_shell_bytes_free(&shell->queue);
        shell->state = SHELL_DOWN;
}

/* ---- What it says ------------------------------------------------------------------------------------ */

/* The runtime has room for some names of a component only. */
static bool
is_metric(struct sqi_shell *shell, const char *name)
{
        for (size_t i = 0; i < SHELL_METRICS_MAX - 1; i++) {
                if (!shell->metrics[i][0])
                        snprintf(shell->metrics[i], sizeof(shell->metrics[i]), "%.31s", name);
                if (strcmp(shell->metrics[i], name) == 0)
                        return true;
        }
        return false;
}

/* A whole number counts, a map of them counts each; what else a metric may be told is logged. */
static void
count(struct sq_task *task, struct sqi_shell *shell, struct sq_str name, struct sq_value params)
{
        struct sq_items items = sq_items(params);
        struct sq_value key, value;
        char text[256];

        snprintf(text, sizeof(text), "%.*s", (int)(name.len < 31 ? name.len : 31), name.ptr);
        if (params.type == SQ_MAP) {
                while (sq_next_item(&items, &key) && sq_next_item(&items, &value))
                        if (key.type == SQ_STR && value.type != SQ_MAP) {
                                int n = snprintf(text, sizeof(text), "%.*s.%.*s", (int)name.len, name.ptr, (int)key.len,
                                                 (const char *)key.as.ptr);
                                count(task, shell, (struct sq_str){text, (size_t)(n < 255 ? n : 255)}, value);
                        }
                return;
        }
        if (params.type == SQ_INT && params.as.i >= 0 && is_metric(shell, text)) {
                sq_count(task, text, (uint64_t)params.as.i);
                return;
        }
        sq_json(params, text, sizeof(text));
        sq_log(task, SQ_DEBUG, "%s: metric %.*s: %s", shell->name, (int)name.len, name.ptr, text);
}

void
sqi_shell_hear(struct sq_task *task, struct sqi_shell *shell, const struct sqi_shell_message *message)
{
        switch (message->command) {
        case SHELL_LOG:
        case SHELL_ERROR:
                sq_log(task, level_now(shell, message->level), "%s: %.*s", shell->name, (int)message->text.len,
                       message->text.ptr);
                break;
        case SHELL_METRICS:
                count(task, shell, message->name, message->params);
                break;
        default:
                sq_log(task, SQ_DEBUG, "%s: the command %.*s is not known", shell->name, (int)message->name.len,
                       message->name.ptr);
                break;
        }
}

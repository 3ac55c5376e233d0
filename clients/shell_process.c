/* SPDX-License-Identifier: Apache-2.0 */
#include "shell_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child's end of each pipe becomes this file; `wrong` closes as the program begins, or brings an errno. */
struct ends {
        int in[2], out[2], err[2], wrong[2];
};

static void
free_environment(char **made, size_t n)
{
        for (size_t i = 0; made && i < n; i++)
                free(made[i]);
        free(made);
}

/* What goes before the variables of ours that have the same name. Nothing may be allocated behind fork(). */
static char **
make_environment(const struct sq_pairs *env)
{
        size_t n = 0, own = 0;
        char **made;

        while (environ[own])
                own++;
        made = calloc(own + env->n + 1, sizeof(*made));
        for (; made && n < env->n; n++)
                if (asprintf(&made[n], "%s=%s", env->names[n], env->values[n]) < 0) {
                        free_environment(made, n);
                        return NULL;
                }
        for (size_t i = 0; made && i < own; i++) {
                size_t len = strcspn(environ[i], "="), k = 0;
                while (k < env->n && (strlen(env->names[k]) != len || strncmp(env->names[k], environ[i], len) != 0))
                        k++;
                if (k == env->n)
                        made[n++] = environ[i];
        }
        return made;
}

static void
close_all(const int *fds, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (fds[i] >= 0)
                        close(fds[i]);
}

static int
open_ends(struct ends *ends)
{
        int *pairs[] = {ends->in, ends->out, ends->err, ends->wrong};

        memset(ends, -1, sizeof(*ends));
        for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
                if (pipe2(pairs[i], O_CLOEXEC) < 0) {
                        int r = -errno;
                        close_all((const int *)ends, sizeof(*ends) / sizeof(int));
                        return r;
                }
        return 0;
}

static _Noreturn void
become(const struct ends *ends, char **argv, char **environment, const char *cwd)
{
        int wrong;

        sq_child_take_signals();
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (dup2(ends->in[0], STDIN_FILENO) >= 0 && dup2(ends->out[1], STDOUT_FILENO) >= 0 &&
            dup2(ends->err[1], STDERR_FILENO) >= 0 && (!cwd || chdir(cwd) == 0))
                execvpe(argv[0], argv, environment);
        wrong = errno;
        if (write(ends->wrong[1], &wrong, sizeof(wrong)) < 0)
                _exit(126);
        _exit(127);
}

/* Waits for execve(): 0 once the program runs. */
static int
await_begin(int fd)
{
        int wrong = 0;
        ssize_t n;

        do
                n = read(fd, &wrong, sizeof(wrong));
        while (n < 0 && errno == EINTR);
        return n == sizeof(wrong) ? -wrong : 0;
}

static int
take_over(struct sqi_shell_process *process, struct ends *ends)
{
        int r = 0;

        close(ends->in[0]);
        close(ends->out[1]);
        close(ends->err[1]);
        close(ends->wrong[1]);
        process->in = ends->in[1];
        process->out = ends->out[0];
        process->err = ends->err[0];
        if (fcntl(process->in, F_SETFL, O_NONBLOCK) < 0 || fcntl(process->out, F_SETFL, O_NONBLOCK) < 0 ||
            fcntl(process->err, F_SETFL, O_NONBLOCK) < 0)
                r = -errno;
        if (r == 0)
                r = await_begin(ends->wrong[0]);
        close(ends->wrong[0]);
        if (r < 0)
                sqi_shell_process_end(process, 0);
        return r;
}

int
sqi_shell_process_begin(struct sqi_shell_process *process, const struct sq_list *command, const struct sq_pairs *env,
                        const char *cwd)
{
        char **argv = calloc(command->n + 1, sizeof(*argv)), **environment = make_environment(env);
        struct ends ends;
        int r = argv && environment ? open_ends(&ends) : -ENOMEM;

        *process = (struct sqi_shell_process){.in = -1, .out = -1, .err = -1, .status = -1};
        for (size_t i = 0; argv && i < command->n; i++)
                memcpy(&argv[i], &command->items[i], sizeof(argv[i]));
        if (r == 0) {
                process->pid = fork();
                if (process->pid == 0)
                        become(&ends, argv, environment, cwd);
                r = process->pid < 0 ? -errno : take_over(process, &ends);
                if (process->pid < 0) {
                        process->pid = 0;
                        close_all((const int *)&ends, sizeof(ends) / sizeof(int));
                }
        }
        free_environment(environment, env->n);
        free(argv);
        return r;
}

/* False: it runs still. Waits for it on a descriptor of the process, where there is one. */
static bool
await_end(struct sqi_shell_process *process, uint64_t ns)
{
        int fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
        struct pollfd end = {.fd = fd, .events = POLLIN};
        struct timespec timeout = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
        bool ended = waitpid(process->pid, &process->status, WNOHANG) == process->pid;

        if (!ended && ns > 0 && fd >= 0) {
                ppoll(&end, 1, &timeout, NULL);
                ended = waitpid(process->pid, &process->status, WNOHANG) == process->pid;
        }
        if (fd >= 0)
                close(fd);
        return ended;
}

void
sqi_shell_process_end(struct sqi_shell_process *process, uint64_t grace_ns)
{
        static const uint64_t ASKED_NS = 1000000000;
        const int fds[] = {process->in, process->out, process->err};

        close_all(fds, sizeof(fds) / sizeof(fds[0]));
        process->in = process->out = process->err = -1;
        if (process->pid <= 0)
                return;
        if (!await_end(process, grace_ns)) {
                kill(-process->pid, grace_ns > 0 ? SIGTERM : SIGKILL);
                if (grace_ns == 0 || !await_end(process, ASKED_NS)) {
                        kill(-process->pid, SIGKILL);
                        while (waitpid(process->pid, &process->status, 0) < 0 && errno == EINTR)
                                ;
                }
        }
        kill(-process->pid, SIGKILL); /* what it has left behind */
        process->pid = 0;
}

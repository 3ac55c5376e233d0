/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void
fill_attributes(posix_spawnattr_t *attributes)
{
        sigset_t all, blocked;

        sigfillset(&all);
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGINT);
        sigaddset(&blocked, SIGTERM);
        sigaddset(&blocked, SIGHUP);
        posix_spawnattr_setsigdefault(attributes, &all);
        posix_spawnattr_setsigmask(attributes, &blocked);
        posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

static int
spawn_with_output(const char *path, char *const argv[], int log, bool apart, int held, pid_t *ret_pid)
{
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attributes;
        int r;

        r = posix_spawn_file_actions_init(&files);
        if (r != 0)
                return -r;
        r = posix_spawnattr_init(&attributes);
        if (r == 0) {
                fill_attributes(&attributes);
                r = posix_spawn_file_actions_adddup2(&files, log, STDERR_FILENO);
                if (r == 0 && apart)
                        r = posix_spawn_file_actions_adddup2(&files, log, STDOUT_FILENO);
                if (r == 0 && apart) /* to be written only: who reads it meets an error and not an early end */
                        r = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_WRONLY, 0);
                if (r == 0 && held)
                        r = posix_spawn_file_actions_adddup2(&files, held, STDERR_FILENO + 1);
                if (r == 0)
                        r = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1 + (held ? 1 : 0));
                if (r == 0)
                        r = posix_spawn(ret_pid, path, &files, &attributes, argv, environ);
                posix_spawnattr_destroy(&attributes);
        }
        posix_spawn_file_actions_destroy(&files);
        return -r;
}

/* Starts it with `output` as its stderr; closes `output`, and process->log on failure. */
static int
spawn(const char *path, char *const argv[], int output, bool apart, int held, struct sqi_process *process)
{
        int r = spawn_with_output(path, argv, output, apart, held, &process->pid);

        close(output);
        if (r == 0) {
                process->pidfd = pidfd_open(process->pid, 0);
                if (process->pidfd < 0) {
                        r = -errno;
                        kill(process->pid, SIGKILL);
                        waitpid(process->pid, NULL, 0);
                }
        }
        if (r < 0)
                sqi_process_close(process);
        return r;
}

static int
spawn_on_pipe(const char *path, char *const argv[], bool apart, int held, struct sqi_process *ret)
{
        struct sqi_process process = SQI_NO_PROCESS;
        int pipes[2], r;

        if (pipe2(pipes, O_CLOEXEC) < 0)
                return -errno;
        process.log = pipes[0];
        if (fcntl(process.log, F_SETFL, O_NONBLOCK) < 0) {
                r = -errno;
                close(pipes[0]);
                close(pipes[1]);
                return r;
        }
        r = spawn(path, argv, pipes[1], apart, held, &process);
        if (r == 0)
                *ret = process;
        return r;
}

int
sqi_process_spawn(const char *path, char *const argv[], int held, struct sqi_process *ret)
{
        return spawn_on_pipe(path, argv, false, held, ret);
}

int
sqi_process_spawn_heard(const char *path, char *const argv[], struct sqi_process *ret)
{
        return spawn_on_pipe(path, argv, true, 0, ret);
}

int
sqi_process_fifo(const char *path)
{
        int fd;

        if (mkfifo(path, 0600) < 0 && errno != EEXIST)
                return -errno;
        fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 ? -errno : fd;
}

int
sqi_process_spawn_apart(const char *path, char *const argv[], const char *fifo, struct sqi_process *ret)
{
        struct sqi_process process = SQI_NO_PROCESS;
        int output, r;

        process.log = sqi_process_fifo(fifo);
        if (process.log < 0)
                return process.log;
        output = open(fifo, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (output < 0) {
                r = -errno;
                close(process.log);
                return r;
        }
        r = spawn(path, argv, output, true, 0, &process);
        if (r == 0)
                *ret = process;
        return r;
}

int
sqi_process_adopt(pid_t pid, int log, struct sqi_process *ret)
{
        int pidfd = pidfd_open(pid, 0);

        if (pidfd < 0)
                return -errno;
        *ret = (struct sqi_process){.pid = pid, .pidfd = pidfd, .log = log, .adopted = true};
        return 0;
}

static bool
is_gone(const struct sqi_process *process, int timeout_ms)
{
        struct pollfd fd = {.fd = process->pidfd, .events = POLLIN};

        return poll(&fd, 1, timeout_ms) > 0;
}

int
sqi_process_reap(struct sqi_process *process, bool *ret_signalled, int *ret_number)
{
        siginfo_t info = {0};

        if (process->adopted) {
                if (process->pid < 0 || !is_gone(process, 0))
                        return 0;
                *ret_signalled = false;
                *ret_number = -1;
                process->pid = -1;
                return 1;
        }
        if (process->pid < 0 || waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
                return 0;
        *ret_signalled = info.si_code != CLD_EXITED;
        *ret_number = info.si_status;
        process->pid = -1;
        return 1;
}

void
sqi_process_kill(const struct sqi_process *process)
{
        if (process->pid > 0)
                pidfd_send_signal(process->pidfd, SIGKILL, NULL, 0);
}

void
sqi_process_finish(struct sqi_process *process)
{
        while (process->pid > 0 && process->adopted && !is_gone(process, -1))
                continue;
        while (process->pid > 0 && !process->adopted && waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
                continue;
        sqi_process_close(process);
}

void
sqi_process_close(struct sqi_process *process)
{
        if (process->pidfd >= 0)
                close(process->pidfd);
        if (process->log >= 0)
                close(process->log);
        *process = SQI_NO_PROCESS;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

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
spawn_with_stderr(const char *path, char *const argv[], int log, pid_t *ret_pid)
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
                if (r == 0)
                        r = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
                if (r == 0)
                        r = posix_spawn(ret_pid, path, &files, &attributes, argv, environ);
                posix_spawnattr_destroy(&attributes);
        }
        posix_spawn_file_actions_destroy(&files);
        return -r;
}

int
sqi_process_spawn(const char *path, char *const argv[], struct sqi_process *ret)
{
        struct sqi_process process = {-1, -1, -1};
        int pipes[2], r;

        if (pipe2(pipes, O_CLOEXEC) < 0)
                return -errno;
        process.log = pipes[0];
        r = fcntl(process.log, F_SETFL, O_NONBLOCK) < 0 ? -errno : spawn_with_stderr(path, argv, pipes[1], &process.pid);
        close(pipes[1]);
        if (r == 0) {
                process.pidfd = pidfd_open(process.pid, 0);
                if (process.pidfd < 0) {
                        r = -errno;
                        kill(process.pid, SIGKILL);
                        waitpid(process.pid, NULL, 0);
                }
        }
        if (r < 0) {
                sqi_process_close(&process);
                return r;
        }
        *ret = process;
        return 0;
}

int
sqi_process_reap(struct sqi_process *process, bool *ret_signalled, int *ret_number)
{
        siginfo_t info = {0};

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
        while (process->pid > 0 && waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
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
        *process = (struct sqi_process){-1, -1, -1};
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child process: spawned by fork and exec, its stderr on a pipe to us, its end told by a pidfd.
 *
 * It inherits stdin, stdout and nothing else, but for a descriptor that it is to hold as long as it lives. SIGINT,
 * SIGTERM and SIGHUP stay blocked in it: they come to a whole process group (Ctrl-C, `timeout`, a service manager),
 * and it is the supervisor who then drains.
 */
#ifndef SQI_PROCESS_H
#define SQI_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sqi_process {
        pid_t pid;
        int pidfd, log; /* readable when it has ended; its stderr, non-blocking */
        bool adopted;   /* no child of ours: how it ended cannot be told */
};
#define SQI_NO_PROCESS ((struct sqi_process){.pid = -1, .pidfd = -1, .log = -1})

/*
 * Processes that may outlive their supervisor have their stdout and stderr on a FIFO instead of a pipe. The
 * supervisor's end reads and writes, and so never meets an end of file; theirs too, and so never breaks, but may fill
 * when nobody reads.
 */
int sqi_process_fifo(const char *path); /* makes it, if need be. The fd or a negative errno. */

/* Takes a process over that is not a child of ours; `log` is a FIFO's fd or -1, and is taken over. 0 or a negative
 * errno: -ESRCH. */
int sqi_process_adopt(pid_t pid, int log, struct sqi_process *ret);

/* The same as spawn, with the output on a FIFO and without a stdin. */
int sqi_process_spawn_apart(const char *path, char *const argv[], const char *fifo, struct sqi_process *ret);

/* Runs `path`. `held` is a descriptor for it to hold, as its first one behind stderr, or 0. 0, or the negative errno
 * of what failed, exec included; then nothing was started. */
int sqi_process_spawn(const char *path, char *const argv[], int held, struct sqi_process *ret);

/* The same, without a stdin, and with its stdout on the pipe too: for what we run to hear what it says. */
int sqi_process_spawn_heard(const char *path, char *const argv[], struct sqi_process *ret);

/* Has it ended? 1: yes, and it is reaped: by a signal or with an exit status, in *ret_number (-1: adopted, not known).
 * 0: no. */
int sqi_process_reap(struct sqi_process *process, bool *ret_signalled, int *ret_number);

void sqi_process_kill(const struct sqi_process *process);

/* Waits for the end of a process that was killed, and closes everything. */
void sqi_process_finish(struct sqi_process *process);

/* Closes what is open; does not wait. */
void sqi_process_close(struct sqi_process *process);

#endif

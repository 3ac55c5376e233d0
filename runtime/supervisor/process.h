/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child process: spawned by fork and exec, its stderr on a pipe to us, its end told by a pidfd.
 *
 * It inherits stdin, stdout and nothing else. SIGINT, SIGTERM and SIGHUP stay blocked in it: they come to a whole process group (Ctrl-C, `timeout`, a
 * service manager), and it is the supervisor who then drains.
 */
#ifndef SQI_PROCESS_H
#define SQI_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct sqi_process {
        pid_t pid;
        int pidfd, log; /* readable when it has ended; its stderr, non-blocking */
};

/* Runs `path`. 0, or the negative errno of what failed, exec included; then nothing was started. */
int sqi_process_spawn(const char *path, char *const argv[], struct sqi_process *ret);

/* Has it ended? 1: yes, and it is reaped: by a signal or with an exit status, in *ret_number. 0: no. */
int sqi_process_reap(struct sqi_process *process, bool *ret_signalled, int *ret_number);

void sqi_process_kill(const struct sqi_process *process);

/* Waits for the end of a process that was killed, and closes everything. */
void sqi_process_finish(struct sqi_process *process);

/* Closes what is open; does not wait. */
void sqi_process_close(struct sqi_process *process);

#endif

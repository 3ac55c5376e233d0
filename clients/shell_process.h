/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process at three pipes, the leader of a group of its own. It ends with the thread that began it.
 *
 *     r = sqi_shell_process_begin(&process, argv, env, cwd);    0 or a negative errno, that of execve() too
 *     process.in, .out, .err                                    ours, non-blocking; -1 once closed
 *     status = sqi_shell_process_end(&process, grace_ns);       closes them; it has so long to end by itself
 */
#ifndef SQI_CLIENT_SHELL_PROCESS_H
#define SQI_CLIENT_SHELL_PROCESS_H

#include <squall.h>
#include <sys/types.h>

struct sqi_shell_process {
        pid_t pid; /* 0: none */
        int in, out, err;
        int status; /* of the last one, as waitpid() has it; -1: not known */
};

int sqi_shell_process_begin(struct sqi_shell_process *process, const struct sq_list *command,
                            const struct sq_pairs *env, const char *cwd);
void sqi_shell_process_end(struct sqi_shell_process *process, uint64_t grace_ns);

#endif

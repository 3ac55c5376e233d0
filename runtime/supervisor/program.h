/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program squall-worker, found (base/home.h) and of our version.
 *
 * It is opened once and started by its descriptor: a daemon goes on with the one it found when its files are replaced,
 * as it goes on itself.
 */
#ifndef SQI_PROGRAM_H
#define SQI_PROGRAM_H

#include <stddef.h>
#include <sys/types.h>

enum { SQI_PROGRAM_PATH = 40 };

/* The fd, or a negative errno with the cause and the file in `error`: -ENOENT: none is there; -EPROTO: another
 * version. */
int sqi_program_open(char *error, size_t size);

/* May a worker that runs already, started by another squall, be talked to? 0; -EPROTO: it is of another version, with
 * the cause in `error`. Where its program cannot be looked at the answer is 0: each message has its version. */
int sqi_program_check(pid_t pid, char *error, size_t size);

/* The path to start it by, in this process and its children. */
void sqi_program_path(int program, char ret[SQI_PROGRAM_PATH]);

#endif

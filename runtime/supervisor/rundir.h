/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run directory of a topology: where its sockets and its plan are. BASE/run-XXXXXX, mode 0700, with BASE the first
 * of
 *
 *     $XDG_RUNTIME_DIR/squall
 *     /run/squall                (root, without XDG_RUNTIME_DIR)
 *     /tmp/squall-UID            (everybody else)
 *
 * The file `lock` in it is locked (flock) as long as its supervisor lives. One whose lock is free belongs to nobody any
 * more, and is swept away by the next supervisor that starts. The run directories of a daemon, BASE/top-SERIAL, must
 * outlive it: they are swept by it alone. BASE itself is locked while a run directory is made or swept.
 */
#ifndef SQI_RUNDIR_H
#define SQI_RUNDIR_H

#include <stddef.h>

enum { SQI_RUNDIR_SIZE = 256 };

struct sqi_rundir {
        char base[SQI_RUNDIR_SIZE], path[SQI_RUNDIR_SIZE];
        int lock; /* fd */
};

/* Sweeps what others left, makes and locks a directory. 0, or a negative errno with the cause in `error`. */
int sqi_rundir_make(struct sqi_rundir *ret, char *error, size_t size);

/* Where BASE is; made if it is not there. */
int sqi_rundir_base(char ret[SQI_RUNDIR_SIZE], char *error, size_t size);

/* Makes, or finds, and locks the directory BASE/NAME of a daemon. -EWOULDBLOCK: somebody has it. */
int sqi_rundir_open(const char *path, struct sqi_rundir *ret, char *error, size_t size);

/* Lets go of it; the directory stays. */
void sqi_rundir_leave(struct sqi_rundir *rundir);

/* Writes a file into it, by way of a temporary one. */
int sqi_rundir_write(const struct sqi_rundir *rundir, const char *file, const void *bytes, size_t size);

/* Removes the directory with all that is in it, and BASE if it is empty then. */
void sqi_rundir_remove(struct sqi_rundir *rundir);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is noted down beside a file, in PATH followed by an ending: one at a time has it, and it is whole whenever
 * somebody dies, for it is replaced by a rename each time.
 *
 *     fd = sqi_beside_open(path, ".commits")            locked
 *     read it; an empty one was made for its lock, and says nothing
 *     sqi_beside_replace(path, ".commits", &fd, ...)    locked as well
 *     close(fd)
 */
#ifndef SQI_KIT_BESIDE_H
#define SQI_KIT_BESIDE_H

#include <limits.h>
#include <stddef.h>

/* 0 or -ENAMETOOLONG. */
int sqi_beside_name(const char *path, const char *ending, char ret[PATH_MAX]);
/* The one that has the name when its lock is taken. A descriptor, or a negative errno. */
int sqi_beside_open(const char *path, const char *ending);
/* Its bytes are synced before it takes the place of the one before; that it did so outlasts a loss of power after
 * sq_sync_above(). 0; or a negative errno: *fd is the one before. */
int sqi_beside_replace(const char *path, const char *ending, int *fd, const void *bytes, size_t n);

int sqi_kit_write_all(int fd, const void *bytes, size_t n);

#endif

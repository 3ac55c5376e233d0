/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that is whole or not there: a head with the length and the XXH3 checksum (Y. Collet) of what follows.
 *
 * Written to NAME.new, synced, and put in the place of NAME, which becomes NAME.old; then the folder is synced. So at
 * every instant NAME or NAME.old is whole, whenever the power fails, and what a reader gets is the last one that is.
 * `folder` is an fd.
 */
#ifndef SQI_SEALED_H
#define SQI_SEALED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int sqi_sealed_write(int folder, const char *name, const void *bytes, size_t size);

/* 0 and the malloc'd content; *ret_torn: NAME was damaged, and this is the one before it. -ENOENT: there is none;
 * -EBADMSG: both are damaged; -EPROTO: a later version of Squall wrote it. */
int sqi_sealed_read(int folder, const char *name, void **ret_bytes, size_t *ret_size, bool *ret_torn);

/* Why a sealed file, or what is in one, cannot be read, for a message: of such a negative errno. */
const char *sqi_sealed_reason(int r);

/* Removes all of it, what is read first last. 0, also if there is none; or a negative errno: it may still be there. */
int sqi_sealed_remove(int folder, const char *name);

/* For files of other kinds: all of one in memory; malloc'd, with a NUL behind it. */
int sqi_file_read(int folder, const char *name, size_t most, char **ret_bytes, size_t *ret_size);
int sqi_file_write(int folder, const char *name, const void *bytes, size_t size); /* synced */
int sqi_write_all(int fd, const void *bytes, size_t size);
/* Copies the file at `from` into the folder; synced. */
int sqi_file_copy(const char *from, int folder, const char *name);
/* The first `size` bytes of it, -EBADMSG if there are fewer; until another thread sets *stop (NULL: nobody does), then
 * -ECANCELED. What there is of it then stays. */
int sqi_file_copy_part(const char *from, int folder, const char *name, uint64_t size, const atomic_bool *stop);
/*
 * flock, exclusive. A process that was being spawned when the one before us was killed holds the lock for the moment
 * until its exec; so it is tried for half a second. 0, -EWOULDBLOCK: somebody has it, or another errno.
 */
int sqi_lock_take(int fd);

/* Opens a folder, of `folder` or the path. A descriptor or a negative errno. */
int sqi_folder_open(int folder, const char *path);
/* Makes a folder that is there after a loss of power too. It may be there already. */
int sqi_folder_make(int folder, const char *path);
/* Makes the name `path` outlast a loss of power, by a sync of the folder it stands in; 0 if we may not read that. */
int sqi_folder_sync_above(int folder, const char *path);
/* Removes a folder with all that is in it; it may not be there. */
int sqi_folder_remove(int folder, const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the file of a task's part of a snapshot, with its checksum, so that the task does not wait for the disk.
 *
 *  1. sqi_part_writer_new() makes the file. sqi_part_writer_go_apart(): from here on a thread of its own writes it.
 *  2. sqi_part_writer_put() copies the bytes. What waits to be written is bounded: beyond that, put waits.
 *  3. sqi_part_writer_end(): that was all. The file is made durable, by the thread, if there is one.
 *  4. sqi_part_writer_is_done() is true then, and `wake` was written to; sqi_part_writer_close() says how it went.
 *
 * One thread calls all of them. Whatever failed first is told by close; put does nothing from there on.
 *
 * A file may grow from epoch to epoch: close hands out what is needed to go on with it (struct sqi_part_log), and
 * sqi_part_writer_append() gives it the name of the next epoch besides, and goes on behind what is there. So the part
 * of an epoch is the beginning of a file, as far as the manifest says. When a file is twice as long as its first piece
 * it is merged, by the thread: then it is a new one.
 */
#ifndef SQI_PART_WRITER_H
#define SQI_PART_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqi_part_writer;

/* A new file, in the place of what has that name. 0 or a negative errno. */
int sqi_part_writer_new(const char *path, struct sqi_part_writer **ret);
/* Takes over the log, also when it fails. 0; or a negative errno: it cannot go on, a new file is needed. */
struct sqi_part_log;
int sqi_part_writer_append(struct sqi_part_log **log, const char *path, struct sqi_part_writer **ret);
/* A file that is the caller's, and is neither synced nor closed. 0 or -ENOMEM. */
int sqi_part_writer_of(int fd, struct sqi_part_writer **ret);
/* Before go_apart: the first `size` bytes of the file are merged into a new one, `path`, which takes the place of the
 * writer's then. 0; or a negative errno: there is none. */
typedef int sqi_merge(int fd, uint64_t size, const char *path, struct sqi_part_log **ret);
void sqi_part_writer_merge_by(struct sqi_part_writer *writer, sqi_merge *merge);
/* `wake`: an eventfd, or -1. Where there can be no thread all is written by the caller. */
void sqi_part_writer_go_apart(struct sqi_part_writer *writer, int wake);

void sqi_part_writer_put(struct sqi_part_writer *writer, const void *bytes, size_t size);
/* Where the next `size` bytes are to be filled in at once, which counts as put. NULL: it is too much for that, or has
 * failed; put them. */
uint8_t *sqi_part_writer_room(struct sqi_part_writer *writer, size_t size);
/* Who puts much more will wait for the disk. */
bool sqi_part_writer_is_behind(struct sqi_part_writer *writer);
void sqi_part_writer_end(struct sqi_part_writer *writer);
bool sqi_part_writer_is_done(const struct sqi_part_writer *writer);
/* When it is done: bytes that it has written, a file that it has merged among them. */
uint64_t sqi_part_writer_written(const struct sqi_part_writer *writer);

/* After end; waits until it is done. 0, its size and XXH3, and unless it is NULL how to go on with it; or a negative
 * errno: then there is no file. */
int sqi_part_writer_close(struct sqi_part_writer **writer, uint64_t *ret_size, uint64_t *ret_sum,
                          struct sqi_part_log **ret_log);
/* At any time, also NULL: there is no file of that name any more. What its thread is busy with comes to nothing: it is
 * not waited for, unless the file is the caller's. */
void sqi_part_writer_drop(struct sqi_part_writer **writer);

#endif

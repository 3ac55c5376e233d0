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
 */
#ifndef SQI_PART_WRITER_H
#define SQI_PART_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqi_part_writer;

/* A new file, in the place of what has that name. 0 or a negative errno. */
int sqi_part_writer_new(const char *path, struct sqi_part_writer **ret);
/* A file that is the caller's, and is neither synced nor closed. 0 or -ENOMEM. */
int sqi_part_writer_of(int fd, struct sqi_part_writer **ret);
/* `wake`: an eventfd, or -1. Where there can be no thread all is written by the caller. */
void sqi_part_writer_go_apart(struct sqi_part_writer *writer, int wake);

void sqi_part_writer_put(struct sqi_part_writer *writer, const void *bytes, size_t size);
void sqi_part_writer_end(struct sqi_part_writer *writer);
bool sqi_part_writer_is_done(const struct sqi_part_writer *writer);

/* After end; waits until it is done. 0, its size and XXH3; or a negative errno: then there is no file. */
int sqi_part_writer_close(struct sqi_part_writer **writer, uint64_t *ret_size, uint64_t *ret_sum);
/* At any time, also NULL: there is no file any more. Waits for what the disk is busy with. */
void sqi_part_writer_drop(struct sqi_part_writer **writer);

#endif

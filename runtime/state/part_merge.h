/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes one piece of a file of several (snapshot_format.h), as a stream: in memory are only the keys of the later
 * pieces.
 *
 *  1. The later pieces are looked through: where each key stands last, and where it was last forgotten.
 *  2. All pieces are copied in their order, of each key its last state, at the place where it first came since it was
 *     forgotten: the keys keep their order.
 */
#ifndef SQI_PART_MERGE_H
#define SQI_PART_MERGE_H

#include <stdint.h>

struct sqi_part_log;

/* The first `size` bytes of the file, into a new file `path`, durable. 0; or a negative errno: there is none. */
int sqi_part_merge(int fd, uint64_t size, const char *path, struct sqi_part_log **ret);

#endif

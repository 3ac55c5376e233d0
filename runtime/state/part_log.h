/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a task's part of a snapshot between two epochs: what is in it so far, and the memory that the next one is
 * filled into. For part_writer.c, which writes it. */
#ifndef SQI_PART_LOG_H
#define SQI_PART_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xxhash.h>

enum { PIECE = 256 * 1024 };

struct piece {
        struct piece *next;
        size_t n;
        uint8_t bytes[PIECE];
};

/* A file and what is in it so far. */
struct sqi_part_log {
        int fd;
        uint64_t size, first; /* bytes; of its first piece, 0: that is not whole yet */
        XXH3_state_t *sum;
        struct piece *spare; /* from epoch to epoch: memory that is new costs more than to fill it */
};

/* NULL: no memory; `fd` stays the caller's. */
struct sqi_part_log *sqi_part_log_new(int fd);
/* Closes its file; NULL is fine. */
void sqi_part_log_free(struct sqi_part_log **log);
void sqi_pieces_free(struct piece **pieces);

/* Gives the file one more name: the one that it had may be another by now, or gone. 0 or a negative errno. */
int sqi_part_log_name_again(int fd, const char *path);

/* Would it be merged when it grew by such a share of its first piece? */
bool sqi_part_log_is_full(const struct sqi_part_log *log, double share);

#endif

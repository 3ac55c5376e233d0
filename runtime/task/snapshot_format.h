/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that a task's part of a snapshot is: what writes it (snapshot_write.c) and what reads it (snapshot_read.c)
 * share. Of this machine alone, in its byte order; the manifest has its checksum.
 *
 *     struct file_head
 *     nkeys times: struct key_head, the key, the state, and nparts times:
 *             struct part_head, and nblocks times: struct block_head, the key, the bytes
 *     to the end of the file: struct section_head, as many bytes as it says
 *
 * Version 3 ended the head before `state_version`, which is 0 there. Until version 4 there were no sections, and the
 * flags were zero.
 */
#ifndef SQI_SNAPSHOT_FORMAT_H
#define SQI_SNAPSHOT_FORMAT_H

#include <stdint.h>

enum { SQI_SNAPSHOT_VERSION = 5, SQI_SNAPSHOT_SECTIONS_SINCE = 5, SQI_SNAPSHOT_FIRST = 3 };

/* flags: the task had called its finish, and sends only its end-of-stream marks when it goes on */
enum { SQI_PART_FINISHED = 1 };

struct file_head {
        char magic[4]; /* "SQK" and the version */
        uint32_t state_size, ntasks, index;
        uint64_t epoch, routing, nkeys;
        uint32_t state_version, flags;
};

struct key_head {
        uint64_t route;
        uint32_t len, nparts;
};

/* Of what a key owns (owned.h). */
struct part_head {
        uint32_t number, zero;
        uint64_t nblocks, begin, end, element;
};

struct block_head {
        uint64_t len, size;
};

enum sqi_section {
        SQI_SECTION_VALUE = 1, /* own_values.h: `tag` bytes are its name, the others its bytes */
        SQI_SECTION_BATCH = 2, /* transit.h: a message as it came; `tag` 1: by the feedback inbox */
};

struct section_head {
        uint32_t kind, tag;
        uint64_t size;
};

#endif

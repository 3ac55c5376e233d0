/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that a task's part of a snapshot is: what writes it (task/snapshot_write.c), what reads it
 * (task/snapshot_read.c) and who only looks share. Of this machine alone, in its byte order; the manifest has its
 * checksum.
 *
 *     one or more times:
 *             struct file_head
 *             ngone times: a length (uint32_t), a key
 *             until one with SQI_KEYS_END for a length: struct key_head, the key, the state, and nparts times:
 *                     struct part_head, and nblocks times: struct block_head, the key, the bytes
 *             until SQI_SECTION_END: struct section_head, as many bytes as it says
 *
 * The first piece has all keys, a later one those that have changed since the one before it: the keys that are gone are
 * forgotten first. Sections, flags and the number of keys that there are hold for the last piece.
 *
 * Until version 5 there was one piece, without `ngone`, with `nkeys` keys and sections to the end of the file. Until
 * version 4 there were no sections, and the flags were zero. Version 3 ended the head before `state_version`, which is
 * 0 there.
 */
#ifndef SQI_SNAPSHOT_FORMAT_H
#define SQI_SNAPSHOT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        SQI_SNAPSHOT_VERSION = 6,
        SQI_SNAPSHOT_PIECES_SINCE = 6,
        SQI_SNAPSHOT_SECTIONS_SINCE = 5,
        SQI_SNAPSHOT_FIRST = 3
};

/* flags: the task had called its finish, and sends only its end-of-stream marks when it goes on; those say that it was
 * drained; it has values of its own, which nobody but that task can go on with */
enum { SQI_PART_FINISHED = 1, SQI_PART_DRAINED = 2, SQI_PART_VALUES = 4 };

struct file_head {
        char magic[4]; /* "SQK" and the version */
        uint32_t state_size, ntasks, index;
        uint64_t epoch, routing, nkeys;
        uint32_t state_version, flags;
        uint64_t ngone;
};

/* How its task had ended: FINISHED and DRAINED, or 0. `anew`: a run goes on from it that is not the one which was told
 * to end, and that was no end of the task's own. */
static inline uint32_t
sqi_part_end(const struct file_head *head, bool anew)
{
        return anew && head->flags & SQI_PART_DRAINED ? 0 : head->flags & (SQI_PART_FINISHED | SQI_PART_DRAINED);
}

#define SQI_KEYS_END UINT32_MAX

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
        SQI_SECTION_END = 3,   /* of no bytes */
        SQI_SECTION_TIME = 4,  /* struct time_section; `tag` 1: its own event time was idle */
};

/* How far event time had come (watermark.h). It holds for any parallelism: who takes keys of several tasks goes on from
 * the least. */
struct time_section {
        int64_t watermark, seen;
};

struct section_head {
        uint32_t kind, tag;
        uint64_t size;
};

/* Of the bytes of a file, or of a piece: its head, and how many bytes that takes there. 0; -EBADMSG: it is none;
 * -EPROTO: a later version wrote it. */
int sqi_snapshot_head(const void *bytes, size_t size, struct file_head *ret, size_t *ret_size);
/* The same of the file in the folder `at`. 0; -EBADMSG; -EPROTO; or another negative errno. */
int sqi_snapshot_look(int at, const char *name, struct file_head *ret);

#endif

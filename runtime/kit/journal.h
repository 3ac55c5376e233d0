/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a spout: records on disk, each with a number, from 1 on.
 *
 *     sqi_kit_journal_open(&config, topology, component, index, &journal, ...)      in `.prepare`
 *     sqi_kit_journal_clock(journal, now_ns, wall_ns);                              first in each callback
 *     if (sqi_kit_journal_has_room(journal))                    else nothing is taken from the source
 *             sqi_kit_journal_add(journal, record, &number);    as many as there are
 *     if (sqi_kit_journal_write(journal) == 0)                  they are in the journal: the sender may be told
 *             while (sqi_kit_journal_next(journal, &number, &record) == 1)
 *                     sq_track(task, number), emit              these, and what an earlier process left
 *     sqi_kit_journal_sync(journal)                             in `.precommit`
 *     sqi_kit_journal_seek(journal, position, NULL)             in `.seek`
 *     sqi_kit_journal_release(journal, done, needed)            in `.release`
 *     sqi_kit_journal_close(&journal)                           in `.cleanup`
 *
 * What was written survives the death of any process; what was synced, that of the machine. `sync` says when it is:
 *
 *     each         by sqi_kit_journal_write()
 *     interval     by it, `interval` seconds after the first record that is not; and by sqi_kit_journal_sync()
 *     none         by sqi_kit_journal_sync() alone, which an epoch calls
 *
 * Bounded: when the records that are needed have `max_bytes`, or are older than `max_age`, there is no room, and the
 * source has to wait.
 *
 * How it is kept:
 *
 *     PATH/COMPONENT-TASK/lock                     whoever has it open holds it (flock)
 *     PATH/COMPONENT-TASK/done                     where a start from nothing goes on
 *     PATH/COMPONENT-TASK/00000000000000000001     segments (kit/segment.h), by the number of their first record
 *     PATH/COMPONENT-TASK/00000000000000004711
 *
 *     segments   [ needed by nobody: unlinked | needed | needed | the one that is written ]   memory
 *                                             ^ needed   ^ at                             ^ end   ^ next
 *
 * A record gets the next number and waits in memory until sqi_kit_journal_write() puts all that wait behind the last
 * segment, in one piece. What is read comes out of the files as long as it is behind, then out of memory, before it is
 * dropped there. A position of a spout is a number: `at`.
 *
 * What a kill leaves, before, in and after each step:
 *
 *     write of records        none, some, or a torn one at the end, which the next open cuts off
 *     a new segment           segment.new is made, filled, synced, renamed; the folder is synced. The next open removes
 *                             segment.new. A journal that is opened again always goes on in a new segment
 *     unlink                  oldest first: what is left is without a gap
 *     `done`                  done.new, renamed, and not synced: after a loss of power it may be older, or not there:
 *                             then what was done comes again
 *
 * A loss of power besides takes what was not synced: sync says when that is. A segment is synced before the next one
 * is made, so only the last one can be torn; a gap or damage anywhere else is named and refused.
 *
 * No room on the disk: what waits in memory stays there and is written later, over what was written of it. An fsync
 * that fails may have dropped what it was to write, so the segment is never written again: what it holds unsynced is
 * copied into a new one. Of two segments that hold a record the later counts.
 */
#ifndef SQI_KIT_JOURNAL_H
#define SQI_KIT_JOURNAL_H

#include "kit/segment.h"

enum { SQI_SEGMENT_NAME_MAX = 32, SQI_SEGMENT_ERROR = 512 };
#define SQI_SEGMENT_LATER "a later version of Squall wrote it (go on with that one)"

struct sqi_segment {
        uint64_t first, size;
        int64_t made_ns;
};

/* Reads records one after the other, of one segment. */
struct sqi_segment_reader {
        int fd;          /* -1: none is open */
        uint64_t number; /* of the next record */
        uint64_t offset; /* of what stands at `at` */
        char *bytes;
        size_t at, fill, room;
        bool last; /* the file has no more */
};

struct sqi_kit_journal {
        struct sq_journal_config config;
        char *path, *error;
        uint64_t owner;
        uint32_t task;
        int folder, lock;
        uint64_t now_ns;
        int64_t wall_ns;

        struct sqi_segment *segments; /* oldest first */
        size_t n;
        uint64_t bytes; /* in all of them */
        uint64_t torn;  /* bytes at the end of the last one that were cut off as it was opened */
        uint64_t found; /* number behind the last record that was there then; 0: there was no segment */

        int fd;        /* of the last one, when this process made it; else -1 */
        bool is_spent; /* it is not written again */
        uint64_t end;  /* number behind the last record in it */
        uint64_t synced, synced_size;
        uint64_t unsynced_ns; /* when the first record that is not synced was written */

        char *memory; /* records `memory_first` to `next`, as in a file; those from `end` on are not written yet */
        size_t fill, room, unwritten;
        uint64_t memory_first, next;
        size_t memory_at; /* of record `at`, when it is there */

        uint64_t at, needed, done, done_written;
        uint64_t done_ns;
        struct sqi_segment_reader reader;
};

/* In `.declare`. */
void sqi_kit_journal_declare(const struct sq_journal_config *config, struct sq_declaration *decl);
/*
 * Opens or makes PATH/COMPONENT-INDEX, for this process alone. The texts are copied. -EWOULDBLOCK: another has it;
 * -EXDEV: it is another topology's; -EBADMSG: it is damaged. Then nothing is given up, and `error` says what, where,
 * and what to do. Reads from where a start from nothing goes on.
 */
int sqi_kit_journal_open(const struct sq_journal_config *config, const char *topology, const char *component,
                         unsigned index, struct sqi_kit_journal **ret, char *error, size_t size);
void sqi_kit_journal_close(struct sqi_kit_journal **journal);
const char *sqi_kit_journal_error(const struct sqi_kit_journal *journal);
/* The time: monotonic, and since 1970. */
void sqi_kit_journal_clock(struct sqi_kit_journal *journal, uint64_t now_ns, int64_t wall_ns);

bool sqi_kit_journal_has_room(const struct sqi_kit_journal *journal);
/* Into memory, copied. -ENOMEM, -EMSGSIZE: above 1 GiB. */
int sqi_kit_journal_add(struct sqi_kit_journal *journal, struct sq_str record, uint64_t *ret_number);
/* Out of memory, and synced if that is due. Those that it could not write are still in memory. */
int sqi_kit_journal_write(struct sqi_kit_journal *journal);
int sqi_kit_journal_sync(struct sqi_kit_journal *journal);
/* When sqi_kit_journal_write() has something to sync, by the monotonic clock; UINT64_MAX: never. */
uint64_t sqi_kit_journal_due(const struct sqi_kit_journal *journal);

/* The next record that is written, a view good until the next call with the journal. 1; 0: there is none. -EBADMSG:
 * what should be there is damaged or missing. */
int sqi_kit_journal_next(struct sqi_kit_journal *journal, uint64_t *ret_number, struct sq_str *record);
/* How many of the next records are in memory: their views are good until something else is called. */
uint64_t sqi_kit_journal_held(const struct sqi_kit_journal *journal);
/* The number of what sqi_kit_journal_next() returns next, and the one behind the last that is written. */
uint64_t sqi_kit_journal_at(const struct sqi_kit_journal *journal);
uint64_t sqi_kit_journal_end(const struct sqi_kit_journal *journal);
/* Bytes on disk. */
uint64_t sqi_kit_journal_bytes(const struct sqi_kit_journal *journal);
/* Reads from record `number` on; one past the end is where new ones begin then. -ENOENT: it was cut already, and where
 * the journal begins is *ret_first (may be NULL). */
int sqi_kit_journal_seek(struct sqi_kit_journal *journal, uint64_t number, uint64_t *ret_first);
/* A start from nothing goes on at `done`; what is before `needed` may be cut. */
void sqi_kit_journal_release(struct sqi_kit_journal *journal, uint64_t done, uint64_t needed);

/* ---- The segments ------------------------------------------------------------------------------------ */

/* Writes what is wrong, and where, for sqi_kit_journal_error(). Returns `r`. */
int sqi_segments_wrong(struct sqi_kit_journal *journal, int r, const char *name, const char *format, ...)
        SQ_PRINTF(4, 5);
void sqi_segments_name(uint64_t first, char ret[SQI_SEGMENT_NAME_MAX]);

/* Finds the segments of the folder, cuts the last one where it is torn, and says where they end. 0, or a negative
 * errno. */
int sqi_segments_open(struct sqi_kit_journal *journal);
/* The last segment, if any, is written no more, and another one goes on behind it. 0 or a negative errno: then another
 * one is needed still. */
int sqi_segments_begin(struct sqi_kit_journal *journal);
/* Removes those that hold nothing from `needed` on. */
void sqi_segments_cut(struct sqi_kit_journal *journal);

/* Opens segment `i`. 0 or a negative errno. */
int sqi_segment_open(struct sqi_kit_journal *journal, size_t i, struct sqi_segment_reader *reader);
/* As sqi_record_look(), or another negative errno. */
int sqi_segment_next(struct sqi_segment_reader *reader, struct sq_str *ret);
void sqi_segment_close(struct sqi_segment_reader *reader);

#endif

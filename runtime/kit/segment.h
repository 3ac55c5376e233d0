/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of a journal, byte for byte; kit/journal.h has the rest.
 *
 *     head      "SQJ" and the version, task, number of the first record, time of making, owner, hash of these
 *     record    length, check of length and number, hash of number and bytes; the bytes
 *     record    ...
 *
 * Numbers rise by one. All is little-endian. A kill leaves a record cut short at the end; a loss of power may leave
 * zeroes there, or the length without all of the bytes. That is torn. Anything else that is not a record is damage.
 */
#ifndef SQI_KIT_SEGMENT_H
#define SQI_KIT_SEGMENT_H

#include <squall-kit.h>

enum { SQI_RECORD_HEAD = 16, SQI_RECORD_MAX = 1 << 30 };

struct sqi_segment_head {
        char magic[4];
        uint32_t task;
        uint64_t first;  /* number of its first record */
        int64_t made_ns; /* since 1970 */
        uint64_t owner;  /* hash of topology and component */
        uint64_t hash;   /* of the above */
};
_Static_assert(sizeof(struct sqi_segment_head) == 40, "no padding: it is written to disk");

/* Fills in magic and hash. */
void sqi_segment_seal(struct sqi_segment_head *head);
/* What the `n` bytes at the begin of a file are: 0; -EBADMSG: damaged, or not of a journal; -EPROTO: a later
 * version of Squall wrote it; -EXDEV: of another owner or task. */
int sqi_segment_check(const char *bytes, size_t n, uint64_t owner, uint32_t task, struct sqi_segment_head *ret);

/* Writes the SQI_RECORD_HEAD bytes that stand before the bytes of record `number`. */
void sqi_record_put(char *to, uint64_t number, struct sq_str record);
/*
 * What the `n` bytes at `bytes` begin with; `last`: the file ends behind them.
 *
 *     1           record `number`, a view
 *     0           nothing, for there are none
 *     -EAGAIN     more bytes are needed, *ret_need in all
 *     -EPIPE      a record that is torn: nothing follows
 *     -EBADMSG    not a record
 */
int sqi_record_look(const char *bytes, size_t n, bool last, uint64_t number, struct sq_str *ret, size_t *ret_need);

#endif

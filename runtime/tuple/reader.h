/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one reader of msgpack bytes that come from another process or from a file, in place, without an object tree.
 *
 *     struct sqi_reader reader = sqi_reader(bytes, size);
 *     uint32_t n = sqi_read_array(&reader);
 *     uint64_t version = sqi_read_uint(&reader, UINT32_MAX);
 *     struct sq_str name = sqi_read_str(&reader);
 *     if (!sqi_reader_is_done(&reader))
 *             return -EBADMSG;                                    reader.error says what was wrong first
 *
 * It fails once and for all: after a failure every read gives zero or nothing, so that the code that reads goes
 * straight on and asks at the end. A count is never larger than the bytes that are left could hold. Texts and bytes are
 * views. Any thread, one at a time.
 */
#ifndef SQI_READER_H
#define SQI_READER_H

#include "squall.h"

struct sqi_reader {
        const uint8_t *at, *end;
        const char *error; /* NULL, or what was wrong first: a text that lives for ever */
};

struct sqi_reader sqi_reader(const void *bytes, size_t size);

/* Nothing was wrong, and nothing is left. */
bool sqi_reader_is_done(const struct sqi_reader *reader);

/* For what the caller finds wrong: `what` counts if nothing was wrong before. */
void sqi_read_fail(struct sqi_reader *reader, const char *what);
void sqi_read_demand(struct sqi_reader *reader, bool holds, const char *what);

uint32_t sqi_read_array(struct sqi_reader *reader);
uint64_t sqi_read_uint(struct sqi_reader *reader, uint64_t max);
uint32_t sqi_read_u32(struct sqi_reader *reader);
int64_t sqi_read_int(struct sqi_reader *reader);
double sqi_read_real(struct sqi_reader *reader); /* an integer will do */
bool sqi_read_bool(struct sqi_reader *reader);
struct sq_str sqi_read_str(struct sqi_reader *reader); /* .ptr is never NULL */
struct sq_str sqi_read_bin(struct sqi_reader *reader); /* likewise */
struct sq_value sqi_read_value(struct sqi_reader *reader);
struct sq_str sqi_read_packed(struct sqi_reader *reader); /* a whole value, as it stands */

/* A text without a NUL into `ret`, cut by none: one of `size` bytes or more is a failure, and leaves it empty. */
void sqi_read_text(struct sqi_reader *reader, char *ret, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one writer of structured answers and files: as msgpack or as JSON, the same calls.
 *
 *     struct sqi_writer writer = sqi_writer(SQI_MSGPACK);         or SQI_JSON
 *     sqi_write_map(&writer, NULL);
 *     sqi_write_text(&writer, "topology", name);
 *     sqi_write_array(&writer, "tasks");
 *     sqi_write_uint(&writer, NULL, 1);                           inside an array a value has no key
 *     sqi_write_end(&writer);
 *     sqi_write_end(&writer);
 *     int r = sqi_writer_take(&writer, &bytes, &size);            or sqi_writer_drop(&writer)
 *
 * It counts the members itself. It fails once and for all: after a failure it writes nothing more, so that the calls
 * need not be looked at one by one. What is written must be balanced, and no deeper than SQI_WRITE_DEPTH; that is the
 * caller's to see to, and asserted.
 *
 * JSON: no white space and no end of line; text that is not UTF-8 stands as U+FFFD, what is binary as hex digits; NaN
 * and the infinities are null. Any thread, one at a time.
 */
#ifndef SQI_WRITER_H
#define SQI_WRITER_H

#include "squall.h"

enum sqi_writer_form { SQI_MSGPACK, SQI_JSON };

enum { SQI_WRITE_DEPTH = 16 };

struct sqi_writer {
        enum sqi_writer_form form;
        bool failed;
        unsigned depth;
        uint8_t *bytes;
        size_t size, room;
        struct sqi_writer_open {
                size_t at;  /* of its head */
                uint32_t n; /* its members so far */
                bool map;
        } open[SQI_WRITE_DEPTH];
};

struct sqi_writer sqi_writer(enum sqi_writer_form form);

/* Hands the bytes over, to be freed by the caller, and leaves the writer empty. 0, or -ENOMEM if memory ran out at any
 * time: then there is nothing to free. JSON is followed by a NUL that `ret_size` does not count. */
int sqi_writer_take(struct sqi_writer *writer, void **ret_bytes, size_t *ret_size);
void sqi_writer_drop(struct sqi_writer *writer);

/* `key` is NULL in an array and at the top, a NUL-terminated name in a map. */
void sqi_write_map(struct sqi_writer *writer, const char *key);
void sqi_write_array(struct sqi_writer *writer, const char *key);
void sqi_write_end(struct sqi_writer *writer); /* of the innermost map or array */

void sqi_write_value(struct sqi_writer *writer, const char *key, struct sq_value value);
void sqi_write_text(struct sqi_writer *writer, const char *key, const char *text); /* NULL: null */
void sqi_write_str(struct sqi_writer *writer, const char *key, struct sq_str text);
void sqi_write_bin(struct sqi_writer *writer, const char *key, const void *bytes, size_t size);
void sqi_write_int(struct sqi_writer *writer, const char *key, int64_t number);
void sqi_write_uint(struct sqi_writer *writer, const char *key, uint64_t number);
void sqi_write_real(struct sqi_writer *writer, const char *key, double number);
void sqi_write_bool(struct sqi_writer *writer, const char *key, bool flag);
void sqi_write_nil(struct sqi_writer *writer, const char *key);

/* One value that is in the writer's form already. */
void sqi_write_raw(struct sqi_writer *writer, const char *key, struct sq_str bytes);

#endif

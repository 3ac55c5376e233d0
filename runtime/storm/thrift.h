/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thrift's binary protocol (strict, framed), as Apache Storm's Nimbus speaks it: what a call needs to be written, and
 * what may come back.
 *
 *     struct sqi_thrift_call call = sqi_thrift_call("activate");
 *     sqi_thrift_put_text(&call, 1, "wordcount");
 *     int r = sqi_thrift_end(&call);                            call.bytes, call.size: the frame, its length first
 *     ...
 *     r = sqi_thrift_read(arena, bytes, size, &reply);          a frame without its length
 *     name = sqi_thrift_text(sqi_thrift_at(reply.result, 2));
 *     sqi_thrift_drop(&call);
 *
 * The writer fails once and for all, so that its calls need not be looked at one by one. Bytes that are read are from
 * anybody: every length is checked, they nest SQI_THRIFT_DEPTH deep at most, and what is not there, or is of another
 * type, is nothing. Any thread, one at a time.
 */
#ifndef SQI_THRIFT_H
#define SQI_THRIFT_H

#include "base/arena.h"
#include "squall.h"

enum sqi_thrift_type {
        SQI_THRIFT_STOP,
        SQI_THRIFT_BOOL = 2,
        SQI_THRIFT_BYTE,
        SQI_THRIFT_DOUBLE,
        SQI_THRIFT_I16 = 6,
        SQI_THRIFT_I32 = 8,
        SQI_THRIFT_I64 = 10,
        SQI_THRIFT_STRING, /* or bytes */
        SQI_THRIFT_STRUCT,
        SQI_THRIFT_MAP,
        SQI_THRIFT_SET,
        SQI_THRIFT_LIST,
};

enum { SQI_THRIFT_DEPTH = 32, SQI_THRIFT_VALUES_MAX = 1 << 20 };

struct sqi_thrift_call {
        bool failed; /* memory was short */
        uint8_t *bytes;
        size_t size, room;
};

/* A frame that calls `method`; its arguments are fields, by their ids. */
struct sqi_thrift_call sqi_thrift_call(const char *method);
/* 0 or -ENOMEM. */
int sqi_thrift_end(struct sqi_thrift_call *call);
void sqi_thrift_drop(struct sqi_thrift_call *call);

/* Fields of the struct that is open; a struct ends with sqi_thrift_stop(). */
void sqi_thrift_put_i32(struct sqi_thrift_call *call, int16_t id, int32_t number);
void sqi_thrift_put_bool(struct sqi_thrift_call *call, int16_t id, bool flag);
void sqi_thrift_put_text(struct sqi_thrift_call *call, int16_t id, const char *text);
void sqi_thrift_put_bytes(struct sqi_thrift_call *call, int16_t id, const void *bytes, size_t size);
void sqi_thrift_put_struct(struct sqi_thrift_call *call, int16_t id);
void sqi_thrift_stop(struct sqi_thrift_call *call);
/* Followed by `n` pairs, or items, without ids: sqi_thrift_item_...(). A struct among them needs no beginning. */
void sqi_thrift_put_map(struct sqi_thrift_call *call, int16_t id, enum sqi_thrift_type key, enum sqi_thrift_type value,
                        uint32_t n);
void sqi_thrift_put_list(struct sqi_thrift_call *call, int16_t id, enum sqi_thrift_type of, uint32_t n);
void sqi_thrift_item_text(struct sqi_thrift_call *call, const char *text);
void sqi_thrift_item_i32(struct sqi_thrift_call *call, int32_t number);

/* A value that was read. Texts are views into the bytes. */
struct sqi_thrift {
        enum sqi_thrift_type type;
        int16_t id; /* of a field */
        union {
                int64_t i; /* integers and booleans */
                double real;
                struct sq_str text;
                struct sqi_thrift *first; /* of a struct's fields, of items; of a map key, value, key, ... */
        } as;
        struct sqi_thrift *next; /* beside it */
};

struct sqi_thrift_reply {
        bool failed;                     /* the server did not understand or has failed: `result` is its exception */
        const struct sqi_thrift *result; /* a struct: field 0 what the method returns, others its exceptions */
};

/* 0; -EBADMSG: it is not a reply; -ENOMEM. */
int sqi_thrift_read(struct sqi_arena *arena, const void *bytes, size_t size, struct sqi_thrift_reply *ret);

/* The field of a struct; NULL: `value` has none of it, or is none. */
const struct sqi_thrift *sqi_thrift_at(const struct sqi_thrift *value, int16_t id);
/* By its key, a text, or the first one (NULL); of a map. */
const struct sqi_thrift *sqi_thrift_key(const struct sqi_thrift *map, const char *key);
/* The first item of a list, key of a map, field of a struct; or NULL. */
const struct sqi_thrift *sqi_thrift_first(const struct sqi_thrift *value);
int64_t sqi_thrift_int(const struct sqi_thrift *value);
double sqi_thrift_real(const struct sqi_thrift *value);
struct sq_str sqi_thrift_text(const struct sqi_thrift *value); /* .ptr is never NULL */

#endif

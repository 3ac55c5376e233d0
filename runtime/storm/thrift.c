/* SPDX-License-Identifier: Apache-2.0 */
#include "storm/thrift.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION_1 = 0x8001, CALL = 1, REPLY = 2, EXCEPTION = 3, HEAD = 4 };

/* ---- Writing ----------------------------------------------------------------------------------------- */

static void
put(struct sqi_thrift_call *call, const void *bytes, size_t size)
{
        if (!call->failed && call->room - call->size < size) {
                size_t room = 2 * call->room + size + 256;
                uint8_t *more = realloc(call->bytes, room);

                call->failed = !more;
                if (more) {
                        call->bytes = more;
                        call->room = room;
                }
        }
        if (call->failed || size == 0)
                return;
        (void)memcpy(call->bytes + call->size, bytes, size);
        call->size += size;
}

static void
put_u8(struct sqi_thrift_call *call, unsigned number)
{
        uint8_t byte = (uint8_t)number;

        put(call, &byte, sizeof(byte));
}

static void
put_u32(struct sqi_thrift_call *call, uint32_t number)
{
        uint32_t bytes = htobe32(number);

        put(call, &bytes, sizeof(bytes));
}

static void
put_string(struct sqi_thrift_call *call, const void *bytes, size_t size)
{
        if (size > INT32_MAX)
                call->failed = true;
        put_u32(call, (uint32_t)size);
        put(call, bytes, size);
}

static void
put_field(struct sqi_thrift_call *call, enum sqi_thrift_type type, int16_t id)
{
        uint16_t bytes = htobe16((uint16_t)id);

        put_u8(call, type);
        put(call, &bytes, sizeof(bytes));
}

struct sqi_thrift_call
sqi_thrift_call(const char *method)
{
        struct sqi_thrift_call call = {.bytes = NULL};

        put_u32(&call, 0); /* the length of the frame: at the end */
        put_u32(&call, (uint32_t)VERSION_1 << 16 | CALL);
        put_string(&call, method, strlen(method));
        put_u32(&call, 0);
        return call;
}

int
sqi_thrift_end(struct sqi_thrift_call *call)
{
        uint32_t size;

        sqi_thrift_stop(call);
        if (call->failed || call->size > INT32_MAX)
                return -ENOMEM;
        size = htobe32((uint32_t)(call->size - HEAD));
        (void)memcpy(call->bytes, &size, sizeof(size));
        return 0;
}

void
sqi_thrift_drop(struct sqi_thrift_call *call)
{
        free(call->bytes);
        *call = (struct sqi_thrift_call){.bytes = NULL};
}

void
sqi_thrift_put_i32(struct sqi_thrift_call *call, int16_t id, int32_t number)
{
        put_field(call, SQI_THRIFT_I32, id);
        put_u32(call, (uint32_t)number);
}

void
sqi_thrift_put_bool(struct sqi_thrift_call *call, int16_t id, bool flag)
{
        put_field(call, SQI_THRIFT_BOOL, id);
        put_u8(call, flag);
}

void
sqi_thrift_put_bytes(struct sqi_thrift_call *call, int16_t id, const void *bytes, size_t size)
{
        put_field(call, SQI_THRIFT_STRING, id);
        put_string(call, bytes, size);
}

void
sqi_thrift_put_text(struct sqi_thrift_call *call, int16_t id, const char *text)
{
        sqi_thrift_put_bytes(call, id, text, strlen(text));
}

void
sqi_thrift_put_struct(struct sqi_thrift_call *call, int16_t id)
{
        put_field(call, SQI_THRIFT_STRUCT, id);
}

void
sqi_thrift_stop(struct sqi_thrift_call *call)
{
        put_u8(call, SQI_THRIFT_STOP);
}

void
sqi_thrift_put_map(struct sqi_thrift_call *call, int16_t id, enum sqi_thrift_type key, enum sqi_thrift_type value,
                   uint32_t n)
{
        put_field(call, SQI_THRIFT_MAP, id);
        put_u8(call, key);
        put_u8(call, value);
        put_u32(call, n);
}

void
sqi_thrift_put_list(struct sqi_thrift_call *call, int16_t id, enum sqi_thrift_type of, uint32_t n)
{
        put_field(call, SQI_THRIFT_LIST, id);
        put_u8(call, of);
        put_u32(call, n);
}

void
sqi_thrift_item_text(struct sqi_thrift_call *call, const char *text)
{
        put_string(call, text, strlen(text));
}

void
sqi_thrift_item_i32(struct sqi_thrift_call *call, int32_t number)
{
        put_u32(call, (uint32_t)number);
}

/* ---- Reading ----------------------------------------------------------------------------------------- */

struct reader {
        struct sqi_arena *arena;
        const uint8_t *at, *end;
        uint32_t nvalues;
        int error;
};

/* So many bytes, or NULL. */
static const uint8_t *
take(struct reader *reader, size_t size)
{
        const uint8_t *at = reader->at;

        if (reader->error || (size_t)(reader->end - at) < size) {
                reader->error = reader->error ? reader->error : -EBADMSG;
                return NULL;
        }
        reader->at += size;
        return at;
}

/* Big-endian, of up to eight bytes; its sign is the caller's. */
static uint64_t
take_number(struct reader *reader, size_t size)
{
        const uint8_t *at = take(reader, size);
        uint64_t number = 0;

        for (size_t i = 0; at && i < size; i++)
                number = number << 8 | at[i];
        return number;
}

static struct sq_str
take_string(struct reader *reader)
{
        uint64_t size = take_number(reader, 4);
        const uint8_t *at = take(reader, size > INT32_MAX ? SIZE_MAX : (size_t)size);

        return at ? (struct sq_str){(const char *)at, (size_t)size} : (struct sq_str){"", 0};
}

static struct sqi_thrift *take_value(struct reader *reader, enum sqi_thrift_type type, unsigned depth);

static struct sqi_thrift *
take_fields(struct reader *reader, unsigned depth)
{
        struct sqi_thrift *first = NULL, **tail = &first;

        for (;;) {
                enum sqi_thrift_type type = (enum sqi_thrift_type)take_number(reader, 1);
                int16_t id;

                if (type == SQI_THRIFT_STOP)
                        return first;
                id = (int16_t)take_number(reader, 2);
                *tail = take_value(reader, type, depth);
                if (!*tail)
                        return NULL;
                (*tail)->id = id;
                tail = &(*tail)->next;
        }
}

static struct sqi_thrift *
take_items(struct reader *reader, bool map, unsigned depth)
{
        enum sqi_thrift_type types[2] = {(enum sqi_thrift_type)take_number(reader, 1)};
        struct sqi_thrift *first = NULL, **tail = &first;
        uint64_t n;

        types[1] = map ? (enum sqi_thrift_type)take_number(reader, 1) : types[0];
        n = take_number(reader, 4);
        if (n > INT32_MAX)
                reader->error = -EBADMSG;
        n = map ? 2 * n : n;
        for (uint64_t i = 0; i < n && !reader->error; i++) {
                *tail = take_value(reader, types[i % 2], depth);
                if (*tail)
                        tail = &(*tail)->next;
        }
        return first;
}

static void
fill(struct reader *reader, struct sqi_thrift *value, unsigned depth)
{
        uint64_t bits;

        switch (value->type) {
        case SQI_THRIFT_BOOL:
                value->as.i = take_number(reader, 1) != 0;
                break;
        case SQI_THRIFT_BYTE:
                value->as.i = (int64_t)(take_number(reader, 1) ^ 0x80) - 0x80;
                break;
        case SQI_THRIFT_I16:
                value->as.i = (int16_t)take_number(reader, 2);
                break;
        case SQI_THRIFT_I32:
                value->as.i = (int32_t)take_number(reader, 4);
                break;
        case SQI_THRIFT_I64:
                value->as.i = (int64_t)take_number(reader, 8);
                break;
        case SQI_THRIFT_DOUBLE:
                bits = take_number(reader, 8);
                (void)memcpy(&value->as.real, &bits, sizeof(bits));
                break;
        case SQI_THRIFT_STRING:
                value->as.text = take_string(reader);
                break;
        case SQI_THRIFT_STRUCT:
                value->as.first = take_fields(reader, depth + 1);
                break;
        case SQI_THRIFT_MAP:
        case SQI_THRIFT_SET:
        case SQI_THRIFT_LIST:
                value->as.first = take_items(reader, value->type == SQI_THRIFT_MAP, depth + 1);
                break;
        default:
                reader->error = -EBADMSG;
        }
}

/* NULL: reader->error says why. */
static struct sqi_thrift *
take_value(struct reader *reader, enum sqi_thrift_type type, unsigned depth)
{
        struct sqi_thrift *value;

        if (depth > SQI_THRIFT_DEPTH || ++reader->nvalues > SQI_THRIFT_VALUES_MAX)
                reader->error = reader->error ? reader->error : -EBADMSG;
        if (reader->error)
                return NULL;
        value = sqi_arena_alloc(reader->arena, 1, sizeof(*value));
        if (!value) {
                reader->error = -ENOMEM;
                return NULL;
        }
        value->type = type;
        fill(reader, value, depth);
        return reader->error ? NULL : value;
}

int
sqi_thrift_read(struct sqi_arena *arena, const void *bytes, size_t size, struct sqi_thrift_reply *ret)
{
        struct reader reader = {.arena = arena, .at = bytes, .end = (const uint8_t *)bytes + size};
        uint64_t head = take_number(&reader, 4);
        const struct sqi_thrift *result;

        (void)take_string(&reader); /* the method's name */
        (void)take_number(&reader, 4);
        if (head >> 16 != VERSION_1 || ((head & 0xff) != REPLY && (head & 0xff) != EXCEPTION))
                return -EBADMSG;
        result = take_value(&reader, SQI_THRIFT_STRUCT, 0);
        if (!result || reader.at != reader.end)
                return reader.error ? reader.error : -EBADMSG;
        *ret = (struct sqi_thrift_reply){(head & 0xff) == EXCEPTION, result};
        return 0;
}

const struct sqi_thrift *
sqi_thrift_first(const struct sqi_thrift *value)
{
        return value && value->type >= SQI_THRIFT_STRUCT ? value->as.first : NULL;
}

const struct sqi_thrift *
sqi_thrift_at(const struct sqi_thrift *value, int16_t id)
{
        const struct sqi_thrift *field = value && value->type == SQI_THRIFT_STRUCT ? value->as.first : NULL;

        while (field && field->id != id)
                field = field->next;
        return field;
}

const struct sqi_thrift *
sqi_thrift_key(const struct sqi_thrift *map, const char *key)
{
        const struct sqi_thrift *at = map && map->type == SQI_THRIFT_MAP ? map->as.first : NULL;

        for (; at; at = at->next->next) {
                struct sq_str text = sqi_thrift_text(at);

                if (!key || (text.len == strlen(key) && memcmp(text.ptr, key, text.len) == 0))
                        return at->next;
        }
        return NULL;
}

int64_t
sqi_thrift_int(const struct sqi_thrift *value)
{
        return value && value->type < SQI_THRIFT_STRING && value->type != SQI_THRIFT_DOUBLE ? value->as.i : 0;
}

double
sqi_thrift_real(const struct sqi_thrift *value)
{
        return value && value->type == SQI_THRIFT_DOUBLE ? value->as.real : 0;
}

struct sq_str
sqi_thrift_text(const struct sqi_thrift *value)
{
        return value && value->type == SQI_THRIFT_STRING ? value->as.text : (struct sq_str){"", 0};
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A msgpack head holds the number of members, which is known at the end only: one byte is left for it, and the members
 * move up if it takes more. */
#include "tuple/writer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/invariant.h"
#include "tuple/pack.h"

enum { FIRST_ROOM = 256, HEAD_MAX = 5 };

struct sqi_writer
sqi_writer(enum sqi_writer_form form)
{
        return (struct sqi_writer){.form = form};
}

void
sqi_writer_drop(struct sqi_writer *writer)
{
        free(writer->bytes);
        *writer = sqi_writer(writer->form);
}

/* Room for `n` more bytes and a NUL; false, and failed, when there is none. */
static bool
make_room(struct sqi_writer *writer, size_t n)
{
        size_t room = writer->room ? writer->room : FIRST_ROOM;
        uint8_t *bytes;

        if (writer->failed)
                return false;
        if (n < writer->room - writer->size)
                return true;
        while (room - writer->size <= n && room <= SIZE_MAX / 2)
                room *= 2;
        bytes = room - writer->size > n ? realloc(writer->bytes, room) : NULL;
        if (!bytes) {
                writer->failed = true;
                return false;
        }
        writer->bytes = bytes;
        writer->room = room;
        return true;
}

static void
put(struct sqi_writer *writer, const void *bytes, size_t n)
{
        if (!make_room(writer, n))
                return;
        if (n)
                memcpy(writer->bytes + writer->size, bytes, n);
        writer->size += n;
}

static void
put_packed(struct sqi_writer *writer, struct sq_value value)
{
        size_t bound = sqi_pack_bound(&value);

        if (bound == SIZE_MAX)
                writer->failed = true;
        else if (make_room(writer, bound))
                writer->size = (size_t)(sqi_pack(writer->bytes + writer->size, &value) - writer->bytes);
}

static void
put_json(struct sqi_writer *writer, struct sq_value value)
{
        size_t len = sq_json(value, NULL, 0);

        if (!make_room(writer, len))
                return;
        sq_json(value, (char *)writer->bytes + writer->size, len + 1);
        writer->size += len;
}

static void
put_value(struct sqi_writer *writer, struct sq_value value)
{
        if (writer->form == SQI_JSON)
                put_json(writer, value);
        else
                put_packed(writer, value);
}

/* What stands before a value: in JSON a comma, in a map its key. */
static void
begin(struct sqi_writer *writer, const char *key)
{
        struct sqi_writer_open *open = writer->depth ? &writer->open[writer->depth - 1] : NULL;

        sqi_assert((open && open->map) == (key != NULL));
        if (!open)
                return;
        if (writer->form == SQI_JSON && open->n > 0)
                put(writer, ",", 1);
        open->n++;
        if (!key)
                return;
        put_value(writer, sq_text(key));
        if (writer->form == SQI_JSON)
                put(writer, ":", 1);
}

static void
open_at(struct sqi_writer *writer, const char *key, bool map)
{
        begin(writer, key);
        sqi_assert(writer->depth < SQI_WRITE_DEPTH);
        writer->open[writer->depth++] = (struct sqi_writer_open){writer->size, 0, map};
        put(writer, map ? "{" : "[", 1);
}

void
sqi_write_map(struct sqi_writer *writer, const char *key)
{
        open_at(writer, key, true);
}

void
sqi_write_array(struct sqi_writer *writer, const char *key)
{
        open_at(writer, key, false);
}

/* msgpack: the head of `n` members in place of the one byte at `at`. */
static void
write_head(struct sqi_writer *writer, const struct sqi_writer_open *open)
{
        uint8_t head[HEAD_MAX], *end = sqi_pack_head(head, open->n);
        size_t len = (size_t)(end - head), after = writer->size - open->at - 1;

        if (open->map)
                /* array 16, 32 -> map 16, 32 */
                head[0] = len == 1 ? (uint8_t)(0x80 | open->n) : (uint8_t)(head[0] + 2);
        if (!make_room(writer, len - 1))
                return;
        memmove(writer->bytes + open->at + len, writer->bytes + open->at + 1, after);
        memcpy(writer->bytes + open->at, head, len);
        writer->size += len - 1;
}

void
sqi_write_end(struct sqi_writer *writer)
{
        const struct sqi_writer_open *open;

        sqi_assert(writer->depth > 0);
        open = &writer->open[--writer->depth];
        if (writer->failed)
                return;
        if (writer->form == SQI_JSON)
                put(writer, open->map ? "}" : "]", 1);
        else
                write_head(writer, open);
}

int
sqi_writer_take(struct sqi_writer *writer, void **ret_bytes, size_t *ret_size)
{
        sqi_assert(writer->depth == 0);
        if (writer->failed || !make_room(writer, 0)) {
                sqi_writer_drop(writer);
                return -ENOMEM;
        }
        writer->bytes[writer->size] = '\0';
        *ret_bytes = writer->bytes;
        *ret_size = writer->size;
        *writer = sqi_writer(writer->form);
        return 0;
}

void
sqi_write_value(struct sqi_writer *writer, const char *key, struct sq_value value)
{
        begin(writer, key);
        put_value(writer, value);
}

void
sqi_write_text(struct sqi_writer *writer, const char *key, const char *text)
{
        sqi_write_value(writer, key, text ? sq_text(text) : sq_nil());
}

void
sqi_write_str(struct sqi_writer *writer, const char *key, struct sq_str text)
{
        sqi_write_value(writer, key, sq_str(text));
}

void
sqi_write_bin(struct sqi_writer *writer, const char *key, const void *bytes, size_t size)
{
        sqi_write_value(writer, key, sq_bin(bytes, size));
}

void
sqi_write_int(struct sqi_writer *writer, const char *key, int64_t number)
{
        sqi_write_value(writer, key, sq_int(number));
}

void
sqi_write_uint(struct sqi_writer *writer, const char *key, uint64_t number)
{
        sqi_write_value(writer, key, sq_uint(number));
}

void
sqi_write_real(struct sqi_writer *writer, const char *key, double number)
{
        sqi_write_value(writer, key, sq_float(number));
}

void
sqi_write_bool(struct sqi_writer *writer, const char *key, bool flag)
{
        sqi_write_value(writer, key, sq_bool(flag));
}

void
sqi_write_nil(struct sqi_writer *writer, const char *key)
{
        sqi_write_value(writer, key, sq_nil());
}

void
sqi_write_raw(struct sqi_writer *writer, const char *key, struct sq_str bytes)
{
        begin(writer, key);
        put(writer, bytes.ptr, bytes.len);
}

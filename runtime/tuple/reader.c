/* SPDX-License-Identifier: Apache-2.0 */
#include "tuple/reader.h"

#include <string.h>

#include "tuple/unpack.h"

struct sqi_reader
sqi_reader(const void *bytes, size_t size)
{
        return (struct sqi_reader){bytes, (const uint8_t *)bytes + size, NULL};
}

bool
sqi_reader_is_done(const struct sqi_reader *reader)
{
        return !reader->error && reader->at == reader->end;
}

void
sqi_read_fail(struct sqi_reader *reader, const char *what)
{
        if (!reader->error)
                reader->error = what;
}

void
sqi_read_demand(struct sqi_reader *reader, bool holds, const char *what)
{
        if (!holds)
                sqi_read_fail(reader, what);
}

/* The value that comes next, passed over; an empty view if it is cut off. */
struct sq_str
sqi_read_packed(struct sqi_reader *reader)
{
        const uint8_t *at = reader->at, *next = reader->error ? NULL : sqi_skip(at, reader->end);

        if (!next) {
                sqi_read_fail(reader, "cut short");
                return (struct sq_str){"", 0};
        }
        reader->at = next;
        return (struct sq_str){(const char *)at, (size_t)(next - at)};
}

struct sq_value
sqi_read_value(struct sqi_reader *reader)
{
        const uint8_t *at = reader->at;
        struct sq_str packed = sqi_read_packed(reader);

        return reader->error ? sq_nil() : sqi_unpack(at, at + packed.len);
}

uint32_t
sqi_read_array(struct sqi_reader *reader)
{
        uint32_t n = 0;
        const uint8_t *at = reader->error ? NULL : sqi_unpack_head(reader->at, reader->end, &n);

        if (!at || n > (size_t)(reader->end - at)) {
                sqi_read_fail(reader, "not a list, or cut short");
                return 0;
        }
        reader->at = at;
        return n;
}

uint64_t
sqi_read_uint(struct sqi_reader *reader, uint64_t max)
{
        struct sq_value value = sqi_read_value(reader);
        bool number = value.type == SQ_UINT || (value.type == SQ_INT && value.as.i >= 0);

        sqi_read_demand(reader, number && value.as.u <= max, "not a number, or too large");
        return reader->error ? 0 : value.as.u;
}

uint32_t
sqi_read_u32(struct sqi_reader *reader)
{
        return (uint32_t)sqi_read_uint(reader, UINT32_MAX);
}

int64_t
sqi_read_int(struct sqi_reader *reader)
{
        struct sq_value value = sqi_read_value(reader);

        sqi_read_demand(reader, value.type == SQ_INT, "not a number, or too large");
        return reader->error ? 0 : value.as.i;
}

double
sqi_read_real(struct sqi_reader *reader)
{
        struct sq_value value = sqi_read_value(reader);

        sqi_read_demand(reader, value.type == SQ_FLOAT || value.type == SQ_INT, "not a number");
        if (reader->error)
                return 0;
        return value.type == SQ_FLOAT ? value.as.f : (double)value.as.i;
}

bool
sqi_read_bool(struct sqi_reader *reader)
{
        struct sq_value value = sqi_read_value(reader);

        sqi_read_demand(reader, value.type == SQ_BOOL, "neither true nor false");
        return !reader->error && value.as.b;
}

static struct sq_str
read_bytes(struct sqi_reader *reader, enum sq_type type, const char *what)
{
        struct sq_value value = sqi_read_value(reader);

        sqi_read_demand(reader, value.type == type, what);
        return reader->error ? (struct sq_str){"", 0} : (struct sq_str){value.as.ptr, value.len};
}

struct sq_str
sqi_read_str(struct sqi_reader *reader)
{
        return read_bytes(reader, SQ_STR, "not a text");
}

struct sq_str
sqi_read_bin(struct sqi_reader *reader)
{
        return read_bytes(reader, SQ_BIN, "not bytes");
}

void
sqi_read_text(struct sqi_reader *reader, char *ret, size_t size)
{
        struct sq_str text = sqi_read_str(reader);

        sqi_read_demand(reader, text.len < size && !memchr(text.ptr, '\0', text.len),
                        "a text that is too long, or with a NUL in it");
        if (reader->error)
                text.len = 0;
        memcpy(ret, text.ptr, text.len);
        ret[text.len] = '\0';
}

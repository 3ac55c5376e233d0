/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads records (lines, CSV with line ends in quotes, values of msgpack) of a file by offset. A window of the file
 * stands in a buffer:
 *
 *     buffer  [ ....... read ....... | rest of the window ... | free ]
 *                                    at                     fill   room
 *     file     offset of `at` is `offset`; nothing is read beyond `limit`
 *
 * pread() and not mmap: a file that somebody truncates must not kill the worker by SIGBUS.
 */
#include <errno.h>
#include <poll.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/value.h"

enum { WINDOW = 256 * 1024, LONGEST = 1 << 30 };

void
sq_reader_close(struct sq_reader *reader)
{
        sq_decompressor_close(&reader->packed);
        free(reader->buffer);
        reader->buffer = NULL;
        reader->at = reader->fill = reader->room = 0;
}

void
sq_reader_seek(struct sq_reader *reader, uint64_t offset)
{
        uint64_t first = reader->offset - reader->at;

        if (offset >= first && offset - first <= reader->fill)
                reader->at = (size_t)(offset - first);
        else
                reader->at = reader->fill = 0;
        reader->offset = offset;
}

void
sq_reader_open(struct sq_reader *reader, int fd, uint64_t offset, uint64_t limit)
{
        sq_decompressor_close(&reader->packed);
        reader->looked = reader->piped = reader->ended = false;
        reader->fd = fd;
        reader->offset = offset;
        reader->limit = limit;
        reader->at = reader->fill = 0;
}

void
sq_reader_open_pipe(struct sq_reader *reader, int fd)
{
        sq_reader_open(reader, fd, 0, UINT64_MAX);
        reader->looked = reader->piped = true;
}

/* Makes place behind `fill`. 0 or a negative errno. */
static int
make_room(struct sq_reader *reader)
{
        size_t room = reader->room ? reader->room * 2 : WINDOW;
        char *grown;

        if (reader->at > 0) {
                memmove(reader->buffer, reader->buffer + reader->at, reader->fill - reader->at);
                reader->fill -= reader->at;
                reader->at = 0;
        }
        if (reader->fill < reader->room)
                return 0;
        if (room > LONGEST)
                return -EFBIG;
        grown = realloc(reader->buffer, room);
        if (!grown)
                return -ENOMEM;
        reader->buffer = grown;
        reader->room = room;
        return 0;
}

/* The first time, finds out how the file is to be read. 0 or a negative errno. */
static int
look(struct sq_reader *reader)
{
        int r = reader->looked || !sq_decompresses(reader->fd) ? 0 : sq_decompressor_open(reader->fd, &reader->packed);

        reader->looked = r == 0;
        return r;
}

/* A terminal has many ends; the first one counts. */
static ssize_t
read_pipe(struct sq_reader *reader, char *bytes, size_t n)
{
        struct pollfd wait = {.fd = reader->fd, .events = POLLIN};
        ssize_t got;
        int r;

        if (reader->ended)
                return 0;
        r = poll(&wait, 1, 0);
        if (r == 0 || (r < 0 && errno == EINTR))
                return -EAGAIN;
        got = r < 0 ? r : read(reader->fd, bytes, n);
        reader->ended = got == 0;
        return got >= 0 ? got : errno == EINTR ? -EAGAIN : -errno;
}

static ssize_t
read_at(struct sq_reader *reader, char *bytes, size_t n, uint64_t offset)
{
        ssize_t got;

        if (reader->piped)
                return read_pipe(reader, bytes, n);
        if (reader->packed)
                return sq_decompressor_read(reader->packed, bytes, n, offset);
        do
                got = pread(reader->fd, bytes, n, (off_t)offset);
        while (got < 0 && errno == EINTR);
        return got < 0 ? -errno : got;
}

/* Reads on. The number of bytes, 0 at the end, or a negative errno. */
static ssize_t
fill_up(struct sq_reader *reader)
{
        uint64_t from = reader->offset + (reader->fill - reader->at), left;
        ssize_t n = look(reader);
        size_t room;

        if (n == 0)
                n = make_room(reader);
        if (n < 0)
                return n;
        room = reader->room - reader->fill;
        left = reader->limit > from ? reader->limit - from : 0;
        n = read_at(reader, reader->buffer + reader->fill, left < room ? (size_t)left : room, from);
        if (n < 0)
                return n;
        reader->fill += (size_t)n;
        return n;
}

/* The line end of the record at `at`, or NULL; what is known to hold none is passed over by *scanned. */
static const char *
scan(struct sq_reader *reader, bool last, size_t *scanned)
{
        const char *start = reader->buffer + reader->at;
        size_t len = reader->fill - reader->at;
        const char *line;

        if (len == 0)
                return NULL;
        if (reader->csv)
                return sq_csv_record(start, len, last, reader->dialect, &reader->wrong);
        line = memchr(start + *scanned, '\n', len - *scanned);
        *scanned = len;
        return line || !last ? line : start + len;
}

/* The next value of msgpack; the last one may be cut short. 1; 0: it is not all there; or a negative errno: -EILSEQ: a
 * byte begins none, and where the next one begins nobody knows. */
static int
take_value(struct sq_reader *reader, bool last, struct sq_str *ret)
{
        struct sq_str rest = {reader->buffer + reader->at, reader->fill - reader->at};
        struct sqi_walk walk = {0};
        ptrdiff_t n = rest.len > 0 ? sqi_walk_value(&walk, rest.ptr, rest.len) : 0;

        if (n < 0)
                return -EILSEQ;
        if (!last && (n == 0 || walk.values > 0 || walk.bytes > 0))
                return 0;
        rest.len = walk.values > 0 || walk.bytes > 0 ? rest.len : (size_t)n;
        *ret = rest;
        reader->at += rest.len;
        reader->offset += rest.len;
        return rest.len > 0;
}

static void
take(struct sq_reader *reader, size_t whole, struct sq_str *ret)
{
        const char *start = reader->buffer + reader->at;
        size_t len = whole;

        len -= len > 0 && start[len - 1] == '\n';
        len -= len > 0 && start[len - 1] == '\r';
        *ret = (struct sq_str){start, len};
        reader->at += whole;
        reader->offset += whole;
}

/* Passes over a byte order mark at the start of the file. */
static int
skip_mark(struct sq_reader *reader)
{
        ssize_t n = 1;

        while (n > 0 && reader->fill - reader->at < 3)
                n = fill_up(reader);
        if (n < 0)
                return (int)n;
        if (reader->fill - reader->at >= 3 && memcmp(reader->buffer + reader->at, "\xef\xbb\xbf", 3) == 0) {
                reader->at += 3;
                reader->offset += 3;
        }
        return 0;
}

/* The next record that stands in the window. 1; 0: there is none; or a negative errno. */
static int
take_record(struct sq_reader *reader, bool last, size_t *scanned, struct sq_str *ret)
{
        const char *end = reader->buffer + reader->fill, *line;

        if (reader->msgpack)
                return take_value(reader, last, ret);
        line = scan(reader, last, scanned);
        if (line)
                take(reader, (size_t)(line - reader->buffer) - reader->at + (line < end), ret);
        return line != NULL;
}

static int
next_record(struct sq_reader *reader, bool partial, struct sq_str *ret)
{
        size_t scanned = 0;
        bool last = false;
        ssize_t n;
        int r;

        for (;;) {
                r = take_record(reader, last, &scanned, ret);
                if (r != 0 || last)
                        return r;
                n = fill_up(reader);
                if (n < 0)
                        return (int)n;
                if (n == 0 && (!partial || reader->fill == reader->at))
                        return 0;
                if (n == 0) {
                        last = true;
                        scanned = 0;
                }
        }
}

int
sq_reader_next(struct sq_reader *reader, bool partial, struct sq_str *ret)
{
        int r = reader->offset == 0 && !reader->msgpack ? skip_mark(reader) : 0;

        reader->wrong = NULL;
        if (r < 0)
                return r;
        do
                r = next_record(reader, partial, ret);
        while (r > 0 && reader->csv && ret->len == 0);
        return r;
}

size_t
sq_reader_lines(struct sq_reader *reader, size_t most, struct sq_str *records, uint64_t *offsets)
{
        size_t n = 0, left;
        const char *line, *at;

        if (reader->csv || reader->msgpack || reader->offset == 0) /* a byte order mark may stand there */
                return 0;
        reader->wrong = NULL;
        for (; n < most; n++) {
                at = reader->buffer + reader->at;
                left = reader->fill - reader->at;
                line = left > 0 ? memchr(at, '\n', left) : NULL;
                if (!line)
                        break;
                offsets[n] = reader->offset;
                take(reader, (size_t)(line - at) + 1, &records[n]);
        }
        return n;
}

int
sq_reader_align(struct sq_reader *reader, uint64_t first, uint64_t offset, uint64_t *ret_offset)
{
        struct sq_str record;
        int r = 1;

        if (offset <= first) {
                *ret_offset = first;
                return 0;
        }
        /* Whether a line end is within quotes, and where a value begins, only what is before tells; elsewhere the byte
         * before will do. */
        sq_reader_seek(reader, reader->csv || reader->msgpack ? first : offset - 1);
        while (r > 0 && reader->offset < offset)
                r = sq_reader_next(reader, true, &record);
        if (r >= 0)
                *ret_offset = reader->offset;
        return r < 0 ? r : 0;
}

const char *
sq_reader_error(const struct sq_reader *reader, int r)
{
        if (r == -EBADMSG && reader->packed)
                return sq_decompressor_wrong(reader->packed);
        if (r == -EILSEQ)
                return "no value of msgpack begins so, and where the next one begins is not known";
        return r == -EFBIG ? "a record of more than 1 GiB" : strerror(-r);
}

bool
sq_reader_is_final(int r)
{
        return r == -EBADMSG || r == -EFBIG || r == -EILSEQ;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads records (lines, or CSV records with line ends in quotes) of a file by offset. A window of the file stands in a buffer:
 *
 *     buffer  [ ....... read ....... | rest of the window ... | free ]
 *                                    at                     fill   room
 *     file     offset of `at` is `offset`; nothing is read beyond `limit`
 *
 * pread() and not mmap: a file that somebody truncates must not kill the worker by SIGBUS.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW = 256 * 1024, LONGEST = 1 << 30 };

void
sq_reader_close(struct sq_reader *reader)
{
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
        reader->fd = fd;
        reader->offset = offset;
        reader->limit = limit;
        reader->at = reader->fill = 0;
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

/* Reads on. The number of bytes, 0 at the end, or a negative errno. */
static ssize_t
fill_up(struct sq_reader *reader)
{
        uint64_t from = reader->offset + (reader->fill - reader->at), left;
        ssize_t n = make_room(reader);
        size_t room = reader->room - reader->fill;

        if (n < 0)
                return n;
        left = reader->limit > from ? reader->limit - from : 0;
        do
                n = pread(reader->fd, reader->buffer + reader->fill, left < room ? (size_t)left : room, (off_t)from);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        reader->fill += (size_t)n;
        return n;
}

/* The length of the record at `at` without its line end; what is known to hold none is passed over by *scanned, *open. */
static const char *
scan(const struct sq_reader *reader, size_t *scanned, bool *open)
{
        const char *start = reader->buffer + reader->at, *end = reader->buffer + reader->fill, *line;

        while (start + *scanned < end && (line = memchr(start + *scanned, '\n', (size_t)(end - start) - *scanned))) {
                if (reader->quoted)
                        *open ^= sq_csv_open(start + *scanned, (size_t)(line - start) - *scanned);
                if (!*open)
                        return line;
                *scanned = (size_t)(line - start) + 1;
        }
        if (!reader->quoted)
                *scanned = (size_t)(end - start);
        return NULL;
}

static int
take(struct sq_reader *reader, size_t len, size_t whole, struct sq_str *ret)
{
        const char *start = reader->buffer + reader->at;

        if (start && len > 0 && start[len - 1] == '\r')
                len--;
        *ret = (struct sq_str){start, len};
        reader->at += whole;
        reader->offset += whole;
        return 1;
}

int
sq_reader_next(struct sq_reader *reader, bool partial, struct sq_str *ret)
{
        size_t scanned = 0, rest;
        bool open = false;
        const char *line;
        ssize_t n;

        for (;;) {
                line = scan(reader, &scanned, &open);
                rest = reader->fill - reader->at;
                if (line) {
                        size_t len = (size_t)(line - reader->buffer) - reader->at;

                        return take(reader, len, len + 1, ret);
                }
                n = fill_up(reader);
                if (n < 0)
                        return (int)n;
                if (n == 0)
                        return partial && rest > 0 ? take(reader, rest, rest, ret) : 0;
        }
}

int
sq_reader_align(struct sq_reader *reader, uint64_t first, uint64_t offset, uint64_t *ret_offset)
{
        struct sq_str record;
        int rc = 1;

        if (offset <= first) {
                *ret_offset = first;
                return 0;
        }
        /* Whether a line end is within quotes only the text from the start tells; elsewhere the byte before will do. */
        sq_reader_seek(reader, reader->quoted ? first : offset - 1);
        while (rc > 0 && reader->offset < offset)
                rc = sq_reader_next(reader, true, &record);
        if (rc >= 0)
                *ret_offset = reader->offset;
        return rc < 0 ? rc : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records in a stream of bytes: squall-connect.h has the framings.
 *
 *     bytes   [ taken | not yet a record | free ]
 *                     at                 fill   room
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 * 1024, LENGTH = 4, DIGITS_MAX = 9 };

char *
sq_frames_room(struct sq_frames *frames, size_t *ret_size)
{
        size_t room;
        char *grown;

        if (frames->at > 0) {
                memmove(frames->bytes, frames->bytes + frames->at, frames->fill - frames->at);
                frames->fill -= frames->at;
                frames->at = 0;
        }
        if (frames->room - frames->fill < CHUNK) {
                room = 2 * frames->room > frames->fill + CHUNK ? 2 * frames->room : frames->fill + CHUNK;
                grown = realloc(frames->bytes, room);
                if (!grown)
                        return NULL;
                frames->bytes = grown;
                frames->room = room;
        }
        *ret_size = frames->room - frames->fill;
        return frames->bytes + frames->fill;
}

/* A record of `len` bytes behind `head` others. */
static int
take_counted(struct sq_frames *frames, size_t head, size_t len, bool ended, struct sq_str *ret)
{
        size_t n = frames->fill - frames->at;

        if (len > frames->limit)
                return -EMSGSIZE;
        if (n < head + len)
                return ended && n > 0 ? -EPIPE : 0;
        *ret = (struct sq_str){frames->bytes + frames->at + head, len};
        frames->at += head + len;
        return 1;
}

static int
take_length(struct sq_frames *frames, bool ended, struct sq_str *ret)
{
        const uint8_t *at = (const uint8_t *)frames->bytes + frames->at;
        size_t n = frames->fill - frames->at;

        if (n < LENGTH)
                return ended && n > 0 ? -EPIPE : 0;
        return take_counted(frames, LENGTH,
                            (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | (size_t)at[3], ended, ret);
}

/* Takes what is left of a line that was too long; false if its end is not here yet. */
static bool
skip_line(struct sq_frames *frames)
{
        const char *at = frames->bytes + frames->at;
        size_t n = frames->fill - frames->at;
        const char *end = n > 0 ? memchr(at, '\n', n) : NULL;

        frames->at += end ? (size_t)(end - at) + 1 : n;
        return end;
}

/* A line without its end. One that is too long is reported once, and left out up to its end. */
static int
take_line(struct sq_frames *frames, bool ended, struct sq_str *ret)
{
        const char *at = frames->bytes + frames->at;
        size_t n = frames->fill - frames->at, len;
        const char *end = n > 0 ? memchr(at, '\n', n) : NULL;

        len = end ? (size_t)(end - at) : n;
        if (len > frames->limit) {
                frames->skipping = true;
                return -EMSGSIZE;
        }
        if (!end && (!ended || n == 0))
                return 0;
        frames->at += len + (end != NULL);
        *ret = (struct sq_str){at, len > 0 && at[len - 1] == '\r' ? len - 1 : len};
        return 1;
}

/* RFC 6587: `LENGTH MESSAGE` where it begins with a digit other than 0, else a line. */
static int
take_syslog(struct sq_frames *frames, bool ended, struct sq_str *ret)
{
        const char *at = frames->bytes + frames->at;
        size_t n = frames->fill - frames->at, digits = 0, len = 0;

        if (n == 0 || at[0] < '1' || at[0] > '9')
                return take_line(frames, ended, ret);
        for (; digits < n && digits < DIGITS_MAX && at[digits] >= '0' && at[digits] <= '9'; digits++)
                len = len * 10 + (size_t)(at[digits] - '0');
        if (digits == n)
                return ended ? -EPIPE : 0;
        return at[digits] == ' ' ? take_counted(frames, digits + 1, len, ended, ret) : take_line(frames, ended, ret);
}

int
sq_frames_next(struct sq_frames *frames, int64_t framing, bool ended, struct sq_str *ret)
{
        /* What comes behind such a line is a record like any other, in its framing. */
        if (frames->skipping && !skip_line(frames))
                return 0;
        frames->skipping = false;
        switch (framing) {
        case SQ_FRAMING_LENGTH:
                return take_length(frames, ended, ret);
        case SQ_FRAMING_SYSLOG:
                return take_syslog(frames, ended, ret);
        default:
                return take_line(frames, ended, ret);
        }
}

size_t
sq_frames_lines(struct sq_frames *frames, int64_t framing, size_t most, struct sq_str *records)
{
        const char *at = frames->bytes + frames->at, *end = frames->bytes + frames->fill, *line;
        size_t n = 0, len;

        if (framing != SQ_FRAMING_LINES || frames->skipping)
                return 0;
        for (; n < most && at < end && (line = memchr(at, '\n', (size_t)(end - at))); n++, at = line + 1) {
                len = (size_t)(line - at);
                if (len > frames->limit)
                        break;
                records[n] = (struct sq_str){at, len > 0 && at[len - 1] == '\r' ? len - 1 : len};
        }
        frames->at = (size_t)(at - frames->bytes);
        return n;
}

void
sq_frames_free(struct sq_frames *frames)
{
        free(frames->bytes);
        *frames = (struct sq_frames){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what is compressed in a file by its offset in the uncompressed text. Forward only: an earlier offset begins
 * anew at the start of the file. Members of gzip and frames of zstd may follow one another, as `cat` leaves them.
 *
 *     input   [ ..... done ..... | not decompressed yet | free ]
 *                                at                     fill
 *     file    offset of `fill` is `next`                          text: `offset` bytes of it came out so far
 *
 * A format is a row of `formats`; one without `open` is known by its first bytes, to be refused with its name.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef SQI_WITH_ZLIB
#include <zlib.h>
#endif
#ifdef SQI_WITH_LIBZSTD
#include <zstd.h>
#endif

#include "base/compression.h"

enum { INPUT = 64 * 1024, MAGIC = 8, WRONG = 192 };

struct sq_decompressor {
        const struct format *format;
        void *stream;
        int fd;
        uint64_t next, offset;
        size_t at, fill;
        bool within; /* a member or frame has begun and not ended */
        char wrong[WRONG];
        unsigned char input[INPUT];
};

/* `open`: *ret_stream, or -ENOMEM. `rewind`: to before the first byte. `step`: decompresses input from `at` on to at
 * most `n` bytes; how many; *ret_ended: the member or frame is whole. -EBADMSG with *ret_wrong: the input is
 * damaged. */
struct format {
        const char *name, *magic;
        size_t len;
        int (*open)(void **ret_stream);
        void (*close)(void *stream);
        void (*rewind)(void *stream);
        ssize_t (*step)(struct sq_decompressor *from, void *bytes, size_t n, bool *ret_ended, const char **ret_wrong);
};

/* ---- gzip -------------------------------------------------------------------------------------------- */

#ifdef SQI_WITH_ZLIB
enum { GZIP_ONLY = 15 + 16 };

static int
gzip_open(void **ret_stream)
{
        z_stream *stream = calloc(1, sizeof(*stream));

        if (stream && inflateInit2(stream, GZIP_ONLY) == Z_OK) {
                *ret_stream = stream;
                return 0;
        }
        free(stream);
        return -ENOMEM;
}

static void
gzip_close(void *stream)
{
        (void)inflateEnd(stream);
        free(stream);
}

static void
gzip_rewind(void *stream)
{
        (void)inflateReset(stream);
}

static ssize_t
gzip_step(struct sq_decompressor *from, void *bytes, size_t n, bool *ret_ended, const char **ret_wrong)
{
        z_stream *stream = from->stream;
        int r;

        stream->next_in = from->input + from->at;
        stream->avail_in = (unsigned)(from->fill - from->at);
        stream->next_out = bytes;
        stream->avail_out = n < UINT32_MAX ? (unsigned)n : UINT32_MAX;
        n = stream->avail_out;
        r = inflate(stream, Z_NO_FLUSH);
        from->at = from->fill - stream->avail_in;
        *ret_ended = r == Z_STREAM_END;
        if (r == Z_STREAM_END)
                (void)inflateReset(stream);
        if (r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR)
                return (ssize_t)(n - stream->avail_out);
        *ret_wrong = stream->msg ? stream->msg : "no memory";
        return r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}
#endif

/* ---- zstd -------------------------------------------------------------------------------------------- */

#ifdef SQI_WITH_LIBZSTD
static int
zstd_open(void **ret_stream)
{
        *ret_stream = ZSTD_createDCtx();
        return *ret_stream ? 0 : -ENOMEM;
}

static void
zstd_close(void *stream)
{
        (void)ZSTD_freeDCtx(stream);
}

static void
zstd_rewind(void *stream)
{
        (void)ZSTD_DCtx_reset(stream, ZSTD_reset_session_only);
}

static ssize_t
zstd_step(struct sq_decompressor *from, void *bytes, size_t n, bool *ret_ended, const char **ret_wrong)
{
        ZSTD_inBuffer in = {from->input, from->fill, from->at};
        ZSTD_outBuffer out = {bytes, n, 0};
        size_t r = ZSTD_decompressStream(from->stream, &out, &in);

        from->at = in.pos;
        *ret_ended = r == 0;
        if (!ZSTD_isError(r))
                return (ssize_t)out.pos;
        *ret_wrong = ZSTD_getErrorName(r);
        return -EBADMSG;
}
#endif

/* ---- Any --------------------------------------------------------------------------------------------- */

static const struct format formats[] = {
#ifdef SQI_WITH_ZLIB
        {"gzip", SQI_GZIP_MAGIC, sizeof(SQI_GZIP_MAGIC) - 1, gzip_open, gzip_close, gzip_rewind, gzip_step},
#else
        {.name = "gzip", .magic = SQI_GZIP_MAGIC, .len = sizeof(SQI_GZIP_MAGIC) - 1},
#endif
#ifdef SQI_WITH_LIBZSTD
        {"zstd", SQI_ZSTD_MAGIC, sizeof(SQI_ZSTD_MAGIC) - 1, zstd_open, zstd_close, zstd_rewind, zstd_step},
#else
        {.name = "zstd", .magic = SQI_ZSTD_MAGIC, .len = sizeof(SQI_ZSTD_MAGIC) - 1},
#endif
        {.name = "xz",
         .magic = "\xfd"
                  "7zXZ",
         .len = 5},
        {.name = "bzip2", .magic = "BZh", .len = 3},
        {.name = "lz4", .magic = "\x04\x22\x4d\x18", .len = 4},
        {.name = "zip", .magic = "PK\x03\x04", .len = 4},
};

static const struct format *
format_of_text(const char *head, ssize_t n)
{
        for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
                if (n >= (ssize_t)formats[i].len && memcmp(head, formats[i].magic, formats[i].len) == 0)
                        return &formats[i];
        return NULL;
}

static const struct format *
format_of(int fd)
{
        char head[MAGIC] = {0};

        return format_of_text(head, pread(fd, head, sizeof(head), 0));
}

const char *
sq_compressed_text(struct sq_str text)
{
        const struct format *format = format_of_text(text.ptr, text.len < MAGIC ? (ssize_t)text.len : MAGIC);

        return format ? format->name : NULL;
}

const char *
sq_compressed(int fd)
{
        const struct format *format = format_of(fd);

        return format ? format->name : NULL;
}

bool
sq_decompresses(int fd)
{
        const struct format *format = format_of(fd);

        return format && format->open;
}

int
sq_decompressor_open(int fd, struct sq_decompressor **ret)
{
        const struct format *format = format_of(fd);
        struct sq_decompressor *from;

        if (!format || !format->open)
                return -EOPNOTSUPP;
        from = calloc(1, sizeof(*from));
        if (!from)
                return -ENOMEM;
        if (format->open(&from->stream) < 0) {
                free(from);
                return -ENOMEM;
        }
        from->format = format;
        from->fd = fd;
        *ret = from;
        return 0;
}

void
sq_decompressor_close(struct sq_decompressor **from)
{
        if (!*from)
                return;
        (*from)->format->close((*from)->stream);
        free(*from);
        *from = NULL;
}

const char *
sq_decompressor_wrong(const struct sq_decompressor *from)
{
        return from->wrong;
}

static void
begin_anew(struct sq_decompressor *from)
{
        from->format->rewind(from->stream);
        from->next = from->offset = 0;
        from->at = from->fill = 0;
        from->within = false;
}

/* More input; how much there is, 0 at the end of the file. */
static ssize_t
more_input(struct sq_decompressor *from)
{
        ssize_t n;

        if (from->at < from->fill)
                return (ssize_t)(from->fill - from->at);
        do
                n = pread(from->fd, from->input, sizeof(from->input), (off_t)from->next);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        from->at = 0;
        from->fill = (size_t)n;
        from->next += (uint64_t)n;
        return n;
}

static ssize_t
is_wrong(struct sq_decompressor *from, const char *how, const char *what)
{
        snprintf(from->wrong, sizeof(from->wrong), "the %s data %s at byte %llu of the file: %s", from->format->name,
                 how, (unsigned long long)(from->next - (from->fill - from->at)), what);
        return -EBADMSG;
}

/* Tapes and disks pad with zeroes what is written to them. */
static bool
is_padding(const struct sq_decompressor *from)
{
        return !from->within && from->input[from->at] == 0;
}

/* The next bytes of the text; 0 at its end. */
static ssize_t
decompress(struct sq_decompressor *from, void *bytes, size_t size)
{
        const char *wrong = NULL;
        bool ended = false;
        ssize_t n;

        for (;;) {
                n = more_input(from);
                if (n == 0 && from->within)
                        return is_wrong(from, "ends too early,", "the rest is missing");
                if (n <= 0)
                        return n;
                if (is_padding(from)) {
                        from->at++;
                        continue;
                }
                from->within = true;
                n = from->format->step(from, bytes, size, &ended, &wrong);
                if (n < 0)
                        return n == -EBADMSG ? is_wrong(from, "is damaged", wrong) : n;
                from->within = !ended;
                from->offset += (uint64_t)n;
                if (n > 0)
                        return n;
        }
}

ssize_t
sq_decompressor_read(struct sq_decompressor *from, void *bytes, size_t size, uint64_t offset)
{
        ssize_t n = 1;

        if (offset < from->offset)
                begin_anew(from);
        while (from->offset < offset && n > 0) {
                uint64_t left = offset - from->offset;

                n = decompress(from, bytes, left < size ? (size_t)left : size);
        }
        return n > 0 && size > 0 ? decompress(from, bytes, size) : n;
}

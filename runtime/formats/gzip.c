/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appends to a file of gzip members (RFC 1952), each of which is whole or cut off, whoever was killed.
 *
 * A member of ours says in an extra field of its header how long it is, so that the end of the last one is found
 * without decompressing anything:
 *
 *     1f 8b 08 04   00 00 00 00   00 03   0c 00   'S' 'Q' 08 00   length, 64 bits, little-endian   deflated, CRC, size
 *     \_ magic, deflate, an extra field   \_ 12 bytes of it: one part of 8 bytes
 *
 * Before a member is appended, under the file's lock, the file ends where the last one ended that this task has
 * written. Else another one has written meanwhile, or was killed: from there on (at first from the start of the file)
 * the members are counted off, and one that goes on behind the end of the file is cut off. A member of somebody else is
 * decompressed to find its end; one of those that was cut short is not ours to cut.
 */
#include <errno.h>
#include <fcntl.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef SQI_WITH_ZLIB
#include <zlib.h>

enum { FIXED = 16, HEADER = FIXED + 8, TAIL = 8, PIECE = 16 * 1024, GZIP_ONLY = 15 + 16, RAW = -15, MEMORY = 8 };

static const unsigned char fixed[FIXED] = {0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, 12, 0, 'S', 'Q', 8, 0};

struct sq_gzip {
        z_stream deflating;
        unsigned char *bytes;
        size_t room;
};

int
sq_gzip_new(struct sq_gzip **ret)
{
        struct sq_gzip *self = calloc(1, sizeof(*self));

        if (!self || deflateInit2(&self->deflating, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW, MEMORY,
                                  Z_DEFAULT_STRATEGY) != Z_OK) {
                free(self);
                return -ENOMEM;
        }
        *ret = self;
        return 0;
}

void
sq_gzip_free(struct sq_gzip **gzip)
{
        struct sq_gzip *self = *gzip;

        if (!self)
                return;
        (void)deflateEnd(&self->deflating);
        free(self->bytes);
        free(self);
        *gzip = NULL;
}

/* ---- A member ---------------------------------------------------------------------------------------- */

static void
put(unsigned char *at, uint64_t value, size_t n)
{
        for (size_t i = 0; i < n; i++)
                at[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t
length_of(const unsigned char header[HEADER])
{
        uint64_t length = 0;

        for (size_t i = 0; i < HEADER - FIXED; i++)
                length |= (uint64_t)header[FIXED + i] << (8 * i);
        return length;
}

int
sq_gzip_member(struct sq_gzip *self, struct sq_str text, struct sq_str *ret)
{
        size_t room = HEADER + deflateBound(&self->deflating, text.len) + TAIL, len;

        if (text.len > UINT32_MAX)
                return -EFBIG;
        if (room > self->room) {
                unsigned char *bytes = realloc(self->bytes, room);

                if (!bytes)
                        return -ENOMEM;
                self->bytes = bytes;
                self->room = room;
        }
        (void)deflateReset(&self->deflating);
        self->deflating.next_in = (z_const Bytef *)(uintptr_t)text.ptr;
        self->deflating.avail_in = (unsigned)text.len;
        self->deflating.next_out = self->bytes + HEADER;
        self->deflating.avail_out = (unsigned)(self->room - HEADER - TAIL);
        if (deflate(&self->deflating, Z_FINISH) != Z_STREAM_END)
                return -EIO;
        len = HEADER + self->deflating.total_out;
        memcpy(self->bytes, fixed, FIXED);
        put(self->bytes + FIXED, len + TAIL, HEADER - FIXED);
        put(self->bytes + len, crc32(crc32(0, NULL, 0), (const Bytef *)text.ptr, (unsigned)text.len), 4);
        put(self->bytes + len + 4, text.len, 4);
        *ret = (struct sq_str){(const char *)self->bytes, len + TAIL};
        return 0;
}

/* ---- The end of a file ------------------------------------------------------------------------------- */

/* Of a member of somebody else at `at`. 0 or a negative errno; -EBADMSG: it is none, or cut short. */
static int
skip_foreign(int fd, uint64_t at, uint64_t *ret_end)
{
        unsigned char in[PIECE], out[PIECE];
        z_stream stream = {.next_in = in};
        int r = Z_OK;
        ssize_t n = 1;

        if (inflateInit2(&stream, GZIP_ONLY) != Z_OK)
                return -ENOMEM;
        while (r == Z_OK && n > 0) {
                n = pread(fd, in, sizeof(in), (off_t)at);
                stream.next_in = in;
                stream.avail_in = n > 0 ? (unsigned)n : 0;
                while (r == Z_OK && stream.avail_in > 0) {
                        stream.next_out = out;
                        stream.avail_out = sizeof(out);
                        r = inflate(&stream, Z_NO_FLUSH);
                }
                at += n > 0 ? (uint64_t)n - stream.avail_in : 0;
        }
        (void)inflateEnd(&stream);
        *ret_end = at;
        return n < 0 ? -errno : r == Z_STREAM_END ? 0 : -EBADMSG;
}

/* Behind the last whole member between `at`, where one begins or the file ends, and `size`. *ret_cut: what follows is
 * a part of one of ours. */
static int
find_end(int fd, uint64_t at, uint64_t size, uint64_t *ret_end, bool *ret_cut)
{
        unsigned char header[HEADER];

        *ret_cut = false;
        while (at < size) {
                ssize_t n = pread(fd, header, sizeof(header), (off_t)at);
                uint64_t next = at;
                int r = 0;

                if (n <= 0)
                        return n < 0 ? -errno : -EBADMSG;
                if (memcmp(header, fixed, n < FIXED ? (size_t)n : FIXED) == 0) {
                        next += n < HEADER ? UINT32_MAX : length_of(header);
                        *ret_cut = next > size || next <= at;
                } else {
                        r = skip_foreign(fd, at, &next);
                }
                if (r < 0)
                        return r;
                if (*ret_cut)
                        break;
                at = next;
        }
        *ret_end = at;
        return 0;
}

/* Under the lock: cuts off what was torn. *end: where the file ends then. 0 or a negative errno. */
static int
mend(int fd, uint64_t *end)
{
        char path[64];
        struct stat about;
        bool torn;
        int look, r;

        if (fstat(fd, &about) < 0)
                return -errno;
        if ((uint64_t)about.st_size == *end)
                return 0;
        if ((uint64_t)about.st_size < *end)
                *end = 0; /* it was truncated */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        look = open(path, O_RDONLY | O_CLOEXEC);
        if (look < 0)
                return -errno;
        r = find_end(look, *end, (uint64_t)about.st_size, end, &torn);
        close(look);
        return r == 0 && torn && ftruncate(fd, (off_t)*end) < 0 ? -errno : r;
}

int
sq_gzip_mend(int fd, uint64_t *end)
{
        int r;

        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return -errno;
        r = mend(fd, end);
        flock(fd, LOCK_UN);
        return r;
}

/* ---- Appending --------------------------------------------------------------------------------------- */

static int
write_member(struct sq_gzip *self, int fd, struct sq_str text)
{
        struct sq_str member;
        int r = sq_gzip_member(self, text, &member);

        while (r == 0 && member.len > 0) {
                ssize_t n = write(fd, member.ptr, member.len);

                if (n < 0 && errno != EINTR)
                        r = -errno;
                member.ptr += n > 0 ? n : 0;
                member.len -= n > 0 ? (size_t)n : 0;
        }
        return r;
}

int
sq_gzip_append(struct sq_gzip *self, int fd, uint64_t *end, struct sq_str header, struct sq_str text)
{
        struct stat about;
        int r;

        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return -errno;
        r = mend(fd, end);
        if (r == 0) {
                if (*end == 0 && header.len > 0)
                        r = write_member(self, fd, header);
                if (r == 0)
                        r = write_member(self, fd, text);
                if (r < 0)
                        (void)!ftruncate(fd, (off_t)*end); /* the next one cuts it off */
                else
                        *end = fstat(fd, &about) < 0 ? 0 : (uint64_t)about.st_size;
        }
        flock(fd, LOCK_UN);
        return r;
}

#else /* without zlib nobody has one */

int
sq_gzip_new(struct sq_gzip **ret)
{
        (void)ret;
        return -EOPNOTSUPP;
}

void
sq_gzip_free(struct sq_gzip **gzip)
{
        *gzip = NULL;
}

int
sq_gzip_member(struct sq_gzip *self, struct sq_str text, struct sq_str *ret)
{
        (void)self, (void)text, (void)ret;
        return -EOPNOTSUPP;
}

int
sq_gzip_mend(int fd, uint64_t *end)
{
        (void)fd, (void)end;
        return -EOPNOTSUPP;
}

int
sq_gzip_append(struct sq_gzip *self, int fd, uint64_t *end, struct sq_str header, struct sq_str text)
{
        (void)self, (void)fd, (void)end, (void)header, (void)text;
        return -EOPNOTSUPP;
}
#endif

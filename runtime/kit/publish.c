/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines that are appended to a file once (squall-kit.h has the contract).
 *
 * PATH.commits says up to which epoch each writer is through, and which chunk is being appended: where it begins, how
 * long it is, its hash. It is replaced by a rename each time, so it is whole whenever somebody dies:
 *
 *     1  lock PATH; what another writer began and did not end is ended or cut off, by the same rule
 *     2  PATH.commits: the chunk begins at the end of PATH          synced
 *     3  the chunk is appended                                      synced
 *     4  PATH.commits: the writer is through with the epoch         not synced: rule 1 finds out again
 *
 * A chunk of which PATH has all bytes was appended, one of which it has some is cut off, where it began. In a file of
 * another identity, or in one that is shorter than where the chunk began, nothing is cut.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { PIECE = 64 * 1024, WRITERS_MAX = 4096 };

/* PATH.commits. Of this machine alone, in its byte order. Then `nwriters` epochs, and the XXH3 hash of all before. */
struct record {
        char magic[4]; /* "SQC" and the version */
        uint32_t nwriters, writer, pending;
        uint64_t device, inode, epoch, offset, length, hash;
};

static const char magic[4] = {'S', 'Q', 'C', 1};

struct publishing {
        const char *path;
        int fd; /* of PATH, locked */
        struct record record;
        uint64_t done[WRITERS_MAX]; /* by writer */
};

/* ---- Files ------------------------------------------------------------------------------------------- */

static int
write_all(int fd, const char *bytes, size_t n)
{
        while (n > 0) {
                ssize_t written = write(fd, bytes, n);

                if (written < 0 && errno != EINTR)
                        return -errno;
                bytes += written > 0 ? written : 0;
                n -= written > 0 ? (size_t)written : 0;
        }
        return 0;
}

/* 0 or a negative errno, also of what close() says. */
static int
close_synced(int fd, int r)
{
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (close(fd) < 0 && r == 0)
                r = -errno;
        return r;
}

static int
name_of(const char *path, const char *ending, char ret[PATH_MAX])
{
        return snprintf(ret, PATH_MAX, "%s.commits%s", path, ending) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* ---- PATH.commits ------------------------------------------------------------------------------------ */

static size_t
size_of(const struct record *record)
{
        return sizeof(*record) + (record->nwriters + 1u) * sizeof(uint64_t);
}

static int
parse(struct publishing *it, const char *bytes, size_t n)
{
        uint64_t hash;

        if (n < sizeof(it->record))
                return -EBADMSG;
        memcpy(&it->record, bytes, sizeof(it->record));
        if (memcmp(it->record.magic, magic, sizeof(magic)) != 0 || it->record.nwriters > WRITERS_MAX ||
            it->record.writer >= WRITERS_MAX || n != size_of(&it->record))
                return -EBADMSG;
        memcpy(&hash, bytes + n - sizeof(hash), sizeof(hash));
        if (hash != XXH3_64bits(bytes, n - sizeof(hash)))
                return -EBADMSG;
        memcpy(it->done, bytes + sizeof(it->record), it->record.nwriters * sizeof(uint64_t));
        return 0;
}

/* One that is not there says nothing. */
static int
read_record(struct publishing *it)
{
        static const size_t most = sizeof(struct record) + (WRITERS_MAX + 1u) * sizeof(uint64_t);
        char name[PATH_MAX], *bytes;
        ssize_t n;
        int r = name_of(it->path, "", name), fd;

        memcpy(it->record.magic, magic, sizeof(magic));
        if (r < 0)
                return r;
        fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        bytes = malloc(most);
        n = bytes ? read(fd, bytes, most) : -1;
        r = n < 0 ? -errno : parse(it, bytes, (size_t)n);
        free(bytes);
        close(fd);
        return r;
}

/* Not `sync`: whether it is this one or the one before is open until somebody syncs the folder. */
static int
write_record(const struct publishing *it, bool sync)
{
        char name[PATH_MAX], new[PATH_MAX], *bytes = malloc(size_of(&it->record));
        size_t n = size_of(&it->record) - sizeof(uint64_t);
        int r = bytes ? name_of(it->path, ".new", new) : -ENOMEM, fd;
        uint64_t hash;

        if (r == 0) {
                memcpy(bytes, &it->record, sizeof(it->record));
                memcpy(bytes + sizeof(it->record), it->done, n - sizeof(it->record));
                hash = XXH3_64bits(bytes, n);
                memcpy(bytes + n, &hash, sizeof(hash));
                fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
                r = fd < 0 ? -errno : close_synced(fd, write_all(fd, bytes, n + sizeof(hash)));
        }
        if (r == 0)
                r = name_of(it->path, "", name);
        if (r == 0 && rename(new, name) < 0)
                r = -errno;
        free(bytes);
        return r == 0 && sync ? sq_sync_above(it->path) : r;
}

/* ---- The file ---------------------------------------------------------------------------------------- */

static bool
has_name(const char *path, int fd)
{
        struct stat named, opened;

        return stat(path, &named) == 0 && fstat(fd, &opened) == 0 && named.st_dev == opened.st_dev &&
               named.st_ino == opened.st_ino;
}

/* The file that has the name when the lock is taken. */
static int
open_locked(struct publishing *it)
{
        for (;;) {
                it->fd = open(it->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
                if (it->fd < 0)
                        return -errno;
                while (flock(it->fd, LOCK_EX) < 0)
                        if (errno != EINTR) {
                                int r = -errno;

                                close(it->fd);
                                return r;
                        }
                if (has_name(it->path, it->fd))
                        return 0;
                close(it->fd);
        }
}

static int
has_chunk(const struct publishing *it, bool *ret)
{
        XXH3_state_t *state = XXH3_createState();
        uint64_t at = it->record.offset, end = at + it->record.length;
        char bytes[PIECE];
        ssize_t n = 1;

        if (!state)
                return -ENOMEM;
        XXH3_64bits_reset(state);
        while (at < end && n > 0) {
                n = pread(it->fd, bytes, end - at < PIECE ? (size_t)(end - at) : PIECE, (off_t)at);
                XXH3_64bits_update(state, bytes, n > 0 ? (size_t)n : 0);
                at += n > 0 ? (uint64_t)n : 0;
        }
        *ret = at == end && XXH3_64bits_digest(state) == it->record.hash;
        XXH3_freeState(state);
        return n < 0 ? -errno : 0;
}

static void
is_through(struct publishing *it, uint32_t writer, uint64_t epoch)
{
        for (; it->record.nwriters <= writer; it->record.nwriters++)
                it->done[it->record.nwriters] = 0;
        it->done[writer] = epoch;
        it->record.pending = 0;
}

/* A chunk that was begun: is it there? */
static int
settle(struct publishing *it)
{
        struct stat about;
        bool whole = false;
        int r = 0;

        if (!it->record.pending)
                return 0;
        if (fstat(it->fd, &about) < 0)
                return -errno;
        it->record.pending = 0;
        if (about.st_dev != it->record.device || about.st_ino != it->record.inode ||
            (uint64_t)about.st_size <= it->record.offset)
                return 0;
        if ((uint64_t)about.st_size >= it->record.offset + it->record.length)
                r = has_chunk(it, &whole);
        else if (ftruncate(it->fd, (off_t)it->record.offset) < 0)
                r = -errno;
        if (whole)
                is_through(it, it->record.writer, it->record.epoch);
        return r;
}

/* Opens all and finds out how far it is. It is to be closed where this returns 0. */
static int
begin(struct publishing *it, const char *path)
{
        int r;

        it->path = path;
        r = open_locked(it);
        if (r < 0)
                return r;
        r = read_record(it);
        if (r == 0)
                r = settle(it);
        if (r < 0)
                close(it->fd);
        return r;
}

static bool
ends_within_a_line(const struct publishing *it, off_t size)
{
        char last = '\n';

        return size > 0 && !sq_compressed(it->fd) && pread(it->fd, &last, 1, size - 1) == 1 && last != '\n';
}

/* The header of an empty file, or the line end that somebody else left out, and the lines: one chunk, malloc'd. */
static char *
make_chunk(const struct publishing *it, off_t size, struct sq_str header, struct sq_str lines, size_t *ret_n)
{
        char *chunk;

        if (size > 0)
                header = (struct sq_str){"\n", ends_within_a_line(it, size)};
        chunk = malloc(header.len + lines.len);
        if (chunk && header.len > 0)
                memcpy(chunk, header.ptr, header.len);
        if (chunk)
                memcpy(chunk + header.len, lines.ptr, lines.len);
        *ret_n = header.len + lines.len;
        return chunk;
}

static int
append(struct publishing *it, uint32_t writer, uint64_t epoch, struct sq_str header, struct sq_str lines)
{
        struct stat about;
        char *chunk;
        size_t n;
        int r;

        if (fstat(it->fd, &about) < 0)
                return -errno;
        if (sq_decompresses(it->fd) && !sq_compressed_text(lines))
                return -EMEDIUMTYPE;
        chunk = make_chunk(it, about.st_size, header, lines, &n);
        if (!chunk)
                return -ENOMEM;
        it->record = (struct record){.nwriters = it->record.nwriters,
                                     .writer = writer,
                                     .pending = 1,
                                     .device = about.st_dev,
                                     .inode = about.st_ino,
                                     .epoch = epoch,
                                     .offset = (uint64_t)about.st_size,
                                     .length = n,
                                     .hash = XXH3_64bits(chunk, n)};
        memcpy(it->record.magic, magic, sizeof(magic));
        r = write_record(it, true);
        if (r == 0)
                r = write_all(it->fd, chunk, n);
        if (r == 0 && fsync(it->fd) < 0)
                r = -errno;
        if (r < 0 && ftruncate(it->fd, about.st_size) < 0)
                r = -errno; /* the next one cuts it off */
        free(chunk);
        return r;
}

/* ---- The public functions ---------------------------------------------------------------------------- */

int
sq_publish(const char *path, unsigned writer, uint64_t epoch, struct sq_str header, struct sq_str lines)
{
        struct publishing *it;
        int r;

        if (lines.len == 0)
                return 0;
        if (writer >= WRITERS_MAX)
                return -EINVAL;
        it = calloc(1, sizeof(*it));
        r = it ? begin(it, path) : -ENOMEM;
        if (r < 0) {
                free(it);
                return r;
        }
        if (writer >= it->record.nwriters || it->done[writer] < epoch) {
                r = append(it, writer, epoch, header, lines);
                if (r == 0) {
                        is_through(it, writer, epoch);
                        r = write_record(it, false);
                }
        }
        close(it->fd);
        free(it);
        return r;
}

int
sq_publish_back(const char *path, unsigned writer, uint64_t epoch)
{
        struct publishing *it = calloc(1, sizeof(*it));
        int r = it ? begin(it, path) : -ENOMEM;

        if (r == 0) {
                if (writer < it->record.nwriters && it->done[writer] > epoch) {
                        it->done[writer] = epoch;
                        r = write_record(it, true);
                        r = r == 0 ? 1 : r;
                }
                close(it->fd);
        }
        free(it);
        return r;
}

int
sq_publish_anew(const char *path, bool empty)
{
        struct publishing *it = calloc(1, sizeof(*it));
        char name[PATH_MAX];
        int r = it ? begin(it, path) : -ENOMEM;

        if (r == -EBADMSG) /* whatever it said is over */
                r = open_locked(it);
        if (r == 0) {
                if (empty && ftruncate(it->fd, 0) < 0)
                        r = -errno;
                if (r == 0)
                        r = name_of(path, "", name);
                if (r == 0 && unlink(name) < 0 && errno != ENOENT)
                        r = -errno;
                close(it->fd);
        }
        free(it);
        return r;
}

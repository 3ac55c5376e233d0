/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines that are appended to a file once (squall-files.h has the contract).
 *
 * PATH.commits says up to which epoch each writer is through, and which chunk is being appended: where it begins, how
 * long it is, its hash. It is replaced by a rename each time, so it is whole whenever somebody dies:
 *
 *     1  lock PATH.commits; what another writer began and did not end is ended or cut off, by the same rule
 *     2  PATH.commits: the chunk begins at the end of PATH          synced
 *     3  the chunk is appended                                      synced
 *     4  PATH.commits: the writer is through with the epoch         not synced: rule 1 finds out again
 *
 * A chunk of which the file has all bytes was appended, one of which it has some is cut off, where it began. The file
 * may have been taken away meanwhile, as logrotate does: it is looked for beside PATH, by names that go on behind that
 * of PATH. In a file of another identity, or in one that is shorter than where the chunk began, nothing is cut.
 *
 * The lock is the one of PATH.commits, for PATH may become another file while somebody appends. Who puts a new one in
 * its place has locked that before.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file_mark.h"
#include "kit/beside.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { PIECE = 64 * 1024, WRITERS_MAX = 4096 };

/* PATH.commits. Of this machine alone, in its byte order. Then `nwriters` epochs, and the XXH3 hash of all before. */
struct record {
        char magic[4]; /* "SQC" and the version */
        uint32_t nwriters, writer, pending;
        uint64_t device, inode, epoch, offset, length, hash;
};

static const char magic[4] = {'S', 'Q', 'C', 1}, ending[] = ".commits";

struct publishing {
        const char *path;
        int fd;     /* of PATH */
        int locked; /* of PATH.commits */
        struct record record;
        uint64_t done[WRITERS_MAX]; /* by writer */
};

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

        int r = sqi_file_mark_check(bytes, n, magic);

        if (r < 0 || n < sizeof(it->record))
                return r < 0 ? r : -EBADMSG;
        memcpy(&it->record, bytes, sizeof(it->record));
        if (it->record.nwriters > WRITERS_MAX || it->record.writer >= WRITERS_MAX || n != size_of(&it->record))
                return -EBADMSG;
        memcpy(&hash, bytes + n - sizeof(hash), sizeof(hash));
        if (hash != XXH3_64bits(bytes, n - sizeof(hash)))
                return -EBADMSG;
        memcpy(it->done, bytes + sizeof(it->record), it->record.nwriters * sizeof(uint64_t));
        return 0;
}

/* An empty one was made for its lock, and says nothing. */
static int
read_record(struct publishing *it)
{
        static const size_t most = sizeof(struct record) + (WRITERS_MAX + 1u) * sizeof(uint64_t);
        char *bytes = malloc(most);
        ssize_t n = bytes ? pread(it->locked, bytes, most, 0) : -1;
        int r = n < 0 ? -errno : n == 0 ? 0 : parse(it, bytes, (size_t)n);

        free(bytes);
        return r;
}

/* Not `sync`: whether it is this one or the one before is open until somebody syncs the folder. */
static int
write_record(struct publishing *it, bool sync)
{
        size_t n = size_of(&it->record) - sizeof(uint64_t);
        char *bytes = malloc(size_of(&it->record));
        uint64_t hash;
        int r;

        if (!bytes)
                return -ENOMEM;
        memcpy(it->record.magic, magic, sizeof(magic));
        memcpy(bytes, &it->record, sizeof(it->record));
        memcpy(bytes + sizeof(it->record), it->done, n - sizeof(it->record));
        hash = XXH3_64bits(bytes, n);
        memcpy(bytes + n, &hash, sizeof(hash));
        r = sqi_beside_replace(it->path, ending, &it->locked, bytes, n + sizeof(hash));
        free(bytes);
        return r == 0 && sync ? sq_sync_above(it->path) : r;
}

/* ---- The file ---------------------------------------------------------------------------------------- */

/* Whether it is the file that the chunk was begun in. An inode may be given to another file, but that is made after
 * the chunk was noted down. */
static bool
is_begun(const struct publishing *it, int fd)
{
        struct statx file, noted;

        if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &file) < 0 ||
            statx(it->locked, "", AT_EMPTY_PATH, STATX_MTIME, &noted) < 0)
                return false;
        if (makedev(file.stx_dev_major, file.stx_dev_minor) != it->record.device || file.stx_ino != it->record.inode ||
            !S_ISREG(file.stx_mode))
                return false;
        return !(file.stx_mask & STATX_BTIME) || file.stx_btime.tv_sec < noted.stx_mtime.tv_sec ||
               (file.stx_btime.tv_sec == noted.stx_mtime.tv_sec && file.stx_btime.tv_nsec <= noted.stx_mtime.tv_nsec);
}

/* Beside PATH, by a name that goes on behind its own. A descriptor, or -ENOENT: it is gone. */
static int
find_begun(const struct publishing *it)
{
        const char *slash = strrchr(it->path, '/'), *name = slash ? slash + 1 : it->path;
        const struct dirent *entry;
        char folder[PATH_MAX];
        DIR *files;
        int fd = -ENOENT;

        snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - it->path) + 1 : 1, slash ? it->path : ".");
        files = opendir(folder);
        while (files && fd < 0 && (entry = readdir(files))) {
                if (strncmp(entry->d_name, name, strlen(name)) != 0)
                        continue;
                fd = openat(dirfd(files), entry->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
                if (fd >= 0 && !is_begun(it, fd)) {
                        close(fd);
                        fd = -ENOENT;
                }
        }
        if (files)
                closedir(files);
        return fd < 0 ? -ENOENT : fd;
}

static int
has_chunk(const struct publishing *it, int fd, bool *ret)
{
        XXH3_state_t *state = XXH3_createState();
        uint64_t at = it->record.offset, end = at + it->record.length;
        char bytes[PIECE];
        ssize_t n = 1;

        if (!state)
                return -ENOMEM;
        XXH3_64bits_reset(state);
        while (at < end && n > 0) {
                n = pread(fd, bytes, end - at < PIECE ? (size_t)(end - at) : PIECE, (off_t)at);
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

static int
settle_in(struct publishing *it, int fd)
{
        struct stat about;
        bool whole = false;
        int r = 0;

        if (fstat(fd, &about) < 0)
                return -errno;
        if ((uint64_t)about.st_size <= it->record.offset)
                return 0;
        if ((uint64_t)about.st_size >= it->record.offset + it->record.length)
                r = has_chunk(it, fd, &whole);
        else if (ftruncate(fd, (off_t)it->record.offset) < 0)
                r = -errno;
        if (whole)
                is_through(it, it->record.writer, it->record.epoch);
        return r;
}

/* A chunk that was begun: is it there? */
static int
settle(struct publishing *it)
{
        int fd, r;

        if (!it->record.pending)
                return 0;
        it->record.pending = 0;
        if (is_begun(it, it->fd))
                return settle_in(it, it->fd);
        fd = find_begun(it);
        if (fd < 0)
                return 0;
        r = settle_in(it, fd);
        close(fd);
        return r;
}

static void
end(const struct publishing *it)
{
        close(it->fd);
        close(it->locked);
}

static int
open_both(struct publishing *it)
{
        int r;

        it->locked = sqi_beside_open(it->path, ending);
        if (it->locked < 0)
                return it->locked;
        it->fd = open(it->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (it->fd >= 0)
                return 0;
        r = -errno;
        close(it->locked);
        return r;
}

/* Opens all and finds out how far it is. To be ended where this returns 0. */
static int
begin(struct publishing *it, const char *path)
{
        int r;

        it->path = path;
        r = open_both(it);
        if (r < 0)
                return r;
        r = read_record(it);
        if (r == 0)
                r = settle(it);
        if (r < 0)
                end(it);
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
make_chunk(const struct publishing *it, off_t size, const struct sq_str *header, struct sq_str lines, size_t *ret_n)
{
        struct sq_str before = {"\n", 0};
        char *chunk;

        if (header && size == 0)
                before = *header;
        else if (header)
                before.len = ends_within_a_line(it, size);
        chunk = malloc(before.len + lines.len);
        if (chunk && before.len > 0)
                memcpy(chunk, before.ptr, before.len);
        if (chunk)
                memcpy(chunk + before.len, lines.ptr, lines.len);
        *ret_n = before.len + lines.len;
        return chunk;
}

static int
append(struct publishing *it, uint32_t writer, uint64_t epoch, const struct sq_str *header, struct sq_str lines)
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
        r = write_record(it, true);
        if (r == 0)
                r = sqi_kit_write_all(it->fd, chunk, n);
        if (r == 0 && fsync(it->fd) < 0)
                r = -errno;
        if (r < 0 && ftruncate(it->fd, about.st_size) < 0)
                r = -errno; /* the next one cuts it off */
        free(chunk);
        return r;
}

/* ---- The public functions ---------------------------------------------------------------------------- */

int
sq_publish(const char *path, unsigned writer, uint64_t epoch, const struct sq_str *header, struct sq_str lines)
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
        end(it);
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
                end(it);
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
                r = open_both(it);
        if (r == 0) {
                if (empty && ftruncate(it->fd, 0) < 0)
                        r = -errno;
                if (r == 0)
                        r = sqi_beside_name(path, ending, name);
                if (r == 0 && unlink(name) < 0 && errno != ENOENT)
                        r = -errno;
                end(it);
        }
        free(it);
        return r;
}

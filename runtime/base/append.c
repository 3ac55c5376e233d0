/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appends whole lines (squall.h has the contract).
 *
 * A write() to a file that SIGKILL cuts short leaves a torn line, and what comes next would be glued to it. Who died
 * cannot mend it, so whoever holds the file's lock next does. It must not cut what somebody else wrote, so each chunk
 * is announced before it is written, in an extended attribute of the file: where it begins and ends. It goes where the
 * file goes, through renames and restarts of everything.
 *
 *     file     | whole lines ........ | torn line of the chunk
 *              0                      begins      size           ends        size lies within the chunk and no line
 *                                                                            ends there: cut after the last line end
 *                                                                            behind `begins`
 *
 * Where a file has no such attributes, a line that a kill tore is known by its length: the kernel looks for the signal
 * between two pages, so it ends with a page of the file. Then it is cut only behind what the file was when it was
 * opened, or by a restarted task. Another unfinished line is not ours: it gets its line end, and ours begin behind it.
 *
 * Values of msgpack have no ends to look for: they are walked over, from where a chunk begins, or ended, as long as the
 * attribute says so, or from the start of the file. One of others that is cut short is left alone, and nothing goes
 * behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/compression.h"
#include "base/sealed.h"
#include "base/value.h"
#include "squall.h"

#define MARK "user.squall.chunk"
enum { MARK_SIZE = 48, LOOK_BACK = 4096 };

struct sq_append {
        int fd;
        int look;      /* another description of a regular file, to read and to lock; else -1 */
        bool regular;  /* else bytes that are written are gone */
        bool appends;  /* O_APPEND; else the description's own offset counts: stdout into a file */
        bool markable; /* as far as is known */
        bool named;    /* its name is on disk */
        bool values;   /* of msgpack; else lines */
        off_t floor;   /* what lies below was there before us */
        off_t end;     /* where our last chunk ended; -1: there is none */
};

struct sq_append *
sq_append_new(int fd, bool restarted)
{
        struct sq_append *self = calloc(1, sizeof(*self));
        char path[64];
        struct stat st;

        if (!self || fstat(fd, &st) < 0) {
                free(self);
                return NULL;
        }
        self->fd = fd;
        self->regular = S_ISREG(st.st_mode);
        self->appends = fcntl(fd, F_GETFL) & O_APPEND;
        self->markable = true;
        self->floor = restarted ? 0 : st.st_size;
        self->end = -1;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        self->look = self->regular ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        return self;
}

void
sq_append_values(struct sq_append *self)
{
        self->values = true;
}

int
sq_append_fd(const struct sq_append *self)
{
        return self->fd;
}

static int
lock(const struct sq_append *self)
{
        while (flock(self->look >= 0 ? self->look : self->fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

static void
unlock(const struct sq_append *self)
{
        flock(self->look >= 0 ? self->look : self->fd, LOCK_UN);
}

/* Where the next byte goes. */
static off_t
tail_of(const struct sq_append *self)
{
        struct stat st;

        if (!self->appends)
                return lseek(self->fd, 0, SEEK_CUR);
        return fstat(self->fd, &st) < 0 ? -1 : st.st_size;
}

static int
cut(const struct sq_append *self, off_t end)
{
        if (ftruncate(self->fd, end) < 0 || (!self->appends && lseek(self->fd, end, SEEK_SET) < 0))
                return -errno;
        return 0;
}

/* Writes all. 0 or a negative errno; *ret_written in any case. */
static int
write_all(int fd, const char *bytes, size_t n, size_t *ret_written)
{
        struct pollfd poller = {.fd = fd, .events = POLLOUT};
        ssize_t r;

        *ret_written = 0;
        while (*ret_written < n) {
                r = write(fd, bytes + *ret_written, n - *ret_written);
                if (r >= 0)
                        *ret_written += (size_t)r;
                else if (errno == EAGAIN)
                        poll(&poller, 1, -1);
                else if (errno != EINTR)
                        return -errno;
        }
        return 0;
}

/* ---- What a writer that died has left ---------------------------------------------------------------- */

static void
announce(struct sq_append *self, off_t begins, size_t n)
{
        char mark[MARK_SIZE];
        int len = snprintf(mark, sizeof(mark), "%lld %lld", (long long)begins, (long long)begins + (long long)n);

        if (self->markable && fsetxattr(self->fd, MARK, mark, (size_t)len, 0) < 0)
                self->markable = errno != EOPNOTSUPP && errno != EPERM;
}

static bool
announced(struct sq_append *self, long long *ret_begins, long long *ret_ends)
{
        char mark[MARK_SIZE];
        ssize_t n = fgetxattr(self->fd, MARK, mark, sizeof(mark) - 1);

        if (n < 0)
                self->markable = errno != EOPNOTSUPP && errno != EPERM;
        if (n <= 0)
                return false;
        mark[n] = '\0';
        return sscanf(mark, "%lld %lld", ret_begins, ret_ends) == 2;
}

static bool
ends_with_line_end(const struct sq_append *self, off_t end)
{
        char last = '\n';

        return end <= 0 || pread(self->look, &last, 1, end - 1) != 1 || last == '\n';
}

/* Behind the last line end between `from` and `end`, or `from`; a negative errno. */
static off_t
last_line(const struct sq_append *self, off_t from, off_t end)
{
        char bytes[LOOK_BACK];
        const char *found;

        while (end > from) {
                off_t start = end - from > LOOK_BACK ? end - LOOK_BACK : from;
                ssize_t n = pread(self->look, bytes, (size_t)(end - start), start);

                if (n < 0)
                        return -errno;
                found = memrchr(bytes, '\n', (size_t)n);
                if (found)
                        return start + (found - bytes) + 1;
                end = start;
        }
        return from;
}

/* Where the unfinished line at the end is ours, the first byte of it that may be; else -1. */
static off_t
ours_from(struct sq_append *self, off_t end)
{
        long long begins, ends;

        if (announced(self, &begins, &ends))
                return begins < end && end < ends ? (off_t)begins : -1;
        return !self->markable && end > self->floor && end % sysconf(_SC_PAGESIZE) == 0 ? self->floor : -1;
}

/* Behind the last whole value between `from`, where one begins, and `end`; or a negative errno. */
static off_t
last_value(const struct sq_append *self, off_t from, off_t end)
{
        struct sqi_walk walk = {0};
        char bytes[LOOK_BACK];
        off_t at = from;

        while (at < end) {
                ssize_t n = pread(self->look, bytes, end - at < LOOK_BACK ? (size_t)(end - at) : LOOK_BACK, at);
                size_t used = 0;
                ptrdiff_t some = 1;

                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                for (; some > 0 && used<(size_t)n; used += some> 0 ? (size_t)some : 0) {
                        some = sqi_walk_value(&walk, bytes + used, (size_t)n - used);
                        if (some > 0 && walk.values == 0 && walk.bytes == 0)
                                from = at + (off_t)used + some;
                }
                if (some < 0)
                        return -EMEDIUMTYPE;
                if (used == 0)
                        break; /* a head of which not all is there */
                at += (off_t)used;
        }
        return from;
}

/* As mend() of lines. */
static int
mend_values(struct sq_append *self, off_t *end)
{
        off_t ours = ours_from(self, *end), whole;
        long long begins, ends = 0;

        if (ours < 0 && announced(self, &begins, &ends) && *end < ends)
                ends = 0;
        whole = last_value(self, ours >= 0 ? ours : (off_t)ends, *end);
        if (whole != *end && ours < 0 && ends > 0)
                whole = last_value(self, 0, *end); /* it was written anew by others */
        if (whole < 0 || (whole != *end && ours < 0))
                return whole < 0 ? (int)whole : -EMEDIUMTYPE;
        if (whole == *end)
                return 0;
        *end = whole;
        return cut(self, whole);
}

/* Lines behind what is compressed would make both unreadable. */
static bool
is_compressed(const struct sq_append *self)
{
        char head[sizeof(SQI_ZSTD_MAGIC)];
        ssize_t n = pread(self->look, head, sizeof(head), 0);

        return (n >= 2 && memcmp(head, SQI_GZIP_MAGIC, 2) == 0) || (n >= 4 && memcmp(head, SQI_ZSTD_MAGIC, 4) == 0);
}

/* Under the lock: sees to it that a line may begin at *end. *ret_glue: with a line end first. */
static int
mend(struct sq_append *self, off_t *end, bool *ret_glue)
{
        off_t from;
        int r;

        *ret_glue = false;
        if (*end == self->end || *end == 0 || self->look < 0)
                return 0;
        if (is_compressed(self))
                return -EMEDIUMTYPE;
        if (self->values)
                return mend_values(self, end);
        if (ends_with_line_end(self, *end))
                return 0;
        from = ours_from(self, *end);
        if (from < 0) {
                *ret_glue = true;
                return 0;
        }
        from = last_line(self, from, *end);
        r = from < 0 ? (int)from : cut(self, from);
        if (r == 0)
                *end = from;
        return r;
}

/* ---- Writing ----------------------------------------------------------------------------------------- */

static int
write_chunk(struct sq_append *self, struct sq_str header, const char *lines, size_t n)
{
        off_t end = tail_of(self), now;
        size_t written = 0, whole = 0;
        bool glue;
        int r;

        if (end < 0)
                return -errno;
        if (end < self->floor)
                self->floor = end; /* it was truncated */
        r = mend(self, &end, &glue);
        if (r < 0)
                return r;
        if (glue)
                header = (struct sq_str){"\n", 1};
        else if (end > 0)
                header.len = 0;
        announce(self, end, header.len + n);
        r = write_all(self->fd, header.ptr, header.len, &whole);
        if (r == 0)
                r = write_all(self->fd, lines, n, &written);
        now = end + (off_t)(whole + written);
        if (r < 0 && tail_of(self) == now)
                now = cut(self, end) < 0 ? -1 : end;
        self->end = now;
        return r;
}

/* The bytes of the next chunk for a pipe: whole lines, at most PIPE_BUF, at least one line. */
static size_t
pipe_chunk(const char *lines, size_t n)
{
        const char *line;

        if (n <= PIPE_BUF)
                return n;
        line = memrchr(lines, '\n', PIPE_BUF);
        if (!line)
                line = memchr(lines, '\n', n);
        return line ? (size_t)(line - lines) + 1 : n;
}

/* The same of values. */
static size_t
pipe_values(const char *values, size_t n)
{
        size_t whole = 0;

        while (whole < n) {
                struct sqi_walk walk = {0};
                ptrdiff_t some = sqi_walk_value(&walk, values + whole, n - whole);

                if (some <= 0 || (whole > 0 && whole + (size_t)some > PIPE_BUF))
                        break;
                whole += (size_t)some;
        }
        return whole > 0 ? whole : n;
}

static int
write_pipe(const struct sq_append *self, const char *lines, size_t n, size_t *ret_done)
{
        size_t done = 0, written;
        int r = 0;

        while (r == 0 && done < n) {
                size_t some = self->values ? pipe_values(lines + done, n - done) : pipe_chunk(lines + done, n - done);

                r = write_all(self->fd, lines + done, some, &written);
                done += written;
        }
        *ret_done = done;
        return r;
}

int
sq_append(struct sq_append *self, struct sq_str header, const char *lines, size_t n, size_t *ret_done)
{
        int r;

        *ret_done = 0;
        if (n == 0)
                return 0;
        if (!self->regular)
                return write_pipe(self, lines, n, ret_done);
        r = lock(self);
        if (r < 0)
                return r;
        r = write_chunk(self, header, lines, n);
        unlock(self);
        *ret_done = r == 0 ? n : 0;
        return r;
}

/* Where it is now: it may have been renamed. The folder of one that was deleted may be gone as well. */
static int
sync_name(int fd)
{
        char link[64], path[PATH_MAX];
        ssize_t n;
        int r;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        if (n < 0)
                return -errno;
        path[n] = '\0';
        r = sqi_folder_sync_above(AT_FDCWD, path);
        return r == -ENOENT ? 0 : r;
}

int
sq_append_sync(struct sq_append *self)
{
        int r = 0;

        if (fsync(self->fd) < 0 && (self->regular || (errno != EINVAL && errno != EROFS)))
                return -errno;
        if (self->regular && !self->named)
                r = sync_name(self->fd);
        self->named = r == 0;
        return r;
}

void
sq_append_free(struct sq_append **append)
{
        struct sq_append *self = *append;

        if (!self)
                return;
        if (self->look >= 0)
                close(self->look);
        close(self->fd);
        free(self);
        *append = NULL;
}

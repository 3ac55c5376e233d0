/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that a writer has open.
 *
 * Its name is looked at before each write: a file that was renamed, as logrotate does, or deleted is left, and a new
 * one opened. So nothing goes into a file that its rotator has taken away, and nobody has to send a signal. The bolt's
 * own rotation is no other: the file gets another name, behind a line, and the next line finds that it has.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "write.h"

enum { NAMES_MAX = 1000 };

int64_t
write_born_at(int fd)
{
        struct statx about;

        if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &about) < 0 || !(about.stx_mask & STATX_BTIME))
                return 0;
        return about.stx_btime.tv_sec * 1000000000 + about.stx_btime.tv_nsec;
}

static int64_t
wall_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return now.tv_sec * 1000000000 + now.tv_nsec;
}

bool
write_is_stdout(const struct writer *self)
{
        return strcmp(self->path, "-") == 0;
}

const char *
write_name(const struct writer *self)
{
        return write_is_stdout(self) ? "stdout" : self->path;
}

bool
write_has_header(const struct writer *self)
{
        return self->format == CSV && self->header_line;
}

struct sq_append *
write_append_new(const struct writer *self, int fd, bool restarted)
{
        struct sq_append *append = sq_append_new(fd, restarted);

        if (append && self->format == MSGPACK)
                sq_append_values(append);
        return append;
}

/* Takes `fd` over, also when it fails. 0 or a negative errno. */
int
write_take(struct writer *self, int fd, bool restarted)
{
        int r;

        if (fd < 0)
                return -errno;
        self->file = fstat(fd, &self->about) < 0 ? NULL : write_append_new(self, fd, restarted);
        if (!self->file) {
                r = -errno;
                close(fd);
                return r;
        }
        self->regular = S_ISREG(self->about.st_mode) && !write_is_stdout(self);
        self->whole = false;
        self->end = 0;
        write_note_birth(self);
        return 0;
}

int
write_open_file(const struct writer *self)
{
        return open(self->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

/* 0 or a negative errno. */
int
write_open(struct writer *self, bool restarted)
{
        return write_take(self,
                          write_is_stdout(self) ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : write_open_file(self),
                          restarted);
}

/* Somebody may have renamed the file, as logrotate does, or deleted it: then its name stands for another one, or a new
 * one. */
bool
write_has_gone(const struct writer *self)
{
        struct stat st;

        if (!self->regular)
                return false;
        return stat(self->path, &st) < 0 || st.st_ino != self->about.st_ino || st.st_dev != self->about.st_dev;
}

/* 0 or a negative errno. */
int
write_sync(struct writer *self)
{
        int r = self->file && self->unsynced ? sq_append_sync(self->file) : 0;

        self->unsynced = r < 0;
        return r;
}

/* 0, or a negative errno: then it is tried again with the next lines. */
static int
look(struct sq_task *task, struct writer *self)
{
        int r;

        if (self->file && (self->by_epochs || !write_has_gone(self)))
                return 0;
        r = self->sync ? write_sync(self) : 0;
        if (r < 0)
                return r;
        sq_append_free(&self->file);
        r = write_open(self, true);
        if (r == 0 && !self->rotated)
                sq_log(task, SQ_WARN, "%s was renamed or deleted: goes on in a new file", self->path);
        self->rotated = self->rotated && r < 0;
        return r;
}

/* All of the lines or, with a negative errno, those that are out: *ret_done bytes. */
static int
append_lines(struct writer *self, struct sq_str header, size_t *ret_done)
{
        struct sq_str lines = {self->lines.bytes, self->lines.len};
        int r;

        if (!self->gzip)
                return sq_append(self->file, header, lines.ptr, lines.len, ret_done);
        r = sq_gzip_append(self->gzip, sq_append_fd(self->file), &self->end, header, lines);
        *ret_done = r == 0 ? lines.len : 0;
        return r == -EBADMSG ? -EMEDIUMTYPE : r;
}

/* The end is that of this file; another one under its name is looked at from its start. */
int
write_mend_members(struct writer *self)
{
        int fd = write_open_file(self), r;

        if (fd < 0)
                return -errno;
        if (write_has_gone(self))
                self->end = 0;
        r = fstat(fd, &self->about) < 0 ? -errno : sq_gzip_mend(fd, &self->end);
        close(fd);
        return r == -EBADMSG ? -EMEDIUMTYPE : r;
}

int
write_drain(struct sq_task *task, struct writer *self)
{
        struct sq_str header = {self->header.bytes, self->header.len};
        size_t done;
        int r;

        if (self->lines.len == 0)
                return 0;
        r = look(task, self);
        if (r == 0 && !self->regular && !self->headed && header.len > 0)
                r = sq_append(self->file, (struct sq_str){NULL, 0}, header.ptr, header.len, &done);
        if (r < 0)
                return r;
        self->headed = self->headed || !self->regular;
        self->unsynced = true;
        r = append_lines(self, header, &done);
        self->whole = r == 0;
        memmove(self->lines.bytes, self->lines.bytes + done, self->lines.len - done);
        self->lines.len -= done;
        if (r == 0 && !self->by_epochs && (write_is_full(self) || write_rotates_in(self) == 0))
                write_rotate(task, self);
        return r;
}

/* ---- Rotation ---------------------------------------------------------------------------------------- */

void
write_note_birth(struct writer *self)
{
        int64_t born_ns = write_born_at(sq_append_fd(self->file));

        self->born_ns = born_ns ? born_ns : wall_ns();
}

int64_t
write_rotates_in(const struct writer *self)
{
        int64_t age = wall_ns() - self->born_ns, most = (int64_t)(self->rotate_secs * 1e9);
        struct stat st;

        if (most <= 0 || !self->file || !self->regular || fstat(sq_append_fd(self->file), &st) < 0 || st.st_size == 0)
                return -1;
        return age >= most ? 0 : most - age;
}

bool
write_is_full(const struct writer *self)
{
        struct stat st;

        return self->rotate_bytes > 0 && self->file && self->regular && fstat(sq_append_fd(self->file), &st) == 0 &&
               st.st_size >= self->rotate_bytes;
}

/* To a name that nobody has. 0 or a negative errno. */
static int
rename_to_free(const char *path, const char *time)
{
        char to[PATH_MAX];
        int r = -EEXIST;

        for (int n = 0; r == -EEXIST && n < NAMES_MAX; n++) {
                if (snprintf(to, sizeof(to), n ? "%s.%s-%d" : "%s.%s", path, time, n) >= (int)sizeof(to))
                        return -ENAMETOOLONG;
                r = renameat2(AT_FDCWD, path, AT_FDCWD, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
                if (r == -EINVAL || r == -ENOSYS) /* a file system without it */
                        r = access(to, F_OK) == 0 ? -EEXIST : rename(path, to) < 0 ? -errno : 0;
        }
        return r;
}

void
write_rotate(struct sq_task *task, struct writer *self)
{
        time_t seconds = (time_t)(wall_ns() / 1000000000);
        char time[32];
        struct tm utc;
        int r;

        if (write_has_gone(self))
                return;
        strftime(time, sizeof(time), "%Y%m%dT%H%M%SZ", gmtime_r(&seconds, &utc));
        r = rename_to_free(self->path, time);
        if (r < 0) {
                sq_log(task, SQ_WARN, "%s: can't be renamed, and grows on: %s", self->path, strerror(-r));
                return;
        }
        self->rotated = true;
        sq_count(task, "rotated", 1);
}

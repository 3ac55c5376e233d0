/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `write`: tuples as lines of a file or of stdout.
 *
 * Lines gather in an encoder's buffer that goes out when it is full and in `flush`, which the runtime calls before it
 * sends acks: an acked tuple is in the file. They are appended as whole lines, whatever the disk and the killers do
 * (sq_append() in squall.h).
 *
 * The name of the file is looked at before each write: a file that was renamed, as logrotate does, or deleted is left,
 * and a new one opened. So nothing goes into a file that its rotator has taken away, and nobody has to send a signal.
 *
 * When flush fails, the buffer is dropped: its tuples are failed as well, and come again.
 */
#include <errno.h>
#include <fcntl.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TSV, JSONL, CSV };
enum { TRUNCATE, APPEND };
enum { CHUNK = 64 * 1024 };

struct writer {
        const char *path;
        int64_t format, mode;

        struct sq_append *file; /* NULL: it could not be opened anew */
        struct stat about;
        bool regular, headed; /* headed: nothing to do about the header any more */
        struct sq_encoder header, lines;
};

/* ---- The file ---------------------------------------------------------------------------------------- */

static bool
is_stdout(const struct writer *self)
{
        return strcmp(self->path, "-") == 0;
}

static const char *
name_of(const struct writer *self)
{
        return is_stdout(self) ? "stdout" : self->path;
}

/* 0 or a negative errno. */
static int
open_path(struct writer *self, bool restarted)
{
        int fd = is_stdout(self) ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                                 : open(self->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        int rc;

        if (fd < 0)
                return -errno;
        self->file = fstat(fd, &self->about) < 0 ? NULL : sq_append_new(fd, restarted);
        if (!self->file) {
                rc = -errno;
                close(fd);
                return rc;
        }
        self->regular = S_ISREG(self->about.st_mode) && !is_stdout(self);
        return 0;
}

/* Somebody may have renamed the file, as logrotate does, or deleted it: then its name stands for another one, or a new
 * one. */
static bool
has_gone(const struct writer *self)
{
        struct stat st;

        if (!self->regular)
                return false;
        return stat(self->path, &st) < 0 || st.st_ino != self->about.st_ino || st.st_dev != self->about.st_dev;
}

/* 0, or a negative errno: then it is tried again with the next lines. */
static int
look(struct sq_task *task, struct writer *self)
{
        int rc;

        if (self->file && !has_gone(self))
                return 0;
        sq_append_free(&self->file);
        rc = open_path(self, true);
        if (rc == 0)
                sq_log(task, SQ_WARN, "%s was renamed or deleted: goes on in a new file", self->path);
        return rc;
}

static int
drain(struct sq_task *task, struct writer *self)
{
        struct sq_str header = {self->header.bytes, self->header.len};
        size_t done;
        int rc;

        if (self->lines.len == 0)
                return 0;
        rc = look(task, self);
        if (rc == 0 && !self->regular && !self->headed && header.len > 0)
                rc = sq_append(self->file, (struct sq_str){NULL, 0}, header.ptr, header.len, &done);
        if (rc < 0)
                return rc;
        self->headed = self->headed || !self->regular;
        rc = sq_append(self->file, header, self->lines.bytes, self->lines.len, &done);
        memmove(self->lines.bytes, self->lines.bytes + done, self->lines.len - done);
        self->lines.len -= done;
        return rc;
}

/* ---- The bolt ---------------------------------------------------------------------------------------- */

static int
refuse(struct sq_task *task, const struct writer *self, int error)
{
        if (is_stdout(self) && (error == EPIPE || error == EBADF))
                return sq_error_final(task, "stdout: %s", error == EPIPE ? "its reader has gone" : "is closed");
        return sq_error(task, "%s: %s", name_of(self), strerror(error));
}

static int
begin(struct sq_task *task)
{
        static const enum sq_format formats[] = {SQ_FORMAT_TSV, SQ_FORMAT_JSONL, SQ_FORMAT_CSV};
        struct writer *self = sq_state(task);
        bool first = sq_index(task) == 0 && sq_incarnation(task) == 0;
        int rc;

        self->header.format = self->lines.format = formats[self->format];
        rc = open_path(self, sq_incarnation(task) > 0);
        if (rc < 0)
                return refuse(task, self, -rc);
        /* One task does what is done once: no tuple flows before all are prepared. */
        self->headed = self->format != CSV || (!self->regular && !first);
        if (self->regular && self->mode == TRUNCATE && first && ftruncate(sq_append_fd(self->file), 0) < 0)
                return refuse(task, self, errno);
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct writer *self = sq_state(task);

        sq_append_free(&self->file);
        sq_encoder_free(&self->header);
        sq_encoder_free(&self->lines);
}

/* What is not prepared is not cleaned up either. */
static int
prepare(struct sq_task *task)
{
        int r = begin(task);

        if (r < 0)
                cleanup(task);
        return r;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct writer *self = sq_state(task);
        int rc = self->lines.len >= CHUNK ? drain(task, self) : 0;

        if (rc < 0)
                refuse(task, self, -rc);
        if (rc == 0 && !self->headed && self->header.len == 0)
                rc = sq_encode_names(&self->header, in);
        if (rc == 0)
                rc = sq_encode(&self->lines, in);
        return rc < 0 ? sq_retry_later(task, "%s: %s", name_of(self), strerror(-rc)) : SQ_ACK;
}

static int
flush(struct sq_task *task)
{
        struct writer *self = sq_state(task);
        int rc = drain(task, self);

        if (rc == 0)
                return 0;
        self->lines.len = 0;
        return refuse(task, self, -rc);
}

SQ_BOLT(write) = {
        .about = "Writes tuples as lines to a file or to stdout.",
        .state = sizeof(struct writer),
        .options =
                {
                        SQ_REQ_OUTPUT(struct writer, path, "the file; - is stdout"),
                        SQ_OPT_ENUM(
                                struct writer, format, "tsv|jsonl|csv", "tsv",
                                "tsv: fields between tabs (tab, line end, \\ in them as \\t, \\n, \\\\; a tuple of one field as it is); "
                                "jsonl: an object a line; csv: RFC 4180 with a header line"),
                        SQ_OPT_ENUM(
                                struct writer, mode, "truncate|append", "truncate",
                                "what happens to the file when the topology starts; a restarted worker always appends"),
                },
        .prepare = prepare,
        .execute = execute,
        .flush = flush,
        .finish = flush,
        .cleanup = cleanup,
};

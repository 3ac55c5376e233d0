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
 * What is in a file is the kernel's until it writes it to disk: `sync` waits for that in `flush`, so that a loss of
 * power takes nothing that was acked.
 *
 * When flush fails, the buffer is dropped: its tuples are failed as well, and come again.
 *
 * Exactly once a file is written in one of two ways:
 *
 *     visible: written   as ever; with each epoch the file is synced, and its identity and length are kept. A restore
 *                        cuts it back to that, if it is that file still, by whatever name it has by then. So a file
 *                        that was renamed gets the lines of its epoch to the end; those of the next one go into a new
 *                        file, after the commit: a restore then finds nothing of ours in it.
 *     visible: commit    the lines of an epoch are kept in the snapshot; its commit appends them (sq_publish()).
 *                        Several tasks may share the file
 *
 * stdout and pipes are always written at the commit; one that is cut short by a kill is repeated from its start.
 */
#include <errno.h>
#include <fcntl.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TSV, JSONL, CSV };
enum { TRUNCATE, APPEND };
enum { WRITTEN, COMMIT };
enum { CHUNK = 64 * 1024, HELD_MAX = 64 * 1024 * 1024 };

struct writer {
        const char *path;
        int64_t format, mode, visible;
        bool sync;

        struct sq_append *file; /* NULL: it could not be opened anew */
        struct sq_append
                *next; /* exactly once: takes its place when the epoch is committed; until then nothing is written */
        struct stat about;
        bool regular, headed;   /* headed: nothing to do about the header any more */
        bool unsynced;          /* has lines that are not on disk, for all that is known */
        bool by_epochs, staged; /* exactly once; and written at the commit */
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

/* Takes `fd` over, also when it fails. 0 or a negative errno. */
static int
take_file(struct writer *self, int fd, bool restarted)
{
        int r;

        if (fd < 0)
                return -errno;
        self->file = fstat(fd, &self->about) < 0 ? NULL : sq_append_new(fd, restarted);
        if (!self->file) {
                r = -errno;
                close(fd);
                return r;
        }
        self->regular = S_ISREG(self->about.st_mode) && !is_stdout(self);
        return 0;
}

static int
open_file(const struct writer *self)
{
        return open(self->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

/* 0 or a negative errno. */
static int
open_path(struct writer *self, bool restarted)
{
        return take_file(self, is_stdout(self) ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : open_file(self), restarted);
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

/* 0 or a negative errno. */
static int
sync_lines(struct writer *self)
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

        if (self->file && (self->by_epochs || !has_gone(self)))
                return 0;
        r = self->sync ? sync_lines(self) : 0;
        if (r < 0)
                return r;
        sq_append_free(&self->file);
        r = open_path(self, true);
        if (r == 0)
                sq_log(task, SQ_WARN, "%s was renamed or deleted: goes on in a new file", self->path);
        return r;
}

static int
drain(struct sq_task *task, struct writer *self)
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
        r = sq_append(self->file, header, self->lines.bytes, self->lines.len, &done);
        memmove(self->lines.bytes, self->lines.bytes + done, self->lines.len - done);
        self->lines.len -= done;
        return r;
}

/* ---- Epochs, visible: written ------------------------------------------------------------------------ */

/* Where the lines of the next epoch begin. One of the task's own values. */
struct place {
        struct sq_identity file;
        int64_t born_ns; /* an inode may be given to another file; 0: not known */
};

static const char place_name[] = "place";

static int64_t
born_at(int fd)
{
        struct statx about;

        if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &about) < 0 || !(about.stx_mask & STATX_BTIME))
                return 0;
        return about.stx_btime.tv_sec * 1000000000 + about.stx_btime.tv_nsec;
}

/* Opens what a descriptor of ours stands for another time. */
static int
open_again(int fd, int flags)
{
        char path[64];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return open(path, flags | O_CLOEXEC);
}

static int
keep_place(struct sq_task *task, int fd)
{
        struct place place = {0};
        struct stat about;
        int look = open_again(fd, O_RDONLY), r;

        if (look < 0)
                return -errno;
        r = fstat(look, &about) < 0 ? -errno : sq_identity_take(&place.file, look, (uint64_t)about.st_size);
        place.born_ns = born_at(look);
        close(look);
        if (r == 0)
                sq_own_set(task, place_name, (struct sq_str){(const char *)&place, sizeof(place)});
        return r;
}

/* What cannot be synced may be lost with the next loss of power, whatever a later sync says: back to the last epoch. */
static void
must_sync(struct sq_task *task, const struct writer *self, struct sq_append *file)
{
        int r = sq_append_sync(file);

        if (r == 0)
                return;
        sq_log(task, SQ_ERROR, "%s: cannot be synced: %s", self->path, strerror(-r));
        abort();
}

static int
open_next(struct sq_task *task, struct writer *self)
{
        int fd = open_file(self);

        if (fd < 0)
                return -errno;
        self->next = sq_append_new(fd, true);
        if (!self->next) {
                close(fd);
                return -ENOMEM;
        }
        sq_log(task, SQ_WARN, "%s was renamed or deleted: goes on in a new file", self->path);
        return 0;
}

static int
end_epoch(struct sq_task *task, struct writer *self)
{
        int r;

        sq_append_free(&self->next); /* of an epoch that was given up */
        r = drain(task, self);
        if (r < 0)
                return r;
        must_sync(task, self, self->file);
        if (has_gone(self)) {
                r = open_next(task, self);
                if (r < 0)
                        return r;
                must_sync(task, self, self->next);
        }
        return keep_place(task, sq_append_fd(self->next ? self->next : self->file));
}

static void
take_next(struct writer *self)
{
        if (!self->next)
                return;
        sq_append_free(&self->file);
        self->file = self->next;
        self->next = NULL;
        if (fstat(sq_append_fd(self->file), &self->about) < 0)
                self->about = (struct stat){0}; /* is looked for by its name again */
}

/* Cuts the file back to where it was, if it is that file. False: it is not to be found. */
static bool
cut_back(struct sq_task *task, struct writer *self, const struct place *place, int look)
{
        struct stat about;
        int fd;

        if (fstat(look, &about) < 0 || about.st_dev != place->file.device || about.st_ino != place->file.inode ||
            born_at(look) != place->born_ns || (uint64_t)about.st_size < place->file.mark)
                return false;
        fd = open_again(look, O_WRONLY | O_APPEND);
        if (fd < 0 || ((uint64_t)about.st_size > place->file.mark && ftruncate(fd, (off_t)place->file.mark) < 0)) {
                if (fd >= 0)
                        close(fd);
                return false;
        }
        if ((uint64_t)about.st_size > place->file.mark)
                sq_log(task, SQ_INFO, "%s: cut back to the %llu bytes of the last epoch", self->path,
                       (unsigned long long)place->file.mark);
        sq_append_free(&self->file);
        return take_file(self, fd, true) == 0;
}

static int
back_to_place(struct sq_task *task, struct writer *self)
{
        struct sq_str kept = sq_own(task, place_name);
        struct place place;
        bool found;
        int look;

        if (kept.len != sizeof(place))
                return 0;
        memcpy(&place, kept.ptr, sizeof(place));
        look = sq_identity_find(&place.file, self->path);
        found = look >= 0 && cut_back(task, self, &place, look);
        if (look >= 0)
                close(look);
        if (!found)
                sq_log(task, SQ_ERROR,
                       "%s: what was committed does not stand there any more (it was replaced, shortened or written "
                       "anew): nothing is cut off, and what came after it comes again",
                       self->path);
        return self->file ? 0 : open_path(self, true);
}

/* ---- Epochs, visible: commit ------------------------------------------------------------------------- */

static const char lines_name[] = "lines", header_name[] = "header";

/* Behind those of an epoch that was given up. 0 or -ENOMEM. */
static int
stage(struct sq_task *task, struct writer *self)
{
        struct sq_str kept = sq_own(task, lines_name);
        char *all;

        if (self->lines.len == 0)
                return 0;
        all = malloc(kept.len + self->lines.len);
        if (!all)
                return -ENOMEM;
        if (kept.len > 0)
                memcpy(all, kept.ptr, kept.len);
        memcpy(all + kept.len, self->lines.bytes, self->lines.len);
        sq_own_set(task, lines_name, (struct sq_str){all, kept.len + self->lines.len});
        sq_own_set(task, header_name, (struct sq_str){self->header.bytes, self->header.len});
        free(all);
        self->lines.len = 0;
        return 0;
}

/* To stdout or a pipe: what did not go out stays. */
static int
write_staged(struct sq_task *task, struct writer *self, struct sq_str header, struct sq_str lines)
{
        size_t done = 0;
        int r = 0;

        if (!self->headed && header.len > 0)
                r = sq_append(self->file, (struct sq_str){NULL, 0}, header.ptr, header.len, &done);
        if (r < 0)
                return r;
        self->headed = true;
        r = sq_append(self->file, (struct sq_str){NULL, 0}, lines.ptr, lines.len, &done);
        sq_own_set(task, lines_name, (struct sq_str){lines.ptr + done, lines.len - done});
        return r;
}

static int
publish(struct sq_task *task, struct writer *self, uint64_t epoch)
{
        struct sq_str header = sq_own(task, header_name), lines = sq_own(task, lines_name);
        int r;

        if (lines.len == 0)
                return 0;
        if (!self->regular)
                return write_staged(task, self, header, lines);
        r = sq_publish(self->path, sq_index(task), epoch, header, lines);
        if (r == 0)
                sq_own_set(task, lines_name, (struct sq_str){"", 0});
        return r;
}

/* ---- The bolt ---------------------------------------------------------------------------------------- */

static int
refuse(struct sq_task *task, const struct writer *self, int error)
{
        if (is_stdout(self) && (error == EPIPE || error == EBADF))
                return sq_error_final(task, "stdout: %s", error == EPIPE ? "its reader has gone" : "is closed");
        return sq_error(task, "%s: %s", name_of(self), strerror(error));
}

/* Several tasks cannot cut one file back; where it is no file they need not. */
static void
declare(struct sq_declaration *decl)
{
        const struct writer *self = sq_declared_state(decl);
        struct stat about;

        if (self->visible == COMMIT && !sq_declared_exactly_once(decl))
                sq_declare_error(decl, "visible", "'commit' needs topology.delivery: exactly-once");
        if (!sq_declared_exactly_once(decl) || self->visible == COMMIT || sq_declared_parallelism(decl) < 2 ||
            is_stdout(self) || (stat(self->path, &about) == 0 && !S_ISREG(about.st_mode)))
                return;
        sq_declare_error(decl, "path",
                         "under exactly-once %u tasks can't write one file whose lines are visible at once (write "
                         "'visible: commit', or 'parallelism: 1')",
                         sq_declared_parallelism(decl));
}

static void
probe(struct sq_declaration *decl)
{
        const struct writer *self = sq_declared_state(decl);

        sq_probe_output(decl, "path", self->path);
}

static int
begin(struct sq_task *task)
{
        static const enum sq_format formats[] = {SQ_FORMAT_TSV, SQ_FORMAT_JSONL, SQ_FORMAT_CSV, SQ_FORMAT_LOGFMTL};
        struct writer *self = sq_state(task);
        bool first = sq_index(task) == 0 && (sq_exactly_once(task) ? !sq_restores(task) : sq_incarnation(task) == 0);
        int r;

        self->by_epochs = sq_exactly_once(task);

        self->header.format = self->lines.format = formats[self->format];
        r = open_path(self, sq_incarnation(task) > 0);
        if (r < 0)
                return refuse(task, self, -r);
        /* One task does what is done once: no tuple flows before all are prepared. */
        self->headed = self->format != CSV || (!self->regular && !first);
        self->staged = self->by_epochs && (self->visible == COMMIT || !self->regular);
        if (self->by_epochs && !self->staged && sq_parallelism(task) > 1)
                return sq_error_final(task, "%s: several tasks cannot cut it back (write visible: commit)", self->path);
        if (self->staged && self->regular && first) {
                r = sq_publish_anew(self->path, self->mode == TRUNCATE);
                return r < 0 ? refuse(task, self, -r) : 0;
        }
        if (self->regular && self->mode == TRUNCATE && first && ftruncate(sq_append_fd(self->file), 0) < 0)
                return refuse(task, self, errno);
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct writer *self = sq_state(task);

        sq_append_free(&self->file);
        sq_append_free(&self->next);
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

/* Exactly once a tuple that fails is given up, so none fails for a disk that is full: the lines wait, and when there
 * are many of them so does the task. */
static int
make_room(struct sq_task *task, struct writer *self)
{
        const struct timespec pause = {.tv_nsec = 100000000};
        int r = self->lines.len < CHUNK || self->staged || self->next ? 0 : drain(task, self);

        if (r == 0 || !self->by_epochs)
                return r;
        if (self->lines.len >= HELD_MAX) {
                sq_log(task, SQ_WARN, "%s: %s: waits", name_of(self), strerror(-r));
                nanosleep(&pause, NULL);
        }
        return 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct writer *self = sq_state(task);
        int r = make_room(task, self);

        if (r < 0)
                refuse(task, self, -r);
        if (r == 0 && !self->headed && self->header.len == 0)
                r = sq_encode_names(&self->header, in);
        if (r == 0)
                r = sq_encode(&self->lines, in);
        return r < 0 ? sq_retry_later(task, "%s: %s", name_of(self), strerror(-r)) : SQ_ACK;
}

static int
flush(struct sq_task *task)
{
        struct writer *self = sq_state(task);
        int r = self->staged || self->next ? 0 : drain(task, self);

        if (r == 0 && self->sync && !self->by_epochs)
                r = sync_lines(self);
        if (r == 0 || self->by_epochs) /* then the epoch does not end before the lines are out */
                return 0;
        self->lines.len = 0;
        return refuse(task, self, -r);
}

static int
precommit(struct sq_task *task, uint64_t epoch)
{
        struct writer *self = sq_state(task);
        int r = self->staged ? stage(task, self) : end_epoch(task, self);

        (void)epoch;
        return r < 0 ? refuse(task, self, -r) : 0;
}

static int
commit(struct sq_task *task, uint64_t epoch)
{
        struct writer *self = sq_state(task);
        int r = self->staged ? publish(task, self, epoch) : 0;

        take_next(self);
        return r < 0 ? refuse(task, self, -r) : 0;
}

static int
take_back(struct sq_task *task, uint64_t epoch)
{
        struct writer *self = sq_state(task);
        int r = 0;

        if (!self->staged)
                r = back_to_place(task, self);
        else if (self->regular)
                r = sq_publish_back(self->path, sq_index(task), epoch);
        if (r > 0)
                sq_log(task, SQ_WARN, "%s: has lines of epochs after %llu already, which stay and come again",
                       self->path, (unsigned long long)epoch);
        return r < 0 ? refuse(task, self, -r) : 0;
}

SQ_BOLT(write) = {
        .about = "Writes tuples as lines to a file or to stdout.",
        .state = sizeof(struct writer),
        .options =
                {
                        SQ_REQ_OUTPUT(struct writer, path, "the file; - is stdout"),
                        SQ_OPT_ENUM(
                                struct writer, format, "tsv|jsonl|csv|logfmt", "tsv",
                                "tsv: fields between tabs (tab, line end, \\ in them as \\t, \\n, \\\\; a tuple of one field as it is); "
                                "jsonl: an object a line; csv: RFC 4180 with a header line; logfmt: key=value"),
                        SQ_OPT_ENUM(struct writer, mode, "truncate|append", "truncate",
                                    "what happens to the file at a start from nothing; later it is appended to"),
                        SQ_OPT_BOOL(
                                struct writer, sync, false,
                                "acks wait until the lines are on disk, so that a loss of power takes none that was "
                                "acked; exactly once that is so with each epoch"),
                        SQ_OPT_ENUM(
                                struct writer, visible, "written|commit", "written",
                                "exactly once: written: lines stand in the file at once, and a restore cuts off those "
                                "that come again; commit: with their epoch, and then for good"),
                },
        .declare = declare,
        .probe = probe,
        .prepare = prepare,
        .execute = execute,
        .flush = flush,
        .finish = flush,
        .cleanup = cleanup,
        .precommit = precommit,
        .commit = commit,
        .abort = take_back,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `write`: tuples as lines of a file or of stdout, or as values of msgpack, which stand for lines below.
 *
 * Lines gather in an encoder's buffer that goes out when it is full and in `flush`, which the runtime calls before it
 * sends acks: an acked tuple is in the file. They are appended as whole lines, whatever the disk and the killers do
 * (sq_append() in squall.h).
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
 *                        file, after the commit: a restore then finds nothing of ours in it. So it is rotated at the
 *                        end of an epoch
 *     visible: commit    the lines of an epoch are kept in the snapshot; its commit appends them (sq_publish()).
 *                        Several tasks may share the file
 *
 * stdout and pipes are always written at the commit; one that is cut short by a kill is repeated from its start.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "write.h"

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

/* Each as a member of gzip. 0 or a negative errno. */
static int
publish_compressed(struct sq_task *task, struct writer *self, uint64_t epoch, struct sq_str header, struct sq_str lines)
{
        struct sq_encoder first = {.format = SQ_FORMAT_TEXT};
        struct sq_value value;
        int r = write_mend_members(self);

        if (r == 0 && header.len > 0)
                r = sq_gzip_member(self->gzip, header, &header);

        value = sq_str(header);
        if (r == 0)
                r = sq_encode_values(&first, 1, NULL, &value); /* the next one takes its place */
        if (r == 0)
                r = sq_gzip_member(self->gzip, lines, &lines);
        if (r == 0)
                r = sq_publish(self->path, sq_index(task), epoch, &(struct sq_str){first.bytes, first.len}, lines);
        sq_encoder_free(&first);
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
        r = self->gzip ? publish_compressed(task, self, epoch, header, lines)
                       : sq_publish(self->path, sq_index(task), epoch, self->format == MSGPACK ? NULL : &header, lines);
        if (r == 0)
                sq_own_set(task, lines_name, (struct sq_str){"", 0});
        return r;
}

/* ---- The bolt ---------------------------------------------------------------------------------------- */

static int
refuse(struct sq_task *task, const struct writer *self, int error)
{
        if (write_is_stdout(self) && (error == EPIPE || error == EBADF))
                return sq_error_final(task, "stdout: %s", error == EPIPE ? "its reader has gone" : "is closed");
        if (error == EPROTO)
                return sq_error_final(task, "%s.commits: a later version of Squall wrote it (go on with that one)",
                                      self->path);
        if (error == EBADMSG)
                return sq_error_final(task,
                                      "%s.commits: is damaged: what stands in the file already is not known (put it "
                                      "back, or remove it: then the lines of the last epoch may come again)",
                                      self->path);
        if (error == EMEDIUMTYPE && !self->gzip && self->format != MSGPACK)
                return sq_error_final(task,
                                      "%s: is compressed: lines cannot be appended to it (write `compress: gzip` where "
                                      "it is of gzip, or give another `path`)",
                                      write_name(self));
        if (error == EMEDIUMTYPE)
                return sq_error_final(task,
                                      "%s: is not of %s, or cut short by another program: nothing can be "
                                      "appended to it (give another `path`, or move it away)",
                                      write_name(self), self->gzip ? "gzip" : "msgpack");
        return sq_error(task, "%s: %s", write_name(self), strerror(error));
}

/* A file that another task writes too may get a line of it, or a part of one, when it has its new name already. */
static void
declare_rotation(struct sq_declaration *decl, const struct writer *self)
{
        const char *option = self->rotate_bytes ? "rotate-bytes" : "rotate-secs";

        if (self->rotate_bytes < 0)
                sq_declare_error(decl, "rotate-bytes", "must not be negative");
        if (!(self->rotate_secs >= 0 && self->rotate_secs <= 1e9))
                sq_declare_error(decl, "rotate-secs", "must be from 0 to a billion seconds");
        if (self->rotate_bytes == 0 && !(self->rotate_secs > 0))
                return;
        if (write_is_stdout(self))
                sq_declare_error(decl, option, "stdout is not rotated");
        if (sq_declared_parallelism(decl) > 1)
                sq_declare_error(decl, option, "%u tasks can't rotate one file (write 'parallelism: 1')",
                                 sq_declared_parallelism(decl));
        if (self->visible == COMMIT)
                sq_declare_error(decl, option,
                                 "what was committed is known by its place in one file: write 'visible: written'");
}

static void
declare_fields(struct sq_declaration *decl, const struct writer *self)
{
        sq_template_declare(self->path, decl, "path");
        if (self->most_open < 1 || self->most_open > OPEN_MAX)
                sq_declare_error(decl, "open", "must be from 1 to %d", OPEN_MAX);
        if (sq_declared_exactly_once(decl))
                sq_declare_error(decl, "path",
                                 "under exactly-once it is one file, which a restore cuts back: it has no fields");
}

static void
declare_dialect(struct sq_declaration *decl, const struct writer *self)
{
        static const char *const options[] = {"header", "separator", "quote"};

        for (size_t i = 0; self->format != CSV && i < sizeof(options) / sizeof(options[0]); i++)
                sq_declare_unused(decl, options[i], "without `format: csv`");
}

/* Several tasks cannot cut one file back; where it is no file they need not. */
static void
declare(struct sq_declaration *decl)
{
        const struct writer *self = sq_declared_state(decl);
        struct stat about;

        declare_rotation(decl, self);
        if (!write_has_fields(self->path))
                sq_declare_unused(decl, "open", "for a path without fields");
        if (write_has_fields(self->path) || write_is_stdout(self))
                sq_declare_unused(decl, "mode", "for stdout and for a path with fields, which are appended to");
        if (write_is_stdout(self))
                sq_declare_unused(decl, "sync", "for stdout, which is no file of ours");
        declare_dialect(decl, self);
        if (self->compress == GZIP && write_is_stdout(self))
                sq_declare_error(decl, "compress", "stdout is not compressed (pipe it into gzip)");
        if (write_has_fields(self->path))
                declare_fields(decl, self);
        if (self->visible == COMMIT && !sq_declared_exactly_once(decl))
                sq_declare_error(decl, "visible", "'commit' needs topology.delivery: exactly-once");
        if (!sq_declared_exactly_once(decl) || self->visible == COMMIT || sq_declared_parallelism(decl) < 2 ||
            write_is_stdout(self) || (stat(self->path, &about) == 0 && !S_ISREG(about.st_mode)))
                return;
        sq_declare_error(decl, "path",
                         "under exactly-once %u tasks can't write one file whose lines are visible at once (write "
                         "'visible: commit', or 'parallelism: 1')",
                         sq_declared_parallelism(decl));
}

/* Of a path with fields: the folders in front of them, or where those can be made. */
static void
probe_folder(struct sq_declaration *decl, const char *path)
{
        char folder[PATH_MAX], *slash;

        snprintf(folder, sizeof(folder), "%.*s", (int)strcspn(path, "{"), path);
        while ((slash = strrchr(folder, '/')) && slash > folder) {
                *slash = '\0';
                if (access(folder, F_OK) == 0 || errno != ENOENT)
                        break;
        }
        if (slash && access(slash > folder ? folder : "/", W_OK | X_OK) < 0)
                sq_declare_error(decl, "path", "%s: %s", folder, strerror(errno));
}

static void
probe(struct sq_declaration *decl)
{
        const struct writer *self = sq_declared_state(decl);

        if (write_has_fields(self->path))
                probe_folder(decl, self->path);
        else
                sq_probe_output(decl, "path", self->path);
}

/* 0 or -ENOMEM. */
static int
choose_format(struct writer *self)
{
        static const enum sq_format formats[] = {
                [TSV] = SQ_FORMAT_TSV,        [JSONL] = SQ_FORMAT_JSONL,     [CSV] = SQ_FORMAT_CSVL,
                [LOGFMT] = SQ_FORMAT_LOGFMTL, [MSGPACK] = SQ_FORMAT_MSGPACK, [PRETTY] = SQ_FORMAT_TSV};
        bool on_terminal = write_is_stdout(self) && isatty(STDOUT_FILENO);

        if (self->format == AUTO)
                self->format = on_terminal ? PRETTY : TSV;
        self->header.format = self->lines.format = formats[self->format];
        self->header.dialect = self->lines.dialect = sq_csv_dialect(self->dialect.separator, self->dialect.quote);
        if (self->format == PRETTY)
                self->table = write_table_new(on_terminal && !getenv("NO_COLOR"));
        return self->format == PRETTY && !self->table ? -ENOMEM : 0;
}

static int
empty(struct sq_task *task, struct writer *self)
{
        int r = sq_begin_anew(task, self->path, sq_append_fd(self->file));

        if (r >= 0)
                return 0;
        if (!sq_run_id(task))
                return refuse(task, self, -r);
        if (r == -EPROTO)
                return sq_error_final(task, "%s.runs: a later version of Squall wrote it (go on with that one)",
                                      self->path);
        if (r == -EBADMSG)
                return sq_error_final(
                        task,
                        "%s.runs: is damaged: whether the file has lines of this run is not known, and it "
                        "stays as it is (put it back, or remove both)",
                        self->path);
        return sq_error(task, "%s: cannot be begun anew, which is noted in %s.runs: %s (write `mode: append`)",
                        self->path, self->path, strerror(-r));
}

static int
begin(struct sq_task *task)
{
        struct writer *self = sq_state(task);
        bool first = sq_begins(task);
        int r;

        self->by_epochs = sq_exactly_once(task);

        r = choose_format(self);
        if (r == 0 && self->compress == GZIP)
                r = sq_gzip_new(&self->gzip);
        if (r < 0)
                return refuse(task, self, -r);
        if (write_has_fields(self->path)) {
                r = write_open_files(self);
                return r < 0 ? refuse(task, self, -r) : 0;
        }
        r = write_open(self, sq_incarnation(task) > 0);
        if (r < 0)
                return refuse(task, self, -r);
        if (self->gzip && !self->regular)
                return sq_error_final(task, "%s: only a file is compressed", self->path);
        /* One task does what is done once: no tuple flows before all are prepared. */
        self->headed = !write_has_header(self) || (!self->regular && !first);
        self->staged = self->by_epochs && (self->visible == COMMIT || !self->regular);
        if (self->by_epochs && !self->staged && sq_parallelism(task) > 1)
                return sq_error_final(task, "%s: several tasks cannot cut it back (write visible: commit)", self->path);
        if (self->staged && self->regular && first) {
                r = sq_publish_anew(self->path, self->mode == TRUNCATE);
                return r < 0 ? refuse(task, self, -r) : 0;
        }
        return self->regular && self->mode == TRUNCATE ? empty(task, self) : 0;
}

static void
cleanup(struct sq_task *task)
{
        struct writer *self = sq_state(task);

        write_close_files(self);
        sq_append_free(&self->file);
        sq_append_free(&self->next);
        sq_encoder_free(&self->header);
        sq_encoder_free(&self->lines);
        sq_gzip_free(&self->gzip);
        write_table_free(&self->table);
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
        int r = self->lines.len < CHUNK || self->staged || self->next ? 0 : write_drain(task, self);

        if (r == 0 || !self->by_epochs)
                return r;
        if (self->lines.len >= HELD_MAX) {
                sq_log(task, SQ_WARN, "%s: %s: waits", write_name(self), strerror(-r));
                nanosleep(&pause, NULL);
        }
        return 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct writer *self = sq_state(task);
        const char *wrong = NULL;
        int r = self->files ? write_file_of(task, self, in, &self, &wrong) : 0;

        if (wrong)
                return sq_refuse_tuple(task, in, "%s: the path of a tuple %s", self->path, wrong);
        if (r == 0)
                r = make_room(task, self);
        if (r < 0)
                refuse(task, self, -r);
        if (r == 0 && !self->headed && self->header.len == 0)
                r = sq_encode_names(&self->header, in);
        if (r == 0)
                r = self->table ? write_pretty(self->table, &self->lines, in) : sq_encode(&self->lines, in);
        if (r == -EBADMSG)
                return sq_refuse_tuple(task, in, "%s: %s", write_name(self), SQ_UNQUOTED);
        return r < 0 ? sq_retry_later(task, "%s: %s", write_name(self), strerror(-r)) : SQ_ACK;
}

/* When it is to be looked at again, ns from now; -1: not for now. What a kill has torn is mended with the first lines,
 * so a file stays until it has some of ours. */
static int64_t
rotate_old(struct sq_task *task, struct writer *file)
{
        int64_t ns = file->whole ? write_rotates_in(file) : -1;

        if (ns != 0 || file->lines.len > 0)
                return ns;
        write_rotate(task, file);
        return -1;
}

/* A file gets old while nothing comes, too. Exactly once that is so at the end of an epoch. */
static int
tick(struct sq_task *task)
{
        struct writer *self = sq_state(task), *file;
        int64_t first = -1, ns;

        if (self->by_epochs)
                return 0;
        for (size_t i = 0; (file = self->files ? write_file_at(self, i) : i == 0 ? self : NULL); i++) {
                ns = rotate_old(task, file);
                first = ns >= 0 && (first < 0 || ns < first) ? ns : first;
        }
        if (first >= 0)
                sq_wake_at(task, sq_now(task) + (uint64_t)first);
        return 0;
}

static int
flush(struct sq_task *task)
{
        struct writer *self = sq_state(task);
        const struct writer *failed = self;
        int r = self->files                  ? write_out_all(task, self, &failed)
                : self->staged || self->next ? 0
                                             : write_drain(task, self);

        if (r == 0 && self->sync && !self->by_epochs && !self->files)
                r = write_sync(self);
        if (r == 0 && self->rotate_secs > 0)
                (void)tick(task);
        if (r == 0 || self->by_epochs) /* then the epoch does not end before the lines are out */
                return 0;
        self->lines.len = 0;
        return refuse(task, failed, -r);
}

static int
precommit(struct sq_task *task, uint64_t epoch)
{
        struct writer *self = sq_state(task);
        int r = self->staged ? stage(task, self) : write_end_epoch(task, self);

        (void)epoch;
        return r < 0 ? refuse(task, self, -r) : 0;
}

static int
commit(struct sq_task *task, uint64_t epoch)
{
        struct writer *self = sq_state(task);
        int r = self->staged ? publish(task, self, epoch) : 0;

        write_take_next(self);
        return r < 0 ? refuse(task, self, -r) : 0;
}

static int
take_back(struct sq_task *task, uint64_t epoch)
{
        struct writer *self = sq_state(task);
        int r = 0;

        if (!self->staged)
                return write_back_to_place(task, self);
        if (self->regular)
                r = sq_publish_back(self->path, sq_index(task), epoch);
        if (r > 0)
                sq_log(task, SQ_WARN, "%s: has lines of epochs after %llu already, which stay and come again",
                       self->path, (unsigned long long)epoch);
        return r < 0 ? refuse(task, self, -r) : 0;
}

SQ_BOLT(write) = {
        .about = "Writes tuples as lines, or as maps of msgpack, to a file or to stdout.",
        .state = sizeof(struct writer),
        .options =
                {
                        SQ_REQ_OUTPUT(
                                struct writer, path,
                                "the file; - is stdout; with fields or expressions in braces, day/{kind}.jsonl, a file for "
                                "each of their values, which is appended to"),
                        SQ_OPT_INT_AS("open", struct writer, most_open, 64,
                                      "files of such a path that are open at once, at most"),
                        SQ_OPT_ENUM(
                                struct writer, format, "tsv|jsonl|csv|logfmt|msgpack|pretty|auto", "auto",
                                "auto: tsv, and on a terminal pretty; tsv: fields between tabs (tab, line end, \\ in them as \\t, \\n, \\\\; a tuple of one field as it is); "
                                "jsonl: an object a line; csv: RFC 4180, or another dialect; logfmt: key=value; msgpack: a map behind the other; pretty: columns for "
                                "people, below the names of the fields"),
                        SQ_OPT_BOOL_AS("header", struct writer, header_line, true,
                                       "csv: the first line of each file names the fields"),
                        SQ_OPT_DIALECT(struct writer, dialect),
                        SQ_OPT_ENUM(
                                struct writer, compress, "none|gzip", "none",
                                "gzip: a member for what is written at once, so that the file is whole whenever the "
                                "process dies"),
                        SQ_OPT_ENUM(struct writer, mode, "truncate|append", "truncate",
                                    "what happens to the file at a start from nothing; later it is appended to"),
                        SQ_OPT_INT_AS(
                                "rotate-bytes", struct writer, rotate_bytes, 0,
                                "the file is renamed to PATH.TIME, behind a whole line, when it has so many bytes (as it stands), "
                                "and a new one is begun; 0: never"),
                        SQ_OPT_FLOAT_AS("rotate-secs", struct writer, rotate_secs, 0,
                                        "likewise when it is so many seconds old, unless it is empty"),
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
        .tick = tick,
        .flush = flush,
        .finish = flush,
        .cleanup = cleanup,
        .precommit = precommit,
        .commit = commit,
        .abort = take_back,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "many.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRONG = 160 };

static const char not_regular[] = "not a regular file (a pipe, say, cannot be read again after a fault)";

/* What is wrong with an open file; NULL: nothing. One of /proc or /sys has bytes, but no size to read up to. */
static const char *
unreadable(int fd)
{
        struct stat st;
        ssize_t n = pread(fd, &(char){0}, 1, 0);

        if (n < 0 || fstat(fd, &st) < 0)
                return strerror(errno);
        return n > 0 && st.st_size == 0
                       ? "it is made as it is read, and has no size (cat FILE | squall run ..., with `path: -`)"
                       : NULL;
}

/* It looks first: whoever writes into a pipe waits for a reader. */
int
file_open_regular(const char *path, int *ret_fd, const char **ret_wrong)
{
        struct stat st;
        int fd = -1;

        *ret_wrong = NULL;
        if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
                *ret_wrong = not_regular;
        else if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
                *ret_wrong = strerror(errno);
        else
                *ret_wrong = unreadable(fd);
        if (!*ret_wrong) {
                *ret_fd = fd;
                return 0;
        }
        if (fd >= 0)
                close(fd);
        return -1;
}

/* What is wrong with a file that may be compressed; NULL: nothing. */
static const char *
packed_wrongly(int fd, bool follow, char *text, size_t size)
{
        const char *by = sq_compressed(fd);
        bool known = by && (strcmp(by, "gzip") == 0 || strcmp(by, "zstd") == 0);

        if (!by || (sq_decompresses(fd) && !follow))
                return NULL;
        if (sq_decompresses(fd))
                snprintf(text, size, "compressed with %s, which cannot be followed: leave out `follow`", by);
        else
                snprintf(text, size, "compressed with %s, which %s not read (decompress it first)", by,
                         known ? "this build does" : "is");
        return text;
}

static bool
is_stdin(const char *path)
{
        return strcmp(path, "-") == 0 || strcmp(path, "/dev/stdin") == 0;
}

static void
declare_stdin(struct sq_declaration *decl, const struct file *file)
{
        if (file->follow)
                sq_declare_error(decl, "follow", "standard input is read to its end anyway: leave out `follow`");
        if (file->repeat > 1)
                sq_declare_error(decl, "repeat", "standard input cannot be read again: leave out `repeat`");
}

/* The file that names the fields: of several, the first. Returns what is wrong; NULL: nothing. */
static const char *
open_declared(struct sq_declaration *decl, const struct file *file, int *ret_fd)
{
        char *match = NULL;
        const char *wrong = NULL;
        int r;

        if (!file_is_pattern(file->path)) {
                (void)file_open_regular(file->path, ret_fd, &wrong);
                return wrong;
        }
        if (file->repeat != 1)
                sq_declare_error(decl, "repeat", "the files of a pattern are read once: leave out `repeat`");
        r = file_first_match(file->path, &match);
        if (r == -ENOENT && file->follow)
                return NULL; /* they may come */
        if (r < 0)
                return r == -ENOENT ? "no file matches it" : strerror(-r);
        (void)file_open_regular(match, ret_fd, &wrong);
        free(match);
        return wrong;
}

/* Only who needs the file for the names of the fields needs it now. */
void
file_declare(struct sq_declaration *decl)
{
        const struct file *file = sq_declared_state(decl);
        struct sq_records records = file->records;
        const struct sq_decoder *decoder = &records.decoder;
        bool need = file_has_header(file) || (decoder->format != SQ_FORMAT_TEXT && decoder->wanted.n == 0);
        const char *wrong = sq_records_fields(&records), *packed = NULL;
        char text[WRONG];
        uint64_t first;
        int fd = -1;

        if (wrong) {
                sq_declare_error(decl, "fields", "%s", wrong);
                return;
        }
        if (decoder->format != SQ_FORMAT_CSV)
                sq_declare_unused(decl, "header", "without `format: csv`");
        if (!file->follow || !file_is_pattern(file->path))
                sq_declare_unused(decl, "positions", "without `follow` and a `path` that is a pattern");
        if (file->follow && !file_is_pattern(file->path) && !is_stdin(file->path))
                sq_declare_unused(decl, "repeat", "with `follow`, which has no end");
        if (file->repeat < 0)
                sq_declare_error(decl, "repeat", "must not be negative");
        if (!(file->rate >= 0))
                sq_declare_error(decl, "rate", "must not be negative");
        if (sq_declared_exactly_once(decl) && file->follow && file_is_pattern(file->path) && !file->positions)
                sq_declare_error(decl, "path",
                                 "%s: exactly-once needs a folder for where each file was read up to, that lasts: "
                                 "set `positions`",
                                 file->path);
        if (is_stdin(file->path)) {
                declare_stdin(decl, file);
                wrong = NULL;
        } else if (!(wrong = open_declared(decl, file, &fd)))
                packed = fd < 0 ? NULL
                                : packed_wrongly(fd, file->follow && !file_is_pattern(file->path), text, sizeof(text));
        if (packed)
                wrong = packed;
        else if (!wrong || !need)
                wrong = sq_records_begin(&records, fd, &first);
        if (wrong)
                sq_declare_error(decl, "path", "%s: %s", file->path, wrong);
        sq_records_declare(&records, decl);
        sq_records_free(&records);
        if (fd >= 0)
                close(fd);
}

static int
share(struct file *file, uint64_t part, uint64_t parts, uint64_t *ret_offset)
{
        uint64_t whole = file->size > file->first ? file->size - file->first : 0;

        if (part == parts) {
                *ret_offset = file->first + whole;
                return 0;
        }
        return sq_reader_align(&file->reader, file->first,
                               file->first + whole / parts * part + whole % parts * part / parts, ret_offset);
}

/* The range of this task. */
int
file_take_share(struct sq_task *task, struct file *file)
{
        uint64_t from = file->first, to = file->first;
        uint32_t parts = file->packed || file->pattern ? 1 : sq_parallelism(task);
        uint32_t part = parts == 1 ? 0 : sq_index(task);
        int r = 0;

        sq_reader_open(&file->reader, file->fd, 0, file->size);
        if (file->reading)
                r = share(file, part, parts, &from);
        if (file->reading && r == 0)
                r = share(file, part + 1, parts, &to);
        if (r < 0)
                return sq_error(task, "%s: %s", file->path, sq_reader_error(&file->reader, r));
        file->first = from;
        file->last = to;
        sq_reader_open(&file->reader, file->fd, from, to);
        return 0;
}

int
file_open(struct sq_task *task, struct file *file)
{
        char text[WRONG];
        const char *wrong;
        struct stat st;

        if (file_open_regular(file->path, &file->fd, &wrong) < 0)
                return file->follow && access(file->path, F_OK) < 0 && errno == ENOENT
                               ? 0
                               : sq_error(task, "%s: %s", file->path, wrong);
        wrong = packed_wrongly(file->fd, file->follow, text, sizeof(text));
        if (!wrong && fstat(file->fd, &st) < 0)
                wrong = strerror(errno);
        if (wrong)
                return sq_error(task, "%s: %s", file->path, wrong);
        file->packed = sq_decompresses(file->fd);
        file->bytes = (uint64_t)st.st_size;
        file->size = file->packed ? UNKNOWN : file->bytes;
        return 0;
}

/* What is wrong with descriptor 0; NULL: nothing. */
static const char *
stdin_wrongly(void)
{
        int flags = fcntl(STDIN_FILENO, F_GETFL);
        struct stat st;

        if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY)
                return "is closed, or there is none: only `squall run` has one, `squall supervisor` has not";
        if (fstat(STDIN_FILENO, &st) < 0)
                return strerror(errno);
        return S_ISDIR(st.st_mode) ? strerror(EISDIR) : NULL;
}

/* Its reader ends when it does, and what is emitted of it is kept. */
static int
open_stdin(struct sq_task *task, struct file *file)
{
        const char *wrong = stdin_wrongly();
        uint64_t first;

        if (!wrong && sq_exactly_once(task))
                wrong = "cannot be read again after a death, which exactly-once needs: name a file";
        if (!wrong)
                wrong = sq_records_begin(&file->records, -1, &first);
        if (wrong)
                return sq_error_final(task, "standard input: %s", wrong);
        file->records.decoder.source = "standard input";
        file->piped = true;
        file->stale = sq_incarnation(task) > 0;
        file->size = file->last = UNKNOWN;
        file->reading = sq_index(task) == 0;
        file->header = file_has_header(file);
        sq_reader_open_pipe(&file->reader, STDIN_FILENO);
        return 0;
}

/* Hands the file over to `tail`. Who has misspelt its name would wait with it. */
static void
begin_following(struct sq_task *task, struct file *file)
{
        if (file->fd < 0 && file->reading)
                sq_log(task, SQ_WARN, "%s: is not there yet: waits for it", file->path);
        sq_tail_begin(&file->tail, file->fd, 0);
        file->fd = -1;
        file_begin(file);
        file_note(task, file);
}

/* All tasks share one and the same file as it was when the first of them looked, however it grows. */
static int
agree_on_size(struct sq_task *task, struct file *file)
{
        struct stat st = {0};
        struct {
                uint64_t bytes, device, inode;
        } seen;

        if (file->packed || sq_parallelism(task) == 1)
                return 0;
        if (fstat(file->fd, &st) < 0)
                return sq_error(task, "%s: %s", file->path, strerror(errno));
        seen.bytes = file->bytes;
        seen.device = st.st_dev;
        seen.inode = st.st_ino;
        if (sq_agree(task, &seen, sizeof(seen)) < 0)
                return -1;
        file->stale = seen.device != st.st_dev || seen.inode != st.st_ino || seen.bytes > file->bytes;
        file->bytes = file->size = seen.bytes;
        return 0;
}

static int
begin_once(struct sq_task *task, struct file *file)
{
        if (agree_on_size(task, file) < 0)
                return -1;
        if (file_take_share(task, file) < 0)
                return -1;
        if (file_has_header(file))
                file_read_columns(file, file->fd);
        (void)sq_identity_take(&file->identity, file->fd, file_read_up_to(file));
        return 0;
}

int
file_prepare(struct sq_task *task)
{
        struct file *file = sq_state(task);
        const char *wrong;

        file->fd = -1;
        file->records.decoder.source = file->path;
        sq_tail_open(&file->tail, file->path, &file->reader);
        file->reader.dialect = sq_csv_dialect(file->records.decoder.separator, file->records.decoder.quote);
        file->replayer.dialect = file->reader.dialect;
        file->reader.csv = file->replayer.csv = file->records.decoder.format == SQ_FORMAT_CSV;
        file->reader.msgpack = file->replayer.msgpack = file->records.decoder.format == SQ_FORMAT_MSGPACK;
        file->repeat += file->repeat == 0;
        if (is_stdin(file->path))
                return open_stdin(task, file);
        if (file_is_pattern(file->path))
                return file->follow ? file_prepare_follow(task, file) : file_prepare_matches(task, file);
        if (file_open(task, file) < 0)
                return -1;
        wrong = file->fd < 0 && file->records.decoder.format != SQ_FORMAT_TEXT
                        ? strerror(ENOENT)
                        : sq_records_begin(&file->records, file->fd, &file->first);
        if (wrong)
                return sq_error(task, "%s: %s", file->path, wrong);
        file->reading = (!file->follow && !file->packed) || sq_index(task) == 0;
        file->header_end = file->first;
        if (file->follow)
                begin_following(task, file);
        else if (begin_once(task, file) < 0)
                return -1;
        file_note(task, file);
        return 0;
}

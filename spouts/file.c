/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `file`: the lines of a file, or the records of a CSV or JSON Lines file.
 *
 * Positions. Each record is a tuple tree of its own; its position says where it stands, so that it can be read again.
 * They rise:
 *
 *     a file read `repeat` times    pass * size + offset        (the size when the task was prepared)
 *     a file that is followed       generation << 40 | offset   (a generation begins with a rotation or a truncation)
 *
 * Tasks share a file by byte ranges whose edges are moved on to the next record, so each record is read by one task. A
 * followed file, and a compressed one, is read by task 0 alone.
 *
 * Offsets of a compressed file are in its text, whose size is not known before its end. Until then it is UNKNOWN, so
 * that all positions belong to the first pass.
 *
 * Standard input is read once, by task 0. Its records are kept until they are acked, to be emitted again; when the worker
 * dies they are gone, so the next incarnation ends the topology as failed, unless all had been acked.
 *
 * A position is told together with what its file is known by (kit/identity.c), so that a restarted task reads on in
 * that file, whatever its name is by then. A file that is read once and is another one by then, or shorter, ends the
 * topology.
 */
#include <errno.h>
#include <fcntl.h>
#include <squall-kit.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BURST_BYTES = 64 * 1024, WRONG = 160 };
#define UNKNOWN UINT64_MAX
#define LOOK_NS 20000000u /* a followed file at its end is looked at 50 times a second */
#define RETRY_NS 1000000000u
#define NOTE_NS 50000000u
#define HELD_NS UINT64_C(5000000000) /* an open quote is reported after that, and again after twelve times that */

/* What is kept with positions of a file that is read once. */
struct note {
        uint32_t path, unused;
        uint64_t size, first;
        struct sq_identity known;
};
_Static_assert(sizeof(struct note) <= SQ_NOTE_MAX, "it fits");

struct file {
        const char *path;
        int64_t repeat;
        bool follow;
        double rate;

        struct sq_records records;
        struct sq_csv_columns columns[SQ_TAIL_GENERATIONS]; /* of a generation, as in `tail`; read once: the first */
        struct sq_reader reader, replayer;
        struct sq_tail tail; /* followed */
        bool header;         /* the next record is one */

        int fd; /* read once, or -1 */
        struct sq_identity identity;
        uint64_t header_end;              /* where the first record begins */
        uint64_t size, first, last, pass; /* this task reads [first, last) */
        uint64_t bytes;                   /* of the file as it lies there */
        bool packed;

        bool stale;          /* it is not what it was; `.seek` may find that */
        bool piped;          /* standard input */
        struct sq_pipe pipe; /* what may have to be emitted again */

        bool reading;
        uint64_t noted_ns;
        uint64_t held, held_ns; /* an open quote at this offset is reported then; 0: there is none */
        struct sq_pace pace;
};

static struct file *
state(struct sq_task *task)
{
        return sq_state(task);
}

/* ---- Opening ----------------------------------------------------------------------------------------- */

static const char not_regular[] = "not a regular file (a pipe, say, cannot be read again after a fault)";

/* Opens a regular file; 0, or -1 with what is wrong. It looks first: whoever writes into a pipe waits for a reader. */
static int
open_regular(const char *path, int *ret_fd, const char **ret_wrong)
{
        struct stat st;
        int fd = -1;

        *ret_wrong = NULL;
        if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
                *ret_wrong = not_regular;
        else if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0 || pread(fd, &(char){0}, 1, 0) < 0)
                *ret_wrong = strerror(errno);
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

/* Only who needs the file for the names of the fields needs it now. */
static void
declare(struct sq_declaration *decl)
{
        const struct file *file = sq_declared_state(decl);
        struct sq_records records = file->records;
        const struct sq_decoder *decoder = &records.decoder;
        bool need = decoder->format == SQ_FORMAT_CSV || (decoder->format == SQ_FORMAT_JSON && decoder->wanted.n == 0);
        const char *wrong = sq_records_fields(&records), *packed = NULL;
        char text[WRONG];
        uint64_t first;
        int fd = -1;

        if (wrong) {
                sq_declare_error(decl, "fields", "%s", wrong);
                return;
        }
        if (file->repeat < 0)
                sq_declare_error(decl, "repeat", "must not be negative");
        if (is_stdin(file->path)) {
                declare_stdin(decl, file);
                wrong = NULL;
        } else if (open_regular(file->path, &fd, &wrong) == 0)
                packed = packed_wrongly(fd, file->follow, text, sizeof(text));
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
static int
take_share(struct sq_task *task, struct file *file)
{
        uint64_t from = file->first, to = file->first;
        uint32_t parts = file->packed ? 1 : sq_parallelism(task);
        int rc = 0;

        sq_reader_open(&file->reader, file->fd, 0, file->size);
        if (file->reading)
                rc = share(file, sq_index(task), parts, &from);
        if (file->reading && rc == 0)
                rc = share(file, sq_index(task) + 1, parts, &to);
        if (rc < 0)
                return sq_error(task, "%s: %s", file->path, sq_reader_error(&file->reader, rc));
        file->first = from;
        file->last = to;
        sq_reader_open(&file->reader, file->fd, from, to);
        return 0;
}

static uint64_t
position_at(const struct file *file, uint64_t offset)
{
        if (file->piped)
                return offset;
        return file->follow ? sq_tail_position(&file->tail, offset) : file->pass * file->size + offset;
}

/* Which file it is. */
static void
note_file(struct sq_task *task, struct file *file)
{
        struct note once = {.path = sq_path_hash(file->path),
                            .size = file->size,
                            .first = file->header_end,
                            .known = file->identity};

        if (file->follow)
                sq_tail_note(task, &file->tail);
        else
                sq_note(task, &once, sizeof(once));
}

/* Where the task goes on, and in which file. */
static void
note(struct sq_task *task, struct file *file)
{
        note_file(task, file);
        sq_next_position(task, position_at(file, file->reader.offset));
}

static struct sq_csv_columns *
columns_of(struct file *file, uint64_t generation)
{
        return &file->columns[generation % SQ_TAIL_GENERATIONS];
}

/* The header of a file that is read from its middle on. */
static void
read_columns(struct file *file, int fd)
{
        struct sq_reader reader = {.csv = true};
        struct sq_str record;

        sq_reader_open(&reader, fd, 0, UINT64_MAX);
        if (sq_reader_next(&reader, true, &record) > 0)
                (void)sq_csv_columns_read(columns_of(file, file->tail.generation), record, file->records.decoder.n,
                                          (const char *const *)file->records.names);
        sq_reader_close(&reader);
}

/* Another file is read from here on. */
static void
begin(struct file *file)
{
        bool csv = file->records.decoder.format == SQ_FORMAT_CSV;

        file->tail.begun = false;
        file->replayer.fd = -1;
        file->header = csv && file->reader.offset == 0;
        if (csv && file->reader.fd >= 0 && file->reader.offset > 0)
                read_columns(file, file->reader.fd);
}

static int
open_file(struct sq_task *task, struct file *file)
{
        char text[WRONG];
        const char *wrong;
        struct stat st;

        if (open_regular(file->path, &file->fd, &wrong) < 0)
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
                return "there is none here: only `squall run` has a standard input, `squall supervisor` has not";
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
        file->header = file->records.decoder.format == SQ_FORMAT_CSV;
        sq_reader_open_pipe(&file->reader, STDIN_FILENO);
        return 0;
}

/* Hands the file over to `tail`. */
static void
begin_following(struct file *file)
{
        sq_tail_begin(&file->tail, file->fd, 0);
        file->fd = -1;
        begin(file);
}

/* What a file is known by goes up to there: a compressed one is known as a whole. */
static uint64_t
read_up_to(const struct file *file)
{
        return file->packed ? file->bytes : file->reader.offset;
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
        if (take_share(task, file) < 0)
                return -1;
        if (file->records.decoder.format == SQ_FORMAT_CSV)
                read_columns(file, file->fd);
        (void)sq_identity_take(&file->identity, file->fd, read_up_to(file));
        return 0;
}

static int
prepare(struct sq_task *task)
{
        struct file *file = state(task);
        const char *wrong;

        file->fd = -1;
        file->records.decoder.source = file->path;
        sq_tail_open(&file->tail, file->path, &file->reader);
        file->reader.csv = file->replayer.csv = file->records.decoder.format == SQ_FORMAT_CSV;
        file->repeat += file->repeat == 0;
        if (is_stdin(file->path))
                return open_stdin(task, file);
        if (open_file(task, file) < 0)
                return -1;
        wrong = file->fd < 0 && file->records.decoder.format != SQ_FORMAT_TEXT
                        ? strerror(ENOENT)
                        : sq_records_begin(&file->records, file->fd, &file->first);
        if (wrong)
                return sq_error(task, "%s: %s", file->path, wrong);
        file->reading = (!file->follow && !file->packed) || sq_index(task) == 0;
        file->header_end = file->first;
        if (file->follow)
                begin_following(file);
        else if (begin_once(task, file) < 0)
                return -1;
        note(task, file);
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct file *file = state(task);

        if (file->fd >= 0)
                close(file->fd);
        sq_tail_close(&file->tail);
        sq_pipe_close(&file->pipe);
        sq_reader_close(&file->reader);
        sq_reader_close(&file->replayer);
        for (unsigned i = 0; i < SQ_TAIL_GENERATIONS; i++)
                sq_csv_columns_free(&file->columns[i]);
        sq_records_free(&file->records);
}

/* ---- Reading ----------------------------------------------------------------------------------------- */

/* Emits a record of that generation; `wrong`: the cause why it is none, or NULL. */
static inline void
emit(struct sq_task *task, struct file *file, const char *wrong, struct sq_str record, uint64_t generation,
     uint64_t offset)
{
        struct sq_decoder *decoder = &file->records.decoder;

        decoder->columns = columns_of(file, generation);
        if (wrong)
                sq_decoder_refuse(task, decoder, record, offset, wrong);
        else
                sq_decoder_emit(task, decoder, record, offset);
}

/* The header of a generation: columns may stand in another order than before. */
static void
take_header(struct sq_task *task, struct file *file, struct sq_str record)
{
        struct sq_csv_columns *columns = columns_of(file, file->tail.generation);
        size_t lacking = sq_csv_columns_read(columns, record, file->records.decoder.n,
                                             (const char *const *)file->records.names);

        if (lacking < file->records.decoder.n && file->piped)
                (void)sq_error_final(task, "standard input: the header line lacks `%s`", file->records.names[lacking]);
        else if (lacking < file->records.decoder.n)
                sq_log(task, SQ_WARN, "%s: the new header lacks the column `%s`: it is empty from here on", file->path,
                       file->records.names[lacking]);
        file->header = false;
}

/* At the end of a file that is read once: false when that was the last time. */
static bool
next_pass(struct sq_task *task, struct file *file)
{
        file->pass++;
        if (file->size == UNKNOWN) {
                file->size = file->last = file->reader.offset;
                note_file(task, file);
        }
        return file->pass < (uint64_t)file->repeat;
}

/* The next record of the task, or 0 at the end, or a negative errno. */
static int
next_record(struct sq_task *task, struct file *file, struct sq_str *ret, uint64_t *ret_position)
{
        uint64_t offset;
        int rc;

        for (;;) {
                if (file->tail.begun)
                        begin(file);
                offset = file->reader.offset;
                rc = file->reader.fd < 0 ? 0 : sq_reader_next(&file->reader, !file->follow || file->tail.rotated, ret);
                if (rc > 0 && file->piped && offset == 0 && sq_compressed_text(*ret))
                        return -EMEDIUMTYPE;
                if (rc > 0 && !file->header) {
                        *ret_position = position_at(file, offset);
                        return rc;
                }
                if (rc > 0)
                        take_header(task, file, *ret);
                else if (rc < 0)
                        return rc;
                else if (!file->follow && file->size != UNKNOWN && file->reader.offset < file->last)
                        return -ESTALE;
                else if (file->follow ? !sq_tail_look(task, &file->tail) : !next_pass(task, file))
                        return 0;
                else if (!file->follow)
                        sq_reader_seek(&file->reader, file->first);
        }
}

/* Now and then: is it still the file that was read? False: it was to be read once, and is not. */
static bool
still_there(struct sq_task *task, struct file *file)
{
        uint64_t size;

        if (sq_now(task) >= file->noted_ns) {
                file->noted_ns = sq_now(task) + NOTE_NS;
                if (!file->follow && !file->piped &&
                    !sq_identity_renew(&file->identity, file->fd, read_up_to(file), &size))
                        return false;
                if (file->follow && !sq_tail_renew(&file->tail))
                        sq_tail_leave_rewritten(task, &file->tail);
                note(task, file);
        }
        sq_next_position(task, position_at(file, file->reader.offset));
        return true;
}

static enum sq_next
shrunk(struct sq_task *task, struct file *file)
{
        struct stat st = {0};

        (void)fstat(file->reader.fd, &st);
        (void)sq_error_final(
                task,
                "%s: was truncated or written anew while it was read: %llu bytes when the run began, %lld now, at byte %llu",
                file->path, (unsigned long long)file->bytes, (long long)st.st_size,
                (unsigned long long)file->reader.offset);
        return SQ_IDLE;
}

/* Keeps what cannot be read again, if it may have to be. */
static void
keep(struct sq_task *task, struct file *file, struct sq_str record, uint64_t position)
{
        if (sq_room(task) != UINT64_MAX && sq_pipe_keep(&file->pipe, position, record, file->reader.wrong) < 0)
                (void)sq_error_final(task, "standard input: %s", strerror(ENOMEM));
}

/* At the end of a followed CSV file: whether a quote that nobody closes holds up what comes. It may be closed yet, so
 * this is reported and no more. */
static void
note_held(struct sq_task *task, struct file *file)
{
        const struct sq_reader *reader = &file->reader;
        size_t n = reader->fill - reader->at;

        if (!reader->csv || n == 0 || !memchr(reader->buffer + reader->at, '\n', n)) {
                file->held_ns = 0;
                return;
        }
        if (file->held_ns == 0 || file->held != reader->offset) {
                file->held = reader->offset;
                file->held_ns = sq_now(task) + HELD_NS;
        } else if (sq_now(task) >= file->held_ns) {
                sq_log(task, SQ_WARN,
                       "%s: byte %llu: a quote is not closed: %zu bytes wait for its end, or until the cell has 1 MiB",
                       file->path, (unsigned long long)reader->offset, n);
                file->held_ns = sq_now(task) + 12 * HELD_NS;
        }
}

/* After the turn: when there is something to read again. */
static enum sq_next
rest(struct sq_task *task, struct file *file, int rc)
{
        if (sq_reader_is_final(rc)) {
                (void)sq_error_final(task, "%s: behind byte %llu of the text: %s", file->path,
                                     (unsigned long long)file->reader.offset, sq_reader_error(&file->reader, rc));
                return SQ_IDLE;
        }
        if (rc == -EMEDIUMTYPE) {
                (void)sq_error_final(task,
                                     "standard input: is compressed (decompress it first: zcat FILE | squall run ...)");
                return SQ_IDLE;
        }
        if (rc == -EAGAIN && file->piped) {
                sq_wake_on(task, file->reader.fd);
                return SQ_IDLE;
        }
        if (rc < 0)
                sq_log(task, SQ_ERROR, "%s: byte %llu: %s (trying again)", file->path,
                       (unsigned long long)file->reader.offset, strerror(-rc));
        if (rc == 0)
                note_held(task, file);
        sq_wake_at(task, sq_now(task) + (rc < 0 ? RETRY_NS : LOOK_NS));
        return SQ_IDLE;
}

static const char *
stale_cause(const struct file *file)
{
        return file->piped
                       ? "standard input cannot be read again: what the worker that died had read of it, and was not "
                         "processed, is lost"
                       : "was truncated or replaced since the first of its tasks opened it";
}

static enum sq_next
next(struct sq_task *task)
{
        struct file *file = state(task);
        uint64_t most = sq_pace_due(&file->pace, task, file->rate, sq_pace_burst(task)), n = 0, position;
        size_t bytes = 0;
        struct sq_str record;
        int rc = 1;

        if (!file->reading || (!file->follow && file->pass >= (uint64_t)file->repeat))
                return SQ_DONE;
        if (file->stale) {
                (void)sq_error_final(task, "%s: %s", file->path, stale_cause(file));
                return SQ_IDLE;
        }
        if (most == 0)
                return SQ_IDLE;
        while (n < most && bytes < BURST_BYTES && (rc = next_record(task, file, &record, &position)) > 0) {
                sq_track(task, position);
                if (file->piped)
                        keep(task, file, record, position);
                emit(task, file, file->reader.wrong, record, file->tail.generation, position & SQ_TAIL_OFFSET);
                bytes += record.len;
                n++;
        }
        sq_pace_sent(&file->pace, n);
        if (rc == -ESTALE || !still_there(task, file))
                return shrunk(task, file);
        if (rc > 0)
                return SQ_MORE;
        if (rc == 0 && !file->follow)
                return SQ_DONE;
        return rest(task, file, rc);
}

/* ---- Positions --------------------------------------------------------------------------------------- */

static int
replay_kept(struct sq_task *task, struct file *file, uint64_t position)
{
        struct sq_str record;
        const char *wrong;

        if (!sq_pipe_find(&file->pipe, position, &record, &wrong))
                return sq_error(task, "standard input: the record at byte %llu is not kept",
                                (unsigned long long)position);
        sq_track(task, position);
        emit(task, file, wrong, record, 0, position);
        return 0;
}

static void
done(struct sq_task *task, uint64_t position)
{
        sq_pipe_done(&state(task)->pipe, position);
}

static int
replay_read(struct sq_task *task, struct file *file, uint64_t position)
{
        uint64_t generation = file->follow ? position >> SQ_TAIL_SHIFT : 0;
        uint64_t offset = file->follow ? position & SQ_TAIL_OFFSET : file->size ? position % file->size : 0;
        int fd = file->follow ? sq_tail_fd(&file->tail, position) : file->fd, rc;
        struct sq_str record;

        if (fd == -ESTALE)
                return sq_error(task, "%s was rotated %u times since position %llu", file->path, SQ_TAIL_GENERATIONS,
                                (unsigned long long)position);
        if (file->tail.begun)
                begin(file);
        if (fd != file->replayer.fd || !file->replayer.buffer)
                sq_reader_open(&file->replayer, fd, offset, UINT64_MAX);
        if (!file->follow)
                file->replayer.limit = file->size;
        sq_reader_seek(&file->replayer, offset);
        rc = sq_reader_next(&file->replayer, true, &record);
        if (rc <= 0)
                return sq_error(task, "%s: byte %llu: %s", file->path, (unsigned long long)offset,
                                rc < 0 ? sq_reader_error(&file->replayer, rc) : "the file ends before it");
        sq_track(task, position);
        emit(task, file, file->replayer.wrong, record, generation, offset);
        return 0;
}

/* The same file, and as much of it as when the run began. */
static int
seek_once(struct sq_task *task, struct file *file, uint64_t position)
{
        struct sq_str noted = sq_noted(task);
        struct note before = {0};
        uint64_t offset;
        int fd;

        memcpy(&before, noted.ptr, noted.len < sizeof(before) ? noted.len : sizeof(before));
        if (noted.len != sizeof(before) || before.path != sq_path_hash(file->path))
                return position > 0
                               ? sq_error_final(task, "%s: another file than the one that was read before", file->path)
                               : 0;
        fd = sq_identity_find(&before.known, file->path);
        if (fd < 0)
                return sq_error_final(task, "%s: was truncated, written anew or replaced before it was read to its end",
                                      file->path);
        close(file->fd);
        file->fd = fd;
        file->replayer.fd = -1;
        file->stale = false;
        file->size = before.size;
        file->packed = sq_decompresses(fd);
        if (file->packed)
                file->bytes = before.known.mark;
        file->first = file->header_end = before.first;
        if (take_share(task, file) < 0)
                return -1;
        if (file->records.decoder.format == SQ_FORMAT_CSV)
                read_columns(file, fd);
        file->identity = before.known;
        file->pass = file->size ? position / file->size : 0;
        offset = file->size ? position % file->size : 0;
        sq_reader_seek(&file->reader, offset < file->first ? file->first : offset);
        return 0;
}

static void
seek_followed(struct sq_task *task, struct file *file, uint64_t position)
{
        sq_tail_seek(task, &file->tail, position);
        begin(file);
}

static int
replay(struct sq_task *task, uint64_t position)
{
        struct file *file = state(task);

        return file->piped ? replay_kept(task, file, position) : replay_read(task, file, position);
}

/* All is well when it had been read to its end, and all that was acked. */
static void
seek_piped(struct sq_task *task, struct file *file, uint64_t position)
{
        struct sq_str noted = sq_noted(task);
        struct note before = {0};
        bool ended;

        memcpy(&before, noted.ptr, noted.len < sizeof(before) ? noted.len : sizeof(before));
        ended = noted.len == sizeof(before) && before.size != UNKNOWN && position >= before.size;
        file->stale = !ended && (file->stale || position > 0);
        file->reading &= !ended;
}

static int
seek(struct sq_task *task, uint64_t position)
{
        struct file *file = state(task);
        int rc = 0;

        if (file->piped)
                seek_piped(task, file, position);
        else if (file->follow)
                seek_followed(task, file, position);
        else
                rc = seek_once(task, file, position);
        if (rc == 0)
                note(task, file);
        return rc;
}

static void
activate(struct sq_task *task)
{
        sq_pace_restart(&state(task)->pace);
}

SQ_SPOUT(file) = {
        .about = "The lines of a file, or the records of a CSV or JSON Lines file.",
        .state = sizeof(struct file),
        .options =
                {
                        SQ_REQ_PATH(struct file, path,
                                    "the file, plain or compressed by gzip or zstd; `-`: standard input"),
                        SQ_OPT_RECORDS(struct file, records),
                        SQ_OPT_INT(struct file, repeat, 1, "how often the file is read"),
                        SQ_OPT_BOOL(struct file, follow, false,
                                    "wait for more at the end, as tail -F does: rotation and truncation are seen"),
                        SQ_OPT_FLOAT(struct file, rate, 0, "tuples a second over all tasks; 0: as fast as possible"),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .prepare = prepare,
        .next = next,
        .replay = replay,
        .ack = done,
        .fail = done,
        .seek = seek,
        .activate = activate,
        .cleanup = cleanup,
};

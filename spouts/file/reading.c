/* SPDX-License-Identifier: Apache-2.0 */
#include "many.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { BURST_BYTES = 64 * 1024, RUN = 64 };
#define LOOK_NS 20000000u /* a followed file at its end is looked at 50 times a second */
#define RETRY_NS 1000000000u
#define NOTE_NS 50000000u
#define HELD_NS UINT64_C(5000000000) /* an open quote is reported after that, and again after twelve times that */

/* ---- Where it is -------------------------------------------------------------------------------------- */

static uint64_t
position_at(const struct file *file, uint64_t offset)
{
        if (file->piped)
                return offset;
        if (file->many)
                return many_position(file, offset);
        if (file->pattern)
                return file->number << SQ_TAIL_SHIFT | offset;
        return file->follow ? sq_tail_position(&file->tail, offset) : file->pass * file->size + offset;
}

/* Which file it is. */
static void
note_file(struct sq_task *task, struct file *file)
{
        struct note once = {.path = sq_path_hash(file->pattern ? file->pattern : file->path),
                            .size = file->size,
                            .first = file->header_end,
                            .known = file->identity};

        if (file->many)
                many_note(task, file);
        else if (file->follow)
                sq_tail_note(task, &file->tail);
        else if (file->pattern)
                file_note_match(task, file, &once);
        else
                sq_note(task, &once, sizeof(once));
}

void
file_note(struct sq_task *task, struct file *file)
{
        note_file(task, file);
        sq_next_position(task, position_at(file, file->reader.offset));
}

uint64_t
file_read_up_to(const struct file *file)
{
        return file->packed ? file->bytes : file->reader.offset;
}

static struct sq_csv_columns *
columns_of(struct file *file, uint64_t generation)
{
        struct sq_csv_columns *columns = file->many ? many_columns(file, generation)
                                                    : &file->columns[generation % SQ_TAIL_GENERATIONS];

        columns->dialect = file->reader.dialect;
        return columns;
}

/* Of the file that is read now. */
static uint64_t
generation_now(const struct file *file)
{
        return file->many ? many_turn(file) : file->tail.generation;
}

uint64_t
file_generation(const struct file *file, uint64_t position)
{
        return file->follow ? position >> SQ_TAIL_SHIFT : 0;
}

bool
file_has_header(const struct file *file)
{
        return file->records.decoder.format == SQ_FORMAT_CSV && file->records.header;
}

void
file_read_columns(struct file *file, int fd)
{
        struct sq_reader reader = {.csv = true, .dialect = file->reader.dialect};
        struct sq_str record;

        sq_reader_open(&reader, fd, 0, UINT64_MAX);
        if (sq_reader_next(&reader, true, &record) > 0)
                (void)sq_csv_columns_read(columns_of(file, generation_now(file)), record, file->records.decoder.n,
                                          (const char *const *)file->records.names);
        sq_reader_close(&reader);
}

void
file_begin(struct file *file)
{
        bool csv = file_has_header(file);

        file->tail.begun = false;
        file->replayer.fd = -1;
        file->header = csv && file->reader.offset == 0;
        if (csv && file->reader.fd >= 0 && file->reader.offset > 0)
                file_read_columns(file, file->reader.fd);
}

/* ---- Records ------------------------------------------------------------------------------------------------ */

void
file_emit(struct sq_task *task, struct file *file, const char *wrong, struct sq_str record, uint64_t generation,
          uint64_t offset)
{
        struct sq_decoder *decoder = &file->records.decoder;

        decoder->columns = file_has_header(file) ? columns_of(file, generation) : NULL;
        if (wrong)
                sq_decoder_refuse(task, decoder, record, offset, wrong);
        else
                sq_decoder_emit(task, decoder, record, offset);
}

/* The header of a generation: columns may stand in another order than before. */
static void
take_header(struct sq_task *task, struct file *file, struct sq_str record)
{
        struct sq_csv_columns *columns = columns_of(file, generation_now(file));
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
        if (file->size == UNKNOWN) {
                file->size = file->last = file->reader.offset;
                note_file(task, file);
        }
        if (file->pattern)
                return file_next_match(task, file);
        file->pass++;
        return file->pass < (uint64_t)file->repeat;
}

/* At the end of a followed file: false when nothing has come behind it. The note goes along with the positions: an
 * epoch that has those of the next file under the note of the last one could not be gone on from. */
static bool
next_generation(struct sq_task *task, struct file *file)
{
        if (!sq_tail_look(task, &file->tail))
                return false;
        file_note(task, file);
        return true;
}

/* The next record of the task, or 0 at the end, or a negative errno. */
static int
next_record(struct sq_task *task, struct file *file, struct sq_str *ret, uint64_t *ret_position)
{
        uint64_t offset;
        int r;

        for (;;) {
                if (file->tail.begun)
                        file_begin(file);
                offset = file->reader.offset;
                if (file->many)
                        r = many_next(task, file, ret, ret_position);
                else
                        r = file->reader.fd < 0
                                    ? 0
                                    : sq_reader_next(&file->reader, !file->follow || file->tail.rotated, ret);
                if (r > 0 && file->piped && offset == 0 && sq_compressed_text(*ret))
                        return -EMEDIUMTYPE;
                if (r > 0 && !file->header) {
                        if (file->many)
                                return r;
                        *ret_position = position_at(file, offset);
                        return r;
                }
                if (r > 0)
                        take_header(task, file, *ret);
                else if (r < 0)
                        return r;
                else if (file->many)
                        return 0;
                else if (!file->follow && file->size != UNKNOWN && file->reader.offset < file->last)
                        return -ESTALE;
                else if (file->follow ? !next_generation(task, file) : !next_pass(task, file))
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
                    !sq_identity_renew(&file->identity, file->fd, file_read_up_to(file), &size))
                        return false;
                if (file->many)
                        many_renew(task, file);
                else if (file->follow && !sq_tail_renew(&file->tail))
                        sq_tail_leave_rewritten(task, &file->tail);
                file_note(task, file);
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
rest(struct sq_task *task, struct file *file, int r)
{
        if (sq_reader_is_final(r)) {
                (void)sq_error_final(task, "%s: behind byte %llu of the text: %s", file->path,
                                     (unsigned long long)file->reader.offset, sq_reader_error(&file->reader, r));
                return SQ_IDLE;
        }
        if (r == -EMEDIUMTYPE) {
                (void)sq_error_final(task,
                                     "standard input: is compressed (decompress it first: zcat FILE | squall run ...)");
                return SQ_IDLE;
        }
        if (r == -EAGAIN && file->piped) {
                sq_wake_on(task, file->reader.fd);
                return SQ_IDLE;
        }
        if (r < 0)
                sq_log(task, SQ_ERROR, "%s: byte %llu: %s (trying again)", file->path,
                       (unsigned long long)file->reader.offset, strerror(-r));
        if (r == 0)
                note_held(task, file);
        if (file->many)
                sq_wake_at(task, r < 0 ? sq_now(task) + RETRY_NS : many_wakes(file));
        else
                sq_wake_at(task, sq_now(task) + (r < 0 ? RETRY_NS : LOOK_NS));
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

/* Lines that stand in the window, in one go. How many: 0 where something is to be looked at between two of them. */
static uint64_t
emit_lines(struct sq_task *task, struct file *file, uint64_t most, size_t *bytes)
{
        struct sq_str records[RUN];
        struct sq_value values[RUN];
        uint64_t positions[RUN];
        size_t n;

        if (!sq_decoder_is_plain(&file->records.decoder) || file->tail.begun || file->reader.fd < 0)
                return 0;
        n = sq_reader_lines(&file->reader, most < RUN ? (size_t)most : RUN, records, positions);
        for (size_t i = 0; i < n; i++) {
                positions[i] = position_at(file, positions[i]);
                values[i] = sq_str(records[i]);
                *bytes += records[i].len;
                if (file->piped)
                        keep(task, file, records[i], positions[i]);
        }
        if (file->pattern && sq_room(task) != UINT64_MAX)
                file->undone += n;
        sq_emit_each(task, 0, n, positions, values);
        return n;
}

enum sq_next
file_next(struct sq_task *task)
{
        struct file *file = sq_state(task);
        uint64_t most = sq_pace_due(&file->pace, task, file->rate, sq_pace_burst(task)), n = 0, some, position;
        size_t bytes = 0;
        struct sq_str record;
        int r = 1;

        if (!file->reading || (!file->follow && file->pass >= (uint64_t)file->repeat))
                return SQ_DONE;
        if (file->stale) {
                (void)sq_error_final(task, "%s: %s", file->path, stale_cause(file));
                return SQ_IDLE;
        }
        if (most == 0)
                return SQ_IDLE;
        while (n < most && bytes < BURST_BYTES) {
                some = emit_lines(task, file, most - n, &bytes);
                n += some;
                if (some > 0)
                        continue;
                r = next_record(task, file, &record, &position);
                if (r <= 0)
                        break;
                bytes += record.len + 1;
                if (sq_decoder_passes_over(&file->records.decoder, record))
                        continue;
                sq_track(task, position);
                file->undone += file->pattern && sq_room(task) != UINT64_MAX;
                if (file->piped)
                        keep(task, file, record, position);
                file_emit(task, file, file->reader.wrong, record, file_generation(file, position),
                          position & SQ_TAIL_OFFSET);
                n++;
        }
        sq_pace_sent(&file->pace, n);
        if (r == -ESTALE || !still_there(task, file))
                return shrunk(task, file);
        if (r > 0)
                return SQ_MORE;
        if (r == 0 && !file->follow)
                return file->waits ? SQ_IDLE : SQ_DONE;
        return rest(task, file, r);
}

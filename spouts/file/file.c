/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `file`: the lines of a file, or the records of a CSV or JSON Lines file.
 *
 * Positions. Each record is a tuple tree of its own; its position says where it stands, so that it can be read again.
 * They rise:
 *
 *     a file read `repeat` times    pass * size + offset        (the size when the task was prepared)
 *     a file that is followed       generation << 40 | offset   (a generation begins with a rotation or a truncation)
 *     files of a pattern            number << 40 | offset       (pattern.c)
 *     the same, followed            turn << 40 | offset         (many.h)
 *
 * Tasks share a file by byte ranges whose edges are moved on to the next record, so each record is read by one task.
 * One followed file, and a compressed one, is read by task 0 alone.
 *
 * Offsets of a compressed file are in its text, whose size is not known before its end. Until then it is UNKNOWN, so
 * that all positions belong to the first pass.
 *
 * Standard input is read once, by task 0. Its records are kept until they are acked, to be emitted again; when the
 * worker dies they are gone, so the next incarnation ends the topology as failed, unless all had been acked.
 *
 * A position is told together with what its file is known by (kit/identity.c), so that a restarted task reads on in
 * that file, whatever its name is by then. A file that is read once and is another one by then, or shorter, ends the
 * topology.
 */
#include "many.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
        file_emit(task, file, wrong, record, 0, position);
        return 0;
}

static void
done(struct sq_task *task, uint64_t position)
{
        struct file *file = sq_state(task);

        if (file->piped)
                sq_pipe_done(&file->pipe, position);
        else if (file->pattern && file->undone > 0 && --file->undone == 0 && file->waits)
                sq_wake_at(task, sq_now(task));
}

static int
replay_read(struct sq_task *task, struct file *file, uint64_t position)
{
        uint64_t generation = file_generation(file, position);
        uint64_t offset = file->follow || file->pattern ? position & SQ_TAIL_OFFSET
                          : file->size                  ? position % file->size
                                                        : 0;
        int fd = file->many     ? many_fd(file, generation)
                 : file->follow ? sq_tail_fd(&file->tail, position)
                                : file->fd,
            r;
        struct sq_str record;

        if (fd == -ESTALE)
                return sq_error(task, "%s was rotated %u times since position %llu", file->path, SQ_TAIL_GENERATIONS,
                                (unsigned long long)position);
        if (file->tail.begun)
                file_begin(file);
        if (fd != file->replayer.fd || !file->replayer.buffer)
                sq_reader_open(&file->replayer, fd, offset, UINT64_MAX);
        if (!file->follow)
                file->replayer.limit = file->size;
        sq_reader_seek(&file->replayer, offset);
        r = sq_reader_next(&file->replayer, true, &record);
        if (r <= 0)
                return sq_error(task, "%s: byte %llu: %s", file->path, (unsigned long long)offset,
                                r < 0 ? sq_reader_error(&file->replayer, r) : "the file ends before it");
        sq_track(task, position);
        file_emit(task, file, file->replayer.wrong, record, generation, offset);
        return 0;
}

int
file_go_on(struct sq_task *task, struct file *file, const struct note *before, int fd, uint64_t offset)
{
        if (file->fd >= 0)
                close(file->fd);
        file->fd = fd;
        file->replayer.fd = -1;
        file->stale = false;
        file->size = before->size;
        file->packed = sq_decompresses(fd);
        if (file->packed)
                file->bytes = before->known.mark;
        file->first = file->header_end = before->first;
        if (file_take_share(task, file) < 0)
                return -1;
        if (file_has_header(file))
                file_read_columns(file, fd);
        file->identity = before->known;
        sq_reader_seek(&file->reader, offset < file->first ? file->first : offset);
        if (file->pattern)
                file->header = file_has_header(file) && offset == 0;
        return 0;
}

/* The same file, and as much of it as when the run began. */
static int
seek_once(struct sq_task *task, struct file *file, uint64_t position)
{
        struct sq_str noted = sq_noted(task);
        struct note before = {0};
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
        file->pass = before.size ? position / before.size : 0;
        return file_go_on(task, file, &before, fd, before.size ? position % before.size : 0);
}

static void
seek_followed(struct sq_task *task, struct file *file, uint64_t position)
{
        sq_tail_seek(task, &file->tail, position);
        file_begin(file);
}

static int
replay(struct sq_task *task, uint64_t position)
{
        struct file *file = sq_state(task);

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
        struct file *file = sq_state(task);
        int r = 0;

        if (file->piped)
                seek_piped(task, file, position);
        else if (file->many)
                many_seek(task, file, position);
        else if (file->follow)
                seek_followed(task, file, position);
        else if (file->pattern)
                r = file_seek_match(task, file, position);
        else
                r = seek_once(task, file, position);
        if (r == 0)
                file_note(task, file);
        return r;
}

static void
cleanup(struct sq_task *task)
{
        struct file *file = sq_state(task);

        if (file->fd >= 0)
                close(file->fd);
        free(file->name);
        many_cleanup(file);
        sq_tail_close(&file->tail);
        sq_pipe_close(&file->pipe);
        sq_reader_close(&file->reader);
        sq_reader_close(&file->replayer);
        for (unsigned i = 0; i < SQ_TAIL_GENERATIONS; i++)
                sq_csv_columns_free(&file->columns[i]);
        sq_records_free(&file->records);
}

/* A part of the file that is not read yet, and the times that it will be read again. Of a compressed one only its end
 * tells, and nobody knows what is still to come by a pipe. */
static int
lag(struct sq_task *task, struct sq_lag *ret)
{
        const struct file *file = sq_state(task);
        uint64_t at = file->reader.offset;
        struct stat now;

        if (file->many)
                return many_lag(file, &ret->amount);
        if (file->piped || file->packed || (!file->follow && file->size == UNKNOWN))
                return -1;
        if (file->follow) {
                if (file->reader.fd < 0 || fstat(file->reader.fd, &now) < 0)
                        return -1;
                ret->amount = (uint64_t)now.st_size > at ? (uint64_t)now.st_size - at : 0;
                return 0;
        }
        uint64_t passes = file->repeat == 0 || file->pass >= (uint64_t)file->repeat
                                  ? 0
                                  : (uint64_t)file->repeat - file->pass - 1;
        ret->amount = (file->last > at ? file->last - at : 0) + passes * (file->last - file->first);
        return file->pattern && file_lag_behind(task, file, &ret->amount) < 0 ? -1 : 0;
}

static void
activate(struct sq_task *task)
{
        struct file *file = sq_state(task);

        sq_pace_restart(&file->pace);
}

static int
precommit(struct sq_task *task, uint64_t epoch)
{
        struct file *file = sq_state(task);

        (void)epoch;
        return file->many ? many_precommit(task, file) : 0;
}

static void
release(struct sq_task *task, uint64_t done, uint64_t needed)
{
        struct file *file = sq_state(task);

        if (file->many)
                many_release(task, file, done, needed);
}

SQ_SPOUT(file) = {
        .about = "The lines of a file, or the records of a CSV or JSON Lines file.",
        .state = sizeof(struct file),
        .options =
                {
                        SQ_REQ_PATH(
                                struct file, path,
                                "the file, plain or compressed by gzip or zstd; `-`: standard input; a pattern with "
                                "* ? [a-z] {a,b}: all that match, in the order of their names"),
                        SQ_OPT_RECORDS(struct file, records),
                        SQ_OPT_INT(struct file, repeat, 1, "how often the file is read"),
                        SQ_OPT_BOOL(struct file, follow, false,
                                    "wait for more at the end, as tail -F does: rotation and truncation are seen"),
                        SQ_OPT_PATH(struct file, positions, NULL,
                                    "a folder, which is made: where the followed files of a pattern were read up to"),
                        SQ_OPT_FLOAT(struct file, rate, 0, "tuples a second over all tasks; 0: as fast as possible"),
                },
        .streams = {SQ_ERRORS},
        .declare = file_declare,
        .prepare = file_prepare,
        .next = file_next,
        .replay = replay,
        .ack = done,
        .fail = done,
        .seek = seek,
        .precommit = precommit,
        .release = release,
        .lag = lag,
        .activate = activate,
        .cleanup = cleanup,
};

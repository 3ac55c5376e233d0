/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squall-files.h - records of files: read by offset, from a pipe, followed; begun anew by a run, and published
 * by epochs.
 *
 * A part of squall-kit.h, which says how it is linked, and what threads and owners there are.
 */
#ifndef SQUALL_FILES_H
#define SQUALL_FILES_H

#include <squall-formats.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Records of a file ------------------------------------------------------------------------------- */

/* Reads records (lines, CSV with line ends in quotes, values of msgpack) of a file by offset. {0} is a closed one. Of a
 * compressed file (sq_decompresses()) it reads the text, and offsets are in that. formats/reader.c has a picture. */
struct sq_reader {
        int fd;       /* the caller's */
        bool csv;     /* records of CSV: line ends within quotes belong to them, blank lines are none */
        bool msgpack; /* values, one behind the other */
        struct sq_csv_dialect dialect;
        uint64_t offset, limit;
        char *buffer;
        size_t at, fill, room;
        const char *wrong;              /* csv: what is wrong with the record that was read last, or NULL */
        bool piped, ended, looked;      /* piped: no file, read forward only; looked: whether it is compressed */
        struct sq_decompressor *packed; /* or NULL */
};

/* Begins at `offset` of the file's text; nothing is read at `limit` and beyond. Keeps the buffer of an earlier file. */
SQ_EXPORT void sq_reader_open(struct sq_reader *reader, int fd, uint64_t offset, uint64_t limit);
/* Goes to `offset`; a window that holds it is kept. */
SQ_EXPORT void sq_reader_seek(struct sq_reader *reader, uint64_t offset);
/* Begins to read a pipe, a socket or a terminal. -EAGAIN from sq_reader_next(): nothing has come yet. */
SQ_EXPORT void sq_reader_open_pipe(struct sq_reader *reader, int fd);
/* The next record, a view into the window, without its LF or CRLF, and without a byte order mark at the start of the
 * file. 1; 0 at the end; or a negative errno. A last record without a line end counts if `partial`, else it waits for
 * the rest. */
SQ_EXPORT int sq_reader_next(struct sq_reader *reader, bool partial, struct sq_str *ret);
/* Lines that stand in the window already, `most` of them at most, and where each begins: how many. Views as before. 0:
 * sq_reader_next() knows more. */
SQ_EXPORT size_t sq_reader_lines(struct sq_reader *reader, size_t most, struct sq_str *records, uint64_t *offsets);
/* The first offset at or behind `offset` where a record begins (of those from `first` on). 0 or a negative errno. */
SQ_EXPORT int sq_reader_align(struct sq_reader *reader, uint64_t first, uint64_t offset, uint64_t *ret_offset);
/* What an error of sq_reader_next() or sq_reader_align() means, in words; good until the next call. */
SQ_EXPORT const char *sq_reader_error(const struct sq_reader *reader, int r);
/* Whether reading again would not help: the file is damaged, or a record too long. */
SQ_EXPORT bool sq_reader_is_final(int r);
/* Frees the buffer. */
SQ_EXPORT void sq_reader_close(struct sq_reader *reader);

/* ---- Which file it is -------------------------------------------------------------------------------- */

/*
 * What a file is known by when its name has changed hands, by rotation, truncation or a copy: device, inode, its first
 * bytes, and those before the place up to which it was read. 56 bytes without padding or pointers: it may go into
 * sq_note(). kit/identity.c says more.
 */
struct sq_identity {
        uint64_t device, inode, mark, head, head_hash, mark_hash;
        int64_t changed_ns; /* its last change, wall clock */
};

/* Of a regular file that was read up to `read`. 0 or a negative errno; -ESTALE: it is shorter than that. */
SQ_EXPORT int sq_identity_take(struct sq_identity *identity, int fd, uint64_t read);
/* Whether what was read still stands in this file: false after a truncation, and when it was written anew. */
SQ_EXPORT bool sq_identity_is(const struct sq_identity *identity, int fd);
/* Whether what was read before still stands in the file and it is as long as `read`; then it is known by what was read
 * up to there, and *ret_size is its size now. */
SQ_EXPORT bool sq_identity_renew(struct sq_identity *identity, int fd, uint64_t read, uint64_t *ret_size);
/* Opens it by whatever name it has now in the folder of `path`; else a copy of it. A file descriptor or a negative
 * errno; -ENOENT: it is gone. */
SQ_EXPORT int sq_identity_find(const struct sq_identity *identity, const char *path);
/* Opens the file that comes after the last of `n` known ones: the oldest that was rotated away from `path` (its name
 * goes on behind that of `path`) since then, or `path` itself. A file descriptor or a negative errno. */
SQ_EXPORT int sq_identity_after(const struct sq_identity *known, size_t n, const char *path);
/* Where there is no file at `path`: the youngest that were rotated away from it, compressed ones too, the oldest first.
 * At least one: if there are none it is of no file, and all that comes is younger. Behind the last of them
 * sq_identity_after() finds what was made and rotated away since. Returns how many, at most 8. */
SQ_EXPORT size_t sq_identity_before(const char *path, struct sq_identity *ret, size_t most);
/* Whether there is a compressed file that was rotated away from `path` and is younger than `last`, and its name. */
SQ_EXPORT bool sq_identity_packed_after(const struct sq_identity *last, const char *path, char *ret_name, size_t size);
/* To tell by a note whether the setting `path` is another one than before. */
SQ_EXPORT uint32_t sq_path_hash(const char *path);

/* ---- Files that a run begins anew ------------------------------------------------------------------------ */

/*
 * What was in a file before is emptied when the topology starts from nothing, and never when a task is restarted, which
 * has lines of this run in it. Where only sq_run_id() tells the two apart, PATH.runs beside the file says which runs
 * have begun it. In `.prepare`:
 *
 *     if (sq_begins(task))                     what else is done once
 *     r = sq_begin_anew(task, path, fd);       every task that has the file, open for writing, before it writes
 */
/* Is this the task that does, when the topology starts from nothing, what is done once? Where sq_run_id() tells, the
 * first task is it each time. */
SQ_EXPORT bool sq_begins(const struct sq_task *task);
/* 1: the file was emptied; 0: it was not; or a negative errno; of PATH.runs also as sq_publish() has them. */
SQ_EXPORT int sq_begin_anew(const struct sq_task *task, const char *path, int fd);

/* ---- Publishing by epochs ---------------------------------------------------------------------------- */

/*
 * Appends lines to a regular file once an epoch, however often that is asked for and whoever was killed meanwhile:
 * for the `.commit` of a bolt under exactly-once. Several writers may share a file, each with a number of its own.
 * At any instant the file is whole chunks of them, and at its end perhaps a part of one: the next call cuts it off.
 *
 *     .prepare        first task, where not sq_restores(task):  sq_publish_anew(path, truncate)
 *     .precommit      the lines go into the task's own values
 *     .commit(e)      sq_publish(path, sq_index(task), e, &header, lines)
 *     .abort(e)       sq_publish_back(path, sq_index(task), e)
 *
 * Beside the file stands PATH.commits: who has published what. Without it, what is asked for again is appended again.
 * 0 or a negative errno: -EBADMSG, -EPROTO: it is damaged, of a later version; -EMEDIUMTYPE: gzip, and plain lines.
 */
/* Forgets who has published what, and empties the file when told to. */
SQ_EXPORT int sq_publish_anew(const char *path, bool empty);
/* Appends the lines (with line ends) of `writer`, below 4096, unless its epoch `epoch` or a later one stands there
 * already; synced. `header`: goes before them where the file is empty; NULL: not lines but other records. */
SQ_EXPORT int sq_publish(const char *path, unsigned writer, uint64_t epoch, const struct sq_str *header,
                         struct sq_str lines);
/* The writer goes on behind `epoch`. 1: later ones of it are published, and stay. */
SQ_EXPORT int sq_publish_back(const char *path, unsigned writer, uint64_t epoch);
/* Makes the name `path` outlast a loss of power. 0, also where its folder may not be read; or a negative errno. */
SQ_EXPORT int sq_sync_above(const char *path);

/* ---- Records of a pipe ------------------------------------------------------------------------------- */

/* What was read of a pipe cannot be read again, so a spout keeps it until it is acked.
 *
 *     sq_pipe_keep(&pipe, position, record, reader.wrong);       in `.next`, if it is tracked; positions rise
 *     if (sq_pipe_find(&pipe, position, &record, &wrong)) ...    in `.replay`
 *     sq_pipe_done(&pipe, position);                             in `.ack` and `.fail`
 *     sq_pipe_close(&pipe);
 *
 * {0} keeps nothing.
 */
struct sq_pipe_record;
struct sq_pipe {
        struct sq_pipe_record *records;
        size_t first, n, room;
        uint64_t bytes; /* of the records that are kept */
};

/* Copies the record; `wrong` is a constant or NULL. 0 or -ENOMEM. */
SQ_EXPORT int sq_pipe_keep(struct sq_pipe *pipe, uint64_t position, struct sq_str record, const char *wrong);
/* False: it is not kept. */
SQ_EXPORT bool sq_pipe_find(const struct sq_pipe *pipe, uint64_t position, struct sq_str *ret, const char **ret_wrong);
SQ_EXPORT void sq_pipe_done(struct sq_pipe *pipe, uint64_t position);
SQ_EXPORT void sq_pipe_close(struct sq_pipe *pipe);

/* ---- A file that is followed ------------------------------------------------------------------------- */

/*
 * A file that grows and is rotated, truncated or copied away. Each file that stood at the path is a generation; the
 * last few stay open. kit/tail.c says how it is followed.
 *
 *     sq_tail_open(&tail, path, &reader);
 *     sq_tail_begin(&tail, fd, 0);                  fd: of the path, or -1; or sq_tail_seek() in `.seek`
 *     sq_reader_next(&reader, tail.rotated, ...)    at the end: if (sq_tail_look(task, &tail)) once more
 *     sq_tail_note(task, &tail);                    now and then, after sq_tail_renew()
 *     sq_tail_close(&tail);
 *
 * A position is `generation << SQ_TAIL_SHIFT | offset`.
 */
enum { SQ_TAIL_GENERATIONS = 4, SQ_TAIL_SHIFT = 40 };
#define SQ_TAIL_OFFSET ((UINT64_C(1) << SQ_TAIL_SHIFT) - 1)

struct sq_tail {
        const char *path;
        struct sq_reader *reader; /* the caller's: it stands in the last generation */
        uint64_t generation;
        int fds[SQ_TAIL_GENERATIONS];                /* of generation g at g % SQ_TAIL_GENERATIONS, or -1 */
        struct sq_identity ids[SQ_TAIL_GENERATIONS]; /* as fds; while there is no file, up to the generation before */
        unsigned nids;                               /* of them: the last so many generations */
        uint64_t look_ns;                            /* there was no file: when to look again */
        int wrong;                                   /* why the next one could not be opened, as it was logged */
        uint64_t seen;                               /* size of the file when it was looked at last */
        bool rotated;                                /* the path is another file: this one has an end */
        bool begun;                                  /* the reader was opened anew; for the caller to clear */
};

SQ_EXPORT void sq_tail_open(struct sq_tail *tail, const char *path, struct sq_reader *reader);
/* The file `fd` (negative: there is none yet), which is closed with `tail`, is the last generation. */
SQ_EXPORT void sq_tail_begin(struct sq_tail *tail, int fd, uint64_t offset);
SQ_EXPORT void sq_tail_close(struct sq_tail *tail);
/* Of a record of the last generation. */
SQ_EXPORT uint64_t sq_tail_position(const struct sq_tail *tail, uint64_t offset);
/* The file that a position is in, the tail's; -ESTALE: it is no longer open. */
SQ_EXPORT int sq_tail_fd(const struct sq_tail *tail, uint64_t position);
/* At the end of the last generation. True when there is something to read again. */
SQ_EXPORT bool sq_tail_look(struct sq_task *task, struct sq_tail *tail);
/* Whether what was read still stands in the file; then what it is known by is brought up to date. */
SQ_EXPORT bool sq_tail_renew(struct sq_tail *tail);
/* After sq_tail_renew() said no: reads on in a copy of it, as logrotate's copytruncate makes one, or begins anew. */
SQ_EXPORT void sq_tail_leave_rewritten(struct sq_task *task, struct sq_tail *tail);
/* Calls sq_note() with what the generations are known by. */
SQ_EXPORT void sq_tail_note(struct sq_task *task, struct sq_tail *tail);
/* In `.seek`, after sq_tail_begin(): reads on in the file that the position is in, whatever its name is now. */
SQ_EXPORT void sq_tail_seek(struct sq_task *task, struct sq_tail *tail, uint64_t position);

/* ---- Fields of a file -------------------------------------------------------------------------------- */

/*
 * What the records of a file become: the field `line`, the columns of a CSV file, or the members of JSON objects. Their
 * names are found where `fields` does not give them.
 *
 *     .options = { SQ_OPT_RECORDS(struct self, records), ... }
 *     wrong = sq_records_begin(&records, fd, &first);       in `.declare`, and again in `.prepare`
 *     records.decoder.source = path;
 *     records.decoder.columns = &columns;                   CSV: of the file
 *     sq_decoder_emit(task, &records.decoder, record, offset);
 *     sq_records_free(&records);
 */
struct sq_records {
        struct sq_decoder decoder;
        bool header;                /* setting: CSV begins with the names of its columns */
        char *names[SQ_FIELDS_MAX]; /* decoder.n of them: of columns or members */
};

#define SQ_OPT_RECORDS(state, member) \
        SQ_OPT_ENUM_AS( \
                "format", state, member.decoder.format, "lines|csv|jsonl|logfmt|msgpack", "lines", \
                "lines: the field `line`; csv: the fields of the header line, as text; jsonl: the members of the " \
                "first object; logfmt: the keys of the first line, key=value, as text; msgpack: of the first map"), \
                SQ_OPT_NESTED_AS( \
                        "fields", state, member.decoder.wanted, \
                        "csv: only these columns; jsonl, logfmt, msgpack: these members (nil where one is lacking); " \
                        "lines: the field's name; as `NAME: TYPE` converted, TYPE: " SQ_TYPES_HELP), \
                SQ_OPT_BOOL_AS("header", state, member.header, true, \
                               "csv: the first record has the names of the columns; false: `fields` names the cells"), \
                SQ_OPT_CSV(state, member.decoder), SQ_OPT_ON_ERROR(state, member.decoder.on_error)

/* Reads the setting `fields`, which sq_records_begin() does too. NULL, or what is wrong with it. */
SQ_EXPORT const char *sq_records_fields(struct sq_records *records);
/* In `.declare`, after sq_records_begin(): declares the fields of stream 0. */
SQ_EXPORT void sq_records_declare(const struct sq_records *records, struct sq_declaration *decl);
/* Finds the names of the fields, from the settings or the first record of `fd` (-1: it is a pipe), and where the
 * first record begins that is a tuple. NULL; or what is wrong, a constant or a view. The records must not be moved
 * from here on. */
SQ_EXPORT const char *sq_records_begin(struct sq_records *records, int fd, uint64_t *ret_first);
SQ_EXPORT void sq_records_free(struct sq_records *records);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif

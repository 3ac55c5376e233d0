/* SPDX-License-Identifier: Apache-2.0 */
/* What the units of the bolt `write` share: write.c is the bolt, file.c the file that it has open, epochs.c where that
 * goes on exactly once, many.c the files of a path with fields in it,
 * pretty.c records for people. */
#ifndef WRITE_H
#define WRITE_H

#include <squall-kit.h>
#include <sys/stat.h>

enum { TSV, JSONL, CSV, LOGFMT, MSGPACK, PRETTY, AUTO };
enum { TRUNCATE, APPEND };
enum { WRITTEN, COMMIT };
enum { NONE, GZIP };
enum { CHUNK = 64 * 1024, HELD_MAX = 64 * 1024 * 1024, OPEN_MAX = 1000 };

struct writer {
        const char *path;
        int64_t format, mode, visible, compress, rotate_bytes, most_open;
        double rotate_secs;
        struct {
                int64_t separator, quote;
        } dialect; /* of CSV */
        bool sync, header_line;

        struct sq_append *file; /* NULL: it could not be opened anew */
        struct sq_append
                *next; /* exactly once: takes its place when the epoch is committed; until then nothing is written */
        struct stat about;
        bool regular, headed;   /* headed: nothing to do about the header any more */
        bool unsynced;          /* has lines that are not on disk, for all that is known */
        bool whole;             /* what was written last are lines of ours, to the end */
        bool by_epochs, staged; /* exactly once; and written at the commit */
        struct sq_encoder header, lines;
        bool rotated;    /* by us; the new file is to be made */
        int64_t born_ns; /* since 1970 */

        struct write_table *table; /* NULL: records are not pretty */
        struct sq_gzip *gzip;      /* NULL: nothing is compressed */
        uint64_t end;              /* of the file, as it knows it */

        struct write_files *files; /* of a path with fields in it; NULL: there is one */
        char *own_path;            /* of one of these */
        uint64_t used;
};

/* ---- file.c ------------------------------------------------------------------------------------------ */

bool write_is_stdout(const struct writer *self);
/* For messages. */
const char *write_name(const struct writer *self);
bool write_has_header(const struct writer *self);
/* Takes `fd` over, also when it fails. 0 or a negative errno, as all of these. */
int write_take(struct writer *self, int fd, bool restarted);
/* What sq_append() is to know of the file's format, if it could be made. */
struct sq_append *write_append_new(const struct writer *self, int fd, bool restarted);
int write_open_file(const struct writer *self);
int write_open(struct writer *self, bool restarted);
bool write_has_gone(const struct writer *self);
int write_sync(struct writer *self);
/* Writes the lines that have gathered; what could not be written stays. */
int write_drain(struct sq_task *task, struct writer *self);
/* For lines that do not go by write_drain(): the file ends with a whole member then. -EMEDIUMTYPE: it cannot. */
int write_mend_members(struct writer *self);
/* When the file was made, ns since 1970; 0: not known. */
int64_t write_born_at(int fd);
/* A file was taken: from now on its age counts. */
void write_note_birth(struct writer *self);
/* Whether it is to be rotated for its size; and when for its age, ns from now: 0: it is time, -1: never. */
bool write_is_full(const struct writer *self);
int64_t write_rotates_in(const struct writer *self);
/* Gives the file another name, if it has its own still. What cannot be renamed is logged, and written on. */
void write_rotate(struct sq_task *task, struct writer *self);

/* ---- many.c ------------------------------------------------------------------------------------------ */

bool write_has_fields(const char *path);
/* Makes self->files, without any. */
int write_open_files(struct writer *self);
/* The file of the tuple, opened if need be. 0; -EBADMSG: no file has such a path, and why; or another negative
 * errno. */
int write_file_of(struct sq_task *task, struct writer *self, const struct sq_tuple *in, struct writer **ret,
                  const char **ret_wrong);
/* NULL: there are fewer. */
struct writer *write_file_at(const struct writer *self, size_t i);
/* The lines of all. On an error, of *ret_failed, they are dropped, and what was not written yet comes again with its
 * tuples. */
int write_out_all(struct sq_task *task, const struct writer *self, const struct writer **ret_failed);
void write_close_files(struct writer *self);

/* ---- pretty.c ---------------------------------------------------------------------------------------- */

/* NULL: no memory. */
struct write_table *write_table_new(bool in_colour);
void write_table_free(struct write_table **table);
/* Appends the record of a tuple, behind the names of its fields where the one before had others. 0 or -ENOMEM. */
int write_pretty(struct write_table *table, struct sq_encoder *to, const struct sq_tuple *in);

/* ---- epochs.c ---------------------------------------------------------------------------------------- */

/* The file is synced, and what a restore needs to go on there is among the task's own values. */
int write_end_epoch(struct sq_task *task, struct writer *self);
/* The epoch is committed: the file that took the place of one that was renamed is the file. */
void write_take_next(struct writer *self);
/* The file is cut back to there. 0, or -1 after sq_error(). */
int write_back_to_place(struct sq_task *task, struct writer *self);

#endif

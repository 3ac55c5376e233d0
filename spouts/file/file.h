/* SPDX-License-Identifier: Apache-2.0 */
/* What the units of the spout `file` share: file.c, the spout, opens a file, and reads its records. */
#ifndef FILE_H
#define FILE_H

#include <glob.h>
#include <squall-kit.h>

#define UNKNOWN UINT64_MAX

/* What is kept with positions of a file that is read once. */
struct note {
        uint32_t path, unused;
        uint64_t size, first;
        struct sq_identity known;
};
_Static_assert(sizeof(struct note) <= SQ_NOTE_MAX, "it fits");

struct file {
        const char *path;
        const char *pattern; /* several files: `path` is the one that is read, in turn; NULL: one */
        char *name;          /* what `path` points to then */
        uint64_t number;     /* how many of this task are before it */
        uint64_t undone;     /* its records that are not done, */
        bool waits;          /* and whether the next file waits for them */
        int64_t repeat;
        bool follow;
        struct many *many; /* follow, and `path` is a pattern: many.h */
        const char *positions;
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

/* ---- opening.c --------------------------------------------------------------------------------------- */

void file_declare(struct sq_declaration *decl);
/* Opens a regular file; 0, or -1 with what is wrong. */
int file_open_regular(const char *path, int *ret_fd, const char **ret_wrong);
/* Opens file->path. 0, or -1 after sq_error(). */
int file_open(struct sq_task *task, struct file *file);
/* Opens it, or standard input, and tells the position that it begins at. 0, or -1 after sq_error(). */
int file_prepare(struct sq_task *task);
/* Finds the range of this task in a file that is read once, of file->size bytes. 0, or -1 after sq_error(). */
int file_take_share(struct sq_task *task, struct file *file);

/* ---- reading.c --------------------------------------------------------------------------------------- */

/* Tells where the task goes on, and in which file. */
void file_note(struct sq_task *task, struct file *file);
/* Which of `columns` the record at a position has; of many followed files, the turn. */
uint64_t file_generation(const struct file *file, uint64_t position);
/* What a file is known by goes up to there: a compressed one is known as a whole. */
uint64_t file_read_up_to(const struct file *file);
bool file_has_header(const struct file *file);
/* Reads the header of a CSV file that is read from its middle on. */
void file_read_columns(struct file *file, int fd);
/* Another file is read from here on. */
void file_begin(struct file *file);
/* Emits a record of that generation; `wrong`: the cause why it is none, or NULL. */
void file_emit(struct sq_task *task, struct file *file, const char *wrong, struct sq_str record, uint64_t generation,
               uint64_t offset);
enum sq_next file_next(struct sq_task *task);

/* ---- pattern.c --------------------------------------------------------------------------------------- */

/* Does it have wildcards, and is there no file of just that name? */
bool file_is_pattern(const char *path);
/* All that match, in no order; to be freed by globfree(). 0 or a negative errno. */
int file_match(const char *pattern, glob_t *ret);
/* The first of all matches, malloc'd. 0, or a negative errno; -ENOENT: there is none. */
int file_first_match(const char *pattern, char **ret);
/* file_prepare() where file->path is a pattern. 0, or -1 after sq_error(). */
int file_prepare_matches(struct sq_task *task, struct file *file);
/* The same where they are followed. */
int file_prepare_follow(struct sq_task *task, struct file *file);
/* At the end of a file: goes on to the next. False: there is none, or it cannot be begun now (file->waits). */
bool file_next_match(struct sq_task *task, struct file *file);
void file_note_match(struct sq_task *task, struct file *file, const struct note *note);
/* `.seek`. 0, or -1 after sq_error(). */
int file_seek_match(struct sq_task *task, struct file *file, uint64_t position);
/* Adds the bytes of the files that are still to come. 0 or a negative errno. */
int file_lag_behind(const struct sq_task *task, const struct file *file, uint64_t *amount);

/* ---- file.c ------------------------------------------------------------------------------------------ */

/* Goes on in a file that was noted, which `fd` is and which it takes. 0, or -1 after sq_error(). */
int file_go_on(struct sq_task *task, struct file *file, const struct note *before, int fd, uint64_t offset);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All files of a pattern, followed: many.c reads them in turns, resume.c goes on where the task was, watch.c finds them
 * and sees what becomes of them, places.c keeps where the task is in each.
 *
 * A file is followed, and not a name: by device and inode, whatever it is called by and by. Names only find files. So a
 * rotated file is read to its end whether its new name matches the pattern or not, and is not read twice if it does.
 */
#ifndef MANY_H
#define MANY_H

#include "file.h"
#include "places.h"

struct followed {
        uint64_t number;          /* of the file, in the log; 0: it is not read, and not there */
        struct sq_identity known; /* when the turn in it began, or ended */
        uint64_t at;              /* up to where it was read */
        int fd;
        uint64_t size, changed_ns; /* when it was looked at last; since when it has that size */
        int64_t status_ns;         /* of one that is not read: its last change of status */
        bool packed;               /* compressed: not read. Else without a number: the copy of another one, perhaps */
        bool ready, left;          /* there is more to read; nothing comes any more */
        bool unmatched;            /* no name that matches leads to it */
        uint64_t turns;            /* in it, of those that are kept */
        uint64_t scan;             /* the last that has found it */
        char *name, *was;          /* was: what came after it under this name is still to be looked for */
        struct sq_csv_columns columns;
        struct followed *next_ready;
};

struct turn {
        struct followed *file; /* or NULL */
        uint64_t at;           /* in the log */
};

struct many {
        const char *pattern;
        struct places places;
        struct followed **files;
        size_t n, room;
        struct followed **buckets; /* by device and inode, open addressing */
        size_t nbuckets;
        uint64_t last_number; /* of a file */

        struct turn *turns; /* those that may be asked for again, the first is `first`; the last is the current one */
        uint64_t first;
        size_t nturns, turns_room;
        struct followed *current;
        uint64_t turn_ns, turn_from;
        struct followed *ready_first, **ready_last;

        uint64_t resume, resume_id; /* where the task goes on, by the log of that id (0: by its own word) */
        bool begun;
        uint64_t look_ns, scan_ns, scan, done, done_ns, complain_ns;
};

/* ---- many.c ------------------------------------------------------------------------------------------ */

void many_cleanup(struct file *file);
/* As next_record(). */
int many_next(struct sq_task *task, struct file *file, struct sq_str *ret, uint64_t *ret_position);
/* Now and then: is the current file what it was? */
void many_renew(struct sq_task *task, struct file *file);
uint64_t many_position(const struct file *file, uint64_t offset);
void many_note(struct sq_task *task, const struct file *file);
/* The file of that turn, for what is read of it next; -ESTALE: it is not kept. */
int many_fd(struct file *file, uint64_t turn);
/* NULL: in their order. */
struct sq_csv_columns *many_columns(struct file *file, uint64_t turn);
uint64_t many_turn(const struct file *file);
int many_lag(const struct file *file, uint64_t *ret);
uint64_t many_wakes(const struct file *file);
void many_release(struct sq_task *task, struct file *file, uint64_t done, uint64_t needed);
int many_precommit(struct sq_task *task, struct file *file);

/* For the other units. */
void many_clear(struct many *many);
void many_take_out(struct many *many, struct followed *followed);
/* False: no memory. */
bool many_push_turn(struct many *many, struct followed *followed, uint64_t at);
void many_add_place(struct sq_task *task, struct many *many, const struct place *place);
/* A file that is known by `known`, takes `fd` and `name`. NULL: no memory. */
struct followed *many_add(struct many *many, const struct sq_identity *known, int fd, char *name);
struct followed *many_find(const struct many *many, uint64_t device, uint64_t inode);
void many_rehash(struct many *many);
void many_make_ready(struct many *many, struct followed *followed);
/* Writes down where the task is in it. */
void many_keep(struct sq_task *task, struct many *many, const struct followed *followed);
/* Of which the task reads no more; never the current one. */
void many_let_go(struct sq_task *task, struct many *many, struct followed *followed);
/* Ends the turn; the next is in `followed`, or in none. */
void many_begin_turn(struct sq_task *task, struct file *file, struct followed *followed);

/* ---- resume.c ---------------------------------------------------------------------------------------- */

/* 0, or -1 after sq_error(). */
int many_prepare(struct sq_task *task, struct file *file);
void many_seek(struct sq_task *task, struct file *file, uint64_t position);
/* Before the first read: finds the files again. */
void many_begin(struct sq_task *task, struct file *file);

/* ---- watch.c ----------------------------------------------------------------------------------------- */

/* Looks for files that have come, gone or grown, as often as it is due. */
void watch(struct sq_task *task, struct file *file);
/* What was read of it does not stand in it any more: goes on in a copy, and in it from its beginning. */
void watch_rewritten(struct sq_task *task, struct file *file, struct followed *followed);
/* Opens those of which only the log tells. */
void watch_regain(struct sq_task *task, struct file *file);
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a task is in each of many files, on disk: a log of what it has found and of what it reads, in that order.
 *
 *     FILE  n   file n is known by this, has this name, and was read up to there (its mark)
 *     TURN  t   from here on it reads file n, or (0) none
 *     GONE  n   file n is let go of
 *     DONE  p   a start from nothing goes on at position p
 *
 * A turn is written before the first record of it is emitted, together with how far the file of the turn before was
 * read. So a position TURN << SQ_TAIL_SHIFT | OFFSET says where the task was in all files: what stands in front of that
 * turn, and in its file the offset. Who goes on from it says all that again, and begins another turn: a log is only
 * ever appended to, and earlier positions stay good. What was found behind the turn was not read yet at the turn.
 *
 *     places_open(&places, ...)                in `.prepare`
 *     places_read(&places, visit, context)     what is there, from the first on
 *     places_add(&places, &place) ...          gathers,
 *     places_write(&places)                    and writes: whole records, whoever is killed
 *     places_sync(&places)                     outlasts a loss of power, too
 *     places_shorten(&places, at)              what stands in front of that is summed up
 *     places_close(&places)
 *
 * What a kill leaves: of a write, some whole records and perhaps a torn one, which the next read cuts off; of
 * shortening, the log as it was, or the new one, for that is synced and renamed.
 */
#ifndef PLACES_H
#define PLACES_H

#include <squall-kit.h>

enum place_kind { PLACE_FILE = 1, PLACE_TURN, PLACE_GONE, PLACE_DONE };

struct place {
        enum place_kind kind;
        uint64_t number; /* of the file, or of the turn, or the position */
        uint64_t file;   /* PLACE_TURN */
        struct sq_identity known;
        struct sq_str name; /* not NUL-terminated */
        uint64_t at, end;   /* where the record stands; by places_read() */
};

struct places {
        char *path; /* NULL: nothing is kept */
        int fd, lock;
        uint64_t id;        /* drawn when the log was begun: positions are of this one */
        uint64_t size;      /* of its whole records */
        uint64_t cut;       /* by the last read: bytes that were torn or damaged */
        uint64_t summed_up; /* size when it was shortened last */
        char *out;
        size_t n, room;
        bool unsynced; /* what was written since */
        bool named;    /* its name outlasts a loss of power */
        char error[512];
};

/* Of task `index` of `parts` in the folder, which is made. 0, or a negative errno and places->error. */
int places_open(struct places *places, const char *folder, const struct sq_task *task);
void places_close(struct places *places);
/* Calls `visit` for each record until that returns false, or there are none. Then what is torn or damaged is cut off
 * with all behind it. 0 or a negative errno. */
typedef bool places_visit(void *context, const struct place *place);
int places_read(struct places *places, places_visit *visit, void *context);
/* 0 or -ENOMEM. */
int places_add(struct places *places, const struct place *place);
int places_write(struct places *places);
int places_sync(struct places *places);
/* Does the log of another task tell of the file? */
bool places_other_knows(const struct places *places, unsigned task, uint64_t device, uint64_t inode);
/* Is the log so long that it should be shortened? */
bool places_are_long(const struct places *places);
/* *ret_moved: what stood at `at`, the start of a record or the end, and behind stands so many bytes further in front.
 * 0, or a negative errno, and the log is as it was; -EBADMSG: it is damaged. */
int places_shorten(struct places *places, uint64_t at, uint64_t *ret_moved);

#endif

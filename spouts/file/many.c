/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many files, read in turns. A turn is in one file, from where it was left to its end, or for as long as other files
 * have to wait for no more than TURN_NS. Its number and an offset are a position:
 *
 *     position   turn << SQ_TAIL_SHIFT | offset
 *
 * Turns are kept, here and in the log (places.h), until no position in them is asked for again. One of a file that
 * alone grows ends after RENEW_NS all the same: the log then knows the file by what was read lately.
 */
#include "many.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUCKETS_MIN = 64 };
static const uint64_t TURN_NS = 50000000, RENEW_NS = 1000000000, DONE_NS = 1000000000;

/* ---- The set ----------------------------------------------------------------------------------------- */

static size_t
bucket_of(const struct many *many, uint64_t device, uint64_t inode)
{
        return (size_t)((inode * UINT64_C(0x9e3779b97f4a7c15) ^ device) * UINT64_C(0xbf58476d1ce4e5b9) >> 20) &
               (many->nbuckets - 1);
}

struct followed *
many_find(const struct many *many, uint64_t device, uint64_t inode)
{
        if (many->nbuckets == 0)
                return NULL;
        for (size_t i = bucket_of(many, device, inode); many->buckets[i]; i = (i + 1) & (many->nbuckets - 1))
                if (many->buckets[i]->known.inode == inode && many->buckets[i]->known.device == device)
                        return many->buckets[i];
        return NULL;
}

static void
put_in_bucket(struct many *many, struct followed *followed)
{
        size_t i = bucket_of(many, followed->known.device, followed->known.inode);

        while (many->buckets[i])
                i = (i + 1) & (many->nbuckets - 1);
        many->buckets[i] = followed;
}

void
many_rehash(struct many *many)
{
        memset(many->buckets, 0, many->nbuckets * sizeof(struct followed *));
        for (size_t i = 0; i < many->n; i++)
                put_in_bucket(many, many->files[i]);
}

static bool
make_room(struct many *many)
{
        size_t nbuckets = many->nbuckets ? 2 * many->nbuckets : BUCKETS_MIN;
        struct followed **files, **buckets;

        if (many->n < many->room)
                return true;
        files = realloc(many->files, nbuckets / 2 * sizeof(struct followed *));
        if (files)
                many->files = files;
        buckets = calloc(nbuckets, sizeof(struct followed *));
        if (!files || !buckets) {
                free(buckets);
                return false;
        }
        free(many->buckets);
        many->buckets = buckets;
        many->nbuckets = nbuckets;
        many->room = nbuckets / 2;
        many_rehash(many);
        return true;
}

struct followed *
many_add(struct many *many, const struct sq_identity *known, int fd, char *name)
{
        struct followed *followed = name && make_room(many) ? calloc(1, sizeof(*followed)) : NULL;

        if (!followed) {
                if (fd >= 0)
                        close(fd);
                free(name);
                return NULL;
        }
        *followed = (struct followed){.known = *known, .at = known->mark, .fd = fd, .name = name};
        many->files[many->n++] = followed;
        put_in_bucket(many, followed);
        return followed;
}

static void
free_followed(struct followed *followed)
{
        if (followed->fd >= 0)
                close(followed->fd);
        sq_csv_columns_free(&followed->columns);
        free(followed->name);
        free(followed->was);
        free(followed);
}

void
many_take_out(struct many *many, struct followed *followed)
{
        for (size_t i = 0; i < many->n; i++)
                if (many->files[i] == followed) {
                        many->files[i] = many->files[--many->n];
                        break;
                }
        for (size_t i = 0; i < many->nturns; i++)
                if (many->turns[i].file == followed)
                        many->turns[i].file = NULL;
        many_rehash(many);
        free_followed(followed);
}

void
many_clear(struct many *many)
{
        for (size_t i = 0; i < many->n; i++)
                free_followed(many->files[i]);
        many->n = many->nturns = 0;
        if (many->nbuckets > 0)
                many_rehash(many);
        many->ready_first = many->current = NULL;
        many->ready_last = &many->ready_first;
}

void
many_make_ready(struct many *many, struct followed *followed)
{
        if (followed->ready)
                return;
        followed->ready = true;
        if (followed == many->current)
                return;
        followed->next_ready = NULL;
        *many->ready_last = followed;
        many->ready_last = &followed->next_ready;
}

static struct followed *
pop_ready(struct many *many)
{
        struct followed *followed = many->ready_first;

        if (!followed)
                return NULL;
        many->ready_first = followed->next_ready;
        if (!many->ready_first)
                many->ready_last = &many->ready_first;
        followed->ready = false;
        return followed;
}

/* ---- The log ----------------------------------------------------------------------------------------- */

void
many_add_place(struct sq_task *task, struct many *many, const struct place *place)
{
        if (places_add(&many->places, place) < 0)
                (void)sq_error_final(task, "%s: %s", many->pattern, strerror(ENOMEM));
}

void
many_keep(struct sq_task *task, struct many *many, const struct followed *followed)
{
        if (followed->number > 0)
                many_add_place(task, many,
                               &(struct place){.kind = PLACE_FILE,
                                               .number = followed->number,
                                               .known = followed->known,
                                               .name = {followed->name, strlen(followed->name)}});
}

void
many_let_go(struct sq_task *task, struct many *many, struct followed *followed)
{
        if (followed->number > 0)
                many_add_place(task, many, &(struct place){.kind = PLACE_GONE, .number = followed->number});
        many_take_out(many, followed);
}

bool
many_push_turn(struct many *many, struct followed *followed, uint64_t at)
{
        if (many->nturns == many->turns_room) {
                size_t room = many->turns_room ? 2 * many->turns_room : 64;
                struct turn *turns = realloc(many->turns, room * sizeof(*turns));

                if (!turns)
                        return false;
                many->turns = turns;
                many->turns_room = room;
        }
        many->turns[many->nturns++] = (struct turn){followed, at};
        if (followed)
                followed->turns++;
        return true;
}

uint64_t
many_turn(const struct file *file)
{
        return file->many->first + file->many->nturns - 1;
}

/* What is read next is of this file. */
static void
open_current(struct file *file, struct followed *followed)
{
        sq_reader_open(&file->reader, followed ? followed->fd : -1, followed ? followed->at : 0, UINT64_MAX);
        file->held_ns = 0;
        file->header = followed && file_has_header(file) && followed->at == 0;
        if (followed && file_has_header(file) && followed->at > 0 && followed->columns.n == 0)
                file_read_columns(file, followed->fd);
}

void
many_begin_turn(struct sq_task *task, struct file *file, struct followed *followed)
{
        struct many *many = file->many;
        struct followed *before = many->current;
        bool again = before && before->ready && before != followed;

        if (before) {
                before->at = file->reader.offset;
                (void)sq_identity_renew(&before->known, before->fd, before->at,
                                        &(uint64_t){0}); /* or it is seen later */
                many_keep(task, many, before);
        }
        many->current = followed;
        if (again) {
                before->ready = false;
                many_make_ready(many, before);
        }
        if (!many_push_turn(many, followed, many->places.size + many->places.n)) {
                (void)sq_error_final(task, "%s: %s", many->pattern, strerror(ENOMEM));
                return;
        }
        many_add_place(task, many,
                       &(struct place){
                               .kind = PLACE_TURN, .number = many_turn(file), .file = followed ? followed->number : 0});
        many->turn_ns = sq_now(task);
        open_current(file, followed);
}

/* Begins a turn in a file that has more, if it is still the file that it was. */
static void
enter(struct sq_task *task, struct file *file, struct followed *followed)
{
        struct many *many = file->many;

        many_begin_turn(task, file, followed);
        followed->ready = true;
        many->turn_from = followed->at;
        if (!sq_identity_renew(&followed->known, followed->fd, followed->at, &(uint64_t){0}))
                watch_rewritten(task, file, followed);
}

/* ---- Reading ----------------------------------------------------------------------------------------- */

/* It may have been renamed, or let go of. */
static void
name_current(struct file *file)
{
        const struct followed *followed = file->many->current;

        file->path = file->records.decoder.source = followed ? followed->name : file->many->pattern;
}

static struct followed *
next_ready(struct many *many)
{
        return many->current && many->current->ready ? many->current : pop_ready(many);
}

/* At the end of what is there: from here on a copy of it is known by all that was read. */
static void
leave_off(const struct file *file, struct followed *followed)
{
        followed->ready = false;
        followed->at = file->reader.offset;
        if (followed->at != followed->known.mark)
                (void)sq_identity_renew(&followed->known, followed->fd, followed->at, &(uint64_t){0});
}

int
many_next(struct sq_task *task, struct file *file, struct sq_str *ret, uint64_t *ret_position)
{
        struct many *many = file->many;

        if (!many->begun)
                many_begin(task, file);
        for (;;) {
                uint64_t offset = file->reader.offset;
                struct followed *followed = many->current;
                int r = places_write(&many->places);

                if (r == 0 && followed && followed->ready)
                        r = sq_reader_next(&file->reader, followed->left, ret);
                name_current(file);
                if (r < 0)
                        return r;
                if (r > 0) {
                        *ret_position = many_position(file, offset);
                        return r;
                }
                if (followed && followed->ready)
                        leave_off(file, followed);
                followed = next_ready(many);
                if (!followed) {
                        watch(task, file);
                        name_current(file);
                        followed = next_ready(many);
                }
                if (!followed)
                        return 0;
                if (followed != many->current)
                        enter(task, file, followed);
                else if (!sq_identity_renew(&followed->known, followed->fd, followed->at, &(uint64_t){0}))
                        watch_rewritten(task, file, followed);
        }
}

void
many_renew(struct sq_task *task, struct file *file)
{
        struct many *many = file->many;
        struct followed *followed = many->current;

        if (!many->begun)
                return;
        watch(task, file);
        followed = many->current;
        if (!followed)
                return;
        followed->at = file->reader.offset;
        if (!sq_identity_renew(&followed->known, followed->fd, followed->at, &(uint64_t){0}))
                watch_rewritten(task, file, followed);
        else if (many->ready_first && sq_now(task) - many->turn_ns >= TURN_NS)
                enter(task, file, pop_ready(many));
        else if (file->reader.offset > many->turn_from && sq_now(task) - many->turn_ns >= RENEW_NS)
                enter(task, file, followed);
        name_current(file);
}

uint64_t
many_position(const struct file *file, uint64_t offset)
{
        return file->many->begun ? many_turn(file) << SQ_TAIL_SHIFT | offset : file->many->resume;
}

void
many_note(struct sq_task *task, const struct file *file)
{
        sq_note(task, &file->many->places.id, sizeof(uint64_t));
}

int
many_fd(struct file *file, uint64_t turn)
{
        struct many *many = file->many;
        struct followed *followed;

        if (turn < many->first || turn - many->first >= many->nturns)
                return -ESTALE;
        followed = many->turns[turn - many->first].file;
        if (!followed || followed->fd < 0)
                return -ESTALE;
        file->records.decoder.source = followed->name;
        return followed->fd;
}

struct sq_csv_columns *
many_columns(struct file *file, uint64_t turn)
{
        struct many *many = file->many;
        struct followed *followed = many->current;

        if (turn >= many->first && turn - many->first < many->nturns && many->turns[turn - many->first].file)
                followed = many->turns[turn - many->first].file;
        return followed ? &followed->columns : &file->columns[0];
}

int
many_lag(const struct file *file, uint64_t *ret)
{
        const struct many *many = file->many;
        uint64_t amount = 0;

        if (!many->begun)
                return -1;
        for (size_t i = 0; i < many->n; i++) {
                const struct followed *followed = many->files[i];
                uint64_t at = followed == many->current ? file->reader.offset : followed->at;

                if (followed->number > 0 && followed->size > at)
                        amount += followed->size - at;
        }
        *ret = amount;
        return 0;
}

uint64_t
many_wakes(const struct file *file)
{
        return file->many->look_ns < file->many->scan_ns ? file->many->look_ns : file->many->scan_ns;
}

/* ---- What is done ------------------------------------------------------------------------------------ */

static void
say_done(struct sq_task *task, struct many *many)
{
        many_add_place(task, many, &(struct place){.kind = PLACE_DONE, .number = many->done});
        many->done_ns = sq_now(task) + DONE_NS;
}

void
many_release(struct sq_task *task, struct file *file, uint64_t done, uint64_t needed)
{
        struct many *many = file->many;
        size_t n = 0;
        uint64_t moved;

        if (!many->begun)
                return;
        while (n + 1 < many->nturns && many->first + n < needed >> SQ_TAIL_SHIFT) {
                struct followed *followed = many->turns[n++].file;

                if (followed)
                        followed->turns--;
        }
        memmove(many->turns, many->turns + n, (many->nturns - n) * sizeof(*many->turns));
        many->nturns -= n;
        many->first += n;
        if (done > many->done) {
                many->done = done;
                if (sq_now(task) >= many->done_ns)
                        say_done(task, many);
        }
        if (!places_are_long(&many->places))
                return;
        say_done(task, many);
        if (places_shorten(&many->places, many->turns[0].at, &moved) < 0) {
                sq_log(task, SQ_WARN, "positions: %s: it is not shortened", many->places.error);
                return;
        }
        for (size_t i = 0; i < many->nturns; i++)
                many->turns[i].at -= moved;
}

int
many_precommit(struct sq_task *task, struct file *file)
{
        return places_sync(&file->many->places) < 0 ? sq_error(task, "positions: %s", file->many->places.error) : 0;
}

void
many_cleanup(struct file *file)
{
        struct many *many = file->many;

        if (!many)
                return;
        if (many->done > 0 && places_add(&many->places, &(struct place){.kind = PLACE_DONE, .number = many->done}) == 0)
                (void)places_write(&many->places);
        many_clear(many);
        places_close(&many->places);
        free(many->files);
        free(many->buckets);
        free(many->turns);
        free(many);
        file->many = NULL;
}

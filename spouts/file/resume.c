/* SPDX-License-Identifier: Apache-2.0 */
/* Where a task goes on in the files of a pattern: what its log (places.h) says of a position. */
#include "many.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct load {
        struct many *many;
        uint64_t target;
        bool passed, failed, unknown; /* unknown: the log is another one */
        uint64_t last_turn, last_file;
        uint64_t last_then; /* file, at the turn */
        struct followed *current;
};

static struct followed *
by_number(const struct many *many, uint64_t number)
{
        for (size_t i = many->n; i-- > 0;)
                if (many->files[i]->number == number)
                        return many->files[i];
        return NULL;
}

static void
load_file(struct load *load, const struct place *place)
{
        struct followed *followed = by_number(load->many, place->number);
        char *name = strndup(place->name.ptr, place->name.len);

        if (followed && name) {
                free(followed->name);
                followed->name = name;
                followed->known = place->known;
                followed->at = place->known.mark;
                return;
        }
        followed = many_add(load->many, &place->known, -1, name);
        load->failed |= !followed;
        if (followed)
                followed->number = place->number;
}

/* Behind the turn: a file that was found then was not read yet at the turn. A copy that was gone on in then is found by
 * the file that it is of. */
static void
load_later(struct load *load, const struct place *place)
{
        struct followed *followed = by_number(load->many, place->number);

        if (place->kind == PLACE_GONE && followed && place->number > load->last_then)
                many_take_out(load->many, followed);
        else if (place->kind == PLACE_FILE && place->known.mark == 0 && place->number > load->last_file)
                load_file(load, place);
}

static void
load_turn(struct load *load, const struct place *place)
{
        struct many *many = load->many;

        if (many->nturns == 0)
                many->first = place->number;
        load->current = place->file ? by_number(many, place->file) : NULL;
        load->failed |= !many_push_turn(many, load->current, place->at);
        load->passed = place->number == load->target;
}

static bool
load_place(void *context, const struct place *place)
{
        struct load *load = context;
        struct followed *followed;

        if (load->unknown)
                ;
        else if (load->passed)
                load_later(load, place);
        else if (place->kind == PLACE_FILE)
                load_file(load, place);
        else if (place->kind == PLACE_GONE && (followed = by_number(load->many, place->number)))
                many_take_out(load->many, followed);
        else if (place->kind == PLACE_TURN)
                load_turn(load, place);
        if (place->kind == PLACE_TURN)
                load->last_turn = place->number;
        if (place->kind == PLACE_FILE && place->number > load->last_file)
                load->last_file = place->number;
        if (!load->passed)
                load->last_then = load->last_file;
        return true;
}

/* The log does not say where the task was then. */
static bool
begin_anew(struct sq_task *task, struct many *many)
{
        if (sq_exactly_once(task)) {
                (void)sq_error_final(task,
                                     "%s: where it was is not in %s any more (it was removed, or shortened since): no "
                                     "epoch from before can be gone on from",
                                     many->pattern, many->places.path ? many->places.path : "memory");
                return false;
        }
        sq_log(task, SQ_WARN,
               "%s: where it was is not known any more: all files are read from their beginning (`positions` names a "
               "folder that lasts)",
               many->pattern);
        return true;
}

/* The state is said again, so that what the log says of later turns, which nobody goes on from, is over. */
static void
say_again(struct sq_task *task, struct file *file, struct load *load)
{
        struct many *many = file->many;

        for (uint64_t number = load->last_then + 1; number <= load->last_file; number++)
                if (!by_number(many, number))
                        many_add_place(task, many, &(struct place){.kind = PLACE_GONE, .number = number});
        many->last_number = load->last_file;
        watch_regain(task, file);
        for (size_t i = 0; i < many->n; i++)
                many_keep(task, many, many->files[i]);
}

void
many_begin(struct sq_task *task, struct file *file)
{
        struct many *many = file->many;
        struct load load = {.many = many, .target = many->resume >> SQ_TAIL_SHIFT};
        bool other = many->resume_id != 0 && many->resume_id != many->places.id;
        uint64_t last_turn, current;

        many_clear(many);
        many->begun = true;
        load.passed = load.target == 0;
        load.unknown = other;
        if (places_read(&many->places, load_place, &load) < 0 || load.failed) {
                (void)sq_error_final(task, "%s", load.failed ? strerror(ENOMEM) : many->places.error);
                return;
        }
        if (!load.passed || (other && load.target > 0)) {
                many_clear(many);
                load.current = NULL;
                load.last_then = 0;
                if (!begin_anew(task, many))
                        return;
        }
        last_turn = load.last_turn > load.target ? load.last_turn : load.target;
        current = load.current ? load.current->number : 0;
        if (many->nturns == 0)
                many->first = last_turn + 1;
        while (many->nturns > 0 && many_turn(file) < last_turn)
                if (!many_push_turn(many, NULL, many->places.size))
                        break;
        if (load.current)
                load.current->at = many->resume & SQ_TAIL_OFFSET;
        many->current = NULL;
        say_again(task, file, &load);
        many_begin_turn(task, file, current ? by_number(many, current) : NULL); /* unless it is gone */
        many->look_ns = many->scan_ns = 0;
}

static bool
find_done(void *context, const struct place *place)
{
        struct many *many = context;

        if (place->kind == PLACE_DONE)
                many->resume = place->number;
        return true;
}

int
many_prepare(struct sq_task *task, struct file *file)
{
        struct many *many = calloc(1, sizeof(*many));
        const char *folder = file->positions ? file->positions : sq_run_folder(task);

        if (!many)
                return sq_error(task, "%s: %s", file->path, strerror(ENOMEM));
        file->many = many;
        many->pattern = file->path;
        many->ready_last = &many->ready_first;
        many->places.fd = many->places.lock = -1;
        if (places_open(&many->places, folder, task) < 0)
                return sq_error(task, "positions: %s", many->places.error);
        if (places_read(&many->places, find_done, many) < 0)
                return sq_error(task, "positions: %s", many->places.error);
        if (many->places.cut > 0)
                sq_log(task, SQ_WARN,
                       "positions: %s: its last %" PRIu64 " bytes are torn or damaged, and are cut off: some of what "
                       "was read since may be read again",
                       many->places.path, many->places.cut);
        if (!file->positions)
                many->resume = 0;
        file->reading = true;
        return 0;
}

void
many_seek(struct sq_task *task, struct file *file, uint64_t position)
{
        struct sq_str noted = sq_noted(task);

        file->many->resume_id = UINT64_MAX;
        if (noted.len == sizeof(uint64_t))
                memcpy(&file->many->resume_id, noted.ptr, sizeof(uint64_t));
        file->many->resume = position;
        file->many->begun = false;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "window.h"

#include <stdlib.h>
#include <string.h>

/* Whole numbers add up exactly, in 128 bits; floats beside them. */
struct sum {
        __int128 whole;
        double real;
        bool with_real;
};

/* One aggregate of one pane. */
struct cell {
        uint64_t n;                   /* values folded in */
        struct sq_value value;        /* MIN, MAX */
        struct sum sum;               /* SUM, AVG */
        uint64_t used, size, ceiling; /* QUANTILE, DISTINCT: of the bag, whose places are in SKETCHES */
};

/* What a key owns. */
enum { PANES, SKETCHES };

struct pane {
        int64_t number; /* it begins at number * the length of a pane */
        struct cell cells[];
};

struct place {
        int64_t pane;
        uint64_t cell;
};

/* The cells of some panes, put together. */
struct merged {
        struct cell cell;
        struct sq_bag bag;
};

/* ---- Cells ------------------------------------------------------------------------------------------- */

static void
add(struct sum *sum, struct sq_value value)
{
        if (value.type == SQ_FLOAT)
                sum->real += value.as.f;
        else
                sum->whole += value.type == SQ_UINT ? (__int128)value.as.u : (__int128)value.as.i;
        sum->with_real |= value.type == SQ_FLOAT;
}

static bool
is_less(struct sq_value a, struct sq_value b)
{
        return sq_compare_numbers(a, b) == SQ_LESS;
}

/* Folds a value in. */
static void
fold(struct cell *cell, enum kind kind, struct sq_value value)
{
        if (kind == SUM || kind == AVG)
                add(&cell->sum, value);
        else if (cell->n == 0 || (kind == MIN && is_less(value, cell->value)) ||
                 (kind == MAX && is_less(cell->value, value)))
                cell->value = value;
        cell->n++;
}

static struct sq_str
key_of(const struct place *place)
{
        return (struct sq_str){(const char *)place, sizeof(*place)};
}

/* The sketch of a cell, in its key's memory. */
static struct sq_bag
borrow(struct sq_task *task, const struct key *key, struct place place, const struct cell *cell)
{
        struct sq_bag bag = {.used = cell->used, .size = cell->size, .ceiling = cell->ceiling, .lent = true};

        if (bag.size)
                bag.places = sq_map_at(task, key, SKETCHES, key_of(&place), bag.size * sizeof(struct sq_occurrence));
        return bag;
}

/* Into the key's memory, if it has grown out of it. */
static void
give_back(struct sq_task *task, const struct key *key, struct place place, struct cell *cell, struct sq_bag *bag)
{
        size_t bytes = bag->size * sizeof(struct sq_occurrence);

        cell->used = bag->used;
        cell->size = bag->size;
        cell->ceiling = bag->ceiling;
        if (bag->lent)
                return;
        sq_map_forget(task, key, SKETCHES, key_of(&place)); /* one that was thinned out is smaller */
        memcpy(sq_map_at(task, key, SKETCHES, key_of(&place), bytes), bag->places, bytes);
        free(bag->places);
}

static bool
has_sketch(enum kind kind)
{
        return kind == QUANTILE || kind == DISTINCT;
}

static bool
put(struct sq_task *task, const struct key *key, struct place place, struct cell *cell, enum kind kind,
    struct sq_value value)
{
        struct sq_bag bag = borrow(task, key, place, cell);
        uint64_t hash = kind == QUANTILE ? sq_bag_ordered(value.as.f) : sq_bag_hash(value);
        bool ok = sq_bag_put(&bag, hash, 1, kind == DISTINCT);

        give_back(task, key, place, cell, &bag);
        return ok;
}

/* Puts a cell and its sketch to others. */
static bool
merge(struct merged *into, const struct cell *from, const struct sq_bag *bag, enum kind kind)
{
        struct cell *cell = &into->cell;

        if (from->n == 0)
                return true;
        if (cell->n == 0 || (kind == MIN && is_less(from->value, cell->value)) ||
            (kind == MAX && is_less(cell->value, from->value)))
                cell->value = from->value;
        cell->sum.whole += from->sum.whole;
        cell->sum.real += from->sum.real;
        cell->sum.with_real |= from->sum.with_real;
        cell->n += from->n;
        if (bag->ceiling < into->bag.ceiling)
                into->bag.ceiling = bag->ceiling;
        for (size_t i = 0; i < bag->size; i++)
                if (bag->places[i].n && !sq_bag_put(&into->bag, bag->places[i].key, bag->places[i].n, kind == DISTINCT))
                        return false;
        return true;
}

/* ---- Panes ------------------------------------------------------------------------------------------- */

static struct pane *
oldest(struct sq_task *task, const struct key *key)
{
        return sq_array_at(task, key, PANES, 0);
}

struct pane *
window_pane_of(struct sq_task *task, const struct key *key, int64_t number)
{
        const struct window *self = sq_state(task);
        size_t n = sq_array_count(task, key, PANES);
        struct pane *pane = n ? sq_array_at(task, key, PANES, n - 1) : NULL;

        if (pane && pane->number == number)
                return pane;
        pane = sq_array_push(task, key, PANES, sizeof(*pane) + self->n * sizeof(struct cell));
        pane->number = number;
        for (size_t i = 0; i < self->n; i++)
                pane->cells[i].ceiling = UINT64_MAX;
        return pane;
}

bool
window_expire(struct sq_task *task, const struct key *key, int64_t until)
{
        const struct window *self = sq_state(task);
        const struct pane *pane;

        while ((pane = oldest(task, key)) && (pane->number + 1) * self->pane <= until) {
                for (size_t i = 0; i < self->n; i++)
                        if (has_sketch(self->aggregates[i].kind))
                                sq_map_forget(task, key, SKETCHES, key_of(&(struct place){pane->number, i}));
                sq_array_drop(task, key, PANES, 1);
        }
        return pane != NULL;
}

/* ---- What comes of them ------------------------------------------------------------------------------- */

/* A whole sum that no 64 bits hold becomes the nearest double. */
static struct sq_value
total(const struct sum *sum)
{
        if (sum->with_real || sum->whole < INT64_MIN || sum->whole > UINT64_MAX)
                return sq_float((double)sum->whole + sum->real);
        return sum->whole > INT64_MAX ? sq_uint((uint64_t)sum->whole) : sq_int((int64_t)sum->whole);
}

static struct sq_value
result(const struct aggregate *aggregate, struct merged *merged)
{
        const struct cell *cell = &merged->cell;

        if (aggregate->kind == COUNT)
                return sq_int((int64_t)cell->n);
        if (aggregate->kind == DISTINCT)
                return sq_int(sq_bag_distinct(&merged->bag));
        if (cell->n == 0)
                return sq_nil();
        if (aggregate->kind == QUANTILE)
                return sq_float(sq_bag_quantile(&merged->bag, cell->n, aggregate->quantile));
        if (aggregate->kind == AVG)
                return sq_float(((double)cell->sum.whole + cell->sum.real) / (double)cell->n);
        return aggregate->kind == SUM ? total(&cell->sum) : cell->value;
}

bool
window_compute(struct sq_task *task, const struct key *key, size_t i, struct sq_value *ret)
{
        const struct window *self = sq_state(task);
        const struct aggregate *aggregate = &self->aggregates[i];
        struct merged merged = {.bag.ceiling = UINT64_MAX};
        bool ok = true;

        for (size_t p = 0; p < sq_array_count(task, key, PANES) && ok; p++) {
                const struct pane *pane = sq_array_at(task, key, PANES, p);
                struct sq_bag bag = {.ceiling = pane->cells[i].ceiling};

                if (has_sketch(aggregate->kind))
                        bag = borrow(task, key, (struct place){pane->number, i}, &pane->cells[i]);
                ok = merge(&merged, &pane->cells[i], &bag, aggregate->kind);
        }
        if (ok)
                *ret = result(aggregate, &merged);
        free(merged.bag.places);
        return ok;
}

bool
window_fold_in(struct sq_task *task, const struct key *key, struct pane *pane, size_t i, struct sq_value value)
{
        const struct window *self = sq_state(task);
        enum kind kind = self->aggregates[i].kind;
        struct cell *cell = &pane->cells[i];

        if (value.type == SQ_NIL)
                return true;
        if (!has_sketch(kind)) {
                fold(cell, kind, value);
                return true;
        }
        cell->n++;
        return put(task, key, (struct place){pane->number, i}, cell, kind, value);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `window`: aggregates over tumbling and sliding windows of time or of a number of tuples, for each
 * combination of the fields `by`.
 *
 * A window is made of panes, as long as what divides both its size and its slide (J. Li et al., "No Pane, No Gain",
 * SIGMOD Record 2005):
 *
 *     size 6s, slide 4s:   |--|--|--|--|--|--|     panes of 2s
 *                          [ window ]              ends at 6s
 *                                [ window ]        ends at 10s
 *
 * A tuple is folded into the newest pane of its key and then forgotten; at the end of a window its panes are merged. A
 * key has the panes in which it occurred, the oldest first, and none that the next window does not need: what is
 * emitted is all that it has.
 *
 * Time is processing time, the windows lie on whole multiples of the slide since 1970 UTC. It goes by the monotonic
 * clock from the start of the task, so a clock that is set back ends no window twice. Windows of tuples are counted for
 * each key by itself.
 *
 * All of that is keyed state, owned by the key: an array of panes, and a map of the sketches. A key knows the end of its
 * next window, so that it goes on wherever it goes: windows that ended while there was no task go out at once.
 *
 * Quantiles and distinct values are sketches that merge: kit/bag.c.
 */
#include <math.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

enum { PANES_MAX = 10000, NO_COLUMN = -1 };
enum kind { COUNT, SUM, AVG, MIN, MAX, QUANTILE, DISTINCT, KINDS };

static const char *const kinds[KINDS] = {"count", "sum", "avg", "min", "max", "p", "distinct"};

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

/* The state of a key. */
struct key {
        int64_t seen;    /* tuples */
        int64_t end;     /* windows of time: of its next one, ns since 1970 */
        uint64_t layout; /* hash of the settings that its panes are made by; 0: the key is new */
};

/* The cells of some panes, put together. */
struct merged {
        struct cell cell;
        struct sq_bag bag;
};

struct aggregate {
        enum kind kind;
        int column; /* among the input fields, or NO_COLUMN */
        double quantile;
};

struct window {
        const char *size, *slide;
        struct sq_list by;
        struct sq_pairs compute;

        struct aggregate *aggregates;
        size_t n;
        bool timed;
        int64_t length, step, pane; /* ns or tuples */
        int64_t wall;               /* sq_now() + wall: ns since 1970 */
        int64_t end;                /* of the window under way, ns since 1970 */
        uint64_t layout;
};

/* ---- The settings ------------------------------------------------------------------------------------ */

/* "10s", "500ms", "100 tuples": nanoseconds, or a number of tuples. */
static bool
read_length(const char *text, int64_t *ret_length, bool *ret_timed)
{
        static const struct {
                const char *unit;
                double factor;
        } units[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {"tuples", 1}, {"tuple", 1}};
        char *unit;
        double number = sq_strtod(text, &unit);

        while (*unit == ' ')
                unit++;
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
                if (strcmp(unit, units[i].unit) != 0 || !(number * units[i].factor >= 1) ||
                    number * units[i].factor > 1e18)
                        continue;
                *ret_length = (int64_t)(number * units[i].factor);
                *ret_timed = *unit != 't';
                return true;
        }
        return false;
}

static int64_t
common_divisor(int64_t a, int64_t b)
{
        return b == 0 ? a : common_divisor(b, a % b);
}

/* The setting that is wrong, and why; or NULL. */
static const char *
read_lengths(struct window *self, const char **ret_why)
{
        bool slide_timed;

        *ret_why = "must be a time (500ms, 10s, 5m, 1h, 1d) or a number of tuples (100 tuples)";
        if (!read_length(self->size, &self->length, &self->timed))
                return "size";
        self->step = self->length;
        slide_timed = self->timed;
        if (self->slide && !read_length(self->slide, &self->step, &slide_timed))
                return "slide";
        *ret_why = "must be no longer than `size`, and of the same kind";
        if (slide_timed != self->timed || self->step > self->length)
                return "slide";
        self->pane = common_divisor(self->length, self->step);
        *ret_why = "divides `size` into too many parts (10,000 at most)";
        return self->length / self->pane > PANES_MAX ? "slide" : NULL;
}

/* "count", "sum FIELD", "p99.9 FIELD": the kind, and where the field's name begins ("" when there is none). */
static bool
read_aggregate(const char *text, struct aggregate *ret, const char **ret_field)
{
        size_t length = strcspn(text, " ");
        char *end;

        *ret_field = text + length + strspn(text + length, " ");
        *ret = (struct aggregate){.column = NO_COLUMN};
        for (ret->kind = 0; ret->kind < KINDS; ret->kind++)
                if (ret->kind != QUANTILE && sq_str_is((struct sq_str){text, length}, kinds[ret->kind]))
                        return ret->kind == COUNT || **ret_field;
        ret->kind = QUANTILE;
        if (*text != 'p' || !strchr("0123456789", text[1]))
                return false;
        ret->quantile = sq_strtod(text + 1, &end) / 100;
        return end == text + length && ret->quantile <= 1 && **ret_field;
}

/* The input fields are those of `by`, then those of the aggregates, each once: where `name` stands among them. */
static int
column_of(const struct window *self, const char *name, size_t aggregates, int *ret_columns)
{
        const char *names[SQ_FIELDS_MAX], *field;
        int n = 0, found = NO_COLUMN;
        struct aggregate aggregate;

        for (size_t i = 0; i < self->by.n && n < (int)SQ_FIELDS_MAX; i++)
                names[n++] = self->by.items[i];
        for (size_t i = 0; i < aggregates && n < (int)SQ_FIELDS_MAX; i++) {
                bool known = !read_aggregate(self->compute.values[i], &aggregate, &field) || !*field;
                for (int c = 0; c < n && !known; c++)
                        known = strcmp(names[c], field) == 0;
                if (!known)
                        names[n++] = field;
        }
        for (int c = 0; c < n && found < 0; c++)
                if (strcmp(names[c], name) == 0)
                        found = c;
        *ret_columns = n;
        return found;
}

static void
declare_aggregate(struct sq_declaration *decl, const struct window *self, size_t i)
{
        struct aggregate aggregate;
        const char *name;
        int columns;

        if (!read_aggregate(self->compute.values[i], &aggregate, &name)) {
                sq_declare_error(
                        decl, "compute",
                        "`%s` is no aggregate: count, or one of sum, avg, min, max, distinct, p50, p99.9 with a field",
                        self->compute.values[i]);
                return;
        }
        enum sq_type type = *name ? sq_declared_field(decl, 0, name).type : SQ_ANY, out = SQ_ANY;
        if (*name && column_of(self, name, i, &columns) < 0)
                sq_declare_in(decl, name, type);
        if (aggregate.kind != COUNT && aggregate.kind != DISTINCT && !sq_may_be_number(type))
                sq_declare_error(decl, "compute", "the field `%s` is not a number: it is declared as %s", name,
                                 sq_type_name(type));
        if (aggregate.kind == COUNT || aggregate.kind == DISTINCT)
                out = SQ_INT;
        else if (aggregate.kind == AVG || aggregate.kind == QUANTILE || type == SQ_FLOAT || type == SQ_TEXT)
                out = SQ_FLOAT;
        else if (type == SQ_INT)
                out = SQ_INT;
        sq_declare_out(decl, 0, self->compute.names[i], out);
}

static void
declare(struct sq_declaration *decl)
{
        const struct window *self = sq_declared_state(decl);
        struct window lengths = *self;
        const char *why, *wrong = read_lengths(&lengths, &why);

        if (wrong)
                sq_declare_error(decl, wrong, "%s", why);
        for (size_t i = 0; i < self->by.n; i++) {
                enum sq_type type = sq_declared_field(decl, 0, self->by.items[i]).type;
                sq_declare_in(decl, self->by.items[i], type);
                sq_declare_out(decl, 0, self->by.items[i], type);
        }
        if (lengths.timed) {
                sq_declare_out(decl, 0, "start", SQ_TIME);
                sq_declare_out(decl, 0, "end", SQ_TIME);
        }
        for (size_t i = 0; i < self->compute.n; i++)
                declare_aggregate(decl, self, i);
}

/* ---- Cells and panes --------------------------------------------------------------------------------- */

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

static struct pane *
oldest(struct sq_task *task, const struct key *key)
{
        return sq_array_at(task, key, PANES, 0);
}

static struct pane *
pane_of(struct sq_task *task, const struct key *key, int64_t number)
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

/* Drops the panes that end at `until` or before. */
static void
expire(struct sq_task *task, const struct key *key, int64_t until)
{
        const struct window *self = sq_state(task);
        const struct pane *pane;

        while ((pane = oldest(task, key)) && (pane->number + 1) * self->pane <= until) {
                for (size_t i = 0; i < self->n; i++)
                        if (has_sketch(self->aggregates[i].kind))
                                sq_map_forget(task, key, SKETCHES, key_of(&(struct place){pane->number, i}));
                sq_array_drop(task, key, PANES, 1);
        }
}

/* ---- The end of a window ----------------------------------------------------------------------------- */

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

static struct sq_value
time_of(int64_t ns)
{
        return sq_time((struct sq_time){ns / 1000000000, (uint32_t)(ns % 1000000000)});
}

/* One aggregate over all panes of a key. False: no memory. */
static bool
compute(struct sq_task *task, const struct key *key, size_t i, struct sq_value *ret)
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

/* Emits what a key has. False: no memory. */
static bool
emit(struct sq_task *task, struct sq_str by, const struct key *key, int64_t end)
{
        const struct window *self = sq_state(task);
        struct sq_value values[SQ_FIELDS_MAX];
        size_t n = 0;
        bool ok = true;

        if (self->by.n)
                values[n++] = sq_splice(by, self->by.n);
        if (self->timed) {
                values[n++] = time_of(end - self->length);
                values[n++] = time_of(end);
        }
        for (size_t i = 0; i < self->n && ok; i++)
                ok = compute(task, key, i, &values[n++]);
        if (ok)
                sq_emit_values(task, 0, n, values);
        return ok;
}

static bool
end_of_key(struct sq_task *task, struct sq_str by, void *state, void *context)
{
        const struct window *self = sq_state(task);
        struct key *key = state;
        bool *ok = context;

        if (key->end > self->end)
                return true;
        *ok = emit(task, by, key, key->end);
        if (!*ok)
                return false;
        expire(task, key, key->end + self->step - self->length);
        key->end += self->step;
        if (!oldest(task, key))
                sq_keyed_forget(task, by);
        return true;
}

static int64_t
position(const struct sq_task *task, const struct window *self)
{
        return (int64_t)sq_now(task) + self->wall;
}

/* A key that this task did not make itself: its window may have ended long ago. */
static bool
find_key(struct sq_task *task, struct sq_str by, void *state, void *context)
{
        struct window *self = sq_state(task);
        const struct key *key = state;
        bool *fits = context;

        (void)by;
        *fits = key->layout == self->layout;
        if (self->timed && key->end < self->end)
                self->end = key->end;
        return *fits;
}

/* Ends every window of time that is over at `now`, and asks to be called at the end of the next one. False: no
 * memory. */
static bool
end_windows(struct sq_task *task, struct window *self, int64_t now)
{
        bool ok = true;

        while (ok && now >= self->end && sq_keyed_count(task) > 0) {
                sq_keyed_each(task, end_of_key, &ok);
                if (ok)
                        self->end += self->step;
        }
        if (ok && now >= self->end)
                self->end = (now / self->step + 1) * self->step;
        sq_wake_at(task, (uint64_t)(self->end - self->wall));
        return ok;
}

static int
no_memory(struct sq_task *task)
{
        return sq_error(task, "no memory for a window");
}

static uint64_t
hash_text(uint64_t hash, const char *text)
{
        struct sq_value value = sq_text(text ? text : "");

        return hash * 31 + sq_bag_hash(value);
}

/* Of all settings that decide what the panes of a key look like; above 0. */
static uint64_t
layout_of(const struct window *self)
{
        uint64_t hash = hash_text(hash_text(1, self->size), self->slide);

        for (size_t i = 0; i < self->compute.n; i++)
                hash = hash_text(hash_text(hash, self->compute.names[i]), self->compute.values[i]);
        return hash | 1;
}

/* ---- The bolt ---------------------------------------------------------------------------------------- */

/* False: no memory. */
static bool
read_settings(struct window *self)
{
        const char *why, *field;
        int columns;

        (void)read_lengths(self, &why);
        self->n = self->compute.n;
        self->aggregates = calloc(self->n, sizeof(*self->aggregates));
        for (size_t i = 0; i < self->n && self->aggregates; i++) {
                (void)read_aggregate(self->compute.values[i], &self->aggregates[i], &field);
                if (*field)
                        self->aggregates[i].column = column_of(self, field, self->n, &columns);
        }
        return self->aggregates != NULL;
}

static int
prepare(struct sq_task *task)
{
        struct window *self = sq_state(task);
        struct sq_time wall = sq_wall(task);

        if (!read_settings(self))
                return sq_error(task, "no memory for %zu aggregates", self->n);
        self->wall = wall.sec * 1000000000 + wall.nsec - (int64_t)sq_now(task);
        self->layout = layout_of(self);
        self->end = (position(task, self) / self->step + 1) * self->step;
        if (self->timed)
                sq_wake_at(task, (uint64_t)(self->end - self->wall));
        return 0;
}

static int
restored(struct sq_task *task)
{
        const struct window *self = sq_state(task);
        bool fits = true;

        sq_keyed_each(task, find_key, &fits);
        if (!fits)
                return sq_error(task, "its keyed state is of windows with other settings (leave `size`, `slide` and "
                                      "`compute` as they are, or kill the topology and submit it anew)");
        if (self->timed && position(task, self) >= self->end)
                sq_wake_at(task, sq_now(task)); /* it ended while there was no task */
        return 0;
}

/* The value of an aggregate's field as it is folded. False: it is none that can be. */
static bool
take(const struct sq_tuple *in, const struct aggregate *aggregate, struct sq_value *ret)
{
        struct sq_value value = aggregate->column < 0 ? sq_bool(true) : sq_get(in, (unsigned)aggregate->column);

        *ret = value;
        if (value.type == SQ_NIL || aggregate->kind == COUNT || aggregate->kind == DISTINCT)
                return true;
        if (value.type == SQ_STR) {
                if (!sq_read_number((struct sq_str){value.as.ptr, value.len}, &value))
                        return false;
                value = sq_float(sq_real_of(value));
        }
        *ret = aggregate->kind == QUANTILE ? sq_float(sq_real_of(value)) : value;
        return value.type == SQ_INT || value.type == SQ_UINT || (value.type == SQ_FLOAT && !isnan(value.as.f));
}

static bool
fold_in(struct sq_task *task, const struct key *key, struct pane *pane, size_t i, struct sq_value value)
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

/* A window of tuples ends with the tuple that fills it. */
static bool
end_if_full(struct sq_task *task, const struct window *self, struct sq_str by, struct key *key)
{
        bool ok = true;

        if (++key->seen % self->step == 0) {
                ok = emit(task, by, key, 0);
                expire(task, key, key->seen + self->step - self->length);
                if (!oldest(task, key))
                        sq_keyed_forget(task, by);
        }
        return ok;
}

static struct key *
key_for(struct sq_task *task, struct sq_str by)
{
        const struct window *self = sq_state(task);
        struct key *key = sq_keyed(task, by);

        if (key->layout == 0)
                *key = (struct key){.layout = self->layout, .end = self->end};
        return key;
}

/* Counts a tuple whose values have been looked at. */
static bool
count(struct sq_task *task, struct sq_str by, int64_t now, const struct sq_value *values)
{
        const struct window *self = sq_state(task);
        struct key *key = key_for(task, by);
        struct pane *pane = pane_of(task, key, (self->timed ? now : key->seen) / self->pane);
        bool ok = true;

        for (size_t i = 0; i < self->n && ok; i++)
                ok = fold_in(task, key, pane, i, values[i]);
        return ok && (self->timed || end_if_full(task, self, by, key));
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct window *self = sq_state(task);
        struct sq_str by = sq_key_of(in, (unsigned)self->by.n);
        struct sq_value values[SQ_FIELDS_MAX];
        bool ok = true;

        for (size_t i = 0; i < self->n; i++)
                if (!take(in, &self->aggregates[i], &values[i]))
                        return sq_fail(task, "`%s` of a value that is no number", self->compute.values[i]);
        int64_t now = self->timed ? position(task, self) : 0;
        if (self->timed && now >= self->end) {
                sq_unanchor(task); /* the windows that have ended have nothing of this tuple */
                ok = end_windows(task, self, now);
        }
        return ok && count(task, by, now, values) ? SQ_ACK : sq_fail(task, "no memory for a window");
}

static int
tick(struct sq_task *task)
{
        struct window *self = sq_state(task);

        return !self->timed || end_windows(task, self, position(task, self)) ? 0 : no_memory(task);
}

static bool
emit_rest(struct sq_task *task, struct sq_str by, void *state, void *context)
{
        const struct window *self = sq_state(task);
        const struct key *key = state;
        bool *ok = context;

        if (self->timed || key->seen % self->step != 0)
                *ok = emit(task, by, key, key->end);
        return *ok;
}

static int
finish(struct sq_task *task)
{
        struct window *self = sq_state(task);
        bool ok = true;

        ok = !self->timed || end_windows(task, self, position(task, self));
        if (ok)
                sq_keyed_each(task, emit_rest, &ok);
        return ok ? 0 : no_memory(task);
}

static void
cleanup(struct sq_task *task)
{
        const struct window *self = sq_state(task);

        free(self->aggregates);
}

/* What the key has in its panes: what its next window comes to, so far. */
static void
show_panes(struct sq_task *task, const struct key *key)
{
        const struct window *self = sq_state(task);
        struct sq_value value;

        if (self->timed) {
                sq_show(task, "start", time_of(key->end - self->length));
                sq_show(task, "end", time_of(key->end));
        } else {
                sq_show(task, "seen", sq_int(key->seen));
        }
        for (size_t i = 0; i < self->n; i++)
                if (compute(task, key, i, &value))
                        sq_show(task, self->compute.names[i], value);
}

static void
show(struct sq_task *task, struct sq_str by, const void *state)
{
        struct window *self = sq_state(task);
        bool prepared = self->aggregates != NULL;
        const struct key *key = state;

        if (!prepared && !read_settings(self))
                return;
        sq_show_packed(task, by, 0);
        if (key->layout == layout_of(self)) /* else its panes are not as the settings say */
                show_panes(task, key);
        if (prepared)
                return;
        free(self->aggregates);
        self->aggregates = NULL;
}

SQ_BOLT(window) = {
        .about =
                "Aggregates over tumbling or sliding windows, of time or of a number of tuples; what is unfinished at the drain goes out then.",
        .state = sizeof(struct window),
        .key_state = sizeof(struct key),
        .options =
                {
                        SQ_REQ_STR(
                                struct window, size,
                                "how long a window is: a time (500ms, 10s, 5m, 1h, 1d), or for each key so many tuples (100 tuples)"),
                        SQ_OPT_STR(struct window, slide, NULL,
                                   "from window to window; default: the size, so that no two overlap"),
                        SQ_OPT_LIST(struct window, by,
                                    "the fields that have windows of their own; default: none, one window for all"),
                        SQ_REQ_MAP(
                                struct window, compute,
                                "output field: aggregate. count, or with a field: sum, avg, min, max, distinct, p50, p99.9 and the like; nil is left out"),
                },
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .tick = tick,
        .finish = finish,
        .cleanup = cleanup,
        .restored = restored,
        .show = show,
};

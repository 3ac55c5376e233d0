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
        uint64_t n;            /* values folded in */
        struct sq_value value; /* MIN, MAX */
        struct sum sum;        /* SUM, AVG */
        struct sq_bag bag;     /* QUANTILE, DISTINCT */
};

struct pane {
        struct pane *next;
        int64_t number; /* it begins at number * the length of a pane */
        struct cell cells[];
};

struct key {
        struct pane *oldest, *newest;
        int64_t seen; /* tuples */
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
        bool number = type == SQ_INT || type == SQ_UINT || type == SQ_FLOAT;
        if (*name && column_of(self, name, i, &columns) < 0)
                sq_declare_in(decl, name, type);
        if (aggregate.kind != COUNT && aggregate.kind != DISTINCT && !number && type != SQ_ANY && type != SQ_STR)
                sq_declare_error(decl, "compute", "the field `%s` is not a number", name);
        if (aggregate.kind == COUNT || aggregate.kind == DISTINCT)
                out = SQ_INT;
        else if (aggregate.kind == AVG || aggregate.kind == QUANTILE || type == SQ_FLOAT || type == SQ_STR)
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

static bool
merge(struct cell *into, const struct cell *from, enum kind kind)
{
        if (from->n == 0)
                return true;
        if (into->n == 0 || (kind == MIN && is_less(from->value, into->value)) ||
            (kind == MAX && is_less(into->value, from->value)))
                into->value = from->value;
        into->sum.whole += from->sum.whole;
        into->sum.real += from->sum.real;
        into->sum.with_real |= from->sum.with_real;
        into->n += from->n;
        if (from->bag.ceiling < into->bag.ceiling)
                into->bag.ceiling = from->bag.ceiling;
        for (size_t i = 0; i < from->bag.size; i++)
                if (from->bag.places[i].n &&
                    !sq_bag_put(&into->bag, from->bag.places[i].key, from->bag.places[i].n, kind == DISTINCT))
                        return false;
        return true;
}

static struct pane *
new_pane(const struct window *self, int64_t number)
{
        struct pane *pane = calloc(1, sizeof(*pane) + self->n * sizeof(struct cell));

        if (!pane)
                return NULL;
        pane->number = number;
        for (size_t i = 0; i < self->n; i++)
                pane->cells[i].bag.ceiling = UINT64_MAX;
        return pane;
}

static void
free_pane(const struct window *self, struct pane *pane)
{
        for (size_t i = 0; pane && i < self->n; i++)
                free(pane->cells[i].bag.places);
        free(pane);
}

static struct pane *
pane_of(const struct window *self, struct key *key, int64_t number)
{
        struct pane *pane = key->newest;

        if (pane && pane->number == number)
                return pane;
        pane = new_pane(self, number);
        if (!pane)
                return NULL;
        if (key->newest)
                key->newest->next = pane;
        else
                key->oldest = pane;
        return key->newest = pane;
}

/* Drops the panes that end at `until` or before. */
static void
expire(const struct window *self, struct key *key, int64_t until)
{
        struct pane *pane;

        while ((pane = key->oldest) && (pane->number + 1) * self->pane <= until) {
                key->oldest = pane->next;
                if (!key->oldest)
                        key->newest = NULL;
                free_pane(self, pane);
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
result(const struct aggregate *aggregate, struct cell *cell)
{
        if (aggregate->kind == COUNT)
                return sq_int((int64_t)cell->n);
        if (aggregate->kind == DISTINCT)
                return sq_int(sq_bag_distinct(&cell->bag));
        if (cell->n == 0)
                return sq_nil();
        if (aggregate->kind == QUANTILE)
                return sq_float(sq_bag_quantile(&cell->bag, cell->n, aggregate->quantile));
        if (aggregate->kind == AVG)
                return sq_float(((double)cell->sum.whole + cell->sum.real) / (double)cell->n);
        return aggregate->kind == SUM ? total(&cell->sum) : cell->value;
}

static struct sq_value
time_of(int64_t ns)
{
        return sq_time((struct sq_time){ns / 1000000000, (uint32_t)(ns % 1000000000)});
}

/* Emits what a key has. False: no memory. */
static bool
emit(struct sq_task *task, struct sq_str by, const struct key *key)
{
        const struct window *self = sq_state(task);
        struct pane *all = new_pane(self, 0);
        struct sq_value values[SQ_FIELDS_MAX];
        size_t n = 0;
        bool ok = all != NULL;

        for (const struct pane *pane = key->oldest; pane && ok; pane = pane->next)
                for (size_t i = 0; i < self->n && ok; i++)
                        ok = merge(&all->cells[i], &pane->cells[i], self->aggregates[i].kind);
        if (self->by.n)
                values[n++] = sq_splice(by, self->by.n);
        if (self->timed) {
                values[n++] = time_of(self->end - self->length);
                values[n++] = time_of(self->end);
        }
        for (size_t i = 0; i < self->n && ok; i++)
                values[n++] = result(&self->aggregates[i], &all->cells[i]);
        if (ok)
                sq_emit_values(task, 0, n, values);
        free_pane(self, all);
        return ok;
}

static bool
end_of_key(struct sq_task *task, struct sq_str by, void *state, void *context)
{
        const struct window *self = sq_state(task);
        struct key *key = state;
        bool *ok = context;

        *ok = emit(task, by, key);
        expire(self, key, self->end + self->step - self->length);
        if (!key->oldest)
                sq_keyed_forget(task, by);
        return *ok;
}

static int64_t
position(const struct sq_task *task, const struct window *self)
{
        return (int64_t)sq_now(task) + self->wall;
}

/* Ends every window of time that is over at `now`, and asks to be called at the end of the next one. False: no
 * memory. */
static bool
end_windows(struct sq_task *task, struct window *self, int64_t now)
{
        bool ok = true;

        for (; ok && now >= self->end && sq_keyed_count(task) > 0; self->end += self->step)
                sq_keyed_each(task, end_of_key, &ok);
        if (now >= self->end)
                self->end = (now / self->step + 1) * self->step;
        sq_wake_at(task, (uint64_t)(self->end - self->wall));
        return ok;
}

static int
no_memory(struct sq_task *task)
{
        return sq_error(task, "no memory for a window");
}

/* ---- The bolt ---------------------------------------------------------------------------------------- */

static int
prepare(struct sq_task *task)
{
        struct window *self = sq_state(task);
        struct sq_time wall = sq_wall(task);
        const char *why, *field;
        int columns;

        (void)read_lengths(self, &why);
        self->n = self->compute.n;
        self->aggregates = calloc(self->n, sizeof(*self->aggregates));
        if (!self->aggregates)
                return sq_error(task, "no memory for %zu aggregates", self->n);
        for (size_t i = 0; i < self->n; i++) {
                (void)read_aggregate(self->compute.values[i], &self->aggregates[i], &field);
                if (*field)
                        self->aggregates[i].column = column_of(self, field, self->n, &columns);
        }
        self->wall = wall.sec * 1000000000 + wall.nsec - (int64_t)sq_now(task);
        if (self->timed)
                (void)end_windows(task, self, position(task, self));
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
fold_in(struct cell *cell, enum kind kind, struct sq_value value)
{
        if (value.type == SQ_NIL)
                return true;
        if (kind == QUANTILE || kind == DISTINCT) {
                cell->n++;
                return sq_bag_put(&cell->bag, kind == QUANTILE ? sq_bag_ordered(value.as.f) : sq_bag_hash(value), 1,
                                  kind == DISTINCT);
        }
        fold(cell, kind, value);
        return true;
}

/* A window of tuples ends with the tuple that fills it. */
static bool
end_if_full(struct sq_task *task, const struct window *self, struct sq_str by, struct key *key)
{
        bool ok = true;

        if (++key->seen % self->step == 0) {
                ok = emit(task, by, key);
                expire(self, key, key->seen + self->step - self->length);
                if (!key->oldest)
                        sq_keyed_forget(task, by);
        }
        return ok;
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
        struct key *key = sq_keyed(task, by);
        struct pane *pane = pane_of(self, key, (self->timed ? now : key->seen) / self->pane);
        for (size_t i = 0; i < self->n && pane && ok; i++)
                ok = fold_in(&pane->cells[i], self->aggregates[i].kind, values[i]);
        if (pane && ok && !self->timed)
                ok = end_if_full(task, self, by, key);
        return pane && ok ? SQ_ACK : sq_fail(task, "no memory for a window");
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
                *ok = emit(task, by, key);
        return *ok;
}

static int
finish(struct sq_task *task)
{
        struct window *self = sq_state(task);
        bool ok = !self->timed || end_windows(task, self, position(task, self));

        if (ok)
                sq_keyed_each(task, emit_rest, &ok);
        return ok ? 0 : no_memory(task);
}

static bool
drop(struct sq_task *task, struct sq_str by, void *state, void *context)
{
        (void)by;
        (void)context;
        expire(sq_state(task), state, INT64_MAX);
        return true;
}

static void
cleanup(struct sq_task *task)
{
        struct window *self = sq_state(task);

        sq_keyed_each(task, drop, NULL);
        free(self->aggregates);
}

SQ_BOLT(window) = {
        .about =
                "Aggregates over tumbling or sliding windows, of time or of a number of tuples; what is unfinished at the drain goes out then.",
        .state = sizeof(struct window),
        .key_state = sizeof(struct key),
        .state_is_volatile = true,
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
};

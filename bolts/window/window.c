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
 * All of that is keyed state, owned by the key: an array of panes, and a map of the sketches. A key knows the end of
 * its next window, so that it goes on wherever it goes: windows that ended while there was no task go out at once.
 *
 * Quantiles and distinct values are sketches that merge: kit/bag.c.
 */
#include "window.h"

#include <math.h>
#include <stdlib.h>

/* ---- The end of a window ----------------------------------------------------------------------------- */

static struct sq_value
time_of(int64_t ns)
{
        return sq_time((struct sq_time){ns / 1000000000, (uint32_t)(ns % 1000000000)});
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
                ok = window_compute(task, key, i, &values[n++]);
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
        int64_t until = key->end + self->step - self->length;
        key->end += self->step;
        if (!window_expire(task, key, until))
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

/* ---- The bolt ---------------------------------------------------------------------------------------- */

static int
prepare(struct sq_task *task)
{
        struct window *self = sq_state(task);
        struct sq_time wall = sq_wall(task);

        if (window_read_settings(self) < 0)
                return sq_error(task, "no memory for %zu aggregates", self->n);
        self->wall = wall.sec * 1000000000 + wall.nsec - (int64_t)sq_now(task);
        self->layout = window_layout(self);
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

/* A window of tuples ends with the tuple that fills it. */
static bool
end_if_full(struct sq_task *task, const struct window *self, struct sq_str by, struct key *key)
{
        bool ok = true;

        if (++key->seen % self->step == 0) {
                ok = emit(task, by, key, 0);
                if (!window_expire(task, key, key->seen + self->step - self->length))
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
        struct pane *pane = window_pane_of(task, key, (self->timed ? now : key->seen) / self->pane);
        bool ok = true;

        for (size_t i = 0; i < self->n && ok; i++)
                ok = window_fold_in(task, key, pane, i, values[i]);
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
                if (window_compute(task, key, i, &value))
                        sq_show(task, self->compute.names[i], value);
}

static void
show(struct sq_task *task, struct sq_str by, const void *state)
{
        struct window *self = sq_state(task);
        bool prepared = self->aggregates != NULL;
        const struct key *key = state;

        if (!prepared && window_read_settings(self) < 0)
                return;
        sq_show_packed(task, by, 0);
        if (key->layout == window_layout(self)) /* else its panes are not as the settings say */
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
        .declare = window_declare,
        .prepare = prepare,
        .execute = execute,
        .tick = tick,
        .finish = finish,
        .cleanup = cleanup,
        .restored = restored,
        .show = show,
};

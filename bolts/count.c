/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `count`: how often each combination of some fields has come. The packed fields are the key, so counting is
 * one look-up. */
#include <squall.h>

enum { CHANGE, END, TICK };

struct count {
        struct sq_list by;
        int64_t emit;
        uint16_t nby; /* fields of a key; 0: as many as the first tuple will have */
        bool eager;   /* there is more to do for a tuple than to count it */
};

/* The count in all bits but the lowest, which says that it has changed since it was told. */
struct tally {
        uint64_t n_changed;
};

static void
declare_field(struct sq_declaration *decl, const char *name, enum sq_type type)
{
        sq_declare_in(decl, name, type);
        sq_declare_out(decl, 0, name, type);
}

static void
declare(struct sq_declaration *decl)
{
        const struct count *self = sq_declared_state(decl);
        struct sq_field field;

        for (size_t i = 0; i < self->by.n; i++)
                declare_field(decl, self->by.items[i], sq_declared_field(decl, 0, self->by.items[i]).type);
        for (unsigned i = 0; self->by.n == 0 && (field = sq_declared_input(decl, 0, i)).name; i++)
                declare_field(decl, field.name, field.type);
        sq_declare_out(decl, 0, "count", SQ_INT);
}

static int
prepare(struct sq_task *task)
{
        struct count *self = sq_state(task);

        self->nby = (uint16_t)self->by.n;
        self->eager = self->emit == CHANGE || self->nby == 0;
        return 0;
}

static void
emit(struct sq_task *task, struct sq_str key, const struct tally *tally)
{
        const struct count *self = sq_state(task);

        sq_emit(task, sq_splice(key, self->nby ? self->nby : sq_key_size(key)),
                sq_int((int64_t)(tally->n_changed >> 1)));
}

/* Out of execute()'s way, which has few registers to save then. */
static __attribute__((noinline)) void
after_count(struct sq_task *task, const struct sq_tuple *in, const struct tally *tally)
{
        struct count *self = sq_state(task);

        if (self->nby == 0)
                self->nby = (uint16_t)sq_tuple_size(in);
        self->eager = self->emit == CHANGE;
        if (self->eager)
                emit(task, sq_key(in), tally);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct count *self = sq_state(task);
        struct tally *tally = sq_keyed(task, sq_key(in));

        tally->n_changed = (tally->n_changed + 2) | 1;
        if (self->eager)
                after_count(task, in, tally);
        return SQ_ACK;
}

static bool
tell_changed(struct sq_task *task, struct sq_str key, void *state, void *context)
{
        struct tally *tally = state;

        (void)context;
        if (tally->n_changed & 1)
                emit(task, key, tally);
        tally->n_changed &= ~UINT64_C(1);
        return true;
}

static int
tick(struct sq_task *task)
{
        const struct count *self = sq_state(task);

        if (self->emit == TICK)
                sq_keyed_each(task, tell_changed, NULL);
        return 0;
}

static int
finish(struct sq_task *task)
{
        const struct count *self = sq_state(task);

        if (self->emit != CHANGE)
                sq_keyed_each(task, tell_changed, NULL);
        return 0;
}

/* What all keys are like, the first is. */
static bool
look_at_first(struct sq_task *task, struct sq_str key, void *state, void *context)
{
        (void)task;
        (void)state;
        *(unsigned *)context = sq_key_size(key);
        return false;
}

/* Keys are spliced into what goes out, as so many fields as `by` has. */
static int
restored(struct sq_task *task)
{
        const struct count *self = sq_state(task);
        unsigned size = self->nby;

        if (self->nby > 0)
                sq_keyed_each(task, look_at_first, &size);
        if (size == self->nby)
                return 0;
        return sq_error(task,
                        "its counts are of keys of %u fields, and `by` names %u (put that back, or kill the "
                        "topology and submit it anew)",
                        size, (unsigned)self->nby);
}

static void
show(struct sq_task *task, struct sq_str key, const void *state)
{
        const struct tally *tally = state;

        sq_show_packed(task, key, 0);
        sq_show(task, "count", sq_int((int64_t)(tally->n_changed >> 1)));
}

SQ_BOLT(count) = {
        .about = "How often each combination of the fields has come.",
        .state = sizeof(struct count),
        .key_state = sizeof(struct tally),
        .options =
                {
                        SQ_OPT_LIST(struct count, by, "the fields to count by; default: all"),
                        SQ_OPT_ENUM(
                                struct count, emit, "change|end|tick", "change",
                                "change: each new count; end: the totals at the drain; tick: what has changed since the last tick"),
                },
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .tick = tick,
        .finish = finish,
        .restored = restored,
        .show = show,
};

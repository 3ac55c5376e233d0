/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `count`: how often each combination of some fields has come. The packed fields are the key, so counting is one look-up. */
#include <squall.h>
#include <string.h>

enum { CHANGE, END, TICK };

struct count {
        struct sq_list by;
        int64_t emit;
        bool changes;
        uint16_t nby;
};

struct tally {
        uint64_t n : 63, changed : 1;
};

static struct sq_field
input_field(const struct sq_declaration *decl, const char *name)
{
        struct sq_field field = {NULL, SQ_ANY};
        unsigned place = 0;

        do
                field = sq_declared_input(decl, 0, place++);
        while (field.name && strcmp(field.name, name) != 0);
        return field;
}

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
                declare_field(decl, self->by.items[i], input_field(decl, self->by.items[i]).type);
        for (unsigned i = 0; self->by.n == 0 && (field = sq_declared_input(decl, 0, i)).name; i++)
                declare_field(decl, field.name, field.type);
        sq_declare_out(decl, 0, "count", SQ_INT);
}

static int
prepare(struct sq_task *task)
{
        struct count *self = sq_state(task);

        self->changes = self->emit == CHANGE;
        self->nby = (uint16_t)self->by.n;
        return 0;
}

static void
emit(struct sq_task *task, struct sq_str key, const struct tally *tally)
{
        const struct count *self = sq_state(task);

        sq_emit(task, sq_splice(key, self->nby), sq_int((int64_t)tally->n));
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct count *self = sq_state(task);
        struct sq_str key = sq_key(in);
        struct tally *tally = sq_keyed(task, key);

        tally->n++;
        tally->changed = 1;
        if (self->nby == 0)
                self->nby = (uint16_t)sq_tuple_size(in);
        if (self->changes)
                emit(task, key, tally);
        return SQ_ACK;
}

static bool
tell_changed(struct sq_task *task, struct sq_str key, void *state, void *context)
{
        struct tally *tally = state;

        (void)context;
        if (tally->changed)
                emit(task, key, tally);
        tally->changed = 0;
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
};

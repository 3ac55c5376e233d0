/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `sum`: adds a field up per word, or counts where none is named. With `delta` it emits what has come since it
 * last did, and forgets it: the first half of a sum in two steps, for keys so frequent that partial-key grouping deals
 * them to two tasks.
 */
#include <squall.h>

enum { WORD, AMOUNT };

struct sum {
        const char *of;
        bool delta;
};

struct total {
        int64_t n;
};

static void
declare(struct sq_declaration *decl)
{
        const struct sum *self = sq_declared_state(decl);

        sq_declare_in(decl, "word", SQ_STR);
        if (self->of)
                sq_declare_in(decl, self->of, SQ_INT);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct sum *self = sq_state(task);
        struct total *total = sq_keyed(task, sq_get_str(in, WORD));

        total->n += self->of ? sq_get_int(in, AMOUNT) : 1;
        return SQ_ACK;
}

static bool
emit(struct sq_task *task, struct sq_str word, void *state, void *context)
{
        const struct sum *self = sq_state(task);
        const struct total *total = state;

        (void)context;
        sq_emit(task, word, total->n);
        if (self->delta)
                sq_keyed_forget(task, word);
        return true;
}

static int
emit_all(struct sq_task *task)
{
        sq_keyed_each(task, emit, NULL);
        return 0;
}

SQ_BOLT(sum) = {
        .about = "Sums per word, whole or since the last tick.",
        .state = sizeof(struct sum),
        .key_state = sizeof(struct total),
        .options = {SQ_OPT_STR(struct sum, of, NULL, "the field to add up; default: each tuple counts 1"),
                    SQ_OPT_BOOL(struct sum, delta, false, "at each tick what has come since the last one")},
        .out = {{"word", SQ_STR}, {"count", SQ_INT}},
        .declare = declare,
        .execute = execute,
        .tick = emit_all,
        .finish = emit_all,
};

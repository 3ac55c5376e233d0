/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `sample`: a part of the tuples, by chance or in turn.
 *
 *     rate, by      the keys of which a hash is below the rate: with all their tuples, in every task and every run
 *     rate          tuples as a row of random numbers says that `seed` begins, one for each task and its restarts
 *     every, by     the first tuple of each key, and then every so many; the count is keyed state
 *
 * In keeping with `rate`, what a smaller one takes by key a larger one takes, too.
 */
#include <squall-kit.h>

struct sample {
        double rate;
        int64_t every, seed;
        struct sq_list by;

        uint64_t row, n; /* of random numbers: which, and how many were drawn */
};

/* The state of a key. */
struct turn {
        uint64_t n; /* since the last one that went out */
};

static void
declare(struct sq_declaration *decl)
{
        const struct sample *self = sq_declared_state(decl);

        if (!(self->rate >= 0 && self->rate <= 1))
                sq_declare_error(decl, "rate", "must be from 0 to 1");
        if (self->every < 0)
                sq_declare_error(decl, "every", "must be 1 or more");
        if (self->every > 0)
                sq_declare_unused(decl, "rate", "with `every`");
        if (self->every > 0)
                sq_declare_unused(decl, "seed", "with `every`, which leaves nothing to chance");
        for (size_t i = 0; i < self->by.n; i++)
                sq_declare_in(decl, self->by.items[i], sq_declared_field(decl, 0, self->by.items[i]).type);
        sq_declare_passing(decl);
}

static int
prepare(struct sq_task *task)
{
        struct sample *self = sq_state(task);

        self->row = sq_mix(sq_mix((uint64_t)self->seed + 1) + sq_index(task)) + sq_incarnation(task);
        return 0;
}

/* A number from 0 to below 1 made of 64 random bits. */
static double
part_of(uint64_t random)
{
        return (double)(random >> 11) * 0x1p-53;
}

/* Every so many: the first, and what comes so many after it. */
static bool
is_its_turn(struct sq_task *task, const struct sq_tuple *in)
{
        const struct sample *self = sq_state(task);
        struct turn *turn = sq_keyed(task, sq_key_of(in, (unsigned)self->by.n));
        bool passes = turn->n == 0;

        turn->n = turn->n + 1 < (uint64_t)self->every ? turn->n + 1 : 0;
        return passes;
}

static uint64_t
hash_of(const struct sample *self, struct sq_str key)
{
        return sq_mix(sq_bag_hash(sq_bin(key.ptr, key.len)) + sq_mix((uint64_t)self->seed));
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct sample *self = sq_state(task);
        bool passes;

        if (self->every)
                passes = is_its_turn(task, in);
        else if (self->by.n)
                passes = part_of(hash_of(self, sq_key_of(in, (unsigned)self->by.n))) < self->rate;
        else
                passes = part_of(sq_mix(self->row + sq_mix(++self->n))) < self->rate;
        if (passes)
                sq_emit_tuple(task, 0, in);
        return SQ_ACK;
}

static void
show(struct sq_task *task, struct sq_str key, const void *state)
{
        const struct turn *turn = state;

        sq_show_packed(task, key, 0);
        sq_show(task, "count", sq_uint(turn->n));
}

SQ_BOLT(sample) = {
        .about = "Passes on a part of the tuples: by chance, by key, or every so many.",
        .state = sizeof(struct sample),
        .key_state = sizeof(struct turn),
        .options =
                {
                        SQ_OPT_FLOAT(struct sample, rate, 1, "which part passes, from 0 (none) to 1 (all)"),
                        SQ_OPT_INT(struct sample, every, 0,
                                   "instead of `rate`: the first tuple passes, and then every so many"),
                        SQ_OPT_LIST(struct sample, by,
                                    "the fields of a key: with `rate` it is in or out as a whole, with `every` it is "
                                    "counted by itself; default: none, each tuple for itself"),
                        SQ_OPT_INT(struct sample, seed, 0, "another number takes another sample"),
                },
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .show = show,
};

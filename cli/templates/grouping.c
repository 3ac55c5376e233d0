/* SPDX-License-Identifier: Apache-2.0 */
/* The grouping `@component@`: a tuple goes to the tasks that the hash of its `args` leads to. Start here: what it
 * promises stands at the end of the file. */
#include <squall.h>

/* Settings and state of one group: a task that emits, and the tasks that read. The runtime zeroes it and fills in the
 * settings. */
struct hashed {
        int64_t copies;
};

static int
prepare(struct sq_task *sender, struct sq_group *group)
{
        const struct hashed *self = sq_group_state(group);

        if (self->copies < 1 || self->copies > sq_group_size(group))
                return sq_error(sender, "'copies' is 1 to the number of tasks, %u", sq_group_size(group));
        return 0;
}

/* Which targets get the tuple, each once: at least one, and each below sq_group_size(). */
static unsigned
choose(struct sq_task *sender, struct sq_group *group, const struct sq_tuple *tuple, unsigned *ret)
{
        const struct hashed *self = sq_group_state(group);
        unsigned size = sq_group_size(group), first = (unsigned)(sq_group_hash(group, tuple) % size), n = 0;

        (void)sender;
        for (; n < self->copies; n++)
                ret[n] = (first + n) % size;
        return n;
}

SQ_GROUPING(@ident@) = {
        .about = "By the hash of the fields of `args`, to so many tasks.",
        .state = sizeof(struct hashed),
        .options = {SQ_OPT_INT(struct hashed, copies, 1, "how many tasks get a tuple")},
        .prepare = prepare,
        .choose = choose,
        /* Does it promise that equal values of `args` go to one task, whatever happens? Only then may a bolt behind it
         * keep state by them under exactly-once. With `copies` above 1 they do not. */
        .keyed = false,
};

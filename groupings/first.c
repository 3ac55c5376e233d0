/* SPDX-License-Identifier: Apache-2.0 */
/* Storm's NGrouping: each of the first tasks gets every tuple, the others none. */
#include <squall.h>

struct first {
        int64_t tasks;
};

static int
prepare(struct sq_task *sender, struct sq_group *group)
{
        const struct first *self = sq_group_state(group);

        if (self->tasks < 1)
                return sq_error(sender, "'tasks' is at least 1, not %lld", (long long)self->tasks);
        return 0;
}

static unsigned
choose(struct sq_task *sender, struct sq_group *group, const struct sq_tuple *tuple, unsigned *ret)
{
        const struct first *self = sq_group_state(group);
        unsigned n = 0, size = sq_group_size(group);

        (void)sender;
        (void)tuple;
        for (; n < size && n < self->tasks; n++)
                ret[n] = n;
        return n;
}

SQ_GROUPING(first) = {
        .about = "Each of the first tasks gets every tuple, the others none (Storm's NGrouping).",
        .state = sizeof(struct first),
        .options = {SQ_OPT_INT(struct first, tasks, 1, "how many tasks get it")},
        .prepare = prepare,
        .choose = choose,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* A tuple goes where it waits least; in turn where that is the same, so an idle topology deals out evenly. */
#include <squall.h>

struct least_loaded {
        int64_t local;
        unsigned turn;
};

static unsigned
choose(struct sq_task *sender, struct sq_group *group, const struct sq_tuple *tuple, unsigned *ret)
{
        struct least_loaded *self = sq_group_state(group);
        unsigned size = sq_group_size(group), best = self->turn % size;
        uint64_t least = UINT64_MAX;

        (void)sender;
        (void)tuple;
        for (unsigned i = 0; i < size; i++) {
                unsigned target = (self->turn + i) % size;
                uint64_t wait = sq_group_wait(group, target);

                if (wait < UINT64_MAX && !sq_group_is_local(group, target))
                        wait += (uint64_t)self->local * 1000;
                if (wait < least) {
                        least = wait;
                        best = target;
                }
        }
        self->turn = best + 1;
        ret[0] = best;
        return 1;
}

SQ_GROUPING(least_loaded) = {
        .about = "A tuple goes to the task where it waits least.",
        .state = sizeof(struct least_loaded),
        .options = {SQ_OPT_INT(struct least_loaded, local, 0,
                               "us that a task in another worker must be quicker by to be preferred")},
        .choose = choose,
};

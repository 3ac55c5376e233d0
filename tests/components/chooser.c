/* SPDX-License-Identifier: Apache-2.0 */
/* A grouping by the hash of `args` that keeps its promise; or, as `wrong` says, one that does what no grouping may. */
#include <squall.h>

struct chooser {
        int64_t wrong, prepared;
};

enum { NOTHING, BEYOND, NONE, TWICE, EMITS, FAILS, TYPE };

static int
prepare(struct sq_task *sender, struct sq_group *group)
{
        struct chooser *self = sq_group_state(group);
        unsigned last = sq_group_size(group) - 1;

        self->prepared++;
        sq_log(sender, SQ_INFO, "%u targets, tasks %u to %u", last + 1, sq_group_task(group, 0),
               sq_group_task(group, last));
        return self->wrong == FAILS ? sq_error(sender, "no such grouping today") : 0;
}

static unsigned
choose(struct sq_task *sender, struct sq_group *group, const struct sq_tuple *tuple, unsigned *ret)
{
        const struct chooser *self = sq_group_state(group);
        unsigned size = sq_group_size(group);

        ret[0] = (unsigned)(sq_group_hash(group, tuple) % size);
        if (self->prepared != 1 || sq_get_int(tuple, 0) < 0)
                sq_log(sender, SQ_ERROR, "prepared %lld times", (long long)self->prepared);
        if (self->wrong == BEYOND)
                ret[0] = size;
        if (self->wrong == TWICE)
                ret[1] = ret[0];
        if (self->wrong == EMITS)
                sq_emit(sender, 1, 1);
        if (self->wrong == TYPE)
                (void)sq_get_str(tuple, 0);
        return self->wrong == NONE ? 0 : self->wrong == TWICE && size > 1 ? 2 : 1;
}

static void
cleanup(struct sq_task *sender, struct sq_group *group)
{
        struct chooser *self = sq_group_state(group);

        sq_log(sender, SQ_INFO, "the group of %u is cleaned up", sq_group_size(group));
        self->prepared = 0;
}

SQ_GROUPING(chooser) = {
        .about = "By hash, or wrongly.",
        .state = sizeof(struct chooser),
        .options = {SQ_OPT_ENUM(struct chooser, wrong, "nothing|beyond|none|twice|emits|fails|type", "nothing",
                                "what it does")},
        .prepare = prepare,
        .choose = choose,
        .cleanup = cleanup,
        .keyed = true,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tuple goes to the task whose wait is short and steady: of each the mean wait and how far it strays from that are
 * kept, by the estimator of TCP (RFC 6298: an eighth and a quarter of each difference), and the least of
 * mean + weight * deviation gets it. A task that stalls now and then is passed over although it is idle in between.
 */
#include <stdlib.h>

#include <squall.h>

struct estimate {
        double mean, deviation; /* of the wait, ns */
};

struct jitter_aware {
        double weight;
        unsigned turn;
        struct estimate *estimates; /* by target */
};

/* A channel that is full is a wait of which nobody knows how long it is. */
static const double FULL_NS = 1e9;

static int
prepare(struct sq_task *sender, struct sq_group *group)
{
        struct jitter_aware *self = sq_group_state(group);

        if (!(self->weight >= 0))
                return sq_error(sender, "'weight' is not below 0");
        self->estimates = calloc(sq_group_size(group), sizeof(*self->estimates));
        return self->estimates ? 0 : sq_error(sender, "out of memory");
}

static double
cost_of(const struct jitter_aware *self, struct estimate *estimate, uint64_t wait_ns)
{
        double wait = wait_ns == UINT64_MAX ? FULL_NS : (double)wait_ns, off = wait - estimate->mean;

        estimate->deviation += ((off < 0 ? -off : off) - estimate->deviation) / 4;
        estimate->mean += off / 8;
        return estimate->mean + self->weight * estimate->deviation;
}

static unsigned
choose(struct sq_task *sender, struct sq_group *group, const struct sq_tuple *tuple, unsigned *ret)
{
        struct jitter_aware *self = sq_group_state(group);
        unsigned size = sq_group_size(group), best = self->turn % size;
        double least = -1;

        (void)sender;
        (void)tuple;
        for (unsigned i = 0; i < size; i++) {
                unsigned target = (self->turn + i) % size;
                double cost = cost_of(self, &self->estimates[target], sq_group_wait(group, target));

                if (least < 0 || cost < least) {
                        least = cost;
                        best = target;
                }
        }
        self->turn = best + 1;
        ret[0] = best;
        return 1;
}

static void
cleanup(struct sq_task *sender, struct sq_group *group)
{
        struct jitter_aware *self = sq_group_state(group);

        (void)sender;
        free(self->estimates);
}

SQ_GROUPING(jitter_aware) = {
        .about = "A tuple goes to the task where its wait is short and steady.",
        .state = sizeof(struct jitter_aware),
        .options = {SQ_OPT_FLOAT(struct jitter_aware, weight, 4, "how much unsteadiness counts against a task")},
        .prepare = prepare,
        .choose = choose,
        .cleanup = cleanup,
};

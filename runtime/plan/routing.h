/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owns a key of a fields grouping, and can the keyed state of a bolt move from one plan to another? It goes where
 * the tuples of its keys go.
 *
 * The hash of a key leads to one of SQI_SLOTS slots, a slot to a task. The table of slots for n tasks is that for n - 1
 * tasks, from which task n - 1 took its equal share, as evenly as can be from each. So the shares of two tasks never
 * differ by more than a slot, the table depends on nothing but n, and from n to m tasks, either way, only the slots
 * move that must: those that the added tasks get, or that the removed had.
 */
#ifndef SQI_ROUTING_H
#define SQI_ROUTING_H

#include "plan/plan.h"

enum { SQI_SLOTS = SQI_PARALLELISM_MAX };

/* The owners of all slots among 1 to SQI_SLOTS tasks. */
void sqi_slots_deal(uint32_t ntasks, uint16_t ret[SQI_SLOTS]);

/* The slot of a key by its hash: the upper bits, for tables of keys use the lower. */
static inline uint32_t
sqi_slot_of(uint64_t hash)
{
        return (uint32_t)(hash >> 52);
}

/* What deals out the tuples of a component: the same number in two plans if all its inputs are grouped by fields of the
 * same names. 0: they are not all grouped by the same fields, so nobody can say which task would own a key. */
uint64_t sqi_routing(const struct sqi_plan *plan, const struct sqi_plan_component *component);

/*
 * Which tasks there are, and what goes from which to which: the same number in two plans if a batch of the one means
 * the same in the other. A stream that nobody reads is of no account: a component may get another one. Never 0.
 */
uint64_t sqi_wiring(const struct sqi_plan *plan);
/* Is it that number of the plan, or the one that it had once, with the streams that nobody reads? */
bool sqi_wiring_is(const struct sqi_plan *plan, uint64_t other);

/* What a snapshot has to do with a plan: the wiring with all streams, the types of their fields, and which components
 * they are, wherever they lie. It knows the plan that it was made under by this number. Never 0. */
uint64_t sqi_plan_mark(const struct sqi_plan *plan);

/* From `before` tasks by the routing `from` to `after` tasks by the routing `to`. */
bool sqi_routing_can_move(uint64_t from, uint32_t before, uint64_t to, uint32_t after);

#endif

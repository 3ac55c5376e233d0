/* SPDX-License-Identifier: Apache-2.0 */
/* Can the keyed state of a bolt move from one plan to another? It goes where the tuples of its keys go. */
#ifndef SQI_ROUTING_H
#define SQI_ROUTING_H

#include "topology/plan.h"

/* What deals out the tuples of a component: the same number in two plans if all its inputs are grouped by fields of the same names.
 * 0: they are not all grouped by the same fields, so nobody can say which task would own a key. */
uint64_t sqi_routing(const struct sqi_plan *plan, const struct sqi_plan_component *component);

/* From `before` tasks by the routing `from` to `after` tasks by the routing `to`. */
bool sqi_routing_can_move(uint64_t from, uint32_t before, uint64_t to, uint32_t after);

/* "keyed-": what the files of moved state begin with, in a run directory and in a state directory; then COMPONENT.INDEX. */
#define SQI_MOVED_PREFIX "keyed-"

#endif

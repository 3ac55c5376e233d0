/* SPDX-License-Identifier: Apache-2.0 */
/* Which task of a reader gets a tuple. Pure choices over a target; docs/wire.md fixes the hash for writers in other
 * languages. */
#ifndef SQI_GROUPING_H
#define SQI_GROUPING_H

#include "tuple/frame.h"
#include "task/collector.h"

/* The hash of the key fields' packed bytes: XXH3 (Y. Collet) of each, seeded with the one before, the first with 0.
 * Stable across runs and machines. */
uint64_t sqi_key_hash(const struct sqi_plan_edge *edge, const struct sqi_slice *tuple);

/* The outlet of `target` for this tuple (NULL where `by_tuple` is not set). Not for `all`, `direct` and `custom`. */
struct sqi_outlet *sqi_grouping_choose(struct sqi_target *target, const struct sqi_slice *tuple);

#endif

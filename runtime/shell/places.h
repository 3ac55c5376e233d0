/* SPDX-License-Identifier: Apache-2.0 */
/* Which task of the plan a task of Storm is, and the other way round: by the component, and its place among the sorted
 * ids of that component's tasks. */
#ifndef SQI_PLACES_H
#define SQI_PLACES_H

#include "plan/plan.h"

struct sqi_places {
        const struct sqi_plan *plan;
        int64_t *ids; /* of Storm, by task of the plan */
};

/* From the `task->component` of the handshake's context. 0; -EINVAL with the cause in `error`: it is not that of this
 * plan; -ENOMEM. */
int sqi_places_open(struct sqi_places *ret, const struct sqi_plan *plan, struct sq_value tasks, char *error,
                    size_t size);
void sqi_places_close(struct sqi_places *places);

/* The task of the plan, or -1. */
int64_t sqi_places_find(const struct sqi_places *places, struct sq_str component, int64_t id);

#endif

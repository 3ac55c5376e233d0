/* SPDX-License-Identifier: Apache-2.0 */
/* What a topology has that an Apache Storm cluster cannot do, for one that goes there. */
#ifndef SQI_ON_STORM_H
#define SQI_ON_STORM_H

#include "topology/model.h"

/* Before relative paths are made absolute: what is written must be a path of every node. */
void sqi_on_storm_path(struct sqi_model *model, const struct sqi_model_component *component, size_t setting,
                       const struct sq_option *option);
/* After all other checks. */
void sqi_check_on_storm(struct sqi_model *model);

#endif

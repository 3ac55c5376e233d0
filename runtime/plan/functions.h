/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of a topology: what its `drpc` spouts are asked by. */
#ifndef SQI_FUNCTIONS_H
#define SQI_FUNCTIONS_H

#include "plan/plan.h"

/* The component that has one, and its setting. */
#define SQI_FUNCTION_COMPONENT "drpc"
#define SQI_FUNCTION_SETTING "function"

/* Its name; NULL: the component is not a `drpc` spout. */
const char *sqi_plan_function(const struct sqi_plan_component *component);

/* The spout that answers it; NULL: none does. */
const struct sqi_plan_component *sqi_plan_find_function(const struct sqi_plan *plan, const char *function);

/* "a, b", as far as it fits; "none". Returns `buffer`. */
const char *sqi_plan_list_functions(const struct sqi_plan *plan, char *buffer, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/functions.h"

#include <stdio.h>
#include <string.h>

const char *
sqi_plan_function(const struct sqi_plan_component *component)
{
        if (component->kind != SQ_KIND_SPOUT || strcmp(component->component, SQI_FUNCTION_COMPONENT) != 0)
                return NULL;
        for (uint32_t i = 0; i < component->nsettings; i++)
                if (strcmp(component->settings[i].name, SQI_FUNCTION_SETTING) == 0 && component->settings[i].n == 1)
                        return component->settings[i].values[0];
        return NULL;
}

const struct sqi_plan_component *
sqi_plan_find_function(const struct sqi_plan *plan, const char *function)
{
        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                const char *name = sqi_plan_function(&plan->components[c]);

                if (name && strcmp(name, function) == 0)
                        return &plan->components[c];
        }
        return NULL;
}

const char *
sqi_plan_list_functions(const struct sqi_plan *plan, char *buffer, size_t size)
{
        size_t used = 0;

        snprintf(buffer, size, "none");
        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                const char *name = sqi_plan_function(&plan->components[c]);

                if (name && used < size)
                        used += (size_t)snprintf(buffer + used, size - used, "%s%s", used ? ", " : "", name);
        }
        return buffer;
}

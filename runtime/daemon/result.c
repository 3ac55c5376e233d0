/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/result.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/nearest.h"

void
sqi_refuse(struct sqi_result *result, enum sqi_status status, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(result->error, sizeof(result->error), format, args);
        va_end(args);
        result->status = status;
}

void
sqi_refuse_component(struct sqi_result *result, const struct sqi_plan *plan, const char *component)
{
        struct sqi_nearest nearest = sqi_nearest(component);
        char hint[SQI_HINT_SIZE];

        for (uint32_t c = 0; c < plan->ncomponents; c++)
                sqi_nearest_offer(&nearest, plan->components[c].id);
        sqi_refuse(result, SQI_STATUS_REFUSED, "the topology '%s' has no component '%s'%s", plan->name, component,
                   sqi_nearest_hint(&nearest, hint));
}

void
sqi_result_about(struct sqi_result *result, const char *name, const char *serial)
{
        snprintf(result->name, sizeof(result->name), "%s", name);
        snprintf(result->serial, sizeof(result->serial), "%s", serial);
        sqi_write_map(&result->writer, NULL);
        sqi_write_text(&result->writer, "topology", name);
        sqi_write_text(&result->writer, "serial", serial);
        sqi_write_end(&result->writer);
}

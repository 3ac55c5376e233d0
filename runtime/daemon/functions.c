/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/functions.h"

struct sqi_hosted *
sqi_functions_find(struct sqi_daemon *daemon, const char *function, const struct sqi_plan_component **ret_spout)
{
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next) {
                const struct sqi_plan *plan = hosted->discarded || !sqi_hosted_is_running(hosted)
                                                      ? NULL
                                                      : sqi_hosted_plan(hosted);
                const struct sqi_plan_component *spout = plan ? sqi_plan_find_function(plan, function) : NULL;

                if (spout) {
                        *ret_spout = spout;
                        return hosted;
                }
        }
        return NULL;
}

bool
sqi_functions_are_free(struct sqi_daemon *daemon, const struct sqi_hosted *old, const struct sqi_plan *plan,
                       struct sqi_result *result)
{
        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                const char *function = sqi_plan_function(&plan->components[c]);
                const struct sqi_plan_component *spout;
                const struct sqi_hosted *hosted = function ? sqi_functions_find(daemon, function, &spout) : NULL;

                if (!hosted || hosted == old)
                        continue;
                sqi_refuse(
                        result, SQI_STATUS_REFUSED,
                        "the function '%s' is that of the topology '%s' already, by its spout '%s' (kill that, or name the "
                        "function otherwise)",
                        function, hosted->record.name, spout->id);
                return false;
        }
        return true;
}

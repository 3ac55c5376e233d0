/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/tapping.h"

#include <string.h>

/* What the tasks of one component may show in a second is little for two processes, and much for who reads it. */
enum { LEASE_MS = 5000, BYTES_S = 2 << 20 };

void
sqi_tapping_answer(const struct sqi_hosted *hosted, struct sq_str component, struct sqi_result *result)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        const struct sqi_plan_component *tapped;
        bool running = sqi_hosted_is_running(hosted);
        char id[SQI_ID_MAX + 1] = "";

        if (component.len < sizeof(id) && component.len > 0)
                memcpy(id, component.ptr, component.len);
        tapped = plan ? sqi_plan_find(plan, id) : NULL;
        if (plan && !tapped) {
                sqi_refuse_component(result, plan, id);
                return;
        }
        if (running)
                sqi_running_tap(hosted->running, (uint32_t)(tapped - plan->components), LEASE_MS, BYTES_S);
        sqi_write_map(&result->writer, NULL);
        sqi_write_text(&result->writer, "state", sqi_hosted_state(hosted));
        sqi_write_bool(&result->writer, "running", running);
        sqi_write_text(&result->writer, "rundir", running ? sqi_running_rundir(hosted->running) : NULL);
        sqi_write_end(&result->writer);
}

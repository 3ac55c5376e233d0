/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/tapping.h"

/* What the tasks of one component may show in a second is little for two processes, and much for who reads it. */
enum { LEASE_MS = 5000, BYTES_S = 2 << 20 };
/* Tuple trees that a spout task follows in a second: to see some, and to cost nothing. */
enum { TREES_S = 10 };

void
sqi_tapping_order(const struct sqi_hosted *hosted, const struct sqi_plan_component *component, uint64_t bytes_s)
{
        uint32_t number = (uint32_t)(component - sqi_hosted_plan(hosted)->components);

        sqi_running_tap(hosted->running, number, LEASE_MS, bytes_s);
}

static void
answer_where(const struct sqi_hosted *hosted, bool running, struct sqi_result *result)
{
        sqi_write_map(&result->writer, NULL);
        sqi_write_text(&result->writer, "state", sqi_hosted_state(hosted));
        sqi_write_bool(&result->writer, "running", running);
        sqi_write_text(&result->writer, "rundir", running ? sqi_running_rundir(hosted->running) : NULL);
        sqi_write_end(&result->writer);
}

void
sqi_tapping_answer(const struct sqi_hosted *hosted, struct sq_str component, struct sqi_result *result)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        const struct sqi_plan_component *tapped;
        bool running = sqi_hosted_is_running(hosted);
        char id[SQI_ID_MAX + 1] = "";

        (void)sqi_argument_copy(component, id, sizeof(id));
        tapped = plan ? sqi_plan_find(plan, id) : NULL;
        if (plan && !tapped) {
                sqi_refuse_component(result, plan, id);
                return;
        }
        if (running)
                sqi_tapping_order(hosted, tapped, BYTES_S);
        answer_where(hosted, running, result);
}

void
sqi_tracing_answer(const struct sqi_hosted *hosted, struct sqi_result *result)
{
        bool running = sqi_hosted_is_running(hosted);

        if (running)
                sqi_running_trace(hosted->running, LEASE_MS, TREES_S);
        answer_where(hosted, running, result);
}

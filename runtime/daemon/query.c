/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/query.h"

#include <errno.h>
#include <string.h>

#include "base/nearest.h"
#include "base/random.h"
#include "daemon/hosted.h"
#include "daemon/waiters.h"
#include "supervisor/running.h"

/* ---- In a snapshot ----------------------------------------------------------------------------------- */

static void
tell_newest(const struct sqi_hosted *hosted, struct sqi_result *result)
{
        char path[PATH_MAX], error[PATH_MAX + 512] = "";
        const char *name = hosted->record.name;
        struct sqi_manifest manifest = {0};
        struct sqi_snapshots snapshots;

        sqi_hosted_snapshots(hosted, &snapshots);
        int r = sqi_snapshots_newest(&snapshots, &manifest, path, error, sizeof(error));
        if (r == -ENOENT)
                sqi_refuse(result, SQI_STATUS_FAILED,
                           "there is no snapshot of '%s' yet (with `topology.delivery: exactly-once` one is made every "
                           "topology.checkpoint.interval.ms)",
                           name);
        else if (r < 0)
                sqi_refuse(result, SQI_STATUS_FAILED, "%s", error[0] ? error : strerror(-r));
        if (r < 0)
                return;
        sqi_write_map(&result->writer, NULL);
        sqi_write_text(&result->writer, "path", path);
        sqi_write_uint(&result->writer, "epoch", manifest.epoch);
        sqi_write_end(&result->writer);
        sqi_manifest_free(&manifest);
}

/* ---- Live -------------------------------------------------------------------------------------------- */

/* NULL: it has none of that name, and that is said. */
static const struct sqi_plan_component *
find_component(const struct sqi_plan *plan, struct sq_str id, struct sqi_result *result)
{
        char name[SQI_ID_MAX + 1], hint[SQI_HINT_SIZE];

        snprintf(name, sizeof(name), "%.*s", (int)(id.len < sizeof(name) ? id.len : sizeof(name) - 1),
                 id.ptr ? id.ptr : "");
        const struct sqi_plan_component *component = sqi_plan_find(plan, name);
        struct sqi_nearest nearest = sqi_nearest(name);
        if (component)
                return component;
        for (uint32_t c = 0; c < plan->ncomponents; c++)
                sqi_nearest_offer(&nearest, plan->components[c].id);
        sqi_refuse(result, SQI_STATUS_REFUSED, "the topology '%s' has no component '%s'%s", plan->name, name,
                   sqi_nearest_hint(&nearest, hint));
        return NULL;
}

/* One whose worker is not up is asked in vain: the client asks again. */
static void
send_question(struct sqi_running *running, uint32_t task, uint64_t number, const struct sqi_request *request)
{
        uint32_t worker = sqi_running_plan(running)->tasks[task].worker;
        const struct sqi_message question = {.type = SQI_MSG_QUERY,
                                             .worker = worker,
                                             .incarnation = sqi_running_lifecycle(running)->workers[worker].incarnation,
                                             .task = task,
                                             .number = number,
                                             .a = request->after > 0 ? (uint64_t)request->after : 0,
                                             .b = request->limit > 0 ? (uint64_t)request->limit : 0,
                                             .text = request->key};

        (void)sqi_control_send(&running->control, &question, false);
        running->touched = true;
}

static void
ask(struct sqi_hosted *hosted, uint32_t task, const struct sqi_request *request, struct sqi_result *result)
{
        struct sqi_waiter *waiter = sqi_waiters_add(hosted->daemon, request, SQI_UNTIL_ANSWERED, result);

        if (!waiter)
                return;
        waiter->number = sqi_random();
        send_question(hosted->running, task, waiter->number, request);
}

void
sqi_query_ask(struct sqi_hosted *hosted, const struct sqi_request *request, struct sqi_result *result)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        const struct sqi_plan_component *component = plan ? find_component(plan, request->component, result) : NULL;

        if (!component) {
                if (!plan)
                        sqi_refuse(result, SQI_STATUS_FAILED, "the plan of '%s' cannot be read", hosted->record.name);
                return;
        }
        if (request->until.len == 4 && memcmp(request->until.ptr, "last", 4) == 0)
                tell_newest(hosted, result);
        else if (!sqi_hosted_is_running(hosted))
                sqi_refuse(result, SQI_STATUS_REFUSED,
                           "the topology '%s' is %s: no task is there to answer (--epoch last "
                           "looks into its newest snapshot)",
                           hosted->record.name, sqi_hosted_state(hosted));
        else if (!(request->index >= 0 && request->index < component->ntasks))
                sqi_refuse(result, SQI_STATUS_REFUSED, "the component '%s' has %u tasks", component->id,
                           component->ntasks);
        else
                ask(hosted, component->first_task + (uint32_t)request->index, request, result);
}

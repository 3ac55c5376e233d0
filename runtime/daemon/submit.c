/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/submit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "daemon/copying.h"
#include "daemon/functions.h"
#include "daemon/saving.h"

static void
fill_record(const struct sqi_daemon *daemon, const struct sqi_request *request, const struct sqi_plan *plan,
            struct sqi_record *ret)
{
        *ret = (struct sqi_record){.drain_secs = -1};
        snprintf(ret->name, sizeof(ret->name), "%s", plan->name);
        snprintf(ret->serial, sizeof(ret->serial), "%012llx", (unsigned long long)sqi_random() & 0xffffffffffffull);
        memcpy(ret->line, ret->serial, sizeof(ret->line));
        memcpy(ret->request, request->id, SQI_REQUEST_ID);
        ret->submitted = ret->began = (int64_t)time(NULL);
        sqi_daemon_rundir(daemon, ret->serial, ret->rundir);
}

/* One that has ended makes room; it was in the list only to be seen. */
static bool
make_room(struct sqi_hosted *old, struct sqi_result *result)
{
        if (sqi_hosted_is_running(old) || old->retry_at || sqi_saving_is_under_way(old)) {
                sqi_refuse(result, SQI_STATUS_REFUSED,
                           "a topology '%s' is %s already (kill it first, or submit with --name)", old->record.name,
                           sqi_hosted_state(old));
                return false;
        }
        return true;
}

static void
remove_snapshots(struct sqi_daemon *daemon, const struct sqi_record *record)
{
        struct sqi_snapshots snapshots;

        sqi_daemon_snapshots(daemon, record, &snapshots);
        sqi_daemon_remove_snapshots(daemon, &snapshots);
}

void
sqi_submit(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_plan **plan,
           struct sqi_result *result)
{
        struct sqi_hosted *old = sqi_daemon_find(daemon, (struct sq_str){(*plan)->name, strlen((*plan)->name)}),
                          *hosted;
        struct sqi_record record;

        if (old && memcmp(old->record.request, request->id, SQI_REQUEST_ID) == 0) {
                /* we, or the supervisor before us, did that and died before the answer */
                sqi_result_about(result, old->record.name, old->record.serial);
                return;
        }
        if ((old && !make_room(old, result)) || !sqi_functions_are_free(daemon, old, *plan, result))
                return;
        fill_record(daemon, request, *plan, &record);
        if (request->path.len > 0 && !sqi_copying_take(daemon, request, plan, &record, result))
                return; /* before the topology is there: one that is begins from it, whoever dies */
        if (sqi_state_add(&daemon->state, &record, *plan, request->source, result->error, sizeof(result->error)) < 0) {
                result->status = SQI_STATUS_FAILED;
                remove_snapshots(daemon, &record);
                return;
        }
        if (old)
                sqi_hosted_free(&old);
        hosted = sqi_hosted_new(daemon, &record);
        if (!hosted) {
                sqi_state_remove(&daemon->state, &record);
                sqi_refuse(result, SQI_STATUS_FAILED, "out of memory");
                return;
        }
        hosted->plan = *plan;
        *plan = NULL;
        sqi_result_about(result, record.name, record.serial);
        sqi_hosted_start(hosted);
}

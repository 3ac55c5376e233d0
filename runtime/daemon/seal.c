/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/seal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/checkpoints.h"
#include "daemon/daemon.h"
#include "daemon/hosted.h"
#include "daemon/snapshots.h"

struct seal_errand {
        struct sqi_errand errand; /* first: it is taken for it */
        struct sqi_hosted *hosted;
        struct sqi_snapshots snapshots;
        struct sqi_manifest manifest;
        uint64_t from; /* the snapshot that the run began from */
        char rundir[SQI_RUNDIR_SIZE];
        bool durable;
        char trouble[SQI_RECORD_CAUSE];
};

static int
run(struct sqi_errand *errand)
{
        struct seal_errand *it = (struct seal_errand *)errand;
        int r = sqi_snapshots_seal(&it->snapshots, &it->manifest, it->rundir, &it->durable, it->trouble,
                                   sizeof(it->trouble));

        if (it->durable)
                sqi_snapshots_prune(&it->snapshots, it->from);
        return r;
}

static void
note(struct sqi_hosted *hosted, bool durable, const char *trouble)
{
        snprintf(hosted->trouble, sizeof(hosted->trouble), "%s", trouble);
        hosted->unsealed = !durable;
        if (!durable)
                sqi_log_file_add(&hosted->log, SQ_ERROR, "supervisor", 0, hosted->trouble);
        if (!durable)
                sqi_daemon_tell(hosted->daemon, SQ_ERROR, hosted->record.name, "%s", hosted->trouble);
}

static void
end(struct sqi_errand *errand, int r)
{
        struct seal_errand *it = (struct seal_errand *)errand;

        (void)r;
        note(it->hosted, it->durable, it->trouble);
        sqi_manifest_free(&it->manifest);
        free(it);
}

int
sqi_seal(struct sqi_hosted *hosted, struct sqi_errand **ret)
{
        struct sqi_snapshots snapshots;
        struct seal_errand *it;
        int r;

        sqi_hosted_snapshots(hosted, &snapshots);
        if (sqi_plan_is_exact(sqi_running_plan(hosted->running)))
                return sqi_checkpoints_seal(snapshots.durable, hosted->running, ret);
        it = calloc(1, sizeof(*it));
        r = it ? sqi_checkpoints_list(hosted->running, hosted->epoch, &it->manifest) : -ENOMEM;
        if (r < 0) {
                char trouble[SQI_RECORD_CAUSE];

                snprintf(trouble, sizeof(trouble), "cannot write a snapshot: %s",
                         r == -EIO ? "a task had no room for its state, on disk and in the run directory"
                                   : strerror(-r));
                note(hosted, false, trouble);
                free(it);
                return r;
        }
        it->errand = (struct sqi_errand){.run = run, .end = end};
        it->hosted = hosted;
        it->snapshots = snapshots;
        it->from = hosted->from;
        snprintf(it->rundir, sizeof(it->rundir), "%s", hosted->record.rundir);
        *ret = &it->errand;
        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/seal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/checkpoints.h"
#include "daemon/snapshots.h"

int
sqi_seal(struct sqi_hosted *hosted)
{
        struct sqi_snapshots snapshots;
        struct sqi_manifest manifest = {0};
        bool durable = false;
        int r;

        sqi_hosted_snapshots(hosted, &snapshots);
        if (sqi_plan_is_exact(sqi_running_plan(hosted->running)))
                return sqi_checkpoints_seal(snapshots.durable, hosted->running);
        r = sqi_checkpoints_list(hosted->running, hosted->epoch, &manifest);
        if (r < 0)
                snprintf(hosted->trouble, sizeof(hosted->trouble), "cannot write a snapshot: %s",
                         r == -EIO ? "a task had no room for its state, on disk and in the run directory"
                                   : strerror(-r));
        else
                r = sqi_snapshots_seal(&snapshots, &manifest, hosted->record.rundir, &durable, hosted->trouble,
                                       sizeof(hosted->trouble));
        sqi_manifest_free(&manifest);
        hosted->unsealed = !durable;
        if (durable)
                sqi_snapshots_prune(&snapshots, hosted->from);
        return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/saving.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/hosted.h"
#include "daemon/savepoint.h"

int
sqi_saving_begin(struct sqi_hosted *hosted, const char *path, bool ends)
{
        hosted->saving = calloc(1, sizeof(*hosted->saving));
        if (!hosted->saving)
                return -ENOMEM;
        snprintf(hosted->saving->path, sizeof(hosted->saving->path), "%s", path);
        hosted->saving->ends = ends;
        return 0;
}

void
sqi_saving_about(struct sqi_hosted *hosted, const char *serial)
{
        if (hosted->saving)
                snprintf(hosted->saving->serial, sizeof(hosted->saving->serial), "%s", serial);
}

static void
note(struct sqi_hosted *hosted, const char *cause)
{
        struct sqi_daemon *daemon = hosted->daemon;
        struct sqi_saved *saved = &daemon->saved[daemon->nsaved++ % SQI_SAVED];

        memcpy(saved->serial, hosted->saving->serial, sizeof(saved->serial));
        snprintf(saved->cause, sizeof(saved->cause), "%s", cause);
        free(hosted->saving);
        hosted->saving = NULL;
}

void
sqi_saving_fail(struct sqi_hosted *hosted, const char *cause)
{
        if (hosted->saving)
                note(hosted, cause[0] ? cause : "the update that was to make it failed");
}

bool
sqi_saving_take(struct sqi_hosted *hosted)
{
        char source[PATH_MAX], cause[SQI_RECORD_CAUSE] = "";
        struct sqi_snapshots snapshots;

        if (!hosted->saving)
                return false;
        sqi_hosted_snapshots(hosted, &snapshots);
        sqi_state_path(&hosted->daemon->state, hosted->record.name, "topology.yaml", source);
        int r = sqi_savepoint_make(&snapshots, sqi_hosted_plan(hosted), source, hosted->saving->path, cause,
                                   sizeof(cause));
        bool ends = r == 0 && hosted->saving->ends;
        hosted->same = true;
        if (r < 0)
                sqi_daemon_tell(hosted->daemon, SQ_ERROR, hosted->record.name, "%s", cause);
        else
                sqi_daemon_tell(hosted->daemon, SQ_INFO, hosted->record.name, "savepoint %s", hosted->saving->path);
        note(hosted, cause);
        return ends;
}

/* Whoever is told that the savepoint is made may change the topology at once. */
static bool
goes_on(const struct sqi_hosted *hosted, const char *serial)
{
        return !hosted || !(hosted->updating || (strcmp(hosted->record.serial, serial) == 0 && hosted->record.trial &&
                                                 hosted->record.outcome == SQI_OUTCOME_NONE));
}

enum sqi_status
sqi_saving_look(const struct sqi_daemon *daemon, const struct sqi_hosted *hosted, const char *serial, char *error,
                size_t size)
{
        for (unsigned i = 0; i < SQI_SAVED; i++) {
                const struct sqi_saved *saved = &daemon->saved[i];

                if (!serial[0] || strcmp(saved->serial, serial) != 0)
                        continue;
                snprintf(error, size, "%s", saved->cause);
                if (saved->cause[0])
                        return SQI_STATUS_FAILED;
                return goes_on(hosted, serial) ? SQI_STATUS_DONE : SQI_STATUS_PENDING;
        }
        if (hosted && hosted->saving && strcmp(hosted->saving->serial, serial) == 0)
                return SQI_STATUS_PENDING;
        snprintf(error, size, "the supervisor was restarted meanwhile, or the topology has ended before it was done");
        return SQI_STATUS_FAILED;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/saving.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- Writing ----------------------------------------------------------------------------------------- */

struct saving_errand {
        struct sqi_errand errand; /* first: it is taken for it */
        struct sqi_hosted *hosted;
        struct sqi_snapshots snapshots;
        struct sqi_savepoint_order order; /* its plan and what may stop it are there until `end` */
        char source[PATH_MAX], path[PATH_MAX], cause[SQI_RECORD_CAUSE];
};

static int
run(struct sqi_errand *errand)
{
        struct saving_errand *it = (struct saving_errand *)errand;

        return sqi_savepoint_make(&it->order, it->cause, sizeof(it->cause));
}

static void
set_written(struct sqi_saving *saving, const char *cause)
{
        snprintf(saving->cause, sizeof(saving->cause), "%s", cause);
        saving->phase = SQI_SAVING_WRITTEN;
}

static void
end(struct sqi_errand *errand, int r)
{
        struct saving_errand *it = (struct saving_errand *)errand;

        set_written(it->hosted->saving, r == 0 ? "" : it->cause);
        free(it);
}

void
sqi_saving_write(struct sqi_hosted *hosted)
{
        struct sqi_saving *saving = hosted->saving;
        struct saving_errand *it = calloc(1, sizeof(*it));

        if (!it) {
                set_written(saving, "out of memory");
                return;
        }
        it->errand = (struct sqi_errand){.run = run, .end = end};
        it->hosted = hosted;
        sqi_hosted_snapshots(hosted, &it->snapshots);
        sqi_state_path(&hosted->daemon->state, hosted->record.name, "topology.yaml", it->source);
        memcpy(it->path, saving->path, sizeof(it->path));
        it->order = (struct sqi_savepoint_order){.snapshots = &it->snapshots,
                                                 .plan = sqi_running_plan(hosted->running),
                                                 .source = it->source,
                                                 .path = it->path,
                                                 .stop = &saving->stop};
        saving->phase = SQI_SAVING_WRITES;
        sqi_running_errand(hosted->running, &it->errand);
}

bool
sqi_saving_is_under_way(const struct sqi_hosted *hosted)
{
        return hosted->saving && hosted->saving->phase != SQI_SAVING_WAITS;
}

bool
sqi_saving_is_written(const struct sqi_hosted *hosted)
{
        return hosted->saving && hosted->saving->phase == SQI_SAVING_WRITTEN;
}

void
sqi_saving_stop(struct sqi_hosted *hosted)
{
        if (hosted->saving && hosted->saving->phase == SQI_SAVING_WRITES)
                atomic_store_explicit(&hosted->saving->stop, true, memory_order_relaxed);
}

bool
sqi_saving_take(struct sqi_hosted *hosted)
{
        const struct sqi_saving *saving = hosted->saving;
        bool made = !saving->cause[0], ends = made && saving->ends;
        char cause[SQI_RECORD_CAUSE];

        hosted->same = true;
        if (made)
                sqi_daemon_tell(hosted->daemon, SQ_INFO, hosted->record.name, "savepoint %s", saving->path);
        else
                sqi_daemon_tell(hosted->daemon, SQ_ERROR, hosted->record.name, "%s", saving->cause);
        memcpy(cause, saving->cause, sizeof(cause));
        note(hosted, cause);
        return ends;
}

/* ---- How it went ------------------------------------------------------------------------------------- */

/* Whoever is told that the savepoint is made may change the topology at once. */
static bool
goes_on(const struct sqi_hosted *hosted, const char *serial)
{
        return !hosted || hosted->daemon->stopping ||
               !(hosted->updating || (strcmp(hosted->record.serial, serial) == 0 && hosted->record.trial &&
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

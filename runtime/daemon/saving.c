/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/saving.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/exporting.h"
#include "daemon/savepoint.h"
#include "daemon/saved.h"

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

void
sqi_saving_drop(struct sqi_hosted *hosted)
{
        if (hosted->saving)
                sqi_savepoint_let_go(&hosted->saving->held);
        free(hosted->saving);
        hosted->saving = NULL;
}

static void
note(struct sqi_hosted *hosted, const char *cause)
{
        sqi_saved_note(hosted->daemon, hosted->saving->serial, cause);
        sqi_saving_drop(hosted);
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
        const struct sqi_plan *plan; /* this and `saving` are there until `end` */
        const struct sqi_saving *saving;
        struct sqi_savepoint_held *held;
        char source[PATH_MAX], cause[SQI_RECORD_CAUSE];
};

static int
run(struct sqi_errand *errand)
{
        struct saving_errand *it = (struct saving_errand *)errand;
        const struct sqi_saving *saving = it->saving;
        int r = sqi_savepoint_hold(&it->snapshots, it->plan, it->source, &it->held, it->cause, sizeof(it->cause));

        if (r == 0 && saving->ends) { /* it has nothing to go on with meanwhile, and goes on if there is none */
                r = sqi_savepoint_make(it->held, saving->path, &saving->stop, it->cause, sizeof(it->cause));
                sqi_savepoint_let_go(&it->held);
        }
        return r;
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

        it->hosted->saving->held = it->held;
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
        it->plan = sqi_running_plan(hosted->running);
        it->saving = saving;
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

/* It is made from here on while the topology goes on. False: it cannot be. */
static bool export(struct sqi_hosted *hosted)
{
        struct sqi_saving *saving = hosted->saving;

        if (sqi_export_begin(hosted, &saving->held, saving->path, saving->serial) < 0) {
                snprintf(saving->cause, sizeof(saving->cause), "out of memory");
                return false;
        }
        sqi_saving_drop(hosted);
        return true;
}

bool
sqi_saving_take(struct sqi_hosted *hosted)
{
        const struct sqi_saving *saving = hosted->saving;
        char cause[SQI_RECORD_CAUSE];
        bool ends;

        hosted->same = true;
        if (saving->held && export(hosted))
                return false;
        ends = saving->ends && !saving->cause[0];
        if (!saving->cause[0])
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
        const struct sqi_saved *saved;

        if (sqi_export_is_under_way(daemon, serial))
                return SQI_STATUS_PENDING;
        saved = sqi_saved_find(daemon, serial);
        if (saved) {
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/beginning.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"
#include "base/sealed.h"
#include "daemon/begun.h"
#include "daemon/checkpoints.h"
#include "daemon/positions.h"
#include "daemon/snapshots.h"
#include "daemon/sweep.h"
#include "supervisor/rundir.h"

/* Not those of a run whose state is lost: what could not be removed at its end goes first. */
static int
get_positions(struct sqi_hosted *hosted, uint64_t *ret_base, char *error, size_t size)
{
        struct sqi_state *state = &hosted->daemon->state;
        bool older = false;
        int r = hosted->outdated ? sqi_positions_drop(state, hosted->record.name) : 0;

        if (r < 0)
                return sqi_complain(r, error, size, "it lost state, and cannot be put back to its last snapshot: %s",
                                    strerror(-r));
        hosted->outdated = false;
        r = sqi_positions_get(state, hosted->record.name, ret_base, hosted->positions, hosted->ntasks, &older, error,
                              size);
        if (r == 0 && older)
                sqi_daemon_tell(hosted->daemon, SQ_WARN, hosted->record.name,
                                "where its spouts were is damaged; they go on from where they were a second before");
        return r;
}

/* An epoch that was begun and never sealed has used its number up. */
static int
skip_used(struct sqi_hosted *hosted, const struct sqi_snapshots *snapshots, char *error, size_t size)
{
        uint64_t first = 0;
        int r = sqi_checkpoints_first(snapshots->durable, &first);

        if (r < 0)
                return sqi_complain(r, error, size, "cannot read %s: %s", snapshots->durable, strerror(-r));
        if (first > hosted->epoch)
                hosted->epoch = first;
        return 0;
}

/*
 * From the newest snapshot, its state and its positions; or, if a run has begun from that one already and died without
 * one of its own, from where its spouts were and with no state: that of a task that died is gone. Under exactly-once
 * from the newest snapshot and nothing else, as often as it begins.
 */
int
sqi_beginning_find(struct sqi_hosted *hosted, char ret_restore[PATH_MAX], char *error, size_t size)
{
        struct sqi_manifest manifest = {0};
        struct sqi_snapshots snapshots;
        uint64_t base;
        int r;

        ret_restore[0] = '\0';
        hosted->ntasks = hosted->plan->ntasks;
        free(hosted->positions);
        hosted->positions = calloc(hosted->ntasks, sizeof(*hosted->positions));
        if (!hosted->positions)
                return -ENOMEM;
        r = get_positions(hosted, &base, error, size);
        if (r < 0)
                return r;
        sqi_hosted_snapshots(hosted, &snapshots);
        r = sqi_snapshots_newest(&snapshots, &manifest, ret_restore, error, size);
        if (r < 0 && r != -ENOENT)
                return r;
        hosted->from = r == 0 ? manifest.epoch : 0;
        hosted->anew = r == 0 && manifest.anew;
        hosted->missing = r == 0 ? manifest.missing : 0;
        hosted->epoch = (base != SQI_NEVER && base > hosted->from ? base : hosted->from) + 1;
        hosted->saved = false;
        bool exact = sqi_plan_is_exact(hosted->plan);
        if (r == 0 && base == manifest.epoch && !exact)
                ret_restore[0] = '\0';
        else if (r == 0)
                sqi_snapshots_positions(&manifest, hosted->plan, hosted->positions);
        else if (exact)
                memset(hosted->positions, 0, hosted->ntasks * sizeof(*hosted->positions));
        sqi_manifest_free(&manifest);
        return exact ? skip_used(hosted, &snapshots, error, size) : 0;
}

/* The folder that all are in goes with the last one, where nothing else of ours is in it. 1: it was made; 0: it was
 * there; or a negative errno. */
static int
make_rundir(const char *path)
{
        char base[SQI_RUNDIR_SIZE], error[SQI_RUNDIR_SIZE + 256];
        int r = mkdir(path, 0700) < 0 ? -errno : 1;

        if (r == -ENOENT && sqi_rundir_base(base, error, sizeof(error)) == 0)
                r = mkdir(path, 0700) < 0 ? -errno : 1;
        return r == -EEXIST ? 0 : r;
}

static int
cannot_make(int r, const char *rundir, char *error, size_t size)
{
        return sqi_complain(r, error, size, "cannot make the run directory %s: %s", rundir, strerror(-r));
}

static int
cannot_read(int r, const char *rundir, char *error, size_t size)
{
        return sqi_complain(r, error, size,
                            "%s/from: %s: whether what runs there was handed over is not known (remove that file, and "
                            "its workers are ended, and the topology goes on from its last snapshot and positions)",
                            rundir, sqi_sealed_reason(r));
}

/*
 * Each run directory says which snapshot its run began from, before it holds anything else. One that is older than the
 * newest has been handed over, and only its end was missed (but under exactly-once, where a run makes snapshots all
 * along); where it is not said, the directory was being removed. What those have counted, and whose keys they had, is
 * told by the snapshot.
 */
int
sqi_beginning_settle(struct sqi_hosted *hosted, char *error, size_t size)
{
        const char *rundir = hosted->record.rundir;

        for (bool swept = false;; swept = true) {
                int made = make_rundir(rundir);
                int folder = made < 0 ? -1 : open(rundir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                uint64_t from = 0;

                if (folder < 0)
                        return cannot_make(made < 0 ? made : -errno, rundir, error, size);
                int r = made ? sqi_begun_write(folder, hosted->from) : sqi_begun_read(folder, &from);
                close(folder);
                bool older = r == 0 && from < hosted->from && !sqi_plan_is_exact(hosted->plan);
                bool over = !made && (r == -ENOENT || older);
                if (!over && r < 0)
                        return made ? cannot_make(r, rundir, error, size) : cannot_read(r, rundir, error, size);
                if (!over)
                        return 0;
                if (swept)
                        return cannot_make(-EEXIST, rundir, error, size); /* it cannot be removed */
                sqi_sweep_rundir(hosted->daemon, rundir);
        }
}

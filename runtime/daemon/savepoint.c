/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/savepoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"
#include "base/sealed.h"
#include "control/snapshot_format.h"
#include "plan/routing.h"

enum { FILES = SQI_MANIFEST_FILE };

/* ---- Reading ----------------------------------------------------------------------------------------- */

static int
get_plan(int folder, struct sqi_plan **ret, char *error, size_t size)
{
        void *bytes;
        size_t length;
        bool torn;
        int r = sqi_sealed_read(folder, "plan", &bytes, &length, &torn);

        if (r < 0) {
                snprintf(error, size, "%s", sqi_sealed_reason(r));
                return r;
        }
        r = sqi_plan_decode(bytes, length, ret, error, size);
        free(bytes);
        return r;
}

/* An epoch has its own beside its files; one of an earlier version that of the run. */
static int
find_plan(int folder, struct sqi_savepoint *savepoint, char *error, size_t size, const char **where)
{
        int own = savepoint->running ? sqi_folder_open(AT_FDCWD, savepoint->path) : -ENOENT;
        int r = own < 0 ? -ENOENT : get_plan(own, &savepoint->plan, error, size);

        if (own >= 0)
                close(own);
        if (r != -ENOENT)
                *where = savepoint->path;
        return r == -ENOENT ? get_plan(folder, &savepoint->plan, error, size) : r;
}

/* Where the newest epoch in the folder `place` is. */
static int
find_epoch(const char *place, char ret[PATH_MAX], char *error, size_t size)
{
        struct sqi_snapshots snapshots = {.spare = ""};
        struct sqi_manifest manifest = {0};
        int r;

        snprintf(snapshots.durable, sizeof(snapshots.durable), "%s", place);
        r = sqi_snapshots_newest(&snapshots, &manifest, ret, error, size);
        sqi_manifest_free(&manifest);
        return r == -ENOENT ? sqi_complain(r, error, size, "%s is not a savepoint, and holds no epochs", place) : r;
}

/* What the manifest lists is of tasks that the plan has: a plan that was put there from elsewhere would have nothing of
 * it taken, and nobody would notice. */
static bool
is_of_its_plan(const struct sqi_savepoint *savepoint)
{
        const struct sqi_manifest *manifest = &savepoint->manifest;
        const struct sqi_plan *plan = savepoint->plan;
        uint32_t nfiles = 0, npositions = 0;
        char name[FILES];

        if (manifest->plan && manifest->plan != sqi_plan_mark(plan))
                return false;
        for (uint32_t t = 0; t < plan->ntasks; t++) {
                const struct sqi_plan_component *component = &plan->components[plan->tasks[t].component];
                uint32_t index = plan->tasks[t].index;

                snprintf(name, sizeof(name), "%s.%u", component->id, index);
                nfiles += sqi_manifest_find(manifest, name) != NULL;
                npositions += component->kind == SQ_KIND_SPOUT &&
                              sqi_manifest_position(manifest, component->id, index) != NULL;
        }
        return nfiles == manifest->nfiles && npositions == manifest->npositions;
}

int
sqi_savepoint_open(const char *path, const atomic_bool *stop, struct sqi_savepoint *ret, char *error, size_t size)
{
        struct sqi_savepoint savepoint = {0};
        int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
        const char *where = path;
        char cause[256] = "";
        struct stat about;

        if (folder < 0)
                return sqi_complain(-errno, error, size, "cannot open the savepoint %s: %s", path, strerror(errno));
        snprintf(savepoint.path, sizeof(savepoint.path), "%s", path);
        savepoint.running = faccessat(folder, "manifest", F_OK, 0) < 0;
        r = savepoint.running ? find_epoch(path, savepoint.path, error, size) : 0;
        if (r == 0)
                r = sqi_snapshots_verify(savepoint.path, stop, &savepoint.manifest, error, size);
        if (r == 0 && (r = find_plan(folder, &savepoint, cause, sizeof(cause), &where)) < 0)
                sqi_complain(r, error, size, "%s/plan cannot be read: %s", where, cause);
        if (r == 0 && !is_of_its_plan(&savepoint))
                r = sqi_complain(-EBADMSG, error, size,
                                 "%s/plan is of another topology than %s/manifest: its components, their parallelism, "
                                 "streams or groupings are others (put back the plan that was there)",
                                 where, savepoint.path);
        if (r == 0 && stat(savepoint.path, &about) == 0)
                savepoint.made = about.st_mtim.tv_sec;
        close(folder);
        if (r < 0)
                sqi_savepoint_close(&savepoint);
        else
                *ret = savepoint;
        return r;
}

void
sqi_savepoint_close(struct sqi_savepoint *savepoint)
{
        sqi_manifest_free(&savepoint->manifest);
        sqi_plan_free(&savepoint->plan);
}

/* ---- Beginning from it ------------------------------------------------------------------------------- */

/* What the tasks of a component have in it. Who had ended may have neither. */
struct held {
        bool keys, values;
        uint32_t over; /* so many had ended */
};

static struct held
look_into(const char *folder, const struct sqi_manifest *manifest, const struct sqi_plan_component *component)
{
        char name[FILES], path[PATH_MAX + FILES + 1];
        struct held held = {0};
        struct file_head head;

        for (uint32_t i = 0; i < component->ntasks; i++) {
                snprintf(name, sizeof(name), "%s.%u", component->id, i);
                if (!sqi_manifest_find(manifest, name))
                        continue;
                snprintf(path, sizeof(path), "%s/%s", folder, name);
                if (sqi_snapshot_look(AT_FDCWD, path, &head) < 0)
                        return (struct held){.keys = true, .values = true};
                held.keys |= head.nkeys > 0;
                held.values |= (head.flags & SQI_PART_VALUES) != 0;
                held.over += sqi_part_end(&head, manifest->anew) != 0;
        }
        return held;
}

static bool
has_position(const struct sqi_manifest *manifest, const struct sqi_plan_component *component)
{
        for (uint32_t i = 0; i < component->ntasks; i++)
                if (sqi_manifest_position(manifest, component->id, i))
                        return true;
        return false;
}

static const char *
obstacle_of_bolt(const struct sqi_savepoint *savepoint, const struct sqi_plan_component *old,
                 const struct sqi_plan *plan, const struct sqi_plan_component *new)
{
        const struct sqi_plan *before = savepoint->plan;
        struct held held = look_into(savepoint->path, &savepoint->manifest, old);

        if (!held.keys && !held.values)
                return NULL;
        if (!new || new->kind != SQ_KIND_BOLT)
                return held.keys ? "it has keys of the bolt '%s', which the topology does not have"
                                 : "it has values of the tasks of the bolt '%s', which the topology does not have";
        if (held.values && old->ntasks != new->ntasks)
                return "the bolt '%s' has another number of tasks, and each of them keeps values of its own, as a sink does that "
                       "stages: begin with as many as there were";
        if (held.keys &&
            !sqi_routing_can_move(sqi_routing(before, old), old->ntasks, sqi_routing(plan, new), new->ntasks))
                return old->ntasks == new->ntasks
                               ? "the inputs of the bolt '%s' are grouped by other fields now"
                               : "the bolt '%s' has another number of tasks, and its inputs are not all grouped by the same "
                                 "fields, so no task owns a key";
        return NULL;
}

static const char *
obstacle_of_spout(const struct sqi_plan_component *old, const struct sqi_plan_component *new)
{
        if (!new || new->kind != SQ_KIND_SPOUT)
                return "it has positions of the spout '%s', which the topology does not have";
        return old->ntasks == new->ntasks
                       ? NULL
                       : "the spout '%s' has another number of tasks, which could not go on from where "
                         "those were";
}

/* Batches that were under way are in it, and go to the tasks that they were meant for. */
static bool
is_same_shape(const struct sqi_plan *old, const struct sqi_plan *new)
{
        bool same = old->ncomponents == new->ncomponents;

        for (uint32_t c = 0; c < old->ncomponents && same; c++)
                same = strcmp(old->components[c].id, new->components[c].id) == 0 &&
                       old->components[c].kind == new->components[c].kind &&
                       old->components[c].ntasks == new->components[c].ntasks;
        return same;
}

int
sqi_savepoint_fits(const struct sqi_savepoint *savepoint, const struct sqi_plan *plan, char *error, size_t size)
{
        if (savepoint->running && !is_same_shape(savepoint->plan, plan))
                return sqi_complain(
                        -EINVAL, error, size,
                        "it cannot begin from %s: that is an epoch of a topology that was under way, with other "
                        "components or another parallelism (run it as it was, and make a savepoint of it)",
                        savepoint->path);
        if (savepoint->manifest.wiring && !sqi_wiring_is(plan, savepoint->manifest.wiring))
                return sqi_complain(
                        -EINVAL, error, size,
                        "it cannot begin from %s: that holds what was on its way between the tasks of another topology, whose "
                        "streams, fields or groupings are others (run it as it was, and make a savepoint of it, or tell it to end)",
                        savepoint->path);
        for (uint32_t c = 0; c < savepoint->plan->ncomponents; c++) {
                const struct sqi_plan_component *old = &savepoint->plan->components[c],
                                                *new = sqi_plan_find(plan, old->id);
                const char *why = NULL;
                char text[256];

                if (old->kind == SQ_KIND_BOLT)
                        why = obstacle_of_bolt(savepoint, old, plan, new);
                else if (old->kind == SQ_KIND_SPOUT && has_position(&savepoint->manifest, old))
                        why = obstacle_of_spout(old, new);
                if (!why)
                        continue;
                const char *id = strstr(why, "%s");
                snprintf(text, sizeof(text), "%.*s%s%s", (int)(id - why), why, old->id, id + 2);
                return sqi_complain(-EINVAL, error, size, "it cannot begin from %s: %s", savepoint->path, text);
        }
        return 0;
}

/* ---- Going on from what is there ---------------------------------------------------------------------- */

static const char *
why_not_moved(const struct held *held, const struct sqi_plan_component *old)
{
        if (held->values)
                return "each of its tasks keeps values of its own, as a sink does that stages";
        return held->over > 0 && held->over < old->ntasks ? "some of its tasks have ended, and others have not" : NULL;
}

int
sqi_savepoint_can_go_on(const struct sqi_snapshots *snapshots, const struct sqi_plan *before,
                        const struct sqi_plan *after, char *error, size_t size)
{
        char path[PATH_MAX], cause[256];
        struct sqi_manifest manifest = {0};
        int r = 0;

        if (sqi_snapshots_newest(snapshots, &manifest, path, cause, sizeof(cause)) < 0)
                return 0; /* whoever goes on from it says so */
        for (uint32_t c = 0; c < before->ncomponents && r == 0; c++) {
                const struct sqi_plan_component *old = &before->components[c], *new = sqi_plan_find(after, old->id);
                bool moves = old->kind == SQ_KIND_BOLT && new && old->ntasks != new->ntasks;
                struct held held = moves ? look_into(path, &manifest, old) : (struct held){0};
                const char *why = moves ? why_not_moved(&held, old) : NULL;

                if (why)
                        r = sqi_complain(
                                -EINVAL, error, size,
                                "the parallelism of the bolt '%s' cannot change, %u to %u: %s (leave it at %u, "
                                "or give the bolt another id, under which it begins without them)",
                                old->id, old->ntasks, new->ntasks, why, old->ntasks);
        }
        sqi_manifest_free(&manifest);
        return r;
}

int
sqi_savepoint_put(const struct sqi_savepoint *savepoint, const struct sqi_snapshots *snapshots, const atomic_bool *stop,
                  char *error, size_t size)
{
        return sqi_snapshots_adopt(snapshots, &savepoint->manifest, savepoint->path, stop, error, size);
}

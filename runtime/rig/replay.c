/* SPDX-License-Identifier: Apache-2.0 */
#include "rig/replay.h"

#include <stdio.h>

#include "rig/rig.h"
#include "squall-test.h"
#include "task/crash.h"

enum { BATCH_MAX = 1 << 30 };

/* Reads a file whole. NULL: see errno. */
static void *
read_whole(const char *path, size_t *ret_size)
{
        FILE *file = fopen(path, "re");
        uint8_t *bytes = NULL, *more;
        size_t size = 0, n;

        if (!file)
                return NULL;
        do {
                more = realloc(bytes, size + 65536);
                if (!more)
                        break;
                bytes = more;
                n = fread(bytes + size, 1, 65536, file);
                size += n;
        } while (n > 0);
        fclose(file);
        *ret_size = size;
        return bytes;
}

static int
read_plan(const char *folder, struct sqi_plan **ret, char *error, size_t error_size)
{
        char path[512];
        size_t size;

        snprintf(path, sizeof(path), "%s/plan", folder);
        void *bytes = read_whole(path, &size);
        int r = bytes ? sqi_plan_decode(bytes, size, ret, error, error_size) : -ENOENT;
        if (!bytes)
                snprintf(error, error_size, "%s: %s", path, strerror(errno));
        free(bytes);
        return r;
}

struct replay {
        struct sq_rig *rig;
        char task[128];
        sqi_replayed *told;
        void *context;
};

static void
tell(struct replay *replay)
{
        struct sq_rig *rig = replay->rig;

        for (size_t i = 0; i < rig->nlogs; i++)
                replay->told(replay->context, replay->task, NULL, rig->logs[i].text);
        for (size_t i = 0; i < rig->ncaught; i++) {
                const struct sqi_plan_stream *stream = sqi_rig_stream(rig, rig->caught[i].stream);
                char *json = sqi_rig_json(rig, &rig->caught[i], NULL);
                if (json)
                        replay->told(replay->context, replay->task, stream->id, json);
                free(json);
        }
        sqi_rig_forget(rig);
}

/* One recorded file: batches, each behind its length. The last one may be cut off: its worker has crashed. */
static int
feed_file(struct replay *replay, const uint8_t *bytes, size_t size, uint64_t *ret_batches)
{
        size_t at = 0;
        uint32_t len;

        while (size - at >= sizeof(len)) {
                memcpy(&len, bytes + at, sizeof(len));
                at += sizeof(len);
                if (len > size - at || len > BATCH_MAX)
                        break;
                int r = sqi_rig_feed_frame(replay->rig, bytes + at, len);
                if (r < 0)
                        return r;
                at += len;
                (*ret_batches)++;
                sqi_rig_settle(replay->rig);
                tell(replay);
        }
        return 0;
}

static int
replay_task(const char *folder, uint32_t task, struct replay *replay, uint64_t *ret_batches, char *error,
            size_t error_size)
{
        struct sqi_plan *plan;
        char path[600];
        size_t size;
        int r = read_plan(folder, &plan, error, error_size);

        if (r < 0)
                return r;
        const struct sqi_plan_component *component = &plan->components[plan->tasks[task].component];
        snprintf(path, sizeof(path), "%s/%s.%u", folder, component->id, plan->tasks[task].index);
        sqi_task_name(plan, task, replay->task, sizeof(replay->task));
        uint8_t *bytes = read_whole(path, &size);
        if (!bytes) {
                sqi_plan_free(&plan);
                return -ENOENT;
        }
        r = sqi_rig_open(&plan, task, NULL, &replay->rig, error, error_size);
        if (r == 0)
                r = feed_file(replay, bytes, size, ret_batches);
        if (r == -EBADMSG)
                snprintf(error, error_size, "%s: no recording of this topology", path);
        sq_rig_free(&replay->rig);
        free(bytes);
        return r;
}

int
sqi_replay(const char *folder, const char *only, sqi_replayed *told, void *context, uint64_t *ret_batches, char *error,
           size_t size)
{
        struct replay replay = {.told = told, .context = context};
        struct sqi_plan *plan;
        bool found = false;
        int r = read_plan(folder, &plan, error, size);

        if (r < 0)
                return r;
        sqi_crash_install();
        *ret_batches = 0;
        for (uint32_t t = 0; t < plan->ntasks && r == 0; t++) {
                const struct sqi_plan_component *component = &plan->components[plan->tasks[t].component];
                if (component->kind != SQ_KIND_BOLT || (only && strcmp(component->id, only) != 0))
                        continue;
                r = replay_task(folder, t, &replay, ret_batches, error, size);
                found |= r == 0;
                if (r == -ENOENT)
                        r = 0;
        }
        sqi_plan_free(&plan);
        if (r == 0 && !found) {
                snprintf(error, size, "%s: nothing recorded%s%s", folder, only ? " of " : "", only ? only : "");
                return -ENOENT;
        }
        return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/levels.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/invariant.h"
#include "supervisor/running.h"
#include "base/sealed.h"

/* ---- On disk ----------------------------------------------------------------------------------------- */

/* The file. Then `n` of struct sqi_level; before there were versions, they alone. */
struct levels_head {
        char magic[4]; /* "SQL" and the version */
        uint32_t n;
};
static const char magic[4] = {'S', 'Q', 'L', 1};

/* malloc'd. 0 or -ENOMEM. */
static int
encode(const struct sqi_levels *levels, void **ret_bytes, size_t *ret_size)
{
        struct levels_head head = {.n = levels->n};
        size_t size = levels->n * sizeof(*levels->items);
        char *bytes = malloc(sizeof(head) + size);

        if (!bytes)
                return -ENOMEM;
        memcpy(head.magic, magic, sizeof(magic));
        memcpy(bytes, &head, sizeof(head));
        memcpy(bytes + sizeof(head), levels->items, size);
        *ret_bytes = bytes;
        *ret_size = sizeof(head) + size;
        return 0;
}

/* Or its first bytes are those of a component's name, behind which there is a NUL. */
static bool
has_version(const char *bytes, size_t size)
{
        return size >= sizeof(struct levels_head) && memcmp(bytes, magic, sizeof(magic) - 1) == 0 && bytes[3] > 0 &&
               bytes[3] < ' ';
}

/* Where the items begin. 0, -EBADMSG or -EPROTO. */
static int
decode(const char *bytes, size_t size, size_t *ret_begin, uint32_t *ret_n)
{
        struct levels_head head;

        *ret_begin = 0;
        *ret_n = (uint32_t)(size / sizeof(struct sqi_level));
        if (!has_version(bytes, size))
                return size % sizeof(struct sqi_level) == 0 ? 0 : -EBADMSG;
        memcpy(&head, bytes, sizeof(head));
        if (head.magic[3] > magic[3])
                return -EPROTO;
        if (size != sizeof(head) + head.n * sizeof(struct sqi_level))
                return -EBADMSG;
        *ret_begin = sizeof(head);
        *ret_n = head.n;
        return 0;
}

static int
open_folder(const char *path)
{
        char copy[PATH_MAX];
        int fd;

        snprintf(copy, sizeof(copy), "%s", path);
        fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static int
save(const struct sqi_levels *levels, const char *path)
{
        const char *name = strrchr(path, '/') + 1;
        int folder = open_folder(path), r;
        void *bytes = NULL;
        size_t size;

        if (folder < 0)
                return folder;
        r = levels->n > 0 ? encode(levels, &bytes, &size) : sqi_sealed_remove(folder, name);
        if (bytes)
                r = sqi_sealed_write(folder, name, bytes, size);
        free(bytes);
        close(folder);
        return r;
}

int
sqi_levels_load(struct sqi_levels *levels, const char *path)
{
        int folder = open_folder(path), r = -ENOENT;
        void *bytes = NULL;
        size_t size = 0, begin = 0;
        uint32_t n = 0;
        bool torn;

        sqi_levels_free(levels);
        if (folder >= 0) {
                r = sqi_sealed_read(folder, strrchr(path, '/') + 1, &bytes, &size, &torn);
                close(folder);
        }
        if (r == 0)
                r = decode(bytes, size, &begin, &n);
        levels->later = r == -EPROTO;
        if (r < 0) {
                free(bytes);
                return r == -ENOENT ? 0 : r;
        }
        memmove(bytes, (char *)bytes + begin, size - begin);
        levels->items = bytes;
        levels->n = n;
        for (uint32_t i = 0; i < levels->n; i++)
                levels->items[i].component[SQI_ID_MAX] = '\0';
        return 0;
}

void
sqi_levels_free(struct sqi_levels *levels)
{
        free(levels->items);
        free(levels->told);
        *levels = (struct sqi_levels){.items = NULL};
}

/* ---- What was said ----------------------------------------------------------------------------------- */

static struct sqi_level *
find(const struct sqi_levels *levels, const char *component)
{
        for (uint32_t i = 0; i < levels->n; i++)
                if (strcmp(levels->items[i].component, component) == 0)
                        return &levels->items[i];
        return NULL;
}

enum sq_level
sqi_levels_of(const struct sqi_levels *levels, const char *component, double *ret_left)
{
        const struct sqi_level *item = find(levels, component);
        int64_t left = item ? item->until - (int64_t)time(NULL) : 0;

        *ret_left = left > 0 ? (double)left : 0;
        return left > 0 ? (enum sq_level)item->level : SQ_INFO;
}

static int
put(struct sqi_levels *levels, const char *component, enum sq_level level, double seconds)
{
        struct sqi_level *item = find(levels, component), *items;

        if (!item) {
                items = realloc(levels->items, (levels->n + 1) * sizeof(*items));
                if (!items)
                        return -ENOMEM;
                levels->items = items;
                item = &items[levels->n++];
        }
        *item = (struct sqi_level){.level = (uint8_t)level, .until = (int64_t)time(NULL) + (int64_t)(seconds + 0.5)};
        snprintf(item->component, sizeof(item->component), "%s", component);
        return 0;
}

static int
copy_items(const struct sqi_levels *levels, struct sqi_levels *ret)
{
        *ret = (struct sqi_levels){.n = levels->n, .items = malloc((levels->n + 1) * sizeof(*levels->items))};
        if (!ret->items)
                return -ENOMEM;
        if (levels->n > 0)
                memcpy(ret->items, levels->items, levels->n * sizeof(*levels->items));
        return 0;
}

/* On disk first: what could not be written down is not done. */
int
sqi_levels_set(struct sqi_levels *levels, const char *path, struct sqi_desk *desk, const struct sqi_plan *plan,
               const char *component, enum sq_level level, double seconds)
{
        struct sqi_levels changed;
        int r = copy_items(levels, &changed);
        bool found = false;

        if (r == 0 && levels->later)
                r = -EPROTO;
        for (uint32_t c = 0; r == 0 && c < plan->ncomponents; c++) {
                if (component && strcmp(plan->components[c].id, component) != 0)
                        continue;
                r = put(&changed, plan->components[c].id, level, level == SQ_INFO ? 0 : seconds);
                found = true;
        }
        if (r == 0 && !found)
                r = -ENOENT;
        sqi_desk_aside(desk);
        if (r == 0)
                r = save(&changed, path);
        sqi_desk_back(desk);
        if (r < 0) {
                free(changed.items);
                return r;
        }
        free(levels->items);
        levels->items = changed.items;
        levels->n = changed.n;
        for (uint32_t w = 0; w < levels->nworkers; w++)
                levels->told[w].told = false;
        return 0;
}

/* ---- Telling ----------------------------------------------------------------------------------------- */

static void
tell_task(const struct sqi_levels *levels, struct sqi_running *running, uint32_t task)
{
        const struct sqi_plan *plan = sqi_running_plan(running);
        sqi_assert(task < plan->ntasks);
        const struct sqi_level *item = find(levels, plan->components[plan->tasks[task].component].id);
        uint32_t worker = plan->tasks[task].worker;
        struct sqi_message message = {.type = SQI_MSG_LOG_LEVEL, .worker = worker, .task = task};
        double left;

        if (!item)
                return;
        message.incarnation = sqi_running_lifecycle(running)->workers[worker].incarnation;
        message.number = sqi_levels_of(levels, item->component, &left);
        message.a = (uint64_t)(left * 1e3);
        (void)sqi_control_send(&running->control, &message, false);
        running->touched = true;
}

static bool
make_room(struct sqi_levels *levels, uint32_t nworkers)
{
        if (levels->nworkers == nworkers)
                return true;
        free(levels->told);
        levels->told = calloc(nworkers, sizeof(*levels->told));
        levels->nworkers = levels->told ? nworkers : 0;
        return levels->told;
}

void
sqi_levels_tell(struct sqi_levels *levels, struct sqi_running *running)
{
        const struct sqi_plan *plan = sqi_running_plan(running);
        const struct sqi_lifecycle *life = sqi_running_lifecycle(running);

        if (levels->n == 0 || !make_room(levels, plan->nworkers))
                return;
        for (uint32_t w = 0; w < plan->nworkers; w++) {
                const struct sqi_life_worker *worker = &life->workers[w];
                struct sqi_told *told = &levels->told[w];

                if (worker->state != SQI_WORKER_ALIVE || !worker->started ||
                    (told->told && told->incarnation == worker->incarnation))
                        continue;
                *told = (struct sqi_told){.incarnation = worker->incarnation, .told = true};
                for (uint32_t t = 0; t < plan->ntasks; t++)
                        if (plan->tasks[t].worker == w)
                                tell_task(levels, running, t);
        }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "task/snapshot.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/sealed.h"
#include "control/manifest.h"
#include "plan/routing.h"
#include "task/task.h"

enum { SNAPSHOT_VERSION = 3, FILE_SIZE = SQI_MANIFEST_FILE, BUFFER = 1 << 16 };

/* Then `nkeys` times: struct key_head, the key, the state. Of this machine alone, in its byte order. */
struct file_head {
        char magic[4]; /* "SQK" and the version */
        uint32_t state_size, ntasks, index;
        uint64_t epoch, routing, nkeys;
};

struct key_head {
        uint64_t route;
        uint32_t len, zero;
};

static const struct file_head blank = {.magic = {'S', 'Q', 'K', SNAPSHOT_VERSION}};

static const char *
file_name(const struct sqi_plan_component *component, uint32_t index, char ret[FILE_SIZE])
{
        snprintf(ret, FILE_SIZE, "%s.%u", component->id, index);
        return ret;
}

/* ---- Writing ----------------------------------------------------------------------------------------- */

struct writing {
        int fd, error;
        uint64_t size;
        XXH3_state_t *sum;
        size_t n;
        uint8_t bytes[BUFFER];
};

static void
flush(struct writing *writing)
{
        if (writing->error == 0)
                writing->error = sqi_write_all(writing->fd, writing->bytes, writing->n);
        writing->n = 0;
}

static void
put(struct writing *writing, const void *bytes, size_t size)
{
        XXH3_64bits_update(writing->sum, bytes, size);
        writing->size += size;
        for (const uint8_t *at = bytes; size > 0 && writing->error == 0;) {
                size_t part = size < BUFFER - writing->n ? size : BUFFER - writing->n;

                memcpy(writing->bytes + writing->n, at, part);
                writing->n += part;
                at += part;
                size -= part;
                if (writing->n == BUFFER)
                        flush(writing);
        }
}

static void
put_keys(const struct sq_task *task, struct writing *writing)
{
        struct file_head head = blank;
        struct sq_str key;
        size_t cursor = 0;
        uint64_t route;
        void *state;

        head.state_size = (uint32_t)task->instance.code->bolt->key_state;
        head.ntasks = task->component->ntasks;
        head.index = task->plan->tasks[task->id].index;
        head.epoch = task->handover.epoch;
        head.routing = sqi_routing(task->plan, task->component);
        head.nkeys = sqi_keyed_count(task->instance.keyed);
        put(writing, &head, sizeof(head));
        while (sqi_keyed_step_routed(task->instance.keyed, &cursor, &key, &state, &route)) {
                const struct key_head it = {.route = route, .len = (uint32_t)key.len};

                put(writing, &it, sizeof(it));
                put(writing, key.ptr, key.len);
                put(writing, state, head.state_size);
        }
        flush(writing);
}

static int
write_to(const struct sq_task *task, const char *path, struct writing *writing)
{
        writing->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (writing->fd < 0)
                return -errno;
        writing->size = writing->n = 0;
        writing->error = 0;
        XXH3_64bits_reset(writing->sum);
        put_keys(task, writing);
        if (writing->error == 0 && fsync(writing->fd) < 0)
                writing->error = -errno;
        if (close(writing->fd) < 0 && writing->error == 0)
                writing->error = -errno;
        if (writing->error < 0)
                unlink(path); /* gives the room back */
        return writing->error;
}

/* In the folder, or else beside the run. */
static int
write_file(const struct sq_task *task, struct writing *writing)
{
        char path[sizeof(task->handover.folder) + FILE_SIZE + 1], name[FILE_SIZE];
        int r = -ENOENT, spare;

        file_name(task->component, task->plan->tasks[task->id].index, name);
        if (task->handover.folder[0]) {
                snprintf(path, sizeof(path), "%s/%s", task->handover.folder, name);
                r = write_to(task, path, writing);
        }
        if (r == 0)
                return 0;
        snprintf(path, sizeof(path), "%s/snapshot-%s", task->rundir, name);
        spare = write_to(task, path, writing);
        return spare < 0 ? r : 0;
}

void
sqi_snapshot_write(struct sq_task *task)
{
        struct sqi_message report = {.type = SQI_MSG_SNAPSHOT, .task = task->id, .number = task->handover.epoch};
        struct writing *writing = NULL;
        int r = 0;

        if (task->instance.keyed && sqi_keyed_count(task->instance.keyed) > 0) {
                writing = calloc(1, sizeof(*writing));
                r = writing && (writing->sum = XXH3_createState()) ? write_file(task, writing) : -ENOMEM;
        }
        if (r == 0 && writing) {
                report.a = writing->size;
                report.b = XXH3_64bits_digest(writing->sum);
        }
        if (r < 0)
                report.text = (struct sq_str){strerror(-r), strlen(strerror(-r))};
        if (writing)
                XXH3_freeState(writing->sum);
        free(writing);
        sqi_task_report(task, &report);
}

/* ---- Restoring --------------------------------------------------------------------------------------- */

struct reading {
        struct sq_task *task;
        const uint8_t *at, *end;
        struct file_head head;
        uint16_t owners[SQI_SLOTS];
};

/* A view of the next bytes; NULL: the file ends before. */
static const uint8_t *
take(struct reading *reading, size_t size)
{
        const uint8_t *at = reading->at;

        if ((size_t)(reading->end - at) < size)
                return NULL;
        reading->at += size;
        return at;
}

static bool
is_mine(const struct reading *reading, uint64_t route)
{
        const struct sq_task *task = reading->task;
        uint32_t index = task->plan->tasks[task->id].index;

        if (reading->head.ntasks == task->component->ntasks)
                return reading->head.index == index;
        return reading->owners[sqi_slot_of(route)] == index;
}

static int
take_key(struct reading *reading)
{
        struct sq_task *task = reading->task;
        const uint8_t *head = take(reading, sizeof(struct key_head)), *key, *from;
        struct key_head it;
        void *state;

        if (!head)
                return -EBADMSG;
        memcpy(&it, head, sizeof(it));
        key = take(reading, it.len);
        from = key ? take(reading, reading->head.state_size) : NULL;
        if (!from)
                return -EBADMSG;
        if (!is_mine(reading, it.route))
                return 0;
        if (!task->instance.keyed)
                task->instance.keyed = sqi_keyed_new(task->instance.code->bolt->key_state);
        state = task->instance.keyed ? sqi_keyed_get(task->instance.keyed, (struct sq_str){(const char *)key, it.len})
                                     : NULL;
        if (!state)
                return -ENOMEM;
        sqi_keyed_route_last(task->instance.keyed, it.route);
        memcpy(state, from, reading->head.state_size);
        return 0;
}

static int
take_keys(struct reading *reading)
{
        struct sq_task *task = reading->task;
        const uint8_t *head = take(reading, sizeof(reading->head));
        int r = 0;

        if (!head || memcmp(head, blank.magic, sizeof(blank.magic)) != 0)
                return -EBADMSG;
        memcpy(&reading->head, head, sizeof(reading->head));
        if (reading->head.state_size != task->instance.code->bolt->key_state ||
            !sqi_routing_can_move(reading->head.routing, reading->head.ntasks, sqi_routing(task->plan, task->component),
                                  task->component->ntasks)) {
                sq_log(task, SQ_WARN, "the state of the version before does not fit: it begins from nothing");
                return 0;
        }
        for (uint64_t i = 0; i < reading->head.nkeys && r == 0; i++)
                r = take_key(reading);
        return r;
}

/* Only what the manifest means is believed. */
static int
read_file(struct sq_task *task, int folder, const struct sqi_manifest_file *file)
{
        struct reading reading = {.task = task};
        int fd = openat(folder, file->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), r = -EBADMSG;
        void *bytes = MAP_FAILED;
        struct stat about;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &about) < 0)
                r = -errno;
        else if ((uint64_t)about.st_size == file->size && file->size > 0 &&
                 (bytes = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
                r = -errno;
        close(fd);
        if (bytes == MAP_FAILED)
                return r;
        if (XXH3_64bits(bytes, file->size) == file->sum) {
                reading.at = bytes;
                reading.end = reading.at + file->size;
                sqi_slots_deal(task->component->ntasks, reading.owners);
                r = take_keys(&reading);
        }
        munmap(bytes, file->size);
        return r;
}

/* COMPONENT.INDEX: an id may hold dots itself. */
static bool
is_ours(const struct sq_task *task, const char *name)
{
        size_t id = strlen(task->component->id);

        return strncmp(name, task->component->id, id) == 0 && name[id] == '.' &&
               strspn(name + id + 1, "0123456789") == strlen(name + id + 1);
}

static int
refuse(struct sq_task *task, const char *file, int r)
{
        return sqi_task_fail(task, r, "cannot restore the snapshot %s/%s: %s", task->handover.restore, file,
                             r == -EBADMSG  ? "the file is damaged, or is another than the snapshot's"
                             : r == -ENOENT ? "the file is missing"
                                            : strerror(-r));
}

int
sqi_snapshot_restore(struct sq_task *task)
{
        struct sqi_manifest manifest = {0};
        const char *name = "manifest";
        int folder, r = 0;

        if (!task->handover.restore[0])
                return 0;
        folder = open(task->handover.restore, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = folder < 0 ? -errno : sqi_manifest_read(folder, &manifest);
        for (uint32_t i = 0; i < manifest.nfiles && r == 0; i++) {
                if (!is_ours(task, manifest.files[i].name))
                        continue;
                name = manifest.files[i].name;
                r = read_file(task, folder, &manifest.files[i]);
        }
        if (r < 0)
                r = refuse(task, name, r);
        sqi_manifest_free(&manifest);
        if (folder >= 0)
                close(folder);
        return r;
}

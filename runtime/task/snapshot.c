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

enum { SNAPSHOT_VERSION = 4, FIRST_VERSION = 3, FILE_SIZE = SQI_MANIFEST_FILE, BUFFER = 1 << 16 };

/* Then `nkeys` times: struct key_head, the key, the state, what the key owns. Of this machine alone, in its byte order. Version 3 ended
 * before `state_version`, which is 0 there. */
struct file_head {
        char magic[4]; /* "SQK" and the version */
        uint32_t state_size, ntasks, index;
        uint64_t epoch, routing, nkeys;
        uint32_t state_version, zero;
};

struct key_head {
        uint64_t route;
        uint32_t len, nparts;
};

/* Of what a key owns (owned.h). Then `nblocks` times: struct block_head, the key, the bytes. */
struct part_head {
        uint32_t number, zero;
        uint64_t nblocks, begin, end, element;
};

struct block_head {
        uint64_t len, size;
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
put_part(struct writing *writing, const struct sqi_part *part)
{
        const struct part_head head = {part->number, 0, part->nblocks, part->begin, part->end, part->element};

        put(writing, &head, sizeof(head));
        for (struct sqi_block *block = part->first; block; block = block->next) {
                const struct block_head it = {block->len, block->size};

                put(writing, &it, sizeof(it));
                put(writing, block->key, block->len);
                put(writing, sqi_block_bytes(block), block->size);
        }
}

static void
put_key(const struct sq_task *task, struct writing *writing, struct sq_str key, const void *state, uint64_t route)
{
        const struct sqi_part *parts = *sqi_keyed_parts(task->instance.keyed, state);
        struct key_head head = {.route = route, .len = (uint32_t)key.len};

        for (const struct sqi_part *part = parts; part; part = part->next)
                head.nparts++;
        put(writing, &head, sizeof(head));
        put(writing, key.ptr, key.len);
        put(writing, state, task->instance.code->bolt->key_state);
        for (const struct sqi_part *part = parts; part; part = part->next)
                put_part(writing, part);
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
        head.state_version = task->instance.code->bolt->state_version;
        put(writing, &head, sizeof(head));
        while (sqi_keyed_step_routed(task->instance.keyed, &cursor, &key, &state, &route))
                put_key(task, writing, key, state, route);
        flush(writing);
}

static void
write_all(const struct sq_task *task, struct writing *writing)
{
        writing->size = writing->n = 0;
        writing->error = 0;
        XXH3_64bits_reset(writing->sum);
        put_keys(task, writing);
}

static int
write_to(const struct sq_task *task, const char *path, struct writing *writing)
{
        writing->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (writing->fd < 0)
                return -errno;
        write_all(task, writing);
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

static struct writing *
new_writing(void)
{
        struct writing *writing = calloc(1, sizeof(*writing));

        if (writing && !(writing->sum = XXH3_createState())) {
                free(writing);
                writing = NULL;
        }
        return writing;
}

static void
free_writing(struct writing *writing)
{
        if (writing)
                XXH3_freeState(writing->sum);
        free(writing);
}

static bool
has_keys(const struct sq_task *task)
{
        return task->instance.keyed && sqi_keyed_count(task->instance.keyed) > 0;
}

void
sqi_snapshot_write(struct sq_task *task)
{
        struct sqi_message report = {.type = SQI_MSG_SNAPSHOT, .task = task->id, .number = task->handover.epoch};
        struct writing *writing = NULL;
        int r = 0;

        if (has_keys(task)) {
                writing = new_writing();
                r = writing ? write_file(task, writing) : -ENOMEM;
        }
        if (r == 0 && writing) {
                report.a = writing->size;
                report.b = XXH3_64bits_digest(writing->sum);
        }
        if (r < 0)
                report.text = (struct sq_str){strerror(-r), strlen(strerror(-r))};
        free_writing(writing);
        sqi_task_report(task, &report);
}

int
sqi_snapshot_save(const struct sq_task *task, int fd)
{
        struct writing *writing;
        int r;

        if (!has_keys(task))
                return 0;
        writing = new_writing();
        if (!writing)
                return -ENOMEM;
        writing->fd = fd;
        write_all(task, writing);
        r = writing->error;
        free_writing(writing);
        return r;
}

/* ---- Restoring --------------------------------------------------------------------------------------- */

struct reading {
        struct sq_task *task;
        const uint8_t *at, *end;
        struct file_head head;
        bool migrates; /* from another version of the state */
        void *old;     /* such a state, aligned */
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
take_state(struct reading *reading, struct sq_str key, const uint8_t *from, void *state)
{
        struct sq_task *task = reading->task;

        if (!reading->migrates) {
                memcpy(state, from, reading->head.state_size);
                return 0;
        }
        memcpy(reading->old, from, reading->head.state_size);
        if (task->instance.code->bolt->migrate(task, reading->head.state_version, key, reading->old,
                                               reading->head.state_size, state) == 0)
                return 0;
        task->final = true;
        return sqi_task_fail(task, -EIO, "%s", task->error[0] ? task->error : "migrate failed without sq_error()");
}

static int
take_block(struct reading *reading, struct sqi_part *part)
{
        const uint8_t *head = take(reading, sizeof(struct block_head)), *key, *from;
        struct block_head it;
        void *bytes;

        if (!head)
                return -EBADMSG;
        memcpy(&it, head, sizeof(it));
        key = take(reading, it.len);
        from = key ? take(reading, it.size) : NULL;
        if (!from)
                return -EBADMSG;
        if (!part)
                return 0;
        bytes = sqi_block_get(sqi_keyed_owned(reading->task->instance.keyed), part,
                              (struct sq_str){(const char *)key, it.len}, it.size);
        if (!bytes)
                return -ENOMEM;
        memcpy(bytes, from, it.size);
        return 0;
}

/* `state` NULL: the key is another task's. */
static int
take_part(struct reading *reading, const void *state)
{
        const uint8_t *head = take(reading, sizeof(struct part_head));
        struct sqi_part *part = NULL;
        struct part_head it;
        int r = 0;

        if (!head)
                return -EBADMSG;
        memcpy(&it, head, sizeof(it));
        if (state) {
                struct sqi_keyed *keyed = reading->task->instance.keyed;

                part = sqi_keyed_owned(keyed) ? sqi_part_get(sqi_keyed_parts(keyed, state), it.number) : NULL;
                if (!part)
                        return -ENOMEM;
                part->begin = it.begin;
                part->end = it.end;
                part->element = it.element;
        }
        for (uint64_t i = 0; i < it.nblocks && r == 0; i++)
                r = take_block(reading, part);
        return r;
}

static int
make_key(struct reading *reading, struct sq_str key, uint64_t route, void **ret_state)
{
        struct sq_task *task = reading->task;
        void *state;

        if (!task->instance.keyed)
                task->instance.keyed = sqi_keyed_new(task->instance.code->bolt->key_state);
        state = task->instance.keyed ? sqi_keyed_get(task->instance.keyed, key) : NULL;
        if (!state)
                return -ENOMEM;
        sqi_keyed_route_last(task->instance.keyed, route);
        *ret_state = state;
        return 0;
}

static int
take_key(struct reading *reading)
{
        const uint8_t *head = take(reading, sizeof(struct key_head)), *bytes, *from;
        void *state = NULL;
        struct key_head it;
        struct sq_str key;
        int r = 0;

        if (!head)
                return -EBADMSG;
        memcpy(&it, head, sizeof(it));
        bytes = take(reading, it.len);
        from = bytes ? take(reading, reading->head.state_size) : NULL;
        if (!from)
                return -EBADMSG;
        key = (struct sq_str){(const char *)bytes, it.len};
        if (is_mine(reading, it.route))
                r = make_key(reading, key, it.route, &state);
        for (uint32_t i = 0; i < it.nparts && r == 0; i++)
                r = take_part(reading, state);
        return r == 0 && state ? take_state(reading, key, from, state) : r;
}

static int
take_head(struct reading *reading)
{
        const uint8_t *head = take(reading, offsetof(struct file_head, state_version));
        const uint8_t *rest = NULL;

        if (!head || memcmp(head, blank.magic, 3) != 0 || head[3] < FIRST_VERSION || head[3] > SNAPSHOT_VERSION)
                return -EBADMSG;
        memcpy(&reading->head, head, offsetof(struct file_head, state_version));
        if (head[3] == FIRST_VERSION)
                return 0;
        rest = take(reading, sizeof(reading->head) - offsetof(struct file_head, state_version));
        if (!rest)
                return -EBADMSG;
        memcpy(&reading->head.state_version, rest, sizeof(reading->head.state_version));
        return 0;
}

static bool
fits(const struct reading *reading)
{
        const struct sq_task *task = reading->task;
        const struct sq_bolt *bolt = task->instance.code->bolt;

        return sqi_bolt_takes(bolt, reading->head.state_version, reading->head.state_size) &&
               sqi_routing_can_move(reading->head.routing, reading->head.ntasks,
                                    sqi_routing(task->plan, task->component), task->component->ntasks);
}

static int
take_keys(struct reading *reading)
{
        struct sq_task *task = reading->task;
        int r = take_head(reading);

        if (r < 0)
                return r;
        if (!fits(reading)) {
                sq_log(task, SQ_WARN, "the state of the version before does not fit: it begins from nothing");
                return 0;
        }
        reading->migrates = reading->head.state_version != task->instance.code->bolt->state_version;
        reading->old = reading->migrates ? malloc((size_t)reading->head.state_size + 1) : NULL;
        if (reading->migrates && !reading->old)
                return -ENOMEM;
        for (uint64_t i = 0; i < reading->head.nkeys && r == 0; i++)
                r = take_key(reading);
        free(reading->old);
        return r == 0 ? sqi_timers_find(task) : r;
}

/* `file`: what the manifest means by it; NULL: what is there is believed. */
static int
read_fd(struct sq_task *task, int fd, const struct sqi_manifest_file *file)
{
        struct reading reading = {.task = task};
        struct stat about;
        size_t size;
        void *bytes;
        int r = -EBADMSG;

        if (fstat(fd, &about) < 0)
                return -errno;
        size = (size_t)about.st_size;
        if (size == 0 || (file && size != file->size))
                return -EBADMSG;
        bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED)
                return -errno;
        if (!file || XXH3_64bits(bytes, size) == file->sum) {
                reading.at = bytes;
                reading.end = reading.at + size;
                sqi_slots_deal(task->component->ntasks, reading.owners);
                r = take_keys(&reading);
        }
        munmap(bytes, size);
        return r;
}

/* Only what the manifest means is believed. */
static int
read_file(struct sq_task *task, int folder, const struct sqi_manifest_file *file)
{
        int fd = openat(folder, file->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), r;

        if (fd < 0)
                return -errno;
        r = read_fd(task, fd, file);
        close(fd);
        return r;
}

/* All files are read: the component's word on it. */
static int
restored(struct sq_task *task)
{
        int (*callback)(struct sq_task * task) = task->instance.code->bolt->restored;

        if (!has_keys(task) || !callback || callback(task) == 0)
                return 0;
        task->final = true;
        return sqi_task_fail(task, -EIO, "%s", task->error[0] ? task->error : "restored failed without sq_error()");
}

int
sqi_snapshot_load(struct sq_task *task, int fd)
{
        int r = lseek(fd, 0, SEEK_END) == 0 ? 0 : read_fd(task, fd, NULL);

        if (r == 0)
                r = restored(task);
        return r < 0 ? sqi_task_fail(task, r, "cannot restore the snapshot: %s", strerror(-r)) : 0;
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
        if (r == 0)
                r = restored(task);
        if (r < 0)
                r = refuse(task, name, r);
        sqi_manifest_free(&manifest);
        if (folder >= 0)
                close(folder);
        return r;
}

/* ---- Looking ----------------------------------------------------------------------------------------- */

int
sqi_snapshot_about(const char *path, struct sqi_snapshot_about *ret)
{
        uint8_t bytes[sizeof(struct file_head)];
        struct reading reading = {.at = bytes};
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
        int r = n < 0 ? -errno : 0;

        if (fd >= 0)
                close(fd);
        if (r < 0)
                return r;
        reading.end = bytes + n;
        if (take_head(&reading) < 0)
                return -EPROTO;
        *ret = (struct sqi_snapshot_about){.state_version = reading.head.state_version,
                                           .state_size = reading.head.state_size,
                                           .nkeys = reading.head.nkeys};
        return 0;
}

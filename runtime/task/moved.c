/* SPDX-License-Identifier: Apache-2.0 */
#include "task/moved.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/routing.h"
#include "task/task.h"

enum { MOVED_VERSION = 2, PATH_SIZE = 512, KEY_MAX = 64 << 20 };

/* Then `nkeys` times: struct moved_key, the key, the state. Of this machine alone, in its byte order. */
struct moved_head {
        char magic[4]; /* "SQK" and the version */
        uint32_t state_size, ntasks, index;
        uint64_t routing, nkeys;
};

struct moved_key {
        uint64_t route;
        uint32_t len, zero;
};

static const struct moved_head blank = {.magic = {'S', 'Q', 'K', MOVED_VERSION}};

/* ---- Writing --------------------------------------------------------------------------------------------------------------- */

static int
write_keys(const struct sq_task *task, FILE *file)
{
        struct moved_head head = blank;
        struct sq_str key;
        size_t cursor = 0;
        uint64_t route;
        void *state;

        head.state_size = (uint32_t)task->code->bolt->key_state;
        head.ntasks = task->component->ntasks;
        head.index = task->plan->tasks[task->id].index;
        head.routing = sqi_routing(task->plan, task->component);
        head.nkeys = task->keyed ? sqi_keyed_count(task->keyed) : 0;
        fwrite(&head, sizeof(head), 1, file);
        while (task->keyed && sqi_keyed_step_routed(task->keyed, &cursor, &key, &state, &route)) {
                const struct moved_key moved = {.route = route, .len = (uint32_t)key.len};

                fwrite(&moved, sizeof(moved), 1, file);
                if (key.len)
                        fwrite(key.ptr, key.len, 1, file);
                fwrite(state, head.state_size, 1, file);
        }
        return ferror(file) ? -EIO : 0;
}

int
sqi_moved_write(struct sq_task *task)
{
        char path[PATH_SIZE], fresh[PATH_SIZE + 4];
        FILE *file;
        int fd, r;

        snprintf(path, sizeof(path), "%s/" SQI_MOVED_PREFIX "%s.%u", task->rundir, task->component->id,
                 (unsigned)task->plan->tasks[task->id].index);
        snprintf(fresh, sizeof(fresh), "%s.new", path);
        fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        file = fdopen(fd, "w");
        if (!file) {
                r = -errno;
                close(fd);
                return r;
        }
        r = write_keys(task, file);
        if (fclose(file) != 0 && r == 0)
                r = -errno;
        if (r == 0 && rename(fresh, path) < 0)
                r = -errno;
        if (r < 0)
                unlink(fresh);
        return r;
}

/* ---- Reading --------------------------------------------------------------------------------------------------------------- */

struct reading {
        struct sq_task *task;
        FILE *file;
        struct moved_head head;
        uint16_t owners[SQI_SLOTS];
        char *key;
        size_t room;
        void *state;
};

static bool
get(struct reading *reading, void *to, size_t size)
{
        return size == 0 || fread(to, size, 1, reading->file) == 1;
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
take_key(struct reading *reading, const struct moved_key *moved)
{
        struct sq_task *task = reading->task;
        void *state;

        if (!is_mine(reading, moved->route))
                return 0;
        if (!task->keyed)
                task->keyed = sqi_keyed_new(task->code->bolt->key_state);
        state = task->keyed ? sqi_keyed_get(task->keyed, (struct sq_str){reading->key, moved->len}) : NULL;
        if (!state)
                return -ENOMEM;
        sqi_keyed_route_last(task->keyed, moved->route);
        memcpy(state, reading->state, reading->head.state_size);
        return 0;
}

static int
read_key(struct reading *reading)
{
        struct moved_key moved;

        if (!get(reading, &moved, sizeof(moved)) || moved.len > KEY_MAX)
                return -EBADMSG;
        if (moved.len > reading->room) {
                char *key = realloc(reading->key, moved.len);

                if (!key)
                        return -ENOMEM;
                reading->key = key;
                reading->room = moved.len;
        }
        if (!get(reading, reading->key, moved.len) || !get(reading, reading->state, reading->head.state_size))
                return -EBADMSG;
        return take_key(reading, &moved);
}

static int
read_keys(struct reading *reading)
{
        struct sq_task *task = reading->task;
        struct moved_head *head = &reading->head;
        uint64_t routing = sqi_routing(task->plan, task->component);
        int r = 0;

        if (!get(reading, head, sizeof(*head)) || memcmp(head->magic, blank.magic, sizeof(blank.magic)) != 0)
                return -EBADMSG;
        if (head->state_size != task->code->bolt->key_state ||
            !sqi_routing_can_move(head->routing, head->ntasks, routing, task->component->ntasks)) {
                sq_log(task, SQ_WARN, "the state of the version before does not fit: it begins from nothing");
                return 0;
        }
        reading->state = malloc(head->state_size + 1);
        if (!reading->state)
                return -ENOMEM;
        for (uint64_t i = 0; i < head->nkeys && r == 0; i++)
                r = read_key(reading);
        return r;
}

static int
read_file(struct sq_task *task, const char *name)
{
        struct reading reading = {.task = task};
        char path[PATH_SIZE + NAME_MAX + 1];
        int r;

        snprintf(path, sizeof(path), "%s/%s", task->rundir, name);
        sqi_slots_deal(task->component->ntasks, reading.owners);
        reading.file = fopen(path, "re");
        if (!reading.file)
                return -errno;
        r = read_keys(&reading);
        (void)fclose(reading.file);
        free(reading.key);
        free(reading.state);
        return r;
}

/* keyed-COMPONENT.INDEX: an id may hold dots itself. */
static bool
is_ours(const struct sq_task *task, const char *name)
{
        size_t prefix = strlen(SQI_MOVED_PREFIX), id = strlen(task->component->id);

        return strncmp(name, SQI_MOVED_PREFIX, prefix) == 0 && strncmp(name + prefix, task->component->id, id) == 0 &&
               name[prefix + id] == '.' && strspn(name + prefix + id + 1, "0123456789") == strlen(name + prefix + id + 1);
}

int
sqi_moved_read(struct sq_task *task)
{
        DIR *folder = opendir(task->rundir);
        const struct dirent *entry;
        int r = folder ? 0 : -errno;

        while (r == 0 && (entry = readdir(folder)))
                if (is_ours(task, entry->d_name))
                        r = read_file(task, entry->d_name);
        if (folder)
                closedir(folder);
        return r;
}

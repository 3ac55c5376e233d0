/* SPDX-License-Identifier: Apache-2.0 */
#include "task/snapshot.h"

#include <stdio.h>

#include "control/manifest.h"
#include "control/snapshot_format.h"
#include "plan/routing.h"
#include "state/part_merge.h"
#include "state/part_log.h"
#include "state/part_writer.h"
#include "task/task.h"

enum { FILE_SIZE = SQI_MANIFEST_FILE, FIRST_ASIDE = 4096 };

/* The share of keys that change from epoch to epoch up to which pieces are merged, so that no epoch writes all. */
static const double MERGED_CHEAPLY = 0.2;

static const struct file_head blank = {.magic = {'S', 'Q', 'K', SQI_SNAPSHOT_VERSION}};

static const char *
file_name(const struct sqi_plan_component *component, uint32_t index, char ret[FILE_SIZE])
{
        snprintf(ret, FILE_SIZE, "%s.%u", component->id, index);
        return ret;
}

/* ---- Writing ----------------------------------------------------------------------------------------- */

struct sqi_snapshot_writing {
        struct sqi_part_writer *file; /* NULL: none yet */
        const struct sq_task *task;
        uint64_t epoch;
        bool keys; /* not all of them have been written: what comes behind them waits in `aside` */
        bool no_memory;
        uint8_t *aside;
        size_t naside, aside_room;
        int wake; /* as of sqi_part_writer_go_apart() */
        char path[SQI_FOLDER_SIZE + FILE_SIZE + 1];
};

static void
put(struct sqi_snapshot_writing *writing, const void *bytes, size_t size)
{
        sqi_part_writer_put(writing->file, bytes, size);
}

static uint8_t *
append(uint8_t *at, const void *bytes, size_t size)
{
        if (size)
                memcpy(at, bytes, size);
        return at + size;
}

/* A key as it lies in the file, in one go. */
static void
put_plain_key(struct sqi_snapshot_writing *writing, const struct key_head *head, struct sq_str key, const void *state,
              size_t state_size)
{
        uint8_t *at = sqi_part_writer_room(writing->file, sizeof(*head) + key.len + state_size);

        if (at) {
                at = append(at, head, sizeof(*head));
                at = append(at, key.ptr, key.len);
                append(at, state, state_size);
                return;
        }
        put(writing, head, sizeof(*head));
        put(writing, key.ptr, key.len);
        put(writing, state, state_size);
}

static void
put_part(struct sqi_snapshot_writing *writing, const struct sqi_part *part)
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
put_key(const struct sq_task *task, struct sqi_snapshot_writing *writing, struct sq_str key, const void *state,
        uint64_t route)
{
        const struct sqi_part *parts = *sqi_keyed_parts(task->instance.keyed, state);
        struct key_head head = {.route = route, .len = (uint32_t)key.len};

        for (const struct sqi_part *part = parts; part; part = part->next)
                head.nparts++;
        put_plain_key(writing, &head, key, state, sqi_component_key_state(task->instance.code));
        for (const struct sqi_part *part = parts; part; part = part->next)
                put_part(writing, part);
}

/* How many keys of the task are handed on. */
static size_t
count_keys(const struct sq_task *task)
{
        const struct sqi_component *code = task->instance.code;
        bool hands_on = code->bolt ? sqi_component_hands_on(code) : task->epoch.exact;

        if (!task->instance.keyed || !hands_on)
                return 0;
        return sqi_keyed_count(task->instance.keyed);
}

/* Dead letters are dealt out anew. */
static bool
has_values(const struct sq_task *task)
{
        const struct sqi_own_values *values = &task->instance.values;

        return values->n > (sqi_own_values_find(values, sqi_letters_name) != NULL);
}

static void
put_head(const struct sq_task *task, struct sqi_snapshot_writing *writing, uint64_t ngone)
{
        const struct sqi_component *code = task->instance.code;
        struct file_head head = blank;

        head.state_size = (uint32_t)sqi_component_key_state(code);
        head.ntasks = task->component->ntasks;
        head.index = task->plan->tasks[task->id].index;
        head.epoch = writing->epoch;
        head.routing = sqi_routing(task->plan, task->component);
        head.nkeys = count_keys(task);
        head.ngone = ngone;
        head.state_version = code->bolt ? code->bolt->state_version : 0;
        head.flags = !task->over ? 0 : SQI_PART_FINISHED | (task->watermarks.drained ? SQI_PART_DRAINED : 0u);
        head.flags |= has_values(task) ? SQI_PART_VALUES : 0u;
        put(writing, &head, sizeof(head));
}

static void
end_keys(struct sqi_snapshot_writing *writing)
{
        put(writing, &(struct key_head){.len = SQI_KEYS_END}, sizeof(struct key_head));
}

static void
put_keys(const struct sq_task *task, struct sqi_snapshot_writing *writing)
{
        struct sq_str key;
        size_t cursor = 0;
        uint64_t route;
        void *state;

        while (count_keys(task) > 0 && sqi_keyed_step_routed(task->instance.keyed, &cursor, &key, &state, &route))
                put_key(task, writing, key, state, route);
        end_keys(writing);
}

static void
save(void *context, struct sq_str key, const void *state, uint64_t route)
{
        struct sqi_snapshot_writing *writing = context;

        put_key(writing->task, writing, key, state, route);
}

/* All, or what has changed, as it is now, which counts as unchanged from here on. It is written by and by. */
static int
begin_changes(const struct sq_task *task, struct sqi_snapshot_writing *writing, bool all)
{
        struct sqi_keyed *keyed = count_keys(task) ? task->instance.keyed : NULL;
        const struct sqi_keyed_gone *gone = all ? NULL : sqi_keyed_gone(keyed);

        put_head(task, writing, gone ? gone->n : 0);
        if (gone)
                put(writing, gone->bytes, gone->size);
        if (keyed && !sqi_keyed_begin_take(keyed, all, save, writing))
                return -ENOMEM;
        writing->keys = keyed != NULL;
        if (!keyed)
                end_keys(writing);
        return 0;
}

static bool
need_aside(struct sqi_snapshot_writing *writing, size_t size)
{
        size_t room = writing->aside_room ? writing->aside_room : FIRST_ASIDE;
        uint8_t *larger;

        if (writing->naside + size <= writing->aside_room)
                return true;
        while (room < writing->naside + size)
                room *= 2;
        larger = realloc(writing->aside, room);
        if (!larger)
                return false;
        writing->aside = larger;
        writing->aside_room = room;
        return true;
}

/* Behind the keys. */
static void
put_behind(struct sqi_snapshot_writing *writing, const void *bytes, size_t size)
{
        if (!writing->keys) {
                put(writing, bytes, size);
        } else if (!need_aside(writing, size)) {
                writing->no_memory = true;
        } else if (size > 0) {
                memcpy(writing->aside + writing->naside, bytes, size);
                writing->naside += size;
        }
}

static void
put_values(const struct sq_task *task, struct sqi_snapshot_writing *writing)
{
        for (const struct sqi_own_value *value = task->instance.values.first; value; value = value->next) {
                const struct section_head head = {SQI_SECTION_VALUE, (uint32_t)value->name.len,
                                                  value->name.len + value->bytes.len};

                put_behind(writing, &head, sizeof(head));
                put_behind(writing, value->name.ptr, value->name.len);
                put_behind(writing, value->bytes.ptr, value->bytes.len);
        }
}

/* Is it worth a file? What only passes watermarks on is told them again. */
static bool
keeps_time(const struct sq_task *task)
{
        const struct sqi_instance *instance = &task->instance;

        if (task->component->event_time && instance->seen != SQI_WATERMARK_NONE)
                return true;
        return instance->watermark != SQ_NO_WATERMARK && sqi_component_hands_on(instance->code);
}

static void
put_time(const struct sq_task *task, struct sqi_snapshot_writing *writing)
{
        const struct time_section time = {task->instance.watermark, task->instance.seen};
        const struct section_head head = {SQI_SECTION_TIME, task->watermarks.idle, sizeof(time)};

        if (!keeps_time(task))
                return;
        put_behind(writing, &head, sizeof(head));
        put_behind(writing, &time, sizeof(time));
}

static void
put_batch(struct sqi_snapshot_writing *writing, zmq_msg_t *message, bool feedback)
{
        const struct section_head head = {SQI_SECTION_BATCH, feedback, zmq_msg_size(message)};

        put_behind(writing, &head, sizeof(head));
        put_behind(writing, zmq_msg_data(message), head.size);
}

static void
put_batches(const struct sq_task *task, struct sqi_snapshot_writing *writing)
{
        for (struct sqi_transit_batch *batch = task->transit.first; batch; batch = batch->next)
                put_batch(writing, &batch->message, batch->feedback);
}

static void
end_sections(struct sqi_snapshot_writing *writing)
{
        put(writing, &(struct section_head){.kind = SQI_SECTION_END}, sizeof(struct section_head));
}

static void
put_all(const struct sq_task *task, struct sqi_snapshot_writing *writing)
{
        put_head(task, writing, 0);
        put_keys(task, writing);
        put_values(task, writing);
        put_time(task, writing);
        put_batches(task, writing);
        end_sections(writing);
        sqi_part_writer_end(writing->file);
}

static int
write_to(const struct sq_task *task, struct sqi_snapshot_writing *writing, struct sqi_message *report)
{
        int r = sqi_part_writer_new(writing->path, &writing->file);

        if (r < 0)
                return r;
        put_all(task, writing);
        return sqi_part_writer_close(&writing->file, &report->a, &report->b, NULL);
}

/* In the folder, or else beside the run. */
static int
write_file(const struct sq_task *task, struct sqi_snapshot_writing *writing, const char *folder,
           struct sqi_message *report)
{
        char name[FILE_SIZE];
        int r = -ENOENT, spare;

        file_name(task->component, task->plan->tasks[task->id].index, name);
        if (folder[0]) {
                snprintf(writing->path, sizeof(writing->path), "%s/%s", folder, name);
                r = write_to(task, writing, report);
        }
        if (r == 0)
                return 0;
        snprintf(writing->path, sizeof(writing->path), "%s/snapshot-%s", task->rundir, name);
        spare = write_to(task, writing, report);
        return spare < 0 ? r : 0;
}

static bool
has_part(const struct sq_task *task)
{
        return count_keys(task) > 0 || task->over || task->instance.values.n || task->transit.n || keeps_time(task);
}

void
sqi_snapshot_write(struct sq_task *task, uint64_t epoch, const char *folder)
{
        struct sqi_message report = {.type = SQI_MSG_SNAPSHOT, .task = task->id, .number = epoch};
        struct sqi_snapshot_writing writing = {.epoch = epoch};
        int r = has_part(task) ? write_file(task, &writing, folder, &report) : 0;

        if (r < 0)
                report.text = (struct sq_str){strerror(-r), strlen(strerror(-r))};
        sqi_task_report(task, &report);
}

int
sqi_snapshot_save(const struct sq_task *task, int fd)
{
        struct sqi_snapshot_writing writing = {.epoch = task->handover.epoch};
        uint64_t size, sum;
        int r;

        if (!has_part(task))
                return 0;
        r = sqi_part_writer_of(fd, &writing.file);
        if (r < 0)
                return r;
        put_all(task, &writing);
        return sqi_part_writer_close(&writing.file, &size, &sum, NULL);
}

/* ---- While the task goes on -------------------------------------------------------------------------- */

static void
begin_writing(const struct sq_task *task, struct sqi_snapshot_writing *writing)
{
        sqi_part_writer_merge_by(writing->file, sqi_part_merge);
        if (!task->driver)
                sqi_part_writer_go_apart(writing->file, writing->wake);
}

/* What a task ends with may go on under another plan, and is looked at by others: one piece. */
static bool
must_be_whole(const struct sq_task *task)
{
        const struct sqi_keyed *keyed = task->instance.keyed;

        return task->phase == SQI_ENDED || task->handover.begun || count_keys(task) == 0 ||
               sqi_keyed_changed_share(keyed) > SQI_MUCH_CHANGED;
}

/* To merge takes more of a processor than to write all: what has not changed is looked up then. Where that is little,
 * the task writes it. */
static bool
is_merged_dearly(const struct sq_task *task, const struct sqi_part_log *log)
{
        double share = sqi_keyed_changed_share(task->instance.keyed);

        return share > MERGED_CHEAPLY && sqi_part_log_is_full(log, share);
}

static int
put_state(const struct sq_task *task, struct sqi_snapshot_writing *writing, struct sqi_part_log **log)
{
        bool all;
        int r = 0;

        if (task->instance.keyed)
                sqi_keyed_track(task->instance.keyed);
        all = !*log || must_be_whole(task) || is_merged_dearly(task, *log);
        if (!all)
                all = sqi_part_writer_append(log, writing->path, &writing->file) < 0;
        sqi_part_log_free(log);
        if (all)
                r = sqi_part_writer_new(writing->path, &writing->file);
        if (r < 0)
                return r;
        begin_writing(task, writing);
        r = begin_changes(task, writing, all);
        put_values(task, writing);
        put_time(task, writing);
        return r;
}

bool
sqi_snapshot_go_on(struct sqi_snapshot_writing *writing, size_t n)
{
        struct sqi_keyed *keyed = writing->task->instance.keyed;
        struct sq_str key;
        uint64_t route;
        void *state;

        while (writing->keys && n-- > 0) {
                if (sqi_keyed_take(keyed, &key, &state, &route)) {
                        put_key(writing->task, writing, key, state, route);
                        continue;
                }
                writing->keys = false;
                end_keys(writing);
                put(writing, writing->aside, writing->naside);
        }
        return writing->keys;
}

size_t
sqi_snapshot_left(const struct sqi_snapshot_writing *writing)
{
        return writing->keys ? sqi_keyed_left(writing->task->instance.keyed) : 0;
}

bool
sqi_snapshot_is_behind(const struct sqi_snapshot_writing *writing)
{
        return writing->keys && sqi_part_writer_is_behind(writing->file);
}

int
sqi_snapshot_begin(const struct sq_task *task, uint64_t epoch, const char *folder, int wake, struct sqi_part_log **log,
                   struct sqi_snapshot_writing **ret)
{
        struct sqi_snapshot_writing *writing = calloc(1, sizeof(*writing));
        char name[FILE_SIZE];
        int r = 0;

        if (!writing)
                return -ENOMEM;
        writing->task = task;
        writing->epoch = epoch;
        writing->wake = wake;
        file_name(task->component, task->plan->tasks[task->id].index, name);
        snprintf(writing->path, sizeof(writing->path), "%s/%s", folder, name);
        if (has_part(task))
                r = put_state(task, writing, log);
        else
                sqi_part_log_free(log);
        if (r < 0)
                sqi_snapshot_drop(&writing);
        else
                *ret = writing;
        return r;
}

/* There is no state, and yet something to write. */
static int
open_empty(const struct sq_task *task, struct sqi_snapshot_writing *writing)
{
        int r = sqi_part_writer_new(writing->path, &writing->file);

        if (r < 0)
                return r;
        begin_writing(task, writing);
        put_head(task, writing, 0);
        end_keys(writing);
        return 0;
}

int
sqi_snapshot_add(const struct sq_task *task, struct sqi_snapshot_writing *writing, zmq_msg_t *message, bool feedback)
{
        int r = writing->file ? 0 : open_empty(task, writing);

        if (r < 0)
                return r;
        put_batch(writing, message, feedback);
        return 0;
}

uint64_t
sqi_snapshot_written(const struct sqi_snapshot_writing *writing)
{
        return writing->file ? sqi_part_writer_written(writing->file) : 0;
}

void
sqi_snapshot_end(struct sqi_snapshot_writing *writing)
{
        if (!writing->file)
                return;
        (void)sqi_snapshot_go_on(writing, SIZE_MAX);
        end_sections(writing);
        sqi_part_writer_end(writing->file);
}

bool
sqi_snapshot_is_done(const struct sqi_snapshot_writing *writing)
{
        return !writing->file || sqi_part_writer_is_done(writing->file);
}

int
sqi_snapshot_close(struct sqi_snapshot_writing **writing, uint64_t *ret_size, uint64_t *ret_sum,
                   struct sqi_part_log **ret_log)
{
        struct sqi_snapshot_writing *it = *writing;
        int r = 0;

        *ret_size = *ret_sum = 0;
        if (it->no_memory) {
                sqi_snapshot_drop(writing);
                return -ENOMEM;
        }
        if (it->file)
                r = sqi_part_writer_close(&it->file, ret_size, ret_sum, ret_log);
        free(it->aside);
        free(it);
        *writing = NULL;
        return r;
}

void
sqi_snapshot_drop(struct sqi_snapshot_writing **writing)
{
        struct sqi_snapshot_writing *it = *writing;

        if (!it)
                return;
        if (it->keys && it->task->instance.keyed)
                sqi_keyed_end_take(it->task->instance.keyed);
        sqi_part_writer_drop(&it->file);
        free(it->aside);
        free(it);
        *writing = NULL;
}

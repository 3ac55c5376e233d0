/* SPDX-License-Identifier: Apache-2.0 */
#include "task/snapshot.h"

#include "control/snapshot_format.h"
#include "plan/routing.h"
#include "task/task.h"

/* How many keys are looked for in advance: keyed.h. */
enum { AHEAD = 16 };
/* After so many the task shows a sign of life: there may be more than can be read before it would be given up. */
enum { ALIVE = 4096 };

struct reading {
        struct sq_task *task;
        const uint8_t *at, *end;
        struct file_head head;
        bool pieces;   /* keys and sections have an end of their own, and another piece may follow, */
        bool later;    /* which this one is */
        bool clashes;  /* with a file before: both have a key */
        bool over;     /* it is of a task that was over, of another number of them */
        bool migrates; /* from another version of the state */
        void *old;     /* such a state, aligned */
        uint16_t owners[SQI_SLOTS];
        const uint8_t *ahead;  /* behind the last key that was looked for in advance, */
        unsigned nahead;       /* of so many that have not been taken yet */
        struct sq_str letters; /* of a task that is no more: dead letters */
        bool timed, idle;      /* `time` is known; SQI_SECTION_TIME: as the last piece says */
        struct time_section time;
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

/* What an earlier piece said of the key is over. Where an earlier file did, two tasks had a state of it each. */
static int
renew_key(struct reading *reading, void *state)
{
        struct sqi_keyed *keyed = reading->task->instance.keyed;
        bool clashes = sqi_keyed_is_marked(keyed, state);

        if (clashes && !reading->task->plan->lose_state)
                return -EEXIST;
        if (clashes && !reading->clashes)
                sq_log(reading->task, SQ_WARN,
                       "several tasks of the version before had one key: the state of one stays");
        reading->clashes |= clashes;
        memset(state, 0, sqi_component_key_state(reading->task->instance.code));
        sqi_parts_release(sqi_keyed_owned(keyed), sqi_keyed_parts(keyed, state));
        return 0;
}

static int
make_key(struct reading *reading, struct sq_str key, uint64_t route, void **ret_state)
{
        struct sqi_keyed *keyed = reading->task->instance.keyed;
        size_t before = keyed ? sqi_keyed_count(keyed) : 0;
        void *state = keyed ? sqi_keyed_get(keyed, key) : NULL;
        int r = 0;

        if (!state)
                return keyed ? -ENOMEM : -EBADMSG; /* by its head it has none */
        if (sqi_keyed_count(keyed) > before)
                sqi_keyed_route_last(keyed, route);
        else
                r = renew_key(reading, state);
        if (r == 0)
                *ret_state = state;
        return r;
}

/* So that the places of the next keys are in the cache by the time they are taken. Only keys that own nothing are
 * passed over as quickly; one that does is waited for. */
static void
fetch_ahead(struct reading *reading)
{
        struct key_head it;
        struct sqi_key key;

        if (reading->ahead < reading->at) {
                reading->ahead = reading->at;
                reading->nahead = 0;
        }
        for (; reading->nahead < AHEAD; reading->nahead++) {
                size_t left = (size_t)(reading->end - reading->ahead), size = sizeof(it) + reading->head.state_size;

                if (left < size)
                        return;
                memcpy(&it, reading->ahead, sizeof(it));
                if (it.nparts > 0 || it.len == SQI_KEYS_END || left - size < it.len)
                        return;
                sqi_key_prepare(&key, (struct sq_str){(const char *)reading->ahead + sizeof(it), it.len},
                                left >= sizeof(it) + SQI_SHORT_KEY);
                sqi_keyed_fetch_place(reading->task->instance.keyed, &key);
                reading->ahead += size + it.len;
        }
}

/* -ENODATA: there is none any more. */
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
        reading->nahead -= reading->nahead > 0;
        memcpy(&it, head, sizeof(it));
        if (reading->pieces && it.len == SQI_KEYS_END)
                return -ENODATA;
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
take_gone(struct reading *reading)
{
        struct sqi_keyed *keyed = reading->task->instance.keyed;
        const uint8_t *at = take(reading, sizeof(uint32_t)), *bytes;
        struct sq_str key;
        const void *state;
        uint32_t len;

        if (!at)
                return -EBADMSG;
        memcpy(&len, at, sizeof(len));
        bytes = take(reading, len);
        if (!bytes)
                return -EBADMSG;
        key = (struct sq_str){(const char *)bytes, len};
        state = keyed ? sqi_keyed_find(keyed, key) : NULL;
        if (state && !sqi_keyed_is_marked(keyed, state)) /* else it is another task's, which has not forgotten it */
                sqi_keyed_forget(keyed, key);
        return 0;
}

static int
take_head(struct reading *reading)
{
        size_t size;
        int r = sqi_snapshot_head(reading->at, (size_t)(reading->end - reading->at), &reading->head, &size);

        if (r < 0)
                return r;
        reading->at += size;
        reading->pieces = reading->head.magic[3] >= SQI_SNAPSHOT_PIECES_SINCE;
        return 0;
}

static bool
fits(const struct reading *reading)
{
        const struct sq_task *task = reading->task;
        const struct sqi_component *code = task->instance.code;
        bool takes = code->bolt ? sqi_bolt_takes(code->bolt, reading->head.state_version, reading->head.state_size)
                                : reading->head.state_size == sqi_component_key_state(code);

        if (!task->instance.prepared && reading->head.state_version != (code->bolt ? code->bolt->state_version : 0))
                return false; /* it only looks, and migrate comes after prepare */
        return takes && sqi_routing_can_move(reading->head.routing, reading->head.ntasks,
                                             sqi_routing(task->plan, task->component), task->component->ntasks);
}

/* What the head says is no more than the file can hold. */
static int
make_room(struct reading *reading)
{
        struct sq_task *task = reading->task;
        size_t most = (size_t)(reading->end - reading->at) / (sizeof(struct key_head) + reading->head.state_size);

        if (!task->instance.keyed)
                task->instance.keyed = sqi_keyed_new(sqi_component_key_state(task->instance.code));
        if (!task->instance.keyed)
                return -ENOMEM;
        if (reading->head.ntasks == task->component->ntasks)
                sqi_keyed_reserve(task->instance.keyed, reading->head.nkeys < most ? reading->head.nkeys : most);
        return 0;
}

static int
take_keys(struct reading *reading)
{
        struct sq_task *task = reading->task;
        int r = 0;

        for (uint64_t i = 0; i < reading->head.ngone && r == 0; i++)
                r = take_gone(reading);
        if (r < 0 || (reading->head.nkeys == 0 && !reading->pieces))
                return r;
        if (task->instance.code->bolt)
                reading->migrates = reading->head.state_version != task->instance.code->bolt->state_version;
        reading->old = reading->migrates ? malloc((size_t)reading->head.state_size + 1) : NULL;
        if (reading->migrates && !reading->old)
                return -ENOMEM;
        if (reading->head.nkeys > 0)
                r = make_room(reading);
        for (uint64_t i = 0; (reading->pieces || i < reading->head.nkeys) && r == 0; i++) {
                if (task->instance.keyed)
                        fetch_ahead(reading);
                if (i % ALIVE == 0)
                        sqi_count(&task->metrics->loops, 1);
                r = take_key(reading);
        }
        free(reading->old);
        return r == -ENODATA ? 0 : r;
}

static int
take_time(struct reading *reading, const uint8_t *bytes, const struct section_head *head)
{
        if (head->size != sizeof(reading->time))
                return -EBADMSG;
        memcpy(&reading->time, bytes, sizeof(reading->time));
        reading->idle = head->tag != 0;
        reading->timed = true;
        return 0;
}

static int64_t
lesser(int64_t now, int64_t none, int64_t kept)
{
        return now == none || kept < now ? kept : now;
}

/* The file is read. Of other tasks the keys are, with their timers: what was not late for one of them is not late
 * here. */
static void
go_on_in_time(const struct reading *reading)
{
        struct sq_task *task = reading->task;
        struct sqi_instance *instance = &task->instance;
        const struct time_section *time = &reading->time;
        bool mine = reading->head.ntasks == task->component->ntasks;

        if (!reading->timed)
                return;
        instance->watermark = mine ? time->watermark : lesser(instance->watermark, SQ_NO_WATERMARK, time->watermark);
        instance->seen = mine ? time->seen : lesser(instance->seen, SQI_WATERMARK_NONE, time->seen);
        task->watermarks.idle = mine && reading->idle;
}

static bool
is_of_letters(const struct section_head *head, const uint8_t *bytes)
{
        return head->kind == SQI_SECTION_VALUE && head->tag == sqi_letters_name.len && head->tag <= head->size &&
               memcmp(bytes, sqi_letters_name.ptr, head->tag) == 0;
}

/* What a section holds is of one task, but for the event time: of a file of another one it is left where it is. 1: it
 * was that; 0. */
static int
take_section(struct reading *reading, bool mine, bool same)
{
        const uint8_t *head = take(reading, sizeof(struct section_head)), *bytes;
        struct sq_task *task = reading->task;
        struct section_head it;
        int r = 0;

        if (!head)
                return -EBADMSG;
        memcpy(&it, head, sizeof(it));
        bytes = take(reading, it.size);
        if (!bytes)
                return -EBADMSG;
        if (it.kind == SQI_SECTION_END)
                return -ENODATA;
        if (it.kind == SQI_SECTION_TIME && (mine || !same))
                r = take_time(reading, bytes, &it);
        if (it.kind == SQI_SECTION_TIME)
                return r < 0 ? r : 1;
        if (!same && is_of_letters(&it, bytes)) {
                reading->letters = (struct sq_str){(const char *)bytes + it.tag, it.size - it.tag};
                return 1;
        }
        if (!mine)
                return 0;
        if (it.kind == SQI_SECTION_BATCH)
                return sqi_transit_copy(&task->transit, bytes, it.size, it.tag != 0);
        if (it.kind != SQI_SECTION_VALUE || it.tag > it.size)
                return -EBADMSG;
        return sqi_own_values_set(&task->instance.values, (struct sq_str){(const char *)bytes, it.tag},
                                  (struct sq_str){(const char *)bytes + it.tag, it.size - it.tag});
}

/* What an earlier piece said is over. */
static void
forget_sections(struct sq_task *task)
{
        sqi_transit_clear(&task->transit);
        sqi_own_values_clear(&task->instance.values);
        task->over = task->watermarks.drained = false;
}

static int
take_sections(struct reading *reading)
{
        struct sq_task *task = reading->task;
        bool same = reading->head.ntasks == task->component->ntasks;
        bool mine = same && reading->head.index == task->plan->tasks[task->id].index;
        uint32_t end = sqi_part_end(&reading->head, task->handover.anew);
        bool over = end & SQI_PART_FINISHED;
        int r = 0;

        reading->letters.len = 0; /* of an earlier piece */
        if (mine && reading->later)
                forget_sections(task);
        while ((reading->pieces || reading->at < reading->end) && r >= 0) {
                r = take_section(reading, mine, same);
                if (r == 0 && !same)
                        r = -EXDEV;
        }
        reading->over = over && !same;
        task->over |= mine && over;
        task->watermarks.drained |= (mine || reading->over) && end & SQI_PART_DRAINED;
        return r == -ENODATA || r > 0 ? 0 : r;
}

static int
take_piece(struct reading *reading)
{
        int r = take_head(reading);

        if (r < 0)
                return r;
        if (reading->head.nkeys > 0 && !fits(reading)) {
                if (!reading->task->plan->lose_state)
                        return -EINVAL;
                sq_log(reading->task, SQ_WARN, "the state of the version before does not fit: it begins from nothing");
                reading->at = reading->end;
                return 0;
        }
        r = take_keys(reading);
        if (r < 0 || reading->head.magic[3] < SQI_SNAPSHOT_SECTIONS_SINCE)
                return r;
        return take_sections(reading);
}

/* The dead letters of tasks that are no more are dealt out. */
static int
inherit_letters(const struct reading *reading)
{
        struct sq_task *task = reading->task;
        bool ours = reading->head.index % task->component->ntasks == task->plan->tasks[task->id].index;

        return ours ? sqi_letter_box_inherit(task, reading->letters) : 0;
}

int
sqi_snapshot_take(struct sq_task *task, const void *bytes, size_t size)
{
        struct reading reading = {.task = task, .at = bytes};
        int r;

        reading.end = reading.at + size;
        sqi_slots_deal(task->component->ntasks, reading.owners);
        if (task->instance.keyed)
                sqi_keyed_mark(task->instance.keyed);
        r = take_piece(&reading);
        reading.later = true;
        while (r == 0 && reading.pieces && reading.at < reading.end)
                r = take_piece(&reading);
        go_on_in_time(&reading);
        task->handover.before = reading.head.ntasks;
        task->handover.over += reading.over;
        if (r == 0)
                r = inherit_letters(&reading);
        return r == 0 && task->instance.keyed && task->instance.code->bolt ? sqi_timers_find(task) : r;
}

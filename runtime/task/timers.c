/* SPDX-License-Identifier: Apache-2.0 */
#include "task/timers.h"

#include "task/task.h"

enum { FIRST_ROOM = 64, IN_A_TURN = 64 };
static const int64_t SECOND_NS = 1000000000;
static const uint64_t LOOK_NS = 1000000000; /* the time of day may be set: it is looked at so often */

static int64_t
ns_of(struct sq_time time)
{
        return time.sec * SECOND_NS + time.nsec;
}

static struct sq_time
time_of(int64_t ns)
{
        int64_t sec = ns / SECOND_NS - (ns % SECOND_NS < 0);

        return (struct sq_time){sec, (uint32_t)(ns - sec * SECOND_NS)};
}

/* The key of its block; `at_ns` outlives it. */
static struct sq_str
block_key(const int64_t *at_ns)
{
        return (struct sq_str){(const char *)at_ns, sizeof(*at_ns)};
}

/* The part that has the set of which this is the heap. */
static uint32_t
part_of(const struct sq_task *task, const struct sqi_timers *timers)
{
        return timers == &task->instance.event_timers ? SQI_PART_EVENT_TIMERS : SQI_PART_TIMERS;
}

/* NULL: it is not set, or not any more. */
static struct sqi_block *
find(const struct sq_task *task, const struct sqi_timers *timers, const struct sqi_timer *timer)
{
        struct sqi_part **parts = sqi_keyed_parts(task->instance.keyed, timer->state);
        struct sqi_part *part = parts ? sqi_part_find(*parts, part_of(task, timers)) : NULL;
        struct sqi_owned *owned = part ? sqi_keyed_owned(task->instance.keyed) : NULL;

        return owned ? sqi_block_find(owned, part, block_key(&timer->at_ns)) : NULL;
}

/* ---- The heap ---------------------------------------------------------------------------------------- */

static int
compare(const void *left, const void *right)
{
        const struct sqi_timer *a = left, *b = right;

        if (a->at_ns != b->at_ns)
                return a->at_ns < b->at_ns ? -1 : 1;
        return (a->order > b->order) - (a->order < b->order);
}

/* So that those that are the same stand together. */
static int
compare_keys(const void *left, const void *right)
{
        const struct sqi_timer *a = left, *b = right;

        if (a->state != b->state)
                return a->state < b->state ? -1 : 1;
        return compare(left, right);
}

static bool
is_same(const struct sqi_timer *a, const struct sqi_timer *b)
{
        return a->state == b->state && a->at_ns == b->at_ns;
}

static void
sort(struct sqi_timers *timers, int (*by)(const void *, const void *))
{
        if (timers->n > 1)
                qsort(timers->heap, timers->n, sizeof(*timers->heap), by);
}

/* Leaves what is set, each once. What is in order is a heap. */
static void
tidy(const struct sq_task *task, struct sqi_timers *timers)
{
        size_t kept = 0;

        sort(timers, compare_keys);
        for (size_t i = 0; i < timers->n; i++)
                if (find(task, timers, &timers->heap[i]) &&
                    (kept == 0 || !is_same(&timers->heap[kept - 1], &timers->heap[i])))
                        timers->heap[kept++] = timers->heap[i];
        timers->n = kept;
        sort(timers, compare);
}

/* Room for one more: by what is not set any more, or twice as much. */
static bool
reserve(const struct sq_task *task, struct sqi_timers *timers)
{
        size_t room = timers->room ? timers->room * 2 : FIRST_ROOM;
        struct sqi_timer *heap;

        if (timers->n < timers->room)
                return true;
        tidy(task, timers);
        if (timers->n < timers->room / 2)
                return true;
        heap = reallocarray(timers->heap, room, sizeof(*heap));
        if (!heap)
                return false;
        timers->heap = heap;
        timers->room = room;
        return true;
}

static bool
push(const struct sq_task *task, struct sqi_timers *timers, struct sqi_timer timer)
{
        size_t at;

        if (!reserve(task, timers))
                return false;
        timer.order = timers->order++;
        for (at = timers->n++; at > 0 && compare(&timer, &timers->heap[(at - 1) / 2]) < 0; at = (at - 1) / 2)
                timers->heap[at] = timers->heap[(at - 1) / 2];
        timers->heap[at] = timer;
        return true;
}

static struct sqi_timer
pop(struct sqi_timers *timers)
{
        struct sqi_timer first = timers->heap[0], last = timers->heap[--timers->n];
        size_t at = 0;

        for (size_t next; (next = 2 * at + 1) < timers->n; at = next) {
                if (next + 1 < timers->n && compare(&timers->heap[next + 1], &timers->heap[next]) < 0)
                        next++;
                if (compare(&last, &timers->heap[next]) <= 0)
                        break;
                timers->heap[at] = timers->heap[next];
        }
        timers->heap[at] = last;
        return first;
}

void
sqi_timers_free(struct sqi_timers *timers)
{
        free(timers->heap);
        *timers = (struct sqi_timers){0};
}

static int
find_of_key(struct sq_task *task, struct sqi_timers *timers, void *state)
{
        const struct sqi_part *part = sqi_part_find(*sqi_keyed_parts(task->instance.keyed, state),
                                                    part_of(task, timers));
        struct sqi_timer timer = {.state = state};

        for (const struct sqi_block *block = part ? part->first : NULL; block; block = block->next) {
                if (block->len != sizeof(timer.at_ns))
                        continue;
                memcpy(&timer.at_ns, block->key, sizeof(timer.at_ns));
                if (!push(task, timers, timer))
                        return -ENOMEM;
        }
        return 0;
}

int
sqi_timers_find(struct sq_task *task)
{
        const struct sq_bolt *bolt = task->instance.code->bolt;
        size_t cursor = 0;
        struct sq_str key;
        void *state;
        int r = 0;

        task->instance.timers.n = task->instance.event_timers.n = 0;
        if (!bolt->timer && !bolt->event_timer)
                return 0;
        while (r == 0 && task->instance.keyed && sqi_keyed_step(task->instance.keyed, &cursor, &key, &state)) {
                if (bolt->timer)
                        r = find_of_key(task, &task->instance.timers, state);
                if (r == 0 && bolt->event_timer)
                        r = find_of_key(task, &task->instance.event_timers, state);
        }
        return r;
}

/* ---- Their time -------------------------------------------------------------------------------------- */

uint64_t
sqi_timers_due(const struct sq_task *task)
{
        const struct sqi_timers *timers = &task->instance.timers;
        uint64_t now = sqi_task_clock(task), left;
        int64_t wall;

        if (timers->n == 0)
                return UINT64_MAX;
        wall = ns_of(sq_wall(task));
        if (timers->heap[0].at_ns <= wall)
                return now;
        left = (uint64_t)timers->heap[0].at_ns - (uint64_t)wall;
        return now + (left < LOOK_NS || task->driver ? left : LOOK_NS);
}

static int
call(struct sq_task *task)
{
        const struct sqi_timer *fired = &task->instance.timers.fired;

        return task->instance.code->bolt->timer(task, sqi_keyed_key(task->instance.keyed, fired->state),
                                                time_of(fired->at_ns));
}

static int
call_event(struct sq_task *task)
{
        const struct sqi_timer *fired = &task->instance.event_timers.fired;

        return task->instance.code->bolt->event_timer(task, sqi_keyed_key(task->instance.keyed, fired->state),
                                                      fired->at_ns);
}

/* The first one, if it is still set. */
static void
fire(struct sq_task *task, struct sqi_timers *timers, int (*callback)(struct sq_task *task))
{
        struct sqi_block *block;
        uint64_t route;

        timers->fired = pop(timers);
        block = find(task, timers, &timers->fired);
        if (!block)
                return;
        sqi_keyed_touch(task->instance.keyed, timers->fired.state);
        sqi_block_forget(sqi_keyed_owned(task->instance.keyed), block);
        route = sqi_keyed_route(task->instance.keyed, timers->fired.state);
        task->instance.timer_route = &route;
        sqi_task_call(task, callback);
        task->instance.timer_route = NULL;
}

void
sqi_timers_fire(struct sq_task *task)
{
        struct sqi_timers *timers = &task->instance.timers;
        int64_t wall = ns_of(sq_wall(task));

        for (int i = 0; i < IN_A_TURN && sqi_timers_have_come(timers, wall) && task->failed == 0; i++)
                fire(task, timers, call);
}

bool
sqi_event_timers_fire(struct sq_task *task)
{
        struct sqi_timers *timers = &task->instance.event_timers;

        for (int i = 0; sqi_timers_have_come(timers, task->instance.watermark) && task->failed == 0 && !task->quitting;
             i++) {
                if (i == IN_A_TURN && !task->driver)
                        return false;
                fire(task, timers, call_event);
        }
        return true;
}

/* ---- What a component says --------------------------------------------------------------------------- */

static void
set(struct sq_task *task, struct sqi_timers *timers, struct sq_str key, int64_t at_ns)
{
        struct sqi_timer timer = {.at_ns = at_ns, .state = sq_keyed(task, key)};
        struct sqi_owned *owned;
        struct sqi_part *part;

        if (find(task, timers, &timer))
                return;
        owned = sqi_keyed_owned(task->instance.keyed);
        part = owned ? sqi_part_get(sqi_keyed_parts(task->instance.keyed, timer.state), part_of(task, timers)) : NULL;
        if (part && sqi_block_get(owned, part, block_key(&timer.at_ns), 0) && push(task, timers, timer))
                return;
        sq_log(task, SQ_ERROR, "out of memory for a timer");
        abort();
}

static void
cancel(struct sq_task *task, const struct sqi_timers *timers, struct sq_str key, int64_t at_ns)
{
        struct sqi_timer timer = {.at_ns = at_ns};
        struct sqi_block *block;

        timer.state = task->instance.keyed ? sqi_keyed_find(task->instance.keyed, key) : NULL;
        block = timer.state ? find(task, timers, &timer) : NULL;
        if (!block)
                return;
        sqi_keyed_touch(task->instance.keyed, timer.state);
        sqi_block_forget(sqi_keyed_owned(task->instance.keyed), block);
}

void
sq_timer_set(struct sq_task *task, struct sq_str key, struct sq_time time)
{
        if (task->instance.code->bolt && task->instance.code->bolt->timer)
                set(task, &task->instance.timers, key, ns_of(time));
        else
                sqi_task_misuse(task, "sq_timer_set() by a component without .timer");
}

void
sq_timer_cancel(struct sq_task *task, struct sq_str key, struct sq_time time)
{
        cancel(task, &task->instance.timers, key, ns_of(time));
}

void
sq_event_timer_set(struct sq_task *task, struct sq_str key, int64_t time_ns)
{
        if (task->instance.code->bolt && task->instance.code->bolt->event_timer)
                set(task, &task->instance.event_timers, key, time_ns);
        else
                sqi_task_misuse(task, "sq_event_timer_set() by a component without .event_timer");
}

void
sq_event_timer_cancel(struct sq_task *task, struct sq_str key, int64_t time_ns)
{
        cancel(task, &task->instance.event_timers, key, time_ns);
}

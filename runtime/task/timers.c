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

/* NULL: it is not set, or not any more. */
static struct sqi_block *
find(const struct sq_task *task, const struct sqi_timer *timer)
{
        struct sqi_part **parts = sqi_keyed_parts(task->instance.keyed, timer->state);
        struct sqi_part *part = parts ? sqi_part_find(*parts, SQI_PART_TIMERS) : NULL;
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
        return (a->state > b->state) - (a->state < b->state);
}

/* Leaves what is set, each once. What is in order is a heap. */
static void
tidy(const struct sq_task *task, struct sqi_timers *timers)
{
        size_t kept = 0;

        if (timers->n > 1)
                qsort(timers->heap, timers->n, sizeof(*timers->heap), compare);
        for (size_t i = 0; i < timers->n; i++)
                if (find(task, &timers->heap[i]) &&
                    (kept == 0 || compare(&timers->heap[kept - 1], &timers->heap[i]) != 0))
                        timers->heap[kept++] = timers->heap[i];
        timers->n = kept;
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
find_of_key(struct sq_task *task, void *state)
{
        const struct sqi_part *part = sqi_part_find(*sqi_keyed_parts(task->instance.keyed, state), SQI_PART_TIMERS);
        struct sqi_timer timer = {.state = state};

        for (const struct sqi_block *block = part ? part->first : NULL; block; block = block->next) {
                if (block->len != sizeof(timer.at_ns))
                        continue;
                memcpy(&timer.at_ns, block->key, sizeof(timer.at_ns));
                if (!push(task, &task->instance.timers, timer))
                        return -ENOMEM;
        }
        return 0;
}

int
sqi_timers_find(struct sq_task *task)
{
        size_t cursor = 0;
        struct sq_str key;
        void *state;
        int r = 0;

        task->instance.timers.n = 0;
        while (r == 0 && task->instance.code->bolt->timer && task->instance.keyed &&
               sqi_keyed_step(task->instance.keyed, &cursor, &key, &state))
                r = find_of_key(task, state);
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
        struct sqi_timers *timers = &task->instance.timers;
        struct sqi_keyed *keyed = task->instance.keyed;
        struct sq_str key = sqi_keyed_key(keyed, timers->fired.state);
        uint64_t route = sqi_keyed_route(keyed, timers->fired.state);
        int r;

        timers->route = &route;
        r = task->instance.code->bolt->timer(task, key, time_of(timers->fired.at_ns));
        timers->route = NULL;
        return r;
}

void
sqi_timers_fire(struct sq_task *task)
{
        struct sqi_timers *timers = &task->instance.timers;
        int64_t wall = ns_of(sq_wall(task));

        for (int i = 0; i < IN_A_TURN && timers->n > 0 && timers->heap[0].at_ns <= wall && task->failed == 0; i++) {
                struct sqi_block *block;

                timers->fired = pop(timers);
                block = find(task, &timers->fired);
                if (!block)
                        continue;
                sqi_keyed_touch(task->instance.keyed, timers->fired.state);
                sqi_block_forget(sqi_keyed_owned(task->instance.keyed), block);
                sqi_task_call(task, call);
        }
}

/* ---- What a component says --------------------------------------------------------------------------- */

void
sq_timer_set(struct sq_task *task, struct sq_str key, struct sq_time time)
{
        struct sqi_timer timer = {.at_ns = ns_of(time)};
        struct sqi_owned *owned;
        struct sqi_part *part;

        if (!task->instance.code->bolt || !task->instance.code->bolt->timer) {
                sqi_task_misuse(task, "sq_timer_set() by a component without .timer");
                return;
        }
        timer.state = sq_keyed(task, key);
        if (find(task, &timer))
                return;
        owned = sqi_keyed_owned(task->instance.keyed);
        part = owned ? sqi_part_get(sqi_keyed_parts(task->instance.keyed, timer.state), SQI_PART_TIMERS) : NULL;
        if (part && sqi_block_get(owned, part, block_key(&timer.at_ns), 0) && push(task, &task->instance.timers, timer))
                return;
        sq_log(task, SQ_ERROR, "out of memory for a timer");
        abort();
}

void
sq_timer_cancel(struct sq_task *task, struct sq_str key, struct sq_time time)
{
        struct sqi_timer timer = {.at_ns = ns_of(time)};
        struct sqi_block *block;

        timer.state = task->instance.keyed ? sqi_keyed_find(task->instance.keyed, key) : NULL;
        block = timer.state ? find(task, &timer) : NULL;
        if (!block)
                return;
        sqi_keyed_touch(task->instance.keyed, timer.state);
        sqi_block_forget(sqi_keyed_owned(task->instance.keyed), block);
}

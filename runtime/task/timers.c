/* SPDX-License-Identifier: Apache-2.0 */
#include "task/timers.h"

#include "task/task.h"

enum { IN_A_TURN = 64 };
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

/* ---- The queue --------------------------------------------------------------------------------------- */

struct whose {
        const struct sq_task *task;
        const struct sqi_timers *timers;
};

static bool
is_set(const void *context, const struct sqi_timer *timer)
{
        const struct whose *whose = context;

        return find(whose->task, whose->timers, timer) != NULL;
}

/* Room for one more: by what is not set any more, or twice as much. */
static bool
put(const struct sq_task *task, struct sqi_timers *timers, struct sqi_timer timer)
{
        struct sqi_timer_queue *queue = &timers->queue;

        if (sqi_timer_queue_is_full(queue)) {
                sqi_timer_queue_tidy(queue, is_set, &(struct whose){task, timers});
                if (queue->n >= queue->room / 2 && !sqi_timer_queue_grow(queue))
                        return false;
        }
        return sqi_timer_queue_put(queue, timer);
}

void
sqi_timers_free(struct sqi_timers *timers)
{
        sqi_timer_queue_free(&timers->queue);
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
                if (!put(task, timers, timer))
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

        sqi_timers_free(&task->instance.timers);
        sqi_timers_free(&task->instance.event_timers);
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
        int64_t wall, first;

        if (timers->queue.n == 0)
                return UINT64_MAX;
        wall = ns_of(sq_wall(task));
        first = sqi_timer_queue_time(&timers->queue);
        if (first <= wall)
                return now;
        left = (uint64_t)first - (uint64_t)wall;
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

/*
 * Fetches what the next ones of the same time will look at, as ahead.c does for tuples. One thing leads to the next, so
 * each has the time of some timers to arrive: the entry, where its parts are, the first of them, which has the timer,
 * the second, and their blocks.
 */
static void
look_ahead(const struct sq_task *task, const struct sqi_timers *timers)
{
        enum { BLOCKS = 0, SECOND = 1, FIRST = 2, PARTS = 4, ENTRY = 6, AHEAD };
        const void *states[AHEAD];
        unsigned n = sqi_timer_queue_ahead(&timers->queue, AHEAD, states);
        struct sqi_part **parts;

        if (n < AHEAD)
                return;
        __builtin_prefetch(states[ENTRY]);
        sqi_keyed_fetch_parts(task->instance.keyed, states[PARTS]);
        parts = sqi_keyed_parts(task->instance.keyed, states[FIRST]);
        if (parts && *parts)
                __builtin_prefetch(*parts);
        parts = sqi_keyed_parts(task->instance.keyed, states[SECOND]);
        if (parts && *parts)
                __builtin_prefetch((*parts)->next);
        parts = sqi_keyed_parts(task->instance.keyed, states[BLOCKS]);
        for (struct sqi_part *part = parts ? *parts : NULL; part; part = part->next)
                __builtin_prefetch(part->first);
}

/* The first one, if it is still set. */
static void
fire(struct sq_task *task, struct sqi_timers *timers, int (*callback)(struct sq_task *task))
{
        struct sqi_keyed *keyed = task->instance.keyed;
        struct sqi_block *block;
        struct sqi_key key;
        uint64_t route;

        timers->fired = sqi_timer_queue_take(&timers->queue);
        look_ahead(task, timers);
        block = find(task, timers, &timers->fired);
        if (!block)
                return;
        sqi_keyed_touch(keyed, timers->fired.state);
        sqi_block_forget(sqi_keyed_owned(keyed), block);
        route = sqi_keyed_route(keyed, timers->fired.state);
        sqi_key_prepare(&key, sqi_keyed_key(keyed, timers->fired.state), true); /* the callback looks it up */
        task->bolt.guess = &key;
        task->instance.timer_route = &route;
        sqi_task_call(task, callback);
        task->instance.timer_route = NULL;
        sqi_task_forget_guess(task);
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
        struct sqi_owned *owned = sqi_keyed_owned(task->instance.keyed);
        struct sqi_part *part =
                owned ? sqi_part_get(sqi_keyed_parts(task->instance.keyed, timer.state), part_of(task, timers)) : NULL;
        uint64_t before = part ? part->nblocks : 0;

        if (part && sqi_block_get(owned, part, block_key(&timer.at_ns), 0) &&
            (part->nblocks == before || put(task, timers, timer)))
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

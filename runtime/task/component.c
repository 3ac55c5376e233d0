/* SPDX-License-Identifier: Apache-2.0 */
/* What a component asks of its task: who it is, what time it is, and its keyed state. */
#include "task/grouping.h"
#include "task/task.h"

const char *
sq_topology(const struct sq_task *task)
{
        return task->plan->name;
}

const char *
sq_component(const struct sq_task *task)
{
        return task->component->id;
}

unsigned
sq_index(const struct sq_task *task)
{
        return task->plan->tasks[task->id].index;
}

unsigned
sq_parallelism(const struct sq_task *task)
{
        return task->component->ntasks;
}

unsigned
sq_incarnation(const struct sq_task *task)
{
        return task->incarnation;
}

uint64_t
sq_now(const struct sq_task *task)
{
        return sqi_task_clock(task);
}

struct sq_time
sq_wall(const struct sq_task *task)
{
        struct timespec now;

        if (task->door)
                return task->door->wall(task->door->context);
        clock_gettime(CLOCK_REALTIME, &now);
        return (struct sq_time){now.tv_sec, (uint32_t)now.tv_nsec};
}

/* ---- keyed state -------------------------------------------------------------------------------------------------------- */

static struct sqi_keyed *
keyed_of(struct sq_task *task)
{
        if (!task->keyed)
                task->keyed = sqi_keyed_new(task->code->bolt ? task->code->bolt->key_state : task->code->spout->key_state);
        return task->keyed;
}

/* What the first key of the tuple under way is made of. */
static void
learn_key(struct sq_task *task, struct sq_str key)
{
        const struct sqi_slice *slice;
        const uint8_t *at = (const uint8_t *)key.ptr;

        task->key_shape = SQI_KEY_OTHER;
        if (!task->in_execute)
                return;
        slice = &task->tuple->slice;
        if (at < slice->at || at > slice->at + slice->offsets[slice->n])
                return;
        for (unsigned f = 0; f < slice->n; f++) {
                uint32_t begin = (uint32_t)(at - slice->at);
                if (begin == slice->offsets[f] && f == task->tuple->input->places[0])
                        task->key_shape = SQI_KEY_PACKED;
                if (begin <= slice->offsets[f] || begin >= slice->offsets[f + 1])
                        continue;
                task->key_shape = SQI_KEY_FIELD;
                task->key_field = f;
        }
}

/* Never NULL by contract. A task without memory cannot go on; its worker is restarted and its tuples are replayed. */
static __attribute__((noinline)) void *
look_up(struct sq_task *task, struct sq_str key)
{
        struct sqi_keyed *keyed = keyed_of(task);
        size_t before = keyed ? sqi_keyed_count(keyed) : 0;
        void *state = keyed ? sqi_keyed_get(keyed, key) : NULL;

        if (state && sqi_keyed_count(keyed) > before && task->in_execute && task->input->edge->grouping == SQI_FIELDS)
                sqi_keyed_route_last(keyed, sqi_key_hash(task->input->edge, &task->tuple->slice));

        if (task->key_shape == SQI_KEY_UNKNOWN)
                learn_key(task, key);
        if (!state) {
                sq_log(task, SQ_ERROR, "out of memory for keyed state");
                abort();
        }
        return state;
}

/* Flat, for it is called for each tuple of a counting bolt. */
__attribute__((flatten)) void *
sq_keyed(struct sq_task *task, struct sq_str key)
{
        const struct sqi_key *guess = task->guess;

        if (guess && key.ptr == guess->bytes.ptr && key.len == guess->bytes.len) {
                void *state = sqi_keyed_find_prepared(task->keyed, guess);
                if (state)
                        return state;
        }
        return look_up(task, key);
}

void
sq_keyed_forget(struct sq_task *task, struct sq_str key)
{
        if (task->keyed)
                sqi_keyed_forget(task->keyed, key);
}

size_t
sq_keyed_count(const struct sq_task *task)
{
        return task->keyed ? sqi_keyed_count(task->keyed) : 0;
}

void
sq_keyed_each(struct sq_task *task, sq_visit *visit, void *context)
{
        size_t cursor = 0;
        struct sq_str key;
        void *state;

        while (task->keyed && sqi_keyed_step(task->keyed, &cursor, &key, &state))
                if (!visit(task, key, state, context))
                        return;
}

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

struct sq_field
sq_input_field(const struct sq_task *task, unsigned field)
{
        return field < task->component->nin ? task->component->in[field] : (struct sq_field){NULL, SQ_ANY};
}

unsigned
sq_incarnation(const struct sq_task *task)
{
        return task->incarnation;
}

const char *
sq_run_id(const struct sq_task *task)
{
        return task->driver ? task->driver->run : NULL;
}

bool
sq_exactly_once(const struct sq_task *task)
{
        return task->plan->config.delivery == SQI_EXACTLY_ONCE;
}

bool
sq_restores(const struct sq_task *task)
{
        return task->handover.restore[0] != '\0';
}

bool
sq_leaving(const struct sq_task *task)
{
        return atomic_load_explicit(&task->leaving, memory_order_relaxed);
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

        if (task->driver)
                return task->driver->wall(task->driver->context);
        clock_gettime(CLOCK_REALTIME, &now);
        return (struct sq_time){now.tv_sec, (uint32_t)now.tv_nsec};
}

/* ---- the task's own values --------------------------------------------------------------------------- */

void
sq_own_set(struct sq_task *task, const char *name, struct sq_str bytes)
{
        struct sq_str text = {name, strlen(name)};

        if (sqi_own_values_set(&task->instance.values, text, bytes) == 0)
                return;
        sq_log(task, SQ_ERROR, "out of memory for the task's own values");
        abort();
}

struct sq_str
sq_own(const struct sq_task *task, const char *name)
{
        const struct sqi_own_value *value = sqi_own_values_find(&task->instance.values,
                                                                (struct sq_str){name, strlen(name)});

        return value ? value->bytes : (struct sq_str){NULL, 0};
}

/* ---- keyed state ------------------------------------------------------------------------------------- */

static struct sqi_keyed *
keyed_of(struct sq_task *task)
{
        if (!task->instance.keyed)
                task->instance.keyed = sqi_keyed_new(sqi_component_key_state(task->instance.code));
        return task->instance.keyed;
}

/* The key begins where field `first` does. */
static void
learn_packed(struct sq_task *task, const struct sqi_slice *slice, uint32_t first, size_t end)
{
        uint32_t behind = first + 1;

        while (behind < slice->n && slice->offsets[behind] < end)
                behind++;
        if (slice->offsets[behind] != end)
                return;
        task->instance.key_shape = SQI_KEY_PACKED;
        task->instance.key_fields = behind - first;
}

/* What the first key of the tuple under way is made of. */
static void
learn_key(struct sq_task *task, struct sq_str key)
{
        const struct sqi_slice *slice;
        const uint8_t *at = (const uint8_t *)key.ptr;

        task->instance.key_shape = SQI_KEY_OTHER;
        if (!task->bolt.in_execute)
                return;
        slice = &task->bolt.tuple->slice;
        if (at < slice->at || at > slice->at + slice->offsets[slice->n])
                return;
        for (unsigned f = 0; f < slice->n; f++) {
                uint32_t begin = (uint32_t)(at - slice->at);
                if (begin == slice->offsets[f] && f == task->bolt.tuple->input->places[0])
                        learn_packed(task, slice, f, begin + key.len);
                if (begin <= slice->offsets[f] || begin >= slice->offsets[f + 1])
                        continue;
                task->instance.key_shape = SQI_KEY_FIELD;
                task->instance.key_field = f;
        }
}

/* Not before the task runs: until then what it was restored from is still there. */
void
sqi_task_count_keys(struct sq_task *task)
{
        if (task->phase == SQI_RUNNING)
                sqi_gauge(&task->metrics->keys, sq_keyed_count(task));
}

/* Never NULL by contract. A task without memory cannot go on; its worker is restarted and its tuples are replayed. */
static __attribute__((noinline)) void *
look_up(struct sq_task *task, struct sq_str key)
{
        struct sqi_keyed *keyed = keyed_of(task);
        size_t before = keyed ? sqi_keyed_count(keyed) : 0;
        void *state = keyed ? sqi_keyed_get(keyed, key) : NULL;

        if (state && sqi_keyed_count(keyed) > before && task->bolt.in_execute &&
            task->bolt.input->edge->grouping == SQI_FIELDS)
                sqi_keyed_route_last(keyed, sqi_key_hash(task->bolt.input->edge, &task->bolt.tuple->slice));
        if (state && sqi_keyed_count(keyed) > before && task->instance.timer_route)
                sqi_keyed_route_last(keyed, *task->instance.timer_route);
        if (state && sqi_keyed_count(keyed) > before)
                sqi_task_count_keys(task);
        if (task->instance.key_shape == SQI_KEY_UNKNOWN)
                learn_key(task, key);
        if (!state) {
                sq_log(task, SQ_ERROR, "out of memory for keyed state");
                abort();
        }
        return state;
}

/* Not in the first place that it may be in, or unchanged so far. */
static __attribute__((noinline)) void *
look_further(struct sq_task *task, struct sq_str key)
{
        void *state = sqi_keyed_touch_prepared(task->instance.keyed, task->bolt.guess);

        return state ? state : look_up(task, key);
}

/* Flat, and whatever is rare is left to others at once: it is called for each tuple of a counting bolt. */
__attribute__((flatten)) void *
sq_keyed(struct sq_task *task, struct sq_str key)
{
        const struct sqi_key *guess = task->bolt.guess;
        void *state;

        if (!guess || key.ptr != guess->bytes.ptr || key.len != guess->bytes.len)
                return look_up(task, key);
        state = sqi_keyed_find_short(task->instance.keyed, guess);
        return __builtin_expect(state != NULL, 1) ? state : look_further(task, key);
}

const void *
sq_keyed_peek(const struct sq_task *task, struct sq_str key)
{
        return task->instance.keyed ? sqi_keyed_find(task->instance.keyed, key) : NULL;
}

void
sq_keyed_forget(struct sq_task *task, struct sq_str key)
{
        if (task->instance.keyed && sqi_keyed_forget(task->instance.keyed, key))
                sqi_task_count_keys(task);
}

size_t
sq_keyed_count(const struct sq_task *task)
{
        return task->instance.keyed ? sqi_keyed_count(task->instance.keyed) : 0;
}

/* Visits a key that has not changed since it was written down, and looks whether it has now. It may be gone. */
static bool
visit_clean(struct sq_task *task, sq_visit *visit, struct sq_str key, void *state, void *before, void *context)
{
        struct sqi_keyed *keyed = task->instance.keyed;
        size_t size = sqi_component_key_state(task->instance.code);
        bool more;

        sqi_keyed_save_now(keyed, state);
        memcpy(before, state, size);
        more = visit(task, key, state, context);
        if (sqi_keyed_parts(keyed, state) && memcmp(before, state, size) != 0)
                sqi_keyed_touch(keyed, state);
        return more;
}

void
sq_keyed_each(struct sq_task *task, sq_visit *visit, void *context)
{
        struct sqi_keyed *keyed = task->instance.keyed;
        void *state, *before = keyed ? malloc(sqi_component_key_state(task->instance.code) + 1) : NULL;
        bool more = true;
        size_t cursor = 0;
        struct sq_str key;

        while (more && keyed && sqi_keyed_step(keyed, &cursor, &key, &state)) {
                bool clean = sqi_keyed_is_clean(keyed, state);

                if (clean && !before)
                        sqi_keyed_touch(keyed, state);
                if (clean && before)
                        more = visit_clean(task, visit, key, state, before, context);
                else
                        more = visit(task, key, state, context);
        }
        free(before);
}

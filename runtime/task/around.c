/* SPDX-License-Identifier: Apache-2.0 */
/* The topology around a task, as a component may ask for it, and who gets what it emits. */
#include "channel/outlet.h"
#include "plan/plan.h"
#include "task/task.h"

enum { OUTLETS = 64 }; /* whose places fit the stack */

unsigned
sq_number(const struct sq_task *task)
{
        return task->id;
}

const char *
sq_component_of(const struct sq_task *task, unsigned number)
{
        const struct sqi_plan *plan = task->plan;

        return number < plan->ntasks ? plan->components[plan->tasks[number].component].id : NULL;
}

static const struct sqi_plan_stream *
stream_of(const struct sq_task *task, const char *component, unsigned n)
{
        const struct sqi_plan_component *found = sqi_plan_find(task->plan, component);

        return found && n < found->nstreams ? &found->streams[n] : NULL;
}

const char *
sq_stream_of(const struct sq_task *task, const char *component, unsigned n)
{
        const struct sqi_plan_stream *stream = stream_of(task, component, n);

        return stream ? stream->id : NULL;
}

struct sq_field
sq_field_of(const struct sq_task *task, const char *component, unsigned stream, unsigned place)
{
        const struct sqi_plan_stream *found = stream_of(task, component, stream);

        return found && place < found->nfields ? found->fields[place] : (struct sq_field){NULL, SQ_ANY};
}

bool
sq_reading(const struct sq_task *task, unsigned n, struct sq_reading *ret)
{
        const struct sqi_plan *plan = task->plan;
        const struct sqi_plan_edge *edge = n < plan->nedges ? &plan->edges[n] : NULL;

        if (!edge)
                return false;
        const struct sqi_plan_stream *stream = &plan->components[edge->from].streams[edge->stream];
        *ret = (struct sq_reading){.from = plan->components[edge->from].id,
                                   .stream = stream->id,
                                   .to = plan->components[edge->to].id,
                                   .grouping = sqi_grouping_name(edge->grouping),
                                   .nkeys = edge->nkeys};
        for (uint32_t k = 0; k < edge->nkeys; k++)
                ret->keys[k] = stream->fields[edge->keys[k]].name;
        return true;
}

bool
sq_config(const struct sq_task *task, unsigned n, const char **ret_name, struct sq_value *ret_value)
{
        const struct sqi_config *config = &task->plan->config;
        const struct sqi_config_key *key = sqi_config_keys;

        while (n > 0 && key->name)
                n--, key++;
        if (!key->name)
                return false;
        *ret_name = key->name;
        sqi_config_get(config, key, ret_value);
        if (key->offset == offsetof(struct sqi_config, tick_secs))
                *ret_value = sq_float(task->component->tick_secs);
        return true;
}

const char *
sq_folder(const struct sq_task *task)
{
        return task->plan->directory;
}

const char *
sq_run_folder(const struct sq_task *task)
{
        return task->rundir;
}

bool
sq_stepped(const struct sq_task *task)
{
        return task->driver && task->driver->stepped;
}

unsigned
sq_source_task(const struct sq_tuple *in)
{
        const struct sq_task *task = in->task;
        uint32_t from = in->input->edge->from;

        if (task->bolt.batch.open && task->plan->tasks[task->bolt.batch.frame.header.task].component == from)
                return task->bolt.batch.frame.header.task;
        return task->plan->components[from].first_task; /* it comes again, out of its batch */
}

/* ---- Who gets a tuple -------------------------------------------------------------------------------- */

static unsigned
note(unsigned number, unsigned n, unsigned *numbers, unsigned room)
{
        if (n < room)
                numbers[n] = number;
        return n + 1;
}

/* The tasks behind the outlets that have moved since `before`. */
static unsigned
moved(const struct sqi_collector *collector, const uint64_t *before, unsigned *numbers, unsigned room)
{
        unsigned n = 0;

        for (uint32_t i = 0; i < collector->noutlets; i++) {
                const struct sqi_outlet *outlet = &collector->outlets[i];
                if (outlet->seq == before[i])
                        continue;
                if (!outlet->broadcast)
                        n = note(outlet->receiver, n, numbers, room);
                for (uint32_t t = 0; outlet->broadcast && t < outlet->nreaders; t++)
                        if (outlet->readers[t].expected)
                                n = note(t, n, numbers, room);
        }
        return n;
}

unsigned
sq_emit_told(struct sq_task *task, unsigned stream, size_t n, const struct sq_value *values, unsigned *numbers,
             unsigned room)
{
        struct sqi_collector *collector = &task->collector;
        uint64_t few[OUTLETS], *before = few;
        unsigned told = 0;

        if (collector->noutlets > OUTLETS)
                before = calloc(collector->noutlets, sizeof(*before));
        for (uint32_t i = 0; before && i < collector->noutlets; i++)
                before[i] = collector->outlets[i].seq;
        sq_emit_values(task, stream, n, values);
        if (before)
                told = moved(collector, before, numbers, room);
        else
                sqi_task_fail(task, -ENOMEM, "out of memory for who gets a tuple");
        if (before != few)
                free(before);
        return told;
}

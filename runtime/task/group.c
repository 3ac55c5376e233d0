/* SPDX-License-Identifier: Apache-2.0 */
#include "task/group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "component/catalog.h"
#include "component/settings.h"
#include "task/grouping.h"
#include "task/task.h"

struct sq_group {
        struct sq_task *task; /* that emits */
        const struct sqi_plan_edge *edge;
        struct sqi_outlet **outlets;
        unsigned n;
        struct sqi_component *code;
        struct sqi_settings_memory settings;
        void *state;
        bool prepared;
        struct sqi_input input; /* how the fields of a tuple are counted */
        unsigned chosen[];
};

/* ---- What it asks ------------------------------------------------------------------------------------ */

void *
sq_group_state(const struct sq_group *group)
{
        return group->state;
}

unsigned
sq_group_size(const struct sq_group *group)
{
        return group->n;
}

unsigned
sq_group_task(const struct sq_group *group, unsigned target)
{
        return group->task->plan->components[group->edge->to].first_task + target;
}

bool
sq_group_is_local(const struct sq_group *group, unsigned target)
{
        const struct sqi_plan_task *tasks = group->task->plan->tasks;

        return target < group->n && tasks[sq_group_task(group, target)].worker == tasks[group->task->id].worker;
}

uint64_t
sq_group_wait(const struct sq_group *group, unsigned target)
{
        const struct sqi_outlet *outlet = target < group->n ? group->outlets[target] : NULL;

        return !outlet || outlet->stuck ? UINT64_MAX : sqi_load_wait_ns(outlet->load, outlet->batch.now.count);
}

/* The places of the edge, or all: as the grouping counts the fields. */
uint64_t
sq_group_hash(const struct sq_group *group, const struct sq_tuple *tuple)
{
        struct sqi_plan_edge all = {.nkeys = group->input.nfields};

        if (group->edge->nkeys > 0)
                return sqi_key_hash(group->edge, &tuple->slice);
        memcpy(all.keys, group->input.places, all.nkeys);
        return sqi_key_hash(&all, &tuple->slice);
}

/* ---- Its life ---------------------------------------------------------------------------------------- */

static void
describe(struct sq_group *group)
{
        const struct sqi_plan_edge *edge = group->edge;
        struct sqi_input *input = &group->input;

        input->edge = edge;
        input->source = group->task->component->id;
        input->stream = &group->task->component->streams[edge->stream];
        input->nfields = edge->nkeys ? edge->nkeys : input->stream->nfields;
        input->watermarks = SQI_WATERMARK_NOWHERE;
        for (uint32_t f = 0; f < input->nfields; f++)
                input->places[f] = (uint8_t)(edge->nkeys ? edge->keys[f] : f);
}

static int
load(struct sq_group *group)
{
        const struct sqi_plan_grouping *custom = group->edge->custom;
        struct sq_task *task = group->task;
        char cause[256] = "";
        size_t bad;

        if (sqi_component_load(custom->path, &group->code, cause, sizeof(cause)) < 0)
                return sqi_task_fail(task, -ENOEXEC, "the grouping '%s': %s", custom->component, cause);
        if (!group->code->grouping)
                return sqi_task_fail(task, -ENOEXEC, "%s is not a grouping any more", custom->path);
        group->state = calloc(1, sqi_component_state_size(group->code) + 1);
        if (!group->state)
                return sqi_task_fail(task, -ENOMEM, "out of memory for the state of the grouping '%s'",
                                     custom->component);
        if (sqi_settings_fill(group->code->grouping->options, custom->settings, custom->nsettings, group->state,
                              &group->settings, &bad, cause, sizeof(cause)) < 0)
                return sqi_task_fail(task, -EINVAL, "settings of the grouping '%s': %s", custom->component, cause);
        return 0;
}

int
sqi_group_open(struct sq_task *task, const struct sqi_plan_edge *edge, struct sqi_outlet **outlets, uint32_t n,
               struct sq_group **ret)
{
        struct sq_group *group = calloc(1, sizeof(*group) + n * sizeof(group->chosen[0]));

        if (!group)
                return -ENOMEM;
        group->task = task;
        group->edge = edge;
        group->outlets = outlets;
        group->n = n;
        describe(group);
        if (load(group) < 0) {
                sqi_group_close(&group);
                return task->failed;
        }
        *ret = group;
        return 0;
}

static int
prepare(struct sq_task *task, struct sq_group *group)
{
        const struct sq_grouping *code = group->code->grouping;

        if (!group->prepared && code->prepare && code->prepare(task, group) < 0)
                return sqi_task_fail(task, -EIO, "the grouping '%s': %s", group->edge->custom->component,
                                     task->error[0] ? task->error : "prepare failed without sq_error()");
        group->prepared = true;
        return 0;
}

int
sqi_groups_prepare(struct sq_task *task)
{
        struct sqi_collector *collector = &task->collector;
        int r = 0;

        for (uint32_t s = 0; s < collector->nstreams; s++)
                for (uint32_t t = 0; t < collector->streams[s].ntargets && r == 0; t++)
                        if (collector->streams[s].targets[t].group)
                                r = prepare(task, collector->streams[s].targets[t].group);
        return r;
}

void
sqi_group_close(struct sq_group **group)
{
        struct sq_group *self = *group;

        if (!self)
                return;
        if (self->prepared && self->code->grouping->cleanup)
                self->code->grouping->cleanup(self->task, self);
        sqi_settings_release(&self->settings);
        free(self->state);
        sqi_component_close(&self->code);
        free(self);
        *group = NULL;
}

/* ---- Choosing ---------------------------------------------------------------------------------------- */

static bool
is_in_twice(const struct sq_group *group, unsigned i)
{
        for (unsigned k = 0; k < i; k++)
                if (group->chosen[k] == group->chosen[i])
                        return true;
        return false;
}

/* Can what it chose not be done? */
static bool
is_wrong(const struct sq_group *group, unsigned n, char *why, size_t size)
{
        if (n == 0 || n > group->n) {
                snprintf(why, size, "chose %u targets of %u", n, group->n);
                return true;
        }
        for (unsigned i = 0; i < n; i++) {
                if (group->chosen[i] < group->n && !is_in_twice(group, i))
                        continue;
                snprintf(why, size,
                         group->chosen[i] < group->n ? "chose target %u of %u twice"
                                                     : "chose target %u, and there are %u, from 0 on",
                         group->chosen[i], group->n);
                return true;
        }
        return false;
}

/* Its callback, which may not emit; what it misuses is told apart from what the component did before. */
static unsigned
call(struct sq_group *group, const struct sqi_slice *tuple, bool *ret_misused)
{
        const struct sq_tuple view = {.task = group->task, .input = &group->input, .slice = *tuple};
        struct sq_task *task = group->task;
        bool open = task->collector.open, misused = task->misused;
        unsigned n;

        task->misused = task->collector.open = false;
        task->collector.choosing = true;
        n = group->code->grouping->choose(task, group, &view, group->chosen);
        task->collector.choosing = false;
        task->collector.open = open;
        *ret_misused = task->misused;
        task->misused |= misused;
        return n;
}

uint32_t
sqi_group_choose(struct sq_group *group, const struct sqi_slice *tuple, const unsigned **ret)
{
        bool misused;
        char why[80];
        unsigned n = call(group, tuple, &misused);

        *ret = group->chosen;
        if (!misused && !is_wrong(group, n, why, sizeof(why)))
                return n;
        if (!misused)
                sqi_task_misuse(group->task, "emit on stream \"%s\": the grouping '%s' to \"%s\" %s",
                                group->input.stream->id, group->edge->custom->component,
                                group->task->plan->components[group->edge->to].id, why);
        group->task->refused++;
        return 0;
}

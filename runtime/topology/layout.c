/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lays a checked model out as tasks and workers. Tasks are dealt to the workers in turn, component by component, as
 * Storm's even scheduler does: each worker gets its share of each component. What the model points to stays where it
 * is, in the arena that the plan takes over; only what lives in a component's .so has been copied before (declare.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "topology/model.h"

static int
lay_streams(struct sqi_arena *arena, const struct sqi_model_component *from, struct sqi_plan_component *ret)
{
        struct sqi_plan_stream *stream;

        ret->nstreams = (uint32_t)from->declared->nstreams;
        ret->streams = sqi_arena_alloc(arena, ret->nstreams, sizeof(*ret->streams));
        for (uint32_t i = 0; ret->streams && i < ret->nstreams; i++) {
                stream = &ret->streams[i];
                stream->id = from->declared->ids[i];
                stream->nfields = (uint32_t)from->declared->streams[i]->n;
                stream->fields = sqi_fields_held(arena, from->declared->streams[i]);
                if (!stream->fields)
                        return -ENOMEM;
        }
        return ret->streams ? 0 : -ENOMEM;
}

static int
lay_component(const struct sqi_model *model, const struct sqi_model_component *from, struct sqi_plan_component *ret)
{
        ret->id = from->id.text;
        ret->kind = from->kind;
        ret->component = from->component.text;
        ret->path = sqi_arena_text(model->arena, from->loaded->path);
        ret->ntasks = (uint32_t)from->parallelism;
        ret->cycle = from->cycle;
        ret->tick_secs = from->tick_secs >= 0 ? from->tick_secs : model->config.tick_secs;
        ret->nin = (uint32_t)from->declared->in.n;
        ret->in = sqi_fields_held(model->arena, &from->declared->in);
        ret->nsettings = (uint32_t)from->nsettings;
        ret->settings = from->settings;
        ret->event_time = from->event_time ? &from->event_time->it : NULL;
        return !ret->path || !ret->in ? -ENOMEM : lay_streams(model->arena, from, ret);
}

static int
lay_custom(const struct sqi_model *model, const struct sqi_model_component *from, struct sqi_plan_edge *ret)
{
        ret->custom = sqi_arena_alloc(model->arena, 1, sizeof(*ret->custom));
        if (!ret->custom)
                return -ENOMEM;
        *ret->custom = (struct sqi_plan_grouping){from->component.text,
                                                  sqi_arena_text(model->arena, from->loaded->path),
                                                  (uint32_t)from->nsettings, from->settings};
        return ret->custom->path ? 0 : -ENOMEM;
}

static int
lay_edge(const struct sqi_model *model, const struct sqi_model_edge *from, struct sqi_plan_edge *ret)
{
        ret->from = (uint32_t)from->source;
        ret->stream = (uint32_t)from->stream_index;
        ret->to = (uint32_t)from->target;
        ret->input = from->input;
        ret->grouping = from->grouping;
        ret->nkeys = (uint32_t)from->nargs;
        memcpy(ret->keys, from->keys, from->nargs);
        ret->nin = (uint32_t)model->components[from->target].declared->in.n;
        memcpy(ret->in, from->in, ret->nin);
        ret->feedback = from->feedback;
        ret->time = from->time;
        return from->custom ? lay_custom(model, from->custom, ret) : 0;
}

int
sqi_plan_spread(struct sqi_plan *plan)
{
        struct sqi_plan_component *component;
        uint32_t i, index, task = 0;

        plan->ntasks = 0;
        for (i = 0; i < plan->ncomponents; i++) {
                plan->components[i].first_task = plan->ntasks;
                plan->ntasks += plan->components[i].ntasks;
        }
        plan->nworkers = plan->ntasks;
        if (plan->config.workers > 0 && plan->config.workers < plan->ntasks)
                plan->nworkers = (uint32_t)plan->config.workers;
        plan->tasks = sqi_arena_alloc(plan->memory, plan->ntasks, sizeof(*plan->tasks));
        if (!plan->tasks)
                return -ENOMEM;
        for (i = 0; i < plan->ncomponents; i++) {
                component = &plan->components[i];
                for (index = 0; index < component->ntasks; index++, task++)
                        plan->tasks[task] = (struct sqi_plan_task){i, index, task % plan->nworkers};
        }
        return 0;
}

int
sqi_plan_make(struct sqi_model *model, struct sqi_plan **ret)
{
        struct sqi_plan *plan = calloc(1, sizeof(*plan));
        int r = 0;

        if (!plan)
                return -ENOMEM;
        plan->name = model->name.text;
        plan->directory = model->directory;
        plan->config = model->config;
        plan->ncomponents = (uint32_t)model->ncomponents;
        plan->nedges = (uint32_t)model->nedges;
        plan->components = sqi_arena_alloc(model->arena, plan->ncomponents, sizeof(*plan->components));
        plan->edges = sqi_arena_alloc(model->arena, plan->nedges, sizeof(*plan->edges));
        if (!plan->components || !plan->edges)
                r = -ENOMEM;
        for (uint32_t i = 0; r == 0 && i < plan->ncomponents; i++)
                r = lay_component(model, &model->components[i], &plan->components[i]);
        for (uint32_t i = 0; r == 0 && i < plan->nedges; i++)
                r = lay_edge(model, &model->edges[i], &plan->edges[i]);
        plan->memory = model->arena;
        if (r == 0)
                sqi_plan_mark_streams(plan);
        if (r == 0)
                r = sqi_plan_spread(plan);
        if (r < 0) {
                free(plan);
                return r;
        }
        model->arena = NULL;
        *ret = plan;
        return 0;
}

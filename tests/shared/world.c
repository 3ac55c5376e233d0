/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "world.h"

void
tear_down(struct world *world)
{
        free(world->actions.items);
        sqi_lifecycle_free(&world->life);
}

void
step(struct world *world, struct sqi_event event)
{
        world->actions.n = 0;
        sqi_lifecycle_step(world->life, &event, world->now, &world->actions);
        if (!world->slow_disk && count_type(world, SQI_ACTION_FOLDER) > 0)
                sqi_lifecycle_step(world->life, &(struct sqi_event){.type = SQI_EVENT_FOLDER}, world->now,
                                   &world->actions);
}

void
hear_with(struct world *world, struct sqi_message message)
{
        message.worker = message.task; /* a worker for each task */
        message.incarnation = world->incarnations[message.worker];
        step(world, (struct sqi_event){.type = SQI_EVENT_MESSAGE, .message = &message});
}

void
hear(struct world *world, enum sqi_message_type type, uint32_t task)
{
        hear_with(world, (struct sqi_message){.type = type, .task = task});
}

void
spawned(struct world *world, uint32_t worker)
{
        step(world, (struct sqi_event){.type = SQI_EVENT_SPAWNED, .worker = worker});
}

void
subscribed(struct world *world, uint32_t worker)
{
        step(world, (struct sqi_event){.type = SQI_EVENT_SUBSCRIBED,
                                       .worker = worker,
                                       .incarnation = world->incarnations[worker]});
}

void
died(struct world *world, uint32_t worker)
{
        step(world, (struct sqi_event){
                            .type = SQI_EVENT_EXITED, .worker = worker, .cause = SQI_CAUSE_SIGNAL, .number = SIGSEGV});
        world->incarnations[worker]++;
}

void
exited(struct world *world, uint32_t worker)
{
        step(world,
             (struct sqi_event){.type = SQI_EVENT_EXITED, .worker = worker, .cause = SQI_CAUSE_EXIT, .number = 0});
}

void
time_comes(struct world *world, uint64_t later)
{
        world->now += later;
        step(world, (struct sqi_event){.type = SQI_EVENT_TIME});
}

size_t
count_type(const struct world *world, enum sqi_action_type type)
{
        size_t n = 0;

        for (size_t i = 0; i < world->actions.n; i++)
                n += world->actions.items[i].type == type;
        return n;
}

size_t
count_sent(const struct world *world, enum sqi_message_type type, uint32_t worker)
{
        size_t n = 0;

        for (size_t i = 0; i < world->actions.n; i++) {
                const struct sqi_action *action = &world->actions.items[i];

                n += action->type == SQI_ACTION_SEND && action->message.type == type && action->worker == worker;
        }
        return n;
}

static const struct sqi_action *
find_sent(const struct world *world, enum sqi_message_type type)
{
        for (size_t i = 0; i < world->actions.n; i++)
                if (world->actions.items[i].type == SQI_ACTION_SEND && world->actions.items[i].message.type == type)
                        return &world->actions.items[i];
        return NULL;
}

const struct sqi_message *
sent(const struct world *world, enum sqi_message_type type)
{
        const struct sqi_action *action = find_sent(world, type);

        return action ? &action->message : NULL;
}

size_t
place_of(const struct world *world, enum sqi_message_type type)
{
        const struct sqi_action *action = find_sent(world, type);

        if (!action)
                fail_msg("%s was not sent", sqi_message_name(type));
        return (size_t)(action - world->actions.items);
}

bool
reported(const struct world *world, enum sqi_report report)
{
        for (size_t i = 0; i < world->actions.n; i++)
                if (world->actions.items[i].type == SQI_ACTION_REPORT && world->actions.items[i].report == report)
                        return true;
        return false;
}

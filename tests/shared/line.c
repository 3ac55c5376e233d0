/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "line.h"

void
make_line(struct world *world)
{
        memset(world, 0, sizeof(*world));
        for (uint32_t t = 0; t < TASKS; t++) {
                world->components[t] = (struct sqi_plan_component){.id = t == SPOUT  ? "lines"
                                                                         : t == BOLT ? "count"
                                                                                     : "out",
                                                                   .kind = t == SPOUT ? SQ_KIND_SPOUT : SQ_KIND_BOLT,
                                                                   .first_task = t,
                                                                   .ntasks = 1};
                world->tasks[t] = (struct sqi_plan_task){.component = t, .worker = t};
        }
        world->plan = (struct sqi_plan){.name = "test",
                                        .ncomponents = TASKS,
                                        .ntasks = TASKS,
                                        .nworkers = TASKS,
                                        .components = world->components,
                                        .tasks = world->tasks};
        sqi_config_defaults(&world->plan.config);
        world->plan.config.delivery = SQI_EXACTLY_ONCE;
        world->now = 1000 * SQI_SECOND;
        assert_int_equal(sqi_lifecycle_new(&world->plan, 10, 42, &world->life), 0);
        world->life->checkpoint.place = "/s";
}

void
all_say(struct world *world, enum sqi_message_type type)
{
        for (uint32_t t = 0; t < TASKS; t++)
                hear(world, type, t);
}

void
come_up(struct world *world)
{
        for (uint32_t w = 0; w < TASKS; w++)
                spawned(world, w);
        for (uint32_t w = 0; w < TASKS; w++)
                subscribed(world, w);
        all_say(world, SQI_MSG_BOUND);
        all_say(world, SQI_MSG_READY);
}

void
listens_again(struct world *world, uint32_t worker)
{
        assert_int_equal(world->life->workers[worker].state, SQI_WORKER_LEAVING);
        world->incarnations[worker]++;
        subscribed(world, worker);
}

void
begin_together(struct world *world, uint32_t dead)
{
        spawned(world, dead);
        subscribed(world, dead);
        all_say(world, SQI_MSG_BOUND);
        all_say(world, SQI_MSG_READY);
}

void
part(struct world *world, uint32_t task, uint64_t epoch)
{
        if (task == SPOUT)
                hear_with(world, (struct sqi_message){.type = SQI_MSG_POSITION, .task = task, .number = 100 * epoch});
        hear_with(world, (struct sqi_message){.type = SQI_MSG_SNAPSHOT, .task = task, .number = epoch, .a = 7, .b = 9});
}

void
all_parts(struct world *world, uint64_t epoch)
{
        for (uint32_t t = 0; t < TASKS; t++)
                part(world, t, epoch);
}

void
seal(struct world *world, int error)
{
        step(world, (struct sqi_event){.type = SQI_EVENT_SEALED, .number = error});
}

void
all_commit(struct world *world, uint64_t epoch)
{
        for (uint32_t t = 0; t < TASKS; t++)
                hear_with(world, (struct sqi_message){.type = SQI_MSG_COMMITTED, .task = t, .number = epoch});
}

void
all_beat_for(struct world *world, uint64_t later)
{
        for (uint32_t t = 0; t < TASKS; t++)
                world->life->workers[t].beat_at = world->now + later;
        time_comes(world, later);
}

void
run_line(struct world *world)
{
        make_line(world);
        step(world, (struct sqi_event){.type = SQI_EVENT_START});
        come_up(world);
        all_parts(world, 1);
        seal(world, 0);
        all_commit(world, 1);
        assert_int_equal(world->life->state, SQI_RUNNING);
}

void
sends_checkpoint(const struct world *world, uint64_t epoch)
{
        const struct sqi_message *message = sent(world, SQI_MSG_CHECKPOINT);
        char folder[32];

        assert_non_null(message);
        assert_int_equal(message->number, epoch);
        snprintf(folder, sizeof(folder), "/s/.open.%u", (unsigned)epoch);
        assert_int_equal(message->text.len, strlen(folder));
        assert_memory_equal(message->text.ptr, folder, strlen(folder));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "split.h"

void
set_up_plan(struct world *world, bool cyclic)
{
        memset(world, 0, sizeof(*world));
        world->components[0] = (struct sqi_plan_component){
                .id = "lines", .kind = SQ_KIND_SPOUT, .first_task = 0, .ntasks = 1};
        world->components[1] = (struct sqi_plan_component){
                .id = "split", .kind = SQ_KIND_BOLT, .first_task = 1, .ntasks = 2, .cycle = cyclic};
        world->components[2] = (struct sqi_plan_component){
                .id = "count", .kind = SQ_KIND_BOLT, .first_task = 3, .ntasks = 1, .cycle = cyclic};
        for (uint32_t t = 0; t < TASKS; t++)
                world->tasks[t] = (struct sqi_plan_task){.component = t == 0   ? 0
                                                                      : t == 3 ? 2
                                                                               : 1,
                                                         .index = t == 2,
                                                         .worker = t};
        world->plan = (struct sqi_plan){.name = "test",
                                        .ncomponents = 3,
                                        .ntasks = TASKS,
                                        .nworkers = TASKS,
                                        .components = world->components,
                                        .tasks = world->tasks};
        world->plan.config.worker_timeout = 30;
        world->plan.config.start_timeout = 120;
        world->plan.config.message_timeout = 30;
        world->now = 1000 * SQI_SECOND;
}

void
set_up(struct world *world, bool cyclic)
{
        set_up_plan(world, cyclic);
        assert_int_equal(sqi_lifecycle_new(&world->plan, 10, 42, &world->life), 0);
        step(world, (struct sqi_event){.type = SQI_EVENT_START});
}

void
time_passes(struct world *world, uint64_t later)
{
        for (uint64_t end = world->now + later; world->now < end;) {
                for (uint32_t t = 0; t < TASKS; t++)
                        hear(world, SQI_MSG_HEARTBEAT, t);
                time_comes(world, SQI_SECOND < end - world->now ? SQI_SECOND : end - world->now);
        }
}

void
all_are_bound(struct world *world)
{
        for (uint32_t w = 0; w < TASKS; w++) {
                spawned(world, w);
                subscribed(world, w);
                hear(world, SQI_MSG_HELLO, w);
                hear(world, SQI_MSG_BOUND, w);
        }
}

void
run_up(struct world *world)
{
        all_are_bound(world);
        for (uint32_t t = 0; t < TASKS; t++)
                hear(world, SQI_MSG_READY, t);
        assert_int_equal(world->life->state, SQI_RUNNING);
}

void
comes_back(struct world *world, uint32_t worker)
{
        spawned(world, worker);
        subscribed(world, worker);
        hear(world, SQI_MSG_BOUND, worker);
        hear(world, SQI_MSG_READY, worker);
}

void
all_finish(struct world *world)
{
        for (uint32_t t = 0; t < TASKS; t++)
                hear(world, SQI_MSG_FINISHED, t);
}

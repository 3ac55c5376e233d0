/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A supervisor's decisions, without a process: what happened goes in, what it wants done is looked at. Time is a
 * number. Each task has a worker of its own, which bears its number. A test makes the plan and the lifecycle, and ends
 * with tear_down(). Include cmocka.h first.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lifecycle/lifecycle.h"

enum { WORLD_TASKS = 4 };

struct world {
        struct sqi_plan_component components[WORLD_TASKS];
        struct sqi_plan_task tasks[WORLD_TASKS];
        struct sqi_plan plan;
        struct sqi_lifecycle *life;
        struct sqi_actions actions; /* what the last step wants */
        uint64_t now;
        uint32_t incarnations[WORLD_TASKS]; /* which of each worker speaks */
        bool slow_disk;                     /* the folder of an epoch is there when the test says so; else at once */
};

void tear_down(struct world *world);

/* ---- What happens ------------------------------------------------------------------------------------ */

void step(struct world *world, struct sqi_event event);
/* Of message.task. */
void hear_with(struct world *world, struct sqi_message message);
void hear(struct world *world, enum sqi_message_type type, uint32_t task);
void spawned(struct world *world, uint32_t worker);
void subscribed(struct world *world, uint32_t worker);
/* By a signal; the next to speak is its next incarnation. */
void died(struct world *world, uint32_t worker);
/* With status 0. */
void exited(struct world *world, uint32_t worker);
void time_comes(struct world *world, uint64_t later);

/* ---- What is wanted ---------------------------------------------------------------------------------- */

size_t count_type(const struct world *world, enum sqi_action_type type);
/* How many messages of a type go to `worker` (or SQI_EVERY_WORKER). */
size_t count_sent(const struct world *world, enum sqi_message_type type, uint32_t worker);
/* The first of its type, or NULL. */
const struct sqi_message *sent(const struct world *world, enum sqi_message_type type);
/* Where among the actions it is sent; the test fails when it is not. */
size_t place_of(const struct world *world, enum sqi_message_type type);
bool reported(const struct world *world, enum sqi_report report);

#endif

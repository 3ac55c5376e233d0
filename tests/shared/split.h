/* SPDX-License-Identifier: Apache-2.0 */
/* The world of lines -> split x 2 -> count, a worker for each task. Include cmocka.h first. */
#ifndef TESTS_SPLIT_H
#define TESTS_SPLIT_H

#include "world.h"

enum { SPOUT = 0, SPLIT_0 = 1, SPLIT_1 = 2, COUNT = 3, TASKS = 4 };

/* The plan alone; `cyclic` puts split and count into cycle 1. */
void set_up_plan(struct world *world, bool cyclic);
/* Every worker is being spawned. */
void set_up(struct world *world, bool cyclic);

void all_are_bound(struct world *world);
/* From set_up() to where it runs. */
void run_up(struct world *world);
/* A worker that died is spawned and gets ready. */
void comes_back(struct world *world, uint32_t worker);
void all_finish(struct world *world);
/* All the time there is, in steps as the shell would make them, with every worker beating. */
void time_passes(struct world *world, uint64_t later);

#endif

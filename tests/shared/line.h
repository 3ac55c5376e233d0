/* SPDX-License-Identifier: Apache-2.0 */
/* The world of lines -> count -> out, a worker for each task, exactly-once. Include cmocka.h first. */
#ifndef TESTS_LINE_H
#define TESTS_LINE_H

#include "world.h"

enum { SPOUT = 0, BOLT = 1, SINK = 2, TASKS = 3 };

/* Nothing has happened yet. Snapshots are below /s. */
void make_line(struct world *world);
/* Made, and up to START, with epoch 1 committed. */
void run_line(struct world *world);

void all_say(struct world *world, enum sqi_message_type type);
/* From spawned to ready, all together. */
void come_up(struct world *world);
/* Told to rejoin, it listens again, as its next incarnation, which is the next to speak. */
void listens_again(struct world *world, uint32_t worker);
/* The others are back: one that has died is spawned, and all get ready. */
void begin_together(struct world *world, uint32_t dead);
/* A task has written its part of an epoch; the spout tells its position, 100 an epoch. */
void part(struct world *world, uint32_t task, uint64_t epoch);
void all_parts(struct world *world, uint64_t epoch);
/* The snapshot is there, or could not be: an errno. */
void seal(struct world *world, int error);
void all_commit(struct world *world, uint64_t epoch);
/* One step of time, with every worker beating. */
void all_beat_for(struct world *world, uint64_t later);

/* The test fails unless the last step asks for this epoch. */
void sends_checkpoint(const struct world *world, uint64_t epoch);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keyed state on its way from one plan of a topology to the next: a rebalance, an update, a supervisor that is stopped and started again.
 *
 * A task whose sources have ended to hand over (their end-of-stream marks say so) writes its keys to RUNDIR/keyed-COMPONENT.INDEX, in place of finishing.
 * The supervisor lays these files into the run directory of the next plan; there each task takes, before it reads a tuple, the keys that are its own:
 *
 *     as many tasks as before     those of the file with its own index
 *     another number of them      those whose route, the hash that the fields grouping deals tuples out by, leads to it
 *
 * Another size of the state, or another routing (plan/routing.h), and nothing is taken: the task begins from nothing, and says so.
 */
#ifndef SQI_MOVED_H
#define SQI_MOVED_H

struct sq_task;

/* 0 or a negative errno. */
int sqi_moved_write(struct sq_task *task);
/* 0, also if there is nothing; or a negative errno: a file is damaged, or memory is short. */
int sqi_moved_read(struct sq_task *task);

#endif

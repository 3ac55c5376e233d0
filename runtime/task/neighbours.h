/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All neighbours of one task at once, for who runs it by a driver (driver.h) in the place of a worker: the other
 * ends of its channels.
 *
 *     sources --inbox--> the task --channels--> sinks
 *        ^-----------------acks---'
 *
 *     sqi_neighbours_simplify(plan, task)
 *     task->...                                          as for a driver
 *     sqi_neighbours_open(&beside, task)                 before sqi_task_open()
 *     sqi_neighbours_feed(&beside, edge, source, root, n, values, &id)
 *     sqi_task_turn(task)
 *     sqi_neighbours_gather(&beside, &takers, context)   what it has sent
 *     sqi_neighbours_close(&beside)                      after sqi_task_close()
 *
 * Whoever plays them keeps the tuple trees: of a bolt, what it was fed under a root is done when the exclusive or of
 * the id of that, of what its acks say and of the ids of what came of it is 0; of a spout, that of what came under a
 * root is what its ack has to say. Errors are a negative errno. One thread, that of the task.
 */
#ifndef SQI_NEIGHBOURS_H
#define SQI_NEIGHBOURS_H

#include "task/task.h"

struct sqi_neighbours {
        const struct sq_task *task;
        /* by task of the plan: a sink's PULL; a source's PUSH into the inbox or feedback inbox; NULL: no neighbour */
        void **sockets;
        void **acks;    /* by task: a spout's ack inbox */
        void *to_spout; /* PUSH to the ack inbox of a spout */
        uint64_t *fed;  /* by task: how many tuples it has been fed from there */
};

/* Makes the plan one for this: what the task sends to several it sends by PUSH, and nothing waits for room. */
void sqi_neighbours_simplify(struct sqi_plan *plan, uint32_t task);
int sqi_neighbours_open(struct sqi_neighbours *ret, const struct sq_task *task);
void sqi_neighbours_close(struct sqi_neighbours *beside); /* also when open failed */

/* A batch, or a mark, as bytes. */
int sqi_neighbours_send(void *socket, const void *bytes, size_t size);
/* One tuple, one batch, by the input `edge`, as from task `source` of the plan. */
int sqi_neighbours_feed(struct sqi_neighbours *beside, const struct sqi_plan_edge *edge, uint32_t source, uint64_t root,
                        size_t n, const struct sq_value *values, uint64_t *ret_id);
/* The end-of-stream mark of a source. */
int sqi_neighbours_end(struct sqi_neighbours *beside, uint32_t source);
/* A spout's tree is done, by what its tuples come to, or has failed. */
int sqi_neighbours_judge(struct sqi_neighbours *beside, uint64_t root, uint64_t value, bool ack);

struct sqi_neighbours_takers {
        /* `id`: of the tuple; its roots are in the frame */
        void (*tuple)(void *context, uint32_t receiver, const struct sqi_frame *frame, const struct sqi_slice *slice,
                      uint64_t id);
        void (*mark)(void *context, const struct sqi_header *header); /* or NULL */
        void (*ack)(void *context, const struct sqi_ack *ack);
};

/* Takes all that there is, tuples before acks. */
void sqi_neighbours_gather(struct sqi_neighbours *beside, const struct sqi_neighbours_takers *takers, void *context);

#endif

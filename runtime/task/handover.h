/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task on its way from one plan to the next while its process goes on (plan/stay.h).
 *
 *  1. HANDOVER tells the task that it stays, before the end-of-stream marks that say the topology goes on later.
 *  2. At its end it passes the marks on, but does not call finish: it is quiet. A bolt whose
 *     keyed state is not volatile writes it down all the same (snapshot.h), should its process not live to see the next
 *     plan.
 *  3. MOVE ends its thread. What belongs to the plan is closed; the component's instance is kept: its code, settings,
 *     state, keyed state, kept tuples, wake-up. The task is at the same address after it, for a component may have kept
 *     that.
 *  4. In the next plan, with other numbers maybe, it opens as any task does, but is not loaded and not prepared again,
 *     and a spout does not seek.
 */
#ifndef SQI_HANDOVER_H
#define SQI_HANDOVER_H

struct sq_task;

/* Instead of sqi_task_close(). The thread of the task. */
void sqi_handover_leave(struct sq_task *task);

/* The inputs of the next plan are there: the kept tuples are of them now. */
void sqi_handover_arrive(struct sq_task *task);

#endif

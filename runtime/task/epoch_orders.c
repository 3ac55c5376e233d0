/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor and a task say to each other about epochs. */
#include "task/epoch.h"
#include "task/snapshot.h"
#include "task/task.h"

/* How long a bolt waits for a mark. */
static const uint64_t MARK_NS = 100000000;

void
sqi_epoch_report(struct sq_task *task)
{
        struct sqi_epoch *epoch = &task->epoch;

        if (epoch->position.known)
                sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_POSITION,
                                                            .task = task->id,
                                                            .number = epoch->position.number,
                                                            .text = sqi_position_note(&epoch->position)});
        if (epoch->written > 0)
                sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_WRITTEN,
                                                            .task = task->id,
                                                            .number = epoch->answered,
                                                            .a = epoch->written,
                                                            .b = epoch->recorded});
        sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_SNAPSHOT,
                                                    .task = task->id,
                                                    .number = epoch->answered,
                                                    .a = epoch->size,
                                                    .b = epoch->sum,
                                                    .text = {epoch->cause, strlen(epoch->cause)}});
}

void
sqi_epoch_report_committed(struct sq_task *task)
{
        sqi_task_report(task, &(struct sqi_message){
                                      .type = SQI_MSG_COMMITTED, .task = task->id, .number = task->epoch.committed});
}

static void
take_checkpoint(struct sq_task *task, const struct sqi_message *order)
{
        struct sqi_epoch *epoch = &task->epoch;

        if (order->number == epoch->answered)
                sqi_epoch_report(task); /* it was lost, or has crossed the order */
        if (order->number <= epoch->ordered || order->text.len >= sizeof(epoch->folder))
                return;
        epoch->ordered = order->number;
        epoch->due_ns = sqi_task_clock(task) + MARK_NS;
        if (order->text.len > 0)
                memcpy(epoch->folder, order->text.ptr, order->text.len);
        epoch->folder[order->text.len] = '\0';
}

static void
take_abandon(struct sq_task *task, uint64_t number)
{
        struct sqi_epoch *epoch = &task->epoch;

        if (number > epoch->dropped)
                epoch->dropped = number;
        if ((!epoch->recording && !epoch->writing_down) || epoch->begun > number)
                return;
        sqi_snapshot_drop(&epoch->writing);
        epoch->recording = epoch->writing_down = false;
}

/* It is done once: the order comes again until all tasks have answered, and so perhaps behind the beginning of the next
 * epoch, whose tuples the component would take for those of this one. */
static void
take_commit(struct sq_task *task, uint64_t number)
{
        if (number < task->epoch.commit)
                return;
        task->epoch.commit = number;
        if (number == task->epoch.committed)
                sqi_epoch_report_committed(task);
        else
                task->epoch.commit_asked = true;
}

void
sqi_epoch_order(struct sq_task *task, const struct sqi_message *order)
{
        if (!task->epoch.exact)
                return;
        if (order->type == SQI_MSG_CHECKPOINT)
                take_checkpoint(task, order);
        else if (order->type == SQI_MSG_ABANDON)
                take_abandon(task, order->number);
        else
                take_commit(task, order->number);
}

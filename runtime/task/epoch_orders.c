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

/* ---- What an order is worth: of the orders and of the time alone, so that it can be simulated ---------- */

static enum sqi_epoch_answer
take_checkpoint(struct sqi_epoch *epoch, const struct sqi_message *order, uint64_t now_ns)
{
        bool again = order->number == epoch->answered; /* it was lost, or has crossed the order */

        if (order->number > epoch->ordered && order->text.len < sizeof(epoch->folder)) {
                epoch->ordered = order->number;
                epoch->due_ns = now_ns + MARK_NS;
                if (order->text.len > 0)
                        memcpy(epoch->folder, order->text.ptr, order->text.len);
                epoch->folder[order->text.len] = '\0';
        }
        return again ? SQI_EPOCH_SAY_PART : SQI_EPOCH_SAY_NOTHING;
}

static void
take_abandon(struct sqi_epoch *epoch, uint64_t number)
{
        if (number > epoch->dropped)
                epoch->dropped = number;
        if (epoch->begun <= number)
                epoch->recording = epoch->writing_down = false;
}

/* It is done once: the order comes again until all tasks have answered, and so perhaps behind the beginning of the next
 * epoch, whose tuples the component would take for those of this one. */
static enum sqi_epoch_answer
take_commit(struct sqi_epoch *epoch, uint64_t number)
{
        if (number < epoch->commit)
                return SQI_EPOCH_SAY_NOTHING;
        epoch->commit = number;
        if (number == epoch->committed)
                return SQI_EPOCH_SAY_COMMITTED;
        epoch->commit_asked = true;
        return SQI_EPOCH_SAY_NOTHING;
}

enum sqi_epoch_answer
sqi_epoch_take(struct sqi_epoch *epoch, const struct sqi_message *order, uint64_t now_ns)
{
        if (order->type == SQI_MSG_CHECKPOINT)
                return take_checkpoint(epoch, order, now_ns);
        if (order->type == SQI_MSG_COMMIT)
                return take_commit(epoch, order->number);
        take_abandon(epoch, order->number);
        return SQI_EPOCH_SAY_NOTHING;
}

bool
sqi_epoch_is_wanted(const struct sqi_epoch *epoch)
{
        return epoch->ordered > epoch->begun && epoch->ordered > epoch->dropped;
}

/* ---- For a task ---------------------------------------------------------------------------------------- */

void
sqi_epoch_order(struct sq_task *task, const struct sqi_message *order)
{
        struct sqi_epoch *epoch = &task->epoch;

        bool under_way = epoch->recording || epoch->writing_down;

        if (!epoch->exact)
                return;
        switch (sqi_epoch_take(epoch, order, sqi_task_clock(task))) {
        case SQI_EPOCH_SAY_PART:
                sqi_epoch_report(task);
                break;
        case SQI_EPOCH_SAY_COMMITTED:
                sqi_epoch_report_committed(task);
                break;
        case SQI_EPOCH_SAY_NOTHING:
                break;
        }
        if (under_way && !epoch->recording && !epoch->writing_down)
                sqi_snapshot_drop(&epoch->writing);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the control thread tells a task to do. */
#include "channel/socket.h"
#include "task/task.h"

static void
take_lost(struct sq_task *task, const struct sqi_message *message)
{
        if (message->task >= task->plan->ntasks || message->number <= task->intake.fence[message->task])
                return; /* known already: a new supervisor says again what is so */
        bool late = sqi_intake_lose(task, message->task, (uint32_t)message->number);
        sqi_collector_lose_reader(&task->collector, message->task, (uint32_t)message->number);
        sqi_load_forget(task->load);
        sqi_watermark_tell_anew(task, message->task);
        if (task->spout.ledger)
                sqi_ledger_lose(task->spout.ledger, sqi_task_clock(task));
        if (task->tracking && !late && (task->phase == SQI_WAITING || task->phase == SQI_RUNNING))
                sqi_collector_lose(task, message->task);
        if (task->spout.ledger)
                task->spout.replays_due = sqi_ledger_unfinished(task->spout.ledger) > 0;
}

/* A new supervisor says it of all: who has lived on, or has got it, would take what was kept twice. */
static void
take_ready(struct sq_task *task, uint32_t peer)
{
        if (peer >= task->plan->ntasks)
                return;
        sqi_watermark_tell_anew(task, peer);
        if (!task->intake.owed[peer])
                return;
        task->intake.owed[peer] = false;
        sqi_collector_reach(&task->collector, peer);
        sqi_collector_end_again(&task->collector, peer);
}

void
sqi_task_activate(struct sq_task *task, bool active)
{
        const struct sq_spout *spout = task->instance.code ? task->instance.code->spout : NULL;

        if (task->instance.active == active || !spout)
                return;
        task->instance.active = active;
        if (active && spout->activate)
                spout->activate(task);
        if (!active && spout->deactivate)
                spout->deactivate(task);
}

/* One that does not fit is no path of ours. */
static void
take_path(char ret[SQI_FOLDER_SIZE], struct sq_str path)
{
        if (path.len >= SQI_FOLDER_SIZE)
                path.len = 0;
        if (path.len > 0)
                memcpy(ret, path.ptr, path.len);
        ret[path.len] = '\0';
}

/* That it is one the bolts learn from the marks behind the last tuples: an order could come before or after those. */
static void
take_handover(struct sq_task *task, const struct sqi_message *message)
{
        task->handover.begun |= task->component->kind == SQ_KIND_SPOUT;
        task->handover.fate = message->number ? SQI_FATE_STAYS : SQI_FATE_ENDS;
        task->handover.epoch = message->a;
        take_path(task->handover.folder, message->text);
}

static void
take_log_level(struct sq_task *task, const struct sqi_message *message)
{
        if (message->task != task->id || message->number > SQ_DEBUG)
                return;
        task->instance.log_level = (enum sq_level)message->number;
        task->instance.log_until_ns = message->a ? sqi_clock_ns() + message->a * 1000000 : 0;
}

static void
take_tap(struct sq_task *task, const struct sqi_message *message)
{
        struct sqi_collector *collector = &task->collector;
        double share = (double)message->b / task->component->ntasks / (collector->noutlets ? collector->noutlets : 1);

        if (message->number != (uint64_t)(task->component - task->plan->components) || !sqi_task_open_tap(task))
                return;
        sqi_tap_order(collector->tap, sqi_clock_ns(), message->a * 1000000, share);
        collector->source.tap = collector->tap;
}

/* Somebody looks. */
static void
take_look(struct sq_task *task, const struct sqi_message *message)
{
        if (message->type == SQI_MSG_TAP)
                take_tap(task, message);
        else
                sqi_trace_order(task, message);
}

static void
answer_probe(struct sq_task *task, uint64_t round)
{
        if (task->component->cycle && task->phase == SQI_RUNNING)
                sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_PROBED,
                                                            .task = task->id,
                                                            .number = round,
                                                            .a = task->intake.received,
                                                            .b = task->collector.sent_to_cycle});
}

static void
take_activation(struct sq_task *task, bool active)
{
        task->start_inactive = !active;
        if (task->phase == SQI_RUNNING)
                sqi_task_activate(task, active);
}

static void
begin_to_drain(struct sq_task *task)
{
        task->draining = true;
        if (task->spout.ledger)
                sqi_ledger_hurry(task->spout.ledger, sqi_task_clock(task));
}

static void
take_restore(struct sq_task *task, const struct sqi_message *message)
{
        task->handover.restored = message->number;
        task->handover.anew = message->a;
        take_path(task->handover.restore, message->text);
}

void
sqi_task_obey(struct sq_task *task, const struct sqi_message *message)
{
        switch (message->type) {
        case SQI_MSG_POSITION:
                if (message->task == task->id)
                        sqi_position_take(&task->spout.resume, message);
                break;
        case SQI_MSG_CONNECT:
                task->may_connect = true;
                break;
        case SQI_MSG_START:
                task->may_start = true;
                break;
        case SQI_MSG_ACTIVATE:
        case SQI_MSG_DEACTIVATE:
                take_activation(task, message->type == SQI_MSG_ACTIVATE);
                break;
        case SQI_MSG_TAP:
        case SQI_MSG_TRACE:
                take_look(task, message);
                break;
        case SQI_MSG_HANDOVER:
                take_handover(task, message);
                break;
        case SQI_MSG_RESTORE:
                take_restore(task, message);
                break;
        case SQI_MSG_CHECKPOINT:
        case SQI_MSG_ABANDON:
        case SQI_MSG_COMMIT:
                sqi_epoch_order(task, message);
                break;
        case SQI_MSG_QUERY:
                sqi_query_order(task, message);
                break;
        case SQI_MSG_MOVE:
                task->handover.moving = task->quitting = true;
                break;
        case SQI_MSG_LOG_LEVEL:
                take_log_level(task, message);
                break;
        case SQI_MSG_DRAIN:
                begin_to_drain(task);
                break;
        case SQI_MSG_PROBE:
                answer_probe(task, message->number);
                break;
        case SQI_MSG_RELEASE:
                if (message->number == task->component->cycle)
                        task->released = true;
                break;
        case SQI_MSG_PEER_LOST:
                take_lost(task, message);
                break;
        case SQI_MSG_PEER_READY:
                take_ready(task, message->task);
                break;
        case SQI_MSG_QUIT:
                task->quitting = true;
                break;
        default:
                break;
        }
}

bool
sqi_task_serve(struct sq_task *task)
{
        struct sqi_message order;
        zmq_msg_t message;
        bool got = false;

        if (task->driver)
                return false;
        task->reported = false;
        zmq_msg_init(&message);
        while (sqi_socket_receive(task->control, &message) == 0) {
                got = true;
                if (sqi_message_decode(zmq_msg_data(&message), zmq_msg_size(&message), &order, NULL) == 0)
                        sqi_task_obey(task, &order);
        }
        zmq_msg_close(&message);
        return got;
}

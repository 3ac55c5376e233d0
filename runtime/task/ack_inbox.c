/* SPDX-License-Identifier: Apache-2.0 */
/* The inbox of a spout for the acks and fails of its trees. All of it is bytes from another process. */
#include "channel/socket.h"
#include "task/task.h"

static void
take_cause(struct sq_task *task, const struct sqi_ack *ack, const uint8_t *text, size_t size)
{
        if (ack->length > SQI_CAUSE_MAX || ack->length > size)
                return;
        memcpy(task->cause, text, ack->length);
        task->cause[ack->length] = '\0';
}

/* A cause holds for the fail behind it. */
static inline void
take_record(struct sq_task *task, const struct sqi_ack *ack, uint32_t sender)
{
        bool fails = ack->op == SQI_ACK_FAIL || ack->op == SQI_ACK_LATER;

        if (fails)
                task->spout.cause_task = sender;
        sqi_ledger_take(task->spout.ledger, ack, task->now_ns);
        if (fails)
                task->cause[0] = '\0';
}

static void
take_records(struct sq_task *task, const uint8_t *bytes, size_t size)
{
        struct sqi_ack_header header;
        struct sqi_ack ack;

        memcpy(&header, bytes, size < sizeof(header) ? size : sizeof(header));
        if (size < sizeof(header) || memcmp(header.magic, "SQA", 3) != 0 || header.version != SQI_WIRE_VERSION ||
            header.count != (size - sizeof(header)) / sizeof(ack) || (size - sizeof(header)) % sizeof(ack) ||
            header.task >= task->plan->ntasks) {
                sqi_intake_refuse(task, UINT32_MAX, "not a message of acks");
                return;
        }
        if (header.incarnation < task->intake.fence[header.task]) {
                sqi_count(&task->metrics->fenced, 1);
                return;
        }
        task->spout.cause_task = header.task;
        task->cause[0] = '\0';
        for (uint32_t i = 0; i < header.count; i += 1 + sqi_ack_text(&ack)) {
                const uint8_t *at = bytes + sizeof(header) + i * sizeof(ack);
                memcpy(&ack, at, sizeof(ack));
                if (ack.op == SQI_ACK_CAUSE)
                        take_cause(task, &ack, at + sizeof(ack), (size_t)(header.count - i - 1) * sizeof(ack));
                else
                        take_record(task, &ack, header.task);
        }
}

bool
sqi_spout_take_acks(struct sq_task *task)
{
        zmq_msg_t message;
        bool got = false;

        if (!task->spout.ack_inbox)
                return false;
        zmq_msg_init(&message);
        while (sqi_socket_receive(task->spout.ack_inbox, &message) == 0) {
                take_records(task, zmq_msg_data(&message), zmq_msg_size(&message));
                got = true;
        }
        zmq_msg_close(&message);
        return got;
}

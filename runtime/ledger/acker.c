/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/acker.h"

#include <stdlib.h>
#include <string.h>

#include "channel/socket.h"

static bool
reserve(struct sqi_ledger_outlet *spout)
{
        if (spout->n < spout->capacity)
                return true;
        size_t capacity = spout->capacity ? spout->capacity * 2 : SQI_ACKS_FULL;
        struct sqi_ack *records = realloc(spout->records, capacity * sizeof(*records));
        if (!records)
                return false;
        spout->records = records;
        spout->capacity = capacity;
        return true;
}

void
sqi_acker_add(struct sqi_acker *acker, uint64_t root, uint64_t value, enum sqi_ack_op op)
{
        uint32_t task = SQI_ROOT_TASK(root);
        struct sqi_ledger_outlet *spout = task < acker->ntasks ? acker->by_task[task] : NULL;

        if (!spout)
                return;
        if (!reserve(spout)) {
                acker->no_memory = true;
                return;
        }
        spout->records[spout->n++] = (struct sqi_ack){.root = root, .value = value, .op = (uint32_t)op};
        acker->gathered++;
}

void
sqi_acker_explain(struct sqi_acker *acker, uint32_t spout, const char *cause)
{
        struct sqi_ledger_outlet *outlet = spout < acker->ntasks ? acker->by_task[spout] : NULL;
        struct sqi_ack text = {.op = SQI_ACK_CAUSE, .length = (uint32_t)strnlen(cause, SQI_CAUSE_MAX)};
        uint32_t records = sqi_ack_text(&text);
        size_t before = outlet ? outlet->n : 0;

        for (uint32_t i = 0; i < records + 1; i++) {
                if (!outlet || !reserve(outlet))
                        break;
                outlet->records[outlet->n] = text;
                if (i > 0)
                        memset(&outlet->records[outlet->n], 0, sizeof(text));
                outlet->n++;
        }
        if (!outlet)
                return;
        if (outlet->n == before + records + 1) {
                memcpy(&outlet->records[before + 1], cause, text.length);
                acker->gathered += records + 1;
        } else {
                outlet->n = before; /* no memory: it fails without a word */
        }
}

void
sqi_acker_fail(struct sqi_acker *acker)
{
        for (uint32_t s = 0; s < acker->nspouts; s++)
                for (size_t i = 0; i < acker->spouts[s].n; i += 1 + sqi_ack_text(&acker->spouts[s].records[i]))
                        if (acker->spouts[s].records[i].op == SQI_ACK_XOR)
                                acker->spouts[s].records[i].op = SQI_ACK_LATER;
}

static void
push(struct sqi_acker *acker, struct sqi_ledger_outlet *spout)
{
        struct sqi_ack_header header = {
                .magic = "SQA",
                .version = SQI_WIRE_VERSION,
                .task = acker->task,
                .incarnation = acker->incarnation,
                .count = (uint32_t)spout->n,
        };
        size_t bytes = spout->n * sizeof(*spout->records);
        zmq_msg_t message;

        if (zmq_msg_init_size(&message, sizeof(header) + bytes) < 0)
                return;
        memcpy(zmq_msg_data(&message), &header, sizeof(header));
        memcpy((uint8_t *)zmq_msg_data(&message) + sizeof(header), spout->records, bytes);
        if (sqi_socket_send(spout->socket, &message) < 0) {
                zmq_msg_close(&message);
                return;
        }
        acker->gathered -= spout->n;
        spout->n = 0;
}

void
sqi_acker_push(struct sqi_acker *acker)
{
        for (uint32_t s = 0; s < acker->nspouts && acker->gathered; s++)
                if (acker->spouts[s].n)
                        push(acker, &acker->spouts[s]);
}

void
sqi_acker_close(struct sqi_acker *acker)
{
        for (uint32_t s = 0; s < acker->nspouts; s++) {
                sqi_socket_close(&acker->spouts[s].socket);
                free(acker->spouts[s].records);
        }
        free(acker->spouts);
        free(acker->by_task);
        memset(acker, 0, sizeof(*acker));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "task/neighbours.h"

#include "base/invariant.h"
#include "channel/socket.h"
#include "control/endpoint.h"
#include "tuple/pack.h"

void
sqi_neighbours_simplify(struct sqi_plan *plan, uint32_t task)
{
        for (uint32_t e = 0; e < plan->nedges; e++)
                if (plan->edges[e].grouping == SQI_ALL && plan->edges[e].from == plan->tasks[task].component)
                        plan->edges[e].grouping = SQI_SHUFFLE;
        for (uint32_t t = 0; t < plan->ntasks; t++)
                plan->tasks[t].worker = 0;
        plan->nworkers = 1;
        plan->config.channel_batches = 0; /* without bound: nobody reads while the task turns */
}

static int
attach(const struct sqi_neighbours *beside, int type, enum sqi_endpoint_kind kind, uint32_t task, void **ret)
{
        char endpoint[SQI_ENDPOINT_SIZE];
        int r = sqi_endpoint("", kind, task, true, endpoint);

        if (r < 0 || *ret)
                return r;
        *ret = sqi_socket_new(beside->task->context, type, 0);
        if (!*ret)
                return -errno;
        return type == ZMQ_PULL ? sqi_socket_bind(*ret, endpoint) : sqi_socket_connect(*ret, endpoint);
}

/* Every neighbour's end of its channel. What goes round a cycle comes and goes by the feedback inboxes. */
static int
attach_edge(struct sqi_neighbours *beside, const struct sqi_plan_edge *edge)
{
        const struct sq_task *task = beside->task;
        const struct sqi_plan_component *from = &task->plan->components[edge->from],
                                        *to = &task->plan->components[edge->to];
        enum sqi_endpoint_kind kind = edge->feedback ? SQI_FEEDBACK : SQI_INBOX;
        int r = 0;

        for (uint32_t t = to->first_task;
             to != task->component && from == task->component && t < to->first_task + to->ntasks && r == 0; t++)
                r = attach(beside, ZMQ_PULL, kind, t, &beside->sockets[t]);
        for (uint32_t t = from->first_task;
             from != task->component && to == task->component && t < from->first_task + from->ntasks && r == 0; t++)
                if (!beside->sockets[t])
                        r = attach(beside, ZMQ_PUSH, SQI_INBOX, task->id, &beside->sockets[t]);
        return r;
}

int
sqi_neighbours_open(struct sqi_neighbours *ret, const struct sq_task *task)
{
        const struct sqi_plan *plan = task->plan;
        int r = 0;

        *ret = (struct sqi_neighbours){.task = task};
        ret->sockets = calloc(plan->ntasks, sizeof(void *));
        ret->acks = calloc(plan->ntasks, sizeof(void *));
        ret->fed = calloc(plan->ntasks, sizeof(*ret->fed));
        if (!ret->sockets || !ret->acks || !ret->fed)
                return -ENOMEM;
        for (uint32_t e = 0; e < plan->nedges && r == 0; e++)
                r = attach_edge(ret, &plan->edges[e]);
        for (uint32_t t = 0; t < plan->ntasks && r == 0; t++)
                if (plan->components[plan->tasks[t].component].kind == SQ_KIND_SPOUT && t != task->id)
                        r = attach(ret, ZMQ_PULL, SQI_ACKS, t, &ret->acks[t]);
        if (r == 0 && task->component->kind == SQ_KIND_SPOUT)
                r = attach(ret, ZMQ_PUSH, SQI_ACKS, task->id, &ret->to_spout);
        return r;
}

void
sqi_neighbours_close(struct sqi_neighbours *beside)
{
        for (uint32_t t = 0; beside->task && t < beside->task->plan->ntasks; t++) {
                if (beside->sockets)
                        sqi_socket_close(&beside->sockets[t]);
                if (beside->acks)
                        sqi_socket_close(&beside->acks[t]);
        }
        sqi_socket_close(&beside->to_spout);
        free(beside->sockets);
        free(beside->acks);
        free(beside->fed);
        *beside = (struct sqi_neighbours){.task = NULL};
}

/* ---- What the task gets ------------------------------------------------------------------------------ */

int
sqi_neighbours_send(void *socket, const void *bytes, size_t size)
{
        zmq_msg_t message;

        if (zmq_msg_init_size(&message, size) < 0)
                return -ENOMEM;
        memcpy(zmq_msg_data(&message), bytes, size);
        int r = sqi_socket_send(socket, &message);
        if (r < 0)
                zmq_msg_close(&message);
        return r;
}

int
sqi_neighbours_feed(struct sqi_neighbours *beside, const struct sqi_plan_edge *edge, uint32_t source, uint64_t root,
                    size_t n, const struct sq_value *values, uint64_t *ret_id)
{
        struct sqi_header header = {.magic = "SQB",
                                    .version = SQI_WIRE_VERSION,
                                    .kind = SQI_BATCH_DATA,
                                    .task = source,
                                    .incarnation = beside->task->incarnation, /* of one worker with it */
                                    .count = 1,
                                    .nruns = 1};
        struct sqi_run run = {1, (uint16_t)edge->stream, 1};
        size_t size = sizeof(header) + 3 + sizeof(run) + sizeof(root);

        sqi_assert(source < beside->task->plan->ntasks && beside->sockets[source]);
        for (size_t i = 0; i < n; i++)
                size += sqi_pack_bound(&values[i]);
        uint8_t *bytes = malloc(size), *at;
        if (!bytes)
                return -ENOMEM;
        at = sqi_pack_head(bytes + sizeof(header), (uint32_t)n);
        for (size_t i = 0; i < n; i++)
                at = sqi_pack(at, &values[i]);
        header.bytes = (uint32_t)(at - bytes - (ptrdiff_t)sizeof(header));
        header.run_bytes = sizeof(run) + sizeof(root);
        header.edge_key = sq_mix(source + 1);
        header.first_seq = beside->fed[source]++;
        *ret_id = sqi_edge_id(header.edge_key, header.first_seq);
        memcpy(bytes, &header, sizeof(header));
        memcpy(at, &run, sizeof(run));
        memcpy(at + sizeof(run), &root, sizeof(root));
        int r = sqi_neighbours_send(beside->sockets[source], bytes, (size_t)(at - bytes) + sizeof(run) + sizeof(root));
        free(bytes);
        return r;
}

int
sqi_neighbours_end(struct sqi_neighbours *beside, uint32_t source)
{
        struct sqi_header header = {.magic = "SQB",
                                    .version = SQI_WIRE_VERSION,
                                    .kind = SQI_BATCH_END,
                                    .task = source,
                                    .incarnation = beside->task->incarnation};

        return sqi_neighbours_send(beside->sockets[source], &header, sizeof(header));
}

int
sqi_neighbours_judge(struct sqi_neighbours *beside, uint64_t root, uint64_t value, bool ack)
{
        struct {
                struct sqi_ack_header header;
                struct sqi_ack record;
        } message = {.header = {.magic = "SQA", .version = SQI_WIRE_VERSION, .count = 1}};

        message.header.task = beside->task->plan->ntasks - 1;
        message.header.incarnation = beside->task->incarnation;
        message.record = (struct sqi_ack){.root = root, .value = value, .op = ack ? SQI_ACK_XOR : SQI_ACK_FAIL};
        return sqi_neighbours_send(beside->to_spout, &message, sizeof(message));
}

/* ---- What it has sent -------------------------------------------------------------------------------- */

static void
take_acks(void *socket, const struct sqi_neighbours_takers *takers, void *context)
{
        struct sqi_ack_header header;
        struct sqi_ack ack;
        zmq_msg_t message;

        zmq_msg_init(&message);
        while (sqi_socket_receive(socket, &message) == 0) {
                const uint8_t *bytes = zmq_msg_data(&message);
                memcpy(&header, bytes, sizeof(header));
                for (uint32_t i = 0; i < header.count; i += 1 + sqi_ack_text(&ack)) {
                        memcpy(&ack, bytes + sizeof(header) + i * sizeof(ack), sizeof(ack));
                        takers->ack(context, &ack);
                }
        }
        zmq_msg_close(&message);
}

static void
take_batches(void *socket, uint32_t receiver, const struct sqi_neighbours_takers *takers, void *context)
{
        struct sqi_frame frame;
        struct sqi_slice slice;
        const char *cause;
        zmq_msg_t message;

        zmq_msg_init(&message);
        while (sqi_socket_receive(socket, &message) == 0) {
                if (sqi_frame_open(&frame, zmq_msg_data(&message), zmq_msg_size(&message), &cause) < 0)
                        continue;
                if (frame.header.kind != SQI_BATCH_DATA && takers->mark)
                        takers->mark(context, &frame.header);
                while (sqi_frame_next(&frame, &slice) > 0)
                        takers->tuple(context, receiver, &frame, &slice,
                                      sqi_edge_id(frame.header.edge_key, frame.header.first_seq + frame.index - 1));
        }
        zmq_msg_close(&message);
}

void
sqi_neighbours_gather(struct sqi_neighbours *beside, const struct sqi_neighbours_takers *takers, void *context)
{
        uint32_t ntasks = beside->task->plan->ntasks;

        for (uint32_t t = 0; t < ntasks; t++) {
                int type = 0;
                size_t size = sizeof(type);

                if (beside->sockets[t] && zmq_getsockopt(beside->sockets[t], ZMQ_TYPE, &type, &size) == 0 &&
                    type == ZMQ_PULL)
                        take_batches(beside->sockets[t], t, takers, context);
        }
        for (uint32_t t = 0; t < ntasks; t++)
                if (beside->acks[t])
                        take_acks(beside->acks[t], takers, context);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a task's collector is wired: from the plan's edges to sockets, outlets and targets.
 *
 * A task has one PUSH socket and one outlet for each task it may send to (two where a cycle makes one of them
 * feedback), however many streams share it, so that the order between two tasks is the order of emission. Its
 * broadcasts, one outlet a stream, share one XPUB.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/endpoint.h"
#include "channel/socket.h"
#include "plan/routing.h"
#include "task/collector.h"
#include "task/group.h"
#include "task/task.h"

/* A feedback edge always goes by PUSH: nobody waits for its receivers. */
static bool
is_broadcast(const struct sqi_plan_edge *edge)
{
        return edge->grouping == SQI_ALL && !edge->feedback;
}

static uint32_t
count_outlets(const struct sq_task *task)
{
        uint32_t n = 0;

        for (uint32_t e = 0; e < task->plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &task->plan->edges[e];
                if (&task->plan->components[edge->from] == task->component)
                        n += is_broadcast(edge) ? 1 : task->plan->components[edge->to].ntasks;
        }
        return n;
}

static struct sqi_outlet *
find_outlet(struct sqi_collector *collector, uint32_t receiver, bool broadcast, bool feedback)
{
        for (uint32_t i = 0; i < collector->noutlets; i++) {
                struct sqi_outlet *outlet = &collector->outlets[i];
                if (outlet->receiver == receiver && outlet->broadcast == broadcast && outlet->feedback == feedback)
                        return outlet;
        }
        return NULL;
}

static struct sqi_outlet *
need_outlet(struct sq_task *task, uint32_t receiver, bool broadcast, bool feedback)
{
        struct sqi_collector *collector = &task->collector;
        struct sqi_outlet *outlet = find_outlet(collector, receiver, broadcast, feedback);
        void *socket = collector->broadcast;

        if (outlet)
                return outlet;
        if (!broadcast) {
                socket = sqi_socket_new(task->context, ZMQ_PUSH, (int)task->plan->config.channel_batches);
                if (!socket)
                        return NULL;
                collector->sockets[collector->nsockets++] = socket;
        }
        outlet = &collector->outlets[collector->noutlets++];
        sqi_outlet_init(outlet, &collector->source, socket, receiver, broadcast, feedback);
        if (task->loads && !broadcast)
                sqi_outlet_watch(outlet, &task->loads[receiver]);
        return outlet;
}

static int
open_broadcast(struct sq_task *task)
{
        int yes = 1, hwm = (int)task->plan->config.channel_batches;
        struct sqi_collector *collector = &task->collector;

        if (collector->broadcast)
                return 0;
        collector->broadcast = sqi_socket_new(task->context, ZMQ_XPUB, hwm);
        if (!collector->broadcast || zmq_setsockopt(collector->broadcast, ZMQ_XPUB_NODROP, &yes, sizeof(yes)) < 0 ||
            zmq_setsockopt(collector->broadcast, ZMQ_XPUB_VERBOSER, &yes, sizeof(yes)) < 0)
                return -errno;
        return sqi_socket_keep_subscriptions(collector->broadcast);
}

/* One broadcast outlet serves every reader of the stream: its receivers are all of theirs, and the keys are kept with
 * the first target. */
static int
wire_broadcast(struct sq_task *task, struct sqi_target *target, const struct sqi_plan_component *reader)
{
        int r = open_broadcast(task);

        if (r < 0)
                return r;
        target->outlets[0] = need_outlet(task, target->edge->stream, true, false);
        if (!target->outlets[0])
                return -errno;
        target->noutlets = 1;
        target->keys = calloc(reader->ntasks, sizeof(*target->keys));
        if (!target->keys)
                return -ENOMEM;
        for (uint32_t i = 0; i < reader->ntasks; i++)
                target->keys[i] = sqi_edge_key_of(target->outlets[0]->edge_key, reader->first_task + i);
        r = sqi_outlet_expect(target->outlets[0], task->plan->ntasks, reader->first_task, reader->ntasks);
        sqi_outlet_watch(target->outlets[0], task->loads);
        return r;
}

static int
wire_tasks(struct sq_task *task, struct sqi_target *target, const struct sqi_plan_component *reader)
{
        uint32_t worker = task->plan->tasks[task->id].worker;

        for (uint32_t i = 0; i < reader->ntasks; i++) {
                target->outlets[i] = need_outlet(task, reader->first_task + i, false, target->edge->feedback);
                if (!target->outlets[i])
                        return -errno;
                if (task->plan->tasks[reader->first_task + i].worker == worker)
                        target->local[target->nlocal++] = target->outlets[i];
        }
        if (target->grouping == SQI_FIELDS) {
                target->owners = calloc(SQI_SLOTS, sizeof(*target->owners));
                if (!target->owners)
                        return -ENOMEM;
                sqi_slots_deal(reader->ntasks, target->owners);
        }
        target->noutlets = reader->ntasks;
        target->rotor = task->plan->tasks[task->id].index % reader->ntasks;
        if (target->grouping == SQI_CUSTOM)
                return sqi_group_open(task, target->edge, target->outlets, target->noutlets, &target->group);
        return 0;
}

static int
wire_target(struct sq_task *task, struct sqi_target *target, const struct sqi_plan_edge *edge)
{
        const struct sqi_plan_component *reader = &task->plan->components[edge->to];

        target->edge = edge;
        target->grouping = edge->grouping;
        target->in_cycle = task->component->cycle && task->component->cycle == reader->cycle;
        target->by_tuple = edge->grouping == SQI_CUSTOM ||
                           (reader->ntasks > 1 && (edge->grouping == SQI_FIELDS || edge->grouping == SQI_PARTIAL_KEY));
        target->many = edge->grouping == SQI_ALL || edge->grouping == SQI_CUSTOM;
        target->outlets = calloc(reader->ntasks, sizeof(struct sqi_outlet *));
        target->local = calloc(reader->ntasks, sizeof(struct sqi_outlet *));
        target->dealt = calloc(reader->ntasks, sizeof(*target->dealt));
        if (!target->outlets || !target->local || !target->dealt)
                return -ENOMEM;
        return is_broadcast(edge) ? wire_broadcast(task, target, reader) : wire_tasks(task, target, reader);
}

/* Two readers of one broadcast stream: the second target would send the batch again, so its receivers join the
 * first. */
static int
join_broadcasts(struct sqi_stream_targets *stream)
{
        struct sqi_target *first = NULL;
        uint32_t kept = 0;

        for (uint32_t t = 0; t < stream->ntargets; t++) {
                struct sqi_target *target = &stream->targets[t];
                if (target->keys && first) {
                        uint32_t had = (uint32_t)first->dealt[0], more = (uint32_t)target->dealt[0];
                        uint64_t *keys = realloc(first->keys, (had + more) * sizeof(*keys));
                        if (!keys)
                                return -ENOMEM;
                        memcpy(keys + had, target->keys, more * sizeof(*keys));
                        first->keys = keys;
                        first->dealt[0] += more;
                        free(target->keys);
                        free(target->outlets);
                        free(target->local);
                        free(target->dealt);
                        continue;
                }
                if (target->keys)
                        first = &stream->targets[kept];
                if (kept != t)
                        stream->targets[kept] = *target;
                kept++;
        }
        memset(stream->targets + kept, 0, (stream->ntargets - kept) * sizeof(*stream->targets));
        stream->ntargets = kept;
        return 0;
}

/* Each tuple is looked at: not in passing. */
static void
wire_event_time(struct sq_task *task, uint32_t number)
{
        const struct sqi_event_time *time = task->component->event_time;
        struct sqi_stream_targets *stream = &task->collector.streams[number];

        if (!time || time->stream != number)
                return;
        stream->time = time;
        stream->timed_in_place = stream->in_place;
        stream->in_place = NULL;
        stream->quick = NULL;
        task->collector.latest = (struct sqi_latest){&task->instance.seen, task->instance.seen, UINT64_MAX, false};
}

static int
wire_stream(struct sq_task *task, uint32_t number)
{
        const struct sqi_plan *plan = task->plan;
        struct sqi_stream_targets *stream = &task->collector.streams[number];

        stream->stream = &task->component->streams[number];
        stream->any_type = true;
        for (uint32_t f = 0; f < stream->stream->nfields; f++)
                if (stream->stream->fields[f].type != SQ_ANY)
                        stream->any_type = false;
        stream->targets = calloc(plan->nedges + 1, sizeof(*stream->targets));
        if (!stream->targets)
                return -ENOMEM;
        for (uint32_t e = 0; e < plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];
                if (&plan->components[edge->from] != task->component || edge->stream != number)
                        continue;
                struct sqi_target *target = &stream->targets[stream->ntargets++];
                int r = wire_target(task, target, edge);
                if (r < 0)
                        return r;
                if (target->keys)
                        target->dealt[0] = plan->components[edge->to].ntasks;
        }
        int r = join_broadcasts(stream);
        for (uint32_t t = 0; t < stream->ntargets; t++) {
                stream->takes_direct |= stream->targets[t].grouping == SQI_DIRECT;
                stream->takes_plain |= stream->targets[t].grouping != SQI_DIRECT;
        }
        struct sqi_target *only = &stream->targets[0];
        if (stream->ntargets == 1 && only->grouping != SQI_DIRECT &&
            (only->grouping != SQI_ALL || only->noutlets == 1) && !only->by_tuple)
                stream->in_place = only;
        bool texts = stream->in_place && only->noutlets == 1 && only->grouping != SQI_ALL && !only->in_cycle;
        for (uint32_t f = 0; f < stream->stream->nfields && texts; f++)
                texts = stream->stream->fields[f].type == SQ_STR || stream->stream->fields[f].type == SQ_ANY;
        stream->quick = texts ? only->outlets[0] : NULL;
        wire_event_time(task, number);
        return r;
}

int
sqi_collector_open(struct sq_task *task)
{
        struct sqi_collector *collector = &task->collector;
        uint32_t most = count_outlets(task);
        int r = 0;

        /* full batches leave at batch_bytes; behind that there is room for the last tuple and the runs */
        size_t buffer = (size_t)task->plan->config.batch_bytes;
        collector->source = (struct sqi_source){
                .task = task->id,
                .incarnation = task->incarnation,
                .channel_bytes = task->plan->config.channel_bytes,
                .pool = sqi_pool_new(buffer + buffer / 4 + 4096),
                .metrics = task->metrics,
        };
        collector->batch_bytes = (uint32_t)buffer;
        collector->tracking = task->tracking;
        collector->nstreams = task->component->nstreams;
        collector->outlets = calloc(most + 1, sizeof(*collector->outlets));
        collector->touched = calloc(most + 1, sizeof(struct sqi_outlet *));
        collector->sockets = calloc(most + 1, sizeof(void *));
        collector->streams = calloc(collector->nstreams + 1, sizeof(*collector->streams));
        if (!collector->source.pool || !collector->outlets || !collector->touched || !collector->sockets ||
            !collector->streams)
                return -ENOMEM;
        for (uint32_t s = 0; s < collector->nstreams && r == 0; s++)
                r = wire_stream(task, s);
        return r == 0 && collector->broadcast ? sqi_task_bind(task, collector->broadcast, SQI_BROADCAST) : r;
}

static bool
is_inproc(const struct sq_task *task, const struct sqi_outlet *outlet)
{
        return task->plan->tasks[outlet->receiver].worker == task->plan->tasks[task->id].worker;
}

static int
connect_outlet(const struct sq_task *task, const struct sqi_outlet *outlet, void *socket)
{
        char endpoint[SQI_ENDPOINT_SIZE];
        enum sqi_endpoint_kind kind = outlet->feedback ? SQI_FEEDBACK : SQI_INBOX;
        int r = sqi_endpoint(task->rundir, kind, outlet->receiver, is_inproc(task, outlet), endpoint);

        return r < 0 ? r : sqi_socket_connect(socket, endpoint);
}

int
sqi_collector_connect(struct sq_task *task)
{
        int r = 0;

        for (uint32_t i = 0; i < task->collector.noutlets && r == 0; i++)
                if (!task->collector.outlets[i].broadcast)
                        r = connect_outlet(task, &task->collector.outlets[i], task->collector.outlets[i].socket);
        return r;
}

/* A new socket has nothing queued, and no connection to the dead. False: there is none, for want of a descriptor,
 * say. */
static bool
renew_socket(struct sq_task *task, struct sqi_outlet *outlet)
{
        struct sqi_collector *collector = &task->collector;
        void *fresh = sqi_socket_new(task->context, ZMQ_PUSH, (int)task->plan->config.channel_batches);

        if (!fresh || connect_outlet(task, outlet, fresh) < 0) {
                sqi_socket_close(&fresh);
                return false;
        }
        for (uint32_t i = 0; i < collector->nsockets; i++)
                if (collector->sockets[i] == outlet->socket)
                        collector->sockets[i] = fresh;
        sqi_socket_close(&outlet->socket);
        outlet->socket = fresh;
        outlet->dropped = true;
        return true;
}

/*
 * What a bolt has open or stuck goes to the next incarnation, where it does no harm. In a cycle what is under way is
 * counted, and what carries tuples of no tree is nobody's to drop.
 */
static bool
may_drop(const struct sq_task *task, const struct sqi_outlet *outlet)
{
        return !outlet->loose && !outlet->ended && (task->spout.ledger || !task->component->cycle);
}

void
sqi_collector_lose_reader(struct sqi_collector *collector, uint32_t lost, uint32_t incarnation)
{
        for (uint32_t i = 0; i < collector->noutlets; i++)
                if (collector->outlets[i].broadcast)
                        sqi_outlet_lose_reader(&collector->outlets[i], lost, incarnation);
}

void
sqi_collector_lose(struct sq_task *task, uint32_t lost)
{
        for (uint32_t i = 0; i < task->collector.noutlets; i++) {
                struct sqi_outlet *outlet = &task->collector.outlets[i];
                bool goes_there = !outlet->broadcast && outlet->receiver == lost && !is_inproc(task, outlet);
                bool drops = may_drop(task, outlet);

                if (drops && task->spout.ledger)
                        sqi_outlet_drop(outlet);
                if (goes_there)
                        outlet->away = !drops || !renew_socket(task, outlet);
        }
}

/* That somebody wants to look is no reason to fail: where there is no descriptor for it, nothing is seen. */
bool
sqi_task_open_tap(struct sq_task *task)
{
        struct sqi_collector *collector = &task->collector;
        int r = 0;

        if (!collector->tap)
                r = sqi_tap_open(task->context, task->rundir, task->id, &collector->tap);
        if (r < 0)
                sqi_task_log_seldom(task, "cannot be tapped", zmq_strerror(-r));
        return r == 0;
}

void
sqi_collector_reach(struct sqi_collector *collector, uint32_t back)
{
        for (uint32_t i = 0; i < collector->noutlets; i++)
                if (!collector->outlets[i].broadcast && collector->outlets[i].receiver == back)
                        collector->outlets[i].away = false;
}

void
sqi_collector_close(struct sqi_collector *collector)
{
        for (uint32_t i = 0; i < collector->noutlets; i++)
                sqi_outlet_clear(&collector->outlets[i]);
        for (uint32_t i = 0; i < collector->nsockets; i++)
                sqi_socket_close(&collector->sockets[i]);
        sqi_socket_close(&collector->broadcast);
        for (uint32_t s = 0; collector->streams && s < collector->nstreams; s++) {
                struct sqi_stream_targets *stream = &collector->streams[s];
                for (uint32_t t = 0; t < stream->ntargets; t++) {
                        sqi_group_close(&stream->targets[t].group);
                        free(stream->targets[t].outlets);
                        free(stream->targets[t].local);
                        free(stream->targets[t].owners);
                        free(stream->targets[t].dealt);
                        free(stream->targets[t].keys);
                        free(stream->targets[t].told);
                }
                free(stream->targets);
        }
        free(collector->streams);
        free(collector->outlets);
        free(collector->touched);
        free(collector->sockets);
        free(collector->anchors);
        free(collector->scratch);
        sqi_tap_close(&collector->tap);
        sqi_pool_drop(&collector->source.pool);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of a worker: a thread each, and an inproc PAIR between it and the control thread. */
#include <stdlib.h>

#include "channel/socket.h"
#include "worker/internal.h"

/* The deadline stands on the monotonic clock, which nobody sets; gcc 12's thread sanitizer knows only the other
 * join. */
#ifdef __SANITIZE_THREAD__
enum { JOIN_CLOCK = CLOCK_REALTIME };
#define join_until(thread, deadline) pthread_timedjoin_np(thread, NULL, deadline)
#else
enum { JOIN_CLOCK = CLOCK_MONOTONIC };
#define join_until(thread, deadline) pthread_clockjoin_np(thread, NULL, JOIN_CLOCK, deadline)
#endif

static void
note_report(struct sqi_worker *worker, struct sqi_member *member, const struct sqi_message *report)
{
        if (report->type == SQI_MSG_ERROR)
                worker->failed = true;
        else if (report->type == SQI_MSG_SETTLED)
                member->settled = true;
        else if (report->type == SQI_MSG_FINISHED)
                member->finished = true;
        else if (report->type == SQI_MSG_POSITION)
                sqi_position_take(&member->position, report);
        else if (report->type == SQI_MSG_SNAPSHOT) {
                member->snapshot = *report;
                member->snapshot_failed = report->text.len > 0;
                member->snapshot.text = (struct sq_str){"", 0};
        }
}

void
sqi_members_pass_reports(struct sqi_worker *worker)
{
        struct sqi_message report;
        zmq_msg_t message;

        zmq_msg_init(&message);
        for (uint32_t i = 0; i < worker->nmembers; i++) {
                while (sqi_socket_receive(worker->members[i]->control, &message) == 0) {
                        if (sqi_message_decode(zmq_msg_data(&message), zmq_msg_size(&message), &report, NULL) == 0)
                                note_report(worker, worker->members[i], &report);
                        sqi_socket_send(worker->reports, &message);
                }
        }
        zmq_msg_close(&message);
}

static int
connect_control(struct sqi_worker *worker, struct sqi_member *member)
{
        char endpoint[64];
        int r;

        snprintf(endpoint, sizeof(endpoint), "inproc://control-%u", (unsigned)member->id);
        member->control = sqi_socket_new(worker->context, ZMQ_PAIR, 0);
        member->task.control = sqi_socket_new(worker->context, ZMQ_PAIR, 0);
        if (!member->control || !member->task.control)
                return -errno;
        r = sqi_socket_bind(member->control, endpoint);
        return r < 0 ? r : sqi_socket_connect(member->task.control, endpoint);
}

/* The member that has moved, or a new one. */
static struct sqi_member *
take_member(struct sqi_worker *worker)
{
        struct sqi_member *member;

        if (worker->nmembers == 0 && worker->members[0])
                return worker->members[worker->nmembers++];
        member = calloc(1, sizeof(*member));
        if (member)
                worker->members[worker->nmembers++] = member;
        return member;
}

/* One that has moved counts on from where it was. */
static struct sqi_metrics *
open_counted(const struct sqi_worker *worker, struct sqi_member *member, uint32_t id)
{
        member->counted = sqi_counted_open(worker->rundir, id, worker->incarnation);
        if (!member->counted)
                return &member->carried;
        sqi_metrics_merge(member->counted, &member->carried);
        return member->counted;
}

static int
start_member(struct sqi_worker *worker, uint32_t id, bool packed)
{
        struct sqi_member *member = take_member(worker);
        struct sq_task *task;
        int r;

        if (!member)
                return -ENOMEM;
        task = &member->task;
        member->id = id;
        member->metrics = open_counted(worker, member, id);
        task->plan = worker->plan;
        task->id = id;
        task->component = &worker->plan->components[worker->plan->tasks[id].component];
        task->incarnation = worker->incarnation;
        task->rundir = worker->rundir;
        task->context = worker->context;
        task->loads = worker->loads;
        task->load = worker->loads ? &worker->loads[id] : NULL;
        task->metrics = member->metrics;
        task->packed = packed;
        atomic_store(&task->leaving, false);
        r = connect_control(worker, member);
        if (r < 0)
                return r;
        r = -pthread_create(&member->thread, NULL, sqi_task_main, task);
        member->running = r == 0;
        return r;
}

int
sqi_members_start(struct sqi_worker *worker)
{
        uint32_t n = 0;
        int r = 0;

        for (uint32_t t = 0; t < worker->plan->ntasks; t++)
                n += worker->plan->tasks[t].worker == worker->id;
        if (worker->members && n != 1)
                return -EINVAL; /* no plan that it could have moved to */
        if (!worker->members)
                worker->members = calloc(n + 1, sizeof(*worker->members));
        if (!worker->members)
                return -ENOMEM;
        for (uint32_t t = 0; t < worker->plan->ntasks && r == 0; t++)
                if (worker->plan->tasks[t].worker == worker->id)
                        r = start_member(worker, t, n > 1);
        return r;
}

bool
sqi_members_join(struct sqi_worker *worker, uint64_t grace_ns)
{
        struct timespec deadline;
        void *bytes;
        size_t size;
        bool all = true;

        if (sqi_message_encode(&(struct sqi_message){.type = SQI_MSG_QUIT}, &bytes, &size) < 0)
                return false;
        clock_gettime(JOIN_CLOCK, &deadline);
        deadline.tv_sec += (time_t)(grace_ns / 1000000000u);
        for (uint32_t i = 0; i < worker->nmembers; i++) {
                atomic_store(&worker->members[i]->task.leaving, true);
                if (worker->members[i]->control)
                        zmq_send(worker->members[i]->control, bytes, size, ZMQ_DONTWAIT);
        }
        free(bytes);
        for (uint32_t i = 0; i < worker->nmembers; i++) {
                struct sqi_member *member = worker->members[i];
                if (member->running && join_until(member->thread, &deadline) != 0)
                        all = false;
        }
        sqi_members_pass_reports(worker);
        for (uint32_t i = 0; i < worker->nmembers && all; i++) {
                sqi_socket_close(&worker->members[i]->control);
                if (!worker->members[i]->running)
                        sqi_socket_close(&worker->members[i]->task.control);
                worker->members[i]->running = false;
        }
        return all;
}

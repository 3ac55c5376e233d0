/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control/endpoint.h"
#include "control/lease.h"
#include "channel/socket.h"
#include "task/crash.h"
#include "worker/internal.h"
#include "worker/limit.h"

static const uint64_t FIRST_BEAT_NS = 25000000;
/* A task that was told to quit and is still in a callback after this long is left there: the process ends over it. A
 * new process is not sooner ready than one whose disk is slow, and that has to be waited for before. */
static const uint64_t GRACE_NS = 2000000000, REJOIN_GRACE_NS = 5000000000;
/* A worker without news beats as seldom: the supervisor has to wake up for each. */
static const uint64_t QUIET_NS = 5000000000;

enum { ORPHAN_MS = 20 }; /* without a supervisor, how often the output is looked at */

static int
complain(const char *what, const char *where, int error)
{
        fprintf(stderr, "error: cannot %s %s: %s\n", what, where, zmq_strerror(-error));
        return error;
}

/* ---- between supervisor and tasks -------------------------------------------------------------------- */

/* Only a worker of one task can move; the others' tasks would have to agree. */
static void
prepare_move(struct sqi_worker *worker, const struct sqi_message *order)
{
        if (worker->nmembers != 1 || order->text.len == 0 || order->text.len >= SQI_WORKER_RUNDIR) {
                worker->quitting = true;
                return;
        }
        memcpy(worker->next_rundir, order->text.ptr, order->text.len);
        worker->next_rundir[order->text.len] = '\0';
        worker->next_id = (uint32_t)order->number;
        worker->next_incarnation = (uint32_t)order->a;
        worker->moving = true;
}

static int
start_members(struct sqi_worker *worker)
{
        int r = sqi_members_start(worker);

        return r < 0 ? complain("start the tasks in", worker->rundir, r) : 0;
}

static void
begin(struct sqi_worker *worker)
{
        if (!worker->back)
                return;
        worker->back = false;
        worker->failed = start_members(worker) < 0;
}

/* An order goes to every task as it came; its topic frame stays here. */
static void
pass_orders(struct sqi_worker *worker)
{
        struct sqi_message order;
        zmq_msg_t message;

        zmq_msg_init(&message);
        while (sqi_socket_receive(worker->orders, &message) == 0) {
                if (zmq_msg_more(&message))
                        continue;
                if (sqi_message_decode(zmq_msg_data(&message), zmq_msg_size(&message), &order, NULL) < 0)
                        continue;
                if (order.type == SQI_MSG_QUIT)
                        worker->quitting = true;
                else if (order.type == SQI_MSG_START && worker->halfway)
                        continue;
                else if (order.type == SQI_MSG_START)
                        worker->started = true;
                else if (order.type == SQI_MSG_DRAIN)
                        worker->draining = true;
                else if (order.type == SQI_MSG_HANDOVER) {
                        worker->handing_over = true;
                        worker->stays = order.number == 1;
                } else if (order.type == SQI_MSG_MOVE)
                        prepare_move(worker, &order);
                else if (order.type == SQI_MSG_REJOIN) {
                        worker->next_incarnation = (uint32_t)order.number;
                        worker->rejoining = order.number > worker->incarnation;
                } else if (order.type == SQI_MSG_BEGIN)
                        begin(worker);
                else if (order.type == SQI_MSG_ADOPT) {
                        sqi_orphan_adopted(worker, (pid_t)order.number);
                        worker->halfway = !worker->started;
                }
                for (uint32_t i = 0; i < worker->nmembers; i++)
                        zmq_send(worker->members[i]->control, zmq_msg_data(&message), zmq_msg_size(&message),
                                 ZMQ_DONTWAIT);
        }
        zmq_msg_close(&message);
}

/* ---- start and end ----------------------------------------------------------------------------------- */

static int
read_plan(struct sqi_worker *worker)
{
        char path[SQI_WORKER_RUNDIR + 8], cause[256] = "";
        struct stat about;
        void *bytes = NULL;
        int fd, r = 0;

        snprintf(path, sizeof(path), "%s/plan", worker->rundir);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &about) < 0 || !(bytes = malloc((size_t)about.st_size + 1)) ||
            read(fd, bytes, (size_t)about.st_size) != about.st_size)
                r = errno ? -errno : -EIO;
        if (r == 0) {
                r = sqi_plan_decode(bytes, (size_t)about.st_size, &worker->plan, cause, sizeof(cause));
                if (r < 0)
                        fprintf(stderr, "error: %s: %s\n", path, cause);
        } else
                complain("read", path, r);
        free(bytes);
        if (fd >= 0)
                close(fd);
        return r;
}

static int
open_control(struct sqi_worker *worker)
{
        char endpoint[SQI_ENDPOINT_SIZE], topic[SQI_TOPIC_SIZE];
        int linger = 1000, r;

        worker->orders = sqi_socket_new(worker->context, ZMQ_SUB, 0);
        worker->reports = sqi_socket_new(worker->context, ZMQ_PUSH, 0);
        if (!worker->orders || !worker->reports)
                return complain("make sockets in", worker->rundir, -errno);
        zmq_setsockopt(worker->reports, ZMQ_LINGER, &linger, sizeof(linger));
        sqi_message_topic(worker->id, worker->incarnation, topic);
        zmq_setsockopt(worker->orders, ZMQ_SUBSCRIBE, SQI_TOPIC_ALL, strlen(SQI_TOPIC_ALL));
        zmq_setsockopt(worker->orders, ZMQ_SUBSCRIBE, topic, strlen(topic));
        r = sqi_endpoint(worker->rundir, SQI_REPORT, 0, false, endpoint);
        if (r == 0)
                r = sqi_socket_connect(worker->reports, endpoint);
        if (r == 0)
                r = sqi_endpoint(worker->rundir, SQI_CONTROL, 0, false, endpoint);
        if (r == 0)
                r = sqi_socket_connect(worker->orders, endpoint);
        return r < 0 ? complain("reach the supervisor by", endpoint, r) : 0;
}

/* Notices the supervisor's death at once, also one before we looked. */
static int
watch_supervisor(struct sqi_worker *worker)
{
        if (worker->pidfd >= 0)
                close(worker->pidfd);
        worker->pidfd = (int)syscall(SYS_pidfd_open, worker->supervisor, 0);
        if (worker->pidfd < 0)
                return complain("watch the supervisor", "by its pidfd", -errno);
        fcntl(worker->pidfd, F_SETFD, FD_CLOEXEC);
        if (getppid() != worker->supervisor) {
                struct pollfd gone = {.fd = worker->pidfd, .events = POLLIN};
                worker->orphaned = poll(&gone, 1, 0) != 0;
        }
        return 0;
}

/* 0 or a negative errno. One that moves holds both leases for a moment: whoever looks finds it here or there. */
static int
take_lease(struct sqi_worker *worker)
{
        int lease = sqi_lease_take(worker->rundir, worker->id, worker->incarnation);
        if (lease < 0)
                return complain("take the lease in", worker->rundir, lease);
        if (worker->lease >= 0)
                close(worker->lease);
        worker->lease = lease;
        return 0;
}

/* At least what libzmq allows by itself, and more than its tasks have with every task of the plan and those that follow
 * dead ones. Not all that could be: libzmq takes 12 bytes for each at once, 768 KiB of the worker's memory. */
static int
most_sockets(const struct sqi_worker *worker)
{
        int least = zmq_ctx_get(worker->context, ZMQ_MAX_SOCKETS),
            limit = zmq_ctx_get(worker->context, ZMQ_SOCKET_LIMIT);
        uint64_t most = 64, ntasks = worker->plan->ntasks;

        for (uint32_t t = 0; t < worker->plan->ntasks; t++)
                if (worker->plan->tasks[t].worker == worker->id)
                        most += 16 + 4 * ntasks;
        if (most < (uint64_t)least)
                return least;
        return most < (uint64_t)limit ? (int)most : limit;
}

static int
open_worker(struct sqi_worker *worker)
{
        int r;

        /* not before it has the lease: one whose supervisor is gone before that is not there for the next one to find,
         * and ends */
        r = watch_supervisor(worker);
        if (r == 0 && worker->orphaned)
                r = complain("start in", worker->rundir, -ESRCH);
        if (r == 0)
                r = read_plan(worker);
        if (r == 0) {
                char error[160];
                r = sqi_limit_apply(&worker->plan->config, error, sizeof(error));
                if (r < 0)
                        fprintf(stderr, "error: %s\n", error);
        }
        if (r < 0)
                return r;
        worker->beat_ns = (uint64_t)(worker->plan->config.worker_timeout * 1e9 / 4);
        worker->quiet_ns = worker->beat_ns < QUIET_NS ? worker->beat_ns : QUIET_NS;
        if (worker->beat_ns > 1000000000)
                worker->beat_ns = 1000000000;
        worker->pause_ns = FIRST_BEAT_NS;
        worker->context = zmq_ctx_new();
        if (!worker->context)
                return complain("make a ZeroMQ context for", worker->rundir, -errno);
        zmq_ctx_set(worker->context, ZMQ_MAX_SOCKETS, most_sockets(worker));
        r = open_control(worker);
        if (r < 0)
                return r;
        r = sqi_loads_open(worker->rundir, worker->plan->ntasks, &worker->loads);
        if (r < 0)
                return complain("make the table of loads in", worker->rundir, r);
        sqi_worker_report(worker, (struct sqi_message){.type = SQI_MSG_HELLO, .number = (uint64_t)getpid()});
        return worker->back ? 0 : start_members(worker);
}

static void
wait_for_work(struct sqi_worker *worker, uint64_t now_ns)
{
        uint32_t n = worker->nmembers;
        zmq_pollitem_t *items = calloc(n + 2, sizeof(*items));
        long left_ms = worker->next_beat_ns > now_ns ? (long)((worker->next_beat_ns - now_ns) / 1000000) + 1 : 0;

        if (!items)
                return;
        for (uint32_t i = 0; i < n; i++)
                items[i] = (zmq_pollitem_t){.socket = worker->members[i]->control, .events = ZMQ_POLLIN};
        items[n] = (zmq_pollitem_t){.socket = worker->orders, .events = ZMQ_POLLIN};
        items[n + 1] = (zmq_pollitem_t){.fd = worker->pidfd, .events = ZMQ_POLLIN};
        if (worker->orphaned)
                zmq_poll(items, (int)n + 1, ORPHAN_MS);
        else
                zmq_poll(items, (int)n + 2, left_ms);
        if (items[n + 1].revents) {
                worker->orphaned = true;
                worker->orphaned_ns = now_ns;
        }
        free(items);
}

/* Of the reports that are still to go out nothing is waited for: nobody listens there any more. */
static void
forget_reports(struct sqi_worker *worker)
{
        int linger = 0;

        if (worker->reports)
                zmq_setsockopt(worker->reports, ZMQ_LINGER, &linger, sizeof(linger));
}

static void
close_sockets(struct sqi_worker *worker)
{
        sqi_socket_close(&worker->orders);
        sqi_socket_close(&worker->reports);
        if (worker->context)
                zmq_ctx_term(worker->context);
        worker->context = NULL;
        if (worker->plan)
                sqi_loads_close(&worker->loads, worker->plan->ntasks);
}

/* a callback hangs; its thread may hold any lock, so nothing more can be taken down */
static _Noreturn void
leave_behind(void)
{
        fprintf(stderr, "error: a task did not come back from its callback; it is left behind\n");
        _exit(1);
}

/* All but the process; its tasks have been joined. */
static void
close_run(struct sqi_worker *worker)
{
        close_sockets(worker);
        for (uint32_t i = 0; i < worker->nmembers; i++) {
                sqi_counted_close(&worker->members[i]->counted);
                free(worker->members[i]);
        }
        free(worker->members);
        worker->members = NULL;
        worker->nmembers = 0;
        if (worker->first_plan != worker->plan)
                sqi_plan_free(&worker->first_plan);
        worker->first_plan = NULL;
        sqi_plan_free(&worker->plan);
}

static void
close_worker(struct sqi_worker *worker)
{
        bool joined = sqi_members_join(worker, GRACE_NS);

        if (worker->orphaned && !worker->adoptable) {
                if (joined && worker->lease >= 0)
                        close(worker->lease); /* it writes nothing any more */
                sqi_orphan_remove_rundir(worker);
        }
        if (worker->orphaned)
                forget_reports(worker);
        if (!joined)
                leave_behind();
        close_run(worker);
        close(worker->pidfd);
}

/* ---- A restore in place: lifecycle/restore.c ---------------------------------------------------------- */

/* What the orders of before said is over. */
static void
forget_orders(struct sqi_worker *worker)
{
        worker->moving = worker->rejoining = worker->started = worker->draining = worker->handing_over = worker->stays =
                worker->forsaken = false;
        worker->next_beat_ns = worker->told_ns = 0;
}

/* Nothing is left of what it had: each task, its component, and each channel is closed. */
static int
rejoin(struct sqi_worker *worker)
{
        int r = 0;

        if (!sqi_members_join(worker, REJOIN_GRACE_NS))
                leave_behind();
        forget_reports(worker);
        close_run(worker);
        if (worker->failed)
                return -ECANCELED; /* one of its tasks has said why */
        forget_orders(worker);
        worker->incarnation = worker->next_incarnation;
        worker->back = true;
        if (worker->lease >= 0)
                r = sqi_lease_renew(worker->lease, worker->incarnation);
        return r < 0 ? complain("renew the lease in", worker->rundir, r) : open_worker(worker);
}

/* ---- the move to another plan: task/handover.h ------------------------------------------------------- */

/* Leaves the run directory; what is left is a task without channels, or one to be made anew. */
static void
leave_run(struct sqi_worker *worker)
{
        struct sqi_member *member = worker->members[0];

        if (!sqi_members_join(worker, GRACE_NS))
                leave_behind();
        forget_reports(worker);
        close_sockets(worker);
        if (!worker->first_plan)
                worker->first_plan = worker->plan;
        else if (worker->plan != worker->first_plan)
                sqi_plan_free(&worker->plan);
        worker->plan = NULL;
        if (member->counted) {
                memcpy(&member->carried, member->counted, sizeof(member->carried));
                sqi_gauge(&member->carried.keys, 0); /* they are in the snapshot, until the task is started again */
                sqi_counted_close(&member->counted);
        }
        if (!member->task.instance.prepared) {
                memset(&member->task, 0, sizeof(member->task));
                sqi_plan_free(&worker->first_plan);
        }
        member->settled = member->finished = false;
        member->position.known = 0;
        member->snapshot = (struct sqi_message){0};
        worker->nmembers = 0;
}

static int
move(struct sqi_worker *worker)
{
        int r;

        leave_run(worker);
        memcpy(worker->rundir, worker->next_rundir, sizeof(worker->rundir));
        worker->id = worker->next_id;
        worker->incarnation = worker->next_incarnation;
        forget_orders(worker);
        r = take_lease(worker);
        return r < 0 ? r : open_worker(worker);
}

static void
serve(struct sqi_worker *worker)
{
        while (!worker->quitting && !worker->failed && !worker->moving && !worker->rejoining) {
                uint64_t now_ns = sqi_clock_ns();

                if (worker->orphaned && !sqi_orphan_go_on(worker, now_ns))
                        break;
                sqi_worker_beat(worker, now_ns);
                wait_for_work(worker, now_ns);
                pass_orders(worker);
                sqi_members_pass_reports(worker);
        }
}

int
sqi_worker_main(const char *rundir, uint32_t id, uint32_t incarnation, pid_t supervisor, bool adoptable)
{
        struct sqi_worker worker = {.id = id,
                                    .incarnation = incarnation,
                                    .supervisor = supervisor,
                                    .pidfd = -1,
                                    .adoptable = adoptable,
                                    .lease = -1};
        int r;

        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN); /* ulimit -f: as a full disk */
        /* Ctrl-C reaches the whole foreground group; how to end is the supervisor's decision */
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        sqi_crash_install();
        snprintf(worker.rundir, sizeof(worker.rundir), "%s", rundir);
        r = take_lease(&worker);
        if (r == 0)
                r = open_worker(&worker);
        while (r == 0) {
                serve(&worker);
                if ((!worker.moving && !worker.rejoining) || worker.quitting || worker.failed)
                        break;
                r = worker.rejoining ? rejoin(&worker) : move(&worker);
        }
        close_worker(&worker);
        return r < 0 || worker.failed ? 1 : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "channel/endpoint.h"
#include "channel/lease.h"
#include "channel/socket.h"
#include "worker/crash.h"
#include "worker/limit.h"
#include "worker/task.h"

/* A task that was told to quit and is still in a callback after this long is left there: the process ends over it. */
static const uint64_t GRACE_NS = 2000000000, FIRST_BEAT_NS = 25000000;
/* A task whose loop stands still as long is told of. */
static const uint64_t BLOCKED_NS = 5000000000;
/* A worker without news beats as seldom: the supervisor has to wake up for each. */
static const uint64_t QUIET_NS = 5000000000;

/* Without a supervisor: how often the output is looked at, and how much of it is kept for the next one. */
enum { ORPHAN_MS = 20, OUTPUT_KEPT = 32768 };
/* The deadline stands on the monotonic clock, which nobody sets; gcc 12's thread sanitizer knows only the other join. */
#ifdef __SANITIZE_THREAD__
enum { JOIN_CLOCK = CLOCK_REALTIME };
#define join_until(thread, deadline) pthread_timedjoin_np(thread, NULL, deadline)
#else
enum { JOIN_CLOCK = CLOCK_MONOTONIC };
#define join_until(thread, deadline) pthread_clockjoin_np(thread, NULL, JOIN_CLOCK, deadline)
#endif

struct member {
        pthread_t thread;
        bool running;
        bool settled, finished;
        uint64_t position; /* the last one told */
        void *control;     /* our end of the task's PAIR */
        struct sq_task task;
        struct sqi_metrics metrics;
        uint64_t news;            /* sqi_metrics_news() as last told */
        uint64_t loops, loops_ns; /* its last turn that was seen */
        bool told;
};

struct worker {
        const char *rundir;
        uint32_t id, incarnation;
        pid_t supervisor;
        int pidfd;
        struct sqi_plan *plan;
        struct sqi_load *loads;
        void *context, *orders, *reports;
        uint32_t nmembers;
        struct member **members;
        uint64_t beat_ns, next_beat_ns;
        uint64_t told_ns, quiet_ns; /* the last heartbeat that was sent; without news there is one in quiet_ns */
        uint64_t pause_ns; /* to the next beat: short at first, so that a worker that soon dies has told what it got done */
        bool quitting, orphaned, failed;

        /* adoptable ones */
        bool draining, handing_over;       /* as the orders said */
        bool adoptable, started, forsaken; /* forsaken: no supervisor came; it drains alone */
        int lease;
        uint64_t orphaned_ns;
};

/* ---- reports ------------------------------------------------------------------------------------------------------------ */

static void
report(struct worker *worker, struct sqi_message message)
{
        void *bytes;
        size_t size;

        message.worker = worker->id;
        message.incarnation = worker->incarnation;
        if (sqi_message_encode(&message, &bytes, &size) < 0)
                return;
        zmq_send(worker->reports, bytes, size, ZMQ_DONTWAIT);
        free(bytes);
}

/* The supervisor ends a task that stands still for supervisor.worker.timeout.secs; its owner should hear of it before. */
static uint64_t
blocked_after_ns(const struct worker *worker)
{
        double half = worker->plan->config.worker_timeout / 2 * 1e9;

        return half > 0 && half < (double)BLOCKED_NS ? (uint64_t)half : BLOCKED_NS;
}

static void
watch_for_blocks(struct worker *worker, struct member *member, uint64_t now_ns)
{
        uint64_t loops = atomic_load_explicit(&member->metrics.loops, memory_order_relaxed);
        char name[128];

        if (loops != member->loops || !member->loops_ns) {
                member->loops = loops;
                member->loops_ns = now_ns;
                member->told = false;
        } else if (!member->told && now_ns - member->loops_ns >= blocked_after_ns(worker)) {
                member->told = true;
                fprintf(stderr,
                        "warning: %s has not come back from a callback for %.3g s (a callback must not block; it is killed after "
                        "supervisor.worker.timeout.secs, %g, in prepare after supervisor.worker.start.timeout.secs, %g)\n",
                        sqi_task_name(worker->plan, member->task.id, name, sizeof(name)), (double)blocked_after_ns(worker) / 1e9,
                        worker->plan->config.worker_timeout, worker->plan->config.start_timeout);
        }
}

static void
check_memory(struct worker *worker)
{
        char text[160];

        if (worker->nmembers == 0 || !sqi_limit_is_exceeded(&worker->plan->config, text, sizeof(text)))
                return;
        report(worker,
               (struct sqi_message){.type = SQI_MSG_ERROR, .task = worker->members[0]->task.id, .text = {text, strlen(text)}});
        worker->failed = true;
}

static bool
has_news(struct worker *worker)
{
        bool any = false;

        for (uint32_t i = 0; i < worker->nmembers; i++) {
                uint64_t news = sqi_metrics_news(&worker->members[i]->metrics);

                any |= news != worker->members[i]->news;
                worker->members[i]->news = news;
        }
        return any;
}

static void
beat(struct worker *worker, uint64_t now_ns)
{
        if (now_ns < worker->next_beat_ns || worker->orphaned)
                return;
        worker->next_beat_ns = now_ns + worker->pause_ns;
        worker->pause_ns = worker->pause_ns * 2 < worker->beat_ns ? worker->pause_ns * 2 : worker->beat_ns;
        check_memory(worker);
        for (uint32_t i = 0; i < worker->nmembers; i++)
                watch_for_blocks(worker, worker->members[i], now_ns);
        if (!has_news(worker) && worker->told_ns && now_ns < worker->told_ns + worker->quiet_ns)
                return;
        worker->told_ns = now_ns;
        report(worker, (struct sqi_message){.type = SQI_MSG_HEARTBEAT});
        for (uint32_t i = 0; i < worker->nmembers && worker->plan->config.metrics != SQI_METRICS_OFF; i++)
                report(worker, (struct sqi_message){.type = SQI_MSG_METRICS,
                                                    .task = worker->members[i]->task.id,
                                                    .metrics = &worker->members[i]->metrics});
}

/* ---- between supervisor and tasks --------------------------------------------------------------------------------------- */

static void
tell_state(struct worker *worker)
{
        for (uint32_t i = 0; i < worker->nmembers; i++) {
                const struct member *member = worker->members[i];
                uint64_t state = (worker->started && !worker->forsaken ? SQI_TASK_STARTED : 0u) |
                                 (member->settled ? SQI_TASK_SETTLED : 0u) | (member->finished ? SQI_TASK_FINISHED : 0u) |
                                 (worker->draining ? SQI_TASK_DRAINING : 0u) | (worker->handing_over ? SQI_TASK_HANDOVER : 0u);

                report(worker, (struct sqi_message){.type = SQI_MSG_STATE, .task = member->task.id, .number = state});
                if (member->position)
                        report(worker,
                               (struct sqi_message){.type = SQI_MSG_POSITION, .task = member->task.id, .number = member->position});
        }
}

static void
be_adopted(struct worker *worker, pid_t supervisor)
{
        int pidfd = (int)syscall(SYS_pidfd_open, supervisor, 0);

        if (pidfd < 0)
                return; /* it has died too */
        fcntl(pidfd, F_SETFD, FD_CLOEXEC);
        close(worker->pidfd);
        worker->pidfd = pidfd;
        worker->supervisor = supervisor;
        worker->orphaned = false;
        worker->next_beat_ns = worker->told_ns = 0;
        tell_state(worker);
}

/* An order goes to every task as it came; its topic frame stays here. */
static void
pass_orders(struct worker *worker)
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
                else if (order.type == SQI_MSG_START)
                        worker->started = true;
                else if (order.type == SQI_MSG_DRAIN)
                        worker->draining = true;
                else if (order.type == SQI_MSG_HANDOVER)
                        worker->handing_over = true;
                else if (order.type == SQI_MSG_ADOPT)
                        be_adopted(worker, (pid_t)order.number);
                for (uint32_t i = 0; i < worker->nmembers; i++)
                        zmq_send(worker->members[i]->control, zmq_msg_data(&message), zmq_msg_size(&message), ZMQ_DONTWAIT);
        }
        zmq_msg_close(&message);
}

static void
note_report(struct worker *worker, struct member *member, const struct sqi_message *report)
{
        if (report->type == SQI_MSG_ERROR)
                worker->failed = true;
        else if (report->type == SQI_MSG_SETTLED)
                member->settled = true;
        else if (report->type == SQI_MSG_FINISHED)
                member->finished = true;
        else if (report->type == SQI_MSG_POSITION)
                member->position = report->number;
}

static void
pass_reports(struct worker *worker)
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

/* ---- members ------------------------------------------------------------------------------------------------------------ */

static int
connect_control(struct worker *worker, struct member *member)
{
        char endpoint[64];
        int r;

        snprintf(endpoint, sizeof(endpoint), "inproc://control-%u", (unsigned)member->task.id);
        member->control = sqi_socket_new(worker->context, ZMQ_PAIR, 0);
        member->task.control = sqi_socket_new(worker->context, ZMQ_PAIR, 0);
        if (!member->control || !member->task.control)
                return -errno;
        r = sqi_socket_bind(member->control, endpoint);
        return r < 0 ? r : sqi_socket_connect(member->task.control, endpoint);
}

static int
start_member(struct worker *worker, uint32_t id, bool packed)
{
        struct member *member = calloc(1, sizeof(*member));

        if (!member)
                return -ENOMEM;
        worker->members[worker->nmembers++] = member;
        member->task.plan = worker->plan;
        member->task.id = id;
        member->task.component = &worker->plan->components[worker->plan->tasks[id].component];
        member->task.incarnation = worker->incarnation;
        member->task.rundir = worker->rundir;
        member->task.context = worker->context;
        member->task.loads = worker->loads;
        member->task.load = worker->loads ? &worker->loads[id] : NULL;
        member->task.metrics = &member->metrics;
        member->task.packed = packed;
        int r = connect_control(worker, member);
        if (r < 0)
                return r;
        r = -pthread_create(&member->thread, NULL, sqi_task_main, &member->task);
        member->running = r == 0;
        return r;
}

static int
start_members(struct worker *worker)
{
        uint32_t n = 0;
        int r = 0;

        for (uint32_t t = 0; t < worker->plan->ntasks; t++)
                n += worker->plan->tasks[t].worker == worker->id;
        worker->members = calloc(n + 1, sizeof(*worker->members));
        if (!worker->members)
                return -ENOMEM;
        for (uint32_t t = 0; t < worker->plan->ntasks && r == 0; t++)
                if (worker->plan->tasks[t].worker == worker->id)
                        r = start_member(worker, t, n > 1);
        return r;
}

/* Ends the tasks. A task that hangs in a callback is not waited for: false. */
static bool
stop_members(struct worker *worker)
{
        struct timespec deadline;
        void *bytes;
        size_t size;
        bool all = true;

        if (sqi_message_encode(&(struct sqi_message){.type = SQI_MSG_QUIT}, &bytes, &size) < 0)
                return false;
        clock_gettime(JOIN_CLOCK, &deadline);
        deadline.tv_sec += (time_t)(GRACE_NS / 1000000000u);
        for (uint32_t i = 0; i < worker->nmembers; i++)
                if (worker->members[i]->control)
                        zmq_send(worker->members[i]->control, bytes, size, ZMQ_DONTWAIT);
        free(bytes);
        for (uint32_t i = 0; i < worker->nmembers; i++) {
                struct member *member = worker->members[i];
                if (member->running && join_until(member->thread, &deadline) != 0)
                        all = false;
        }
        pass_reports(worker);
        for (uint32_t i = 0; i < worker->nmembers && all; i++) {
                sqi_socket_close(&worker->members[i]->control);
                if (!worker->members[i]->running)
                        sqi_socket_close(&worker->members[i]->task.control);
                free(worker->members[i]);
        }
        return all;
}

/* ---- start and end ------------------------------------------------------------------------------------------------------ */

static int
complain(const char *what, const char *where, int error)
{
        fprintf(stderr, "error: cannot %s %s: %s\n", what, where, zmq_strerror(-error));
        return error;
}

static int
read_plan(struct worker *worker)
{
        char path[512], cause[256] = "";
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
open_control(struct worker *worker)
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
watch_supervisor(struct worker *worker)
{
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

static int
open_worker(struct worker *worker)
{
        int r = 0;

        if (worker->adoptable) {
                worker->lease = sqi_lease_take(worker->rundir, worker->id, worker->incarnation);
                if (worker->lease < 0)
                        return complain("take the lease in", worker->rundir, worker->lease);
        }
        /* not before it has the lease: one whose supervisor is gone before that is not there for the next one to find, and ends */
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
        zmq_ctx_set(worker->context, ZMQ_MAX_SOCKETS, zmq_ctx_get(worker->context, ZMQ_SOCKET_LIMIT));
        r = open_control(worker);
        if (r < 0)
                return r;
        worker->loads = sqi_loads_open(worker->rundir, worker->plan->ntasks);
        report(worker, (struct sqi_message){.type = SQI_MSG_HELLO, .number = (uint64_t)getpid()});
        r = start_members(worker);
        return r < 0 ? complain("start the tasks in", worker->rundir, r) : 0;
}

static void
wait_for_work(struct worker *worker, uint64_t now_ns)
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

/* Makes room in a FIFO that nobody reads. */
static void
drop_output(void)
{
        char bytes[OUTPUT_KEPT / 2];
        int waiting = 0;

        if (ioctl(STDERR_FILENO, FIONREAD, &waiting) < 0 || waiting < OUTPUT_KEPT)
                return;
        if (read(STDERR_FILENO, bytes, sizeof(bytes)) < 0)
                return; /* it was no FIFO of ours */
}

static bool
has_finished(const struct worker *worker)
{
        for (uint32_t i = 0; i < worker->nmembers; i++)
                if (!worker->members[i]->finished)
                        return false;
        return true;
}

/* Tells all tasks to drain, as the supervisor would. */
static void
drain_alone(struct worker *worker)
{
        void *bytes;
        size_t size;

        worker->forsaken = true;
        if (sqi_message_encode(&(struct sqi_message){.type = SQI_MSG_DRAIN}, &bytes, &size) < 0)
                return;
        for (uint32_t i = 0; i < worker->nmembers; i++)
                zmq_send(worker->members[i]->control, bytes, size, ZMQ_DONTWAIT);
        free(bytes);
}

/* No supervisor: false when it is time to end. */
static bool
go_on_alone(struct worker *worker, uint64_t now_ns)
{
        double alone = (double)(now_ns - worker->orphaned_ns) / 1e9, patience = worker->plan->config.adopt_timeout;

        if (!worker->adoptable || !worker->started)
                return false;
        drop_output();
        if (!worker->forsaken && alone >= patience)
                drain_alone(worker);
        return !worker->forsaken || (!has_finished(worker) && alone < patience + worker->plan->config.message_timeout);
}

/* The supervisor would have removed the run directory. Its sockets are of no use without it; whoever is last succeeds with the rmdir. */
static void
remove_rundir(const struct worker *worker)
{
        DIR *directory = opendir(worker->rundir);
        const struct dirent *entry;

        while (directory && (entry = readdir(directory)))
                unlinkat(dirfd(directory), entry->d_name, 0);
        if (directory)
                closedir(directory);
        rmdir(worker->rundir);
}

static void
close_worker(struct worker *worker)
{
        bool joined = stop_members(worker);

        if (worker->orphaned && !worker->adoptable)
                remove_rundir(worker);
        if (!joined) {
                /* a callback hangs; its thread may hold any lock, so nothing more can be taken down */
                fprintf(stderr, "error: a task did not come back from its callback; it is left behind\n");
                _exit(1);
        }
        sqi_socket_close(&worker->orders);
        sqi_socket_close(&worker->reports);
        if (worker->context)
                zmq_ctx_term(worker->context);
        free(worker->members);
        if (worker->plan)
                sqi_loads_close(&worker->loads, worker->plan->ntasks);
        sqi_plan_free(&worker->plan);
        close(worker->pidfd);
}

int
sqi_worker_main(const char *rundir, uint32_t id, uint32_t incarnation, pid_t supervisor, bool adoptable)
{
        struct worker worker = {.rundir = rundir,
                                .id = id,
                                .incarnation = incarnation,
                                .supervisor = supervisor,
                                .pidfd = -1,
                                .adoptable = adoptable,
                                .lease = -1};
        int r;

        signal(SIGPIPE, SIG_IGN);
        /* Ctrl-C reaches the whole foreground group; how to end is the supervisor's decision */
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        sqi_crash_install();
        r = open_worker(&worker);
        while (r == 0 && !worker.quitting && !worker.failed) {
                uint64_t now_ns = sqi_clock_ns();
                if (worker.orphaned && !go_on_alone(&worker, now_ns))
                        break;
                beat(&worker, now_ns);
                wait_for_work(&worker, now_ns);
                pass_orders(&worker);
                pass_reports(&worker);
        }
        close_worker(&worker);
        return r < 0 || worker.failed ? 1 : 0;
}

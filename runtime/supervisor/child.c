/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of a topology's workers: from spawn to reaped, with what they say on stderr. Those that may outlive us
 * hold a lease (control/lease.h) and write into a FIFO of the run directory, so that the next supervisor finds both.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/complain.h"
#include "base/invariant.h"
#include "control/lease.h"
#include "supervisor/program.h"
#include "supervisor/running.h"
#include "lifecycle/tell.h"

enum { NAME_SIZE = 192, READ_SIZE = 16384 };
static const uint64_t last_words = 20 * SQI_MS;

static struct sqi_child *
child_of(const struct sqi_running *running, uint32_t worker)
{
        sqi_assert(worker < running->plan->nworkers);
        return &running->children[worker];
}

static void
hand_on_line(void *context, const char *line)
{
        const struct sqi_watch *log = context;
        struct sqi_running *running = log->running;
        char name[NAME_SIZE];

        if (running->observer.line)
                running->observer.line(running->observer.context,
                                       sqi_worker_name(running->plan, log->worker, name, sizeof(name)), log->worker,
                                       line);
}

void
sqi_child_read(struct sqi_running *running, uint32_t worker)
{
        struct sqi_child *child = child_of(running, worker);
        char bytes[READ_SIZE];
        ssize_t n;

        if (child->process.log < 0)
                return;
        while ((n = read(child->process.log, bytes, sizeof(bytes))) > 0)
                sqi_lines_add(&child->lines, bytes, (size_t)n, hand_on_line, &child->log);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        close(child->process.log); /* also leaves the epoll set */
        child->process.log = -1;
}

static const char *
fifo_path(const struct sqi_running *running, uint32_t worker, char path[SQI_RUNDIR_SIZE + 16])
{
        snprintf(path, SQI_RUNDIR_SIZE + 16, "%s/o%u", running->rundir.path, worker);
        return path;
}

static int
watch_child(struct sqi_running *running, struct sqi_child *child)
{
        int r;

        child->exited = false;
        child->lines.n = child->lines.len = 0;
        r = sqi_watch(running->supervisor, child->process.pidfd, EPOLLIN, &child->death);
        if (r == 0 && child->process.log >= 0)
                r = sqi_watch(running->supervisor, child->process.log, EPOLLIN, &child->log);
        return r;
}

int
sqi_child_spawn(struct sqi_running *running, uint32_t worker, uint32_t incarnation)
{
        struct sqi_child *child = child_of(running, worker);
        char tasks[NAME_SIZE], title[2 * NAME_SIZE], numbers[3][24];
        char adoptable[] = "adoptable", fifo[SQI_RUNDIR_SIZE + 16], program[SQI_PROGRAM_PATH];
        char *argv[] = {title,      running->rundir.path, numbers[0],
                        numbers[1], numbers[2],           running->apart ? adoptable : NULL,
                        NULL};
        int r = 0;

        child->lines = (struct sqi_lines){0}; /* what its predecessor said last has been told of */
        snprintf(title, sizeof(title), "squall: worker %.*s %s", NAME_SIZE / 2, running->plan->name,
                 sqi_worker_name(running->plan, worker, tasks, sizeof(tasks)));
        snprintf(numbers[0], sizeof(numbers[0]), "%u", worker);
        snprintf(numbers[1], sizeof(numbers[1]), "%u", incarnation);
        snprintf(numbers[2], sizeof(numbers[2]), "%d", (int)getpid());
        sqi_program_path(running->supervisor->program, program);
        sqi_cgroup_make(&running->supervisor->cgroup, running->rundir.path, worker, &running->plan->config);
        if (running->apart) {
                r = sqi_lease_begin(running->rundir.path, worker, incarnation);
                if (r == 0)
                        r = sqi_process_spawn_apart(program, argv, fifo_path(running, worker, fifo), &child->process);
        } else {
                r = sqi_process_spawn(program, argv, running->held, &child->process);
        }
        if (r < 0)
                return r;
        sqi_cgroup_enter(&running->supervisor->cgroup, running->rundir.path, worker, child->process.pid);
        r = watch_child(running, child);
        if (r == 0)
                return 0;
        sqi_process_kill(&child->process);
        sqi_process_finish(&child->process);
        return r;
}

static void
forget(const struct sqi_running *running, struct sqi_child *child)
{
        epoll_ctl(running->supervisor->epoll, EPOLL_CTL_DEL, child->process.pidfd, NULL);
        if (child->process.log >= 0)
                epoll_ctl(running->supervisor->epoll, EPOLL_CTL_DEL, child->process.log, NULL);
        child->process = SQI_NO_PROCESS;
}

static int
send_move(struct sqi_running *running, uint32_t worker, uint32_t incarnation)
{
        struct sqi_running *former = running->former;
        uint32_t from = running->stays[worker];
        const char *path = running->rundir.path;
        struct sqi_message move = {.type = SQI_MSG_MOVE,
                                   .worker = from,
                                   .incarnation = former->life->workers[from].incarnation,
                                   .number = worker,
                                   .a = incarnation,
                                   .text = {path, strlen(path)}};

        sqi_control_linger(&former->control);
        return sqi_control_send(&former->control, &move, false);
}

/* It takes the new lease, and leaves the old one, when it gets there; its output stays on the FIFO that it has, which
 * gets a name here too. */
int
sqi_child_move(struct sqi_running *running, uint32_t worker, uint32_t incarnation)
{
        struct sqi_child *child = child_of(running, worker), *from = child_of(running->former, running->stays[worker]);
        char old[SQI_RUNDIR_SIZE + 16], new[SQI_RUNDIR_SIZE + 16];
        int r;

        if (from->exited || from->process.pid <= 0)
                return -ESRCH;
        if (link(fifo_path(running->former, running->stays[worker], old), fifo_path(running, worker, new)) < 0 &&
            errno != EEXIST)
                return -errno;
        r = sqi_lease_begin(running->rundir.path, worker, incarnation);
        if (r == 0)
                r = send_move(running, worker, incarnation);
        if (r < 0)
                return r;
        sqi_cgroup_make(&running->supervisor->cgroup, running->rundir.path, worker, &running->plan->config);
        sqi_cgroup_enter(&running->supervisor->cgroup, running->rundir.path, worker, from->process.pid);
        child->process = from->process;
        forget(running, from);
        r = watch_child(running, child);
        if (r == 0)
                return 0;
        sqi_process_kill(&child->process);
        sqi_process_finish(&child->process);
        return r;
}

/* The pid that the lease names is looked at once more when its pidfd is open: then it is not another process that has
 * got the number. */
int
sqi_child_adopt(struct sqi_running *running, uint32_t worker, bool *ret_found, uint32_t *ret_incarnation, char *error,
                size_t size)
{
        struct sqi_child *child = child_of(running, worker);
        char fifo[SQI_RUNDIR_SIZE + 16];
        uint32_t incarnation = 0;
        pid_t pid = 0, again = 0;
        int r;

        r = sqi_lease_holder(running->rundir.path, worker, &pid, &incarnation);
        if (r == 0 && pid > 0)
                r = sqi_process_adopt(pid, sqi_process_fifo(fifo_path(running, worker, fifo)), &child->process);
        if (r == 0 && pid > 0)
                r = sqi_lease_holder(running->rundir.path, worker, &again, &incarnation);
        if (pid > 0 && (r == -ESRCH || again != pid)) {
                sqi_process_close(&child->process);
                pid = 0;
                r = 0;
        }
        if (r == 0 && pid > 0)
                r = watch_child(running, child);
        if (r < 0)
                sqi_complain(r, error, size, "cannot take over worker %u: %s", worker, strerror(-r));
        else if (pid > 0)
                r = sqi_program_check(pid, error, size);
        if (r < 0) {
                sqi_process_close(&child->process);
                return r;
        }
        *ret_found = pid > 0;
        *ret_incarnation = incarnation;
        return 0;
}

/* The last lines go out before the news of the death does. */
void
sqi_child_reap(struct sqi_running *running, uint32_t worker)
{
        struct sqi_child *child = child_of(running, worker);

        if (child->process.pidfd < 0 || child->exited ||
            !sqi_process_reap(&child->process, &child->signalled, &child->number))
                return;
        sqi_child_read(running, worker);
        sqi_lines_end(&child->lines, hand_on_line, &child->log);
        sqi_process_close(&child->process);
        child->starved = (child->number < 0 || (child->signalled && child->number == SIGKILL)) &&
                         sqi_cgroup_has_killed(&running->supervisor->cgroup, running->rundir.path, worker);
        child->exited = true;
        child->told_by = sqi_clock_ns() + (child->signalled || child->number <= 0 ? 0 : last_words);
}

void
sqi_child_end_all(struct sqi_running *running)
{
        if (!running->children)
                return;
        for (uint32_t w = 0; w < running->plan->nworkers; w++)
                sqi_process_kill(&running->children[w].process);
        for (uint32_t w = 0; w < running->plan->nworkers; w++)
                sqi_process_finish(&running->children[w].process);
}

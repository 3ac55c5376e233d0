/* SPDX-License-Identifier: Apache-2.0 */
/* A topology that runs, from sqi_supervisor_run() to sqi_running_free(): made, opened, asked for things, looked at. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <zmq.h>

#include "base/complain.h"
#include "base/invariant.h"
#include "control/endpoint.h"
#include "lifecycle/tell.h"
#include "plan/stay.h"
#include "supervisor/headroom.h"
#include "supervisor/running.h"

enum { NAME_SIZE = 192, TEXT_SIZE = SQI_CAUSE_TEXT + 1024 };

static int
write_plan(const struct sqi_running *running)
{
        void *bytes;
        size_t size;
        int r = sqi_plan_encode(running->plan, &bytes, &size);

        if (r < 0)
                return r;
        r = sqi_rundir_write(&running->rundir, "plan", bytes, size);
        free(bytes);
        return r;
}

/* The longest name is the last task's; a directory that fits it fits all. */
static int
check_length(const struct sqi_running *running, char *error, size_t size)
{
        char endpoint[SQI_ENDPOINT_SIZE];
        int r = sqi_endpoint(running->rundir.path, SQI_INBOX, running->plan->ntasks, false, endpoint);

        if (r == 0)
                r = sqi_endpoint(running->rundir.path, SQI_CONTROL, 0, false, endpoint);
        if (r < 0)
                snprintf(error, size,
                         "the run directory %s is too long a path for a socket (set XDG_RUNTIME_DIR to a shorter one)",
                         running->rundir.path);
        return r;
}

static int
open_control(struct sqi_running *running)
{
        int fds[2], r;

        r = sqi_control_open(running->supervisor->context, running->rundir.path, &running->control);
        if (r == 0)
                r = sqi_control_fds(&running->control, fds);
        for (int i = 0; i < 2 && r == 0; i++)
                r = sqi_watch(running->supervisor, fds[i], EPOLLIN | EPOLLET, &running->news);
        return r;
}

static void
resume_counts(struct sqi_running *running, uint32_t worker)
{
        char name[NAME_SIZE], text[TEXT_SIZE];
        int r = sqi_totals_resume(running->totals, running->rundir.path, worker);

        if (r == 0)
                return;
        snprintf(text, sizeof(text), "what %s had counted before its last restart cannot be read: %s",
                 sqi_worker_name(running->plan, worker, name, sizeof(name)),
                 r == -EBADMSG ? "it is damaged, or of another version" : strerror(-r));
        sqi_running_tell(running, SQ_WARN, text);
}

/* What an earlier supervisor has left here. */
static int
find_workers(struct sqi_running *running, char *error, size_t size)
{
        for (uint32_t w = 0; w < running->plan->nworkers; w++) {
                struct sqi_event event = {.type = SQI_EVENT_MISSED, .worker = w};
                bool found = false;
                int r = sqi_child_adopt(running, w, &found, &event.incarnation, error, size);

                resume_counts(running, w);
                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        return r;
                if (found)
                        event.type = SQI_EVENT_FOUND;
                else
                        sqi_running_take_counts(running, w, event.incarnation, sqi_totals_end);
                sqi_running_step(running, &event);
        }
        return 0;
}

static int
open_running(struct sqi_running *running, const struct sqi_run_options *options, char *error, size_t size)
{
        int r = sqi_headroom_check(running->plan, error, size);

        if (r == 0)
                r = options->rundir ? sqi_rundir_open(options->rundir, &running->rundir, error, size)
                                    : sqi_rundir_make(&running->rundir, error, size);
        if (r == 0)
                r = check_length(running, error, size);
        if (r < 0)
                return r;
        running->counted = sqi_counted_files_new(running->rundir.path, running->plan->ntasks);
        if (!running->counted)
                return sqi_complain(-ENOMEM, error, size, "out of memory");
        if (running->apart) {
                r = find_workers(running, error, size);
                if (r < 0)
                        return r;
        }
        r = write_plan(running);
        if (r == 0)
                r = open_control(running);
        if (r < 0)
                snprintf(error, size, "cannot open the run directory %s: %s", running->rundir.path, zmq_strerror(-r));
        return r;
}

static int
make_running(struct sqi_running *running, const struct sqi_run_options *options)
{
        int r = sqi_lifecycle_new(running->plan, options->crash_limit, options->seed, &running->life);

        if (r == 0)
                r = sqi_totals_new(running->plan, &running->totals);
        if (r == 0)
                r = sqi_trend_new(running->plan, &running->trend);
        if (r < 0)
                return r;
        running->received = calloc(1, sizeof(*running->received));
        running->children = calloc(running->plan->nworkers, sizeof(*running->children));
        if (!running->received || !running->children)
                return -ENOMEM;
        for (uint32_t t = 0; t < running->plan->ntasks && options->positions; t++)
                running->life->tasks[t].position = options->positions[t];
        running->life->proven = options->proven;
        running->life->notes = running->observer.ending != NULL;
        running->life->inactive = options->inactive;
        running->life->first_incarnation = options->runs;
        if ((options->restore && !(running->restore = strdup(options->restore))) ||
            (options->folder && !(running->folder = strdup(options->folder))) ||
            (options->place && !(running->place = strdup(options->place))))
                return -ENOMEM;
        running->held = options->held;
        running->life->checkpoint.place = running->place;
        running->life->checkpoint.epoch = options->epoch > 0 ? options->epoch - 1 : 0;
        running->life->checkpoint.held = options->on_trial;
        running->life->restore = running->restore;
        running->life->anew = options->anew;
        running->life->folder = running->folder;
        running->life->epoch = options->epoch;
        running->life->missing = running->missing_before = options->missing;
        running->news = (struct sqi_watch){SQI_WATCH_NEWS, running, 0};
        for (uint32_t w = 0; w < running->plan->nworkers; w++) {
                running->children[w].process = SQI_NO_PROCESS;
                running->children[w].death = (struct sqi_watch){SQI_WATCH_DEATH, running, w};
                running->children[w].log = (struct sqi_watch){SQI_WATCH_LOG, running, w};
        }
        return 0;
}

static void
tell_of_limits(const struct sqi_running *running)
{
        char lacking[128], text[256];

        if (!sqi_cgroup_lacking(&running->supervisor->cgroup, &running->plan->config, lacking, sizeof(lacking))[0])
                return;
        snprintf(text, sizeof(text),
                 "%s: not enforced, for there is no cgroup to do it by (squall doctor says what is missing)", lacking);
        if (running->observer.tell)
                running->observer.tell(running->observer.context, SQ_WARN, text);
}

/* What an earlier supervisor has left, and lives, is left alone: it may be adopted later. The plan stays the
 * caller's. */
static void
give_up_running(struct sqi_running **running)
{
        struct sqi_running *it = *running;

        if (!it)
                return;
        if (it->apart) {
                for (uint32_t w = 0; it->children && w < it->plan->nworkers; w++)
                        sqi_process_close(&it->children[w].process);
                sqi_rundir_leave(&it->rundir);
        }
        it->plan = NULL;
        sqi_running_free(running);
}

int
sqi_supervisor_run(struct sqi_supervisor *supervisor, struct sqi_plan **plan, const struct sqi_run_options *options,
                   const struct sqi_observer *observer, struct sqi_running **ret, char *error, size_t size)
{
        struct sqi_running *running = calloc(1, sizeof(*running));
        int r = running ? 0 : -ENOMEM;

        if (running) {
                running->supervisor = supervisor;
                running->plan = *plan;
                running->observer = *observer;
                running->apart = options->rundir != NULL;
                running->rundir.lock = -1;
                running->began = sqi_clock_ns();
                r = make_running(running, options);
        }
        if (r < 0)
                snprintf(error, size, "%s", strerror(-r));
        else
                r = open_running(running, options, error, size);
        if (r < 0) {
                give_up_running(&running);
                return r;
        }
        *plan = NULL;
        running->touched = true; /* its sockets may have news from before they were watched */
        running->next = supervisor->first;
        supervisor->first = running;
        *ret = running;
        tell_of_limits(running);
        running->former = options->former;
        running->stays = options->stays;
        sqi_running_step(running, &(struct sqi_event){.type = SQI_EVENT_START});
        running->former = NULL;
        running->stays = NULL;
        return 0;
}

void
sqi_running_errand(struct sqi_running *running, struct sqi_errand *errand)
{
        errand->told = 0;
        sqi_errand_begin(running, errand);
}

void
sqi_running_settle(struct sqi_running *running)
{
        sqi_errand_wait(running);
}

void
sqi_running_drain(struct sqi_running *running, double seconds)
{
        running->life->drain_secs = seconds;
        sqi_running_step(running, &(struct sqi_event){.type = SQI_EVENT_DRAIN});
}

void
sqi_running_hand_over(struct sqi_running *running, const uint32_t *stays, uint32_t n)
{
        if (running->life->state >= SQI_QUITTING)
                return; /* it has ended by itself, and is not to go on */
        running->life->handover = true;
        for (uint32_t i = 0; i < n; i++)
                if (stays[i] != SQI_STAYS_NOT)
                        running->life->workers[stays[i]].stays = true;
        sqi_running_drain(running, -1);
}

void
sqi_running_noted(struct sqi_running *running)
{
        sqi_running_step(running, &(struct sqi_event){.type = SQI_EVENT_NOTED});
}

void
sqi_running_activate(struct sqi_running *running, bool active)
{
        sqi_running_step(running, &(struct sqi_event){.type = active ? SQI_EVENT_ACTIVATE : SQI_EVENT_DEACTIVATE});
}

static void
tell_all(struct sqi_running *running, const struct sqi_message *message)
{
        if (!sqi_running_is_open(running))
                return;
        (void)sqi_control_send(&running->control, message, true);
        running->touched = true;
}

void
sqi_running_tap(struct sqi_running *running, uint32_t component, uint64_t ms, uint64_t bytes_s)
{
        sqi_assert(component < running->plan->ncomponents);
        tell_all(running, &(struct sqi_message){.type = SQI_MSG_TAP, .number = component, .a = ms, .b = bytes_s});
}

void
sqi_running_trace(struct sqi_running *running, uint64_t ms, uint64_t trees)
{
        tell_all(running, &(struct sqi_message){.type = SQI_MSG_TRACE, .number = trees, .a = ms});
}

void
sqi_running_keep(struct sqi_running *running)
{
        running->life->checkpoint.held = false;
        sqi_running_step(running, &(struct sqi_event){.type = SQI_EVENT_TIME});
}

void
sqi_running_abort(struct sqi_running *running)
{
        sqi_running_step(running, &(struct sqi_event){.type = SQI_EVENT_ABORT});
}

bool
sqi_running_is_over(const struct sqi_running *running)
{
        return running->life->state == SQI_ENDED && !running->ends;
}

static void
unlink_running(struct sqi_running *running)
{
        struct sqi_running **link = &running->supervisor->first;

        while (*link && *link != running)
                link = &(*link)->next;
        if (*link)
                *link = running->next;
}

void
sqi_running_free(struct sqi_running **running)
{
        struct sqi_running *it = *running;

        if (!it)
                return;
        sqi_errand_wait(it);
        if (it->plan)
                sqi_child_end_all(it);
        unlink_running(it);
        sqi_running_close(it);
        sqi_cgroup_remove(&it->supervisor->cgroup, it->rundir.path);
        sqi_rundir_remove(&it->rundir);
        sqi_lifecycle_free(&it->life);
        sqi_totals_free(&it->totals);
        sqi_trend_free(&it->trend);
        sqi_counted_files_free(&it->counted);
        sqi_plan_free(&it->plan);
        free(it->actions.items);
        free(it->children);
        free(it->received);
        free(it->restore);
        free(it->folder);
        free(it->place);
        free(it);
        *running = NULL;
}

void
sqi_running_leave(struct sqi_running **running)
{
        struct sqi_running *it = *running;

        if (!it)
                return;
        for (uint32_t w = 0; w < it->plan->nworkers; w++)
                sqi_process_close(&it->children[w].process);
        sqi_rundir_leave(&it->rundir);
        sqi_running_free(running);
}

const char *
sqi_running_rundir(const struct sqi_running *running)
{
        return running->rundir.path;
}

const char *
sqi_running_place(const struct sqi_running *running)
{
        return running->place;
}

const struct sqi_plan *
sqi_running_plan(const struct sqi_running *running)
{
        return running->plan;
}

const struct sqi_lifecycle *
sqi_running_lifecycle(const struct sqi_running *running)
{
        return running->life;
}

const struct sqi_trend *
sqi_running_trend(const struct sqi_running *running)
{
        return running->trend;
}

const struct sqi_totals *
sqi_running_totals(const struct sqi_running *running)
{
        return running->totals;
}

double
sqi_running_heaviest(const struct sqi_running *running, uint32_t task, char ret_text[SQI_HEAVY_TEXT + 1])
{
        struct sqi_heavy heavy;

        sqi_assert(task < running->plan->ntasks);
        if (sqi_counted_read_heavy(running->counted, task,
                                   running->life->workers[running->plan->tasks[task].worker].incarnation, &heavy) < 0)
                return 0;
        return sqi_heavy_first(&heavy, ret_text);
}

pid_t
sqi_running_pid(const struct sqi_running *running, uint32_t worker)
{
        pid_t pid;

        sqi_assert(worker < running->plan->nworkers);
        pid = running->children[worker].process.pid;
        return pid > 0 ? pid : 0;
}

uint64_t
sqi_running_uptime(const struct sqi_running *running)
{
        return (running->ended ? running->ended : sqi_clock_ns()) - running->began;
}

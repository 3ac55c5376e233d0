/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shell around lifecycle.c: turns what the kernel and ZeroMQ say into events, and actions into system calls.
 *
 * One epoll set holds, for each topology, the descriptors of its two control sockets, and for each worker its pidfd and
 * the pipe of its stderr. ZeroMQ's descriptors tell of news only once, and sending may swallow the news; so whatever
 * fired for a topology, and whenever something was sent to its workers, its control sockets are read until they are
 * empty. The others are left alone: with many topologies that is most of the work.
 *
 * A worker that cannot go on says why (ERROR) and exits. The pidfd may fire before its last words are through ZeroMQ's
 * pipe, so an exit with a status other than 0 is held back for some milliseconds, or until the ERROR is there.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "base/complain.h"
#include "base/invariant.h"
#include "base/descriptors.h"
#include "control/counted.h"
#include "control/endpoint.h"
#include "supervisor/headroom.h"
#include "supervisor/program.h"
#include "supervisor/running.h"
#include "lifecycle/tell.h"
#include "plan/stay.h"

enum { EVENTS = 64, NAME_SIZE = 192, TEXT_SIZE = SQI_CAUSE_TEXT + 1024 };

static void
tell(struct sqi_running *running, enum sq_level level, const char *text)
{
        if (running->observer.tell)
                running->observer.tell(running->observer.context, level, text);
}

/* ---- Events and actions ------------------------------------------------------------------------------ */

static void step(struct sqi_running *running, const struct sqi_event *event);

/* Before the next incarnation writes its own over them. */
static void
keep_counts(struct sqi_running *running, uint32_t worker, uint32_t incarnation)
{
        char name[NAME_SIZE], text[TEXT_SIZE];
        int r = 0;

        if (running->apart && incarnation > 0)
                r = sqi_totals_keep(running->totals, running->rundir.path, worker, incarnation - 1);
        if (r == 0)
                return;
        snprintf(
                text, sizeof(text),
                "cannot keep what %s has counted so far: %s (a supervisor that takes this one's place would not count it)",
                sqi_worker_name(running->plan, worker, name, sizeof(name)), strerror(-r));
        tell(running, SQ_WARN, text);
}

static void
do_spawn(struct sqi_running *running, const struct sqi_action *action)
{
        int r = -ESRCH;

        keep_counts(running, action->worker, action->incarnation);
        if (running->former && running->stays[action->worker] != SQI_STAYS_NOT)
                r = sqi_child_move(running, action->worker, action->incarnation);
        if (r < 0)
                r = sqi_child_spawn(running, action->worker, action->incarnation);

        step(running, &(struct sqi_event){.type = r < 0 ? SQI_EVENT_SPAWN_FAILED : SQI_EVENT_SPAWNED,
                                          .worker = action->worker,
                                          .number = -r});
}

static void
do_send(struct sqi_running *running, const struct sqi_action *action)
{
        struct sqi_message message = action->message;
        char text[TEXT_SIZE];
        int r;

        running->touched = true;
        if (message.type == SQI_MSG_ADOPT)
                message.number = (uint64_t)getpid();
        r = sqi_control_send(&running->control, &message, action->worker == SQI_EVERY_WORKER);

        if (r == 0)
                return;
        snprintf(text, sizeof(text), "cannot send %s: %s", sqi_message_name(action->message.type), strerror(-r));
        tell(running, SQ_ERROR, text);
}

static void
do_kill(struct sqi_running *running, const struct sqi_action *action)
{
        sqi_process_kill(&running->children[action->worker].process);
}

static void
do_report(struct sqi_running *running, const struct sqi_action *action)
{
        char text[TEXT_SIZE];

        tell(running, sqi_report_level(action), sqi_report_text(running->life, action, text, sizeof(text)));
        if (action->report == SQI_REPORT_QUITTING && running->observer.quitting)
                running->observer.quitting(running->observer.context);
        if (action->report == SQI_REPORT_STARTED && running->observer.started)
                running->observer.started(running->observer.context);
}

static void
do_seal(struct sqi_running *running, const struct sqi_action *action)
{
        int r = running->observer.seal ? running->observer.seal(running->observer.context) : 0;

        (void)action;
        step(running, &(struct sqi_event){.type = SQI_EVENT_SEALED, .number = -r});
}

/* libzmq closes a socket's descriptor some time later, in a thread of its own; until then it would stay in the epoll
 * set. */
static void
close_control(struct sqi_running *running)
{
        int fds[2];

        if (running->control.orders && running->control.reports && sqi_control_fds(&running->control, fds) == 0)
                for (int i = 0; i < 2; i++)
                        epoll_ctl(running->supervisor->epoll, EPOLL_CTL_DEL, fds[i], NULL);
        sqi_control_close(&running->control);
}

static bool
any_stays(const struct sqi_running *running)
{
        for (uint32_t w = 0; w < running->plan->nworkers; w++)
                if (running->life->workers[w].stays)
                        return true;
        return false;
}

static void
do_end(struct sqi_running *running, const struct sqi_action *action)
{
        (void)action;
        running->ended = sqi_clock_ns();
        if (!any_stays(running))
                close_control(running);
        if (!any_stays(running))
                sqi_rundir_remove(&running->rundir);
}

static void (*const deeds[])(struct sqi_running *running, const struct sqi_action *action) = {
        [SQI_ACTION_SPAWN] = do_spawn,   [SQI_ACTION_SEND] = do_send, [SQI_ACTION_KILL] = do_kill,
        [SQI_ACTION_REPORT] = do_report, [SQI_ACTION_SEAL] = do_seal, [SQI_ACTION_END] = do_end,
};

/* What a deed finds out (spawned, spawn failed) is a step of its own; its actions go behind those that still wait. */
static void
step(struct sqi_running *running, const struct sqi_event *event)
{
        struct sqi_actions *actions = &running->actions;
        bool outermost = actions->n == 0;

        sqi_lifecycle_step(running->life, event, sqi_clock_ns(), actions);
        if (!outermost)
                return;
        for (size_t i = 0; i < actions->n; i++) {
                struct sqi_action action = actions->items[i];

                sqi_assert((size_t)action.type < sizeof(deeds) / sizeof(deeds[0]));
                deeds[action.type](running, &action);
        }
        actions->n = 0;
        if (actions->no_memory) {
                actions->no_memory = false;
                tell(running, SQ_ERROR, "out of memory");
                step(running, &(struct sqi_event){.type = SQI_EVENT_ABORT});
        }
}

/* ---- News -------------------------------------------------------------------------------------------- */

static void
take_dead_letter(struct sqi_running *running, const struct sqi_message *message)
{
        char name[NAME_SIZE];

        if (running->observer.dead_letter && message->task < running->plan->ntasks)
                running->observer.dead_letter(running->observer.context,
                                              sqi_task_name(running->plan, message->task, name, sizeof(name)),
                                              message->number, message->text);
}

static void
take_report(struct sqi_running *running)
{
        const struct sqi_message *message = &running->received->message;

        if (message->type == SQI_MSG_METRICS)
                sqi_totals_take(running->totals, message, &running->received->metrics);
        else if (message->type == SQI_MSG_DEAD_LETTER)
                take_dead_letter(running, message);
        else if (message->type == SQI_MSG_ERROR && message->worker < running->plan->nworkers)
                running->children[message->worker].told_by = 0;
        bool sums = message->type == SQI_MSG_FINISHED || message->type == SQI_MSG_STATE;
        step(running, &(struct sqi_event){
                              .type = SQI_EVENT_MESSAGE,
                              .message = message,
                              .sums = sums,
                              .missing = sums ? running->missing_before + sqi_totals_missing(running->totals) : 0,
                      });
}

static bool
is_open(const struct sqi_running *running)
{
        return running->control.orders;
}

static void
read_control(struct sqi_running *running)
{
        struct sqi_event subscribed = {.type = SQI_EVENT_SUBSCRIBED};
        int r;

        while (is_open(running) &&
               sqi_control_subscribed(&running->control, &subscribed.worker, &subscribed.incarnation) > 0)
                step(running, &subscribed);
        while (is_open(running) && (r = sqi_control_receive(&running->control, running->received)) != 0) {
                if (r > 0)
                        take_report(running);
                else
                        tell(running, SQ_WARN, "a report that is no message was refused");
        }
}

typedef void totals_taker(struct sqi_totals *totals, const struct sqi_message *message,
                          const struct sqi_metrics *metrics);

/* What its tasks have counted since they last said so. */
static void
take_counts(struct sqi_running *running, uint32_t worker, uint32_t incarnation, totals_taker *take)
{
        struct sqi_message message = {.type = SQI_MSG_METRICS, .worker = worker, .incarnation = incarnation};
        struct sqi_metrics *metrics = &running->received->metrics;

        for (message.task = 0; message.task < running->plan->ntasks; message.task++)
                if (running->plan->tasks[message.task].worker == worker &&
                    sqi_counted_read(running->rundir.path, message.task, incarnation, metrics) == 0)
                        take(running->totals, &message, metrics);
}

void
sqi_running_count(struct sqi_running *running)
{
        for (uint32_t w = 0; w < running->plan->nworkers; w++)
                take_counts(running, w, running->life->workers[w].incarnation, sqi_totals_take);
}

static void
tell_exits(struct sqi_running *running)
{
        uint64_t now = sqi_clock_ns();

        for (uint32_t w = 0; w < running->plan->nworkers; w++) {
                struct sqi_child *child = &running->children[w];

                if (!child->exited || child->told_by > now)
                        continue;
                child->exited = false;
                take_counts(running, w, running->life->workers[w].incarnation, sqi_totals_end);
                step(running, &(struct sqi_event){.type = SQI_EVENT_EXITED,
                                                  .worker = w,
                                                  .number = child->number,
                                                  .cause = child->starved      ? SQI_CAUSE_MEMORY
                                                           : child->signalled  ? SQI_CAUSE_SIGNAL
                                                           : child->number < 0 ? SQI_CAUSE_UNSEEN
                                                                               : SQI_CAUSE_EXIT});
        }
}

/* Messages first: time must not find a worker silent whose words have come. */
static void
serve(struct sqi_running *running)
{
        do {
                running->touched = false;
                read_control(running);
                tell_exits(running);
                if (is_open(running) && sqi_lifecycle_due(running->life) <= sqi_clock_ns())
                        step(running, &(struct sqi_event){.type = SQI_EVENT_TIME});
        } while (running->touched && is_open(running));
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

static uint64_t
due_time(const struct sqi_running *running)
{
        uint64_t due;

        if (!is_open(running))
                return SQI_NEVER;
        if (running->touched)
                return 0;
        due = sqi_lifecycle_due(running->life);
        for (uint32_t w = 0; w < running->plan->nworkers; w++)
                if (running->children[w].exited)
                        due = earlier(due, running->children[w].told_by);
        return due;
}

void
sqi_supervisor_serve(struct sqi_supervisor *supervisor)
{
        struct epoll_event events[EVENTS];
        uint64_t now;
        int n;

        do {
                n = epoll_wait(supervisor->epoll, events, EVENTS, 0);
                for (int i = 0; i < n; i++) {
                        const struct sqi_watch *watch = events[i].data.ptr;

                        watch->running->touched = true;
                        if (watch->what == SQI_WATCH_DEATH)
                                sqi_child_reap(watch->running, watch->worker);
                        else if (watch->what == SQI_WATCH_LOG)
                                sqi_child_read(watch->running, watch->worker);
                }
                now = sqi_clock_ns();
                for (struct sqi_running *running = supervisor->first; running; running = running->next)
                        if (due_time(running) <= now)
                                serve(running);
        } while (n == EVENTS);
}

uint64_t
sqi_supervisor_due(const struct sqi_supervisor *supervisor)
{
        uint64_t due = SQI_NEVER;

        for (const struct sqi_running *running = supervisor->first; running; running = running->next)
                due = earlier(due, due_time(running));
        return due;
}

/* ---- Life of a topology ------------------------------------------------------------------------------ */

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
        tell(running, SQ_WARN, text);
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
                        take_counts(running, w, event.incarnation, sqi_totals_end);
                step(running, &event);
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
        if (r < 0)
                return r;
        running->received = calloc(1, sizeof(*running->received));
        running->children = calloc(running->plan->nworkers, sizeof(*running->children));
        if (!running->received || !running->children)
                return -ENOMEM;
        for (uint32_t t = 0; t < running->plan->ntasks && options->positions; t++)
                running->life->tasks[t].position = options->positions[t];
        running->life->proven = options->proven;
        running->life->inactive = options->inactive;
        running->life->first_incarnation = options->runs;
        if ((options->restore && !(running->restore = strdup(options->restore))) ||
            (options->folder && !(running->folder = strdup(options->folder))))
                return -ENOMEM;
        running->life->restore = running->restore;
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
        step(running, &(struct sqi_event){.type = SQI_EVENT_START});
        running->former = NULL;
        running->stays = NULL;
        return 0;
}

void
sqi_running_drain(struct sqi_running *running, double seconds)
{
        running->life->drain_secs = seconds;
        step(running, &(struct sqi_event){.type = SQI_EVENT_DRAIN});
}

void
sqi_running_hand_over(struct sqi_running *running, const uint32_t *stays, uint32_t n)
{
        running->life->handover = true;
        for (uint32_t i = 0; i < n; i++)
                if (stays[i] != SQI_STAYS_NOT)
                        running->life->workers[stays[i]].stays = true;
        sqi_running_drain(running, -1);
}

void
sqi_running_activate(struct sqi_running *running, bool active)
{
        step(running, &(struct sqi_event){.type = active ? SQI_EVENT_ACTIVATE : SQI_EVENT_DEACTIVATE});
}

void
sqi_running_abort(struct sqi_running *running)
{
        step(running, &(struct sqi_event){.type = SQI_EVENT_ABORT});
}

bool
sqi_running_is_over(const struct sqi_running *running)
{
        return running->life->state == SQI_ENDED;
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
        if (it->plan)
                sqi_child_end_all(it);
        unlink_running(it);
        close_control(it);
        sqi_cgroup_remove(&it->supervisor->cgroup, it->rundir.path);
        sqi_rundir_remove(&it->rundir);
        sqi_lifecycle_free(&it->life);
        sqi_totals_free(&it->totals);
        sqi_plan_free(&it->plan);
        free(it->actions.items);
        free(it->children);
        free(it->received);
        free(it->restore);
        free(it->folder);
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

const struct sqi_totals *
sqi_running_totals(const struct sqi_running *running)
{
        return running->totals;
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

/* ---- The supervisor itself --------------------------------------------------------------------------- */

/* With its threads, which libzmq starts with the first socket: it would end the process if that came when descriptors
 * are short. NULL and errno. */
static void *
new_context(void)
{
        int r = sqi_descriptors_check(SQI_DESCRIPTORS_SOCKET);
        void *context = r == 0 ? zmq_ctx_new() : NULL, *first = context ? zmq_socket(context, ZMQ_PULL) : NULL;

        if (first) {
                zmq_close(first);
                return context;
        }
        r = r < 0 ? -r : errno;
        if (context)
                zmq_ctx_term(context);
        errno = r;
        return NULL;
}

int
sqi_supervisor_new(struct sqi_supervisor **ret, char *error, size_t size)
{
        struct sqi_supervisor *supervisor = calloc(1, sizeof(*supervisor));
        int r = 0;

        if (!supervisor)
                return sqi_complain(-ENOMEM, error, size, "out of memory");
        sqi_headroom_raise();
        supervisor->program = -1;
        supervisor->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (supervisor->epoll < 0 || !(supervisor->context = new_context()))
                r = sqi_complain(-errno, error, size, "cannot start a supervisor: %s", zmq_strerror(errno));
        if (r == 0)
                r = supervisor->program = sqi_program_open(error, size);
        if (r < 0) {
                sqi_supervisor_free(&supervisor);
                return r;
        }
        sqi_cgroup_find(&supervisor->cgroup);
        *ret = supervisor;
        return 0;
}

void
sqi_supervisor_free(struct sqi_supervisor **supervisor)
{
        struct sqi_supervisor *it = *supervisor;

        if (!it)
                return;
        while (it->first) {
                struct sqi_running *running = it->first;

                sqi_running_free(&running);
        }
        if (it->context)
                zmq_ctx_term(it->context);
        if (it->epoll >= 0)
                close(it->epoll);
        if (it->program >= 0)
                close(it->program);
        free(it);
        *supervisor = NULL;
}

int
sqi_supervisor_fd(const struct sqi_supervisor *supervisor)
{
        return supervisor->epoll;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the lifecycle decides is carried out here: one function for each kind of action. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/invariant.h"
#include "control/lease.h"
#include "lifecycle/tell.h"
#include "plan/stay.h"
#include "supervisor/running.h"

enum { NAME_SIZE = 192, TEXT_SIZE = SQI_CAUSE_TEXT + 1024 };

void
sqi_running_tell(struct sqi_running *running, enum sq_level level, const char *text)
{
        if (running->observer.tell)
                running->observer.tell(running->observer.context, level, text);
}

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
        sqi_running_tell(running, SQ_WARN, text);
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

        sqi_running_step(running, &(struct sqi_event){.type = r < 0 ? SQI_EVENT_SPAWN_FAILED : SQI_EVENT_SPAWNED,
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
        sqi_running_tell(running, SQ_ERROR, text);
}

static void
do_kill(struct sqi_running *running, const struct sqi_action *action)
{
        sqi_process_kill(&running->children[action->worker].process);
}

/* Whose last lines are still there. One that fails the topology has died too, and is not started again. */
static void
tell_death(struct sqi_running *running, const struct sqi_action *action, const char *text)
{
        const struct sqi_lifecycle *life = running->life;
        bool again = action->report == SQI_REPORT_DIED;
        char task[NAME_SIZE], cause[TEXT_SIZE];

        if (!running->observer.died || action->worker >= running->plan->nworkers ||
            (!again && action->report != SQI_REPORT_FAILED))
                return;
        const struct sqi_life_worker *worker = &life->workers[action->worker];
        running->observer.died(running->observer.context,
                               &(struct sqi_death){
                                       .task = sqi_culprit_name(life, action->worker, task, sizeof(task)),
                                       .cause = sqi_cause_text(life->plan, &worker->cause, cause, sizeof(cause)),
                                       .text = text,
                                       .incarnation = again ? worker->incarnation - 1 : worker->incarnation,
                                       .deaths = again ? worker->restarts : worker->restarts + 1,
                                       .delay = again ? (double)action->delay / 1e9 : -1,
                                       .lines = &running->children[action->worker].lines,
                               });
}

/* A worker that cannot be told is killed, which comes to the same, for it is started again. */
static void
do_rejoin(struct sqi_running *running, const struct sqi_action *action)
{
        struct sqi_child *child = &running->children[action->worker];
        const struct sqi_message order = {.type = SQI_MSG_REJOIN,
                                          .worker = action->worker,
                                          .incarnation = running->life->workers[action->worker].incarnation,
                                          .number = action->incarnation};
        int r = running->apart ? sqi_lease_begin(running->rundir.path, action->worker, action->incarnation) : 0;

        running->touched = true;
        if (r == 0)
                r = sqi_control_send(&running->control, &order, false);
        if (r < 0)
                sqi_process_kill(&child->process);
}

static void
do_left(struct sqi_running *running, const struct sqi_action *action)
{
        sqi_running_take_counts(running, action->worker, action->incarnation, sqi_totals_end);
        keep_counts(running, action->worker, action->incarnation + 1);
}

static void
do_report(struct sqi_running *running, const struct sqi_action *action)
{
        char text[TEXT_SIZE];

        sqi_report_text(running->life, action, text, sizeof(text));
        if (action->report == SQI_REPORT_UNFINISHED)
                sqi_unfinished_explain(running, action->task, text, sizeof(text));
        tell_death(running, action, text);
        if (running->observer.happened)
                running->observer.happened(running->observer.context, sqi_report_name(action), sqi_report_level(action),
                                           text);
        else
                sqi_running_tell(running, sqi_report_level(action), text);
        if (action->report == SQI_REPORT_STARTED && running->observer.started)
                running->observer.started(running->observer.context);
}

/* What its owner has to do for it on the disk; `event` says that it is done, or that there was nothing to do. */
static void
begin_errand(struct sqi_running *running, int (*make)(void *context, struct sqi_errand **ret),
             enum sqi_event_type event)
{
        struct sqi_errand *errand = NULL;
        int r = make ? make(running->observer.context, &errand) : 0;

        if (!errand) {
                sqi_running_step(running, &(struct sqi_event){.type = event, .number = -r});
                return;
        }
        errand->told = (int)event;
        sqi_errand_begin(running, errand);
}

static void
do_seal(struct sqi_running *running, const struct sqi_action *action)
{
        (void)action;
        begin_errand(running, running->observer.seal, SQI_EVENT_SEALED);
}

static void
do_folder(struct sqi_running *running, const struct sqi_action *action)
{
        (void)action;
        begin_errand(running, running->observer.folder, SQI_EVENT_FOLDER);
}

static void
do_note(struct sqi_running *running, const struct sqi_action *action)
{
        (void)action;
        running->observer.ending(running->observer.context);
}

/* libzmq closes a socket's descriptor some time later, in a thread of its own; until then it would stay in the epoll
 * set. */
void
sqi_running_close(struct sqi_running *running)
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

void
sqi_running_end(struct sqi_running *running)
{
        if (!running->ends || running->errands.first)
                return;
        running->ends = false;
        running->ended = sqi_clock_ns();
        if (!any_stays(running))
                sqi_running_close(running);
        if (!any_stays(running))
                sqi_rundir_remove(&running->rundir);
}

static void
do_end(struct sqi_running *running, const struct sqi_action *action)
{
        (void)action;
        running->ends = true;
        sqi_running_end(running);
}

static void (*const deeds[])(struct sqi_running *running, const struct sqi_action *action) = {
        [SQI_ACTION_SPAWN] = do_spawn,   [SQI_ACTION_SEND] = do_send,     [SQI_ACTION_KILL] = do_kill,
        [SQI_ACTION_REPORT] = do_report, [SQI_ACTION_SEAL] = do_seal,     [SQI_ACTION_END] = do_end,
        [SQI_ACTION_FOLDER] = do_folder, [SQI_ACTION_REJOIN] = do_rejoin, [SQI_ACTION_LEFT] = do_left,
        [SQI_ACTION_NOTE] = do_note,
};

/* What a deed finds out (spawned, spawn failed) is a step of its own; its actions go behind those that still wait. */
void
sqi_running_step(struct sqi_running *running, const struct sqi_event *event)
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
                sqi_running_tell(running, SQ_ERROR, "out of memory");
                sqi_running_step(running, &(struct sqi_event){.type = SQI_EVENT_ABORT});
        }
}

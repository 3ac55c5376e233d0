/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shell around lifecycle.c: turns what the kernel and ZeroMQ say into events, until all has been
 * served (deeds.c turns actions into system calls, running.c is the life of one topology).
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

#include "base/clock.h"
#include "base/complain.h"
#include "base/descriptors.h"
#include "supervisor/headroom.h"
#include "supervisor/program.h"
#include "supervisor/running.h"

enum { EVENTS = 64, NAME_SIZE = 192 };

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

        if (message->type == SQI_MSG_ANSWER && running->observer.answered)
                running->observer.answered(running->observer.context, message);
        if (message->type == SQI_MSG_METRICS)
                sqi_totals_take(running->totals, message, &running->received->metrics);
        else if (message->type == SQI_MSG_DEAD_LETTER)
                take_dead_letter(running, message);
        else if (message->type == SQI_MSG_ERROR && message->worker < running->plan->nworkers)
                running->children[message->worker].told_by = 0;
        bool sums = message->type == SQI_MSG_FINISHED || message->type == SQI_MSG_STATE;
        sqi_running_step(running,
                         &(struct sqi_event){
                                 .type = SQI_EVENT_MESSAGE,
                                 .message = message,
                                 .sums = sums,
                                 .missing = sums ? running->missing_before + sqi_totals_missing(running->totals) : 0,
                         });
}

static void
read_control(struct sqi_running *running)
{
        struct sqi_event subscribed = {.type = SQI_EVENT_SUBSCRIBED};
        int r;

        while (sqi_running_is_open(running) &&
               sqi_control_subscribed(&running->control, &subscribed.worker, &subscribed.incarnation) > 0)
                sqi_running_step(running, &subscribed);
        while (sqi_running_is_open(running) && (r = sqi_control_receive(&running->control, running->received)) != 0) {
                if (r > 0)
                        take_report(running);
                else
                        sqi_running_tell(running, SQ_WARN, "a report that is no message was refused");
        }
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
                sqi_running_take_counts(running, w, running->life->workers[w].incarnation, sqi_totals_end);
                sqi_running_step(running, &(struct sqi_event){.type = SQI_EVENT_EXITED,
                                                              .worker = w,
                                                              .number = child->number,
                                                              .cause = child->starved      ? SQI_CAUSE_MEMORY
                                                                       : child->signalled  ? SQI_CAUSE_SIGNAL
                                                                       : child->number < 0 ? SQI_CAUSE_UNSEEN
                                                                                           : SQI_CAUSE_EXIT});
        }
}

/* Of what was done beside the loop. */
static void
tell_errands(struct sqi_running *running)
{
        struct sqi_errand_end end;

        while (sqi_errand_settle(running, &end))
                if (end.told)
                        sqi_running_step(running, &(struct sqi_event){.type = (enum sqi_event_type)end.told,
                                                                      .number = -end.result});
        sqi_running_end(running);
}

/* Messages first: time must not find a worker silent whose words have come. */
static void
serve(struct sqi_running *running)
{
        do {
                running->touched = false;
                read_control(running);
                tell_errands(running);
                tell_exits(running);
                if (sqi_running_is_open(running) && sqi_lifecycle_due(running->life) <= sqi_clock_ns())
                        sqi_running_step(running, &(struct sqi_event){.type = SQI_EVENT_TIME});
                if (sqi_running_is_open(running))
                        sqi_running_look(running, sqi_clock_ns());
        } while (running->touched && sqi_running_is_open(running));
}

static uint64_t
due_time(const struct sqi_running *running)
{
        uint64_t due;

        if (running->touched)
                return 0;
        if (!sqi_running_is_open(running))
                return SQI_NEVER;
        due = sqi_earlier(sqi_lifecycle_due(running->life), sqi_trend_due(running->trend));
        for (uint32_t w = 0; w < running->plan->nworkers; w++)
                if (running->children[w].exited)
                        due = sqi_earlier(due, running->children[w].told_by);
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
                due = sqi_earlier(due, due_time(running));
        return due;
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants, which the simulation of tests/unit/lifecycle.c checks after every step:
 *
 *  - a worker is spawned only when it is IDLE or WAITING: never beside a process of its own that has not been reaped;
 *  - data flows (START) to a worker only when all its tasks are ready, and for the first time only when all tasks of the topology are;
 *  - CONNECT goes to a worker only when it listens and its inboxes are bound, and before has_run only when that holds for all;
 *  - QUIT is sent only when every task has finished;
 *  - END comes once, last, and when no process is left.
 *
 * What a dead incarnation has still said is not listened to, but for positions: a tuple tree that is done stays done.
 *
 * The supervisor may have been stopped itself (SIGSTOP, a loaded machine). Then silence proves nothing: a step that comes late by more than
 * half the worker time-out forgives all silence so far.
 */
#include "supervisor/lifecycle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { START_TRIES = 3 };
static const uint64_t exit_time = 10 * SQI_SECOND, probe_pause = 10 * SQI_MS;

/* One step: what every function below needs. */
struct step {
        struct sqi_lifecycle *life;
        uint64_t now;
        struct sqi_actions *actions;
};

static uint64_t
seconds(double s)
{
        return (uint64_t)(s * 1e9);
}

static uint64_t
worker_timeout(const struct sqi_lifecycle *life)
{
        return seconds(life->plan->config.worker_timeout);
}

/* splitmix64 (S. Vigna, public domain) */
static uint64_t
draw(struct sqi_lifecycle *life)
{
        uint64_t z = life->random += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

static bool
is_over(const struct sqi_lifecycle *life)
{
        return life->state >= SQI_QUITTING;
}

/* ---- Actions ------------------------------------------------------------------------------------------------------------ */

static void
act(struct step *step, struct sqi_action action)
{
        struct sqi_actions *actions = step->actions;

        if (actions->n == actions->size) {
                size_t size = actions->size ? 2 * actions->size : 16;
                struct sqi_action *items = realloc(actions->items, size * sizeof(*items));

                if (!items) {
                        actions->no_memory = true;
                        return;
                }
                actions->items = items;
                actions->size = size;
        }
        actions->items[actions->n++] = action;
}

static void
send(struct step *step, uint32_t worker, enum sqi_message_type type, uint32_t task, uint64_t number)
{
        uint32_t incarnation = worker == SQI_EVERY_WORKER ? 0 : step->life->workers[worker].incarnation;
        struct sqi_message message = {.type = type, .worker = worker == SQI_EVERY_WORKER ? 0 : worker, .incarnation = incarnation,
                                      .task = task, .number = number};

        act(step, (struct sqi_action){.type = SQI_ACTION_SEND, .worker = worker, .incarnation = incarnation, .message = message});
}

static void
report(struct step *step, enum sqi_report what, uint32_t worker, uint64_t delay)
{
        act(step, (struct sqi_action){.type = SQI_ACTION_REPORT, .report = what, .worker = worker, .delay = delay});
}

static void
spawn(struct step *step, uint32_t worker)
{
        step->life->workers[worker].state = SQI_WORKER_SPAWNING;
        act(step, (struct sqi_action){.type = SQI_ACTION_SPAWN, .worker = worker,
                                      .incarnation = step->life->workers[worker].incarnation});
}

static void
kill_worker(struct step *step, uint32_t worker)
{
        step->life->workers[worker].state = SQI_WORKER_KILLED;
        act(step, (struct sqi_action){.type = SQI_ACTION_KILL, .worker = worker});
}

/* ---- Counting over tasks and workers ---------------------------------------------------------------------------------- */

#define EACH_TASK(life, task) (uint32_t task = 0; (task) < (life)->plan->ntasks; (task)++)
#define EACH_WORKER(life, worker) (uint32_t worker = 0; (worker) < (life)->plan->nworkers; (worker)++)

static bool
is_on(const struct sqi_lifecycle *life, uint32_t task, uint32_t worker)
{
        return worker == SQI_EVERY_WORKER || life->plan->tasks[task].worker == worker;
}

static bool
all_bound(const struct sqi_lifecycle *life, uint32_t worker)
{
        for EACH_TASK(life, task)
                if (is_on(life, task, worker) && !life->tasks[task].bound)
                        return false;
        return true;
}

static bool
all_ready(const struct sqi_lifecycle *life, uint32_t worker)
{
        for EACH_TASK(life, task)
                if (is_on(life, task, worker) && !life->tasks[task].ready)
                        return false;
        return true;
}

static bool
all_finished(const struct sqi_lifecycle *life)
{
        for EACH_TASK(life, task)
                if (!life->tasks[task].finished)
                        return false;
        return true;
}

static bool
all_listen(const struct sqi_lifecycle *life)
{
        for EACH_WORKER(life, w)
                if (life->workers[w].state != SQI_WORKER_ALIVE || !life->workers[w].subscribed)
                        return false;
        return true;
}

static enum sq_kind
kind_of(const struct sqi_lifecycle *life, uint32_t task)
{
        return life->plan->components[life->plan->tasks[task].component].kind;
}

static struct sqi_cycle *
cycle_of(struct sqi_lifecycle *life, uint32_t task)
{
        uint32_t cycle = life->plan->components[life->plan->tasks[task].component].cycle;

        return cycle ? &life->cycles[cycle] : NULL;
}

/* ---- The end ------------------------------------------------------------------------------------------------------------ */

static void
end_when_empty(struct step *step)
{
        struct sqi_lifecycle *life = step->life;

        if (!is_over(life) || life->state == SQI_ENDED)
                return;
        for EACH_WORKER(life, w)
                if (life->workers[w].state != SQI_WORKER_GONE)
                        return;
        life->state = SQI_ENDED;
        life->deadline = SQI_NEVER;
        act(step, (struct sqi_action){.type = SQI_ACTION_END});
}

/* Ends all processes. One that is just being spawned is killed when it is there. */
static void
abort_all(struct step *step, enum sqi_outcome outcome)
{
        struct sqi_lifecycle *life = step->life;

        life->state = SQI_ABORTING;
        life->outcome = outcome;
        life->deadline = life->probe_due = SQI_NEVER;
        for EACH_WORKER(life, w) {
                struct sqi_life_worker *worker = &life->workers[w];

                if (worker->state == SQI_WORKER_ALIVE)
                        kill_worker(step, w);
                else if (worker->state == SQI_WORKER_IDLE || worker->state == SQI_WORKER_WAITING)
                        worker->state = SQI_WORKER_GONE;
        }
        end_when_empty(step);
}

static void
fail(struct step *step, uint32_t worker)
{
        step->life->failed_worker = worker;
        report(step, SQI_REPORT_FAILED, worker, 0);
        abort_all(step, SQI_OUTCOME_FAILED);
}

static void
quit_when_finished(struct step *step)
{
        struct sqi_lifecycle *life = step->life;

        if (is_over(life) || !all_finished(life))
                return;
        life->state = SQI_QUITTING;
        life->outcome = life->draining ? SQI_OUTCOME_DRAINED : SQI_OUTCOME_FINISHED;
        life->deadline = step->now + exit_time;
        life->probe_due = SQI_NEVER;
        send(step, SQI_EVERY_WORKER, SQI_MSG_QUIT, 0, 0);
}

/* ---- The start ---------------------------------------------------------------------------------------------------------- */

/* A worker that starts late hears what it has missed: which incarnation each peer is in. */
static void
tell_incarnations(struct step *step, uint32_t worker)
{
        const struct sqi_lifecycle *life = step->life;

        for EACH_TASK(life, task) {
                uint32_t host = life->plan->tasks[task].worker;

                if (host == worker || life->workers[host].incarnation == 0)
                        continue;
                send(step, worker, SQI_MSG_PEER_LOST, task, life->workers[host].incarnation);
                if (life->workers[host].started)
                        send(step, worker, SQI_MSG_PEER_READY, task, 0);
        }
}

static void
connect_worker(struct step *step, uint32_t worker)
{
        struct sqi_lifecycle *life = step->life;

        if (life->workers[worker].state != SQI_WORKER_ALIVE || !life->workers[worker].subscribed ||
            life->workers[worker].connected || !all_bound(life, worker))
                return;
        life->workers[worker].connected = true;
        tell_incarnations(step, worker);
        for EACH_TASK(life, task)
                if (is_on(life, task, worker) && life->tasks[task].has_position)
                        send(step, worker, SQI_MSG_POSITION, task, life->tasks[task].position);
        send(step, worker, SQI_MSG_CONNECT, 0, 0);
}

/* The first time all connect together; from then on a restarted worker need not wait for the others. */
static void
connect_when_bound(struct step *step, uint32_t worker)
{
        struct sqi_lifecycle *life = step->life;

        if (life->connected) {
                connect_worker(step, worker);
                return;
        }
        if (!all_listen(life) || !all_bound(life, SQI_EVERY_WORKER))
                return;
        life->connected = true;
        for EACH_WORKER(life, w)
                connect_worker(step, w);
}

static void
mark_started(struct step *step, uint32_t worker)
{
        struct sqi_lifecycle *life = step->life;

        life->workers[worker].started = true;
        life->workers[worker].started_at = step->now;
        for EACH_TASK(life, task) {
                if (!is_on(life, task, worker))
                        continue;
                life->tasks[task].loops_at = step->now;
                if (life->workers[worker].incarnation > 0)
                        send(step, SQI_EVERY_WORKER, SQI_MSG_PEER_READY, task, 0);
        }
}

static void
start_worker(struct step *step, uint32_t worker)
{
        struct sqi_lifecycle *life = step->life;

        if (life->workers[worker].started || !all_ready(life, worker))
                return;
        if (life->draining || life->workers[worker].finished_before)
                send(step, worker, SQI_MSG_DRAIN, 0, 0); /* first: its spouts must not emit a thing */
        send(step, worker, SQI_MSG_START, 0, 0);
        mark_started(step, worker);
        report(step, SQI_REPORT_RESTARTED, worker, 0);
}

static void
start_when_ready(struct step *step, uint32_t worker)
{
        struct sqi_lifecycle *life = step->life;

        if (life->has_run) {
                start_worker(step, worker);
                return;
        }
        if (!all_ready(life, SQI_EVERY_WORKER))
                return;
        life->has_run = true;
        life->state = life->draining ? SQI_DRAINING : SQI_RUNNING;
        if (life->draining)
                send(step, SQI_EVERY_WORKER, SQI_MSG_DRAIN, 0, 0);
        send(step, SQI_EVERY_WORKER, SQI_MSG_START, 0, 0);
        for EACH_WORKER(life, w)
                mark_started(step, w);
        report(step, SQI_REPORT_STARTED, SQI_EVERY_WORKER, 0);
}

/* ---- Deaths ------------------------------------------------------------------------------------------------------------- */

static void
update_degraded(struct step *step)
{
        struct sqi_lifecycle *life = step->life;
        bool degraded = false;
        uint32_t who = SQI_EVERY_WORKER;

        for EACH_WORKER(life, w) {
                if (!sqi_backoff_is_degraded(&life->workers[w].backoff))
                        continue;
                degraded = true;
                who = w;
        }
        if (degraded != life->degraded)
                report(step, degraded ? SQI_REPORT_DEGRADED : SQI_REPORT_RECOVERED, who, 0);
        life->degraded = degraded;
}

static bool
had_finished(const struct sqi_lifecycle *life, uint32_t worker)
{
        for EACH_TASK(life, task)
                if (is_on(life, task, worker) && (!life->tasks[task].finished || kind_of(life, task) != SQ_KIND_SPOUT))
                        return false;
        return true;
}

/* Forgets what the tasks of a dead worker had reached, and tells all others. */
static void
lose_tasks(struct step *step, uint32_t worker)
{
        struct sqi_lifecycle *life = step->life;

        for EACH_TASK(life, t) {
                struct sqi_life_task *task = &life->tasks[t];
                struct sqi_cycle *cycle = cycle_of(life, t);

                if (!is_on(life, t, worker))
                        continue;
                if (cycle && life->has_run)
                        sqi_cycle_lose(cycle, task->settled);
                *task = (struct sqi_life_task){.position = task->position, .has_position = task->has_position};
                if (life->connected)
                        send(step, SQI_EVERY_WORKER, SQI_MSG_PEER_LOST, t, life->workers[worker].incarnation);
        }
}

static bool
is_hopeless(const struct sqi_lifecycle *life, const struct sqi_life_worker *worker)
{
        if (!life->has_run && worker->backoff.streak >= START_TRIES)
                return true;
        return life->crash_limit > 0 && worker->backoff.streak >= life->crash_limit;
}

/* The worker is not there any more, or could not be started; its cause is set. */
static void
restart(struct step *step, uint32_t w)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_worker *worker = &life->workers[w];
        uint64_t lived = worker->started ? step->now - worker->started_at : 0;
        uint64_t delay = sqi_backoff_died(&worker->backoff, lived, worker->worked, draw(life));

        worker->state = SQI_WORKER_WAITING;
        worker->due = step->now + delay;
        worker->finished_before = worker->finished_before || had_finished(life, w);
        if (is_hopeless(life, worker)) {
                fail(step, w);
                return;
        }
        worker->incarnation++;
        worker->restarts++;
        lose_tasks(step, w);
        report(step, SQI_REPORT_DIED, w, delay);
        update_degraded(step);
        if (delay == 0)
                spawn(step, w);
}

static void
on_exited(struct step *step, const struct sqi_event *event)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_worker *worker = &life->workers[event->worker];
        bool ours = worker->state == SQI_WORKER_KILLED; /* and the cause is set already, if there is one */

        if (!worker->told)
                worker->cause.text[0] = '\0';
        if (!ours) {
                worker->cause.type = event->cause;
                worker->cause.number = event->number;
        }
        if (!is_over(life)) {
                restart(step, event->worker);
                return;
        }
        if (life->state == SQI_QUITTING && !ours && (event->cause != SQI_CAUSE_EXIT || event->number != 0))
                report(step, SQI_REPORT_BAD_EXIT, event->worker, 0);
        worker->state = SQI_WORKER_GONE;
        end_when_empty(step);
}

static void
on_spawn_failed(struct step *step, const struct sqi_event *event)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_worker *worker = &life->workers[event->worker];

        worker->cause = (struct sqi_cause){.type = SQI_CAUSE_SPAWN, .number = event->number};
        if (is_over(life)) {
                worker->state = SQI_WORKER_GONE;
                end_when_empty(step);
        } else if (!life->has_run) {
                worker->state = SQI_WORKER_WAITING;
                fail(step, event->worker);
        } else {
                restart(step, event->worker);
        }
}

static void
on_spawned(struct step *step, const struct sqi_event *event)
{
        struct sqi_life_worker *worker = &step->life->workers[event->worker];

        worker->state = SQI_WORKER_ALIVE;
        worker->subscribed = worker->connected = worker->started = worker->worked = worker->told = false;
        worker->beat_at = step->now;
        if (is_over(step->life))
                kill_worker(step, event->worker);
}

/* ---- Messages ----------------------------------------------------------------------------------------------------------- */

static void
on_hello(struct step *step, const struct sqi_message *message)
{
        connect_when_bound(step, message->worker);
}

static void
on_bound(struct step *step, const struct sqi_message *message)
{
        step->life->tasks[message->task].bound = true;
        connect_when_bound(step, message->worker);
}

static void
on_ready(struct step *step, const struct sqi_message *message)
{
        step->life->tasks[message->task].ready = true;
        start_when_ready(step, message->worker);
}

static void
begin_round(struct step *step, struct sqi_cycle *cycle)
{
        sqi_cycle_begin(cycle, ++step->life->round);
        send(step, SQI_EVERY_WORKER, SQI_MSG_PROBE, 0, step->life->round);
}

static void
on_settled(struct step *step, const struct sqi_message *message)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_task *task = &life->tasks[message->task];
        struct sqi_cycle *cycle = cycle_of(life, message->task);

        if (!cycle || task->settled)
                return;
        task->settled = true;
        cycle->settled++;
        if (cycle->released) /* before this task was restarted */
                send(step, message->worker, SQI_MSG_RELEASE, 0, (uint64_t)(cycle - life->cycles));
        else if (sqi_cycle_is_settled(cycle))
                begin_round(step, cycle);
}

static void
on_probed(struct step *step, const struct sqi_message *message)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_task *task = &life->tasks[message->task];
        struct sqi_cycle *cycle = cycle_of(life, message->task);

        if (!cycle || !sqi_cycle_is_settled(cycle) || task->probed >= message->number)
                return;
        task->probed = message->number;
        switch (sqi_cycle_answer(cycle, message->number, message->a, message->b)) {
        case SQI_CYCLE_WAIT:
                break;
        case SQI_CYCLE_AGAIN:
                begin_round(step, cycle);
                break;
        case SQI_CYCLE_LATER:
                life->probe_due = step->now + probe_pause;
                break;
        case SQI_CYCLE_RELEASE:
                cycle->released = true;
                send(step, SQI_EVERY_WORKER, SQI_MSG_RELEASE, 0, (uint64_t)(cycle - life->cycles));
        }
}

static void
on_finished(struct step *step, const struct sqi_message *message)
{
        step->life->tasks[message->task].finished = true;
        quit_when_finished(step);
}

/* A task whose loop stands still while its worker beats is as good as dead. */
static void
on_metrics(struct step *step, const struct sqi_message *message)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_worker *worker = &life->workers[message->worker];
        struct sqi_life_task *task = &life->tasks[message->task];
        uint64_t loops = atomic_load_explicit(&message->metrics->loops, memory_order_relaxed);

        if (atomic_load_explicit(&message->metrics->executed, memory_order_relaxed) > 0 ||
            atomic_load_explicit(&message->metrics->emitted, memory_order_relaxed) > 0)
                worker->worked = true;
        if (loops != task->loops || !worker->started || task->finished) {
                task->loops = loops;
                task->loops_at = step->now;
        } else if (step->now - task->loops_at >= worker_timeout(life) && !is_over(life)) {
                worker->cause = (struct sqi_cause){.type = SQI_CAUSE_STUCK, .number = (int)message->task, .task = message->task};
                kill_worker(step, message->worker);
        }
}

static void
on_position(struct step *step, const struct sqi_message *message)
{
        struct sqi_life_task *task = &step->life->tasks[message->task];

        if (!task->has_position || message->number > task->position)
                task->position = message->number;
        task->has_position = true;
}

/* Before the topology has ever run, an error is the user's to mend, and trying again would only hide it. */
static void
on_error(struct step *step, const struct sqi_message *message)
{
        struct sqi_life_worker *worker = &step->life->workers[message->worker];
        size_t len = message->text.len < SQI_CAUSE_TEXT - 1 ? message->text.len : SQI_CAUSE_TEXT - 1;

        worker->told = true;
        worker->cause = (struct sqi_cause){.type = SQI_CAUSE_NONE, .task = message->task};
        if (len > 0)
                memcpy(worker->cause.text, message->text.ptr, len);
        if (!step->life->has_run && !is_over(step->life))
                fail(step, message->worker);
}

typedef void handler(struct step *step, const struct sqi_message *message);
static handler *const handlers[SQI_MESSAGE_TYPES] = {
        [SQI_MSG_HELLO] = on_hello,     [SQI_MSG_BOUND] = on_bound,       [SQI_MSG_READY] = on_ready,       [SQI_MSG_SETTLED] = on_settled,
        [SQI_MSG_PROBED] = on_probed,   [SQI_MSG_FINISHED] = on_finished, [SQI_MSG_METRICS] = on_metrics,   [SQI_MSG_POSITION] = on_position,
        [SQI_MSG_ERROR] = on_error,
};

/* What comes from outside: is it about a task that this worker hosts? Messages without a task have task 0 and don't care. */
static bool
is_about_its_own(const struct sqi_lifecycle *life, const struct sqi_message *message)
{
        if (message->worker >= life->plan->nworkers || message->task >= life->plan->ntasks)
                return false;
        return message->type == SQI_MSG_HELLO || message->type == SQI_MSG_HEARTBEAT ||
               life->plan->tasks[message->task].worker == message->worker;
}

static void
on_message(struct step *step, const struct sqi_event *event)
{
        const struct sqi_message *message = event->message;
        struct sqi_life_worker *worker;

        if (!is_about_its_own(step->life, message))
                return;
        worker = &step->life->workers[message->worker];
        if (worker->state != SQI_WORKER_ALIVE || message->incarnation != worker->incarnation) {
                if (message->type == SQI_MSG_POSITION && message->incarnation <= worker->incarnation)
                        on_position(step, message);
                return;
        }
        worker->beat_at = step->now;
        if (handlers[message->type])
                handlers[message->type](step, message);
}

static void
on_subscribed(struct step *step, const struct sqi_event *event)
{
        struct sqi_life_worker *worker;

        if (event->worker >= step->life->plan->nworkers)
                return;
        worker = &step->life->workers[event->worker];
        if (worker->state != SQI_WORKER_ALIVE || event->incarnation != worker->incarnation || worker->subscribed)
                return;
        worker->subscribed = true;
        connect_when_bound(step, event->worker);
}

/* ---- Time, and what is asked for ---------------------------------------------------------------------------------------- */

static void
check_worker(struct step *step, uint32_t w)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_worker *worker = &life->workers[w];

        if (worker->state == SQI_WORKER_WAITING && worker->due <= step->now) {
                spawn(step, w);
        } else if (worker->state == SQI_WORKER_ALIVE && step->now - worker->beat_at >= worker_timeout(life)) {
                worker->cause = (struct sqi_cause){.type = SQI_CAUSE_SILENT};
                kill_worker(step, w);
        } else if (worker->started && worker->backoff.crashes > 0 && step->now - worker->started_at >= SQI_HEALTHY) {
                worker->backoff = (struct sqi_backoff){0};
                update_degraded(step);
        }
}

static void
give_up_draining(struct step *step)
{
        struct sqi_lifecycle *life = step->life;

        for EACH_TASK(life, task)
                if (!life->tasks[task].finished)
                        act(step, (struct sqi_action){.type = SQI_ACTION_REPORT, .report = SQI_REPORT_UNFINISHED, .task = task,
                                                      .worker = life->plan->tasks[task].worker});
        life->failed_worker = SQI_EVERY_WORKER;
        abort_all(step, SQI_OUTCOME_FAILED);
}

static void
end_late_exits(struct step *step)
{
        step->life->deadline = SQI_NEVER;
        for EACH_WORKER(step->life, w) {
                if (step->life->workers[w].state != SQI_WORKER_ALIVE)
                        continue;
                report(step, SQI_REPORT_LATE_EXIT, w, 0);
                kill_worker(step, w);
        }
}

static void
on_time(struct step *step, const struct sqi_event *event)
{
        struct sqi_lifecycle *life = step->life;

        (void)event;
        if (life->deadline <= step->now) {
                if (life->state == SQI_QUITTING)
                        end_late_exits(step);
                else
                        give_up_draining(step);
        }
        if (is_over(life))
                return;
        for EACH_WORKER(life, w)
                check_worker(step, w);
        if (life->probe_due <= step->now) {
                life->probe_due = SQI_NEVER;
                for (uint32_t c = 1; c < life->ncycles; c++)
                        if (sqi_cycle_is_settled(&life->cycles[c]) && life->cycles[c].round == 0)
                                begin_round(step, &life->cycles[c]);
        }
}

static void
on_start(struct step *step, const struct sqi_event *event)
{
        (void)event;
        for EACH_WORKER(step->life, w)
                if (step->life->workers[w].state == SQI_WORKER_IDLE)
                        spawn(step, w);
}

/* A topology that has not started yet starts first, and drains at once: every component gets its finish and cleanup. */
static void
on_drain(struct step *step, const struct sqi_event *event)
{
        struct sqi_lifecycle *life = step->life;

        (void)event;
        if (is_over(life) || life->draining)
                return;
        life->draining = true;
        life->deadline = step->now + seconds(life->plan->config.message_timeout);
        report(step, SQI_REPORT_DRAINING, SQI_EVERY_WORKER, 0);
        if (!life->has_run)
                return;
        life->state = SQI_DRAINING;
        send(step, SQI_EVERY_WORKER, SQI_MSG_DRAIN, 0, 0);
}

static void
on_abort(struct step *step, const struct sqi_event *event)
{
        (void)event;
        if (step->life->state < SQI_ABORTING)
                abort_all(step, SQI_OUTCOME_KILLED);
}

/* ---- The step ----------------------------------------------------------------------------------------------------------- */

static void (*const events[])(struct step *step, const struct sqi_event *event) = {
        [SQI_EVENT_START] = on_start,     [SQI_EVENT_SUBSCRIBED] = on_subscribed,     [SQI_EVENT_MESSAGE] = on_message,
        [SQI_EVENT_SPAWNED] = on_spawned, [SQI_EVENT_SPAWN_FAILED] = on_spawn_failed, [SQI_EVENT_EXITED] = on_exited,
        [SQI_EVENT_TIME] = on_time,       [SQI_EVENT_DRAIN] = on_drain,               [SQI_EVENT_ABORT] = on_abort,
};

static void
forgive_silence(struct sqi_lifecycle *life, uint64_t now)
{
        uint64_t gap = now - life->stepped_at;

        if (life->stepped_at == 0 || gap <= worker_timeout(life) / 2)
                return;
        for EACH_WORKER(life, w)
                life->workers[w].beat_at = now;
        for EACH_TASK(life, task)
                life->tasks[task].loops_at = now;
}

void
sqi_lifecycle_step(struct sqi_lifecycle *life, const struct sqi_event *event, uint64_t now, struct sqi_actions *actions)
{
        struct step step = {life, now, actions};

        if (life->state == SQI_ENDED)
                return;
        forgive_silence(life, now);
        life->stepped_at = now;
        events[event->type](&step, event);
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

uint64_t
sqi_lifecycle_due(const struct sqi_lifecycle *life)
{
        uint64_t due = earlier(life->deadline, life->probe_due);

        if (is_over(life))
                return life->deadline;
        for EACH_WORKER(life, w) {
                const struct sqi_life_worker *worker = &life->workers[w];

                if (worker->state == SQI_WORKER_WAITING)
                        due = earlier(due, worker->due);
                else if (worker->state == SQI_WORKER_ALIVE)
                        due = earlier(due, worker->beat_at + worker_timeout(life));
                if (worker->state == SQI_WORKER_ALIVE && worker->started && worker->backoff.crashes > 0)
                        due = earlier(due, worker->started_at + SQI_HEALTHY);
        }
        return earlier(due, life->stepped_at + worker_timeout(life) / 4);
}

const char *
sqi_lifecycle_state_name(const struct sqi_lifecycle *life)
{
        static const char *const states[] = {
                [SQI_STARTING] = "starting", [SQI_RUNNING] = "running",   [SQI_DRAINING] = "draining",
                [SQI_QUITTING] = "stopping", [SQI_ABORTING] = "stopping",
        };
        static const char *const outcomes[] = {
                [SQI_OUTCOME_NONE] = "ended",    [SQI_OUTCOME_FINISHED] = "finished", [SQI_OUTCOME_DRAINED] = "drained",
                [SQI_OUTCOME_KILLED] = "killed", [SQI_OUTCOME_FAILED] = "failed",
        };

        if (life->state == SQI_ENDED)
                return outcomes[life->outcome];
        return life->state == SQI_RUNNING && life->degraded ? "degraded" : states[life->state];
}

/* ---- Life of the state itself ------------------------------------------------------------------------------------------- */

static void
count_cycles(struct sqi_lifecycle *life)
{
        for EACH_TASK(life, task) {
                struct sqi_cycle *cycle = cycle_of(life, task);

                if (cycle)
                        cycle->ntasks++;
        }
}

int
sqi_lifecycle_new(const struct sqi_plan *plan, uint32_t crash_limit, uint64_t seed, struct sqi_lifecycle **ret)
{
        struct sqi_lifecycle *life = calloc(1, sizeof(*life));

        if (!life)
                return -ENOMEM;
        life->plan = plan;
        life->crash_limit = crash_limit;
        life->random = seed;
        life->failed_worker = SQI_EVERY_WORKER;
        life->deadline = life->probe_due = SQI_NEVER;
        life->ncycles = 1;
        for (uint32_t c = 0; c < plan->ncomponents; c++)
                if (plan->components[c].cycle >= life->ncycles)
                        life->ncycles = plan->components[c].cycle + 1;
        life->workers = calloc(plan->nworkers, sizeof(*life->workers));
        life->tasks = calloc(plan->ntasks, sizeof(*life->tasks));
        life->cycles = calloc(life->ncycles, sizeof(*life->cycles));
        if (!life->workers || !life->tasks || !life->cycles) {
                sqi_lifecycle_free(&life);
                return -ENOMEM;
        }
        count_cycles(life);
        *ret = life;
        return 0;
}

void
sqi_lifecycle_free(struct sqi_lifecycle **life)
{
        if (!*life)
                return;
        free((*life)->workers);
        free((*life)->tasks);
        free((*life)->cycles);
        free(*life);
        *life = NULL;
}

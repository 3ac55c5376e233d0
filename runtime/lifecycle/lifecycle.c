/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants, which the simulation of tests/unit/lifecycle_simulated.c checks after every step:
 *
 *  - a worker is spawned only when it is IDLE or WAITING: never beside a process of its own that has not been reaped;
 *  - data flows (START) to a worker only when all its tasks are ready, and for the first time only when all tasks of
 *    the topology are;
 *  - CONNECT goes to a worker only when it listens and its inboxes are bound, and before has_run only when that holds
 *    for all;
 *  - QUIT is sent only when every task has finished; under exactly-once, when an epoch has been committed since then;
 *  - END comes once, last, and when no process is left.
 *
 * What a dead incarnation has still said is not listened to, but for positions: a tuple tree that is done stays done.
 * Under exactly-once it is not, for positions go with the snapshot.
 *
 * The supervisor may have been stopped itself (SIGSTOP, a loaded machine). Then silence proves nothing: a step that
 * comes late by more than half the worker time-out forgives all silence so far.
 */
#include "lifecycle/step.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/invariant.h"

static const uint64_t probe_pause = 10 * SQI_MS;

/* ---- Messages ---------------------------------------------------------------------------------------- */

static void
on_hello(struct sqi_step *step, const struct sqi_message *message)
{
        sqi_start_connect(step, message->worker);
}

static void
on_bound(struct sqi_step *step, const struct sqi_message *message)
{
        step->life->tasks[message->task].bound = true;
        sqi_start_connect(step, message->worker);
}

static void
on_ready(struct sqi_step *step, const struct sqi_message *message)
{
        step->life->tasks[message->task].ready = true;
        sqi_start_run(step, message->worker);
}

static void
on_settled(struct sqi_step *step, const struct sqi_message *message)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_task *task = &life->tasks[message->task];
        struct sqi_cycle *cycle = sqi_step_cycle(life, message->task);

        if (!cycle || task->settled)
                return;
        task->settled = true;
        cycle->settled++;
        if (cycle->released) /* before this task was restarted */
                sqi_step_send(step, message->worker, SQI_MSG_RELEASE, 0, (uint64_t)(cycle - life->cycles));
        else if (sqi_cycle_is_settled(cycle))
                sqi_step_probe(step, cycle);
}

static void
on_probed(struct sqi_step *step, const struct sqi_message *message)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_task *task = &life->tasks[message->task];
        struct sqi_cycle *cycle = sqi_step_cycle(life, message->task);

        if (!cycle || !sqi_cycle_is_settled(cycle) || task->probed >= message->number)
                return;
        task->probed = message->number;
        switch (sqi_cycle_answer(cycle, message->number, message->a, message->b)) {
        case SQI_CYCLE_WAIT:
                break;
        case SQI_CYCLE_AGAIN:
                sqi_step_probe(step, cycle);
                break;
        case SQI_CYCLE_LATER:
                life->probe_due = step->now + probe_pause;
                break;
        case SQI_CYCLE_RELEASE:
                cycle->released = true;
                sqi_step_send(step, SQI_EVERY_WORKER, SQI_MSG_RELEASE, 0, (uint64_t)(cycle - life->cycles));
        }
}

static void
on_finished(struct sqi_step *step, const struct sqi_message *message)
{
        step->life->tasks[message->task].finished = true;
        sqi_end_quit(step);
}

/* A task that shows no sign of life while its worker beats is as good as dead. Before the start that is prepare, which
 * may take its time. */
static void
on_metrics(struct sqi_step *step, const struct sqi_message *message)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_worker *worker = &life->workers[message->worker];
        struct sqi_life_task *task = &life->tasks[message->task];
        uint64_t life_sign = sqi_metrics_life(message->metrics);

        if (atomic_load_explicit(&message->metrics->executed, memory_order_relaxed) > 0 ||
            atomic_load_explicit(&message->metrics->emitted, memory_order_relaxed) > 0)
                worker->worked = true;
        uint64_t limit = worker->started ? sqi_step_worker_timeout(life)
                                         : sqi_step_ns(life->plan->config.start_timeout);
        if (life_sign != task->life_sign || task->alive_at == 0 || task->finished) {
                task->life_sign = life_sign;
                task->alive_at = step->now;
        } else if (step->now - task->alive_at >= limit && !sqi_step_is_over(life)) {
                worker->cause = (struct sqi_cause){.type = worker->started ? SQI_CAUSE_STUCK : SQI_CAUSE_UNREADY,
                                                   .number = (int)message->task,
                                                   .task = message->task};
                sqi_step_kill(step, message->worker);
        }
}

static void
on_position(struct sqi_step *step, const struct sqi_message *message)
{
        sqi_position_take(&step->life->tasks[message->task].position, message);
}

/* Before the topology has ever run, an error is the user's to mend, and trying again would only hide it; so is one that
 * is final. */
static void
on_error(struct sqi_step *step, const struct sqi_message *message)
{
        struct sqi_life_worker *worker = &step->life->workers[message->worker];
        size_t len = message->text.len < SQI_CAUSE_TEXT - 1 ? message->text.len : SQI_CAUSE_TEXT - 1;

        worker->told = true;
        worker->cause = (struct sqi_cause){.type = SQI_CAUSE_NONE, .task = message->task};
        if (len > 0)
                memcpy(worker->cause.text, message->text.ptr, len);
        if (((!step->life->has_run && !step->life->proven) || message->number == 1) && !sqi_step_is_over(step->life))
                sqi_end_fail(step, message->worker);
}

static void
on_snapshot(struct sqi_step *step, const struct sqi_message *message)
{
        if (sqi_step_is_exact(step->life))
                sqi_checkpoint_snapshot(step, message);
        else
                sqi_step_take_snapshot(step, message);
}

static void
on_committed(struct sqi_step *step, const struct sqi_message *message)
{
        if (sqi_checkpoint_committed(step, message))
                sqi_end_committed(step);
}

typedef void handler(struct sqi_step *step, const struct sqi_message *message);
static handler *const handlers[SQI_MESSAGE_TYPES] = {
        [SQI_MSG_HELLO] = on_hello,         [SQI_MSG_BOUND] = on_bound,
        [SQI_MSG_READY] = on_ready,         [SQI_MSG_SETTLED] = on_settled,
        [SQI_MSG_PROBED] = on_probed,       [SQI_MSG_FINISHED] = on_finished,
        [SQI_MSG_METRICS] = on_metrics,     [SQI_MSG_POSITION] = on_position,
        [SQI_MSG_ERROR] = on_error,         [SQI_MSG_SNAPSHOT] = on_snapshot,
        [SQI_MSG_COMMITTED] = on_committed, [SQI_MSG_WRITTEN] = sqi_checkpoint_written,
};

/* What comes from outside: is it about a task that this worker hosts? Messages without a task have task 0 and don't
 * care. */
static bool
is_about_its_own(const struct sqi_lifecycle *life, const struct sqi_message *message)
{
        if (message->worker >= life->plan->nworkers || message->task >= life->plan->ntasks)
                return false;
        return message->type == SQI_MSG_HELLO || message->type == SQI_MSG_HEARTBEAT ||
               life->plan->tasks[message->task].worker == message->worker;
}

static void
on_message(struct sqi_step *step, const struct sqi_event *event)
{
        const struct sqi_message *message = event->message;
        struct sqi_life_worker *worker;

        if (!is_about_its_own(step->life, message))
                return;
        worker = &step->life->workers[message->worker];
        if ((worker->state != SQI_WORKER_ALIVE && worker->state != SQI_WORKER_BACK) ||
            message->incarnation != worker->incarnation) {
                if (message->type == SQI_MSG_POSITION && message->incarnation <= worker->incarnation &&
                    !sqi_step_is_exact(step->life))
                        on_position(step, message);
                return;
        }
        worker->beat_at = step->now;
        worker->heard = true;
        if (worker->state == SQI_WORKER_BACK)
                return; /* it has no tasks */
        if (step->life->adopting)
                sqi_adopt_message(step, message);
        else if (handlers[message->type])
                handlers[message->type](step, message);
}

static void
on_subscribed(struct sqi_step *step, const struct sqi_event *event)
{
        struct sqi_life_worker *worker;

        if (event->worker >= step->life->plan->nworkers)
                return;
        worker = &step->life->workers[event->worker];
        if (worker->state == SQI_WORKER_LEAVING && event->incarnation == worker->incarnation + 1)
                sqi_restore_left(step, event->worker);
        if (worker->state != SQI_WORKER_ALIVE || event->incarnation != worker->incarnation || worker->subscribed)
                return;
        worker->subscribed = true;
        if (worker->adopting)
                sqi_adopt_subscribed(step, event->worker);
        else
                sqi_start_connect(step, event->worker);
}

static void
on_exited(struct sqi_step *step, const struct sqi_event *event)
{
        bool ours = sqi_restart_note_cause(step, event);

        if (step->life->adopting && !sqi_step_is_over(step->life))
                sqi_adopt_exited(step, event);
        else
                sqi_restart_exited(step, event, ours);
}

/* ---- Time, and what is asked for --------------------------------------------------------------------- */

/* When it is to be killed unless it is heard of before. From exec to its first message it loads and binds, on a machine
 * that may be busy. */
static uint64_t
silent_at(const struct sqi_lifecycle *life, const struct sqi_life_worker *worker)
{
        return worker->beat_at +
               (worker->heard ? sqi_step_worker_timeout(life) : sqi_step_ns(life->plan->config.start_timeout));
}

static void
check_worker(struct sqi_step *step, uint32_t w)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_worker *worker = &life->workers[w];

        if (worker->state == SQI_WORKER_WAITING && worker->due <= step->now && !sqi_step_is_exact(life)) {
                sqi_step_spawn(step, w);
        } else if (sqi_step_lives(worker) && step->now >= silent_at(life, worker)) {
                worker->cause = (struct sqi_cause){.type = worker->heard ? SQI_CAUSE_SILENT : SQI_CAUSE_UNHEARD};
                sqi_step_kill(step, w);
        } else if (worker->started && worker->backoff.crashes > 0 && step->now - worker->started_at >= SQI_HEALTHY) {
                worker->backoff = (struct sqi_backoff){0};
                sqi_restart_degraded(step);
        }
}

static void
on_time(struct sqi_step *step, const struct sqi_event *event)
{
        struct sqi_lifecycle *life = step->life;

        (void)event;
        if (life->deadline <= step->now) {
                if (life->state == SQI_QUITTING)
                        sqi_end_late_exits(step);
                else
                        sqi_end_undrained(step);
        }
        if (sqi_step_is_over(life))
                return;
        SQI_EACH_WORKER(life, w)
                check_worker(step, w);
        if (sqi_step_is_exact(life)) {
                sqi_restore_time(step);
                sqi_checkpoint_time(step);
        }
        if (life->probe_due <= step->now) {
                life->probe_due = SQI_NEVER;
                for (uint32_t c = 1; c < life->ncycles; c++)
                        if (sqi_cycle_is_settled(&life->cycles[c]) && life->cycles[c].round == 0)
                                sqi_step_probe(step, &life->cycles[c]);
        }
}

static void
on_start(struct sqi_step *step, const struct sqi_event *event)
{
        (void)event;
        if (sqi_step_is_exact(step->life)) {
                sqi_restore_start(step);
                return;
        }
        step->life->adopting = step->life->found;
        if (step->life->adopting)
                return;
        SQI_EACH_WORKER(step->life, w) {
                sqi_step_number(step->life, w);
                sqi_step_spawn(step, w);
        }
}

/* A topology that has not started yet starts first, and drains at once: every component gets its finish and cleanup. */
static void
on_drain(struct sqi_step *step, const struct sqi_event *event)
{
        struct sqi_lifecycle *life = step->life;

        (void)event;
        if (sqi_step_is_over(life))
                return;
        if (life->draining) {
                sqi_end_drain_within(step);
                return;
        }
        life->draining = true;
        sqi_step_report(step, SQI_REPORT_DRAINING, SQI_EVERY_WORKER, 0);
        sqi_end_drain(step);
}

static void
on_activate(struct sqi_step *step, const struct sqi_event *event)
{
        struct sqi_lifecycle *life = step->life;

        life->inactive = event->type == SQI_EVENT_DEACTIVATE;
        if (life->has_run && !sqi_step_is_over(life))
                sqi_step_send(step, SQI_EVERY_WORKER, life->inactive ? SQI_MSG_DEACTIVATE : SQI_MSG_ACTIVATE, 0, 0);
}

static void
on_sealed(struct sqi_step *step, const struct sqi_event *event)
{
        if (!sqi_step_is_exact(step->life))
                sqi_end_sealed(step, event);
        else if (sqi_checkpoint_sealed(step, event))
                sqi_start_all(step);
        else if (!sqi_step_is_over(step->life))
                sqi_restore_go_on(step); /* it may have waited for that */
}

static void
on_abort(struct sqi_step *step, const struct sqi_event *event)
{
        (void)event;
        if (step->life->state < SQI_ABORTING)
                sqi_end_abort(step, SQI_OUTCOME_KILLED);
}

/* ---- The step ---------------------------------------------------------------------------------------- */

static void (*const events[])(struct sqi_step *step, const struct sqi_event *event) = {
        [SQI_EVENT_START] = on_start,
        [SQI_EVENT_SUBSCRIBED] = on_subscribed,
        [SQI_EVENT_MESSAGE] = on_message,
        [SQI_EVENT_SPAWNED] = sqi_restart_spawned,
        [SQI_EVENT_SPAWN_FAILED] = sqi_restart_spawn_failed,
        [SQI_EVENT_EXITED] = on_exited,
        [SQI_EVENT_TIME] = on_time,
        [SQI_EVENT_DRAIN] = on_drain,
        [SQI_EVENT_ABORT] = on_abort,
        [SQI_EVENT_ACTIVATE] = on_activate,
        [SQI_EVENT_DEACTIVATE] = on_activate,
        [SQI_EVENT_SEALED] = on_sealed,
        [SQI_EVENT_FOLDER] = sqi_checkpoint_folder,
        [SQI_EVENT_NOTED] = sqi_end_noted,
        [SQI_EVENT_FOUND] = sqi_adopt_found,
        [SQI_EVENT_MISSED] = sqi_adopt_missed,
};

/* What it is about is one of the plan's workers, where we say it ourselves. */
static bool
names_a_worker(const struct sqi_lifecycle *life, const struct sqi_event *event)
{
        switch (event->type) {
        case SQI_EVENT_SPAWNED:
        case SQI_EVENT_SPAWN_FAILED:
        case SQI_EVENT_EXITED:
        case SQI_EVENT_FOUND:
        case SQI_EVENT_MISSED:
                return event->worker < life->plan->nworkers;
        default:
                return (size_t)event->type < sizeof(events) / sizeof(events[0]);
        }
}

static void
forgive_silence(struct sqi_lifecycle *life, uint64_t now)
{
        uint64_t gap = now - life->stepped_at;

        if (life->stepped_at == 0 || gap <= sqi_step_worker_timeout(life) / 2)
                return;
        SQI_EACH_WORKER(life, w)
                life->workers[w].beat_at = now;
        SQI_EACH_TASK(life, task)
                life->tasks[task].alive_at = now;
}

void
sqi_lifecycle_step(struct sqi_lifecycle *life, const struct sqi_event *event, uint64_t now, struct sqi_actions *actions)
{
        struct sqi_step step = {life, now, actions};

        if (life->state == SQI_ENDED)
                return;
        sqi_assert(names_a_worker(life, event));
        forgive_silence(life, now);
        life->stepped_at = now;
        if (event->sums) /* a tuple that is given up is missing until its letter is written */
                life->missing = event->missing;
        events[event->type](&step, event);
        sqi_end_hold_limit(&step);
}

uint64_t
sqi_lifecycle_due(const struct sqi_lifecycle *life)
{
        uint64_t due = sqi_earlier(life->deadline, life->probe_due);

        if (sqi_step_is_over(life))
                return life->deadline;
        SQI_EACH_WORKER(life, w) {
                const struct sqi_life_worker *worker = &life->workers[w];

                if (worker->state == SQI_WORKER_WAITING && !sqi_step_is_exact(life))
                        due = sqi_earlier(due, worker->due);
                else if (sqi_step_lives(worker))
                        due = sqi_earlier(due, silent_at(life, worker));
                if (worker->state == SQI_WORKER_ALIVE && worker->started && worker->backoff.crashes > 0)
                        due = sqi_earlier(due, worker->started_at + SQI_HEALTHY);
        }
        if (sqi_step_is_exact(life))
                due = sqi_earlier(due, sqi_earlier(sqi_checkpoint_due(life), sqi_restore_due(life)));
        return sqi_earlier(due, life->stepped_at + sqi_step_worker_timeout(life) / 4);
}

const char *
sqi_lifecycle_state_name(const struct sqi_lifecycle *life)
{
        static const char *const states[] = {
                [SQI_STARTING] = "starting", [SQI_RUNNING] = "running",   [SQI_DRAINING] = "draining",
                [SQI_SEALING] = "draining",  [SQI_QUITTING] = "stopping", [SQI_ABORTING] = "stopping",
        };
        static const char *const outcomes[] = {
                [SQI_OUTCOME_NONE] = "ended",    [SQI_OUTCOME_FINISHED] = "finished", [SQI_OUTCOME_DRAINED] = "drained",
                [SQI_OUTCOME_KILLED] = "killed", [SQI_OUTCOME_FAILED] = "failed",
        };

        if (life->state == SQI_ENDED)
                return outcomes[life->outcome];
        if (life->state <= SQI_DRAINING && life->has_run && life->checkpoint.restore != SQI_RESTORE_NONE)
                return "restoring";
        if (life->state == SQI_RUNNING && life->inactive)
                return "inactive";
        return life->state == SQI_RUNNING && life->degraded ? "degraded" : states[life->state];
}

/* ---- Life of the state itself ------------------------------------------------------------------------ */

static void
count_cycles(struct sqi_lifecycle *life)
{
        SQI_EACH_TASK(life, task) {
                struct sqi_cycle *cycle = sqi_step_cycle(life, task);

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
        life->drain_secs = -1;
        life->failed_worker = SQI_EVERY_WORKER;
        life->deadline = life->probe_due = life->checkpoint.due = SQI_NEVER;
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

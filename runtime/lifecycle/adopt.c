/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A supervisor died, and this one finds its workers at work. Nothing is known of what the dead one had said last, so
 * nothing is assumed:
 *
 *  1. Each worker that lives is told of its new supervisor (ADOPT) when it listens, and answers how far each of its
 *     tasks is (STATE).
 *  2. One that had not been started is killed: its part of a barrier is lost. One that dies meanwhile has died.
 *  3. When no answer and no exit is missing any more, and one worker at least had been started, the topology has run:
 *     all that is not there is restarted as after any death, and those that are there hear again what they may have
 *     missed. Every order of that kind may be heard twice. If none had been started, all begin anew.
 *  4. A drain that the dead one had begun is carried on; what it comes to is DRAINED, and no end of the topology's own.
 */
#include "lifecycle/step.h"

/* The run that is adopted began one before the run that would begin now. */
static uint32_t
restarts(const struct sqi_lifecycle *life, uint32_t incarnation)
{
        uint32_t first = life->first_incarnation > 0 ? life->first_incarnation - 1 : 0;

        return incarnation > first ? incarnation - first : 0;
}

void
sqi_adopt_found(struct sqi_step *step, const struct sqi_event *event)
{
        struct sqi_life_worker *worker = &step->life->workers[event->worker];

        step->life->found = true;
        *worker = (struct sqi_life_worker){.state = SQI_WORKER_ALIVE,
                                           .incarnation = event->incarnation,
                                           .restarts = restarts(step->life, event->incarnation),
                                           .beat_at = step->now,
                                           .heard = true,
                                           .adopting = true};
}

void
sqi_adopt_missed(struct sqi_step *step, const struct sqi_event *event)
{
        struct sqi_life_worker *worker = &step->life->workers[event->worker];

        worker->incarnation = event->incarnation;
        worker->restarts = restarts(step->life, event->incarnation);
        worker->cause = (struct sqi_cause){.type = SQI_CAUSE_UNSEEN};
}

void
sqi_adopt_subscribed(struct sqi_step *step, uint32_t worker)
{
        sqi_step_send(step, worker, SQI_MSG_ADOPT, 0, 0);
}

static bool
is_waiting(const struct sqi_lifecycle *life)
{
        SQI_EACH_WORKER(life, w)
                if (life->workers[w].adopting || life->workers[w].state == SQI_WORKER_KILLED)
                        return true;
        return false;
}

static bool
any_started(const struct sqi_lifecycle *life)
{
        SQI_EACH_WORKER(life, w)
                if (life->workers[w].started)
                        return true;
        return false;
}

static void
run_on(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;

        life->has_run = life->connected = true;
        life->state = SQI_RUNNING;
        sqi_step_report(step, SQI_REPORT_ADOPTED, SQI_EVERY_WORKER, 0);
        SQI_EACH_WORKER(life, w)
                if (life->workers[w].state == SQI_WORKER_ALIVE)
                        sqi_start_tell_incarnations(step, w);
        sqi_step_send(step, SQI_EVERY_WORKER, life->inactive ? SQI_MSG_DEACTIVATE : SQI_MSG_ACTIVATE, 0, 0);
        if (life->draining)
                sqi_end_drain(step);
        SQI_EACH_WORKER(life, w)
                if (life->workers[w].state == SQI_WORKER_IDLE)
                        sqi_restart(step, w);
        for (uint32_t c = 1; c < life->ncycles; c++)
                if (sqi_cycle_is_settled(&life->cycles[c]))
                        sqi_step_probe(step, &life->cycles[c]);
        sqi_end_quit(step);
}

static void
begin_anew(struct sqi_step *step)
{
        SQI_EACH_TASK(step->life, t) {
                struct sqi_life_task *task = &step->life->tasks[t];

                *task = (struct sqi_life_task){.position = task->position};
        }
        SQI_EACH_WORKER(step->life, w) {
                step->life->workers[w].incarnation++;
                sqi_step_spawn(step, w);
        }
}

static void
go_on_when_complete(struct sqi_step *step)
{
        if (is_waiting(step->life))
                return;
        step->life->adopting = false;
        if (any_started(step->life))
                run_on(step);
        else
                begin_anew(step);
}

static void
settle(struct sqi_lifecycle *life, uint32_t task)
{
        struct sqi_cycle *cycle = sqi_step_cycle(life, task);

        if (!cycle || life->tasks[task].settled)
                return;
        life->tasks[task].settled = true;
        cycle->settled++;
}

/* Every task of the worker has told its state. */
static void
take_in(struct sqi_step *step, uint32_t w)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_worker *worker = &life->workers[w];

        worker->adopting = false;
        SQI_EACH_TASK(life, task) {
                if (!sqi_step_is_on(life, task, w) || life->tasks[task].ready)
                        continue;
                worker->cause = (struct sqi_cause){.type = SQI_CAUSE_HALFWAY};
                sqi_step_kill(step, w);
                return;
        }
        worker->connected = worker->started = worker->begun = worker->worked = true;
        worker->started_at = step->now;
}

static void
take_state(struct sqi_step *step, const struct sqi_message *message)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_task *task = &life->tasks[message->task];

        if (!life->workers[message->worker].adopting)
                return;
        task->told = true;
        task->bound = task->ready = message->number & SQI_TASK_STARTED;
        task->finished = task->finished || message->number & SQI_TASK_FINISHED;
        task->alive_at = step->now;
        if (message->number & SQI_TASK_SETTLED)
                settle(life, message->task);
        life->draining |= (message->number & (SQI_TASK_DRAINING | SQI_TASK_HANDOVER)) != 0;
        life->handover |= (message->number & SQI_TASK_HANDOVER) != 0;
        SQI_EACH_TASK(life, t)
                if (sqi_step_is_on(life, t, message->worker) && !life->tasks[t].told)
                        return;
        take_in(step, message->worker);
        go_on_when_complete(step);
}

void
sqi_adopt_message(struct sqi_step *step, const struct sqi_message *message)
{
        struct sqi_life_task *task = &step->life->tasks[message->task];

        if (message->type == SQI_MSG_STATE)
                take_state(step, message);
        else if (message->type == SQI_MSG_FINISHED)
                task->finished = true;
        else if (message->type == SQI_MSG_SETTLED)
                settle(step->life, message->task);
        else if (message->type == SQI_MSG_SNAPSHOT)
                sqi_step_take_snapshot(step, message);
        else if (message->type == SQI_MSG_POSITION)
                sqi_position_take(&task->position, message);
}

/* restart.c knows how to restart what is IDLE. */
void
sqi_adopt_exited(struct sqi_step *step, const struct sqi_event *event)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_worker *worker = &life->workers[event->worker];

        worker->state = SQI_WORKER_IDLE;
        worker->adopting = worker->started = worker->subscribed = false;
        SQI_EACH_TASK(life, t) {
                struct sqi_life_task *task = &life->tasks[t];

                if (!sqi_step_is_on(life, t, event->worker))
                        continue;
                if (task->settled)
                        sqi_step_cycle(life, t)->settled--;
                *task = (struct sqi_life_task){.position = task->position};
        }
        go_on_when_complete(step);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All workers of an exactly-once topology begin together, and always anew: at the start, and whenever one of them has
 * died.
 *
 *  1. A death ends the run of all others too (GATHERING). One that listens stays in its process: it is told to close
 *     its tasks and all their channels (LEAVING), and listens again as its next incarnation (BACK). Any other is
 *     killed. So is one that does not get BACK within the worker timeout, and one that cannot ends itself. They are
 *     called back: they have not crashed, and wait for nothing.
 *  2. When all are back or have been reaped, the back-off of those that died is over, and an epoch that was being
 *     sealed is or cannot be, those that are back are told to begin, and the others are spawned in their next
 *     incarnations (STARTING). No batch of before can reach them, for no channel that it could come by is left.
 *  3. They begin from the newest sealed snapshot, with its positions, and pass the barriers of a start together. A
 *     death meanwhile begins it all again.
 *
 * What a supervisor finds that takes the place of one that died is killed, all of it: it may have gone on for minutes
 * without an epoch, and nobody knows what the dead one had told it.
 */
#include "lifecycle/step.h"

#include <stdio.h>

/* How long it takes an order that was lost to be sent again. */
static const uint64_t repeat_pause = SQI_SECOND;

static void
call_back(struct sqi_step *step, uint32_t w)
{
        step->life->workers[w].called_back = true;
        sqi_step_kill(step, w);
}

static void
tell_to_rejoin(struct sqi_step *step, uint32_t w)
{
        struct sqi_life_worker *worker = &step->life->workers[w];

        worker->due = step->now + repeat_pause;
        sqi_step_act(step, (struct sqi_action){
                                   .type = SQI_ACTION_REJOIN, .worker = w, .incarnation = worker->incarnation + 1});
}

static void
end_run(struct sqi_step *step, uint32_t w)
{
        struct sqi_life_worker *worker = &step->life->workers[w];

        if (!worker->subscribed || worker->adopting) {
                call_back(step, w);
                return;
        }
        worker->state = SQI_WORKER_LEAVING;
        worker->called_back = worker->rejoins = true;
        worker->beat_at = step->now;
        tell_to_rejoin(step, w);
}

/* What it was in is over: it begins with what the newest snapshot has of it. */
static void
forget(struct sqi_lifecycle *life)
{
        SQI_EACH_TASK(life, t) {
                struct sqi_life_task *task = &life->tasks[t];

                *task = (struct sqi_life_task){.position = task->sealed,
                                               .sealed = task->sealed,
                                               .snapshot = task->snapshot, /* of one that is being sealed */
                                               .written = task->written};
        }
        for (uint32_t c = 1; c < life->ncycles; c++)
                life->cycles[c] = (struct sqi_cycle){.ntasks = life->cycles[c].ntasks};
        life->probe_due = SQI_NEVER;
        life->connected = false;
}

static void
gather(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;

        sqi_checkpoint_drop(step);
        life->checkpoint.restore = SQI_RESTORE_GATHERING;
        if (life->state == SQI_SEALING)
                life->state = life->draining ? SQI_DRAINING : SQI_RUNNING;
        forget(life);
        SQI_EACH_WORKER(life, w)
                if (life->workers[w].state == SQI_WORKER_ALIVE)
                        end_run(step, w);
}

static bool
is_gathered(const struct sqi_lifecycle *life)
{
        SQI_EACH_WORKER(life, w)
                if (life->workers[w].state != SQI_WORKER_WAITING && life->workers[w].state != SQI_WORKER_BACK)
                        return false;
        return true;
}

/* When all may begin. */
static uint64_t
begin_due(const struct sqi_lifecycle *life)
{
        uint64_t due = 0;

        if (life->checkpoint.restore != SQI_RESTORE_GATHERING || !is_gathered(life) ||
            life->checkpoint.phase == SQI_CHECKPOINT_SEALING)
                return SQI_NEVER;
        SQI_EACH_WORKER(life, w)
                if (life->workers[w].state == SQI_WORKER_WAITING && life->workers[w].due > due)
                        due = life->workers[w].due;
        return due;
}

uint64_t
sqi_restore_due(const struct sqi_lifecycle *life)
{
        uint64_t due = begin_due(life);

        SQI_EACH_WORKER(life, w)
                if (life->workers[w].state == SQI_WORKER_LEAVING)
                        due = sqi_earlier(due, life->workers[w].due);
        return due;
}

static void
begin(struct sqi_step *step, uint32_t w)
{
        struct sqi_life_worker *worker = &step->life->workers[w];

        if (worker->state == SQI_WORKER_BACK) {
                worker->state = SQI_WORKER_ALIVE;
                worker->beat_at = step->now;
                sqi_step_send(step, w, SQI_MSG_BEGIN, 0, 0);
                return;
        }
        if (worker->incarnation < step->life->first_incarnation)
                worker->incarnation = step->life->first_incarnation;
        sqi_step_spawn(step, w);
}

void
sqi_restore_time(struct sqi_step *step)
{
        SQI_EACH_WORKER(step->life, w)
                if (step->life->workers[w].state == SQI_WORKER_LEAVING && step->life->workers[w].due <= step->now)
                        tell_to_rejoin(step, w);
        sqi_restore_go_on(step);
}

void
sqi_restore_go_on(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;

        if (step->now < begin_due(life))
                return;
        life->checkpoint.restore = SQI_RESTORE_STARTING;
        SQI_EACH_WORKER(life, w)
                begin(step, w);
}

void
sqi_restore_start(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;

        SQI_EACH_TASK(life, t)
                life->tasks[t].sealed = life->tasks[t].position;
        if (life->restore)
                snprintf(life->checkpoint.newest, sizeof(life->checkpoint.newest), "%s", life->restore);
        SQI_EACH_WORKER(life, w) {
                struct sqi_life_worker *worker = &life->workers[w];

                if (worker->state != SQI_WORKER_IDLE)
                        continue; /* found */
                worker->state = SQI_WORKER_WAITING;
                worker->due = step->now;
                sqi_step_number(life, w);
        }
        gather(step);
        if (life->found)
                sqi_step_report(step, SQI_REPORT_ADOPTED, SQI_EVERY_WORKER, 0);
        sqi_restore_go_on(step);
}

void
sqi_restore_died(struct sqi_step *step)
{
        if (step->life->checkpoint.restore == SQI_RESTORE_NONE)
                step->life->checkpoint.restores++;
        gather(step);
        sqi_restore_go_on(step);
}

bool
sqi_restore_spawned(struct sqi_step *step, uint32_t worker)
{
        if (step->life->checkpoint.restore != SQI_RESTORE_GATHERING)
                return false;
        call_back(step, worker);
        return true;
}

void
sqi_restore_left(struct sqi_step *step, uint32_t w)
{
        struct sqi_life_worker *worker = &step->life->workers[w];

        sqi_step_act(step,
                     (struct sqi_action){.type = SQI_ACTION_LEFT, .worker = w, .incarnation = worker->incarnation});
        sqi_step_renew(worker, step->now);
        worker->state = SQI_WORKER_BACK;
        worker->subscribed = worker->heard = true;
        worker->incarnation++;
        sqi_restore_go_on(step);
}

bool
sqi_restore_exited(struct sqi_step *step, uint32_t w)
{
        struct sqi_life_worker *worker = &step->life->workers[w];

        if (!worker->called_back)
                return false;
        worker->called_back = worker->adopting = false;
        worker->state = SQI_WORKER_WAITING;
        worker->due = step->now;
        worker->incarnation += worker->rejoins ? 2 : 1; /* no number is that of two processes */
        sqi_restore_go_on(step);
        return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All workers of an exactly-once topology begin together, and always anew: at the start, and whenever one of them has
 * died.
 *
 *  1. A death ends all others too (GATHERING). They are called back: they have not crashed, and wait for nothing.
 *  2. When all have been reaped, and the back-off of those that died is over, all are spawned in their next
 *     incarnations (STARTING). No batch of before can reach them, for no process that could send one is left.
 *  3. They begin from the newest sealed snapshot, with its positions, and pass the barriers of a start together.
 *
 * So does what a supervisor finds that takes the place of one that died: what it finds may have gone on for minutes
 * without an epoch, and nobody knows what the dead one had told it.
 */
#include "lifecycle/step.h"

#include <stdio.h>

static void
call_back(struct sqi_step *step, uint32_t w)
{
        step->life->workers[w].called_back = true;
        sqi_step_kill(step, w);
}

/* What it was in is over: it begins with what the newest snapshot has of it. */
static void
forget(struct sqi_lifecycle *life)
{
        SQI_EACH_TASK(life, t) {
                struct sqi_life_task *task = &life->tasks[t];

                *task = (struct sqi_life_task){.position = task->sealed, .sealed = task->sealed};
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
                        call_back(step, w);
}

static bool
is_gathered(const struct sqi_lifecycle *life)
{
        SQI_EACH_WORKER(life, w)
                if (life->workers[w].state != SQI_WORKER_WAITING)
                        return false;
        return true;
}

uint64_t
sqi_restore_due(const struct sqi_lifecycle *life)
{
        uint64_t due = 0;

        if (life->checkpoint.restore != SQI_RESTORE_GATHERING || !is_gathered(life))
                return SQI_NEVER;
        SQI_EACH_WORKER(life, w)
                if (life->workers[w].due > due)
                        due = life->workers[w].due;
        return due;
}

void
sqi_restore_go_on(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;

        if (step->now < sqi_restore_due(life))
                return;
        life->checkpoint.restore = SQI_RESTORE_STARTING;
        SQI_EACH_WORKER(life, w) {
                if (life->workers[w].incarnation < life->first_incarnation)
                        life->workers[w].incarnation = life->first_incarnation;
                sqi_step_spawn(step, w);
        }
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
                if (worker->cause.type == SQI_CAUSE_UNSEEN)
                        worker->incarnation++;
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

bool
sqi_restore_exited(struct sqi_step *step, uint32_t w)
{
        struct sqi_life_worker *worker = &step->life->workers[w];

        if (!worker->called_back)
                return false;
        worker->called_back = worker->adopting = false;
        worker->state = SQI_WORKER_WAITING;
        worker->due = step->now;
        worker->incarnation++;
        sqi_restore_go_on(step);
        return true;
}

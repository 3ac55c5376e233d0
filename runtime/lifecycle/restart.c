/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker died, or could not be spawned: its peers are told, and it is started again after the delay that backoff.h
 * gives; or, when that has come to nothing too often, the topology fails.
 */
#include "lifecycle/step.h"

enum { START_TRIES = 3 };

/* splitmix64 (S. Vigna, public domain) */
static uint64_t
draw(struct sqi_lifecycle *life)
{
        uint64_t z = life->random += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

static enum sq_kind
kind_of(const struct sqi_lifecycle *life, uint32_t task)
{
        return life->plan->components[life->plan->tasks[task].component].kind;
}

void
sqi_restart_degraded(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;
        bool degraded = false;
        uint32_t who = SQI_EVERY_WORKER;

        SQI_EACH_WORKER(life, w) {
                if (!sqi_backoff_is_degraded(&life->workers[w].backoff))
                        continue;
                degraded = true;
                who = w;
        }
        if (degraded != life->degraded)
                sqi_step_report(step, degraded ? SQI_REPORT_DEGRADED : SQI_REPORT_RECOVERED, who, 0);
        life->degraded = degraded;
}

static bool
had_finished(const struct sqi_lifecycle *life, uint32_t worker)
{
        SQI_EACH_TASK(life, task)
                if (sqi_step_is_on(life, task, worker) &&
                    (!life->tasks[task].finished || kind_of(life, task) != SQ_KIND_SPOUT))
                        return false;
        return true;
}

/* Forgets what the tasks of a dead worker had reached, and tells all others. */
static void
lose_tasks(struct sqi_step *step, uint32_t worker)
{
        struct sqi_lifecycle *life = step->life;

        SQI_EACH_TASK(life, t) {
                struct sqi_life_task *task = &life->tasks[t];
                struct sqi_cycle *cycle = sqi_step_cycle(life, t);

                if (!sqi_step_is_on(life, t, worker))
                        continue;
                if (cycle && life->has_run)
                        sqi_cycle_lose(cycle, task->settled);
                *task = (struct sqi_life_task){.position = task->position};
                if (life->connected)
                        sqi_step_send(step, SQI_EVERY_WORKER, SQI_MSG_PEER_LOST, t, life->workers[worker].incarnation);
        }
}

/* All tasks were ready once; of an epoch before the start that tells it the disk takes its time. */
static bool
was_ready(const struct sqi_lifecycle *life)
{
        return life->has_run || life->proven || life->checkpoint.sealed > 0 ||
               life->checkpoint.phase == SQI_CHECKPOINT_SEALING;
}

static bool
is_hopeless(const struct sqi_lifecycle *life, const struct sqi_life_worker *worker)
{
        if (!was_ready(life) && worker->backoff.streak >= START_TRIES)
                return true;
        return life->crash_limit > 0 && worker->backoff.streak >= life->crash_limit;
}

/* All begin anew together, and tasks of any of them may be what cannot: it counts as one that does not get through. */
static void
share_streak(struct sqi_lifecycle *life, struct sqi_life_worker *worker)
{
        if (life->checkpoint.restore == SQI_RESTORE_NONE || !worker->told)
                return;
        SQI_EACH_WORKER(life, w)
                if (life->workers[w].backoff.streak > worker->backoff.streak)
                        worker->backoff.streak = life->workers[w].backoff.streak;
}

void
sqi_restart(struct sqi_step *step, uint32_t w)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_worker *worker = &life->workers[w];
        uint64_t lived = worker->started ? step->now - worker->started_at : 0;
        share_streak(life, worker);
        uint64_t delay = sqi_backoff_died(&worker->backoff, lived, worker->worked, draw(life));

        life->died = w;
        life->died_draining = life->draining;
        worker->state = SQI_WORKER_WAITING;
        worker->due = step->now + delay;
        worker->finished_before = !sqi_step_is_exact(life) && (worker->finished_before || had_finished(life, w));
        if (is_hopeless(life, worker)) {
                sqi_end_fail(step, w);
                return;
        }
        worker->incarnation++;
        worker->restarts++;
        if (!sqi_step_is_exact(life))
                lose_tasks(step, w);
        sqi_step_report(step, SQI_REPORT_DIED, w, delay);
        sqi_restart_degraded(step);
        if (sqi_step_is_exact(life))
                sqi_restore_died(step);
        else if (delay == 0)
                sqi_step_spawn(step, w);
}

bool
sqi_restart_note_cause(struct sqi_step *step, const struct sqi_event *event)
{
        struct sqi_life_worker *worker = &step->life->workers[event->worker];
        bool ours = worker->state == SQI_WORKER_KILLED; /* and the cause is set already, if there is one */

        if (step->life->state == SQI_QUITTING && event->cause == SQI_CAUSE_EXIT && event->number == 0)
                return ours; /* as it was told to: what it died of before is still to be said */
        if (!worker->told)
                worker->cause.text[0] = '\0';
        if (!ours) {
                worker->cause.type = event->cause;
                worker->cause.number = event->number;
        }
        return ours;
}

void
sqi_restart_exited(struct sqi_step *step, const struct sqi_event *event, bool ours)
{
        struct sqi_lifecycle *life = step->life;

        if (!sqi_step_is_exact(life) && life->state == SQI_SEALING) {
                life->workers[event->worker].state = SQI_WORKER_GONE; /* all that it has is in what is being sealed */
                return;
        }
        if (!sqi_step_is_over(life)) {
                if (!sqi_restore_exited(step, event->worker))
                        sqi_restart(step, event->worker);
                return;
        }
        if (life->state == SQI_QUITTING && !ours && event->cause != SQI_CAUSE_UNSEEN &&
            (event->cause != SQI_CAUSE_EXIT || event->number != 0))
                sqi_step_report(step, SQI_REPORT_BAD_EXIT, event->worker, 0);
        life->workers[event->worker].state = SQI_WORKER_GONE;
        sqi_end_when_empty(step);
}

void
sqi_restart_spawn_failed(struct sqi_step *step, const struct sqi_event *event)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_life_worker *worker = &life->workers[event->worker];

        worker->cause = (struct sqi_cause){.type = SQI_CAUSE_SPAWN, .number = event->number};
        if (sqi_step_is_over(life)) {
                worker->state = SQI_WORKER_GONE;
                sqi_end_when_empty(step);
        } else if (!life->has_run && !life->proven) {
                worker->state = SQI_WORKER_WAITING;
                sqi_end_fail(step, event->worker);
        } else {
                sqi_restart(step, event->worker);
        }
}

void
sqi_restart_spawned(struct sqi_step *step, const struct sqi_event *event)
{
        struct sqi_life_worker *worker = &step->life->workers[event->worker];

        worker->state = SQI_WORKER_ALIVE;
        sqi_step_renew(worker, step->now);
        if (sqi_step_is_over(step->life))
                sqi_step_kill(step, event->worker);
        else
                sqi_restore_spawned(step, event->worker);
}

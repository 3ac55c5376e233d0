/* SPDX-License-Identifier: Apache-2.0 */
/* The ways in which a topology ends. */
#include "lifecycle/step.h"

static const uint64_t exit_time = 10 * SQI_SECOND;

static bool
all_finished(const struct sqi_lifecycle *life)
{
        SQI_EACH_TASK(life, task)
                if (!life->tasks[task].finished)
                        return false;
        return true;
}

/* It stays, and is not ours to end any more. */
static bool
is_left(const struct sqi_lifecycle *life, uint32_t w)
{
        return life->workers[w].stays && life->state == SQI_QUITTING && life->workers[w].state == SQI_WORKER_ALIVE;
}

double
sqi_handover_limit(const struct sqi_plan *plan)
{
        return plan->config.message_timeout + (sqi_plan_is_exact(plan) ? plan->config.checkpoint_timeout : 0);
}

double
sqi_drain_limit(const struct sqi_lifecycle *life)
{
        if (life->drain_secs >= 0)
                return life->drain_secs;
        return life->handover ? sqi_handover_limit(life->plan) : life->plan->config.message_timeout;
}

static void
set_limit(struct sqi_step *step)
{
        step->life->deadline = step->now + sqi_step_ns(sqi_drain_limit(step->life));
        step->life->time_left = 0;
}

void
sqi_end_drain_within(struct sqi_step *step)
{
        if (step->life->drain_secs >= 0)
                set_limit(step);
}

void
sqi_end_drain(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;

        if (life->state == SQI_SEALING && life->handover && !sqi_step_is_exact(life))
                return; /* what goes on later waits for the disk */
        set_limit(step);
        if (!life->has_run || life->state == SQI_SEALING) /* all have finished, and the last epoch is made */
                return;
        life->state = SQI_DRAINING;
        if (life->handover)
                sqi_checkpoint_hold(step);
        sqi_step_send_drain(step, SQI_EVERY_WORKER);
}

void
sqi_end_hold_limit(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;
        enum sqi_checkpoint_phase phase = life->checkpoint.phase;
        bool disk = phase == SQI_CHECKPOINT_OPENING || phase == SQI_CHECKPOINT_SEALING;
        bool holds = disk && life->handover && sqi_step_is_exact(life) && life->drain_secs < 0 &&
                     !sqi_step_is_over(life);

        if (holds && life->deadline != SQI_NEVER) {
                life->time_left = life->deadline > step->now ? life->deadline - step->now : 1;
                life->deadline = SQI_NEVER;
        } else if (!holds && life->time_left > 0) {
                if (!sqi_step_is_over(life))
                        life->deadline = step->now + life->time_left;
                life->time_left = 0;
        }
}

void
sqi_end_when_empty(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;

        if (!sqi_step_is_over(life) || life->state == SQI_ENDED || life->noting)
                return;
        SQI_EACH_WORKER(life, w)
                if (life->workers[w].state != SQI_WORKER_GONE && !is_left(life, w))
                        return;
        life->state = SQI_ENDED;
        life->deadline = SQI_NEVER;
        sqi_step_act(step, (struct sqi_action){.type = SQI_ACTION_END});
}

/* Ends all processes. One that is just being spawned is killed when it is there. */
void
sqi_end_abort(struct sqi_step *step, enum sqi_outcome outcome)
{
        struct sqi_lifecycle *life = step->life;

        life->state = SQI_ABORTING;
        life->outcome = outcome;
        life->noting = false;
        life->deadline = life->probe_due = SQI_NEVER;
        SQI_EACH_WORKER(life, w) {
                struct sqi_life_worker *worker = &life->workers[w];

                if (sqi_step_lives(worker))
                        sqi_step_kill(step, w);
                else if (worker->state == SQI_WORKER_IDLE || worker->state == SQI_WORKER_WAITING)
                        worker->state = SQI_WORKER_GONE;
        }
        sqi_end_when_empty(step);
}

void
sqi_end_fail(struct sqi_step *step, uint32_t worker)
{
        step->life->failed_worker = worker;
        sqi_step_report(step, SQI_REPORT_FAILED, worker, 0);
        sqi_end_abort(step, SQI_OUTCOME_FAILED);
}

static void
send_quit(struct sqi_step *step)
{
        const struct sqi_lifecycle *life = step->life;
        bool all = true;

        SQI_EACH_WORKER(life, w)
                all = all && !life->workers[w].stays;
        if (all)
                sqi_step_send(step, SQI_EVERY_WORKER, SQI_MSG_QUIT, 0, 0);
        SQI_EACH_WORKER(life, w)
                if (!all && !life->workers[w].stays)
                        sqi_step_send(step, w, SQI_MSG_QUIT, 0, 0);
}

static void
end_all(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;

        life->deadline = step->now + exit_time;
        SQI_EACH_WORKER(life, w) /* has died since: it is not needed any more */
                if (life->workers[w].state == SQI_WORKER_WAITING)
                        life->workers[w].state = SQI_WORKER_GONE;
        send_quit(step);
        sqi_end_when_empty(step);
}

/* What is drained is begun again, as is what dies before it is noted. */
static void
quit(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;

        life->state = SQI_QUITTING;
        life->outcome = life->draining ? SQI_OUTCOME_DRAINED : SQI_OUTCOME_FINISHED;
        if ((life->missing || life->gone_back) && !life->handover) {
                life->outcome = SQI_OUTCOME_FAILED;
                if (!life->gone_back)
                        life->failed_worker = SQI_EVERY_WORKER;
        }
        life->deadline = life->probe_due = SQI_NEVER;
        life->noting = life->notes && life->outcome != SQI_OUTCOME_DRAINED;
        sqi_step_report(step, SQI_REPORT_QUITTING, SQI_EVERY_WORKER, 0);
        if (life->noting)
                sqi_step_act(step, (struct sqi_action){.type = SQI_ACTION_NOTE});
        else
                end_all(step);
}

void
sqi_end_noted(struct sqi_step *step, const struct sqi_event *event)
{
        (void)event;
        if (!step->life->noting)
                return; /* it was ended at once meanwhile */
        step->life->noting = false;
        end_all(step);
}

/* Nobody is told to exit before the snapshot is there: what only the workers have would be gone. */
void
sqi_end_quit(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;

        if (life->state >= SQI_SEALING || life->adopting || !all_finished(life))
                return;
        if (!sqi_step_is_exact(life) && (!life->handover || !life->folder)) {
                quit(step);
                return;
        }
        life->state = SQI_SEALING;
        if (sqi_step_is_exact(life)) {
                sqi_checkpoint_begin(step); /* one that is under way ends first */
        } else {
                life->deadline = SQI_NEVER; /* what goes on later waits for the disk */
                sqi_step_act(step, (struct sqi_action){.type = SQI_ACTION_SEAL});
        }
}

void
sqi_end_sealed(struct sqi_step *step, const struct sqi_event *event)
{
        if (step->life->state != SQI_SEALING)
                return;
        step->life->unsealed = event->number;
        quit(step);
}

void
sqi_end_committed(struct sqi_step *step)
{
        quit(step);
}

/* All of it is processed, but its last epoch is not outside yet. */
static bool
is_uncommitted(const struct sqi_lifecycle *life, uint32_t task)
{
        return life->state == SQI_SEALING && sqi_checkpoint_awaits(life, task);
}

void
sqi_end_undrained(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;

        SQI_EACH_TASK(life, task)
                if (!life->tasks[task].finished || is_uncommitted(life, task))
                        sqi_step_act(step, (struct sqi_action){.type = SQI_ACTION_REPORT,
                                                               .report = SQI_REPORT_UNFINISHED,
                                                               .task = task,
                                                               .worker = life->plan->tasks[task].worker});
        life->failed_worker = SQI_EVERY_WORKER;
        sqi_end_abort(step, SQI_OUTCOME_FAILED);
}

/* The spouts are told to stop before they emit again what they had emitted since the epoch. All is as if they had been
 * told so earlier, and that is what a drain right behind a death comes to. But whoever asked before the death is to
 * know; and so is he whose sink has failed by itself, and would be drained in this way although nobody answers it. */
void
sqi_end_restored(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;

        if (!life->draining || life->handover || life->checkpoint.whole || life->gone_back)
                return;
        if (!life->died_draining && !life->workers[life->died].cause.text[0])
                return;
        life->gone_back = true;
        life->failed_worker = life->died;
        sqi_step_report(step, SQI_REPORT_GONE_BACK, life->died, 0);
}

void
sqi_end_late_exits(struct sqi_step *step)
{
        step->life->deadline = SQI_NEVER;
        SQI_EACH_WORKER(step->life, w) {
                if (step->life->workers[w].state != SQI_WORKER_ALIVE || is_left(step->life, w))
                        continue;
                sqi_step_report(step, SQI_REPORT_LATE_EXIT, w, 0);
                sqi_step_kill(step, w);
        }
}

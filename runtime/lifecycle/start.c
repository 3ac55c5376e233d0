/* SPDX-License-Identifier: Apache-2.0 */
/* The two barriers of a start. A worker that is restarted passes them alone; see message.h for the messages. */
#include "lifecycle/step.h"

static bool
all_bound(const struct sqi_lifecycle *life, uint32_t worker)
{
        SQI_EACH_TASK(life, task)
                if (sqi_step_is_on(life, task, worker) && !life->tasks[task].bound)
                        return false;
        return true;
}

static bool
all_listen(const struct sqi_lifecycle *life)
{
        SQI_EACH_WORKER(life, w)
                if (life->workers[w].state != SQI_WORKER_ALIVE || !life->workers[w].subscribed)
                        return false;
        return true;
}

void
sqi_start_tell_incarnations(struct sqi_step *step, uint32_t worker)
{
        const struct sqi_lifecycle *life = step->life;

        SQI_EACH_TASK(life, task) {
                uint32_t host = life->plan->tasks[task].worker;

                if (host == worker || life->workers[host].incarnation == 0)
                        continue;
                sqi_step_send(step, worker, SQI_MSG_PEER_LOST, task, life->workers[host].incarnation);
                if (life->workers[host].started)
                        sqi_step_send(step, worker, SQI_MSG_PEER_READY, task, 0);
        }
}

static void
connect_worker(struct sqi_step *step, uint32_t worker)
{
        struct sqi_lifecycle *life = step->life;

        if (life->workers[worker].state != SQI_WORKER_ALIVE || !life->workers[worker].subscribed ||
            life->workers[worker].connected || !all_bound(life, worker))
                return;
        life->workers[worker].connected = true;
        sqi_start_tell_incarnations(step, worker);
        sqi_step_send_restore(step, worker);
        SQI_EACH_TASK(life, task)
                if (sqi_step_is_on(life, task, worker) && life->tasks[task].position.known)
                        sqi_step_send_position(step, worker, task);
        sqi_step_send(step, worker, SQI_MSG_CONNECT, 0, 0);
}

/* The first time all connect together; from then on a restarted worker need not wait for the others. */
void
sqi_start_connect(struct sqi_step *step, uint32_t worker)
{
        struct sqi_lifecycle *life = step->life;

        if (life->connected) {
                connect_worker(step, worker);
                return;
        }
        if (!all_listen(life) || !all_bound(life, SQI_EVERY_WORKER))
                return;
        life->connected = true;
        SQI_EACH_WORKER(life, w)
                connect_worker(step, w);
}

static void
mark_started(struct sqi_step *step, uint32_t worker)
{
        struct sqi_lifecycle *life = step->life;

        life->workers[worker].started = life->workers[worker].begun = true;
        life->workers[worker].started_at = step->now;
        SQI_EACH_TASK(life, task) {
                if (!sqi_step_is_on(life, task, worker))
                        continue;
                life->tasks[task].alive_at = step->now;
                if (life->workers[worker].incarnation > 0)
                        sqi_step_send(step, SQI_EVERY_WORKER, SQI_MSG_PEER_READY, task, 0);
        }
}

static void
start_worker(struct sqi_step *step, uint32_t worker)
{
        struct sqi_lifecycle *life = step->life;

        if (life->workers[worker].started || !sqi_step_all_ready(life, worker))
                return;
        if (life->inactive)
                sqi_step_send(step, worker, SQI_MSG_DEACTIVATE, 0, 0);
        if (life->draining || life->workers[worker].finished_before)
                sqi_step_send_drain(step, worker); /* first: its spouts must emit nothing that is new */
        sqi_step_send(step, worker, SQI_MSG_START, 0, 0);
        mark_started(step, worker);
        sqi_step_report(step, SQI_REPORT_RESTARTED, worker, 0);
}

void
sqi_start_all(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;
        bool first = !life->has_run;

        life->has_run = true;
        life->checkpoint.restore = SQI_RESTORE_NONE;
        life->state = life->draining ? SQI_DRAINING : SQI_RUNNING;
        if (life->inactive)
                sqi_step_send(step, SQI_EVERY_WORKER, SQI_MSG_DEACTIVATE, 0, 0);
        if (life->draining)
                sqi_step_send_drain(step, SQI_EVERY_WORKER);
        sqi_step_send(step, SQI_EVERY_WORKER, SQI_MSG_START, 0, 0);
        SQI_EACH_WORKER(life, w)
                mark_started(step, w);
        sqi_checkpoint_started(step);
        sqi_step_report(step, first ? SQI_REPORT_STARTED : SQI_REPORT_RESTORED, SQI_EVERY_WORKER, 0);
        if (!first)
                sqi_end_restored(step);
}

/* The epoch before the start opens the barrier when it is sealed. */
static void
start_from_an_epoch(struct sqi_step *step)
{
        const struct sqi_lifecycle *life = step->life;

        if (life->checkpoint.restore != SQI_RESTORE_STARTING || !sqi_step_all_ready(life, SQI_EVERY_WORKER))
                return;
        if (life->checkpoint.newest[0])
                sqi_start_all(step);
        else
                sqi_checkpoint_begin(step);
}

void
sqi_start_run(struct sqi_step *step, uint32_t worker)
{
        struct sqi_lifecycle *life = step->life;

        if (sqi_step_is_exact(life)) {
                start_from_an_epoch(step);
                return;
        }
        if (life->has_run)
                start_worker(step, worker);
        else if (sqi_step_all_ready(life, SQI_EVERY_WORKER))
                sqi_start_all(step);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "lifecycle/checkpoint.h"

#include <stdio.h>
#include <string.h>

#include "lifecycle/step.h"

static const uint64_t repeat_pause = SQI_SECOND;

static uint64_t
interval(const struct sqi_lifecycle *life)
{
        return sqi_step_ns(life->plan->config.checkpoint_ms / 1000);
}

/* ---- Orders ------------------------------------------------------------------------------------------ */

static void
send_checkpoint(struct sqi_step *step)
{
        const struct sqi_checkpoint *checkpoint = &step->life->checkpoint;

        sqi_step_send(step, SQI_EVERY_WORKER, SQI_MSG_CHECKPOINT, 0, checkpoint->epoch);
        sqi_step_set_text(step, checkpoint->folder);
}

static void
begin(struct sqi_step *step)
{
        struct sqi_checkpoint *checkpoint = &step->life->checkpoint;

        checkpoint->epoch++;
        checkpoint->phase = SQI_CHECKPOINT_OPENING;
        checkpoint->late = false;
        checkpoint->began_at = step->now;
        snprintf(checkpoint->folder, sizeof(checkpoint->folder), "%.*s/" SQI_CHECKPOINT_OPEN "%llu", PATH_MAX - 32,
                 checkpoint->place ? checkpoint->place : "", (unsigned long long)checkpoint->epoch);
        sqi_step_act(step, (struct sqi_action){.type = SQI_ACTION_FOLDER, .epoch = checkpoint->epoch});
}

static bool
spouts_have_finished(const struct sqi_lifecycle *life)
{
        SQI_EACH_TASK(life, t)
                if (life->plan->components[life->plan->tasks[t].component].kind == SQ_KIND_SPOUT &&
                    !life->tasks[t].finished)
                        return false;
        return true;
}

/* Its folder is there. How long the disk took for that is not the tasks' time. */
static void
take(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_checkpoint *checkpoint = &life->checkpoint;

        checkpoint->phase = SQI_CHECKPOINT_TAKING;
        checkpoint->last = life->state == SQI_SEALING;
        checkpoint->behind_spouts = spouts_have_finished(life);
        checkpoint->late = false;
        checkpoint->began_at = step->now;
        checkpoint->repeat_at = step->now + repeat_pause;
        SQI_EACH_TASK(life, t) {
                life->tasks[t].snapshot = (struct sqi_life_snapshot){0};
                life->tasks[t].committed = false;
        }
        send_checkpoint(step);
}

static void
give_up(struct sqi_step *step, const char *cause)
{
        struct sqi_checkpoint *checkpoint = &step->life->checkpoint;
        bool news = !checkpoint->failing || strcmp(checkpoint->cause, cause) != 0;

        checkpoint->phase = SQI_CHECKPOINT_NONE;
        checkpoint->due = step->now + interval(step->life);
        checkpoint->given_up++;
        checkpoint->failing = true;
        snprintf(checkpoint->cause, sizeof(checkpoint->cause), "%s", cause);
        sqi_step_send(step, SQI_EVERY_WORKER, SQI_MSG_ABANDON, 0, checkpoint->epoch);
        if (news)
                sqi_step_report(step, SQI_REPORT_GIVEN_UP, SQI_EVERY_WORKER, 0);
}

/* ---- When one may begin ------------------------------------------------------------------------------ */

/* While a hand-over drains, the next one is that which it ends with. */
static bool
may_begin(const struct sqi_lifecycle *life)
{
        switch (life->checkpoint.restore) {
        case SQI_RESTORE_GATHERING:
                return false;
        case SQI_RESTORE_STARTING:
                return !life->checkpoint.newest[0] && sqi_step_all_ready(life, SQI_EVERY_WORKER);
        case SQI_RESTORE_NONE:
                break;
        }
        return (life->state == SQI_RUNNING && !life->checkpoint.held) || life->state == SQI_SEALING ||
               (life->state == SQI_DRAINING && !life->handover);
}

void
sqi_checkpoint_begin(struct sqi_step *step)
{
        if (step->life->checkpoint.phase == SQI_CHECKPOINT_NONE && may_begin(step->life))
                begin(step);
}

void
sqi_checkpoint_started(struct sqi_step *step)
{
        if (sqi_step_is_exact(step->life))
                step->life->checkpoint.due = step->now + interval(step->life);
}

/* What it has recorded is not quiet, and a hand-over goes on under another plan maybe. */
void
sqi_checkpoint_hold(struct sqi_step *step)
{
        struct sqi_checkpoint *checkpoint = &step->life->checkpoint;

        if (checkpoint->phase != SQI_CHECKPOINT_TAKING || checkpoint->restore != SQI_RESTORE_NONE)
                return;
        checkpoint->phase = SQI_CHECKPOINT_NONE;
        sqi_step_send(step, SQI_EVERY_WORKER, SQI_MSG_ABANDON, 0, checkpoint->epoch);
}

void
sqi_checkpoint_drop(struct sqi_step *step)
{
        enum sqi_checkpoint_phase phase = step->life->checkpoint.phase;

        if (phase != SQI_CHECKPOINT_SEALING && phase != SQI_CHECKPOINT_OPENING)
                step->life->checkpoint.phase = SQI_CHECKPOINT_NONE;
        step->life->checkpoint.due = SQI_NEVER;
}

/* ---- Answers ----------------------------------------------------------------------------------------- */

static bool
is_complete(const struct sqi_lifecycle *life)
{
        SQI_EACH_TASK(life, t)
                if (life->tasks[t].snapshot.epoch != life->checkpoint.epoch)
                        return false;
        return true;
}

static void
fail_part(struct sqi_step *step, const struct sqi_message *message)
{
        char name[SQI_CHECKPOINT_CAUSE / 2], cause[SQI_CHECKPOINT_CAUSE];

        snprintf(cause, sizeof(cause), "%s: %.*s", sqi_task_name(step->life->plan, message->task, name, sizeof(name)),
                 (int)(message->text.len < sizeof(name) ? message->text.len : sizeof(name) - 1), message->text.ptr);
        give_up(step, cause);
}

void
sqi_checkpoint_snapshot(struct sqi_step *step, const struct sqi_message *message)
{
        struct sqi_checkpoint *checkpoint = &step->life->checkpoint;
        struct sqi_life_task *task = &step->life->tasks[message->task];

        if (checkpoint->phase != SQI_CHECKPOINT_TAKING || message->number != checkpoint->epoch ||
            task->snapshot.epoch == checkpoint->epoch)
                return;
        if (message->text.len > 0) {
                fail_part(step, message);
                return;
        }
        sqi_step_take_snapshot(step, message);
        task->snapshot.position = task->position;
        if (!is_complete(step->life))
                return;
        checkpoint->phase = SQI_CHECKPOINT_SEALING;
        sqi_step_act(step, (struct sqi_action){.type = SQI_ACTION_SEAL, .epoch = checkpoint->epoch});
}

void
sqi_checkpoint_written(struct sqi_step *step, const struct sqi_message *message)
{
        struct sqi_life_task *task = &step->life->tasks[message->task];

        task->written.epoch = message->number;
        task->written.bytes = message->a;
        task->written.recorded = message->b;
}

/* Meanwhile somebody has died maybe, or a hand-over drains: then nobody was told of the epoch, and nobody will be. */
void
sqi_checkpoint_folder(struct sqi_step *step, const struct sqi_event *event)
{
        char cause[SQI_CHECKPOINT_CAUSE];

        if (step->life->checkpoint.phase != SQI_CHECKPOINT_OPENING)
                return;
        step->life->checkpoint.phase = SQI_CHECKPOINT_NONE;
        if (!may_begin(step->life))
                return;
        if (event->number == 0) {
                take(step);
                return;
        }
        snprintf(cause, sizeof(cause), "cannot make the folder %.300s: %s", step->life->checkpoint.folder,
                 strerror(event->number));
        give_up(step, cause);
}

/* From here on it is what a restore goes back to. */
static void
keep_sealed(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_checkpoint *checkpoint = &life->checkpoint;

        checkpoint->sealed = checkpoint->epoch;
        checkpoint->whole = checkpoint->behind_spouts;
        checkpoint->sealed_at = step->now;
        checkpoint->took = step->now - checkpoint->began_at;
        checkpoint->failing = false;
        checkpoint->size = checkpoint->written = checkpoint->recorded = 0;
        snprintf(checkpoint->newest, sizeof(checkpoint->newest), "%.*s/%llu", PATH_MAX - 32,
                 checkpoint->place ? checkpoint->place : "", (unsigned long long)checkpoint->epoch);
        SQI_EACH_TASK(life, t) {
                const struct sqi_life_snapshot *part = &life->tasks[t].snapshot;

                life->tasks[t].sealed = part->position;
                checkpoint->size += part->size;
                if (life->tasks[t].written.epoch != checkpoint->epoch)
                        continue;
                checkpoint->written += life->tasks[t].written.bytes;
                checkpoint->recorded += life->tasks[t].written.recorded;
        }
}

static void
give_up_unsealed(struct sqi_step *step, int number)
{
        char cause[SQI_CHECKPOINT_CAUSE];

        snprintf(cause, sizeof(cause), "cannot seal %.300s: %s", step->life->checkpoint.folder, strerror(number));
        give_up(step, cause);
}

/* Somebody has died meanwhile: it is what all begin from, and commit when they do. */
static void
begin_from_sealed(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;

        life->checkpoint.phase = SQI_CHECKPOINT_NONE;
        SQI_EACH_TASK(life, t)
                life->tasks[t].position = life->tasks[t].sealed;
}

bool
sqi_checkpoint_sealed(struct sqi_step *step, const struct sqi_event *event)
{
        struct sqi_checkpoint *checkpoint = &step->life->checkpoint;

        if (checkpoint->phase != SQI_CHECKPOINT_SEALING || sqi_step_is_over(step->life))
                return false;
        checkpoint->late = false;
        if (event->number != 0)
                give_up_unsealed(step, event->number);
        else
                keep_sealed(step);
        if (checkpoint->restore == SQI_RESTORE_GATHERING) {
                begin_from_sealed(step);
                return false;
        }
        if (event->number != 0)
                return false;
        checkpoint->phase = SQI_CHECKPOINT_COMMITTING;
        checkpoint->repeat_at = step->now + repeat_pause;
        sqi_step_send(step, SQI_EVERY_WORKER, SQI_MSG_COMMIT, 0, checkpoint->epoch);
        return checkpoint->restore == SQI_RESTORE_STARTING;
}

/* An epoch that took long does not begin the next one at once: the topology would do nothing else. */
static bool
finish_epoch(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;
        struct sqi_checkpoint *checkpoint = &life->checkpoint;
        uint64_t next = checkpoint->began_at + interval(life), least = step->now + interval(life) / 4;

        checkpoint->phase = SQI_CHECKPOINT_NONE;
        checkpoint->due = next > least ? next : least;
        if (life->state != SQI_SEALING || checkpoint->last)
                return life->state == SQI_SEALING;
        sqi_checkpoint_begin(step);
        return false;
}

bool
sqi_checkpoint_committed(struct sqi_step *step, const struct sqi_message *message)
{
        struct sqi_lifecycle *life = step->life;

        if (life->checkpoint.phase != SQI_CHECKPOINT_COMMITTING || message->number != life->checkpoint.epoch)
                return false;
        life->tasks[message->task].committed = true;
        SQI_EACH_TASK(life, t)
                if (!life->tasks[t].committed)
                        return false;
        return finish_epoch(step);
}

/* ---- Time -------------------------------------------------------------------------------------------- */

static uint64_t
late_at(const struct sqi_lifecycle *life)
{
        return life->checkpoint.began_at + sqi_step_ns(life->plan->config.checkpoint_timeout);
}

bool
sqi_checkpoint_awaits(const struct sqi_lifecycle *life, uint32_t task)
{
        const struct sqi_checkpoint *checkpoint = &life->checkpoint;

        return checkpoint->phase == SQI_CHECKPOINT_TAKING ? life->tasks[task].snapshot.epoch != checkpoint->epoch
                                                          : !life->tasks[task].committed;
}

/* The first whose answer is missing. */
static uint32_t
missing_task(const struct sqi_lifecycle *life)
{
        SQI_EACH_TASK(life, t)
                if (sqi_checkpoint_awaits(life, t))
                        return t;
        return 0;
}

static void
wait_for_parts(struct sqi_step *step)
{
        struct sqi_lifecycle *life = step->life;
        char name[SQI_CHECKPOINT_CAUSE / 2], cause[SQI_CHECKPOINT_CAUSE];

        if (step->now >= late_at(life)) {
                snprintf(cause, sizeof(cause),
                         "%s had not written its part after %g s (topology.checkpoint.timeout.secs)",
                         sqi_task_name(life->plan, missing_task(life), name, sizeof(name)),
                         life->plan->config.checkpoint_timeout);
                give_up(step, cause);
        } else if (step->now >= life->checkpoint.repeat_at) {
                life->checkpoint.repeat_at = step->now + repeat_pause;
                send_checkpoint(step);
        }
}

static void
report_late(struct sqi_step *step)
{
        struct sqi_checkpoint *checkpoint = &step->life->checkpoint;

        if (step->now < late_at(step->life) || checkpoint->late)
                return;
        checkpoint->late = true;
        sqi_step_act(step, (struct sqi_action){.type = SQI_ACTION_REPORT,
                                               .report = SQI_REPORT_UNCOMMITTED,
                                               .task = missing_task(step->life),
                                               .worker = SQI_EVERY_WORKER});
}

/* That is never given up: the epoch is what a restore would begin from. */
static void
wait_for_commits(struct sqi_step *step)
{
        struct sqi_checkpoint *checkpoint = &step->life->checkpoint;

        if (step->now < checkpoint->repeat_at)
                return;
        checkpoint->repeat_at = step->now + repeat_pause;
        sqi_step_send(step, SQI_EVERY_WORKER, SQI_MSG_COMMIT, 0, checkpoint->epoch);
        report_late(step);
}

void
sqi_checkpoint_time(struct sqi_step *step)
{
        switch (step->life->checkpoint.phase) {
        case SQI_CHECKPOINT_NONE:
                if (step->now >= step->life->checkpoint.due)
                        sqi_checkpoint_begin(step);
                break;
        case SQI_CHECKPOINT_TAKING:
                wait_for_parts(step);
                break;
        case SQI_CHECKPOINT_COMMITTING:
                wait_for_commits(step);
                break;
        case SQI_CHECKPOINT_OPENING:
        case SQI_CHECKPOINT_SEALING:
                report_late(step);
                break;
        }
}

uint64_t
sqi_checkpoint_due(const struct sqi_lifecycle *life)
{
        const struct sqi_checkpoint *checkpoint = &life->checkpoint;

        switch (checkpoint->phase) {
        case SQI_CHECKPOINT_NONE:
                return may_begin(life) ? checkpoint->due : SQI_NEVER;
        case SQI_CHECKPOINT_TAKING:
                return sqi_earlier(checkpoint->repeat_at, late_at(life));
        case SQI_CHECKPOINT_COMMITTING:
                return checkpoint->repeat_at;
        case SQI_CHECKPOINT_OPENING:
        case SQI_CHECKPOINT_SEALING:
                return checkpoint->late ? SQI_NEVER : late_at(life);
        }
        return SQI_NEVER;
}

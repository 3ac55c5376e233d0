/* SPDX-License-Identifier: Apache-2.0 */
#include "lifecycle/tell.h"

#include <stdio.h>
#include <string.h>

#include "base/number.h"

enum { NAME_SIZE = 256, TEXT_SIZE = SQI_CAUSE_TEXT + 512, TASKS_NAMED = 8 };

const char *
sqi_worker_name(const struct sqi_plan *plan, uint32_t worker, char *buffer, size_t size)
{
        char name[NAME_SIZE];
        size_t at = 0;
        unsigned n = 0;

        buffer[0] = '\0';
        for (uint32_t t = 0; t < plan->ntasks; t++) {
                if (plan->tasks[t].worker != worker)
                        continue;
                sqi_task_name(plan, t, name, sizeof(name));
                if (n == TASKS_NAMED || at + strlen(name) + sizeof(" ...") > size) {
                        snprintf(buffer + at, size - at, "%s...", n ? " " : "");
                        break;
                }
                at += (size_t)snprintf(buffer + at, size - at, "%s%s", n ? " " : "", name);
                n++;
        }
        return buffer;
}

static const char *
raw_cause(const struct sqi_plan *plan, const struct sqi_cause *cause, char *buffer, size_t size)
{
        char name[NAME_SIZE];

        switch (cause->type) {
        case SQI_CAUSE_NONE:
                snprintf(buffer, size, "failed");
                break;
        case SQI_CAUSE_EXIT:
                snprintf(buffer, size, "exited with status %d", cause->number);
                break;
        case SQI_CAUSE_SIGNAL:
                snprintf(buffer, size, "killed by signal %d (%s)", cause->number, strsignal(cause->number));
                break;
        case SQI_CAUSE_SPAWN:
                snprintf(buffer, size, "could not be started: %s", strerror(cause->number));
                break;
        case SQI_CAUSE_SILENT:
                snprintf(buffer, size, "gave no heartbeat for %g s and was killed", plan->config.worker_timeout);
                break;
        case SQI_CAUSE_UNHEARD:
                snprintf(buffer, size, "gave no sign of life for %g s after its start and was killed",
                         plan->config.start_timeout);
                break;
        case SQI_CAUSE_STUCK:
                snprintf(buffer, size, "%s stood still for %g s and was killed",
                         sqi_task_name(plan, cause->task, name, sizeof(name)), plan->config.worker_timeout);
                break;
        case SQI_CAUSE_UNREADY:
                snprintf(buffer, size, "%s did not get through prepare in %g s and was killed",
                         sqi_task_name(plan, cause->task, name, sizeof(name)), plan->config.start_timeout);
                break;
        case SQI_CAUSE_UNSEEN:
                snprintf(buffer, size, "ended while no supervisor of its own watched it");
                break;
        case SQI_CAUSE_MEMORY:
                snprintf(
                        buffer, size,
                        "killed for want of memory: its cgroup allows no more (topology.worker.memory.mb, topology.memory.mb)");
                break;
        case SQI_CAUSE_HALFWAY:
                snprintf(buffer, size, "had not started yet when its supervisor died, and was killed");
        }
        return buffer;
}

const char *
sqi_cause_text(const struct sqi_plan *plan, const struct sqi_cause *cause, char *buffer, size_t size)
{
        if (!cause->text[0])
                return raw_cause(plan, cause, buffer, size);
        snprintf(buffer, size, "%s", cause->text);
        return buffer;
}

enum sq_level
sqi_report_level(const struct sqi_action *action)
{
        static const enum sq_level levels[] = {
                [SQI_REPORT_STARTED] = SQ_DEBUG,    [SQI_REPORT_DIED] = SQ_WARN,
                [SQI_REPORT_RESTARTED] = SQ_INFO,   [SQI_REPORT_DEGRADED] = SQ_WARN,
                [SQI_REPORT_RECOVERED] = SQ_INFO,   [SQI_REPORT_DRAINING] = SQ_DEBUG,
                [SQI_REPORT_UNFINISHED] = SQ_ERROR, [SQI_REPORT_FAILED] = SQ_ERROR,
                [SQI_REPORT_LATE_EXIT] = SQ_WARN,   [SQI_REPORT_BAD_EXIT] = SQ_WARN,
                [SQI_REPORT_QUITTING] = SQ_DEBUG,   [SQI_REPORT_ADOPTED] = SQ_INFO,
                [SQI_REPORT_RESTORED] = SQ_INFO,    [SQI_REPORT_GIVEN_UP] = SQ_WARN,
                [SQI_REPORT_UNCOMMITTED] = SQ_WARN, [SQI_REPORT_GONE_BACK] = SQ_ERROR,
        };

        return levels[action->report];
}

const char *
sqi_report_name(const struct sqi_action *action)
{
        static const char *const names[] = {
                [SQI_REPORT_STARTED] = "started",         [SQI_REPORT_DIED] = "died",
                [SQI_REPORT_RESTARTED] = "restarted",     [SQI_REPORT_DEGRADED] = "degraded",
                [SQI_REPORT_RECOVERED] = "recovered",     [SQI_REPORT_DRAINING] = "draining",
                [SQI_REPORT_UNFINISHED] = "unfinished",   [SQI_REPORT_FAILED] = "failed",
                [SQI_REPORT_LATE_EXIT] = "late-exit",     [SQI_REPORT_BAD_EXIT] = "bad-exit",
                [SQI_REPORT_QUITTING] = "processed",      [SQI_REPORT_ADOPTED] = "adopted",
                [SQI_REPORT_RESTORED] = "restored",       [SQI_REPORT_GIVEN_UP] = "epoch-given-up",
                [SQI_REPORT_UNCOMMITTED] = "uncommitted", [SQI_REPORT_GONE_BACK] = "gone-back",
        };

        return names[action->report];
}

const char *
sqi_culprit_name(const struct sqi_lifecycle *life, uint32_t worker, char *buffer, size_t size)
{
        const struct sqi_cause *cause = &life->workers[worker].cause;

        return cause->text[0] ? sqi_task_name(life->plan, cause->task, buffer, size)
                              : sqi_worker_name(life->plan, worker, buffer, size);
}

static void
died_text(const struct sqi_lifecycle *life, const struct sqi_action *action, const char *name, const char *cause,
          char *buffer, size_t size)
{
        unsigned streak = life->workers[action->worker].backoff.streak;
        const char *what = life->plan->config.delivery != SQI_EXACTLY_ONCE ? "it"
                           : life->checkpoint.newest[0]                    ? "all tasks from the last epoch"
                                                                           : "all tasks";

        if (action->delay == 0)
                snprintf(buffer, size, "%s: %s; restarting %s", name, cause, what);
        else
                snprintf(buffer, size, "%s: %s; restarting %s in %.1f s (death %u in a row)", name, cause, what,
                         (double)action->delay / 1e9, streak);
}

static void
unfinished_text(const struct sqi_lifecycle *life, uint32_t task, char *buffer, size_t size)
{
        char name[NAME_SIZE], what[64] = "finished";
        const char *raise = life->drain_secs >= 0 ? "--wait" : "topology.message.timeout.secs";

        if (life->tasks[task].finished)
                snprintf(what, sizeof(what), "%s epoch %llu",
                         life->checkpoint.phase == SQI_CHECKPOINT_TAKING ? "written its part of" : "committed",
                         (unsigned long long)life->checkpoint.epoch);
        snprintf(buffer, size, "%s had not %s when the drain took longer than %g s (raise %s)",
                 sqi_task_name(life->plan, task, name, sizeof(name)), what, sqi_drain_limit(life), raise);
}

static void
epoch_text(const struct sqi_lifecycle *life, const struct sqi_action *action, char *buffer, size_t size)
{
        unsigned long long epoch = life->checkpoint.epoch;
        char name[NAME_SIZE];

        if (action->report == SQI_REPORT_RESTORED)
                snprintf(buffer, size, "all %u tasks are back, from the last epoch", life->plan->ntasks);
        else if (action->report == SQI_REPORT_GIVEN_UP)
                snprintf(buffer, size, "epoch %llu was given up: %s", epoch, life->checkpoint.cause);
        else if (life->checkpoint.phase == SQI_CHECKPOINT_SEALING || life->checkpoint.phase == SQI_CHECKPOINT_OPENING)
                snprintf(buffer, size,
                         "the disk has not taken epoch %llu for %g s (%s): no other epoch begins before it has", epoch,
                         life->plan->config.checkpoint_timeout,
                         life->checkpoint.place ? life->checkpoint.place : "topology.checkpoint.dir");
        else
                snprintf(buffer, size, "%s has not committed epoch %llu for %g s: no other epoch begins before it has",
                         sqi_task_name(life->plan, action->task, name, sizeof(name)), epoch,
                         life->plan->config.checkpoint_timeout);
}

const char *
sqi_report_text(const struct sqi_lifecycle *life, const struct sqi_action *action, char *buffer, size_t size)
{
        bool one = action->worker < life->plan->nworkers;
        char name[NAME_SIZE] = "", cause[TEXT_SIZE] = "";

        if (one) {
                sqi_culprit_name(life, action->worker, name, sizeof(name));
                sqi_cause_text(life->plan, &life->workers[action->worker].cause, cause, sizeof(cause));
        }
        switch (action->report) {
        case SQI_REPORT_STARTED:
                snprintf(buffer, size, "all %u tasks are ready", life->plan->ntasks);
                break;
        case SQI_REPORT_DIED:
                died_text(life, action, name, cause, buffer, size);
                break;
        case SQI_REPORT_RESTARTED:
                snprintf(buffer, size, "%s: back", sqi_worker_name(life->plan, action->worker, name, sizeof(name)));
                break;
        case SQI_REPORT_DEGRADED:
                snprintf(buffer, size, "%s keeps crashing (%u times): the topology is degraded", name,
                         life->workers[action->worker].backoff.crashes);
                break;
        case SQI_REPORT_RECOVERED:
                snprintf(buffer, size, "all workers have been well for a minute");
                break;
        case SQI_REPORT_DRAINING:
                snprintf(buffer, size, "draining");
                break;
        case SQI_REPORT_UNFINISHED:
                unfinished_text(life, action->task, buffer, size);
                break;
        case SQI_REPORT_FAILED:
                snprintf(buffer, size, "%s: %s", name, cause);
                break;
        case SQI_REPORT_LATE_EXIT:
                snprintf(buffer, size, "%s did not exit when told to, and was killed", name);
                break;
        case SQI_REPORT_BAD_EXIT:
                snprintf(buffer, size, "%s: %s while it cleaned up; every tuple was processed", name, cause);
                break;
        case SQI_REPORT_QUITTING:
                snprintf(buffer, size, "every tuple is processed");
                break;
        case SQI_REPORT_GONE_BACK:
                snprintf(
                        buffer, size,
                        "the drain went back to the last epoch, for %s had died (%s): what the spouts had emitted since "
                        "then is not done",
                        name, cause);
                break;
        case SQI_REPORT_ADOPTED:
                snprintf(
                        buffer, size, "%s",
                        life->plan->config.delivery == SQI_EXACTLY_ONCE
                                ? "found what an earlier supervisor has left of it: all tasks go back to the last epoch"
                                : "adopted what runs of it");
                break;
        case SQI_REPORT_RESTORED:
        case SQI_REPORT_GIVEN_UP:
        case SQI_REPORT_UNCOMMITTED:
                epoch_text(life, action, buffer, size);
        }
        return buffer;
}

/* ---- Epochs ------------------------------------------------------------------------------------------ */

/* Of all that begin together, the first that is not there yet. */
static void
awaited_text(const struct sqi_lifecycle *life, uint64_t now, char *buffer, size_t size)
{
        bool starting = life->checkpoint.restore == SQI_RESTORE_STARTING;
        char name[NAME_SIZE];

        for (uint32_t t = 0; starting && t < life->plan->ntasks; t++)
                if (!life->tasks[t].ready) {
                        snprintf(buffer, size, "; all begin anew: %s is not ready yet",
                                 sqi_task_name(life->plan, t, name, sizeof(name)));
                        return;
                }
        for (uint32_t w = 0; !starting && w < life->plan->nworkers; w++) {
                const struct sqi_life_worker *worker = &life->workers[w];
                bool waits = worker->state == SQI_WORKER_WAITING;

                if ((waits && worker->due <= now) || worker->state == SQI_WORKER_BACK)
                        continue;
                snprintf(buffer, size,
                         waits                                 ? "; all begin anew: %s is tried again in %.1f s"
                         : worker->state == SQI_WORKER_LEAVING ? "; all begin anew: %s closes what it has"
                                                               : "; all begin anew: %s ends",
                         sqi_worker_name(life->plan, w, name, sizeof(name)),
                         waits ? (double)(worker->due - now) / 1e9 : 0.0);
                return;
        }
        snprintf(buffer, size,
                 starting                                           ? "; waits for the epoch before the start"
                 : life->checkpoint.phase == SQI_CHECKPOINT_SEALING ? "; all begin anew: the disk is to take an epoch"
                                                                    : "; all begin anew");
}

const char *
sqi_checkpoint_text(const struct sqi_lifecycle *life, uint64_t now, char *buffer, size_t size)
{
        const struct sqi_checkpoint *checkpoint = &life->checkpoint;
        char given_up[SQI_CHECKPOINT_CAUSE + 64] = "", awaited[NAME_SIZE + 64] = "", bytes[SQI_BYTES_SIZE],
                                             written[SQI_BYTES_SIZE], recorded[SQI_BYTES_SIZE];

        buffer[0] = '\0';
        if (!sqi_plan_is_exact(life->plan))
                return buffer;
        if (checkpoint->given_up > 0)
                snprintf(given_up, sizeof(given_up), "; %llu given up, the last one: %s",
                         (unsigned long long)checkpoint->given_up, checkpoint->cause);
        if (checkpoint->restore != SQI_RESTORE_NONE && life->state < SQI_QUITTING)
                awaited_text(life, now, awaited, sizeof(awaited));
        if (checkpoint->sealed > 0)
                snprintf(buffer, size,
                         "epoch %llu, %.1f s old, made in %.1f ms, %s (%s written, %s of them on their way)%s%s",
                         (unsigned long long)checkpoint->sealed, (double)(now - checkpoint->sealed_at) / 1e9,
                         (double)checkpoint->took / 1e6, sqi_bytes_text(checkpoint->size, bytes),
                         sqi_bytes_text(checkpoint->written, written), sqi_bytes_text(checkpoint->recorded, recorded),
                         given_up, awaited);
        else
                snprintf(buffer, size, "%s%s%s",
                         checkpoint->newest[0] ? "none yet since it went on from an earlier one"
                                               : "no epoch of this run yet",
                         given_up, awaited);
        return buffer;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What is on disk is always written first. */
#include "daemon/hosted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/invariant.h"
#include "base/random.h"
#include "base/sealed.h"
#include "control/lease.h"
#include "daemon/beginning.h"
#include "daemon/checkpoints.h"
#include "daemon/progress.h"
#include "daemon/record.h"
#include "daemon/saving.h"
#include "daemon/seal.h"
#include "daemon/waiters.h"
#include "lifecycle/tell.h"

enum { ERROR_SIZE = SQI_RECORD_CAUSE };

/* 0.1 s, 0.2 s, ... 6.4 s */
static const uint64_t retry_first = SQI_SECOND / 10;
enum { retry_doublings = 6 };

/* ---- What it says ------------------------------------------------------------------------------------ */

static void
on_tell(void *context, enum sq_level level, const char *text)
{
        struct sqi_hosted *hosted = context;

        sqi_log_file_add(&hosted->log, level, "supervisor", 0, text);
        sqi_daemon_tell(hosted->daemon, level, hosted->record.name, "%s", text);
}

static void
on_happened(void *context, const char *event, enum sq_level level, const char *text)
{
        struct sqi_hosted *hosted = context;

        sqi_log_file_add(&hosted->log, level, "supervisor", 0, text);
        sqi_daemon_report(hosted->daemon, level, hosted->record.name, strcmp(event, "died") == 0 ? NULL : event, text);
}

static void
on_died(void *context, const struct sqi_death *death)
{
        struct sqi_hosted *hosted = context;

        sqi_events_add_death(&hosted->daemon->events, hosted->record.name, death);
}

static uint32_t
incarnation_of(const struct sqi_hosted *hosted, uint32_t worker)
{
        const struct sqi_lifecycle *life = hosted->running ? sqi_running_lifecycle(hosted->running) : NULL;

        if (!life)
                return 0;
        sqi_assert(worker < life->plan->nworkers);
        return life->workers[worker].incarnation;
}

static void
on_line(void *context, const char *worker, uint32_t number, const char *text)
{
        struct sqi_hosted *hosted = context;

        sqi_log_file_add_line(&hosted->log, worker, incarnation_of(hosted, number), text);
}

static void
on_dead_letter(void *context, const char *task, uint64_t position, struct sq_str cause)
{
        struct sqi_hosted *hosted = context;
        char text[ERROR_SIZE];

        snprintf(text, sizeof(text), "gave up the tuple at %llu%s%.*s", (unsigned long long)position,
                 cause.len ? ": " : "", (int)cause.len, cause.len ? cause.ptr : "");
        sqi_log_file_add(&hosted->log, SQ_WARN, task, 0, text);
}

static void
on_answered(void *context, const struct sqi_message *answer)
{
        const struct sqi_hosted *hosted = context;

        sqi_waiters_answer(hosted->daemon, answer->number, answer->text);
}

static void
write_down(struct sqi_hosted *hosted)
{
        int r = sqi_state_put(&hosted->daemon->state, &hosted->record);

        if (r < 0)
                sqi_daemon_tell(hosted->daemon, SQ_ERROR, hosted->record.name, "cannot write its record: %s",
                                strerror(-r));
}

static void
on_ending(void *context)
{
        struct sqi_hosted *hosted = context;

        hosted->ending = true;
}

static void
on_started(void *context)
{
        struct sqi_hosted *hosted = context;

        hosted->started++;
        sqi_progress_note(hosted);
        hosted->tries = 0;
        hosted->trouble[0] = '\0';
}

static int
on_seal(void *context, struct sqi_errand **ret)
{
        return sqi_seal(context, ret);
}

static int
on_folder(void *context, struct sqi_errand **ret)
{
        struct sqi_hosted *hosted = context;
        struct sqi_snapshots snapshots;

        sqi_hosted_snapshots(hosted, &snapshots);
        return sqi_checkpoints_open(snapshots.durable, hosted->running, ret);
}

/* ---- Life -------------------------------------------------------------------------------------------- */

void
sqi_hosted_forget_stays(struct sqi_hosted *hosted)
{
        free(hosted->stays);
        hosted->stays = NULL;
        hosted->nstays = 0;
}

struct sqi_hosted *
sqi_hosted_new(struct sqi_daemon *daemon, const struct sqi_record *record)
{
        struct sqi_hosted *hosted = calloc(1, sizeof(*hosted)), **link = &daemon->first;
        char path[PATH_MAX];
        int r;

        if (!hosted)
                return NULL;
        hosted->daemon = daemon;
        hosted->record = *record;
        (void)sqi_log_file_open(sqi_state_path(&daemon->state, record->name, "log", path), &hosted->log);
        r = sqi_levels_load(&hosted->levels, sqi_state_path(&daemon->state, record->name, "levels", path));
        if (r < 0)
                sqi_daemon_tell(daemon, SQ_WARN, record->name, "cannot read %s: %s: all log at info", path,
                                sqi_sealed_reason(r));
        while (*link && strcmp((*link)->record.name, record->name) < 0)
                link = &(*link)->next;
        hosted->next = *link;
        *link = hosted;
        return hosted;
}

void
sqi_hosted_free(struct sqi_hosted **hosted)
{
        struct sqi_hosted *it = *hosted, **link;

        if (!it)
                return;
        for (link = &it->daemon->first; *link; link = &(*link)->next)
                if (*link == it) {
                        *link = it->next;
                        break;
                }
        sqi_running_free(&it->running);
        sqi_plan_free(&it->plan);
        sqi_log_file_close(&it->log);
        sqi_levels_free(&it->levels);
        sqi_hosted_forget_stays(it);
        sqi_saving_drop(it);
        free(it->positions);
        free(it);
        *hosted = NULL;
}

bool
sqi_hosted_is_running(const struct sqi_hosted *hosted)
{
        return hosted->running && !sqi_running_is_over(hosted->running);
}

const struct sqi_plan *
sqi_hosted_plan(const struct sqi_hosted *hosted)
{
        return hosted->running ? sqi_running_plan(hosted->running) : hosted->plan;
}

const char *
sqi_hosted_state(const struct sqi_hosted *hosted)
{
        if (sqi_hosted_is_running(hosted))
                return hosted->record.wish == SQI_WISH_KILLED ? "stopping"
                       : hosted->updating                     ? "updating"
                                          : sqi_lifecycle_state_name(sqi_running_lifecycle(hosted->running));
        if (hosted->retry_at)
                return "waiting";
        if (hosted->updating || sqi_saving_is_under_way(hosted))
                return hosted->record.wish == SQI_WISH_KILLED ? "stopping" : "updating";
        if (hosted->record.outcome == SQI_OUTCOME_FINISHED)
                return "finished";
        return hosted->record.outcome == SQI_OUTCOME_FAILED ? "failed" : "stopped";
}

/* It has done all it had to do: if it did so by itself it must not begin again, whatever happens from here on. */
static void
write_end(struct sqi_hosted *hosted)
{
        const struct sqi_lifecycle *life = sqi_running_lifecycle(hosted->running);
        bool finished = life->outcome == SQI_OUTCOME_FINISHED;

        if (!finished && (life->outcome != SQI_OUTCOME_FAILED || hosted->record.wish == SQI_WISH_KILLED))
                return;
        if (!finished)
                sqi_hosted_cause(hosted, hosted->record.cause, sizeof(hosted->record.cause));
        hosted->record.outcome = life->outcome;
        write_down(hosted);
}

bool
sqi_hosted_has_news(const struct sqi_hosted *hosted)
{
        return hosted->started > 0 || hosted->ending;
}

void
sqi_hosted_write_news(struct sqi_hosted *hosted)
{
        if (hosted->started > 0) { /* a later start has to know that this one came to something */
                hosted->record.runs += hosted->started;
                hosted->started = 0;
                write_down(hosted);
        }
        if (!hosted->ending)
                return;
        hosted->ending = false;
        if (!hosted->running)
                return;
        write_end(hosted);
        sqi_running_noted(hosted->running);
}

static void
fail(struct sqi_hosted *hosted, const char *cause)
{
        hosted->record.outcome = SQI_OUTCOME_FAILED;
        snprintf(hosted->record.cause, sizeof(hosted->record.cause), "%s", cause);
        write_down(hosted);
}

/* Does any of its workers live? */
static bool
any_lives(const struct sqi_hosted *hosted)
{
        uint32_t incarnation;
        pid_t pid;

        for (uint32_t w = 0; hosted->plan && w < hosted->plan->nworkers; w++)
                if (sqi_lease_holder(hosted->record.rundir, w, &pid, &incarnation) == 0 && pid > 0)
                        return true;
        return false;
}

/* After a reboot, or for another XDG_RUNTIME_DIR, the run directory may be gone: then there is nothing to adopt, and a
 * new one will do. */
static void
settle_rundir(struct sqi_hosted *hosted)
{
        char path[SQI_RUNDIR_SIZE];

        if (access(hosted->record.rundir, F_OK) == 0)
                return;
        sqi_daemon_rundir(hosted->daemon, hosted->record.serial, path);
        if (strcmp(path, hosted->record.rundir) == 0)
                return;
        memcpy(hosted->record.rundir, path, sizeof(path));
        write_down(hosted);
}

static void
note_beginning(struct sqi_hosted *hosted, bool adopted)
{
        int64_t now = (int64_t)time(NULL);

        if (adopted || now - hosted->record.began < 2)
                return;
        hosted->record.began = now;
        write_down(hosted);
}

/* `former`: NULL, or the run that has been handed over, whose workers may go on in this one. */
static int
run(struct sqi_hosted *hosted, struct sqi_running *former, char *error, size_t size)
{
        const struct sqi_observer observer = {.context = hosted,
                                              .tell = on_tell,
                                              .happened = on_happened,
                                              .died = on_died,
                                              .line = on_line,
                                              .started = on_started,
                                              .dead_letter = on_dead_letter,
                                              .answered = on_answered,
                                              .seal = on_seal,
                                              .folder = on_folder,
                                              .ending = on_ending};
        struct sqi_run_options options = {.inactive = hosted->record.wish == SQI_WISH_INACTIVE,
                                          .runs = hosted->record.runs};
        char restore[PATH_MAX], folder[PATH_MAX + sizeof(SQI_SNAPSHOTS_OPEN) + 1];
        struct sqi_snapshots snapshots;
        int r = sqi_beginning_find(hosted, restore, error, size);

        if (r < 0)
                return r;
        r = sqi_beginning_settle(hosted, error, size);
        if (r < 0)
                return r;
        sqi_hosted_snapshots(hosted, &snapshots);
        snprintf(folder, sizeof(folder), "%s/" SQI_SNAPSHOTS_OPEN, snapshots.durable);
        options.rundir = hosted->record.rundir;
        options.positions = hosted->positions;
        options.restore = restore[0] ? restore : NULL;
        options.anew = hosted->anew;
        options.folder = folder;
        options.place = snapshots.durable;
        options.epoch = hosted->epoch;
        options.missing = hosted->missing;
        options.proven = hosted->record.runs > 0 && !hosted->record.trial;
        options.on_trial = hosted->record.trial;
        options.former = former && hosted->plan && hosted->nstays == hosted->plan->nworkers ? former : NULL;
        options.stays = hosted->stays;
        options.seed = sqi_random();
        return sqi_supervisor_run(hosted->daemon->supervisor, &hosted->plan, &options, &observer, &hosted->running,
                                  error, size);
}

void
sqi_hosted_wait(struct sqi_hosted *hosted, const char *trouble)
{
        uint64_t delay = retry_first << (hosted->tries < retry_doublings ? hosted->tries : retry_doublings);

        if (hosted->tries++ == 0 || strcmp(hosted->trouble, trouble) != 0)
                on_tell(hosted, SQ_ERROR, trouble);
        if (trouble != hosted->trouble)
                snprintf(hosted->trouble, sizeof(hosted->trouble), "%s", trouble);
        hosted->retry_at = sqi_clock_ns() + delay;
}

void
sqi_hosted_unreadable(struct sqi_hosted *hosted, int error, const char *cause)
{
        if (error == -EBADMSG || error == -ENOENT || error == -EPROTO)
                fail(hosted, cause);
        else
                sqi_hosted_wait(hosted, cause);
}

static void
start(struct sqi_hosted *hosted, struct sqi_running *former)
{
        char error[ERROR_SIZE] = "out of memory";
        int r;

        if (hosted->record.wish == SQI_WISH_KILLED && !hosted->finishing && !any_lives(hosted)) {
                hosted->discarded = true;
                return;
        }
        settle_rundir(hosted);
        r = run(hosted, former, error, sizeof(error));
        if (r < 0 && (hosted->record.runs > 0 || hosted->record.trial)) {
                sqi_hosted_wait(hosted, error);
                return;
        }
        if (r < 0) {
                on_tell(hosted, SQ_ERROR, error);
                fail(hosted, error);
                return;
        }
        note_beginning(hosted, sqi_running_lifecycle(hosted->running)->found || hosted->record.trial || former);
        if (hosted->record.wish == SQI_WISH_KILLED)
                sqi_hosted_kill(hosted, hosted->record.drain_secs);
}

void
sqi_hosted_start(struct sqi_hosted *hosted)
{
        start(hosted, NULL);
}

void
sqi_hosted_hand_over(struct sqi_hosted *hosted, const uint32_t *stays, uint32_t n)
{
        struct sqi_snapshots snapshots;

        sqi_hosted_snapshots(hosted, &snapshots);
        if (!sqi_plan_is_exact(sqi_hosted_plan(hosted))) {
                sqi_desk_aside(hosted->daemon->desk);
                (void)sqi_snapshots_begin(&snapshots); /* if it cannot be made, sealing says so */
                sqi_desk_back(hosted->daemon->desk);
        }
        sqi_running_hand_over(hosted->running, stays, n);
}

void
sqi_hosted_kill(struct sqi_hosted *hosted, double seconds)
{
        bool at_once = seconds >= 0 && seconds <= 0;

        if (at_once)
                sqi_saving_stop(hosted);
        if (sqi_saving_is_under_way(hosted))
                return; /* what becomes of it is seen when it is written */
        if (!sqi_hosted_is_running(hosted))
                hosted->discarded = true;
        else if (at_once)
                sqi_running_abort(hosted->running);
        else
                sqi_running_drain(hosted->running, seconds);
}

void
sqi_hosted_cause(const struct sqi_hosted *hosted, char *ret, size_t size)
{
        const struct sqi_lifecycle *life = sqi_running_lifecycle(hosted->running);
        char name[SQI_LOG_FILE_NAME], cause[ERROR_SIZE];
        uint32_t who = life->failed_worker;

        for (uint32_t w = 0; w < life->plan->nworkers && who >= life->plan->nworkers; w++)
                if (sqi_backoff_is_degraded(&life->workers[w].backoff))
                        who = w;
        if (who < life->plan->nworkers)
                snprintf(ret, size, "%s: %s", sqi_worker_name(life->plan, who, name, sizeof(name)),
                         sqi_cause_text(life->plan, &life->workers[who].cause, cause, sizeof(cause)));
        else if (life->missing)
                snprintf(
                        ret, size,
                        "%llu tuples or keys of state were lost, or given up and in no dead-letter file (its log says why)",
                        (unsigned long long)life->missing);
        else
                snprintf(ret, size, "%s",
                         life->outcome == SQI_OUTCOME_KILLED
                                 ? "the supervisor is out of memory"
                                 : "it was not done when the drain took too long (its log says who had not finished)");
}

void
sqi_hosted_note_outcome(struct sqi_hosted *hosted)
{
        const struct sqi_lifecycle *life = sqi_running_lifecycle(hosted->running);
        char cause[ERROR_SIZE];

        if (life->outcome == SQI_OUTCOME_FINISHED)
                return; /* written down already */
        sqi_hosted_cause(hosted, cause, sizeof(cause));
        fail(hosted, cause);
}

/* Reads it anew and starts it; `former` as in start(). */
static void
reload(struct sqi_hosted *hosted, struct sqi_running *former)
{
        struct sqi_daemon *daemon = hosted->daemon;
        char cause[ERROR_SIZE];
        bool torn = false;
        int r;

        sqi_plan_free(&hosted->plan);
        free(hosted->positions);
        hosted->positions = NULL;
        hosted->over = hosted->updating = false;
        hosted->proved_at = hosted->retry_at = 0;
        hosted->unsealed = false;
        r = sqi_state_get(&daemon->state, hosted->record.name, &hosted->record, &torn);
        snprintf(cause, sizeof(cause), "its record in the state directory cannot be read: %s", sqi_record_reason(r));
        if (r == 0)
                r = sqi_state_plan(&daemon->state, hosted->record.name, &hosted->plan, cause, sizeof(cause));
        if (r < 0)
                sqi_hosted_unreadable(hosted, r, cause);
        else
                start(hosted, former);
}

void
sqi_hosted_reload(struct sqi_hosted *hosted)
{
        sqi_hosted_forget_stays(hosted);
        sqi_running_free(&hosted->running);
        reload(hosted, NULL);
}

void
sqi_hosted_move(struct sqi_hosted *hosted)
{
        struct sqi_running *former = hosted->running;

        if (!hosted->stays) {
                sqi_hosted_reload(hosted);
                return;
        }
        hosted->running = NULL;
        reload(hosted, former);
        sqi_running_free(&former);
        sqi_hosted_forget_stays(hosted);
}

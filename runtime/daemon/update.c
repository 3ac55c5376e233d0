/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/update.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/ending.h"
#include "daemon/functions.h"
#include "daemon/savepoint.h"
#include "daemon/saving.h"
#include "base/random.h"
#include "base/arena.h"
#include "plan/stay.h"

static const uint64_t trial_time = 3 * SQI_SECOND;

/* ---- Begin ------------------------------------------------------------------------------------------- */

/* A spout's tasks share its input by their number: another number of them could not go on from the positions of
 * these. Requests have no positions. */
static bool
check_spouts(const struct sqi_plan *old, const struct sqi_plan *plan, struct sqi_result *result)
{
        for (uint32_t c = 0; c < old->ncomponents; c++) {
                const struct sqi_plan_component *before = &old->components[c], *after = sqi_plan_find(plan, before->id);

                if (before->kind != SQ_KIND_SPOUT || !after || before->ntasks == after->ntasks ||
                    (sqi_plan_function(before) && sqi_plan_function(after)))
                        continue;
                sqi_refuse(
                        result, SQI_STATUS_REFUSED,
                        "the parallelism of the spout '%s' cannot change, %u to %u: its tasks could not go on from where they are "
                        "(kill the topology and submit it anew, or give the spout another id)",
                        before->id, before->ntasks, after->ntasks);
                return false;
        }
        return true;
}

/* What each task of a bolt keeps for itself goes on with as many tasks as there were: before anything is stopped, by
 * the newest epoch. */
static bool
check_parts(const struct sqi_hosted *hosted, const struct sqi_plan *plan, struct sqi_result *result)
{
        struct sqi_snapshots snapshots;
        char error[512];

        if (!sqi_plan_is_exact(sqi_hosted_plan(hosted)))
                return true;
        sqi_hosted_snapshots(hosted, &snapshots);
        if (sqi_savepoint_can_go_on(&snapshots, sqi_hosted_plan(hosted), plan, error, sizeof(error)) == 0)
                return true;
        sqi_refuse(result, SQI_STATUS_REFUSED, "%s", error);
        return false;
}

static void
fill_record(const struct sqi_hosted *hosted, const struct sqi_request *request, struct sqi_record *ret)
{
        *ret = hosted->record;
        snprintf(ret->serial, sizeof(ret->serial), "%012llx", (unsigned long long)sqi_random() & 0xffffffffffffull);
        memcpy(ret->request, request->id, SQI_REQUEST_ID);
        ret->trial = true;
        ret->cause[0] = '\0';
        ret->submitted = (int64_t)time(NULL); /* and not `began`: the topology is up all along */
        sqi_daemon_rundir(hosted->daemon, ret->serial, ret->rundir);
}

static void
answer(struct sqi_result *result, const struct sqi_record *record)
{
        sqi_result_about(result, record->name, record->serial);
}

/* The supervisor may have died between the deed and the answer. */
static bool
is_under_way(struct sqi_hosted *hosted, const struct sqi_request *request, struct sqi_result *result)
{
        char next[SQI_NEXT_SIZE];
        struct sqi_record record;
        bool torn;

        if (memcmp(hosted->record.request, request->id, SQI_REQUEST_ID) == 0)
                record = hosted->record;
        else if (sqi_state_get(&hosted->daemon->state, sqi_state_next(hosted->record.name, next), &record, &torn) < 0 ||
                 memcmp(record.request, request->id, SQI_REQUEST_ID) != 0)
                return false;
        answer(result, &record);
        return true;
}

/* The next plan names its components as they will be in the end; now they lie beside the topology. */
static int
name_as_they_lie(const struct sqi_hosted *hosted, const char *next, struct sqi_plan *plan)
{
        for (uint32_t i = 0; i < sqi_plan_codes(plan); i++) {
                const char **code = sqi_plan_code(plan, i), *base = code ? strrchr(*code, '/') : NULL;
                char place[NAME_MAX + 16], path[PATH_MAX];

                if (!code)
                        continue;
                snprintf(place, sizeof(place), "components%.*s", NAME_MAX, base ? base : "/");
                *code = sqi_arena_text(plan->memory, sqi_state_path(&hosted->daemon->state, next, place, path));
                if (!*code)
                        return -ENOMEM;
        }
        return 0;
}

/* Who goes on in the next plan; if that cannot be told, nobody does. */
static void
find_stays(struct sqi_hosted *hosted)
{
        char next[SQI_NEXT_SIZE], cause[256];
        struct sqi_plan *plan = NULL;

        if (sqi_state_plan(&hosted->daemon->state, sqi_state_next(hosted->record.name, next), &plan, cause,
                           sizeof(cause)) < 0)
                return;
        sqi_hosted_forget_stays(hosted);
        hosted->nstays = plan->nworkers;
        hosted->stays = calloc(plan->nworkers, sizeof(*hosted->stays));
        if (!hosted->stays || name_as_they_lie(hosted, next, plan) < 0 ||
            sqi_stay(sqi_hosted_plan(hosted), plan, hosted->stays) <= 0) {
                sqi_hosted_forget_stays(hosted);
        }
        sqi_plan_free(&plan);
}

static void
hand_over(struct sqi_hosted *hosted)
{
        hosted->updating = true;
        bool exact = sqi_plan_is_exact(sqi_hosted_plan(hosted)); /* all begin anew */
        if (!exact && (!hosted->saving || !hosted->saving->ends))
                find_stays(hosted);
        sqi_hosted_hand_over(hosted, hosted->stays, hosted->nstays);
}

void
sqi_update_begin(struct sqi_hosted *hosted, const struct sqi_request *request, struct sqi_plan *plan,
                 struct sqi_result *result)
{
        struct sqi_record record;

        if (is_under_way(hosted, request, result))
                return;
        if (hosted->updating || hosted->record.trial) {
                sqi_refuse(result, SQI_STATUS_FAILED,
                           "another update of '%s' is under way (try again when it is over: squall status %s)",
                           hosted->record.name, hosted->record.name);
                return;
        }
        if (!sqi_hosted_is_running(hosted) || hosted->record.wish == SQI_WISH_KILLED) {
                sqi_refuse(result, SQI_STATUS_REFUSED, "the topology '%s' is %s", hosted->record.name,
                           sqi_hosted_state(hosted));
                return;
        }
        if (strcmp(plan->name, hosted->record.name) != 0) {
                sqi_refuse(result, SQI_STATUS_REFUSED, "the plan is that of a topology '%s'", plan->name);
                return;
        }
        if (!check_spouts(sqi_hosted_plan(hosted), plan, result) || !check_parts(hosted, plan, result) ||
            !sqi_functions_are_free(hosted->daemon, hosted, plan, result))
                return;
        fill_record(hosted, request, &record);
        if (sqi_state_add_next(&hosted->daemon->state, &record, plan, request->source, result->error,
                               sizeof(result->error)) < 0) {
                result->status = SQI_STATUS_FAILED;
                return;
        }
        hosted->drop_at = 0; /* it has taken the place of what was to be dropped */
        answer(result, &record);
        hosted->same = false; /* until a savepoint has been made of it */
        hand_over(hosted);
}

/* ---- Swap -------------------------------------------------------------------------------------------- */

/* What stays beside the topology could be taken for an update that is under way, so it is not left there. */
static void
drop_next(struct sqi_hosted *hosted)
{
        int r = sqi_state_drop_next(&hosted->daemon->state, hosted->record.name);

        if (r < 0 && hosted->drop_at == 0)
                sqi_daemon_tell(
                        hosted->daemon, SQ_ERROR, hosted->record.name,
                        "cannot remove what is left of an update from the state directory: %s (it is tried again every second)",
                        strerror(-r));
        hosted->drop_at = r < 0 ? sqi_clock_ns() + SQI_SECOND : 0;
}

static void
give_up(struct sqi_hosted *hosted, const char *cause)
{
        sqi_hosted_forget_stays(hosted);
        sqi_saving_fail(hosted, cause);
        snprintf(hosted->record.cause, sizeof(hosted->record.cause), "the update was not done: %s", cause);
        sqi_daemon_tell(hosted->daemon, SQ_ERROR, hosted->record.name, "%s", hosted->record.cause);
        (void)sqi_state_put(&hosted->daemon->state, &hosted->record);
        drop_next(hosted);
        hosted->updating = false;
}

/* By what it has ended with, before a task of the new plan is made. */
static bool
can_go_on(const struct sqi_hosted *hosted, char *error, size_t size)
{
        char next[SQI_NEXT_SIZE], cause[256];
        struct sqi_snapshots snapshots;
        struct sqi_plan *plan = NULL;

        if (sqi_state_plan(&hosted->daemon->state, sqi_state_next(hosted->record.name, next), &plan, cause,
                           sizeof(cause)) < 0)
                return true; /* that is said where it is begun */
        sqi_hosted_snapshots(hosted, &snapshots);
        int r = sqi_savepoint_can_go_on(&snapshots, sqi_hosted_plan(hosted), plan, error, size);
        sqi_plan_free(&plan);
        return r == 0;
}

/* The spouts of the new plan go on from where those of the old one, by the same ids, are. */
static int
note_runs(struct sqi_hosted *hosted)
{
        char next[SQI_NEXT_SIZE];
        struct sqi_record record;
        bool torn;
        int r = sqi_state_get(&hosted->daemon->state, sqi_state_next(hosted->record.name, next), &record, &torn);

        if (r < 0)
                return r;
        record.runs = hosted->record.runs;
        record.wish = hosted->record.wish;
        return sqi_state_put_at(&hosted->daemon->state, next, &record);
}

/* Its savepoint is all that is wanted of it. If that cannot be written down, a later supervisor runs it again. */
static void
end_here(struct sqi_hosted *hosted)
{
        hosted->updating = false;
        hosted->record.wish = SQI_WISH_KILLED;
        hosted->record.drain_secs = 0; /* a later supervisor must not let it finish: that comes from the savepoint */
        int r = sqi_state_put(&hosted->daemon->state, &hosted->record);
        if (r < 0)
                sqi_daemon_tell(hosted->daemon, SQ_ERROR, hosted->record.name,
                                "cannot write down that it has ended in its savepoint: %s", strerror(-r));
        hosted->discarded = true;
}

static void
change_places(struct sqi_hosted *hosted)
{
        char cause[512] = "";
        int r;

        if (!can_go_on(hosted, cause, sizeof(cause))) {
                give_up(hosted, cause);
                sqi_hosted_reload(hosted);
                return;
        }
        r = note_runs(hosted);
        if (r == 0)
                r = sqi_state_swap_next(&hosted->daemon->state, hosted->record.name);
        if (r < 0)
                give_up(hosted, strerror(-r));
        sqi_hosted_move(hosted);
}

void
sqi_update_swap(struct sqi_hosted *hosted)
{
        char cause[512] = "";

        if (hosted->record.outcome == SQI_OUTCOME_FINISHED) {
                give_up(hosted, "the topology was finished before");
                return;
        }
        if (sqi_running_lifecycle(hosted->running)->outcome != SQI_OUTCOME_DRAINED) {
                sqi_hosted_cause(hosted, cause, sizeof(cause));
                give_up(hosted, cause);
                sqi_hosted_reload(hosted);
                return;
        }
        if (sqi_running_lifecycle(hosted->running)->unsealed) {
                give_up(hosted, hosted->trouble);
                sqi_hosted_reload(hosted);
                return;
        }
        if (!hosted->saving)
                change_places(hosted);
        else if (!sqi_saving_is_under_way(hosted))
                sqi_saving_write(hosted);
}

/* Whoever has killed the topology, or told the supervisor to end, while it was written, has waited until now. */
static void
take_savepoint(struct sqi_hosted *hosted)
{
        if (sqi_saving_take(hosted))
                end_here(hosted);
        else if (hosted->record.wish == SQI_WISH_KILLED)
                sqi_hosted_end_killed(hosted);
        else if (!hosted->daemon->stopping)
                change_places(hosted);
}

/* ---- Trial ------------------------------------------------------------------------------------------- */

static void
keep(struct sqi_hosted *hosted)
{
        struct sqi_record record = hosted->record;

        record.trial = false;
        if (sqi_state_put(&hosted->daemon->state, &record) < 0)
                return; /* the next look tries again */
        hosted->record = record;
        drop_next(hosted);
        if (hosted->running)
                sqi_running_keep(hosted->running);
        if (!hosted->same)
                sqi_daemon_tell(hosted->daemon, SQ_INFO, record.name, "updated");
        hosted->same = false;
}

/* The new version has failed, and says why. Where the former one cannot take its place again, that is tried again. */
static void
change_back(struct sqi_hosted *hosted)
{
        char cause[SQI_RECORD_CAUSE];
        uint32_t runs = hosted->record.runs;

        snprintf(cause, sizeof(cause), "the update was rolled back: %.900s", hosted->record.cause);
        hosted->updating = true;
        int r = sqi_state_swap_next(&hosted->daemon->state, hosted->record.name);
        if (r < 0) {
                char trouble[SQI_RECORD_CAUSE];
                snprintf(trouble, sizeof(trouble), "the update failed (%.800s), and cannot be rolled back yet: %s",
                         hosted->record.cause, strerror(-r));
                hosted->updating = false;
                sqi_hosted_wait(hosted, trouble);
                return;
        }
        drop_next(hosted);
        sqi_hosted_reload(hosted);
        if (runs > hosted->record.runs)
                hosted->record.runs = runs;
        memcpy(hosted->record.cause, cause, sizeof(cause));
        (void)sqi_state_put(&hosted->daemon->state, &hosted->record);
        sqi_daemon_tell(hosted->daemon, SQ_ERROR, hosted->record.name, "%s", cause);
}

/* Where the failure cannot be written down there was no room for the new one either, maybe: it is tried again. */
bool
sqi_update_failed(struct sqi_hosted *hosted)
{
        const struct sqi_lifecycle *life = hosted->running ? sqi_running_lifecycle(hosted->running) : NULL;
        char trouble[256];

        if (life && life->outcome == SQI_OUTCOME_FINISHED)
                return false; /* it had little to do; watch keeps it */
        struct sqi_record record = hosted->record;
        record.outcome = SQI_OUTCOME_FAILED;
        if (life)
                sqi_hosted_cause(hosted, record.cause, sizeof(record.cause));
        hosted->updating = true;
        int r = sqi_state_put(&hosted->daemon->state, &record);
        if (r < 0) {
                hosted->updating = false;
                snprintf(trouble, sizeof(trouble), "the update failed, and cannot be rolled back yet: %s",
                         strerror(-r));
                sqi_hosted_wait(hosted, trouble);
                return true;
        }
        hosted->record = record;
        change_back(hosted);
        return true;
}

/* What one that failed showed before does not count: it is to be rolled back. */
static bool
is_on_trial(const struct sqi_hosted *hosted)
{
        return hosted->record.trial && !hosted->daemon->stopping && hosted->record.wish != SQI_WISH_KILLED &&
               hosted->record.outcome != SQI_OUTCOME_FAILED;
}

static bool
is_to_be_dropped(const struct sqi_hosted *hosted, uint64_t now)
{
        return hosted->drop_at > 0 && now >= hosted->drop_at;
}

bool
sqi_update_is_due(const struct sqi_hosted *hosted, uint64_t now)
{
        return is_to_be_dropped(hosted, now) || sqi_saving_is_written(hosted) || is_on_trial(hosted);
}

void
sqi_update_watch(struct sqi_hosted *hosted, uint64_t now)
{
        if (is_to_be_dropped(hosted, now))
                drop_next(hosted);
        if (sqi_saving_is_written(hosted))
                take_savepoint(hosted);
        const struct sqi_lifecycle *life = hosted->running ? sqi_running_lifecycle(hosted->running) : NULL;
        if (!is_on_trial(hosted))
                return;
        if (hosted->record.outcome == SQI_OUTCOME_FINISHED || (hosted->proved_at > 0 && now >= hosted->proved_at)) {
                keep(hosted);
        } else if (life && life->degraded && life->state == SQI_RUNNING) {
                sqi_running_abort(hosted->running);
        } else if (life && life->has_run && hosted->proved_at == 0) {
                hosted->proved_at = now + (hosted->same ? 0 : trial_time);
        }
}

/* ---- The start of a daemon --------------------------------------------------------------------------- */

void
sqi_update_load(struct sqi_hosted *hosted)
{
        char name[SQI_NEXT_SIZE];
        struct sqi_record next;
        bool torn, there = sqi_state_get(&hosted->daemon->state, sqi_state_next(hosted->record.name, name), &next,
                                         &torn) == 0;

        if (hosted->record.trial && hosted->record.outcome == SQI_OUTCOME_FAILED) {
                if (there && !next.trial)
                        change_back(hosted);
                return;
        }
        hosted->updating = there && next.trial && next.outcome == SQI_OUTCOME_NONE && !hosted->record.trial;
        if (!hosted->updating && !hosted->record.trial)
                drop_next(hosted);
        sqi_hosted_start(hosted);
        if (hosted->updating && sqi_hosted_is_running(hosted))
                hand_over(hosted);
}

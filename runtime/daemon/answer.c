/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/await.h"
#include "daemon/hosted.h"
#include "daemon/query.h"
#include "daemon/result.h"
#include "daemon/saving.h"
#include "daemon/status.h"
#include "daemon/submit.h"
#include "daemon/tapping.h"
#include "daemon/update.h"
#include "base/random.h"
#include "supervisor/running.h"
#include "base/sealed.h"
#include "base/nearest.h"

enum { RESULT_KEYS = 2 };

/* The topology a request is about; NULL when there is none, and that is said. */
static struct sqi_hosted *
want(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        struct sqi_hosted *hosted = sqi_daemon_find(daemon, request->name);
        char name[SQI_ID_MAX + 1], hint[SQI_HINT_SIZE];
        struct sqi_nearest nearest;

        if (hosted)
                return hosted;
        snprintf(name, sizeof(name), "%.*s",
                 (int)(request->name.len < sizeof(name) ? request->name.len : sizeof(name) - 1),
                 request->name.ptr ? request->name.ptr : "");
        nearest = sqi_nearest(name);
        for (const struct sqi_hosted *it = daemon->first; it; it = it->next)
                if (!it->discarded)
                        sqi_nearest_offer(&nearest, it->record.name);
        sqi_nearest_hint(&nearest, hint);
        sqi_refuse(result, SQI_STATUS_REFUSED, "no topology '%s'%s", name,
                   hint[0]         ? hint
                   : daemon->first ? " (squall list shows all)"
                                   : " (there is none at all)");
        return NULL;
}

/* ---- What only looks --------------------------------------------------------------------------------- */

static void
answer_ping(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        (void)request;
        sqi_write_map(&result->writer, NULL);
        sqi_write_int(&result->writer, "pid", getpid());
        sqi_write_text(&result->writer, "version", daemon->options.version);
        sqi_write_text(&result->writer, "state_dir", daemon->state.path);
        sqi_write_bool(&result->writer, "stopping", daemon->stopping);
        sqi_write_text(&result->writer, "stop_error", daemon->stop_error); /* why it is not, though it was told to */
        sqi_write_end(&result->writer);
}

static void
answer_list(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        (void)request;
        sqi_status_list(daemon, &result->writer);
}

static void
answer_status(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        const struct sqi_hosted *hosted = want(daemon, request, result);

        if (hosted)
                sqi_status_one(hosted, &result->writer);
}

static void
answer_events(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        char topology[SQI_ID_MAX + 1], event[32];
        struct sqi_events_wanted wanted = {.after = request->after > 0 ? (uint64_t)request->after : 0};

        if (request->name.ptr)
                wanted.topology = sqi_argument_copy(request->name, topology, sizeof(topology)) ? topology : "";
        /* of one that is gone they may still be there */
        if (request->name.ptr && !sqi_events_know(&daemon->events, wanted.topology) && !want(daemon, request, result))
                return;
        if (request->until.ptr)
                wanted.event = sqi_argument_copy(request->until, event, sizeof(event)) ? event : "";
        sqi_events_write(&daemon->events, &wanted, &result->writer);
}

static void
write_logs(struct sqi_result *result, const char *path, bool killed, const struct sqi_plan *plan)
{
        sqi_write_map(&result->writer, NULL);
        sqi_write_text(&result->writer, "path", path);
        sqi_write_array(&result->writer, "components");
        for (uint32_t c = 0; plan && c < plan->ncomponents; c++)
                sqi_write_text(&result->writer, NULL, plan->components[c].id);
        sqi_write_end(&result->writer);
        sqi_write_array(&result->writer, "tasks");
        for (uint32_t c = 0; plan && c < plan->ncomponents; c++)
                sqi_write_uint(&result->writer, NULL, plan->components[c].ntasks);
        sqi_write_end(&result->writer);
        sqi_write_bool(&result->writer, "killed", killed);
        sqi_write_end(&result->writer);
}

/* Of one that was killed the log is all there is: nobody knows its components any more. */
static void
answer_logs(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        const struct sqi_hosted *hosted = sqi_daemon_find(daemon, request->name);
        char path[PATH_MAX], name[SQI_ID_MAX + 1];

        if (!hosted && sqi_argument_copy(request->name, name, sizeof(name)) &&
            sqi_state_killed_log(&daemon->state, name, path)) {
                write_logs(result, path, true, NULL);
                return;
        }
        hosted = want(daemon, request, result);
        if (hosted)
                write_logs(result, sqi_state_path(&daemon->state, hosted->record.name, "log", path), false,
                           sqi_hosted_plan(hosted));
}

static void
answer_tap(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        const struct sqi_hosted *hosted = want(daemon, request, result);

        if (hosted)
                sqi_tapping_answer(hosted, request->component, result);
}

static void
answer_trace(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        const struct sqi_hosted *hosted = want(daemon, request, result);

        if (hosted)
                sqi_tracing_answer(hosted, result);
}

/* ---- Submit ------------------------------------------------------------------------------------------ */

static void
answer_submit(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        char cause[256] = "no plan in it";
        struct sqi_plan *plan = NULL;
        int r = request->plan.ptr ? sqi_plan_decode(request->plan.ptr, request->plan.len, &plan, cause, sizeof(cause))
                                  : -EBADMSG;

        if (r < 0)
                sqi_refuse(result, SQI_STATUS_REFUSED,
                           "this supervisor cannot read the plan: %s (is it of another version?)", cause);
        else if (!sqi_is_id(plan->name))
                sqi_refuse(result, SQI_STATUS_REFUSED, "the topology's name is no name");
        else
                sqi_submit(daemon, request, &plan, result);
        sqi_plan_free(&plan);
}

/* Malloc'd. In the foreground no copy of it is kept: NULL. */
static int
read_source(const struct sqi_hosted *hosted, char **ret, size_t *ret_size)
{
        const struct sqi_state *state = &hosted->daemon->state;
        char path[PATH_MAX];

        if (!state->path[0])
                return 0;
        return sqi_file_read(AT_FDCWD, sqi_state_path(state, hosted->record.name, "topology.yaml", path),
                             SQI_REQUEST_MAX, ret, ret_size);
}

static void
answer_plan(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        const struct sqi_hosted *hosted = want(daemon, request, result);
        const struct sqi_plan *plan = hosted ? sqi_hosted_plan(hosted) : NULL;
        char *source = NULL;
        size_t size = 0, length = 0;
        void *bytes = NULL;

        if (!hosted)
                return;
        if (!plan || sqi_plan_encode(plan, &bytes, &size) < 0 || read_source(hosted, &source, &length) < 0) {
                sqi_refuse(result, SQI_STATUS_FAILED, "the plan of '%s' cannot be read", hosted->record.name);
        } else {
                sqi_write_map(&result->writer, NULL);
                sqi_write_bin(&result->writer, "plan", bytes, size);
                sqi_write_bin(&result->writer, "source", source, length);
                sqi_write_text(&result->writer, "rundir", hosted->running ? sqi_running_rundir(hosted->running) : NULL);
                sqi_write_end(&result->writer);
        }
        free(bytes);
        free(source);
}

/* ---- What changes a topology ------------------------------------------------------------------------- */

static bool
put_wish(struct sqi_hosted *hosted, enum sqi_wish wish, double seconds, struct sqi_result *result)
{
        struct sqi_record record = hosted->record;
        int r;

        record.wish = wish;
        record.drain_secs = seconds;
        r = sqi_state_put(&hosted->daemon->state, &record);
        if (r == -ENOENT && wish == SQI_WISH_KILLED && !sqi_state_is_there(&hosted->daemon->state))
                r = 0; /* with the state directory all that was to be forgotten is gone */
        if (r < 0) {
                sqi_refuse(result, SQI_STATUS_FAILED, "cannot write into the state directory: %s", strerror(-r));
                return false;
        }
        hosted->record = record;
        sqi_result_about(result, record.name, record.serial);
        return true;
}

static void
answer_activation(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        enum sqi_wish wish = request->command == SQI_COMMAND_ACTIVATE ? SQI_WISH_ACTIVE : SQI_WISH_INACTIVE;
        struct sqi_hosted *hosted = want(daemon, request, result);

        if (!hosted)
                return;
        bool runs = sqi_hosted_is_running(hosted);
        if ((!runs && !sqi_saving_is_under_way(hosted)) || hosted->record.wish == SQI_WISH_KILLED)
                sqi_refuse(result, SQI_STATUS_REFUSED, "the topology '%s' is %s", hosted->record.name,
                           sqi_hosted_state(hosted));
        else if (put_wish(hosted, wish, -1, result) && runs) /* else it begins again so */
                sqi_running_activate(hosted->running, wish == SQI_WISH_ACTIVE);
}

static void
answer_kill(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        struct sqi_hosted *hosted = want(daemon, request, result);

        if (hosted && put_wish(hosted, SQI_WISH_KILLED, request->seconds, result))
                sqi_hosted_kill(hosted, request->seconds);
}

static void
set_level(const struct sqi_request *request, struct sqi_hosted *hosted, enum sq_level level, const char *component,
          struct sqi_result *result)
{
        const struct sqi_plan *plan = sqi_hosted_plan(hosted);
        char path[PATH_MAX];
        int r;

        sqi_state_path(&hosted->daemon->state, hosted->record.name, "levels", path);
        r = plan ? sqi_levels_set(&hosted->levels, path, hosted->daemon->desk, plan, component[0] ? component : NULL,
                                  level, request->seconds)
                 : -EBADMSG;
        if (r == 0)
                sqi_result_about(result, hosted->record.name, hosted->record.serial);
        else if (r == -ENOENT)
                sqi_refuse_component(result, plan, component);
        else
                sqi_refuse(result, SQI_STATUS_FAILED, "cannot write into the state directory: %s",
                           sqi_sealed_reason(r));
}

enum { LEVEL_SECONDS_MAX = 30 * 24 * 3600 };

static void
answer_level(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        struct sqi_hosted *hosted = want(daemon, request, result);
        char component[SQI_ID_MAX + 1] = "", name[16] = "";
        size_t len = 0;
        int level;

        if (!hosted)
                return;
        level = sqi_argument_copy(request->level, name, sizeof(name)) ? sqi_level_of(name, &len) : -1;
        if (level < 0 || name[len] ||
            (request->component.ptr && !sqi_argument_copy(request->component, component, sizeof(component))))
                sqi_refuse(result, SQI_STATUS_REFUSED, "a level of what, and which (error, warning, info, debug)?");
        else if (!(request->seconds > 0 && request->seconds <= LEVEL_SECONDS_MAX))
                sqi_refuse(result, SQI_STATUS_REFUSED, "a level is set for up to 30 days");
        else
                set_level(request, hosted, (enum sq_level)level, component, result);
}

static void
answer_stop(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        answer_ping(daemon, request, result);
        if (request->leave)
                sqi_daemon_leave(daemon);
        else if (!daemon->stopping)
                sqi_daemon_stop(daemon);
}

static void
answer_update(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        struct sqi_hosted *hosted = want(daemon, request, result);
        char cause[256] = "no plan in it";
        struct sqi_plan *plan = NULL;

        if (!hosted)
                return;
        if (!request->plan.ptr ||
            sqi_plan_decode(request->plan.ptr, request->plan.len, &plan, cause, sizeof(cause)) < 0)
                sqi_refuse(result, SQI_STATUS_REFUSED,
                           "this supervisor cannot read the plan: %s (is it of another version?)", cause);
        else
                sqi_update_begin(hosted, request, plan, result);
        sqi_plan_free(&plan);
}

/* An update to the plan that it has: see saving.h. */
static void
save(struct sqi_hosted *hosted, const struct sqi_request *request, const char *path, struct sqi_result *result)
{
        struct sqi_request update = *request;
        struct sqi_plan *plan = NULL;
        char file[PATH_MAX], *source = NULL;
        size_t length = 0;
        int r;

        if (hosted->saving || hosted->updating || hosted->record.trial) {
                sqi_refuse(
                        result, SQI_STATUS_FAILED,
                        "another update or savepoint of '%s' is under way (try again when it is over: squall status %s)",
                        hosted->record.name, hosted->record.name);
                return;
        }
        sqi_state_path(&hosted->daemon->state, hosted->record.name, "topology.yaml", file);
        r = sqi_state_plan(&hosted->daemon->state, hosted->record.name, &plan, result->error, sizeof(result->error));
        if (r == 0)
                r = sqi_file_read(AT_FDCWD, file, SQI_REQUEST_MAX, &source, &length);
        if (r == 0)
                r = sqi_saving_begin(hosted, path, request->leave);
        update.source = (struct sq_str){source, length};
        if (r == 0)
                sqi_update_begin(hosted, &update, plan, result);
        else
                sqi_refuse(result, SQI_STATUS_FAILED, "the plan of '%s' cannot be read: %s", hosted->record.name,
                           strerror(-r));
        if (result->status == SQI_STATUS_DONE)
                sqi_saving_about(hosted, result->serial);
        else
                sqi_saving_fail(hosted, result->error);
        sqi_plan_free(&plan);
        free(source);
}

static void
answer_savepoint(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        struct sqi_hosted *hosted = want(daemon, request, result);
        char path[PATH_MAX];

        if (!hosted)
                return;
        if (!sqi_argument_copy(request->path, path, sizeof(path)) || path[0] != '/')
                sqi_refuse(result, SQI_STATUS_REFUSED,
                           "the path of the savepoint is too long, or does not begin with /");
        else if (access(path, F_OK) == 0)
                sqi_refuse(result, SQI_STATUS_REFUSED, "%s is there already (name another folder)", path);
        else
                save(hosted, request, path, result);
}

/* ---- Query ------------------------------------------------------------------------------------------- */

static void
answer_query(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        struct sqi_hosted *hosted = want(daemon, request, result);

        if (hosted)
                sqi_query_ask(hosted, request, result);
}

/* ---- All of them ------------------------------------------------------------------------------------- */

typedef void handler(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result);
static handler *const handlers[SQI_COMMAND_TYPES] = {
        [SQI_COMMAND_PING] = answer_ping,
        [SQI_COMMAND_SUBMIT] = answer_submit,
        [SQI_COMMAND_LIST] = answer_list,
        [SQI_COMMAND_STATUS] = answer_status,
        [SQI_COMMAND_ACTIVATE] = answer_activation,
        [SQI_COMMAND_DEACTIVATE] = answer_activation,
        [SQI_COMMAND_KILL] = answer_kill,
        [SQI_COMMAND_AWAIT] = sqi_await,
        [SQI_COMMAND_LOGS] = answer_logs,
        [SQI_COMMAND_STOP] = answer_stop,
        [SQI_COMMAND_EVENTS] = answer_events,
        [SQI_COMMAND_LEVEL] = answer_level,
        [SQI_COMMAND_PLAN] = answer_plan,
        [SQI_COMMAND_UPDATE] = answer_update,
        [SQI_COMMAND_SAVEPOINT] = answer_savepoint,
        [SQI_COMMAND_QUERY] = answer_query,
        [SQI_COMMAND_TAP] = answer_tap,
        [SQI_COMMAND_TRACE] = answer_trace,
};

void
sqi_answer(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        handlers[request->command](daemon, request, result);
}

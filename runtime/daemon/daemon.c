/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/complain.h"
#include "base/descriptors.h"
#include "base/sealed.h"
#include "command/drpc.h"
#include "daemon/reception.h"
#include "daemon/await.h"
#include "daemon/copying.h"
#include "daemon/exporting.h"
#include "daemon/decide.h"
#include "daemon/peek.h"
#include "daemon/progress.h"
#include "daemon/rebalancing.h"
#include "daemon/record.h"
#include "daemon/scraping.h"
#include "daemon/status.h"
#include "daemon/sweep.h"
#include "daemon/waiters.h"
#include "daemon/update.h"
#include "daemon/web.h"
#include "daemon/web_drpc.h"
#include "supervisor/running.h"

/* ---- The start --------------------------------------------------------------------------------------- */

/* Else it is a shortage that passes. */
static bool
is_damage(int error)
{
        return error == -EBADMSG || error == -ENOENT || error == -EPROTO;
}

static int
look_at_plan(struct sqi_hosted *hosted)
{
        char cause[SQI_RECORD_CAUSE];
        int r = sqi_state_plan(&hosted->daemon->state, hosted->record.name, &hosted->plan, cause, sizeof(cause));

        if (r == 0 || hosted->record.outcome == SQI_OUTCOME_FAILED)
                return 0;
        memcpy(hosted->record.cause, cause, sizeof(cause));
        hosted->record.outcome = SQI_OUTCOME_FAILED;
        return r;
}

static int
load_one(struct sqi_daemon *daemon, const char *name)
{
        struct sqi_record record = {0};
        struct sqi_hosted *hosted;
        bool torn = false;
        int r = sqi_state_get(&daemon->state, name, &record, &torn);

        if (r < 0) {
                snprintf(record.name, sizeof(record.name), "%s", name);
                snprintf(record.cause, sizeof(record.cause), "its record in the state directory cannot be read: %s",
                         sqi_record_reason(r));
                record.outcome = SQI_OUTCOME_FAILED;
                daemon->unread = true;
        }
        hosted = sqi_hosted_new(daemon, &record);
        if (!hosted)
                return -ENOMEM;
        if (torn)
                sqi_daemon_tell(daemon, SQ_WARN, name, "its record was damaged; the one before it is used");
        if (r == 0)
                r = look_at_plan(hosted);
        if (r < 0 && !is_damage(r)) {
                hosted->record.outcome = SQI_OUTCOME_NONE;
                sqi_hosted_wait(hosted, hosted->record.cause);
                hosted->record.cause[0] = '\0';
        }
        if (hosted->record.outcome == SQI_OUTCOME_FAILED)
                sqi_daemon_tell(daemon, SQ_ERROR, name, "is not run: %s", hosted->record.cause);
        return 0;
}

static int
load(struct sqi_daemon *daemon)
{
        char **names = sqi_state_names(&daemon->state);
        int r = names ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && names[i]; i++)
                r = load_one(daemon, names[i]);
        free(names);
        return r;
}

/* One of a later version holds what was answered to whoever asks again: it is not written over. */
static int
read_answers(struct sqi_daemon *daemon, char *error, size_t size)
{
        int r = sqi_state_get_answers(&daemon->state, &daemon->answers);

        if (r == -EPROTO)
                return sqi_complain(r, error, size, "cannot read %s/requests: %s", daemon->state.path,
                                    sqi_sealed_reason(r));
        if (r < 0)
                sqi_daemon_tell(daemon, SQ_WARN, NULL,
                                "cannot read %s/requests: %s: a command that is sent again, as its answer was not "
                                "heard, may be done twice",
                                daemon->state.path, sqi_sealed_reason(r));
        return 0;
}

static int
open_daemon(struct sqi_daemon *daemon, char *error, size_t size)
{
        const struct sqi_server_tcp tcp = {daemon->options.listen, daemon->options.cert, daemon->options.clients};
        int r = sqi_state_open(daemon->options.state, &daemon->state, error, size);

        if (r == 0)
                sqi_events_open(&daemon->events, daemon->state.path);
        if (r == 0)
                r = read_answers(daemon, error, size);
        if (r == 0)
                r = sqi_rundir_base(daemon->base, error, size);
        if (r == 0)
                r = sqi_supervisor_new(&daemon->supervisor, error, size);
        if (r == 0)
                r = sqi_server_open(daemon->options.socket, tcp.endpoint ? &tcp : NULL, &daemon->server, error, size);
        if (r == 0 && daemon->options.http)
                r = sqi_web_open(daemon, error, size);
        if (r < 0)
                return r;
        r = load(daemon);
        if (r < 0)
                snprintf(error, size, "cannot start: %s", strerror(-r));
        return r;
}

int
sqi_daemon_new(const struct sqi_daemon_options *options, struct sqi_daemon **ret, char *error, size_t size)
{
        struct sqi_daemon *daemon = calloc(1, sizeof(*daemon));
        int r;

        if (!daemon) {
                snprintf(error, size, "out of memory");
                return -ENOMEM;
        }
        daemon->options = *options;
        daemon->state.fd = daemon->state.lock = daemon->state.topologies = daemon->state.snapshots = -1;
        daemon->server.lock = -1;
        daemon->copied = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = open_daemon(daemon, error, size);
        if (r < 0) {
                sqi_daemon_free(&daemon);
                return r;
        }
        sqi_sweep(daemon);
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (hosted->retry_at)
                        continue;
                else if (hosted->record.outcome == SQI_OUTCOME_NONE || hosted->record.trial)
                        sqi_update_load(hosted);
                else if (hosted->record.wish == SQI_WISH_KILLED)
                        hosted->discarded = true;
        sqi_decide_discard(daemon);
        (void)sqi_desk_open(sqi_decide, daemon, &daemon->desk);
        daemon->state.desk = daemon->desk;
        *ret = daemon;
        return 0;
}

/* The next supervisor adopts it. */
static void
leave(struct sqi_hosted *hosted)
{
        sqi_progress_save(hosted);
        sqi_running_leave(&hosted->running);
}

void
sqi_daemon_free(struct sqi_daemon **daemon)
{
        struct sqi_daemon *it = *daemon;

        if (!it)
                return;
        sqi_desk_close(&it->desk);
        it->state.desk = NULL;
        sqi_asked_drop(it);
        sqi_waiters_drop(it);
        sqi_rebalancing_drop(it);
        sqi_copying_drop(it);
        sqi_exports_drop(it);
        if (it->copied >= 0)
                close(it->copied);
        while (it->first) {
                struct sqi_hosted *hosted = it->first;

                if (it->left)
                        leave(hosted);
                sqi_hosted_free(&hosted);
        }
        sqi_supervisor_free(&it->supervisor);
        sqi_drpc_close(&it->drpc);
        sqi_http_close(&it->http);
        sqi_scraping_drop(it);
        sqi_peek_sweep(it, SQI_NEVER);
        if (it->server.socket)
                sqi_server_close(&it->server);
        sqi_events_close(&it->events);
        sqi_state_close(&it->state);
        free(it);
        *daemon = NULL;
}

/* ---- The loop ---------------------------------------------------------------------------------------- */

void
sqi_daemon_fds(const struct sqi_daemon *daemon, int ret_fds[SQI_DAEMON_FDS])
{
        ret_fds[0] = sqi_supervisor_fd(daemon->supervisor);
        ret_fds[1] = sqi_server_fd(&daemon->server);
        ret_fds[2] = sqi_zap_fd(&daemon->server.zap);
        ret_fds[3] = daemon->http ? sqi_http_fd(daemon->http) : -1;
        ret_fds[4] = sqi_web_drpc_fd(daemon);
        ret_fds[5] = sqi_desk_is_busy(daemon->desk) ? -1 : daemon->copied; /* it is heard at the desk */
        ret_fds[6] = daemon->desk ? sqi_desk_fd(daemon->desk) : -1;
        sqi_rebalancing_fds(daemon, ret_fds + 7);
}

const char *
sqi_daemon_http(const struct sqi_daemon *daemon)
{
        return daemon->http ? sqi_http_address(daemon->http) : NULL;
}

uint64_t
sqi_daemon_due(const struct sqi_daemon *daemon)
{
        uint64_t due = sqi_earlier(sqi_supervisor_due(daemon->supervisor), sqi_await_due(daemon));

        bool busy = sqi_desk_is_busy(daemon->desk);

        if (sqi_scraping_goes_on(daemon) || (!busy && sqi_decide_is_urgent(daemon)))
                return 0;
        due = sqi_earlier(due, sqi_rebalancing_due(daemon));
        if (daemon->http)
                due = sqi_earlier(due, sqi_http_due(daemon->http));
        for (const struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (hosted->retry_at && !daemon->stopping && !busy)
                        due = sqi_earlier(due, hosted->retry_at);
        return daemon->first ? sqi_earlier(due, daemon->sample_due) : due;
}

static void
take_commands(struct sqi_daemon *daemon)
{
        struct sqi_caller caller;
        zframe_t *request;

        do {
                daemon->server.touched = false;
                while ((request = sqi_server_receive(&daemon->server, &caller))) {
                        sqi_reception_take(daemon, &caller, zframe_data(request), zframe_size(request));
                        zframe_destroy(&request);
                }
        } while (daemon->server.touched);
}

/* Removed or put elsewhere under us: what runs goes on, but nothing can be written down. */
static void
look_at_state(struct sqi_daemon *daemon)
{
        bool lost = !sqi_state_is_there(&daemon->state);

        if (lost && !daemon->lost)
                sqi_daemon_tell(
                        daemon, SQ_ERROR, NULL,
                        "the state directory %s has been removed or replaced: what runs goes on, but nothing is written down any more "
                        "(put it back, or kill the topologies and start the supervisor anew)",
                        daemon->state.path);
        daemon->lost = lost;
}

/* Who connects then is not answered, and waits. */
static void
look_at_descriptors(struct sqi_daemon *daemon)
{
        int r = sqi_descriptors_check(1);

        if (r < 0 && !daemon->crowded)
                sqi_daemon_tell(daemon, SQ_ERROR, NULL,
                                "no descriptor is left for another connection or topology: %s (raise the limit with "
                                "`ulimit -n`, or LimitNOFILE= in the unit)",
                                strerror(-r));
        daemon->crowded = r < 0;
}

/* Of the topology; NULL: of the daemon itself. */
static void
look_at_log(struct sqi_daemon *daemon, struct sqi_log_file *log, const char *topology)
{
        char text[PATH_MAX + 128];
        uint64_t lost;
        enum sqi_log_news news = sqi_log_file_look(log, &lost);

        if (news == SQI_LOG_AS_BEFORE)
                return;
        if (news == SQI_LOG_FAILS)
                snprintf(text, sizeof(text), "%s cannot be written: %s (all else goes on; its lines are lost)",
                         log->path, strerror(-log->error));
        else
                snprintf(text, sizeof(text), "%s is written again: %" PRIu64 " lines are missing before this",
                         log->path, lost);
        if (topology)
                sqi_log_file_add(log, SQ_WARN, "supervisor", 0, text);
        sqi_daemon_tell(daemon, SQ_WARN, topology, "%s", text);
}

static void
sample(struct sqi_daemon *daemon, uint64_t now)
{
        if (now < daemon->sample_due)
                return;
        daemon->sample_due = now + SQI_SECOND;
        sqi_peek_sweep(daemon, now);
        look_at_state(daemon);
        look_at_descriptors(daemon);
        look_at_log(daemon, &daemon->events.file, NULL);
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next) {
                look_at_log(daemon, &hosted->log, hosted->record.name);
                if (sqi_hosted_is_running(hosted))
                        sqi_progress_note(hosted);
        }
}

static void
serve_desk(struct sqi_daemon *daemon)
{
        if (daemon->desk)
                sqi_desk_go_on(daemon->desk);
        if (sqi_desk_is_busy(daemon->desk) || !sqi_decide_is_due(daemon, sqi_clock_ns()))
                return;
        if (daemon->desk)
                sqi_desk_begin(daemon->desk);
        else
                sqi_decide(daemon);
}

void
sqi_daemon_serve(struct sqi_daemon *daemon)
{
        sqi_supervisor_serve(daemon->supervisor);
        sqi_zap_serve(&daemon->server.zap);
        take_commands(daemon);
        if (daemon->http)
                sqi_http_serve(daemon->http);
        sqi_web_drpc_serve(daemon);
        sqi_scraping_serve(daemon);
        serve_desk(daemon);
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (sqi_hosted_is_running(hosted))
                        sqi_levels_tell(&hosted->levels, hosted->running);
        sample(daemon, sqi_clock_ns());
        sqi_await_look(daemon, sqi_clock_ns());
        sqi_rebalancing_serve(daemon, sqi_clock_ns());
        if (daemon->server.touched)
                take_commands(daemon);
}

void
sqi_daemon_reopen_logs(struct sqi_daemon *daemon)
{
        char path[PATH_MAX];

        sqi_events_reopen(&daemon->events);
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next) {
                sqi_log_file_close(&hosted->log);
                (void)sqi_log_file_open(sqi_state_path(&daemon->state, hosted->record.name, "log", path), &hosted->log);
        }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon of one topology, without a state directory: the answers are the daemon's own. */
#include "daemon/sole.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/complain.h"
#include "command/drpc.h"
#include "daemon/reception.h"
#include "daemon/await.h"
#include "daemon/registry.h"
#include "daemon/scraping.h"
#include "daemon/waiters.h"
#include "daemon/web.h"
#include "daemon/web_drpc.h"
#include "supervisor/running.h"

struct sqi_sole {
        struct sqi_daemon daemon;
        struct sqi_hosted hosted;
};

int
sqi_sole_open(struct sqi_running *running, const char *version, struct sqi_sole **ret, char *error, size_t size)
{
        struct sqi_sole *sole = calloc(1, sizeof(*sole));
        const char *name = running->plan->name;
        char path[SQI_RUNDIR_SIZE + 16];
        int r;

        if (!sole)
                return sqi_complain(-ENOMEM, error, size, "out of memory");
        sole->daemon.options.version = version;
        sole->daemon.first = &sole->hosted;
        sole->hosted.daemon = &sole->daemon;
        sole->hosted.running = running;
        sole->hosted.record.began = (int64_t)time(NULL);
        snprintf(sole->hosted.record.name, sizeof(sole->hosted.record.name), "%s", name);
        snprintf(path, sizeof(path), "%s/" SQI_SOLE_SOCKET, running->rundir.path);
        r = sqi_server_open(path, NULL, &sole->daemon.server, error, size);
        if (r < 0) {
                free(sole);
                return r;
        }
        r = sqi_rundir_write(&running->rundir, SQI_SOLE_NAME, name, strlen(name));
        if (r < 0) {
                sqi_sole_close(&sole);
                return sqi_complain(r, error, size, "cannot write into the run directory: %s", strerror(-r));
        }
        *ret = sole;
        return 0;
}

void
sqi_sole_close(struct sqi_sole **sole)
{
        if (!*sole)
                return;
        sqi_waiters_drop(&(*sole)->daemon);
        sqi_drpc_close(&(*sole)->daemon.drpc);
        sqi_http_close(&(*sole)->daemon.http);
        sqi_scraping_drop(&(*sole)->daemon);
        sqi_server_close(&(*sole)->daemon.server);
        sqi_events_close(&(*sole)->daemon.events);
        free(*sole);
        *sole = NULL;
}

int
sqi_sole_http(struct sqi_sole *sole, const char *address, const char **ret_at, char *error, size_t size)
{
        int r = sole ? 0 : sqi_complain(-ENOENT, error, size, "nobody can ask about the topology");

        if (r == 0) {
                sole->daemon.options.http = address;
                r = sqi_web_open_sole(&sole->daemon, error, size);
        }
        if (r == 0)
                *ret_at = sqi_http_address(sole->daemon.http);
        return r;
}

void
sqi_sole_fds(const struct sqi_sole *sole, int ret_fds[SQI_SOLE_FDS])
{
        ret_fds[0] = sole ? sqi_server_fd(&sole->daemon.server) : -1;
        ret_fds[1] = sole && sole->daemon.http ? sqi_http_fd(sole->daemon.http) : -1;
        ret_fds[2] = sole ? sqi_web_drpc_fd(&sole->daemon) : -1;
}

uint64_t
sqi_sole_due(const struct sqi_sole *sole)
{
        uint64_t due = sole ? sqi_await_due(&sole->daemon) : SQI_NEVER;

        if (sole && sqi_scraping_goes_on(&sole->daemon))
                return 0;
        return sole && sole->daemon.http ? sqi_earlier(due, sqi_http_due(sole->daemon.http)) : due;
}

static void
refuse(struct sqi_sole *sole, const struct sqi_caller *caller, const struct sqi_request *request)
{
        static const char text[] =
                "the topology runs in the foreground, by `squall run`: it can be looked at, and ended "
                "with Ctrl-C (squall submit is for the rest)";
        struct sqi_reply reply = {.status = SQI_STATUS_REFUSED, .error = {text, sizeof(text) - 1}};

        memcpy(reply.id, request->id, sizeof(reply.id));
        (void)sqi_server_reply(&sole->daemon.server, caller, &reply);
}

static bool
only_looks(enum sqi_command_type command)
{
        return command == SQI_COMMAND_PING || command == SQI_COMMAND_LIST || command == SQI_COMMAND_STATUS ||
               command == SQI_COMMAND_EVENTS || command == SQI_COMMAND_TAP || command == SQI_COMMAND_TRACE ||
               command == SQI_COMMAND_PLAN || command == SQI_COMMAND_QUERY;
}

/* What cannot be read is answered as a daemon answers it. */
static void
answer(struct sqi_sole *sole, const struct sqi_caller *caller, zframe_t *frame)
{
        struct sqi_request request = {.seconds = -1};
        int r = sqi_request_decode(zframe_data(frame), zframe_size(frame), &request);

        if (r == 0 && !only_looks(request.command))
                refuse(sole, caller, &request);
        else
                sqi_reception_take(&sole->daemon, caller, zframe_data(frame), zframe_size(frame));
}

void
sqi_sole_serve(struct sqi_sole *sole)
{
        struct sqi_caller caller;
        zframe_t *frame;

        if (!sole)
                return;
        do {
                sole->daemon.server.touched = false;
                while ((frame = sqi_server_receive(&sole->daemon.server, &caller))) {
                        answer(sole, &caller, frame);
                        zframe_destroy(&frame);
                }
        } while (sole->daemon.server.touched);
        if (sole->daemon.http)
                sqi_http_serve(sole->daemon.http);
        sqi_web_drpc_serve(&sole->daemon);
        sqi_scraping_serve(&sole->daemon);
        sqi_await_look(&sole->daemon, sqi_clock_ns());
}

void
sqi_sole_happened(struct sqi_sole *sole, const char *event, enum sq_level level, const char *text)
{
        if (sole && strcmp(event, "died") != 0)
                sqi_events_add(&sole->daemon.events, sole->hosted.record.name, event, level, text);
}

void
sqi_sole_died(struct sqi_sole *sole, const struct sqi_death *death)
{
        if (sole)
                sqi_events_add_death(&sole->daemon.events, sole->hosted.record.name, death);
}

void
sqi_sole_answered(struct sqi_sole *sole, const struct sqi_message *answer)
{
        if (sole)
                sqi_waiters_answer(&sole->daemon, answer->number, answer->text);
}

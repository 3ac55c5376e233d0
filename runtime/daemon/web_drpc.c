/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web_drpc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "command/drpc.h"
#include "daemon/functions.h"
#include "supervisor/running.h"

enum { BAD = 400, NOT_FOUND = 404, FAILED = 500, LIST_SIZE = 512, MS = 1000 };

static void
answered(void *context, uint64_t ticket, unsigned status, struct sq_str text)
{
        struct sqi_daemon *daemon = context;
        struct sqi_http_reply reply = {0};
        char *copy;

        if (status != SQI_DRPC_OK) {
                sqi_http_reply_error(&reply, status, "%.*s", (int)text.len, text.ptr);
        } else if ((copy = malloc(text.len + 1))) {
                if (text.len)
                        memcpy(copy, text.ptr, text.len);
                sqi_http_reply_bytes(&reply, "text/plain; charset=utf-8", copy, text.len);
        }
        sqi_http_answer(daemon->http, ticket, &reply);
}

/* The functions of all topologies, as far as they fit. */
static const char *
list_all(const struct sqi_daemon *daemon, char *list, size_t size)
{
        size_t used = 0;

        snprintf(list, size, "there are none");
        for (const struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next) {
                const struct sqi_plan *plan = hosted->running ? sqi_hosted_plan(hosted) : NULL;
                char functions[LIST_SIZE];

                for (uint32_t c = 0; plan && c < plan->ncomponents; c++)
                        if (sqi_plan_function(&plan->components[c]) && used < size) {
                                used += (size_t)snprintf(list + used, size - used, "%s%s", used ? ", " : "there are: ",
                                                         sqi_plan_list_functions(plan, functions, sizeof(functions)));
                                break;
                        }
        }
        return list;
}

/* The time-out in ms. False: it is none, and that is said. */
static bool
read_timeout(const struct sqi_uri *uri, uint64_t *ret, struct sqi_http_reply *reply)
{
        const char *text = sqi_uri_parameter(uri, "timeout");
        char *end = NULL;
        double secs = text ? strtod(text, &end) : SQI_WEB_DRPC_SECS;

        if (text && (end == text || *end || !isfinite(secs) || secs <= 0)) {
                sqi_http_reply_error(reply, BAD, "timeout=SECONDS: '%s' is not a time above 0", text);
                return false;
        }
        if (secs > SQI_WEB_DRPC_SECS)
                secs = SQI_WEB_DRPC_SECS;
        *ret = (uint64_t)ceil(secs * MS);
        return true;
}

static struct sq_str
args_of(const struct sqi_http_request *request)
{
        const char *args = request->uri->nsegments > 2 ? request->uri->segments[2]
                                                       : sqi_uri_parameter(request->uri, "args");

        if (request->method == SQI_POST)
                return request->body;
        return args ? (struct sq_str){args, strlen(args)} : (struct sq_str){"", 0};
}

/* One of its tasks that is there, by chance. 0 or a negative errno. */
static int
ask_some_task(struct sqi_daemon *daemon, const struct sqi_plan_component *spout, struct sqi_drpc_question *question)
{
        uint32_t first = (uint32_t)(sqi_random() % spout->ntasks);
        int r = daemon->drpc ? 0 : sqi_drpc_open(answered, daemon, &daemon->drpc);

        if (r < 0)
                return r;
        for (uint32_t i = 0; i < spout->ntasks; i++) {
                question->task = spout->first_task + (first + i) % spout->ntasks;
                r = sqi_drpc_ask(daemon->drpc, question);
                if (r == 0)
                        return 0;
        }
        return r;
}

void
sqi_web_drpc(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        const char *function = request->uri->segments[1];
        const struct sqi_plan_component *spout;
        const struct sqi_hosted *hosted = sqi_functions_find(daemon, function, &spout);
        struct sqi_drpc_question question = {.args = args_of(request), .ticket = request->ticket};
        char list[LIST_SIZE];
        int r;

        if (!hosted) {
                sqi_http_reply_error(reply, NOT_FOUND, "no topology has a function '%s' (%s)", function,
                                     list_all(daemon, list, sizeof(list)));
                return;
        }
        if (!read_timeout(request->uri, &question.timeout_ms, reply))
                return;
        question.function = (struct sq_str){function, strlen(function)};
        question.rundir = hosted->running ? sqi_running_rundir(hosted->running) : "";
        r = ask_some_task(daemon, spout, &question);
        reply->later = r == 0;
        if (r == -ENOENT || r == -ECONNREFUSED)
                sqi_http_reply_error(reply, SQI_DRPC_UNAVAILABLE,
                                     "no task of the spout '%s' of '%s' is there: it is being started", spout->id,
                                     hosted->record.name);
        else if (r < 0)
                sqi_http_reply_error(reply, FAILED, "cannot ask: %s", strerror(-r));
}

void
sqi_web_drpc_gone(struct sqi_daemon *daemon, uint64_t ticket)
{
        if (daemon->drpc)
                sqi_drpc_cancel(daemon->drpc, ticket);
}

int
sqi_web_drpc_fd(const struct sqi_daemon *daemon)
{
        return daemon->drpc ? sqi_drpc_fd(daemon->drpc) : -1;
}

void
sqi_web_drpc_serve(struct sqi_daemon *daemon)
{
        if (daemon->drpc)
                sqi_drpc_serve(daemon->drpc);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "daemon/reception.h"
#include "daemon/browse.h"
#include "daemon/hosted.h"
#include "daemon/peek.h"
#include "daemon/rebalancing.h"
#include "daemon/rest.h"
#include "daemon/scraping.h"
#include "daemon/status.h"
#include "daemon/web_drpc.h"
#include "daemon/web_state.h"
#include "http/token.h"
#include "tuple/writer.h"

/* docs/openapi.json, as it stands, which is built in. */
__asm__(".pushsection .rodata\n"
        ".globl web_openapi\n.hidden web_openapi\n"
        "web_openapi:\n"
        ".incbin \"docs/openapi.json\"\n"
        ".byte 0\n"
        ".popsection\n");
extern const char web_openapi[] __attribute__((visibility("hidden")));

enum { BAD = 400, NOT_FOUND = 404, NOT_ALLOWED = 405, CONFLICT = 409, FAILED = 500, UNAVAILABLE = 503 };
enum { WAIT_DIGITS = 9 };

static void
reply_json(struct sqi_http_reply *reply, struct sqi_writer *writer)
{
        void *bytes;
        size_t size;

        if (sqi_writer_take(writer, &bytes, &size) == 0)
                sqi_http_reply_bytes(reply, "application/json", bytes, size);
}

static void
reply_copy(struct sqi_http_reply *reply, const char *type, const char *text)
{
        char *copy = strdup(text);

        if (copy)
                sqi_http_reply_bytes(reply, type, copy, strlen(copy));
}

static void
reply_text(struct sqi_http_reply *reply, const char *text)
{
        reply_copy(reply, "text/plain; charset=utf-8", text);
}

/* ---- The pages --------------------------------------------------------------------------------------- */

static void
show_ping(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        (void)daemon;
        (void)request;
        reply_text(reply, "pong\n");
}

/* Would it take a topology? */
static void
show_ready(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        (void)request;
        if (daemon->stopping)
                sqi_http_reply_error(reply, UNAVAILABLE, "the supervisor is ending");
        else if (daemon->lost)
                sqi_http_reply_error(reply, UNAVAILABLE, "the state directory %s has been removed or replaced",
                                     daemon->state.path);
        else
                reply_text(reply, "ready\n");
}

/* Without a state directory: what `squall run` has in the foreground. */
static bool
is_sole(const struct sqi_daemon *daemon)
{
        return !daemon->state.path[0];
}

static void
show_version(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);

        (void)request;
        sqi_write_map(&writer, NULL);
        sqi_write_text(&writer, "version", daemon->options.version);
        sqi_write_int(&writer, "pid", getpid());
        if (is_sole(daemon))
                sqi_write_bool(&writer, "foreground", true);
        sqi_write_end(&writer);
        reply_json(reply, &writer);
}

static void
show_metrics(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        sqi_scraping_ask(daemon, request->ticket, reply);
}

/* ---- As Storm's UI ----------------------------------------------------------------------------------- */

/* The topology that the path names; NULL when there is none, and that is said. */
static struct sqi_hosted *
want(struct sqi_daemon *daemon, const char *name, struct sqi_http_reply *reply)
{
        struct sqi_hosted *hosted = sqi_daemon_find(daemon, (struct sq_str){name, strlen(name)});

        if (!hosted)
                sqi_http_reply_error(reply, NOT_FOUND, "no topology '%s' (/api/v1/topology/summary has all)", name);
        return hosted;
}

static void
show_cluster(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);

        (void)request;
        sqi_rest_cluster(daemon, &writer);
        reply_json(reply, &writer);
}

static void
show_topologies(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);

        (void)request;
        sqi_rest_topologies(daemon, &writer);
        reply_json(reply, &writer);
}

typedef void view(const struct sqi_hosted *hosted, struct sqi_writer *writer);

static void
show_view(struct sqi_daemon *daemon, const char *name, view *show, struct sqi_http_reply *reply)
{
        const struct sqi_hosted *hosted = want(daemon, name, reply);
        struct sqi_writer writer = sqi_writer(SQI_JSON);

        if (!hosted)
                return;
        show(hosted, &writer);
        reply_json(reply, &writer);
}

static void
show_topology(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        show_view(daemon, request->uri->segments[3], sqi_rest_topology, reply);
}

static void
show_visualization(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        show_view(daemon, request->uri->segments[3], sqi_rest_visualization, reply);
}

static void
show_component(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        const char *id = request->uri->segments[5];
        const struct sqi_hosted *hosted = want(daemon, request->uri->segments[3], reply);
        struct sqi_writer writer = sqi_writer(SQI_JSON);

        if (!hosted)
                return;
        if (sqi_rest_component(hosted, id, &writer))
                reply_json(reply, &writer);
        else
                sqi_http_reply_error(reply, NOT_FOUND, "the topology '%s' has no component '%s', or does not run",
                                     hosted->record.name, id);
}

/* ---- What changes something -------------------------------------------------------------------------- */

struct asked_act {
        struct sqi_asked asked; /* first: it is taken for it */
        uint64_t ticket;
        enum sqi_command_type command;
        double seconds;
        char name[SQI_ID_MAX + 1], operation[16];
};

static void
answer_act(struct sqi_daemon *daemon, const struct sqi_asked *asked)
{
        const struct asked_act *it = (const struct asked_act *)asked;
        struct sqi_request request = {
                .command = it->command, .name = {it->name, strlen(it->name)}, .seconds = it->seconds};
        struct sqi_result result = {.status = SQI_STATUS_DONE, .writer = sqi_writer(SQI_MSGPACK)};
        struct sqi_writer writer = sqi_writer(SQI_JSON);
        struct sqi_http_reply reply = {0};

        sqi_random_bytes(request.id, sizeof(request.id));
        sqi_reception_ask(daemon, &request, &result);
        if (result.status == SQI_STATUS_DONE) {
                sqi_rest_done(it->operation, it->name, &writer);
                reply_json(&reply, &writer);
        } else {
                sqi_http_reply_error(&reply, result.status == SQI_STATUS_REFUSED ? CONFLICT : FAILED, "%s",
                                     result.error);
        }
        sqi_http_answer(daemon->http, it->ticket, &reply);
        sqi_writer_drop(&result.writer);
}

/* /api/v1/topology/NAME/OPERATION/... */
static void
act(struct sqi_daemon *daemon, const struct sqi_http_request *request, enum sqi_command_type command, double seconds,
    struct sqi_http_reply *reply)
{
        const struct sqi_hosted *hosted = want(daemon, request->uri->segments[3], reply);
        struct asked_act *it = hosted ? malloc(sizeof(*it)) : NULL;

        if (!it)
                return;
        *it = (struct asked_act){
                .asked.answer = answer_act, .ticket = request->ticket, .command = command, .seconds = seconds};
        memcpy(it->name, hosted->record.name, sizeof(it->name));
        snprintf(it->operation, sizeof(it->operation), "%s", request->uri->segments[4]);
        sqi_asked_add(daemon, &it->asked);
        reply->later = true;
}

static void
do_activate(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        act(daemon, request, SQI_COMMAND_ACTIVATE, -1, reply);
}

static void
do_deactivate(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        act(daemon, request, SQI_COMMAND_DEACTIVATE, -1, reply);
}

/* The last part of the path. False: it is no whole number of seconds, and that is said. */
static bool
read_wait(const struct sqi_uri *uri, int *ret, struct sqi_http_reply *reply)
{
        const char *wait = uri->segments[5];
        size_t digits = strspn(wait, "0123456789");

        if (digits > 0 && digits <= WAIT_DIGITS && !wait[digits]) {
                *ret = atoi(wait);
                return true;
        }
        sqi_http_reply_error(reply, BAD, "%s/SECONDS: '%s' is not a whole number of seconds", uri->segments[4], wait);
        return false;
}

static void
do_kill(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        int wait;

        if (read_wait(request->uri, &wait, reply))
                act(daemon, request, SQI_COMMAND_KILL, wait, reply);
}

/* The pause is as long as what is in flight takes, whatever wait is asked for. */
static void
do_rebalance(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        struct sqi_hosted *hosted;
        int wait;

        if (!read_wait(request->uri, &wait, reply))
                return;
        hosted = want(daemon, request->uri->segments[3], reply);
        if (hosted)
                sqi_rebalancing_begin(hosted, request, reply);
}

/* ---- Our own ----------------------------------------------------------------------------------------- */

static void
show_list(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);

        (void)request;
        sqi_status_list(daemon, &writer);
        reply_json(reply, &writer);
}

static void
show_status(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        show_view(daemon, request->uri->segments[4], sqi_status_one, reply);
}

static void
show_page(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        (void)daemon;
        (void)request;
        reply_copy(reply, "text/html; charset=utf-8", sqi_browse_page);
}

static void
show_history(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        show_view(daemon, request->uri->segments[4], sqi_browse_history, reply);
}

static void
show_events(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);

        sqi_browse_events(daemon, request->uri, &writer);
        reply_json(reply, &writer);
}

/* What is told, again and again, is the matter of tell(). */
static void
show_stream(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        const char *after = sqi_uri_parameter(request->uri, "after");

        (void)daemon;
        reply_copy(reply, "text/event-stream", "");
        reply->stream = true;
        reply->cursor = after ? strtoull(after, NULL, 10) : 0;
}

static int
tell(void *context, const struct sqi_uri *uri, uint64_t *cursor, void **ret_bytes, size_t *ret_size)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);

        sqi_browse_tell(context, uri, cursor, &writer);
        return sqi_writer_take(&writer, ret_bytes, ret_size);
}

static void
show_file(struct sqi_daemon *daemon, const char *topology, const char *name, struct sqi_http_reply *reply)
{
        const struct sqi_hosted *hosted = want(daemon, topology, reply);
        void *bytes;
        size_t size;
        int r;

        if (!hosted)
                return;
        if (is_sole(daemon)) {
                sqi_http_reply_error(reply, NOT_FOUND,
                                     "'%s' runs in the foreground, by `squall run`, which keeps no copy of its %s",
                                     topology, strcmp(name, "log") == 0 ? "log" : "file");
                return;
        }
        r = sqi_browse_file(hosted, name, &bytes, &size);
        if (r < 0)
                sqi_http_reply_error(reply, FAILED, "cannot read the file %s of '%s': %s", name, topology,
                                     strerror(-r));
        else
                sqi_http_reply_bytes(reply, "text/plain; charset=utf-8", bytes, size);
}

static void
show_log(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        show_file(daemon, request->uri->segments[4], "log", reply);
}

static void
show_source(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        show_file(daemon, request->uri->segments[4], "topology.yaml", reply);
}

/* Only with the token, though it changes nothing: what goes through a topology is nobody else's business. */
static void
do_tap(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        struct sqi_hosted *hosted = want(daemon, request->uri->segments[4], reply);
        struct sqi_writer writer = sqi_writer(SQI_JSON);
        char error[512];
        int r;

        if (!hosted)
                return;
        if (!sqi_hosted_is_running(hosted)) {
                sqi_http_reply_error(reply, CONFLICT, "the topology '%s' is %s", hosted->record.name,
                                     sqi_hosted_state(hosted));
                return;
        }
        r = sqi_peek_write(hosted, request->uri->segments[6], sqi_uri_parameter(request->uri, "stream"), &writer, error,
                           sizeof(error));
        if (r == 0)
                reply_json(reply, &writer);
        else
                sqi_http_reply_error(reply, r == -ENOENT ? NOT_FOUND : r == -EBUSY ? UNAVAILABLE : FAILED, "%s", error);
        sqi_writer_drop(&writer);
}

static void
show_state(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        struct sqi_hosted *hosted = want(daemon, request->uri->segments[4], reply);

        if (hosted && sqi_hosted_is_running(hosted))
                sqi_web_state(hosted, request, reply);
        else if (hosted)
                sqi_http_reply_error(reply, CONFLICT, "the topology '%s' is %s", hosted->record.name,
                                     sqi_hosted_state(hosted));
}

static void
show_openapi(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        (void)daemon;
        (void)request;
        reply_copy(reply, "application/json", web_openapi);
}

/* ---- The table --------------------------------------------------------------------------------------- */

/* Leaves the reply empty when there is no memory for it. */
typedef void page(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply);

static const struct {
        enum sqi_method method;
        const char *path; /* a segment `*` is any one */
        page *page;
} pages[] = {
        {SQI_GET, "/", show_page},
        {SQI_GET, "/ping", show_ping},
        {SQI_GET, "/ready", show_ready},
        {SQI_GET, "/version", show_version},
        {SQI_GET, "/metrics", show_metrics},
        {SQI_GET, "/api/v1/openapi.json", show_openapi},
        {SQI_GET, "/api/v1/cluster/summary", show_cluster},
        {SQI_GET, "/api/v1/topology/summary", show_topologies},
        {SQI_GET, "/api/v1/topology/*", show_topology},
        {SQI_GET, "/api/v1/topology/*/visualization", show_visualization},
        {SQI_GET, "/api/v1/topology/*/component/*", show_component},
        {SQI_POST, "/api/v1/topology/*/activate", do_activate},
        {SQI_POST, "/api/v1/topology/*/deactivate", do_deactivate},
        {SQI_POST, "/api/v1/topology/*/kill/*", do_kill},
        {SQI_POST, "/api/v1/topology/*/rebalance/*", do_rebalance},
        {SQI_GET, "/api/v1/squall/topologies", show_list},
        {SQI_GET, "/api/v1/squall/topologies/*", show_status},
        {SQI_GET, "/api/v1/squall/topologies/*/history", show_history},
        {SQI_GET, "/api/v1/squall/topologies/*/log", show_log},
        {SQI_GET, "/api/v1/squall/topologies/*/source", show_source},
        {SQI_GET, "/api/v1/squall/topologies/*/state/*", show_state},
        {SQI_POST, "/api/v1/squall/topologies/*/tap/*", do_tap},
        {SQI_GET, "/api/v1/squall/events", show_events},
        {SQI_GET, "/api/v1/squall/stream", show_stream},
        {SQI_GET, "/drpc/*", sqi_web_drpc},
        {SQI_GET, "/drpc/*/*", sqi_web_drpc},
        {SQI_POST, "/drpc/*", sqi_web_drpc},
};
enum { NPAGES = sizeof(pages) / sizeof(pages[0]) };

static bool
matches(const char *path, const struct sqi_uri *uri)
{
        if (uri->nsegments == 0)
                return strcmp(path, "/") == 0;
        for (uint32_t i = 0; i < uri->nsegments; i++) {
                size_t len;

                if (*path++ != '/')
                        return false;
                len = strcspn(path, "/");
                if (!(len == 1 && *path == '*') &&
                    (strlen(uri->segments[i]) != len || memcmp(path, uri->segments[i], len) != 0))
                        return false;
                path += len;
        }
        return !*path;
}

static bool
is_drpc(const struct sqi_uri *uri)
{
        return uri->nsegments > 0 && strcmp(uri->segments[0], "drpc") == 0;
}

/* Keyed state, as tuples, is nobody else's business; and a request does who knows what. */
static bool
is_private(const struct sqi_uri *uri)
{
        return matches("/api/v1/squall/topologies/*/state/*", uri) || is_drpc(uri);
}

static void
gone(void *context, uint64_t ticket)
{
        sqi_web_drpc_gone(context, ticket);
}

static void
answer(void *context, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        static const char *const names[] = {[SQI_GET] = "GET, HEAD", [SQI_POST] = "POST"};
        const char *other = NULL;

        for (unsigned i = 0; i < NPAGES; i++) {
                if (!matches(pages[i].path, request->uri))
                        continue;
                if (pages[i].method == request->method) {
                        pages[i].page(context, request, reply);
                        return;
                }
                other = names[pages[i].method];
        }
        reply->allow = other;
        if (other)
                sqi_http_reply_error(reply, NOT_ALLOWED, "this path takes %s", other);
        else
                sqi_http_reply_error(reply, NOT_FOUND, "there is nothing at this path");
}

int
sqi_web_open(struct sqi_daemon *daemon, char *error, size_t size)
{
        struct sqi_http_options options = {.address = daemon->options.http,
                                           .context = daemon,
                                           .answer = answer,
                                           .tell = tell,
                                           .is_private = is_private,
                                           .gone = gone};
        char token[SQI_TOKEN_SIZE];
        int r = sqi_token_open(daemon->state.fd, "http.token", token);

        options.untouchable = "the supervisor could not write its token";
        if (r == 0)
                options.token = token;
        else
                sqi_daemon_tell(daemon, SQ_WARN, NULL,
                                "cannot write %s/http.token: %s; nothing can be changed over HTTP", daemon->state.path,
                                strerror(-r));
        r = sqi_http_open(&options, &daemon->http, error, size);
        explicit_bzero(token, sizeof(token));
        return r;
}

int
sqi_web_open_sole(struct sqi_daemon *daemon, char *error, size_t size)
{
        const struct sqi_http_options options = {
                .address = daemon->options.http,
                .context = daemon,
                .answer = answer,
                .tell = tell,
                .is_private = is_private,
                .is_open = is_drpc,
                .gone = gone,
                .untouchable = "the topology runs in the foreground, by `squall run` (Ctrl-C ends it)",
        };

        return sqi_http_open(&options, &daemon->http, error, size);
}

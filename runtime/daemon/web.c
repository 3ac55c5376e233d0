/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web.h"

#include <string.h>
#include <unistd.h>

#include "daemon/hosted.h"
#include "daemon/scrape.h"
#include "tuple/writer.h"

enum { OK = 200, NOT_FOUND = 404, NOT_ALLOWED = 405, UNAVAILABLE = 503 };

static void
reply_json(struct sqi_http_reply *reply, struct sqi_writer *writer)
{
        void *bytes;
        size_t size;

        if (sqi_writer_take(writer, &bytes, &size) == 0)
                sqi_http_reply_bytes(reply, "application/json", bytes, size);
}

static void
reply_text(struct sqi_http_reply *reply, const char *text)
{
        char *copy = strdup(text);

        if (copy)
                sqi_http_reply_bytes(reply, "text/plain; charset=utf-8", copy, strlen(copy));
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

static void
show_version(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        struct sqi_writer writer = sqi_writer(SQI_JSON);

        (void)request;
        sqi_write_map(&writer, NULL);
        sqi_write_text(&writer, "version", daemon->options.version);
        sqi_write_int(&writer, "pid", getpid());
        sqi_write_end(&writer);
        reply_json(reply, &writer);
}

static void
show_metrics(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        struct sqi_scrape *scrape;
        void *bytes;
        size_t size;

        (void)request;
        if (sqi_scrape_new(daemon->options.version, &scrape) < 0)
                return;
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (!hosted->discarded)
                        sqi_scrape_topology(scrape, hosted->record.name, sqi_hosted_state(hosted), hosted->running);
        if (sqi_scrape_take(&scrape, &bytes, &size) == 0)
                sqi_http_reply_bytes(reply, "text/plain; version=0.0.4; charset=utf-8", bytes, size);
}

/* ---- The table --------------------------------------------------------------------------------------- */

/* Leaves the reply empty when there is no memory for it. */
typedef void page(struct sqi_daemon *daemon, const struct sqi_http_request *request, struct sqi_http_reply *reply);

static const struct {
        enum sqi_method method;
        const char *path; /* a segment `*` is any one */
        page *page;
} pages[] = {
        {SQI_GET, "/ping", show_ping},
        {SQI_GET, "/ready", show_ready},
        {SQI_GET, "/version", show_version},
        {SQI_GET, "/metrics", show_metrics},
};
enum { NPAGES = sizeof(pages) / sizeof(pages[0]) };

static bool
matches(const char *path, const struct sqi_uri *uri)
{
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
        return uri->nsegments > 0 && !*path;
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
        const struct sqi_http_options options = {.address = daemon->options.http, .context = daemon, .answer = answer};

        return sqi_http_open(&options, &daemon->http, error, size);
}

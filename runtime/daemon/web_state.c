/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web_state.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/query.h"
#include "tuple/unpack.h"
#include "tuple/writer.h"

enum { BAD = 400, NOT_FOUND = 404, CONFLICT = 409, FAILED = 500, TIMEOUT = 504, LIMIT = 100 };

/* A request under way. */
struct asking {
        uint64_t ticket;
        char topology[SQI_ID_MAX + 1], component[SQI_ID_MAX + 1];
        uint32_t task, ntasks;
        uint64_t from, limit, rows;
        uint8_t key[SQI_URI_SIZE]; /* packed: see the command QUERY */
        size_t nkey;
        struct sqi_writer writer; /* its answer, in the array `rows` */
};

/* ---- What is asked for ------------------------------------------------------------------------------- */

/* False: it is not a whole number from `least` to `most`, and that is said. */
static bool
read_number(const struct sqi_uri *uri, const char *name, uint64_t least, uint64_t most, uint64_t *ret,
            struct sqi_http_reply *reply)
{
        const char *text = sqi_uri_parameter(uri, name);
        char *end;

        if (!text)
                return true;
        *ret = strtoull(text, &end, 10);
        if (text[0] >= '0' && text[0] <= '9' && !*end && *ret >= least && *ret <= most)
                return true;
        sqi_http_reply_error(reply, BAD, "%s is a whole number from %llu to %llu", name, (unsigned long long)least,
                             (unsigned long long)most);
        return false;
}

static size_t
count_key_fields(const struct sqi_uri *uri)
{
        size_t n = 0;

        for (uint32_t i = 0; i < uri->nparameters; i++)
                n += strcmp(uri->parameters[i].name, "key") == 0;
        return n;
}

/* As an array of texts; it fits, for it is no longer than the uri was, but for a byte or two of each. */
static bool
pack_key(const struct sqi_uri *uri, struct asking *asking)
{
        struct sqi_writer writer = sqi_writer(SQI_MSGPACK);

        if (count_key_fields(uri) == 0)
                return true;
        sqi_write_array(&writer, NULL);
        for (uint32_t i = 0; i < uri->nparameters; i++)
                if (strcmp(uri->parameters[i].name, "key") == 0)
                        sqi_write_text(&writer, NULL, uri->parameters[i].value);
        sqi_write_end(&writer);
        bool fits = !writer.failed && writer.size <= sizeof(asking->key);
        if (fits) {
                memcpy(asking->key, writer.bytes, writer.size);
                asking->nkey = writer.size;
        }
        sqi_writer_drop(&writer);
        return fits;
}

static struct asking *
read_asking(const struct sqi_plan_component *component, const struct sqi_http_request *request,
            struct sqi_http_reply *reply)
{
        struct asking *asking = calloc(1, sizeof(*asking));
        uint64_t task = 0;

        if (!asking)
                return NULL;
        asking->ticket = request->ticket;
        asking->ntasks = component->ntasks;
        asking->limit = LIMIT;
        snprintf(asking->component, sizeof(asking->component), "%s", component->id);
        if (!read_number(request->uri, "limit", 1, SQI_WEB_STATE_ROWS, &asking->limit, reply) ||
            !read_number(request->uri, "task", 0, component->ntasks - 1, &task, reply) ||
            !read_number(request->uri, "from", 0, UINT32_MAX, &asking->from, reply) ||
            !pack_key(request->uri, asking)) {
                free(asking);
                return NULL;
        }
        asking->task = (uint32_t)task;
        return asking;
}

/* ---- What is answered -------------------------------------------------------------------------------- */

static void
drop(struct asking *asking)
{
        sqi_writer_drop(&asking->writer);
        free(asking);
}

/* The writer is left in its array of rows. */
static void
open_answer(struct asking *asking)
{
        asking->writer = sqi_writer(SQI_JSON);
        sqi_write_map(&asking->writer, NULL);
        sqi_write_text(&asking->writer, "component", asking->component);
        sqi_write_array(&asking->writer, "rows");
}

static void
write_rows(struct asking *asking, struct sq_value rows)
{
        struct sq_items items = sq_items(rows);
        struct sq_value row;

        while (asking->rows < asking->limit && sq_next_item(&items, &row)) {
                sqi_write_map(&asking->writer, NULL);
                sqi_write_value(&asking->writer, "key", sqi_map_get(row, "key"));
                sqi_write_value(&asking->writer, "state", sqi_map_get(row, "state"));
                sqi_write_uint(&asking->writer, "task", asking->task);
                sqi_write_end(&asking->writer);
                asking->rows++;
        }
}

static void
close_answer(struct sqi_daemon *daemon, struct asking *asking)
{
        struct sqi_http_reply reply = {0};
        void *bytes;
        size_t size;

        sqi_write_end(&asking->writer);
        if (asking->task < asking->ntasks) {
                sqi_write_map(&asking->writer, "next");
                sqi_write_uint(&asking->writer, "task", asking->task);
                sqi_write_uint(&asking->writer, "from", asking->from);
                sqi_write_end(&asking->writer);
        } else {
                sqi_write_nil(&asking->writer, "next");
        }
        sqi_write_end(&asking->writer);
        if (sqi_writer_take(&asking->writer, &bytes, &size) == 0)
                sqi_http_reply_bytes(&reply, "application/json", bytes, size);
        sqi_http_answer(daemon->http, asking->ticket, &reply);
        drop(asking);
}

static void
refuse(struct sqi_daemon *daemon, struct asking *asking, unsigned status, const char *text)
{
        struct sqi_http_reply reply = {0};

        sqi_http_reply_error(&reply, status, "%s", text);
        sqi_http_answer(daemon->http, asking->ticket, &reply);
        drop(asking);
}

/* ---- One task after the other ------------------------------------------------------------------------ */

static void take(struct sqi_daemon *daemon, void *context, enum sqi_status status, struct sq_str text);

/* False: it cannot be asked, as `result` says. */
static bool
ask(struct sqi_hosted *hosted, struct asking *asking, struct sqi_result *result)
{
        struct sqi_request request = {.command = SQI_COMMAND_QUERY,
                                      .seconds = -1,
                                      .index = asking->task,
                                      .after = (double)asking->from,
                                      .limit = (double)(asking->limit - asking->rows)};

        request.component = (struct sq_str){asking->component, strlen(asking->component)};
        request.key = (struct sq_str){(const char *)asking->key, asking->nkey};
        sqi_query_ask(hosted, &request, result);
        if (!result->later)
                return false;
        hosted->daemon->waiters->take = take;
        hosted->daemon->waiters->context = asking;
        return true;
}

static void
ask_next(struct sqi_daemon *daemon, struct asking *asking)
{
        struct sqi_result result = {.status = SQI_STATUS_DONE, .writer = sqi_writer(SQI_MSGPACK)};
        struct sqi_hosted *hosted = sqi_daemon_find(daemon,
                                                    (struct sq_str){asking->topology, strlen(asking->topology)});

        if (asking->rows == asking->limit || asking->task == asking->ntasks)
                close_answer(daemon, asking);
        else if (!hosted || !ask(hosted, asking, &result))
                refuse(daemon, asking, CONFLICT, hosted ? result.error : "the topology has ended meanwhile");
        sqi_writer_drop(&result.writer);
}

static void
take(struct sqi_daemon *daemon, void *context, enum sqi_status status, struct sq_str text)
{
        struct asking *asking = context;
        struct sq_value answer, keyed, next;

        if (status == SQI_STATUS_PENDING) {
                refuse(daemon, asking, TIMEOUT,
                       "a task does not answer within a second: it is started, or stands in a callback");
        } else if (status != SQI_STATUS_DONE || !sq_unpack(text, &answer)) {
                refuse(daemon, asking, FAILED, "the supervisor ends");
        } else if (keyed = sqi_map_get(answer, "keyed"), keyed.type != SQ_BOOL || !keyed.as.b) {
                refuse(daemon, asking, NOT_FOUND, "this component keeps no keyed state");
        } else {
                next = sqi_map_get(answer, "next");
                write_rows(asking, sqi_map_get(answer, "rows"));
                asking->from = next.type == SQ_INT || next.type == SQ_UINT ? next.as.u : 0;
                asking->task += asking->from == 0;
                ask_next(daemon, asking);
        }
}

void
sqi_web_state(struct sqi_hosted *hosted, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        const struct sqi_plan_component *component = sqi_plan_find(sqi_hosted_plan(hosted), request->uri->segments[6]);
        struct sqi_result result = {.status = SQI_STATUS_DONE, .writer = sqi_writer(SQI_MSGPACK)};

        if (!component) {
                sqi_http_reply_error(reply, NOT_FOUND, "the topology '%s' has no component '%s'", hosted->record.name,
                                     request->uri->segments[6]);
                return;
        }
        struct asking *asking = read_asking(component, request, reply);
        if (!asking)
                return;
        snprintf(asking->topology, sizeof(asking->topology), "%s", hosted->record.name);
        open_answer(asking);
        reply->later = ask(hosted, asking, &result);
        if (!reply->later) {
                sqi_http_reply_error(reply, CONFLICT, "%s", result.error);
                drop(asking);
        }
        sqi_writer_drop(&result.writer);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `http`: a tuple for each message that is posted to it. libmicrohttpd's own thread takes requests in, whole
 * and within their limits, and hands them over; the task answers them:
 *
 *     thread of the server                             task
 *     headers: method, path, token, length
 *     body, up to `limit`
 *     queue full: 429, else queued and suspended  -->  decoded: 400 where that cannot be, and nothing is emitted
 *                                                      in the journal, if there is one
 *                                                      emitted: 202 at once, or with `wait`
 *                                                      when the last of its trees is done: 200; given up: 422
 *     answered                                    <--  resumed
 *
 * What a client got no 2xx for it has to send again; with `wait` a 200 says that the tuple was processed, whatever
 * died meanwhile. With a journal a 202 says that it will be. Only at-least-once knows when it is: elsewhere `wait` is
 * refused. `lock` guards the queue and the number of those that wait; a request belongs to the one side or the other.
 */
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../clients/http_body.h"

enum { JSON, JSONL, MSGPACK, TEXT, CSV, LOGFMT };
enum { SECRET_MAX = 512, REASON = 300 };
static const uint64_t NOT_TAKEN = UINT64_MAX / 2;

struct request {
        struct request *next;
        struct MHD_Connection *connection;
        char *body;
        size_t len;
        bool by_lines;   /* each is a message */
        unsigned status; /* 0: not known yet */
        char reason[REASON];
        uint64_t first, n, left; /* its messages: positions, and how many are not done; above NOT_TAKEN: nor taken */
};

struct http {
        struct sq_messages messages;
        const char *listen, *path, *token;
        int64_t body, limit, queue, connections;
        bool wait;

        char secret[SECRET_MAX], source[600];
        struct MHD_Daemon *server;
        int wake; /* eventfd: something is queued */
        pthread_mutex_t lock;
        bool locking; /* `lock` was made */
        struct request *queued, **end, *waiting;
        int64_t nqueued;
        bool closed;
};

static int64_t
format_of(int64_t body)
{
        static const enum sq_format formats[] = {
                [JSON] = SQ_FORMAT_JSON, [JSONL] = SQ_FORMAT_JSON, [MSGPACK] = SQ_FORMAT_MSGPACK,
                [TEXT] = SQ_FORMAT_TEXT, [CSV] = SQ_FORMAT_CSV,    [LOGFMT] = SQ_FORMAT_LOGFMT};

        return formats[body];
}

static bool
is_by_lines(const struct http *self)
{
        return self->body == JSONL || self->body == CSV || self->body == LOGFMT;
}

static void
declare(struct sq_declaration *decl)
{
        const struct http *self = sq_declared_state(decl);
        struct sq_messages messages = self->messages;
        struct sq_url at;
        const char *wrong = sq_address_read(self->listen, &at);

        messages.decoder.format = format_of(self->body);
        if (wrong)
                sq_declare_error(decl, "listen", "%s", wrong);
        if (self->path[0] != '/')
                sq_declare_error(decl, "path", "must begin with /");
        if (self->limit < 1 || self->limit > INT32_MAX)
                sq_declare_error(decl, "limit", "must be from 1 to %d", INT32_MAX);
        if (self->queue < 1 || self->queue > 100000)
                sq_declare_error(decl, "queue", "must be from 1 to 100000");
        if (self->connections < 1 || self->connections > 100000)
                sq_declare_error(decl, "connections", "must be from 1 to 100000");
        if (self->wait && !sq_declared_at_least_once(decl))
                sq_declare_unused(decl, "wait", "without at-least-once, which knows when a message is processed");
        sq_secret_declare(self->token, decl, "token");
        sq_messages_declare(&messages, decl);
}

static void
probe(struct sq_declaration *decl)
{
        const struct http *self = sq_declared_state(decl);
        char secret[SECRET_MAX];

        if (sq_secret_probe(decl, "token", self->token, secret, sizeof(secret)))
                sq_probe_listening(decl, "listen", self->listen, SOCK_STREAM);
        explicit_bzero(secret, sizeof(secret));
}

/* ---- The thread of the server ------------------------------------------------------------------------ */

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned status, const char *reason)
{
        char text[REASON + 8];
        int len = snprintf(text, sizeof(text), "%s%s", reason, reason[0] ? "\n" : "");
        struct MHD_Response *response = MHD_create_response_from_buffer((size_t)len, text, MHD_RESPMEM_MUST_COPY);
        enum MHD_Result r = MHD_NO;

        if (!response)
                return MHD_NO;
        if (status == MHD_HTTP_TOO_MANY_REQUESTS || status == MHD_HTTP_SERVICE_UNAVAILABLE)
                MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
        if (status == MHD_HTTP_UNAUTHORIZED)
                MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
        if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
                MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "POST");
        r = MHD_queue_response(connection, status, response);
        MHD_destroy_response(response);
        return r;
}

/* In a time that does not tell how much of it is right. */
static bool
is_allowed(const struct http *self, struct MHD_Connection *connection)
{
        const char *header = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
        size_t len = strlen(self->secret);
        unsigned char differ = 0;

        if (len == 0)
                return true;
        if (!header || strncasecmp(header, "Bearer ", 7) != 0 || strlen(header + 7) != len)
                return false;
        for (size_t i = 0; i < len; i++)
                differ |= (unsigned char)(self->secret[i] ^ header[7 + i]);
        return differ == 0;
}

/* What is wrong with a request by its head: a status, or 0. */
static unsigned
look_at_head(const struct http *self, struct MHD_Connection *connection, const char *url, const char *method)
{
        const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
        const char *coded = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_ENCODING);

        if (strcmp(url, self->path) != 0)
                return MHD_HTTP_NOT_FOUND;
        if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
                return MHD_HTTP_METHOD_NOT_ALLOWED;
        if (!is_allowed(self, connection))
                return MHD_HTTP_UNAUTHORIZED;
        if (length && strtoull(length, NULL, 10) > (unsigned long long)self->limit)
                return MHD_HTTP_CONTENT_TOO_LARGE;
        if (coded && strcasecmp(coded, "identity") != 0)
                return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
        return 0;
}

static void
take_body(const struct http *self, struct request *request, const char *bytes, size_t n)
{
        char *grown;

        if (request->status)
                return;
        if (request->len + n > (size_t)self->limit) {
                request->status = MHD_HTTP_CONTENT_TOO_LARGE;
                return;
        }
        grown = realloc(request->body, request->len + n + 1);
        if (!grown) {
                request->status = MHD_HTTP_SERVICE_UNAVAILABLE;
                return;
        }
        memcpy(grown + request->len, bytes, n);
        request->body = grown;
        request->len += n;
}

/* Hands the request over to the task; false: there is no room. */
static bool
enqueue(struct http *self, struct request *request)
{
        bool room;

        pthread_mutex_lock(&self->lock);
        room = !self->closed && self->nqueued < self->queue;
        if (room) {
                MHD_suspend_connection(request->connection);
                *self->end = request;
                self->end = &request->next;
                self->nqueued++;
        }
        pthread_mutex_unlock(&self->lock);
        if (room && write(self->wake, &(uint64_t){1}, sizeof(uint64_t)) < 0)
                return room; /* it counts up to 2^64: it is awake anyway */
        return room;
}

static enum MHD_Result
handle(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
       const char *bytes, size_t *n, void **ret_request)
{
        struct http *self = context;
        struct request *request = *ret_request;
        unsigned wrong;

        (void)version;
        if (!request) {
                wrong = look_at_head(self, connection, url, method);
                if (wrong)
                        return answer(connection, wrong, sqi_http_reason(wrong));
                *ret_request = request = calloc(1, sizeof(*request));
                if (request)
                        request->connection = connection;
                return request ? MHD_YES : MHD_NO;
        }
        if (*n > 0) {
                take_body(self, request, bytes, *n);
                *n = 0;
                return MHD_YES;
        }
        if (request->status)
                return answer(connection, request->status,
                              request->reason[0] ? request->reason : sqi_http_reason(request->status));
        /* from here on it is the task's, until that has resumed it */
        return enqueue(self, request)
                       ? MHD_YES
                       : answer(connection, MHD_HTTP_TOO_MANY_REQUESTS, sqi_http_reason(MHD_HTTP_TOO_MANY_REQUESTS));
}

static void
end_request(void *context, struct MHD_Connection *connection, void **request_of, enum MHD_RequestTerminationCode code)
{
        struct request *request = *request_of;

        (void)context;
        (void)connection;
        (void)code;
        if (request)
                free(request->body);
        free(request);
        *request_of = NULL;
}

/* ---- The task ---------------------------------------------------------------------------------------- */

static void
resume(struct request *request, unsigned status)
{
        struct MHD_Connection *connection = request->connection;

        request->status = status;
        MHD_resume_connection(connection);
}

static int
open_server(struct sq_task *task, struct http *self)
{
        int fd;

        if (sq_bind_inet(task, self->listen, SOCK_STREAM, &fd) < 0)
                return -1;
        if (listen(fd, SOMAXCONN) == 0)
                self->server = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                                                handle, self, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
                                                end_request, self, MHD_OPTION_CONNECTION_LIMIT,
                                                (unsigned)self->connections, MHD_OPTION_CONNECTION_TIMEOUT, 30u,
                                                MHD_OPTION_END);
        if (self->server)
                return 0;
        close(fd);
        return sq_error(task, "%s: the server does not start: %s", self->source, strerror(errno));
}

static int
prepare(struct sq_task *task)
{
        struct http *self = sq_state(task);

        self->end = &self->queued;
        self->messages.decoder.format = format_of(self->body);
        snprintf(self->source, sizeof(self->source), "http %s", self->listen);
        if (sq_secret_read(task, self->token, self->secret, sizeof(self->secret)) < 0 ||
            sq_messages_begin(task, self->source) < 0)
                return -1;
        if (self->token && self->secret[0] == '\0')
                return sq_error_final(task, "%s: the token is empty", self->source);
        self->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (self->wake < 0 || pthread_mutex_init(&self->lock, NULL) != 0)
                return sq_error(task, "%s: %s", self->source, strerror(errno));
        self->locking = true;
        return open_server(task, self);
}

static struct request *
dequeue(struct http *self)
{
        struct request *request;

        pthread_mutex_lock(&self->lock);
        request = self->queued;
        if (request) {
                self->queued = request->next;
                self->end = self->queued ? self->end : &self->queued;
                self->nqueued--;
                request->next = NULL;
        }
        pthread_mutex_unlock(&self->lock);
        return request;
}

/* The line end of the message at the start of a text, or the text's end. */
static const char *
end_of_message(const struct http *self, const struct request *request, const char *begin, size_t n)
{
        const struct sq_decoder *decoder = &self->messages.decoder;
        const char *wrong, *end = NULL;

        if (self->body == CSV)
                end = sq_csv_record(begin, n, true, sq_csv_dialect(decoder->separator, decoder->quote), &wrong);
        else if (request->by_lines)
                end = memchr(begin, '\n', n);
        return end ? end : begin + n;
}

/* The next message of a body from *at on; false: there is none. */
static bool
next_message(const struct http *self, const struct request *request, size_t *at, struct sq_str *ret)
{
        const char *begin = request->body + *at;
        size_t n = request->len - *at;

        if (n == 0)
                return false;
        ret->ptr = begin;
        ret->len = (size_t)(end_of_message(self, request, begin, n) - begin);
        *at += ret->len + (ret->len < n);
        if (request->by_lines && ret->len > 0 && begin[ret->len - 1] == '\r')
                ret->len--;
        return true;
}

/* A line between two messages. */
static bool
is_blank(const struct http *self, const struct request *request, struct sq_str line)
{
        return request->by_lines && sq_decoder_passes_over(&self->messages.decoder, line);
}

/* Whether all of its messages can be read; else the reason stands in the request. */
static bool
is_readable(struct http *self, struct request *request)
{
        struct sq_value values[SQ_FIELDS_MAX];
        struct sq_str message;
        size_t at = 0, n = 0;

        while (next_message(self, request, &at, &message)) {
                if (is_blank(self, request, message))
                        continue;
                n++;
                if (sq_decode(&self->messages.decoder, message, values) < 0) {
                        snprintf(request->reason, sizeof(request->reason), "message %zu: %s", n,
                                 self->messages.decoder.wrong);
                        return false;
                }
        }
        if (n == 0)
                snprintf(request->reason, sizeof(request->reason), "no message");
        return n > 0;
}

/* Those whose messages have been emitted, or are in the journal: they are the first that wait. */
static void
answer_taken(const struct sq_task *task, struct http *self)
{
        bool waits = self->wait && sq_room(task) != UINT64_MAX;
        struct request **at = &self->waiting, *request;

        while ((request = *at) && request->left > NOT_TAKEN) {
                request->left -= UINT64_MAX - request->n;
                if (waits && request->left > 0) {
                        at = &request->next;
                        continue;
                }
                *at = request->next;
                resume(request, waits ? MHD_HTTP_OK : MHD_HTTP_ACCEPTED);
        }
}

/* Emits the messages of a request. How many. */
static uint64_t
take_request(struct sq_task *task, struct http *self, struct request *request)
{
        struct sq_str message;
        size_t at = 0;

        request->by_lines = is_by_lines(self);
        if (self->body == JSON && sqi_http_array(&self->messages.decoder.json, request->body, request->len))
                request->by_lines = true;
        if (!is_readable(self, request)) {
                sq_count(task, "refused requests", 1);
                resume(request, MHD_HTTP_BAD_REQUEST);
                return 0;
        }
        request->first = self->messages.next;
        request->left = UINT64_MAX; /* until all are taken: one without readers is done at once */
        request->next = self->waiting;
        self->waiting = request;
        while (next_message(self, request, &at, &message))
                if (!is_blank(self, request, message)) {
                        request->n++;
                        (void)sq_messages_emit(task, message, NULL);
                }
        return request->n;
}

static enum sq_next
next(struct sq_task *task)
{
        struct http *self = sq_state(task);
        uint64_t most = sq_messages_room(task), n = 0, woken;
        struct request *request;

        if (!self->messages.stuck)
                answer_taken(task, self); /* the disk has made room */
        if (most == 0)
                return SQ_IDLE;
        (void)!read(self->wake, &woken, sizeof(woken));
        while (n < most && (request = dequeue(self)))
                n += take_request(task, self, request);
        if (sq_messages_flush(task) < 0)
                return SQ_IDLE;
        answer_taken(task, self);
        if (n >= most)
                return SQ_MORE;
        sq_wake_on(task, self->wake);
        return SQ_IDLE;
}

static void
settle(struct sq_task *task, uint64_t position, unsigned status)
{
        struct http *self = sq_state(task);
        struct request **at = &self->waiting, *request;

        sq_messages_done(task, position);
        while (*at && !(position >= (*at)->first && position - (*at)->first < (*at)->n))
                at = &(*at)->next;
        request = *at;
        if (!request)
                return;
        if (status != MHD_HTTP_OK)
                snprintf(request->reason, sizeof(request->reason), "a message was given up");
        if (--request->left > 0)
                return;
        *at = request->next;
        resume(request, request->reason[0] ? MHD_HTTP_UNPROCESSABLE_CONTENT : status);
}

static void
acked(struct sq_task *task, uint64_t position)
{
        settle(task, position, MHD_HTTP_OK);
}

static void
given_up(struct sq_task *task, uint64_t position)
{
        settle(task, position, MHD_HTTP_UNPROCESSABLE_CONTENT);
}

/* Nobody gets in any more; whoever is in, and not taken, is told to come again. */
static void
close_doors(struct http *self)
{
        struct request *request;

        pthread_mutex_lock(&self->lock);
        self->closed = true;
        pthread_mutex_unlock(&self->lock);
        while ((request = dequeue(self)))
                resume(request, MHD_HTTP_SERVICE_UNAVAILABLE);
        while ((request = self->waiting)) {
                self->waiting = request->next;
                resume(request, MHD_HTTP_SERVICE_UNAVAILABLE);
        }
}

static int
finish(struct sq_task *task)
{
        close_doors(sq_state(task));
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct http *self = sq_state(task);

        if (self->server) {
                close_doors(self);
                MHD_stop_daemon(self->server);
        }
        if (self->locking)
                pthread_mutex_destroy(&self->lock);
        if (self->wake > 0)
                close(self->wake);
        explicit_bzero(self->secret, sizeof(self->secret));
        sq_messages_end(task);
}

SQ_SPOUT(http) = {
        .about = "A tuple for each message that is posted over HTTP.",
        .state = sizeof(struct http),
        .options =
                {
                        SQ_REQ_STR(struct http, listen, "HOST:PORT; *:PORT: every address of this machine"),
                        SQ_OPT_STR(struct http, path, "/", "the path that is posted to; others are not found"),
                        SQ_OPT_ENUM_AS(
                                "format", struct http, body, "json|jsonl|msgpack|text|csv|logfmt", "json",
                                "what is in a body: a value, or an array of objects, each a message; jsonl, csv, "
                                "logfmt: one a line"),
                        SQ_OPT_BOOL(struct http, wait, false,
                                    "answer when the messages are processed, not when they are in"),
                        SQ_OPT_SECRET("token", struct http, token, "the bearer token that a request must bring"),
                        SQ_OPT_INT(struct http, limit, 1048576, "bytes of a body at most; more: 413"),
                        SQ_OPT_INT(struct http, queue, 256, "requests that wait for the topology at most; more: 429"),
                        SQ_OPT_INT(struct http, connections, 1000, "connections at a time at most"),
                        SQ_OPT_NESTED_AS(
                                "fields", struct http, messages.decoder.wanted,
                                "json, jsonl, logfmt, msgpack: the members of a map or places of an array that become fields, "
                                "default: the whole as `value`; csv: the names of the cells; text: the field's name, default `line`; as `NAME: TYPE` converted, "
                                "TYPE: " SQ_TYPES_HELP),
                        SQ_OPT_CSV(struct http, messages.decoder),
                        SQ_OPT_INT_AS("memory", struct http, messages.memory, 64,
                                      "MiB of messages that are held until they are done; then nothing more is taken"),
                        SQ_OPT_FLOAT_AS("rate", struct http, messages.rate, 0,
                                        "tuples a second over all tasks; 0: as fast as possible"),
                        SQ_OPT_JOURNAL(struct http, messages.journal),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .probe = probe,
        .prepare = prepare,
        .next = next,
        .replay = sq_messages_replay,
        .seek = sq_messages_seek,
        .ack = acked,
        .fail = given_up,
        .finish = finish,
        .cleanup = cleanup,
        .precommit = sq_messages_precommit,
        .release = sq_messages_release,
        .lag = sq_messages_lag,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd in its external mode: one epoll descriptor to poll, no thread. It reads the bytes, and keeps its own
 * rules about them; paths, queries and what a request may be are looked at here.
 *
 * Its time-out begins anew with each byte, so a slow client could stay for ever. The deadlines are ours: a connection
 * whose deadline has passed is shut down, and libmicrohttpd finds that by itself.
 */
#include "http/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/complain.h"
#include "http/address.h"
#include "http/stream.h"
#include "http/token.h"

enum { SPARE = 16, STREAM_BLOCK = 16 << 10 };
static const uint64_t LOOK_NS = SQI_SECOND / 5; /* at those that wait for an answer: are they still there? */

/* A connection, and the request that is read from it. */
struct peer {
        struct sqi_http *http;
        struct MHD_Connection *connection; /* NULL: nobody */
        uint64_t deadline;
        bool shut, begun;            /* because of it, or to make room; the header has been looked at */
        int malformed;               /* what sqi_uri_parse() has said */
        uint64_t ticket;             /* of the request that is answered later; 0: none */
        struct sqi_http_reply reply; /* that has come for it, with bytes; the connection has been woken for it */
        size_t unsent, body_size;
        struct sqi_stream stream;
        struct sqi_uri uri;
        char body[SQI_HTTP_BODY];
};

struct sqi_http {
        struct sqi_http_options options;
        struct MHD_Daemon *daemon;
        char address[SQI_ADDRESS_TEXT];
        char token[SQI_TOKEN_SIZE]; /* empty: there is none */
        size_t unsent;
        uint64_t ntickets;
        uint64_t round_ns;   /* when streams are told next */
        bool closing, woken; /* the owner is not asked any more; what was woken up has something to say */
        struct peer peers[SQI_HTTP_CONNECTIONS];
};

/* ---- Connections ------------------------------------------------------------------------------------- */

static struct peer *
peer_of(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        return info ? info->socket_context : NULL;
}

static unsigned
count_streams(const struct sqi_http *http)
{
        unsigned n = 0;

        for (size_t i = 0; i < SQI_HTTP_CONNECTIONS; i++)
                n += http->peers[i].connection && http->peers[i].stream.open;
        return n;
}

/* From here on libmicrohttpd looks at the connection again. */
static void
wake(struct peer *peer)
{
        if (!peer->ticket && !peer->stream.asleep)
                return;
        peer->ticket = 0;
        peer->stream.asleep = false;
        peer->http->woken = true; /* libmicrohttpd does not count it among what is due */
        MHD_resume_connection(peer->connection);
}

static int
descriptor(const struct peer *peer)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(peer->connection,
                                                                       MHD_CONNECTION_INFO_CONNECTION_FD);

        return info ? info->connect_fd : -1;
}

static void
shut(struct peer *peer)
{
        const struct sqi_http_options *options = &peer->http->options;

        peer->shut = true;
        (void)shutdown(descriptor(peer), SHUT_RDWR);
        if (peer->ticket && options->gone)
                options->gone(options->context, peer->ticket);
        wake(peer);
}

static void
wait_for(struct peer *peer, unsigned ms)
{
        peer->deadline = sqi_clock_ns() + ms * (SQI_SECOND / 1000);
}

static void
on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
              enum MHD_ConnectionNotificationCode what)
{
        struct sqi_http *http = context;
        struct peer *peer = *socket_context;

        if (what == MHD_CONNECTION_NOTIFY_CLOSED && peer) {
                http->unsent -= peer->unsent;
                free(peer->reply.bytes);
                peer->reply.bytes = NULL;
                sqi_stream_clear(&peer->stream);
                peer->connection = NULL;
                return;
        }
        for (size_t i = 0; what == MHD_CONNECTION_NOTIFY_STARTED && i < SQI_HTTP_CONNECTIONS; i++) {
                peer = &http->peers[i];
                if (peer->connection)
                        continue;
                *peer = (struct peer){.http = http, .connection = connection};
                wait_for(peer, http->options.request_ms);
                *socket_context = peer;
                return;
        }
}

/* Before one more is taken: are there too many, the one with the next deadline goes. */
static enum MHD_Result
on_accept(void *context, const struct sockaddr *address, socklen_t size)
{
        struct sqi_http *http = context;
        struct peer *first = NULL;
        size_t n = 0;

        (void)address;
        (void)size;
        for (size_t i = 0; i < SQI_HTTP_CONNECTIONS; i++) {
                struct peer *peer = &http->peers[i];

                if (!peer->connection || peer->shut)
                        continue;
                n++;
                if (!peer->stream.open && (!first || peer->deadline < first->deadline))
                        first = peer;
        }
        if (first && n >= SQI_HTTP_CONNECTIONS - SPARE)
                shut(first);
        return MHD_YES;
}

/* libmicrohttpd does not look at those that wait for an answer. */
static bool
has_hung_up(const struct peer *peer)
{
        struct pollfd fd = {.fd = descriptor(peer), .events = POLLRDHUP};

        return peer->ticket && poll(&fd, 1, 0) > 0;
}

static void
shut_late(struct sqi_http *http, uint64_t now)
{
        for (struct peer *peer = http->peers; peer < http->peers + SQI_HTTP_CONNECTIONS; peer++)
                if (peer->connection && !peer->shut && (peer->deadline <= now || has_hung_up(peer)))
                        shut(peer);
}

/* ---- Replies ----------------------------------------------------------------------------------------- */

/* What the client of a stream takes of its message. When it has it all it is left alone until there is another one. */
static ssize_t
read_stream(void *context, uint64_t position, char *ret, size_t most)
{
        struct peer *peer = context;
        size_t n = sqi_stream_take(&peer->stream, ret, most);

        (void)position;
        if (peer->shut || !peer->stream.open)
                return MHD_CONTENT_READER_END_OF_STREAM;
        if (n > 0)
                return (ssize_t)n;
        peer->http->unsent -= peer->unsent;
        peer->unsent = 0;
        peer->deadline = UINT64_MAX;
        peer->stream.asleep = true;
        MHD_suspend_connection(peer->connection);
        return 0;
}

static enum MHD_Result
send_reply(struct peer *peer, const struct sqi_http_reply *reply)
{
        struct MHD_Response *response =
                reply->stream
                        ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, peer, NULL)
                        : MHD_create_response_from_buffer(reply->size, reply->bytes, MHD_RESPMEM_MUST_FREE);
        enum MHD_Result sent;

        if (!response) {
                free(reply->bytes);
                return MHD_NO;
        }
        if (reply->stream) {
                free(reply->bytes);
                peer->stream = (struct sqi_stream){.open = true, .cursor = reply->cursor};
                peer->http->round_ns = 0;
        }
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type ? reply->type : "text/plain");
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
        if (reply->status == MHD_HTTP_UNAUTHORIZED)
                MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
        if (reply->allow)
                MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, reply->allow);
        sent = MHD_queue_response(peer->connection, reply->status, response);
        MHD_destroy_response(response);
        if (sent == MHD_YES && !reply->stream) {
                peer->unsent = reply->size;
                peer->http->unsent += reply->size;
                wait_for(peer, peer->http->options.answer_ms);
        }
        return sent;
}

/* ---- Requests ---------------------------------------------------------------------------------------- */

static const char *
header(const struct peer *peer, const char *name)
{
        return MHD_lookup_connection_value(peer->connection, MHD_HEADER_KIND, name);
}

/* Is there a body that is not wanted? libmicrohttpd has seen to it that the length is a number. */
static void
refuse_body(const struct peer *peer, struct sqi_http_reply *reply)
{
        const char *length = header(peer, MHD_HTTP_HEADER_CONTENT_LENGTH);

        if (header(peer, MHD_HTTP_HEADER_TRANSFER_ENCODING))
                sqi_http_reply_error(reply, MHD_HTTP_LENGTH_REQUIRED, "a body wants a Content-Length");
        else if (length && strtoull(length, NULL, 10) > SQI_HTTP_BODY)
                sqi_http_reply_error(reply, MHD_HTTP_CONTENT_TOO_LARGE, "a body has %d bytes at most", SQI_HTTP_BODY);
}

/* Whoever wants to change something, or to see what is private, shows that he may. */
static void
refuse_stranger(const struct peer *peer, bool changes, struct sqi_http_reply *reply)
{
        const struct sqi_http *http = peer->http;

        if (!http->token[0])
                sqi_http_reply_error(reply, MHD_HTTP_FORBIDDEN, "%s over HTTP: %s",
                                     changes ? "nothing can be changed" : "this cannot be seen",
                                     http->options.untouchable ? http->options.untouchable : "there is no token");
        else if (!sqi_token_is_given(header(peer, MHD_HTTP_HEADER_AUTHORIZATION), http->token))
                sqi_http_reply_error(reply, MHD_HTTP_UNAUTHORIZED,
                                     "that wants a header Authorization: Bearer TOKEN (the token is in the file "
                                     "http.token in the supervisor's state directory)");
}

static bool
is_open(const struct peer *peer)
{
        const struct sqi_http_options *options = &peer->http->options;

        return options->is_open && options->is_open(&peer->uri);
}

/* Is a token wanted? */
static bool
is_guarded(const struct peer *peer, const char *method)
{
        const struct sqi_http_options *options = &peer->http->options;

        return !is_open(peer) &&
               (strcmp(method, "POST") == 0 || (options->is_private && options->is_private(&peer->uri)));
}

/* A browser does not tell the Origin of all that it asks for. What is open is not so to pages of others. */
static bool
is_of_another_site(const struct peer *peer)
{
        const char *site = header(peer, "Sec-Fetch-Site");

        return site && is_open(peer) && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
}

/* What can be refused by the header alone; reply->status stays 0 if nothing is wrong. */
static void
refuse(const struct peer *peer, const char *method, struct sqi_http_reply *reply)
{
        const char *host = header(peer, MHD_HTTP_HEADER_HOST), *origin = header(peer, MHD_HTTP_HEADER_ORIGIN);

        if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 && strcmp(method, "POST") != 0) {
                reply->allow = "GET, HEAD, POST";
                sqi_http_reply_error(reply, MHD_HTTP_METHOD_NOT_ALLOWED, "the methods are GET, HEAD and POST");
        } else if (peer->malformed == -ENAMETOOLONG) {
                sqi_http_reply_error(reply, MHD_HTTP_URI_TOO_LONG,
                                     "a path with its query is below %d bytes, of %d parts", SQI_URI_SIZE,
                                     SQI_URI_SEGMENTS);
        } else if (peer->malformed < 0) {
                sqi_http_reply_error(reply, MHD_HTTP_BAD_REQUEST, "the path or the query is malformed");
        } else if (!host || !sqi_host_is_ours(host)) {
                sqi_http_reply_error(reply, MHD_HTTP_MISDIRECTED_REQUEST,
                                     "the header Host has to name this machine: localhost, 127.0.0.1 or [::1]");
        } else if ((origin && !sqi_origin_is_host(origin, host)) || is_of_another_site(peer)) {
                sqi_http_reply_error(reply, MHD_HTTP_FORBIDDEN, "a page of another site (header Origin) may not ask");
        } else if (peer->http->unsent > SQI_HTTP_UNSENT) {
                sqi_http_reply_error(reply, MHD_HTTP_SERVICE_UNAVAILABLE, "too many answers wait for their readers");
        } else {
                refuse_body(peer, reply);
                if (reply->status == 0 && is_guarded(peer, method))
                        refuse_stranger(peer, strcmp(method, "POST") == 0, reply);
        }
}

static void
answer(const struct peer *peer, const char *method, uint64_t ticket, struct sqi_http_reply *reply)
{
        const struct sqi_http_options *options = &peer->http->options;
        struct sqi_http_request request = {
                .method = strcmp(method, "POST") == 0 ? SQI_POST : SQI_GET,
                .uri = &peer->uri,
                .body = {peer->body, peer->body_size},
                .ticket = ticket,
        };

        options->answer(options->context, &request, reply);
        if (reply->stream && count_streams(peer->http) >= SQI_HTTP_STREAMS) {
                free(reply->bytes);
                *reply = (struct sqi_http_reply){0};
                sqi_http_reply_error(reply, MHD_HTTP_SERVICE_UNAVAILABLE, "there are %d event streams already",
                                     SQI_HTTP_STREAMS);
        }
        if (!reply->later && !reply->bytes && reply->status == 0)
                sqi_http_reply_error(reply, MHD_HTTP_INTERNAL_SERVER_ERROR, "no memory for the answer");
}

/* All of it is there. What is answered later is left alone until then; and then this comes once more. */
static enum MHD_Result
on_whole_request(struct peer *peer, const char *method)
{
        struct sqi_http_reply reply = peer->reply;

        peer->reply = (struct sqi_http_reply){0};
        if (reply.bytes)
                return send_reply(peer, &reply);
        if (peer->shut || peer->http->closing)
                return MHD_NO;
        uint64_t ticket = ++peer->http->ntickets;
        answer(peer, method, ticket, &reply);
        if (!reply.later)
                return send_reply(peer, &reply);
        peer->ticket = ticket;
        wait_for(peer, reply.ms ? reply.ms : peer->http->options.answer_ms);
        MHD_suspend_connection(peer->connection);
        return MHD_YES;
}

/* Called with the header, with each piece of the body, and at the end. */
static enum MHD_Result
on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
           const char *data, size_t *data_size, void **request)
{
        struct sqi_http_reply reply = {0};
        struct peer *peer = peer_of(connection);

        (void)context;
        (void)url;
        (void)version;
        (void)request;
        if (!peer)
                return MHD_NO;
        if (!peer->begun) {
                peer->begun = true;
                refuse(peer, method, &reply);
                return reply.status ? send_reply(peer, &reply) : MHD_YES;
        }
        if (*data_size > 0) {
                if (*data_size > SQI_HTTP_BODY - peer->body_size)
                        return MHD_NO;
                memcpy(peer->body + peer->body_size, data, *data_size);
                peer->body_size += *data_size;
                *data_size = 0;
                return MHD_YES;
        }
        return on_whole_request(peer, method);
}

/* The first that is heard of a request: its uri, as it was sent. */
static void *
on_uri(void *context, const char *text, struct MHD_Connection *connection)
{
        struct peer *peer = peer_of(connection);

        (void)context;
        if (!peer)
                return NULL;
        peer->begun = false;
        peer->body_size = 0;
        peer->malformed = sqi_uri_parse(text, &peer->uri);
        return peer;
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode how)
{
        struct peer *peer = peer_of(connection);

        (void)context;
        (void)request;
        (void)how;
        if (!peer)
                return;
        peer->http->unsent -= peer->unsent;
        peer->unsent = 0;
        sqi_stream_clear(&peer->stream);
        peer->stream.open = false;
        wait_for(peer, peer->http->options.request_ms);
}

/* We decode by ourselves, from what on_uri() is given. */
static size_t
leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
        (void)context;
        (void)connection;
        return strlen(text);
}

/* ---- Life -------------------------------------------------------------------------------------------- */

static int
start(struct sqi_http *http, int fd, char *error, size_t size)
{
        http->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, on_accept, http, on_request, http,
                                        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                                        (unsigned)SQI_HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                        (size_t)SQI_HTTP_HEADER, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                                        MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_NOTIFY_COMPLETED,
                                        on_completed, http, MHD_OPTION_URI_LOG_CALLBACK, on_uri, http,
                                        MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, http, MHD_OPTION_END);
        if (http->daemon)
                return 0;
        close(fd);
        return sqi_complain(-EIO, error, size, "cannot serve HTTP at %s: libmicrohttpd does not start (memory, files?)",
                            http->address);
}

int
sqi_http_open(const struct sqi_http_options *options, struct sqi_http **ret, char *error, size_t size)
{
        struct sqi_address address;
        struct sqi_http *http;
        int fd, r;

        fd = sqi_address_serve(options->address, &address, error, size);
        if (fd < 0)
                return fd;
        http = calloc(1, sizeof(*http));
        if (!http) {
                close(fd);
                return sqi_complain(-ENOMEM, error, size, "cannot serve HTTP: out of memory");
        }
        http->options = *options;
        if (options->token)
                snprintf(http->token, sizeof(http->token), "%s", options->token);
        http->options.token = NULL;
        if (!options->request_ms)
                http->options.request_ms = SQI_HTTP_REQUEST_SECS * 1000;
        if (!options->answer_ms)
                http->options.answer_ms = SQI_HTTP_ANSWER_SECS * 1000;
        if (!options->tell_ms)
                http->options.tell_ms = SQI_HTTP_TELL_MS;
        (void)getsockname(fd, (struct sockaddr *)&address.at, &address.size); /* the port, if it was 0 */
        sqi_address_text(&address, http->address);
        r = start(http, fd, error, size);
        if (r < 0) {
                free(http);
                return r;
        }
        *ret = http;
        return 0;
}

void
sqi_http_close(struct sqi_http **http)
{
        if (!*http)
                return;
        (*http)->closing = true;
        (void)MHD_run((*http)->daemon); /* what has been answered goes out, as far as its reader takes it at once */
        for (size_t i = 0; i < SQI_HTTP_CONNECTIONS; i++)
                wake(&(*http)->peers[i]);
        MHD_stop_daemon((*http)->daemon);
        explicit_bzero((*http)->token, sizeof((*http)->token));
        free(*http);
        *http = NULL;
}

const char *
sqi_http_address(const struct sqi_http *http)
{
        return http->address;
}

/* ---- The loop ---------------------------------------------------------------------------------------- */

int
sqi_http_fd(const struct sqi_http *http)
{
        return MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

uint64_t
sqi_http_due(const struct sqi_http *http)
{
        uint64_t due = count_streams(http) > 0 ? http->round_ns : UINT64_MAX, look_ns = sqi_clock_ns() + LOOK_NS;
        MHD_UNSIGNED_LONG_LONG ms;

        if (MHD_get_timeout(http->daemon, &ms) == MHD_YES && sqi_clock_ns() + ms * (SQI_SECOND / 1000) < due)
                due = sqi_clock_ns() + ms * (SQI_SECOND / 1000);
        for (size_t i = 0; i < SQI_HTTP_CONNECTIONS; i++) {
                const struct peer *peer = &http->peers[i];
                uint64_t next_ns = peer->ticket && look_ns < peer->deadline ? look_ns : peer->deadline;

                if (peer->connection && !peer->shut && next_ns < due)
                        due = next_ns;
        }
        return http->woken ? 0 : due;
}

/* The next message of one stream, which has taken the one before. */
static void
tell(struct sqi_http *http, struct peer *peer)
{
        void *text = NULL;
        size_t size = 0;

        if (http->options.tell(http->options.context, &peer->uri, &peer->stream.cursor, &text, &size) < 0 ||
            sqi_stream_put(&peer->stream, text, size) < 0) {
                peer->stream.open = false;
        } else {
                peer->unsent = peer->stream.size;
                http->unsent += peer->unsent;
        }
        wait_for(peer, http->options.answer_ms);
        wake(peer);
}

/* Answers may take the other half of what may be unsent. */
static void
tell_streams(struct sqi_http *http, uint64_t now_ns)
{
        if (now_ns < http->round_ns)
                return;
        http->round_ns = now_ns + http->options.tell_ms * (SQI_SECOND / 1000);
        for (size_t i = 0; i < SQI_HTTP_CONNECTIONS; i++)
                if (http->peers[i].connection && http->peers[i].stream.asleep && !http->peers[i].shut &&
                    http->unsent <= SQI_HTTP_UNSENT / 2)
                        tell(http, &http->peers[i]);
}

void
sqi_http_serve(struct sqi_http *http)
{
        http->woken = false;
        (void)MHD_run(http->daemon);
        tell_streams(http, sqi_clock_ns());
        shut_late(http, sqi_clock_ns());
}

void
sqi_http_answer(struct sqi_http *http, uint64_t ticket, const struct sqi_http_reply *reply)
{
        for (size_t i = 0; i < SQI_HTTP_CONNECTIONS; i++) {
                struct peer *peer = &http->peers[i];

                if (!peer->connection || peer->ticket != ticket)
                        continue;
                peer->reply = *reply;
                if (!reply->bytes)
                        sqi_http_reply_error(&peer->reply, MHD_HTTP_INTERNAL_SERVER_ERROR, "no memory for the answer");
                wake(peer);
                return;
        }
        free(reply->bytes);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front that HTTP comes in by: it takes requests, hands each to its owner, and sends what that answers.
 *
 *  1. sqi_http_open(): it listens, on a loopback address alone (it speaks no TLS).
 *  2. The owner polls sqi_http_fd() for input, until sqi_http_due() at the latest, then calls sqi_http_serve(). That
 *     never waits: `answer` is called from there, in the owner's thread, and what it gives is sent as far as the
 *     client takes it; the rest some other time. What `answer` does not know yet it gives later: it keeps the ticket
 *     of the request, and calls sqi_http_answer() with it, within SQI_HTTP_ANSWER_SECS, or what it has said itself.
 *     A reply with `stream` begins an event stream: about once a second `tell` is asked what the client is to be told,
 *     if it has taken what it was told before.
 *  3. sqi_http_close(). What is answered by then is sent as far as the client takes it at once; then connections are
 *     cut, the port is free.
 *
 * A client costs what stands here at the most, whatever it sends or leaves out:
 *
 *     SQI_HTTP_CONNECTIONS      at a time. When they are nearly used up, the one that has been waited for longest makes
 *                               room for the next, so that many who say nothing keep nobody out. There is
 *                               no limit for one address: here all have the same
 *     SQI_HTTP_HEADER           bytes of a request without its body
 *     SQI_HTTP_BODY             bytes of a body, and its length has to be told beforehand (no chunks)
 *     SQI_HTTP_REQUEST_SECS     until the whole of a request is there, also the next one of a connection that stays
 *     SQI_HTTP_ANSWER_SECS      until it has taken its answer
 *     SQI_HTTP_STREAMS          of them may be event streams; those do not make room for others
 *     SQI_HTTP_UNSENT           bytes of all answers that are not sent yet; beyond, requests are answered with 503
 */
#ifndef SQI_HTTP_H
#define SQI_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/uri.h"
#include "squall.h"

enum {
        SQI_HTTP_CONNECTIONS = 128,
        SQI_HTTP_STREAMS = 64,
        SQI_HTTP_HEADER = 16 << 10,
        SQI_HTTP_BODY = 16 << 10,
        SQI_HTTP_REQUEST_SECS = 30,
        SQI_HTTP_ANSWER_SECS = 60,
        SQI_HTTP_TELL_MS = 1000,
        SQI_HTTP_UNSENT = 64 << 20,
};

struct sqi_http;

enum sqi_method { SQI_GET, SQI_POST };

/* Views, good until `answer` returns. */
struct sqi_http_request {
        enum sqi_method method; /* HEAD is GET to the owner */
        const struct sqi_uri *uri;
        struct sq_str body;
        uint64_t ticket; /* never 0, and of no other request */
};

/* sqi_http_reply_*() fill it in. */
struct sqi_http_reply {
        unsigned status;   /* 200, ... */
        const char *type;  /* of the content; lives for ever */
        const char *allow; /* with 405: the other method */
        void *bytes;       /* malloc'd */
        size_t size;
        bool later;  /* sqi_http_answer() will give it, */
        unsigned ms; /* within so many; 0: as the options say */
        bool stream; /* an event stream begins, with `cursor` */
        uint64_t cursor;
};

struct sqi_http_options {
        const char *address; /* "127.0.0.1:8080": address.h */
        void *context;
        void (*answer)(void *context, const struct sqi_http_request *request, struct sqi_http_reply *reply);
        /* What a stream that was asked for by this uri is told next: a malloc'd line, and how far that goes. Negative:
         * no more, and it ends. */
        int (*tell)(void *context, const struct sqi_uri *uri, uint64_t *cursor, void **ret_bytes, size_t *ret_size);
        const char *token;       /* that a POST has to give (token.h), copied; NULL: all are refused, */
        const char *untouchable; /* and why; lives for ever */
        bool (*is_private)(const struct sqi_uri *uri); /* a GET of it wants the token, too; NULL: none does */
        bool (*is_open)(const struct sqi_uri *uri);    /* nothing of it wants the token; NULL: none is */
        /* Who has asked with this ticket, and is not answered, has gone; may be NULL. */
        void (*gone)(void *context, uint64_t ticket);
        unsigned request_ms, answer_ms; /* 0: SQI_HTTP_REQUEST_SECS, SQI_HTTP_ANSWER_SECS */
        unsigned tell_ms;               /* 0: SQI_HTTP_TELL_MS */
};

/* 0, or a negative errno with the cause in `error`: -EINVAL: not an address, or not on loopback; -EADDRINUSE:
 * somebody listens there. */
int sqi_http_open(const struct sqi_http_options *options, struct sqi_http **ret, char *error, size_t size);
void sqi_http_close(struct sqi_http **http);

const char *sqi_http_address(const struct sqi_http *http); /* where it listens: "127.0.0.1:8080" */
int sqi_http_fd(const struct sqi_http *http);
uint64_t sqi_http_due(const struct sqi_http *http); /* monotonic ns; UINT64_MAX: never */
void sqi_http_serve(struct sqi_http *http);
/* What a request with `later` is answered; takes over the bytes, also when nobody waits for them any more. */
void sqi_http_answer(struct sqi_http *http, uint64_t ticket, const struct sqi_http_reply *reply);

/* Takes over `bytes`, malloc'd. */
void sqi_http_reply_bytes(struct sqi_http_reply *reply, const char *type, void *bytes, size_t size);
/* As Storm's UI tells an error: {"error": REASON, "errorMessage": TEXT}. */
void sqi_http_reply_error(struct sqi_http_reply *reply, unsigned status, const char *format, ...) SQ_PRINTF(3, 4);

#endif

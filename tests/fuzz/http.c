/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What anybody who can connect may send the front for HTTP, whole or cut off, one request or several: its owner is
 * asked to change something, or for what is private, only with the token, and never for another host; whatever is
 * answered is HTTP; and the next one is answered still.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/address.h"
#include "http/http.h"

#define TOKEN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

enum { INPUT_MAX = 64 << 10, TURNS = 64, HEARD = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is sent, for what the owner is asked. */
static struct sq_str sent;

static bool
has(const char *text)
{
        return memmem(sent.ptr, sent.len, text, strlen(text)) != NULL;
}

static bool
is_private(const struct sqi_uri *uri)
{
        return uri->nsegments > 0 && strcmp(uri->segments[0], "private") == 0;
}

static void
answer(void *context, const struct sqi_http_request *request, struct sqi_http_reply *reply)
{
        char *bytes = strdup("ok");

        (void)context;
        if ((request->method == SQI_POST || is_private(request->uri)) && !has(TOKEN))
                abort();
        if (request->body.len > SQI_HTTP_BODY || request->ticket == 0)
                abort();
        for (uint32_t i = 0; i < request->uri->nsegments; i++)
                if (!*request->uri->segments[i] || strcmp(request->uri->segments[i], "..") == 0)
                        abort();
        for (size_t i = 0; i < request->body.len; i++)
                if (!memchr(sent.ptr, request->body.ptr[i], sent.len))
                        abort();
        reply->later = false;
        if (bytes)
                sqi_http_reply_bytes(reply, "text/plain", bytes, 2);
}

static int
call(struct sqi_http *http)
{
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        const struct linger at_once = {.l_onoff = 1}; /* a port for each input would be used up */
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        to.sin_port = htons((uint16_t)atoi(strrchr(sqi_http_address(http), ':') + 1));
        if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) < 0 ||
                        connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)) {
                close(fd);
                return -1;
        }
        return fd;
}

/* Sends it, says that this was all, and hears what is answered: how much. -1: no connection. */
static long
say(struct sqi_http *http, struct sq_str text, char heard[HEARD])
{
        int fd = call(http);
        size_t at = 0, n = 0;

        if (fd < 0)
                return -1;
        for (unsigned turn = 0; turn < TURNS; turn++) {
                struct pollfd ready = {.fd = sqi_http_fd(http), .events = POLLIN};
                ssize_t r = at < text.len ? send(fd, text.ptr + at, text.len - at, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

                at += r > 0 ? (size_t)r : 0;
                if (at == text.len)
                        shutdown(fd, SHUT_WR);
                poll(&ready, 1, 0);
                sqi_http_serve(http);
                r = n < HEARD ? recv(fd, heard + n, HEARD - n, MSG_DONTWAIT) : 0;
                n += r > 0 ? (size_t)r : 0;
                if (r == 0)
                        break;
        }
        close(fd);
        sqi_http_serve(http);
        return (long)n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char plain[] = "GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        static struct sqi_http *http;
        const struct sqi_http_options options = {
                .address = "127.0.0.1:0", .answer = answer, .token = TOKEN, .is_private = is_private};
        char error[256], heard[HEARD];
        long n;

        if (!http && sqi_http_open(&options, &http, error, sizeof(error)) < 0)
                abort();
        if (size > INPUT_MAX)
                return 0;
        sent = (struct sq_str){(const char *)data, size};
        n = say(http, sent, heard);
        if (n >= 7 && memcmp(heard, "HTTP/1.", 7) != 0)
                abort();
        sent = (struct sq_str){plain, sizeof(plain) - 1};
        n = say(http, sent, heard);
        if (n >= 0 && (n < 12 || memcmp(heard + 9, "200", 3) != 0))
                abort();
        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A client of the front for HTTP, in the thread of its owner: include cmocka.h first. */
#ifndef TESTS_CALLED_H
#define TESTS_CALLED_H

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/address.h"
#include "http/http.h"

enum { GUARD_SECS = 60, MANY = 1000 };

static const char request[] = "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", ok[] = "HTTP/1.1 200 OK\r\n";

static inline int
call(const struct sqi_http *http)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        struct sqi_address address;

        assert_true(fd >= 0);
        assert_int_equal(sqi_address_parse(sqi_http_address(http), &address), 0);
        if (connect(fd, (const struct sockaddr *)&address.at, address.size) < 0)
                assert_int_equal(errno, EINPROGRESS);
        return fd;
}

static inline void
say(int fd, const char *text)
{
        assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* As an owner does, once: until there is something to do, or for the client to see. */
static inline void
turn(struct sqi_http *http, int client)
{
        uint64_t now = sqi_clock_ns(), due = sqi_http_due(http);
        uint64_t left = due > now ? due - now : 0, most = SQI_SECOND;
        struct pollfd fds[] = {{.fd = sqi_http_fd(http), .events = POLLIN}, {.fd = client, .events = POLLIN}};
        struct timespec timeout = {0, (long)(left < most ? left : most - 1)};

        (void)ppoll(fds, 2, &timeout, NULL);
        sqi_http_serve(http);
}

/* All that the client is sent until the other side closes, or `enough` bytes. */
static inline ssize_t
hear(struct sqi_http *http, int fd, char *text, size_t enough)
{
        uint64_t end = sqi_clock_ns() + GUARD_SECS * SQI_SECOND;
        size_t heard = 0;

        while (heard < enough) {
                ssize_t n = recv(fd, text + heard, enough - heard, 0);

                assert_true(sqi_clock_ns() < end);
                if (n == 0 || (n < 0 && errno == ECONNRESET))
                        break;
                if (n < 0)
                        turn(http, fd);
                else
                        heard += (size_t)n;
        }
        return (ssize_t)heard;
}

/* Until nobody is connected to it. */
static inline void
turn_until_alone(struct sqi_http *http)
{
        uint64_t end = sqi_clock_ns() + GUARD_SECS * SQI_SECOND;

        while (sqi_http_due(http) != UINT64_MAX) {
                assert_true(sqi_clock_ns() < end);
                turn(http, -1);
        }
}

/* One that asks is answered while a thousand others have said `text`, and neither go on nor read. Skips the test where
 * a process may not have so many files. */
static inline void
is_answered_beside_a_thousand(struct sqi_http *http, const char *text)
{
        static int fds[MANY];
        char answer[sizeof(ok)] = "";
        struct rlimit files;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
        files.rlim_cur = files.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
        if (files.rlim_cur < MANY + 2 * SQI_HTTP_CONNECTIONS)
                skip();
        for (int i = 0; i < MANY; i++) {
                fds[i] = call(http);
                turn(http, -1);
                (void)send(fds[i], text, strlen(text), MSG_NOSIGNAL);
        }
        int fd = call(http);
        turn(http, -1);
        say(fd, request);
        hear(http, fd, answer, sizeof(ok) - 1);
        assert_string_equal(answer, ok);
        close(fd);
        for (int i = 0; i < MANY; i++)
                close(fds[i]);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing here waits for ever: a connection does not block, and each wait for the server, to read or to write, ends by
 * itself, over TCP as over a Unix socket.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "postgres.h"

enum { SILENT_MS = SQI_POSTGRES_SILENT_S * 1000, STEP_MS = 100, PATIENCE_MS = 1000, FURTHER_HOST_S = 12 };

/* Notices are for people: that a table exists, say. */
static void
keep_quiet(void *context, const char *text)
{
        (void)context;
        (void)text;
}

/* Until the socket is ready, or has not been for too long: *silent_ms is how long by now. 0; -ETIMEDOUT; -EINTR: the
 * task is to leave. */
static int
wait_for(const struct sq_task *task, const PGconn *connection, short events, int *silent_ms, int most_ms)
{
        struct pollfd socket = {.fd = PQsocket(connection), .events = events};
        int n;

        while ((n = poll(&socket, 1, STEP_MS)) <= 0) {
                if (n < 0 && errno != EINTR)
                        return -errno;
                *silent_ms += STEP_MS;
                if (*silent_ms >= most_ms)
                        return -ETIMEDOUT;
                if (task && *silent_ms >= PATIENCE_MS && sq_leaving(task))
                        return -EINTR;
        }
        return 0;
}

/* ---- Connecting -------------------------------------------------------------------------------------- */

/* The SQLSTATE that stands in the text of an error, which is verbose; NULL: it is not the server's. The words around
 * it are of any language. */
static const char *
state_in(const char *text)
{
        static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

        for (; (text = strstr(text, ":  ")); text++)
                if (strspn(text + 3, letters) == 5 && strncmp(text + 8, ": ", 2) == 0)
                        return text + 3;
        return NULL;
}

/* What libpq finds by itself has no code: another certificate, another host's, or no TLS where it is asked for. */
static bool
is_refusal(const char *text)
{
        static const char *const texts[] = {"no password supplied",      "invalid connection option",
                                            "certificate verify failed", "root certificate file",
                                            "does not match host name",  "server does not support SSL"};
        const char *state = state_in(text);

        if (state)
                return sqi_postgres_refuses(state);
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                if (strstr(text, texts[i]))
                        return true;
        return false;
}

static PGconn *
begin(const char *url, const char *secret)
{
        const struct {
                const char *name, *value;
        } settings[] = {
                {"password", secret[0] ? secret : NULL},
                {"application_name", "squall"},
                /* a peer that is gone without a word is found by the kernel */
                {"tcp_user_timeout", "10000"},
                {"keepalives_idle", "15"},
                {"keepalives_interval", "5"},
                {"keepalives_count", "3"},
                {"dbname", url},             /* what it says itself counts, but for what follows */
                {"client_encoding", "UTF8"}, /* in which texts are, whatever the database keeps them in */
        };
        enum { SETTINGS = sizeof(settings) / sizeof(settings[0]) };
        const char *names[SETTINGS + 1] = {NULL}, *values[SETTINGS + 1] = {NULL};

        for (size_t i = 0; i < SETTINGS; i++) {
                names[i] = settings[i].name;
                values[i] = settings[i].value;
        }
        return PQconnectStartParams(names, values, 1);
}

static uint64_t
now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* 0; -ETIMEDOUT or -EINTR; -EIO: PQerrorMessage() says why. */
static int
go_through(const struct sq_task *task, PGconn *connection, uint64_t until_ms)
{
        PostgresPollingStatusType next = PGRES_POLLING_WRITING;

        if (PQstatus(connection) == CONNECTION_BAD)
                return -EIO;
        while (next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
                uint64_t now = now_ms();
                int silent_ms = 0;
                int r = now >= until_ms ? -ETIMEDOUT
                                        : wait_for(task, connection, next == PGRES_POLLING_READING ? POLLIN : POLLOUT,
                                                   &silent_ms, (int)(until_ms - now));

                if (r < 0)
                        return r;
                next = PQconnectPoll(connection);
        }
        return next == PGRES_POLLING_OK ? 0 : -EIO;
}

/* Each of several hosts in the URL is tried, for as long as the kernel needs to find it away. */
static int
seconds_for(const char *url, int seconds)
{
        for (const char *at = url; *at && *at != '?'; at++)
                seconds += *at == ',' ? FURTHER_HOST_S : 0;
        return seconds;
}

PGconn *
sqi_postgres_open(const struct sq_task *task, const char *url, const char *secret, int seconds,
                  struct sqi_postgres_failure *ret)
{
        PGconn *connection = begin(url, secret);
        const char *text;
        int r;

        *ret = (struct sqi_postgres_failure){.why = "no memory"};
        if (!connection)
                return NULL;
        PQsetNoticeProcessor(connection, keep_quiet, NULL);
        PQsetErrorVerbosity(connection, PQERRORS_VERBOSE); /* else there is no code */
        r = go_through(task, connection, now_ms() + (uint64_t)seconds_for(url, seconds) * 1000);
        if (r == 0 && PQsetnonblocking(connection, 1) == 0) {
                PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
                return connection;
        }
        text = r == -EIO || r == 0 ? PQerrorMessage(connection) : sqi_postgres_silence(r);
        ret->final = is_refusal(text);
        snprintf(ret->why, sizeof(ret->why), "%.*s", (int)strcspn(text, "\n"), text);
        PQfinish(connection);
        return NULL;
}

/* ---- Asking ------------------------------------------------------------------------------------------ */

int
sqi_postgres_await(const struct sq_task *task, PGconn *connection)
{
        int silent_ms = 0, unsent, r;

        while ((unsent = PQflush(connection)) > 0 || (unsent == 0 && PQisBusy(connection))) {
                r = wait_for(task, connection, (short)(POLLIN | (unsent ? POLLOUT : 0)), &silent_ms, SILENT_MS);
                if (r < 0)
                        return r;
                silent_ms = 0;
                if (!PQconsumeInput(connection))
                        return -EIO;
        }
        return unsent < 0 ? -EIO : 0;
}

const char *
sqi_postgres_silence(int error)
{
        if (error == -EINTR)
                return "no answer by the end of the task";
        return error == -ETIMEDOUT ? "no answer in time" : strerror(-error);
}

PGresult *
sqi_postgres_ask(const struct sq_task *task, PGconn *connection, const char *statement)
{
        PGresult *last = NULL, *next;
        int r = PQsendQuery(connection, statement) ? 0 : -EIO;

        while (r == 0 && (r = sqi_postgres_await(task, connection)) == 0 && (next = PQgetResult(connection))) {
                if (last && PQresultStatus(last) == PGRES_FATAL_ERROR) {
                        PQclear(next);
                        continue;
                }
                PQclear(last);
                last = next;
        }
        if (r == 0)
                return last;
        PQclear(last);
        return NULL;
}

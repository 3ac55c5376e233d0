/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres.h"

#include <stdio.h>
#include <string.h>

enum { SECRET_MAX = 512, PROBE_S = 5 };

/* Notices are for people: that a table exists, say. */
static void
keep_quiet(void *context, const char *text)
{
        (void)context;
        (void)text;
}

PGconn *
sqi_postgres_open(const char *url, const char *secret, int seconds)
{
        char limit[16];
        const char *names[] = {"dbname", "password", "connect_timeout", "tcp_user_timeout", "application_name", NULL};
        const char *values[] = {url, secret[0] ? secret : NULL, limit, "10000", "squall", NULL};

        PGconn *connection;

        snprintf(limit, sizeof(limit), "%d", seconds);
        connection = PQconnectdbParams(names, values, 1);
        PQsetNoticeProcessor(connection, keep_quiet, NULL);
        return connection;
}

bool
sqi_postgres_is_refusal(const char *text)
{
        static const char *const texts[] = {"authentication failed", "no password supplied", "does not exist",
                                            "no pg_hba.conf entry", "invalid connection option",
                                            /* another certificate, another host's, or no TLS where it is asked for */
                                            "certificate verify failed", "does not match host name",
                                            "server does not support SSL"};

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                if (strstr(text, texts[i]))
                        return true;
        return false;
}

static bool
is_of(const char *state, const char *const *classes)
{
        while (*classes && strncmp(state, *classes, 2) != 0)
                classes++;
        return *classes != NULL;
}

/* Who one is; a database, a schema that is not there; what was asked, or is not allowed. */
bool
sqi_postgres_is_final(const char *state)
{
        return is_of(state, (const char *const[]){"0A", "28", "3D", "3F", "42", NULL});
}

/* A second row of a key, data, constraints, WITH CHECK of a view, a text too long for an index, RAISE of a trigger. */
bool
sqi_postgres_is_about_rows(const char *state)
{
        return is_of(state, (const char *const[]){"21", "22", "23", "44", "54", "P0", NULL});
}

PGconn *
sqi_postgres_probe(struct sq_declaration *decl, const char *url, const char *password)
{
        char secret[SECRET_MAX];
        PGconn *connection;

        if (!sq_secret_probe(decl, "password", password, secret, sizeof(secret)))
                return NULL;
        connection = sqi_postgres_open(url, secret, PROBE_S);
        explicit_bzero(secret, sizeof(secret));
        if (PQstatus(connection) == CONNECTION_OK)
                return connection;
        sq_declare_error(decl, "url", "%s: %.*s", url, (int)strcspn(PQerrorMessage(connection), "\n"),
                         PQerrorMessage(connection));
        PQfinish(connection);
        return NULL;
}

bool
sqi_postgres_probe_statement(struct sq_declaration *decl, const char *option, PGconn *connection, const char *statement)
{
        PGresult *result = PQexec(connection, statement);
        bool fine = PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK;

        if (!fine)
                sq_declare_error(decl, option, "%.*s", (int)strcspn(PQerrorMessage(connection), "\n"),
                                 PQerrorMessage(connection));
        PQclear(result);
        return fine;
}

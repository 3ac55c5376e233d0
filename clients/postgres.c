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
        const struct {
                const char *name, *value;
        } settings[] = {
                {"password", secret[0] ? secret : NULL},
                {"connect_timeout", limit},
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
        PGconn *connection;

        for (size_t i = 0; i < SETTINGS; i++) {
                names[i] = settings[i].name;
                values[i] = settings[i].value;
        }

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
                                            "certificate verify failed", "root certificate file",
                                            "does not match host name", "server does not support SSL"};

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

/*
 * A second row of a key, data, constraints, WITH CHECK of a view, a text too long for an index, RAISE of a trigger,
 * which may bear any state: so that is what is about rows which is not about the server, or about what was asked.
 */
bool
sqi_postgres_is_about_rows(const char *state)
{
        /* the connection, a transaction, one that was rolled back, what is full, locked or shut down, the system, its
         * settings, another server behind this one, a fault of its own */
        const char *const others[] = {"08", "25", "40", "53", "55", "57", "58", "72", "F0", "HV", "XX", NULL};

        return !is_of(state, others) && !sqi_postgres_is_final(state);
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

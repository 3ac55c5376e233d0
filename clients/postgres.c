/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres.h"

#include <stdio.h>
#include <string.h>

enum { SECRET_MAX = 512, PROBE_S = 5 };

/*
 * SQLSTATE, by its class or as a whole; the first that fits counts. What stands nowhere is about a row, for a trigger
 * may raise any state; what is about a server that runs, and what was asked of it, stands here.
 */
static const struct {
        const char *state;
        enum sqi_postgres_about about;
} states[] = {
        {"08", SQI_POSTGRES_MOMENT},   /* the connection, or one to another server behind this one */
        {"0A", SQI_POSTGRES_SETUP},    /* not supported, such as COPY into it */
        {"0L", SQI_POSTGRES_SETUP},    /* who grants */
        {"0P", SQI_POSTGRES_SETUP},    /* a role that is none */
        {"25", SQI_POSTGRES_MOMENT},   /* a transaction; one that may only read: a standby, until it is the primary */
        {"28", SQI_POSTGRES_SETUP},    /* who we are */
        {"3D", SQI_POSTGRES_SETUP},    /* a database that is not there */
        {"3F", SQI_POSTGRES_SETUP},    /* a schema that is not there */
        {"40", SQI_POSTGRES_MOMENT},   /* rolled back: a deadlock */
        {"42", SQI_POSTGRES_SETUP},    /* a table, a column, a type, a right */
        {"53", SQI_POSTGRES_MOMENT},   /* memory, disk, connections */
        {"55000", SQI_POSTGRES_SETUP}, /* a view that takes no rows, a table without an identity that is published */
        {"55", SQI_POSTGRES_MOMENT},   /* locked, in use */
        {"57", SQI_POSTGRES_MOMENT},   /* cancelled, shut down, starting up */
        {"58", SQI_POSTGRES_MOMENT},   /* the system */
        {"72", SQI_POSTGRES_MOMENT},   /* a snapshot too old */
        {"F0", SQI_POSTGRES_MOMENT},   /* its settings' file */
        {"HV", SQI_POSTGRES_MOMENT},   /* another server behind this one */
        {"XX", SQI_POSTGRES_MOMENT},   /* a fault of its own */
};

/* The state alone does not say of these; the function of the server that has found it does, in any language. */
static const struct {
        const char *function;
        enum sqi_postgres_about about;
} finders[] = {
        {"ExecWithCheckOptions", SQI_POSTGRES_ROW},   /* row-level security: 42501, as a right that one has not got */
        {"exec_stmt_raise", SQI_POSTGRES_ROW},        /* RAISE of a trigger that bears a state of ours */
        {"GetNewTransactionId", SQI_POSTGRES_MOMENT}, /* VACUUM is overdue: 54000, as a text too long for an index */
        {"GetNewMultiXactId", SQI_POSTGRES_MOMENT},
};

static enum sqi_postgres_about
about(const char *state)
{
        for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
                if (strncmp(state, states[i].state, strlen(states[i].state)) == 0)
                        return states[i].about;
        return SQI_POSTGRES_ROW;
}

enum sqi_postgres_about
sqi_postgres_judge(const PGresult *result)
{
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
        enum sqi_postgres_about by_state = state ? about(state) : SQI_POSTGRES_MOMENT;

        for (size_t i = 0; function && by_state != SQI_POSTGRES_MOMENT && i < sizeof(finders) / sizeof(finders[0]); i++)
                if (strcmp(function, finders[i].function) == 0)
                        return finders[i].about;
        return by_state;
}

bool
sqi_postgres_refuses(const char *state)
{
        return about(state) != SQI_POSTGRES_MOMENT;
}

PGconn *
sqi_postgres_probe(struct sq_declaration *decl, const char *url, const char *password)
{
        struct sqi_postgres_failure failure;
        char secret[SECRET_MAX];
        PGconn *connection;

        if (!sq_secret_probe(decl, "password", password, secret, sizeof(secret)))
                return NULL;
        connection = sqi_postgres_open(NULL, url, secret, PROBE_S, &failure);
        explicit_bzero(secret, sizeof(secret));
        if (!connection)
                sq_declare_error(decl, "url", "%s: %s", url, failure.why);
        return connection;
}

bool
sqi_postgres_probe_statement(struct sq_declaration *decl, const char *option, PGconn *connection, const char *statement)
{
        PGresult *result = sqi_postgres_ask(NULL, connection, statement);
        bool fine = PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK;

        const char *text = result ? PQresultErrorMessage(result) : "no answer in time";

        if (!fine)
                sq_declare_error(decl, option, "%.*s", (int)strcspn(text, "\n"), text);
        PQclear(result);
        return fine;
}

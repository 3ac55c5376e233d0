/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres.h"

#include <stdio.h>
#include <string.h>

enum { SECRET_MAX = 512, PROBE_S = 5 };

PGconn *
sqi_postgres_open(const char *url, const char *secret, int seconds)
{
        char limit[16];
        const char *names[] = {"dbname", "password", "connect_timeout", "tcp_user_timeout", "application_name", NULL};
        const char *values[] = {url, secret[0] ? secret : NULL, limit, "10000", "squall", NULL};

        snprintf(limit, sizeof(limit), "%d", seconds);
        return PQconnectdbParams(names, values, 1);
}

bool
sqi_postgres_is_refusal(const char *text)
{
        static const char *const texts[] = {"authentication failed", "no password supplied", "does not exist",
                                            "no pg_hba.conf entry", "invalid connection option"};

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                if (strstr(text, texts[i]))
                        return true;
        return false;
}

void
sqi_postgres_probe(struct sq_declaration *decl, const char *url, const char *password)
{
        char secret[SECRET_MAX];
        PGconn *connection;

        if (!sq_secret_probe(decl, "password", password, secret, sizeof(secret)))
                return;
        connection = sqi_postgres_open(url, secret, PROBE_S);
        if (PQstatus(connection) != CONNECTION_OK)
                sq_declare_error(decl, "url", "%s: %.*s", url, (int)strcspn(PQerrorMessage(connection), "\n"),
                                 PQerrorMessage(connection));
        PQfinish(connection);
        explicit_bzero(secret, sizeof(secret));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

enum { CONNECT_S = 3, INT8_OID = 20, REST = 9 };
static const uint64_t AGAIN_NS = 5000000000;

/* The rows of QUERY, and the seconds that it took to count them; NULL: no memory. */
static char *
counting(const char *query)
{
        static const char begin[] =
                "SELECT count(*), extract(epoch FROM clock_timestamp() - statement_timestamp()) FROM (",
                          end[] = "\n) AS squall_rows";
        size_t len = strlen(query);
        char *text = malloc(sizeof(begin) + len + sizeof(end));

        while (len > 0 && strchr("; \t\r\n", query[len - 1]))
                len--;
        if (text)
                snprintf(text, sizeof(begin) + len + sizeof(end), "%s%.*s%s", begin, (int)len, query, end);
        return text;
}

static bool
open_one(const struct sq_task *task, struct sqi_postgres_count *count, const char *url, const char *secret)
{
        struct sqi_postgres_failure failure;
        PGresult *result;
        bool fine;

        if (count->connection)
                return true;
        count->connection = sqi_postgres_open(task, url, secret, CONNECT_S, &failure);
        if (!count->connection)
                return false;
        result = sqi_postgres_ask(task, count->connection,
                                  "SET application_name = 'squall lag'; SET default_transaction_read_only = on");
        fine = PQresultStatus(result) == PGRES_COMMAND_OK;
        PQclear(result);
        return fine;
}

static bool
ask(struct sqi_postgres_count *count, const char *query, int64_t last)
{
        char *text = counting(query), cursor[24];
        bool fine;

        snprintf(cursor, sizeof(cursor), "%lld", (long long)last);
        fine = text && PQsendQueryParams(count->connection, text, 1, (Oid[]){INT8_OID}, (const char *[]){cursor}, NULL,
                                         NULL, 0);
        free(text);
        return fine;
}

/* False: there is none, as the connection is broken, or the query is not one that can be counted. */
static bool
take(struct sqi_postgres_count *count, uint64_t now_ns)
{
        PGresult *result = PQgetResult(count->connection);
        bool fine = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
        uint64_t n = fine ? strtoull(PQgetvalue(result, 0, 0), NULL, 10) : 0;

        count->useless = !fine && PQstatus(count->connection) == CONNECTION_OK;
        count->known = fine;
        count->behind = n > count->taken ? n - count->taken : 0;
        count->due_ns = now_ns + (fine ? (uint64_t)(REST * 1e9 * strtod(PQgetvalue(result, 0, 1), NULL)) : 0);
        while (result) {
                PQclear(result);
                result = PQgetResult(count->connection);
        }
        return fine;
}

/* One step: an answer is taken if it has come, or the next question is asked if it is due. False: it is broken. */
static bool
step(const struct sq_task *task, struct sqi_postgres_count *count, const char *url, const char *secret,
     const char *query, int64_t last, uint64_t now_ns)
{
        if (count->asked) {
                if (!PQconsumeInput(count->connection))
                        return false;
                if (PQisBusy(count->connection))
                        return true;
                count->asked = false;
                if (!take(count, now_ns))
                        return false;
        }
        if (now_ns < count->due_ns)
                return true;
        if (!open_one(task, count, url, secret) || !ask(count, query, last))
                return false;
        count->asked = true;
        count->taken = 0;
        return true;
}

bool
sqi_postgres_count_look(const struct sq_task *task, struct sqi_postgres_count *count, const char *url,
                        const char *secret, const char *query, int64_t last, uint64_t now_ns)
{
        if (!count->useless && !step(task, count, url, secret, query, last, now_ns)) {
                sqi_postgres_count_end(count);
                count->due_ns = now_ns + AGAIN_NS;
        }
        return count->known;
}

void
sqi_postgres_count_took(struct sqi_postgres_count *count)
{
        count->taken++;
        count->behind -= count->behind > 0;
}

void
sqi_postgres_count_end(struct sqi_postgres_count *count)
{
        PQfinish(count->connection);
        count->connection = NULL;
        count->asked = count->known = false;
}

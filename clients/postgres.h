/* SPDX-License-Identifier: Apache-2.0 */
/* What the components with a connection to PostgreSQL share. */
#ifndef SQI_CLIENT_POSTGRES_H
#define SQI_CLIENT_POSTGRES_H

#include <libpq-fe.h>
#include <squall-kit.h>

/* How long a server may be silent, for each statement and in the midst of it. */
enum { SQI_POSTGRES_SILENT_S = 10 };

/* Why there is no connection; final: no later attempt would end otherwise. */
struct sqi_postgres_failure {
        bool final;
        char why[256];
};
/* A connection that does not block, for PQfinish(); or NULL, and what failed. It takes at most so many seconds, and
 * ends when the task is to leave (NULL: in `.probe`). The secret may be empty. */
PGconn *sqi_postgres_open(const struct sq_task *task, const char *url, const char *secret, int seconds,
                          struct sqi_postgres_failure *ret);
/* Until all is written, and the next result can be had at once. 0; -EIO: PQerrorMessage() says why; -ETIMEDOUT: the
 * server is silent; -EINTR: the task is to leave. Then the connection is of no use any more. */
int sqi_postgres_await(const struct sq_task *task, PGconn *connection);
/* What an error of it other than -EIO means, a constant. */
const char *sqi_postgres_silence(int error);
/* As PQexec(); NULL: sqi_postgres_await() failed. */
PGresult *sqi_postgres_ask(const struct sq_task *task, PGconn *connection, const char *statement);

/* What an error of the server is about, by its SQLSTATE: a row that was to be written, which no later attempt would
 * get there; what was set up, or is allowed, which somebody has to mend; or the moment, which may mend itself. */
enum sqi_postgres_about { SQI_POSTGRES_ROW, SQI_POSTGRES_SETUP, SQI_POSTGRES_MOMENT };
enum sqi_postgres_about sqi_postgres_judge(const PGresult *result);
/* Likewise of a connection that it refuses: whether it is about what was set up. */
bool sqi_postgres_refuses(const char *state);
/* In `.probe`: a connection by the settings `url` and `password`, for PQfinish(). NULL: it said what does not work. */
PGconn *sqi_postgres_probe(struct sq_declaration *decl, const char *url, const char *password);
/* Whether the server takes a statement, EXPLAIN or PREPARE, which is about `option`. False: it said why not. */
bool sqi_postgres_probe_statement(struct sq_declaration *decl, const char *option, PGconn *connection,
                                  const char *statement);

/*
 * How many rows a query has behind a cursor, which it has as $1: counted on a connection of its own, which may only
 * read, and of which nobody waits for an answer but for the connecting.
 *
 *     struct sqi_postgres_count count = {0};
 *     sqi_postgres_count_look(task, &count, url, secret, query, last, now_ns)       about once a second
 *     sqi_postgres_count_took(&count)                                         for each row that is taken
 *     sqi_postgres_count_end(&count);                                         also of {0}
 *
 * A count takes its time where there are many, so the next begins after nine times as long as the last has taken.
 */
struct sqi_postgres_count {
        PGconn *connection;     /* NULL: none */
        bool asked;             /* an answer is to come */
        bool known;             /* how many are `behind` */
        bool useless;           /* the query cannot be counted */
        uint64_t behind, taken; /* taken: rows since it was asked */
        uint64_t due_ns;        /* when it is asked again */
};
/* Whether it is known. */
bool sqi_postgres_count_look(const struct sq_task *task, struct sqi_postgres_count *count, const char *url,
                             const char *secret, const char *query, int64_t last, uint64_t now_ns);
void sqi_postgres_count_took(struct sqi_postgres_count *count); /* a row */
void sqi_postgres_count_end(struct sqi_postgres_count *count);

#endif

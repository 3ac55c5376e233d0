/* SPDX-License-Identifier: Apache-2.0 */
/* What the components with a connection to PostgreSQL share. */
#ifndef SQI_CLIENT_POSTGRES_H
#define SQI_CLIENT_POSTGRES_H

#include <libpq-fe.h>
#include <squall-kit.h>

/* A connection, which PQstatus() tells whether it is one, for PQfinish(). The secret may be empty. */
PGconn *sqi_postgres_open(const char *url, const char *secret, int seconds);
/* Of the text of an error: whether no later attempt to connect would end otherwise. */
bool sqi_postgres_is_refusal(const char *text);
/* Of the SQLSTATE of an error: whether another try would end alike; and whether it is about what was to be written. */
bool sqi_postgres_is_final(const char *state);
bool sqi_postgres_is_about_rows(const char *state);
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
 *     sqi_postgres_count_look(&count, url, secret, query, last, now_ns)       about once a second
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
bool sqi_postgres_count_look(struct sqi_postgres_count *count, const char *url, const char *secret, const char *query,
                             int64_t last, uint64_t now_ns);
void sqi_postgres_count_took(struct sqi_postgres_count *count); /* a row */
void sqi_postgres_count_end(struct sqi_postgres_count *count);

#endif

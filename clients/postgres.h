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
/* What `.probe` is to do, with the settings `url` and `password`. */
void sqi_postgres_probe(struct sq_declaration *decl, const char *url, const char *password);

#endif

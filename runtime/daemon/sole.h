/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A topology that runs in the foreground, as those who ask see it: a command socket in its run directory, which answers
 * what only looks (PING, LIST, STATUS, EVENTS, QUERY, ...) as a daemon does, and refuses the rest.
 *
 *  1. sqi_sole_open() when it runs; the file `topology` beside the socket has its name from then on, to be found by.
 *     sqi_sole_http() lets it answer over HTTP as well.
 *  2. sqi_sole_serve() whenever one of sqi_sole_fds() can be read, and at sqi_sole_due() at the latest; it never waits.
 *     What happens is told to it.
 *  3. sqi_sole_close() before the run is freed. NULL is accepted everywhere: then there is no socket.
 */
#ifndef SQI_SOLE_H
#define SQI_SOLE_H

#include "supervisor/supervisor.h"

struct sqi_sole;

/* `version` as PING answers it; borrowed. 0, or a negative errno with the cause in `error`. */
int sqi_sole_open(struct sqi_running *running, const char *version, struct sqi_sole **ret, char *error, size_t size);
void sqi_sole_close(struct sqi_sole **sole);
/* At "127.0.0.1:8080". 0, or a negative errno with the cause in `error`. Where it is, *ret_at says, "127.0.0.1:8080". */
int sqi_sole_http(struct sqi_sole *sole, const char *address, const char **ret_at, char *error, size_t size);
enum { SQI_SOLE_FDS = 3 };
void sqi_sole_fds(const struct sqi_sole *sole, int ret_fds[SQI_SOLE_FDS]); /* -1: none */
uint64_t sqi_sole_due(const struct sqi_sole *sole);                        /* monotonic ns; SQI_NEVER */
void sqi_sole_serve(struct sqi_sole *sole);

void sqi_sole_happened(struct sqi_sole *sole, const char *event, enum sq_level level, const char *text);
void sqi_sole_died(struct sqi_sole *sole, const struct sqi_death *death);
/* A task has answered a QUERY. */
void sqi_sole_answered(struct sqi_sole *sole, const struct sqi_message *answer);

#define SQI_SOLE_SOCKET "commands"
#define SQI_SOLE_NAME "topology"

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon: many topologies under one supervisor, submitted and asked about by commands (command.h), kept in a state
 * directory (state.h).
 *
 *  1. sqi_daemon_new(). What the state directory holds is started, or adopted where it runs already.
 *  2. The owner waits on sqi_daemon_fds() until sqi_daemon_due() at the latest, then calls sqi_daemon_serve(), which
 *     never waits: what is to be durable before something follows from it is written at the desk (desk.h, decide.h).
 *  3. sqi_daemon_stop() drains all topologies, which stay submitted: the next supervisor goes on with them where they
 *     were. Once more: kills them. sqi_daemon_leave(): they go on, for the next supervisor to adopt. STOP does either.
 *  4. sqi_daemon_is_over(): sqi_daemon_free(), which waits for what is being written.
 *
 * A topology under a daemon:
 *
 *     submitted: its record is on disk --> runs, and is restarted whatever happens --> kill: the wish is on disk; it
 *                                          |                                           drains; all of it is removed
 *                                          '--> finished by itself, or failed as it began: stays in the list until it
 *                                               is killed or submitted anew
 */
#ifndef SQI_DAEMON_H
#define SQI_DAEMON_H

#include <limits.h>
#include <stdbool.h>

#include "squall.h"

struct sqi_daemon;

struct sqi_daemon_options {
        char state[PATH_MAX];
        const char *socket;
        const char *listen, *cert, *clients; /* on TCP besides: struct sqi_server_tcp; NULL: not */
        const char *http;                    /* ADDRESS:PORT to serve HTTP at besides, on loopback; NULL: not */
        const char *version;                 /* what PING answers */
        void *context;
        void (*tell)(void *context, enum sq_level level, const char *topology,
                     const char *text); /* topology NULL: the daemon itself */
};

/* 0, or a negative errno with the cause in `error`; -EWOULDBLOCK: another supervisor is there. */
int sqi_daemon_new(const struct sqi_daemon_options *options, struct sqi_daemon **ret, char *error, size_t size);
void sqi_daemon_free(struct sqi_daemon **daemon);

enum { SQI_REBALANCINGS = 4 };                  /* at a time: rebalancing.h */
enum { SQI_DAEMON_FDS = 7 + SQI_REBALANCINGS }; /* some may be -1 */
void sqi_daemon_fds(const struct sqi_daemon *daemon, int ret_fds[SQI_DAEMON_FDS]);
uint64_t sqi_daemon_due(const struct sqi_daemon *daemon);
void sqi_daemon_serve(struct sqi_daemon *daemon);
/* Where HTTP is served: "127.0.0.1:8080"; NULL: nowhere. */
const char *sqi_daemon_http(const struct sqi_daemon *daemon);

void sqi_daemon_stop(struct sqi_daemon *daemon);
void sqi_daemon_leave(struct sqi_daemon *daemon);
bool sqi_daemon_is_over(const struct sqi_daemon *daemon);
void sqi_daemon_reopen_logs(struct sqi_daemon *daemon);

#endif

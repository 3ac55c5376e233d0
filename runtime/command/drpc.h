/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of `drpc` spouts (docs/drpc.md): asks their tasks, many requests at a time, and never waits.
 *
 *  1. sqi_drpc_open().
 *  2. sqi_drpc_ask() as often as wanted, each with a ticket of the caller's; then sqi_drpc_serve(), and again whenever
 *     sqi_drpc_fd() can be read. That calls `answered` once for each ticket: with the spout's status and text; with
 *     SQI_DRPC_LOST when the task's worker has ended before it answered; with SQI_DRPC_TIMED_OUT when a second after
 *     its time the spout has not said that it is over.
 *  3. sqi_drpc_cancel() for what is not wanted any more: its ticket is not answered then, and the spout forgets it.
 *  4. sqi_drpc_close(): all that is left is cancelled.
 *
 * `answered` must not ask. The caller need not keep the time.
 */
#ifndef SQI_COMMAND_DRPC_H
#define SQI_COMMAND_DRPC_H

#include <stdbool.h>
#include <stdint.h>

#include "squall.h"

/* Of the statuses, which are HTTP's. UNAVAILABLE: nothing of it was begun, and it may be asked again. */
enum { SQI_DRPC_OK = 200, SQI_DRPC_LOST = 502, SQI_DRPC_UNAVAILABLE = 503, SQI_DRPC_TIMED_OUT = 504 };

struct sqi_drpc;

typedef void sqi_drpc_answered(void *context, uint64_t ticket, unsigned status, struct sq_str text);

/* 0 or a negative errno. */
int sqi_drpc_open(sqi_drpc_answered *answered, void *context, struct sqi_drpc **ret);
void sqi_drpc_close(struct sqi_drpc **drpc);
int sqi_drpc_fd(const struct sqi_drpc *drpc);

struct sqi_drpc_question {
        const char *rundir; /* of the topology */
        uint32_t task;      /* of its spout */
        struct sq_str function, args;
        uint64_t timeout_ms; /* 0: as long as the spout waits */
        uint64_t ticket;     /* of no other that is not answered */
};

/* 0, and it will be answered; -ECONNREFUSED, -ENOENT: nobody listens there now; or another errno. */
int sqi_drpc_ask(struct sqi_drpc *drpc, const struct sqi_drpc_question *question);
void sqi_drpc_cancel(struct sqi_drpc *drpc, uint64_t ticket);
void sqi_drpc_serve(struct sqi_drpc *drpc);

#endif

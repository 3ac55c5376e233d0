/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's two sockets in a run directory: orders go out by XPUB (which also shows who has subscribed), reports
 * come in by PULL. Over libzmq itself and not czmq's zsock: a topology's sockets are made while others run, and
 * zsock_new() ends the process where descriptors are short; and in a context of their own, so that who floods the
 * command socket, which is on czmq's, does not hold up the workers.
 */
#ifndef SQI_CONTROL_H
#define SQI_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "control/message.h"

struct sqi_control {
        void *orders, *reports; /* XPUB, PULL */
};

/* 0 or a negative errno; then nothing is open. */
int sqi_control_open(void *context, const char *rundir, struct sqi_control *ret);
/* What was sent goes out even when it is closed at once. */
void sqi_control_linger(struct sqi_control *control);
void sqi_control_close(struct sqi_control *control);

/* fds to wait on for input. They are edge-triggered: after they fire, and after anything was sent, read until there is
 * nothing left. */
int sqi_control_fds(const struct sqi_control *control, int ret_fds[2]);

/* To one incarnation of one worker, or to all that listen. 0 or a negative errno. */
int sqi_control_send(const struct sqi_control *control, const struct sqi_message *message, bool all);

/* 1: the next worker that listens to its topic; 0: none. */
int sqi_control_subscribed(const struct sqi_control *control, uint32_t *ret_worker, uint32_t *ret_incarnation);

/* 1: the next report, its text good until the next call; 0: none; -EPROTO, -EBADMSG: one that is not a message was
 * taken away. `metrics` is filled by METRICS. */
struct sqi_received {
        struct sqi_message message;
        struct sqi_metrics metrics;
        char text[SQI_PACKED_MAX];
};
int sqi_control_receive(const struct sqi_control *control, struct sqi_received *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * czmq's sockets in this program. They live in czmq's one context, which the first of them starts; a program that makes
 * none has neither that nor its threads.
 *
 *     sqi_zsock_begin()   first thing in main: czmq leaves the signals to us, in what we start too, and takes nothing
 *                         from variables ZSYS_* of the environment
 *     sqi_zsock_new(type) in place of zsock_new()
 *     sqi_zsock_end()     last thing in main: what lingers has gone out, the context and its threads are gone
 */
#ifndef SQI_ZSOCK_H
#define SQI_ZSOCK_H

#include <czmq.h>

void sqi_zsock_begin(void);

/* One that never waits, neither to send nor to receive. NULL and errno, where zsock_new() would end the process:
 * descriptors are short. So it is not to be called while another socket of the process takes connections. */
zsock_t *sqi_zsock_new(int type);

void sqi_zsock_end(void);

#endif

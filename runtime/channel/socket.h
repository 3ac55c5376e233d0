/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of the data plane, over raw libzmq: made, bound, connected with the options that every one of them has. All
 * functions belong to the thread that uses the socket. Errors are negative errno (libzmq's own among them).
 */
#ifndef SQI_SOCKET_H
#define SQI_SOCKET_H

#include <stdint.h>
#include <zmq.h>

/* What is the same for all: bounded queues of `hwm` messages at either end, quick reconnects, no wait at close. NULL:
 * see errno. */
void *sqi_socket_new(void *context, int type, int hwm);

/* Of a SUB or an XPUB: subscriptions wait for as long as it takes. There are some for each source and stream, and
 * ZeroMQ drops without a word what is beyond the bound. 0 or a negative errno. */
int sqi_socket_keep_subscriptions(void *socket);
void sqi_socket_close(void **socket);

int sqi_socket_bind(void *socket, const char *endpoint);
int sqi_socket_connect(void *socket, const char *endpoint);

/* Sends without waiting. 0; -EAGAIN: the channel is full, the message stays the caller's; another error likewise. */
int sqi_socket_send(void *socket, zmq_msg_t *message);

/* Receives without waiting into an initialised, empty message. 0, -EAGAIN, or another error. */
int sqi_socket_receive(void *socket, zmq_msg_t *message);

#endif

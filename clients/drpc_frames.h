/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of several frames, as a socket of ZeroMQ has them. */
#ifndef SQI_DRPC_FRAMES_H
#define SQI_DRPC_FRAMES_H

#include <stddef.h>
#include <zmq.h>

/* Up to `most` frames of the next message; what it has beyond is dropped. How many it has; 0: there is none. */
size_t sqi_drpc_frames(void *socket, zmq_msg_t *frames, size_t most);
void sqi_drpc_frames_close(zmq_msg_t *frames, size_t n);
/* What tells of news there; -1: nothing does. */
int sqi_drpc_frames_fd(void *socket);

#endif

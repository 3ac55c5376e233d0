/* SPDX-License-Identifier: Apache-2.0 */
#include "drpc_frames.h"

#include <errno.h>
#include <stdbool.h>

/* A signal in the middle of a message must not cut it: its rest would be read as another. */
static int
receive_frame(void *socket, zmq_msg_t *frame)
{
        int r;

        do
                r = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT);
        while (r < 0 && errno == EINTR);
        return r;
}

size_t
sqi_drpc_frames(void *socket, zmq_msg_t *frames, size_t most)
{
        zmq_msg_t frame;
        bool more = true;
        size_t n = 0;

        for (; more; n++) {
                zmq_msg_init(&frame);
                if (receive_frame(socket, &frame) < 0) {
                        zmq_msg_close(&frame);
                        break;
                }
                more = zmq_msg_more(&frame);
                if (n < most) {
                        zmq_msg_init(&frames[n]);
                        zmq_msg_move(&frames[n], &frame);
                }
                zmq_msg_close(&frame);
        }
        return n;
}

void
sqi_drpc_frames_close(zmq_msg_t *frames, size_t n)
{
        for (size_t i = 0; i < n; i++)
                zmq_msg_close(&frames[i]);
}

int
sqi_drpc_frames_fd(void *socket)
{
        size_t size = sizeof(int);
        int fd = -1;

        (void)zmq_getsockopt(socket, ZMQ_FD, &fd, &size);
        return fd;
}

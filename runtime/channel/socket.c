/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/socket.h"

#include <errno.h>

/* libzmq is built without the thread sanitizer, which has to be told that a message's memory passes from thread to
 * thread. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define sqi_hand_over(data) __tsan_release(data)
#define sqi_take_over(data) __tsan_acquire(data)
#else
#define sqi_hand_over(data) ((void)(data))
#define sqi_take_over(data) ((void)(data))
#endif

/* A peer that restarts is back within milliseconds; libzmq's default would look for it ten times a second. */
enum { RECONNECT_MS = 2, RECONNECT_MAX_MS = 8 };

void *
sqi_socket_new(void *context, int type, int hwm)
{
        void *socket = zmq_socket(context, type);
        const struct {
                int option, value;
        } options[] = {
                {ZMQ_SNDHWM, hwm},
                {ZMQ_RCVHWM, hwm},
                {ZMQ_LINGER, 0},
                {ZMQ_RECONNECT_IVL, RECONNECT_MS},
                {ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS},
        };

        if (!socket)
                return NULL;
        for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
                if (zmq_setsockopt(socket, options[i].option, &options[i].value, sizeof(int)) < 0) {
                        sqi_socket_close(&socket);
                        return NULL;
                }
        }
        return socket;
}

int
sqi_socket_keep_subscriptions(void *socket)
{
        int type, all = 0;
        size_t size = sizeof(type);

        if (zmq_getsockopt(socket, ZMQ_TYPE, &type, &size) < 0 ||
            zmq_setsockopt(socket, type == ZMQ_SUB ? ZMQ_SNDHWM : ZMQ_RCVHWM, &all, sizeof(all)) < 0)
                return -errno;
        return 0;
}

void
sqi_socket_close(void **socket)
{
        int saved = errno;

        if (*socket)
                zmq_close(*socket);
        *socket = NULL;
        errno = saved;
}

int
sqi_socket_bind(void *socket, const char *endpoint)
{
        return zmq_bind(socket, endpoint) < 0 ? -errno : 0;
}

int
sqi_socket_connect(void *socket, const char *endpoint)
{
        return zmq_connect(socket, endpoint) < 0 ? -errno : 0;
}

int
sqi_socket_send(void *socket, zmq_msg_t *message)
{
        sqi_hand_over(zmq_msg_data(message));
        while (zmq_msg_send(message, socket, ZMQ_DONTWAIT) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

int
sqi_socket_receive(void *socket, zmq_msg_t *message)
{
        while (zmq_msg_recv(message, socket, ZMQ_DONTWAIT) < 0)
                if (errno != EINTR)
                        return -errno;
        sqi_take_over(zmq_msg_data(message));
        return 0;
}

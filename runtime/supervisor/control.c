/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "control/endpoint.h"

/* Orders are few and none may be lost; reports wait in the workers when we are slow. */
enum { ORDERS_HWM = 0, REPORTS_HWM = 1000 };

static int
open_socket(void *context, int type, int hwm, const char *endpoint, void **ret)
{
        const int linger = 0, backlog = 1024;
        void *socket = zmq_socket(context, type);

        if (!socket)
                return -errno;
        if (zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger)) < 0 ||
            zmq_setsockopt(socket, ZMQ_SNDHWM, &hwm, sizeof(hwm)) < 0 ||
            zmq_setsockopt(socket, ZMQ_RCVHWM, &hwm, sizeof(hwm)) < 0 ||
            zmq_setsockopt(socket, ZMQ_BACKLOG, &backlog, sizeof(backlog)) < 0 || zmq_bind(socket, endpoint) < 0) {
                int r = -errno;

                zmq_close(socket);
                return r;
        }
        *ret = socket;
        return 0;
}

int
sqi_control_open(void *context, const char *rundir, struct sqi_control *ret)
{
        char orders[SQI_ENDPOINT_SIZE], reports[SQI_ENDPOINT_SIZE];
        struct sqi_control control = {NULL, NULL};
        int r;

        r = sqi_endpoint(rundir, SQI_CONTROL, 0, false, orders);
        if (r == 0)
                r = sqi_endpoint(rundir, SQI_REPORT, 0, false, reports);
        if (r == 0)
                r = open_socket(context, ZMQ_XPUB, ORDERS_HWM, orders, &control.orders);
        if (r == 0)
                r = open_socket(context, ZMQ_PULL, REPORTS_HWM, reports, &control.reports);
        if (r < 0) {
                sqi_control_close(&control);
                return r;
        }
        *ret = control;
        return 0;
}

void
sqi_control_linger(struct sqi_control *control)
{
        const int linger = 1000;

        zmq_setsockopt(control->orders, ZMQ_LINGER, &linger, sizeof(linger));
}

void
sqi_control_close(struct sqi_control *control)
{
        if (control->orders)
                zmq_close(control->orders);
        if (control->reports)
                zmq_close(control->reports);
        *control = (struct sqi_control){NULL, NULL};
}

int
sqi_control_fds(const struct sqi_control *control, int ret_fds[2])
{
        size_t size = sizeof(int);

        if (zmq_getsockopt(control->orders, ZMQ_FD, &ret_fds[0], &size) < 0 ||
            zmq_getsockopt(control->reports, ZMQ_FD, &ret_fds[1], &size) < 0)
                return -errno;
        return 0;
}

int
sqi_control_send(const struct sqi_control *control, const struct sqi_message *message, bool all)
{
        char topic[SQI_TOPIC_SIZE] = SQI_TOPIC_ALL;
        void *bytes;
        size_t size;
        int r;

        if (!all)
                sqi_message_topic(message->worker, message->incarnation, topic);
        r = sqi_message_encode(message, &bytes, &size);
        if (r < 0)
                return r;
        if (zmq_send(control->orders, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
            zmq_send(control->orders, bytes, size, ZMQ_DONTWAIT) < 0)
                r = -errno;
        free(bytes);
        return r;
}

int
sqi_control_subscribed(const struct sqi_control *control, uint32_t *ret_worker, uint32_t *ret_incarnation)
{
        char bytes[SQI_TOPIC_SIZE + 2];
        uint32_t worker, incarnation;
        int n, end = 0;

        for (;;) {
                n = zmq_recv(control->orders, bytes, sizeof(bytes) - 1, ZMQ_DONTWAIT);
                if (n < 0)
                        return 0;
                if (n < 2 || (size_t)n >= sizeof(bytes) || bytes[0] != 1)
                        continue;
                bytes[n] = '\0';
                if (sscanf(bytes + 1, "w%u.%u.%n", &worker, &incarnation, &end) != 2 || end != n - 1)
                        continue;
                *ret_worker = worker;
                *ret_incarnation = incarnation;
                return 1;
        }
}

/* The text is copied out of the frame, which ends here. */
int
sqi_control_receive(const struct sqi_control *control, struct sqi_received *ret)
{
        struct sqi_message message;
        zmq_msg_t frame;
        int r;

        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, control->reports, ZMQ_DONTWAIT) < 0) {
                zmq_msg_close(&frame);
                return 0;
        }
        r = sqi_message_decode(zmq_msg_data(&frame), zmq_msg_size(&frame), &message, &ret->metrics);
        if (r == 0) {
                if (message.text.len > sizeof(ret->text))
                        message.text.len = sizeof(ret->text);
                if (message.text.len > 0)
                        memcpy(ret->text, message.text.ptr, message.text.len);
                message.text.ptr = ret->text;
                message.metrics = &ret->metrics;
                ret->message = message;
        }
        zmq_msg_close(&frame);
        return r < 0 ? r : 1;
}

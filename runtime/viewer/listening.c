/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/listening.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/complain.h"
#include "base/sealed.h"
#include "channel/socket.h"
#include "control/endpoint.h"

enum { PLAN_MAX = 64 << 20, WAITING = 1000 };

int
sqi_rundir_plan(const char *rundir, struct sqi_plan **ret, char *error, size_t size)
{
        char path[SQI_ENDPOINT_SIZE + 8], cause[256] = "", *bytes = NULL;
        size_t length = 0;
        int r;

        snprintf(path, sizeof(path), "%s/plan", rundir);
        r = sqi_file_read(AT_FDCWD, path, PLAN_MAX, &bytes, &length);
        if (r < 0)
                return sqi_complain(r, error, size, "cannot read %s: %s", path, strerror(-r));
        r = sqi_plan_decode(bytes, length, ret, cause, sizeof(cause));
        free(bytes);
        return r < 0 ? sqi_complain(r, error, size, "%s: %s (is the topology of another version?)", path, cause) : 0;
}

static int
connect_tasks(struct sqi_listening *listening, const char *rundir, uint32_t first, uint32_t n)
{
        char endpoint[SQI_ENDPOINT_SIZE];
        int r = 0;

        for (uint32_t t = first; t < first + n && r == 0; t++) {
                r = sqi_endpoint(rundir, SQI_TAP, t, false, endpoint);
                if (r == 0)
                        r = sqi_socket_connect(listening->socket, endpoint);
        }
        return r;
}

int
sqi_listening_open(struct sqi_listening *listening, const char *rundir, uint32_t first, uint32_t n, const char *topic,
                   char *error, size_t size)
{
        int r;

        listening->context = zmq_ctx_new();
        listening->socket = listening->context ? sqi_socket_new(listening->context, ZMQ_SUB, WAITING) : NULL;
        if (!listening->socket || zmq_setsockopt(listening->socket, ZMQ_SUBSCRIBE, topic, strlen(topic)) < 0)
                r = -errno;
        else
                r = connect_tasks(listening, rundir, first, n);
        return r < 0 ? sqi_complain(r, error, size, "cannot listen in %s: %s", rundir, zmq_strerror(-r)) : 0;
}

void
sqi_listening_close(struct sqi_listening *listening)
{
        sqi_socket_close(&listening->socket);
        if (listening->context)
                zmq_ctx_term(listening->context);
        listening->context = NULL;
}

bool
sqi_listening_wait(const struct sqi_listening *listening, int out, int ms)
{
        zmq_pollitem_t items[] = {{.socket = listening->socket, .events = ZMQ_POLLIN}, {.fd = out}};

        return zmq_poll(items, 2, ms) <= 0 || !(items[1].revents & ZMQ_POLLERR);
}

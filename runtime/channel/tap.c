/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/tap.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "channel/socket.h"
#include "control/endpoint.h"

/* Batches that wait for a slow reader; the next ones are dropped. */
enum { WAITING = 64 };
/* What a batch costs whoever reads it, whatever its size, in bytes. */
enum { HEAD_COST = 1024 };
/* How long the last batches may take to their readers once the task has ended. */
enum { LINGER_MS = 200 };
/* What was not shown may be made up for as long. */
static const uint64_t BURST_NS = 1000000000;

struct sqi_tap {
        void *socket; /* PUB */
        uint64_t until_ns;
        double ns_per_byte; /* of each outlet */
};

static int
open_socket(struct sqi_tap *tap, void *context, const char *rundir, uint32_t task)
{
        const int linger = LINGER_MS;
        char endpoint[SQI_ENDPOINT_SIZE];
        int r = sqi_endpoint(rundir, SQI_TAP, task, false, endpoint);

        if (r < 0)
                return r;
        tap->socket = sqi_socket_new(context, ZMQ_PUB, WAITING);
        if (!tap->socket || zmq_setsockopt(tap->socket, ZMQ_LINGER, &linger, sizeof(linger)) < 0)
                return -errno;
        return sqi_socket_bind(tap->socket, endpoint);
}

int
sqi_tap_open(void *context, const char *rundir, uint32_t task, struct sqi_tap **ret)
{
        struct sqi_tap *tap = calloc(1, sizeof(*tap));
        int r = tap ? open_socket(tap, context, rundir, task) : -ENOMEM;

        if (r < 0)
                sqi_tap_close(&tap);
        else
                *ret = tap;
        return r;
}

void
sqi_tap_close(struct sqi_tap **tap)
{
        if (!*tap)
                return;
        sqi_socket_close(&(*tap)->socket);
        free(*tap);
        *tap = NULL;
}

void
sqi_tap_order(struct sqi_tap *tap, uint64_t now_ns, uint64_t ns, double bytes_s)
{
        double ns_per_byte = 1e9 / (bytes_s > 1 ? bytes_s : 1);

        if (sqi_tap_is_over(tap, now_ns) || ns_per_byte < tap->ns_per_byte)
                tap->ns_per_byte = ns_per_byte;
        tap->until_ns = now_ns + ns;
}

bool
sqi_tap_is_over(const struct sqi_tap *tap, uint64_t now_ns)
{
        return now_ns >= tap->until_ns;
}

/* A leaky bucket (as in ATM's generic cell rate algorithm): *paid_ns is when all that was shown is paid for. */
static bool
pay(const struct sqi_tap *tap, uint64_t *paid_ns, uint64_t now_ns, size_t size)
{
        if (*paid_ns > now_ns + BURST_NS)
                return false;
        if (*paid_ns < now_ns)
                *paid_ns = now_ns;
        *paid_ns += (uint64_t)((double)(size + HEAD_COST) * tap->ns_per_byte);
        return true;
}

bool
sqi_tap_copy(struct sqi_tap *tap, uint64_t *paid_ns, zmq_msg_t *batch, zmq_msg_t *ret)
{
        uint64_t now_ns = sqi_clock_ns();

        if (sqi_tap_is_over(tap, now_ns) || !pay(tap, paid_ns, now_ns, zmq_msg_size(batch)))
                return false;
        zmq_msg_init(ret);
        return zmq_msg_copy(ret, batch) == 0;
}

void
sqi_tap_show(struct sqi_tap *tap, zmq_msg_t *copy, bool wanted)
{
        if (!wanted || sqi_socket_send(tap->socket, copy) < 0)
                zmq_msg_close(copy);
}

void
sqi_tap_publish(struct sqi_tap *tap, const void *bytes, size_t size)
{
        (void)zmq_send(tap->socket, bytes, size, ZMQ_DONTWAIT);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "command/gate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "command/cert.h"
#include "command/zsock.h"

/* The frames of a question: version, request id, domain, address, identity, mechanism, then what the mechanism has:
 * CURVE the client's public key. */
enum { VERSION, ID, DOMAIN, ADDRESS, IDENTITY, MECHANISM, KEY, FRAMES, RAW_KEY = 32 };

int
sqi_gate_open(const char *clients, struct sqi_gate *ret)
{
        struct sqi_gate gate = {.socket = NULL};

        if (snprintf(gate.clients, sizeof(gate.clients), "%s", clients) >= (int)sizeof(gate.clients))
                return -ENAMETOOLONG;
        gate.socket = sqi_zsock_new(ZMQ_REP);
        if (!gate.socket)
                return -errno;
        if (zsock_bind(gate.socket, "inproc://zeromq.zap.01") < 0) {
                int r = -errno;

                zsock_destroy(&gate.socket);
                return r;
        }
        *ret = gate;
        return 0;
}

void
sqi_gate_close(struct sqi_gate *gate)
{
        zsock_destroy(&gate->socket);
}

int
sqi_gate_fd(const struct sqi_gate *gate)
{
        return gate->socket ? (int)zsock_fd(gate->socket) : -1;
}

static bool
may_enter(const struct sqi_gate *gate, zframe_t *const question[FRAMES])
{
        char key[SQI_KEY_SIZE];

        return zframe_streq(question[VERSION], "1.0") && zframe_streq(question[MECHANISM], "CURVE") &&
               zframe_size(question[KEY]) == RAW_KEY && zmq_z85_encode(key, zframe_data(question[KEY]), RAW_KEY) &&
               sqi_cert_is_known(gate->clients, key);
}

static void
answer(const struct sqi_gate *gate, zmsg_t *message)
{
        zframe_t *question[FRAMES] = {zmsg_first(message)};
        bool enter;

        /* it is libzmq that asks: the first six are always there */
        for (int i = 1; i < FRAMES; i++)
                question[i] = zmsg_next(message);
        enter = zmsg_size(message) == FRAMES && may_enter(gate, question);
        zsock_send(gate->socket, "sfssss", "1.0", question[ID], enter ? "200" : "400",
                   enter ? "OK" : "no certificate of this key", "", "");
}

void
sqi_gate_serve(struct sqi_gate *gate)
{
        zmsg_t *message;

        while (gate->socket && (message = zmsg_recv(gate->socket))) {
                answer(gate, message);
                zmsg_destroy(&message);
        }
}

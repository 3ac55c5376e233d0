/* SPDX-License-Identifier: Apache-2.0 */
#include "command/zap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "command/cert.h"
#include "command/zsock.h"

/* The frames of a question: version, request id, domain, address, identity, mechanism, then what the mechanism has:
 * CURVE the client's public key. */
enum { VERSION, ID, DOMAIN, ADDRESS, IDENTITY, MECHANISM, KEY, FRAMES, RAW_KEY = 32 };

int
sqi_zap_open(const char *clients, struct sqi_zap *ret)
{
        struct sqi_zap zap = {.socket = NULL};

        if (snprintf(zap.clients, sizeof(zap.clients), "%s", clients) >= (int)sizeof(zap.clients))
                return -ENAMETOOLONG;
        zap.socket = sqi_zsock_new(ZMQ_REP);
        if (!zap.socket)
                return -errno;
        if (zsock_bind(zap.socket, "inproc://zeromq.zap.01") < 0) {
                int r = -errno;

                zsock_destroy(&zap.socket);
                return r;
        }
        *ret = zap;
        return 0;
}

void
sqi_zap_close(struct sqi_zap *zap)
{
        zsock_destroy(&zap->socket);
}

int
sqi_zap_fd(const struct sqi_zap *zap)
{
        return zap->socket ? (int)zsock_fd(zap->socket) : -1;
}

static bool
may_enter(const struct sqi_zap *zap, zframe_t *const question[FRAMES])
{
        char key[SQI_KEY_SIZE];

        return zframe_streq(question[VERSION], "1.0") && zframe_streq(question[MECHANISM], "CURVE") &&
               zframe_size(question[KEY]) == RAW_KEY && zmq_z85_encode(key, zframe_data(question[KEY]), RAW_KEY) &&
               sqi_cert_is_known(zap->clients, key);
}

static void
answer(const struct sqi_zap *zap, zmsg_t *message)
{
        zframe_t *question[FRAMES] = {zmsg_first(message)};
        bool enter;

        /* it is libzmq that asks: the first six are always there */
        for (int i = 1; i < FRAMES; i++)
                question[i] = zmsg_next(message);
        enter = zmsg_size(message) == FRAMES && may_enter(zap, question);
        zsock_send(zap->socket, "sfssss", "1.0", question[ID], enter ? "200" : "400",
                   enter ? "OK" : "no certificate of this key", "", "");
}

void
sqi_zap_serve(struct sqi_zap *zap)
{
        zmsg_t *message;

        while (zap->socket && (message = zmsg_recv(zap->socket))) {
                answer(zap, message);
                zmsg_destroy(&message);
        }
}

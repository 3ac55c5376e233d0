/* SPDX-License-Identifier: Apache-2.0 */
#include "command/gate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "command/cert.h"

/* The frames of a question: version, request id, domain, address, identity, mechanism, then what the mechanism has:
 * CURVE the client's public key. */
enum { VERSION, ID, DOMAIN, ADDRESS, IDENTITY, MECHANISM, KEY, FRAMES, FRAME_SIZE = 256, RAW_KEY = 32 };

struct question {
        char frames[FRAMES][FRAME_SIZE];
        size_t sizes[FRAMES], n;
};

int
sqi_gate_open(void *context, const char *clients, struct sqi_gate *ret)
{
        const int linger = 0;
        struct sqi_gate gate = {.socket = zmq_socket(context, ZMQ_REP)};

        if (!gate.socket)
                return -errno;
        if (snprintf(gate.clients, sizeof(gate.clients), "%s", clients) >= (int)sizeof(gate.clients))
                errno = ENAMETOOLONG;
        else if (zmq_setsockopt(gate.socket, ZMQ_LINGER, &linger, sizeof(linger)) == 0 &&
                 zmq_bind(gate.socket, "inproc://zeromq.zap.01") == 0) {
                *ret = gate;
                return 0;
        }
        int r = -errno;

        zmq_close(gate.socket);
        return r;
}

void
sqi_gate_close(struct sqi_gate *gate)
{
        if (gate->socket)
                zmq_close(gate->socket);
        gate->socket = NULL;
}

int
sqi_gate_fd(const struct sqi_gate *gate)
{
        size_t size = sizeof(int);
        int fd = -1;

        if (gate->socket)
                zmq_getsockopt(gate->socket, ZMQ_FD, &fd, &size);
        return fd;
}

static bool
receive(void *socket, struct question *ret)
{
        size_t size = sizeof(int);
        int more = 1;

        *ret = (struct question){.n = 0};
        for (; more; ret->n++) {
                char *frame = ret->n < FRAMES ? ret->frames[ret->n] : ret->frames[DOMAIN];
                int got = zmq_recv(socket, frame, FRAME_SIZE, ZMQ_DONTWAIT);

                if (got < 0)
                        return false;
                if (ret->n < FRAMES)
                        ret->sizes[ret->n] = (size_t)got < FRAME_SIZE ? (size_t)got : FRAME_SIZE;
                zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size);
        }
        return true;
}

static bool
is(const struct question *question, int frame, const char *text)
{
        return question->sizes[frame] == strlen(text) && memcmp(question->frames[frame], text, strlen(text)) == 0;
}

static bool
may_enter(const struct sqi_gate *gate, const struct question *question)
{
        char key[SQI_KEY_SIZE];

        return question->n == FRAMES && is(question, VERSION, "1.0") && is(question, MECHANISM, "CURVE") &&
               question->sizes[KEY] == RAW_KEY &&
               zmq_z85_encode(key, (const uint8_t *)question->frames[KEY], RAW_KEY) &&
               sqi_cert_is_known(gate->clients, key);
}

static void
answer(const struct sqi_gate *gate, const struct question *question, bool enter)
{
        const char *parts[] = {enter ? "200" : "400", enter ? "OK" : "no certificate of this key", "", ""};

        zmq_send(gate->socket, "1.0", 3, ZMQ_SNDMORE);
        zmq_send(gate->socket, question->frames[ID], question->sizes[ID], ZMQ_SNDMORE);
        for (int i = 0; i < 4; i++)
                zmq_send(gate->socket, parts[i], strlen(parts[i]), i < 3 ? ZMQ_SNDMORE : 0);
}

void
sqi_gate_serve(struct sqi_gate *gate)
{
        struct question question;

        while (gate->socket && receive(gate->socket, &question))
                answer(gate, &question, may_enter(gate, &question));
}

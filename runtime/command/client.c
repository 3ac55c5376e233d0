/* SPDX-License-Identifier: Apache-2.0 */
#include "command/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "base/clock.h"
#include "command/server.h"
#include "tuple/unpack.h"

enum { ASK_AGAIN_MS = 1500, HANDSHAKE_MS = 5000 };

struct sqi_client {
        void *context, *socket;
        zmq_msg_t reply;
};

static int64_t
now_ms(void)
{
        return (int64_t)(sqi_clock_ns() / 1000000);
}

/* libzmq would wait for somebody to listen one day; whoever types a command wants to know now. */
static int
probe(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

        if (fd < 0)
                return -errno;
        if (strlen(path) >= sizeof(address.sun_path)) {
                close(fd);
                return -ENAMETOOLONG;
        }
        memcpy(address.sun_path, path, strlen(path));
        r = connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
        close(fd);
        return r == -EAGAIN ? 0 : r; /* its queue is full: it is busy */
}

/* ---- The handshake on TCP: watched by a monitor, for libzmq itself would try again for ever ---------- */

static const char monitor_endpoint[] = "inproc://handshake";

/* 1: we are in; 0: nothing certain yet; or a negative errno. */
static int
judge(int event)
{
        switch (event) {
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
                return 1;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        case ZMQ_EVENT_DISCONNECTED: /* what a server does to whom it cannot understand */
                return -EKEYREJECTED;
        case ZMQ_EVENT_CLOSED:
        case ZMQ_EVENT_CONNECT_RETRIED:
                return -ECONNREFUSED;
        default:
                return 0;
        }
}

static int
await_handshake(void *monitor)
{
        zmq_pollitem_t item = {.socket = monitor, .events = ZMQ_POLLIN};
        int64_t until = now_ms() + HANDSHAKE_MS, left;
        int r = 0;

        while (r == 0 && (left = until - now_ms()) > 0) {
                uint8_t event[6] = {0};
                char address[256];

                if (zmq_poll(&item, 1, (long)left) <= 0 || zmq_recv(monitor, event, sizeof(event), ZMQ_DONTWAIT) < 0)
                        continue;
                zmq_recv(monitor, address, sizeof(address), ZMQ_DONTWAIT);
                r = judge(event[0] | event[1] << 8);
        }
        return r > 0 ? 0 : r < 0 ? r : -ETIMEDOUT;
}

static int
connect_remote(struct sqi_client *client, const char *address, const struct sqi_client_keys *keys)
{
        void *monitor;
        int r = 0;

        if (zmq_setsockopt(client->socket, ZMQ_CURVE_SERVERKEY, keys->server, SQI_KEY_SIZE) < 0 ||
            zmq_setsockopt(client->socket, ZMQ_CURVE_PUBLICKEY, keys->own.public_key, SQI_KEY_SIZE) < 0 ||
            zmq_setsockopt(client->socket, ZMQ_CURVE_SECRETKEY, keys->own.secret_key, SQI_KEY_SIZE) < 0 ||
            zmq_socket_monitor(client->socket, monitor_endpoint, ZMQ_EVENT_ALL) < 0)
                return -errno;
        monitor = zmq_socket(client->context, ZMQ_PAIR);
        if (!monitor || zmq_connect(monitor, monitor_endpoint) < 0 || zmq_connect(client->socket, address) < 0)
                r = -errno;
        if (r == 0)
                r = await_handshake(monitor);
        zmq_socket_monitor(client->socket, NULL, 0);
        if (monitor)
                zmq_close(monitor);
        return r;
}

static int
connect_local(struct sqi_client *client, const char *path)
{
        char endpoint[SQI_SOCKET_PATH + 8];

        snprintf(endpoint, sizeof(endpoint), "ipc://%s", path);
        return zmq_connect(client->socket, endpoint) < 0 ? -errno : 0;
}

int
sqi_client_open(const char *address, const struct sqi_client_keys *keys, struct sqi_client **ret)
{
        const int linger = 0, reconnect = 20;
        bool remote = sqi_server_is_remote(address);
        struct sqi_client *client;
        int r = remote ? 0 : probe(address);

        if (remote && !keys)
                r = -EINVAL;
        if (r < 0)
                return r;
        client = calloc(1, sizeof(*client));
        if (!client)
                return -ENOMEM;
        zmq_msg_init(&client->reply);
        client->context = zmq_ctx_new();
        client->socket = client->context ? zmq_socket(client->context, ZMQ_DEALER) : NULL;
        if (!client->socket || zmq_setsockopt(client->socket, ZMQ_LINGER, &linger, sizeof(linger)) < 0 ||
            zmq_setsockopt(client->socket, ZMQ_RECONNECT_IVL, &reconnect, sizeof(reconnect)) < 0)
                r = -errno;
        if (r == 0)
                r = remote ? connect_remote(client, address, keys) : connect_local(client, address);
        if (r < 0)
                sqi_client_close(&client);
        else
                *ret = client;
        return r;
}

void
sqi_client_close(struct sqi_client **client)
{
        struct sqi_client *it = *client;

        if (!it)
                return;
        zmq_msg_close(&it->reply);
        if (it->socket)
                zmq_close(it->socket);
        if (it->context)
                zmq_ctx_term(it->context);
        free(it);
        *client = NULL;
}

/* The next answer to this question; what came late for another one is passed over. 1; 0: none by `until`; -EPROTO. */
static int
hear(struct sqi_client *client, const struct sqi_request *request, int64_t until, struct sqi_reply *ret)
{
        zmq_pollitem_t item = {.socket = client->socket, .events = ZMQ_POLLIN};
        int64_t left;

        while ((left = until - now_ms()) > 0) {
                if (zmq_poll(&item, 1, (long)left) <= 0 ||
                    zmq_msg_recv(&client->reply, client->socket, ZMQ_DONTWAIT) < 0)
                        continue;
                if (zmq_msg_more(&client->reply))
                        continue;
                switch (sqi_reply_decode(zmq_msg_data(&client->reply), zmq_msg_size(&client->reply), ret)) {
                case 0:
                        if (memcmp(ret->id, request->id, SQI_REQUEST_ID) == 0)
                                return 1;
                        break;
                case -EPROTO:
                        return -EPROTO;
                default:
                        break;
                }
        }
        return 0;
}

int
sqi_client_ask(struct sqi_client *client, struct sqi_request *request, struct sqi_reply *ret)
{
        static const uint8_t none[SQI_REQUEST_ID];
        int64_t deadline = now_ms() + SQI_CLIENT_PATIENCE * 1000;
        void *bytes;
        size_t size;
        int r;

        if (memcmp(request->id, none, SQI_REQUEST_ID) == 0 &&
            getrandom(request->id, SQI_REQUEST_ID, 0) != SQI_REQUEST_ID)
                return -EIO;
        r = sqi_request_encode(request, &bytes, &size);
        if (r < 0)
                return r;
        for (r = 0; r == 0 && now_ms() < deadline;) {
                if (zmq_send(client->socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
                        zmq_send(client->socket, bytes, size, ZMQ_DONTWAIT);
                r = hear(client, request, now_ms() + ASK_AGAIN_MS, ret);
        }
        free(bytes);
        return r > 0 ? 0 : r < 0 ? r : -ETIMEDOUT;
}

struct sq_value
sqi_reply_value(const struct sqi_reply *reply)
{
        const uint8_t *at = (const uint8_t *)reply->result.ptr;

        return reply->result.len > 0 ? sqi_unpack(at, at + reply->result.len) : sq_nil();
}

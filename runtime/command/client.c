/* SPDX-License-Identifier: Apache-2.0 */
#include "command/client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "command/server.h"
#include "command/zsock.h"
#include "tuple/unpack.h"

enum { ASK_AGAIN_MS = 1500, HANDSHAKE_MS = 5000, RECONNECT_MS = 20 };

struct sqi_client {
        zsock_t *socket;
        zpoller_t *poller;
        zframe_t *reply;
        void (*tell)(const char *what);
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

/* The first frame of an event has its number; a second one the address. */
static int
await_handshake(zsock_t *monitor)
{
        int64_t until = now_ms() + HANDSHAKE_MS, left;
        zpoller_t *poller = zpoller_new(monitor, NULL);
        int r = 0;

        while (r == 0 && (left = until - now_ms()) > 0) {
                zmsg_t *event = zpoller_wait(poller, (int)left) ? zmsg_recv(monitor) : NULL;
                const uint8_t *number = event ? zframe_data(zmsg_first(event)) : NULL;

                if (event)
                        r = judge(number[0] | number[1] << 8);
                zmsg_destroy(&event);
        }
        zpoller_destroy(&poller);
        return r > 0 ? 0 : r < 0 ? r : -ETIMEDOUT;
}

/* Not a zmonitor: that is a thread, and ends the process when it cannot have what it needs. */
static int
watch_handshake(struct sqi_client *client, const char *address)
{
        zsock_t *monitor = sqi_zsock_new(ZMQ_PAIR);
        char events[64];
        int r = 0;

        if (!monitor)
                return -errno;
        snprintf(events, sizeof(events), "inproc://handshake-%016" PRIx64, sqi_random());
        if (zmq_socket_monitor(zsock_resolve(client->socket), events, ZMQ_EVENT_ALL) < 0 ||
            zsock_connect(monitor, "%s", events) < 0 || zsock_connect(client->socket, "%s", address) < 0)
                r = -errno;
        if (r == 0)
                r = await_handshake(monitor);
        zmq_socket_monitor(zsock_resolve(client->socket), NULL, 0);
        zsock_destroy(&monitor);
        return r;
}

static int
connect_remote(struct sqi_client *client, const char *address, const struct sqi_client_keys *keys)
{
        zsock_set_curve_serverkey(client->socket, keys->server);
        zsock_set_curve_publickey(client->socket, keys->own.public_key);
        zsock_set_curve_secretkey(client->socket, keys->own.secret_key);
        return watch_handshake(client, address);
}

static int
connect_local(struct sqi_client *client, const char *path)
{
        return zsock_connect(client->socket, "ipc://%s", path) < 0 ? -errno : 0;
}

static int
open_client(struct sqi_client *client, const char *address, const struct sqi_client_keys *keys)
{
        client->socket = sqi_zsock_new(ZMQ_DEALER);
        if (!client->socket)
                return -errno;
        zsock_set_linger(client->socket, 0);
        zsock_set_reconnect_ivl(client->socket, RECONNECT_MS);
        client->poller = zpoller_new(client->socket, NULL);
        return keys ? connect_remote(client, address, keys) : connect_local(client, address);
}

int
sqi_client_open(const char *address, const struct sqi_client_keys *keys, struct sqi_client **ret)
{
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
        r = open_client(client, address, remote ? keys : NULL);
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
        zpoller_destroy(&it->poller);
        zframe_destroy(&it->reply);
        zsock_destroy(&it->socket);
        free(it);
        *client = NULL;
}

/* The last frame of the next message, by `until`; NULL: there is none. */
static zframe_t *
receive(struct sqi_client *client, int64_t until)
{
        int64_t left = until - now_ms();
        zmsg_t *message = left > 0 && zpoller_wait(client->poller, (int)left) ? zmsg_recv(client->socket) : NULL;
        zframe_t *last = message ? zmsg_last(message) : NULL;

        if (last)
                zmsg_remove(message, last);
        zmsg_destroy(&message);
        return last;
}

/* The next answer to this question; what came late for another one is passed over. 1; 0: none by `until`; -EPROTO. */
static int
hear(struct sqi_client *client, const struct sqi_request *request, int64_t until, struct sqi_reply *ret)
{
        while (now_ms() < until) {
                int r;

                zframe_destroy(&client->reply);
                client->reply = receive(client, until);
                if (!client->reply)
                        continue;
                r = sqi_reply_decode(zframe_data(client->reply), zframe_size(client->reply), ret);
                if (r == -EPROTO)
                        return r;
                if (r == 0 && memcmp(ret->id, request->id, SQI_REQUEST_ID) == 0)
                        return 1;
        }
        return 0;
}

void
sqi_client_on_wait(struct sqi_client *client, void (*tell)(const char *what))
{
        client->tell = tell;
}

static void
tell(const struct sqi_client *client, struct sq_str what)
{
        char text[512];

        snprintf(text, sizeof(text), "%.*s", (int)what.len, what.ptr);
        if (client->tell)
                client->tell(text);
}

/* Asks until there is an answer: 1; 0: nothing was heard for long; or -EPROTO. */
static int
ask(struct sqi_client *client, const struct sqi_request *request, const void *bytes, size_t size, struct sqi_reply *ret)
{
        int64_t deadline = now_ms() + SQI_CLIENT_PATIENCE * 1000;
        bool told = false;

        while (now_ms() < deadline) {
                int64_t again = now_ms() + ASK_AGAIN_MS;
                int r;

                zsock_send(client->socket, "zb", bytes, size);
                while ((r = hear(client, request, again, ret)) == 1 && ret->status == SQI_STATUS_PENDING &&
                       ret->error.len > 0) {
                        deadline = now_ms() + SQI_CLIENT_PATIENCE * 1000;
                        if (!told)
                                tell(client, ret->error);
                        told = true;
                }
                if (r != 0)
                        return r;
        }
        return 0;
}

int
sqi_client_ask(struct sqi_client *client, struct sqi_request *request, struct sqi_reply *ret)
{
        static const uint8_t none[SQI_REQUEST_ID];
        void *bytes;
        size_t size;
        int r;

        if (memcmp(request->id, none, SQI_REQUEST_ID) == 0 &&
            getrandom(request->id, SQI_REQUEST_ID, 0) != SQI_REQUEST_ID)
                return -EIO;
        request->patient = true;
        r = sqi_request_encode(request, &bytes, &size);
        if (r < 0)
                return r;
        r = ask(client, request, bytes, size, ret);
        free(bytes);
        return r > 0 ? 0 : r < 0 ? r : -ETIMEDOUT;
}

struct sq_value
sqi_reply_value(const struct sqi_reply *reply)
{
        const uint8_t *at = (const uint8_t *)reply->result.ptr;

        return reply->result.len > 0 ? sqi_unpack(at, at + reply->result.len) : sq_nil();
}

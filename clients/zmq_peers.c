/* SPDX-License-Identifier: Apache-2.0 */
#include "zmq_peers.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { LOOK_MS = 2, AGAIN_S = 1 };

static const char events_endpoint[] = "inproc://connections";

int
sqi_zmq_peers_watch(struct sqi_zmq_peers *peers, void *context, void *socket)
{
        const int unlimited = 0, events = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED |
                                          ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                                          ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

        *peers = (struct sqi_zmq_peers){.monitor = NULL};
        if (zmq_socket_monitor(socket, events_endpoint, events) < 0)
                return -1;
        peers->monitor = zmq_socket(context, ZMQ_PAIR);
        if (!peers->monitor)
                return -1;
        /* else libzmq's own thread would wait for us */
        zmq_setsockopt(peers->monitor, ZMQ_RCVHWM, &unlimited, sizeof(unlimited));
        return zmq_connect(peers->monitor, events_endpoint);
}

static void
note_connection(struct sqi_zmq_peers *peers, bool gone, int fd)
{
        size_t i = 0;

        peers->left |= gone;
        while (i < peers->n && peers->fds[i] != fd)
                i++;
        if (gone && i < peers->n)
                peers->fds[i] = peers->fds[--peers->n];
        else if (!gone && i == peers->n && i < SQI_ZMQ_PEERS_MAX)
                peers->fds[peers->n++] = fd;
}

static const char no_handshake[] =
        "the handshake failed: the patterns of the two sockets may not go together (push and pull, pub and sub), one side "
        "may be without CURVE, or the client has another key for the server than that has";

/* Whose handshake is cut off connects again by itself; who does not like what it gets, does not. */
static void
note_handshake(struct sqi_zmq_peers *peers, uint16_t kind)
{
        peers->shaking = false;
        peers->is_final &= kind != ZMQ_EVENT_HANDSHAKE_SUCCEEDED; /* what a server has said of us stays said */
        peers->is_final |= kind == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
        if (kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
                peers->why = NULL;
        else if (peers->is_final)
                peers->why = "the certificate of the client is not in the server's folder of clients";
        else
                peers->why = no_handshake;
        peers->refused += peers->why != NULL;
        peers->gave_up = peers->why && kind != ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
}

/* A socket of a pattern that does not suit ours is hung up on without another word. */
static void
note_connected(struct sqi_zmq_peers *peers, uint16_t kind)
{
        if (kind == ZMQ_EVENT_DISCONNECTED && peers->shaking)
                note_handshake(peers, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
        peers->shaking = kind != ZMQ_EVENT_DISCONNECTED;
}

/* An event: 16 bits of kind, 32 of value, which may be the descriptor; then a frame with the endpoint. */
void
sqi_zmq_peers_note(struct sqi_zmq_peers *peers)
{
        struct __attribute__((packed)) {
                uint16_t kind;
                int32_t value;
        } event;

        while (peers->monitor && zmq_recv(peers->monitor, &event, sizeof(event), ZMQ_DONTWAIT) == sizeof(event)) {
                zmq_recv(peers->monitor, NULL, 0, ZMQ_DONTWAIT);
                if (event.kind & (ZMQ_EVENT_CONNECTED | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED)) {
                        note_connection(peers, event.kind == ZMQ_EVENT_DISCONNECTED, event.value);
                        note_connected(peers, event.kind);
                } else
                        note_handshake(peers, event.kind);
        }
}

int
sqi_zmq_peers_tell(struct sq_task *task, struct sqi_zmq_peers *peers, const char *endpoint, bool is_client)
{
        if (peers->refused == peers->told)
                return 0;
        sq_count(task, "refused", peers->refused - peers->told);
        peers->told = peers->refused;
        if (is_client && peers->is_final)
                return sq_error_final(task, "%s: the other side refuses us: %s", endpoint, peers->why);
        if (peers->why && peers->why != peers->said)
                sq_log(task, SQ_WARN, "%s: %s", endpoint, peers->why);
        peers->said = peers->why;
        return 0;
}

void
sqi_zmq_peers_again(struct sqi_zmq_peers *peers, void *socket, const char *endpoint)
{
        double now_s;

        if (!peers->gave_up)
                return;
        now_s = sqi_zmq_now_s();
        if (now_s < peers->again_s)
                return;
        peers->gave_up = false;
        peers->again_s = now_s + AGAIN_S;
        (void)zmq_connect(socket, endpoint); /* as it could at the start */
}

void
sqi_zmq_peers_keep_open(struct sqi_zmq_peers *peers)
{
        size_t n = 0;

        sqi_zmq_peers_note(peers);
        for (size_t i = 0; i < peers->n; i++) {
                int fd = fcntl(peers->fds[i], F_DUPFD_CLOEXEC, 0);

                if (fd >= 0)
                        peers->fds[n++] = fd;
        }
        peers->n = n;
}

void
sqi_zmq_peers_unwatch(struct sqi_zmq_peers *peers, void *socket)
{
        if (!peers->monitor)
                return;
        zmq_socket_monitor(socket, NULL, 0);
        zmq_close(peers->monitor);
        peers->monitor = NULL;
}

size_t
sqi_zmq_peers_part(struct sqi_zmq_peers *peers, double until)
{
        const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
        size_t unread = 0;

        for (size_t i = 0; i < peers->n; i++) {
                int held = 0;

                while (ioctl(peers->fds[i], SIOCOUTQ, &held) == 0 && held > 0 && sqi_zmq_now_s() < until)
                        nanosleep(&pause, NULL);
                unread += held > 0;
                close(peers->fds[i]);
        }
        peers->n = 0;
        return unread;
}

double
sqi_zmq_now_s(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of a ZeroMQ socket, as its monitor tells of them: which descriptors they have, whether one was left,
 * and why a handshake failed.
 *
 *     sqi_zmq_peers_watch(&peers, context, socket)         before it binds or connects; {0} watches none
 *     sqi_zmq_peers_note(&peers);                          now and then: what has happened,
 *     sqi_zmq_peers_tell(task, &peers, endpoint, false)    to be logged
 *     sqi_zmq_peers_again(&peers, socket, endpoint)        and after the last, if it connects
 *     sqi_zmq_peers_keep_open(&peers);                     before the socket is closed: they stay open behind it
 *     sqi_zmq_peers_unwatch(&peers, socket);               likewise
 *     sqi_zmq_peers_part(&peers, until)                    until the other side has read all
 */
#ifndef SQI_CLIENT_ZMQ_PEERS_H
#define SQI_CLIENT_ZMQ_PEERS_H

#include <squall-kit.h>

enum { SQI_ZMQ_PEERS_MAX = 256 };

struct sqi_zmq_peers {
        void *monitor;
        int fds[SQI_ZMQ_PEERS_MAX];
        size_t n;
        bool left; /* for the caller to clear */

        uint64_t refused, told; /* handshakes that failed; and of those the counted ones */
        const char *why,
                *said; /* the last one did, a constant; NULL: it went well, or there was none. What is logged */
        bool shaking;  /* there is a connection, and nothing was heard of its handshake yet */
        bool gave_up;  /* libzmq: it does not connect again */
        double again_s;
        bool is_final; /* a server has looked at its client's key, and says no */
};

/* 0, or -1 and errno. */
int sqi_zmq_peers_watch(struct sqi_zmq_peers *peers, void *context, void *socket);
void sqi_zmq_peers_note(struct sqi_zmq_peers *peers);
/* Counts handshakes that failed as `refused`, and logs why. -1: the server refuses us, its client; after
 * sq_error_final(), for no restart mends that. */
int sqi_zmq_peers_tell(struct sq_task *task, struct sqi_zmq_peers *peers, const char *endpoint, bool is_client);
/* For a socket that connects: after a handshake that libzmq gave up over it connects again, at most once a second, for
 * the other side may be mended. */
void sqi_zmq_peers_again(struct sqi_zmq_peers *peers, void *socket, const char *endpoint);
void sqi_zmq_peers_keep_open(struct sqi_zmq_peers *peers);
void sqi_zmq_peers_unwatch(struct sqi_zmq_peers *peers, void *socket);
/* Closes those that were kept open, each when the other side has read what the kernel holds for it. How many have not
 * by `until`, of sqi_zmq_now_s(). */
size_t sqi_zmq_peers_part(struct sqi_zmq_peers *peers, double until);
double sqi_zmq_now_s(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket that commands come in by: a ROUTER on ipc. It stands in a directory that is ours alone, mode 0700, and
 * takes connections of our own user and of root only (SO_PEERCRED). A lock beside it, PATH.lock, keeps a second
 * supervisor from taking the path away.
 *
 * It may listen on TCP too: there by CURVE alone, and only to those whose certificates it has (zap.h).
 */
#ifndef SQI_SERVER_H
#define SQI_SERVER_H

#include <czmq.h>
#include <stddef.h>

#include "command/command.h"
#include "command/zap.h"

enum { SQI_SOCKET_PATH = 104, SQI_IDENTITY_MAX = 32 };

struct sqi_server {
        zsock_t *socket;
        int lock;
        char path[SQI_SOCKET_PATH];
        struct sqi_zap zap;
        bool touched; /* something was sent: there may be something to receive that the fd will not tell of */
};

/* Who asked, for the reply. */
struct sqi_caller {
        unsigned char identity[SQI_IDENTITY_MAX];
        size_t size;
};

/* Where it is if nobody says otherwise: $SQUALL_SOCKET, or `commands` in the directory that rundir.h calls BASE. 0 or
 * -ENAMETOOLONG. */
int sqi_server_path(char ret[SQI_SOCKET_PATH]);

/* Where it listens besides, "tcp://ADDRESS:PORT": as the owner of the certificate `cert`, to those in the folder
 * `clients`. */
struct sqi_server_tcp {
        const char *endpoint, *cert, *clients;
};

/* `tcp` may be NULL: on `path` alone. 0, or a negative errno with the cause in `error`. */
int sqi_server_open(const char *path, const struct sqi_server_tcp *tcp, struct sqi_server *ret, char *error,
                    size_t size);
/* What was replied goes out until sqi_zsock_end(). */
void sqi_server_close(struct sqi_server *server);

/* Edge-triggered: after it fires, and after anything was sent, receive until there is nothing left. */
int sqi_server_fd(const struct sqi_server *server);

/* Is this the address of a socket on TCP? */
bool sqi_server_is_remote(const char *address);

/* The next request, the caller's to destroy, whose reply goes to `caller`; NULL: none. */
zframe_t *sqi_server_receive(struct sqi_server *server, struct sqi_caller *caller);

/* 0 or a negative errno. One that has gone away is not told. */
int sqi_server_reply(struct sqi_server *server, const struct sqi_caller *caller, const struct sqi_reply *reply);

#endif

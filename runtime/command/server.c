/* SPDX-License-Identifier: Apache-2.0 */
#include "command/server.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/cert.h"
#include "command/zsock.h"
#include "base/complain.h"
#include "supervisor/rundir.h"
#include "base/sealed.h"

/* LINGER: the answer to STOP is the last thing that is sent, and a busy machine may take its time; who has gone is not
 * waited for. */
enum { TRIES = 100, BACKLOG = 128, WAITING_MAX = 1000, HANDSHAKE_MS = 5000, LINGER_MS = 5000 };

int
sqi_server_path(char ret[SQI_SOCKET_PATH])
{
        const char *given = getenv("SQUALL_SOCKET"), *xdg = getenv("XDG_RUNTIME_DIR");
        int n;

        if (given && *given)
                n = snprintf(ret, SQI_SOCKET_PATH, "%s", given);
        else if (xdg && *xdg)
                n = snprintf(ret, SQI_SOCKET_PATH, "%s/squall/commands", xdg);
        else if (geteuid() == 0 && access("/run", W_OK) == 0)
                n = snprintf(ret, SQI_SOCKET_PATH, "/run/squall/commands");
        else
                n = snprintf(ret, SQI_SOCKET_PATH, "/tmp/squall-%u/commands", geteuid());
        return n < SQI_SOCKET_PATH ? 0 : -ENAMETOOLONG;
}

static int
check_folder(const char *path, char *error, size_t size)
{
        char copy[SQI_SOCKET_PATH];
        const char *folder;
        struct stat about;

        snprintf(copy, sizeof(copy), "%s", path);
        folder = dirname(copy);
        if (mkdir(folder, 0700) < 0 && errno != EEXIST)
                return sqi_complain(-errno, error, size, "cannot make %s: %s", folder, strerror(errno));
        if (lstat(folder, &about) < 0)
                return sqi_complain(-errno, error, size, "%s: %s", folder, strerror(errno));
        if (!S_ISDIR(about.st_mode) || about.st_uid != geteuid() || (about.st_mode & 077))
                return sqi_complain(
                        -EPERM, error, size,
                        "the folder of the socket, %s, must be ours alone (chmod 700 %s, or --socket in another one)",
                        folder, folder);
        return 0;
}

/* A supervisor that ends removes the file; then the lock on it is worth nothing. */
static int
take_lock(const char *path, char *error, size_t size, int *ret_lock)
{
        char file[SQI_SOCKET_PATH + 8];
        struct stat about;
        int fd, r = 0;

        snprintf(file, sizeof(file), "%s.lock", path);
        for (int i = 0; i < TRIES; i++) {
                fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
                if (fd < 0)
                        return sqi_complain(-errno, error, size, "cannot make %s: %s", file, strerror(errno));
                r = sqi_lock_take(fd);
                if (r == 0 && fstat(fd, &about) == 0 && about.st_nlink > 0) {
                        *ret_lock = fd;
                        return 0;
                }
                close(fd);
                if (r < 0)
                        break;
        }
        return sqi_complain(
                r < 0 ? r : -EBUSY, error, size,
                "another supervisor listens at %s (stop it with squall supervisor --stop, or give --socket another path)",
                path);
}

static int
open_socket(struct sqi_server *server)
{
        const uid_t users[] = {geteuid(), 0};

        server->socket = sqi_zsock_new(ZMQ_ROUTER);
        if (!server->socket)
                return -errno;
        for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) /* czmq has no name for it */
                if (zmq_setsockopt(zsock_resolve(server->socket), ZMQ_IPC_FILTER_UID, &users[i], sizeof(users[i])) < 0)
                        return -errno;
        zsock_set_linger(server->socket, LINGER_MS);
        zsock_set_backlog(server->socket, BACKLOG);
        zsock_set_sndhwm(server->socket, WAITING_MAX);
        zsock_set_maxmsgsize(server->socket, SQI_REQUEST_MAX);
        return zsock_bind(server->socket, "ipc://%s", server->path) < 0 ? -errno : 0;
}

bool
sqi_server_is_remote(const char *address)
{
        return strncmp(address, "tcp://", strlen("tcp://")) == 0;
}

/* Options of a socket count for what is bound after them: our ipc endpoint stays as it is. */
static int
listen_tcp(zsock_t *socket, const char *endpoint, const struct sqi_cert *own)
{
        zsock_set_curve_server(socket, 1);
        zsock_set_curve_secretkey(socket, own->secret_key);
        zsock_set_zap_domain(socket, SQI_ZAP_DOMAIN);
        zsock_set_handshake_ivl(socket, HANDSHAKE_MS);
        return zsock_bind(socket, "%s", endpoint) < 0 ? -errno : 0;
}

static int
check_tcp(const struct sqi_server_tcp *tcp, struct sqi_cert *ret_own, char *error, size_t size)
{
        if (!sqi_server_is_remote(tcp->endpoint))
                return sqi_complain(-EINVAL, error, size, "%s is no endpoint to listen at (tcp://ADDRESS:PORT)",
                                    tcp->endpoint);
        if (access(tcp->clients, R_OK | X_OK) < 0)
                return sqi_complain(-errno, error, size, "the folder of the clients' certificates, %s: %s",
                                    tcp->clients, strerror(errno));
        return sqi_cert_load_own(tcp->cert, ret_own, error, size);
}

/* ZAP is answered before the first can come in by any way: see sqi_zsock_new(). */
static int
open_all(struct sqi_server *server, const struct sqi_server_tcp *tcp, char *error, size_t size)
{
        struct sqi_cert own = {"", ""};
        const char *at = server->path;
        int r = tcp ? check_tcp(tcp, &own, error, size) : 0;

        if (r < 0)
                return r;
        if (tcp)
                r = sqi_zap_open(tcp->clients, &server->zap);
        if (r == 0)
                r = open_socket(server);
        if (r == 0 && tcp) {
                at = tcp->endpoint;
                r = listen_tcp(server->socket, at, &own);
        }
        explicit_bzero(&own, sizeof(own));
        return r < 0 ? sqi_complain(r, error, size, "cannot listen at %s: %s", at, zmq_strerror(-r)) : 0;
}

int
sqi_server_open(const char *path, const struct sqi_server_tcp *tcp, struct sqi_server *ret, char *error, size_t size)
{
        struct sqi_server server = {.lock = -1};
        int r;

        if (strlen(path) >= SQI_SOCKET_PATH)
                return sqi_complain(-ENAMETOOLONG, error, size, "%s is too long a path for a socket (%d bytes at most)",
                                    path, SQI_SOCKET_PATH - 1);
        r = check_folder(path, error, size);
        if (r == 0)
                r = take_lock(path, error, size, &server.lock);
        if (r < 0)
                return r;
        snprintf(server.path, sizeof(server.path), "%s", path);
        r = open_all(&server, tcp, error, size);
        if (r < 0) {
                sqi_server_close(&server);
                return r;
        }
        *ret = server;
        return 0;
}

void
sqi_server_close(struct sqi_server *server)
{
        char file[SQI_SOCKET_PATH + 8];

        zsock_destroy(&server->socket);
        sqi_zap_close(&server->zap);
        if (server->lock >= 0 && server->path[0]) {
                unlink(server->path);
                snprintf(file, sizeof(file), "%s.lock", server->path);
                unlink(file);
                close(server->lock);
        }
        *server = (struct sqi_server){.lock = -1};
}

int
sqi_server_fd(const struct sqi_server *server)
{
        return (int)zsock_fd(server->socket);
}

/* Identity, an empty frame, the request: as REQ sends it. Anything else is not a client of ours, and not answered. */
static zframe_t *
unwrap(zmsg_t *message, struct sqi_caller *caller)
{
        zframe_t *identity = zmsg_first(message), *empty = zmsg_next(message), *request = zmsg_next(message);

        if (zmsg_size(message) != 3 || zframe_size(empty) > 0 || zframe_size(identity) > SQI_IDENTITY_MAX)
                return NULL;
        caller->size = zframe_size(identity);
        memcpy(caller->identity, zframe_data(identity), caller->size);
        zmsg_remove(message, request);
        return request;
}

zframe_t *
sqi_server_receive(struct sqi_server *server, struct sqi_caller *caller)
{
        zframe_t *request = NULL;
        zmsg_t *message;

        while (!request && (message = zmsg_recv(server->socket))) {
                request = unwrap(message, caller);
                zmsg_destroy(&message);
        }
        return request;
}

int
sqi_server_reply(struct sqi_server *server, const struct sqi_caller *caller, const struct sqi_reply *reply)
{
        void *bytes;
        size_t size;
        int r = sqi_reply_encode(reply, &bytes, &size);

        server->touched = true;
        if (r < 0)
                return r;
        if (zsock_send(server->socket, "bzb", caller->identity, caller->size, bytes, size) < 0)
                r = -errno;
        free(bytes);
        return r;
}

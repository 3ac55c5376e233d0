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
        const int linger = LINGER_MS, backlog = BACKLOG, hwm = WAITING_MAX;
        const int64_t most = SQI_REQUEST_MAX;
        char endpoint[SQI_SOCKET_PATH + 8];

        server->context = zmq_ctx_new();
        server->socket = server->context ? zmq_socket(server->context, ZMQ_ROUTER) : NULL;
        if (!server->socket)
                return -errno;
        snprintf(endpoint, sizeof(endpoint), "ipc://%s", server->path);
        for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
                if (zmq_setsockopt(server->socket, ZMQ_IPC_FILTER_UID, &users[i], sizeof(users[i])) < 0)
                        return -errno;
        if (zmq_setsockopt(server->socket, ZMQ_LINGER, &linger, sizeof(linger)) < 0 ||
            zmq_setsockopt(server->socket, ZMQ_BACKLOG, &backlog, sizeof(backlog)) < 0 ||
            zmq_setsockopt(server->socket, ZMQ_SNDHWM, &hwm, sizeof(hwm)) < 0 ||
            zmq_setsockopt(server->socket, ZMQ_MAXMSGSIZE, &most, sizeof(most)) < 0 ||
            zmq_bind(server->socket, endpoint) < 0)
                return -errno;
        return 0;
}

int
sqi_server_open(const char *path, struct sqi_server *ret, char *error, size_t size)
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
        r = open_socket(&server);
        if (r < 0) {
                sqi_complain(r, error, size, "cannot listen at %s: %s", path, zmq_strerror(-r));
                sqi_server_close(&server);
                return r;
        }
        *ret = server;
        return 0;
}

bool
sqi_server_is_remote(const char *address)
{
        return strncmp(address, "tcp://", strlen("tcp://")) == 0;
}

/* Options of a socket count for what is bound after them: our ipc endpoint stays as it is. */
static int
lock_door(void *socket, const struct sqi_cert *own)
{
        const int yes = 1, handshake = HANDSHAKE_MS;

        if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &yes, sizeof(yes)) < 0 ||
            zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, own->secret_key, SQI_KEY_SIZE) < 0 ||
            zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, SQI_GATE_DOMAIN, strlen(SQI_GATE_DOMAIN)) < 0 ||
            zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &handshake, sizeof(handshake)) < 0)
                return -errno;
        return 0;
}

int
sqi_server_listen(struct sqi_server *server, const char *endpoint, const char *cert, const char *clients, char *error,
                  size_t size)
{
        struct sqi_cert own;
        int r = 0;

        if (!sqi_server_is_remote(endpoint))
                return sqi_complain(-EINVAL, error, size, "%s is no endpoint to listen at (tcp://ADDRESS:PORT)",
                                    endpoint);
        if (access(clients, R_OK | X_OK) < 0)
                return sqi_complain(-errno, error, size, "the folder of the clients' certificates, %s: %s", clients,
                                    strerror(errno));
        r = sqi_cert_load_own(cert, &own, error, size);
        if (r < 0)
                return r;
        r = sqi_gate_open(server->context, clients, &server->gate);
        if (r == 0)
                r = lock_door(server->socket, &own);
        if (r == 0 && zmq_bind(server->socket, endpoint) < 0)
                r = -errno;
        explicit_bzero(&own, sizeof(own));
        return r < 0 ? sqi_complain(r, error, size, "cannot listen at %s: %s", endpoint, zmq_strerror(-r)) : 0;
}

void
sqi_server_close(struct sqi_server *server)
{
        char file[SQI_SOCKET_PATH + 8];

        if (server->socket)
                zmq_close(server->socket);
        sqi_gate_close(&server->gate);
        if (server->context)
                zmq_ctx_term(server->context);
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
        size_t size = sizeof(int);
        int fd = -1;

        zmq_getsockopt(server->socket, ZMQ_FD, &fd, &size);
        return fd;
}

/* Takes away what is left of a message. */
static void
skip_frames(void *socket)
{
        size_t size = sizeof(int);
        int more = 1;
        zmq_msg_t frame;

        while (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) == 0 && more) {
                zmq_msg_init(&frame);
                zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT);
                zmq_msg_close(&frame);
        }
}

/* Identity, an empty frame, the request: as REQ sends it. Anything else is no client of ours, and not answered. */
int
sqi_server_receive(struct sqi_server *server, struct sqi_caller *caller, zmq_msg_t *message)
{
        char empty[1];
        int n;

        while ((n = zmq_recv(server->socket, caller->identity, SQI_IDENTITY_MAX, ZMQ_DONTWAIT)) >= 0) {
                bool more;
                size_t size = sizeof(int);
                int flag = 0;

                caller->size = (size_t)n;
                more = zmq_getsockopt(server->socket, ZMQ_RCVMORE, &flag, &size) == 0 && flag;
                if (more && n <= SQI_IDENTITY_MAX &&
                    zmq_recv(server->socket, empty, sizeof(empty), ZMQ_DONTWAIT) == 0 &&
                    zmq_getsockopt(server->socket, ZMQ_RCVMORE, &flag, &size) == 0 && flag &&
                    zmq_msg_recv(message, server->socket, ZMQ_DONTWAIT) >= 0 && !zmq_msg_more(message))
                        return 1;
                skip_frames(server->socket);
        }
        return 0;
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
        if (zmq_send(server->socket, caller->identity, caller->size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
            zmq_send(server->socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
            zmq_send(server->socket, bytes, size, ZMQ_DONTWAIT) < 0)
                r = -errno;
        free(bytes);
        return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "storm/nimbus.h"

#include <endian.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/complain.h"

enum { ADDRESS_SIZE = 320 };

struct sqi_nimbus {
        int fd;
        char address[ADDRESS_SIZE];
        struct sqi_arena *arena; /* of the last reply */
        uint8_t *reply;
};

/* ---- Bytes ------------------------------------------------------------------------------------------- */

/* Waits until the descriptor is ready. 0, -ETIMEDOUT or another negative errno. */
static int
await(int fd, short events, uint64_t until_ns)
{
        struct pollfd poller = {.fd = fd, .events = events};
        uint64_t now;
        int r;

        do {
                now = sqi_clock_ns();
                r = poll(&poller, 1, now >= until_ns ? 0 : (int)((until_ns - now) / 1000000 + 1));
        } while (r < 0 && errno == EINTR);
        return r > 0 ? 0 : r == 0 ? -ETIMEDOUT : -errno;
}

static int
send_all(int fd, const uint8_t *bytes, size_t size, uint64_t until_ns)
{
        int r = 0;

        while (size > 0 && r == 0) {
                ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n >= 0) {
                        bytes += n;
                        size -= (size_t)n;
                } else if (errno == EAGAIN) {
                        r = await(fd, POLLOUT, until_ns);
                } else if (errno != EINTR) {
                        r = -errno;
                }
        }
        return r;
}

static int
receive_all(int fd, uint8_t *bytes, size_t size, uint64_t until_ns)
{
        int r = 0;

        while (size > 0 && r == 0) {
                ssize_t n = recv(fd, bytes, size, MSG_DONTWAIT);

                if (n > 0) {
                        bytes += n;
                        size -= (size_t)n;
                } else if (n == 0) {
                        r = -ECONNRESET;
                } else if (errno == EAGAIN) {
                        r = await(fd, POLLIN, until_ns);
                } else if (errno != EINTR) {
                        r = -errno;
                }
        }
        return r;
}

/* ---- Who is called ----------------------------------------------------------------------------------- */

static int
try_connect(const struct addrinfo *to, uint64_t until_ns)
{
        int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0, r = 0;
        socklen_t size = sizeof(error);

        if (fd < 0)
                return -errno;
        if (connect(fd, to->ai_addr, to->ai_addrlen) < 0)
                r = errno == EINPROGRESS ? await(fd, POLLOUT, until_ns) : -errno;
        if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0)
                r = -error;
        if (r < 0) {
                (void)close(fd);
                return r;
        }
        return fd;
}

/* The descriptor, or a negative errno with the cause in `error`. */
static int
connect_to(const char *host, const char *port, char *error, size_t size)
{
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
        uint64_t until_ns = sqi_clock_ns() + (uint64_t)SQI_NIMBUS_CONNECT_MS * 1000000;
        struct addrinfo *found = NULL;
        int fd = -ENOTCONN, r = getaddrinfo(host, port, &hints, &found);

        if (r != 0)
                return sqi_complain(-ENOTCONN, error, size, "%s: %s", host, gai_strerror(r));
        for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
                fd = try_connect(at, until_ns);
        freeaddrinfo(found);
        return fd >= 0 ? fd
                       : sqi_complain(-ENOTCONN, error, size, "no Nimbus answers at %s:%s: %s", host, port,
                                      strerror(-fd));
}

/* HOST, HOST:PORT or [HOST]:PORT, cut in two. False: it is none. */
static bool
split(char *text, const char **ret_host, const char **ret_port)
{
        char *colon = strrchr(text, ':'), *bracket = strchr(text, ']');

        *ret_host = text;
        *ret_port = NULL;
        if (text[0] == '[' && bracket) {
                *ret_host = text + 1;
                *bracket = '\0';
                colon = bracket[1] == ':' ? bracket + 1 : NULL;
                if (!colon && bracket[1] != '\0')
                        return false;
        }
        if (colon) {
                *colon = '\0';
                *ret_port = colon + 1;
                if ((*ret_port)[0] == '\0' || (*ret_port)[strspn(*ret_port, "0123456789")] != '\0' ||
                    strlen(*ret_port) > 5 || atoi(*ret_port) < 1 || atoi(*ret_port) > 65535)
                        return false;
        }
        return **ret_host != '\0' && !strchr(*ret_host, '/');
}

static int
connect_seed(struct sqi_nimbus *nimbus, const char *seed, size_t len, char *error, size_t size)
{
        const char *host, *port;
        char text[256], fallback[8];
        int fd;

        snprintf(fallback, sizeof(fallback), "%d", SQI_NIMBUS_PORT);
        if (len >= sizeof(text))
                return sqi_complain(-EINVAL, error, size, "the address of Nimbus is too long");
        (void)memcpy(text, seed, len);
        text[len] = '\0';
        if (!split(text, &host, &port))
                return sqi_complain(-EINVAL, error, size, "'%.*s' is not an address of Nimbus (HOST:PORT)", (int)len,
                                    seed);
        port = port ? port : fallback;
        fd = connect_to(host, port, error, size);
        if (fd < 0)
                return fd;
        if (nimbus->fd >= 0)
                (void)close(nimbus->fd);
        nimbus->fd = fd;
        snprintf(nimbus->address, sizeof(nimbus->address), strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
        return 0;
}

/* ---- Calls ------------------------------------------------------------------------------------------- */

static int
explain(const struct sqi_nimbus *nimbus, int r, char *error, size_t size)
{
        if (r == -ETIMEDOUT || r == -EBADMSG || r == -ECONNRESET || r == -EPIPE)
                return sqi_complain(r == -ETIMEDOUT ? r : -EBADMSG, error, size,
                                    "%s takes connections and does not answer as Nimbus does (has it another "
                                    "storm.thrift.transport? Squall speaks the simple one)",
                                    nimbus->address);
        return sqi_complain(r == -ENOMEM ? r : -ENOTCONN, error, size, "%s: %s", nimbus->address, strerror(-r));
}

/* The frame is in nimbus->reply; its size, or a negative errno. */
static int
exchange(struct sqi_nimbus *nimbus, const struct sqi_thrift_call *call)
{
        uint64_t until_ns = sqi_clock_ns() + (uint64_t)SQI_NIMBUS_MS * 1000000;
        uint32_t head;
        int r = send_all(nimbus->fd, call->bytes, call->size, until_ns);

        if (r == 0)
                r = receive_all(nimbus->fd, (uint8_t *)&head, sizeof(head), until_ns);
        if (r < 0)
                return r;
        head = be32toh(head);
        if (head > SQI_NIMBUS_REPLY_MAX)
                return -EBADMSG;
        free(nimbus->reply);
        nimbus->reply = malloc(head ? head : 1);
        if (!nimbus->reply)
                return -ENOMEM;
        r = receive_all(nimbus->fd, nimbus->reply, head, until_ns);
        return r < 0 ? r : (int)head;
}

/* In the words of the exception; what is not alive is not there. */
static int
refuse(const struct sqi_thrift *exception, char *error, size_t size)
{
        struct sq_str text = sqi_thrift_text(sqi_thrift_at(exception, 1));
        char words[256];
        int len;

        snprintf(words, sizeof(words), "%.*s", (int)text.len, text.ptr);
        len = (int)strcspn(words, "\n");
        (void)sqi_complain(0, error, size, "Nimbus says: %.*s", len, text.len ? words : "no");
        return strstr(words, "is not alive") ? -ENOENT : -EREMOTEIO;
}

int
sqi_nimbus_call(struct sqi_nimbus *nimbus, struct sqi_thrift_call *call, const struct sqi_thrift **ret_result,
                char *error, size_t size)
{
        struct sqi_thrift_reply reply;
        int r = sqi_thrift_end(call);

        sqi_arena_free(&nimbus->arena);
        nimbus->arena = sqi_arena_new();
        if (!nimbus->arena)
                r = -ENOMEM;
        if (r == 0)
                r = exchange(nimbus, call);
        if (r >= 0)
                r = sqi_thrift_read(nimbus->arena, nimbus->reply, (size_t)r, &reply);
        sqi_thrift_drop(call);
        if (r < 0)
                return explain(nimbus, r, error, size);
        if (reply.failed)
                return refuse(reply.result, error, size);
        for (const struct sqi_thrift *field = sqi_thrift_first(reply.result); field; field = field->next)
                if (field->id != 0)
                        return refuse(field, error, size);
        *ret_result = sqi_thrift_at(reply.result, 0);
        return 0;
}

/* ---- The life of a connection ------------------------------------------------------------------------ */

/* Goes on to whom this one names as the leader, where that can be reached; else it stays, and what changes something is
 * refused by Nimbus itself. */
static int
follow_leader(struct sqi_nimbus *nimbus, char *error, size_t size)
{
        struct sqi_thrift_call call = sqi_thrift_call("getLeader");
        char leader[ADDRESS_SIZE], unreached[256];
        const struct sqi_thrift *result;
        struct sq_str host;
        int r = sqi_nimbus_call(nimbus, &call, &result, error, size);

        if (r == -EREMOTEIO || r == -ENOENT)
                return 0; /* there is none just now */
        if (r < 0)
                return r;
        host = sqi_thrift_text(sqi_thrift_at(result, 1));
        if (host.len == 0 || host.len > 255)
                return 0;
        snprintf(leader, sizeof(leader), memchr(host.ptr, ':', host.len) ? "[%.*s]:%lld" : "%.*s:%lld", (int)host.len,
                 host.ptr, (long long)sqi_thrift_int(sqi_thrift_at(result, 2)));
        if (strcmp(leader, nimbus->address) != 0)
                (void)connect_seed(nimbus, leader, strlen(leader), unreached, sizeof(unreached));
        return 0;
}

int
sqi_nimbus_open(const char *seeds, struct sqi_nimbus **ret, char *error, size_t size)
{
        struct sqi_nimbus *nimbus = calloc(1, sizeof(*nimbus));
        int r = -EINVAL;

        if (!nimbus)
                return sqi_complain(-ENOMEM, error, size, "out of memory");
        nimbus->fd = -1;
        (void)sqi_complain(0, error, size, "'%s' is not an address of Nimbus (HOST:PORT)", seeds);
        for (const char *at = seeds; *at != '\0'; at += strspn(at, ",")) {
                size_t len = strcspn(at, ",");

                r = connect_seed(nimbus, at, len, error, size);
                if (r == 0)
                        r = follow_leader(nimbus, error, size);
                if (r == 0 || r == -EINVAL)
                        break;
                at += len;
        }
        if (r < 0)
                sqi_nimbus_close(&nimbus);
        *ret = nimbus;
        return r;
}

void
sqi_nimbus_close(struct sqi_nimbus **nimbus)
{
        if (!*nimbus)
                return;
        if ((*nimbus)->fd >= 0)
                (void)close((*nimbus)->fd);
        sqi_arena_free(&(*nimbus)->arena);
        free((*nimbus)->reply);
        free(*nimbus);
        *nimbus = NULL;
}

const char *
sqi_nimbus_address(const struct sqi_nimbus *nimbus)
{
        return nimbus->address;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "zmq.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

/* ---- What an endpoint may be ------------------------------------------------------------------------- */

/* libzmq says of most that is wrong "Invalid argument", and takes a port modulo 65536. NULL, or what is wrong. */
static const char *
check_tcp(const char *address, bool bind)
{
        const char *source = bind ? NULL : strchr(address, ';'), *host = source ? source + 1 : address;
        const char *colon = strrchr(host, ':');
        char *rest;
        unsigned long port;

        if (!colon || colon == host)
                return "is not tcp://HOST:PORT";
        if (!bind && *host == '*')
                return "names no host to connect to (every address, `*`, is for `bind: true`)";
        port = strtoul(colon + 1, &rest, 10);
        if (*rest != '\0' || colon[1] < '0' || colon[1] > '9' || port == 0 || port > UINT16_MAX)
                return "has a port that is not a number from 1 to 65535";
        return NULL;
}

static const char *
check_ipc(const char *path)
{
        if (*path == '\0')
                return "is not ipc://PATH";
        if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
                return "has a path that is too long for a socket: at most 107 bytes";
        return NULL;
}

/* Those that are built into some libraries, and say themselves what is wrong. */
static bool
is_rare(const char *scheme)
{
        return zmq_has(strcmp(scheme, "epgm") == 0 ? "pgm" : scheme) == 1;
}

static const char *
check_endpoint(const char *endpoint, bool bind)
{
        const char *address = strstr(endpoint, "://");
        char scheme[16];

        if (!address || address == endpoint || (size_t)(address - endpoint) >= sizeof(scheme))
                return "is neither tcp://HOST:PORT nor ipc://PATH";
        (void)snprintf(scheme, sizeof(scheme), "%.*s", (int)(address - endpoint), endpoint);
        address += strlen("://");
        if (strcmp(scheme, "tcp") == 0)
                return check_tcp(address, bind);
        if (strcmp(scheme, "ipc") == 0)
                return check_ipc(address);
        if (strcmp(scheme, "inproc") == 0)
                return "ends in its own process, where nobody else is: tcp://HOST:PORT or ipc://PATH";
        return is_rare(scheme) ? NULL : "is neither tcp://HOST:PORT nor ipc://PATH";
}

void
sqi_zmq_declare(struct sq_declaration *decl, const char *endpoint, bool bind)
{
        const char *wrong = check_endpoint(endpoint, bind);

        if (wrong)
                sq_declare_error(decl, "endpoint", "%s", wrong);
        if (bind && sq_declared_parallelism(decl) > 1) /* by ipc the last one would take it away from the others */
                sq_declare_error(decl, "bind", "one task alone can bind to an endpoint (parallelism: 1)");
}

/* ---- Whether it works -------------------------------------------------------------------------------- */

/* libzmq connects in its own time and does not say whether it has, so the kernel is asked. */
static void
probe_ipc(struct sq_declaration *decl, const char *path)
{
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (path[0] == '@' || strlen(path) >= sizeof(at.sun_path)) {
                close(fd);
                return;
        }
        memcpy(at.sun_path, path, strlen(path) + 1);
        if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
                sq_declare_error(decl, "endpoint", "ipc://%s: %s", path, strerror(errno));
        close(fd);
}

void
sqi_zmq_probe(struct sq_declaration *decl, const char *endpoint, bool bind)
{
        const char *address = strstr(endpoint, "://");
        struct sq_url at;

        if (!address)
                return;
        address += strlen("://");
        if (strncmp(endpoint, "ipc:", strlen("ipc:")) == 0 && !bind)
                probe_ipc(decl, address);
        else if (strncmp(endpoint, "ipc:", strlen("ipc:")) == 0)
                sq_probe_output(decl, "endpoint", address);
        else if (strncmp(endpoint, "tcp:", strlen("tcp:")) == 0 && bind && !sq_address_read(address, &at))
                sq_probe_listening(decl, "endpoint", address, SOCK_STREAM);
        else if (strncmp(endpoint, "tcp:", strlen("tcp:")) == 0 && !sq_address_read(address, &at))
                sq_probe_server(decl, "endpoint", &at);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "zmq.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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

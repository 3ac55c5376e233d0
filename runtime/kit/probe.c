/* SPDX-License-Identifier: Apache-2.0 */
/* For `.probe` of a component: whether what it needs is there. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <squall-kit.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* 0 or a negative errno. */
static int
connect_to(const struct addrinfo *to)
{
        int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

        if (fd < 0)
                return -errno;
        r = connect(fd, to->ai_addr, to->ai_addrlen) < 0 ? -errno : 0;
        close(fd);
        return r;
}

void
sq_probe_server(struct sq_declaration *decl, const char *option, const struct sq_url *at)
{
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
        char port[8];
        int r;

        snprintf(port, sizeof(port), "%u", at->port);
        r = getaddrinfo(at->host[0] ? at->host : NULL, port, &hints, &found);
        if (r != 0) {
                sq_declare_error(decl, option, "%s: %s", at->host, gai_strerror(r));
                return;
        }
        r = -ECONNREFUSED;
        for (const struct addrinfo *to = found; to && r < 0; to = to->ai_next)
                r = connect_to(to);
        freeaddrinfo(found);
        if (r < 0)
                sq_declare_error(decl, option, "%s:%s: %s", at->host, port, strerror(-r));
}

void
sq_probe_output(struct sq_declaration *decl, const char *option, const char *path)
{
        const char *slash = strrchr(path, '/');
        char folder[4096];

        if (strcmp(path, "-") == 0 || access(path, W_OK) == 0)
                return;
        snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 2, slash ? path : "./");
        if (errno != ENOENT || access(folder, W_OK | X_OK) < 0)
                sq_declare_error(decl, option, "%s: %s", path, strerror(errno));
}

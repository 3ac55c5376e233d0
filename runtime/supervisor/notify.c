/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
sqi_notify(const char *text)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        const char *path = getenv("NOTIFY_SOCKET");
        socklen_t size;
        int fd, r = 0;

        if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(address.sun_path))
                return path ? -EINVAL : 0;
        memcpy(address.sun_path, path, strlen(path));
        if (path[0] == '@')
                address.sun_path[0] = '\0';
        size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address, size) < 0)
                r = -errno;
        close(fd);
        return r;
}

uint64_t
sqi_notify_watchdog_ns(void)
{
        const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
        unsigned long long number = usec ? strtoull(usec, NULL, 10) : 0;

        if (number == 0 || (pid && strtol(pid, NULL, 10) != (long)getpid()))
                return UINT64_MAX;
        return number * 1000 / 2;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "foreground.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/sole.h"
#include "plan/plan.h"

/* The file says so, in a run directory that is there. */
static bool
is_named(int base, const char *rundir, const char *name)
{
        char path[SQI_SOCKET_PATH], text[SQI_ID_MAX + 2];
        int fd;

        if (snprintf(path, sizeof(path), "%s/" SQI_SOLE_NAME, rundir) >= (int)sizeof(path))
                return false;
        fd = openat(base, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return false;
        ssize_t n = read(fd, text, sizeof(text));
        close(fd);
        return n >= 0 && (size_t)n == strlen(name) && memcmp(text, name, (size_t)n) == 0;
}

/* One whose `run` was killed leaves the socket behind. */
static bool
somebody_listens(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0 ||
            snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >= (int)sizeof(address.sun_path)) {
                if (fd >= 0)
                        close(fd);
                return false;
        }
        int r = connect(fd, (const struct sockaddr *)&address, sizeof(address));
        close(fd);
        return r == 0;
}

bool
cli_foreground_find(const char *name, char ret_socket[SQI_SOCKET_PATH])
{
        char base[SQI_SOCKET_PATH], path[SQI_SOCKET_PATH];
        const struct dirent *entry;
        bool found = false;
        DIR *folder;

        if (sqi_server_path(base) < 0)
                return false;
        char *end = strrchr(base, '/');

        if (!end)
                return false;
        *end = '\0';
        folder = opendir(base);
        while (folder && !found && (entry = readdir(folder))) {
                if (strncmp(entry->d_name, "run-", 4) != 0 || !is_named(dirfd(folder), entry->d_name, name))
                        continue;
                found = snprintf(path, sizeof(path), "%s/%s/" SQI_SOLE_SOCKET, base, entry->d_name) <
                                (int)sizeof(path) &&
                        somebody_listens(path);
        }
        if (folder)
                closedir(folder);
        if (found)
                memcpy(ret_socket, path, SQI_SOCKET_PATH);
        return found;
}

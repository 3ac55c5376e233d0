/* SPDX-License-Identifier: Apache-2.0 */
#include "base/home.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const places[] = {"", "../lib/squall/"}; /* from the folder of the binary */
enum { PLACES = sizeof(places) / sizeof(places[0]) };

static bool
binary_folder(char folder[PATH_MAX])
{
        ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
        char *slash;

        if (n <= 0)
                return false;
        folder[n] = '\0';
        slash = strrchr(folder, '/');
        if (!slash)
                return false;
        *slash = '\0';
        return true;
}

static bool
has(const char *folder, const char *below)
{
        char path[PATH_MAX + 64];

        for (size_t i = 0; i < PLACES; i++) {
                snprintf(path, sizeof(path), "%s/%s%s", folder, places[i], below);
                if (access(path, F_OK) == 0)
                        return true;
        }
        return false;
}

/* Where the `squall` that a shell would run really is. */
static bool
command_folder(char folder[PATH_MAX])
{
        const char *at = secure_getenv("PATH");
        char path[PATH_MAX + 32];

        for (size_t len; at && *at != '\0'; at += len + (at[len] == ':')) {
                len = strcspn(at, ":");
                snprintf(path, sizeof(path), "%.*s/squall", (int)len, at);
                if (len == 0 || access(path, X_OK) < 0 || !realpath(path, folder))
                        continue;
                *strrchr(folder, '/') = '\0';
                return true;
        }
        return false;
}

char *
sqi_home_place(const char *below, size_t i)
{
        const char *libdir = secure_getenv("SQUALL_LIBDIR");
        char own[PATH_MAX], folder[PATH_MAX], *path = NULL;
        int n = -1;

        if (libdir && libdir[0] != '\0' && i-- == 0)
                n = asprintf(&path, "%s/%s", libdir, below);
        else if (i < PLACES && binary_folder(own)) {
                bool elsewhere = !has(own, below) && command_folder(folder);

                n = asprintf(&path, "%s/%s%s", elsewhere ? folder : own, places[i], below);
        }
        return n < 0 ? NULL : path;
}

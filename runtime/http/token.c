/* SPDX-License-Identifier: Apache-2.0 */
#include "http/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"

enum { NAME_SIZE = 64 };

/* False: there is none, or none to be trusted. */
static bool
read_token(int folder, const char *name, char ret[SQI_TOKEN_SIZE])
{
        int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        char text[SQI_TOKEN_SIZE] = "";
        struct stat about;
        bool good;

        if (fd < 0)
                return false;
        good = fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_uid == geteuid() &&
               !(about.st_mode & 077) && about.st_size == SQI_TOKEN_SIZE /* its end of line */ &&
               read(fd, text, SQI_TOKEN_SIZE - 1) == SQI_TOKEN_SIZE - 1 &&
               strspn(text, "0123456789abcdef") == SQI_TOKEN_SIZE - 1;
        close(fd);
        if (good)
                memcpy(ret, text, SQI_TOKEN_SIZE);
        explicit_bzero(text, sizeof(text));
        return good;
}

static int
write_all(int fd, const char token[SQI_TOKEN_SIZE])
{
        char line[SQI_TOKEN_SIZE + 1];
        ssize_t n;

        snprintf(line, sizeof(line), "%s\n", token);
        n = write(fd, line, SQI_TOKEN_SIZE);
        explicit_bzero(line, sizeof(line));
        return n == SQI_TOKEN_SIZE ? 0 : n < 0 ? -errno : -ENOSPC;
}

/* Whole or not there: beside it first, and in its place then. */
static int
write_token(int folder, const char *name, const char token[SQI_TOKEN_SIZE])
{
        char fresh[NAME_SIZE];
        int fd, r;

        snprintf(fresh, sizeof(fresh), ".new-%s", name);
        if (unlinkat(folder, fresh, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = write_all(fd, token);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        close(fd);
        if (r == 0 && (renameat(folder, fresh, folder, name) < 0 || fsync(folder) < 0))
                r = -errno;
        if (r < 0)
                unlinkat(folder, fresh, 0);
        return r;
}

int
sqi_token_open(int folder, const char *name, char ret[SQI_TOKEN_SIZE])
{
        unsigned char bytes[SQI_TOKEN_BYTES];
        char token[SQI_TOKEN_SIZE];
        int r;

        if (read_token(folder, name, ret))
                return 0;
        sqi_random_bytes(bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++)
                snprintf(token + 2 * i, 3, "%02x", bytes[i]);
        r = write_token(folder, name, token);
        if (r == 0)
                memcpy(ret, token, SQI_TOKEN_SIZE);
        explicit_bzero(bytes, sizeof(bytes));
        explicit_bzero(token, sizeof(token));
        return r;
}

bool
sqi_token_is_given(const char *authorization, const char token[SQI_TOKEN_SIZE])
{
        static const char scheme[] = "Bearer ";
        unsigned char difference = 0;

        if (!authorization || strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
                return false;
        authorization += sizeof(scheme) - 1;
        if (strlen(authorization) != SQI_TOKEN_SIZE - 1)
                return false;
        for (size_t i = 0; i < SQI_TOKEN_SIZE - 1; i++)
                difference |= (unsigned char)(authorization[i] ^ token[i]);
        return difference == 0;
}

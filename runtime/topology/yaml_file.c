/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a topology file. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "topology/yaml.h"

/* A pipe that has a writer, which has written nothing yet: `squall run <(make-topology)`. */
static bool
is_to_come(int fd)
{
        struct pollfd readable = {.fd = fd, .events = POLLIN};

        return errno == EAGAIN && (poll(&readable, 1, -1) > 0 || errno == EINTR);
}

static int
read_all(int fd, char *buffer, size_t size, size_t *ret_len)
{
        size_t len = 0;
        ssize_t n;

        while (len < size) {
                n = read(fd, buffer + len, size - len);
                if (n < 0 && (errno == EINTR || is_to_come(fd)))
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                len += (size_t)n;
        }
        *ret_len = len;
        return 0;
}

static int
read_file(const char *path, char *buffer, size_t size, size_t *ret_len)
{
        struct stat status;
        int fd, r;

        if (strcmp(path, "-") == 0)
                return read_all(STDIN_FILENO, buffer, size, ret_len);
        /* Non-blocking, or a fifo without a writer would hold us: it has no byte. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        r = fstat(fd, &status) < 0 ? -errno : 0;
        if (r == 0 && S_ISDIR(status.st_mode))
                r = -EISDIR;
        if (r == 0)
                r = read_all(fd, buffer, size, ret_len);
        close(fd);
        return r;
}

int
sqi_yaml_load(const char *path, struct sqi_diagnostics *diagnostics, char **ret, size_t *ret_size)
{
        size_t size = 0;
        char *buffer;
        int r;

        buffer = malloc(SQI_YAML_BYTES + 1);
        if (!buffer)
                return -ENOMEM;
        r = read_file(path, buffer, SQI_YAML_BYTES + 1, &size);
        if (r < 0)
                sqi_diagnose(diagnostics, SQI_ERROR, (struct sqi_place){0}, "can't read the file: %s", strerror(-r));
        else if (size > SQI_YAML_BYTES)
                sqi_diagnose(diagnostics, SQI_ERROR, (struct sqi_place){0},
                             "too large for a topology file (1 MiB at most)");
        if (r < 0 || size > SQI_YAML_BYTES) {
                free(buffer);
                return -EINVAL;
        }
        *ret = buffer;
        *ret_size = size;
        return 0;
}

int
sqi_yaml_read(struct sqi_arena *arena, const char *path, struct sqi_diagnostics *diagnostics, struct sqi_yaml **ret)
{
        char *text = NULL;
        size_t size = 0;
        int r = sqi_yaml_load(path, diagnostics, &text, &size);

        if (r == 0)
                r = sqi_yaml_parse(arena, text, size, diagnostics, ret);
        free(text);
        return r;
}

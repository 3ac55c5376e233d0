/* SPDX-License-Identifier: Apache-2.0 */
#include "control/counted.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PATH_SIZE = 512 };

struct counted {
        char magic[4]; /* written last */
        uint32_t size; /* of this: a worker may be older than the supervisor that has adopted it */
        uint32_t incarnation;
        struct sqi_metrics metrics;
};
static const char magic[4] = {'S', 'Q', 'C', 1};

static const char *
path_of(const char *rundir, uint32_t task, char ret[PATH_SIZE])
{
        snprintf(ret, PATH_SIZE, "%s/n%u", rundir, task);
        return ret;
}

struct sqi_metrics *
sqi_counted_open(const char *rundir, uint32_t task, uint32_t incarnation)
{
        struct counted *counted = MAP_FAILED;
        char path[PATH_SIZE];
        int fd;

        unlink(path_of(rundir, task, path));
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return NULL;
        if (posix_fallocate(fd, 0, sizeof(*counted)) == 0) /* a hole on a full disk would be a SIGBUS */
                counted = mmap(NULL, sizeof(*counted), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        if (counted == MAP_FAILED) {
                unlink(path);
                return NULL;
        }
        counted->size = sizeof(*counted);
        counted->incarnation = incarnation;
        memcpy(counted->magic, magic, sizeof(magic));
        return &counted->metrics;
}

void
sqi_counted_close(struct sqi_metrics **metrics)
{
        if (*metrics)
                munmap((char *)*metrics - offsetof(struct counted, metrics), sizeof(struct counted));
        *metrics = NULL;
}

/* A component shares its memory with what it counts: what it may have written over is no name and no kind. */
static void
clean(struct sqi_metrics *metrics)
{
        for (unsigned i = 0; i < SQI_OWN_MAX; i++) {
                struct sqi_own_metric *own = &metrics->own[i];

                own->name[SQI_OWN_NAME - 1] = '\0';
                if (atomic_load_explicit(&own->kind, memory_order_relaxed) >= SQI_OWN_KINDS)
                        atomic_store_explicit(&own->kind, SQI_OWN_NONE, memory_order_relaxed);
        }
}

static int
read_all(int fd, void *ret, size_t size)
{
        ssize_t n = read(fd, ret, size);

        return n < 0 ? -errno : (size_t)n == size ? 0 : -EBADMSG;
}

int
sqi_counted_read(const char *rundir, uint32_t task, uint32_t incarnation, struct sqi_metrics *ret)
{
        struct counted *counted;
        char path[PATH_SIZE];
        int fd = open(path_of(rundir, task, path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), r;

        if (fd < 0)
                return -errno;
        counted = malloc(sizeof(*counted));
        r = counted ? read_all(fd, counted, sizeof(*counted)) : -ENOMEM;
        close(fd);
        if (r == 0 && (memcmp(counted->magic, magic, sizeof(magic)) != 0 || counted->size != sizeof(*counted) ||
                       counted->incarnation != incarnation))
                r = -EBADMSG;
        if (r == 0) {
                clean(&counted->metrics);
                memcpy(ret, &counted->metrics, sizeof(*ret));
        }
        free(counted);
        return r;
}

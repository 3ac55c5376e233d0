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

struct counted_head {
        char magic[4]; /* written last */
        uint32_t size; /* of the whole: a worker may be older than the supervisor that has adopted it */
        uint32_t incarnation;
};

struct counted {
        struct counted_head head;
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
        counted->head.size = sizeof(*counted);
        counted->head.incarnation = incarnation;
        memcpy(counted->head.magic, magic, sizeof(magic));
        return &counted->metrics;
}

void
sqi_counted_close(struct sqi_metrics **metrics)
{
        if (*metrics)
                munmap((char *)*metrics - offsetof(struct counted, metrics), sizeof(struct counted));
        *metrics = NULL;
}

/* A component shares its memory with what it counts: what it may have written over is neither a name nor a kind. */
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

/* The first `size` bytes of the file, which begin with the head; and `tail_size` bytes from `tail` on, if that is not
 * NULL. 0 or a negative errno. */
static int
read_file(const char *rundir, uint32_t task, uint32_t incarnation, struct counted_head *ret, size_t size,
          void *ret_tail, size_t tail, size_t tail_size)
{
        char path[PATH_SIZE];
        int fd = open(path_of(rundir, task, path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), r;

        if (fd < 0)
                return -errno;
        r = read_all(fd, ret, size);
        if (r == 0 && ret_tail && pread(fd, ret_tail, tail_size, (off_t)tail) != (ssize_t)tail_size)
                r = -EBADMSG;
        close(fd);
        if (r == 0 && (memcmp(ret->magic, magic, sizeof(magic)) != 0 || ret->size != sizeof(struct counted) ||
                       ret->incarnation != incarnation))
                r = -EBADMSG;
        return r;
}

int
sqi_counted_read(const char *rundir, uint32_t task, uint32_t incarnation, struct sqi_metrics *ret)
{
        struct counted *counted = malloc(sizeof(*counted));
        int r = counted ? read_file(rundir, task, incarnation, &counted->head, sizeof(*counted), NULL, 0, 0) : -ENOMEM;

        if (r == 0) {
                clean(&counted->metrics);
                memcpy(ret, &counted->metrics, sizeof(*ret));
        }
        free(counted);
        return r;
}

/* The counters stand first in the metrics, without gaps. */
struct counted_first {
        struct counted_head head;
        struct sqi_counts counts;
};
_Static_assert(sizeof(struct sqi_counts) == SQI_NCOUNTERS * sizeof(uint64_t), "no gaps");
_Static_assert(offsetof(struct counted_first, counts) == offsetof(struct counted, metrics),
               "they begin at the same place");

int
sqi_counted_read_counts(const char *rundir, uint32_t task, uint32_t incarnation, struct sqi_counts *ret)
{
        struct counted_first first;
        int r = read_file(rundir, task, incarnation, &first.head, sizeof(first), NULL, 0, 0);

        if (r == 0)
                *ret = first.counts;
        return r;
}

int
sqi_counted_read_heavy(const char *rundir, uint32_t task, uint32_t incarnation, struct sqi_heavy *ret)
{
        struct counted_head head;

        return read_file(rundir, task, incarnation, &head, sizeof(head), ret, offsetof(struct counted, metrics.heavy),
                         sizeof(*ret));
}

int
sqi_counted_read_time(const char *rundir, uint32_t task, uint32_t incarnation, struct sqi_shown_time *ret)
{
        struct counted_head head;

        return read_file(rundir, task, incarnation, &head, sizeof(head), ret, offsetof(struct counted, metrics.time),
                         sizeof(*ret));
}

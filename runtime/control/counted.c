/* SPDX-License-Identifier: Apache-2.0 */
#include "control/counted.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/invariant.h"

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
/* A worker that is adopted by a later supervisor may have begun with what the file was marked by before. */
static const char magic[4] = {'S', 'Q', 'N', 1}, before[4] = {'S', 'Q', 'C', 1};

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

struct sqi_counted_files {
        char *rundir;
        uint32_t ntasks;
        int most; /* what gets a descriptor from this one on does not stay open */
        int fds[];
};

/* A supervisor has more to do with its descriptors, and has to do it also where there are few. */
enum { SHARE = 4 };

struct sqi_counted_files *
sqi_counted_files_new(const char *rundir, uint32_t ntasks)
{
        struct sqi_counted_files *files = malloc(sizeof(*files) + ntasks * sizeof(files->fds[0]));
        struct rlimit limit;
        char *copy = strdup(rundir);

        if (!files || !copy) {
                free(files);
                free(copy);
                return NULL;
        }
        files->rundir = copy;
        files->ntasks = ntasks;
        files->most = 0;
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
                files->most = limit.rlim_cur < INT_MAX ? (int)limit.rlim_cur / SHARE : INT_MAX;
        for (uint32_t t = 0; t < ntasks; t++)
                files->fds[t] = -1;
        return files;
}

void
sqi_counted_files_free(struct sqi_counted_files **files)
{
        struct sqi_counted_files *it = *files;

        if (!it)
                return;
        for (uint32_t t = 0; t < it->ntasks; t++)
                if (it->fds[t] >= 0)
                        close(it->fds[t]);
        free(it->rundir);
        free(it);
        *files = NULL;
}

static int
read_all(int fd, void *ret, size_t size, size_t at)
{
        ssize_t n = pread(fd, ret, size, (off_t)at);

        return n < 0 ? -errno : (size_t)n == size ? 0 : -EBADMSG;
}

/* What is wanted: the first `size` bytes, which begin with the head; and `tail_size` bytes from `tail_at` on, unless
 * `tail` is NULL. */
struct wanted {
        struct counted_head *head;
        size_t size;
        void *tail;
        size_t tail_at, tail_size;
};

static int
read_fd(int fd, uint32_t incarnation, const struct wanted *wanted)
{
        int r = read_all(fd, wanted->head, wanted->size, 0);

        if (r == 0 && ((memcmp(wanted->head->magic, magic, sizeof(magic)) != 0 &&
                        memcmp(wanted->head->magic, before, sizeof(before)) != 0) ||
                       wanted->head->size != sizeof(struct counted) || wanted->head->incarnation != incarnation))
                r = -EBADMSG;
        return r == 0 && wanted->tail ? read_all(fd, wanted->tail, wanted->tail_size, wanted->tail_at) : r;
}

/* Where the one that is open is of another incarnation, that of this one has its name by now. */
static int
read_file(struct sqi_counted_files *files, uint32_t task, uint32_t incarnation, const struct wanted *wanted)
{
        char path[PATH_SIZE];
        int *kept, fd, r;

        sqi_assert(task < files->ntasks);
        kept = &files->fds[task];
        if (*kept >= 0 && read_fd(*kept, incarnation, wanted) == 0)
                return 0;
        if (*kept >= 0)
                close(*kept);
        *kept = -1;
        fd = open(path_of(files->rundir, task, path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        r = read_fd(fd, incarnation, wanted);
        if (r == 0 && fd < files->most)
                *kept = fd;
        else
                close(fd);
        return r;
}

int
sqi_counted_read(struct sqi_counted_files *files, uint32_t task, uint32_t incarnation, struct sqi_metrics *ret)
{
        struct counted *counted = malloc(sizeof(*counted));
        int r;

        if (!counted)
                return -ENOMEM;
        r = read_file(files, task, incarnation, &(struct wanted){.head = &counted->head, .size = sizeof(*counted)});
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
sqi_counted_read_counts(struct sqi_counted_files *files, uint32_t task, uint32_t incarnation, struct sqi_counts *ret)
{
        struct counted_first first = {.counts = {0}};
        int r = read_file(files, task, incarnation, &(struct wanted){.head = &first.head, .size = sizeof(first)});

        if (r == 0)
                *ret = first.counts;
        return r;
}

static int
read_tail(struct sqi_counted_files *files, uint32_t task, uint32_t incarnation, void *ret, size_t at, size_t size)
{
        struct counted_head head;

        return read_file(files, task, incarnation, &(struct wanted){&head, sizeof(head), ret, at, size});
}

int
sqi_counted_read_heavy(struct sqi_counted_files *files, uint32_t task, uint32_t incarnation, struct sqi_heavy *ret)
{
        return read_tail(files, task, incarnation, ret, offsetof(struct counted, metrics.heavy), sizeof(*ret));
}

int
sqi_counted_read_time(struct sqi_counted_files *files, uint32_t task, uint32_t incarnation, struct sqi_shown_time *ret)
{
        return read_tail(files, task, incarnation, ret, offsetof(struct counted, metrics.time), sizeof(*ret));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sealed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum { NAME_SIZE = 300, COPY_SIZE = 65536, LOCK_TRIES = 100, VERSION_AT = 6 };
static const uint64_t share_size = (uint64_t)8 << 20; /* so much is copied between two looks at who may stop it */
static const size_t most = (size_t)64 << 20;          /* a larger file is none of ours */

struct head {
        char magic[8];
        uint64_t size, sum;
};
static const char magic[8] = "SQSEAL1"; /* its version is the digit */

/* ---- Files ------------------------------------------------------------------------------------------- */

int
sqi_write_all(int fd, const void *bytes, size_t size)
{
        const char *at = bytes;

        while (size > 0) {
                ssize_t n = write(fd, at, size);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        at += n;
                        size -= (size_t)n;
                }
        }
        return 0;
}

static int
create(int folder, const char *name)
{
        int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

        return fd < 0 ? -errno : fd;
}

static int
sync_and_close(int fd, int r)
{
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (close(fd) < 0 && r == 0)
                r = -errno;
        return r;
}

int
sqi_file_write(int folder, const char *name, const void *bytes, size_t size)
{
        int fd = create(folder, name);

        return fd < 0 ? fd : sync_and_close(fd, sqi_write_all(fd, bytes, size));
}

/* All that the kernel does by itself, on a file system that can without a byte being read; -ENOTSUP: not these two. */
static ssize_t
share_some(int in, int out, uint64_t size)
{
        ssize_t n = copy_file_range(in, NULL, out, NULL, (size_t)(size < share_size ? size : share_size), 0);

        if (n >= 0)
                return n;
        return errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM ? -ENOTSUP
                                                                                                             : -errno;
}

static ssize_t
copy_some(int in, int out, uint64_t size)
{
        char bytes[COPY_SIZE];
        ssize_t n = read(in, bytes, size < sizeof(bytes) ? (size_t)size : sizeof(bytes));
        int r = n > 0 ? sqi_write_all(out, bytes, (size_t)n) : 0;

        return r < 0 ? r : n < 0 ? -errno : n;
}

/* What is written goes to the disk from the first share on: a sync of gigabytes at once would hold up whoever syncs
 * beside it. */
static int
copy_bytes(int in, int out, uint64_t size, const atomic_bool *stop)
{
        uint64_t done = 0, begun = 0;
        bool shares = true;
        ssize_t n = 1;

        while (done < size && n != 0) {
                if (stop && atomic_load_explicit(stop, memory_order_relaxed))
                        return -ECANCELED;
                n = shares ? share_some(in, out, size - done) : copy_some(in, out, size - done);
                if (shares && (n == -ENOTSUP || n == 0)) { /* 0 also where the kernel cannot: a read knows the end */
                        shares = false;
                        n = 1;
                        continue;
                }
                if (n < 0 && n != -EINTR)
                        return (int)n;
                done += n > 0 ? (uint64_t)n : 0;
                if (done - begun < share_size)
                        continue;
                (void)sync_file_range(out, (off_t)begun, (off_t)(done - begun), SYNC_FILE_RANGE_WRITE);
                begun = done;
        }
        return done < size && size != UINT64_MAX ? -EBADMSG : 0;
}

int
sqi_file_copy_part(const char *from, int folder, const char *name, uint64_t size, const atomic_bool *stop)
{
        int in = open(from, O_RDONLY | O_CLOEXEC), out, r;

        if (in < 0)
                return -errno;
        out = create(folder, name);
        r = out < 0 ? out : sync_and_close(out, copy_bytes(in, out, size, stop));
        close(in);
        return r;
}

int
sqi_file_copy(const char *from, int folder, const char *name)
{
        return sqi_file_copy_part(from, folder, name, UINT64_MAX, NULL);
}

static int
read_fd(int fd, size_t limit, char **ret_bytes, size_t *ret_size)
{
        struct stat about;
        size_t size = 0;
        char *bytes;

        if (fstat(fd, &about) < 0)
                return -errno;
        if (!S_ISREG(about.st_mode) || about.st_size < 0 || (size_t)about.st_size > limit)
                return -EFBIG;
        bytes = malloc((size_t)about.st_size + 1);
        if (!bytes)
                return -ENOMEM;
        while (size < (size_t)about.st_size) {
                ssize_t n = read(fd, bytes + size, (size_t)about.st_size - size);

                if (n == 0 || (n < 0 && errno != EINTR))
                        break;
                size += n > 0 ? (size_t)n : 0;
        }
        bytes[size] = '\0';
        *ret_bytes = bytes;
        *ret_size = size;
        return 0;
}

int
sqi_file_read(int folder, const char *name, size_t limit, char **ret_bytes, size_t *ret_size)
{
        int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), r;

        if (fd < 0)
                return -errno;
        r = read_fd(fd, limit, ret_bytes, ret_size);
        close(fd);
        return r;
}

/* ---- Sealed ones ------------------------------------------------------------------------------------- */

int
sqi_sealed_write(int folder, const char *name, const void *bytes, size_t size)
{
        struct head head = {.size = size, .sum = XXH3_64bits(bytes, size)};
        char fresh[NAME_SIZE], old[NAME_SIZE];
        int fd, r;

        memcpy(head.magic, magic, sizeof(magic));
        snprintf(fresh, sizeof(fresh), "%s.new", name);
        snprintf(old, sizeof(old), "%s.old", name);
        fd = create(folder, fresh);
        if (fd < 0)
                return fd;
        r = sqi_write_all(fd, &head, sizeof(head));
        if (r == 0)
                r = sqi_write_all(fd, bytes, size);
        r = sync_and_close(fd, r);
        if (r == 0 && renameat(folder, name, folder, old) < 0 && errno != ENOENT)
                r = -errno;
        if (r == 0 && (renameat(folder, fresh, folder, name) < 0 || fsync(folder) < 0))
                r = -errno;
        return r;
}

static int
check(const char *bytes, size_t size)
{
        struct head head;

        if (size < sizeof(head))
                return -EBADMSG;
        memcpy(&head, bytes, sizeof(head));
        if (memcmp(head.magic, magic, VERSION_AT) == 0 && head.magic[VERSION_AT] > magic[VERSION_AT] &&
            head.magic[VERSION_AT] <= '9')
                return -EPROTO;
        return memcmp(head.magic, magic, sizeof(magic)) == 0 && head.size == size - sizeof(head) &&
                               head.sum == XXH3_64bits(bytes + sizeof(head), size - sizeof(head))
                       ? 0
                       : -EBADMSG;
}

static int
read_one(int folder, const char *name, void **ret_bytes, size_t *ret_size)
{
        size_t size;
        char *bytes;
        int r = sqi_file_read(folder, name, most, &bytes, &size);

        if (r < 0)
                return r == -EFBIG ? -EBADMSG : r;
        r = check(bytes, size);
        if (r < 0) {
                free(bytes);
                return r;
        }
        size -= sizeof(struct head);
        memmove(bytes, bytes + sizeof(struct head), size);
        bytes[size] = '\0';
        *ret_bytes = bytes;
        *ret_size = size;
        return 0;
}

const char *
sqi_sealed_reason(int r)
{
        return r == -EBADMSG  ? "the file is damaged"
               : r == -EPROTO ? "a later version of Squall wrote it (go on with that one)"
                              : strerror(-r);
}

int
sqi_sealed_read(int folder, const char *name, void **ret_bytes, size_t *ret_size, bool *ret_torn)
{
        char old[NAME_SIZE];
        int r = read_one(folder, name, ret_bytes, ret_size), before;

        if (r == 0 || (r != -EBADMSG && r != -ENOENT)) {
                *ret_torn = false;
                return r;
        }
        snprintf(old, sizeof(old), "%s.old", name);
        before = read_one(folder, old, ret_bytes, ret_size);
        if (before < 0)
                return r == -EBADMSG || before == -EBADMSG ? -EBADMSG : before;
        *ret_torn = r == -EBADMSG;
        return 0;
}

int
sqi_sealed_remove(int folder, const char *name)
{
        static const char *const ends[] = {".new", ".old", ""};
        char path[NAME_SIZE];

        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
                snprintf(path, sizeof(path), "%s%s", name, ends[i]);
                if (unlinkat(folder, path, 0) < 0 && errno != ENOENT)
                        return -errno;
        }
        return 0;
}

int
sqi_lock_take(int fd)
{
        const struct timespec pause = {.tv_nsec = 5000000};

        for (int i = 0; i < LOCK_TRIES; i++) {
                if (flock(fd, LOCK_EX | LOCK_NB) == 0)
                        return 0;
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return -errno;
                nanosleep(&pause, NULL);
        }
        return -EWOULDBLOCK;
}

/* ---- Folders ----------------------------------------------------------------------------------------- */

enum { DEPTH = 4 }; /* ours are not deeper */

static int
remove_below(int parent, const char *name, int depth)
{
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;

        if (!folder) {
                int r = -errno;

                if (fd >= 0)
                        close(fd);
                return r;
        }
        while ((entry = readdir(folder)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                    unlinkat(fd, entry->d_name, 0) < 0 && depth > 0)
                        remove_below(fd, entry->d_name, depth - 1);
        closedir(folder);
        return unlinkat(parent, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int
sqi_folder_open(int folder, const char *path)
{
        int fd = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

int
sqi_folder_sync_above(int folder, const char *path)
{
        const char *slash = strrchr(path, '/');
        char above[PATH_MAX] = ".";
        int fd, r;

        if (slash)
                snprintf(above, sizeof(above), "%.*s", (int)(slash - path) + 1, path);
        fd = sqi_folder_open(folder, above);
        if (fd < 0)
                return fd == -EACCES ? 0 : fd;
        r = fsync(fd) < 0 ? -errno : 0;
        close(fd);
        return r;
}

int
sqi_folder_make(int folder, const char *path)
{
        if (mkdirat(folder, path, 0700) < 0)
                return errno == EEXIST ? 0 : -errno;
        return sqi_folder_sync_above(folder, path);
}

int
sqi_folder_remove(int folder, const char *name)
{
        int r = remove_below(folder, name, DEPTH);

        return r == -ENOENT ? 0 : r;
}

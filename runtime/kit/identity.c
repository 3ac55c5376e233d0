/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file it is. Names change hands when logs are rotated, inodes are given to other files, and a file may be
 * emptied and written anew under both. So a file is known by device and inode and by two pieces of what was read of it:
 * its first bytes, and those before `mark`.
 *
 *     | head ........ |            | piece before the mark | not read yet
 *     0            HEAD_MAX     mark - PIECE              mark
 *
 * The piece tells apart two files that begin alike, and a copy (copytruncate) from what stands now where it was copied
 * from.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { HEAD_MAX = 1024, PIECE = 256, PATH_SIZE = 4096, NUMBERS = 10000, BEFORE_MAX = 8 };

/* The hash of `n` bytes at `offset`; false when they are not there. */
static bool
hash(int fd, uint64_t offset, size_t n, uint64_t *ret)
{
        char bytes[HEAD_MAX];

        if (pread(fd, bytes, n, (off_t)offset) != (ssize_t)n)
                return false;
        *ret = XXH3_64bits(bytes, n);
        return true;
}

static size_t
piece_of(uint64_t mark)
{
        return mark < PIECE ? (size_t)mark : PIECE;
}

static int64_t
changed_at(const struct stat *about)
{
        return (int64_t)about->st_mtim.tv_sec * 1000000000 + about->st_mtim.tv_nsec;
}

int
sq_identity_take(struct sq_identity *identity, int fd, uint64_t read)
{
        struct sq_identity it = {.mark = read, .head = read < HEAD_MAX ? read : HEAD_MAX};
        struct stat about;

        if (fstat(fd, &about) < 0)
                return -errno;
        if (!hash(fd, 0, (size_t)it.head, &it.head_hash) ||
            !hash(fd, read - piece_of(read), piece_of(read), &it.mark_hash))
                return -ESTALE;
        it.device = about.st_dev;
        it.inode = about.st_ino;
        it.changed_ns = changed_at(&about);
        *identity = it;
        return 0;
}

bool
sq_identity_is(const struct sq_identity *identity, int fd)
{
        uint64_t head, mark;

        return hash(fd, 0, (size_t)identity->head, &head) && head == identity->head_hash &&
               hash(fd, identity->mark - piece_of(identity->mark), piece_of(identity->mark), &mark) &&
               mark == identity->mark_hash;
}

bool
sq_identity_renew(struct sq_identity *identity, int fd, uint64_t read, uint64_t *ret_size)
{
        struct stat about;

        if (fstat(fd, &about) < 0 || (uint64_t)about.st_size < read || !sq_identity_is(identity, fd) ||
            sq_identity_take(identity, fd, read) < 0)
                return false;
        *ret_size = (uint64_t)about.st_size;
        return true;
}

uint32_t
sq_path_hash(const char *path)
{
        uint32_t hash = 2166136261u; /* FNV-1a */

        for (; *path; path++)
                hash = (hash ^ (uint8_t)*path) * 16777619u;
        return hash;
}

/* ---- The folder -------------------------------------------------------------------------------------- */

/* Splits a path: the folder is opened, *ret_name is what stands behind the last slash. */
static DIR *
open_folder(const char *path, const char **ret_name)
{
        char folder[PATH_SIZE];
        const char *slash = strrchr(path, '/');

        *ret_name = slash ? slash + 1 : path;
        if (slash && (size_t)(slash - path) >= sizeof(folder))
                return NULL;
        snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
        return opendir(slash == path ? "/" : folder);
}

static int
open_regular(DIR *folder, const char *name, struct stat *ret)
{
        int fd = openat(dirfd(folder), name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd >= 0 && (fstat(fd, ret) < 0 || !S_ISREG(ret->st_mode))) {
                close(fd);
                errno = EINVAL;
                return -1;
        }
        return fd;
}

/* How well a file fits: 0 not, 1 by content, 2 by inode too. A file of which nothing was read has no content to be
 * known by. */
static int
fits(const struct sq_identity *identity, int fd, const struct stat *about)
{
        bool same = about->st_dev == identity->device && about->st_ino == identity->inode;

        if (!same && identity->head == 0)
                return 0;
        return sq_identity_is(identity, fd) ? 1 + same : 0;
}

int
sq_identity_find(const struct sq_identity *identity, const char *path)
{
        const struct dirent *entry;
        const char *name;
        DIR *folder = open_folder(path, &name);
        int best = 0, found = -ENOENT;
        struct stat about;

        if (!folder)
                return -errno;
        while (best < 2 && (entry = readdir(folder))) {
                int fd = open_regular(folder, entry->d_name, &about), how = fd < 0 ? 0 : fits(identity, fd, &about);

                if (how > best) {
                        if (found >= 0)
                                close(found);
                        found = fd;
                        best = how;
                } else if (fd >= 0) {
                        close(fd);
                }
        }
        closedir(folder);
        return found;
}

/* NAME.1 is younger than NAME.2; 0: the name has no such number. A date is none: it rises. */
static long
number_of(const char *entry)
{
        const char *dot = strrchr(entry, '.');
        char *end;
        long number = dot ? strtol(dot + 1, &end, 10) : 0;

        return dot && *end == '\0' && number > 0 && number < NUMBERS ? number : 0;
}

/* By their numbers only within a tick of the clock: there are rotations that count up. */
static bool
is_older(int64_t a_ns, const char *a, int64_t b_ns, const char *b)
{
        long m = number_of(a), n = number_of(b);

        if (a_ns != b_ns)
                return a_ns < b_ns;
        return m && n && m != n ? m > n : strcmp(a, b) < 0;
}

/* Its inode may have been given to another file. */
static bool
is_still(DIR *folder, const char *entry, const struct sq_identity *identity)
{
        struct stat about;
        int fd;
        bool is;

        if (fstatat(dirfd(folder), entry, &about, 0) < 0 || about.st_dev != identity->device ||
            about.st_ino != identity->inode)
                return false;
        fd = open_regular(folder, entry, &about);
        is = fd >= 0 && fits(identity, fd, &about) == 2;
        if (fd >= 0)
                close(fd);
        return is;
}

/* The number in the name that a file has now. */
static long
number_now(DIR *folder, const struct sq_identity *identity)
{
        const struct dirent *entry;
        long number = 0;

        while (number == 0 && (entry = readdir(folder)))
                if (number_of(entry->d_name) && is_still(folder, entry->d_name, identity))
                        number = number_of(entry->d_name);
        rewinddir(folder);
        return number;
}

/* The kernel's clock of files ticks every few milliseconds: within one tick only a name can tell that it is older. */
static bool
is_younger(const char *name, const struct stat *about, const struct sq_identity *last, long last_number)
{
        if (changed_at(about) != last->changed_ns)
                return changed_at(about) > last->changed_ns;
        return !last_number || number_of(name) < last_number;
}

/* A copy that was made with its time, as `cp -p` and a move to another file system make one. What begins like a known
 * file, and is no more than that, is another one. */
static bool
is_copy(const struct sq_identity *identity, const struct stat *about)
{
        return (uint64_t)about->st_size == identity->mark && changed_at(about) == identity->changed_ns;
}

static bool
is_known(const struct sq_identity *known, size_t n, int fd, const struct stat *about)
{
        for (size_t i = 0; i < n; i++) {
                int how = fits(&known[i], fd, about);

                if (how == 2 || (how == 1 && is_copy(&known[i], about)))
                        return true;
        }
        return false;
}

/* May it have been rotated away from `name`? */
static bool
goes_on_behind(const char *entry, const char *name)
{
        size_t n = strlen(name);

        return strncmp(entry, name, n) == 0 && entry[n] != '\0';
}

/* The oldest rotated file that is not older than the last of the known ones and none of them, by name; false: there is
 * none. */
static bool
oldest_after(DIR *folder, const char *name, const struct sq_identity *known, size_t n, char *ret)
{
        const struct dirent *entry;
        long last_number = number_now(folder, &known[n - 1]);
        struct stat about;
        int64_t best_ns = 0;

        *ret = '\0';
        while ((entry = readdir(folder))) {
                int fd;

                if (!goes_on_behind(entry->d_name, name) || (fd = open_regular(folder, entry->d_name, &about)) < 0)
                        continue;
                if (about.st_size > 0 && is_younger(entry->d_name, &about, &known[n - 1], last_number) &&
                    !is_known(known, n, fd, &about) && !sq_compressed(fd) &&
                    (!*ret || is_older(changed_at(&about), entry->d_name, best_ns, ret))) {
                        snprintf(ret, NAME_MAX + 1, "%s", entry->d_name);
                        best_ns = changed_at(&about);
                }
                close(fd);
        }
        return *ret;
}

int
sq_identity_after(const struct sq_identity *known, size_t n, const char *path)
{
        char oldest[NAME_MAX + 1];
        const char *name;
        DIR *folder = open_folder(path, &name);
        struct stat about;
        int fd, r;

        if (!folder)
                return -errno;
        fd = open_regular(folder, name, &about); /* first: what is rotated away from now on is found behind it */
        r = fd < 0 ? -errno : fd;
        if (n > 0 && oldest_after(folder, name, known, n, oldest)) {
                if (fd >= 0)
                        close(fd);
                fd = open_regular(folder, oldest, &about);
                r = fd < 0 ? -errno : fd;
        }
        closedir(folder);
        return r;
}

/* ---- Before there was one ------------------------------------------------------------------------------ */

struct sibling {
        char name[NAME_MAX + 1];
        int64_t changed_ns;
        struct sq_identity identity;
};

/* Keeps the youngest of them, the oldest first. */
static size_t
insert(struct sibling *siblings, size_t n, size_t most, const struct sibling *one)
{
        size_t at = n;

        while (at > 0 && is_older(one->changed_ns, one->name, siblings[at - 1].changed_ns, siblings[at - 1].name))
                at--;
        if (n < most) {
                memmove(siblings + at + 1, siblings + at, (n - at) * sizeof(*siblings));
                siblings[at] = *one;
                return n + 1;
        }
        if (at > 0) {
                memmove(siblings, siblings + 1, (at - 1) * sizeof(*siblings));
                siblings[at - 1] = *one;
        }
        return n;
}

static int64_t
tick_ns(void)
{
        struct timespec now = {0};

        clock_gettime(CLOCK_REALTIME_COARSE, &now); /* which files are given, too */
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

size_t
sq_identity_before(const char *path, struct sq_identity *ret, size_t most)
{
        struct sibling siblings[BEFORE_MAX] = {0};
        const struct dirent *entry;
        const char *name;
        DIR *folder = open_folder(path, &name);
        size_t n = 0;

        if (most > BEFORE_MAX)
                most = BEFORE_MAX;
        while (folder && (entry = readdir(folder))) {
                struct sibling one;
                struct stat about;
                int fd;

                if (!goes_on_behind(entry->d_name, name) || (fd = open_regular(folder, entry->d_name, &about)) < 0)
                        continue;
                snprintf(one.name, sizeof(one.name), "%s", entry->d_name);
                one.changed_ns = changed_at(&about);
                if (sq_identity_take(&one.identity, fd, (uint64_t)about.st_size) == 0)
                        n = insert(siblings, n, most, &one);
                close(fd);
        }
        for (size_t i = 0; i < n; i++)
                ret[i] = siblings[i].identity;
        if (n == 0)
                ret[n++] = (struct sq_identity){.changed_ns = folder ? 0 : tick_ns()};
        if (folder)
                closedir(folder);
        return n;
}

bool
sq_identity_packed_after(const struct sq_identity *last, const char *path, char *ret_name, size_t size)
{
        const struct dirent *entry;
        const char *name;
        DIR *folder = open_folder(path, &name);
        struct stat about;
        bool found = false;

        while (folder && !found && (entry = readdir(folder))) {
                int fd;

                if (!goes_on_behind(entry->d_name, name) || (fd = open_regular(folder, entry->d_name, &about)) < 0)
                        continue;
                found = changed_at(&about) > last->changed_ns && sq_compressed(fd);
                if (found)
                        snprintf(ret_name, size, "%s", entry->d_name);
                close(fd);
        }
        if (folder)
                closedir(folder);
        return found;
}

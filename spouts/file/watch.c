/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of the files of a pattern. Nothing tells: they are looked at, each with one fstat(), and the pattern is
 * matched, so seldom that either takes a two-hundredth of a processor (SHARE), whatever the number of files.
 *
 * Tasks share files by device and inode, which stay what they are when a file is renamed.
 *
 * A match that is not known is new, with these exceptions:
 *
 *     compressed                   is what was rotated away, and was read before it was compressed: left out
 *     perhaps the copy of another  (its name begins with the other's, and its content as the other's): waits. When the
 *                                  other was truncated, the rest is read from the copy; if that does not happen within
 *                                  COPY_NS, it is a file of its own
 */
#include "many.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHAIN = 8, SUCCESSIONS = 16, PIECE = 256, SPARE = 16 };
static const uint64_t SHARE = 200, LOOK_MIN_NS = 20000000, SCAN_MIN_NS = 100000000, PAUSE_MAX_NS = 10000000000;
static const uint64_t DELETED_NS = 5000000000, RENAMED_NS = 60000000000, COMPLAIN_NS = 60000000000;
static const int64_t COPY_NS = 5000000000;

static uint64_t
processor_ns(void)
{
        struct timespec now = {0};

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* When to do again what was begun at that time of the processor. */
static uint64_t
again_at(const struct sq_task *task, uint64_t begun_ns, uint64_t least_ns)
{
        uint64_t pause_ns = (processor_ns() - begun_ns) * SHARE;

        pause_ns = pause_ns < least_ns ? least_ns : pause_ns > PAUSE_MAX_NS ? PAUSE_MAX_NS : pause_ns;
        return sq_now(task) + pause_ns;
}

static int64_t
status_of(const struct stat *about)
{
        return (int64_t)about->st_ctim.tv_sec * 1000000000 + about->st_ctim.tv_nsec;
}

static bool
is_at(const char *name, const struct followed *followed)
{
        struct stat about;

        return stat(name, &about) == 0 && about.st_ino == followed->known.inode &&
               about.st_dev == followed->known.device;
}

static void
complain(struct sq_task *task, struct many *many, const char *name, int error)
{
        if (sq_now(task) < many->complain_ns)
                return;
        many->complain_ns = sq_now(task) + COMPLAIN_NS;
        sq_log(task, SQ_WARN, "%s: %s%s: trying again", name, strerror(error),
               error == EMFILE ? " (`ulimit -n` sets how many; each file that is followed is one)" : "");
}

/* ---- New ones ---------------------------------------------------------------------------------------- */

/* A file that was not read yet. */
static struct followed *
follow(struct sq_task *task, struct many *many, int fd, char *name)
{
        struct sq_identity known = {0};
        struct followed *followed;

        (void)sq_identity_take(&known, fd, 0);
        followed = many_add(many, &known, fd, name);
        if (!followed)
                return NULL;
        followed->number = ++many->last_number;
        followed->scan = many->scan;
        many_keep(task, many, followed);
        return followed;
}

/* One that is not read, for now. */
static void
hold(struct sq_task *task, struct many *many, const struct stat *about, const char *name, bool packed)
{
        struct sq_identity known = {.device = about->st_dev, .inode = about->st_ino};
        struct followed *followed = many_add(many, &known, -1, strdup(name));

        if (!followed)
                return;
        followed->status_ns = status_of(about);
        followed->packed = packed;
        followed->scan = many->scan;
        if (packed)
                sq_log(task, SQ_INFO, "%s: is compressed: what was rotated away is not read again", name);
}

static bool
same_at(int a, int b, uint64_t from, size_t n)
{
        char left[PIECE], right[PIECE];

        return pread(a, left, n, (off_t)from) == (ssize_t)n && pread(b, right, n, (off_t)from) == (ssize_t)n &&
               memcmp(left, right, n) == 0;
}

/* Is it what was read of the other one, or, as it is being made, a first part of it? */
static bool
is_copy_of(const struct followed *other, int fd, uint64_t size)
{
        size_t n = size < PIECE ? (size_t)size : PIECE;

        if (size == 0 || (other->at > 0 && sq_identity_is(&other->known, fd)))
                return true;
        return other->fd >= 0 && same_at(other->fd, fd, 0, n) && same_at(other->fd, fd, size - n, n);
}

static bool
may_be_copy(struct sq_task *task, const struct many *many, int fd, const struct stat *about, const char *name)
{
        struct sq_time wall = sq_wall(task);

        if (wall.sec * 1000000000 + wall.nsec - status_of(about) > COPY_NS)
                return false;
        for (size_t i = 0; i < many->n; i++) {
                const struct followed *other = many->files[i];
                size_t n = strlen(other->name);

                if (other->number > 0 && strncmp(other->name, name, n) == 0 && name[n] != '\0' &&
                    is_copy_of(other, fd, (uint64_t)about->st_size))
                        return true;
        }
        return false;
}

/* Leaves some for all else, or nobody could see which files are gone. */
static int
open_new(const char *name)
{
        int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct rlimit most = {0};

        if (fd < 0 || getrlimit(RLIMIT_NOFILE, &most) < 0 || (rlim_t)fd + SPARE < most.rlim_cur)
                return fd;
        close(fd);
        errno = EMFILE;
        return -1;
}

static void
discover(struct sq_task *task, struct many *many, const char *name)
{
        int fd = open_new(name);
        struct stat about;
        bool packed;

        if (fd < 0) {
                if (errno != ENOENT)
                        complain(task, many, name, errno);
                return;
        }
        if (fstat(fd, &about) < 0 || !S_ISREG(about.st_mode) || many_find(many, about.st_dev, about.st_ino)) {
                close(fd);
        } else if ((packed = sq_compressed(fd)) || may_be_copy(task, many, fd, &about, name)) {
                hold(task, many, &about, name, packed);
                close(fd);
        } else if (!follow(task, many, fd, strdup(name))) {
                complain(task, many, name, ENOMEM);
        }
}

/* ---- The pattern ------------------------------------------------------------------------------------- */

static bool
is_ours(const struct sq_task *task, const struct stat *about)
{
        return (about->st_ino * UINT64_C(0x9e3779b97f4a7c15) >> 32) % sq_parallelism(task) == sq_index(task);
}

/* A match that is known: it may have another name now. */
static void
meet(struct sq_task *task, struct many *many, struct followed *followed, const struct stat *about, const char *name)
{
        char *now;

        followed->scan = many->scan;
        if (followed->number == 0) {
                if (status_of(about) != followed->status_ns ||
                    (!followed->packed && sq_wall(task).sec * 1000000000 - status_of(about) > COPY_NS)) {
                        many_let_go(task, many, followed);
                        discover(task, many, name);
                }
                return;
        }
        if (strcmp(followed->name, name) == 0 || is_at(followed->name, followed) || !(now = strdup(name)))
                return;
        if (followed->was)
                free(followed->name);
        else
                followed->was = followed->name;
        followed->name = now;
        many_keep(task, many, followed);
}

static void
scan(struct sq_task *task, struct file *file)
{
        struct many *many = file->many;
        glob_t found = {0};
        struct stat about;
        int r = file_match(many->pattern, &found);

        if (r == -ENOENT) { /* nor is there the folder */
                found = (glob_t){0};
                r = 0;
        }
        if (r < 0) {
                complain(task, many, many->pattern, -r);
                return;
        }
        many->scan++;
        for (size_t i = 0; i < found.gl_pathc; i++) {
                const char *name = found.gl_pathv[i];
                struct followed *followed;

                if (stat(name, &about) < 0 || !S_ISREG(about.st_mode))
                        continue;
                if ((followed = many_find(many, about.st_dev, about.st_ino)))
                        meet(task, many, followed, &about, name);
                else if (is_ours(task, &about))
                        discover(task, many, name);
        }
        globfree(&found);
        for (size_t i = many->n; i-- > 0;) {
                struct followed *followed = many->files[i];
                bool before = followed->unmatched;

                followed->unmatched = followed->scan != many->scan;
                if (followed->unmatched && followed->number == 0)
                        many_let_go(task, many, followed);
                else if (followed->unmatched && !before && !followed->was)
                        followed->was = strdup(followed->name);
        }
        sq_gauge(task, "files", (int64_t)many->n);
}

/* ---- What came after ---------------------------------------------------------------------------------- */

static bool
is_match(const char *pattern, const struct stat *file)
{
        glob_t found = {0};
        struct stat about;
        bool is = false;

        if (file_match(pattern, &found) < 0)
                return false;
        for (size_t i = 0; i < found.gl_pathc && !is; i++)
                is = stat(found.gl_pathv[i], &about) == 0 && about.st_ino == file->st_ino &&
                     about.st_dev == file->st_dev;
        globfree(&found);
        return is;
}

/* Another task found it before it was rotated away. */
static bool
is_of_another(const struct sq_task *task, const struct many *many, const struct stat *about)
{
        for (unsigned i = 0; i < sq_parallelism(task); i++)
                if (i != sq_index(task) && places_other_knows(&many->places, i, about->st_dev, about->st_ino))
                        return true;
        return false;
}

static char *
name_of(int fd)
{
        char link[32], name[4096];
        ssize_t n;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, name, sizeof(name) - 1);
        return n > 0 ? strndup(name, (size_t)n) : strdup("?");
}

/* Files that stood under the name between two scans, or while the task was down, and were rotated away under names that
 * do not match: nobody else would find them. */
static void
succeed(struct sq_task *task, struct many *many, const struct sq_identity *before, const char *name)
{
        struct sq_identity chain[CHAIN] = {*before};
        struct stat about;

        for (size_t n = 1; n < CHAIN; n++) {
                int fd = sq_identity_after(chain, n, name);

                if (fd < 0)
                        return;
                if (fstat(fd, &about) < 0 || many_find(many, about.st_dev, about.st_ino) ||
                    is_match(many->pattern, &about) || is_of_another(task, many, &about) ||
                    sq_identity_take(&chain[n], fd, 0) < 0) {
                        close(fd);
                        return;
                }
                sq_log(task, SQ_INFO, "%s was rotated more than once: goes on in what came between", name);
                if (!follow(task, many, fd, name_of(fd))) {
                        (void)sq_error_final(task, "%s: %s", name, strerror(ENOMEM)); /* it is not found again */
                        return;
                }
        }
}

/* ---- Looking ----------------------------------------------------------------------------------------- */

/* Has it grown? */
static void
look_at(struct sq_task *task, struct file *file, struct followed *followed)
{
        struct many *many = file->many;
        struct stat about;

        if (fstat(followed->fd, &about) < 0)
                return;
        if (followed == many->current)
                followed->at = file->reader.offset;
        if ((uint64_t)about.st_size < followed->at) {
                watch_rewritten(task, file, followed);
        } else if ((uint64_t)about.st_size != followed->size || followed->changed_ns == 0) {
                followed->size = (uint64_t)about.st_size;
                followed->changed_ns = sq_now(task);
                if (followed->size > followed->at)
                        many_make_ready(many, followed);
        } else if (followed->unmatched && !followed->ready && !followed->was &&
                   sq_now(task) - followed->changed_ns >= (about.st_nlink == 0 ? DELETED_NS : RENAMED_NS)) {
                if (followed->size > followed->at && !followed->left) {
                        followed->left = true;
                        many_make_ready(many, followed); /* its last record has no line end */
                } else if (followed == many->current) {
                        many_begin_turn(task, file, NULL);
                } else if (followed->turns == 0) {
                        many_let_go(task, many, followed);
                }
        }
}

void
watch(struct sq_task *task, struct file *file)
{
        struct many *many = file->many;
        unsigned successions = 0;
        uint64_t begun_ns = processor_ns();

        if (sq_now(task) >= many->scan_ns) {
                scan(task, file);
                (void)places_write(&many->places); /* other tasks may look there; what fails is tried again */
                many->scan_ns = again_at(task, begun_ns, SCAN_MIN_NS);
        }
        if (sq_now(task) < many->look_ns)
                return;
        begun_ns = processor_ns();
        for (size_t i = many->n; i-- > 0;) {
                struct followed *followed = many->files[i];

                if (followed->was && successions < SUCCESSIONS) {
                        successions++;
                        succeed(task, many, &followed->known, followed->was);
                        free(followed->was);
                        followed->was = NULL;
                }
                if (followed->number > 0)
                        look_at(task, file, followed);
        }
        many->look_ns = again_at(task, begun_ns, LOOK_MIN_NS);
}

/* ---- Written anew ------------------------------------------------------------------------------------ */

/* The copy takes the place that the file had, unless it is read already. */
static void
go_on_in_copy(struct sq_task *task, struct many *many, const struct followed *followed, int fd)
{
        struct sq_identity known = followed->known;
        struct followed *copy;
        struct stat about;

        if (fstat(fd, &about) < 0 || ((copy = many_find(many, about.st_dev, about.st_ino)) && copy->number > 0)) {
                close(fd);
                return;
        }
        if (copy)
                many_let_go(task, many, copy);
        known.device = about.st_dev;
        known.inode = about.st_ino;
        copy = many_add(many, &known, fd, name_of(fd));
        if (!copy) {
                (void)sq_error_final(task, "%s: %s", followed->name, strerror(ENOMEM));
                return;
        }
        copy->number = ++many->last_number;
        copy->at = followed->at;
        copy->left = true;
        copy->scan = many->scan;
        (void)sq_identity_take(&copy->known, fd, copy->at);
        copy->size = (uint64_t)about.st_size;
        copy->changed_ns = sq_now(task);
        many_keep(task, many, copy);
        many_make_ready(many, copy);
}

static void
tell_rewritten(struct sq_task *task, const struct followed *followed)
{
        if (followed->size > followed->at)
                sq_lost(task, 1, "%s was truncated or written anew: at least the %llu bytes from byte %llu on are lost",
                        followed->name, (unsigned long long)(followed->size - followed->at),
                        (unsigned long long)followed->at);
        else
                sq_log(task, SQ_WARN, "%s was truncated or written anew: it is read from its beginning",
                       followed->name);
}

void
watch_rewritten(struct sq_task *task, struct file *file, struct followed *followed)
{
        struct many *many = file->many;
        int copy = sq_identity_find(&followed->known, followed->name);
        bool current = followed == many->current;

        if (copy >= 0)
                sq_log(task, SQ_INFO, "%s was truncated or written anew: goes on in the copy of it at byte %llu",
                       followed->name, (unsigned long long)followed->at);
        if (copy < 0)
                tell_rewritten(task, followed);
        else
                go_on_in_copy(task, many, followed, copy);
        followed->at = 0;
        followed->size = 0;
        followed->changed_ns = 0; /* the next look finds what is there now */
        (void)sq_identity_take(&followed->known, followed->fd, 0);
        many_keep(task, many, followed);
        if (!current)
                return;
        followed->ready = false;
        many->current = NULL;
        many_begin_turn(task, file, NULL);
}

/* ---- Found again ------------------------------------------------------------------------------------- */

static int
open_if_same(int folder, const char *name, const struct followed *followed)
{
        int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat about;

        if (fd < 0)
                return -1;
        if (fstat(fd, &about) == 0 && about.st_ino == followed->known.inode && about.st_dev == followed->known.device &&
            (uint64_t)about.st_size >= followed->at && sq_identity_is(&followed->known, fd))
                return fd;
        close(fd);
        return -1;
}

/* Under whatever name it has now in its folder, by the inodes that the folder tells. */
static int
find_renamed(const struct followed *followed)
{
        char folder[4096];
        const char *slash = strrchr(followed->name, '/');
        const struct dirent *entry;
        DIR *open;
        int fd = -1;

        snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - followed->name + 1) : 1,
                 slash ? followed->name : ".");
        open = opendir(folder);
        if (!open)
                return -1;
        while (fd < 0 && (entry = readdir(open)))
                if (entry->d_ino == followed->known.inode)
                        fd = open_if_same(dirfd(open), entry->d_name, followed);
        closedir(open);
        return fd;
}

static bool
regain(struct sq_task *task, struct many *many, struct followed *followed)
{
        const struct sq_identity before = followed->known;
        struct stat about;

        followed->fd = open_if_same(AT_FDCWD, followed->name, followed);
        if (followed->fd < 0) {
                followed->was = strdup(followed->name);
                followed->fd = find_renamed(followed);
        }
        if (followed->fd < 0) {
                followed->fd = sq_identity_find(&followed->known, followed->name);
                followed->left = followed->fd >= 0;
        }
        if (followed->fd < 0 || fstat(followed->fd, &about) < 0 || (uint64_t)about.st_size < followed->at) {
                sq_lost(task, 1,
                        "%s: the file that was read up to byte %llu was rotated or truncated and is gone: what came "
                        "after that in it is lost",
                        followed->name, (unsigned long long)followed->at);
                succeed(task, many, &before, followed->name);
                return false;
        }
        followed->known.device = about.st_dev;
        followed->known.inode = about.st_ino;
        (void)sq_identity_take(&followed->known, followed->fd, followed->at);
        return true;
}

void
watch_regain(struct sq_task *task, struct file *file)
{
        struct many *many = file->many;

        for (size_t i = many->n; i-- > 0;) {
                struct followed *followed = many->files[i];

                if (followed->fd >= 0 || regain(task, many, followed))
                        continue;
                many_let_go(task, many, followed);
        }
        many_rehash(many);
}

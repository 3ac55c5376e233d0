/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To be preloaded: a process dies, or its disk is full, at a step of its way. Steps are what outlives a process (files
 * made, written, synced, linked, renamed, removed, folders) and what others learn of it (messages between supervisor
 * and workers, processes spawned). They are counted only while the file `armed` lies in the folder that SQUALL_STEPS
 * names:
 *
 *     WHO HOW NUMBER WHAT     as "supervisor kill 2 rename positions.new": the second time that WHO comes to WHAT it
 *                             dies by SIGKILL instead; HOW is `full`: from there on it finds no room, in any file;
 *                             `hold`: that one step waits until something else is armed, as for a slow disk
 *     (empty)                 nobody is struck
 *
 * WHO is "supervisor", or a task as "count/0". Each step that is come to is a line "WHO WHAT" of the file `trace` there,
 * and what was struck one of the file `struck`: once that is there nobody else is struck, and whoever comes after a
 * process that died goes on. Numbers in names are `N`, serials `S`: names that are the same in another run. All this
 * stands outside the programs, so nothing that a user runs has any such switch.
 */
#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "squall.h"

enum { TEXT = 512, SERIAL = 12 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char self[TEXT]; /* "": not one of those that have steps */
static char armed_before[TEXT];
static unsigned times; /* that WHAT was come to, since it was armed so */
static bool full;

/* ---- The folder -------------------------------------------------------------------------------------- */

static int
open_beside(const char *name, int flags)
{
        const char *folder = getenv("SQUALL_STEPS");
        char path[PATH_MAX];

        if (!folder)
                return -1;
        snprintf(path, sizeof(path), "%s/%s", folder, name);
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
}

static bool
read_armed(char ret[TEXT])
{
        int fd = open_beside("armed", O_RDONLY);
        long n = fd < 0 ? -1 : syscall(SYS_read, fd, ret, TEXT - 1);

        if (fd >= 0)
                close(fd);
        if (n >= 0)
                ret[n] = '\0';
        return n >= 0;
}

static bool
is_there(const char *name)
{
        int fd = open_beside(name, O_RDONLY);

        if (fd >= 0)
                close(fd);
        return fd >= 0;
}

static void
note(const char *name, const char *what)
{
        int fd = open_beside(name, O_WRONLY | O_CREAT | O_APPEND);
        char line[2 * TEXT];
        int n = snprintf(line, sizeof(line), "%s %s\n", self, what);

        if (fd < 0)
                return;
        syscall(SYS_write, fd, line, n);
        close(fd);
}

/* ---- Steps ------------------------------------------------------------------------------------------- */

/* "squall: worker TOPOLOGY COMPONENT/INDEX", or "... supervisor ...". */
__attribute__((constructor)) static void
find_self(void)
{
        char line[TEXT] = "";
        int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
        long n = fd < 0 ? 0 : syscall(SYS_read, fd, line, TEXT - 1);
        const char *task = strrchr(line, ' ');

        if (fd >= 0)
                close(fd);
        if (strstr(line, "worker") && task)
                snprintf(self, sizeof(self), "%s", task + 1);
        for (long i = 0; i < n; i++)
                if (strcmp(line + i, "supervisor") == 0 && (i == 0 || line[i - 1] == '\0'))
                        snprintf(self, sizeof(self), "supervisor");
}

/* Without what differs from run to run. */
static void
make_plain(const char *name, char *to)
{
        while (*name) {
                size_t digits = strspn(name, "0123456789"), hex = strspn(name, "0123456789abcdef");
                bool serial = hex == SERIAL;

                if (serial || digits > 0)
                        *to++ = serial ? 'S' : 'N';
                else
                        *to++ = *name;
                name += serial ? hex : digits > 0 ? digits : 1;
        }
        *to = '\0';
}

static void
wait_while(const char *armed)
{
        const struct timespec pause = {.tv_nsec = 1000000};
        char now[TEXT];

        while (read_armed(now) && strcmp(now, armed) == 0)
                nanosleep(&pause, NULL);
}

/* 0, or a negative errno in its place. */
static int
step(const char *verb, const char *path)
{
        char armed[TEXT], what[TEXT], plain[TEXT], who[TEXT], how[TEXT];
        const char *base = strrchr(path, '/');
        int saved = errno, r = 0, n = 0;
        bool held = false;
        unsigned number;

        if (!self[0] || strlen(path) >= TEXT / 2 || !read_armed(armed)) {
                errno = saved;
                return 0;
        }
        if (strcmp(verb, "send") == 0)
                snprintf(plain, sizeof(plain), "%s", path);
        else
                make_plain(base ? base + 1 : path, plain);
        snprintf(what, sizeof(what), "%s %.*s", verb, TEXT / 2, plain);
        pthread_mutex_lock(&lock);
        note("trace", what);
        if (strcmp(armed, armed_before) != 0) {
                memcpy(armed_before, armed, sizeof(armed));
                times = 0;
                full = false;
        }
        if (sscanf(armed, "%511s %511s %u %n", who, how, &number, &n) == 3 && strcmp(who, self) == 0) {
                armed[strcspn(armed, "\n")] = '\0'; /* what follows makes it another one than before */
                if (strcmp(armed + n, what) == 0 && ++times == number && !is_there("struck")) {
                        note("struck", what);
                        if (strcmp(how, "kill") == 0)
                                kill(getpid(), SIGKILL);
                        held = strcmp(how, "hold") == 0;
                        full = !held;
                }
                if (full && strcmp(verb, "send") != 0 && strcmp(verb, "remove") != 0)
                        r = -ENOSPC;
        }
        pthread_mutex_unlock(&lock);
        if (held)
                wait_while(armed_before);
        errno = saved;
        return r;
}

/* The same for a descriptor of a file or folder; libzmq's and others are not ours. Nor is the log: it may end
 * anywhere. */
static int
step_fd(const char *verb, int fd)
{
        char link[64], path[PATH_MAX];
        struct stat about;
        ssize_t n;
        int saved = errno;

        if (!self[0] || fstat(fd, &about) < 0 || (!S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode))) {
                errno = saved;
                return 0;
        }
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        path[n > 0 ? n : 0] = '\0';
        errno = saved;
        return strcmp(path + (n > 4 ? n - 4 : 0), "/log") == 0 || strncmp(path, "/proc/", 6) == 0 ? 0
                                                                                                  : step(verb, path);
}

static int
answer(int r)
{
        errno = -r;
        return -1;
}

/* ---- What is stepped upon ---------------------------------------------------------------------------- */

static int
open_at(int at, const char *path, int flags, mode_t mode)
{
        int r = (flags & O_CREAT) ? step("make", path) : 0;

        return r < 0 ? answer(r) : (int)syscall(SYS_openat, at, path, flags, mode);
}

#define MODE(flags) \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = (flags) & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more)

SQ_EXPORT int
open(const char *path, int flags, ...)
{
        MODE(flags);
        return open_at(AT_FDCWD, path, flags, mode);
}

SQ_EXPORT int
openat(int at, const char *path, int flags, ...)
{
        MODE(flags);
        return open_at(at, path, flags, mode);
}

SQ_EXPORT ssize_t
write(int fd, const void *bytes, size_t size)
{
        int r = step_fd("write", fd);

        return r < 0 ? answer(r) : syscall(SYS_write, fd, bytes, size);
}

SQ_EXPORT ssize_t
copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags)
{
        int r = step_fd("write", out);

        return r < 0 ? answer(r) : syscall(SYS_copy_file_range, in, from, out, to, size, flags);
}

SQ_EXPORT ssize_t
pwrite(int fd, const void *bytes, size_t size, off_t at)
{
        int r = step_fd("write", fd);

        return r < 0 ? answer(r) : syscall(SYS_pwrite64, fd, bytes, size, at);
}

SQ_EXPORT int
fsync(int fd)
{
        int r = step_fd("sync", fd);

        return r < 0 ? answer(r) : (int)syscall(SYS_fsync, fd);
}

SQ_EXPORT int
fdatasync(int fd)
{
        int r = step_fd("sync", fd);

        return r < 0 ? answer(r) : (int)syscall(SYS_fdatasync, fd);
}

SQ_EXPORT int
ftruncate(int fd, off_t size)
{
        int r = step_fd("cut", fd);

        return r < 0 ? answer(r) : (int)syscall(SYS_ftruncate, fd, size);
}

SQ_EXPORT int
renameat2(int from, const char *old, int to, const char *fresh, unsigned flags)
{
        int r = step("rename", old);

        return r < 0 ? answer(r) : (int)syscall(SYS_renameat2, from, old, to, fresh, flags);
}

SQ_EXPORT int
renameat(int from, const char *old, int to, const char *fresh)
{
        return renameat2(from, old, to, fresh, 0);
}

SQ_EXPORT int
rename(const char *old, const char *fresh)
{
        return renameat2(AT_FDCWD, old, AT_FDCWD, fresh, 0);
}

SQ_EXPORT int
linkat(int from, const char *old, int to, const char *fresh, int flags)
{
        int r = step("link", fresh);

        return r < 0 ? answer(r) : (int)syscall(SYS_linkat, from, old, to, fresh, flags);
}

SQ_EXPORT int
link(const char *old, const char *fresh)
{
        return linkat(AT_FDCWD, old, AT_FDCWD, fresh, 0);
}

SQ_EXPORT int
unlinkat(int at, const char *path, int flags)
{
        step("remove", path);
        return (int)syscall(SYS_unlinkat, at, path, flags);
}

SQ_EXPORT int
unlink(const char *path)
{
        return unlinkat(AT_FDCWD, path, 0);
}

SQ_EXPORT int
mkdirat(int at, const char *path, mode_t mode)
{
        int r = step("folder", path);

        return r < 0 ? answer(r) : (int)syscall(SYS_mkdirat, at, path, mode);
}

SQ_EXPORT int
mkdir(const char *path, mode_t mode)
{
        return mkdirat(AT_FDCWD, path, mode);
}

SQ_EXPORT int
posix_spawn(pid_t *ret, const char *path, const posix_spawn_file_actions_t *files, const posix_spawnattr_t *attributes,
            char *const argv[], char *const environment[])
{
        int (*next)(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[],
                    char *const[]);
        const char *task = argv[0] ? strrchr(argv[0], ' ') : NULL;

        *(void **)&next = dlsym(RTLD_NEXT, "posix_spawn");
        step("spawn", task ? task + 1 : path);
        return next(ret, path, files, attributes, argv, environment);
}

/* What supervisor and workers say to each other: [version, type, ...] of runtime/control/message.h; the type, as a
 * number, is the step's name. */
SQ_EXPORT int
zmq_send(void *socket, const void *bytes, size_t size, int flags)
{
        const uint8_t *at = bytes;
        int (*next)(void *, const void *, size_t, int);
        char type[8];

        *(void **)&next = dlsym(RTLD_NEXT, "zmq_send");
        if (!(flags & ZMQ_SNDMORE) && size >= 4 && at[0] >> 4 == 9 && at[1] <= INT8_MAX && at[2] <= INT8_MAX) {
                snprintf(type, sizeof(type), "%u", at[2]);
                step("send", type);
        }
        return next(socket, bytes, size, flags);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The topology runs in a child, which is this command without --watch. Folders are watched, not files: editors and
 * linkers replace files. What has changed is checked first; while it does not check, the one before runs on.
 */
#include "watch.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "topology_file.h"

enum { QUIET_MS = 200, FILES_MAX = 256, SIGNALLED = 128 };

struct watch {
        const struct cli_args *args;
        int inotify, signals, pidfd; /* pidfd: of the child; -1: none */
        pid_t child;
        size_t nfiles;
        char *files[FILES_MAX]; /* that matter, absolute */
        int folders[FILES_MAX]; /* watch descriptor of the folder of each */
};

static void
add_file(struct watch *watch, const char *path)
{
        char whole[PATH_MAX], folder[PATH_MAX];

        if (watch->nfiles == FILES_MAX || !realpath(path, whole))
                return;
        snprintf(folder, sizeof(folder), "%s", whole);
        watch->folders[watch->nfiles] = inotify_add_watch(watch->inotify, dirname(folder),
                                                          IN_CLOSE_WRITE | IN_MOVED_TO);
        watch->files[watch->nfiles] = strdup(whole);
        watch->nfiles += watch->files[watch->nfiles] != NULL;
}

/* Checks the file; what it is made of is watched from here on. */
static bool
check(struct watch *watch)
{
        struct sqi_plan *plan = NULL;

        if (cli_load(watch->args, 0, &plan) != CLI_DONE)
                return false;
        for (; watch->nfiles > 0; watch->nfiles--)
                free(watch->files[watch->nfiles - 1]);
        add_file(watch, cli_operand(watch->args, 0));
        for (uint32_t i = 0; i < sqi_plan_codes(plan); i++)
                if (sqi_plan_code(plan, i))
                        add_file(watch, *sqi_plan_code(plan, i));
        sqi_plan_free(&plan);
        return true;
}

/* Reads what has happened. True: to one of the files. */
static bool
changed(struct watch *watch)
{
        _Alignas(struct inotify_event) char buffer[8192];
        ssize_t n = read(watch->inotify, buffer, sizeof(buffer));
        bool hit = false;
        ssize_t at = 0;

        while (at < n) {
                const struct inotify_event *event = (const void *)(buffer + at);

                for (size_t f = 0; f < watch->nfiles; f++)
                        hit |= event->wd == watch->folders[f] && event->len > 0 &&
                               strcmp(event->name, strrchr(watch->files[f], '/') + 1) == 0;
                at += (ssize_t)(sizeof(*event) + event->len);
        }
        return hit;
}

/* This command line without --watch. */
static void
become_run(void)
{
        static char line[65536];
        static char *argv[4096];
        FILE *file = fopen("/proc/self/cmdline", "re");
        size_t size = file ? fread(line, 1, sizeof(line) - 1, file) : 0, n = 0;
        char *at;

        for (at = line; at < line + size && n < 4095; at += strlen(at) + 1)
                if (strcmp(at, "--watch") != 0)
                        argv[n++] = at;
        (void)execv("/proc/self/exe", argv);
        _exit(127);
}

static bool
start(struct watch *watch)
{
        sigset_t none;

        watch->child = fork();
        if (watch->child == 0) {
                (void)sigemptyset(&none);
                (void)sigprocmask(SIG_SETMASK, &none, NULL);
                become_run();
        }
        watch->pidfd = watch->child > 0 ? (int)syscall(SYS_pidfd_open, watch->child, 0) : -1;
        return watch->pidfd >= 0;
}

/* Waits for the child's end. Its exit status. */
static int
reap(struct watch *watch)
{
        int status = 0;

        while (waitpid(watch->child, &status, 0) < 0 && errno == EINTR)
                ;
        close(watch->pidfd);
        watch->pidfd = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
}

static void
restart(struct watch *watch)
{
        struct pollfd quiet = {.fd = watch->inotify, .events = POLLIN};

        while (poll(&quiet, 1, QUIET_MS) > 0) /* an editor writes more than once */
                (void)changed(watch);
        if (!check(watch)) {
                fprintf(stderr, "squall: the change does not check; %s\n",
                        watch->pidfd >= 0 ? "what runs runs on" : "waiting for another");
                return;
        }
        if (watch->pidfd >= 0) {
                (void)kill(watch->child, SIGTERM);
                (void)reap(watch);
        }
        fprintf(stderr, "squall: changed, starting again\n");
        (void)start(watch);
}

static int
loop(struct watch *watch)
{
        int status = CLI_DONE;

        for (;;) {
                struct pollfd fds[] = {{.fd = watch->inotify, .events = POLLIN},
                                       {.fd = watch->signals, .events = POLLIN},
                                       {.fd = watch->pidfd, .events = POLLIN}};

                (void)poll(fds, 3, -1);
                if (fds[1].revents != 0) {
                        struct signalfd_siginfo info;

                        if (read(watch->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
                                continue;
                        if (watch->pidfd < 0)
                                return status;
                        (void)kill(watch->child, SIGTERM);
                        (void)reap(watch);
                        return SIGNALLED + (int)info.ssi_signo;
                }
                if (fds[0].revents != 0 && changed(watch))
                        restart(watch);
                else if (watch->pidfd >= 0 && fds[2].revents != 0) {
                        status = reap(watch);
                        fprintf(stderr, "squall: ended with status %d; waiting for a change\n", status);
                }
        }
}

int
cli_watch(const struct cli_args *args)
{
        struct watch *watch = calloc(1, sizeof(*watch));
        sigset_t caught;
        int status = CLI_USAGE;

        if (!watch)
                return cli_error(CLI_FAILED, "out of memory");
        *watch = (struct watch){.args = args, .inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .pidfd = -1};
        (void)sigemptyset(&caught);
        (void)sigaddset(&caught, SIGINT);
        (void)sigaddset(&caught, SIGTERM);
        (void)sigprocmask(SIG_BLOCK, &caught, NULL);
        watch->signals = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
        if (watch->inotify < 0 || watch->signals < 0)
                status = cli_error(CLI_FAILED, "can't watch: %s", strerror(errno));
        else if (check(watch))
                status = start(watch) ? loop(watch) : cli_error(CLI_FAILED, "can't start: %s", strerror(errno));
        for (; watch->nfiles > 0; watch->nfiles--)
                free(watch->files[watch->nfiles - 1]);
        close(watch->inotify);
        close(watch->signals);
        free(watch);
        return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program squall-shell: a component of a Squall topology on an Apache Storm cluster. A worker of Storm starts it,
 * in the folder that it has unpacked the jar's `resources` to, where the plan lies beside it; the handshake says
 * which task it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"
#include "control/mark.h"
#include "shell/shelled.h"
#include "task/crash.h"

__attribute__((used)) static const struct sqi_mark mark = SQI_MARK;

/* The whole file into memory, malloc'd. */
static int
read_file(const char *path, void **ret, size_t *ret_size)
{
        FILE *file = fopen(path, "re");
        struct stat stat;
        size_t size;
        char *bytes;

        if (!file)
                return -errno;
        size = fstat(fileno(file), &stat) == 0 ? (size_t)stat.st_size : 0;
        bytes = malloc(size + 1);
        *ret_size = bytes ? fread(bytes, 1, size, file) : 0;
        (void)fclose(file);
        *ret = bytes;
        return bytes ? 0 : -ENOMEM;
}

static int
read_plan(struct sqi_plan **ret, char *error, size_t size)
{
        void *bytes = NULL;
        size_t length = 0;
        int r = read_file("plan", &bytes, &length);

        if (r < 0)
                return sqi_complain(r, error, size,
                                    "cannot read the plan: %s (squall submit --storm starts this program)",
                                    strerror(-r));
        r = sqi_plan_decode(bytes, length, ret, error, size);
        free(bytes);
        return r;
}

/* What a component reads or prints is not to get in between: the pipe has descriptors of its own. */
static int
move_pipe(int *ret_in, int *ret_out)
{
        int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

        *ret_in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
        *ret_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
        if (*ret_in < 0 || *ret_out < 0 || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
            dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
                return -errno;
        return close(nothing) < 0 ? -errno : 0;
}

static void
go_on(int signal)
{
        (void)signal;
}

/* A supervisor of Storm that ends a worker sends this to the worker and to its programs at once, and a worker that sees
 * a program end before it is told to end itself calls that an error. The end of the pipe comes right after it; should
 * it not, so does SIGKILL. What a component starts is not to inherit that, so it is not ignored. */
static void
outlive_termination(void)
{
        struct sigaction action = {.sa_handler = go_on, .sa_flags = SA_RESTART};

        sigemptyset(&action.sa_mask);
        (void)sigaction(SIGTERM, &action, NULL);
}

/* The cause is for Storm's UI and for the worker's log. */
static int
end(struct sqi_shelled *shell, int r, const char *error)
{
        if (r < 0) {
                fprintf(stderr, "squall-shell: %s\n", error);
                sqi_shelled_tell(shell, error);
        }
        sqi_shelled_close(shell);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
        struct sqi_plan *plan = NULL;
        struct sqi_shelled shell;
        char error[512] = "";
        int in = -1, out = -1, r;

        if (argc == 2 && strcmp(argv[1], "--version") == 0) {
                printf("squall-shell %s (component interface %u)\n", mark.version, mark.abi);
                return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        outlive_termination();
        r = read_plan(&plan, error, sizeof(error));
        if (r == 0 && (r = move_pipe(&in, &out)) < 0)
                (void)sqi_complain(r, error, sizeof(error), "cannot use the pipe of Storm: %s", strerror(-r));
        if (r < 0) {
                fprintf(stderr, "squall-shell: %s\n", error);
                sqi_plan_free(&plan);
                return EXIT_FAILURE;
        }
        sqi_crash_install();
        r = sqi_shelled_open(&shell, &plan, in, out, error, sizeof(error));
        if (r == 0) {
                r = shell.task->component->kind == SQ_KIND_SPOUT ? sqi_shelled_spout(&shell) : sqi_shelled_bolt(&shell);
                snprintf(error, sizeof(error), "%s", shell.task->error);
        }
        return end(&shell, r, error);
}

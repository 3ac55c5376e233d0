/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program squall-worker. A supervisor starts it, as
 *
 *     "squall: worker TOPOLOGY TASKS" RUNDIR WORKER INCARNATION SUPERVISOR_PID [adoptable]
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "control/mark.h"
#include "worker/worker.h"

enum { USAGE = 2 };

__attribute__((used)) static const struct sqi_mark mark = SQI_MARK;

/* A batch that is received is allocated and freed by ZeroMQ. malloc() would hand its pages back to the kernel with
 * each, and take them, zeroed, for the next: so it keeps some batches' worth. */
static void
keep_freed_memory(void)
{
        enum { FREE_AT_MOST = 2 << 20, MAPPED_FROM = 1 << 20 };

        mallopt(M_TRIM_THRESHOLD, FREE_AT_MOST);
        mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
}

static bool
parse(const char *text, unsigned long max, unsigned long *ret)
{
        char *end;
        unsigned long number;

        errno = 0;
        number = strtoul(text, &end, 10);
        if (errno || end == text || *end || number > max)
                return false;
        *ret = number;
        return true;
}

static int
print_version(void)
{
        printf(SQI_WORKER_PROGRAM " %s (component interface %u)\n", mark.version, mark.abi);
        return fflush(stdout) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
        unsigned long worker, incarnation, supervisor;
        bool adoptable = argc == 6 && strcmp(argv[5], "adoptable") == 0;

        if (argc == 2 && strcmp(argv[1], "--version") == 0)
                return print_version();
        if ((argc != 5 && !adoptable) || !parse(argv[2], UINT_MAX, &worker) ||
            !parse(argv[3], UINT_MAX, &incarnation) || !parse(argv[4], INT_MAX, &supervisor)) {
                fprintf(stderr, SQI_WORKER_PROGRAM ": this program is for the supervisor to start (use squall run)\n");
                return USAGE;
        }
        /* what it is to hold is not for what it starts itself */
        (void)fcntl(STDERR_FILENO + 1, F_SETFD, FD_CLOEXEC);
        /* it was started by a descriptor, and has its number for a name */
        prctl(PR_SET_NAME, SQI_WORKER_PROGRAM, 0ul, 0ul, 0ul);
        keep_freed_memory();
        return sqi_worker_main(argv[1], (uint32_t)worker, (uint32_t)incarnation, (pid_t)supervisor, adoptable);
}

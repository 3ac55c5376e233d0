/* SPDX-License-Identifier: Apache-2.0 */
/* What main() does as a worker. The supervisor is who calls it: "squall: worker TOPOLOGY TASKS" RUNDIR WORKER INCARNATION SUPERVISOR_PID [adoptable]. */
#include "worker/worker.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "verb.h"

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

int
cli_worker(int argc, char **argv)
{
        unsigned long worker, incarnation, supervisor;
        bool adoptable = argc == 6 && strcmp(argv[5], "adoptable") == 0;

        if ((argc != 5 && !adoptable) || !parse(argv[2], UINT_MAX, &worker) || !parse(argv[3], UINT_MAX, &incarnation) ||
            !parse(argv[4], INT_MAX, &supervisor))
                return cli_error(CLI_USAGE, "this name is for the workers that a supervisor starts (use squall run)");
        return sqi_worker_main(argv[1], (uint32_t)worker, (uint32_t)incarnation, (pid_t)supervisor, adoptable);
}

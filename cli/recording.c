/* SPDX-License-Identifier: Apache-2.0 */
#include "recording.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "task/recorder.h"

static int
write_plan(const char *folder, const struct sqi_plan *plan)
{
        char path[PATH_MAX + 8];
        void *bytes;
        size_t size;
        FILE *file;
        bool ok;

        if (sqi_plan_encode(plan, &bytes, &size) < 0)
                return cli_error(CLI_FAILED, "out of memory");
        snprintf(path, sizeof(path), "%s/plan", folder);
        file = fopen(path, "we");
        ok = file && fwrite(bytes, 1, size, file) == size;
        ok = file && fclose(file) == 0 && ok;
        free(bytes);
        return ok ? CLI_DONE : cli_error(CLI_FAILED, "can't write %s: %s", path, strerror(errno));
}

int
cli_recording_begin(const char *folder, const struct sqi_plan *plan)
{
        char whole[PATH_MAX];

        if (mkdir(folder, 0777) < 0)
                return cli_error(CLI_USAGE, "can't make the folder %s to record to: %s%s", folder, strerror(errno),
                                 errno == EEXIST ? " (another name, or remove it)" : "");
        if (!realpath(folder, whole) || setenv(SQI_RECORDER_VARIABLE, whole, 1) < 0)
                return cli_error(CLI_FAILED, "can't record to %s: %s", folder, strerror(errno));
        return write_plan(whole, plan);
}

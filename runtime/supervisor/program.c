/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"
#include "base/home.h"
#include "control/mark.h"

#define AGAIN "build or install both again, from the same sources"

static int
complain_of_none(char *error, size_t size)
{
        char *place;
        size_t used = (size_t)snprintf(error, size,
                                       "there is no " SQI_WORKER_PROGRAM ", the program of the workers; looked for");

        for (size_t i = 0; (place = sqi_home_place(SQI_WORKER_PROGRAM, i)); i++) {
                if (used < size)
                        used += (size_t)snprintf(error + used, size - used, "%s %s", i ? "," : "", place);
                free(place);
        }
        if (used < size)
                snprintf(error + used, size - used, " (build or install it again, or export SQUALL_LIBDIR)");
        return -ENOENT;
}

/* A program, and what to do when it is another one. */
struct suspect {
        const char *name, *advice;
};

static int
check_mark(const struct sqi_mark *found, const struct suspect *suspect, char *error, size_t size)
{
        static const struct sqi_mark own = SQI_MARK;

        if (!found)
                return sqi_complain(-EPROTO, error, size, "%s is not a " SQI_WORKER_PROGRAM ": %s", suspect->name,
                                    suspect->advice);
        if (memcmp(found, &own, sizeof(own)) == 0)
                return 0;
        return sqi_complain(-EPROTO, error, size,
                            "%s is version %.*s (component interface %u, control %u), squall is %s (%u, %u): %s",
                            suspect->name, (int)sizeof(found->version), found->version, found->abi, found->control,
                            own.version, own.abi, own.control, suspect->advice);
}

static int
check_version(int program, const struct suspect *suspect, char *error, size_t size)
{
        struct sqi_mark copy, *found = NULL;
        struct stat about;
        const char *bytes, *at;
        int r;

        if (fstat(program, &about) < 0)
                return sqi_complain(-errno, error, size, "%s: %s", suspect->name, strerror(errno));
        if (!S_ISREG(about.st_mode) || about.st_size == 0)
                return check_mark(NULL, suspect, error, size);
        bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, program, 0);
        if (bytes == MAP_FAILED)
                return sqi_complain(-errno, error, size, "%s: %s", suspect->name, strerror(errno));
        at = memmem(bytes, (size_t)about.st_size, SQI_MARK_MAGIC, strlen(SQI_MARK_MAGIC) + 1);
        if (at && (size_t)about.st_size - (size_t)(at - bytes) >= sizeof(copy))
                found = memcpy(&copy, at, sizeof(copy));
        r = check_mark(found, suspect, error, size);
        munmap((void *)(uintptr_t)bytes, (size_t)about.st_size);
        return r;
}

int
sqi_program_open(char *error, size_t size)
{
        char *place;
        int program = -1, r;

        for (size_t i = 0; program < 0 && (place = sqi_home_place(SQI_WORKER_PROGRAM, i)); i++) {
                program = open(place, O_RDONLY | O_CLOEXEC);
                r = -errno;
                if (program >= 0)
                        r = check_version(program, &(struct suspect){place, AGAIN}, error, size);
                else if (r != -ENOENT && r != -ENOTDIR)
                        sqi_complain(r, error, size, "%s: %s", place, strerror(-r));
                else
                        r = 0;
                free(place);
                if (r == 0)
                        continue;
                if (program >= 0)
                        close(program);
                return r;
        }
        return program >= 0 ? program : complain_of_none(error, size);
}

int
sqi_program_check(pid_t pid, char *error, size_t size)
{
        char path[SQI_PROGRAM_PATH], name[64];
        int program, r;

        snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
        snprintf(name, sizeof(name), "the worker that runs as process %d", (int)pid);
        program = open(path, O_RDONLY | O_CLOEXEC);
        if (program < 0)
                return 0;
        r = check_version(program,
                          &(struct suspect){name, "stop what runs with the squall that has started it "
                                                  "(squall supervisor --stop), or end its workers"},
                          error, size);
        close(program);
        return r == -EPROTO ? r : 0;
}

void
sqi_program_path(int program, char ret[SQI_PROGRAM_PATH])
{
        snprintf(ret, SQI_PROGRAM_PATH, "/proc/%d/fd/%d", (int)getpid(), program);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `arrival`: how long it took from the first tuple to one of a given number, as a line of JSON in a file. */
#include <errno.h>
#include <squall.h>
#include <stdio.h>
#include <string.h>

struct arrival {
        const char *path;
        int64_t count, taken;
        uint64_t begin_ns;
};

static int
tell(struct sq_task *task, const struct arrival *self)
{
        FILE *file = fopen(self->path, "we");

        if (!file)
                return sq_error_final(task, "%s: %s", self->path, strerror(errno));
        fprintf(file, "{\"seconds\":%.6f}\n", (double)(sq_now(task) - self->begin_ns) * 1e-9);
        return fclose(file) == 0 ? 0 : sq_error_final(task, "%s: %s", self->path, strerror(errno));
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct arrival *self = sq_state(task);

        (void)in;
        if (self->taken++ == 0)
                self->begin_ns = sq_now(task);
        return self->taken == self->count && tell(task, self) < 0 ? SQ_FAIL : SQ_ACK;
}

SQ_BOLT(arrival) = {
        .about = "Takes the time from the first tuple to the last.",
        .state = sizeof(struct arrival),
        .options = {SQ_REQ_PATH(struct arrival, path, "file for the result"),
                    SQ_REQ_INT(struct arrival, count, "tuples until then")},
        .execute = execute,
};

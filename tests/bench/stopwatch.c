/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `stopwatch`: how long after they were due the tuples of the spout `pulse` came here, as a line of JSON in a
 * file. */
#include "latency.h"

#include <errno.h>
#include <squall.h>
#include <string.h>

struct stopwatch {
        const char *path;

        struct latency latency;
};

enum { DUE };

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct stopwatch *self = sq_state(task);

        latency_add(&self->latency, (uint64_t)sq_get_int(in, DUE), sq_now(task));
        return SQ_ACK;
}

static int
finish(struct sq_task *task)
{
        const struct stopwatch *self = sq_state(task);
        FILE *file = fopen(self->path, "we");

        if (!file)
                return sq_error(task, "%s: %s", self->path, strerror(errno));
        latency_print(&self->latency, file);
        return fclose(file) == 0 ? 0 : sq_error(task, "%s: %s", self->path, strerror(errno));
}

SQ_BOLT(stopwatch) = {
        .about = "Measures how late the tuples of `pulse` come.",
        .state = sizeof(struct stopwatch),
        .options = {SQ_REQ_PATH(struct stopwatch, path, "file for the result")},
        .in = {[DUE] = {"due", SQ_INT}},
        .execute = execute,
        .finish = finish,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that makes durable in `.flush` what it executed, a number a line, and passes each number on with `pad` bytes:
 * its output fills up. */
#include <fcntl.h>
#include <squall.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N };
enum { LINE = 24, FULL = 1 << 16 };

struct through {
        const char *path;
        int64_t pad;
        int fd;
        size_t n;
        char lines[FULL];
        char *fat;
};

static int
prepare(struct sq_task *task)
{
        struct through *self = sq_state(task);

        self->fat = calloc(1, (size_t)self->pad + 1);
        self->fd = open(self->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        return self->fat && self->fd >= 0 ? 0 : sq_error(task, "cannot open %s", self->path);
}

static int
flush(struct sq_task *task)
{
        struct through *self = sq_state(task);
        size_t n = self->n;

        self->n = 0;
        return write(self->fd, self->lines, n) == (ssize_t)n ? 0 : sq_error(task, "cannot write %s", self->path);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct through *self = sq_state(task);

        if (self->n > FULL - LINE && flush(task) < 0)
                return SQ_FAIL;
        self->n += (size_t)snprintf(self->lines + self->n, LINE, "%lld\n", (long long)sq_get_int(in, N));
        sq_emit(task, sq_int(sq_get_int(in, N)), sq_bin(self->fat, (size_t)self->pad));
        return SQ_ACK;
}

static void
cleanup(struct sq_task *task)
{
        struct through *self = sq_state(task);

        close(self->fd);
        free(self->fat);
}

SQ_BOLT(through) = {
        .about = "Makes numbers durable in flush and passes them on.",
        .state = sizeof(struct through),
        .options = {SQ_REQ_PATH(struct through, path, "file of the numbers"),
                    SQ_OPT_INT(struct through, pad, 4000, "bytes to emit")},
        .in = {[N] = {"n", SQ_INT}},
        .out = {{"n", SQ_INT}, {"fat", SQ_BIN}},
        .prepare = prepare,
        .execute = execute,
        .flush = flush,
        .cleanup = cleanup,
};

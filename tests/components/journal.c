/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that writes down every tuple of a spout `ledgered` (record.h), before it is acked. */
#include <errno.h>
#include <squall.h>
#include <string.h>
#include <unistd.h>

#include "record.h"

enum { KEY, SEQ, CHECK, ROWS = 1024 };

struct journal {
        const char *directory;
        bool sync;
        int fd;
        off_t size; /* of what is whole */
        size_t n;
        struct got rows[ROWS];
};

static int
prepare(struct sq_task *task)
{
        struct journal *self = sq_state(task);

        self->fd = record_open(self->directory, "got", sq_index(task), sq_incarnation(task));
        return self->fd < 0 ? sq_error(task, "cannot write in %s: %s", self->directory, strerror(errno)) : 0;
}

/* What can't be written as a whole is taken back from the file; the rows stay. */
static int
write_rows(struct sq_task *task)
{
        struct journal *self = sq_state(task);
        size_t bytes = self->n * sizeof(*self->rows);
        ssize_t written = bytes ? write(self->fd, self->rows, bytes) : 0;

        if (written == (ssize_t)bytes && (!self->sync || fdatasync(self->fd) == 0)) {
                self->size += written;
                self->n = 0;
                return 0;
        }
        int error = written < 0 ? errno : ENOSPC;
        if (ftruncate(self->fd, self->size) < 0)
                error = errno;
        return sq_error(task, "cannot write: %s", strerror(error));
}

/* The tuples of what is not written fail with this, and come again. */
static int
flush(struct sq_task *task)
{
        int r = write_rows(task);

        ((struct journal *)sq_state(task))->n = 0;
        return r;
}

/* A tuple that finds no room fails alone: those before it have their verdict, which only flush can change. */
static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct journal *self = sq_state(task);

        if (self->n == ROWS && write_rows(task) < 0)
                return sq_fail(task, "the journal is full");
        self->rows[self->n++] = (struct got){record_now(), sq_get_int(in, KEY), sq_get_int(in, SEQ),
                                             sq_get_int(in, CHECK)};
        return SQ_ACK;
}

static void
cleanup(struct sq_task *task)
{
        close(((struct journal *)sq_state(task))->fd);
}

SQ_BOLT(journal) = {
        .about = "Writes numbered tuples down.",
        .state = sizeof(struct journal),
        .options =
                {
                        SQ_REQ_PATH(struct journal, directory, "where the records go"),
                        SQ_OPT_BOOL(struct journal, sync, false, "fdatasync before the acks"),
                },
        .in = {{"key", SQ_INT}, {"seq", SQ_INT}, {"check", SQ_INT}},
        .prepare = prepare,
        .execute = execute,
        .flush = flush,
        .cleanup = cleanup,
};

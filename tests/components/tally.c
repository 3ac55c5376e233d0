/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that keeps its own tally of what it has executed, one byte a tuple in a file, and is killed before the tuple
 * it is told. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <squall.h>
#include <string.h>
#include <unistd.h>

struct tally {
        const char *path;
        int64_t dies_at, dies; /* before that tuple of each of so many incarnations */
        int64_t executed;
        int fd;
};

static int
prepare(struct sq_task *task)
{
        struct tally *self = sq_state(task);

        self->fd = open(self->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        return self->fd < 0 ? sq_error(task, "cannot open %s: %s", self->path, strerror(errno)) : 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct tally *self = sq_state(task);

        (void)in;
        if (++self->executed == self->dies_at && sq_incarnation(task) < self->dies)
                raise(SIGKILL);
        return write(self->fd, "x", 1) == 1 ? SQ_ACK : SQ_FAIL;
}

static void
cleanup(struct sq_task *task)
{
        close(((struct tally *)sq_state(task))->fd);
}

SQ_BOLT(tally) = {
        .about = "Keeps a tally of its own, and is killed on demand.",
        .state = sizeof(struct tally),
        .options = {SQ_REQ_OUTPUT(struct tally, path, "one byte in it for each tuple"),
                    SQ_OPT_INT(struct tally, dies_at, 0, "tuple of an incarnation before which it is killed"),
                    SQ_OPT_INT(struct tally, dies, 0, "so many incarnations are killed")},
        .prepare = prepare,
        .execute = execute,
        .cleanup = cleanup,
};

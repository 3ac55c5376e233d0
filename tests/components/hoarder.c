/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that keeps a mebibyte of memory for each tuple, in use. */
#include <squall.h>

#include <stdlib.h>
#include <string.h>

struct hoarder {
        void *last; /* the one before is at its beginning */
};

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct hoarder *self = sq_state(task);
        const size_t size = (size_t)1 << 20;
        void *block = malloc(size);

        (void)in;
        if (!block)
                return sq_fail(task, "out of memory");
        memset(block, 1, size);
        memcpy(block, &self->last, sizeof(self->last));
        self->last = block;
        return SQ_ACK;
}

static void
cleanup(struct sq_task *task)
{
        struct hoarder *self = sq_state(task);

        while (self->last) {
                void *before;

                memcpy(&before, self->last, sizeof(before));
                free(self->last);
                self->last = before;
        }
}

SQ_BOLT(hoarder) = {
        .about = "Keeps a mebibyte for each tuple.",
        .state = sizeof(struct hoarder),
        .execute = execute,
        .cleanup = cleanup,
};

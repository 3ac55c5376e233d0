/* SPDX-License-Identifier: Apache-2.0 */
/* A spout with a connection to try, which works, does not, or crashes. */
#include <squall.h>
#include <stdlib.h>

enum { WORKS, BROKEN, CRASHES };

struct probed {
        int64_t how;
};

static void
probe(struct sq_declaration *decl)
{
        const struct probed *self = sq_declared_state(decl);

        if (self->how == CRASHES)
                abort();
        if (self->how == BROKEN)
                sq_declare_error(decl, "how", "it says no");
}

static enum sq_next
next(struct sq_task *task)
{
        (void)task;
        return SQ_DONE;
}

SQ_SPOUT(probed) = {
        .about = "Has a connection to try.",
        .state = sizeof(struct probed),
        .options = {SQ_OPT_ENUM(struct probed, how, "works|broken|crashes", "works", "how that ends")},
        .out = {{"n", SQ_INT}},
        .probe = probe,
        .next = next,
};

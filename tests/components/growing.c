/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that emits one field more than its longest input has: in a cycle that never ends. */
#include <squall.h>

#include <stdio.h>

static unsigned
longest(const struct sq_declaration *decl)
{
        unsigned input, n, most = 0;

        for (input = 0; input < sq_declared_inputs(decl); input++) {
                for (n = 0; sq_declared_input(decl, input, n).name; n++)
                        ;
                most = n > most ? n : most;
        }
        return most;
}

static void
declare(struct sq_declaration *decl)
{
        unsigned i, n = longest(decl);
        char name[16];

        for (i = 0; i <= n; i++) {
                snprintf(name, sizeof(name), "f%u", i);
                sq_declare_out(decl, 0, name, SQ_INT);
        }
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        (void)task;
        (void)in;
        return SQ_ACK;
}

SQ_BOLT(growing) = {.about = "Emits a field more than it gets.", .declare = declare, .execute = execute};

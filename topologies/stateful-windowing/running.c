/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `running`: the sum of each window, added to those before it, as Storm's stateful WindowSumBolt. The total is
 * the task's own, so that it is part of each snapshot, as the windows are.
 */
#include <squall-window.h>
#include <string.h>

enum { VALUE };

struct sum {
        int64_t n;
};

static void
add(struct sq_task *task, void *kept, const struct sq_tuple *in)
{
        struct sum *sum = kept;

        (void)task;
        sum->n += sq_get_int(in, VALUE);
}

static void
merge(struct sq_task *task, void *into, const void *from)
{
        struct sum *sum = into;
        const struct sum *other = from;

        (void)task;
        sum->n += other->n;
}

static void
emit(struct sq_task *task, const struct sq_window *window, const void *kept)
{
        const struct sum *sum = kept;
        struct sq_str before = sq_own(task, "total");
        int64_t total = 0;

        if (before.len == sizeof(total))
                memcpy(&total, before.ptr, sizeof(total));
        total += sum->n;
        sq_own_set(task, "total", (struct sq_str){(const char *)&total, sizeof(total)});
        sq_window_emit(task, window, total);
}

SQ_WINDOW(running, "What the windows came to so far, all together.", .size = sizeof(struct sum),
          .in = {[VALUE] = {"value", SQ_INT}}, .out = {{"sum", SQ_INT}}, .add = add, .merge = merge, .emit = emit);

/* SPDX-License-Identifier: Apache-2.0 */
/* A windowed bolt in C: the least and the greatest of a window, and how many there were. */
#include <squall-window.h>

struct extent {
        double least, greatest;
        int64_t n;
};

static enum sq_verdict
check(struct sq_task *task, const struct sq_tuple *in)
{
        return sq_get(in, 0).type == SQ_NIL ? sq_fail(task, "a reading without a number") : SQ_ACK;
}

static void
put(struct extent *extent, double least, double greatest, int64_t n)
{
        extent->least = extent->n == 0 || least < extent->least ? least : extent->least;
        extent->greatest = extent->n == 0 || greatest > extent->greatest ? greatest : extent->greatest;
        extent->n += n;
}

static void
add(struct sq_task *task, void *kept, const struct sq_tuple *in)
{
        (void)task;
        put(kept, sq_get_float(in, 0), sq_get_float(in, 0), 1);
}

static void
merge(struct sq_task *task, void *into, const void *from)
{
        const struct extent *other = from;

        (void)task;
        put(into, other->least, other->greatest, other->n);
}

static void
emit(struct sq_task *task, const struct sq_window *window, const void *kept)
{
        const struct extent *extent = kept;

        sq_window_emit(task, window, extent->least, extent->greatest, extent->n);
}

SQ_WINDOW(extent, "The least and the greatest of each window.", .size = sizeof(struct extent),
          .in = {{"celsius", SQ_FLOAT}}, .out = {{"least", SQ_FLOAT}, {"greatest", SQ_FLOAT}, {"n", SQ_INT}},
          .check = check, .add = add, .merge = merge, .emit = emit);

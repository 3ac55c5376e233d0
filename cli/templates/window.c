/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `@component@`: the least and the greatest value of each window. Start here: what comes in and goes out
 * stands at the end of the file. The windows themselves are settings: @name@.yaml. */
#include <squall-window.h>

/* What is kept of the tuples of a window, zeroed at first. The runtime keeps it, also through a crash under
 * exactly-once; so it holds no pointer. */
struct range {
        double low, high;
        bool any;
};

/* The places of the fields in `.in`. */
enum { VALUE };

static void
put(struct range *kept, double low, double high)
{
        if (!kept->any || low < kept->low)
                kept->low = low;
        if (!kept->any || high > kept->high)
                kept->high = high;
        kept->any = true;
}

static void
add(struct sq_task *task, void *kept, const struct sq_tuple *in)
{
        double value = sq_get_float(in, VALUE);

        (void)task;
        put(kept, value, value);
}

/* Windows that overlap share their parts: what was kept of one is put to what was kept of the earlier ones. */
static void
merge(struct sq_task *task, void *into, const void *from)
{
        const struct range *other = from;

        (void)task;
        put(into, other->low, other->high);
}

static void
emit(struct sq_task *task, const struct sq_window *window, const void *kept)
{
        const struct range *range = kept;

        sq_window_emit(task, window, range->low, range->high); /* the key, start and end go before them */
}

SQ_WINDOW(@ident@, "The least and the greatest value of each window.", .size = sizeof(struct range),
          .in = {[VALUE] = {"value", SQ_FLOAT}}, .out = {{"low", SQ_FLOAT}, {"high", SQ_FLOAT}}, .add = add,
          .merge = merge, .emit = emit);

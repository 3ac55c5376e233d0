/* SPDX-License-Identifier: Apache-2.0 */
/* Do the numbers of each source come in their order? At the end: how many came of it, and how many in another. */
#include <squall.h>

enum { SOURCE, N };

/* Of a source. */
struct arrivals {
        int64_t source, expected, came, out_of_order;
};

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct arrivals *arrivals = sq_keyed(task, sq_key_of(in, 1));
        int64_t n = sq_get_int(in, N);

        arrivals->source = sq_get_int(in, SOURCE);
        arrivals->came++;
        if (n != arrivals->expected) {
                sq_log(task, SQ_WARN, "source %lld: %lld came, and %lld was next", (long long)arrivals->source,
                       (long long)n, (long long)arrivals->expected);
                arrivals->out_of_order++;
        }
        arrivals->expected = n + 1;
        return SQ_ACK;
}

static bool
tell(struct sq_task *task, struct sq_str key, void *state, void *context)
{
        const struct arrivals *arrivals = state;

        (void)key;
        (void)context;
        sq_emit(task, arrivals->source, arrivals->came, arrivals->out_of_order);
        return true;
}

static int
finish(struct sq_task *task)
{
        sq_keyed_each(task, tell, NULL);
        return 0;
}

SQ_BOLT(check) = {
        .about = "Do the numbers of each source come in their order?",
        .key_state = sizeof(struct arrivals),
        .in = {[SOURCE] = {"source", SQ_INT}, [N] = {"n", SQ_INT}},
        .out = {{"source", SQ_INT}, {"came", SQ_INT}, {"out_of_order", SQ_INT}},
        .execute = execute,
        .finish = finish,
};

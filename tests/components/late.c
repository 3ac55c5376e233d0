/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that emits each number that has come when all have, at the third attempt. */
#include <squall.h>
#include <string.h>

enum { N, K, FAILS = 2 };

struct late {
        int64_t finishes;
};

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        int64_t k = sq_get_int(in, K), *n = sq_keyed(task, (struct sq_str){(const char *)&k, sizeof(k)});

        ++*n;
        return SQ_ACK;
}

static bool
emit(struct sq_task *task, struct sq_str key, void *state, void *context)
{
        int64_t k;

        (void)context;
        memcpy(&k, key.ptr, sizeof(k));
        sq_emit(task, sq_int(*(int64_t *)state), sq_int(k));
        return true;
}

static int
finish(struct sq_task *task)
{
        struct late *self = sq_state(task);

        if (self->finishes++ < FAILS)
                return sq_error(task, "it is too early");
        sq_keyed_each(task, emit, NULL);
        return 0;
}

SQ_BOLT(late) = {
        .about = "Emits each number that has come when all have.",
        .state = sizeof(struct late),
        .key_state = sizeof(int64_t),
        .in = {{"n", SQ_INT}, {"k", SQ_INT}},
        .out = {{"n", SQ_INT}, {"k", SQ_INT}},
        .execute = execute,
        .finish = finish,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that counts tuples, and logs what it is told of epochs. */
#include <squall.h>

struct epochs {
        int64_t refused; /* an epoch that it does not want */
        bool emits;
};

static int
prepare(struct sq_task *task)
{
        sq_log(task, SQ_INFO, "%s %s", sq_exactly_once(task) ? "exactly once," : "not exactly once,",
               sq_restores(task) ? "restored" : "from nothing");
        return 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        int64_t *n = sq_keyed(task, sq_key(in));

        ++*n;
        return SQ_ACK;
}

static bool
add(struct sq_task *task, struct sq_str key, void *state, void *sum)
{
        (void)task;
        (void)key;
        *(int64_t *)sum += *(int64_t *)state;
        return true;
}

static int
tell(struct sq_task *task, const char *what, uint64_t epoch)
{
        const struct epochs *self = sq_state(task);
        int64_t n = 0;

        sq_keyed_each(task, add, &n);
        sq_log(task, SQ_INFO, "%s %llu, %lld tuples", what, (unsigned long long)epoch, (long long)n);
        return (uint64_t)self->refused == epoch ? sq_error(task, "no %s of %llu", what, (unsigned long long)epoch) : 0;
}

static int
precommit(struct sq_task *task, uint64_t epoch)
{
        const struct epochs *self = sq_state(task);

        if (self->emits)
                sq_emit(task, sq_text("never"));
        return tell(task, "precommit", epoch);
}

static int
commit(struct sq_task *task, uint64_t epoch)
{
        return tell(task, "commit", epoch);
}

static int
take_back(struct sq_task *task, uint64_t epoch)
{
        return tell(task, "abort", epoch);
}

SQ_BOLT(epochs) = {
        .about = "Logs what it is told of epochs.",
        .state = sizeof(struct epochs),
        .key_state = sizeof(int64_t),
        .options =
                {
                        SQ_OPT_INT(struct epochs, refused, 0, "an epoch"),
                        SQ_OPT_BOOL(struct epochs, emits, false, "in precommit"),
                },
        .out = {{"word", SQ_STR}},
        .prepare = prepare,
        .execute = execute,
        .precommit = precommit,
        .commit = commit,
        .abort = take_back,
};

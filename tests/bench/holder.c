/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `holder`: each tuple writes to the state of one of many keys, and is passed on. */
#include <squall.h>

enum { DUE };

struct holder {
        int64_t keys;

        uint64_t random;
};

struct held {
        uint64_t n[8];
};

static struct held *
state_of(struct sq_task *task, uint64_t key)
{
        return sq_keyed(task, (struct sq_str){(const char *)&key, sizeof(key)});
}

/* All keys are there before the first tuple. */
static int
prepare(struct sq_task *task)
{
        const struct holder *self = sq_state(task);

        for (uint64_t key = 0; key < (uint64_t)self->keys; key++)
                state_of(task, key);
        return 0;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct holder *self = sq_state(task);

        self->random = self->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407); /* Knuth's MMIX */
        state_of(task, (self->random >> 33) % (uint64_t)self->keys)->n[0]++;
        sq_emit(task, sq_int(sq_get_int(in, DUE)));
        return SQ_ACK;
}

SQ_BOLT(holder) = {
        .about = "Holds 64 bytes a key, and writes to those of one key a tuple, drawn at random.",
        .state = sizeof(struct holder),
        .key_state = sizeof(struct held),
        .options = {SQ_OPT_INT(struct holder, keys, 1000000, "how many keys there are")},
        .in = {[DUE] = {"due", SQ_INT}},
        .out = {[DUE] = {"due", SQ_INT}},
        .prepare = prepare,
        .execute = execute,
};

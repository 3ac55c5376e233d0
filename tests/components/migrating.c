/* SPDX-License-Identifier: Apache-2.0 */
/* A count whose state of version 1 was half as large: it reads that, and refuses what is older. */
#include <squall.h>
#include <string.h>

enum { WORD };

struct tally {
        int32_t n, before; /* before: what came along from version 1 */
};

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct tally *tally = sq_keyed(task, sq_get_str(in, WORD));

        tally->n++;
        sq_emit(task, sq_get_str(in, WORD), tally->n, tally->before);
        return SQ_ACK;
}

static int
migrate(struct sq_task *task, uint32_t version, struct sq_str key, const void *old, size_t size, void *state)
{
        struct tally *tally = state;

        if (version != 1 || size < sizeof(tally->before))
                return sq_error(task, "no state of version %u can be read (%.*s)", version, (int)key.len, key.ptr);
        memcpy(&tally->before, old, sizeof(tally->before));
        return 0;
}

SQ_BOLT(migrating) = {
        .about = "Counts words, and goes on with what version 1 of it has counted.",
        .key_state = sizeof(struct tally),
        .state_version = 2,
        .in = {[WORD] = {"word", SQ_STR}},
        .out = {{"word", SQ_STR}, {"n", SQ_INT}, {"before", SQ_INT}},
        .execute = execute,
        .migrate = migrate,
};

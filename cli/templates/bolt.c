/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `@component@`: a running total per word. Start here: what comes in and goes out stands at the end of the
 * file. */
#include <squall.h>

/* Settings and state of one task. The runtime zeroes it and fills in the settings. */
struct totals {
        int64_t min;
};

/* State of one word: the runtime keeps one for each, zeroed when the word is new, and takes it along when the topology
 * is stopped, rebalanced or updated. So it holds no pointer. */
struct per_word {
        int64_t n;
};

/* The places of the fields in `.in`. */
enum { WORD };

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct totals *self = sq_state(task);
        struct sq_str word = sq_get_str(in, WORD); /* a view: good until execute returns */
        struct per_word *tally;

        if (word.len == 0)
                return sq_fail(task, "an empty word"); /* the spout emits the tuple again */
        tally = sq_keyed(task, word);
        if (++tally->n >= self->min)
                sq_emit(task, word, tally->n); /* anchored to the input by itself */
        return SQ_ACK;
}

SQ_BOLT(@ident@) = {
        .about = "Running total per word.",
        .state = sizeof(struct totals),
        .key_state = sizeof(struct per_word),
        .options = {SQ_OPT_INT(struct totals, min, 1, "first count to emit")},
        .in = {[WORD] = {"word", SQ_STR}},
        .out = {{"word", SQ_STR}, {"count", SQ_INT}},
        .execute = execute,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The last bolt of the demo: a table of the words that `top` found (its first input), and the totals of all counts (its
 * second). */
#include <squall.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORD, COUNT };
enum { TOP, ALL };
enum { TABLE = 100, LINE_SIZE = 128 };

struct report {
        int64_t words, distinct;
        unsigned n;
        char table[TABLE][LINE_SIZE];
};

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct report *self = sq_state(task);
        struct sq_str word = sq_get_str(in, WORD);
        int64_t count = sq_get_int(in, COUNT);

        if (sq_source_input(in) == ALL) {
                self->words += count;
                self->distinct++;
        } else if (self->n < TABLE) {
                snprintf(self->table[self->n], LINE_SIZE, "%4u  %-12.*s %8lld", self->n + 1, (int)word.len, word.ptr,
                         (long long)count);
                self->n++;
        }
        return SQ_ACK;
}

static int
finish(struct sq_task *task)
{
        const struct report *self = sq_state(task);
        char totals[LINE_SIZE];

        for (unsigned i = 0; i < self->n; i++)
                sq_emit(task, self->table[i]);
        snprintf(totals, sizeof(totals), "%lld words, %lld distinct", (long long)self->words,
                 (long long)self->distinct);
        sq_emit(task, totals);
        return 0;
}

SQ_BOLT(report) = {
        .about = "A table of the most frequent words, and the totals.",
        .state = sizeof(struct report),
        .in = {[WORD] = {"word", SQ_STR}, [COUNT] = {"count", SQ_INT}},
        .out = {{"line", SQ_STR}},
        .execute = execute,
        .finish = finish,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt that makes the mistake that MISTAKE names: each a few lines that a newcomer writes. */
#include <string.h>
#include <unistd.h>

#include <squall.h>

enum { WORD };

struct mistaken {
        struct sq_str last;
        const struct sq_tuple *before;
        int64_t limit;
};

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct mistaken *self = sq_state(task);
        struct sq_str word = sq_get_str(in, WORD);

#if defined READS_A_VIEW_LATER
        self->last = word;
#elif defined WRONG_TYPE
        sq_emit(task, sq_str(word), sq_int(sq_get_int(in, WORD)));
#elif defined EMITS_WRONG_TYPE
        sq_emit(task, sq_str(word), sq_text("one"));
#elif defined UNDECLARED_STREAM
        sq_emit_on(task, 1, sq_str(word), sq_int(1));
#elif defined WRONG_NUMBER
        sq_emit(task, sq_str(word));
#elif defined KEEPS_A_VIEW
        if (self->last.len)
                sq_emit(task, sq_str(self->last), sq_int(1));
        self->last = word;
#elif defined ODD_VERDICT
        return (enum sq_verdict)ODD_VERDICT;
#elif defined EMITS_DIRECT
        sq_emit_direct(task, 0, 0, sq_str(word), sq_int(1));
#elif defined READS_A_VIEW
        if (self->last.len)
                sq_log(task, SQ_INFO, "before it came %.*s", (int)self->last.len, self->last.ptr);
        self->last = word;
#elif defined READS_A_TUPLE
        if (self->before)
                sq_log(task, SQ_INFO, "before it came %.*s", 1, sq_get_str(self->before, WORD).ptr);
        self->before = in;
#elif defined FORGETS_TO_ACK
        sq_keep(task, in);
        return SQ_KEEP;
#elif defined KEEPS_NOTHING
        return SQ_KEEP;
#elif defined BLOCKS
        for (;;)
                pause();
#elif defined NO_SUCH_FIELD
        sq_get_int(in, WORD + 1);
#elif defined CRASHES
        if (word.len == 4 && memcmp(word.ptr, "boom", 4) == 0)
                *(volatile int *)(word.len - 4) = 1; /* NOLINT */
#elif defined OVERFLOWS
        return execute(task, in) == SQ_ACK ? SQ_FAIL : SQ_ACK;
#elif defined METRIC_TWICE
        sq_count(task, "n", 1);
        sq_gauge(task, "n", 1);
#endif
        (void)self;
        (void)word;
        return SQ_ACK;
}

#ifdef READS_A_VIEW_LATER
static int
finish(struct sq_task *task)
{
        struct mistaken *self = sq_state(task);

        sq_log(task, SQ_INFO, "the last was %.*s", (int)self->last.len, self->last.ptr);
        return 0;
}
#endif

#ifdef EMITS_IN_PREPARE
static int
prepare(struct sq_task *task)
{
        sq_emit(task, sq_text("early"), sq_int(1));
        return 0;
}
#endif

SQ_BOLT(mistaken) = {
        .about = "Makes a mistake.",
        .state = sizeof(struct mistaken),
        .options = {SQ_REQ_INT(struct mistaken, limit, "how many at most")},
        .in = {[WORD] = {"word", SQ_STR}},
        .out = {{"word", SQ_STR}, {"n", SQ_INT}},
#ifdef READS_A_VIEW_LATER
        .finish = finish,
#endif
#ifdef EMITS_IN_PREPARE
        .prepare = prepare,
#endif
        .execute = execute,
};

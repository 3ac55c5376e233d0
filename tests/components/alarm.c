/* SPDX-License-Identifier: Apache-2.0 */
/* A timer for each word: it rings so many seconds after the word came last, says how often it came, and forgets it.
 * "!word" calls it off; "word+" makes another word's key as it rings. */
#include <squall.h>

enum { WORD };

struct alarm {
        int64_t seconds;
};

struct word {
        int64_t n;
        struct sq_time due;
};

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct alarm *self = sq_state(task);
        struct sq_str word = sq_get_str(in, WORD);
        bool off = word.len > 0 && *word.ptr == '!';
        struct sq_time due = sq_wall(task);
        struct word *it;

        if (off)
                word = (struct sq_str){word.ptr + 1, word.len - 1};
        it = sq_keyed(task, word);
        if (it->n > 0)
                sq_timer_cancel(task, word, it->due);
        due.sec += self->seconds;
        if (!off)
                sq_timer_set(task, word, due);
        *it = (struct word){it->n + 1, due};
        return SQ_ACK;
}

static int
timer(struct sq_task *task, struct sq_str key, struct sq_time time)
{
        const struct word *it = sq_keyed_peek(task, key);

        sq_emit(task, key, it->n, time);
        if (key.len > 0 && key.ptr[key.len - 1] == '+')
                sq_keyed(task, (struct sq_str){"made", 4});
        sq_keyed_forget(task, key);
        return 0;
}

SQ_BOLT(alarm) = {
        .about = "Rings some time after a word came last.",
        .state = sizeof(struct alarm),
        .key_state = sizeof(struct word),
        .options = {SQ_OPT_INT(struct alarm, seconds, 10, "from the last time that the word came")},
        .in = {[WORD] = {"word", SQ_STR}},
        .out = {{"word", SQ_STR}, {"n", SQ_INT}, {"time", SQ_TIME}},
        .execute = execute,
        .timer = timer,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* An event timer for each word: it rings so many seconds behind the time of each tuple. A tuple says how far the
 * watermark has come to it; "!word" calls off the timer of its time. */
#include <squall.h>

enum { WORD, AT };

static const int64_t SECOND = 1000000000;

struct event_alarm {
        int64_t seconds;
};

struct word {
        int64_t n;
};

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct event_alarm *self = sq_state(task);
        struct sq_str word = sq_get_str(in, WORD);
        bool off = word.len > 0 && *word.ptr == '!';
        int64_t due = (sq_get_int(in, AT) + self->seconds) * SECOND;
        struct word *it;

        if (off) {
                sq_event_timer_cancel(task, (struct sq_str){word.ptr + 1, word.len - 1}, due);
                return SQ_ACK;
        }
        it = sq_keyed(task, word);
        it->n++;
        sq_event_timer_set(task, word, due);
        if (sq_watermark(task) != SQ_NO_WATERMARK && sq_watermark(task) > sq_get_int(in, AT) * SECOND)
                sq_emit_on(task, 1, word, sq_get_int(in, AT));
        return SQ_ACK;
}

static int
event_timer(struct sq_task *task, struct sq_str key, int64_t time_ns)
{
        const struct word *it = sq_keyed_peek(task, key);

        sq_emit(task, key, it->n, time_ns / SECOND);
        return 0;
}

static int
finish(struct sq_task *task)
{
        sq_emit(task, sq_text("finish"), (int64_t)0,
                sq_watermark(task) == SQ_END_OF_TIME    ? (int64_t)-1
                : sq_watermark(task) == SQ_NO_WATERMARK ? (int64_t)-2
                                                        : sq_watermark(task) / SECOND);
        return 0;
}

SQ_BOLT(event_alarm) = {
        .about = "Rings when the watermark has come some time behind each tuple.",
        .state = sizeof(struct event_alarm),
        .key_state = sizeof(struct word),
        .options = {SQ_OPT_INT(struct event_alarm, seconds, 10, "from the time of the tuple")},
        .in = {[WORD] = {"word", SQ_STR}, [AT] = {"at", SQ_INT}},
        .out = {{"word", SQ_STR}, {"n", SQ_INT}, {"time", SQ_INT}},
        .streams = {{"late", {{"word", SQ_STR}, {"at", SQ_INT}}}},
        .execute = execute,
        .event_timer = event_timer,
        .finish = finish,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sinks share: squall-connect.h says how they use it.
 *
 * Records stand one behind the other as msgpack maps, until the flush before the acks hands them over:
 *
 *     spans     [ done | to be handed over ]        where record i stands, and whether it is settled
 *                       done               n
 *
 * A batch that is refused is handed over by halves, so that a refused record among n costs about 2 log2(n) further
 * hand-overs, and the others get there. A batch that fails because the other side is away is handed over again without
 * the records of which it has already said what becomes of them.
 *
 * Some servers have no word for what they do not take, and hang up: on all that come behind it, too, however often. So
 * after each such end half as many records are handed over, and twice as many after each success, until it is one alone
 * that is hung up on STRIKES times in a row, with a pause that grows and a server that greets us each time. That one is
 * refused. The search has SEARCH_S more of a flush, and goes on in the next.
 *
 * While the other side is away the flush tries again itself, so that pressure travels back to the spout and nothing is
 * replayed for a short interruption. After `timeout` it gives the tuples back, which then come again. The circuit is
 * open from the first failure to the first success, and it keeps to the back-off across flushes. A task that is to
 * leave (sq_leaving()) waits no longer.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kit/sink.h"

enum { HELD_MAX = 256 * 1024 * 1024 }; /* bytes */
enum { STRIKES = 5 };
static const double FIRST_DELAY_S = 0.05, LAST_DELAY_S = 2, HELD_PAUSE_S = 0.1, SEARCH_S = 5, STEP_S = 0.05;

static double
clock_s(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* False: the task is to leave, and did not wait to the end. */
static bool
wait_until(const struct sq_task *task, double until_s)
{
        double left;

        while ((left = until_s - clock_s()) > 0) {
                double step = left < STEP_S ? left : STEP_S;

                if (sq_leaving(task))
                        return false;
                nanosleep(&(struct timespec){.tv_nsec = (long)(step * 1e9)}, NULL);
        }
        return true;
}

void
sq_sink_declare(const struct sq_sink *sink, struct sq_declaration *decl)
{
        if (sink->batch < 1 || sink->batch > SQ_SINK_BATCH_MAX)
                sq_declare_error(decl, "batch", "must be from 1 to %d", SQ_SINK_BATCH_MAX);
        if (!(sink->timeout > 0 && sink->timeout <= 20))
                sq_declare_error(decl, "timeout", "must be above 0 and at most 20 seconds");
}

int
sq_sink_open(struct sq_task *task, const char *name, sq_sink_send *send)
{
        struct sq_sink *sink = sq_state(task);

        sink->records.format = SQ_FORMAT_MSGPACK;
        sink->name = name;
        sink->send = send;
        sink->jitter = sq_now(task) ^ ((uint64_t)sq_index(task) << 48) ^ UINT64_C(0x9e3779b97f4a7c15);
        sink->spans = malloc((size_t)sink->batch * sizeof(*sink->spans));
        sink->templates = sq_templates_new();
        return sink->spans && sink->templates ? 0 : sq_error(task, "%s: %s", name, strerror(ENOMEM));
}

int
sq_sink_connected(struct sq_task *task, int error)
{
        const struct sq_sink *sink = sq_state(task);

        if (error == -EACCES)
                return sq_error_final(task, "%s: %s", sink->name, sink->why);
        if (error < 0)
                sq_log(task, SQ_WARN, "%s: %s (it may come up yet)", sink->name, sink->why);
        return 0;
}

void
sq_sink_close(struct sq_task *task)
{
        struct sq_sink *sink = sq_state(task);

        sq_encoder_free(&sink->records);
        sq_encoder_free(&sink->trial);
        sq_templates_free(&sink->templates);
        sq_encoder_free(&sink->stage.held);
        free(sink->spans);
        sink->spans = NULL;
        sink->n = sink->done = 0;
}

/* ---- Records ----------------------------------------------------------------------------------------- */

static struct sq_value
whole(const struct sq_sink *sink, size_t i)
{
        const struct sq_sink_span *span = &sink->spans[i];

        return sqi_value(SQ_MAP, SQ_PACKED, sink->records.bytes + span->begin, span->end - span->begin);
}

void
sqi_sink_add(struct sq_sink *sink, size_t begin)
{
        sink->spans[sink->n++] = (struct sq_sink_span){.begin = begin, .end = sink->records.len};
}

void
sq_sink_record(const struct sq_sink *sink, size_t i, struct sq_record *ret)
{
        struct sq_items items;
        struct sq_value name;

        ret->n = 0;
        ret->whole = whole(sink, i);
        ret->templates = sink->templates;
        items = sq_items(ret->whole);
        while (ret->n < SQ_FIELDS_MAX && sq_next_item(&items, &name) && sq_next_item(&items, &ret->values[ret->n]))
                ret->names[ret->n++] = (struct sq_str){name.as.ptr, name.len};
}

void
sq_sink_settle(struct sq_sink *sink, size_t i)
{
        sink->spans[i].settled = true;
}

/* Staged, the mark says what is handed over again: all of a transaction, or none. */
static void
leave_out_settled(struct sq_sink *sink)
{
        size_t n = sink->done;

        for (size_t i = n; i < sink->n; i++)
                if (!sink->spans[i].settled || sink->staged)
                        sink->spans[n++] = sink->spans[i];
        sink->n = n;
}

int
sq_sink_refuse(struct sq_task *task, struct sq_sink *sink, size_t i, const char *cause)
{
        sq_sink_settle(sink, i);
        return sq_refuse(task, sink->on_error, whole(sink, i), "%s: %s", sink->name, cause);
}

/* ---- Handing over ------------------------------------------------------------------------------------ */

/* Half to one and a half times as long as the back-off says, so that tasks do not come back all at once. */
static double
next_delay(struct sq_sink *sink, unsigned failures)
{
        unsigned doublings = failures < 8 ? failures : 8;
        double delay = FIRST_DELAY_S * (double)(1u << doublings);

        sink->jitter ^= sink->jitter << 13;
        sink->jitter ^= sink->jitter >> 7;
        sink->jitter ^= sink->jitter << 17;
        if (delay > LAST_DELAY_S)
                delay = LAST_DELAY_S;
        return delay * (0.5 + (double)(sink->jitter >> 11) * 0x1p-53);
}

static void
note_failure(struct sq_task *task, struct sq_sink *sink)
{
        double now = clock_s();

        sq_count(task, "retries", 1);
        sink->until_s = now + next_delay(sink, sink->failures);
        sink->strikes = 0;
        if (sink->failures++ > 0)
                return;
        sink->since_s = now;
        sq_gauge(task, "circuit open", 1);
        sq_log(task, SQ_WARN, "%s: %s: what is to go there waits, and is tried again", sink->name, sink->why);
}

/* It hung up on the next `n` records. 0: they are open still, or the one is refused; another: the task has failed. */
static int
note_hang_up(struct sq_task *task, struct sq_sink *sink, size_t n)
{
        unsigned strikes = n > 1 || sink->spans[sink->done].settled ? 0 : sink->strikes + 1;
        char cause[sizeof(sink->why) + 64];
        int r;

        if (sink->most == 0)
                note_failure(task, sink);
        else
                sq_count(task, "retries", 1);
        sink->most = n > 1 ? n / 2 : 1;
        sink->strikes = strikes;
        sink->until_s = clock_s() + next_delay(sink, strikes);
        if (strikes < STRIKES)
                return 0;
        snprintf(cause, sizeof(cause), "%s, each of %d times that it was sent alone", sink->why, STRIKES);
        r = sq_sink_refuse(task, sink, sink->done, cause);
        sink->done += r == 0;
        sink->strikes = 0;
        return r;
}

static void
note_success(struct sq_task *task, struct sq_sink *sink)
{
        sink->until_s = 0;
        sink->strikes = 0;
        sink->most = sink->most * 2 < (size_t)sink->batch ? sink->most * 2 : 0;
        if (sink->failures == 0)
                return;
        sq_log(task, SQ_INFO, "%s: is back after %.1f s", sink->name, clock_s() - sink->since_s);
        sq_gauge(task, "circuit open", 0);
        sink->failures = 0;
}

/* 0; -EAGAIN: the other side is away; another: the task has failed. */
static int
hand_over(struct sq_task *task, struct sq_sink *sink, size_t first, size_t n)
{
        size_t done = 0;
        int r = sink->send(task, first, n, &done);

        sink->done = first + (r == 0 ? n : done);
        sink->stage.refused = sink->stage.refused && r < 0;
        if (r != -EBADMSG || done == n)
                return r == -EBADMSG ? 0 : r;
        first += done;
        n -= done;
        if (n == 1) {
                r = sq_sink_refuse(task, sink, first, sink->why);
                sink->done += r == 0;
                sink->stage.refused = true;
                return r;
        }
        r = hand_over(task, sink, first, n / 2);
        return r < 0 ? r : hand_over(task, sink, first + n / 2, n - n / 2);
}

/* How many are handed over next. */
static size_t
portion(const struct sq_sink *sink)
{
        size_t n = sink->n - sink->done, most = sink->most ? sink->most : (size_t)sink->batch;

        return n < most ? n : most;
}

/* Behind the last of them one that was refused may stand: staged, the mark is to say so. */
static int
hand_over_next(struct sq_task *task, struct sq_sink *sink, size_t n)
{
        size_t none = 0;
        int r;

        if (n > 0)
                return hand_over(task, sink, sink->done, n);
        r = sink->send(task, sink->n, 0, &none);
        sink->stage.refused = r < 0;
        return r;
}

/* What a hand-over of the next `n` has come to. 0: it goes on; another: the task has failed. */
static int
take_answer(struct sq_task *task, struct sq_sink *sink, size_t n, int answer)
{
        int r = 0;

        if (answer == 0)
                note_success(task, sink);
        else if (answer == -EAGAIN)
                note_failure(task, sink);
        else
                r = answer == -EPIPE ? note_hang_up(task, sink, n) : answer;
        if (answer == -EAGAIN || answer == -EPIPE)
                leave_out_settled(sink);
        return r;
}

int
sqi_sink_drain(struct sq_task *task, struct sq_sink *sink)
{
        double end = clock_s() + sink->timeout;
        int answer = 0, r;

        while (sink->done < sink->n || (sink->staged && sink->stage.refused)) {
                size_t n = portion(sink);

                if (sink->until_s > end + (answer == -EPIPE ? SEARCH_S : 0))
                        return -EAGAIN;
                if (!wait_until(task, sink->until_s))
                        return -EAGAIN;
                answer = hand_over_next(task, sink, n);
                r = take_answer(task, sink, n, answer);
                if (r < 0)
                        return r;
        }
        sink->n = sink->done = sink->records.len = 0;
        return 0;
}

/* ---- Tuples ------------------------------------------------------------------------------------------ */

/* What no epoch takes away, for it cannot be made, is not to fill the memory. */
static void
make_wait(struct sq_task *task, struct sq_sink *sink)
{
        if (!sink->stage.full)
                sq_log(task, SQ_WARN, "%s: %zu MB wait for their epoch: takes little more until it is made", sink->name,
                       sink->stage.held.len / 1000000);
        sink->stage.full = true;
        (void)wait_until(task, clock_s() + HELD_PAUSE_S);
}

int
sqi_sink_append(struct sq_encoder *bytes, const void *ptr, size_t n)
{
        struct sq_value value = sq_bin(ptr, (uint32_t)n);

        return n > 0 ? sq_encode_values(bytes, 1, NULL, &value) : 0;
}

/* Whether its dialect has a way to write the tuple: `send` finds it to, and no batch is cut in two for it. */
static bool
is_writable(struct sq_sink *sink, const struct sq_tuple *in)
{
        const struct sq_encoding *encoding = sink->encoding;

        if (!encoding || encoding->format != SQ_FORMAT_CSV)
                return true;
        sink->trial.format = SQ_FORMAT_CSV;
        sink->trial.dialect = sq_csv_dialect(encoding->separator, encoding->quote);
        sink->trial.len = 0;
        return sink->trial.dialect.quote != '\n' || sq_encode(&sink->trial, in) != -EBADMSG;
}

/* Takes back the last of the records. */
static enum sq_verdict
refuse_unwritable(struct sq_task *task, struct sq_sink *sink, size_t begin)
{
        struct sq_value record = sqi_value(SQ_MAP, SQ_PACKED, sink->records.bytes + begin, sink->records.len - begin);
        int r = sq_refuse(task, sink->on_error, record, "%s: %s", sink->name, SQ_UNQUOTED);

        sink->records.len = begin;
        return r < 0 ? SQ_FAIL : SQ_ACK;
}

static enum sq_verdict
hold(struct sq_task *task, struct sq_sink *sink, const struct sq_tuple *in)
{
        struct sq_encoder *held = &sink->stage.held;
        size_t before = held->len;
        uint32_t len;

        if (before > HELD_MAX)
                make_wait(task, sink);
        sink->records.len = 0;
        if (sq_encode(&sink->records, in) < 0)
                return sq_retry_later(task, "%s: %s", sink->name, strerror(ENOMEM));
        if (!is_writable(sink, in))
                return refuse_unwritable(task, sink, 0);
        len = (uint32_t)sink->records.len;
        if (sqi_sink_append(held, &len, sizeof(len)) < 0 || sqi_sink_append(held, sink->records.bytes, len) < 0) {
                held->len = before;
                return sq_retry_later(task, "%s: %s", sink->name, strerror(ENOMEM));
        }
        return SQ_ACK;
}

enum sq_verdict
sq_sink_execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct sq_sink *sink = sq_state(task);
        enum { BYTES_MAX = 8 * 1024 * 1024 };
        bool full = sink->n == (size_t)sink->batch || sink->records.len > BYTES_MAX;
        size_t begin;

        if (sink->staged)
                return hold(task, sink, in);
        if (full && sqi_sink_drain(task, sink) < 0)
                return sq_retry_later(task, "%s: %s", sink->name, sink->why);
        begin = sink->records.len;
        if (sq_encode(&sink->records, in) < 0)
                return sq_retry_later(task, "%s: %s", sink->name, strerror(ENOMEM));
        if (!is_writable(sink, in))
                return refuse_unwritable(task, sink, begin);
        sqi_sink_add(sink, begin);
        return SQ_ACK;
}

int
sq_sink_flush(struct sq_task *task)
{
        struct sq_sink *sink = sq_state(task);
        int r = sink->staged ? 0 : sqi_sink_drain(task, sink);

        if (r == 0)
                return 0;
        sink->n = sink->done = sink->records.len = 0;
        return r == -EAGAIN ? sq_error(task, "%s: %s (%u attempt%s in %.1f s)", sink->name, sink->why, sink->failures,
                                       sink->failures == 1 ? "" : "s", clock_s() - sink->since_s)
                            : -1;
}

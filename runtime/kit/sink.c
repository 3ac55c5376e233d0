/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sinks share: squall-kit.h says how they use it.
 *
 * Records stand one behind the other as msgpack maps, until the flush before the acks hands them over:
 *
 *     records   [ done | to be handed over ]        begins[i]: where record i begins
 *                       done               n
 *
 * A batch that is refused is handed over by halves, so that a refused record among n costs about 2 log2(n) further
 * hand-overs, and the others get there.
 *
 * While the other side is away the flush tries again itself, so that pressure travels back to the spout and nothing is
 * replayed for a short interruption. After `timeout` it gives the tuples back, which then come again. The circuit is
 * open from the first failure to the first success, and it keeps to the back-off across flushes.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kit/sink.h"

enum { HELD_MAX = 256 * 1024 * 1024 }; /* bytes */
static const double FIRST_DELAY_S = 0.05, LAST_DELAY_S = 2, HELD_PAUSE_S = 0.1;

static double
clock_s(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void
sleep_s(double seconds)
{
        struct timespec left = {.tv_sec = (time_t)seconds};

        left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
        while (nanosleep(&left, &left) < 0 && errno == EINTR)
                ;
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
        sink->begins = malloc(((size_t)sink->batch + 1) * sizeof(*sink->begins));
        sink->templates = sq_templates_new();
        return sink->begins && sink->templates ? 0 : sq_error(task, "%s: %s", name, strerror(ENOMEM));
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
        sq_templates_free(&sink->templates);
        sq_encoder_free(&sink->stage.held);
        free(sink->begins);
        sink->begins = NULL;
        sink->n = sink->done = 0;
}

/* ---- Records ----------------------------------------------------------------------------------------- */

static struct sq_value
whole(const struct sq_sink *sink, size_t i)
{
        size_t end = i + 1 < sink->n ? sink->begins[i + 1] : sink->records.len;

        return sqi_value(SQ_MAP, SQ_PACKED, sink->records.bytes + sink->begins[i], end - sink->begins[i]);
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

int
sq_sink_refuse(struct sq_task *task, struct sq_sink *sink, size_t i, const char *cause)
{
        return sq_refuse(task, sink->on_error, whole(sink, i), "%s: %s", sink->name, cause);
}

/* ---- Handing over ------------------------------------------------------------------------------------ */

/* Half to one and a half times as long as the back-off says, so that tasks do not come back all at once. */
static double
next_delay(struct sq_sink *sink)
{
        unsigned doublings = sink->failures < 8 ? sink->failures : 8;
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
        sink->until_s = now + next_delay(sink);
        if (sink->failures++ > 0)
                return;
        sink->since_s = now;
        sq_gauge(task, "circuit open", 1);
        sq_log(task, SQ_WARN, "%s: %s: what is to go there waits, and is tried again", sink->name, sink->why);
}

static void
note_success(struct sq_task *task, struct sq_sink *sink)
{
        if (sink->failures == 0)
                return;
        sq_log(task, SQ_INFO, "%s: is back after %.1f s", sink->name, clock_s() - sink->since_s);
        sq_gauge(task, "circuit open", 0);
        sink->failures = 0;
        sink->until_s = 0;
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

/* Behind the last of them one that was refused may stand: staged, the mark is to say so. */
static int
hand_over_next(struct sq_task *task, struct sq_sink *sink)
{
        size_t n = sink->n - sink->done, none = 0;
        int r;

        if (n > 0)
                return hand_over(task, sink, sink->done, n < (size_t)sink->batch ? n : (size_t)sink->batch);
        r = sink->send(task, sink->n, 0, &none);
        sink->stage.refused = r < 0;
        return r;
}

int
sqi_sink_drain(struct sq_task *task, struct sq_sink *sink)
{
        double end = clock_s() + sink->timeout;
        int r;

        while (sink->done < sink->n || (sink->staged && sink->stage.refused)) {
                if (sink->until_s > end)
                        return -EAGAIN;
                if (sink->failures > 0 && sink->until_s > clock_s())
                        sleep_s(sink->until_s - clock_s());
                r = hand_over_next(task, sink);
                if (r == 0)
                        note_success(task, sink);
                else if (r == -EAGAIN)
                        note_failure(task, sink);
                else
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
        sleep_s(HELD_PAUSE_S);
}

int
sqi_sink_append(struct sq_encoder *bytes, const void *ptr, size_t n)
{
        struct sq_value value = sq_bin(ptr, (uint32_t)n);

        return n > 0 ? sq_encode_values(bytes, 1, NULL, &value) : 0;
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

        if (sink->staged)
                return hold(task, sink, in);
        if (full && sqi_sink_drain(task, sink) < 0)
                return sq_retry_later(task, "%s: %s", sink->name, sink->why);
        sink->begins[sink->n] = sink->records.len;
        if (sq_encode(&sink->records, in) < 0)
                return sq_retry_later(task, "%s: %s", sink->name, strerror(ENOMEM));
        sink->n++;
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

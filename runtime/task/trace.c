/* SPDX-License-Identifier: Apache-2.0 */
#include "task/trace.h"

#include <string.h>

#include "base/clock.h"
#include "task/task.h"
#include "tuple/span.h"

/* What one execute emits to one receiver is followed so far; a task publishes at most so many spans a second. */
enum { FAN = 16, SPANS_S = 2000 };
static const uint64_t WINDOW_NS = 1000000000;

static bool
is_on(struct sqi_tracing *tracing, uint64_t now_ns)
{
        if (now_ns >= tracing->until_ns)
                tracing->until_ns = 0;
        if (now_ns - tracing->window_ns >= WINDOW_NS) {
                tracing->window_ns = now_ns;
                tracing->published = 0;
        }
        return tracing->until_ns && tracing->published < SPANS_S;
}

bool
sqi_trace_is_due(struct sq_task *task)
{
        return is_on(&task->tracing, task->now_ns) && task->now_ns >= task->tracing.next_ns;
}

/* No two spans of a topology have the same: not those of two incarnations either. */
static uint64_t
next_id(struct sq_task *task)
{
        return sq_mix((uint64_t)task->id << 32 | task->incarnation) ^ ++task->tracing.spans;
}

/* Marks what the transaction under way has put into the outlet, at most `most` tuples. How many spans are to come. */
static uint32_t
mark_outlet(struct sqi_outlet *outlet, const struct sqi_span *span, uint64_t most)
{
        struct sqi_trace_mark mark = {.trace = span->trace, .parent = span->id, .emitted_ns = span->ended_ns};
        uint64_t staged = outlet->seq - outlet->staged_seq, n = 0;

        mark.index = outlet->batch.now.count - (uint32_t)staged;
        for (; n < staged && n < most && sqi_batch_trace(&outlet->batch, &mark); n++)
                mark.index++;
        return (uint32_t)n * (outlet->broadcast ? outlet->expected : 1);
}

static void
publish(struct sq_task *task, struct sqi_span *span, const uint8_t *tuple)
{
        struct sqi_collector *collector = &task->collector;
        uint8_t bytes[sizeof(*span) + SQI_SPAN_TUPLE_MAX];

        memcpy(span->magic, SQI_SPAN_MAGIC, sizeof(span->magic));
        span->task = task->id;
        span->incarnation = task->incarnation;
        memcpy(bytes, span, sizeof(*span));
        if (span->size)
                memcpy(bytes + sizeof(*span), tuple, span->size);
        sqi_tap_publish(collector->tap, bytes, sizeof(*span) + span->size);
        task->tracing.published++;
}

void
sqi_trace_order(struct sq_task *task, const struct sqi_message *message)
{
        struct sqi_tracing *tracing = &task->tracing;

        if (!sqi_task_open_tap(task))
                return;
        tracing->until_ns = sqi_clock_ns() + message->a * 1000000;
        tracing->pause_ns = 1000000000 / (message->number ? message->number : 1);
        publish(task, &(struct sqi_span){.source = task->id},
                NULL); /* who looks shows no tree before all have said so */
}

/* Follows what the callback has emitted. */
static void
mark_emitted(struct sq_task *task, struct sqi_span *span, uint64_t most)
{
        struct sqi_collector *collector = &task->collector;

        span->emitted = (uint32_t)collector->emitted;
        for (uint32_t i = 0; i < collector->ntouched; i++)
                span->marked += mark_outlet(collector->touched[i], span, most);
}

/* Of several tuples of one call the first one to each receiver is followed: they are likely to be of one tree. */
void
sqi_trace_root(struct sq_task *task, uint64_t begun_ns)
{
        struct sqi_span span = {.source = task->id, .begun_ns = begun_ns, .ended_ns = sqi_clock_ns()};

        if (task->collector.ntouched == 0)
                return;
        span.id = span.trace = next_id(task);
        mark_emitted(task, &span, 1);
        publish(task, &span, NULL);
        task->tracing.next_ns = begun_ns + task->tracing.pause_ns;
}

static enum sq_verdict
execute_marked(struct sq_task *task, const struct sq_tuple *in, const struct sqi_trace_mark *mark)
{
        const struct sqi_under_way *batch = &task->bolt.batch;
        const struct sqi_slice *slice = &in->slice;
        struct sqi_span span = {
                .source = batch->frame.header.task,
                .trace = mark->trace,
                .parent = mark->parent,
                .emitted_ns = mark->emitted_ns,
                .sealed_ns = sqi_frame_sealed_ns(&batch->frame),
                .received_ns = batch->received_ns,
                .begun_ns = sqi_clock_ns(),
                .stream = batch->frame.stream,
                .size = slice->offsets[slice->n] <= SQI_SPAN_TUPLE_MAX ? slice->offsets[slice->n] : 0,
        };
        enum sq_verdict verdict = task->instance.code->bolt->execute(task, in);

        span.ended_ns = sqi_clock_ns();
        span.id = next_id(task);
        span.verdict = (uint16_t)verdict;
        if (verdict == SQ_ACK)
                mark_emitted(task, &span, FAN);
        publish(task, &span, slice->at);
        return verdict;
}

enum sq_verdict
sqi_trace_execute(struct sq_task *task, const struct sq_tuple *in)
{
        const struct sqi_frame *frame = &task->bolt.batch.frame;
        struct sqi_trace_mark mark;

        if (!sqi_frame_trace(frame, frame->index - 1, &mark) || !is_on(&task->tracing, sqi_clock_ns()))
                return task->instance.code->bolt->execute(task, in);
        return execute_marked(task, in, &mark);
}

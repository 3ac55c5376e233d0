/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executor of a bolt: takes a batch, executes its tuples, ends each one's transaction by the verdict.
 *
 * Acks of a batch are merged: while successive tuples belong to the same trees (one run, or several with the same single root), what the
 * ledgers are to get is gathered in `value` and leaves as one record a tree.
 */
#include "worker/task.h"

/* What the trees of the run under way are to get. */
struct gathered {
        uint64_t value;
        uint16_t nroots;
        uint64_t roots[SQI_ROOTS_MAX];
};

static void
hand_in(struct sq_task *task, struct gathered *gathered)
{
        if (gathered->value)
                for (uint16_t i = 0; i < gathered->nroots; i++)
                        sqi_acker_add(&task->acker, gathered->roots[i], gathered->value, SQI_ACK_XOR);
        gathered->value = 0;
}

static void
fail_tuple(struct sq_task *task, struct gathered *gathered)
{
        sqi_collector_rollback(&task->collector);
        task->collector.anchors_open = false;
        for (uint16_t i = 0; i < gathered->nroots; i++)
                sqi_acker_add(&task->acker, gathered->roots[i], 0, SQI_ACK_FAIL);
        sqi_count(&task->metrics->failed, 1);
}

static void
end_tuple(struct sq_task *task, struct gathered *gathered, enum sq_verdict verdict)
{
        struct sqi_collector *collector = &task->collector;
        uint64_t id = verdict == SQ_ACK ? task->input_id : 0;

        if (__builtin_expect(task->misused, 0) || verdict == SQ_FAIL) {
                fail_tuple(task, gathered);
                return;
        }
        if (verdict == SQ_KEEP && !task->kept_now) {
                sqi_task_misuse(task, "execute answered SQ_KEEP without sq_keep(): nobody can ack the tuple");
                fail_tuple(task, gathered);
                return;
        }
        if (verdict == SQ_ACK && task->kept_now)
                id = 0; /* kept after all: it is acked by hand */
        if (collector->anchors_open)
                sqi_anchors_commit(task, gathered->nroots, id);
        else
                gathered->value ^= collector->edges ^ id;
        sqi_collector_commit(collector);
}

/* The next run has begun: other trees, another stream. Returns its input. */
static const struct sqi_input *
begin_run(struct sq_task *task, const struct sqi_frame *frame, struct gathered *gathered)
{
        size_t bytes = frame->nroots * sizeof(uint64_t);

        if (frame->nroots != gathered->nroots || memcmp(gathered->roots, frame->roots, bytes) != 0) {
                hand_in(task, gathered);
                gathered->nroots = frame->nroots;
                memcpy(gathered->roots, frame->roots, bytes);
        }
        return sqi_intake_input(task, frame);
}

/* Executes one tuple and times it when asked to. */
static inline void
execute(struct sq_task *task, struct gathered *gathered, bool timed)
{
        uint64_t begin = timed ? sqi_clock_ns() : 0;

        task->misused = task->kept_now = false;
        sqi_collector_begin(&task->collector, gathered->roots, gathered->nroots);
        end_tuple(task, gathered, task->code->bolt->execute(task, &task->tuple));
        if (timed)
                sqi_histogram_add(&task->metrics->execute, sqi_clock_ns() - begin);
}

static void
execute_frame(struct sq_task *task, struct sqi_frame *frame)
{
        struct gathered gathered;
        struct sq_tuple *tuple = &task->tuple;
        uint64_t failed = task->metrics->failed, executed = 0;
        bool timed = true;
        int r;

        gathered.value = gathered.nroots = 0;
        tuple->task = task;
        task->in_execute = true;
        while ((r = sqi_frame_next(frame, &tuple->slice)) > 0) {
                if (frame->fresh_run)
                        tuple->input = begin_run(task, frame, &gathered);
                if (__builtin_expect(!tuple->input || tuple->slice.n != tuple->input->stream->nfields, 0)) {
                        sqi_intake_refuse(task, frame->header.task, tuple->input ? "a tuple with another number of fields than its stream"
                                                                                 : "a stream that this task does not read");
                        r = 0;
                        break;
                }
                task->input_id = gathered.nroots ? sqi_edge_id(frame->header.edge_key, frame->header.first_seq + frame->index - 1) : 0;
                task->input_roots = gathered.roots;
                task->input_nroots = gathered.nroots;
                execute(task, &gathered, timed);
                timed = false;
                executed++;
                if (__builtin_expect(task->collector.pressed, 0))
                        sqi_task_unblock(task);
                if (__builtin_expect(task->failed < 0 || task->quitting, 0))
                        break;
        }
        task->in_execute = false;
        hand_in(task, &gathered);
        if (r < 0)
                sqi_intake_refuse(task, frame->header.task, "a tuple that is not msgpack");
        sqi_count(&task->metrics->executed, executed);
        sqi_count(&task->metrics->acked, executed - (task->metrics->failed - failed));
        uint32_t from = task->plan->tasks[frame->header.task].component;
        if (task->component->cycle && task->plan->components[from].cycle == task->component->cycle)
                task->intake.received += executed;
        task->dirty = true;
}

/* Takes one batch. False: there was none. */
static bool
take_batch(struct sq_task *task)
{
        struct sqi_frame frame;
        zmq_msg_t message;
        bool got;

        zmq_msg_init(&message);
        got = sqi_intake_receive(task, &message) > 0;
        if (got && sqi_intake_open(task, &message, &frame))
                execute_frame(task, &frame);
        zmq_msg_close(&message);
        return got;
}

/* Every source has ended (and a cycle is quiet): the last callback, then our own marks. */
static void
finish(struct sq_task *task)
{
        if (task->code->bolt->finish)
                sqi_task_call(task, task->code->bolt->finish);
        if (task->nkept && task->tracking)
                sq_log(task, SQ_WARN, "ends with %zu kept tuples neither acked nor failed", task->nkept);
        sqi_task_end(task);
}

static bool
is_at_end(struct sq_task *task)
{
        const struct sqi_intake *intake = &task->intake;

        if (!task->component->cycle)
                return intake->marks_missing == 0;
        if (intake->outside_missing == 0 && !task->settled) {
                task->settled = true;
                sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_SETTLED, .task = task->id});
        }
        return task->released && intake->marks_missing == 0;
}

static void
tick(struct sq_task *task)
{
        if (task->tick_ns == 0 || task->now_ns < task->next_tick_ns)
                return;
        task->next_tick_ns += task->tick_ns;
        if (task->next_tick_ns <= task->now_ns)
                task->next_tick_ns = task->now_ns + task->tick_ns;
        if (task->code->bolt->tick)
                sqi_task_call(task, task->code->bolt->tick);
}

void
sqi_bolt_turn(struct sq_task *task)
{
        uint64_t begin = task->now_ns;
        bool busy = take_batch(task);

        task->now_ns = sqi_clock_ns();
        if (busy)
                sqi_count(&task->metrics->busy_ns, task->now_ns - begin);
        tick(task);
        if (!busy || task->now_ns >= task->next_flush_ns || task->acker.gathered >= SQI_ACKS_FULL)
                sqi_task_flush(task);
        if (task->failed < 0 || task->quitting)
                return;
        if (!busy && is_at_end(task))
                finish(task);
        else if (!busy)
                sqi_task_wait(task, true, task->tick_ns ? task->next_tick_ns : UINT64_MAX);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executor of a bolt: takes a batch, executes its tuples, ends each one's transaction by the verdict.
 *
 * A bolt with keyed state spends its time waiting for memory, so tuples are found AHEAD at a time, the places of their keys in the hash table are
 * fetched, then the entries, and only then are they executed (as in group prefetching: S. Chen et al., ICDE 2004).
 *
 * Acks of a batch are merged: while successive tuples belong to the same trees (one run, or several with the same single root), what the
 * ledgers are to get is gathered in `value` and leaves as one record a tree.
 */
#include "tuple/unpack.h"
#include "worker/record.h"
#include "worker/task.h"

/* What the trees of the run under way are to get. */
struct gathered {
        uint64_t value;
        uint64_t executed; /* tuples of the frame so far */
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
        for (uint16_t i = 0; i < gathered->nroots; i++) {
                if (task->cause[0] && task->plan->config.max_retries >= 0)
                        sqi_acker_explain(&task->acker, SQI_ROOT_TASK(gathered->roots[i]), task->cause);
                sqi_acker_add(&task->acker, gathered->roots[i], 0, SQI_ACK_FAIL);
        }
        task->cause[0] = '\0';
        task->kept_in_frame -= task->kept_now;
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
                task->input_roots = gathered->roots;
                task->input_nroots = gathered->nroots;
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
        end_tuple(task, gathered, task->code->bolt->execute(task, task->tuple));
        if (timed) {
                uint64_t ns = sqi_clock_ns() - begin;
                sqi_histogram_add(&task->metrics->execute, ns);
                sqi_load_cost(task->load, ns);
        }
}

/* The key that this tuple will be looked up by, if it is as the first one was. */
static struct sq_str
guess_key(const struct sq_task *task, const struct sqi_slice *slice)
{
        const struct sqi_input *input = task->input;
        uint32_t begin, end;

        if (task->key_shape == SQI_KEY_FIELD) {
                if (task->key_field >= slice->n)
                        return (struct sq_str){NULL, 0};
                begin = slice->offsets[task->key_field];
                end = slice->offsets[task->key_field + 1];
                struct sq_value value = sqi_unpack(slice->at + begin, slice->at + end);
                return value.type == SQ_STR || value.type == SQ_BIN ? (struct sq_str){value.as.ptr, value.len}
                                                                    : (struct sq_str){NULL, 0};
        }
        if (!input->contiguous || input->places[0] + input->nfields > slice->n)
                return (struct sq_str){NULL, 0};
        begin = slice->offsets[input->places[0]];
        end = slice->offsets[input->places[0] + input->nfields];
        return (struct sq_str){(const char *)slice->at + begin, end - begin};
}

/* A key may be read some bytes beyond its end where the message goes on as far. */
static void
fetch_keys(const struct sq_task *task, const struct sqi_frame *frame, struct sqi_ahead *ahead)
{
        const char *last = (const char *)frame->runs_end - SQI_SHORT_KEY;

        for (uint32_t i = 0; i < ahead->n; i++) {
                struct sq_str bytes = guess_key(task, &ahead->tuples[i].slice);
                sqi_key_prepare(&ahead->keys[i], bytes, bytes.ptr && bytes.ptr <= last);
                sqi_keyed_fetch_place(task->keyed, &ahead->keys[i]);
        }
        for (uint32_t i = 0; i < ahead->n; i++)
                sqi_keyed_fetch_entry(task->keyed, &ahead->keys[i]);
}

/* Finds the next tuples: one, or as many as it pays to look ahead. The result of the last sqi_frame_slice(). */
static int
look_ahead(const struct sq_task *task, struct sqi_frame *frame, struct sqi_ahead *ahead)
{
        bool keyed = task->keyed && (task->key_shape == SQI_KEY_PACKED || task->key_shape == SQI_KEY_FIELD);
        uint32_t most = keyed ? SQI_AHEAD : 1;
        int r = 1;

        for (ahead->n = 0; ahead->n < most && (r = sqi_frame_slice(frame, &ahead->tuples[ahead->n].slice)) > 0; ahead->n++)
                ;
        ahead->guessed = keyed && task->input;
        if (ahead->guessed)
                fetch_keys(task, frame, ahead);
        return r;
}

/* Executes what was found. False: the batch is over for this task (refused, or the task is to end). */
static bool
execute_ahead(struct sq_task *task, struct sqi_frame *frame, struct sqi_ahead *ahead, struct gathered *gathered)
{
        for (uint32_t i = 0; i < ahead->n; i++) {
                struct sq_tuple *tuple = &ahead->tuples[i];
                sqi_frame_step(frame);
                if (frame->fresh_run)
                        task->input = begin_run(task, frame, gathered);
                if (__builtin_expect(!task->input || tuple->slice.n != task->input->stream->nfields, 0)) {
                        sqi_intake_refuse(task, frame->header.task,
                                          task->input ? "a tuple with another number of fields than its stream"
                                                      : "a stream that this task does not read");
                        return false;
                }
                tuple->task = task;
                tuple->input = task->input;
                task->tuple = tuple;
                task->guess = ahead->guessed ? &ahead->keys[i] : NULL;
                task->input_id = gathered->nroots ? sqi_edge_id(frame->header.edge_key, frame->header.first_seq + frame->index - 1)
                                                  : 0;
                execute(task, gathered, frame->index == 1 && task->metered);
                gathered->executed++;
                if (__builtin_expect(task->collector.pressed, 0))
                        sqi_task_unblock(task);
                if (__builtin_expect(task->failed < 0 || task->quitting, 0))
                        return false;
        }
        return true;
}

static void
count_frame(struct sq_task *task, const struct sqi_frame *frame, uint64_t executed, uint64_t failed)
{
        uint32_t from = task->plan->tasks[frame->header.task].component;

        sqi_load_add(task->load, -(int64_t)frame->header.count);
        sqi_count(&task->metrics->executed, executed);
        sqi_count(&task->metrics->acked, executed - failed - task->kept_in_frame);
        task->kept_in_frame = 0;
        if (task->component->cycle && task->plan->components[from].cycle == task->component->cycle)
                task->intake.received += executed;
        task->dirty = true;
}

static void
execute_frame(struct sq_task *task, struct sqi_frame *frame)
{
        struct gathered gathered;
        uint64_t failed = task->metrics->failed;
        int r;

        gathered.value = gathered.executed = gathered.nroots = 0;
        task->input_roots = gathered.roots;
        task->input_nroots = 0;
        task->in_execute = true;
        do {
                r = look_ahead(task, frame, &task->ahead);
                if (!execute_ahead(task, frame, &task->ahead, &gathered))
                        r = 0;
        } while (r > 0);
        task->in_execute = false;
        task->guess = NULL;
        hand_in(task, &gathered);
        if (r < 0)
                sqi_intake_refuse(task, frame->header.task, "a tuple that is not msgpack");
        count_frame(task, frame, gathered.executed, task->metrics->failed - failed);
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
        if (__builtin_expect(task->record >= 0, 0) && got)
                sqi_record_batch(task, &message);
        if (got && sqi_intake_open(task, &message, &frame))
                execute_frame(task, &frame);
        zmq_msg_close(&message);
        return got;
}

/* Every source has ended (and a cycle is quiet): the last callback, then our own marks. */
static void
finish(struct sq_task *task)
{
        sqi_collector_keep(&task->collector);
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

        task->now_ns = sqi_task_clock(task);
        if (busy)
                sqi_count(&task->metrics->busy_ns, task->now_ns - begin);
        tick(task);
        if (!busy || task->now_ns >= task->next_flush_ns || task->acker.gathered >= SQI_ACKS_FULL)
                sqi_task_flush(task);
        if (task->failed < 0 || task->quitting)
                return;
        if (!busy)
                sqi_load_idle(task->load);
        if (!busy && is_at_end(task))
                finish(task);
        else if (!busy)
                sqi_task_wait(task, true, task->tick_ns ? task->next_tick_ns : UINT64_MAX);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executor of a bolt: takes a batch, executes its tuples, ends each one's transaction by the verdict.
 *
 * The tuples go through the three stages of ahead.c, a group at a time; the last one executes them here.
 *
 * A batch holds tens of thousands of small tuples, and a bolt may take milliseconds for one of them. So a turn of the
 * loop executes of a batch what it can in TURN_NS, and leaves the rest (struct sqi_under_way) to the next turns:
 * between them the task beats, flushes, ticks and obeys, as between two batches. What a tuple costs decides how often
 * the clock is looked at; each tuple is a sign of life by itself.
 *
 * Acks of a turn are merged: while successive tuples belong to the same trees (one run, or several with the same single
 * root), what the ledgers are to get is gathered in `value` and leaves as one record a tree.
 */
#include "tuple/unpack.h"
#include "task/recorder.h"
#include "task/task.h"

/* A turn spends so long on one batch; at most so many tuples, and about so long, are executed between two looks at the
 * clock. */
static const uint64_t TURN_NS = SQI_ORDERS_NS, LOOK_NS = 50000;
enum { STRIDE_MAX = 128 };
/* A turn that lasts longer is slow; an epoch that is under way may have such a share of it besides. */
static const uint64_t SLOW_NS = 10000000;
enum { LINGER_SHARE = 8 };

static void
hand_in(struct sq_task *task, struct sqi_gathered *gathered)
{
        enum sqi_ack_op op = task->bolt.flush_failed ? SQI_ACK_LATER : SQI_ACK_XOR;

        if (gathered->value)
                for (uint16_t i = 0; i < gathered->nroots; i++)
                        sqi_acker_add(&task->acker, gathered->roots[i], gathered->value, op);
        gathered->value = 0;
}

static void
fail_tuple(struct sq_task *task, struct sqi_gathered *gathered)
{
        sqi_collector_rollback(&task->collector);
        task->collector.anchors_open = false;
        for (uint16_t i = 0; i < gathered->nroots; i++) {
                if (task->cause[0])
                        sqi_acker_explain(&task->acker, SQI_ROOT_TASK(gathered->roots[i]), task->cause);
                sqi_acker_add(&task->acker, gathered->roots[i], 0, task->bolt.later ? SQI_ACK_LATER : SQI_ACK_FAIL);
        }
        if (task->epoch.exact ? !sqi_dead_letter_tuple(task, task->bolt.tuple) : gathered->nroots == 0)
                sqi_loose_fail(task, task->bolt.tuple);
        task->cause[0] = '\0';
        task->bolt.kept_in_turn -= task->bolt.kept_now;
        sqi_count(&task->metrics->failed, 1);
}

/* Are tuples that belong to no tree held until the bolt's own flush has made them durable? */
static bool
is_held(const struct sq_task *task)
{
        return task->tracking && task->instance.code->bolt->flush;
}

static void
end_tuple(struct sq_task *task, struct sqi_gathered *gathered, enum sq_verdict verdict)
{
        struct sqi_collector *collector = &task->collector;
        uint64_t id = verdict == SQ_ACK ? task->bolt.input_id : 0;

        if (task->failed < 0) { /* not all that it emitted is there: nobody may ack it */
                sqi_collector_rollback(collector);
                collector->anchors_open = false;
                return;
        }
        if (verdict != SQ_ACK && verdict != SQ_FAIL && verdict != SQ_KEEP)
                sqi_task_misuse(task, "execute answered %d, which is not a verdict (answer SQ_ACK, SQ_FAIL or SQ_KEEP)",
                                (int)verdict);
        if (task->misused || verdict == SQ_FAIL) {
                fail_tuple(task, gathered);
                return;
        }
        if (verdict == SQ_KEEP && !task->bolt.kept_now) {
                sqi_task_misuse(task, "execute answered SQ_KEEP without sq_keep(): nobody can ack the tuple");
                fail_tuple(task, gathered);
                return;
        }
        if (verdict == SQ_ACK && task->bolt.kept_now)
                id = 0; /* kept after all: it is acked by hand */
        if (collector->anchors_open)
                sqi_anchors_commit(task, gathered->nroots, id);
        else
                gathered->value ^= collector->edges ^ id;
        sqi_collector_commit(collector);
        if (gathered->nroots == 0 && verdict == SQ_ACK && !task->bolt.kept_now && is_held(task))
                sqi_loose_hold(task, task->bolt.tuple);
        task->cause[0] = '\0'; /* of a kept tuple that failed in this callback */
}

/* The next run has begun: other trees, another stream. Returns its input. */
static const struct sqi_input *
begin_run(struct sq_task *task, const struct sqi_frame *frame, struct sqi_gathered *gathered)
{
        size_t bytes = frame->nroots * sizeof(uint64_t);

        if (frame->nroots != gathered->nroots || memcmp(gathered->roots, frame->roots, bytes) != 0) {
                hand_in(task, gathered);
                gathered->nroots = frame->nroots;
                memcpy(gathered->roots, frame->roots, bytes);
                task->bolt.input_roots = gathered->roots;
                task->bolt.input_nroots = gathered->nroots;
        }
        return sqi_intake_input(task, frame);
}

/* Has the callback done anything but emit? Then its transaction ends the long way. */
static inline bool
is_plain(const struct sq_task *task, enum sq_verdict verdict)
{
        return verdict == SQ_ACK && !(task->misused | task->bolt.kept_now | task->bolt.later |
                                      task->collector.anchors_open | (task->failed < 0));
}

static void
begin_tuple(struct sq_task *task, const struct sqi_gathered *gathered)
{
        task->misused = task->bolt.kept_now = task->bolt.later = false;
        sqi_collector_begin(&task->collector, gathered->roots, gathered->nroots);
}

static enum sq_verdict
execute_by_driver(struct sq_task *task, const struct sq_tuple *in)
{
        return task->driver->execute(task->driver->context, task, in);
}

static inline enum sq_verdict (*callback_of(const struct sq_task *task))(struct sq_task *, const struct sq_tuple *)
{
        return task->driver && task->driver->execute ? execute_by_driver : task->instance.code->bolt->execute;
}

/* A tuple that belongs to no tree, once more; between two turns of the batch under way, if there is one. */
static void
execute_again(struct sq_task *task, struct sq_tuple *tuple)
{
        static const struct sqi_gathered none;
        struct sqi_gathered gathered;
        const struct sqi_input *input = task->bolt.input;
        uint64_t failed = task->metrics->failed;

        gathered.value = gathered.nroots = 0;
        task->bolt.input = tuple->input;
        task->bolt.tuple = tuple;
        sqi_task_forget_guess(task);
        task->bolt.input_id = 0;
        task->bolt.input_roots = none.roots;
        task->bolt.input_nroots = 0;
        task->bolt.in_execute = task->bolt.dirty = true;
        begin_tuple(task, &gathered);
        enum sq_verdict verdict = callback_of(task)(task, tuple);
        bool keeps = verdict == SQ_KEEP;
        end_tuple(task, &gathered, verdict);
        task->bolt.in_execute = task->bolt.kept_now = false;
        task->bolt.input = input;
        sqi_count(&task->metrics->executed, 1);
        sqi_count(&task->metrics->acked, task->metrics->failed == failed && !keeps);
        task->bolt.kept_in_turn = 0;
}

/* What was looked at ahead may be of another input, which has its key elsewhere in the tuple. */
static inline bool
is_guessed(const struct sq_task *task, const struct sqi_ahead *ahead, const struct sqi_input *input)
{
        if (task->instance.key_shape != SQI_KEY_PACKED)
                return ahead->guessed;
        return ahead->guessed && input->in_order >= task->instance.key_fields && ahead->first == input->places[0];
}

static inline bool
is_to_stop(const struct sq_task *task)
{
        return task->failed < 0 || task->quitting;
}

/* After a tuple that did more than to emit, or when there is no room for what it has emitted. What stops a task shows
 * here: in a plain callback nothing does. */
static __attribute__((noinline)) bool
may_go_on(struct sq_task *task, const struct sq_tuple *tuple, ptrdiff_t left)
{
        struct sqi_under_way *batch = &task->bolt.batch;

        if (task->collector.pressed) {
                batch->next = tuple->slice.at + tuple->slice.offsets[tuple->slice.n];
                batch->stepped = (uint32_t)left;
                sqi_task_unblock(task);
                batch->next = NULL;
                task->bolt.dirty = true; /* by the tuples to come */
        }
        return !is_to_stop(task);
}

/*
 * Executes tuples of one run, from `first` on; the frame has stepped over them. False: the batch is over for this task.
 * Here most of a busy bolt's instructions are spent: what is the same for all of the run is done before it.
 */
static inline bool
execute_run(struct sq_task *task, const struct sqi_frame *frame, struct sqi_ahead *ahead, uint32_t first, uint32_t n,
            struct sqi_gathered *gathered)
{
        enum sq_verdict (*const callback)(struct sq_task *, const struct sq_tuple *) = task->bolt.batch.execute;
        struct sqi_collector *collector = &task->collector;
        struct sqi_metrics *metrics = task->metrics;
        const struct sqi_input *input = task->bolt.input;
        const uint32_t nfields = input->stream->nfields;
        const struct sqi_key *guess = is_guessed(task, ahead, input) ? ahead->keys + first : NULL;
        const bool tracked = gathered->nroots > 0, held = !tracked && is_held(task);
        uint64_t seq = frame->header.first_seq + frame->index - n;

        begin_tuple(task, gathered);
        task->bolt.input_id = 0;
        task->bolt.guess = NULL;
        task->bolt.guess_fields = guess && ahead->one_form && task->instance.key_shape == SQI_KEY_PACKED
                                          ? task->instance.key_fields
                                          : 0;
        for (struct sq_tuple *tuple = ahead->tuples + first, *end = tuple + n; tuple < end; tuple++) {
                if (__builtin_expect(tuple->slice.n != nfields, 0)) {
                        sqi_intake_refuse(task, frame->header.task,
                                          "a tuple with another number of fields than its stream");
                        return false;
                }
                tuple->task = task;
                tuple->input = input;
                task->bolt.tuple = tuple;
                if (guess)
                        task->bolt.guess = guess++;
                if (tracked)
                        task->bolt.input_id = sqi_edge_id(frame->header.edge_key, seq++);
                enum sq_verdict verdict = callback(task, tuple);
                bool plain = is_plain(task, verdict);
                if (__builtin_expect(plain, 1)) {
                        gathered->value ^= collector->edges ^ task->bolt.input_id;
                        collector->edges = 0;
                        sqi_collector_commit(collector);
                        if (__builtin_expect(held, 0))
                                sqi_loose_hold(task, tuple);
                } else {
                        end_tuple(task, gathered, verdict);
                        begin_tuple(task, gathered);
                }
                sqi_count(&metrics->executed, 1);
                if (__builtin_expect(!plain || collector->pressed, 0) && !may_go_on(task, tuple, end - tuple - 1))
                        return false;
        }
        return !is_to_stop(task);
}

/* Its key, as text, goes into the sketch of heavy keys. */
static void
note_key(struct sq_task *task, const struct sq_tuple *tuple, const struct sqi_plan_edge *edge)
{
        static const uint64_t PAUSE_NS = 500000; /* so it costs the same however small the batches are */
        const struct sqi_slice *slice = &tuple->slice;
        unsigned place = edge->keys[0];
        char text[SQI_HEAVY_TEXT + 1];

        if (task->now_ns < task->bolt.next_key_ns || place >= slice->n)
                return;
        task->bolt.next_key_ns = task->now_ns + PAUSE_NS;
        struct sq_value value = sqi_unpack(slice->at + slice->offsets[place], slice->at + slice->offsets[place + 1]);
        if (value.type == SQ_STR) {
                sqi_heavy_add(&task->metrics->heavy, value.as.ptr, value.len);
        } else {
                size_t len = sq_json(value, text, sizeof(text));

                sqi_heavy_add(&task->metrics->heavy, text, len < SQI_HEAVY_TEXT ? len : SQI_HEAVY_TEXT);
        }
}

/* The first tuple of a batch is timed, where there are metrics. */
static bool
execute_timed(struct sq_task *task, const struct sqi_frame *frame, struct sqi_ahead *ahead,
              struct sqi_gathered *gathered)
{
        const struct sqi_plan_edge *edge = task->bolt.input->edge;
        uint64_t begin;

        if (edge->grouping == SQI_FIELDS)
                note_key(task, &ahead->tuples[0], edge);
        begin = sqi_clock_ns();
        bool more = execute_run(task, frame, ahead, 0, 1, gathered);

        sqi_histogram_add(&task->metrics->execute, sqi_clock_ns() - begin);
        return more;
}

/* Looks at the clock. True: this turn has had its time. */
static bool
is_time_up(struct sq_task *task, struct sqi_under_way *batch)
{
        uint64_t now_ns = sqi_task_clock(task), each_ns = (now_ns - batch->looked_ns) / batch->since;
        uint64_t fit = each_ns ? LOOK_NS / each_ns : STRIDE_MAX;
        uint64_t most = batch->execute == sqi_trace_execute ? 1 : 2 * (uint64_t)batch->stride;

        if (fit > most)
                fit = most;
        batch->stride = fit == 0 ? 1 : fit < STRIDE_MAX ? (uint32_t)fit : STRIDE_MAX;
        batch->looked_ns = now_ns;
        batch->since = 0;
        return now_ns >= batch->until_ns;
}

/* How a turn ends with a group, or with a batch. */
enum ended {
        DONE,  /* all of it was executed */
        LATER, /* the time is up */
        OVER   /* the rest is not executed: it was refused, or the task is to end */
};

/* Executes what was found, from `place` on. */
static enum ended
execute_ahead(struct sq_task *task, struct sqi_under_way *batch, struct sqi_ahead *ahead)
{
        struct sqi_frame *frame = &batch->frame;

        while (batch->place < ahead->n) {
                uint32_t n = ahead->n - batch->place;
                bool timed = frame->index == 0 && task->metered, more;
                if (n > batch->stride)
                        n = batch->stride;
                if (timed)
                        n = 1;
                if (sqi_frame_step(frame, &n))
                        task->bolt.input = begin_run(task, frame, &batch->gathered);
                if (__builtin_expect(!task->bolt.input, 0)) {
                        sqi_intake_refuse(task, frame->header.task, "a stream that this task does not read");
                        return OVER;
                }
                more = timed ? execute_timed(task, frame, ahead, &batch->gathered)
                             : execute_run(task, frame, ahead, batch->place, n, &batch->gathered);
                batch->place += n;
                batch->since += n;
                if (!more)
                        return OVER;
                if (__builtin_expect(task->instance.paused, 0) ||
                    (batch->since >= batch->stride && is_time_up(task, batch)))
                        return LATER;
        }
        return DONE;
}

/* Tuples of the batch by the three stages, as many as this turn has time for. */
static enum ended
execute_some(struct sq_task *task, struct sqi_under_way *batch)
{
        struct sqi_ahead **stages = task->bolt.stages, *done;
        enum ended ended;

        while (stages[0]->n > 0) {
                if (batch->place == 0) {
                        stages[2]->n = 0;
                        if (batch->found > 0)
                                batch->found = sqi_look_ahead(task, &batch->frame, stages[2]);
                        sqi_fetch_entries(task, stages[1]);
                }
                ended = execute_ahead(task, batch, stages[0]);
                if (ended == OVER || (ended == LATER && batch->place < stages[0]->n))
                        return ended;
                batch->place = 0;
                done = stages[0], stages[0] = stages[1], stages[1] = stages[2], stages[2] = done;
                if (ended == LATER)
                        return LATER;
        }
        return DONE;
}

/* Of what this turn has executed. */
static void
count_turn(struct sq_task *task, struct sqi_under_way *batch, uint64_t executed, uint64_t failed)
{
        uint32_t from = task->plan->tasks[batch->frame.header.task].component;

        sqi_count(&task->metrics->acked, executed - failed - task->bolt.kept_in_turn);
        task->bolt.kept_in_turn = 0;
        if (task->component->cycle && task->plan->components[from].cycle == task->component->cycle && !batch->restored)
                task->intake.received += executed;
        sqi_load_add(task->load, batch->restored ? 0 : -(int64_t)executed);
        batch->queued -= (uint32_t)executed;
        task->bolt.dirty = true;
}

/* Its tuples are executed one by one, so that the frame says which one it is. What was traced before the snapshot that
 * the task goes on from is of another time. */
static __attribute__((noinline, cold)) void
begin_traced(struct sq_task *task, struct sqi_under_way *batch)
{
        if (batch->restored || task->driver || !task->tracing.until_ns)
                return;
        batch->execute = sqi_trace_execute;
        batch->received_ns = sqi_clock_ns();
        batch->stride = 1;
}

static void
begin_batch(struct sq_task *task, struct sqi_under_way *batch)
{
        batch->open = true;
        batch->execute = callback_of(task);
        batch->place = batch->since = 0;
        batch->queued = batch->frame.header.count;
        if (batch->stride == 0)
                batch->stride = 1;
        if (__builtin_expect(batch->frame.ntraced > 0, 0))
                begin_traced(task, batch);
        batch->gathered.value = batch->gathered.nroots = 0;
        for (int i = 0; i < SQI_STAGES; i++) {
                task->bolt.stages[i] = &task->bolt.ahead[i];
                task->bolt.ahead[i].n = 0;
        }
        batch->found = sqi_look_ahead(task, &batch->frame, task->bolt.stages[0]);
        if (batch->found > 0)
                batch->found = sqi_look_ahead(task, &batch->frame, task->bolt.stages[1]);
}

/* What behind the tuples that were executed is none is refused. */
static void
end_batch(struct sq_task *task, struct sqi_under_way *batch, enum ended ended)
{
        if (ended == DONE && batch->found < 0)
                sqi_intake_refuse(task, batch->frame.header.task, "a tuple that is not msgpack");
        sqi_load_add(task->load, batch->restored ? 0 : -(int64_t)batch->queued);
        batch->open = false;
}

/* Executes of the batch what this turn has time for. */
static void
execute_batch(struct sq_task *task, struct sqi_under_way *batch)
{
        uint64_t executed = task->metrics->executed, failed = task->metrics->failed;
        bool whole = task->driver && task->driver->whole_batches;
        enum ended ended;

        batch->looked_ns = task->now_ns;
        batch->until_ns = whole ? UINT64_MAX : task->now_ns + TURN_NS;
        task->bolt.input_roots = batch->gathered.roots;
        task->bolt.input_nroots = batch->gathered.nroots;
        task->bolt.in_execute = task->bolt.dirty = true;
        ended = execute_some(task, batch);
        task->bolt.in_execute = false;
        sqi_task_forget_guess(task);
        hand_in(task, &batch->gathered);
        task->bolt.flush_failed = false;
        count_turn(task, batch, task->metrics->executed - executed, task->metrics->failed - failed);
        if (ended != LATER)
                end_batch(task, batch, ended);
}

/* A batch that was in transit: before anything that comes in. Out of the way of the loop that executes. */
static __attribute__((noinline, cold)) void
begin_restored(struct sq_task *task, struct sqi_under_way *batch)
{
        zmq_msg_init(&batch->message);
        sqi_transit_take(&task->transit, &batch->message, &task->intake.from_feedback);
        batch->restored = true;
        if (sqi_intake_reopen(task, &batch->message, &batch->frame))
                begin_batch(task, batch);
}

/* Goes on with the batch under way, or takes the next one. False: there was none. */
static inline bool
work(struct sq_task *task)
{
        struct sqi_under_way *batch = &task->bolt.batch;

        if (__builtin_expect(!batch->open && task->transit.first, 0))
                begin_restored(task, batch);
        else if (!batch->open) {
                zmq_msg_init(&batch->message);
                if (sqi_intake_receive(task, &batch->message) <= 0) {
                        zmq_msg_close(&batch->message);
                        return false;
                }
                if (__builtin_expect(task->record >= 0, 0))
                        sqi_recorder_batch(task, &batch->message);
                if (sqi_intake_open(task, &batch->message, &batch->frame))
                        begin_batch(task, batch);
        }
        if (batch->open)
                execute_batch(task, batch);
        if (!batch->open) {
                zmq_msg_close(&batch->message);
                batch->restored = false;
        }
        return true;
}

/* What a watermark has brought due goes before the batch behind it. */
static bool
work_in_time(struct sq_task *task)
{
        bool timed = task->watermarks.nheard > 0, busy;

        if (__builtin_expect(timed && !task->bolt.batch.open, 0) && !sqi_event_timers_fire(task))
                return true;
        busy = work(task);
        if (__builtin_expect(timed && !task->bolt.batch.open, 0))
                busy |= !sqi_event_timers_fire(task);
        return busy;
}

void
sqi_bolt_close(struct sq_task *task)
{
        if (task->bolt.batch.open)
                zmq_msg_close(&task->bolt.batch.message);
        task->bolt.batch.open = false;
}

/* Before a turn, of which the last one took `turn_ns`. Where that was long the next look is as far away, and an epoch
 * would wait for one tuple after the other: for the order, for the marks, of which no more are there at a time than a
 * socket holds, and for the disk. So it gets a little of that time. */
static void
linger(struct sq_task *task, uint64_t turn_ns)
{
        uint64_t until = task->now_ns + turn_ns / LINGER_SHARE;

        if (turn_ns < SLOW_NS || task->driver)
                return;
        while (task->failed == 0 && !task->quitting && sqi_epoch_hasten(task)) {
                sqi_intake_take_in(task);
                if (task->now_ns >= until)
                        return;
                sqi_task_wait(task, task->epoch.recording && task->epoch.missing > 0 && !task->intake.feedback, until);
        }
}

void
sqi_bolt_turn(struct sq_task *task)
{
        if (__builtin_expect(task->epoch.exact, 0))
                linger(task, task->bolt.turn_ns);
        uint64_t begin = task->now_ns;
        uint64_t again = UINT64_MAX, executed = task->metrics->executed, blocked = task->metrics->blocked_ns;
        bool paused = task->instance.paused, busy = !paused && work_in_time(task);

        task->now_ns = sqi_task_clock(task);
        uint64_t worked_ns = task->now_ns - begin - (task->metrics->blocked_ns - blocked);
        task->bolt.turn_ns = worked_ns;
        if (busy)
                sqi_count(&task->metrics->busy_ns, worked_ns);
        if (busy)
                sqi_load_tell(task, task->metrics->executed - executed, worked_ns, task->metrics->blocked_ns - blocked);
        if (__builtin_expect(task->epoch.exact, 0)) {
                sqi_epoch_act(task);
                sqi_intake_take_in(task);
                busy |= !paused && task->intake.backlog.first;
        }
        if (task->instance.wake_fd >= 0)
                busy |= sqi_bolt_wake(task);
        if (task->now_ns >= sqi_tick_due(task))
                sqi_tick(task);
        if (task->instance.timers.queue.n)
                sqi_timers_fire(task);
        busy |= paused && !task->instance.paused; /* what has waited for that is there */
        sqi_watermark_look(task, task->metrics->blocked_ns == blocked);
        if (task->now_ns >= sqi_loose_due(task))
                sqi_loose_retry(task, execute_again);
        if (sqi_task_must_flush(task) || task->acker.gathered >= SQI_ACKS_FULL)
                sqi_task_flush(task);
        else if (!busy || sqi_load_is_through(task))
                again = sqi_task_flush_idle(task);
        if (task->failed < 0 || task->quitting)
                return;
        if (!busy && !paused)
                sqi_load_look_idle(task);
        else
                task->intake.empty_ns = 0;
        if (!busy && !task->bolt.batch.open && sqi_finish_is_due(task)) {
                sqi_finish(task);
        } else if (!busy) {
                if (sqi_bolt_due(task) < again)
                        again = sqi_bolt_due(task);
                if (sqi_epoch_due(task) < again)
                        again = sqi_epoch_due(task);
                if (task->bolt.finish_due_ns > task->now_ns && task->bolt.finish_due_ns < again)
                        again = task->bolt.finish_due_ns;
                task->minds_file = true;
                sqi_task_wait(task, !paused, sqi_loose_due(task) < again ? sqi_loose_due(task) : again);
                task->minds_file = false;
        }
}

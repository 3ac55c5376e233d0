/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executor of a spout: asks for tuples while there is room, takes acks in, replays what failed.
 *
 * A spout whose output is blocked still takes acks: sqi_task_wait() and sqi_task_unblock() look at the ack inbox too.
 * With the blocking PUSH this keeps the loop spout -> bolts -> acks -> spout free of deadlock.
 */
#include <stdio.h>

#include "channel/load.h"
#include "channel/socket.h"
#include "task/task.h"

enum { CALLS_A_TURN = 64, REPLAYS_A_TURN = 256 };
enum { SAMPLE_ALL = 4096, SAMPLE_EVERY = 16 }; /* completed trees that are timed: the first ones, then one in some */
static const uint64_t IDLE_NS = 1000000, POSITION_NS = 50000000, LAG_NS = 1000000000;
enum { POSITION_SHARE = 64 }; /* of the time goes into it at most, and into looking how far it is behind */

/* ---- tuple trees ------------------------------------------------------------------------------------- */

/* Why a tree has failed, where no bolt has said it. */
static void
note_cause(struct sq_task *task, enum sqi_tree_outcome outcome, const char *lost)
{
        if (outcome == SQI_FAILED)
                return; /* the records said so, or who sent them */
        task->spout.cause_task = UINT32_MAX;
        snprintf(task->cause, sizeof(task->cause), "%s",
                 outcome == SQI_TIMED_OUT ? "it took longer than topology.message.timeout.secs" : lost);
}

/* To a spout that does not emit it again. */
static void
tell_failed(struct sq_task *task, enum sqi_tree_outcome outcome, uint64_t position)
{
        char cause[SQI_DEAD_LETTER_CAUSE];

        if (!task->instance.code->spout->failed)
                return;
        note_cause(task, outcome, "a worker of the topology died while it was in flight");
        sqi_failure_cause(task, cause);
        task->instance.code->spout->failed(task, position, cause);
}

static void
told(void *context, enum sqi_tree_outcome outcome, uint64_t position, uint64_t age_ns)
{
        struct sq_task *task = context;
        const struct sq_spout *spout = task->instance.code->spout;
        struct sqi_metrics *metrics = task->metrics;

        switch (outcome) {
        case SQI_COMPLETED:
                sqi_count(&metrics->acked, 1);
                if (task->metered && (metrics->acked < SAMPLE_ALL || metrics->acked % SAMPLE_EVERY == 0))
                        sqi_histogram_add(&metrics->complete, age_ns);
                if (spout->ack)
                        spout->ack(task, position);
                break;
        case SQI_TIMED_OUT:
        case SQI_FAILED:
        case SQI_LOST:
                sqi_count(&metrics->timed_out, outcome == SQI_TIMED_OUT);
                sqi_count(&metrics->failed, 1);
                tell_failed(task, outcome, position);
                break;
        case SQI_GIVEN_UP: /* told right after the outcome that it is given up over */
                note_cause(task, task->spout.last_outcome, "a worker died each time it was in flight");
                sqi_dead_letter_add(task, position);
                if (spout->fail)
                        spout->fail(task, position);
                break;
        }
        task->spout.last_outcome = outcome;
}

/* Of what belongs to the open tree or to none, an emit was a misuse. So its tree fails; without one the tuple is
 * lost. */
static void
answer_for_refused(struct sq_task *task)
{
        const struct sqi_ack fail = {.root = task->spout.root, .op = SQI_ACK_FAIL};

        if (task->spout.tree_open) {
                task->spout.cause_task = task->id;
                sqi_ledger_take(task->spout.ledger, &fail, task->now_ns);
        } else
                sqi_task_lose(task, task->refused, task->cause);
        task->refused = 0;
}

/* A tree of which a tuple could not be emitted stays open: it is not done, and the next incarnation begins with it. */
static void
close_tree(struct sq_task *task)
{
        if (task->failed < 0)
                return;
        if (__builtin_expect(task->refused > 0, 0))
                answer_for_refused(task);
        if (!task->spout.tree_open)
                return;
        task->spout.tree_open = false;
        sqi_ledger_seal(task->spout.ledger, task->spout.root, task->collector.edges, task->now_ns);
}

/* A tree begins: the next emits belong to it. */
static void
open_tree(struct sq_task *task, uint64_t position, struct sqi_attempt attempt)
{
        close_tree(task);
        if (sqi_ledger_open(task->spout.ledger, position, attempt, task->now_ns, &task->spout.root) < 0) {
                sqi_task_fail(task, -ENOMEM, "out of memory for the ledger");
                return;
        }
        task->spout.tree_open = true;
        sqi_load_reach(task->load, position);
        sqi_collector_begin(&task->collector, &task->spout.root, 1);
}

void
sq_track(struct sq_task *task, uint64_t position)
{
        if (task->instance.code->kind != SQ_KIND_SPOUT) {
                sqi_task_misuse(task, "sq_track() in a bolt");
                return;
        }
        if (__builtin_expect(task->failed < 0, 0))
                return;
        if (!task->tracking) {
                task->instance.next_position = position + 1;
                return;
        }
        if (task->spout.replaying)
                return;
        task->instance.next_position = position + 1;
        task->instance.tracked = true;
        open_tree(task, position, (struct sqi_attempt){0});
}

void
sq_emit_each(struct sq_task *task, unsigned stream, size_t n, const uint64_t *positions, const struct sq_value *values)
{
        size_t fields = stream < task->collector.nstreams ? task->collector.streams[stream].stream->nfields : 0;

        if (n == 0)
                return;
        if (!task->tracking || task->instance.code->kind != SQ_KIND_SPOUT) {
                sq_track(task, positions[n - 1]);
                sq_emit_many(task, stream, n, values);
                return;
        }
        for (size_t i = 0; i < n; i++) {
                sq_track(task, positions[i]);
                sq_emit_values(task, stream, fields, values + i * fields);
        }
}

void
sq_next_position(struct sq_task *task, uint64_t position)
{
        task->instance.next_position = position;
        task->instance.tracked = task->tracking;
}

void
sq_note(struct sq_task *task, const void *bytes, size_t len)
{
        if (len > SQ_NOTE_MAX) {
                sqi_task_misuse(task, "sq_note() of %zu bytes: at most %d can be kept", len, SQ_NOTE_MAX);
                return;
        }
        memset(task->instance.note.note, 0, sizeof(task->instance.note.note));
        memcpy(task->instance.note.note, bytes, len);
        task->instance.note.size = (uint8_t)len;
}

struct sq_str
sq_noted(const struct sq_task *task)
{
        return sqi_position_note(&task->spout.resume);
}

uint64_t
sq_room(const struct sq_task *task)
{
        return task->spout.ledger ? sqi_ledger_room(task->spout.ledger) : UINT64_MAX;
}

/* The emits of one callback go out. A spout's emits are never taken back: who would emit them again? */
static void
commit(struct sq_task *task)
{
        close_tree(task);
        task->collector.lasting = false;
        sqi_collector_begin(&task->collector, NULL, 0);
        sqi_collector_commit(&task->collector);
        if (task->collector.pressed)
                sqi_task_unblock(task);
}

static void
replay_one(struct sq_task *task, uint64_t position, struct sqi_attempt attempt)
{
        open_tree(task, position, attempt);
        if (task->failed < 0)
                return;
        task->spout.replaying = task->collector.lasting = true;
        if (task->instance.code->spout->replay(task, position) < 0)
                sqi_task_fail(task, -EIO, "%s", task->error[0] ? task->error : "replay failed");
        task->spout.replaying = false;
        sqi_count(&task->metrics->replayed, 1);
        commit(task);
}

/* What failed goes before what is new: `replays_due` says that there is more of it than a turn takes. */
static void
replay(struct sq_task *task)
{
        uint64_t position;
        struct sqi_attempt attempt;
        int n = 0;

        while (n < REPLAYS_A_TURN && task->failed == 0 &&
               sqi_ledger_retry(task->spout.ledger, task->now_ns, &position, &attempt)) {
                replay_one(task, position, attempt);
                n++;
        }
        task->spout.replays_due = n == REPLAYS_A_TURN;
}

/* ---- open and close ---------------------------------------------------------------------------------- */

static int
bind_acks(struct sq_task *task)
{
        task->spout.ack_inbox = sqi_socket_new(task->context, ZMQ_PULL, 1000);
        return task->spout.ack_inbox ? sqi_task_bind(task, task->spout.ack_inbox, SQI_ACKS) : -errno;
}

int
sqi_spout_open(struct sq_task *task)
{
        const struct sqi_config *config = &task->plan->config;
        struct sqi_ledger_config ledger = {
                .task = task->id,
                .first = sq_mix((uint64_t)task->id << 32 |
                                task->incarnation), /* acks of an earlier incarnation meet no tree of this one */
                .timeout_ns = (uint64_t)(config->message_timeout * 1e9),
                .max_pending = (uint64_t)config->max_pending,
                .max_retries = config->max_retries,
                .retry_delay_ns = (uint64_t)(config->retry_delay_ms * 1e6),
                .steady = task->driver != NULL,
                .once = task->instance.code->spout->failed != NULL,
        };

        if (!task->spout.calls)
                task->spout.calls = CALLS_A_TURN;
        task->spout.next_lag_ns = task->instance.code->spout->lag && !task->driver ? 0 : UINT64_MAX;
        if (!task->tracking)
                return 0;
        sqi_owed_open(task);
        task->spout.ledger = sqi_ledger_new(&ledger, told, task);
        return task->spout.ledger ? bind_acks(task) : -ENOMEM;
}

void
sqi_spout_close(struct sq_task *task)
{
        sqi_dead_letters_free(&task->spout.letters);
        sqi_ledger_free(&task->spout.ledger);
        sqi_socket_close(&task->spout.ack_inbox);
}

/* ---- the turn ---------------------------------------------------------------------------------------- */

/* Nothing is to come from it any more. */
static bool
is_through(const struct sq_task *task)
{
        return task->instance.done || (task->draining && !sqi_owes(task));
}

static bool
may_emit(struct sq_task *task)
{
        return task->instance.active && !is_through(task) && task->failed == 0 && !task->quitting &&
               !task->spout.replays_due && !(task->spout.ledger && sqi_ledger_is_full(task->spout.ledger)) &&
               !sqi_collector_has_feedback(&task->collector);
}

/* How a turn of emitting ended. */
enum emitted {
        MORE, /* call again at once */
        IDLE, /* the spout has nothing now */
        HELD, /* it may not: no room, not active, over */
};

static enum sq_next
call_next(struct sq_task *task)
{
        enum sq_next next = task->instance.code->spout->next(task);

        if (__builtin_expect(next == SQ_MORE || next == SQ_IDLE || next == SQ_DONE, 1))
                return next;
        sqi_task_misuse(task, "next answered %d (answer SQ_MORE, SQ_IDLE or SQ_DONE)", (int)next);
        task->refused += task->spout.tree_open;
        return SQ_IDLE;
}

static inline enum emitted
emit_once(struct sq_task *task, bool traced)
{
        if (!may_emit(task))
                return HELD;
        uint64_t begun_ns = traced ? sqi_clock_ns() : 0;
        task->instance.wake_ns = 0;
        task->collector.lasting = !traced; /* what is traced is marked in its batch when the call is over */
        enum sq_next next = call_next(task);
        if (traced)
                sqi_trace_root(task, begun_ns);
        commit(task);
        if (next == SQ_DONE)
                task->instance.done = true;
        return next == SQ_MORE ? MORE : IDLE;
}

static enum emitted
emit(struct sq_task *task)
{
        enum emitted emitted = MORE;

        if (__builtin_expect(task->tracing.until_ns > 0, 0) && sqi_trace_is_due(task))
                emitted = emit_once(task, true);
        for (uint32_t i = 0; emitted == MORE && i < task->spout.calls; i++)
                emitted = emit_once(task, false);
        return emitted;
}

void
sqi_spout_settle(struct sq_task *task)
{
        uint64_t until_ns = sqi_clock_ns() + (uint64_t)(task->plan->config.message_timeout * 1e9);
        bool settled = false;

        while (!settled && !task->quitting && sqi_clock_ns() < until_ns) {
                /* of the tree that it failed in not all was emitted */
                settled = sqi_collector_flush(&task->collector) &&
                          (!task->spout.ledger || sqi_ledger_pending(task->spout.ledger) <= task->spout.tree_open);
                if (!settled)
                        sqi_task_wait(task, false, until_ns);
                sqi_spout_take_acks(task);
        }
}

/* What the supervisor hands to the next incarnation, should this one die, or to the next run. At most once nothing
 * is waited for: it is where the spout is. Exactly once it goes on where it was at its mark, which it reports with
 * its part of the epoch: any other position would be taken for that one. */
static void
tell_position(struct sq_task *task)
{
        if (task->epoch.exact || !sqi_spout_has_position(task) || task->now_ns < task->next_report_ns)
                return;
        struct sqi_position position = task->instance.note;
        position.known = 1;
        uint64_t low = task->spout.ledger ? sqi_ledger_low(task->spout.ledger, task->instance.next_position)
                                          : task->instance.next_position;
        uint64_t pause_ns = (sqi_task_clock(task) - task->now_ns) * POSITION_SHARE;
        position.number = low;
        if (memcmp(&position, &task->spout.told, sizeof(position)) == 0) {
                /* The next ack wakes the task, and is told of at once: only a look that costs much is not repeated
                 * soon. */
                task->next_report_ns = pause_ns > IDLE_NS ? task->now_ns + pause_ns : task->now_ns;
                return;
        }
        task->next_report_ns = task->now_ns + (pause_ns > POSITION_NS ? pause_ns : POSITION_NS);
        task->spout.told = position;
        sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_POSITION,
                                                    .task = task->id,
                                                    .number = low,
                                                    .text = sqi_position_note(&position)});
        if (task->instance.code->spout->release)
                task->instance.code->spout->release(task, low, low);
}

/* How far behind its source it is. */
static void
look_behind(struct sq_task *task)
{
        struct sqi_metrics *metrics = task->metrics;
        uint64_t begun_ns = sqi_clock_ns();
        struct sq_lag lag = {0};
        bool known = task->instance.code->spout->lag(task, &lag) == 0, in_bytes = lag.unit == SQ_LAG_BYTES;
        uint64_t pause_ns = (sqi_clock_ns() - begun_ns) * POSITION_SHARE;

        task->spout.next_lag_ns = task->now_ns + (pause_ns > LAG_NS ? pause_ns : LAG_NS);
        sqi_gauge(&metrics->lag_bytes, known && in_bytes ? lag.amount : 0);
        sqi_gauge(&metrics->lag_messages, known && !in_bytes ? lag.amount : 0);
        sqi_gauge(&metrics->lag_in_bytes, known && in_bytes);
        sqi_gauge(&metrics->lag_in_messages, known && !in_bytes);
}

static void
keep_ledger(struct sq_task *task)
{
        if (!task->spout.ledger) {
                tell_position(task);
                return;
        }
        sqi_spout_take_acks(task);
        if (task->now_ns >= sqi_ledger_next(task->spout.ledger)) {
                sqi_ledger_tick(task->spout.ledger, task->now_ns);
                if (task->phase == SQI_RUNNING)
                        replay(task);
        } else
                task->spout.replays_due = false;
        sqi_gauge(&task->metrics->pending, sqi_ledger_pending(task->spout.ledger));
        sqi_load_under_way(task->load, sqi_ledger_unfinished(task->spout.ledger));
        sqi_dead_letters_write(task);
        tell_position(task);
}

static bool
is_at_end(const struct sq_task *task)
{
        return is_through(task) && (!task->spout.ledger || sqi_ledger_unfinished(task->spout.ledger) == 0);
}

static uint64_t
wake_time(const struct sq_task *task, enum emitted emitted, uint64_t until)
{
        uint64_t ledger = task->spout.ledger ? sqi_ledger_next(task->spout.ledger) : UINT64_MAX;
        uint64_t next = task->instance.wake_ns        ? task->instance.wake_ns
                        : task->instance.wake_fd >= 0 ? UINT64_MAX
                                                      : task->now_ns + IDLE_NS;

        if (ledger < until)
                until = ledger;
        if (task->spout.next_lag_ns < until)
                until = task->spout.next_lag_ns;
        if (next < sqi_task_breath_ends(task)) /* what it had to emit sooner would not go out sooner */
                next = sqi_task_breath_ends(task);
        if (emitted == IDLE && !task->instance.done && next < until)
                until = next;
        if (sqi_watermark_due(task) < until)
                until = sqi_watermark_due(task);
        if (sqi_spout_has_position(task) && task->next_report_ns > task->now_ns && task->next_report_ns < until &&
            task->spout.told.number != task->instance.next_position)
                until = task->next_report_ns;
        return until;
}

static void
finish(struct sq_task *task)
{
        sqi_dead_letters_write(task);
        sqi_collector_keep(&task->collector);
        task->finished = !(task->handover.begun && task->handover.fate == SQI_FATE_STAYS);
        task->finished &= !(task->epoch.exact && task->handover.begun); /* what goes on does not finish */
        task->over = task->epoch.exact && task->finished;
        task->watermarks.drained |= !task->instance.done;
        if (task->finished && task->instance.code->spout->finish)
                sqi_task_call(task, task->instance.code->spout->finish);
        /* What it had to bring out is gone with this process: the next one would finish with nothing, as if all were
         * well. */
        task->final |= task->failed < 0;
        task->next_report_ns = 0;
        tell_position(task);
        sqi_task_end(task);
}

/* Tuple trees in flight, as many as there may be, keep it from emitting: it waits for whoever is behind it. */
static bool
is_full(const struct sq_task *task)
{
        return task->spout.ledger && task->instance.active && !is_through(task) &&
               sqi_ledger_is_full(task->spout.ledger);
}

static void
wait_for_more(struct sq_task *task, enum emitted emitted, uint64_t until_ns)
{
        uint64_t begin = task->now_ns;
        bool full = is_full(task);

        task->minds_file = emitted == IDLE;
        sqi_task_wait(task, false, until_ns);
        task->minds_file = false;
        if (full)
                sqi_count(&task->metrics->blocked_ns, task->now_ns - begin);
}

void
sqi_spout_turn(struct sq_task *task)
{
        uint64_t begin = task->now_ns, again = UINT64_MAX, blocked = task->metrics->blocked_ns;
        enum emitted emitted;

        if (__builtin_expect(task->epoch.exact, 0))
                sqi_epoch_act(task);
        if (__builtin_expect(task->draining, 0) && sqi_owes(task)) /* deactivated, it owes it all the same */
                sqi_task_activate(task, true);
        emitted = emit(task);

        task->now_ns = sqi_task_clock(task);
        sqi_count(&task->metrics->busy_ns, task->now_ns - begin - (task->metrics->blocked_ns - blocked));
        sqi_watermark_look(task, emitted == IDLE || !task->instance.active);
        if (emitted == IDLE) /* acks can wait for it, who counts its latency does not */
                sqi_task_flush_idle(task);
        keep_ledger(task);
        if (__builtin_expect(task->now_ns >= task->spout.next_lag_ns, 0))
                look_behind(task);
        if (emitted == HELD || sqi_task_must_flush(task))
                sqi_task_flush(task);
        else if (emitted == IDLE)
                again = sqi_task_flush_idle(task);
        if (task->failed < 0 || task->quitting)
                return;
        if (is_at_end(task))
                finish(task);
        /* the acks taken meanwhile may have made room */
        else if (emitted == IDLE || (emitted == HELD && !may_emit(task)))
                wait_for_more(task, emitted, wake_time(task, emitted, again));
}

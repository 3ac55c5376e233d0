/* SPDX-License-Identifier: Apache-2.0 */
/* How what a task has made goes out: first the component's own flush, then batches, then the acks that vouch for
 * both. */
#include "task/task.h"

/*
 * A transaction of its own, which may stand between two tuples of a run: the next one goes on as if it had not been.
 * What the flush emits belongs to no tree.
 */
static int
call_flush(struct sq_task *task)
{
        struct sqi_collector *collector = &task->collector;
        bool in_execute = task->bolt.in_execute;

        task->bolt.in_execute = false;
        sqi_collector_begin(collector, NULL, 0);
        int r = task->instance.code->bolt->flush(task);
        if (r < 0 || task->failed < 0)
                sqi_collector_rollback(collector);
        else if (collector->anchors_open)
                sqi_anchors_commit(task, 0, 0);
        collector->anchors_open = false;
        sqi_collector_commit(collector);
        task->bolt.in_execute = in_execute;
        if (in_execute)
                sqi_collector_begin(collector, task->bolt.input_roots, task->bolt.input_nroots);
        task->misused = task->bolt.kept_now = task->bolt.later = false;
        return r;
}

/* At least once the spouts replay what was executed since the last flush, and the bolt itself what belongs to no tree:
 * also where the task is at its end, for nothing that did not go out may be acked. At most once it is lost. Exactly
 * once all begins again from the last epoch. */
static void
answer_for_flush(struct sq_task *task)
{
        if (task->tracking) {
                task->bolt.flush_failed = task->bolt.in_execute;
                sqi_acker_fail(&task->acker);
                sqi_loose_flushed(task, false);
        }
        if (task->failed < 0)
                return;
        if (task->tracking)
                sqi_task_log_lasting(task, &task->away, "failed what it executed since the last flush", task->error);
        else if (task->epoch.exact)
                sqi_task_fail(task, -EIO, "flush: %s", task->error[0] ? task->error : "it failed without sq_error()");
        else
                sqi_task_lose(task, task->metrics->executed - task->bolt.flushed, task->error);
}

bool
sqi_task_flush_component(struct sq_task *task)
{
        bool dirty = task->bolt.dirty;

        task->bolt.dirty = false;
        if (!dirty || !task->instance.code->bolt || !task->instance.code->bolt->flush)
                return true;
        bool fine = call_flush(task) == 0;
        if (fine)
                sqi_loose_flushed(task, true);
        else
                answer_for_flush(task);
        task->bolt.flushed = task->metrics->executed;
        return fine;
}

void
sqi_task_push_acks(struct sq_task *task)
{
        sqi_task_flush_component(task);
        sqi_acker_push(&task->acker);
}

void
sqi_task_flush(struct sq_task *task)
{
        sqi_task_flush_component(task);
        if (task->instance.nkept && task->tracking && task->now_ns >= task->bolt.next_kept_check_ns)
                sqi_kept_check(task);
        if (task->watermarks.tells)
                sqi_watermark_tell(task);
        sqi_collector_flush(&task->collector);
        if (__builtin_expect(task->collector.source.tap != NULL, 0) &&
            sqi_tap_is_over(task->collector.tap, task->now_ns))
                task->collector.source.tap = NULL;
        sqi_task_push_acks(task);
        if (task->acker.no_memory)
                sqi_task_fail(task, -ENOMEM, "out of memory for acks");
        task->next_flush_ns = task->now_ns + (uint64_t)(task->plan->config.flush_ms * 1e6);
}

static bool
has_something_to_flush(const struct sq_task *task)
{
        return task->bolt.dirty || task->acker.gathered || sqi_collector_has_open(&task->collector);
}

/*
 * A message on its way through two processes costs as much as some hundred tuples. So an idle task sends at once what
 * it has, but not one tuple after the other: what follows within a breath waits for company. A stream of tuples further
 * apart than that never waits. Who has handed its tuples to somebody else, and expects more of him, is not idle.
 *
 * In a thin stream hardly any company comes, and waiting only makes it late: a breath is short there.
 */
uint64_t
sqi_task_breath_ends(const struct sq_task *task)
{
        uint64_t end = task->flushed_ns + task->breath_ns;

        if (task->driver)
                return 0;
        return end < task->next_flush_ns && !task->instance.expects_more ? end : task->next_flush_ns;
}

/* What a bolt has taken in, what a spout has emitted. */
static uint64_t
tuples_of(const struct sq_task *task)
{
        return task->metrics->executed ? task->metrics->executed : task->metrics->emitted;
}

static void
take_breath(struct sq_task *task)
{
        enum { SHORT_NS = 15000, LONG_NS = 50000, THIN_NS = 7000 /* between two tuples */ };
        uint64_t tuples = tuples_of(task) - task->flushed_tuples;

        task->breath_ns = task->now_ns - task->flushed_ns < tuples * THIN_NS ? LONG_NS : SHORT_NS;
        task->flushed_ns = task->now_ns;
        task->flushed_tuples += tuples;
}

uint64_t
sqi_task_flush_idle(struct sq_task *task)
{
        bool something = has_something_to_flush(task);

        if (something && task->now_ns < sqi_task_breath_ends(task))
                return sqi_task_breath_ends(task);
        if (something)
                take_breath(task);
        sqi_task_flush(task);
        return UINT64_MAX;
}

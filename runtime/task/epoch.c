/* SPDX-License-Identifier: Apache-2.0 */
#include "task/epoch.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "state/part_log.h"
#include "state/part_writer.h"
#include "task/snapshot.h"
#include "task/task.h"

/* Keys that are written between two looks at the clock. */
enum { STRIDE = 64 };
/* How long a bolt waits, with a mark there, for the order, which names the folder. */
static const uint64_t ORDER_NS = 1000000000;

/* ---- The part ---------------------------------------------------------------------------------------- */

static void
answer(struct sq_task *task)
{
        task->epoch.recording = task->epoch.writing_down = false;
        task->epoch.answered = task->epoch.begun;
        sqi_epoch_report(task);
}

/* `cause` says why there is none. */
static void
answer_without(struct sq_task *task)
{
        struct sqi_epoch *epoch = &task->epoch;

        sqi_snapshot_drop(&epoch->writing);
        epoch->size = epoch->sum = epoch->written = 0;
        if (!epoch->cause[0])
                snprintf(epoch->cause, sizeof(epoch->cause), "it failed without a cause");
        answer(task);
}

static void
fail_part(struct sq_task *task, const char *cause)
{
        snprintf(task->epoch.cause, sizeof(task->epoch.cause), "%s", cause);
        answer_without(task);
}

void
sqi_epoch_settle(struct sq_task *task)
{
        struct sqi_epoch *epoch = &task->epoch;
        uint64_t news;
        int r;

        if (!epoch->writing_down)
                return;
        (void)!read(epoch->wake, &news, sizeof(news)); /* of the epoch before maybe, which was done before it said so */
        if (!sqi_snapshot_is_done(epoch->writing))
                return;
        epoch->written = sqi_snapshot_written(epoch->writing);
        r = sqi_snapshot_close(&epoch->writing, &epoch->size, &epoch->sum, &epoch->log);
        if (r < 0)
                fail_part(task, strerror(-r));
        else
                answer(task);
}

/* When all keys are written down, and every mark is there, that was all. */
static void
go_on(struct sq_task *task, size_t n)
{
        if (sqi_snapshot_go_on(task->epoch.writing, n) || task->epoch.missing > 0)
                return;
        task->epoch.recording = false;
        task->epoch.writing_down = true;
        sqi_snapshot_end(task->epoch.writing);
        sqi_epoch_settle(task);
}

/* Is there anybody who waits for it to be through? */
static bool
works_beside(const struct sq_task *task)
{
        return task->phase == SQI_RUNNING && task->instance.code->bolt && !task->driver;
}

/* Between two batches. */
static void
write_portion(struct sq_task *task)
{
        struct sqi_epoch *epoch = &task->epoch;
        uint64_t begun_ns = sqi_task_clock(task), now_ns = begun_ns;
        uint64_t time_ns = sqi_portions_time(&epoch->portions, begun_ns);
        size_t before = sqi_snapshot_left(epoch->writing), left;

        if (time_ns == 0)
                return;
        if (sqi_snapshot_is_behind(epoch->writing)) {
                sqi_portions_put_off(&epoch->portions, now_ns);
                return;
        }
        while (sqi_snapshot_go_on(epoch->writing, STRIDE) && now_ns - begun_ns < time_ns)
                now_ns = sqi_task_clock(task);
        left = sqi_snapshot_left(epoch->writing);
        sqi_portions_end(&epoch->portions, begun_ns, now_ns, before - left, left);
        sqi_count(&task->metrics->busy_ns, now_ns - begun_ns);
        task->now_ns = now_ns; /* it is not what a tuple costs */
        go_on(task, 0);
}

bool
sqi_epoch_record(struct sq_task *task, zmq_msg_t *message, bool feedback)
{
        struct sqi_epoch *epoch = &task->epoch;
        uint64_t most = (uint64_t)task->plan->config.checkpoint_recorded;
        int r = 0;

        epoch->recorded += zmq_msg_size(message);
        if (epoch->recorded > most)
                snprintf(epoch->cause, sizeof(epoch->cause),
                         "more than %llu bytes were on their way to it (topology.checkpoint.recorded.bytes)",
                         (unsigned long long)most);
        else if ((r = sqi_snapshot_add(task, epoch->writing, message, feedback)) < 0)
                snprintf(epoch->cause, sizeof(epoch->cause), "%s", strerror(-r));
        if (!epoch->cause[0])
                return true;
        if (epoch->recording) /* else it begins, and fails as a whole */
                answer_without(task);
        return false;
}

/* ---- Beginning --------------------------------------------------------------------------------------- */

static bool
write_state(struct sq_task *task)
{
        struct sqi_epoch *epoch = &task->epoch;
        int r;

        if (epoch->begun > epoch->ordered) {
                snprintf(epoch->cause, sizeof(epoch->cause), "a mark came, and not the order");
                return false;
        }
        if (sqi_task_precommit(task, epoch->begun) < 0) {
                snprintf(epoch->cause, sizeof(epoch->cause), "%.*s", SQI_EPOCH_CAUSE - 1, task->error);
                return false;
        }
        r = sqi_snapshot_begin(task, epoch->begun, epoch->folder, epoch->wake, &epoch->log, &epoch->writing);
        if (r < 0) {
                snprintf(epoch->cause, sizeof(epoch->cause), "%s", strerror(-r));
                return false;
        }
        if (task->phase != SQI_RUNNING || !task->instance.code->bolt || sqi_backlog_give(task, sqi_epoch_record))
                return true;
        if (!epoch->cause[0])
                snprintf(epoch->cause, sizeof(epoch->cause), "%s", strerror(ENOMEM));
        return false;
}

/* How many channels have not brought the mark of the epoch, and will. */
static uint32_t
unmarked(const struct sq_task *task, uint64_t number)
{
        uint32_t n = 0;

        for (size_t i = 0; task->intake.marks && i < task->intake.nchannels; i++)
                n += task->intake.marks[i] < number;
        return n;
}

static void
begin(struct sq_task *task, uint64_t number)
{
        struct sqi_epoch *epoch = &task->epoch;
        bool fine;

        sqi_snapshot_drop(&epoch->writing);
        epoch->begun = number;
        epoch->recording = epoch->writing_down = false;
        epoch->recorded = epoch->size = epoch->sum = epoch->written = 0;
        epoch->cause[0] = '\0';
        sqi_task_flush_component(task);
        if (task->failed < 0)
                return;
        sqi_spout_where(task, &epoch->position);
        fine = write_state(task);
        if (task->failed < 0)
                return;
        if (task->phase != SQI_WAITING && sqi_collector_mark(&task->collector, number) < 0) {
                sqi_task_fail(task, -ENOMEM, "out of memory for the marks of an epoch");
                return;
        }
        epoch->missing = task->phase == SQI_RUNNING ? unmarked(task, number) : 0;
        epoch->recording = fine;
        sqi_portions_begin(&epoch->portions, sqi_task_clock(task), (uint64_t)(task->plan->config.checkpoint_ms * 1e6));
        if (fine)
                go_on(task, works_beside(task) ? 0 : SIZE_MAX);
        else
                answer_without(task);
}

/* An order that comes right behind START is for a task that runs: one that waits sends no marks. */
static bool
may_begin(const struct sq_task *task)
{
        if (task->phase == SQI_WAITING && task->may_start)
                return false;
        return sqi_epoch_is_wanted(&task->epoch) && task->failed == 0 && !task->quitting;
}

/* Will no mark come? */
static bool
is_first(const struct sq_task *task)
{
        return task->instance.code->spout || task->phase != SQI_RUNNING || task->intake.outside_missing == 0;
}

/* The marks may overtake the order, which goes another way. */
static void
await_order(struct sq_task *task, uint64_t number)
{
        const struct sqi_epoch *epoch = &task->epoch;
        uint64_t until = sqi_clock_ns() + ORDER_NS;

        while (epoch->ordered < number && epoch->dropped < number && !task->driver && !task->quitting &&
               task->failed == 0 && sqi_clock_ns() < until)
                sqi_task_wait(task, false, until);
}

void
sqi_epoch_mark(struct sq_task *task, uint64_t *seen, uint64_t number)
{
        struct sqi_epoch *epoch = &task->epoch;
        uint64_t before = *seen;

        if (!epoch->exact || number <= before)
                return;
        *seen = number;
        if (number != SQI_EPOCH_LAST && number > epoch->begun) {
                await_order(task, number);
                if (number > epoch->dropped)
                        begin(task, number);
        } else if (epoch->recording && before < epoch->begun && number >= epoch->begun && --epoch->missing == 0)
                go_on(task, 0);
}

/* ---- What is due ------------------------------------------------------------------------------------ */

/* The order comes again until it is answered. */
static void
commit(struct sq_task *task)
{
        task->epoch.commit_asked = false;
        if (sqi_task_commit(task, task->epoch.commit) == 0) {
                task->epoch.committed = task->epoch.commit;
                sqi_spout_sealed(task);
                sqi_epoch_report_committed(task);
        } else if (task->failed == 0)
                sqi_task_log_lasting(task, &task->unfinished, "commit is tried again", task->error);
}

void
sqi_epoch_act(struct sq_task *task)
{
        struct sqi_epoch *epoch = &task->epoch;

        if (epoch->recording && works_beside(task))
                write_portion(task);
        else if (epoch->recording)
                go_on(task, SIZE_MAX);
        sqi_epoch_settle(task);
        if (epoch->commit_asked && task->failed == 0)
                commit(task);
        if (may_begin(task) && (is_first(task) || task->now_ns >= epoch->due_ns))
                begin(task, epoch->ordered);
}

bool
sqi_epoch_hasten(struct sq_task *task)
{
        if (may_begin(task))
                begin(task, task->epoch.ordered);
        sqi_epoch_act(task);
        return task->epoch.recording || task->epoch.writing_down;
}

uint64_t
sqi_epoch_due(const struct sq_task *task)
{
        if (task->epoch.recording && sqi_snapshot_go_on(task->epoch.writing, 0))
                return works_beside(task) ? sqi_portions_due(&task->epoch.portions) : 0;
        return task->epoch.exact && may_begin(task) ? task->epoch.due_ns : UINT64_MAX;
}

/* ---- Life ---------------------------------------------------------------------------------------- */

int
sqi_epoch_restored(struct sq_task *task, uint64_t number)
{
        struct sqi_epoch *epoch = &task->epoch;

        epoch->ordered = epoch->begun = epoch->dropped = epoch->commit = epoch->committed = number;
        return sqi_task_commit_restored(task, number);
}

int
sqi_epoch_open(struct sq_task *task)
{
        task->epoch.wake = -1;
        task->epoch.exact = task->plan->config.delivery == SQI_EXACTLY_ONCE;
        if (task->epoch.exact)
                task->epoch.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return task->epoch.exact && task->epoch.wake < 0 ? -errno : 0;
}

void
sqi_epoch_close(struct sq_task *task)
{
        sqi_snapshot_drop(&task->epoch.writing);
        sqi_part_log_free(&task->epoch.log);
        if (task->epoch.exact && task->epoch.wake >= 0)
                close(task->epoch.wake);
        task->epoch.wake = -1;
        free(task->epoch.sealed);
        task->epoch.sealed = NULL;
        task->epoch.nsealed = 0;
}

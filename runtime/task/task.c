/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a task, in its own thread: bind, wait for CONNECT, connect and prepare, wait for START, turn by turn
 * until the end, and then stay until QUIT (a restarted neighbour may ask for the end-of-stream marks again).
 */
#include "task/task.h"

#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "control/endpoint.h"
#include "channel/socket.h"
#include "task/crash.h"
#include "task/group.h"
#include "task/snapshot.h"
#include "task/handover.h"
#include "task/recorder.h"

/* ---- opening and closing ----------------------------------------------------------------------------- */

static int
bind_acker(struct sq_task *task)
{
        const struct sqi_plan *plan = task->plan;
        struct sqi_acker *acker = &task->acker;

        acker->task = task->id;
        acker->incarnation = task->incarnation;
        acker->ntasks = plan->ntasks;
        acker->by_task = calloc(plan->ntasks, sizeof(*acker->by_task));
        acker->spouts = calloc(plan->ntasks, sizeof(*acker->spouts));
        if (!acker->by_task || !acker->spouts)
                return -ENOMEM;
        for (uint32_t t = 0; t < plan->ntasks; t++) {
                if (plan->components[plan->tasks[t].component].kind != SQ_KIND_SPOUT)
                        continue;
                struct sqi_ledger_outlet *spout = &acker->spouts[acker->nspouts++];
                spout->task = t;
                acker->by_task[t] = spout;
        }
        return 0;
}

static int
connect_acker(struct sq_task *task)
{
        const struct sqi_plan_task *tasks = task->plan->tasks;
        char endpoint[SQI_ENDPOINT_SIZE];

        for (uint32_t i = 0; i < task->acker.nspouts; i++) {
                struct sqi_ledger_outlet *spout = &task->acker.spouts[i];
                spout->socket = sqi_socket_new(task->context, ZMQ_PUSH, 1000);
                if (!spout->socket)
                        return -errno;
                int r = sqi_endpoint(task->rundir, SQI_ACKS, spout->task,
                                     tasks[spout->task].worker == tasks[task->id].worker, endpoint);
                if (r == 0)
                        r = sqi_socket_connect(spout->socket, endpoint);
                if (r < 0)
                        return r;
        }
        return 0;
}

int
sqi_task_load(struct sq_task *task)
{
        char cause[256] = "";
        size_t bad;

        sqi_watermark_begin(task);
        if (sqi_component_load(task->component->path, &task->instance.code, cause, sizeof(cause)) < 0)
                return sqi_task_fail(task, -ENOEXEC, "%s", cause);
        if (task->instance.code->kind != task->component->kind)
                return sqi_task_fail(task, -ENOEXEC, "%s is no %s any more", task->component->path,
                                     task->instance.code->bolt ? "spout" : "bolt");
        task->instance.state = calloc(1, sqi_component_state_size(task->instance.code) + 1);
        if (!task->instance.state)
                return sqi_task_fail(task, -ENOMEM, "out of memory for the state");
        if (sqi_settings_fill(sqi_component_options(task->instance.code), task->component->settings,
                              task->component->nsettings, task->instance.state, &task->instance.settings, &bad, cause,
                              sizeof(cause)) < 0)
                return sqi_task_fail(task, -EINVAL, "settings: %s", cause);
        return 0;
}

int
sqi_task_open(struct sq_task *task)
{
        const struct sqi_config *config = &task->plan->config;
        int r;

        task->spout.resume.known = 0;
        if (!task->instance.prepared)
                task->instance.wake_fd = -1;
        task->record = -1;
        r = task->instance.prepared ? 0 : sqi_task_load(task);
        if (r < 0)
                return r;
        task->tracking = config->delivery == SQI_AT_LEAST_ONCE ||
                         (config->delivery == SQI_EXACTLY_ONCE && task->driver && task->driver->tracks);
        task->metered = config->metrics == SQI_METRICS_ON;
        task->bolt.tick_ns = (uint64_t)(task->component->tick_secs * 1e9);
        r = sqi_epoch_open(task);
        if (r == 0)
                r = sqi_collector_open(task);
        if (r == 0)
                r = sqi_intake_bind(task);
        if (r == 0)
                r = sqi_watermark_open(task);
        if (r == 0)
                sqi_handover_arrive(task);
        if (r == 0 && task->instance.code->spout)
                r = sqi_spout_open(task);
        if (r == 0 && task->instance.code->bolt && task->tracking)
                r = bind_acker(task);
        if (r == 0 && task->instance.code->bolt && !task->driver)
                sqi_recorder_open(task);
        task->fds = calloc(task->collector.noutlets + SQI_WAIT_FIXED, sizeof(*task->fds));
        if (r == 0 && !task->fds)
                r = -ENOMEM;
        return r < 0 ? sqi_task_fail(task, r, "cannot open its channels in %s: %s", task->rundir, zmq_strerror(-r)) : 0;
}

static int
connect_channels(struct sq_task *task)
{
        int r = sqi_collector_connect(task);

        if (r == 0)
                r = sqi_intake_connect(task);
        if (r == 0)
                r = connect_acker(task);
        return r < 0 ? sqi_task_fail(task, r, "cannot connect its channels in %s: %s", task->rundir, zmq_strerror(-r))
                     : 0;
}

static int
prepare(struct sq_task *task)
{
        const struct sqi_component *code = task->instance.code;
        int (*callback)(struct sq_task *) = code->bolt ? code->bolt->prepare : NULL;
        int r = 0;

        if (code->spout)
                callback = code->spout->prepare;
        task->now_ns = sqi_task_clock(task);
        if (callback && callback(task) < 0)
                return sqi_task_fail(task, -EIO, "%s",
                                     task->error[0] ? task->error : "prepare failed without sq_error()");
        task->instance.prepared = true;
        if (task->driver ? task->driver->restores : task->epoch.exact || sqi_component_hands_on(code))
                r = sqi_snapshot_restore(task);
        if (r < 0)
                return r;
        if (code->spout && task->epoch.exact && task->spout.resume.known) {
                task->instance.next_position = task->spout.resume.number;
                task->instance.note = task->spout.resume;
        }
        if (code->spout && code->spout->seek && task->spout.resume.known &&
            code->spout->seek(task, task->spout.resume.number) < 0)
                return sqi_task_fail(task, -EIO, "%s", task->error[0] ? task->error : "seek failed without sq_error()");
        return 0;
}

int
sqi_task_connect(struct sq_task *task)
{
        if (connect_channels(task) < 0 || sqi_groups_prepare(task) < 0)
                return -1;
        return task->instance.prepared ? 0 : prepare(task);
}

static void
close_instance(struct sq_task *task)
{
        const struct sqi_component *code = task->instance.code;

        if (task->instance.prepared && code->bolt && code->bolt->cleanup)
                code->bolt->cleanup(task);
        if (task->instance.prepared && code->spout && code->spout->cleanup)
                code->spout->cleanup(task);
        task->instance.prepared = false;
        sqi_kept_release(task);
        sqi_timers_free(&task->instance.timers);
        sqi_timers_free(&task->instance.event_timers);
        sqi_keyed_free(&task->instance.keyed);
        sqi_own_values_clear(&task->instance.values);
        sqi_letter_box_clear(&task->instance.letters);
        sqi_settings_release(&task->instance.settings);
        free(task->instance.state);
        task->instance.state = NULL;
        sqi_component_close(&task->instance.code);
}

int
sqi_task_renew(struct sq_task *task)
{
        close_instance(task);
        task->instance = (struct sqi_instance){.wake_fd = -1};
        return sqi_task_load(task) < 0 ? -1 : prepare(task);
}

void
sqi_task_close(struct sq_task *task)
{
        sqi_bolt_close(task);
        sqi_recorder_close(task);
        close_instance(task);
        sqi_loose_free(&task->bolt.loose);
        sqi_transit_clear(&task->transit);
        sqi_epoch_close(task);
        sqi_channels_close(task);
}

/* Waits, serving orders, until `*flag` is set or the task is to end. */
static bool
await(struct sq_task *task, const bool *flag)
{
        while (!*flag && !task->quitting && task->failed == 0) {
                sqi_collector_subscribed(&task->collector);
                sqi_task_wait(task, false, UINT64_MAX);
                if (task->phase == SQI_WAITING)
                        sqi_epoch_act(task);
        }
        return *flag && !task->quitting && task->failed == 0;
}

void
sqi_task_start(struct sq_task *task)
{
        task->phase = SQI_RUNNING;
        sqi_task_count_keys(task);
        task->collector.open = true;
        task->now_ns = sqi_task_clock(task);
        task->bolt.next_tick_ns = task->now_ns + task->bolt.tick_ns;
        task->watermarks.quiet_ns = task->now_ns;
        if (task->instance.code->spout) {
                sqi_owed_start(task);
                sqi_task_activate(task, !task->start_inactive);
        }
        if (task->over) {
                task->finished = true; /* before the snapshot that it goes on from */
                sqi_task_end(task);
        }
}

void
sqi_task_turn(struct sq_task *task)
{
        sqi_count(&task->metrics->loops, 1);
        if (task->now_ns >= task->look_ns) {
                sqi_task_serve(task);
                sqi_seldom_tell(task, false);
                task->look_ns = task->now_ns + SQI_ORDERS_NS;
        }
        if (__builtin_expect(task->asked, 0))
                sqi_query_answer(task);
        if (task->instance.code->spout)
                sqi_spout_turn(task);
        else
                sqi_bolt_turn(task);
}

static void
run(struct sq_task *task)
{
        if (sqi_task_open(task) < 0)
                return;
        sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_BOUND, .task = task->id});
        if (!await(task, &task->may_connect) || sqi_task_connect(task) < 0 || !sqi_task_await_subscribers(task))
                return;
        sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_READY, .task = task->id});
        task->phase = SQI_WAITING;
        if (!await(task, &task->may_start))
                return;
        sqi_task_start(task);
        while (task->phase == SQI_RUNNING && !task->quitting && task->failed == 0)
                sqi_task_turn(task);
        if (task->failed < 0 && task->final && task->instance.code->spout)
                sqi_spout_settle(task);
        while (!task->quitting && task->failed == 0) {
                sqi_collector_flush(&task->collector);
                sqi_task_wait(task, false, UINT64_MAX);
                sqi_spout_take_acks(task);
                sqi_epoch_act(task);
                sqi_query_answer(task);
        }
}

/* sq_state() in squall.h reads the first member without a call. */
_Static_assert(offsetof(struct sq_task, instance.state) == 0, "the state block stands first");

void *
sqi_task_main(void *argument)
{
        struct sq_task *task = argument;
        void *stack = sqi_crash_thread_begin();
        char name[128];

        /* cut to 15 bytes by the kernel: what top -H and perf show */
        prctl(PR_SET_NAME, sqi_task_name(task->plan, task->id, name, sizeof(name)), 0ul, 0ul, 0ul);
        prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul, 0ul);
        sqi_crash_blame(task);
        run(task);
        sqi_seldom_tell(task, true);
        if (task->failed < 0)
                sqi_task_report(task, &(struct sqi_message){
                                              .type = SQI_MSG_ERROR,
                                              .task = task->id,
                                              .number = task->final,
                                              .text = {task->error, strlen(task->error)},
                                      });
        if (task->handover.moving && task->handover.fate == SQI_FATE_STAYS && task->phase == SQI_ENDED &&
            !task->finished && task->failed == 0)
                sqi_handover_leave(task);
        else
                sqi_task_close(task);
        sqi_crash_thread_end(stack);
        return NULL;
}

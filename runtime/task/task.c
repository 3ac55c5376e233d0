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
#include "task/snapshot.h"
#include "task/park.h"
#include "task/recorder.h"

/* ---- orders ------------------------------------------------------------------------------------------ */

static void
take_lost(struct sq_task *task, const struct sqi_message *message)
{
        if (message->task >= task->plan->ntasks || message->number <= task->intake.fence[message->task])
                return; /* known already: a new supervisor says again what is so */
        sqi_intake_lose(task, message->task, (uint32_t)message->number);
        sqi_collector_lose_reader(&task->collector, message->task, (uint32_t)message->number);
        sqi_load_forget(task->load);
        if (task->spout.ledger)
                sqi_ledger_lose(task->spout.ledger, sqi_task_clock(task));
        if (task->tracking && task->phase == SQI_RUNNING)
                sqi_collector_lose(task, message->task);
        if (task->spout.ledger)
                task->spout.replays_due = sqi_ledger_unfinished(task->spout.ledger) > 0;
}

static void
activate(struct sq_task *task, bool active)
{
        const struct sq_spout *spout = task->instance.code ? task->instance.code->spout : NULL;

        if (task->instance.active == active || !spout)
                return;
        task->instance.active = active;
        if (active && spout->activate)
                spout->activate(task);
        if (!active && spout->deactivate)
                spout->deactivate(task);
}

/* One that does not fit is no path of ours. */
static void
take_path(char ret[SQI_FOLDER_SIZE], struct sq_str path)
{
        if (path.len >= SQI_FOLDER_SIZE)
                path.len = 0;
        if (path.len > 0)
                memcpy(ret, path.ptr, path.len);
        ret[path.len] = '\0';
}

/* That it is one the bolts learn from the marks behind the last tuples: an order could come before or after those. */
static void
take_handover(struct sq_task *task, const struct sqi_message *message)
{
        task->handover.begun |= task->component->kind == SQ_KIND_SPOUT;
        task->handover.fate = message->number ? SQI_FATE_STAYS : SQI_FATE_ENDS;
        task->handover.epoch = message->a;
        take_path(task->handover.folder, message->text);
}

static void
take_log_level(struct sq_task *task, const struct sqi_message *message)
{
        if (message->task != task->id || message->number > SQ_DEBUG)
                return;
        task->instance.log_level = (enum sq_level)message->number;
        task->instance.log_until_ns = message->a ? sqi_clock_ns() + message->a * 1000000 : 0;
}

void
sqi_task_obey(struct sq_task *task, const struct sqi_message *message)
{
        switch (message->type) {
        case SQI_MSG_POSITION:
                if (message->task == task->id)
                        sqi_position_take(&task->spout.resume, message);
                break;
        case SQI_MSG_CONNECT:
                task->may_connect = true;
                break;
        case SQI_MSG_START:
                task->may_start = true;
                break;
        case SQI_MSG_ACTIVATE:
        case SQI_MSG_DEACTIVATE:
                task->start_inactive = message->type == SQI_MSG_DEACTIVATE;
                if (task->phase == SQI_RUNNING)
                        activate(task, !task->start_inactive);
                break;
        case SQI_MSG_HANDOVER:
                take_handover(task, message);
                break;
        case SQI_MSG_RESTORE:
                take_path(task->handover.restore, message->text);
                break;
        case SQI_MSG_MOVE:
                task->handover.moving = task->quitting = true;
                break;
        case SQI_MSG_LOG_LEVEL:
                take_log_level(task, message);
                break;
        case SQI_MSG_DRAIN:
                task->draining = true;
                if (task->spout.ledger)
                        sqi_ledger_hurry(task->spout.ledger, sqi_task_clock(task));
                break;
        case SQI_MSG_PROBE:
                if (task->component->cycle && task->phase == SQI_RUNNING)
                        sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_PROBED,
                                                                    .task = task->id,
                                                                    .number = message->number,
                                                                    .a = task->intake.received,
                                                                    .b = task->collector.sent_to_cycle});
                break;
        case SQI_MSG_RELEASE:
                if (message->number == task->component->cycle)
                        task->released = true;
                break;
        case SQI_MSG_PEER_LOST:
                take_lost(task, message);
                break;
        case SQI_MSG_PEER_READY:
                sqi_collector_end_again(&task->collector, message->task);
                break;
        case SQI_MSG_QUIT:
                task->quitting = true;
                break;
        default:
                break;
        }
}

bool
sqi_task_serve(struct sq_task *task)
{
        struct sqi_message order;
        zmq_msg_t message;
        bool got = false;

        if (task->door)
                return false;
        task->reported = false;
        zmq_msg_init(&message);
        while (sqi_socket_receive(task->control, &message) == 0) {
                got = true;
                if (sqi_message_decode(zmq_msg_data(&message), zmq_msg_size(&message), &order, NULL) == 0)
                        sqi_task_obey(task, &order);
        }
        zmq_msg_close(&message);
        return got;
}

/* ---- flushing ---------------------------------------------------------------------------------------- */

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

/* At least once the spouts replay what was executed since the last flush, and the bolt itself what belongs to no tree.
 * At most once it is lost. */
static void
answer_for_flush(struct sq_task *task)
{
        if (task->failed < 0)
                return;
        if (task->tracking) {
                task->bolt.flush_failed = task->bolt.in_execute;
                sqi_acker_fail(&task->acker);
                sqi_loose_flushed(task, false);
                sqi_task_log_seldom(task, "failed what it executed since the last flush", task->error);
        } else
                sqi_task_lose(task, task->metrics->executed - task->bolt.flushed, task->error);
}

/* False: it failed. */
static bool
flush_component(struct sq_task *task)
{
        if (!task->instance.code->bolt || !task->instance.code->bolt->flush || !task->bolt.dirty)
                return true;
        task->bolt.dirty = false;
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
        flush_component(task);
        sqi_acker_push(&task->acker);
}

void
sqi_task_flush(struct sq_task *task)
{
        flush_component(task);
        if (task->instance.nkept && task->tracking && task->now_ns >= task->bolt.next_kept_check_ns)
                sqi_kept_check(task);
        sqi_collector_flush(&task->collector);
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
 * it has, but not one tuple after the other: what follows within BREATH waits for company. A stream of tuples further
 * apart than that never waits.
 */
uint64_t
sqi_task_breath_ends(const struct sq_task *task)
{
        static const uint64_t BREATH_NS = 50000;
        uint64_t end = task->flushed_ns + BREATH_NS;

        if (task->door)
                return 0;
        return end < task->next_flush_ns ? end : task->next_flush_ns;
}

uint64_t
sqi_task_flush_idle(struct sq_task *task)
{
        bool something = has_something_to_flush(task);

        if (something && task->now_ns < sqi_task_breath_ends(task))
                return sqi_task_breath_ends(task);
        if (something)
                task->flushed_ns = task->now_ns;
        sqi_task_flush(task);
        return UINT64_MAX;
}

int
sqi_task_try(struct sq_task *task, int (*callback)(struct sq_task *), uint64_t *ret_dropped)
{
        task->misused = task->bolt.later = false;
        task->refused = 0;
        task->bolt.dirty = true; /* it may ack what it kept */
        sqi_collector_begin(&task->collector, NULL, 0);
        if (callback(task) < 0 || task->failed < 0) {
                *ret_dropped = task->collector.emitted;
                sqi_collector_rollback(&task->collector);
                task->collector.anchors_open = false;
                return -1;
        }
        if (task->collector.anchors_open)
                sqi_anchors_commit(task, 0, 0);
        sqi_collector_commit(&task->collector);
        if (task->refused) {
                sqi_task_lose(task, task->refused, task->cause);
                task->refused = 0;
        }
        if (task->collector.pressed)
                sqi_task_unblock(task);
        return 0;
}

void
sqi_task_call(struct sq_task *task, int (*callback)(struct sq_task *))
{
        uint64_t dropped;

        if (sqi_task_try(task, callback, &dropped) < 0)
                sqi_task_fail(task, -EIO, "%s", task->error[0] ? task->error : "a callback failed without sq_error()");
}

void
sqi_task_end(struct sq_task *task)
{
        if (!flush_component(task) && task->tracking)
                sqi_task_lose(task, 1, task->error);
        sqi_task_flush(task);
        if (task->failed < 0)
                return;
        task->collector.source.handover = task->handover.begun;
        sqi_collector_end(&task->collector);
        while (!sqi_collector_flush(&task->collector) && !task->quitting && task->failed == 0) {
                sqi_task_wait(task, false, UINT64_MAX);
                sqi_spout_take_acks(task);
        }
        task->phase = SQI_ENDED;
        task->collector.open = false;
        sqi_task_report_metrics(task);
        sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_FINISHED, .task = task->id});
}

/* ---- opening and closing ----------------------------------------------------------------------------- */

int
sqi_task_bind(const struct sq_task *task, void *socket, enum sqi_endpoint_kind kind)
{
        char endpoint[SQI_ENDPOINT_SIZE];
        int r = 0;

        for (int inproc = 1; inproc >= (task->door ? 1 : 0) && r == 0; inproc--) {
                r = sqi_endpoint(task->rundir, kind, task->id, inproc, endpoint);
                if (r == 0)
                        r = sqi_socket_bind(socket, endpoint);
        }
        return r;
}

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

/* Loads the component and fills its state with its settings. */
static int
load(struct sq_task *task)
{
        char cause[256] = "";
        size_t bad;

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
        r = task->instance.prepared ? 0 : load(task);
        if (r < 0)
                return r;
        task->tracking = config->delivery == SQI_AT_LEAST_ONCE;
        task->metered = config->metrics == SQI_METRICS_ON;
        task->bolt.tick_ns = (uint64_t)(task->component->tick_secs * 1e9);
        r = sqi_collector_open(task);
        if (r == 0)
                r = sqi_intake_bind(task);
        if (r == 0)
                sqi_park_end(task);
        if (r == 0 && task->instance.code->spout)
                r = sqi_spout_open(task);
        if (r == 0 && task->instance.code->bolt && task->tracking)
                r = bind_acker(task);
        if (r == 0 && task->instance.code->bolt && !task->door)
                sqi_record_open(task);
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
        int r;

        if (code->spout)
                callback = code->spout->prepare;
        task->now_ns = sqi_task_clock(task);
        if (callback && callback(task) < 0)
                return sqi_task_fail(task, -EIO, "%s",
                                     task->error[0] ? task->error : "prepare failed without sq_error()");
        task->instance.prepared = true;
        r = code->bolt && code->bolt->movable && !task->door ? sqi_snapshot_restore(task) : 0;
        if (r < 0)
                return r;
        if (code->spout && code->spout->seek && task->spout.resume.known &&
            code->spout->seek(task, task->spout.resume.number) < 0)
                return sqi_task_fail(task, -EIO, "%s", task->error[0] ? task->error : "seek failed without sq_error()");
        return 0;
}

int
sqi_task_connect(struct sq_task *task)
{
        if (connect_channels(task) < 0)
                return -1;
        return task->instance.prepared ? 0 : prepare(task);
}

void
sqi_task_close(struct sq_task *task)
{
        const struct sqi_component *code = task->instance.code;

        if (task->instance.prepared && code->bolt && code->bolt->cleanup)
                code->bolt->cleanup(task);
        if (task->instance.prepared && code->spout && code->spout->cleanup)
                code->spout->cleanup(task);
        sqi_bolt_close(task);
        sqi_record_close(task);
        sqi_kept_release(task);
        sqi_loose_free(&task->bolt.loose);
        sqi_acker_close(&task->acker);
        sqi_collector_close(&task->collector);
        sqi_intake_close(task);
        sqi_spout_close(task);
        sqi_keyed_free(&task->instance.keyed);
        sqi_settings_release(&task->instance.settings);
        free(task->instance.state);
        free(task->bolt.key);
        free(task->fds);
        sqi_socket_close(&task->control);
        sqi_component_close(&task->instance.code);
}

/* Waits, serving orders, until `*flag` is set or the task is to end. */
static bool
await(struct sq_task *task, const bool *flag)
{
        while (!*flag && !task->quitting && task->failed == 0) {
                sqi_collector_subscribed(&task->collector);
                sqi_task_wait(task, false, UINT64_MAX);
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
        if (task->instance.code->spout)
                activate(task, !task->start_inactive);
}

void
sqi_task_turn(struct sq_task *task)
{
        sqi_count(&task->metrics->loops, 1);
        if (task->now_ns >= task->look_ns) {
                sqi_task_serve(task);
                task->look_ns = task->now_ns + SQI_ORDERS_NS;
        }
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
        if (!await(task, &task->may_start))
                return;
        sqi_task_start(task);
        while (task->phase == SQI_RUNNING && !task->quitting && task->failed == 0)
                sqi_task_turn(task);
        while (!task->quitting && task->failed == 0) {
                sqi_collector_flush(&task->collector);
                sqi_task_wait(task, false, UINT64_MAX);
                sqi_spout_take_acks(task);
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
        if (task->failed < 0)
                sqi_task_report(task, &(struct sqi_message){
                                              .type = SQI_MSG_ERROR,
                                              .task = task->id,
                                              .number = task->final,
                                              .text = {task->error, strlen(task->error)},
                                      });
        if (task->handover.moving && task->handover.fate == SQI_FATE_STAYS && task->phase == SQI_ENDED &&
            !task->finished && task->failed == 0)
                sqi_task_park(task);
        else
                sqi_task_close(task);
        sqi_crash_thread_end(stack);
        return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a task, in its own thread: bind, wait for CONNECT, connect and prepare, wait for START, turn by turn until the end, and then stay until
 * QUIT (a restarted neighbour may ask for the end-of-stream marks again).
 */
#include "worker/task.h"

#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "channel/endpoint.h"
#include "channel/socket.h"

/* Between two signs of life, whatever else there is to wait for. */
static const uint64_t PULSE_NS = 250000000, ACK_RETRY_NS = 2000000, FAIL_LOG_NS = 1000000000;

/* ---- reports, logs, errors ---------------------------------------------------------------------------------------------- */

void
sqi_task_report(struct sq_task *task, const struct sqi_message *message)
{
        void *bytes;
        size_t size;
        struct sqi_message whole = *message;

        if (task->door) {
                task->door->report(task->door->context, task, message);
                return;
        }
        whole.worker = task->plan->tasks[task->id].worker;
        whole.incarnation = task->incarnation;
        if (sqi_message_encode(&whole, &bytes, &size) < 0)
                return;
        zmq_send(task->control, bytes, size, 0);
        free(bytes);
}

static void
write_log(struct sq_task *task, enum sq_level level, const char *format, va_list arguments) SQ_PRINTF(3, 0);

/* One write, so that lines of several tasks do not mix. */
static void
write_log(struct sq_task *task, enum sq_level level, const char *format, va_list arguments)
{
        static const char *const names[] = {"error", "warning", "info", "debug"};
        char line[2048], name[128];
        int head = 0, body;

        if (task->door) {
                vsnprintf(line, sizeof(line), format, arguments);
                task->door->log(task->door->context, task, level, line);
                return;
        }
        sqi_task_name(task->plan, task->id, name, sizeof(name));
        if (task->packed)
                head = snprintf(line, sizeof(line), "%s: %s: ", name, names[level]);
        else
                head = snprintf(line, sizeof(line), "%s: ", names[level]);
        body = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, format, arguments);
        size_t len = (size_t)head + (body < 0 ? 0 : (size_t)body);
        if (len > sizeof(line) - 2)
                len = sizeof(line) - 2;
        line[len++] = '\n';
        if (write(STDERR_FILENO, line, len) < 0)
                return; /* nobody listens; there is nobody to tell */
}

void
sq_log(struct sq_task *task, enum sq_level level, const char *format, ...)
{
        va_list arguments;

        if (level > SQ_INFO && !task->door)
                return;
        va_start(arguments, format);
        write_log(task, level, format, arguments);
        va_end(arguments);
}

/* At most one line a second: a bolt may fail a million tuples a second for one cause. */
static void
log_seldom(struct sq_task *task, const char *what, const char *text)
{
        uint64_t now_ns = sqi_clock_ns();

        if (!task->door && task->fail_logged_ns && now_ns < task->fail_logged_ns + FAIL_LOG_NS) {
                task->fails_unlogged++;
                return;
        }
        if (task->fails_unlogged)
                sq_log(task, SQ_WARN, "%s: %s (and %zu more like it in the last second)", what, text, (size_t)task->fails_unlogged);
        else
                sq_log(task, SQ_WARN, "%s: %s", what, text);
        task->fail_logged_ns = now_ns;
        task->fails_unlogged = 0;
}

enum sq_verdict
sq_fail(struct sq_task *task, const char *format, ...)
{
        char text[512];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        log_seldom(task, "failed a tuple", text);
        return SQ_FAIL;
}

void
sqi_task_misuse(struct sq_task *task, const char *format, ...)
{
        char text[1024];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        task->misused = true;
        sqi_count(&task->metrics->misused, 1);
        log_seldom(task, "misuse of squall.h", text);
}

int
sq_error(struct sq_task *task, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(task->error, sizeof(task->error), format, arguments);
        va_end(arguments);
        return -1;
}

int
sqi_task_fail(struct sq_task *task, int error, const char *format, ...)
{
        char text[sizeof(task->error)];
        va_list arguments;

        if (task->failed == 0) {
                va_start(arguments, format);
                vsnprintf(text, sizeof(text), format, arguments);
                va_end(arguments);
                memcpy(task->error, text, sizeof(text));
                task->failed = error;
        }
        return -1;
}

/* ---- orders ------------------------------------------------------------------------------------------------------------- */

static void
take_lost(struct sq_task *task, const struct sqi_message *message)
{
        if (message->task >= task->plan->ntasks)
                return;
        task->intake.fence[message->task] = (uint32_t)message->number;
        if (task->ledger)
                sqi_ledger_lose(task->ledger, sqi_task_clock(task));
}

static void
activate(struct sq_task *task, bool active)
{
        const struct sq_spout *spout = task->code ? task->code->spout : NULL;

        if (task->active == active || !spout)
                return;
        task->active = active;
        if (active && spout->activate)
                spout->activate(task);
        if (!active && spout->deactivate)
                spout->deactivate(task);
}

void
sqi_task_obey(struct sq_task *task, const struct sqi_message *message)
{
        switch (message->type) {
        case SQI_MSG_POSITION:
                if (message->task == task->id)
                        task->resume = message->number;
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
        case SQI_MSG_DRAIN:
                task->draining = true;
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
        zmq_msg_init(&message);
        while (sqi_socket_receive(task->control, &message) == 0) {
                got = true;
                if (sqi_message_decode(zmq_msg_data(&message), zmq_msg_size(&message), &order, NULL) == 0)
                        sqi_task_obey(task, &order);
        }
        zmq_msg_close(&message);
        return got;
}

/* ---- waiting ------------------------------------------------------------------------------------------------------------ */

enum { WAIT_FIXED = 6 };

struct waiting {
        struct pollfd *fds;
        nfds_t n;
        bool ready;
};

/*
 * A ZeroMQ socket's descriptor is edge-triggered: it tells of news, not of state. So the state is asked for first (which also takes in
 * the news), and only if there is none is the descriptor worth waiting on. zmq_poll() does the same, but knows only milliseconds.
 */
static void
wait_for(struct waiting *waiting, void *socket, int events)
{
        int state = 0, fd = -1;
        size_t size = sizeof(int);

        if (!socket || waiting->ready)
                return;
        if (zmq_getsockopt(socket, ZMQ_EVENTS, &state, &size) == 0 && (state & events)) {
                waiting->ready = true;
                return;
        }
        size = sizeof(int);
        if (zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0)
                waiting->fds[waiting->n++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void
wait_for_outlets(struct sq_task *task, struct waiting *waiting)
{
        struct sqi_collector *collector = &task->collector;
        bool broadcast = false;

        for (uint32_t i = 0; i < collector->noutlets; i++) {
                struct sqi_outlet *outlet = &collector->outlets[i];
                if (outlet->stuck && !outlet->broadcast)
                        wait_for(waiting, outlet->socket, ZMQ_POLLOUT);
                broadcast |= outlet->stuck && outlet->broadcast;
        }
        if (broadcast) /* an XPUB always says that it is writable; its news are what to wait for */
                wait_for(waiting, collector->broadcast, ZMQ_POLLIN);
}

static void
sleep_until(struct waiting *waiting, uint64_t until_ns)
{
        uint64_t now_ns = sqi_clock_ns(), left = until_ns > now_ns ? until_ns - now_ns : 0;
        struct timespec timeout = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};

        if (!waiting->ready && left)
                ppoll(waiting->fds, waiting->n, &timeout, NULL);
}

void
sqi_task_wait(struct sq_task *task, bool intake, uint64_t until_ns)
{
        struct waiting waiting = {.fds = task->fds};
        uint64_t now_ns = sqi_task_clock(task), latest = now_ns + (task->acker.gathered ? ACK_RETRY_NS : PULSE_NS);

        task->now_ns = now_ns;
        if (task->door)
                return;
        wait_for(&waiting, task->control, ZMQ_POLLIN);
        if (intake) {
                bool feedback_only = sqi_collector_has_feedback(&task->collector);
                wait_for(&waiting, task->intake.feedback, ZMQ_POLLIN);
                wait_for(&waiting, feedback_only ? NULL : task->intake.inbox, ZMQ_POLLIN);
                wait_for(&waiting, feedback_only ? NULL : task->intake.broadcasts, ZMQ_POLLIN);
        }
        wait_for(&waiting, task->ack_inbox, ZMQ_POLLIN);
        wait_for_outlets(task, &waiting);
        if (task->wake_fd >= 0)
                waiting.fds[waiting.n++] = (struct pollfd){.fd = task->wake_fd, .events = POLLIN};
        sleep_until(&waiting, until_ns < latest ? until_ns : latest);
        sqi_task_serve(task);
        task->now_ns = sqi_clock_ns();
        sqi_count(&task->metrics->loops, 1);
}

void
sqi_task_unblock(struct sq_task *task)
{
        uint64_t begin = 0;

        while (!task->quitting && task->failed == 0) {
                sqi_collector_subscribed(&task->collector);
                if (sqi_collector_relieve(&task->collector))
                        break;
                if (!begin)
                        begin = sqi_clock_ns();
                sqi_acker_push(&task->acker);
                sqi_task_wait(task, false, UINT64_MAX);
                sqi_spout_take_acks(task);
        }
        if (begin)
                sqi_count(&task->metrics->blocked_ns, sqi_clock_ns() - begin);
}

/* ---- flushing ----------------------------------------------------------------------------------------------------------- */

/* A bolt's own flush stands before its acks: they vouch for what it made durable. */
static void
flush_component(struct sq_task *task)
{
        int (*flush)(struct sq_task *) = task->code->bolt ? task->code->bolt->flush : NULL;

        if (!flush || !task->dirty)
                return;
        task->dirty = false;
        if (flush(task) == 0)
                return;
        if (task->tracking) {
                sqi_acker_fail(&task->acker);
                log_seldom(task, "failed what it executed since the last flush", task->error);
        } else
                sqi_task_fail(task, -EIO, "%s", task->error);
}

void
sqi_task_flush(struct sq_task *task)
{
        flush_component(task);
        sqi_collector_subscribed(&task->collector);
        sqi_collector_flush(&task->collector);
        sqi_acker_push(&task->acker);
        task->next_flush_ns = task->now_ns + (uint64_t)(task->plan->config.flush_ms * 1e6);
}

void
sqi_task_call(struct sq_task *task, int (*callback)(struct sq_task *))
{
        task->misused = false;
        sqi_collector_begin(&task->collector, NULL, 0);
        if (callback(task) < 0)
                sqi_task_fail(task, -EIO, "%s", task->error[0] ? task->error : "a callback failed without sq_error()");
        if (task->collector.anchors_open)
                sqi_anchors_commit(task, 0, 0);
        sqi_collector_commit(&task->collector);
        if (task->collector.pressed)
                sqi_task_unblock(task);
}

void
sqi_task_end(struct sq_task *task)
{
        sqi_task_flush(task);
        if (task->failed < 0)
                return;
        sqi_collector_end(&task->collector);
        while (!sqi_collector_flush(&task->collector) && !task->quitting && task->failed == 0) {
                sqi_task_wait(task, false, UINT64_MAX);
                sqi_spout_take_acks(task);
                sqi_collector_subscribed(&task->collector);
        }
        task->phase = SQI_ENDED;
        task->collector.open = false;
        sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_METRICS, .task = task->id, .metrics = task->metrics});
        sqi_task_report(task, &(struct sqi_message){.type = SQI_MSG_FINISHED, .task = task->id});
}

/* ---- opening and closing ------------------------------------------------------------------------------------------------ */

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
                int r = sqi_endpoint(task->rundir, SQI_ACKS, spout->task, tasks[spout->task].worker == tasks[task->id].worker, endpoint);
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
        struct sqi_component *code;
        char cause[256] = "";
        size_t bad;

        if (sqi_component_load(task->component->path, &code, cause, sizeof(cause)) < 0)
                return sqi_task_fail(task, -ENOEXEC, "%s", cause);
        task->code = code;
        if (code->kind != task->component->kind)
                return sqi_task_fail(task, -ENOEXEC, "%s is no %s any more", task->component->path, code->bolt ? "spout" : "bolt");
        task->state = calloc(1, sqi_component_state_size(code) + 1);
        if (!task->state)
                return sqi_task_fail(task, -ENOMEM, "out of memory for the state");
        if (sqi_settings_fill(sqi_component_options(code), task->component->settings, task->component->nsettings, task->state, &task->settings,
                              &bad, cause, sizeof(cause)) < 0)
                return sqi_task_fail(task, -EINVAL, "settings: %s", cause);
        return 0;
}

int
sqi_task_open(struct sq_task *task)
{
        const struct sqi_config *config = &task->plan->config;
        int r;

        task->resume = UINT64_MAX;
        task->wake_fd = -1;
        r = load(task);
        if (r < 0)
                return r;
        task->tracking = config->delivery == SQI_AT_LEAST_ONCE;
        task->tick_ns = (uint64_t)(task->component->tick_secs * 1e9);
        r = sqi_collector_open(task);
        if (r == 0)
                r = sqi_intake_bind(task);
        if (r == 0 && task->code->spout)
                r = sqi_spout_open(task);
        if (r == 0 && task->code->bolt && task->tracking)
                r = bind_acker(task);
        /* control, three inboxes, acks, the spout's own descriptor, and every outlet */
        task->fds = calloc(task->collector.noutlets + WAIT_FIXED, sizeof(*task->fds));
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
        return r < 0 ? sqi_task_fail(task, r, "cannot connect its channels in %s: %s", task->rundir, zmq_strerror(-r)) : 0;
}

static int
prepare(struct sq_task *task)
{
        const struct sqi_component *code = task->code;
        int (*callback)(struct sq_task *) = code->bolt ? code->bolt->prepare : code->spout->prepare;

        task->now_ns = sqi_task_clock(task);
        if (callback && callback(task) < 0)
                return sqi_task_fail(task, -EIO, "%s", task->error[0] ? task->error : "prepare failed without sq_error()");
        task->prepared = true;
        if (code->spout && code->spout->seek && task->resume != UINT64_MAX && code->spout->seek(task, task->resume) < 0)
                return sqi_task_fail(task, -EIO, "%s", task->error[0] ? task->error : "seek failed without sq_error()");
        return 0;
}

int
sqi_task_connect(struct sq_task *task)
{
        return connect_channels(task) < 0 ? -1 : prepare(task);
}

void
sqi_task_close(struct sq_task *task)
{
        const struct sqi_component *code = task->code;

        if (task->prepared && code->bolt && code->bolt->cleanup)
                code->bolt->cleanup(task);
        if (task->prepared && code->spout && code->spout->cleanup)
                code->spout->cleanup(task);
        sqi_kept_release(task);
        sqi_acker_close(&task->acker);
        sqi_collector_close(&task->collector);
        sqi_intake_close(task);
        sqi_spout_close(task);
        sqi_keyed_free(&task->keyed);
        sqi_settings_release(&task->settings);
        free(task->state);
        free(task->key);
        free(task->fds);
        sqi_socket_close(&task->control);
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

static bool
await_subscribers(struct sq_task *task)
{
        while (!sqi_collector_subscribed(&task->collector) && !task->quitting) {
                struct waiting waiting = {.fds = task->fds};
                wait_for(&waiting, task->control, ZMQ_POLLIN);
                wait_for(&waiting, task->collector.broadcast, ZMQ_POLLIN);
                sleep_until(&waiting, sqi_clock_ns() + PULSE_NS);
                sqi_task_serve(task);
                sqi_count(&task->metrics->loops, 1);
        }
        return !task->quitting;
}

void
sqi_task_start(struct sq_task *task)
{
        task->phase = SQI_RUNNING;
        task->collector.open = true;
        task->now_ns = sqi_task_clock(task);
        task->next_tick_ns = task->now_ns + task->tick_ns;
        if (task->code->spout)
                activate(task, !task->start_inactive);
}

void
sqi_task_turn(struct sq_task *task)
{
        sqi_count(&task->metrics->loops, 1);
        sqi_task_serve(task);
        if (task->code->spout)
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
        if (!await(task, &task->may_connect) || sqi_task_connect(task) < 0 || !await_subscribers(task))
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
_Static_assert(offsetof(struct sq_task, state) == 0, "the state block stands first");

void *
sqi_task_main(void *argument)
{
        struct sq_task *task = argument;
        char name[128];

        /* cut to 15 bytes by the kernel: what top -H and perf show */
        prctl(PR_SET_NAME, sqi_task_name(task->plan, task->id, name, sizeof(name)), 0ul, 0ul, 0ul);
        prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul, 0ul);
        run(task);
        if (task->failed < 0)
                sqi_task_report(task, &(struct sqi_message){
                                              .type = SQI_MSG_ERROR,
                                              .task = task->id,
                                              .text = {task->error, strlen(task->error)},
                                      });
        sqi_task_close(task);
        return NULL;
}

/* ---- what a component asks of its task ---------------------------------------------------------------------------------- */

const char *
sq_topology(const struct sq_task *task)
{
        return task->plan->name;
}

const char *
sq_component(const struct sq_task *task)
{
        return task->component->id;
}

unsigned
sq_index(const struct sq_task *task)
{
        return task->plan->tasks[task->id].index;
}

unsigned
sq_parallelism(const struct sq_task *task)
{
        return task->component->ntasks;
}

unsigned
sq_incarnation(const struct sq_task *task)
{
        return task->incarnation;
}

uint64_t
sq_now(const struct sq_task *task)
{
        return sqi_task_clock(task);
}

struct sq_time
sq_wall(const struct sq_task *task)
{
        struct timespec now;

        if (task->door)
                return task->door->wall(task->door->context);
        clock_gettime(CLOCK_REALTIME, &now);
        return (struct sq_time){now.tv_sec, (uint32_t)now.tv_nsec};
}

/* ---- keyed state -------------------------------------------------------------------------------------------------------- */

static struct sqi_keyed *
keyed_of(struct sq_task *task)
{
        if (!task->keyed)
                task->keyed = sqi_keyed_new(task->code->bolt ? task->code->bolt->key_state : task->code->spout->key_state);
        return task->keyed;
}

/* What the first key of the tuple under way is made of. */
static void
learn_key(struct sq_task *task, struct sq_str key)
{
        const struct sqi_slice *slice;
        const uint8_t *at = (const uint8_t *)key.ptr;

        task->key_shape = SQI_KEY_OTHER;
        if (!task->in_execute)
                return;
        slice = &task->tuple->slice;
        if (at < slice->at || at > slice->at + slice->offsets[slice->n])
                return;
        for (unsigned f = 0; f < slice->n; f++) {
                uint32_t begin = (uint32_t)(at - slice->at);
                if (begin == slice->offsets[f] && f == task->tuple->input->places[0])
                        task->key_shape = SQI_KEY_PACKED;
                if (begin <= slice->offsets[f] || begin >= slice->offsets[f + 1])
                        continue;
                task->key_shape = SQI_KEY_FIELD;
                task->key_field = f;
        }
}

/* Never NULL by contract. A task without memory cannot go on; its worker is restarted and its tuples are replayed. */
static __attribute__((noinline)) void *
look_up(struct sq_task *task, struct sq_str key)
{
        struct sqi_keyed *keyed = keyed_of(task);
        void *state = keyed ? sqi_keyed_get(keyed, key) : NULL;

        if (task->key_shape == SQI_KEY_UNKNOWN)
                learn_key(task, key);
        if (!state) {
                sq_log(task, SQ_ERROR, "out of memory for keyed state");
                abort();
        }
        return state;
}

void *
sq_keyed(struct sq_task *task, struct sq_str key)
{
        const struct sqi_key *guess = task->guess;

        if (guess && key.ptr == guess->bytes.ptr && key.len == guess->bytes.len) {
                void *state = sqi_keyed_find_prepared(task->keyed, guess);
                if (state)
                        return state;
        }
        return look_up(task, key);
}

void
sq_keyed_forget(struct sq_task *task, struct sq_str key)
{
        if (task->keyed)
                sqi_keyed_forget(task->keyed, key);
}

size_t
sq_keyed_count(const struct sq_task *task)
{
        return task->keyed ? sqi_keyed_count(task->keyed) : 0;
}

void
sq_keyed_each(struct sq_task *task, sq_visit *visit, void *context)
{
        size_t cursor = 0;
        struct sq_str key;
        void *state;

        while (task->keyed && sqi_keyed_step(task->keyed, &cursor, &key, &state))
                if (!visit(task, key, state, context))
                        return;
}

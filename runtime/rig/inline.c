/* SPDX-License-Identifier: Apache-2.0 */
#include "rig/inline.h"
#include "base/real_time.h"
#include "rig/views.h"

#include <stdio.h>
#include <unistd.h>

#include "task/crash.h"
#include "task/driver.h"
#include "task/task.h"

static const long NAP_NS = 1000000;

/* What the tasks of a component have agreed on; `bytes` NULL: nothing yet. */
struct agreed {
        void *bytes;
        size_t len;
};

struct sqi_inline {
        struct sqi_plan *plan;
        void *context;
        struct sqi_driver driver;
        struct sq_task *tasks;
        struct sqi_metrics **metrics;
        struct sqi_views **views; /* by task */
        struct agreed *agreed;    /* by component */
};

/* ---- the driver ---------------------------------------------------------------------------------------- */

static void
log_line(void *context, struct sq_task *task, enum sq_level level, const char *text)
{
        static const char *const names[] = {"error", "warning", "info", "debug"};
        const struct sqi_inline *self = context;
        char name[128], line[2400];

        if (level > SQ_INFO)
                return;
        int n = snprintf(line, sizeof(line), "%s: %s: %s\n", sqi_task_name(self->plan, task->id, name, sizeof(name)),
                         names[level], text);
        if (write(STDERR_FILENO, line, (size_t)n) < 0)
                return;
}

static void
take_report(void *context, struct sq_task *task, const struct sqi_message *message)
{
        (void)context;
        (void)task;
        (void)message;
}

static enum sq_verdict
execute(void *context, struct sq_task *task, const struct sq_tuple *in)
{
        const struct sqi_inline *self = context;

        return sqi_views_execute(self->views[task->id], task, in);
}

static bool
is_stale(void *context, const struct sq_task *task, const void *at, char *what, size_t size)
{
        const struct sqi_inline *self = context;

        return sqi_views_stale(self->views[task->id], at, what, size);
}

static bool
fault(void *context, struct sq_task *task, const void *at)
{
        const struct sqi_inline *self = context;

        return sqi_views_fault(self->views[task->id], at);
}

static int
agree(void *context, const struct sq_task *task, void *bytes, size_t len)
{
        const struct sqi_inline *self = context;
        struct agreed *agreed = &self->agreed[task->component - self->plan->components];

        if (agreed->bytes) {
                if (agreed->len != len)
                        return -EBADMSG;
                memcpy(bytes, agreed->bytes, len);
                return 0;
        }
        *agreed = (struct agreed){malloc(len + 1), len};
        if (!agreed->bytes)
                return -ENOMEM;
        memcpy(agreed->bytes, bytes, len);
        return 0;
}

/* ---- open and close ---------------------------------------------------------------------------------- */

struct sqi_inline *
sqi_inline_new(struct sqi_plan *plan)
{
        struct sqi_inline *self = calloc(1, sizeof(*self));

        if (!self)
                return NULL;
        self->plan = plan;
        self->driver = (struct sqi_driver){.context = self,
                                           .now = sqi_real_now,
                                           .wall = sqi_real_wall,
                                           .log = log_line,
                                           .whole_batches = true,
                                           .execute = execute,
                                           .is_stale = is_stale,
                                           .fault = fault,
                                           .report = take_report,
                                           .agree = agree};
        self->tasks = calloc(plan->ntasks, sizeof(*self->tasks));
        self->metrics = calloc(plan->ntasks, sizeof(struct sqi_metrics *));
        self->views = calloc(plan->ntasks, sizeof(struct sqi_views *));
        self->agreed = calloc(plan->ncomponents, sizeof(*self->agreed));
        self->context = zmq_ctx_new();
        for (uint32_t t = 0; self->tasks && self->metrics && self->views && t < plan->ntasks; t++) {
                struct sq_task *task = &self->tasks[t];
                plan->tasks[t].worker = 0;
                task->plan = plan;
                task->id = t;
                task->component = &plan->components[plan->tasks[t].component];
                task->rundir = "";
                task->context = self->context;
                task->driver = &self->driver;
                task->metrics = self->metrics[t] = calloc(1, sizeof(*task->metrics));
                self->views[t] = sqi_views_new();
                if (!task->metrics)
                        break;
        }
        plan->nworkers = 1;
        plan->config.channel_batches = 0; /* without bound: whoever would make room is not running meanwhile */
        if (!self->metrics || !self->views || !self->agreed || !self->context || !self->metrics[plan->ntasks - 1])
                sqi_inline_free(&self);
        else {
                zmq_ctx_set(self->context, ZMQ_IO_THREADS, 0);
                zmq_ctx_set(self->context, ZMQ_MAX_SOCKETS, zmq_ctx_get(self->context, ZMQ_SOCKET_LIMIT));
        }
        return self;
}

void
sqi_inline_free(struct sqi_inline **self)
{
        struct sqi_inline *it = *self;

        if (!it)
                return;
        for (uint32_t t = 0; it->tasks && it->metrics && it->views && t < it->plan->ntasks; t++) {
                sqi_task_close(&it->tasks[t]);
                free(it->metrics[t]);
                sqi_views_free(&it->views[t]);
        }
        for (uint32_t c = 0; it->agreed && c < it->plan->ncomponents; c++)
                free(it->agreed[c].bytes);
        if (it->context)
                zmq_ctx_term(it->context);
        free(it->tasks);
        free(it->metrics);
        free(it->views);
        free(it->agreed);
        free(it);
        *self = NULL;
}

/* ---- the run ----------------------------------------------------------------------------------------- */

static int
fail(const struct sqi_inline *self, const struct sq_task *task, char *error, size_t size)
{
        char name[128];

        snprintf(error, size, "%s: %s", sqi_task_name(self->plan, task->id, name, sizeof(name)), task->error);
        return -1;
}

static int
start(struct sqi_inline *self, char *error, size_t size)
{
        uint32_t n = self->plan->ntasks;

        for (uint32_t t = 0; t < n; t++)
                if (sqi_task_open(&self->tasks[t]) < 0)
                        return fail(self, &self->tasks[t], error, size);
        for (uint32_t t = 0; t < n; t++)
                if (sqi_task_connect(&self->tasks[t]) < 0)
                        return fail(self, &self->tasks[t], error, size);
        for (uint32_t t = 0; t < n; t++) {
                for (uint32_t s = 0; s < self->tasks[t].collector.nstreams; s++)
                        self->tasks[t].collector.streams[s].quick = NULL; /* the long way looks at views */
                sqi_task_start(&self->tasks[t]);
        }
        return 0;
}

/* Grows with every batch, ack, tuple and end. */
static uint64_t
moved(const struct sq_task *task)
{
        const struct sqi_metrics *metrics = task->metrics;

        return metrics->batches_in + metrics->batches_out + metrics->emitted + metrics->acked + metrics->failed +
               metrics->replayed + task->phase;
}

static bool
turn(const struct sqi_inline *self, struct sq_task *task)
{
        uint64_t before = moved(task);

        sqi_crash_blame(task);
        if (task->phase == SQI_RUNNING && task->failed == 0)
                sqi_task_turn(task);
        if (task->phase == SQI_RUNNING && task->failed == 0)
                sqi_task_flush(task); /* every turn, or the time would decide where batches end */
        sqi_views_report(self->views[task->id], task);
        return moved(task) != before;
}

static void
drain_bolts(struct sqi_inline *self)
{
        bool busy = true;

        while (busy) {
                busy = false;
                for (uint32_t t = 0; t < self->plan->ntasks; t++)
                        while (self->tasks[t].instance.code->bolt && turn(self, &self->tasks[t]))
                                busy = true;
        }
}

/* Nothing moves: cycles whose inputs have all ended are quiet, and may end. */
static bool
release_cycles(struct sqi_inline *self)
{
        bool released = false;

        for (uint32_t t = 0; t < self->plan->ntasks; t++)
                if (self->tasks[t].component->cycle && !self->tasks[t].settled)
                        return false;
        for (uint32_t t = 0; t < self->plan->ntasks; t++) {
                if (!self->tasks[t].component->cycle || self->tasks[t].released)
                        continue;
                self->tasks[t].released = released = true;
        }
        return released;
}

static const struct sq_task *
find(const struct sqi_inline *self, bool failed)
{
        for (uint32_t t = 0; t < self->plan->ntasks; t++)
                if (failed ? self->tasks[t].failed < 0 : self->tasks[t].phase == SQI_RUNNING)
                        return &self->tasks[t];
        return NULL;
}

static bool
round_of_all(struct sqi_inline *self)
{
        bool busy = false;

        for (uint32_t t = 0; t < self->plan->ntasks; t++)
                if (self->tasks[t].instance.code->spout && turn(self, &self->tasks[t])) {
                        busy = true;
                        drain_bolts(self);
                }
        drain_bolts(self);
        return busy;
}

int
sqi_inline_run(struct sqi_inline *self, const volatile sig_atomic_t *drain, uint64_t end_ns, char *error, size_t size)
{
        const struct timespec nap = {0, NAP_NS};
        sqi_crash_install();
        int r = start(self, error, size);

        while (r == 0 && find(self, false)) {
                bool busy = round_of_all(self);
                const struct sq_task *failed = find(self, true);
                if (failed)
                        r = fail(self, failed, error, size);
                for (uint32_t t = 0; t < self->plan->ntasks && (*drain || (end_ns && sqi_clock_ns() >= end_ns)); t++)
                        self->tasks[t].draining = true;
                if (r == 0 && !busy && !release_cycles(self) && find(self, false))
                        nanosleep(&nap, NULL);
        }
        return r;
}

struct sqi_metrics **
sqi_inline_metrics(struct sqi_inline *self)
{
        return self->metrics;
}

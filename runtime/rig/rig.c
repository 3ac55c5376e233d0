/* SPDX-License-Identifier: Apache-2.0 */
#include "rig/rig.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/invariant.h"
#include "rig/epochs.h"
#include "squall-test.h"
#include "tuple/unpack.h"
#include "task/crash.h"
#include "task/snapshot.h"

static const uint64_t EPOCH_NS = 1000000000;  /* virtual monotonic time begins at one second, */
static const int64_t EPOCH_WALL = 1704067200; /* the time of day at 2024-01-01 00:00:00 UTC */

/* ---- the driver ---------------------------------------------------------------------------------------- */

static uint64_t
now(void *context)
{
        const struct sq_rig *rig = context;

        return rig->clock_ns;
}

static struct sq_time
wall(void *context)
{
        uint64_t passed = ((const struct sq_rig *)context)->clock_ns - EPOCH_NS;

        return (struct sq_time){EPOCH_WALL + (int64_t)(passed / 1000000000u), (uint32_t)(passed % 1000000000u)};
}

static void
log_line(void *context, struct sq_task *task, enum sq_level level, const char *text)
{
        struct sq_rig *rig = context;
        struct sqi_log_line *logs = reallocarray(rig->logs, rig->nlogs + 1, sizeof(*logs));

        (void)task;
        if (!logs)
                return;
        rig->logs = logs;
        logs[rig->nlogs] = (struct sqi_log_line){level, strdup(text)};
        if (logs[rig->nlogs].text)
                rig->nlogs++;
}

static void
ignore_report(void *context, struct sq_task *task, const struct sqi_message *message)
{
        (void)context;
        (void)task;
        (void)message;
}

static enum sq_verdict
execute(void *context, struct sq_task *task, const struct sq_tuple *in)
{
        const struct sq_rig *rig = context;

        return sqi_views_execute(rig->views, task, in);
}

static bool
is_stale(void *context, const struct sq_task *task, const void *at, char *what, size_t size)
{
        const struct sq_rig *rig = context;

        (void)task;
        return sqi_views_stale(rig->views, at, what, size);
}

static bool
fault(void *context, struct sq_task *task, const void *at)
{
        const struct sq_rig *rig = context;

        (void)task;
        return sqi_views_fault(rig->views, at);
}

/* ---- open and close ---------------------------------------------------------------------------------- */

static int
open_rig(struct sq_rig *rig, uint32_t id)
{
        struct sq_task *task = calloc(1, sizeof(*task));
        int r;

        rig->task = task;
        rig->context = zmq_ctx_new();
        rig->views = sqi_views_new();
        if (!task || !rig->context)
                return -ENOMEM;
        zmq_ctx_set(rig->context, ZMQ_IO_THREADS, 0);
        rig->clock_ns = EPOCH_NS;
        rig->driver = (struct sqi_driver){rig,     now,      wall,  log_line,      false, true, false,
                                          execute, is_stale, fault, ignore_report, NULL,  NULL, true};
        task->plan = rig->plan;
        task->id = id;
        task->component = &rig->plan->components[rig->plan->tasks[id].component];
        task->rundir = "";
        task->context = rig->context;
        task->metrics = &rig->metrics;
        task->driver = &rig->driver;
        r = sqi_neighbours_open(&rig->beside, task);
        if (r < 0)
                return r;
        rig->opened = true;
        sqi_crash_blame(task);
        if (rig->epochs.sealed)
                snprintf(task->handover.restore, sizeof(task->handover.restore), "the rig");
        if (sqi_task_open(task) < 0 || sqi_task_connect(task) < 0)
                return -EINVAL;
        if (rig->plan->config.delivery == SQI_EXACTLY_ONCE && sqi_epochs_begin(rig) < 0)
                return -EINVAL;
        for (uint32_t s = 0; s < task->collector.nstreams; s++)
                task->collector.streams[s].quick = NULL; /* the long way looks at views */
        sqi_task_start(task);
        return 0;
}

int
sqi_rig_open(struct sqi_plan **plan, uint32_t task, const char *epochs, struct sq_rig **ret, char *error, size_t size)
{
        struct sq_rig *rig = calloc(1, sizeof(*rig));
        int r;

        if (!rig)
                return -ENOMEM;
        rig->plan = *plan;
        *plan = NULL;
        sqi_neighbours_simplify(rig->plan, task);
        r = sqi_epochs_open(rig, epochs);
        if (r == 0)
                r = open_rig(rig, task);
        if (r == 0) {
                *ret = rig;
                return 0;
        }
        snprintf(error, size, "%s", rig->task && rig->task->error[0] ? rig->task->error : strerror(-r));
        sq_rig_free(&rig);
        return r;
}

void
sqi_rig_forget(struct sq_rig *rig)
{
        for (size_t i = 0; i < rig->ncaught; i++)
                free(rig->caught[i].bytes);
        for (size_t i = 0; i < rig->nlogs; i++)
                free(rig->logs[i].text);
        rig->ncaught = rig->nlogs = 0;
}

void
sq_rig_free(struct sq_rig **rig)
{
        struct sq_rig *self = *rig;

        if (!self)
                return;
        if (self->opened)
                sqi_task_close(self->task);
        sqi_crash_blame(NULL);
        sqi_rig_forget(self);
        sqi_neighbours_close(&self->beside);
        if (self->context)
                zmq_ctx_term(self->context);
        free(self->task);
        free(self->trees);
        free(self->caught);
        free(self->logs);
        free(self->text);
        sqi_views_free(&self->views);
        sqi_epochs_close(self);
        sqi_plan_free(&self->plan);
        free(self);
        *rig = NULL;
}

/* ---- trees ------------------------------------------------------------------------------------------- */

static struct sqi_tree *
tree_of(struct sq_rig *rig, uint64_t root, bool make)
{
        for (size_t i = rig->ntrees; i-- > 0;)
                if (rig->trees[i].root == root)
                        return &rig->trees[i];
        struct sqi_tree *trees = make ? reallocarray(rig->trees, rig->ntrees + 1, sizeof(*trees)) : NULL;
        if (!trees)
                return NULL;
        rig->trees = trees;
        trees[rig->ntrees] = (struct sqi_tree){.root = root};
        return &trees[rig->ntrees++];
}

static void
take_ack(void *context, const struct sqi_ack *ack)
{
        struct sqi_tree *tree = tree_of(context, ack->root, false);

        if (tree && ack->op == SQI_ACK_XOR)
                tree->value ^= ack->value;
        if (tree && (ack->op == SQI_ACK_FAIL || ack->op == SQI_ACK_LATER))
                tree->state = SQI_TREE_FAILED;
}

/* What a sink gets of a tree it acks at once; of a spout's trees it keeps what its ack would say. */
static void
take_tuple(void *context, uint32_t receiver, const struct sqi_frame *frame, const struct sqi_slice *slice, uint64_t id)
{
        struct sq_rig *rig = context;
        uint64_t root;
        struct sqi_caught *caught = reallocarray(rig->caught, rig->ncaught + 1, sizeof(*caught));
        size_t size = slice->offsets[slice->n];

        for (uint16_t i = 0; i < frame->nroots; i++) {
                memcpy(&root, frame->roots + i * sizeof(root), sizeof(root));
                struct sqi_tree *tree = tree_of(rig, root, rig->task->component->kind == SQ_KIND_SPOUT);
                if (tree)
                        tree->value ^= id;
        }
        if (!caught)
                return;
        rig->caught = caught;
        caught += rig->ncaught;
        *caught = (struct sqi_caught){frame->stream, receiver, malloc(size), size};
        if (!caught->bytes)
                return;
        memcpy(caught->bytes, slice->at, size);
        rig->ncaught++;
}

static void
take_mark(void *context, const struct sqi_header *header)
{
        ((struct sq_rig *)context)->mark = *header;
}

static void
gather(struct sq_rig *rig)
{
        static const struct sqi_neighbours_takers takers = {take_tuple, take_mark, take_ack};

        sqi_neighbours_gather(&rig->beside, &takers, rig);
        for (size_t i = 0; i < rig->ntrees && rig->task->component->kind == SQ_KIND_BOLT; i++)
                if (rig->trees[i].state == SQI_TREE_OPEN && rig->trees[i].value == 0)
                        rig->trees[i].state = SQI_TREE_ACKED;
}

/* ---- what happens to the task ------------------------------------------------------------------------ */

static bool
is_alive(const struct sq_rig *rig)
{
        return rig->task->phase == SQI_RUNNING && rig->task->failed == 0;
}

void
sqi_rig_settle(struct sq_rig *rig)
{
        struct sq_task *task = rig->task;
        uint64_t batches;

        do {
                batches = task->metrics->batches_in;
                if (is_alive(rig))
                        sqi_task_turn(task);
        } while ((task->metrics->batches_in != batches ||
                  ((task->bolt.batch.open || task->intake.backlog.first) && !task->instance.paused)) &&
                 is_alive(rig));
        if (is_alive(rig))
                sqi_task_flush(task);
        sqi_views_report(rig->views, task);
        gather(rig);
}

void
sqi_rig_next(struct sq_rig *rig, uint32_t calls)
{
        rig->task->spout.calls = calls;
        sqi_rig_settle(rig);
        rig->task->spout.calls = 0;
}

void
sqi_rig_tick(struct sq_rig *rig)
{
        struct sq_task *task = rig->task;

        task->now_ns = rig->clock_ns;
        if (task->instance.code->bolt && task->instance.code->bolt->tick && is_alive(rig))
                sqi_task_call(task, task->instance.code->bolt->tick);
        sqi_rig_settle(rig);
}

static uint64_t
next_due(const struct sq_rig *rig, uint64_t until)
{
        const struct sq_task *task = rig->task;
        uint64_t due = task->instance.code->bolt ? sqi_bolt_due(task) : sqi_watermark_due(task);

        if (due < until)
                until = due;
        if (task->spout.ledger && sqi_ledger_next(task->spout.ledger) < until)
                until = sqi_ledger_next(task->spout.ledger);
        return until > rig->clock_ns ? until : rig->clock_ns + 1;
}

void
sqi_rig_advance(struct sq_rig *rig, uint64_t ns)
{
        uint64_t until = rig->clock_ns + ns;

        if (rig->task->instance.code->spout)
                rig->task->spout.calls = 0;
        while (rig->clock_ns < until) {
                rig->clock_ns = next_due(rig, until);
                sqi_rig_settle(rig);
        }
}

/* ---- input ------------------------------------------------------------------------------------------- */

int
sqi_rig_feed_frame(struct sq_rig *rig, const void *bytes, size_t size)
{
        struct sqi_header header;
        void *socket = NULL;

        if (size < sizeof(header))
                return -EBADMSG;
        memcpy(&header, bytes, sizeof(header));
        if (header.task >= rig->plan->ntasks || !(socket = rig->beside.sockets[header.task]))
                return -EBADMSG;
        return sqi_neighbours_send(socket, bytes, size);
}

/* One tuple, one batch, one tree. */
int
sqi_rig_feed(struct sq_rig *rig, const struct sqi_plan_edge *edge, uint32_t source, size_t n,
             const struct sq_value *values)
{
        uint32_t task = rig->plan->components[edge->from].first_task + source;
        uint64_t root = SQI_ROOT(task, rig->beside.fed[task] + 1);
        struct sqi_tree *tree;

        sqi_assert(source < rig->plan->components[edge->from].ntasks);
        tree = tree_of(rig, root, true);
        return tree ? sqi_neighbours_feed(&rig->beside, edge, task, root, n, values, &tree->value) : -ENOMEM;
}

void
sqi_rig_end(struct sq_rig *rig)
{
        const struct sqi_neighbours *beside = &rig->beside;

        if (rig->task->component->cycle) {
                rig->task->released = true;
                rig->task->intake.marks_missing = 0;
        }
        rig->task->draining = true;
        for (uint32_t t = 0; t < rig->plan->ntasks; t++)
                if (beside->sockets[t] && rig->task->instance.code->bolt && t != rig->task->id && beside->acks[t])
                        sqi_neighbours_end(&rig->beside, t);
        sqi_rig_settle(rig);
        sqi_rig_settle(rig);
}

void
sqi_rig_restart(struct sq_rig *rig, uint64_t ns)
{
        struct sq_task *task = rig->task;
        bool hands_on = sqi_component_hands_on(task->instance.code);
        int fd, r;

        sqi_rig_settle(rig);
        fd = memfd_create("snapshot", MFD_CLOEXEC);
        r = fd < 0 ? -errno : 0;
        if (r == 0 && hands_on)
                r = sqi_snapshot_save(task, fd);
        if (r < 0)
                sqi_task_fail(task, r, "cannot write a snapshot: %s", strerror(-r));
        rig->clock_ns += ns;
        if (task->failed == 0 && sqi_task_renew(task) == 0)
                sqi_snapshot_load(task, fd);
        if (fd >= 0)
                close(fd);
        sqi_rig_settle(rig);
}

void
sqi_rig_judge(struct sq_rig *rig, size_t tree, bool ack)
{
        if (tree >= rig->ntrees || !rig->beside.to_spout || rig->trees[tree].state != SQI_TREE_OPEN)
                return;
        rig->trees[tree].state = ack ? SQI_TREE_ACKED : SQI_TREE_FAILED;
        sqi_neighbours_judge(&rig->beside, rig->trees[tree].root, rig->trees[tree].value, ack);
}

/* ---- what came of it --------------------------------------------------------------------------------- */

const struct sqi_plan_stream *
sqi_rig_stream(const struct sq_rig *rig, uint32_t stream)
{
        return stream < rig->task->component->nstreams ? &rig->task->component->streams[stream] : NULL;
}

char *
sqi_rig_json(const struct sq_rig *rig, const struct sqi_caught *caught, const bool *wanted)
{
        const struct sqi_plan_stream *stream = sqi_rig_stream(rig, caught->stream);
        struct sqi_slice slice;
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out || !stream || !sqi_slice(caught->bytes, caught->bytes + caught->size, &slice))
                return NULL;
        const char *comma = "{";
        for (uint32_t f = 0; f < slice.n && f < stream->nfields; f++) {
                struct sq_value value = sqi_unpack(slice.at + slice.offsets[f], slice.at + slice.offsets[f + 1]);
                size_t need = sq_json(value, NULL, 0) + 1;
                char *json = malloc(need);
                if (json && (!wanted || wanted[f])) {
                        sq_json(value, json, need);
                        fprintf(out, "%s\"%s\":%s", comma, stream->fields[f].name, json);
                        comma = ",";
                }
                free(json);
        }
        fputs(comma[0] == '{' ? "{}" : "}", out);
        return fclose(out) == 0 ? text : NULL;
}

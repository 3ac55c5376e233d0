/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/shelled.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/complain.h"
#include "base/real_time.h"
#include "channel/socket.h"
#include "task/crash.h"
#include "tuple/unpack.h"

/* ---- the driver -------------------------------------------------------------------------------------- */

static void
log_line(void *context, struct sq_task *task, enum sq_level level, const char *text)
{
        static const int levels[] = {[SQ_ERROR] = 4, [SQ_WARN] = 3, [SQ_INFO] = 2, [SQ_DEBUG] = 1};
        struct sqi_shelled *shell = context;

        (void)task;
        sqi_pipe_put(&shell->pipe, "{\"command\":\"log\",\"level\":%d,\"msg\":", levels[level]);
        sqi_pipe_put_text(&shell->pipe, text);
        sqi_pipe_put(&shell->pipe, "}");
        sqi_pipe_end(&shell->pipe);
}

static void
ignore_report(void *context, struct sq_task *task, const struct sqi_message *message)
{
        (void)context;
        (void)task;
        (void)message;
}

/* ---- the handshake ----------------------------------------------------------------------------------- */

/* Storm finds by that file whom to kill. */
static void
leave_pid(struct sq_value folder)
{
        char path[4096];
        int fd;

        if (folder.type != SQ_STR || folder.len == 0)
                return;
        if (snprintf(path, sizeof(path), "%.*s/%d", (int)folder.len, (const char *)folder.as.ptr, (int)getpid()) >=
            (int)sizeof(path))
                return;
        fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        if (fd >= 0)
                (void)close(fd);
}

static int
read_handshake(struct sqi_shelled *shell, struct sq_value *ret)
{
        int r = 0;

        while (r == 0) {
                r = sqi_pipe_next(&shell->pipe, ret);
                if (r == 0)
                        r = sqi_pipe_fill(&shell->pipe);
        }
        return r < 0 ? r : 0;
}

/* The number of this task in the plan. */
static int
find_self(struct sqi_shelled *shell, struct sq_value context, uint32_t *ret, char *error, size_t size)
{
        struct sq_value component = sq_member(context, "componentid"), id = sq_member(context, "taskid");
        int64_t self;
        int r = sqi_places_open(&shell->places, shell->plan, sq_member(context, "task->component"), error, size);

        if (r < 0)
                return r;
        self = component.type == SQ_STR && id.type == SQ_INT
                       ? sqi_places_find(&shell->places, (struct sq_str){component.as.ptr, component.len}, id.as.i)
                       : -1;
        if (self < 0)
                return sqi_complain(-EINVAL, error, size, "Storm's handshake does not say which task this is");
        *ret = (uint32_t)self;
        return 0;
}

/* Storm's id of a topology is new with each submit. */
static void
take_run(struct sqi_shelled *shell, struct sq_value id)
{
        if (id.type == SQ_STR && id.len < sizeof(shell->run) && !memchr(id.as.ptr, '\n', id.len))
                snprintf(shell->run, sizeof(shell->run), "%.*s", (int)id.len, (const char *)id.as.ptr);
}

static int
shake_hands(struct sqi_shelled *shell, uint32_t *ret_task, char *error, size_t size)
{
        struct sq_value handshake;
        int r = read_handshake(shell, &handshake);

        if (r < 0)
                return sqi_complain(r, error, size, "no handshake of Storm has come (squall submit --storm runs this)");
        leave_pid(sq_member(handshake, "pidDir"));
        take_run(shell, sq_member(sq_member(handshake, "conf"), "storm.id"));
        sqi_pipe_put(&shell->pipe, "{\"pid\":%d}", (int)getpid());
        sqi_pipe_end(&shell->pipe);
        r = sqi_pipe_flush(&shell->pipe);
        return r < 0 ? r : find_self(shell, sq_member(handshake, "context"), ret_task, error, size);
}

/* ---- open and close ---------------------------------------------------------------------------------- */

/* Storm sends what is emitted on a stream to all its readers itself: here it goes out once. A direct emit has a
 * receiver, so each reader stays. */
static void
leave_one_reader(struct sqi_plan *plan, uint32_t self)
{
        bool read[SQ_DECLARED_STREAMS_MAX + 1] = {false};
        uint32_t n = 0;

        for (uint32_t e = 0; e < plan->nedges; e++) {
                struct sqi_plan_edge edge = plan->edges[e];

                if (edge.from == self && edge.grouping != SQI_DIRECT) {
                        if (read[edge.stream])
                                continue;
                        read[edge.stream] = true;
                        edge.grouping = SQI_GLOBAL; /* to one task, so that the order stays */
                }
                if (edge.to == self && edge.grouping == SQI_ALL)
                        edge.grouping = SQI_SHUFFLE; /* what comes in comes by one channel */
                plan->edges[n++] = edge;
        }
        plan->nedges = n;
}

/* The plan has it as if this folder were the root. */
static int
find_component(struct sqi_shelled *shell, uint32_t id)
{
        struct sqi_plan_component *component = &shell->plan->components[shell->plan->tasks[id].component];
        char *here = getcwd(NULL, 0);
        int n = here ? snprintf(shell->component, sizeof(shell->component), "%s%s", here, component->path) : -1;

        free(here);
        component->path = shell->component;
        return n < 0 ? -errno : n >= (int)sizeof(shell->component) ? -ENAMETOOLONG : 0;
}

static int
start_task(struct sqi_shelled *shell, uint32_t id)
{
        struct sq_task *task = calloc(1, sizeof(*task));
        int r;

        shell->task = task;
        shell->context = zmq_ctx_new();
        if (!task || !shell->context)
                return -ENOMEM;
        zmq_ctx_set(shell->context, ZMQ_IO_THREADS, 0);
        shell->driver = (struct sqi_driver){
                .context = shell,
                .now = sqi_real_now,
                .wall = sqi_real_wall,
                .log = log_line,
                .report = ignore_report,
                .whole_batches = true, /* each is one tuple */
                .run = shell->run,
        };
        task->plan = shell->plan;
        task->id = id;
        task->incarnation = 1; /* Storm starts it again without a word, so this may be no first start */
        task->component = &shell->plan->components[shell->plan->tasks[id].component];
        task->rundir = "";
        task->context = shell->context;
        task->metrics = &shell->metrics;
        task->driver = &shell->driver;
        task->start_inactive = true;
        r = sqi_neighbours_open(&shell->beside, task);
        if (r < 0)
                return r;
        shell->opened = true;
        sqi_crash_blame(task);
        if (sqi_task_open(task) < 0 || sqi_task_connect(task) < 0)
                return -EINVAL;
        sqi_task_start(task);
        return 0;
}

bool
sqi_shelled_reads(const struct sqi_shelled *shell, uint32_t task)
{
        const struct sqi_plan *plan = shell->plan;

        for (uint32_t e = 0; e < plan->nedges; e++)
                if (plan->edges[e].from == plan->tasks[task].component &&
                    &plan->components[plan->edges[e].to] == shell->task->component)
                        return true;
        return false;
}

/* Every task that something comes from has a mark to send. */
static int
expect_ends(struct sqi_shelled *shell)
{
        const struct sqi_plan *plan = shell->plan;
        struct sqi_shelled_ends *ends = &shell->ends;

        ends->kept = (struct sqi_pipe){.in = -1, .out = -1};
        ends->came = calloc(plan->ntasks, sizeof(*ends->came));
        if (!ends->came)
                return -ENOMEM;
        for (uint32_t t = plan->ntasks; t-- > 0;) {
                ends->missing += sqi_shelled_reads(shell, t);
                if (shell->task->acker.by_task && shell->task->acker.by_task[t])
                        shell->owner = t;
        }
        return 0;
}

int
sqi_shelled_open(struct sqi_shelled *shell, struct sqi_plan **plan, int in, int out, char *error, size_t size)
{
        uint32_t self = 0;
        int r;

        *shell = (struct sqi_shelled){.pipe = {.in = in, .out = out}, .plan = *plan};
        *plan = NULL;
        r = shake_hands(shell, &self, error, size);
        if (r < 0)
                return r;
        leave_one_reader(shell->plan, shell->plan->tasks[self].component);
        sqi_neighbours_simplify(shell->plan, self);
        r = find_component(shell, self);
        if (r == 0)
                r = start_task(shell, self);
        if (r == 0)
                r = expect_ends(shell);
        return r < 0 ? sqi_complain(r, error, size, "%s",
                                    shell->task && shell->task->error[0] ? shell->task->error : strerror(-r))
                     : 0;
}

void
sqi_shelled_close(struct sqi_shelled *shell)
{
        if (shell->opened)
                sqi_task_close(shell->task);
        sqi_crash_blame(NULL);
        sqi_neighbours_close(&shell->beside);
        if (shell->context)
                zmq_ctx_term(shell->context);
        free(shell->task);
        free(shell->trees);
        free(shell->ends.came);
        free(shell->ends.ids);
        sqi_pipe_free(&shell->ends.kept);
        sqi_places_close(&shell->places);
        sqi_plan_free(&shell->plan);
        sqi_pipe_free(&shell->pipe);
}

/* ---- turning ----------------------------------------------------------------------------------------- */

bool
sqi_shelled_turn(struct sqi_shelled *shell)
{
        struct sq_task *task = shell->task;
        uint64_t batches;

        do {
                batches = task->metrics->batches_in;
                if (task->phase == SQI_RUNNING && task->failed == 0)
                        sqi_task_turn(task);
        } while (task->phase == SQI_RUNNING && task->failed == 0 &&
                 (task->metrics->batches_in != batches || (task->bolt.batch.open && !task->instance.paused)));
        if (task->phase == SQI_RUNNING && task->failed == 0)
                sqi_task_flush(task);
        return task->failed == 0;
}

void
sqi_shelled_tell(struct sqi_shelled *shell, const char *error)
{
        sqi_pipe_put(&shell->pipe, "{\"command\":\"error\",\"msg\":");
        sqi_pipe_put_text(&shell->pipe, error);
        sqi_pipe_put(&shell->pipe, "}");
        sqi_pipe_end(&shell->pipe);
        (void)sqi_pipe_flush(&shell->pipe);
}

/* ---- trees ------------------------------------------------------------------------------------------- */

struct sqi_shelled_tree *
sqi_shelled_find_tree(struct sqi_shelled *shell, uint64_t root)
{
        for (size_t i = shell->ntrees; i-- > 0;)
                if (shell->trees[i].root == root)
                        return &shell->trees[i];
        return NULL;
}

struct sqi_shelled_tree *
sqi_shelled_add_tree(struct sqi_shelled *shell, uint64_t root)
{
        if (shell->ntrees == shell->room) {
                size_t room = shell->room ? 2 * shell->room : 256;
                struct sqi_shelled_tree *trees = reallocarray(shell->trees, room, sizeof(*trees));

                if (!trees)
                        return NULL;
                shell->trees = trees;
                shell->room = room;
        }
        shell->trees[shell->ntrees] = (struct sqi_shelled_tree){.root = root};
        return &shell->trees[shell->ntrees++];
}

void
sqi_shelled_drop_tree(struct sqi_shelled *shell, struct sqi_shelled_tree *tree)
{
        *tree = shell->trees[--shell->ntrees];
}

/* ---- what goes out ----------------------------------------------------------------------------------- */

/* Storm before 2.9 ends its worker at a task that fits 32 bits, of which it only takes the low ones. */
static const long long WIDE = 1LL << 32;

static bool
is_direct(const struct sqi_shelled *shell, uint32_t stream, uint32_t receiver)
{
        const struct sqi_plan *plan = shell->plan;

        for (uint32_t e = 0; e < plan->nedges; e++)
                if (&plan->components[plan->edges[e].from] == shell->task->component &&
                    plan->edges[e].stream == stream && plan->edges[e].to == plan->tasks[receiver].component)
                        return plan->edges[e].grouping == SQI_DIRECT;
        return false;
}

void
sqi_shelled_put_tuple(struct sqi_shelled *shell, struct sqi_pipe *pipe, uint32_t receiver,
                      const struct sqi_frame *frame, const struct sqi_slice *slice)
{
        if (frame->stream > 0)
                sqi_pipe_put(pipe, ",\"stream\":\"%s\"", shell->task->component->streams[frame->stream].id);
        if (is_direct(shell, frame->stream, receiver))
                sqi_pipe_put(pipe, ",\"task\":%lld", WIDE + shell->places.ids[receiver]);
        sqi_pipe_put(pipe, ",\"tuple\":[");
        for (uint32_t f = 0; f < slice->n; f++) {
                sqi_pipe_put(pipe, "%s", f ? "," : "");
                sqi_pipe_put_value(pipe, sqi_unpack(slice->at + slice->offsets[f], slice->at + slice->offsets[f + 1]));
        }
        sqi_pipe_put(pipe, "]}");
}

void
sqi_shelled_put_mark(struct sqi_shelled *shell)
{
        sqi_pipe_put(&shell->pipe, ",\"need_task_ids\":false,\"stream\":\"" SQI_SHELL_END "\",\"tuple\":[%u]}",
                     shell->plan->tasks[shell->task->id].index);
        sqi_pipe_end(&shell->pipe);
}

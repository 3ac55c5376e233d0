/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `drpc`: a tuple for each request of somebody who waits for an answer, which a `return` bolt gives. A thread
 * of its own takes requests and answers them (clients/drpc_door.h); the task emits them, and tells it which have
 * failed.
 *
 * A request is a tuple tree, so the ledger knows when all of it is processed. With `stages` the bolts are told: when
 * the tree of a request is complete, its end goes out on the stream `finished` as a tree of its own, stage 1; when that
 * is complete, stage 2, and so on. So a bolt that gathers parts knows when it has them all, however many there are. One
 * that fails ends with stage 0: forget it.
 */
#include <ctype.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

#include "../clients/drpc_door.h"

enum { FINISHED = 1, STAGE_BITS = 4, FORGET = 15, STAGES_MAX = 14, BURST = 256, NAME_MAX_LEN = 64 };
enum { MOST_MAX = 1 << 16, LIMIT_MAX = 256 << 20, MEMORY_MAX = 1 << 16, TIMEOUT_MAX = 86400 };

/* The end of a stage of a request, to be emitted. */
struct finished {
        struct finished *next;
        uint64_t serial;
        int64_t stage;
};

struct drpc {
        const char *function, *endpoint;
        double timeout;
        int64_t in_flight, limit, memory, stages;

        struct sqi_drpc_door *door; /* NULL in `squall test` */
        struct finished *first, **end;
        struct sqi_drpc_counts counted;
};

static void
declare(struct sq_declaration *decl)
{
        const struct drpc *self = sq_declared_state(decl);
        size_t len = strlen(self->function);

        for (size_t i = 0; i < len; i++)
                if (!isalnum((unsigned char)self->function[i]) && !strchr("_-.", self->function[i]))
                        len = 0;
        if (len == 0 || len > NAME_MAX_LEN)
                sq_declare_error(decl, "function", "must be letters, digits, _ - and ., at most %d", NAME_MAX_LEN);
        if (!(self->timeout > 0 && self->timeout <= TIMEOUT_MAX))
                sq_declare_error(decl, "timeout", "must be above 0, and at most %d seconds", TIMEOUT_MAX);
        if (self->in_flight < 1 || self->in_flight > MOST_MAX)
                sq_declare_error(decl, "in-flight", "must be from 1 to %d", MOST_MAX);
        if (self->limit < 0 || self->limit > LIMIT_MAX)
                sq_declare_error(decl, "limit", "must be from 0 to %d", LIMIT_MAX);
        if (self->memory < 1 || self->memory > MEMORY_MAX)
                sq_declare_error(decl, "memory", "must be from 1 to %d MiB", MEMORY_MAX);
        if (self->stages < 0 || self->stages > STAGES_MAX)
                sq_declare_error(decl, "stages", "must be from 0 to %d", STAGES_MAX);
        else if (self->stages > 0 && !sq_declared_at_least_once(decl))
                sq_declare_error(
                        decl, "stages",
                        "want 'topology.delivery: at-least-once', which knows when all of a request is processed");
        if (self->endpoint && strncmp(self->endpoint, "tcp://", 6) != 0 && strncmp(self->endpoint, "ipc://", 6) != 0)
                sq_declare_error(decl, "endpoint", "must be tcp://HOST:PORT or ipc://PATH");
        if (self->endpoint && sq_declared_parallelism(decl) > 1)
                sq_declare_error(decl, "endpoint", "is one place, and cannot be that of several tasks");
}

static int
prepare(struct sq_task *task)
{
        struct drpc *self = sq_state(task);
        const struct sqi_drpc_door_options options = {
                .function = self->function,
                .run_folder = sq_run_folder(task),
                .task = sq_number(task),
                .endpoint = self->endpoint,
                .most = (uint64_t)self->in_flight,
                .limit = (uint64_t)self->limit,
                .memory = (uint64_t)self->memory << 20,
                .timeout_ns = (uint64_t)(self->timeout * 1e9),
        };

        self->end = &self->first;
        if (sq_stepped(task))
                return 0;
        if (!*options.run_folder)
                return sq_error_final(task, "'%s' cannot be asked with --inline, which has no folder for sockets",
                                      self->function);
        return sqi_drpc_door_open(task, &options, &self->door);
}

/* ---- Emitting ---------------------------------------------------------------------------------------- */

static void
emit_request(struct sq_task *task, struct drpc *self, const struct sqi_drpc_waiting *waiting)
{
        char token[DRPC_TOKEN];

        sqi_drpc_door_token(self->door, waiting->serial, token);
        sq_track(task, waiting->serial << STAGE_BITS);
        sq_emit(task, (const char *)token, ((struct sq_str){waiting->args, waiting->len}));
}

static void
emit_finished(struct sq_task *task, struct drpc *self, const struct finished *finished)
{
        char token[DRPC_TOKEN];

        sqi_drpc_door_token(self->door, finished->serial, token);
        sq_track(task, finished->serial << STAGE_BITS | (finished->stage ? (uint64_t)finished->stage : FORGET));
        sq_emit_on(task, FINISHED, (const char *)token, finished->stage);
}

/* What ends goes before what begins. False: there is nothing. */
static bool
emit_one(struct sq_task *task, struct drpc *self)
{
        struct finished *finished = self->first;
        struct sqi_drpc_waiting *waiting;

        if (finished) {
                emit_finished(task, self, finished);
                self->first = finished->next;
                if (!self->first)
                        self->end = &self->first;
                free(finished);
                return true;
        }
        waiting = sqi_drpc_line_take(sqi_drpc_door_line(self->door));
        if (waiting)
                emit_request(task, self, waiting);
        free(waiting);
        return waiting != NULL;
}

static enum sq_next
next(struct sq_task *task)
{
        struct drpc *self = sq_state(task);
        uint64_t room = sq_room(task), most = room < BURST ? room : BURST;
        struct sqi_drpc_line *line;

        if (!self->door)
                return SQ_IDLE;
        if (!sqi_drpc_door_is_at(self->door, sq_run_folder(task), sq_number(task)) &&
            sqi_drpc_door_move(task, self->door, sq_run_folder(task), sq_number(task)) < 0)
                return SQ_IDLE;
        line = sqi_drpc_door_line(self->door);
        sqi_drpc_hush(line->to_task);
        for (uint64_t n = 0; n < most; n++)
                if (!emit_one(task, self)) {
                        sq_wake_on(task, line->to_task);
                        return SQ_IDLE;
                }
        return SQ_MORE;
}

/* ---- What becomes of it ------------------------------------------------------------------------------ */

/* Without memory for it, bolts forget by themselves what they gather for too long. */
static void
finish_stage(struct drpc *self, uint64_t serial, int64_t stage)
{
        struct finished *finished = malloc(sizeof(*finished));

        if (!finished)
                return;
        *finished = (struct finished){.serial = serial, .stage = stage};
        *self->end = finished;
        self->end = &finished->next;
        sqi_drpc_wake(sqi_drpc_door_line(self->door)->to_task);
}

static void
acked(struct sq_task *task, uint64_t position)
{
        struct drpc *self = sq_state(task);
        int64_t stage = (int64_t)(position & FORGET);

        if (stage < self->stages && self->door)
                finish_stage(self, position >> STAGE_BITS, stage + 1);
}

static void
failed(struct sq_task *task, uint64_t position, const char *cause)
{
        struct drpc *self = sq_state(task);

        if (!self->door || (position & FORGET) == FORGET)
                return;
        sqi_drpc_line_fail(sqi_drpc_door_line(self->door), position >> STAGE_BITS, cause);
        if (self->stages > 0)
                finish_stage(self, position >> STAGE_BITS, 0);
}

static void
activate(struct sq_task *task)
{
        struct drpc *self = sq_state(task);

        if (self->door)
                sqi_drpc_line_shut(sqi_drpc_door_line(self->door), false);
}

static void
deactivate(struct sq_task *task)
{
        struct drpc *self = sq_state(task);

        if (self->door)
                sqi_drpc_line_shut(sqi_drpc_door_line(self->door), true);
}

/* How many wait, and, as it is asked each second: what they have come to. */
static int
lag(struct sq_task *task, struct sq_lag *ret)
{
        struct drpc *self = sq_state(task);
        struct sqi_drpc_counts at, *before = &self->counted;

        ret->unit = SQ_LAG_MESSAGES;
        if (!self->door)
                return -1;
        ret->amount = sqi_drpc_line_look(sqi_drpc_door_line(self->door), &at);
        sq_count(task, "requests", at.requests - before->requests);
        sq_count(task, "answered", at.answered - before->answered);
        sq_count(task, "failed requests", at.failed - before->failed);
        sq_count(task, "timed out", at.timed_out - before->timed_out);
        sq_count(task, "refused", at.refused - before->refused);
        sq_count(task, "cancelled", at.cancelled - before->cancelled);
        sq_count(task, "late results", at.late - before->late);
        *before = at;
        return 0;
}

static int
finish(struct sq_task *task)
{
        struct drpc *self = sq_state(task);
        struct sq_lag last;

        (void)lag(task, &last);
        sqi_drpc_door_close(&self->door);
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct drpc *self = sq_state(task);

        sqi_drpc_door_close(&self->door);
        while (self->first) {
                struct finished *rest = self->first->next;

                free(self->first);
                self->first = rest;
        }
}

SQ_SPOUT(drpc) = {
        .about = "A tuple for each request of a program that waits for an answer, which a `return` bolt gives.",
        .state = sizeof(struct drpc),
        .options =
                {
                        SQ_REQ_STR(struct drpc, function, "the name it is asked by; one in the supervisor has it"),
                        SQ_OPT_FLOAT(struct drpc, timeout, 30,
                                     "seconds until a request is answered that it took too long"),
                        SQ_OPT_INT_AS("in-flight", struct drpc, in_flight, 10000,
                                      "requests of a task that are not answered yet, at most; more are refused"),
                        SQ_OPT_INT(struct drpc, limit, 1048576, "bytes of the arguments at most"),
                        SQ_OPT_INT(struct drpc, memory, 64, "MiB of arguments that wait to be emitted, at most"),
                        SQ_OPT_INT(
                                struct drpc, stages, 0,
                                "how often bolts are told, on the stream `finished`, that all of a request is processed "
                                "as far as it goes; wants at-least-once"),
                        SQ_OPT_STR(
                                struct drpc, endpoint, NULL,
                                "where programs find it, besides the run folder: tcp://HOST:PORT or ipc://PATH; whoever "
                                "gets there may ask"),
                },
        .out = {{"request", SQ_STR}, {"args", SQ_STR}},
        .streams = {{"finished", {{"request", SQ_STR}, {"stage", SQ_INT}}}},
        .declare = declare,
        .prepare = prepare,
        .next = next,
        .ack = acked,
        .failed = failed,
        .activate = activate,
        .deactivate = deactivate,
        .finish = finish,
        .cleanup = cleanup,
        .lag = lag,
};

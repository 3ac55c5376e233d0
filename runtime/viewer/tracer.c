/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/tracer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/complain.h"
#include "channel/socket.h"
#include "viewer/listening.h"

/* Trees under way, and spans of one: what is beyond is left out. */
enum { TREES_MAX = 256, SPANS_MAX = 4096 };
static const uint64_t GIVE_UP_NS = 5000000000;

struct sqi_tracer {
        struct sqi_listening listening;
        struct sqi_plan *plan;
        bool *heard; /* each task */
        uint32_t nheard;
        uint64_t opened_ns, whole_ns; /* trees are whole from here on; 0: not all tasks are heard yet */
        size_t n;
        struct sqi_followed trees[TREES_MAX];
        struct sqi_followed shown; /* the one that was last handed out */
};

int
sqi_tracer_open(const char *rundir, struct sqi_tracer **ret, char *error, size_t size)
{
        struct sqi_tracer *tracer = calloc(1, sizeof(*tracer));
        int r = tracer ? sqi_rundir_plan(rundir, &tracer->plan, error, size)
                       : sqi_complain(-ENOMEM, error, size, "out of memory");

        if (r == 0) {
                tracer->opened_ns = sqi_clock_ns();
                tracer->heard = calloc(tracer->plan->ntasks, sizeof(*tracer->heard));
                r = tracer->heard ? 0 : sqi_complain(-ENOMEM, error, size, "out of memory");
        }
        if (r == 0)
                r = sqi_listening_open(&tracer->listening, rundir, 0, tracer->plan->ntasks, SQI_SPAN_MAGIC, error,
                                       size);
        if (r < 0)
                sqi_tracer_close(&tracer);
        else
                *ret = tracer;
        return r;
}

void
sqi_tracer_close(struct sqi_tracer **tracer)
{
        struct sqi_tracer *it = *tracer;

        if (!it)
                return;
        sqi_listening_close(&it->listening);
        sqi_plan_free(&it->plan);
        for (size_t i = 0; i < it->n; i++)
                free(it->trees[i].spans);
        free(it->shown.spans);
        free(it->heard);
        free(it);
        *tracer = NULL;
}

const struct sqi_plan *
sqi_tracer_plan(const struct sqi_tracer *tracer)
{
        return tracer->plan;
}

int64_t
sqi_tracer_unheard(const struct sqi_tracer *tracer)
{
        for (uint32_t t = 0; t < tracer->plan->ntasks && !tracer->whole_ns; t++)
                if (!tracer->heard[t])
                        return t;
        return -1;
}

bool
sqi_tracer_wait(struct sqi_tracer *tracer, int out, int ms)
{
        return sqi_listening_wait(&tracer->listening, out, ms);
}

/* ---- What comes -------------------------------------------------------------------------------------- */

/* The oldest makes room. */
static struct sqi_followed *
find_tree(struct sqi_tracer *tracer, uint64_t id)
{
        for (size_t i = 0; i < tracer->n; i++)
                if (tracer->trees[i].id == id)
                        return &tracer->trees[i];
        if (tracer->n == TREES_MAX) {
                free(tracer->trees[0].spans);
                memmove(tracer->trees, tracer->trees + 1, (TREES_MAX - 1) * sizeof(*tracer->trees));
                tracer->n--;
        }
        tracer->trees[tracer->n] = (struct sqi_followed){.id = id, .expected = 1};
        return &tracer->trees[tracer->n++];
}

static struct sqi_traced_span *
add_span(struct sqi_followed *tree)
{
        if (tree->n == tree->room && tree->n < SPANS_MAX) {
                size_t room = tree->room ? 2 * tree->room : 16;
                struct sqi_traced_span *spans = realloc(tree->spans, room * sizeof(*spans));
                if (!spans)
                        return NULL;
                tree->spans = spans;
                tree->room = room;
        }
        return tree->n < tree->room ? &tree->spans[tree->n++] : NULL;
}

/* The tuple that came behind the span, if it is one of that stream. */
static void
take_tuple(const struct sqi_plan *plan, struct sqi_traced_span *span, const uint8_t *bytes)
{
        const struct sqi_plan_component *source = &plan->components[plan->tasks[span->span.source].component];
        uint32_t size = span->span.size;

        span->stream = NULL;
        if (size == 0 || span->span.stream >= source->nstreams)
                return;
        memcpy(span->tuple, bytes, size);
        if (sqi_slice(span->tuple, span->tuple + size, &span->slice) == span->tuple + size &&
            span->slice.n == source->streams[span->span.stream].nfields)
                span->stream = &source->streams[span->span.stream];
}

/* A task follows tuples from now on, and is heard. */
static void
take_note(struct sqi_tracer *tracer, uint32_t task)
{
        tracer->nheard += !tracer->heard[task];
        tracer->heard[task] = true;
        if (tracer->nheard == tracer->plan->ntasks && !tracer->whole_ns)
                tracer->whole_ns = sqi_clock_ns();
}

static void
take_span(struct sqi_tracer *tracer, const uint8_t *bytes, size_t size)
{
        struct sqi_span span;
        struct sqi_followed *tree;
        struct sqi_traced_span *traced;

        if (size < sizeof(span))
                return;
        memcpy(&span, bytes, sizeof(span));
        if (span.size > SQI_SPAN_TUPLE_MAX || size != sizeof(span) + span.size || span.task >= tracer->plan->ntasks ||
            span.source >= tracer->plan->ntasks)
                return;
        if (span.trace == 0) {
                take_note(tracer, span.task);
                return;
        }
        tree = find_tree(tracer, span.trace);
        traced = add_span(tree);
        if (!traced)
                return;
        memset(traced, 0, sizeof(*traced));
        traced->span = span;
        take_tuple(tracer->plan, traced, bytes + sizeof(span));
        tree->expected += span.marked;
        if (span.parent == 0)
                tree->root_ns = span.begun_ns;
        tree->came_ns = sqi_clock_ns();
}

static void
receive(struct sqi_tracer *tracer)
{
        zmq_msg_t message;

        zmq_msg_init(&message);
        while (sqi_socket_receive(tracer->listening.socket, &message) == 0)
                take_span(tracer, zmq_msg_data(&message), zmq_msg_size(&message));
        zmq_msg_close(&message);
}

/* ---- Trees ------------------------------------------------------------------------------------------- */

static int
by_time(const void *a, const void *b)
{
        const struct sqi_traced_span *x = a, *y = b;

        if (x->span.begun_ns != y->span.begun_ns)
                return x->span.begun_ns < y->span.begun_ns ? -1 : 1;
        return x->span.id < y->span.id ? -1 : x->span.id > y->span.id;
}

/* Puts the children of `parent`, then theirs, behind what is in `ret` already. A child is later than its parent, so a
 * path ends. */
static void
put_children(const struct sqi_followed *from, size_t parent, struct sqi_followed *ret, uint32_t place)
{
        for (size_t i = 0; i < from->n; i++) {
                if (from->spans[i].span.parent != from->spans[parent].span.id || i == parent ||
                    from->spans[i].span.begun_ns < from->spans[parent].span.begun_ns || ret->n == from->n)
                        continue;
                uint32_t at = (uint32_t)ret->n;
                ret->spans[ret->n] = from->spans[i];
                ret->spans[ret->n].slice.at = ret->spans[ret->n].tuple;
                ret->spans[ret->n].parent = place;
                ret->spans[ret->n++].depth = ret->spans[place].depth + 1;
                put_children(from, i, ret, at);
        }
}

/* By its root; what hangs on nothing that is here is left out. False: it has no root, or memory is short. */
static bool
order(struct sqi_followed *tree)
{
        struct sqi_followed ordered = *tree;
        size_t root = 0;

        qsort(tree->spans, tree->n, sizeof(*tree->spans), by_time);
        while (root < tree->n && tree->spans[root].span.parent)
                root++;
        ordered.spans = root < tree->n ? calloc(tree->n, sizeof(*tree->spans)) : NULL;
        if (!ordered.spans)
                return false;
        ordered.spans[0] = tree->spans[root];
        ordered.n = 1;
        put_children(tree, root, &ordered, 0);
        ordered.room = tree->n;
        ordered.whole = tree->n == tree->expected && ordered.n == tree->n;
        free(tree->spans);
        *tree = ordered;
        return true;
}

/* Spans come in any order: those that are here know of all the others only if the root is one of them. */
static bool
is_ready(const struct sqi_followed *tree, uint64_t now_ns)
{
        return (tree->root_ns && tree->n >= tree->expected) || now_ns - tree->came_ns > GIVE_UP_NS;
}

/* It began before all tasks were heard. Where they never will be, it is what there is. */
static bool
is_early(const struct sqi_tracer *tracer, const struct sqi_followed *tree, bool end, uint64_t now_ns)
{
        if (!tracer->whole_ns)
                return !end && now_ns - tracer->opened_ns < GIVE_UP_NS;
        return tree->root_ns < tracer->whole_ns;
}

const struct sqi_followed *
sqi_tracer_next(struct sqi_tracer *tracer, bool end)
{
        receive(tracer);
        uint64_t now_ns = sqi_clock_ns();
        for (size_t i = 0; i < tracer->n;) {
                if (!end && !is_ready(&tracer->trees[i], now_ns)) {
                        i++;
                        continue;
                }
                free(tracer->shown.spans);
                tracer->shown = tracer->trees[i];
                tracer->n--;
                memmove(&tracer->trees[i], &tracer->trees[i + 1], (tracer->n - i) * sizeof(*tracer->trees));
                if (!is_early(tracer, &tracer->shown, end, now_ns) && order(&tracer->shown))
                        return &tracer->shown;
        }
        return NULL;
}

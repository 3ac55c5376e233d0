/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tuple trees that tasks follow (task/trace.h), put together outside of their workers.
 *
 *     struct sqi_tracer *tracer;
 *     sqi_tracer_open(rundir, &tracer, error, sizeof(error));
 *     while (sqi_tracer_wait(tracer, STDOUT_FILENO, 1000) ...)
 *             while ((tree = sqi_tracer_next(tracer, false)))           each tree once, when all of it is there
 *                     ...                                               good until the next call
 *     while ((tree = sqi_tracer_next(tracer, true)))                    the rest, with holes
 *             ...
 *     sqi_tracer_close(&tracer);
 *
 * Nothing comes before the supervisor has told the tasks (SQI_COMMAND_TRACE), and again every few seconds. Each task
 * says that it was told; a tree that began before all of them were heard would have holes, and is left out. A tree of
 * which something is missing for GIVE_UP_NS comes as it is: a worker has died, or published more than fits its socket.
 * A task that is not heard for as long (it has ended, or is in a long call) is not waited for.
 * What comes is bytes of another process: what does not fit the plan is passed over. One thread.
 */
#ifndef SQI_TRACER_H
#define SQI_TRACER_H

#include "plan/plan.h"
#include "tuple/frame.h"
#include "tuple/span.h"

struct sqi_tracer;

struct sqi_traced_span {
        struct sqi_span span;
        uint32_t depth;                       /* in its tree; 0: the root */
        uint32_t parent;                      /* its place in the tree */
        const struct sqi_plan_stream *stream; /* of its tuple; NULL: the tuple did not come */
        uint8_t tuple[SQI_SPAN_TUPLE_MAX];
        struct sqi_slice slice; /* of `tuple` */
};

struct sqi_followed {
        uint64_t id;
        uint64_t came_ns; /* the last span */
        uint64_t root_ns; /* its beginning; 0: the root is not here */
        bool whole;
        uint64_t expected; /* spans, by what those that are here say */
        size_t n, room;
        struct sqi_traced_span *spans; /* a parent before its children, which are in the order of time */
};

/* 0, or a negative errno with the cause in `error`. */
int sqi_tracer_open(const char *rundir, struct sqi_tracer **ret, char *error, size_t size);
/* Accepts a pointer to NULL, and nulls it. */
void sqi_tracer_close(struct sqi_tracer **tracer);

const struct sqi_plan *sqi_tracer_plan(const struct sqi_tracer *tracer);

/* A task that is not heard yet; -1: all are. Until then it is worth telling them again soon. */
int64_t sqi_tracer_unheard(const struct sqi_tracer *tracer);

/* Waits until there may be something, for at most `ms`. False: whoever reads `out` is gone. */
bool sqi_tracer_wait(struct sqi_tracer *tracer, int out, int ms);

/* The next tree that is whole or given up; or, at the `end`, any. NULL: there is none now. */
const struct sqi_followed *sqi_tracer_next(struct sqi_tracer *tracer, bool end);

#endif

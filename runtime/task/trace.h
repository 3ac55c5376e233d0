/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tuple trees that somebody follows through every hop (`squall trace`), under any delivery.
 *
 * While TRACE orders come, a spout picks a call of `next` now and then and marks what it emits. A mark travels behind
 * the runs of the batch (tuple/wire.h). A bolt that executes a marked tuple looks at the clock before and after, marks
 * what it emits in turn, and publishes a span (tuple/span.h) by the socket of its tap. What a bolt emits outside of
 * `execute`, or of a tuple that it keeps, belongs to no span: there the tree ends.
 *
 * A batch without marks takes the way it takes without all this: whether it has any is looked at once a batch.
 */
#ifndef SQI_TASK_TRACE_H
#define SQI_TASK_TRACE_H

#include <stdbool.h>

#include "control/message.h"
#include "squall.h"

struct sqi_tracing {
        uint64_t until_ns;          /* orders hold so long; 0: nobody looks */
        uint64_t pause_ns, next_ns; /* of a spout: between two trees; when the next one is due */
        uint32_t spans;             /* so far: the lower half of their ids */
        uint64_t window_ns;         /* a span costs whoever reads it: */
        uint32_t published;         /* so many in the second from `window_ns` on */
};

/* The order TRACE. */
void sqi_trace_order(struct sq_task *task, const struct sqi_message *message);

/* Is the next call of `next` to be traced? To be asked only where tracing.until_ns is not 0. */
bool sqi_trace_is_due(struct sq_task *task);
/* That call began at `begun_ns` and is over; what it has emitted is not committed yet. */
void sqi_trace_root(struct sq_task *task, uint64_t begun_ns);

/* Executes a tuple of a batch that has marks; the frame has stepped over that tuple alone. */
enum sq_verdict sqi_trace_execute(struct sq_task *task, const struct sq_tuple *in);

#endif

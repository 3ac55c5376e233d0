/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far event time has come in a task, and what it says of that to its readers.
 *
 *     from each task of each stream that watermarks come in: its last one, or that it is idle
 *        |
 *     the least of them, but for the idle ones, is the task's watermark: it never falls        instance.watermark
 *        |
 *     event timers that are due run (timers.h)
 *        |
 *     every stream of the task: the same, less what it holds back; but of the stream of its own `event-time`,
 *     whether it is a spout's or a bolt's: the latest time among the tuples emitted so far, less what they may be out
 *     of order      instance.seen
 *
 * Feedback edges are left out: what goes round a cycle would wait for itself. An end-of-stream mark is a watermark at
 * the end of time where the source has come to its natural end; where it was told to end the last watermark stays.
 *
 * A mark goes into each channel of a stream behind the tuples before it, when what it says has changed, at a flush,
 * and seldom enough not to cut batches short. Who was restarted is told anew.
 */
#ifndef SQI_WATERMARK_H
#define SQI_WATERMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "squall.h"
#include "tuple/wire.h"

struct sq_task;
struct sqi_slice;

enum { SQI_WATERMARK_NOWHERE = UINT32_MAX };

/* Of one stream of one source task. */
struct sqi_heard {
        int64_t watermark; /* SQI_WATERMARK_NONE: none has come */
        bool idle;
};

struct sqi_watermarks {
        struct sqi_heard *heard;        /* by input and source task: struct sqi_input */
        uint32_t nheard, nidle, nended; /* ended: at the end of time */
        bool drained;                   /* its source, or one of a bolt's, was told to end before its natural end */
        bool tells;                     /* some stream of its own has watermarks */
        bool idle;                      /* of its own event time: for so long no tuple with a time was emitted */
        uint64_t quiet_ns;              /* since when none was, by the clock of the task */
        uint64_t told_ns;               /* when it last told its readers */
};

/* Before the component is loaded, or begins anew: nothing is known. */
void sqi_watermark_begin(struct sq_task *task);
/* When inputs and targets are there. 0 or -ENOMEM. */
int sqi_watermark_open(struct sq_task *task);
void sqi_watermark_close(struct sq_task *task);

/* What the sources have said is forgotten. */
void sqi_watermark_forget(struct sq_task *task);

/* A mark has come; and: a source has come to its natural end, in its inbox or broadcast. */
void sqi_watermark_take(struct sq_task *task, const struct sqi_header *header);
void sqi_watermark_end(struct sq_task *task, const struct sqi_header *header);

/* A tuple is emitted on the stream of the task's own event time: it counts as staged, and a rollback takes that back
 * (collector.h). */
void sqi_watermark_emit(struct sq_task *task, const struct sqi_slice *tuple);
/* The same of values that are not packed yet. False: the time is not to be seen among them. */
bool sqi_watermark_emit_plain(struct sq_task *task, size_t n, const struct sq_value *values);

/* After each turn: `waits` unless it has something to emit and cannot. */
void sqi_watermark_look(struct sq_task *task, bool waits);
/* At a flush: tells the readers what has changed. */
void sqi_watermark_tell(struct sq_task *task);
/* What was told to this task it does not know any more. */
void sqi_watermark_tell_anew(struct sq_task *task, uint32_t reader);
/* When it is to be looked or told at the latest; UINT64_MAX: never. */
uint64_t sqi_watermark_due(const struct sq_task *task);

#endif

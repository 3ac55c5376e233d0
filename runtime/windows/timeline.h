/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The windows of one key: which there are, when they fire, when they are forgotten. It knows no runtime and no
 * aggregate: what is in a window is the caller's, in `sqi_timeline_ops`.
 *
 * A timeline has slots, in order of their starts: a pane each or, where windows do not share, a window each.
 *
 *      begin       begin + n     room
 *     ...|--|--|--|--|.............|       a slot: its header, then what the caller keeps in it, zeroed at first
 *
 * 1. sqi_timeline_add() takes a tuple at its time. It folds it into its slot, or slots, and fires what it completes: a
 *    window of tuples, one that is fired early by their number, or again one that has fired and still takes tuples.
 *    Or the tuple is late: every window that it would be in takes none any more.
 * 2. Afterwards `due` is when sqi_timeline_due() wants to be called, SQI_NEVER if not: at the end of a window, or to
 *    forget what is past; `early_due` the same for sqi_timeline_early(), by the time of day. Neither is called before.
 *    Calls that come too often do no harm.
 * 3. A timeline without slots (n == 0) may be forgotten, but one of windows of tuples that has seen some.
 *
 * Semantics are those of Flink: a window fires when the watermark has come to its end, is forgotten when it has come to
 * its end + lateness, and a tuple for it between the two fires it at once. Sessions merge when they overlap or touch.
 * What has been fired is the edge of what counts as past: of event time the watermark; of the time of day the last end
 * that fired, so that no window fires twice when the clock is set back.
 *
 * Errors: -ENOMEM, from the caller's operations.
 */
#ifndef SQI_WINDOWS_TIMELINE_H
#define SQI_WINDOWS_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

#include "windows/rule.h"

#define SQI_NEVER INT64_MAX /* as a time to be called at: the end of time calls too, when it comes */

enum sqi_firing { SQI_FIRES_EARLY, SQI_FIRES_ON_TIME, SQI_FIRES_LATE };

/* The part of a timeline that is not slots. It begins as zeroes. */
struct sqi_timeline {
        int64_t fired; /* no window that ends there or before will fire on time */
        int64_t due, early_due;
        uint64_t seen; /* tuples; of windows of tuples */
        union {
                uint64_t ids; /* given to slots */
                struct {
                        uint32_t back, front; /* how many panes of it: panes.h */
                };
        };
        uint32_t begin, n, room;
        uint32_t begun;
};

/* The header of a pane. */
struct sqi_pane {
        int64_t start;
};

/* The header of a slot that is a window. */
struct sqi_window {
        int64_t start, end;
        uint64_t id;
        uint64_t n, fresh; /* tuples; those that no firing has had */
};

struct sqi_stretch {
        uint8_t *slots; /* side by side */
        size_t n;
};

/* What the panes from `start` up to `end` come to: total.h. */
struct sqi_total {
        int64_t start, end;
};

struct sqi_fired {
        enum sqi_firing firing;
        int64_t start, end;
        size_t nparts; /* that it is made of, in order; above 0 */
        struct sqi_stretch parts[3];
        struct sqi_total *total; /* what it comes to, of what totals have; NULL: there is none */
};

struct sqi_timelines;
struct sqi_total_ops;
struct sqi_timeline_ops {
        /* The memory of all slots, of `bytes` now; what was there stays, and moves perhaps. NULL: none. */
        uint8_t *(*room)(struct sqi_timelines *timelines, size_t bytes);
        /* Puts the tuple at hand into the slot. */
        int (*fold)(struct sqi_timelines *timelines, void *slot);
        /* Puts what is in `from` to what is in `into`; `from` is forgotten next. */
        int (*merge)(struct sqi_timelines *timelines, void *into, void *from);
        /* Lets go of what is in the slot. */
        void (*clear)(struct sqi_timelines *timelines, void *slot);
        int (*fire)(struct sqi_timelines *timelines, const struct sqi_fired *fired);
        /* The slot of the timeline that stands beside the others (panes.h): zeroes at first. NULL: no memory. */
        void *(*front)(struct sqi_timelines *timelines);
};

struct sqi_timelines {
        struct sqi_rule rule; /* complete */
        size_t slot;          /* bytes of one, with its header: sqi_timeline_header() */
        const struct sqi_timeline_ops *ops;
        bool stacks;                        /* sqi_panes_stack(), and merging does not depend on the order */
        const struct sqi_total_ops *totals; /* NULL: none are kept; they are where sqi_panes_total() */
        uint8_t *slots;                     /* the memory of the timeline at hand; NULL as long as it has none */
        void *front;                        /* NULL: not looked for yet */
};

size_t sqi_timeline_header(const struct sqi_rule *rule);
/* What tells the slots of a timeline apart as long as they live: not their place, for slots move. */
uint64_t sqi_slot_id(const struct sqi_rule *rule, const void *slot);

/* What time it is. */
struct sqi_now {
        int64_t watermark; /* INT64_MIN: there is none */
        int64_t wall;
};

/* 0, SQI_IS_LATE, or -ENOMEM. `time`: of the tuple; what it is by the time of day, and of windows of tuples, is of no
 * account. */
enum { SQI_IS_LATE = 1 };
int sqi_timeline_add(struct sqi_timelines *timelines, struct sqi_timeline *timeline, int64_t time, struct sqi_now now);
/* The time has come to `time`, which is `due` or later. 0 or -ENOMEM. */
int sqi_timeline_due(struct sqi_timelines *timelines, struct sqi_timeline *timeline, int64_t time);
int sqi_timeline_early(struct sqi_timelines *timelines, struct sqi_timeline *timeline);
/* No tuple comes any more, and no watermark: fires on time what has not ended; of windows over time that share, the
 * next one. */
int sqi_timeline_finish(struct sqi_timelines *timelines, struct sqi_timeline *timeline);
/* What would fire next, as it is now: false if nothing would. */
bool sqi_timeline_next(const struct sqi_timelines *timelines, const struct sqi_timeline *timeline,
                       struct sqi_fired *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The total of a timeline: what the panes of the window that fired last come to. The next window is made of it: the
 * panes that it has more are put to it, and those that it has less are taken off:
 *
 *     |--|--|--|--|--|--|--|--|
 *     [     total      )               what has fired
 *      take [               ) put      what fires now
 *
 * So each pane is merged twice, however many windows it is in, and a window that fires again finds its way back from
 * the one that fired last. That is for aggregates of which panes can be taken off again exactly (tally.h); of the
 * others it has what suffixes.h says.
 *
 * A total follows from the panes. It is in the memory of the process and not in the state of the key, so a snapshot
 * is no larger for it; after a restore it is made anew, by the next window that fires. It is for windows with many
 * panes: no timeline with fewer than SQI_TOTALS_FROM has one.
 */
#ifndef SQI_WINDOWS_TOTAL_H
#define SQI_WINDOWS_TOTAL_H

#include "windows/timeline.h"

enum { SQI_TOTALS_FROM = 6 };

/* 0 or -ENOMEM. */
struct sqi_total_ops {
        /* Of the timeline at hand. NULL: there is none and, where it is to be made, no memory. */
        struct sqi_total *(*find)(struct sqi_timelines *timelines, bool make);
        void (*drop)(struct sqi_timelines *timelines);
        /* Empties it. */
        void (*clear)(struct sqi_timelines *timelines, struct sqi_total *total);
        /* Puts a slot to it, or takes it off. */
        int (*put)(struct sqi_timelines *timelines, struct sqi_total *total, const void *slot);
        void (*take)(struct sqi_timelines *timelines, struct sqi_total *total, const void *slot);
        /* Puts the tuple at hand to it, which is in the slot now. */
        int (*fold)(struct sqi_timelines *timelines, struct sqi_total *total, const void *slot);
        /* What cannot be taken off is to be that of the window that fires, of the panes from `first` up to `behind`.
         * NULL: there is no such thing. */
        int (*slide)(struct sqi_timelines *timelines, struct sqi_total *total, const struct sqi_timeline *timeline,
                     const struct sqi_fired *fired, size_t first, size_t behind);
        /* Is it to be made anew for the next result? */
        bool (*is_worn)(struct sqi_timelines *timelines, const struct sqi_total *total);
};

/* Where no totals are kept these do nothing. The window that fires is of the panes from `first` up to `behind`. */
int sqi_total_move(struct sqi_timelines *timelines, const struct sqi_timeline *timeline, struct sqi_fired *fired,
                   size_t first, size_t behind);
/* A tuple came into the pane at place `i`. */
int sqi_total_fold(struct sqi_timelines *timelines, const struct sqi_timeline *timeline, size_t i);
/* The oldest `n` panes go. */
void sqi_total_let_go(struct sqi_timelines *timelines, const struct sqi_timeline *timeline, size_t n);
/* It is not what its panes are any more. */
void sqi_total_drop(struct sqi_timelines *timelines, const struct sqi_timeline *timeline);

#endif

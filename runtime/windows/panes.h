/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows that are made of panes (rule.h): a tuple goes into one of them, and at the end of a window they are merged.
 * So that this does not take longer the more of them there are, panes stand in two stacks:
 *
 *       back            front
 *     |--|--|--|--|   |--|--|--|   |--|      a slot of the back has all from it to the end of the back;
 *      <---------=     ========              of the front there is also what it comes to as a whole;
 *         [ the next window ]                the newest ones are in neither yet
 *
 * A window is one slot of the back and the front. When it begins behind the back, all its panes become the back, from
 * right to left. So each pane is merged three times, however many windows it is in (K. Tangwongsan et al., "In-Order
 * Sliding-Window Aggregation in Worst-Case Constant Time", VLDB Journal 2021, section 2). A tuple that comes out of
 * order for the back goes into each slot that has its pane.
 *
 * What that cannot do: a window that has fired cannot fire again, for panes of the back are no more by themselves; and
 * merging must not depend on the order, nor make a slot larger. Where it can't be, panes stay as they are, and are all
 * merged each time; but for what a total has (total.h).
 */
#ifndef SQI_WINDOWS_PANES_H
#define SQI_WINDOWS_PANES_H

#include "windows/timeline.h"

/* Do panes stand in stacks, if merging does not depend on the order? */
bool sqi_panes_stack(const struct sqi_rule *rule);
/* Are there enough of them in a window for a total? */
bool sqi_panes_total(const struct sqi_rule *rule);

/* As sqi_timeline_add() and the like, of windows over time and of windows of tuples. */
int sqi_panes_add(struct sqi_timelines *timelines, struct sqi_timeline *timeline, int64_t time);
int sqi_panes_count(struct sqi_timelines *timelines, struct sqi_timeline *timeline);
int sqi_panes_due(struct sqi_timelines *timelines, struct sqi_timeline *timeline, int64_t time);
bool sqi_panes_next(const struct sqi_timelines *timelines, const struct sqi_timeline *timeline, struct sqi_fired *ret);

#endif

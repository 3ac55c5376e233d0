/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which windows there are, and which of them a time is in: pure arithmetic.
 *
 * A window is [start, end): its end is not in it. Those over time begin at offset + k * slide for every whole k, below
 * zero too, and are `size` long. Times are ns since 1970; what would lie outside of int64 stops at its ends, so that
 * tuples so near to them are not taken: sqi_rule_has_room().
 *
 * Overlapping windows are made of panes, as long as what divides both size and slide (J. Li et al., "No Pane, No
 * Gain", SIGMOD Record 2005), so that a tuple goes into one pane, however many windows it is in:
 *
 *     size 6s, slide 4s:   |--|--|--|--|--|--|     panes of 2s
 *                          [ window ]              ends at 6s
 *                                [ window ]        ends at 10s
 *
 * Windows that are fired one by one, each at its own moment, do not share panes: see sqi_rule_shares().
 */
#ifndef SQI_WINDOWS_RULE_H
#define SQI_WINDOWS_RULE_H

#include <stdbool.h>
#include <stdint.h>

enum sqi_window_kind {
        SQI_OVER_TIME,  /* size, slide, offset */
        SQI_SESSIONS,   /* what is no more than `gap` apart */
        SQI_OVER_COUNT, /* size, slide: tuples */
        SQI_GLOBAL,     /* one that does not end, and fires early only */
};

struct sqi_rule {
        enum sqi_window_kind kind;
        bool event_time; /* else the time of day at which a tuple is executed */
        bool discard;    /* what was fired is forgotten; else it is fired again with what came since */
        int64_t size, slide, offset, gap;
        int64_t lateness;    /* how long after its end a window still takes tuples, each of which fires it again */
        int64_t early_ns;    /* fires what has changed so often, by the time of day; 0: not */
        int64_t early_n;     /* fires a window at each so many tuples; 0: not */
        int64_t pane;        /* sqi_rule_complete() */
        int64_t pane_offset; /* of the first pane that begins at 0 or later; the same */
};

/* Makes what follows from the rest: of panes, and an offset from 0 to slide - 1. Lengths are above 0. */
void sqi_rule_complete(struct sqi_rule *rule);

/* Are its windows made of panes? Else each is a slot of its own. */
static inline bool
sqi_rule_shares(const struct sqi_rule *rule)
{
        bool each_its_own = rule->early_ns > 0 || rule->early_n > 0 || (rule->discard && rule->lateness > 0);

        return rule->kind == SQI_OVER_COUNT || (rule->kind == SQI_OVER_TIME && !each_its_own);
}

/* The sum, or the time that is nearest to it. */
static inline int64_t
sqi_plus(int64_t a, int64_t b)
{
        int64_t sum;

        if (!__builtin_add_overflow(a, b, &sum))
                return sum;
        return b < 0 ? INT64_MIN : INT64_MAX;
}

/* Is there so much between `time` and each end of int64, and `more` at the later one? */
static inline bool
sqi_has_room(int64_t time, int64_t reach, int64_t more)
{
        return time > INT64_MIN + 1 + reach && time < INT64_MAX - reach - more;
}

/* Are all windows that `time` may be in, and the times at which they are over, between the ends of int64? What is not
 * has windows that cannot be told, and is to be refused. */
bool sqi_rule_has_room(const struct sqi_rule *rule, int64_t time);
/* The start of the last window over time that begins at `time` or before. */
int64_t sqi_last_start(const struct sqi_rule *rule, int64_t time);
/* The end of that one: the last that `time` is in. */
int64_t sqi_last_end(const struct sqi_rule *rule, int64_t time);
/* Of the pane that `time` is in. */
int64_t sqi_pane_start(const struct sqi_rule *rule, int64_t time);
/* The end of the first window over time that ends after `time`: the first that `time` is in. */
int64_t sqi_first_end(const struct sqi_rule *rule, int64_t time);

#endif

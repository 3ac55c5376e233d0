/* SPDX-License-Identifier: Apache-2.0 */
/* Windows at work in a task: the timelines of its keys, in keyed state, moved by its timers. */
#ifndef SQI_WINDOWS_WINDOWS_H
#define SQI_WINDOWS_WINDOWS_H

#include <squall-window.h>

#include "windows/settings.h"
#include "windows/suffixes.h"
#include "windows/tally.h"
#include "windows/timeline.h"
#include "windows/total.h"

/* The parts of a key: blobs (blobs.h) are part 1. */
enum { SQI_OLD_PANES = 0, SQI_SLOTS = 2, SQI_FRONT = 3 };

/* The state of a key. */
struct sqi_window_key {
        struct sqi_timeline timeline;
        uint64_t layout;            /* of the settings (struct sqi_windows); 0: the key is new */
        int64_t armed, early_armed; /* the times of its timers, SQI_NEVER: none */
};

_Static_assert(sizeof(struct sqi_window_key) == sizeof(struct sq_window_key), "squall-window.h says how large it is");

/* The totals of keys, by their hashes. */
struct sqi_key_total;
struct sqi_key_totals {
        struct sqi_key_total **chains;
        size_t n, size;
};

struct sqi_windows {
        struct sqi_timelines timelines; /* the first: its operations find the rest by it */
        struct sq_task *task;
        const struct sq_windows *settings;
        const struct sq_pairs *compute; /* aggregates, or NULL */
        const struct sq_windowed *own;  /* what a bolt in C keeps, or NULL */
        size_t n;
        struct sqi_aggregate aggregates[SQ_FIELDS_MAX];
        unsigned key_column, time_column; /* the first of the key's fields; that of event time */
        uint64_t layout, earlier_layout;  /* of the settings that keys depend on; without `by`, as version 0 had it */
        int64_t wall;                     /* the latest time of day that was seen */

        /* at hand, in a callback */
        struct sq_str by;
        struct sqi_window_key *key;
        const struct sq_tuple *in;
        struct sqi_taken taken[SQ_FIELDS_MAX];

        struct sqi_key_totals totals;

        /* what slots are put together in */
        struct sqi_blob blobs[SQI_BLOB_NUMBERS];
        uint8_t *merged;
};

/* slot.c: what stands behind the header of a slot. */
uint8_t *sqi_windows_content(const struct sqi_windows *run, const void *slot);
uint8_t *sqi_windows_room(struct sqi_timelines *timelines, size_t bytes);
struct sqi_blobs sqi_windows_blobs(const struct sqi_windows *run, const void *slot);
void *sqi_windows_front(struct sqi_timelines *timelines);
struct sqi_windows *sqi_windows_of(struct sqi_timelines *timelines);
struct sq_time sqi_windows_time(int64_t ns);
const char *sqi_windows_firing(enum sqi_firing firing);

/* aggregating.c: there is one cell an aggregate. */
extern const struct sqi_timeline_ops sqi_aggregating_ops;
/* Lays the cells out, behind one another. The bytes of all. */
size_t sqi_aggregating_lay_out(struct sqi_windows *run, struct sqi_columns *columns);
/* Are all of its cells of one size, whatever they have, and the same in any order? */
bool sqi_aggregating_is_plain(const struct sqi_windows *run);
/* Looks at the tuple at hand. NULL, or the aggregate that does not take its value. */
const char *sqi_aggregating_take(struct sqi_windows *run, int64_t time);
/* What the slots come to, a value an aggregate; use() has them while they are good. 0 or -ENOMEM. */
typedef int sqi_use_values(struct sqi_windows *run, const struct sqi_fired *fired, const struct sq_value *values);
int sqi_aggregating_compute(struct sqi_windows *run, const struct sqi_fired *fired, sqi_use_values *use);

/* key_totals.c: of the aggregates that are tallied, and of those that have suffixes. */
extern const struct sqi_total_ops sqi_tallied_ops;
/* Is any of them worth it? */
bool sqi_key_totals_pay(const struct sqi_windows *run);
const struct sqi_suffixes *sqi_key_total_suffixes(const struct sqi_total *total);
const struct sqi_tally *sqi_key_total_tally(const struct sqi_total *total, size_t aggregate);
void sqi_key_totals_end(struct sqi_windows *run);

/* windowed.c: there is what a bolt in C keeps. */
extern const struct sqi_timeline_ops sqi_windowed_ops;

/* earlier.c: the state that version 0 of the bolt `window` has left. */
void sqi_windows_take_earlier(const void *old, struct sqi_window_key *key);
bool sqi_windows_is_earlier(const struct sqi_window_key *key);
/* Makes slots of its panes. The key is at hand. 0 or -ENOMEM. */
int sqi_windows_convert(struct sqi_windows *run);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A join at work in a task. Rows come with a key, a side and a time; which rows meet which, and when one has waited
 * long enough, is for the kinds of join (struct sqi_join_kind). All that they keep is keyed state, and each key has one
 * timer, for the next moment at which something is over.
 *
 *     row --> add() --> joined with those that are there     interval, table
 *              |
 *              v                                             what has no partner: `unmatched`, or with nulls
 *            held --> due() --> joined, or given up          windows; interval
 *
 * Time is one number: the watermark, or the time of day, less `lateness`. So the lateness makes the join wait longer
 * for the same, and nothing that it has said needs to be taken back.
 */
#ifndef SQI_JOINS_JOIN_H
#define SQI_JOINS_JOIN_H

#include <squall-window.h>

#include "joins/rows.h"
#include "joins/settings.h"
#include "joins/sides.h"

enum sqi_join_stream { SQI_JOINED, SQI_UNMATCHED, SQI_TOO_LATE };

/* The state of a key. */
struct sqi_join_key {
        uint64_t layout; /* of the settings; 0: the key is new */
        int64_t armed;   /* when its timer runs; SQ_END_OF_TIME and `set`: at the end */
        uint64_t set;
        /* windows over time: the last end that has fired; sessions: how far the first one is known to go */
        int64_t edge;
        uint64_t ids; /* of the next row */
};

_Static_assert(sizeof(struct sqi_join_key) == sizeof(struct sq_join_key), "squall-window.h says how large it is");

/* A row that comes. */
struct sqi_arrival {
        unsigned side;
        int64_t time;
        struct sq_str values;
        bool is_empty; /* it has fields besides those of the key and of event time, and all are nil */
};

struct sqi_join {
        struct sq_task *task;
        const struct sq_joining *settings;
        struct sqi_join_plan plan;
        const struct sqi_join_kind *kind;
        struct sqi_join_inputs inputs;
        struct sqi_sides sides;
        unsigned left; /* the side that goes out with nulls by `type: left`; of a table, the one that is not it */
        bool event_time, timed_key; /* the fields of the key are followed by that of event time */
        uint64_t layout;
        struct sq_encoder packed;

        /* at hand, in a callback */
        int64_t now;
        struct sq_str by;
        struct sqi_join_key *key;
        struct sqi_join_rows rows[SQI_SIDES_MAX];
};

/* When its timer is to run, as time of the join. */
struct sqi_due {
        bool any;
        int64_t at;
};

struct sqi_join_kind {
        /* Takes a row, or says that it comes too late. */
        bool (*add)(struct sqi_join *join, const struct sqi_arrival *arrival);
        /* The time has come to join->now. */
        void (*due)(struct sqi_join *join);
        /* No row comes any more, by the time of day. */
        void (*finish)(struct sqi_join *join);
        struct sqi_due (*next)(const struct sqi_join *join);
};

extern const struct sqi_join_kind sqi_join_windows, sqi_join_sessions, sqi_join_interval, sqi_join_table;

/* ---- held_back.c ------------------------------------------------------------------------------------- */

/* Says by how much what it emits may be behind the watermark. */
void sqi_join_hold_back(const struct sqi_join *join);

/* ---- key.c ------------------------------------------------------------------------------------------- */

/* Takes a key in hand, one that is there, or one that may be new. */
void sqi_join_hold(struct sqi_join *join, struct sq_str by, struct sqi_join_key *key);
void sqi_join_find(struct sqi_join *join, struct sq_str by);
/* The time of the key's first row of any side, from `from` on. */
struct sqi_due sqi_join_first(const struct sqi_join *join, int64_t from);
void sqi_join_put(struct sqi_join *join, const struct sqi_arrival *arrival, bool matched);

/* ---- output.c ---------------------------------------------------------------------------------------- */

/* What goes out at once: a row of each side, `ptr` NULL where there is none. */
struct sqi_joined {
        bool windowed, outside; /* of a join by windows; and in none */
        int64_t start, end;
        int64_t time; /* by an interval: the later of the two, or that of the one */
        struct sq_str rows[SQI_SIDES_MAX];
};

/* One row of each side, or nulls. */
void sqi_join_emit(struct sqi_join *join, const struct sqi_joined *joined);
/* A row by itself, on one of the streams that say of which input it is. */
void sqi_join_emit_alone(struct sqi_join *join, enum sqi_join_stream stream, const struct sqi_joined *joined,
                         unsigned side);
/* A row that found no partner: with nulls, or on `unmatched`, as the type of the join has it. `joined` has it alone. */
void sqi_join_give_up(struct sqi_join *join, const struct sqi_joined *joined, unsigned side);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that are in one window: when it ends, each of one side with each of the others.
 *
 *     first     --a-----b----[-------------->  time       a, b with x; c has no partner in its window
 *     second    -----x-------[---------------
 *               [ window    )[ window c     )
 *
 * Windows are those of the library (windows/rule.h). Each row is held once, whatever the number of windows that it is
 * in, up to the end of the last one. Sessions are what lies between two gaps of the rows of all sides, so they need no
 * more than the rows: `edge` says how far the first one is known to go.
 */
#include "joins/join.h"

/* ---- A window that ends ------------------------------------------------------------------------------ */

struct firing {
        struct sqi_joined joined; /* `rows` as far as they are chosen */
        size_t first[SQI_SIDES_MAX], end[SQI_SIDES_MAX];
};

/* Each row of this side with each of those behind it. */
static void
multiply(struct sqi_join *join, struct firing *firing, unsigned side)
{
        if (side == join->sides.n) {
                sqi_join_emit(join, &firing->joined);
                return;
        }
        for (size_t i = firing->first[side]; i < firing->end[side]; i++) {
                firing->joined.rows[side] = sqi_join_rows_values(&join->rows[side], i);
                multiply(join, firing, side + 1);
        }
        firing->joined.rows[side] = (struct sq_str){NULL, 0};
        if (firing->first[side] == firing->end[side])
                multiply(join, firing, side + 1);
}

static void
give_up_all(struct sqi_join *join, struct firing *firing)
{
        for (unsigned side = 0; side < join->sides.n; side++)
                for (size_t i = firing->first[side]; i < firing->end[side]; i++) {
                        struct sqi_joined alone = firing->joined;

                        alone.rows[side] = sqi_join_rows_values(&join->rows[side], i);
                        sqi_join_give_up(join, &alone, side);
                }
}

static bool
goes_out(const struct sqi_join *join, const struct firing *firing)
{
        unsigned sides = 0;

        for (unsigned side = 0; side < join->sides.n; side++)
                sides += firing->first[side] < firing->end[side];
        return sides == join->sides.n || (join->settings->type == SQI_LEFT && firing->first[0] < firing->end[0]) ||
               (join->settings->type == SQI_FULL && sides > 0);
}

/* The rows from `start` up to `end`, which is not in it. */
static void
fire(struct sqi_join *join, int64_t start, int64_t end)
{
        struct firing firing = {.joined = {.windowed = true, .start = start, .end = end}};

        for (unsigned side = 0; side < join->sides.n; side++) {
                const struct sqi_join_rows *rows = &join->rows[side];

                firing.first[side] = sqi_join_rows_before(rows, start);
                firing.end[side] = end == SQ_END_OF_TIME ? rows->n : sqi_join_rows_before(rows, end);
        }
        if (goes_out(join, &firing))
                multiply(join, &firing, 0);
        else
                give_up_all(join, &firing);
}

/* ---- Tumbling and sliding windows -------------------------------------------------------------------- */

static int64_t
last_end(const struct sqi_join *join, int64_t time)
{
        return sqi_plus(sqi_last_start(&join->plan.rule, time), join->plan.rule.size);
}

static bool
add_to_windows(struct sqi_join *join, const struct sqi_arrival *arrival)
{
        struct sqi_join_key *key = join->key;
        struct sqi_arrival row = *arrival;

        if (key->edge < join->now)
                key->edge = join->now;
        if (!join->event_time) /* also when the clock was set back */
                row.time = key->edge;
        if (last_end(join, row.time) <= key->edge)
                return false;
        sqi_join_put(join, &row, false);
        return true;
}

/* The end of the next window that has something in it, after those that have fired. */
static struct sqi_due
next_window(const struct sqi_join *join)
{
        const struct sqi_rule *rule = &join->plan.rule;
        int64_t edge = join->key->edge, end = sqi_first_end(rule, edge);
        bool begun = edge != SQ_NO_WATERMARK;
        struct sqi_due first = sqi_join_first(join, begun ? sqi_plus(end, -rule->size) : edge);

        if (!first.any)
                return first;
        first.at = sqi_first_end(rule, first.at);
        return (struct sqi_due){true, first.at > end || !begun ? first.at : end};
}

/* Those that are in no window any more. */
static void
drop_past(struct sqi_join *join)
{
        for (unsigned side = 0; side < join->sides.n; side++) {
                struct sqi_join_rows *rows = &join->rows[side];
                size_t past = 0;

                while (past < rows->n && last_end(join, rows->at[past].time) <= join->key->edge)
                        past++;
                sqi_join_rows_drop(rows, past);
        }
}

static bool
fire_next(struct sqi_join *join, int64_t until)
{
        struct sqi_due due = next_window(join);

        if (!due.any || due.at > until || due.at <= join->key->edge)
                return false;
        fire(join, sqi_plus(due.at, -join->plan.rule.size), due.at);
        join->key->edge = due.at;
        drop_past(join);
        return true;
}

static void
windows_due(struct sqi_join *join)
{
        while (fire_next(join, join->now))
                ;
        if (join->key->edge < join->now)
                join->key->edge = join->now;
        drop_past(join);
}

/* By the time of day: the window that is under way. */
static void
finish_windows(struct sqi_join *join)
{
        windows_due(join);
        (void)fire_next(join, SQ_END_OF_TIME);
}

const struct sqi_join_kind sqi_join_windows = {add_to_windows, windows_due, finish_windows, next_window};

/* ---- Sessions ---------------------------------------------------------------------------------------- */

/* How far what begins by `edge` goes on. */
static int64_t
follow(const struct sqi_join *join, int64_t edge)
{
        bool more = true;

        while (more) {
                more = false;
                for (unsigned side = 0; side < join->sides.n; side++) {
                        const struct sqi_join_rows *rows = &join->rows[side];
                        size_t n = edge == SQ_END_OF_TIME ? rows->n : sqi_join_rows_before(rows, edge + 1);
                        int64_t end = n ? sqi_plus(rows->at[n - 1].time, join->plan.rule.gap) : edge;

                        if (end > edge) {
                                edge = end;
                                more = true;
                        }
                }
        }
        return edge;
}

/* Is there a row of any side that is no more than the gap away? */
static bool
has_neighbour(const struct sqi_join *join, int64_t time)
{
        struct sqi_due near = sqi_join_first(join, sqi_plus(time, -join->plan.rule.gap));

        return near.any && near.at <= sqi_plus(time, join->plan.rule.gap);
}

static bool
add_to_sessions(struct sqi_join *join, const struct sqi_arrival *arrival)
{
        struct sqi_due first = sqi_join_first(join, SQ_NO_WATERMARK);
        int64_t end = sqi_plus(arrival->time, join->plan.rule.gap);

        if (end <= join->now && !has_neighbour(join, arrival->time))
                return false;
        if (!first.any || end < first.at)
                join->key->edge = end;
        sqi_join_put(join, arrival, false);
        join->key->edge = follow(join, join->key->edge);
        return true;
}

static struct sqi_due
next_session(const struct sqi_join *join)
{
        return (struct sqi_due){sqi_join_first(join, SQ_NO_WATERMARK).any, join->key->edge};
}

/* The first session goes out, and the next one is the first. */
static void
fire_session(struct sqi_join *join, int64_t start)
{
        struct sqi_due first;

        fire(join, start, join->key->edge);
        for (unsigned side = 0; side < join->sides.n; side++)
                sqi_join_rows_drop(&join->rows[side],
                                   join->key->edge == SQ_END_OF_TIME
                                           ? join->rows[side].n
                                           : sqi_join_rows_before(&join->rows[side], join->key->edge));
        first = sqi_join_first(join, SQ_NO_WATERMARK);
        if (first.any)
                join->key->edge = follow(join, sqi_plus(first.at, join->plan.rule.gap));
}

static void
fire_sessions(struct sqi_join *join, int64_t until)
{
        for (struct sqi_due first; (first = sqi_join_first(join, SQ_NO_WATERMARK)).any && join->key->edge <= until;)
                fire_session(join, first.at);
}

static void
sessions_due(struct sqi_join *join)
{
        fire_sessions(join, join->now);
}

static void
finish_sessions(struct sqi_join *join)
{
        fire_sessions(join, SQ_END_OF_TIME);
}

const struct sqi_join_kind sqi_join_sessions = {add_to_sessions, sessions_due, finish_sessions, next_session};

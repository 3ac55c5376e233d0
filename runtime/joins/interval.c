/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of two sides that are no further apart: the second's time is from `low` to `high` after the first's.
 *
 *     first     ---------a--------------------------->  time
 *     second          [--x-----x------x]   x            three partners; the fourth is none
 *                     a + low          a + high
 *
 * A row meets those that are there when it comes, and is held for those that come yet: a first up to a + high, a second
 * up to b - low. Nothing is expected any more that is before the time of the join, so then it is over.
 */
#include "joins/join.h"

static int64_t
last_partner(const struct sqi_join *join, unsigned side, int64_t time)
{
        return sqi_plus(time, side == 0 ? join->plan.high : -join->plan.low);
}

static int64_t
first_partner(const struct sqi_join *join, unsigned side, int64_t time)
{
        return sqi_plus(time, side == 0 ? join->plan.low : -join->plan.high);
}

static bool
is_over(const struct sqi_join *join, unsigned side, int64_t time)
{
        return last_partner(join, side, time) < join->now || join->now == SQ_END_OF_TIME;
}

static bool
join_partners(struct sqi_join *join, const struct sqi_arrival *arrival)
{
        unsigned other = !arrival->side;
        struct sqi_join_rows *rows = &join->rows[other];
        int64_t last = last_partner(join, arrival->side, arrival->time);
        size_t i = sqi_join_rows_before(rows, first_partner(join, arrival->side, arrival->time));
        bool matched = false;

        for (; i < rows->n && rows->at[i].time <= last; i++) {
                int64_t time = rows->at[i].time;
                struct sqi_joined joined = {.time = time > arrival->time ? time : arrival->time};

                joined.rows[arrival->side] = arrival->values;
                joined.rows[other] = sqi_join_rows_values(rows, i);
                sqi_join_emit(join, &joined);
                rows->at[i].matched = matched = true;
        }
        return matched;
}

static void
give_up(struct sqi_join *join, unsigned side, int64_t time, struct sq_str values)
{
        struct sqi_joined joined = {.time = time};

        joined.rows[side] = values;
        sqi_join_give_up(join, &joined, side);
}

static bool
add(struct sqi_join *join, const struct sqi_arrival *arrival)
{
        bool matched;

        if (arrival->time < join->now)
                return false;
        matched = join_partners(join, arrival);
        if (!is_over(join, arrival->side, arrival->time))
                sqi_join_put(join, arrival, matched);
        else if (!matched)
                give_up(join, arrival->side, arrival->time, arrival->values);
        return true;
}

/* The side whose first row is over first, of those that have one; -1: none has. */
static int
first_over(const struct sqi_join *join)
{
        int first = -1;
        int64_t at, least = 0;

        for (unsigned side = 0; side < 2; side++) {
                if (join->rows[side].n == 0)
                        continue;
                at = last_partner(join, side, join->rows[side].at[0].time);
                if (first < 0 || at < least) {
                        first = (int)side;
                        least = at;
                }
        }
        return first;
}

static struct sqi_due
next(const struct sqi_join *join)
{
        int side = first_over(join);

        if (side < 0)
                return (struct sqi_due){0};
        return (struct sqi_due){true, sqi_plus(last_partner(join, (unsigned)side, join->rows[side].at[0].time), 1)};
}

static void
drop_first(struct sqi_join *join, unsigned side)
{
        struct sqi_join_rows *rows = &join->rows[side];

        if (!rows->at[0].matched)
                give_up(join, side, rows->at[0].time, sqi_join_rows_values(rows, 0));
        sqi_join_rows_drop(rows, 1);
}

static void
due(struct sqi_join *join)
{
        for (int side; (side = first_over(join)) >= 0 && is_over(join, (unsigned)side, join->rows[side].at[0].time);)
                drop_first(join, (unsigned)side);
}

static void
finish(struct sqi_join *join)
{
        for (int side; (side = first_over(join)) >= 0;)
                drop_first(join, (unsigned)side);
}

const struct sqi_join_kind sqi_join_interval = {add, due, finish, next};

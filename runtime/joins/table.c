/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a stream, each with the row that its key has in a table at that moment. The table is the other side: its
 * latest row of each key is held, for ever.
 *
 *     stream   ----a----------b---------c------>   a has no row yet: it waits, or goes out alone
 *     table    --------1------------2---------->   b with 1, c with 2
 *
 * By event time the latest is the one with the latest time, whatever the order in which they come. A row of which all
 * fields but the key and the event time are nil takes the key out of the table.
 */
#include "joins/join.h"

static struct sqi_join_rows *
table_of(struct sqi_join *join)
{
        return &join->rows[!join->left];
}

static struct sqi_join_rows *
waiting_of(struct sqi_join *join)
{
        return &join->rows[join->left];
}

static void
emit_with(struct sqi_join *join, struct sq_str values)
{
        struct sqi_joined joined = {0};

        joined.rows[join->left] = values;
        joined.rows[!join->left] = sqi_join_rows_values(table_of(join), 0);
        sqi_join_emit(join, &joined);
}

static void
give_up(struct sqi_join *join, struct sq_str values)
{
        struct sqi_joined joined = {0};

        joined.rows[join->left] = values;
        sqi_join_give_up(join, &joined, join->left);
}

/* ---- The table --------------------------------------------------------------------------------------- */

static void
change_table(struct sqi_join *join, const struct sqi_arrival *arrival)
{
        struct sqi_join_rows *table = table_of(join), *waiting = waiting_of(join);

        if (table->n > 0 && join->event_time && arrival->time < table->at[0].time) {
                sq_count(join->task, "outdated", 1);
                return;
        }
        sqi_join_rows_drop(table, table->n);
        if (arrival->is_empty)
                return;
        sqi_join_put(join, arrival, true);
        for (size_t i = 0; i < waiting->n; i++)
                emit_with(join, sqi_join_rows_values(waiting, i));
        sqi_join_rows_drop(waiting, waiting->n);
}

/* ---- The stream -------------------------------------------------------------------------------------- */

static bool
is_over(const struct sqi_join *join, int64_t time)
{
        return join->plan.wait == 0 || sqi_plus(time, join->plan.wait) <= join->now;
}

static bool
add(struct sqi_join *join, const struct sqi_arrival *arrival)
{
        if (arrival->side != join->left)
                change_table(join, arrival);
        else if (table_of(join)->n > 0)
                emit_with(join, arrival->values);
        else if (is_over(join, arrival->time))
                give_up(join, arrival->values);
        else
                sqi_join_put(join, arrival, false);
        return true;
}

static void
give_up_first(struct sqi_join *join, size_t n)
{
        struct sqi_join_rows *waiting = waiting_of(join);

        for (size_t i = 0; i < n; i++)
                give_up(join, sqi_join_rows_values(waiting, i));
        sqi_join_rows_drop(waiting, n);
}

static void
due(struct sqi_join *join)
{
        const struct sqi_join_rows *waiting = waiting_of(join);
        size_t n = 0;

        while (n < waiting->n && is_over(join, waiting->at[n].time))
                n++;
        give_up_first(join, n);
}

static void
finish(struct sqi_join *join)
{
        give_up_first(join, waiting_of(join)->n);
}

static struct sqi_due
next(const struct sqi_join *join)
{
        const struct sqi_join_rows *waiting = &join->rows[join->left];

        if (waiting->n == 0)
                return (struct sqi_due){0};
        return (struct sqi_due){true, sqi_plus(waiting->at[0].time, join->plan.wait)};
}

const struct sqi_join_kind sqi_join_table = {add, due, finish, next};

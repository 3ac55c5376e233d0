/* SPDX-License-Identifier: Apache-2.0 */
/* The key at hand, and the rows that it holds. */
#include "joins/join.h"

void
sqi_join_hold(struct sqi_join *join, struct sq_str by, struct sqi_join_key *key)
{
        join->by = by;
        join->key = key;
        for (unsigned side = 0; side < join->sides.n; side++)
                sqi_join_rows_open(&join->rows[side], join->task, key, side);
}

void
sqi_join_find(struct sqi_join *join, struct sq_str by)
{
        struct sqi_join_key *key = sq_keyed(join->task, by);

        if (key->layout == 0)
                *key = (struct sqi_join_key){.layout = join->layout, .edge = SQ_NO_WATERMARK};
        sqi_join_hold(join, by, key);
}

struct sqi_due
sqi_join_first(const struct sqi_join *join, int64_t from)
{
        struct sqi_due first = {0};

        for (unsigned side = 0; side < join->sides.n; side++) {
                const struct sqi_join_rows *rows = &join->rows[side];
                size_t i = sqi_join_rows_before(rows, from);

                if (i < rows->n && (!first.any || rows->at[i].time < first.at))
                        first = (struct sqi_due){true, rows->at[i].time};
        }
        return first;
}

void
sqi_join_put(struct sqi_join *join, const struct sqi_arrival *arrival, bool matched)
{
        sqi_join_rows_put(&join->rows[arrival->side], (struct sqi_join_row){arrival->time, join->key->ids++, matched},
                          arrival->values);
}

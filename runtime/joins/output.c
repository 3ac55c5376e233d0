/* SPDX-License-Identifier: Apache-2.0 */
/* What a join emits: the key's fields; start and end, of windows; the stamp; then those of each side, packed. */
#include "joins/join.h"
#include "windows/windows.h"

enum { VALUES_MAX = 2 * SQ_FIELDS_MAX };

static size_t
put_side(const struct sqi_side *side, struct sq_str row, struct sq_value *values)
{
        if (row.ptr && side->n > 0) {
                values[0] = sq_splice(row, side->n);
                return 1;
        }
        for (size_t i = 0; i < side->n; i++)
                values[i] = sq_nil();
        return side->n;
}

/* The fields of the output hold no more than a tuple may have, so there is room. */
static size_t
put_all(const struct sqi_join *join, const struct sqi_joined *joined, struct sq_value *values)
{
        size_t n = 0;

        values[n++] = sq_splice(join->by, join->sides.nkeys);
        if (joined->windowed) {
                values[n++] = joined->outside ? sq_nil() : sq_time(sqi_windows_time(joined->start));
                values[n++] = joined->outside ? sq_nil() : sq_time(sqi_windows_time(joined->end));
        }
        if (join->settings->stamp)
                values[n++] = sq_time(sqi_windows_time(joined->time));
        for (unsigned s = 0; s < join->sides.n; s++)
                n += put_side(&join->sides.all[s], joined->rows[s], values + n);
        return n;
}

void
sqi_join_emit(struct sqi_join *join, const struct sqi_joined *joined)
{
        struct sq_value values[VALUES_MAX];

        sq_emit_values(join->task, SQI_JOINED, put_all(join, joined, values), values);
}

void
sqi_join_emit_alone(struct sqi_join *join, enum sqi_join_stream stream, const struct sqi_joined *joined, unsigned side)
{
        struct sq_value values[VALUES_MAX];
        size_t n = put_all(join, joined, values);

        values[n++] = sq_text(join->sides.all[side].name);
        sq_emit_values(join->task, (unsigned)stream, n, values);
}

void
sqi_join_give_up(struct sqi_join *join, const struct sqi_joined *joined, unsigned side)
{
        int64_t type = join->settings->type;

        sq_count(join->task, "unmatched", 1);
        if (type == SQI_FULL || (type == SQI_LEFT && side == join->left))
                sqi_join_emit(join, joined);
        else
                sqi_join_emit_alone(join, SQI_UNMATCHED, joined, side);
}

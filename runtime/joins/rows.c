/* SPDX-License-Identifier: Apache-2.0 */
#include "joins/rows.h"

#include <string.h>

enum { SHELVES, VALUES }; /* maps of the key */
enum { FIRST_ROOM = 4 };

struct sqi_shelf {
        uint32_t begin, n, room, unused;
        struct sqi_join_row rows[];
};

static size_t
bytes_of(size_t room)
{
        return sizeof(struct sqi_shelf) + room * sizeof(struct sqi_join_row);
}

/* `place` outlives it. */
static struct sq_str
key_of(const uint64_t *place)
{
        return (struct sq_str){(const char *)place, sizeof(*place)};
}

static struct sqi_shelf *
shelf_of(const struct sqi_join_rows *rows, size_t room)
{
        uint64_t side = rows->side;

        return sq_map_at(rows->task, rows->key, SHELVES, key_of(&side), bytes_of(room));
}

static void
hold(struct sqi_join_rows *rows, struct sqi_shelf *shelf)
{
        rows->shelf = shelf;
        rows->n = shelf->n;
        rows->at = shelf->rows + shelf->begin;
}

size_t
sqi_join_rows_count(struct sq_task *task, const void *key, unsigned side)
{
        uint64_t place = side;
        size_t size;
        const struct sqi_shelf *shelf = sq_map_peek(task, key, SHELVES, key_of(&place), &size);

        return shelf ? shelf->n : 0;
}

void
sqi_join_rows_open(struct sqi_join_rows *rows, struct sq_task *task, const void *key, unsigned side)
{
        *rows = (struct sqi_join_rows){.task = task, .key = key, .side = side};
        if (sqi_join_rows_count(task, key, side) > 0)
                hold(rows, shelf_of(rows, 0));
}

/* Most that come are the last ones. */
size_t
sqi_join_rows_before(const struct sqi_join_rows *rows, int64_t time)
{
        size_t low = 0, high = rows->n;

        if (high > 0 && rows->at[high - 1].time < time)
                return high;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (rows->at[middle].time < time)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Room behind the last: that of those that were dropped, if it is half of all, or twice as much. */
static struct sqi_shelf *
reserve(struct sqi_join_rows *rows)
{
        struct sqi_shelf *shelf = rows->shelf;
        uint32_t room;

        if (!shelf) {
                shelf = shelf_of(rows, FIRST_ROOM);
                shelf->room = FIRST_ROOM;
        }
        if (shelf->begin + shelf->n < shelf->room)
                return shelf;
        if (shelf->begin > 0 && shelf->begin >= shelf->room / 2) {
                memmove(shelf->rows, shelf->rows + shelf->begin, shelf->n * sizeof(*shelf->rows));
                shelf->begin = 0;
                return shelf;
        }
        room = shelf->room * 2;
        shelf = shelf_of(rows, room);
        shelf->room = room;
        return shelf;
}

void
sqi_join_rows_put(struct sqi_join_rows *rows, struct sqi_join_row row, struct sq_str values)
{
        size_t i = row.time == INT64_MAX ? rows->n : sqi_join_rows_before(rows, row.time + 1);
        struct sqi_shelf *shelf = reserve(rows);
        struct sqi_join_row *at = shelf->rows + shelf->begin;

        memmove(at + i + 1, at + i, (shelf->n - i) * sizeof(*at));
        at[i] = row;
        shelf->n++;
        hold(rows, shelf);
        if (values.len > 0)
                memcpy(sq_map_at(rows->task, rows->key, VALUES, key_of(&row.id), values.len), values.ptr, values.len);
}

struct sq_str
sqi_join_rows_values(const struct sqi_join_rows *rows, size_t i)
{
        size_t size = 0;
        const void *bytes = sq_map_peek(rows->task, rows->key, VALUES, key_of(&rows->at[i].id), &size);

        return bytes ? (struct sq_str){bytes, size} : (struct sq_str){"", 0};
}

/* A shelf on which nothing is left goes too. */
void
sqi_join_rows_drop(struct sqi_join_rows *rows, size_t n)
{
        uint64_t side = rows->side;

        if (n == 0)
                return;
        for (size_t i = 0; i < n; i++)
                sq_map_forget(rows->task, rows->key, VALUES, key_of(&rows->at[i].id));
        rows->shelf->begin += (uint32_t)n;
        rows->shelf->n -= (uint32_t)n;
        hold(rows, rows->shelf);
        if (rows->n > 0)
                return;
        sq_map_forget(rows->task, rows->key, SHELVES, key_of(&side));
        rows->shelf = NULL;
}

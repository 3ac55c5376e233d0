/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_FIRST = 256 };

/* FNV-1a, for a table in memory. */
static uint64_t
hash_of(struct sq_str key)
{
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < key.len; i++)
                hash = (hash ^ (uint8_t)key.ptr[i]) * UINT64_C(0x100000001b3);
        return hash;
}

/* The place of the key, or the free one where it would stand. Half of the places are free. */
static struct sqi_row *
find(const struct sqi_rows *rows, struct sq_str key, uint64_t hash)
{
        for (size_t i = hash % rows->size;; i = (i + 1) % rows->size) {
                struct sqi_row *row = &rows->places[i];

                if (!row->key ||
                    (row->hash == hash && row->key_len == key.len && memcmp(row->key, key.ptr, key.len) == 0))
                        return row;
        }
}

static bool
make_room(struct sqi_rows *rows)
{
        struct sqi_rows grown = {.n = rows->n, .size = rows->size ? 2 * rows->size : SIZE_FIRST};

        if (2 * (rows->n + 1) <= rows->size)
                return true;
        grown.places = calloc(grown.size, sizeof(*grown.places));
        if (!grown.places)
                return false;
        for (size_t i = 0; i < rows->size; i++) {
                struct sqi_row *row = &rows->places[i];

                if (row->key)
                        *find(&grown, (struct sq_str){row->key, row->key_len}, row->hash) = *row;
        }
        free(rows->places);
        *rows = grown;
        return true;
}

static void
clear(struct sqi_row *row)
{
        free(row->key);
        free(row->made);
}

bool
sqi_rows_put(struct sqi_rows *rows, struct sq_str key, struct sq_str row)
{
        struct sqi_row to = {.hash = hash_of(key), .key_len = key.len, .len = row.ptr ? row.len : 0, .there = row.ptr};
        struct sqi_row *place;

        to.key = malloc(to.key_len + to.len + 1);
        if (!to.key)
                return false;
        if (!make_room(rows)) {
                free(to.key);
                return false;
        }
        memcpy(to.key, key.ptr, to.key_len);
        if (to.len > 0)
                memcpy(to.key + to.key_len, row.ptr, to.len);
        place = find(rows, key, to.hash);
        rows->n += !place->key;
        clear(place);
        *place = to;
        return true;
}

struct sqi_row *
sqi_rows_get(const struct sqi_rows *rows, struct sq_str key)
{
        struct sqi_row *row = rows->size > 0 ? find(rows, key, hash_of(key)) : NULL;

        return row && row->key ? row : NULL;
}

void
sqi_rows_clear(struct sqi_rows *rows)
{
        for (size_t i = 0; i < rows->size; i++)
                clear(&rows->places[i]);
        free(rows->places);
        *rows = (struct sqi_rows){0};
}

int
sqi_lookup_get(struct sqi_lookup *table, struct sq_str key, struct sqi_row **ret)
{
        struct sq_str row = {NULL, 0};
        int r;

        *ret = sqi_rows_get(&table->rows, key);
        if (*ret)
                return (*ret)->there ? 1 : 0;
        if (!table->from->fetch)
                return 0;
        if (table->rows.n >= table->most)
                sqi_rows_clear(&table->rows);
        r = table->from->fetch(table, key);
        if (r < 0)
                return r;
        if (r > 0)
                row = (struct sq_str){table->row.bytes, table->row.len};
        if (sqi_rows_put(&table->rows, key, row)) {
                *ret = sqi_rows_get(&table->rows, key);
                return r;
        }
        snprintf(table->why, sizeof(table->why), "%s", strerror(ENOMEM));
        return -EAGAIN;
}

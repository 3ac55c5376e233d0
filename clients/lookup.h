/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables in which the bolt `lookup` looks things up: a CSV file, a table of SQLite, hashes of Redis.
 *
 *     struct sqi_lookup table = {.from = &sqi_lookup_csv, .place = path, .column = "id"};
 *     r = table.from->open(&table);               0, or table.why says what it is
 *     table.from->look(&table);                   now and then: forgets what may have changed
 *     r = sqi_lookup_get(&table, key, &row);      1; 0: there is no such row; -EAGAIN: it cannot be asked now
 *     table.from->close(&table);                  {.from = ...} may be closed
 *
 * A row is a map of msgpack, of its columns: a view, good until the next call. What the caller has made of it stays
 * with it: row->made.
 */
#ifndef SQI_CLIENT_LOOKUP_H
#define SQI_CLIENT_LOOKUP_H

#include <squall-kit.h>

struct sqi_lookup;

struct sqi_lookup_from {
        /* 0; -EAGAIN: not now; -EINVAL: it will not do */
        int (*open)(struct sqi_lookup *table);
        void (*look)(struct sqi_lookup *table); /* why: what was there before is used still */
        /* As sqi_lookup_get(), of what is not remembered; the row is in table->row. NULL: what is not remembered is
         * not there. */
        int (*fetch)(struct sqi_lookup *table, struct sq_str key);
        void (*close)(struct sqi_lookup *table);
};

extern const struct sqi_lookup_from sqi_lookup_csv, sqi_lookup_sqlite, sqi_lookup_redis;

struct sqi_row {
        uint64_t hash;
        char *key; /* NULL: a free place; the row stands behind it, and stays there */
        size_t key_len, len;
        struct sq_value *made; /* the caller's, malloc'd; NULL: nothing */
        bool there;
};

static inline struct sq_str
sqi_row_bytes(const struct sqi_row *row)
{
        return (struct sq_str){row->key + row->key_len, row->len};
}

/* What is remembered: rows by their keys, and keys that have none. {0} is nothing. */
struct sqi_rows {
        struct sqi_row *places;
        size_t n, size;
};

struct sqi_lookup {
        const struct sqi_lookup_from *from;
        const char *place, *name, *column; /* a path or a URL; of SQLite the table; the column that is the key */
        char secret[512];
        size_t most; /* rows that are remembered of what is fetched */

        char why[256];
        struct sqi_rows rows;
        struct sq_encoder row; /* of SQ_FORMAT_MSGPACK */
        void *own;             /* of `from` */
};

int sqi_lookup_get(struct sqi_lookup *table, struct sq_str key, struct sqi_row **ret);

/* Both are copied, and take the place of what is there; row.ptr may be NULL: there is none. False: no memory. */
bool sqi_rows_put(struct sqi_rows *rows, struct sq_str key, struct sq_str row);
/* NULL: nothing is known. */
struct sqi_row *sqi_rows_get(const struct sqi_rows *rows, struct sq_str key);
void sqi_rows_clear(struct sqi_rows *rows);

#endif

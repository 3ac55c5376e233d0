/* SPDX-License-Identifier: Apache-2.0 */
/* A table of a SQLite database, a row at a time. What is remembered goes when the database has changed. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lookup.h"

enum { BUSY_MS = 1000 };

struct database {
        sqlite3 *connection;
        sqlite3_stmt *row, *version;
        int64_t last; /* version */
        dev_t device; /* the file that is open */
        ino_t inode;
};

/* -EAGAIN: another process has it locked; else what the caller says. */
static int
away(struct sqi_lookup *table, int r)
{
        const struct database *own = table->own;
        int kind = own && own->connection ? sqlite3_errcode(own->connection) & 0xff : SQLITE_NOMEM;

        snprintf(table->why, sizeof(table->why), "%s",
                 own && own->connection ? sqlite3_errmsg(own->connection) : strerror(ENOMEM));
        return kind == SQLITE_BUSY || kind == SQLITE_LOCKED ? -EAGAIN : r;
}

static void
end(struct sqi_lookup *table)
{
        struct database *own = table->own;

        if (!own)
                return;
        sqlite3_finalize(own->row);
        sqlite3_finalize(own->version);
        sqlite3_close(own->connection);
        free(own);
        table->own = NULL;
}

static int
begin(struct sqi_lookup *table)
{
        struct database *own = calloc(1, sizeof(*own));
        /* `t.`: a name in quotes alone is a text to SQLite where there is no such column */
        char *text = own ? sqlite3_mprintf("SELECT * FROM \"%w\" AS t WHERE t.\"%w\" = ?1 LIMIT 1", table->name,
                                           table->column)
                         : NULL;
        int r = text ? 0 : -ENOMEM;

        struct stat about;

        table->own = own;
        if (r == 0 && stat(table->place, &about) == 0) {
                own->device = about.st_dev;
                own->inode = about.st_ino;
        }
        if (r == 0 && sqlite3_open_v2(table->place, &own->connection, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
                r = away(table, -EINVAL);
        if (r == 0) {
                sqlite3_busy_timeout(own->connection, BUSY_MS);
                if (sqlite3_prepare_v2(own->connection, text, -1, &own->row, NULL) != SQLITE_OK ||
                    sqlite3_prepare_v2(own->connection, "PRAGMA data_version", -1, &own->version, NULL) != SQLITE_OK)
                        r = away(table, -EINVAL);
        }
        sqlite3_free(text);
        return r;
}

/* Not so if it was locked when it was opened. */
static bool
is_open(const struct database *own)
{
        return own && own->version;
}

static int
open_again(struct sqi_lookup *table)
{
        int r;

        end(table);
        r = begin(table);
        return r < 0 ? -EAGAIN : r;
}

/* Another file stands there: it is opened, or what was open stays. */
static void
open_anew(struct sqi_lookup *table)
{
        struct database *old = table->own, *own;

        if (begin(table) < 0) {
                end(table);
                table->own = old;
                return;
        }
        own = table->own;
        table->own = old;
        end(table);
        table->own = own;
        sqi_rows_clear(&table->rows);
}

static void
look(struct sqi_lookup *table)
{
        struct database *own = table->own;
        int64_t version = own->last;
        struct stat about;

        if (!is_open(own))
                return; /* the next row that is asked for opens it */

        if (stat(table->place, &about) == 0 && (about.st_dev != own->device || about.st_ino != own->inode)) {
                open_anew(table);
                return;
        }

        if (sqlite3_step(own->version) == SQLITE_ROW)
                version = sqlite3_column_int64(own->version, 0);
        sqlite3_reset(own->version);
        if (version != own->last)
                sqi_rows_clear(&table->rows);
        own->last = version;
}

static struct sq_value
value_of(sqlite3_stmt *row, int column)
{
        switch (sqlite3_column_type(row, column)) {
        case SQLITE_INTEGER:
                return sq_int(sqlite3_column_int64(row, column));
        case SQLITE_FLOAT:
                return sq_float(sqlite3_column_double(row, column));
        case SQLITE_TEXT:
                return sq_str((struct sq_str){(const char *)sqlite3_column_text(row, column),
                                              (size_t)sqlite3_column_bytes(row, column)});
        case SQLITE_BLOB:
                return sq_bin(sqlite3_column_blob(row, column), (size_t)sqlite3_column_bytes(row, column));
        default:
                return sq_nil();
        }
}

static int
take(struct sqi_lookup *table, sqlite3_stmt *row)
{
        struct sq_value values[SQ_FIELDS_MAX];
        const char *names[SQ_FIELDS_MAX];
        int n = sqlite3_column_count(row);

        for (int i = 0; i < n && i < (int)SQ_FIELDS_MAX; i++) {
                names[i] = sqlite3_column_name(row, i);
                values[i] = value_of(row, i);
        }
        table->row.len = 0;
        return sq_encode_values(&table->row, n < (int)SQ_FIELDS_MAX ? (size_t)n : SQ_FIELDS_MAX, names, values) < 0
                       ? -EAGAIN
                       : 1;
}

static int
fetch(struct sqi_lookup *table, struct sq_str key)
{
        struct database *own = table->own;
        int r;

        if (!is_open(own) && (r = open_again(table)) < 0)
                return r;
        own = table->own;
        r = sqlite3_bind_text64(own->row, 1, key.ptr, key.len, SQLITE_STATIC, SQLITE_UTF8);

        if (r == SQLITE_OK)
                r = sqlite3_step(own->row);
        r = r == SQLITE_ROW ? take(table, own->row) : r == SQLITE_DONE ? 0 : away(table, -EAGAIN);
        sqlite3_reset(own->row);
        return r;
}

const struct sqi_lookup_from sqi_lookup_sqlite = {begin, look, fetch, end};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `lookup`: each tuple with fields of the row that its key has in a table, behind its own. clients/lookup.h
 * says what tables there are. A file and a database are looked at once a second, and read anew when they have
 * changed; what came from Redis is remembered for `expire` seconds.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

#include "../clients/lookup.h"
#include "../clients/redis.h"

enum { CSV, SQLITE, REDIS };
enum { AS_NULL, DROP, REFUSE };

struct lookup {
        struct sq_decoder decoder; /* of rows; `fields` and `on-error` are settings */
        const char *path, *url, *table, *column, *key, *password;
        int64_t from, missing, cache;
        double expire;

        struct sqi_lookup rows;
        struct sq_encoder text;
        struct sq_templates *templates;
        uint64_t look_ns;
};

static const struct sqi_lookup_from *const tables[] = {&sqi_lookup_csv, &sqi_lookup_sqlite, &sqi_lookup_redis};

/* Each kind of table has settings of its own. */
static void
declare_unused(struct sq_declaration *decl, const struct lookup *self)
{
        static const char *const of_redis[] = {"url", "password", "expire"}, *const of_files[] = {"path", "column"};

        for (size_t i = 0; self->from != REDIS && i < sizeof(of_redis) / sizeof(of_redis[0]); i++)
                sq_declare_unused(decl, of_redis[i], "without `from: redis`");
        for (size_t i = 0; self->from == REDIS && i < sizeof(of_files) / sizeof(of_files[0]); i++)
                sq_declare_unused(decl, of_files[i], "with `from: redis`, where the key names a hash");
        if (self->from != SQLITE)
                sq_declare_unused(decl, "table", "without `from: sqlite`");
        if (self->from == CSV)
                sq_declare_unused(decl, "cache", "with `from: csv`, all of which is in memory");
}

static void
declare_place(struct sq_declaration *decl, const struct lookup *self)
{
        struct sq_url at;
        const char *wrong = self->from == REDIS && self->url ? sqi_redis_url(self->url, &at) : NULL;

        if (wrong)
                sq_declare_error(decl, "url", "%s", wrong);
        if (self->from == REDIS && !self->url)
                sq_declare_error(decl, "url", "is needed: redis://HOST:PORT");
        if (self->from != REDIS && !self->path)
                sq_declare_error(decl, "path", "is needed: the file");
        if (self->from != REDIS && !self->column)
                sq_declare_error(decl, "column", "is needed: the column in which the key stands");
        if (self->from == SQLITE && !self->table)
                sq_declare_error(decl, "table", "is needed");
        declare_unused(decl, self);
        if (self->cache < 1)
                sq_declare_error(decl, "cache", "must be 1 or more");
        if (!(self->expire >= 0 && self->expire <= 1e6))
                sq_declare_error(decl, "expire", "must be from 0 to a million seconds");
}

static void
declare(struct sq_declaration *decl)
{
        const struct lookup *self = sq_declared_state(decl);
        struct sq_decoder decoder = self->decoder;

        declare_place(decl, self);
        sq_template_declare(self->key, decl, "key");
        sq_secret_declare(self->password, decl, "password");
        sq_declare_passing(decl);
        decoder.format = SQ_FORMAT_MSGPACK;
        sq_decoder_declare(&decoder, decl);
}

static void
probe(struct sq_declaration *decl)
{
        const struct lookup *self = sq_declared_state(decl);
        struct sqi_lookup rows = {.from = tables[self->from],
                                  .place = self->from == REDIS ? self->url : self->path,
                                  .name = self->table,
                                  .column = self->column,
                                  .most = 1,
                                  .row.format = SQ_FORMAT_MSGPACK};

        if (!sq_secret_probe(decl, "password", self->password, rows.secret, sizeof(rows.secret)))
                return;
        if (rows.from->open(&rows) < 0)
                sq_declare_error(decl, self->from == REDIS ? "url" : "path", "%s: %s", rows.place, rows.why);
        rows.from->close(&rows);
        explicit_bzero(rows.secret, sizeof(rows.secret));
}

static int
begin(struct sq_task *task)
{
        struct lookup *self = sq_state(task);
        struct sqi_lookup *rows = &self->rows;
        const char *wrong;
        int r;

        self->decoder.format = rows->row.format = SQ_FORMAT_MSGPACK;
        self->text.format = SQ_FORMAT_TEXT;
        self->templates = sq_templates_new();
        if (!self->templates)
                return sq_error(task, "%s", strerror(ENOMEM));
        rows->from = tables[self->from];
        rows->place = self->from == REDIS ? self->url : self->path;
        rows->name = self->table;
        rows->column = self->column;
        rows->most = (size_t)self->cache;
        wrong = sq_decoder_begin(&self->decoder);
        if (wrong)
                return sq_error(task, "fields: %s", wrong);
        if (sq_secret_read(task, self->password, rows->secret, sizeof(rows->secret)) < 0)
                return -1;
        r = rows->from->open(rows);
        if (r == -EAGAIN)
                sq_log(task, SQ_WARN, "%s: %s (it may come up yet)", rows->place, rows->why);
        if (r == 0 || r == -EAGAIN)
                return 0;
        return sq_error_final(task, "%s: %s", rows->place, rows->why);
}

static void
cleanup(struct sq_task *task)
{
        struct lookup *self = sq_state(task);

        if (self->rows.from)
                self->rows.from->close(&self->rows);
        sqi_rows_clear(&self->rows.rows);
        sq_encoder_free(&self->rows.row);
        sq_encoder_free(&self->text);
        sq_templates_free(&self->templates);
        sq_decoder_free(&self->decoder);
        explicit_bzero(self->rows.secret, sizeof(self->rows.secret));
}

static int
prepare(struct sq_task *task)
{
        int r = begin(task);

        if (r < 0)
                cleanup(task);
        return r;
}

/* Whether it has changed. */
static void
look(struct sq_task *task, struct lookup *self)
{
        double every = self->from == REDIS ? self->expire : 1;

        self->look_ns = sq_now(task) + (uint64_t)(every * 1e9);
        self->rows.why[0] = '\0';
        self->rows.from->look(&self->rows);
        if (self->rows.why[0])
                sq_log(task, SQ_WARN, "%s: %s: what was read before is used still", self->rows.place, self->rows.why);
}

static enum sq_verdict
refuse(struct sq_task *task, const struct lookup *self, const struct sq_record *record, const char *cause)
{
        struct sq_value pairs[2 * SQ_FIELDS_MAX];

        for (size_t i = 0; i < record->n; i++) {
                pairs[2 * i] = sq_str(record->names[i]);
                pairs[2 * i + 1] = record->values[i];
        }
        return sq_refuse(task, self->decoder.on_error, sq_map(pairs, record->n), "%s: the key '%.*s': %s",
                         self->rows.place, (int)self->text.len, self->text.bytes ? self->text.bytes : "", cause) < 0
                       ? SQ_FAIL
                       : SQ_ACK;
}

/* Values that lie in the row, or nowhere, are good as long as it is. */
static bool
lasts(struct sq_value value, struct sq_str row)
{
        const char *at = value.as.ptr;

        switch ((enum sq_type)value.type) {
        case SQ_NIL:
        case SQ_BOOL:
        case SQ_INT:
        case SQ_UINT:
        case SQ_FLOAT:
        case SQ_TIME:
                return value.form == SQ_PLAIN;
        default:
                return (value.form == SQ_PACKED || value.type == SQ_STR || value.type == SQ_BIN) && at >= row.ptr &&
                       at + value.len <= row.ptr + row.len;
        }
}

/* The values of a row: made once, if they last. NULL and decoder.wrong: it is wrong. */
static const struct sq_value *
decode(struct lookup *self, struct sqi_row *row, size_t fields, struct sq_value *scratch)
{
        struct sq_str bytes = sqi_row_bytes(row);

        if (row->made)
                return row->made;
        if (sq_decode(&self->decoder, bytes, scratch) < 0)
                return NULL;
        for (size_t i = 0; i < fields; i++)
                if (!lasts(scratch[i], bytes))
                        return scratch;
        row->made = malloc(fields * sizeof(*scratch));
        if (row->made)
                memcpy(row->made, scratch, fields * sizeof(*scratch));
        return scratch;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct lookup *self = sq_state(task);
        struct sq_value values[2 * SQ_FIELDS_MAX];
        size_t fields = self->decoder.n ? self->decoder.n : 1;
        const struct sq_value *found;
        struct sq_record record;
        struct sqi_row *row;
        int r;

        if (sq_now(task) >= self->look_ns)
                look(task, self);
        sq_record_of(in, self->templates, &record);
        memcpy(values, record.values, record.n * sizeof(*values));
        self->text.len = 0;
        if (sq_template_write(self->key, &record, &self->text) < 0)
                return sq_retry_later(task, "%s", strerror(ENOMEM));
        r = sqi_lookup_get(&self->rows, (struct sq_str){self->text.bytes ? self->text.bytes : "", self->text.len},
                           &row);
        if (r < 0)
                return sq_retry_later(task, "%s: %s", self->rows.place, self->rows.why);
        if (r == 0 && self->missing != AS_NULL)
                return self->missing == DROP ? SQ_ACK : refuse(task, self, &record, "there is no such row");
        for (size_t i = 0; r == 0 && i < fields; i++)
                values[record.n + i] = sq_nil();
        found = r > 0 ? decode(self, row, fields, values + record.n) : values + record.n;
        if (!found)
                return refuse(task, self, &record, self->decoder.wrong);
        if (found != values + record.n)
                memcpy(values + record.n, found, fields * sizeof(*found));
        sq_emit_values(task, 0, record.n + fields, values);
        return SQ_ACK;
}

SQ_BOLT(lookup) = {
        .about = "Each tuple with fields of a row that it has in a table: CSV, SQLite, or Redis.",
        .state = sizeof(struct lookup),
        .options =
                {
                        SQ_OPT_ENUM(struct lookup, from, "csv|sqlite|redis", "csv",
                                    "csv: the file `path`, with a header; sqlite: the `table` of the database `path`; "
                                    "redis: hashes"),
                        SQ_OPT_PATH(struct lookup, path, NULL, "csv, sqlite: the file"),
                        SQ_OPT_STR(struct lookup, url, NULL, "redis: redis://USER@HOST:PORT/DATABASE or unix:///PATH"),
                        SQ_OPT_STR(struct lookup, table, NULL, "sqlite: the table"),
                        SQ_OPT_STR(struct lookup, column, NULL, "csv, sqlite: the column in which the key stands"),
                        SQ_REQ_STR(struct lookup, key, "the key; fields or expressions in braces: '{id}', 'user:{id}'"),
                        SQ_OPT_NESTED_AS("fields", struct lookup, decoder.wanted,
                                         "the columns that become fields; default: the row as the map `value`; as "
                                         "`NAME: TYPE` converted, TYPE: " SQ_TYPES_HELP),
                        SQ_OPT_ENUM(struct lookup, missing, "null|drop|on-error", "null",
                                    "a key without a row: null: the fields are null; drop: the tuple goes no further; "
                                    "on-error: it is refused as `on-error` says"),
                        SQ_OPT_INT(struct lookup, cache, 100000, "sqlite, redis: rows that are remembered at most"),
                        SQ_OPT_FLOAT(struct lookup, expire, 5, "redis: seconds for which they are"),
                        SQ_OPT_SECRET("password", struct lookup, password, "redis: the server's password"),
                        SQ_OPT_ON_ERROR(struct lookup, decoder.on_error),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .probe = probe,
        .prepare = prepare,
        .execute = execute,
        .cleanup = cleanup,
};

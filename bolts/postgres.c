/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `postgres`: a row of a table for each tuple. A batch is one transaction, which a tuple's ack waits for:
 *
 *     without key    COPY table FROM STDIN
 *     with key       COPY into a temporary table, then INSERT ... SELECT ... ON CONFLICT (key) DO UPDATE, so that a
 *                    tuple that comes again changes nothing; of a key that comes twice the last one counts, unless one
 *                    of its fields is null: PostgreSQL takes no two of those for the same, and each is a row
 *
 * Exactly once tuples are staged (squall-connect.h), and their marks are in the table squall_marks, each in a row that
 * is locked while rows are written: what another connection has begun with it is waited for.
 *
 * Into a table with row-level security the server takes no COPY: there rows go by the temporary table, too.
 *
 * A server that is silent for too long, in whatever it reads or writes, is given up (clients/postgres_wait.c).
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../clients/postgres.h"

enum { SECRET_MAX = 512, NAMES_MAX = SQ_FIELDS_MAX * 140, STATEMENT_MAX = 8 * NAMES_MAX };

struct postgres {
        struct sq_sink sink;
        const char *url, *table, *password;
        struct sq_list key;

        char secret[SECRET_MAX];
        PGconn *connection;
        struct sq_encoder rows, cell;
        char table_name[256], columns[NAMES_MAX], statement[STATEMENT_MAX];
        char answer[256]; /* the first cell of what was asked last */
        bool has_marks;   /* the table is there */
        bool has_looked;  /* at the table, by this connection: */
        bool takes_no_copy;
};

static void
declare(struct sq_declaration *decl)
{
        const struct postgres *self = sq_declared_state(decl);
        struct sq_url at;
        const char *wrong = sq_url_read(self->url, &at);

        if (wrong || strncmp(at.scheme, "postgres", strlen("postgres")) != 0)
                sq_declare_error(decl, "url", "%s", wrong ? wrong : "is not postgres://USER@HOST:PORT/DATABASE");
        if (strlen(self->table) > 120)
                sq_declare_error(decl, "table", "is too long");
        for (size_t i = 0; i < self->key.n; i++)
                sq_field_declare(self->key.items[i], decl, "key");
        sq_secret_declare(self->password, decl, "password");
        sq_sink_declare_staged(&self->sink, decl);
}

/* ---- The connection ---------------------------------------------------------------------------------- */

static void
say_why(struct postgres *self, const char *text)
{
        snprintf(self->sink.why, sizeof(self->sink.why), "%s", text);
        self->sink.why[strcspn(self->sink.why, "\n")] = '\0';
}

static int
away(struct postgres *self, const char *why)
{
        say_why(self, why);
        PQfinish(self->connection);
        self->connection = NULL;
        self->has_marks = self->has_looked = false;
        return -EAGAIN;
}

static int
connect_to(const struct sq_task *task, struct postgres *self)
{
        int seconds = self->sink.timeout > 2 ? (int)self->sink.timeout : 2;
        struct sqi_postgres_failure failure;

        self->connection = sqi_postgres_open(task, self->url, self->secret, seconds, &failure);
        if (self->connection)
                return 0;
        (void)away(self, failure.why);
        return failure.final ? -EACCES : -EAGAIN;
}

/* Until the next result can be had at once. 0, or -EAGAIN: the connection is given up. */
static int
await(const struct sq_task *task, struct postgres *self)
{
        int r = sqi_postgres_await(task, self->connection);

        if (r == 0)
                return 0;
        return away(self, r == -EIO ? PQerrorMessage(self->connection) : sqi_postgres_silence(r));
}

/* What an error of the server means: it is about the rows, or about the set-up. */
static int
judge(struct sq_task *task, struct postgres *self, const PGresult *result)
{
        enum sqi_postgres_about about = sqi_postgres_judge(result);

        say_why(self, PQresultErrorMessage(result));
        if (PQstatus(self->connection) != CONNECTION_OK)
                return away(self, PQresultErrorMessage(result));
        if (about == SQI_POSTGRES_ROW)
                return -EBADMSG;
        if (about == SQI_POSTGRES_MOMENT)
                return -EAGAIN;
        (void)sq_error_final(task, "%s: %s", self->url, self->sink.why);
        return -ECANCELED;
}

static void
note_answer(struct postgres *self, const PGresult *result)
{
        if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
                snprintf(self->answer, sizeof(self->answer), "%s", PQgetvalue(result, 0, 0));
}

/* The results of what was sent. 0, or as judge(); in COPY IN the first result only. */
static int
take_results(struct sq_task *task, struct postgres *self)
{
        PGresult *result;
        int r = 0, waited;

        while ((waited = await(task, self)) == 0 && (result = PQgetResult(self->connection))) {
                ExecStatusType status = PQresultStatus(result);

                if (r == 0 && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN)
                        r = judge(task, self, result);
                note_answer(self, result);
                PQclear(result);
                if (status == PGRES_COPY_IN || !self->connection)
                        break;
        }
        return waited < 0 ? waited : r;
}

static int
say(struct sq_task *task, struct postgres *self, const char *statement)
{
        self->answer[0] = '\0';
        if (!PQsendQuery(self->connection, statement))
                return away(self, PQerrorMessage(self->connection));
        return take_results(task, self);
}

/* ---- Rows as COPY reads them ------------------------------------------------------------------------- */

static int
put(struct sq_encoder *text, const char *bytes, size_t n)
{
        struct sq_value value = sq_str((struct sq_str){bytes, n});

        return sq_encode_values(text, 1, NULL, &value);
}

/* With what ends a cell or a row escaped. */
static int
put_escaped(struct sq_encoder *rows, const char *at, size_t n)
{
        static const char ends[] = "\\\t\n\r", letters[] = "\\tnr";
        size_t plain = 0;
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                const char *end = at[i] ? strchr(ends, at[i]) : NULL;

                if (!end)
                        continue;
                r = put(rows, at + plain, i - plain) || put(rows, "\\", 1) || put(rows, &letters[end - ends], 1);
                plain = i + 1;
        }
        return r || put(rows, at + plain, n - plain) ? -ENOMEM : 0;
}

static int
put_bytes(struct sq_encoder *rows, struct sq_value value)
{
        static const char digits[] = "0123456789abcdef";
        const uint8_t *at = value.as.ptr;
        int r = put(rows, "\\\\x", 3);

        for (uint32_t i = 0; r == 0 && i < value.len; i++)
                r = put(rows, (char[]){digits[at[i] >> 4], digits[at[i] & 15]}, 2);
        return r;
}

static int
put_cell(struct postgres *self, struct sq_value value)
{
        if (value.type == SQ_NIL)
                return put(&self->rows, "\\N", 2);
        if (value.type == SQ_BIN)
                return put_bytes(&self->rows, value);
        if (value.type == SQ_STR)
                return put_escaped(&self->rows, value.as.ptr, value.len);
        self->cell.len = 0;
        if (sq_encode_values(&self->cell, 1, NULL, &value) < 0)
                return -ENOMEM;
        return put_escaped(&self->rows, self->cell.bytes, self->cell.len);
}

static int
put_row(struct postgres *self, const struct sq_record *record)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < record->n; i++) {
                r = i ? put(&self->rows, "\t", 1) : 0;
                if (r == 0)
                        r = put_cell(self, record->values[i]);
        }
        return r ? r : put(&self->rows, "\n", 1);
}

/* ---- Statements -------------------------------------------------------------------------------------- */

/* Appends a name in quotes, behind `before`. False: it does not fit. */
static bool
put_name(char *text, size_t size, const char *before, struct sq_str name, const char *behind)
{
        size_t used = strlen(text), at = used;

        at += (size_t)snprintf(text + at, size - at, "%s\"", before);
        for (size_t i = 0; i < name.len && at + 4 < size; i++) {
                if (name.ptr[i] == '"')
                        text[at++] = '"';
                text[at++] = name.ptr[i];
        }
        if (at + strlen(behind) + 4 >= size)
                return false;
        snprintf(text + at, size - at, "\"%s", behind);
        return true;
}

static bool
is_key(const struct postgres *self, struct sq_str name)
{
        for (size_t i = 0; i < self->key.n; i++)
                if (sq_str_is(name, self->key.items[i]))
                        return true;
        return false;
}

static void
name_columns(struct postgres *self, const struct sq_record *record)
{
        self->columns[0] = '\0';
        for (size_t i = 0; i < record->n; i++)
                (void)put_name(self->columns, sizeof(self->columns), i ? ", " : "", record->names[i], "");
}

/* SCHEMA.TABLE or TABLE, each in quotes. */
static void
name_table(struct postgres *self)
{
        const char *dot = strchr(self->table, '.');

        self->table_name[0] = '\0';
        if (dot)
                (void)put_name(self->table_name, sizeof(self->table_name), "",
                               (struct sq_str){self->table, (size_t)(dot - self->table)}, ".");
        dot = dot ? dot + 1 : self->table;
        (void)put_name(self->table_name, sizeof(self->table_name), "", (struct sq_str){dot, strlen(dot)}, "");
}

/* The fields of the key, with `between` in between and `behind` each of them. */
static void
name_key(const struct postgres *self, char *text, size_t size, const char *between, const char *behind)
{
        text[0] = '\0';
        for (size_t i = 0; i < self->key.n; i++)
                (void)put_name(text, size, i ? between : "",
                               (struct sq_str){self->key.items[i], strlen(self->key.items[i])}, behind);
}

/* Appends what a row does whose key is there. */
static void
put_conflict(struct postgres *self, const struct sq_record *record)
{
        char key[NAMES_MAX], set[NAMES_MAX] = "";
        const char *between = "";
        size_t used = strlen(self->statement);

        name_key(self, key, sizeof(key), ", ", "");
        for (size_t i = 0; i < record->n; i++) {
                if (is_key(self, record->names[i]))
                        continue;
                (void)put_name(set, sizeof(set), between, record->names[i], " = excluded.");
                (void)put_name(set, sizeof(set), "", record->names[i], "");
                between = ", ";
        }
        snprintf(self->statement + used, sizeof(self->statement) - used, " ON CONFLICT (%s) DO %s%s", key,
                 set[0] ? "UPDATE SET " : "NOTHING", set);
}

/* INSERT of what was copied into the temporary table. */
static void
write_upsert(struct postgres *self, const struct sq_record *record)
{
        char key[NAMES_MAX], none[NAMES_MAX];
        size_t used;

        name_key(self, key, sizeof(key), ", ", "");
        name_key(self, none, sizeof(none), " OR ", " IS NULL");
        snprintf(self->statement, sizeof(self->statement),
                 "INSERT INTO %s (%s) SELECT DISTINCT ON (%s, squall_none) %s FROM (SELECT *, ctid AS squall_place, "
                 "CASE WHEN %s THEN ctid END AS squall_none FROM squall_rows) AS squall_placed "
                 "ORDER BY %s, squall_none, squall_place DESC",
                 self->table_name, self->columns, key, self->columns, none, key);
        put_conflict(self, record);
        used = strlen(self->statement);
        snprintf(self->statement + used, sizeof(self->statement) - used, "; DROP TABLE squall_rows");
}

static int
copy(struct sq_task *task, struct postgres *self, const char *into)
{
        int r;

        snprintf(self->statement, sizeof(self->statement), "COPY %s (%s) FROM STDIN", into, self->columns);
        r = say(task, self, self->statement);
        if (r < 0)
                return r;
        if (PQputCopyData(self->connection, self->rows.bytes, (int)self->rows.len) != 1 ||
            PQputCopyEnd(self->connection, NULL) != 1)
                return away(self, PQerrorMessage(self->connection));
        return take_results(task, self);
}

/* By the temporary table. */
static int
copy_beside(struct sq_task *task, struct postgres *self, const struct sq_record *record)
{
        int r;

        snprintf(self->statement, sizeof(self->statement),
                 "CREATE TEMPORARY TABLE squall_rows AS SELECT %s FROM %s WITH NO DATA", self->columns,
                 self->table_name);
        r = say(task, self, self->statement);
        if (r == 0)
                r = copy(task, self, "squall_rows");
        if (r < 0)
                return r;
        if (self->key.n > 0)
                write_upsert(self, record);
        else
                snprintf(self->statement, sizeof(self->statement),
                         "INSERT INTO %s (%s) SELECT %s FROM squall_rows ORDER BY ctid; DROP TABLE squall_rows",
                         self->table_name, self->columns, self->columns);
        return say(task, self, self->statement);
}

static bool
same_fields(const struct sq_record *a, const struct sq_record *b)
{
        bool same = a->n == b->n;

        for (size_t i = 0; same && i < a->n; i++)
                same = a->names[i].len == b->names[i].len &&
                       memcmp(a->names[i].ptr, b->names[i].ptr, a->names[i].len) == 0;
        return same;
}

/* Writes the records from *at on that have the same fields; *at is behind them then. */
static int
write_run(struct sq_task *task, struct postgres *self, size_t *at, size_t end)
{
        struct sq_record first, record;
        int r = 0;

        sq_sink_record(&self->sink, *at, &first);
        self->rows.len = 0;
        for (; r == 0 && *at < end; *at += r == 0) {
                sq_sink_record(&self->sink, *at, &record);
                if (!same_fields(&first, &record))
                        break;
                r = put_row(self, &record);
        }
        if (r < 0)
                return away(self, strerror(ENOMEM));
        name_columns(self, &first);
        return self->key.n > 0 || self->takes_no_copy ? copy_beside(task, self, &first)
                                                      : copy(task, self, self->table_name);
}

/* ---- Marks ------------------------------------------------------------------------------------------- */

/* Who may not make tables is not to be asked to when it is there. */
static int
make_marks(struct sq_task *task, struct postgres *self)
{
        int r = say(task, self, "SELECT to_regclass('squall_marks')");

        if (r == 0 && self->answer[0] == '\0')
                r = say(task, self,
                        "CREATE TABLE IF NOT EXISTS squall_marks (task text PRIMARY KEY, mark text NOT NULL)");
        self->has_marks = r == 0;
        return r == -EBADMSG ? -EAGAIN : r; /* another one has just made it */
}

static int
resume(struct sq_task *task, struct postgres *self, size_t *first, size_t *n)
{
        const char *name = sq_sink_mark_name(&self->sink);
        int r;

        snprintf(self->statement, sizeof(self->statement),
                 "INSERT INTO squall_marks VALUES ('%s', '') ON CONFLICT DO NOTHING; "
                 "SELECT mark FROM squall_marks WHERE task = '%s' FOR UPDATE",
                 name, name);
        r = say(task, self, self->statement);
        return r < 0 ? r : sq_sink_resume(task, (struct sq_str){self->answer, strlen(self->answer)}, first, n);
}

static int
keep_mark(struct sq_task *task, struct postgres *self)
{
        snprintf(self->statement, sizeof(self->statement), "UPDATE squall_marks SET mark = '%s' WHERE task = '%s'",
                 sq_sink_mark(&self->sink), sq_sink_mark_name(&self->sink));
        return say(task, self, self->statement);
}

/* ---- Transactions ------------------------------------------------------------------------------------ */

/* Whether it is there, and how rows get into it. 0, or as judge(). */
static int
look_at_table(struct sq_task *task, struct postgres *self)
{
        char *name = PQescapeLiteral(self->connection, self->table_name, strlen(self->table_name));
        int r;

        snprintf(self->statement, sizeof(self->statement), "SELECT row_security_active(%s::regclass)",
                 name ? name : "NULL");
        PQfreemem(name);
        r = say(task, self, self->statement);
        self->has_looked = r == 0;
        self->takes_no_copy = r == 0 && strcmp(self->answer, "t") == 0;
        return r;
}

static int
begin(struct sq_task *task, struct postgres *self, size_t *first, size_t *n)
{
        int r = self->has_looked ? 0 : look_at_table(task, self);

        if (r == 0 && self->sink.staged && !self->has_marks)
                r = make_marks(task, self);
        if (r == 0)
                r = say(task, self, "BEGIN");
        return r == 0 && self->sink.staged ? resume(task, self, first, n) : r;
}

static int
send(struct sq_task *task, size_t first, size_t n, size_t *ret_done)
{
        struct postgres *self = sq_state(task);
        int r = self->connection ? 0 : connect_to(task, self);

        (void)ret_done; /* all or none */
        if (r == -EACCES)
                (void)sq_error_final(task, "%s: %s", self->url, self->sink.why);
        if (r == 0)
                r = begin(task, self, &first, &n);
        for (size_t at = first; r == 0 && at < first + n;)
                r = write_run(task, self, &at, first + n);
        if (r == 0 && self->sink.staged)
                r = keep_mark(task, self);
        if (r == 0)
                return say(task, self, "COMMIT");
        if (self->connection) {
                char why[sizeof(self->sink.why)];

                memcpy(why, self->sink.why, sizeof(why));
                if (say(task, self, "ROLLBACK") == 0)
                        memcpy(self->sink.why, why, sizeof(why));
        }
        return r;
}

/* ---- The bolt ---------------------------------------------------------------------------------------- */

static int
prepare(struct sq_task *task)
{
        struct postgres *self = sq_state(task);
        int r;

        name_table(self);
        self->rows.format = self->cell.format = SQ_FORMAT_TEXT;
        if (sq_secret_read(task, self->password, self->secret, sizeof(self->secret)) < 0 ||
            sq_sink_open_staged(task, self->url, send) < 0)
                return -1;
        r = connect_to(task, self);
        if (r < 0)
                return sq_sink_connected(task, r);
        /* what is missing is known before the first tuple comes, which may be hours later */
        return look_at_table(task, self) == -ECANCELED ? -1 : 0;
}

/* The server plans the statement that would write the fields of an input, and does not execute it. */
static void
write_plan(struct postgres *self, const struct sq_declaration *decl, unsigned input)
{
        struct sq_record record = {.n = 0};
        struct sq_field field;
        size_t used;

        while (record.n < SQ_FIELDS_MAX && (field = sq_declared_input(decl, input, (unsigned)record.n)).name)
                record.names[record.n++] = (struct sq_str){field.name, strlen(field.name)};
        name_columns(self, &record);
        snprintf(self->statement, sizeof(self->statement), "EXPLAIN INSERT INTO %s (%s) VALUES (", self->table_name,
                 self->columns);
        used = strlen(self->statement);
        for (size_t i = 0; i < record.n; i++)
                used += (size_t)snprintf(self->statement + used, sizeof(self->statement) - used, "%sNULL",
                                         i ? ", " : "");
        snprintf(self->statement + used, sizeof(self->statement) - used, ")");
        if (self->key.n > 0)
                put_conflict(self, &record);
}

static void
probe(struct sq_declaration *decl)
{
        const struct postgres *settings = sq_declared_state(decl);
        PGconn *connection = sqi_postgres_probe(decl, settings->url, settings->password);
        struct postgres *self = connection ? malloc(sizeof(*self)) : NULL;
        bool fine = self != NULL;

        if (self) {
                *self = *settings;
                name_table(self);
        }
        for (unsigned i = 0; fine && i < sq_declared_inputs(decl); i++) {
                write_plan(self, decl, i);
                fine = sqi_postgres_probe_statement(decl, "table", connection, self->statement);
        }
        free(self);
        PQfinish(connection);
}

static void
cleanup(struct sq_task *task)
{
        struct postgres *self = sq_state(task);

        PQfinish(self->connection);
        sq_encoder_free(&self->rows);
        sq_encoder_free(&self->cell);
        explicit_bzero(self->secret, sizeof(self->secret));
        sq_sink_close(task);
}

SQ_BOLT(postgres) = {
        .about = "A row of a PostgreSQL table for each tuple.",
        .state = sizeof(struct postgres),
        .options =
                {
                        SQ_REQ_STR(struct postgres, url, "postgres://USER@HOST:PORT/DATABASE"),
                        SQ_REQ_STR(struct postgres, table,
                                   "TABLE or SCHEMA.TABLE; its columns are named as the fields"),
                        SQ_OPT_LIST(
                                struct postgres, key,
                                "fields by which a row takes the place of an earlier one (a unique index has them); none: "
                                "every tuple is a row"),
                        SQ_OPT_SECRET("password", struct postgres, password, "the password of the user"),
                        SQ_OPT_SINK(struct postgres, sink),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .probe = probe,
        .prepare = prepare,
        .execute = sq_sink_execute,
        .flush = sq_sink_flush,
        .finish = sq_sink_flush,
        .cleanup = cleanup,
        .precommit = sq_sink_precommit,
        .commit = sq_sink_commit,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `sqlite`: a row of a table for each tuple. A batch is one transaction; a tuple is acked when that is
 * committed, which is when SQLite has it on the disk. With `key` a row takes the place of the one with the same key, so
 * a tuple that comes again changes nothing. Exactly once tuples are staged (squall-connect.h), and their marks are in
 * the table squall_marks.
 *
 * The table is made when it is not there, of the fields of the first tuple, without types: a value stays what it was.
 * So it is when it is dropped in the midst, and so is the database when its file is: nothing is written to a file that
 * nobody can find.
 */
#include <errno.h>
#include <sqlite3.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sqlite {
        struct sq_sink sink;
        const char *path, *table;
        struct sq_list key;

        sqlite3 *database;
        sqlite3_stmt *insert;
        size_t n; /* the fields that `insert` takes, ... */
        char *names[SQ_FIELDS_MAX];
};

static void
declare(struct sq_declaration *decl)
{
        const struct sqlite *self = sq_declared_state(decl);

        for (size_t i = 0; i < self->key.n; i++)
                sq_field_declare(self->key.items[i], decl, "key");
        sq_sink_declare_staged(&self->sink, decl);
}

/* What is there already has to be a database; one that is locked is waited for. */
static void
probe(struct sq_declaration *decl)
{
        const struct sqlite *self = sq_declared_state(decl);
        sqlite3 *database = NULL;
        int r;

        sq_probe_output(decl, "path", self->path);
        if (access(self->path, R_OK) < 0)
                return;
        r = sqlite3_open_v2(self->path, &database, SQLITE_OPEN_READONLY, NULL);
        if (r == SQLITE_OK)
                r = sqlite3_exec(database, "PRAGMA schema_version", NULL, NULL, NULL);
        if (r == SQLITE_NOTADB || r == SQLITE_CORRUPT)
                sq_declare_error(decl, "path", "%s: %s", self->path, sqlite3_errstr(r));
        sqlite3_close(database);
}

/* ---- Statements -------------------------------------------------------------------------------------- */

static int
failed(struct sqlite *self, int r)
{
        int kind = r & 0xff;

        snprintf(self->sink.why, sizeof(self->sink.why), "%s",
                 self->database ? sqlite3_errmsg(self->database) : sqlite3_errstr(r));
        return kind == SQLITE_CONSTRAINT || kind == SQLITE_TOOBIG || kind == SQLITE_MISMATCH || kind == SQLITE_ERROR ||
                               kind == SQLITE_RANGE
                       ? -EBADMSG
                       : -EAGAIN;
}

static int
say(struct sqlite *self, const char *statement)
{
        int r = sqlite3_exec(self->database, statement, NULL, NULL, NULL);

        return r == SQLITE_OK ? 0 : failed(self, r);
}

static void
forget_statement(struct sqlite *self)
{
        sqlite3_finalize(self->insert);
        self->insert = NULL;
        for (size_t i = 0; i < self->n; i++)
                free(self->names[i]);
        self->n = 0;
}

static bool
is_key(const struct sqlite *self, struct sq_str name)
{
        for (size_t i = 0; i < self->key.n; i++)
                if (sq_str_is(name, self->key.items[i]))
                        return true;
        return false;
}

/* Appends the names, quoted, each behind the one before: `format` takes the name once or twice. */
static void
put_names(sqlite3_str *text, const struct sqlite *self, const struct sq_record *record, bool updated)
{
        const char *between = "";

        for (size_t i = 0; i < record->n; i++) {
                int len = (int)record->names[i].len;
                const char *name = record->names[i].ptr;

                if (updated && is_key(self, record->names[i]))
                        continue;
                if (updated)
                        sqlite3_str_appendf(text, "%s\"%.*w\" = excluded.\"%.*w\"", between, len, name, len, name);
                else
                        sqlite3_str_appendf(text, "%s\"%.*w\"", between, len, name);
                between = ", ";
        }
}

static void
put_key(sqlite3_str *text, const struct sqlite *self)
{
        for (size_t i = 0; i < self->key.n; i++)
                sqlite3_str_appendf(text, "%s\"%w\"", i ? ", " : "", self->key.items[i]);
}

static int
make_table(struct sqlite *self, const struct sq_record *record)
{
        sqlite3_str *text = sqlite3_str_new(self->database);
        char *statement;
        int r;

        sqlite3_str_appendf(text, "CREATE TABLE IF NOT EXISTS \"%w\" (", self->table);
        put_names(text, self, record, false);
        if (self->key.n > 0) {
                sqlite3_str_appendall(text, ", PRIMARY KEY (");
                put_key(text, self);
                sqlite3_str_appendall(text, ")");
        }
        sqlite3_str_appendall(text, ")");
        statement = sqlite3_str_finish(text);
        r = statement ? say(self, statement) : -EAGAIN;
        sqlite3_free(statement);
        return r;
}

static char *
insertion(struct sqlite *self, const struct sq_record *record)
{
        sqlite3_str *text = sqlite3_str_new(self->database);

        sqlite3_str_appendf(text, "INSERT INTO \"%w\" (", self->table);
        put_names(text, self, record, false);
        sqlite3_str_appendall(text, ") VALUES (");
        for (size_t i = 0; i < record->n; i++)
                sqlite3_str_appendall(text, i ? ", ?" : "?");
        sqlite3_str_appendall(text, ")");
        if (self->key.n > 0) {
                sqlite3_str_appendall(text, " ON CONFLICT (");
                put_key(text, self);
                sqlite3_str_appendall(text, record->n > self->key.n ? ") DO UPDATE SET " : ") DO NOTHING");
                put_names(text, self, record, true);
        }
        return sqlite3_str_finish(text);
}

static bool
has_statement_for(const struct sqlite *self, const struct sq_record *record)
{
        bool same = self->insert && self->n == record->n;

        for (size_t i = 0; same && i < self->n; i++)
                same = sq_str_is(record->names[i], self->names[i]);
        return same;
}

/* The statement for records of these fields. */
static int
write_statement(struct sqlite *self, const struct sq_record *record)
{
        char *statement;
        int r;

        forget_statement(self);
        r = make_table(self, record);
        if (r < 0)
                return r;
        statement = insertion(self, record);
        r = statement ? sqlite3_prepare_v2(self->database, statement, -1, &self->insert, NULL) : SQLITE_NOMEM;
        sqlite3_free(statement);
        if (r != SQLITE_OK)
                return failed(self, r);
        for (; self->n < record->n; self->n++)
                if (!(self->names[self->n] = strndup(record->names[self->n].ptr, record->names[self->n].len)))
                        return failed(self, SQLITE_NOMEM);
        return 0;
}

/* ---- Rows -------------------------------------------------------------------------------------------- */

/* What SQLite has no type for stands as JSON, a time as the text that SQLite's date functions read. */
static int
bind_json(sqlite3_stmt *insert, int place, struct sq_value value)
{
        size_t len = sq_json(value, NULL, 0);
        char *text = sqlite3_malloc64(len + 1);

        if (!text)
                return SQLITE_NOMEM;
        sq_json(value, text, len + 1);
        if (text[0] == '"')
                memmove(text, text + 1, len -= 2);
        return sqlite3_bind_text64(insert, place, text, len, sqlite3_free, SQLITE_UTF8);
}

static int
bind(sqlite3_stmt *insert, int place, struct sq_value value)
{
        switch (value.type) {
        case SQ_NIL:
                return sqlite3_bind_null(insert, place);
        case SQ_BOOL:
                return sqlite3_bind_int(insert, place, value.as.b);
        case SQ_INT:
                return sqlite3_bind_int64(insert, place, value.as.i);
        case SQ_FLOAT:
                return sqlite3_bind_double(insert, place, value.as.f);
        case SQ_STR:
                return sqlite3_bind_text64(insert, place, value.as.ptr, value.len, SQLITE_STATIC, SQLITE_UTF8);
        case SQ_BIN:
                return sqlite3_bind_blob64(insert, place, value.as.ptr, value.len, SQLITE_STATIC);
        default:
                return bind_json(insert, place, value);
        }
}

/* As SQLite says it. */
static int
insert(struct sqlite *self, const struct sq_record *record)
{
        int r = SQLITE_OK;

        for (size_t field = 0; field < record->n && r == SQLITE_OK; field++)
                r = bind(self->insert, (int)field + 1, record->values[field]);
        if (r == SQLITE_OK)
                r = sqlite3_step(self->insert);
        return r;
}

static int
write_row(struct sqlite *self, size_t i)
{
        struct sq_record record;
        bool fresh;
        int r = 0;

        sq_sink_record(&self->sink, i, &record);
        fresh = !has_statement_for(self, &record);
        if (fresh)
                r = write_statement(self, &record);
        if (r < 0)
                return r;
        r = insert(self, &record);
        if (r == SQLITE_ERROR && !fresh) { /* the table may have been dropped, or be another one */
                r = write_statement(self, &record);
                if (r < 0)
                        return r;
                r = insert(self, &record);
        }
        r = r == SQLITE_DONE ? 0 : failed(self, r);
        sqlite3_reset(self->insert);
        sqlite3_clear_bindings(self->insert);
        return r;
}

/* ---- Marks ------------------------------------------------------------------------------------------- */

/* What is wrong with the table of marks is not about any row. */
static int
mark_failed(struct sq_task *task, struct sqlite *self, int error)
{
        int r = failed(self, error);

        if (r != -EBADMSG)
                return r;
        (void)sq_error_final(task, "%s: squall_marks: %s", self->path, self->sink.why);
        return -ECANCELED;
}

/* One with two places: the name of the mark, and the mark. */
static int
run_for_mark(struct sq_task *task, struct sqlite *self, const char *text, sqlite3_stmt **ret)
{
        const char *name = sq_sink_mark_name(&self->sink), *mark = sq_sink_mark(&self->sink);
        sqlite3_stmt *statement = NULL;
        int r = sqlite3_prepare_v2(self->database, text, -1, &statement, NULL);

        if (r == SQLITE_OK)
                r = sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
        if (r == SQLITE_OK && sqlite3_bind_parameter_count(statement) > 1)
                r = sqlite3_bind_text(statement, 2, mark, -1, SQLITE_STATIC);
        if (r == SQLITE_OK)
                r = sqlite3_step(statement);
        if (r == SQLITE_ROW || r == SQLITE_DONE) {
                *ret = statement;
                return 0;
        }
        r = mark_failed(task, self, r);
        sqlite3_finalize(statement);
        return r;
}

static int
resume(struct sq_task *task, struct sqlite *self, size_t *first, size_t *n)
{
        sqlite3_stmt *row = NULL;
        struct sq_str mark = {"", 0};
        int r = sqlite3_exec(self->database,
                             "CREATE TABLE IF NOT EXISTS squall_marks (task TEXT PRIMARY KEY, mark TEXT NOT NULL)",
                             NULL, NULL, NULL);

        r = r == SQLITE_OK ? run_for_mark(task, self, "SELECT mark FROM squall_marks WHERE task = ?", &row)
                           : mark_failed(task, self, r);
        if (r < 0)
                return r;
        if (sqlite3_data_count(row) > 0 && sqlite3_column_text(row, 0))
                mark = (struct sq_str){(const char *)sqlite3_column_text(row, 0), (size_t)sqlite3_column_bytes(row, 0)};
        r = sq_sink_resume(task, mark, first, n);
        sqlite3_finalize(row);
        return r;
}

static int
keep_mark(struct sq_task *task, struct sqlite *self)
{
        sqlite3_stmt *done = NULL;
        int r = run_for_mark(task, self, "INSERT OR REPLACE INTO squall_marks VALUES (?, ?)", &done);

        sqlite3_finalize(done);
        return r;
}

/* ---- The bolt ---------------------------------------------------------------------------------------- */

static void
close_database(struct sqlite *self)
{
        forget_statement(self);
        sqlite3_close(self->database);
        self->database = NULL;
}

/* 0; -EAGAIN: another process has it locked; -EINVAL: it cannot be opened. */
static int
open_database(struct sqlite *self)
{
        int r = sqlite3_open_v2(self->path, &self->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

        if (r == SQLITE_OK) {
                sqlite3_extended_result_codes(self->database, 1);
                sqlite3_busy_timeout(self->database, (int)(self->sink.timeout * 1000));
                r = sqlite3_exec(self->database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL, NULL,
                                 NULL);
        }
        if (r == SQLITE_OK)
                return 0;
        (void)failed(self, r);
        close_database(self);
        return (r & 0xff) == SQLITE_BUSY || (r & 0xff) == SQLITE_LOCKED ? -EAGAIN : -EINVAL;
}

/* Whether its file has been removed or renamed, or another one is in its place: SQLite would go on with the old one. */
static bool
is_moved(struct sqlite *self)
{
        int moved = 0;

        return sqlite3_file_control(self->database, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

static int
send(struct sq_task *task, size_t first, size_t n, size_t *ret_done)
{
        struct sqlite *self = sq_state(task);
        int r = 0;

        (void)ret_done; /* all or none */
        if (self->database && is_moved(self)) {
                sq_log(task, SQ_WARN, "%s: is not the file any more that was written to: opened anew", self->path);
                close_database(self);
        }
        if (!self->database)
                r = open_database(self);
        if (r == 0)
                r = say(self, "BEGIN IMMEDIATE");
        if (r < 0)
                return -EAGAIN;
        if (self->sink.staged)
                r = resume(task, self, &first, &n);
        for (size_t i = first; r == 0 && i < first + n; i++)
                r = write_row(self, i);
        if (r == 0 && self->sink.staged)
                r = keep_mark(task, self);
        if (r == 0)
                r = say(self, "COMMIT");
        if (r < 0 && sqlite3_get_autocommit(self->database) == 0)
                sqlite3_exec(self->database, "ROLLBACK", NULL, NULL, NULL);
        if (r == -EAGAIN)
                close_database(self);
        return r;
}

static int
prepare(struct sq_task *task)
{
        struct sqlite *self = sq_state(task);
        int r;

        if (sq_sink_open_staged(task, self->path, send) < 0)
                return -1;
        r = open_database(self);
        return r == -EINVAL ? sq_error(task, "%s: %s", self->path, self->sink.why) : sq_sink_connected(task, r);
}

static void
cleanup(struct sq_task *task)
{
        struct sqlite *self = sq_state(task);

        close_database(self);
        sq_sink_close(task);
}

SQ_BOLT(sqlite) = {
        .about = "A row of a SQLite table for each tuple.",
        .state = sizeof(struct sqlite),
        .options =
                {
                        SQ_REQ_OUTPUT(struct sqlite, path, "the database, which is made if it is not there"),
                        SQ_REQ_STR(struct sqlite, table, "the table, likewise"),
                        SQ_OPT_LIST(
                                struct sqlite, key,
                                "fields by which a row takes the place of an earlier one; none: every tuple is a row"),
                        SQ_OPT_SINK(struct sqlite, sink),
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

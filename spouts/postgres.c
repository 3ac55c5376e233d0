/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `postgres`: a tuple for each row of a query that goes on where it was by a column that rises, the cursor:
 *
 *     query: SELECT id, name FROM orders WHERE id > $1 ORDER BY id      cursor: id
 *
 * $1 is the cursor of the last row, at first `start`. The position of a tuple is its cursor, a whole number from 0
 * on, so a restarted task asks for what is above the last one of which all below is done. Rows are held until their
 * trees are done. The query is asked again `every` seconds; with `follow: false` once.
 *
 *     idle --its time has come--> asked --rows, one at a time, as there is room--> idle
 *     away --its time has come--> idle
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../clients/postgres.h"

enum { SECRET_MAX = 512, CONNECT_S = 3, NAME_MAX = 160 };
enum { BOOL_OID = 16, INT8_OID = 20, INT2_OID = 21, INT4_OID = 23 };

struct postgres {
        struct sq_messages messages;
        const char *url, *query, *cursor, *listen, *password;
        int64_t start;
        double every;
        bool follow;

        char secret[SECRET_MAX], source[300];
        PGconn *connection;
        bool asked, over;
        struct sq_retry retry;
        uint64_t due_ns;
        int64_t last; /* the cursor of the last row */
        struct sqi_postgres_count count;
        struct sq_encoder row;
};

static void
declare(struct sq_declaration *decl)
{
        const struct postgres *self = sq_declared_state(decl);
        struct sq_messages messages = self->messages;
        struct sq_url at;
        const char *wrong = sq_url_read(self->url, &at);

        messages.decoder.format = SQ_FORMAT_MSGPACK;
        if (wrong || strncmp(at.scheme, "postgres", strlen("postgres")) != 0)
                sq_declare_error(decl, "url", "%s", wrong ? wrong : "is not postgres://USER@HOST:PORT/DATABASE");
        if (self->listen && (!self->listen[0] || strlen(self->listen) > 63))
                sq_declare_error(decl, "listen", "is a channel of PostgreSQL, of 1 to 63 bytes");
        if (!strstr(self->query, "$1"))
                sq_declare_error(decl, "query",
                                 "has no $1, which stands for the last cursor: WHERE %s > $1 ORDER BY %s", self->cursor,
                                 self->cursor);
        if (!(self->every >= 0.01 && self->every <= 1e6))
                sq_declare_error(decl, "every", "must be from 0.01 to a million seconds");
        if (!self->follow)
                sq_declare_unused(decl, "every", "with `follow: false`");
        if (!self->follow)
                sq_declare_unused(decl, "listen", "with `follow: false`");
        if (self->start < -1)
                sq_declare_error(decl, "start", "must be -1 or above: cursors begin at 0");
        sq_secret_declare(self->password, decl, "password");
        sq_messages_declare(&messages, decl);
}

static void
probe(struct sq_declaration *decl)
{
        const struct postgres *self = sq_declared_state(decl);
        PGconn *connection = sqi_postgres_probe(decl, self->url, self->password);
        char *statement;
        PGresult *columns;

        if (!connection || asprintf(&statement, "PREPARE squall (bigint) AS %s", self->query) < 0) {
                PQfinish(connection);
                return;
        }
        if (sqi_postgres_probe_statement(decl, "query", connection, statement) &&
            sqi_postgres_probe_statement(decl, "query", connection, "EXPLAIN EXECUTE squall (0)")) {
                columns = PQdescribePrepared(connection, "squall");
                if (PQfnumber(columns, self->cursor) < 0)
                        sq_declare_error(decl, "cursor", "the query has no column `%s`", self->cursor);
                PQclear(columns);
        }
        free(statement);
        PQfinish(connection);
}

/* ---- The connection ---------------------------------------------------------------------------------- */

/* The connection is given up, and tried again later; or the topology ends. */
static void
leave(struct sq_task *task, struct postgres *self, const char *text, bool final)
{
        char line[256];

        snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
        if (final)
                (void)sq_error_final(task, "%s: %s", self->source, line);
        else
                sq_retry_away(task, &self->retry, self->source, line);
        self->asked = false;
        PQfinish(self->connection);
        self->connection = NULL;
}

/* Begins to hear what is notified: before the query is asked, so that no row comes between the two. False: it has left,
 * with what the server says. */
static bool
listen_to(struct sq_task *task, struct postgres *self)
{
        char *name = PQescapeIdentifier(self->connection, self->listen, strlen(self->listen));
        char statement[NAME_MAX + 16];
        PGresult *result;
        bool fine;

        snprintf(statement, sizeof(statement), "LISTEN %s", name ? name : "");
        PQfreemem(name);
        result = sqi_postgres_ask(task, self->connection, statement);
        fine = PQresultStatus(result) == PGRES_COMMAND_OK;
        if (!fine)
                leave(task, self, result ? PQresultErrorMessage(result) : "no answer in time", false);
        PQclear(result);
        return fine;
}

static bool
connect_to(struct sq_task *task, struct postgres *self)
{
        struct sqi_postgres_failure failure;

        self->connection = sqi_postgres_open(task, self->url, self->secret, CONNECT_S, &failure);
        if (!self->connection)
                leave(task, self, failure.why, failure.final);
        if (!self->connection || (self->listen && !listen_to(task, self)))
                return false;
        sq_retry_back(task, &self->retry, self->source);
        return true;
}

/* What the server says to the query. */
static void
leave_for(struct sq_task *task, struct postgres *self, const PGresult *result)
{
        leave(task, self, PQresultErrorMessage(result), sqi_postgres_judge(result) == SQI_POSTGRES_SETUP);
}

static bool
ask(struct sq_task *task, struct postgres *self)
{
        char last[24];
        const char *values[] = {last};

        snprintf(last, sizeof(last), "%lld", (long long)self->last);
        if (!PQsendQueryParams(self->connection, self->query, 1, (Oid[]){INT8_OID}, values, NULL, NULL, 0) ||
            !PQsetSingleRowMode(self->connection)) {
                leave(task, self, PQerrorMessage(self->connection), false);
                return false;
        }
        self->asked = true;
        return true;
}

/* ---- Rows -------------------------------------------------------------------------------------------- */

/* Texts of a declared type convert by themselves; what PostgreSQL writes otherwise than we is a value of its type. */
static struct sq_value
value_of(const PGresult *result, int column)
{
        struct sq_str text = {PQgetvalue(result, 0, column), (size_t)PQgetlength(result, 0, column)};
        struct sq_value value = sq_str(text);

        if (PQgetisnull(result, 0, column))
                return sq_nil();
        switch (PQftype(result, column)) {
        case BOOL_OID:
                return sq_bool(text.ptr[0] == 't');
        case INT2_OID:
        case INT4_OID:
        case INT8_OID:
                (void)sq_read_number(text, &value);
                return value;
        default:
                return value;
        }
}

/* The cursor of the row, above the last one. False: the topology ends. */
static bool
take_cursor(struct sq_task *task, struct postgres *self, const PGresult *result)
{
        int column = PQfnumber(result, self->cursor);
        const char *text = column < 0 ? "" : PQgetvalue(result, 0, column);
        char *end;
        long long cursor = strtoll(text, &end, 10);

        if (column < 0)
                (void)sq_error_final(task, "%s: the query has no column `%s`", self->source, self->cursor);
        else if (end == text || *end || cursor < 0)
                (void)sq_error_final(task, "%s: the cursor `%s` is %s, not a whole number from 0 on", self->source,
                                     self->cursor, *text ? text : "null");
        else if (cursor <= self->last)
                (void)sq_error_final(
                        task, "%s: the cursor `%s` does not rise: %lld comes after %lld (WHERE %s > $1 ORDER BY %s)",
                        self->source, self->cursor, cursor, (long long)self->last, self->cursor, self->cursor);
        else {
                self->last = cursor;
                return true;
        }
        return false;
}

static bool
emit_row(struct sq_task *task, struct postgres *self, const PGresult *result)
{
        struct sq_value values[SQ_FIELDS_MAX];
        const char *names[SQ_FIELDS_MAX];
        int n = PQnfields(result);

        if (n > (int)SQ_FIELDS_MAX) {
                (void)sq_error_final(task, "%s: more than %u columns", self->source, SQ_FIELDS_MAX);
                return false;
        }
        if (!take_cursor(task, self, result))
                return false;
        self->row.len = 0;
        for (int i = 0; i < n; i++) {
                names[i] = PQfname(result, i);
                values[i] = value_of(result, i);
        }
        if (sq_encode_values(&self->row, (size_t)n, names, values) < 0)
                return false;
        self->messages.next = (uint64_t)self->last;
        sqi_postgres_count_took(&self->count);
        return sq_messages_emit(task, (struct sq_str){self->row.bytes, self->row.len}, NULL) == 0;
}

/* The answer has ended. */
static void
rest(struct sq_task *task, struct postgres *self)
{
        self->asked = false;
        self->over = !self->follow;
        self->due_ns = sq_now(task) + (uint64_t)(self->every * 1e9);
}

/* Whether something was notified since. */
static bool
is_told(struct sq_task *task, struct postgres *self)
{
        bool any = false;
        PGnotify *told;

        if (!PQconsumeInput(self->connection)) {
                leave(task, self, PQerrorMessage(self->connection), false);
                return true;
        }
        while ((told = PQnotifies(self->connection))) {
                PQfreemem(told);
                any = true;
        }
        return any;
}

/* Takes one result. False: there is none now. */
static bool
take_result(struct sq_task *task, struct postgres *self)
{
        PGresult *result;
        bool fine;

        if (PQisBusy(self->connection))
                return false;
        result = PQgetResult(self->connection);
        if (!result) {
                rest(task, self);
                return false;
        }
        fine = PQresultStatus(result) != PGRES_FATAL_ERROR;
        if (!fine)
                leave_for(task, self, result);
        else if (PQresultStatus(result) == PGRES_SINGLE_TUPLE)
                fine = emit_row(task, self, result);
        PQclear(result);
        return fine;
}

/* ---- The spout --------------------------------------------------------------------------------------- */

static int
prepare(struct sq_task *task)
{
        struct postgres *self = sq_state(task);

        snprintf(self->source, sizeof(self->source), "postgres %.200s", self->url);
        self->row.format = self->messages.decoder.format = SQ_FORMAT_MSGPACK;
        self->last = self->start;
        self->over = sq_index(task) > 0;
        if (sq_secret_read(task, self->password, self->secret, sizeof(self->secret)) < 0)
                return -1;
        return sq_messages_begin(task, self->source);
}

/* All below `position` is done. */
static int
seek(struct sq_task *task, uint64_t position)
{
        struct postgres *self = sq_state(task);

        if (position > 0 && (int64_t)position - 1 > self->last)
                self->last = (int64_t)position - 1;
        return sq_messages_seek(task, position);
}

static enum sq_next
take_rows(struct sq_task *task, struct postgres *self, uint64_t most)
{
        uint64_t n = 0;

        if (!PQconsumeInput(self->connection)) {
                leave(task, self, PQerrorMessage(self->connection), false);
                return SQ_MORE;
        }
        while (n < most && self->asked && take_result(task, self))
                n++;
        if (n > 0 || !self->asked)
                return SQ_MORE;
        sq_wake_on(task, PQsocket(self->connection));
        return SQ_IDLE;
}

static enum sq_next
next(struct sq_task *task)
{
        struct postgres *self = sq_state(task);
        uint64_t most = sq_messages_room(task);

        if (self->over)
                return SQ_DONE;
        if (most == 0)
                return SQ_IDLE;
        if (self->asked)
                return take_rows(task, self, most);
        if (self->listen && self->connection && is_told(task, self))
                self->due_ns = 0;
        if (sq_now(task) < self->due_ns) {
                if (self->listen && self->connection)
                        sq_wake_on(task, PQsocket(self->connection));
                sq_wake_at(task, self->due_ns);
                return SQ_IDLE;
        }
        if (!self->connection && (!sq_retry_due(task, &self->retry) || !connect_to(task, self)))
                return SQ_IDLE;
        return ask(task, self) ? SQ_MORE : SQ_IDLE;
}

/* The rows that the query has behind the cursor. Not while its server is away. */
static int
lag(struct sq_task *task, struct sq_lag *ret)
{
        struct postgres *self = sq_state(task);

        if (!self->connection || self->over ||
            !sqi_postgres_count_look(task, &self->count, self->url, self->secret, self->query, self->last,
                                     sq_now(task)))
                return -1;
        *ret = (struct sq_lag){self->count.behind, SQ_LAG_MESSAGES};
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct postgres *self = sq_state(task);

        sqi_postgres_count_end(&self->count);
        PQfinish(self->connection);
        sq_encoder_free(&self->row);
        explicit_bzero(self->secret, sizeof(self->secret));
        sq_messages_end(task);
}

SQ_SPOUT(postgres) = {
        .about = "A tuple for each row of a query that goes on by a cursor column.",
        .state = sizeof(struct postgres),
        .options =
                {
                        SQ_REQ_STR(struct postgres, url, "postgres://USER@HOST:PORT/DATABASE"),
                        SQ_REQ_STR(struct postgres, query,
                                   "SELECT ... WHERE id > $1 ORDER BY id; $1 is the last cursor"),
                        SQ_REQ_STR(struct postgres, cursor, "the column that rises: whole numbers from 0 on"),
                        SQ_OPT_INT(struct postgres, start, -1, "the cursor behind which it begins"),
                        SQ_OPT_FLOAT(struct postgres, every, 1, "seconds until the query is asked again"),
                        SQ_OPT_STR(struct postgres, listen, NULL,
                                   "a channel: what is notified there (NOTIFY, pg_notify) has the query asked at once"),
                        SQ_OPT_BOOL(struct postgres, follow, true, "ask again and again; false: once"),
                        SQ_OPT_SECRET("password", struct postgres, password, "the password of the user"),
                        SQ_OPT_NESTED_AS("fields", struct postgres, messages.decoder.wanted,
                                         "the columns that become fields, default: the row as `value`; as `NAME: TYPE` "
                                         "converted, TYPE: " SQ_TYPES_HELP),
                        SQ_OPT_ON_ERROR(struct postgres, messages.decoder.on_error),
                        SQ_OPT_INT_AS("memory", struct postgres, messages.memory, 64,
                                      "MiB of rows that are held until they are done; then nothing more is taken"),
                        SQ_OPT_FLOAT_AS("rate", struct postgres, messages.rate, 0,
                                        "tuples a second over all tasks; 0: as fast as possible"),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .probe = probe,
        .prepare = prepare,
        .next = next,
        .replay = sq_messages_replay,
        .seek = seek,
        .lag = lag,
        .ack = sq_messages_done,
        .fail = sq_messages_done,
        .cleanup = cleanup,
};

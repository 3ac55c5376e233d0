/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `redis`: a command for each tuple.
 *
 *     set      SET key value [EX expire]
 *     hash     HSET key field value ...           all fields that are not nil
 *     incr     INCRBY key n, INCRBYFLOAT          `value`: the field with n; 1 without
 *     list     RPUSH key value
 *     stream   XADD key [MAXLEN ~ n] * field value ...
 *     zset     ZADD key score member              `score`: its field; `value`: the member's
 *     publish  PUBLISH key value
 *
 * A batch is one pipeline; a tuple is acked when Redis has answered its command. A connection that breaks before that
 * leaves it open whether the command was executed: it is sent again. `set`, `hash` and `zset` do the same twice as
 * once. For the others there is `once`: its text is remembered in Redis for a day, in the same step (a script), and a
 * command whose text is known there is not executed again.
 *
 * Exactly once tuples are staged (squall-connect.h): a pipeline is a transaction, MULTI to EXEC, that sets the mark,
 * too, the key squall:mark:NAME. It is watched, so that of two who write by one mark one begins again.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../clients/redis.h"

enum { SET, HASH, INCR, LIST, STREAM, ZSET, PUBLISH };
enum { ARGS_MAX = 2 * SQ_FIELDS_MAX + 16 };

/* A command as one text, and where its arguments begin. */
struct command {
        struct sq_encoder text;
        size_t n, begins[ARGS_MAX + 1];
};

struct redis {
        struct sq_sink sink;
        const char *url, *key, *value, *score, *once, *password;
        int64_t kind, expire, length;
        struct sq_encoding encoding;

        struct sqi_redis client;
        struct command command;
        bool unanswered; /* the last transaction: it is open whether it was executed, and what of it was refused */
};

static void
declare_key(struct sq_declaration *decl, const struct redis *self)
{
        sq_template_declare(self->key, decl, "key");
        sq_field_declare(self->value, decl, "value");
        sq_field_declare(self->score, decl, "score");
        if (self->once)
                sq_template_declare(self->once, decl, "once");
        if (self->kind == ZSET && (!self->score || !self->value))
                sq_declare_error(decl, "score", "zset: name the fields `score` and `value` (the member)");
        if (self->kind != ZSET)
                sq_declare_unused(decl, "score", "without `kind: zset`");
        if (self->kind != STREAM)
                sq_declare_unused(decl, "length", "without `kind: stream`");
        if (self->kind == PUBLISH)
                sq_declare_unused(decl, "expire", "with `kind: publish`, which keeps nothing");
        if (self->kind == HASH || self->kind == STREAM)
                sq_declare_unused(decl, "value", "with `kind: hash` and `kind: stream`, which have all fields");
        if (self->kind == HASH || self->kind == STREAM || self->kind == INCR)
                sq_declare_unused(decl, "format", "with `kind: hash`, `stream` and `incr`, which have no message");
        else
                sq_encoding_declare(&self->encoding, self->value, decl);
        if (self->expire < 0)
                sq_declare_error(decl, "expire", "must not be negative");
        if (self->length < 0)
                sq_declare_error(decl, "length", "must not be negative");
}

static void
declare(struct sq_declaration *decl)
{
        const struct redis *self = sq_declared_state(decl);

        sqi_redis_declare(decl, self->url, self->password);
        sq_sink_declare_staged(&self->sink, decl);
        declare_key(decl, self);
}

static void
probe(struct sq_declaration *decl)
{
        const struct redis *self = sq_declared_state(decl);

        sqi_redis_probe(decl, self->url, self->password);
}

/* ---- The connection ---------------------------------------------------------------------------------- */

/* What the client says is what the sink says. */
static int
away(struct redis *self, const char *why)
{
        (void)sqi_redis_away(&self->client, why);
        snprintf(self->sink.why, sizeof(self->sink.why), "%s", self->client.why);
        return -EAGAIN;
}

static int
connect_to(struct redis *self)
{
        int r = sqi_redis_open(&self->client);

        if (r < 0)
                snprintf(self->sink.why, sizeof(self->sink.why), "%s", self->client.why);
        return r;
}

static int
refused(struct sq_task *task, const struct redis *self)
{
        (void)sq_error_final(task, "%s: %s", self->url, self->sink.why);
        return -EACCES;
}

/* ---- Commands ---------------------------------------------------------------------------------------- */

static int
argument(struct command *command, struct sq_value value)
{
        command->begins[command->n++] = command->text.len;
        return value.type == SQ_NIL ? 0 : sq_encode_values(&command->text, 1, NULL, &value);
}

static int
word(struct command *command, const char *text)
{
        return argument(command, sq_text(text));
}

static int template(struct command *command, const char *text, const struct sq_record *record)
{
        command->begins[command->n++] = command->text.len;
        return sq_template_write(text, record, &command->text);
}

/* `field value ...` of all that is not nil. */
static int
fields(struct command *command, const struct sq_record *record)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < record->n; i++) {
                if (record->values[i].type == SQ_NIL)
                        continue;
                r = argument(command, sq_str(record->names[i]));
                if (r == 0)
                        r = argument(command, record->values[i]);
        }
        return r;
}

/* The field `value`, or the tuple as `format` says. */
static int
message(const struct redis *self, struct command *command, const struct sq_record *record)
{
        command->begins[command->n++] = command->text.len;
        return sq_record_write(record, self->value, &self->encoding, &command->text);
}

/* What stands behind the name of the command and its key. */
static int
operands(struct redis *self, const struct sq_record *record, struct sq_value step)
{
        struct command *command = &self->command;
        int r = 0;

        switch (self->kind) {
        case SET:
                r = message(self, command, record);
                if (r == 0 && self->expire > 0)
                        r = word(command, "EX");
                return r < 0 || self->expire == 0 ? r : argument(command, sq_int(self->expire));
        case HASH:
                return fields(command, record);
        case INCR:
                return argument(command, step);
        case STREAM:
                if (self->length > 0)
                        r = word(command, "MAXLEN") || word(command, "~") || argument(command, sq_int(self->length));
                return r || word(command, "*") ? -ENOMEM : fields(command, record);
        case ZSET:
                r = argument(command, sq_record_get(record, self->score));
                return r < 0 ? r : message(self, command, record);
        default:
                return message(self, command, record);
        }
}

/* Executes the command behind ARGV[2], unless the text of KEYS[1] was seen within ARGV[1] seconds. */
static const char once_script[] = "if redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then "
                                  "return redis.call(unpack(ARGV, 2)) end return 0";
static const char day[] = "86400";

static int
write_command(struct redis *self, const struct sq_record *record)
{
        static const char *const names[] = {"SET", "HSET", "INCRBY", "RPUSH", "XADD", "ZADD", "PUBLISH"};
        struct command *command = &self->command;
        struct sq_value step = self->value ? sq_record_get(record, self->value) : sq_int(1);
        const char *name = self->kind == INCR && step.type == SQ_FLOAT ? "INCRBYFLOAT" : names[self->kind];
        int r = 0;

        command->n = command->text.len = 0;
        if (self->once) {
                r = word(command, "EVAL") || word(command, once_script) || word(command, "1");
                if (r == 0)
                        r = template(command, self->once, record);
                if (r == 0)
                        r = word(command, day);
        }
        if (r == 0)
                r = word(command, name);
        if (r == 0)
                r = template(command, self->key, record);
        return r ? r : operands(self, record, step);
}

/* Appends the command to the pipeline. */
static int
append(struct redis *self)
{
        struct command *command = &self->command;
        const char *argv[ARGS_MAX];
        size_t lens[ARGS_MAX];

        command->begins[command->n] = command->text.len;
        for (size_t i = 0; i < command->n; i++) {
                argv[i] = command->text.bytes + command->begins[i];
                lens[i] = command->begins[i + 1] - command->begins[i];
        }
        return redisAppendCommandArgv(self->client.connection, (int)command->n, argv, lens) == REDIS_OK ? 0 : -ENOMEM;
}

/* The expiry of what a command has made, unless that says it itself. */
static bool
expires_apart(const struct redis *self)
{
        return self->expire > 0 && self->kind != SET && self->kind != PUBLISH;
}

static int
append_expiry(struct redis *self, const struct sq_record *record)
{
        struct command *command = &self->command;

        command->n = command->text.len = 0;
        if (word(command, "EXPIRE") || template(command, self->key, record) || argument(command, sq_int(self->expire)))
                return -ENOMEM;
        return append(self);
}

static int
append_record(struct redis *self, size_t i)
{
        struct sq_record record;
        int r;

        sq_sink_record(&self->sink, i, &record);
        r = write_command(self, &record);
        if (r == 0)
                r = append(self);
        return r == 0 && expires_apart(self) ? append_expiry(self, &record) : r;
}

/* The next answer. 0; -EAGAIN; -EBADMSG: it is an error of the command; -EACCES: of all such. What, stands in `why`. */
static int
reply_to(struct redis *self, redisReply **ret)
{
        int r = sqi_redis_answer(&self->client, ret);

        if (r < 0)
                snprintf(self->sink.why, sizeof(self->sink.why), "%s", self->client.why);
        return r;
}

static int
answer(struct redis *self)
{
        redisReply *reply = NULL;
        int r = reply_to(self, &reply);

        freeReplyObject(reply);
        return r;
}

/* What was written and would stay for ever is not what was asked for. */
static int
refuse_expiry(struct sq_task *task, struct redis *self, size_t i, const char *why)
{
        char text[sizeof(self->sink.why) + 64];

        snprintf(text, sizeof(text), "it is written, and does not expire: %s", why);
        return sq_sink_refuse(task, &self->sink, i, text);
}

static int
take_answer(struct sq_task *task, struct redis *self, size_t i)
{
        char why[sizeof(self->sink.why)];
        int r = answer(self), expiry;

        memcpy(why, self->sink.why, sizeof(why));
        expiry = r != -EAGAIN && expires_apart(self) ? answer(self) : 0;
        if (r == -EBADMSG)
                r = sq_sink_refuse(task, &self->sink, i, why);
        else if (r == 0 && expiry == -EBADMSG) {
                memcpy(why, self->sink.why, sizeof(why));
                r = refuse_expiry(task, self, i, why);
        }
        return r == 0 && expiry == -EAGAIN ? expiry : r;
}

static int
append_records(struct redis *self, size_t first, size_t n)
{
        for (size_t i = first; i < first + n; i++)
                if (append_record(self, i) < 0)
                        return away(self, strerror(ENOMEM));
        return 0;
}

static int
send_each(struct sq_task *task, struct redis *self, size_t first, size_t n, size_t *ret_done)
{
        int r = append_records(self, first, n);

        for (; r == 0 && *ret_done < n; *ret_done += r == 0)
                r = take_answer(task, self, first + *ret_done);
        return r;
}

/* ---- Transactions ------------------------------------------------------------------------------------ */

static int
resume(struct sq_task *task, struct redis *self, size_t *first, size_t *n)
{
        const char *name = sq_sink_mark_name(&self->sink);
        struct sq_str mark = {"", 0};
        redisReply *reply = NULL;
        size_t before;
        int r;

        if (redisAppendCommand(self->client.connection, "WATCH squall:mark:%s", name) != REDIS_OK ||
            redisAppendCommand(self->client.connection, "GET squall:mark:%s", name) != REDIS_OK)
                return away(self, strerror(ENOMEM));
        r = answer(self);
        if (r == 0)
                r = reply_to(self, &reply);
        if (r < 0)
                return r == -EACCES ? r : away(self, self->sink.why);
        if (reply->type == REDIS_REPLY_STRING)
                mark = (struct sq_str){reply->str, reply->len};
        before = *n;
        r = sq_sink_resume(task, mark, first, n);
        freeReplyObject(reply);
        if (r == 0 && self->unanswered && *n < before)
                sq_log(task, SQ_WARN,
                       "%s: %zu commands were executed, whose answers are lost: what of them was refused "
                       "has no dead letter",
                       self->url, before - *n);
        return r;
}

static int
append_transaction(struct redis *self, size_t first, size_t n)
{
        redisContext *connection = self->client.connection;
        int r;

        if (redisAppendCommand(connection, "MULTI") != REDIS_OK)
                return away(self, strerror(ENOMEM));
        r = append_records(self, first, n);
        if (r == 0 && (redisAppendCommand(connection, "SET squall:mark:%s %s", sq_sink_mark_name(&self->sink),
                                          sq_sink_mark(&self->sink)) != REDIS_OK ||
                       redisAppendCommand(connection, "EXEC") != REDIS_OK))
                r = away(self, strerror(ENOMEM));
        return r;
}

/* What Redis takes for a command is queued; what it refuses then takes all others along. As reply_to(). */
static int
take_queued(struct redis *self, size_t n)
{
        char why[sizeof(self->sink.why)] = "";

        for (size_t i = 0; i < n; i++) {
                int r = answer(self);

                if (r == -EAGAIN || r == -EACCES)
                        return r;
                if (r < 0 && !why[0])
                        memcpy(why, self->sink.why, sizeof(why));
        }
        if (!why[0])
                return 0;
        if (answer(self) == -EAGAIN) /* to EXEC */
                return -EAGAIN;
        memcpy(self->sink.why, why, sizeof(why));
        return -EBADMSG;
}

static int
refuse_failed(struct sq_task *task, struct redis *self, size_t first, size_t n, const redisReply *reply)
{
        size_t each = expires_apart(self) ? 2 : 1;
        int r = 0;

        for (size_t i = 0; r == 0 && i < n && (i + 1) * each <= reply->elements; i++) {
                const redisReply *written = reply->element[i * each], *expiry = reply->element[(i + 1) * each - 1];

                if (written->type == REDIS_REPLY_ERROR)
                        r = sq_sink_refuse(task, &self->sink, first + i, written->str);
                else if (expiry->type == REDIS_REPLY_ERROR)
                        r = refuse_expiry(task, self, first + i, expiry->str);
        }
        return r;
}

static int
transact(struct sq_task *task, struct redis *self, size_t first, size_t n)
{
        size_t each = expires_apart(self) ? 2 : 1;
        redisReply *reply = NULL;
        int r = resume(task, self, &first, &n);

        if (r == 0)
                r = append_transaction(self, first, n);
        if (r < 0)
                return r;
        self->unanswered = true;
        r = take_queued(self, 2 + n * each); /* MULTI, the commands, SET */
        if (r < 0)
                return r;
        r = reply_to(self, &reply);
        if (r == -EACCES)
                return r;
        if (r < 0 || reply->type != REDIS_REPLY_ARRAY)
                r = away(self, r < 0 ? self->sink.why : "the mark was changed meanwhile");
        else
                r = refuse_failed(task, self, first, n, reply);
        self->unanswered = !self->client.connection;
        freeReplyObject(reply);
        return r;
}

static int
send(struct sq_task *task, size_t first, size_t n, size_t *ret_done)
{
        struct redis *self = sq_state(task);
        int r = self->client.connection ? 0 : connect_to(self);

        if (r == 0)
                r = self->sink.staged ? transact(task, self, first, n) : send_each(task, self, first, n, ret_done);
        return r == -EACCES ? refused(task, self) : r;
}

/* ---- The bolt ---------------------------------------------------------------------------------------- */

static int
prepare(struct sq_task *task)
{
        struct redis *self = sq_state(task);

        (void)sqi_redis_url(self->url, &self->client.at);
        self->client.timeout = self->sink.timeout;
        if (!self->value && self->kind != HASH && self->kind != STREAM && self->kind != INCR)
                self->sink.encoding = &self->encoding;
        if (sq_secret_read(task, self->password, self->client.secret, sizeof(self->client.secret)) < 0 ||
            sq_sink_open_staged(task, self->url, send) < 0)
                return -1;
        return sq_sink_connected(task, connect_to(self));
}

static void
cleanup(struct sq_task *task)
{
        struct redis *self = sq_state(task);

        sqi_redis_close(&self->client);
        sq_encoder_free(&self->command.text);
        sq_sink_close(task);
        explicit_bzero(self->client.secret, sizeof(self->client.secret));
}

SQ_BOLT(redis) = {
        .about = "A command to Redis for each tuple.",
        .state = sizeof(struct redis),
        .options =
                {
                        SQ_REQ_STR(struct redis, url, "redis://USER@HOST:PORT/DATABASE or unix:///PATH"),
                        SQ_OPT_ENUM(struct redis, kind, "set|hash|incr|list|stream|zset|publish", "set",
                                    "the command: SET, HSET, INCRBY, RPUSH, XADD, ZADD, PUBLISH"),
                        SQ_REQ_STR(struct redis, key,
                                   "the key, or the channel; fields or expressions in braces: page:{path}"),
                        SQ_OPT_STR(struct redis, value, NULL,
                                   "the field that is the value (incr: by how much, default 1; zset: the member); "
                                   "default: the tuple"),
                        SQ_OPT_ENCODING(struct redis, encoding, "json"),
                        SQ_OPT_STR(struct redis, score, NULL, "zset: the field that is the score"),
                        SQ_OPT_INT(struct redis, expire, 0, "seconds after which the key goes; 0: it stays"),
                        SQ_OPT_INT(struct redis, length, 0, "stream: about so many entries are kept; 0: all"),
                        SQ_OPT_STR(
                                struct redis, once, NULL,
                                "a key, fields in braces, that names the tuple: within a day it is written once, however "
                                "often it comes"),
                        SQ_OPT_SECRET("password", struct redis, password, "the server's password"),
                        SQ_OPT_SINK(struct redis, sink),
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

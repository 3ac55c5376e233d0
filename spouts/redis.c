/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `redis`: a tuple for each entry of a stream, element of a list, or message of a channel.
 *
 *     stream      XREADGROUP as a consumer of a group; XACK behind the processing
 *     list        LMOVE into a list of the task; LREM from there behind the processing
 *     subscribe   SUBSCRIBE, PSUBSCRIBE: at most once
 *
 * Redis keeps what is not done, so nothing depends on what this process remembers. On `reader` the question for what is
 * new waits in Redis, for a second at most; what was done goes over `teller`. After each connection the task first asks
 * what Redis holds as given to it (HELD): what is not in `held` was on its way when something died, and is emitted.
 *
 *     away --connected--> HELD --nothing more--> FRESH, WAIT --broken--> away
 *                                                   |    ^
 *                            (stream, now and then) CLAIM: what others were given, and have not done
 */
#include <errno.h>
#include <poll.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../clients/redis_held.h"
#include "../clients/redis_source.h"

enum { EARLIEST, LATEST };
enum { NOTHING, HELD, CLAIM, FRESH, WAIT }; /* what the reader was asked for */
enum { MOST = 512, TELL_MOST = 256, BURST_FIRST = 16 };
static const uint64_t TELL_NS = 50000000, POLL_NS = 10000000, PING_NS = 1000000000, SILENT_NS = 4000000000;

struct redis {
        struct sq_messages messages;
        const char *url, *key, *group, *consumer, *value, *id, *password;
        int64_t kind, start; /* kind: enum sqi_redis_kind */
        double claim;
        bool follow;

        struct sqi_redis reader, teller;
        struct sqi_redis_source from;
        struct sqi_redis_entries entries;
        struct sqi_held held;
        char source[300];
        bool joined, over;
        struct sq_retry retry;
        uint64_t poll_ns, tell_ns, claim_ns, heard_ns, ping_ns;
        int asked;
        uint64_t expected, seen; /* answers of the question that are to come; records in those that came */
        bool looked;             /* what is HELD, since the connection is there */
        bool claiming, dry;      /* dry: nothing was FRESH */
        uint64_t burst;          /* elements of a list to ask for */
        char last[SQI_REDIS_ID]; /* HELD: of what was seen; CLAIM: where it goes on */
};

/* A stream's entry without `value` is a map. */
static enum sq_format
format_of(const struct redis *self)
{
        return self->kind == SQI_REDIS_STREAM && !self->value ? SQ_FORMAT_MSGPACK
                                                              : (enum sq_format)self->messages.decoder.format;
}

static void
declare(struct sq_declaration *decl)
{
        const struct redis *self = sq_declared_state(decl);
        struct sq_messages messages = self->messages;

        messages.decoder.format = format_of(self);
        sqi_redis_declare(decl, self->url, self->password);
        if (self->kind == SQI_REDIS_STREAM && !self->group)
                sq_declare_error(decl, "group", "is needed to read a stream: the consumer group, which is made");
        sqi_redis_declare_kind(decl, self->kind, self->value != NULL);
        if (self->kind == SQI_REDIS_CHANNEL && !self->follow)
                sq_declare_error(decl, "follow", "a channel has no end, as a stream or a list may have");
        if (!(self->claim >= 0 && self->claim <= 1e6))
                sq_declare_error(decl, "claim", "must be from 0 to a million seconds");
        sq_messages_declare(&messages, decl);
}

static void
probe(struct sq_declaration *decl)
{
        const struct redis *self = sq_declared_state(decl);

        sqi_redis_probe(decl, self->url, self->password);
}

/* ---- Connections ------------------------------------------------------------------------------------- */

/* Both are given up, and tried again later. */
static void
leave(struct sq_task *task, struct redis *self, const char *why)
{
        sq_retry_away(task, &self->retry, self->source, why);
        self->asked = NOTHING;
        sqi_redis_close(&self->reader);
        sqi_redis_close(&self->teller);
}

/* An error of a connection, or an answer that is one: it may pass, or is the end of the topology. */
static void
complain(struct sq_task *task, struct redis *self, int r, const char *why)
{
        /* NOGROUP, UNBLOCKED: the stream was deleted, and both are made anew */
        if (r == -EAGAIN || r == -ENOMEM || sqi_redis_is_state(why) || strncmp(why, "NOGROUP", 7) == 0 ||
            strncmp(why, "UNBLOCKED", 9) == 0)
                leave(task, self, why);
        else
                (void)sq_error_final(task, "%s: %s", self->source, why);
}

/* A group that is made again begins at the start: all in the stream is new by then. */
static bool
connect_to(struct sq_task *task, struct redis *self)
{
        const char *from = self->start == LATEST && !self->joined ? "$" : "0";
        struct sqi_redis *client = &self->reader;
        int r = sqi_redis_open(client);

        if (r == 0 && self->kind != SQI_REDIS_CHANNEL) {
                client = &self->teller;
                r = sqi_redis_open(client);
        }
        if (r == 0)
                r = sqi_redis_begin(&self->from, client, from, sq_index(task), sq_parallelism(task));
        if (r < 0) {
                complain(task, self, r, client->why);
                return false;
        }
        sq_retry_back(task, &self->retry, self->source);
        self->joined = true;
        self->looked = self->claiming = self->dry = false;
        self->burst = BURST_FIRST;
        snprintf(self->last, sizeof(self->last), "0");
        return true;
}

/* ---- What is done ------------------------------------------------------------------------------------ */

/* 0; or nothing was appended. */
static int
append_done(const struct redis *self, uint64_t position)
{
        const struct sqi_held_entry *entry = sqi_held_at(&self->held, position);
        struct sq_str element;
        const char *wrong;

        if (self->kind == SQI_REDIS_STREAM)
                return sqi_redis_append_entry_done(&self->from, self->teller.connection, entry->ms, entry->seq);
        if (!sq_pipe_find(&self->messages.kept, position, &element, &wrong))
                return -ENOENT;
        return sqi_redis_append_element_done(&self->from, self->teller.connection, element);
}

static bool
take_told(struct sq_task *task, struct redis *self)
{
        redisReply *reply = NULL;
        int r = sqi_redis_answer(&self->teller, &reply);

        if (r < 0)
                complain(task, self, r, self->teller.why);
        freeReplyObject(reply);
        return r == 0;
}

/* Tells Redis what is done. What it has not answered for stays to be told. Not while it is asked what it holds: the
 * answer may be older. */
static void
tell(struct sq_task *task, struct redis *self)
{
        size_t n = 0, known = 0;

        self->tell_ns = sq_now(task) + TELL_NS;
        if (!self->teller.connection || self->asked == HELD || self->asked == CLAIM)
                return;
        while (n < self->held.ndone && append_done(self, self->held.done[n]) == 0)
                n++;
        while (known < n && take_told(task, self))
                sq_messages_done(task, self->held.done[known++]);
        sqi_held_said(&self->held, known);
}

/* A position is done: Redis is told when that is worth a question, or when nothing else is under way. */
static void
done(struct sq_task *task, uint64_t position)
{
        struct redis *self = sq_state(task);

        if (self->kind == SQI_REDIS_CHANNEL)
                sq_messages_done(task, position);
        else if (sqi_held_done(&self->held, position) &&
                 (self->held.ndone >= TELL_MOST || self->held.ndone == self->held.next - self->held.first))
                tell(task, self);
}

/* ---- Records ----------------------------------------------------------------------------------------- */

static bool
emit(struct sq_task *task, struct redis *self, struct sq_str record, struct sqi_held_entry entry)
{
        if (self->kind == SQI_REDIS_CHANNEL)
                return sq_messages_emit(task, record, NULL) == 0;
        entry.state = self->from.kept ? SQI_HELD_OPEN : SQI_HELD_SAID;
        if (sqi_held_add(&self->held, &entry))
                return sq_messages_emit(task, record, NULL) == 0;
        (void)sq_error_final(task, "%s: %s", self->source, strerror(ENOMEM));
        return false;
}

static bool
emit_element(struct sq_task *task, struct redis *self, const redisReply *reply)
{
        struct sqi_held_entry entry = sqi_held_element(sqi_redis_text(reply));

        self->seen++;
        if (self->asked == HELD && sqi_held_has(&self->held, &entry))
                return true;
        return emit(task, self, sqi_redis_text(reply), entry);
}

/* An entry that was given to us and deleted before it was done. */
static bool
lost(struct sq_task *task, struct redis *self, const struct sqi_redis_entry *entry)
{
        sq_lost(task, 1, "%s: the entry %s was deleted before it was processed", self->source, entry->id);
        return sqi_redis_append_entry_done(&self->from, self->teller.connection, entry->ms, entry->seq) == 0 &&
               take_told(task, self);
}

static bool
emit_entry(struct sq_task *task, struct redis *self, const redisReply *reply)
{
        struct sqi_redis_entry entry;
        struct sqi_held_entry held = {0};

        self->seen++;
        if (!sqi_redis_entry_read(&self->entries, reply, &entry)) {
                (void)sq_error_final(task, "%s: %s", self->source, strerror(ENOMEM));
                return false;
        }
        held.ms = entry.ms;
        held.seq = entry.seq;
        if (self->asked == HELD)
                snprintf(self->last, sizeof(self->last), "%s", entry.id);
        if ((self->asked == HELD || self->asked == CLAIM) && sqi_held_has(&self->held, &held))
                return true;
        return entry.deleted ? lost(task, self, &entry) : emit(task, self, entry.record, held);
}

/* ---- Questions --------------------------------------------------------------------------------------- */

static int
append_question(struct redis *self, uint64_t most)
{
        redisContext *connection = self->reader.connection;

        if (self->asked == HELD)
                return sqi_redis_append_held(&self->from, connection, self->last, most);
        if (self->asked == CLAIM)
                return sqi_redis_append_claim(&self->from, connection, self->last, self->claim * 1000, most);
        if (self->kind == SQI_REDIS_LIST && most > self->burst)
                most = self->burst;
        return sqi_redis_append_fresh(&self->from, connection, most, self->asked == WAIT, &self->expected);
}

/* Asks, of which the answers are read by and by. False: the connection is broken. */
static bool
ask(struct sq_task *task, struct redis *self, int what, uint64_t most)
{
        int written = 0;

        self->asked = what;
        self->seen = 0;
        self->expected = 1;
        self->heard_ns = sq_now(task);
        if (append_question(self, most < MOST ? most : MOST) < 0) {
                leave(task, self, strerror(ENOMEM));
                return false;
        }
        while (!written)
                if (redisBufferWrite(self->reader.connection, &written) != REDIS_OK) {
                        leave(task, self, self->reader.connection->errstr);
                        return false;
                }
        return true;
}

/* ---- Answers ----------------------------------------------------------------------------------------- */

static bool
emit_records(struct sq_task *task, struct redis *self, redisReply *const *answer)
{
        redisReply *const *records;
        size_t n = sqi_redis_records(&self->from, answer, self->asked == CLAIM, &records);
        bool fine = true;

        for (size_t i = 0; fine && i < n; i++)
                if (self->kind == SQI_REDIS_LIST)
                        fine = emit_element(task, self, records[i]);
                else if (records[i]->type == REDIS_REPLY_ARRAY)
                        fine = emit_entry(task, self, records[i]);
        return fine;
}

/* What comes with claimed entries: CURSOR, ENTRIES, [IDS that were deleted]. */
static void
note_claimed(struct sq_task *task, struct redis *self, const redisReply *reply)
{
        size_t gone = reply->elements > 2 ? reply->element[2]->elements : 0;

        if (gone > 0)
                sq_lost(task, gone, "%s: %zu entries were deleted before they were processed", self->source, gone);
        snprintf(self->last, sizeof(self->last), "%s", reply->element[0]->str);
}

static bool
take_pushed(struct sq_task *task, struct redis *self, const redisReply *reply)
{
        struct sq_str text;

        self->expected++;
        return !sqi_redis_heard(reply, &text) || emit(task, self, text, (struct sqi_held_entry){0});
}

static bool
take(struct sq_task *task, struct redis *self, redisReply *reply)
{
        self->heard_ns = sq_now(task);
        self->expected--;
        if (reply->type == REDIS_REPLY_ERROR) {
                complain(task, self, -EBADMSG, reply->str);
                return false;
        }
        if (self->kind == SQI_REDIS_CHANNEL)
                return take_pushed(task, self, reply);
        if ((self->asked == HELD || self->asked == CLAIM) && !sqi_held_look(&self->held)) {
                (void)sq_error_final(task, "%s: %s", self->source, strerror(ENOMEM));
                return false;
        }
        if (self->asked == CLAIM)
                note_claimed(task, self, reply);
        return emit_records(task, self, &reply);
}

/* Reads one answer, if it is there. 1; 0: none is; -1: the connection is broken, or the topology ends. */
static int
read_one(struct sq_task *task, struct redis *self)
{
        struct pollfd ready = {.fd = self->reader.connection->fd, .events = POLLIN};
        void *got = NULL;
        bool fine;

        while (redisGetReplyFromReader(self->reader.connection, &got) == REDIS_OK && !got) {
                if (poll(&ready, 1, 0) <= 0)
                        return 0;
                if (redisBufferRead(self->reader.connection) != REDIS_OK)
                        break;
        }
        if (!got) {
                leave(task, self, self->reader.connection->errstr);
                return -1;
        }
        fine = take(task, self, got);
        freeReplyObject(got);
        return fine ? 1 : -1;
}

/* ---- The spout --------------------------------------------------------------------------------------- */

static int
prepare(struct sq_task *task)
{
        struct redis *self = sq_state(task);

        snprintf(self->source, sizeof(self->source), "redis %.120s %.120s", self->url, self->key);
        self->from = (struct sqi_redis_source){
                .kind = (enum sqi_redis_kind)self->kind, .key = self->key, .group = self->group};
        sqi_redis_name(&self->from, task, self->consumer);
        self->entries = (struct sqi_redis_entries){
                .value = self->value, .id = self->id, .row = {.format = SQ_FORMAT_MSGPACK}};
        self->held.unique = self->kind == SQI_REDIS_STREAM;
        self->messages.decoder.format = format_of(self);
        self->over = self->kind == SQI_REDIS_CHANNEL && sq_index(task) > 0; /* each would hear all */
        (void)sqi_redis_url(self->url, &self->reader.at);
        if (sq_secret_read(task, self->password, self->reader.secret, sizeof(self->reader.secret)) < 0)
                return -1;
        self->reader.timeout = 3;
        self->teller = self->reader;
        return sq_messages_begin(task, self->source);
}

static int
seek(struct sq_task *task, uint64_t position)
{
        struct redis *self = sq_state(task);

        self->held.first = self->held.next = position;
        return sq_messages_seek(task, position);
}

/* What is asked next. */
static int
question(struct sq_task *task, struct redis *self)
{
        if (self->kind == SQI_REDIS_CHANNEL)
                return FRESH;
        if (self->from.kept && !self->looked)
                return HELD;
        if (self->claiming)
                return CLAIM;
        if (self->from.kept && self->kind == SQI_REDIS_STREAM && self->claim > 0 && sq_now(task) >= self->claim_ns) {
                snprintf(self->last, sizeof(self->last), "0-0");
                self->claiming = true;
                return CLAIM;
        }
        return self->dry && self->follow && self->from.kept ? WAIT : FRESH;
}

/* What the task had done of a list and is in its list no more: Redis knows, though its answer was lost. */
static void
settle(struct sq_task *task, struct redis *self)
{
        size_t n = sqi_held_gone(&self->held);

        for (size_t i = 0; i < n; i++)
                sq_messages_done(task, self->held.done[i]);
        sqi_held_said(&self->held, n);
}

/* The answers to a question have all come. */
static void
rest(struct sq_task *task, struct redis *self)
{
        int was = self->asked;

        self->asked = NOTHING;
        if (was == HELD) {
                self->looked = self->kind == SQI_REDIS_LIST || self->seen == 0;
                if (self->kind == SQI_REDIS_LIST)
                        settle(task, self);
                return;
        }
        if (was == CLAIM) {
                self->claiming = strcmp(self->last, "0-0") != 0;
                self->claim_ns = sq_now(task) + (uint64_t)(self->claim * 5e8);
                return;
        }
        self->burst = self->seen < self->burst ? BURST_FIRST : 2 * self->burst;
        self->dry = self->seen == 0;
        self->over = self->dry && !self->follow;
        self->poll_ns = self->dry && !self->from.kept ? sq_now(task) + POLL_NS : 0;
}

/* Whether the server has been silent for too long; a subscriber asks it for a sign of life. */
static bool
is_silent(struct sq_task *task, struct redis *self)
{
        uint64_t now = sq_now(task), since = self->kind == SQI_REDIS_CHANNEL ? self->ping_ns : self->heard_ns;
        int written = 0;

        if (self->kind != SQI_REDIS_CHANNEL || self->ping_ns > self->heard_ns)
                return now > since + SILENT_NS;
        if (now > self->heard_ns + PING_NS &&
            sqi_redis_append(self->reader.connection, 1, (const char *[]){"PING"}) == 0) {
                self->ping_ns = now;
                return redisBufferWrite(self->reader.connection, &written) != REDIS_OK;
        }
        return false;
}

static enum sq_next
read_some(struct sq_task *task, struct redis *self, uint64_t most)
{
        uint64_t n = 0;
        int r = 1;

        while (n < most && self->expected > 0 && (r = read_one(task, self)) > 0)
                n++;
        if (r >= 0 && self->expected == 0)
                rest(task, self);
        if (n > 0 || r < 0)
                return SQ_MORE;
        if (is_silent(task, self)) {
                leave(task, self, "does not answer");
                return SQ_MORE;
        }
        sq_wake_on(task, self->reader.connection->fd);
        sq_wake_at(task, sq_now(task) + (self->held.ndone > 0 ? TELL_NS : PING_NS));
        return SQ_IDLE;
}

static enum sq_next
next(struct sq_task *task)
{
        struct redis *self = sq_state(task);
        uint64_t most = sq_messages_room(task);

        self->from.kept = self->kind != SQI_REDIS_CHANNEL && sq_room(task) != UINT64_MAX;
        if (self->held.ndone > 0 && sq_now(task) >= self->tell_ns)
                tell(task, self);
        if (self->over)
                return SQ_DONE;
        if (most == 0)
                return SQ_IDLE;
        if (self->asked)
                return read_some(task, self, most);
        if (sq_now(task) < self->poll_ns) {
                sq_wake_at(task, self->poll_ns);
                return SQ_IDLE;
        }
        if (!self->reader.connection && (!sq_retry_due(task, &self->retry) || !connect_to(task, self)))
                return SQ_IDLE;
        return ask(task, self, question(task, self), most) ? SQ_MORE : SQ_IDLE;
}

/* What nobody has been given yet all tasks share, so one of them says it. */
static int
lag(struct sq_task *task, struct sq_lag *ret)
{
        struct redis *self = sq_state(task);
        int r = sq_index(task) == 0 ? sqi_redis_lag(&self->from, &self->teller, ret) : -1;

        if (r == -EAGAIN)
                leave(task, self, self->teller.why);
        return r;
}

/* What was taken out of Redis for good is emitted, and what is done is told. */
static int
finish(struct sq_task *task)
{
        struct redis *self = sq_state(task);
        void *got = NULL;

        while (!self->from.kept && self->kind != SQI_REDIS_CHANNEL && self->asked && self->expected > 0 &&
               redisGetReply(self->reader.connection, &got) == REDIS_OK) {
                (void)take(task, self, got);
                freeReplyObject(got);
        }
        tell(task, self);
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct redis *self = sq_state(task);

        if (self->held.ndone > 0)
                tell(task, self);
        sqi_redis_close(&self->reader);
        sqi_redis_close(&self->teller);
        explicit_bzero(self->reader.secret, sizeof(self->reader.secret));
        explicit_bzero(self->teller.secret, sizeof(self->teller.secret));
        sqi_held_free(&self->held);
        sqi_redis_entries_free(&self->entries);
        sq_messages_end(task);
}

SQ_SPOUT(redis) = {
        .about = "A tuple for each entry of a stream, element of a list, or message of a channel of Redis.",
        .state = sizeof(struct redis),
        .options =
                {
                        SQ_REQ_STR(struct redis, url, "redis://USER@HOST:PORT/DATABASE or unix:///PATH"),
                        SQ_REQ_STR(struct redis, key, "the stream, list, or channel (with * ? or [: a pattern)"),
                        SQ_OPT_ENUM(struct redis, kind, "stream|list|subscribe", "stream",
                                    "stream: as a consumer of `group`; list: from its left end, by way of a list of "
                                    "the task; subscribe: what is published, at most once"),
                        SQ_OPT_STR(struct redis, group, NULL,
                                   "stream: the consumer group, which keeps where it is; made if it is not there"),
                        SQ_OPT_ENUM(struct redis, start, "earliest|latest", "earliest",
                                    "stream: where a group begins that is made"),
                        SQ_OPT_STR(struct redis, consumer, NULL,
                                   "what Redis knows the tasks by, with their number; default: TOPOLOGY.COMPONENT"),
                        SQ_OPT_FLOAT(struct redis, claim, 60,
                                     "stream: seconds until what another consumer does not ack is taken; 0: never"),
                        SQ_OPT_STR(struct redis, value, NULL,
                                   "stream: the field that is the message; default: a map of all, texts"),
                        SQ_OPT_STR(struct redis, id, NULL, "stream without `value`: the member that is the entry's id"),
                        SQ_OPT_BOOL(struct redis, follow, true, "wait for more; false: end when nothing is there"),
                        SQ_OPT_SECRET("password", struct redis, password, "the server's password"),
                        SQ_OPT_KEPT(struct redis, messages, "json"),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .probe = probe,
        .prepare = prepare,
        .next = next,
        .replay = sq_messages_replay,
        .seek = seek,
        .lag = lag,
        .ack = done,
        .fail = done,
        .finish = finish,
        .cleanup = cleanup,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `nats`: a tuple for each message of a subject.
 *
 *     with `durable`      messages of JetStream, fetched as a durable consumer, which all tasks share; a message is
 *                         acked behind the processing, and comes again when that takes longer than `ack_wait`
 *     without             what is published while the task is connected: at most once; tasks share it by `queue`
 *
 * What a message is acked with is its reply subject, kept in `replies` by its position: it holds over another
 * connection, too.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../clients/nats.h"

enum { EARLIEST, LATEST };
enum { FETCH_MOST = 256, FLUSH_MS = 1000, FETCH_S = 2 };
static const uint64_t POLL_NS = 10000000;

/* With `subjects`. */
static const char *const names[] = {"subject", "payload"}, *const types[] = {"str", "str"};
static const struct sq_nested subject_and_payload = {.n = 2, .names = names, .values = types};

struct nats {
        struct sq_messages messages;
        const char *url, *subject, *stream, *durable, *queue, *password, *ca;
        int64_t start;
        bool subjects;
        double ack_wait;

        struct sqi_nats client;
        natsSubscription *subscription;
        struct sq_retry retry;
        struct sq_pipe replies;
        char source[300];
        uint64_t poll_ns;
        int64_t dropped;
        bool known; /* how many messages were `behind` the last one that was taken */
        uint64_t behind;
};

static void
declare(struct sq_declaration *decl)
{
        const struct nats *self = sq_declared_state(decl);
        struct sq_url at;
        const char *wrong = sqi_nats_url(self->url, &at);

        if (wrong)
                sq_declare_error(decl, "url", "%s", wrong);
        else if (strcmp(at.scheme, "tls") != 0)
                sq_declare_unused(decl, "ca", "without tls://");
        if (self->stream && !self->durable)
                sq_declare_error(decl, "durable",
                                 "is needed with `stream`: the name of the consumer, which keeps where it is");
        if (self->durable && strpbrk(self->durable, ".*> "))
                sq_declare_error(decl, "durable", "has no . * > and blanks in it");
        if (self->durable && self->queue)
                sq_declare_error(decl, "queue", "is not needed with `durable`: all tasks share the consumer");
        if (!self->durable && !self->queue && sq_declared_parallelism(decl) > 1)
                sq_declare_error(decl, "queue", "is needed for several tasks, each of which would hear all");
        if (!self->durable)
                sq_declare_unused(decl, "start", "without `durable`, the consumer of JetStream");
        if (!self->durable)
                sq_declare_unused(decl, "ack-wait", "without `durable`, the consumer of JetStream");
        if (!(self->ack_wait >= 0.1 && self->ack_wait <= 86400))
                sq_declare_error(decl, "ack-wait", "must be from 0.1 to 86400 seconds");
        sq_secret_declare(self->password, decl, "password");
        sq_messages_declare_as(&self->messages, decl, self->subjects ? &subject_and_payload : NULL, "subjects");
}

static void
probe(struct sq_declaration *decl)
{
        const struct nats *self = sq_declared_state(decl);

        sqi_nats_probe(decl, self->url, self->password, self->ca, self->stream);
}

/* ---- The connection ---------------------------------------------------------------------------------- */

static void
leave(struct sq_task *task, struct nats *self, natsStatus status)
{
        int r;

        natsSubscription_Destroy(self->subscription);
        self->subscription = NULL;
        r = sqi_nats_away(&self->client, status);
        if (r == -EACCES)
                (void)sq_error_final(task, "%s: %s", self->source, self->client.why);
        else
                sq_retry_away(task, &self->retry, self->source, self->client.why);
}

/* As the durable consumer, which is made if it is not there. */
static natsStatus
consume(struct nats *self)
{
        jsSubOptions options;
        jsErrCode error = 0;
        natsStatus status = natsConnection_JetStream(&self->client.stream, self->client.connection, NULL);

        if (status == NATS_OK)
                status = jsSubOptions_Init(&options);
        if (status != NATS_OK)
                return status;
        options.Stream = self->stream;
        options.Config.AckPolicy = js_AckExplicit;
        options.Config.AckWait = (int64_t)(self->ack_wait * 1e9);
        options.Config.DeliverPolicy = self->start == LATEST ? js_DeliverNew : js_DeliverAll;
        return js_PullSubscribe(&self->subscription, self->client.stream, self->subject, self->durable, NULL, &options,
                                &error);
}

static bool
connect_to(struct sq_task *task, struct nats *self)
{
        natsStatus status;

        if (sqi_nats_open(&self->client) == -EACCES) {
                (void)sq_error_final(task, "%s: %s", self->source, self->client.why);
                return false;
        }
        if (!self->client.connection) {
                sq_retry_away(task, &self->retry, self->source, self->client.why);
                return false;
        }
        if (self->durable)
                status = consume(self);
        else if (self->queue)
                status = natsConnection_QueueSubscribeSync(&self->subscription, self->client.connection, self->subject,
                                                           self->queue);
        else
                status = natsConnection_SubscribeSync(&self->subscription, self->client.connection, self->subject);
        if (status != NATS_OK) {
                leave(task, self, status);
                return false;
        }
        sq_retry_back(task, &self->retry, self->source);
        self->dropped = 0;
        return true;
}

static void
ack(struct nats *self, const char *reply)
{
        /* one that is lost brings the message again */
        if (self->client.connection)
                (void)natsConnection_PublishString(self->client.connection, reply, "+ACK");
}

static void
done(struct sq_task *task, uint64_t position)
{
        struct nats *self = sq_state(task);
        struct sq_str reply;
        const char *wrong;

        sq_messages_done(task, position);
        if (sq_pipe_find(&self->replies, position, &reply, &wrong))
                ack(self, reply.ptr);
        sq_pipe_done(&self->replies, position);
}

/* ---- Messages ---------------------------------------------------------------------------------------- */

/* False: the topology ends. */
static bool
take(struct sq_task *task, struct nats *self, natsMsg *message)
{
        struct sq_str record = {natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message)};
        const char *reply = self->durable ? natsMsg_GetReply(message) : NULL;
        struct sq_str to = {reply, reply ? strlen(reply) + 1 : 0}; /* with its NUL */
        bool tracked = sq_room(task) != UINT64_MAX;

        if (!record.ptr)
                record = (struct sq_str){"", 0};
        if (reply && tracked && sq_pipe_keep(&self->replies, self->messages.next, to, NULL) < 0) {
                (void)sq_error_final(task, "%s: %s", self->source, strerror(ENOMEM));
                return false;
        }
        if (reply && !tracked)
                ack(self, reply);
        if (self->subjects) {
                const struct sq_value values[] = {sq_text(natsMsg_GetSubject(message)), sq_str(record)};

                return sq_messages_emit_as(task, values) == 0;
        }
        return sq_messages_emit(task, record, NULL) == 0;
}

/* Each message says how many there were behind it. */
static void
note_behind(struct nats *self, natsMsg *message)
{
        jsMsgMetaData *about = NULL;

        self->known = natsMsg_GetMetaData(&about, message) == NATS_OK;
        if (self->known)
                self->behind = about->NumPending;
        jsMsgMetaData_Destroy(about);
}

/* What JetStream has now. How many; negative: the connection is broken. */
static int64_t
fetch(struct sq_task *task, struct nats *self, uint64_t most)
{
        jsFetchRequest request;
        natsMsgList list = {0};
        natsStatus status = jsFetchRequest_Init(&request);
        int n;

        request.Batch = (int)(most < FETCH_MOST ? most : FETCH_MOST);
        request.NoWait = true;
        request.Expires = (int64_t)FETCH_S * 1000000000;
        if (status == NATS_OK)
                status = natsSubscription_FetchRequest(&list, self->subscription, &request);
        n = list.Count;
        for (int i = 0; i < n; i++)
                if (!take(task, self, list.Msgs[i]))
                        break;
        if (n > 0)
                note_behind(self, list.Msgs[n - 1]);
        natsMsgList_Destroy(&list);
        if (n == 0)
                self->behind = 0;
        if (status == NATS_OK || status == NATS_TIMEOUT || status == NATS_NOT_FOUND)
                return n;
        leave(task, self, status);
        return -1;
}

/* What was published, and what the library dropped because nobody took it in time. */
static int64_t
receive(struct sq_task *task, struct nats *self, uint64_t most)
{
        int waiting = 0, bytes = 0;
        int64_t n = 0, dropped = 0;
        natsStatus status = natsSubscription_GetPending(self->subscription, &waiting, &bytes);

        while (status == NATS_OK && n < (int64_t)most && n < waiting) {
                natsMsg *message = NULL;

                status = natsSubscription_NextMsg(&message, self->subscription, 1);
                if (status == NATS_OK && take(task, self, message))
                        n++;
                natsMsg_Destroy(message);
        }
        if (natsSubscription_GetDropped(self->subscription, &dropped) == NATS_OK && dropped > self->dropped) {
                sq_count(task, "dropped: the topology is slow", (uint64_t)(dropped - self->dropped));
                self->dropped = dropped;
        }
        if (status != NATS_OK || natsConnection_IsClosed(self->client.connection)) {
                leave(task, self, status != NATS_OK ? status : NATS_CONNECTION_CLOSED);
                return -1;
        }
        return n;
}

/* ---- The spout --------------------------------------------------------------------------------------- */

static int
prepare(struct sq_task *task)
{
        struct nats *self = sq_state(task);

        snprintf(self->source, sizeof(self->source), "nats %.120s %.120s", self->url, self->subject);
        (void)sqi_nats_url(self->url, &self->client.at);
        self->client.ca = self->ca;
        if (sq_secret_read(task, self->password, self->client.secret, sizeof(self->client.secret)) < 0)
                return -1;
        return sq_messages_begin_as(task, self->source, self->subjects ? &subject_and_payload : NULL);
}

static enum sq_next
next(struct sq_task *task)
{
        struct nats *self = sq_state(task);
        uint64_t most = sq_messages_room(task);
        int64_t n;

        if (most == 0)
                return SQ_IDLE;
        if (!self->subscription && (!sq_retry_due(task, &self->retry) || !connect_to(task, self)))
                return SQ_IDLE;
        if (sq_now(task) < self->poll_ns) {
                sq_wake_at(task, self->poll_ns);
                return SQ_IDLE;
        }
        n = self->durable ? fetch(task, self, most) : receive(task, self, most);
        self->poll_ns = n == 0 ? sq_now(task) + POLL_NS : 0;
        return SQ_MORE;
}

/* All tasks share the consumer, so one of them says it. */
static int
lag(struct sq_task *task, struct sq_lag *ret)
{
        const struct nats *self = sq_state(task);

        *ret = (struct sq_lag){self->behind, SQ_LAG_MESSAGES};
        return self->known && sq_index(task) == 0 ? 0 : -1;
}

static int
finish(struct sq_task *task)
{
        struct nats *self = sq_state(task);

        if (self->client.connection)
                (void)natsConnection_FlushTimeout(self->client.connection, FLUSH_MS);
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct nats *self = sq_state(task);

        (void)finish(task);
        natsSubscription_Destroy(self->subscription);
        sqi_nats_close(&self->client);
        explicit_bzero(self->client.secret, sizeof(self->client.secret));
        sq_pipe_close(&self->replies);
        sq_messages_end(task);
}

SQ_SPOUT(nats) = {
        .about = "A tuple for each message of a NATS subject.",
        .state = sizeof(struct nats),
        .options =
                {
                        SQ_REQ_STR(struct nats, url, "nats://USER@HOST:PORT, or tls://"),
                        SQ_REQ_STR(struct nats, subject, "the subject: a.b, a.*.c, a.>"),
                        SQ_OPT_BOOL(struct nats, subjects, false,
                                    "a message goes out as two fields, `subject` and `payload`, its text"),
                        SQ_OPT_STR(struct nats, durable, NULL,
                                   "JetStream: the consumer, which keeps where it is; made if it is not there"),
                        SQ_OPT_STR(struct nats, stream, NULL,
                                   "JetStream: the stream; default: the one that has the subject"),
                        SQ_OPT_ENUM(struct nats, start, "earliest|latest", "earliest",
                                    "JetStream: where a consumer begins that is made"),
                        SQ_OPT_FLOAT_AS("ack-wait", struct nats, ack_wait, 60,
                                        "JetStream: seconds after which a message comes again that is not processed"),
                        SQ_OPT_STR(struct nats, queue, NULL, "without `durable`: the group that shares what comes"),
                        SQ_OPT_PATH(struct nats, ca, NULL,
                                    "tls: the file of certificates to trust; default: the system's"),
                        SQ_OPT_SECRET("password", struct nats, password, "the password of the user, or a token"),
                        SQ_OPT_KEPT(struct nats, messages, "json"),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .probe = probe,
        .prepare = prepare,
        .next = next,
        .replay = sq_messages_replay,
        .seek = sq_messages_seek,
        .lag = lag,
        .ack = done,
        .fail = done,
        .finish = finish,
        .cleanup = cleanup,
};

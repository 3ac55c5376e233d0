/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `nats`: a message for each tuple.
 *
 * With `stream` a tuple is acked when JetStream has its message; `key` names it, and JetStream leaves out what it
 * has already. A batch goes out at once, and a thread of the library takes the answers, one for each message, in any
 * order. It may have one in hand while the connection is destroyed, and after, and nothing tells when it is through: so
 * what it is given is a number, which is of nobody once the connection is.
 *
 * Without `stream` a tuple is acked when the server has read its message: who is not subscribed then does not get it.
 */
#include <errno.h>
#include <pthread.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../clients/nats.h"

enum { STEP_MS = 50, PATIENCE_MS = 1000 };

/* A message of the batch, and what JetStream has said of it. */
struct sent {
        const natsMsg *message; /* NULL: none is under way */
        bool answered;
        natsStatus status;
        jsErrCode error;
        char why[128];
};

struct nats {
        struct sq_sink sink;
        const char *url, *subject, *stream, *key, *value, *password, *ca;
        struct sq_encoding encoding;

        struct sqi_nats client;
        struct sq_encoder name, id, text;

        /* under the lock of `listening`, for the library's thread */
        uintptr_t number; /* of the connection whose answers count; 0: of none */
        struct nats *next;
        struct sent *sent;
        size_t nsent;
};

/* Those of this process that answers are for. */
static struct {
        pthread_mutex_t lock;
        uintptr_t last;
        struct nats *first;
} listening = {.lock = PTHREAD_MUTEX_INITIALIZER};

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
        sq_template_declare(self->subject, decl, "subject");
        if (self->key)
                sq_template_declare(self->key, decl, "key");
        if (self->key && !self->stream)
                sq_declare_error(decl, "key", "is for JetStream: set `stream`");
        sq_field_declare(self->value, decl, "value");
        sq_encoding_declare(&self->encoding, self->value, decl);
        sq_secret_declare(self->password, decl, "password");
        sq_sink_declare(&self->sink, decl);
}

static void
probe(struct sq_declaration *decl)
{
        const struct nats *self = sq_declared_state(decl);

        sqi_nats_probe(decl, self->url, self->password, self->ca, self->stream);
}

/* ---- The connection ---------------------------------------------------------------------------------- */

/* For a new connection. What one before it has still to say is nobody's from here on. */
static void
listen_anew(struct nats *self)
{
        pthread_mutex_lock(&listening.lock);
        if (self->number == 0) {
                self->next = listening.first;
                listening.first = self;
        }
        self->number = ++listening.last;
        pthread_mutex_unlock(&listening.lock);
}

static void
listen_no_more(struct nats *self)
{
        pthread_mutex_lock(&listening.lock);
        for (struct nats **at = &listening.first; *at; at = &(*at)->next)
                if (*at == self) {
                        *at = self->next;
                        break;
                }
        self->number = 0;
        self->next = NULL;
        pthread_mutex_unlock(&listening.lock);
}

/* Messages without an answer the library would leave behind. */
static int
away(struct nats *self, natsStatus status)
{
        natsMsgList open = {0};
        int r;

        if (self->client.stream && js_PublishAsyncGetPendingList(&open, self->client.stream) == NATS_OK)
                natsMsgList_Destroy(&open);
        r = sqi_nats_away(&self->client, status);

        snprintf(self->sink.why, sizeof(self->sink.why), "%s", self->client.why);
        return r;
}

static void
take_answer(struct nats *self, const natsMsg *message, const jsPubAckErr *error)
{
        size_t i = 0;

        while (i < self->nsent && self->sent[i].message != message)
                i++;
        if (i < self->nsent) {
                struct sent *sent = &self->sent[i];

                sent->message = NULL;
                sent->answered = true;
                sent->status = error ? error->Err : NATS_OK;
                sent->error = error ? error->ErrCode : 0;
                snprintf(sent->why, sizeof(sent->why), "%s", error && error->ErrText ? error->ErrText : "");
        }
}

/* Called by a thread of the library, which hands the message over. One of a batch that is over is nobody's. */
static void
note_answer(jsCtx *stream, natsMsg *message, jsPubAck *ack, jsPubAckErr *error, void *number)
{
        struct nats *self;

        (void)stream;
        (void)ack;
        pthread_mutex_lock(&listening.lock);
        self = listening.first;
        while (self && self->number != (uintptr_t)number)
                self = self->next;
        if (self)
                take_answer(self, message, error);
        pthread_mutex_unlock(&listening.lock);
        natsMsg_Destroy(message);
}

static int
connect_to(struct nats *self)
{
        jsOptions options;
        natsStatus status;
        int r = sqi_nats_open(&self->client);

        if (r < 0) {
                snprintf(self->sink.why, sizeof(self->sink.why), "%s", self->client.why);
                return r;
        }
        if (!self->stream)
                return 0;
        listen_anew(self);
        status = jsOptions_Init(&options);
        options.PublishAsync.AckHandler = note_answer;
        options.PublishAsync.AckHandlerClosure = (void *)self->number;
        options.Wait = (int64_t)(self->sink.timeout * 1000);
        if (status == NATS_OK)
                status = natsConnection_JetStream(&self->client.stream, self->client.connection, &options);
        return status == NATS_OK ? 0 : away(self, status);
}

/* ---- Messages ---------------------------------------------------------------------------------------- */

/* A template, with a NUL behind it. */
static int
write_name(const char *template, const struct sq_record *record, struct sq_encoder *to)
{
        struct sq_value end = sq_bin("", 1);
        int r;

        to->len = 0;
        r = sq_template_write(template, record, to);
        return r ? r : sq_encode_values(to, 1, NULL, &end);
}

static int
write_message(struct nats *self, const struct sq_record *record)
{
        int r = write_name(self->subject, record, &self->name);

        if (r == 0 && self->key)
                r = write_name(self->key, record, &self->id);
        self->text.len = 0;
        return r ? r : sq_record_write(record, self->value, &self->encoding, &self->text);
}

/* Whether a message can be published to it: the library would write anything into its protocol. */
static bool
is_subject(const char *name)
{
        char before = '.';

        for (; *name; before = *name++)
                if ((unsigned char)*name <= ' ' || *name == '*' || *name == '>' || (*name == '.' && before == '.'))
                        return false;
        return before != '.';
}

/* Whether it says of the message that no later attempt would go better. */
static bool
is_refusal(natsStatus status)
{
        return status == NATS_INVALID_SUBJECT || status == NATS_MAX_PAYLOAD || status == NATS_INVALID_ARG ||
               status == NATS_ERR;
}

/* Of an answer of JetStream: whether there may be room for the message later. */
static bool
is_full(jsErrCode error)
{
        return error == JSStreamStoreFailedErr || error == JSInsufficientResourcesErr ||
               error == JSMemoryResourcesExceededErr || error == JSStorageResourcesExceededErr ||
               error == JSAccountResourcesExceededErr || error == JSClusterNotAvailErr || error == JSStreamOfflineErr;
}

static void
set_under_way(struct sent *sent, const natsMsg *message)
{
        pthread_mutex_lock(&listening.lock);
        sent->message = message;
        pthread_mutex_unlock(&listening.lock);
}

static natsStatus
publish_to_stream(struct nats *self, struct sent *sent, const char *bytes, int len)
{
        jsPubOptions options;
        natsMsg *message = NULL;
        natsStatus status = natsMsg_Create(&message, self->name.bytes, NULL, bytes, len);

        if (status != NATS_OK)
                return status;
        (void)jsPubOptions_Init(&options);
        options.ExpectStream = self->stream;
        options.MsgId = self->key ? self->id.bytes : NULL;
        set_under_way(sent, message); /* before its answer can be there */
        status = js_PublishMsgAsync(self->client.stream, &message, &options);
        if (status != NATS_OK) { /* else the library has it */
                set_under_way(sent, NULL);
                natsMsg_Destroy(message);
        }
        return status;
}

static natsStatus
publish(struct nats *self, struct sent *sent)
{
        const char *bytes = self->text.bytes ? self->text.bytes : "";
        int len = (int)self->text.len;

        if (!is_subject(self->name.bytes))
                return NATS_INVALID_SUBJECT;
        return self->stream ? publish_to_stream(self, sent, bytes, len)
                            : natsConnection_Publish(self->client.connection, self->name.bytes, bytes, len);
}

/* 0; -EAGAIN; or what sq_sink_refuse() returns. */
static int
publish_record(struct sq_task *task, struct nats *self, size_t i, struct sent *sent)
{
        struct sq_record record;
        natsStatus status;

        sq_sink_record(&self->sink, i, &record);
        status = write_message(self, &record) < 0 ? NATS_NO_MEMORY : publish(self, sent);
        if (status == NATS_OK)
                return 0;
        if (!is_refusal(status))
                return away(self, status);
        sqi_nats_explain(status, self->sink.why, sizeof(self->sink.why));
        return sq_sink_refuse(task, &self->sink, i, self->sink.why);
}

/* Until the server has answered for all. 0; -EAGAIN; -EPIPE: it has hung up. */
static int
wait_for_answers(const struct sq_task *task, struct nats *self)
{
        int64_t most_ms = (int64_t)(self->sink.timeout * 1000);
        natsStatus status = NATS_TIMEOUT;
        jsPubOptions options;
        bool closed = false;

        (void)jsPubOptions_Init(&options);
        options.MaxWait = STEP_MS;
        if (!self->stream)
                status = natsConnection_FlushTimeout(self->client.connection, most_ms);
        else
                for (int64_t ms = 0; status == NATS_TIMEOUT && !closed && ms < most_ms; ms += STEP_MS) {
                        if (ms >= PATIENCE_MS && sq_leaving(task))
                                break;
                        status = js_PublishAsyncComplete(self->client.stream, &options);
                        closed = natsConnection_IsClosed(self->client.connection);
                }
        if (status == NATS_OK)
                return 0;
        closed = natsConnection_IsClosed(self->client.connection);
        (void)away(self, closed ? NATS_CONNECTION_CLOSED : status);
        return closed ? -EPIPE : -EAGAIN;
}

/* Of one that JetStream has not taken. 0; -EAGAIN: it may later; or what sq_sink_refuse() returns. */
static int
take_error(struct sq_task *task, struct nats *self, size_t i, const struct sent *sent)
{
        if (sent->why[0] && sent->status != NATS_NO_RESPONDERS)
                snprintf(self->sink.why, sizeof(self->sink.why), "%s", sent->why);
        else
                sqi_nats_explain(sent->status, self->sink.why, sizeof(self->sink.why));
        if (!is_refusal(sent->status) || is_full(sent->error))
                return -EAGAIN;
        return sq_sink_refuse(task, &self->sink, i, self->sink.why);
}

/* Settles what was answered, and what was not is not waited for any more. 0, or why one is open still. */
static int
take_answers(struct sq_task *task, struct nats *self, size_t first)
{
        size_t n = self->nsent;
        int r = 0;

        pthread_mutex_lock(&listening.lock);
        self->nsent = 0; /* from here on they are this thread's alone */
        pthread_mutex_unlock(&listening.lock);
        for (size_t i = 0; i < n && (r == 0 || r == -EAGAIN); i++) {
                const struct sent *sent = &self->sent[i];
                int error = 0;

                if (sent->answered && sent->status == NATS_OK)
                        sq_sink_settle(&self->sink, first + i);
                else if (sent->answered)
                        error = take_error(task, self, first + i, sent);
                r = error ? error : r;
        }
        return r;
}

static bool
make_room(struct nats *self, size_t n)
{
        struct sent *sent = realloc(self->sent, n * sizeof(*sent));

        if (!sent)
                return false;
        memset(sent, 0, n * sizeof(*sent));
        pthread_mutex_lock(&listening.lock);
        self->sent = sent;
        self->nsent = n;
        pthread_mutex_unlock(&listening.lock);
        return true;
}

static int
publish_all(struct sq_task *task, struct nats *self, size_t first, size_t n)
{
        char why[sizeof(self->sink.why)];
        int r = 0, answer;

        if (!make_room(self, n))
                return -EAGAIN;
        for (size_t i = 0; r == 0 && i < n; i++)
                r = publish_record(task, self, first + i, &self->sent[i]);
        if (r == 0)
                r = wait_for_answers(task, self);
        memcpy(why, self->sink.why, sizeof(why));
        answer = take_answers(task, self, first);
        if (r == 0 || (answer < 0 && answer != -EAGAIN))
                return answer;
        memcpy(self->sink.why, why, sizeof(why));
        return r;
}

static int
send(struct sq_task *task, size_t first, size_t n, size_t *ret_done)
{
        struct nats *self = sq_state(task);
        int r = self->client.connection ? 0 : connect_to(self);

        if (r == 0)
                r = publish_all(task, self, first, n);
        (void)ret_done; /* what is answered is settled */
        if (r == -EACCES)
                (void)sq_error_final(task, "%s: %s", self->url, self->sink.why);
        return r;
}

/* ---- The bolt ---------------------------------------------------------------------------------------- */

static int
prepare(struct sq_task *task)
{
        struct nats *self = sq_state(task);

        (void)sqi_nats_url(self->url, &self->client.at);
        self->client.ca = self->ca;
        self->sink.encoding = self->value ? NULL : &self->encoding;
        if (sq_secret_read(task, self->password, self->client.secret, sizeof(self->client.secret)) < 0 ||
            sq_sink_open(task, self->url, send) < 0)
                return -1;
        self->name.format = self->id.format = self->text.format = SQ_FORMAT_TEXT;
        return sq_sink_connected(task, connect_to(self));
}

static void
cleanup(struct sq_task *task)
{
        struct nats *self = sq_state(task);

        listen_no_more(self);
        sqi_nats_close(&self->client);
        free(self->sent);
        sq_encoder_free(&self->name);
        sq_encoder_free(&self->id);
        sq_encoder_free(&self->text);
        sq_sink_close(task);
        explicit_bzero(self->client.secret, sizeof(self->client.secret));
}

SQ_BOLT(nats) = {
        .about = "A message to a NATS subject for each tuple.",
        .state = sizeof(struct nats),
        .options =
                {
                        SQ_REQ_STR(struct nats, url, "nats://USER@HOST:PORT, or tls://"),
                        SQ_REQ_STR(struct nats, subject,
                                   "the subject; fields or expressions in braces: orders.{country}"),
                        SQ_OPT_STR(struct nats, stream, NULL, "JetStream: the stream that has the subject"),
                        SQ_OPT_STR(struct nats, key, NULL,
                                   "JetStream: names a message, likewise; what the stream has already is left out"),
                        SQ_OPT_STR(struct nats, value, NULL, "the field that is the message; default: the tuple"),
                        SQ_OPT_ENCODING(struct nats, encoding, "json"),
                        SQ_OPT_PATH(struct nats, ca, NULL,
                                    "tls: the file of certificates to trust; default: the system's"),
                        SQ_OPT_SECRET("password", struct nats, password, "the password of the user, or a token"),
                        SQ_OPT_SINK(struct nats, sink),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .probe = probe,
        .prepare = prepare,
        .execute = sq_sink_execute,
        .flush = sq_sink_flush,
        .finish = sq_sink_flush,
        .cleanup = cleanup,
};

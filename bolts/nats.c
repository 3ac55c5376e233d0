/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `nats`: a message for each tuple.
 *
 * With `stream` a tuple is acked when JetStream has its message; `key` names it, and JetStream leaves out what it
 * has already. A batch goes out at once; if an answer to it is an error, one message after the other, which shows
 * whose it is. Without `stream` a tuple is acked when the server has read its message: who is not subscribed then
 * does not get it.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../clients/nats.h"

struct nats {
        struct sq_sink sink;
        const char *url, *subject, *stream, *key, *value, *password, *ca;
        int64_t format;

        struct sqi_nats client;
        struct sq_encoder name, id, text;
        atomic_bool refused; /* set by a thread of the library */
};

static void
declare(struct sq_declaration *decl)
{
        const struct nats *self = sq_declared_state(decl);
        struct sq_url at;
        const char *wrong = sqi_nats_url(self->url, &at);

        if (wrong)
                sq_declare_error(decl, "url", "%s", wrong);
        sq_template_declare(self->subject, decl, "subject");
        if (self->key)
                sq_template_declare(self->key, decl, "key");
        if (self->key && !self->stream)
                sq_declare_error(decl, "key", "is for JetStream: set `stream`");
        sq_field_declare(self->value, decl, "value");
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

static int
away(struct nats *self, natsStatus status)
{
        int r = sqi_nats_away(&self->client, status);

        snprintf(self->sink.why, sizeof(self->sink.why), "%s", self->client.why);
        return r;
}

static void
note_error(jsCtx *stream, jsPubAckErr *error, void *context)
{
        struct nats *self = context;

        (void)stream;
        (void)error;
        atomic_store(&self->refused, true);
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
        status = jsOptions_Init(&options);
        options.PublishAsync.ErrHandler = note_error;
        options.PublishAsync.ErrHandlerClosure = self;
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
        return r ? r : sq_record_write(record, self->value, &self->text);
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

/* Hands a message over, and waits for the answer if `sure`. */
static natsStatus
publish(struct nats *self, bool sure, jsErrCode *ret_error)
{
        const char *bytes = self->text.bytes ? self->text.bytes : "";
        jsPubOptions options;
        int len = (int)self->text.len;

        if (!self->stream)
                return natsConnection_Publish(self->client.connection, self->name.bytes, bytes, len);
        (void)jsPubOptions_Init(&options);
        options.ExpectStream = self->stream;
        options.MsgId = self->key ? self->id.bytes : NULL;
        if (sure)
                return js_Publish(NULL, self->client.stream, self->name.bytes, bytes, len, &options, ret_error);
        return js_PublishAsync(self->client.stream, self->name.bytes, bytes, len, &options);
}

/* 0; -EAGAIN; or what sq_sink_refuse() returns. */
static int
publish_record(struct sq_task *task, struct nats *self, size_t i, bool sure)
{
        struct sq_record record;
        jsErrCode error = 0;
        natsStatus status;

        sq_sink_record(&self->sink, i, &record);
        status = write_message(self, &record) < 0 ? NATS_NO_MEMORY : NATS_OK;
        if (status == NATS_OK)
                status = is_subject(self->name.bytes) ? publish(self, sure, &error) : NATS_INVALID_SUBJECT;
        if (status == NATS_OK)
                return 0;
        if (!is_refusal(status) || is_full(error))
                return away(self, status);
        if (self->stream && !sure) {
                atomic_store(&self->refused, true);
                return 0;
        }
        sqi_nats_explain(status, self->sink.why, sizeof(self->sink.why));
        return sq_sink_refuse(task, &self->sink, i, self->sink.why);
}

/* Until the server has answered for all. */
static natsStatus
wait_for_answers(struct nats *self)
{
        jsPubOptions options;

        if (!self->stream)
                return natsConnection_FlushTimeout(self->client.connection, (int64_t)(self->sink.timeout * 1000));
        (void)jsPubOptions_Init(&options);
        options.MaxWait = (int64_t)(self->sink.timeout * 1000);
        return js_PublishAsyncComplete(self->client.stream, &options);
}

static int
publish_all(struct sq_task *task, struct nats *self, size_t first, size_t n, size_t *ret_done)
{
        natsStatus status;
        int r = 0;

        atomic_store(&self->refused, false);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = publish_record(task, self, first + i, false);
        if (r < 0)
                return r;
        status = wait_for_answers(self);
        if (status != NATS_OK)
                return away(self, status);
        if (!atomic_load(&self->refused)) {
                *ret_done = n;
                return 0;
        }
        for (; r == 0 && *ret_done < n; *ret_done += r == 0)
                r = publish_record(task, self, first + *ret_done, true);
        return r;
}

static int
send(struct sq_task *task, size_t first, size_t n, size_t *ret_done)
{
        struct nats *self = sq_state(task);
        int r = self->client.connection ? 0 : connect_to(self);

        if (r == 0)
                r = publish_all(task, self, first, n, ret_done);
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
        if (sq_secret_read(task, self->password, self->client.secret, sizeof(self->client.secret)) < 0 ||
            sq_sink_open(task, self->url, send) < 0)
                return -1;
        self->name.format = self->id.format = SQ_FORMAT_TEXT;
        self->text.format = (enum sq_format)self->format;
        return sq_sink_connected(task, connect_to(self));
}

static void
cleanup(struct sq_task *task)
{
        struct nats *self = sq_state(task);

        sqi_nats_close(&self->client);
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
                        SQ_OPT_ENCODING(struct nats, format, "json"),
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

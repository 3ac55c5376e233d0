/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `mqtt`: a message for each tuple.
 *
 * With QoS 1 a tuple is acked when the broker has acked its message; what it has not when a connection breaks is
 * published again. libmosquitto's own queue goes with the connection, so that nothing goes out twice but that. With
 * QoS 0 a tuple is acked when its message is written.
 *
 * MQTT 3.1.1 has no word for a message that a broker does not take: one that is too large for it hangs up.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../clients/mqtt.h"

enum { STEP_MS = 50, PATIENT_STEPS = 20, SILENT_STEPS = 60 };

struct mqtt {
        struct sq_sink sink;
        const char *url, *topic, *value, *password, *ca;
        int64_t qos;
        struct sq_encoding encoding;
        bool retain;

        struct sqi_mqtt client;
        struct sq_encoder name, text;
        int *mids; /* of the records that are under way, from `first` on; 0: it is not, or not any more */
        size_t first, nmids, open;
        char source[300];
};

static void
declare(struct sq_declaration *decl)
{
        const struct mqtt *self = sq_declared_state(decl);
        struct sq_url at;
        const char *wrong = sqi_mqtt_url(self->url, &at);

        if (wrong)
                sq_declare_error(decl, "url", "%s", wrong);
        else if (strcmp(at.scheme, "mqtts") != 0)
                sq_declare_unused(decl, "ca", "without mqtts://");
        if (self->qos != 0 && self->qos != 1)
                sq_declare_error(decl, "qos", "is 0 or 1");
        sq_template_declare(self->topic, decl, "topic");
        sq_field_declare(self->value, decl, "value");
        sq_encoding_declare(&self->encoding, self->value, decl);
        sq_secret_declare(self->password, decl, "password");
        sq_sink_declare(&self->sink, decl);
}

static void
probe(struct sq_declaration *decl)
{
        const struct mqtt *self = sq_declared_state(decl);

        sqi_mqtt_probe(decl, self->url, self->password, self->ca);
}

/* ---- Messages ---------------------------------------------------------------------------------------- */

static int
away(struct mqtt *self, int r)
{
        snprintf(self->sink.why, sizeof(self->sink.why), "%s", self->client.why);
        return r;
}

static void
note_acked(struct mosquitto *mosq, void *obj, int mid)
{
        struct mqtt *self = ((struct sqi_mqtt *)obj)->owner;

        (void)mosq;
        for (size_t i = 0; i < self->nmids; i++)
                if (self->mids[i] == mid) {
                        self->mids[i] = 0;
                        self->open--;
                        sq_sink_settle(&self->sink, self->first + i);
                        return;
                }
}

static int
connect_to(struct mqtt *self)
{
        int r = sqi_mqtt_open(&self->client);

        if (r < 0)
                return away(self, r);
        mosquitto_publish_callback_set(self->client.mosq, note_acked);
        return 0;
}

/* The topic and the message of a record, in `name` (with a NUL behind it) and `text`. */
static int
write_message(struct mqtt *self, const struct sq_record *record)
{
        struct sq_value end = sq_bin("", 1);
        int r;

        self->name.len = self->text.len = 0;
        r = sq_template_write(self->topic, record, &self->name);
        if (r == 0)
                r = sq_encode_values(&self->name, 1, NULL, &end);
        return r ? r : sq_record_write(record, self->value, &self->encoding, &self->text);
}

/* 0; -EBADMSG: no broker would take it; -EAGAIN. */
static int
publish(struct mqtt *self, const struct sq_record *record, int *ret_mid)
{
        int r = write_message(self, record);

        if (r < 0)
                return away(self, sqi_mqtt_away(&self->client, strerror(-r)));
        r = mosquitto_publish(self->client.mosq, ret_mid, self->name.bytes, (int)self->text.len, self->text.bytes,
                              (int)self->qos, self->retain);
        if (r == MOSQ_ERR_SUCCESS)
                return 0;
        if (r == MOSQ_ERR_NOMEM || r == MOSQ_ERR_NO_CONN)
                return away(self, sqi_mqtt_away(&self->client, mosquitto_strerror(r)));
        snprintf(self->sink.why, sizeof(self->sink.why), "the topic %.100s: %s", self->name.bytes,
                 mosquitto_strerror(r));
        return -EBADMSG;
}

/* Until the broker has acked all, or says nothing for a while. 0; -EAGAIN; -EPIPE: it has hung up. */
static int
wait_for_acks(const struct sq_task *task, struct mqtt *self)
{
        size_t open = self->open;
        int r = sqi_mqtt_write(&self->client), steps = 0;

        for (; r == 0 && self->open > 0; steps = self->open < open ? 0 : steps + 1, open = self->open) {
                if (steps > SILENT_STEPS || (steps >= PATIENT_STEPS && sq_leaving(task)))
                        return away(self, sqi_mqtt_away(&self->client, "does not answer"));
                if (sqi_mqtt_wait(&self->client, STEP_MS))
                        r = sqi_mqtt_read(&self->client);
                if (r == 0)
                        r = sqi_mqtt_write(&self->client);
        }
        return r < 0 ? away(self, -EPIPE) : 0;
}

static bool
make_room(struct mqtt *self, size_t first, size_t n)
{
        int *mids = realloc(self->mids, n * sizeof(*mids));

        if (!mids)
                return false;
        self->mids = mids;
        memset(mids, 0, n * sizeof(*mids));
        self->first = first;
        self->nmids = n;
        self->open = 0;
        return true;
}

static int
publish_all(struct sq_task *task, struct mqtt *self, size_t first, size_t n)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                struct sq_record record;

                sq_sink_record(&self->sink, first + i, &record);
                self->open++;
                r = publish(self, &record, &self->mids[i]);
                if (r == -EBADMSG) {
                        self->open--;
                        r = sq_sink_refuse(task, &self->sink, first + i, self->sink.why);
                }
        }
        return r;
}

static int
send(struct sq_task *task, size_t first, size_t n, size_t *ret_done)
{
        struct mqtt *self = sq_state(task);
        int r = self->client.mosq ? 0 : connect_to(self);

        (void)ret_done; /* what is acked is settled */
        if (r == -EACCES) {
                (void)sq_error_final(task, "%s: %s", self->url, self->sink.why);
                return r;
        }
        if (r == 0 && !make_room(self, first, n))
                return -EAGAIN;
        if (r == 0)
                r = publish_all(task, self, first, n);
        if (r == 0)
                r = wait_for_acks(task, self);
        return r;
}

/* ---- The bolt ---------------------------------------------------------------------------------------- */

static int
prepare(struct sq_task *task)
{
        struct mqtt *self = sq_state(task);

        (void)sqi_mqtt_url(self->url, &self->client.at);
        self->sink.encoding = self->value ? NULL : &self->encoding;
        if (sq_secret_read(task, self->password, self->client.secret, sizeof(self->client.secret)) < 0 ||
            sq_sink_open(task, self->url, send) < 0)
                return -1;
        self->client.ca = self->ca;
        self->client.timeout = self->sink.timeout;
        self->client.owner = self;
        self->name.format = self->text.format = SQ_FORMAT_TEXT;
        return sq_sink_connected(task, connect_to(self));
}

static void
cleanup(struct sq_task *task)
{
        struct mqtt *self = sq_state(task);

        if (self->client.mosq && mosquitto_disconnect(self->client.mosq) == MOSQ_ERR_SUCCESS)
                (void)sqi_mqtt_write(&self->client);
        sqi_mqtt_close(&self->client);
        sq_encoder_free(&self->name);
        sq_encoder_free(&self->text);
        free(self->mids);
        sq_sink_close(task);
        explicit_bzero(self->client.secret, sizeof(self->client.secret));
}

SQ_BOLT(mqtt) = {
        .about = "A message to an MQTT broker for each tuple.",
        .state = sizeof(struct mqtt),
        .options =
                {
                        SQ_REQ_STR(struct mqtt, url, "mqtt://USER@HOST:PORT, or mqtts:// with TLS"),
                        SQ_REQ_STR(struct mqtt, topic, "the topic; fields or expressions in braces: home/{room}"),
                        SQ_OPT_STR(struct mqtt, value, NULL, "the field that is the message; default: the tuple"),
                        SQ_OPT_ENCODING(struct mqtt, encoding, "json"),
                        SQ_OPT_INT(struct mqtt, qos, 1, "1: acked when the broker has it; 0: when it is written"),
                        SQ_OPT_BOOL(struct mqtt, retain, false, "the broker keeps the last message of a topic"),
                        SQ_OPT_PATH(struct mqtt, ca, NULL,
                                    "mqtts: the file of certificates to trust; default: the system's"),
                        SQ_OPT_SECRET("password", struct mqtt, password, "the password of the user"),
                        SQ_OPT_SINK(struct mqtt, sink),
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

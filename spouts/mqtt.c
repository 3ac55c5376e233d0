/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `mqtt`: a tuple for each message of a topic.
 *
 * With QoS 1 the broker holds a message until it is acked, and sends it again when a connection ends before that: of a
 * session that outlives its connection, as ours does. Acks go out in one piece when all messages that were received are
 * processed:
 *
 *     received  [ done | open | done | open ]    written are the acks when none is open; at most HELD_MOST are taken
 *                                                meanwhile
 *               since                    next    since: the first of this connection
 *
 * What was received over an earlier connection comes again over this one, and twice.
 */
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../clients/mqtt.h"

enum { HELD_MOST = 1000, REFUSED = 128 };
static const uint64_t LOOK_NS = 1000000000;
/* With `topics`. */
static const char *const names[] = {"topic", "payload"}, *const types[] = {"str", "str"};
static const struct sq_nested topic_and_payload = {.n = 2, .names = names, .values = types};

struct mqtt {
        struct sq_messages messages;
        const char *url, *topic, *client_id, *password, *ca;
        int64_t qos;
        bool topics, session;

        struct sqi_mqtt client;
        struct sq_task *task;
        struct sq_retry retry;
        char source[300];
        uint64_t since, open;
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
        if (mosquitto_sub_topic_check(self->topic) != MOSQ_ERR_SUCCESS)
                sq_declare_error(decl, "topic", "is not one that can be subscribed to: a/b, a/+/c, a/#");
        if (self->qos != 0 && self->qos != 1)
                sq_declare_error(decl, "qos",
                                 "is 0 or 1: what comes once over the wire would still be processed twice");
        if (sq_declared_parallelism(decl) > 1 && strncmp(self->topic, "$share/", strlen("$share/")) != 0)
                sq_declare_error(decl, "topic",
                                 "each of several tasks would hear all: write $share/NAME/%s, or parallelism: 1",
                                 self->topic);
        sq_secret_declare(self->password, decl, "password");
        sq_messages_declare_as(&self->messages, decl, self->topics ? &topic_and_payload : NULL, "topics");
}

static void
probe(struct sq_declaration *decl)
{
        const struct mqtt *self = sq_declared_state(decl);

        sqi_mqtt_probe(decl, self->url, self->password, self->ca);
}

/* ---- The connection ---------------------------------------------------------------------------------- */

static void
leave(struct sq_task *task, struct mqtt *self, int r)
{
        if (r == -EACCES)
                (void)sq_error_final(task, "%s: %s", self->source, self->client.why);
        else
                sq_retry_away(task, &self->retry, self->source, self->client.why);
}

static void
take(struct mosquitto *mosq, void *obj, const struct mosquitto_message *message)
{
        struct mqtt *self = ((struct sqi_mqtt *)obj)->owner;
        struct sq_str record = {message->payload ? message->payload : "", (size_t)message->payloadlen};
        struct sq_value values[] = {sq_text(message->topic), sq_str(record)};

        (void)mosq;
        self->open += sq_room(self->task) != UINT64_MAX;
        if (self->topics)
                (void)sq_messages_emit_as(self->task, values);
        else
                (void)sq_messages_emit(self->task, record, NULL);
}

static void
note_granted(struct mosquitto *mosq, void *obj, int mid, int n, const int *granted)
{
        struct mqtt *self = ((struct sqi_mqtt *)obj)->owner;

        (void)mosq;
        (void)mid;
        if (n > 0 && granted[0] >= REFUSED)
                (void)sq_error_final(self->task, "%s: the broker does not let us subscribe to it", self->source);
}

static bool
connect_to(struct sq_task *task, struct mqtt *self)
{
        int r = sqi_mqtt_open(&self->client);

        if (r == 0) {
                mosquitto_message_callback_set(self->client.mosq, take);
                mosquitto_subscribe_callback_set(self->client.mosq, note_granted);
                r = mosquitto_subscribe(self->client.mosq, NULL, self->topic, (int)self->qos);
                r = r == MOSQ_ERR_SUCCESS ? sqi_mqtt_write(&self->client)
                                          : sqi_mqtt_away(&self->client, mosquitto_strerror(r));
        }
        if (r < 0) {
                leave(task, self, r);
                return false;
        }
        self->since = self->messages.next;
        self->open = 0;
        sq_retry_back(task, &self->retry, self->source);
        return true;
}

/* All that was received is processed: the acks go out. */
static void
tell(struct sq_task *task, struct mqtt *self)
{
        int r = self->client.mosq ? sqi_mqtt_write(&self->client) : 0;

        if (r < 0)
                leave(task, self, r);
}

/* ---- The spout --------------------------------------------------------------------------------------- */

static int
prepare(struct sq_task *task)
{
        struct mqtt *self = sq_state(task);
        struct sqi_mqtt *client = &self->client;

        snprintf(self->source, sizeof(self->source), "mqtt %.120s %.120s", self->url, self->topic);
        if (self->client_id)
                snprintf(client->id, sizeof(client->id), "%.200s.%u", self->client_id, sq_index(task));
        else
                snprintf(client->id, sizeof(client->id), "%.100s.%.100s.%u", sq_topology(task), sq_component(task),
                         sq_index(task));
        (void)sqi_mqtt_url(self->url, &client->at);
        if (sq_secret_read(task, self->password, client->secret, sizeof(client->secret)) < 0)
                return -1;
        client->ca = self->ca;
        client->session = self->session;
        client->timeout = 3;
        client->owner = self;
        self->task = task;
        return sq_messages_begin_as(task, self->source, self->topics ? &topic_and_payload : NULL);
}

static int
seek(struct sq_task *task, uint64_t position)
{
        struct mqtt *self = sq_state(task);

        self->since = position;
        return sq_messages_seek(task, position);
}

static void
done(struct sq_task *task, uint64_t position)
{
        struct mqtt *self = sq_state(task);

        sq_messages_done(task, position);
        if (position >= self->since && self->open > 0 && --self->open == 0)
                tell(task, self);
}

/* Reads what has come. How many messages that were; negative: the connection is broken. */
static int64_t
read_some(struct mqtt *self, uint64_t most)
{
        uint64_t first = self->messages.next;
        int r = 0;

        for (uint64_t packets = 0; r == 0 && packets < most && sqi_mqtt_wait(&self->client, 0); packets++)
                r = sqi_mqtt_read(&self->client);
        return r < 0 ? r : (int64_t)(self->messages.next - first);
}

static enum sq_next
next(struct sq_task *task)
{
        struct mqtt *self = sq_state(task);
        uint64_t most = sq_messages_room(task);
        int64_t n;

        self->task = task;
        if (most == 0)
                return SQ_IDLE;
        if (self->open >= HELD_MOST) {
                sq_wake_on(task, -1); /* what the broker sends meanwhile stays unread */
                return SQ_IDLE;
        }
        if (!self->client.mosq && (!sq_retry_due(task, &self->retry) || !connect_to(task, self)))
                return SQ_IDLE;
        n = read_some(self, most);
        if (n < 0) {
                leave(task, self, (int)n);
                return SQ_MORE;
        }
        if (self->open == 0)
                tell(task, self);
        if (n > 0 || !self->client.mosq)
                return SQ_MORE;
        sq_wake_on(task, mosquitto_socket(self->client.mosq));
        sq_wake_at(task, sq_now(task) + LOOK_NS);
        return SQ_IDLE;
}

static void
cleanup(struct sq_task *task)
{
        struct mqtt *self = sq_state(task);

        /* a goodbye would take the acks along that are queued in front of it */
        if (self->client.mosq && self->open == 0 && mosquitto_disconnect(self->client.mosq) == MOSQ_ERR_SUCCESS)
                (void)sqi_mqtt_write(&self->client);
        sqi_mqtt_close(&self->client);
        explicit_bzero(self->client.secret, sizeof(self->client.secret));
        sq_messages_end(task);
}

SQ_SPOUT(mqtt) = {
        .about = "A tuple for each message of an MQTT topic.",
        .state = sizeof(struct mqtt),
        .options =
                {
                        SQ_REQ_STR(struct mqtt, url, "mqtt://USER@HOST:PORT, or mqtts:// with TLS"),
                        SQ_REQ_STR(struct mqtt, topic, "a/b, a/+/c, a/#; $share/NAME/a/b: the tasks share what comes"),
                        SQ_OPT_INT(struct mqtt, qos, 1, "1: at least once; 0: at most once"),
                        SQ_OPT_BOOL(struct mqtt, topics, false,
                                    "a message goes out as two fields, `topic` and `payload`, its text"),
                        SQ_OPT_STR_AS(
                                "client-id", struct mqtt, client_id, NULL,
                                "what the broker knows the tasks by, with their number; default: TOPOLOGY.COMPONENT"),
                        SQ_OPT_BOOL(struct mqtt, session, true,
                                    "the broker keeps what comes while nobody is connected"),
                        SQ_OPT_PATH(struct mqtt, ca, NULL,
                                    "mqtts: the file of certificates to trust; default: the system's"),
                        SQ_OPT_SECRET("password", struct mqtt, password, "the password of the user"),
                        SQ_OPT_KEPT(struct mqtt, messages, "json"),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .probe = probe,
        .prepare = prepare,
        .next = next,
        .replay = sq_messages_replay,
        .seek = seek,
        .ack = done,
        .fail = done,
        .cleanup = cleanup,
};

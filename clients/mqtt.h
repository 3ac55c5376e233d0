/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to an MQTT broker (3.1.1), for the components that have one:
 *
 *     wrong = sqi_mqtt_url(self->url, &client.at);     in `.declare`, and again in `.prepare`, then `secret`, `id`, ...
 *     r = sqi_mqtt_open(&client);                      connects, and waits for the broker's word; 0, or client.why says
 *     mosquitto_..._callback_set(client.mosq, ...)     whose `obj` is the client, which knows its `owner`
 *     r = sqi_mqtt_read(&client)                       what has come, a packet or more
 *     r = sqi_mqtt_write(&client)                      what is queued
 *     sqi_mqtt_close(&client)                          {0} may be closed
 *
 * Nothing is written but by sqi_mqtt_write(): not the acks of what was received, either. libmosquitto queues such an
 * ack before the message is anywhere, so the queue is kept back until what was received is processed.
 */
#ifndef SQI_CLIENT_MQTT_H
#define SQI_CLIENT_MQTT_H

#include <mosquitto.h>
#include <squall-kit.h>

struct sqi_mqtt {
        struct sq_url at;
        char secret[512], id[256]; /* id: what the broker knows us by; empty: it makes one */
        const char *ca;            /* of mqtts: a file of certificates; NULL: those of the system */
        bool session;              /* the broker keeps it when the connection is gone */
        double timeout;            /* seconds */
        void *owner;

        struct mosquitto *mosq; /* NULL: there is no connection */
        bool begun;
        int answer;              /* of the broker: -1: none yet */
        char why[256], tls[200]; /* tls: what its library says of a connection that is none */
};

/* NULL, or what is wrong with the URL, a constant. */
const char *sqi_mqtt_url(const char *text, struct sq_url *ret);
/* 0; -EAGAIN: it is away; -EACCES: it says no. */
int sqi_mqtt_open(struct sqi_mqtt *client);
/* 0; -EAGAIN: the connection is broken, and closed. */
int sqi_mqtt_read(struct sqi_mqtt *client);
int sqi_mqtt_write(struct sqi_mqtt *client);
/* Waits at most `ms` for something to read. */
bool sqi_mqtt_wait(const struct sqi_mqtt *client, int ms);
/* Closes it. -EAGAIN; and `why`, which is copied, stands in client->why. */
int sqi_mqtt_away(struct sqi_mqtt *client, const char *why);
void sqi_mqtt_close(struct sqi_mqtt *client);
/* What `.probe` is to do, with the settings of those names; by another id than the component's, which would end its
 * connection. */
void sqi_mqtt_probe(struct sq_declaration *decl, const char *url, const char *password, const char *ca);

#endif

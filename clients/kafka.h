/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every client of Kafka is configured by, for the components that have one:
 *
 *     SQI_OPT_KAFKA(struct consumer, client)              among the options
 *     sqi_kafka_declare(&self->client, decl)              in `.declare`
 *     r = sqi_kafka_prepare(task, &self->client)          in `.prepare`: 0, or -1 after sq_error()
 *     sqi_kafka_configure(&self->client, conf, settings, wrong, sizeof(wrong))
 *     sqi_kafka_forget(&self->client)                     when there is no client to make any more
 */
#ifndef SQI_CLIENT_KAFKA_H
#define SQI_CLIENT_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <squall-kit.h>

struct sqi_kafka {
        const char *brokers, *password;
        struct sq_pairs security;
        char secret[512];
};

#define SQI_OPT_KAFKA(state, member) \
        SQI_OPTION("brokers", state, member.brokers, STR, NULL, true, NULL, "HOST:PORT,HOST:PORT,..."), \
                SQI_OPTION("security", state, member.security, MAP, NULL, false, NULL, \
                           "properties of librdkafka: security.protocol, sasl.mechanism, sasl.username, " \
                           "ssl.ca.location, ..."), \
                SQ_OPT_SECRET("password", state, member.password, "the password of sasl.username")

void sqi_kafka_declare(const struct sqi_kafka *client, struct sq_declaration *decl);
/* Reads the secret. */
int sqi_kafka_prepare(struct sq_task *task, struct sqi_kafka *client);
void sqi_kafka_forget(struct sqi_kafka *client);

/* What `.probe` is to do: whether a broker answers. */
void sqi_kafka_probe(struct sq_declaration *decl, const struct sqi_kafka *client);

/* How many bytes of what librdkafka says are worth saying: not how long it took, and what it has left out. */
int sqi_kafka_reason(const char *reason);

struct sqi_kafka_setting {
        const char *name, *value;
};
/* Sets these, up to one without a name, and what all clients have. False: librdkafka refuses one, and says why. */
bool sqi_kafka_configure(const struct sqi_kafka *client, rd_kafka_conf_t *conf,
                         const struct sqi_kafka_setting *settings, char *wrong, size_t size);

/* What is known of a message: its fields key, value (nil where there is none), topic, partition, offset and time. */
enum { SQI_KAFKA_META = 6 };
extern const struct sq_nested sqi_kafka_meta;
/* Their values, views. */
void sqi_kafka_describe(const rd_kafka_message_t *message, struct sq_value values[SQI_KAFKA_META]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka.h"

#include <stdio.h>
#include <string.h>

void
sqi_kafka_declare(const struct sqi_kafka *client, struct sq_declaration *decl)
{
        for (size_t i = 0; i < client->security.n; i++)
                if (strstr(client->security.names[i], "password"))
                        sq_declare_error(decl, "security", "`%s` does not stand here: set `password: env:NAME`",
                                         client->security.names[i]);
        sq_secret_declare(client->password, decl, "password");
}

int
sqi_kafka_prepare(struct sq_task *task, struct sqi_kafka *client)
{
        return sq_secret_read(task, client->password, client->secret, sizeof(client->secret));
}

void
sqi_kafka_forget(struct sqi_kafka *client)
{
        explicit_bzero(client->secret, sizeof(client->secret));
}

static bool
set(rd_kafka_conf_t *conf, const char *name, const char *value, char *wrong, size_t size)
{
        return rd_kafka_conf_set(conf, name, value, wrong, size) == RD_KAFKA_CONF_OK;
}

bool
sqi_kafka_configure(const struct sqi_kafka *client, rd_kafka_conf_t *conf, const struct sqi_kafka_setting *settings,
                    char *wrong, size_t size)
{
        bool fine = set(conf, "bootstrap.servers", client->brokers, wrong, size) &&
                    set(conf, "client.id", "squall", wrong, size) && set(conf, "log_level", "0", wrong, size) &&
                    set(conf, "reconnect.backoff.max.ms", "1000", wrong, size);

        for (; fine && settings->name; settings++)
                fine = set(conf, settings->name, settings->value, wrong, size);
        for (size_t i = 0; fine && i < client->security.n; i++)
                fine = set(conf, client->security.names[i], client->security.values[i], wrong, size);
        if (fine && client->secret[0])
                fine = set(conf, "sasl.password", client->secret, wrong, size);
        return fine;
}

enum { PROBE_MS = 8000, LOOK_MS = 250, GRACE_MS = 2000, ERROR_MAX = 256 };

/* The last of it is why no broker answers. */
int
sqi_kafka_reason(const char *reason)
{
        const char *end = strstr(reason, " (after ");

        return (int)(end ? (size_t)(end - reason) : strlen(reason));
}

static void
note_reason(rd_kafka_t *consumer, int error, const char *reason, void *context)
{
        (void)consumer;
        if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
                snprintf(context, ERROR_MAX, "%.*s", sqi_kafka_reason(reason), reason);
}

/* A consumer, which makes no topics. */
static rd_kafka_t *
probing_client(const struct sqi_kafka *client, char wrong[ERROR_MAX])
{
        const struct sqi_kafka_setting none = {NULL, NULL};
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        rd_kafka_t *consumer = NULL;

        if (sqi_kafka_configure(client, conf, &none, wrong, ERROR_MAX)) {
                rd_kafka_conf_set_opaque(conf, wrong);
                rd_kafka_conf_set_error_cb(conf, note_reason);
                consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, wrong, ERROR_MAX);
        }
        if (!consumer)
                rd_kafka_conf_destroy(conf);
        return consumer;
}

/* Asks until it is answered. Once something has gone wrong, another broker is given GRACE_MS to do better. */
static rd_kafka_resp_err_t
ask(rd_kafka_t *consumer, const char *wrong)
{
        const struct rd_kafka_metadata *about;
        rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
        int left_ms = PROBE_MS;

        while (left_ms > 0 && (error = rd_kafka_metadata(consumer, 0, NULL, &about, LOOK_MS))) {
                rd_kafka_poll(consumer, 0);
                left_ms -= LOOK_MS;
                if (wrong[0] && left_ms > GRACE_MS)
                        left_ms = GRACE_MS;
        }
        if (!error)
                rd_kafka_metadata_destroy(about);
        return error;
}

void
sqi_kafka_probe(struct sq_declaration *decl, const struct sqi_kafka *client)
{
        struct sqi_kafka own = *client;
        char wrong[ERROR_MAX] = "";
        rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
        rd_kafka_t *consumer;

        if (!sq_secret_probe(decl, "password", own.password, own.secret, sizeof(own.secret)))
                return;
        consumer = probing_client(&own, wrong);
        sqi_kafka_forget(&own);
        if (consumer)
                error = ask(consumer, wrong);
        if (!consumer || error)
                sq_declare_error(decl, "brokers", "%s: %s", own.brokers, wrong[0] ? wrong : rd_kafka_err2str(error));
        if (consumer)
                rd_kafka_destroy(consumer);
}

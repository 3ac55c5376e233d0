/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka.h"

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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to a NATS server, for the components that have one. It is not made again by the library, which would
 * hold back what is published meanwhile: who finds it broken closes it.
 *
 *     wrong = sqi_nats_url(self->url, &at);          in `.declare`
 *     r = sqi_nats_open(&client);                    `at` and `secret` are set; 0, or client.why says what it is
 *     r = sqi_nats_away(&client, status);            it is broken: closes it
 *     sqi_nats_close(&client);                       {0} may be closed
 */
#ifndef SQI_CLIENT_NATS_H
#define SQI_CLIENT_NATS_H

#include <nats/nats.h>
#include <squall-kit.h>

struct sqi_nats {
        const char *ca; /* of tls://, a file of certificates; NULL: those of the system */
        struct sq_url at;
        char secret[512];

        natsConnection *connection; /* NULL: there is none */
        jsCtx *stream;              /* JetStream; goes with it */
        char why[256];
};

/* NULL, or what is wrong with the URL, a constant. */
const char *sqi_nats_url(const char *text, struct sq_url *ret);
/* 0; -EAGAIN: it is away; -EACCES: it says no. */
int sqi_nats_open(struct sqi_nats *client);
/* What a status means, with what the library has to say of it. */
void sqi_nats_explain(natsStatus status, char *to, size_t size);
/* Closes it. -EAGAIN, or -EACCES; client->why says what the status means. */
int sqi_nats_away(struct sqi_nats *client, natsStatus status);
void sqi_nats_close(struct sqi_nats *client);
/* What `.probe` is to do, with the settings of those names; `stream` may be NULL. */
void sqi_nats_probe(struct sq_declaration *decl, const char *url, const char *password, const char *ca,
                    const char *stream);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "nats.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

enum { PORT = 4222, TIMEOUT_MS = 3000, PING_MS = 2000, PINGS = 2 };

static bool
is_tls(const struct sq_url *at)
{
        return strcmp(at->scheme, "tls") == 0;
}

const char *
sqi_nats_url(const char *text, struct sq_url *ret)
{
        const char *wrong = sq_url_read(text, ret);

        if (wrong)
                return wrong;
        if (strcmp(ret->scheme, "nats") != 0 && !is_tls(ret))
                return "is neither nats://HOST:PORT nor tls://HOST:PORT";
        return NULL;
}

void
sqi_nats_close(struct sqi_nats *client)
{
        jsCtx_Destroy(client->stream);
        natsConnection_Destroy(client->connection);
        client->stream = NULL;
        client->connection = NULL;
}

/* A status may be as much as `Error`: what the library has to say besides stands behind it, behind its place there. */
void
sqi_nats_explain(natsStatus status, char *to, size_t size)
{
        natsStatus last = NATS_OK;
        const char *more = nats_GetLastError(&last), *behind = more ? strstr(more, "): ") : NULL;

        if (behind && more[0] == '(')
                more = behind + strlen("): ");
        if (status == NATS_NO_RESPONDERS)
                snprintf(to, size, "no stream of JetStream takes the subject");
        else if (last == status && more && more[0] != '\0' && strcmp(more, natsStatus_GetText(status)) != 0)
                snprintf(to, size, "%s: %s", natsStatus_GetText(status), more);
        else
                snprintf(to, size, "%s", natsStatus_GetText(status));
}

/* The library says the same of a name that nobody knows and of a server that is away. */
static void
explain_no_server(struct sqi_nats *client)
{
        const char *host = client->at.host[0] ? client->at.host : "127.0.0.1";
        struct addrinfo *found = NULL;
        int r = getaddrinfo(host, NULL, NULL, &found);

        if (r == 0)
                freeaddrinfo(found);
        snprintf(client->why, sizeof(client->why), "%s", r ? gai_strerror(r) : "no server answers there");
}

int
sqi_nats_away(struct sqi_nats *client, natsStatus status)
{
        if (status == NATS_NO_SERVER)
                explain_no_server(client);
        else
                sqi_nats_explain(status, client->why, sizeof(client->why));
        sqi_nats_close(client);
        return status == NATS_CONNECTION_AUTH_FAILED || status == NATS_NOT_PERMITTED ? -EACCES : -EAGAIN;
}

static natsStatus
configure(const struct sqi_nats *client, natsOptions *options)
{
        const char *user = client->at.user[0] ? client->at.user : NULL;
        const char *host = client->at.host[0] ? client->at.host : "127.0.0.1";
        natsStatus status;
        char url[320];

        /* without the user, whom the library would take for a token */
        snprintf(url, sizeof(url), strchr(host, ':') ? "nats://[%s]:%u" : "nats://%s:%u", host,
                 client->at.port ? client->at.port : PORT);
        status = natsOptions_SetURL(options, url);

        if (status == NATS_OK)
                status = natsOptions_SetAllowReconnect(options, false);
        if (status == NATS_OK)
                status = natsOptions_SetTimeout(options, TIMEOUT_MS);
        if (status == NATS_OK)
                status = natsOptions_SetPingInterval(options, PING_MS);
        if (status == NATS_OK)
                status = natsOptions_SetMaxPingsOut(options, PINGS);
        if (status == NATS_OK)
                status = natsOptions_SetName(options, "squall");
        if (status == NATS_OK && client->secret[0] && user)
                status = natsOptions_SetUserInfo(options, user, client->secret);
        else if (status == NATS_OK && client->secret[0])
                status = natsOptions_SetToken(options, client->secret);
        if (status == NATS_OK && is_tls(&client->at))
                status = natsOptions_SetSecure(options, true);
        if (status == NATS_OK && is_tls(&client->at) && client->ca)
                status = natsOptions_LoadCATrustedCertificates(options, client->ca);
        return status;
}

int
sqi_nats_open(struct sqi_nats *client)
{
        natsOptions *options = NULL;
        natsStatus status = natsOptions_Create(&options);

        if (status == NATS_OK)
                status = configure(client, options);
        if (status == NATS_OK)
                status = natsConnection_Connect(&client->connection, options);
        natsOptions_Destroy(options);
        return status == NATS_OK ? 0 : sqi_nats_away(client, status);
}

static void
probe_stream(struct sq_declaration *decl, struct sqi_nats *client, const char *stream)
{
        natsStatus status = natsConnection_JetStream(&client->stream, client->connection, NULL);
        jsStreamInfo *info = NULL;

        if (status == NATS_OK)
                status = js_GetStreamInfo(&info, client->stream, stream, NULL, NULL);
        jsStreamInfo_Destroy(info);
        if (status != NATS_OK)
                sq_declare_error(decl, "stream", "JetStream does not give the stream '%s': %s", stream,
                                 natsStatus_GetText(status));
}

void
sqi_nats_probe(struct sq_declaration *decl, const char *url, const char *password, const char *ca, const char *stream)
{
        struct sqi_nats client = {.ca = ca};

        (void)sqi_nats_url(url, &client.at);
        if (!sq_secret_probe(decl, "password", password, client.secret, sizeof(client.secret)))
                return;
        if (sqi_nats_open(&client) < 0)
                sq_declare_error(decl, "url", "%s: %s", url, client.why);
        else if (stream)
                probe_stream(decl, &client, stream);
        sqi_nats_close(&client);
        explicit_bzero(client.secret, sizeof(client.secret));
}

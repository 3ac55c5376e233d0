/* SPDX-License-Identifier: Apache-2.0 */
#include "mqtt.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 1883, PORT_TLS = 8883, STEP_MS = 50, PROBE_S = 5 };

static bool
is_tls(const struct sq_url *at)
{
        return strcmp(at->scheme, "mqtts") == 0;
}

const char *
sqi_mqtt_url(const char *text, struct sq_url *ret)
{
        const char *wrong = sq_url_read(text, ret);

        if (wrong)
                return wrong;
        if ((strcmp(ret->scheme, "mqtt") != 0 && !is_tls(ret)) || ret->path[0])
                return "is neither mqtt://HOST:PORT nor mqtts://HOST:PORT";
        return NULL;
}

void
sqi_mqtt_close(struct sqi_mqtt *client)
{
        if (client->mosq)
                mosquitto_destroy(client->mosq);
        client->mosq = NULL;
        if (client->begun)
                mosquitto_lib_cleanup();
        client->begun = false;
}

int
sqi_mqtt_away(struct sqi_mqtt *client, const char *why)
{
        size_t n = strlen(why);

        n -= n > 0 && why[n - 1] == '.'; /* more may follow */
        snprintf(client->why, sizeof(client->why), "%.*s", (int)n, why);
        sqi_mqtt_close(client);
        return -EAGAIN;
}

/* A certificate that is not trusted, or is another host's: no later attempt would mend that. */
static int
refused_by_tls(struct sqi_mqtt *client)
{
        bool final = strstr(client->tls, "certificate verify failed") || strstr(client->tls, "host name verification");

        (void)sqi_mqtt_away(client, client->tls);
        return final ? -EACCES : -EAGAIN;
}

static int
broken(struct sqi_mqtt *client, int r)
{
        if (r == MOSQ_ERR_TLS && client->tls[0] && client->answer < 0)
                return refused_by_tls(client);
        return sqi_mqtt_away(client, r == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(r));
}

bool
sqi_mqtt_wait(const struct sqi_mqtt *client, int ms)
{
        struct pollfd ready = {.fd = mosquitto_socket(client->mosq), .events = POLLIN};

        return poll(&ready, 1, ms) > 0;
}

int
sqi_mqtt_read(struct sqi_mqtt *client)
{
        int r = mosquitto_loop_read(client->mosq, 1);

        return r == MOSQ_ERR_SUCCESS ? 0 : broken(client, r);
}

int
sqi_mqtt_write(struct sqi_mqtt *client)
{
        while (mosquitto_want_write(client->mosq)) {
                struct pollfd ready = {.fd = mosquitto_socket(client->mosq), .events = POLLOUT};
                int r = poll(&ready, 1, (int)(client->timeout * 1000)) > 0 ? mosquitto_loop_write(client->mosq, 1)
                                                                           : MOSQ_ERR_KEEPALIVE;

                if (r != MOSQ_ERR_SUCCESS)
                        return broken(client, r);
        }
        return 0;
}

/* Of several the first is the cause. */
static void
note_error(struct mosquitto *mosq, void *obj, int level, const char *text)
{
        struct sqi_mqtt *client = obj;

        (void)mosq;
        if (level == MOSQ_LOG_ERR && !client->tls[0])
                snprintf(client->tls, sizeof(client->tls), "%s", text);
}

static void
note_answer(struct mosquitto *mosq, void *obj, int answer)
{
        struct sqi_mqtt *client = obj;

        (void)mosq;
        client->answer = answer;
}

/* A peer that is gone without a word is found by the kernel: no ping may go out before its turn. */
static void
keep_alive(int fd)
{
        int on = 1, idle_s = 15, every_s = 5, times = 3;

        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}

static int
make(struct sqi_mqtt *client)
{
        const char *user = client->at.user[0] ? client->at.user : NULL;
        const char *system = is_tls(&client->at) && !client->ca ? "/etc/ssl/certs" : NULL;
        int r = MOSQ_ERR_SUCCESS;

        client->begun = mosquitto_lib_init() == MOSQ_ERR_SUCCESS;
        client->mosq = mosquitto_new(client->id[0] ? client->id : NULL, !client->session, client);
        if (!client->mosq)
                return errno == EINVAL ? MOSQ_ERR_INVAL : MOSQ_ERR_NOMEM;
        mosquitto_threaded_set(client->mosq, true); /* what is queued is not written at once */
        mosquitto_connect_callback_set(client->mosq, note_answer);
        mosquitto_log_callback_set(client->mosq, note_error);
        if (user || client->secret[0])
                r = mosquitto_username_pw_set(client->mosq, user ? user : "", client->secret);
        if (r == MOSQ_ERR_SUCCESS && is_tls(&client->at))
                r = mosquitto_tls_set(client->mosq, client->ca, system, NULL, NULL, NULL);
        return r;
}

static double
now_s(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* One packet at a time, so none is read behind the broker's answer. */
static int
wait_for_answer(struct sqi_mqtt *client)
{
        double until = now_s() + client->timeout;
        int r = 0;

        while (r == 0 && client->answer < 0) {
                r = sqi_mqtt_write(client);
                if (r == 0 && sqi_mqtt_wait(client, STEP_MS))
                        r = sqi_mqtt_read(client);
                if (r == 0 && client->answer < 0 && now_s() > until)
                        r = sqi_mqtt_away(client, "does not answer");
        }
        /* 3: not now; 4 and 5: a wrong password, or not allowed; the others no later attempt would mend, either */
        if (client->answer <= 0)
                return r;
        (void)sqi_mqtt_away(client, mosquitto_connack_string(client->answer));
        return client->answer == 3 ? -EAGAIN : -EACCES;
}

int
sqi_mqtt_open(struct sqi_mqtt *client)
{
        const char *host = client->at.host[0] ? client->at.host : "127.0.0.1";
        int port = client->at.port ? client->at.port : is_tls(&client->at) ? PORT_TLS : PORT, r;

        client->answer = -1;
        client->tls[0] = '\0';
        if (is_tls(&client->at) && client->ca && access(client->ca, R_OK) < 0) {
                snprintf(client->tls, sizeof(client->tls), "%.150s: %s", client->ca, strerror(errno));
                (void)sqi_mqtt_away(client, client->tls);
                return -EACCES;
        }
        r = make(client);
        if (r == MOSQ_ERR_SUCCESS)
                r = mosquitto_connect(client->mosq, host, port, 0);
        if (r != MOSQ_ERR_SUCCESS)
                return broken(client, r);
        keep_alive(mosquitto_socket(client->mosq));
        return wait_for_answer(client);
}

void
sqi_mqtt_probe(struct sq_declaration *decl, const char *url, const char *password, const char *ca)
{
        struct sqi_mqtt client = {.ca = ca, .timeout = PROBE_S};

        (void)sqi_mqtt_url(url, &client.at);
        if (!sq_secret_probe(decl, "password", password, client.secret, sizeof(client.secret)))
                return;
        if (sqi_mqtt_open(&client) < 0)
                sq_declare_error(decl, "url", "%s: %s", url, client.why);
        sqi_mqtt_close(&client);
        explicit_bzero(client.secret, sizeof(client.secret));
}

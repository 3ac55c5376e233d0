/* SPDX-License-Identifier: Apache-2.0 */
#include "redis.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PORT = 6379, PROBE_S = 5 };

const char *
sqi_redis_url(const char *text, struct sq_url *ret)
{
        const char *wrong = sq_url_read(text, ret);

        if (wrong)
                return wrong;
        if (strcmp(ret->scheme, "rediss") == 0)
                return "asks for TLS, which is not built in: let stunnel speak it, and name that as redis://HOST:PORT";
        if (strcmp(ret->scheme, "redis") != 0 && strcmp(ret->scheme, "unix") != 0)
                return "is neither redis://HOST:PORT/DATABASE nor unix:///PATH";
        if (strcmp(ret->scheme, "redis") == 0 && ret->path[0] && ret->path[1 + strspn(ret->path + 1, "0123456789")])
                return "names no database: its path is a number, as in redis://HOST:PORT/0";
        return NULL;
}

bool
sqi_redis_is_state(const char *text)
{
        static const char *const states[] = {
                "LOADING",     "BUSY ",    "OOM ",    "READONLY",   "MASTERDOWN",
                "CLUSTERDOWN", "TRYAGAIN", "MISCONF", "NOREPLICAS", "ERR max number of clients"};

        for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
                if (strncmp(text, states[i], strlen(states[i])) == 0)
                        return true;
        return false;
}

/* What to do about an error that no such command is without, as a text to go on with; NULL: it is one of this command.
 * `NOPERM` is said of a command, and of a key, which is another one each time. */
static const char *
advice(const char *text)
{
        static const struct {
                const char *begin, *advice;
        } errors[] = {
                {"MOVED ", ": it is one node of a cluster (name a server that has all keys)"},
                {"ASK ", ": it is one node of a cluster (name a server that has all keys)"},
                {"ERR unknown command", ""},
        };

        for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
                if (strncmp(text, errors[i].begin, strlen(errors[i].begin)) == 0)
                        return errors[i].advice;
        return strncmp(text, "NOPERM", strlen("NOPERM")) == 0 && strstr(text, "to run the") ? "" : NULL;
}

void
sqi_redis_close(struct sqi_redis *client)
{
        if (client->connection)
                redisFree(client->connection);
        client->connection = NULL;
}

int
sqi_redis_away(struct sqi_redis *client, const char *why)
{
        snprintf(client->why, sizeof(client->why), "%s", why);
        sqi_redis_close(client);
        return -EAGAIN;
}

/* The connection is. To hiredis an answer that does not come is EAGAIN. */
static int
broken(struct sqi_redis *client)
{
        char text[64];

        if (strcmp(client->connection->errstr, strerror(EAGAIN)) != 0)
                return sqi_redis_away(client, client->connection->errstr);
        snprintf(text, sizeof(text), "no answer for %g s", client->timeout);
        return sqi_redis_away(client, text);
}

int
sqi_redis_answer(struct sqi_redis *client, redisReply **ret)
{
        void *got = NULL;
        redisReply *reply;
        const char *more;

        if (redisGetReply(client->connection, &got) != REDIS_OK)
                return broken(client);
        reply = got;
        if (reply->type != REDIS_REPLY_ERROR) {
                *ret = reply;
                return 0;
        }
        more = advice(reply->str);
        snprintf(client->why, sizeof(client->why), "%s%s", reply->str, more ? more : "");
        if (sqi_redis_is_state(reply->str) || strncmp(reply->str, "NOAUTH", strlen("NOAUTH")) == 0)
                sqi_redis_close(client);
        freeReplyObject(reply);
        if (!client->connection)
                return -EAGAIN;
        return more ? -EACCES : -EBADMSG;
}

/* One command with its answer. 0; -EAGAIN; -EACCES: the server says no. */
static int
say(struct sqi_redis *client, int argc, const char **argv)
{
        redisReply *reply = redisCommandArgv(client->connection, argc, argv, NULL);
        int r = 0;

        if (!reply)
                return broken(client);
        if (reply->type == REDIS_REPLY_ERROR) {
                r = sqi_redis_is_state(reply->str) ? -EAGAIN : -EACCES;
                (void)sqi_redis_away(client, reply->str);
        }
        freeReplyObject(reply);
        return r;
}

static int
greet(struct sqi_redis *client)
{
        const char *user = client->at.user[0] ? client->at.user : NULL;
        const char *database = strcmp(client->at.scheme, "redis") == 0 ? client->at.path : "";
        int r = 0;

        if (client->secret[0] && user)
                r = say(client, 3, (const char *[]){"AUTH", user, client->secret});
        else if (client->secret[0])
                r = say(client, 2, (const char *[]){"AUTH", client->secret});
        if (r == 0 && database[0] == '/' && database[1] != '\0')
                r = say(client, 2, (const char *[]){"SELECT", database + 1});
        return r < 0 ? r : say(client, 1, (const char *[]){"PING"});
}

int
sqi_redis_open(struct sqi_redis *client)
{
        struct timeval limit = {.tv_sec = (time_t)client->timeout};
        const char *host = client->at.host[0] ? client->at.host : "127.0.0.1";

        limit.tv_usec = (suseconds_t)((client->timeout - (double)limit.tv_sec) * 1e6);
        if (strcmp(client->at.scheme, "unix") == 0)
                client->connection = redisConnectUnixWithTimeout(client->at.path, limit);
        else
                client->connection = redisConnectWithTimeout(host, client->at.port ? client->at.port : PORT, limit);
        if (!client->connection)
                return sqi_redis_away(client, strerror(ENOMEM));
        if (client->connection->err)
                return broken(client);
        redisSetTimeout(client->connection, limit);
        return greet(client);
}

void
sqi_redis_declare(struct sq_declaration *decl, const char *url, const char *password)
{
        struct sq_url at;
        const char *wrong = sqi_redis_url(url, &at);

        if (wrong)
                sq_declare_error(decl, "url", "%s", wrong);
        sq_secret_declare(password, decl, "password");
}

void
sqi_redis_probe(struct sq_declaration *decl, const char *url, const char *password)
{
        struct sqi_redis client = {.timeout = PROBE_S};

        (void)sqi_redis_url(url, &client.at);
        if (!sq_secret_probe(decl, "password", password, client.secret, sizeof(client.secret)))
                return;
        if (sqi_redis_open(&client) < 0)
                sq_declare_error(decl, "url", "%s: %s", url, client.why);
        sqi_redis_close(&client);
        explicit_bzero(client.secret, sizeof(client.secret));
}

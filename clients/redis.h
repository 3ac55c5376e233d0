/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to Redis, for the components that have one:
 *
 *     wrong = sqi_redis_url(self->url, &client.at);       in `.declare`, and again in `.prepare`, then `secret`,
 *                                                         `timeout`
 *     r = sqi_redis_open(&client);                        when `connection` is NULL; 0, or client.why says what it is
 *     reply = redisCommandArgv(client.connection, ...)
 *     r = sqi_redis_answer(&client, &reply);              or that of a pipeline
 *     r = sqi_redis_away(&client, "why");                 it is broken: closes it
 *     sqi_redis_close(&client);                           {0} may be closed
 */
#ifndef SQI_CLIENT_REDIS_H
#define SQI_CLIENT_REDIS_H

#include <hiredis/hiredis.h>
#include <squall-kit.h>

struct sqi_redis {
        struct sq_url at;
        char secret[512];
        double timeout; /* seconds, for the connection and for each answer */
        redisContext *connection;
        char why[256];
};

/* NULL, or what is wrong with the URL, a constant. */
const char *sqi_redis_url(const char *text, struct sq_url *ret);
/* Connects, and says who we are. 0; -EAGAIN: it is away; -EACCES: it says no. */
int sqi_redis_open(struct sqi_redis *client);
/* The next answer to what was appended, to be freed. 0; -EAGAIN: it is broken or not able, and closed; -EBADMSG: the
 * answer is an error of this command; -EACCES: the server takes no such command, whatever is in it. client->why says
 * what. *ret is written on success alone. */
int sqi_redis_answer(struct sqi_redis *client, redisReply **ret);
/* Closes it. -EAGAIN; and `why`, which is copied, stands in client->why. */
int sqi_redis_away(struct sqi_redis *client, const char *why);
void sqi_redis_close(struct sqi_redis *client);
/* What `.declare` has to say of the settings `url` and `password`. */
void sqi_redis_declare(struct sq_declaration *decl, const char *url, const char *password);
/* What `.probe` is to do, with the settings `url` and `password`. */
void sqi_redis_probe(struct sq_declaration *decl, const char *url, const char *password);
/* Of the text of an error: whether it speaks of the server's state, and not of the command. */
bool sqi_redis_is_state(const char *text);

#endif

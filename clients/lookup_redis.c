/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of Redis, one at a time. It does not say what has changed, so what is remembered goes after a while. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lookup.h"
#include "redis.h"

static int
say(struct sqi_lookup *table, int r)
{
        const struct sqi_redis *client = table->own;

        memcpy(table->why, client->why, sizeof(table->why));
        return r;
}

static int
begin(struct sqi_lookup *table)
{
        struct sqi_redis *client = calloc(1, sizeof(*client));
        int r;

        table->own = client;
        if (!client)
                return -ENOMEM;
        (void)sqi_redis_url(table->place, &client->at);
        memcpy(client->secret, table->secret, sizeof(client->secret));
        client->timeout = 2;
        r = sqi_redis_open(client);
        return r == -EACCES ? say(table, -EINVAL) : say(table, r);
}

static void
look(struct sqi_lookup *table)
{
        sqi_rows_clear(&table->rows);
}

/* [NAME, VALUE, ...] as a row. 1; 0: there is none. */
static int
take(struct sqi_lookup *table, const redisReply *reply)
{
        size_t n = reply->elements / 2 < SQ_FIELDS_MAX ? reply->elements / 2 : SQ_FIELDS_MAX;
        struct sq_value values[SQ_FIELDS_MAX];
        const char *names[SQ_FIELDS_MAX];

        for (size_t i = 0; i < n; i++) {
                names[i] = reply->element[2 * i]->str;
                values[i] = sq_str((struct sq_str){reply->element[2 * i + 1]->str, reply->element[2 * i + 1]->len});
        }
        table->row.len = 0;
        if (n > 0 && sq_encode_values(&table->row, n, names, values) < 0)
                return -EAGAIN;
        return n > 0;
}

static int
fetch(struct sqi_lookup *table, struct sq_str key)
{
        struct sqi_redis *client = table->own;
        const char *argv[] = {"HGETALL", key.ptr};
        size_t lens[] = {strlen(argv[0]), key.len};
        redisReply *reply = NULL;
        int r = client->connection ? 0 : sqi_redis_open(client);

        if (r == 0 && redisAppendCommandArgv(client->connection, 2, argv, lens) != REDIS_OK)
                r = sqi_redis_away(client, strerror(ENOMEM));
        if (r == 0)
                r = sqi_redis_answer(client, &reply);
        r = r < 0 ? say(table, -EAGAIN) : take(table, reply);
        freeReplyObject(reply);
        return r;
}

static void
end(struct sqi_lookup *table)
{
        struct sqi_redis *client = table->own;

        if (!client)
                return;
        sqi_redis_close(client);
        explicit_bzero(client->secret, sizeof(client->secret));
        free(client);
        table->own = NULL;
}

const struct sqi_lookup_from sqi_lookup_redis = {begin, look, fetch, end};

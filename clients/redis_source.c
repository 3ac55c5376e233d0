/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGS_MAX = 16, NUMBER_ROOM = 24, TASKS_MAX = 256 };

void
sqi_redis_name(struct sqi_redis_source *source, const struct sq_task *task, const char *consumer)
{
        size_t size = sizeof(source->consumer);

        if (consumer)
                snprintf(source->consumer, size, "%.200s.%u", consumer, sq_index(task));
        else
                snprintf(source->consumer, size, "%.100s.%.100s.%u", sq_topology(task), sq_component(task),
                         sq_index(task));
        snprintf(source->processing, sizeof(source->processing), "%.240s:%s", source->key, source->consumer);
}

int
sqi_redis_append(redisContext *connection, int argc, const char **argv)
{
        return redisAppendCommandArgv(connection, argc, argv, NULL) == REDIS_OK ? 0 : -ENOMEM;
}

static const char *
number(char text[NUMBER_ROOM], uint64_t n)
{
        snprintf(text, NUMBER_ROOM, "%llu", (unsigned long long)n);
        return text;
}

/* XREADGROUP from `from` on, `>` being what nobody was given yet. */
static int
append_read(const struct sqi_redis_source *source, redisContext *connection, const char *from, uint64_t most, bool wait)
{
        char count[NUMBER_ROOM], block[NUMBER_ROOM];
        const char *argv[ARGS_MAX] = {"XREADGROUP",     "GROUP", source->group,
                                      source->consumer, "COUNT", number(count, most)};
        int n = 6;

        if (wait) {
                argv[n++] = "BLOCK";
                argv[n++] = number(block, SQI_REDIS_BLOCK_MS);
        }
        if (!source->kept)
                argv[n++] = "NOACK";
        argv[n++] = "STREAMS";
        argv[n++] = source->key;
        argv[n++] = from;
        return sqi_redis_append(connection, n, argv);
}

int
sqi_redis_append_held(const struct sqi_redis_source *source, redisContext *connection, const char *from, uint64_t most)
{
        if (source->kind == SQI_REDIS_STREAM)
                return append_read(source, connection, from, most, false);
        return sqi_redis_append(connection, 4, (const char *[]){"LRANGE", source->processing, "0", "-1"});
}

int
sqi_redis_append_claim(const struct sqi_redis_source *source, redisContext *connection, const char *from,
                       double idle_ms, uint64_t most)
{
        char idle[NUMBER_ROOM], count[NUMBER_ROOM];

        snprintf(idle, sizeof(idle), "%.0f", idle_ms);
        return sqi_redis_append(connection, 8,
                                (const char *[]){"XAUTOCLAIM", source->key, source->group, source->consumer, idle, from,
                                                 "COUNT", number(count, most)});
}

/* Elements: those that are there, or one that comes. */
static int
append_pop(const struct sqi_redis_source *source, redisContext *connection, uint64_t most, bool wait)
{
        char count[NUMBER_ROOM];
        int r = 0;

        if (!source->kept)
                return sqi_redis_append(connection, 3, (const char *[]){"LPOP", source->key, number(count, most)});
        if (wait)
                return sqi_redis_append(
                        connection, 6,
                        (const char *[]){"BLMOVE", source->key, source->processing, "LEFT", "RIGHT", "1"});
        for (uint64_t i = 0; r == 0 && i < most; i++)
                r = sqi_redis_append(connection, 5,
                                     (const char *[]){"LMOVE", source->key, source->processing, "LEFT", "RIGHT"});
        return r;
}

int
sqi_redis_append_fresh(const struct sqi_redis_source *source, redisContext *connection, uint64_t most, bool wait,
                       uint64_t *ret_answers)
{
        bool pattern = strpbrk(source->key, "*?[") != NULL;

        *ret_answers = 1;
        if (source->kind == SQI_REDIS_CHANNEL)
                return sqi_redis_append(connection, 2,
                                        (const char *[]){pattern ? "PSUBSCRIBE" : "SUBSCRIBE", source->key});
        if (source->kind == SQI_REDIS_STREAM)
                return append_read(source, connection, ">", most, wait);
        if (source->kept && !wait)
                *ret_answers = most;
        return append_pop(source, connection, most, wait);
}

int
sqi_redis_append_entry_done(const struct sqi_redis_source *source, redisContext *connection, uint64_t ms, uint64_t seq)
{
        char id[SQI_REDIS_ID];

        snprintf(id, sizeof(id), "%llu-%llu", (unsigned long long)ms, (unsigned long long)seq);
        return sqi_redis_append(connection, 4, (const char *[]){"XACK", source->key, source->group, id});
}

int
sqi_redis_append_element_done(const struct sqi_redis_source *source, redisContext *connection, struct sq_str element)
{
        const char *argv[] = {"LREM", source->processing, "1", element.ptr};
        size_t lens[] = {strlen(argv[0]), strlen(argv[1]), strlen(argv[2]), element.len};

        return redisAppendCommandArgv(connection, 4, argv, lens) == REDIS_OK ? 0 : -ENOMEM;
}

/* ---- At the start ------------------------------------------------------------------------------------ */

static int
make_group(const struct sqi_redis_source *source, struct sqi_redis *client, const char *from)
{
        redisReply *reply = NULL;
        int r = sqi_redis_append(client->connection, 6,
                                 (const char *[]){"XGROUP", "CREATE", source->key, source->group, from, "MKSTREAM"});

        if (r == 0)
                r = sqi_redis_answer(client, &reply);
        freeReplyObject(reply);
        return r == -EBADMSG && strncmp(client->why, "BUSYGROUP", strlen("BUSYGROUP")) == 0 ? 0 : r;
}

/* One element of each list. *ret_n: so many were there. */
static int
gather_one_each(const struct sqi_redis_source *source, struct sqi_redis *client, unsigned first, unsigned step,
                size_t *ret_n)
{
        char from[sizeof(source->processing) + NUMBER_ROOM];
        int base = (int)(strrchr(source->processing, '.') - source->processing), r = 0;

        for (unsigned i = first; r == 0 && i < TASKS_MAX; i += step) {
                snprintf(from, sizeof(from), "%.*s.%u", base, source->processing, i);
                r = sqi_redis_append(client->connection, 5,
                                     (const char *[]){"LMOVE", from, source->processing, "LEFT", "RIGHT"});
        }
        *ret_n = 0;
        for (unsigned i = first; r == 0 && i < TASKS_MAX; i += step) {
                redisReply *reply = NULL;

                r = sqi_redis_answer(client, &reply);
                *ret_n += r == 0 && reply->type == REDIS_REPLY_STRING;
                freeReplyObject(reply);
        }
        return r;
}

/* Of the tasks `first`, `first + step`, ... */
static int
gather(const struct sqi_redis_source *source, struct sqi_redis *client, unsigned first, unsigned step)
{
        size_t n = 1;
        int r = 0;

        while (r == 0 && n > 0)
                r = gather_one_each(source, client, first, step, &n);
        return r;
}

int
sqi_redis_begin(const struct sqi_redis_source *source, struct sqi_redis *client, const char *from, unsigned index,
                unsigned ntasks)
{
        if (source->kind == SQI_REDIS_STREAM)
                return make_group(source, client, from);
        return source->kind == SQI_REDIS_LIST ? gather(source, client, index + ntasks, ntasks) : 0;
}

/* ---- Lag --------------------------------------------------------------------------------------------- */

/* In [NAME, VALUE, ...]; NULL: it has none of that name. */
static const redisReply *
member(const redisReply *map, const char *name)
{
        for (size_t i = 0; i + 1 < map->elements; i += 2)
                if (sq_str_is(sqi_redis_text(map->element[i]), name))
                        return map->element[i + 1];
        return NULL;
}

/* The `lag` of the group among those of its stream. */
static const redisReply *
lag_of_group(const redisReply *groups, const char *group)
{
        for (size_t i = 0; i < groups->elements; i++) {
                const redisReply *name = member(groups->element[i], "name");

                if (name && sq_str_is(sqi_redis_text(name), group))
                        return member(groups->element[i], "lag");
        }
        return NULL;
}

int
sqi_redis_lag(const struct sqi_redis_source *source, struct sqi_redis *client, struct sq_lag *ret)
{
        bool list = source->kind == SQI_REDIS_LIST;
        redisReply *reply = NULL;
        const redisReply *n;
        int r = -1;

        if (source->kind == SQI_REDIS_CHANNEL || !client->connection)
                return -1;
        r = list ? sqi_redis_append(client->connection, 2, (const char *[]){"LLEN", source->key})
                 : sqi_redis_append(client->connection, 3, (const char *[]){"XINFO", "GROUPS", source->key});
        if (r == 0)
                r = sqi_redis_answer(client, &reply);
        if (r < 0)
                return r == -EAGAIN ? r : -1;
        n = list ? reply : lag_of_group(reply, source->group);
        r = n && n->type == REDIS_REPLY_INTEGER && n->integer >= 0 ? 0 : -1;
        if (r == 0)
                *ret = (struct sq_lag){(uint64_t)n->integer, SQ_LAG_MESSAGES};
        freeReplyObject(reply);
        return r;
}

/* ---- Answers ----------------------------------------------------------------------------------------- */

/* A stream: [[KEY, ENTRIES]], or claimed [CURSOR, ENTRIES, ...]; a list: an element, or several. */
size_t
sqi_redis_records(const struct sqi_redis_source *source, redisReply *const *answer, bool claimed,
                  redisReply *const **ret)
{
        const redisReply *list = *answer;

        if (list->type == REDIS_REPLY_STRING) {
                *ret = answer;
                return 1;
        }
        if (source->kind == SQI_REDIS_STREAM && !claimed)
                list = list->elements > 0 ? list->element[0] : NULL;
        if (source->kind == SQI_REDIS_STREAM)
                list = list && list->elements > 1 ? list->element[1] : NULL;
        *ret = list && list->elements > 0 ? list->element : NULL;
        return list ? list->elements : 0;
}

/* ---- Entries of a stream ----------------------------------------------------------------------------- */

struct sq_str
sqi_redis_text(const redisReply *reply)
{
        return (struct sq_str){reply->str ? reply->str : "", reply->len};
}

/* Room for `n` pairs. */
static bool
make_room(struct sqi_redis_entries *entries, size_t n)
{
        const char **names;
        struct sq_value *values;

        if (n <= entries->pairs)
                return true;
        names = realloc(entries->names, n * sizeof(*names));
        if (!names)
                return false;
        entries->names = names;
        values = realloc(entries->values, n * sizeof(*values));
        if (!values)
                return false;
        entries->values = values;
        entries->pairs = n;
        return true;
}

/* All pairs as a map. */
static bool
pack(struct sqi_redis_entries *entries, const char *id, const redisReply *pairs, struct sq_str *ret)
{
        size_t n = pairs->elements / 2;

        if (!make_room(entries, n + 1))
                return false;
        for (size_t i = 0; i < n; i++) {
                entries->names[i] = sqi_redis_text(pairs->element[2 * i]).ptr;
                entries->values[i] = sq_str(sqi_redis_text(pairs->element[2 * i + 1]));
        }
        if (entries->id) {
                entries->names[n] = entries->id;
                entries->values[n++] = sq_text(id);
        }
        entries->row.len = 0;
        if (sq_encode_values(&entries->row, n, entries->names, entries->values) < 0)
                return false;
        *ret = (struct sq_str){entries->row.bytes, entries->row.len};
        return true;
}

bool
sqi_redis_entry_read(struct sqi_redis_entries *entries, const redisReply *reply, struct sqi_redis_entry *ret)
{
        const redisReply *pairs = reply->elements > 1 ? reply->element[1] : NULL;
        const char *id = sqi_redis_text(reply->element[0]).ptr;
        char *end;

        *ret = (struct sqi_redis_entry){.id = id, .ms = strtoull(id, &end, 10), .record = {"", 0}};
        ret->seq = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;
        ret->deleted = !pairs || pairs->type != REDIS_REPLY_ARRAY;
        if (ret->deleted)
                return true;
        if (!entries->value)
                return pack(entries, id, pairs, &ret->record);
        for (size_t i = 0; i + 1 < pairs->elements; i += 2)
                if (sq_str_is(sqi_redis_text(pairs->element[i]), entries->value))
                        ret->record = sqi_redis_text(pairs->element[i + 1]);
        return true;
}

void
sqi_redis_entries_free(struct sqi_redis_entries *entries)
{
        free(entries->names);
        free(entries->values);
        sq_encoder_free(&entries->row);
}

bool
sqi_redis_heard(const redisReply *reply, struct sq_str *ret)
{
        const char *what = reply->elements > 0 && reply->element[0]->str ? reply->element[0]->str : "";

        if (strcmp(what, "message") != 0 && strcmp(what, "pmessage") != 0)
                return false;
        *ret = sqi_redis_text(reply->element[reply->elements - 1]);
        return true;
}

void
sqi_redis_declare_kind(struct sq_declaration *decl, int64_t kind, bool has_value)
{
        static const char *const of_streams[] = {"group", "start", "claim", "value", "id"};

        for (size_t i = 0; kind != SQI_REDIS_STREAM && i < sizeof(of_streams) / sizeof(of_streams[0]); i++)
                sq_declare_unused(decl, of_streams[i], "without `kind: stream`");
        if (has_value)
                sq_declare_unused(decl, "id", "with `value`, one field of the entry");
        else if (kind == SQI_REDIS_STREAM)
                sq_declare_unused(decl, "format", "without `value`, the field of an entry that is the message");
}

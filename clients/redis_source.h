/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task reads of Redis, and the commands for it. Each is appended to the pipeline of a connection: 0 or -ENOMEM.
 * The answers are the caller's to read.
 */
#ifndef SQI_CLIENT_REDIS_SOURCE_H
#define SQI_CLIENT_REDIS_SOURCE_H

#include "redis.h"

enum sqi_redis_kind { SQI_REDIS_STREAM, SQI_REDIS_LIST, SQI_REDIS_CHANNEL };
enum { SQI_REDIS_BLOCK_MS = 1000, SQI_REDIS_ID = 48 };

struct sqi_redis_source {
        enum sqi_redis_kind kind;
        const char *key, *group;
        char consumer[256], processing[512]; /* of the task; the list that holds what it was given */
        bool kept;                           /* Redis keeps what is given until it is told that it is done */
};

/* An entry of a stream, to be read. */
struct sqi_redis_entry {
        const char *id;
        uint64_t ms, seq;
        bool deleted;
        struct sq_str record;
};
/* What is made of entries: the settings, and memory. */
struct sqi_redis_entries {
        const char *value, *id; /* the field that is the record, or NULL; the member that is the id, or NULL */
        struct sq_encoder row;  /* of SQ_FORMAT_MSGPACK */
        const char **names;
        struct sq_value *values;
        size_t pairs; /* room of both */
};

/* What Redis knows the task by: `consumer`, or TOPOLOGY.COMPONENT if that is NULL, and its number. */
void sqi_redis_name(struct sqi_redis_source *source, const struct sq_task *task, const char *consumer);
int sqi_redis_append(redisContext *connection, int argc, const char **argv);
/* What the task was given: of a stream behind the id `from`, `most` entries. */
int sqi_redis_append_held(const struct sqi_redis_source *source, redisContext *connection, const char *from,
                          uint64_t most);
/* What others were given more than `idle_ms` ago. */
int sqi_redis_append_claim(const struct sqi_redis_source *source, redisContext *connection, const char *from,
                           double idle_ms, uint64_t most);
/* What nobody was given, waited for if `wait`. *ret_answers: so many come. */
int sqi_redis_append_fresh(const struct sqi_redis_source *source, redisContext *connection, uint64_t most, bool wait,
                           uint64_t *ret_answers);
/* At the start of task `index` of `ntasks`: makes the group of a stream, if it is not there, which begins at `from`; or
 * takes over what tasks that are no more were given of a list. As sqi_redis_answer(). */
int sqi_redis_begin(const struct sqi_redis_source *source, struct sqi_redis *client, const char *from, unsigned index,
                    unsigned ntasks);
/* Refuses settings that have no effect for that kind. In `.declare`. */
void sqi_redis_declare_kind(struct sq_declaration *decl, int64_t kind, bool has_value);

/* What was given to nobody yet, as `.lag` has it; -1 also where Redis does not know it, as before version 7. After
 * -EAGAIN `client` is closed. */
int sqi_redis_lag(const struct sqi_redis_source *source, struct sqi_redis *client, struct sq_lag *ret);
/* An entry, or an element, is done. */
int sqi_redis_append_entry_done(const struct sqi_redis_source *source, redisContext *connection, uint64_t ms,
                                uint64_t seq);
int sqi_redis_append_element_done(const struct sqi_redis_source *source, redisContext *connection,
                                  struct sq_str element);

/* The entries or elements in an answer, `claimed` or not: how many, side by side at *ret. */
size_t sqi_redis_records(const struct sqi_redis_source *source, redisReply *const *answer, bool claimed,
                         redisReply *const **ret);
/* [ID, [NAME, VALUE, ...]] as a record: a view, good until the next call. False: no memory. */
bool sqi_redis_entry_read(struct sqi_redis_entries *entries, const redisReply *reply, struct sqi_redis_entry *ret);
void sqi_redis_entries_free(struct sqi_redis_entries *entries);
/* What a subscriber hears: [message, CHANNEL, TEXT], [pmessage, PATTERN, CHANNEL, TEXT]. False: it is not one. */
bool sqi_redis_heard(const redisReply *reply, struct sq_str *ret);
struct sq_str sqi_redis_text(const redisReply *reply);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka.h"

static const char *const names[SQI_KAFKA_META] = {"key", "value", "topic", "partition", "offset", "time"},
                         *const types[SQI_KAFKA_META] = {"str?", "str?", "str", "int", "int", "time?"};

const struct sq_nested sqi_kafka_meta = {.n = SQI_KAFKA_META, .names = names, .values = types};

static struct sq_value
text_or_nil(const void *bytes, size_t n)
{
        return bytes ? sq_str((struct sq_str){bytes, n}) : sq_nil();
}

static struct sq_value
time_of(const rd_kafka_message_t *message)
{
        rd_kafka_timestamp_type_t kind;
        int64_t ms = rd_kafka_message_timestamp(message, &kind), sec = ms / 1000 - (ms % 1000 < 0);

        if (kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE)
                return sq_nil();
        return sq_time((struct sq_time){sec, (uint32_t)((ms - sec * 1000) * 1000000)});
}

void
sqi_kafka_describe(const rd_kafka_message_t *message, struct sq_value values[SQI_KAFKA_META])
{
        values[0] = text_or_nil(message->key, message->key_len);
        values[1] = text_or_nil(message->payload, message->len);
        values[2] = sq_text(rd_kafka_topic_name(message->rkt));
        values[3] = sq_int(message->partition);
        values[4] = sq_int(message->offset);
        values[5] = time_of(message);
}

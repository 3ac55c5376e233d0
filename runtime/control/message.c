/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On the wire a message is one msgpack array: version, type, worker, incarnation, then the fields that the table of
 * message.h names for its type, in that order. Metrics are an array of three: the counters in the order of
 * SQI_COUNTERS, then the execute and the complete histogram, each as pairs of bucket and count for the buckets that are
 * not empty.
 *
 * A message holds exactly what its type carries and nothing behind it; anything else is refused, and leaves the outputs
 * alone.
 */
#include "control/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tuple/reader.h"
#include "tuple/writer.h"

enum { TEXT_MAX = 4096, HEAD = 4, METRICS_PARTS = 4 };

static const struct {
        const char *name, *fields;
} types[] = {
#define X(name, fields, sense) {#name, fields},
        SQI_MESSAGES(X)
#undef X
};

const char *
sqi_message_name(enum sqi_message_type type)
{
        return (unsigned)type < SQI_MESSAGE_TYPES ? types[type].name : "?";
}

void
sqi_message_topic(uint32_t worker, uint32_t incarnation, char topic[SQI_TOPIC_SIZE])
{
        snprintf(topic, SQI_TOPIC_SIZE, "w%u.%u.", worker, incarnation);
}

/* ---- Encoding ---------------------------------------------------------------------------------------- */

static void
write_histogram(struct sqi_writer *writer, const struct sqi_histogram *histogram)
{
        sqi_write_array(writer, NULL);
        for (unsigned i = 0; i < SQI_HISTOGRAM_BUCKETS; i++) {
                uint32_t count = atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);

                if (count == 0)
                        continue;
                sqi_write_uint(writer, NULL, i);
                sqi_write_uint(writer, NULL, count);
        }
        sqi_write_end(writer);
}

static uint32_t
own_kind(const struct sqi_own_metric *own)
{
        return atomic_load_explicit(&own->kind, memory_order_acquire);
}

/* Each as name, kind, value, histogram. */
static void
write_own(struct sqi_writer *writer, const struct sqi_own_metric *own)
{
        sqi_write_array(writer, NULL);
        for (unsigned i = 0; i < SQI_OWN_MAX && own_kind(&own[i]); i++) {
                sqi_write_text(writer, NULL, own[i].name);
                sqi_write_uint(writer, NULL, own_kind(&own[i]));
                sqi_write_int(writer, NULL, atomic_load_explicit(&own[i].value, memory_order_relaxed));
                write_histogram(writer, &own[i].values);
        }
        sqi_write_end(writer);
}

static void
write_metrics(struct sqi_writer *writer, const struct sqi_metrics *metrics)
{
        static const struct sqi_metrics none;

        if (!metrics)
                metrics = &none;
        sqi_write_array(writer, NULL);
        sqi_write_array(writer, NULL);
        for (unsigned c = 0; c < SQI_NCOUNTERS; c++)
                sqi_write_uint(writer, NULL, sqi_counter_get(metrics, c));
        sqi_write_end(writer);
        write_histogram(writer, &metrics->execute);
        write_histogram(writer, &metrics->complete);
        write_own(writer, metrics->own);
        sqi_write_end(writer);
}

static void
write_field(struct sqi_writer *writer, char field, const struct sqi_message *message)
{
        switch (field) {
        case 't':
                sqi_write_uint(writer, NULL, message->task);
                break;
        case 'n':
                sqi_write_uint(writer, NULL, message->number);
                break;
        case 'a':
                sqi_write_uint(writer, NULL, message->a);
                break;
        case 'b':
                sqi_write_uint(writer, NULL, message->b);
                break;
        case 's':
                sqi_write_str(writer, NULL,
                              (struct sq_str){message->text.ptr,
                                              message->text.len < TEXT_MAX ? message->text.len : TEXT_MAX});
                break;
        case 'p':
                sqi_write_bin(writer, NULL, message->text.ptr,
                              message->text.len <= SQI_PACKED_MAX ? message->text.len : 0);
                break;
        default:
                write_metrics(writer, message->metrics);
        }
}

int
sqi_message_encode(const struct sqi_message *message, void **ret_bytes, size_t *ret_size)
{
        struct sqi_writer writer = sqi_writer(SQI_MSGPACK);

        sqi_write_array(&writer, NULL);
        sqi_write_uint(&writer, NULL, SQI_MESSAGE_VERSION);
        sqi_write_uint(&writer, NULL, message->type);
        sqi_write_uint(&writer, NULL, message->worker);
        sqi_write_uint(&writer, NULL, message->incarnation);
        for (const char *field = types[message->type].fields; *field; field++)
                write_field(&writer, *field, message);
        sqi_write_end(&writer);
        return sqi_writer_take(&writer, ret_bytes, ret_size);
}

/* ---- Decoding ---------------------------------------------------------------------------------------- */

static void
read_histogram(struct sqi_reader *reader, struct sqi_histogram *ret)
{
        uint32_t n = sqi_read_array(reader);

        sqi_read_demand(reader, n % 2 == 0, "a histogram is odd");
        for (; n > 0 && !reader->error; n -= 2) {
                uint32_t bucket = (uint32_t)sqi_read_uint(reader, SQI_HISTOGRAM_BUCKETS - 1),
                         count = sqi_read_u32(reader);

                if (ret)
                        atomic_store_explicit(&ret->buckets[bucket], count, memory_order_relaxed);
        }
}

static void
read_counters(struct sqi_reader *reader, struct sqi_metrics *ret)
{
        uint64_t counter;

        sqi_read_demand(reader, sqi_read_array(reader) == SQI_NCOUNTERS, "another number of counters");
#define X(name, ...) \
        counter = sqi_read_uint(reader, UINT64_MAX); \
        if (ret) \
                atomic_store_explicit(&ret->name, counter, memory_order_relaxed);
        SQI_COUNTERS(X)
#undef X
}

static void
read_own(struct sqi_reader *reader, struct sqi_own_metric *ret)
{
        uint32_t n = sqi_read_array(reader) / 4;
        struct sqi_own_metric skipped = {0};

        sqi_read_demand(reader, n <= SQI_OWN_MAX, "too many metrics");
        for (uint32_t i = 0; i < n && !reader->error; i++) {
                struct sqi_own_metric *own = ret ? &ret[i] : &skipped;

                sqi_read_text(reader, own->name, sizeof(own->name));
                uint32_t kind = (uint32_t)sqi_read_uint(reader, SQI_OWN_KINDS - 1);
                int64_t value = sqi_read_int(reader);

                sqi_read_demand(reader, kind != SQI_OWN_NONE, "a metric of no kind");
                read_histogram(reader, ret ? &own->values : NULL);
                atomic_store_explicit(&own->value, value, memory_order_relaxed);
                atomic_store_explicit(&own->kind, kind, memory_order_relaxed);
        }
}

static void
read_metrics(struct sqi_reader *reader, struct sqi_metrics *ret)
{
        sqi_read_demand(reader, sqi_read_array(reader) == METRICS_PARTS, "not metrics");
        read_counters(reader, ret);
        read_histogram(reader, ret ? &ret->execute : NULL);
        read_histogram(reader, ret ? &ret->complete : NULL);
        read_own(reader, ret ? ret->own : NULL);
}

static void
read_field(struct sqi_reader *reader, char field, struct sqi_message *ret, struct sqi_metrics *metrics)
{
        switch (field) {
        case 't':
                ret->task = sqi_read_u32(reader);
                break;
        case 'n':
                ret->number = sqi_read_uint(reader, UINT64_MAX);
                break;
        case 'a':
                ret->a = sqi_read_uint(reader, UINT64_MAX);
                break;
        case 'b':
                ret->b = sqi_read_uint(reader, UINT64_MAX);
                break;
        case 's':
                ret->text = sqi_read_str(reader);
                sqi_read_demand(reader, ret->text.len <= TEXT_MAX, "a text that is too long");
                break;
        case 'p':
                ret->text = sqi_read_bin(reader);
                sqi_read_demand(reader, ret->text.len <= SQI_PACKED_MAX, "a value that is too long");
                break;
        default:
                read_metrics(reader, metrics);
        }
}

static bool
read_fields(struct sqi_reader *reader, struct sqi_message *ret, struct sqi_metrics *metrics)
{
        for (const char *field = types[ret->type].fields; *field; field++)
                read_field(reader, *field, ret, metrics);
        return sqi_reader_is_done(reader);
}

/* Read twice, so that a message that is refused leaves the metrics alone. */
int
sqi_message_decode(const void *bytes, size_t size, struct sqi_message *ret, struct sqi_metrics *metrics)
{
        struct sqi_reader reader = sqi_reader(bytes, size), again;
        struct sqi_message message = {.type = SQI_MESSAGE_TYPES};
        uint32_t n = sqi_read_array(&reader), version = sqi_read_u32(&reader), type;

        if (reader.error)
                return -EBADMSG;
        if (version != SQI_MESSAGE_VERSION)
                return -EPROTO;
        type = sqi_read_u32(&reader);
        if (reader.error || type >= SQI_MESSAGE_TYPES || n != HEAD + strlen(types[type].fields))
                return -EBADMSG;
        message.type = (enum sqi_message_type)type;
        message.worker = sqi_read_u32(&reader);
        message.incarnation = sqi_read_u32(&reader);
        again = reader;
        if (!read_fields(&reader, &message, NULL))
                return -EBADMSG;
        if (metrics && strchr(types[type].fields, 'm')) {
                memset(metrics, 0, sizeof(*metrics));
                read_fields(&again, &message, metrics);
        }
        *ret = message;
        return 0;
}

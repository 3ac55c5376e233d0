/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On the wire a message is one msgpack array: version, type, worker, incarnation, then the fields that the table of message.h names
 * for its type, in that order. Metrics are an array of three: the counters in the order of SQI_COUNTERS, then the execute and the
 * complete histogram, each as pairs of bucket and count for the buckets that are not empty.
 *
 * A message holds exactly what its type carries and nothing behind it; anything else is refused, and leaves the outputs alone.
 */
#include "control/message.h"

#include <errno.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tuple/unpack.h"

enum { TEXT_MAX = 4096, HEAD = 4, METRICS_PARTS = 4 };

static const struct {
        const char *name, *fields;
} types[] = {
#define X(name, fields, sense) {#name, fields},
        SQI_MESSAGES(X)
#undef X
};

/* The counters of a struct sqi_metrics as a list; they stand first in it, without gaps. */
#define X(name) +1
enum { COUNTERS = 0 SQI_COUNTERS(X) };
#undef X
_Static_assert(offsetof(struct sqi_metrics, execute) == COUNTERS * sizeof(uint64_t), "counters stand first, without gaps");

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

/* ---- Encoding ----------------------------------------------------------------------------------------------------------- */

static void
pack_histogram(msgpack_packer *packer, const struct sqi_histogram *histogram)
{
        uint32_t counts[SQI_HISTOGRAM_BUCKETS];
        size_t n = 0;

        for (unsigned i = 0; i < SQI_HISTOGRAM_BUCKETS; i++) {
                counts[i] = atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
                n += counts[i] != 0;
        }
        msgpack_pack_array(packer, 2 * n);
        for (unsigned i = 0; i < SQI_HISTOGRAM_BUCKETS; i++) {
                if (counts[i] == 0)
                        continue;
                msgpack_pack_uint32(packer, i);
                msgpack_pack_uint32(packer, counts[i]);
        }
}

static uint32_t
own_kind(const struct sqi_own *own)
{
        return atomic_load_explicit(&own->kind, memory_order_acquire);
}

/* Each as name, kind, value, histogram. */
static void
pack_own(msgpack_packer *packer, const struct sqi_own *own)
{
        unsigned n = 0;

        while (n < SQI_OWN_MAX && own_kind(&own[n]))
                n++;
        msgpack_pack_array(packer, 4 * (size_t)n);
        for (unsigned i = 0; i < n; i++) {
                size_t len = strlen(own[i].name);
                msgpack_pack_str(packer, len);
                msgpack_pack_str_body(packer, own[i].name, len);
                msgpack_pack_uint32(packer, own_kind(&own[i]));
                msgpack_pack_int64(packer, atomic_load_explicit(&own[i].value, memory_order_relaxed));
                pack_histogram(packer, &own[i].values);
        }
}

static void
pack_metrics(msgpack_packer *packer, const struct sqi_metrics *metrics)
{
        static const struct sqi_metrics none;

        if (!metrics)
                metrics = &none;
        msgpack_pack_array(packer, METRICS_PARTS);
        msgpack_pack_array(packer, COUNTERS);
#define X(name) msgpack_pack_uint64(packer, atomic_load_explicit(&metrics->name, memory_order_relaxed));
        SQI_COUNTERS(X)
#undef X
        pack_histogram(packer, &metrics->execute);
        pack_histogram(packer, &metrics->complete);
        pack_own(packer, metrics->own);
}

static void
pack_field(msgpack_packer *packer, char field, const struct sqi_message *message)
{
        size_t len = message->text.len < TEXT_MAX ? message->text.len : TEXT_MAX;

        switch (field) {
        case 't':
                msgpack_pack_uint32(packer, message->task);
                break;
        case 'n':
                msgpack_pack_uint64(packer, message->number);
                break;
        case 'a':
                msgpack_pack_uint64(packer, message->a);
                break;
        case 'b':
                msgpack_pack_uint64(packer, message->b);
                break;
        case 's':
                msgpack_pack_str_with_body(packer, len ? message->text.ptr : "", len);
                break;
        default:
                pack_metrics(packer, message->metrics);
        }
}

/* msgpack-c's buffer, but it remembers that memory ran out: the packer's own results would have to be looked at one by one. */
struct sink {
        msgpack_sbuffer buffer;
        bool failed;
};

static int
sink_write(void *data, const char *bytes, size_t size)
{
        struct sink *sink = data;

        if (sink->failed || msgpack_sbuffer_write(&sink->buffer, bytes, size) < 0)
                sink->failed = true;
        return sink->failed ? -1 : 0;
}

int
sqi_message_encode(const struct sqi_message *message, void **ret_bytes, size_t *ret_size)
{
        const char *fields = types[message->type].fields;
        struct sink sink = {.failed = false};
        msgpack_packer packer;

        msgpack_sbuffer_init(&sink.buffer);
        msgpack_packer_init(&packer, &sink, sink_write);
        msgpack_pack_array(&packer, HEAD + strlen(fields));
        msgpack_pack_uint32(&packer, SQI_MESSAGE_VERSION);
        msgpack_pack_uint32(&packer, message->type);
        msgpack_pack_uint32(&packer, message->worker);
        msgpack_pack_uint32(&packer, message->incarnation);
        for (; *fields; fields++)
                pack_field(&packer, *fields, message);
        if (sink.failed) {
                msgpack_sbuffer_destroy(&sink.buffer);
                return -ENOMEM;
        }
        *ret_size = sink.buffer.size;
        *ret_bytes = msgpack_sbuffer_release(&sink.buffer);
        return 0;
}

/* ---- Decoding ----------------------------------------------------------------------------------------------------------- */

struct reader {
        const uint8_t *at, *end;
};

static bool
read_value(struct reader *reader, struct sq_value *ret)
{
        const uint8_t *end = sqi_skip(reader->at, reader->end);

        if (!end)
                return false;
        *ret = sqi_unpack(reader->at, end);
        reader->at = end;
        return true;
}

static bool
read_number(struct reader *reader, uint64_t max, uint64_t *ret)
{
        struct sq_value value;

        if (!read_value(reader, &value) || (value.type != SQ_INT && value.type != SQ_UINT))
                return false;
        if ((value.type == SQ_INT && value.as.i < 0) || value.as.u > max)
                return false;
        *ret = value.as.u;
        return true;
}

static bool
read_u32(struct reader *reader, uint32_t *ret)
{
        uint64_t number;

        if (!read_number(reader, UINT32_MAX, &number))
                return false;
        *ret = (uint32_t)number;
        return true;
}

static bool
read_head(struct reader *reader, uint32_t *ret_n)
{
        const uint8_t *at = sqi_unpack_head(reader->at, reader->end, ret_n);

        if (at)
                reader->at = at;
        return at != NULL;
}

static bool
read_text(struct reader *reader, struct sq_str *ret)
{
        struct sq_value value;

        if (!read_value(reader, &value) || value.type != SQ_STR || value.len > TEXT_MAX)
                return false;
        *ret = (struct sq_str){value.as.ptr, value.len};
        return true;
}

static bool
read_histogram(struct reader *reader, struct sqi_histogram *ret)
{
        uint32_t n, bucket, count;

        if (!read_head(reader, &n) || n % 2)
                return false;
        for (; n > 0; n -= 2) {
                if (!read_u32(reader, &bucket) || !read_u32(reader, &count) || bucket >= SQI_HISTOGRAM_BUCKETS)
                        return false;
                if (ret)
                        atomic_store_explicit(&ret->buckets[bucket], count, memory_order_relaxed);
        }
        return true;
}

static bool
read_counters(struct reader *reader, struct sqi_metrics *ret)
{
        uint64_t counter;
        uint32_t n;

        if (!read_head(reader, &n) || n != COUNTERS)
                return false;
#define X(name) \
        if (!read_number(reader, UINT64_MAX, &counter)) \
                return false; \
        if (ret) \
                atomic_store_explicit(&ret->name, counter, memory_order_relaxed);
        SQI_COUNTERS(X)
#undef X
        return true;
}

static bool
read_own(struct reader *reader, struct sqi_own *ret)
{
        struct sq_value value;
        struct sq_str name;
        uint32_t n, kind;

        if (!read_head(reader, &n) || n % 4 || n / 4 > SQI_OWN_MAX)
                return false;
        for (uint32_t i = 0; i < n / 4; i++) {
                if (!read_text(reader, &name) || name.len >= SQI_OWN_NAME || !read_u32(reader, &kind) || kind == SQI_OWN_NONE ||
                    kind >= SQI_OWN_KINDS || !read_value(reader, &value) || value.type != SQ_INT ||
                    !read_histogram(reader, ret ? &ret[i].values : NULL))
                        return false;
                if (!ret)
                        continue;
                memcpy(ret[i].name, name.ptr, name.len);
                ret[i].name[name.len] = '\0';
                atomic_store_explicit(&ret[i].value, value.as.i, memory_order_relaxed);
                atomic_store_explicit(&ret[i].kind, kind, memory_order_relaxed);
        }
        return true;
}

static bool
read_metrics(struct reader *reader, struct sqi_metrics *ret)
{
        uint32_t n;

        return read_head(reader, &n) && n == METRICS_PARTS && read_counters(reader, ret) &&
               read_histogram(reader, ret ? &ret->execute : NULL) && read_histogram(reader, ret ? &ret->complete : NULL) &&
               read_own(reader, ret ? ret->own : NULL);
}

static bool
read_field(struct reader *reader, char field, struct sqi_message *ret, struct sqi_metrics *metrics)
{
        switch (field) {
        case 't':
                return read_u32(reader, &ret->task);
        case 'n':
                return read_number(reader, UINT64_MAX, &ret->number);
        case 'a':
                return read_number(reader, UINT64_MAX, &ret->a);
        case 'b':
                return read_number(reader, UINT64_MAX, &ret->b);
        case 's':
                return read_text(reader, &ret->text);
        default:
                return read_metrics(reader, metrics);
        }
}

static bool
read_fields(struct reader *reader, struct sqi_message *ret, struct sqi_metrics *metrics)
{
        for (const char *field = types[ret->type].fields; *field; field++)
                if (!read_field(reader, *field, ret, metrics))
                        return false;
        return reader->at == reader->end;
}

int
sqi_message_decode(const void *bytes, size_t size, struct sqi_message *ret, struct sqi_metrics *metrics)
{
        struct reader reader = {bytes, (const uint8_t *)bytes + size}, again;
        struct sqi_message message = {.type = SQI_MESSAGE_TYPES};
        uint32_t n, version, type;

        if (!read_head(&reader, &n) || !read_u32(&reader, &version))
                return -EBADMSG;
        if (version != SQI_MESSAGE_VERSION)
                return -EPROTO;
        if (!read_u32(&reader, &type) || type >= SQI_MESSAGE_TYPES || n != HEAD + strlen(types[type].fields))
                return -EBADMSG;
        message.type = (enum sqi_message_type)type;
        if (!read_u32(&reader, &message.worker) || !read_u32(&reader, &message.incarnation))
                return -EBADMSG;
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - a batch as it stands in one ZeroMQ message. docs/wire.md says the same for writers in other languages.
 *
 *     +--------+---------------------------+--------------------------+--------------+
 *     | header | tuples, back to back      | runs, back to back       | traced ones, |
 *     | 64 B   | each a msgpack array      | 8 B + 8 B for each root  | rarely       |
 *     +--------+---------------------------+--------------------------+--------------+
 *
 * A run says of the next `count` tuples which stream they are of and which tuple trees (roots) they are anchored to.
 * The runs' counts add up to the header's. Words of one line share a root, so tracking costs a run a line, not an id a
 * word.
 *
 * A root is (spout task << 48) | number, the number modulo 2^48. The edge id of the i-th tuple of a batch is not sent:
 * both ends derive it, sqi_edge_id(key, first_seq + i), with the header's edge key. See docs/guarantees.md for the
 * arithmetic.
 *
 * All integers are little-endian. Reserved bytes are zero and not looked at.
 */
#ifndef SQI_WIRE_H
#define SQI_WIRE_H

#include <stdint.h>

#include "squall.h"

enum { SQI_WIRE_VERSION = 1 };
enum { SQI_HEADER_SIZE = 64 };
enum { SQI_SUBSCRIPTION_SIZE = 12 }; /* the head of a broadcast up to `task`: what its receivers subscribe to */

enum sqi_batch_kind {
        SQI_BATCH_DATA = 1,
        SQI_BATCH_END = 2,        /* end-of-stream mark: the source sends nothing more in this channel */
        SQI_BATCH_CHECKPOINT = 3, /* mark of an epoch, `epoch`: what is before it was sent before the source began */
        SQI_BATCH_WATERMARK = 4,  /* of one stream, `stream`, of the source: `epoch` as int64_t, or one of these */
};

/* In the place of a watermark: nothing comes for now, do not wait for the stream; and: something does again, of
 * which no time is known. */
#define SQI_WATERMARK_IDLE INT64_MIN
#define SQI_WATERMARK_NONE (INT64_MIN + 1)

/* `handover` of an end-of-stream mark. Neither: the source has come to its natural end. */
enum {
        SQI_END_HANDOVER = 1, /* the topology goes on later with another plan */
        SQI_END_DRAINED = 2,  /* the source, or one before it, was told to end */
};

/* The last of a broadcast reader's subscriptions says who it is. Nothing that is sent begins like this. */
enum { SQI_READER_KIND = 255 };
struct sqi_reader_topic {
        uint8_t head[SQI_SUBSCRIPTION_SIZE]; /* of a header, with this kind */
        uint32_t task, incarnation;
};
_Static_assert(sizeof(struct sqi_reader_topic) == 20, "a reader's topic is 20 bytes on the wire");

/* flags: came by PUB; the edge key is made the receiver's own with sqi_edge_key_of() */
enum { SQI_BATCH_BROADCAST = 1 };

/* `hints`: why the number of the first tuple need not follow the last one of the batch before; and what is behind the
 * runs. Bit 0 is not used. */
enum {
        SQI_HINT_DROPPED = 2, /* the sender dropped tuples between the two: there is a gap */
        SQI_HINT_AGAIN = 4,   /* the sender keeps the batch, and may send it again */
        SQI_HINT_TRACED = 8,  /* behind the runs it says which of its tuples are traced: struct sqi_traced. It is no
                              * flag: those stand in what the receivers of a broadcast subscribe to */
};

struct sqi_header {
        uint8_t magic[3]; /* "SQB" */
        uint8_t version;
        uint8_t kind;
        uint8_t flags;
        uint16_t stream; /* of a watermark; broadcasts: of all tuples, so that a subscription can name it; else 0 */
        uint32_t task;   /* the source */
        uint32_t incarnation; /* of the source */
        uint32_t count;       /* tuples */
        uint32_t bytes;       /* of all tuples */
        uint32_t nruns;
        uint32_t run_bytes; /* of all runs */
        uint64_t edge_key;
        uint64_t first_seq; /* edge sequence number of the first tuple */
        uint64_t epoch;
        uint32_t handover; /* of an end-of-stream mark: how it ends */
        uint16_t hints;
        uint16_t deaths; /* that the source knew of, modulo 2^16: who knows of fewer waits for word of them */
};
_Static_assert(sizeof(struct sqi_header) == SQI_HEADER_SIZE, "the header is 64 bytes on the wire");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the header is read and written as it stands in memory");

struct sqi_run {
        uint32_t count;
        uint16_t stream;
        uint16_t nroots;
        /* uint64_t roots[nroots] */
};
_Static_assert(sizeof(struct sqi_run) == 8, "a run's head is 8 bytes on the wire");

/* Behind the runs of a batch of which somebody follows tuples, and behind it `count` marks, in the order of the tuples.
 * Times are of CLOCK_MONOTONIC, in ns. */
struct sqi_traced {
        uint32_t count, reserved;
        uint64_t sealed_ns; /* when the batch was closed, to be sent */
};
_Static_assert(sizeof(struct sqi_traced) == 16, "the head of the marks of traced tuples is 16 bytes on the wire");

struct sqi_trace_mark {
        uint64_t trace, parent; /* which tree; the span that has emitted it: tuple/span.h */
        uint64_t emitted_ns;
        uint32_t index; /* of the tuple in the batch */
        uint32_t reserved;
};
_Static_assert(sizeof(struct sqi_trace_mark) == 32, "the mark of a traced tuple is 32 bytes on the wire");
enum { SQI_TRACED_MAX = 256 }; /* marks in a batch */

/* More anchors than this do not fit a tuple; sq_anchor() refuses them. */
enum { SQI_ROOTS_MAX = 256 };

#define SQI_ROOT_BITS 48
#define SQI_ROOT(task, number) (((uint64_t)(task) << SQI_ROOT_BITS) | ((number) & ((1ull << SQI_ROOT_BITS) - 1)))
#define SQI_ROOT_TASK(root) ((uint32_t)((root) >> SQI_ROOT_BITS))

static inline uint64_t
sqi_edge_id(uint64_t key, uint64_t seq)
{
        return sq_mix(key + seq);
}

/* The edge key of the channel from an incarnation of a task to a task, or, a broadcast, to all who read that stream. */
static inline uint64_t
sqi_channel_key(uint32_t task, uint32_t incarnation, uint32_t receiver, bool broadcast, bool feedback)
{
        uint64_t channel = (uint64_t)receiver << 2 | (uint64_t)broadcast << 1 | feedback;

        return sq_mix(sq_mix((uint64_t)task << 32 | incarnation) ^ channel);
}

/* The receiver's own key of a broadcast channel. */
static inline uint64_t
sqi_edge_key_of(uint64_t key, uint32_t receiver)
{
        return sq_mix(key ^ (0x9e3779b97f4a7c15ull * (receiver + 1ull)));
}

/* An ack record, back to back after a header of kind SQI_ACKS in the spout's ack inbox. */
enum sqi_ack_op {
        SQI_ACK_XOR,   /* XOR `value` into the tree's state */
        SQI_ACK_FAIL,  /* the tree failed */
        SQI_ACK_RESET, /* start its message timeout anew */
        /* why the trees of the FAILs behind it failed: `length` bytes of text, in the place of the records that
         * follow */
        SQI_ACK_CAUSE,
        SQI_ACK_KEPT,  /* a bolt has taken the edge `value` and keeps it; or, the second time, has ended that */
        SQI_ACK_LATER, /* the tree failed for a cause that is not its tuple's: replayed without counting an attempt */
};
enum { SQI_CAUSE_MAX = 240 };

struct sqi_ack {
        uint64_t root; /* as above */
        uint64_t value;
        uint32_t op;
        uint32_t length; /* SQI_ACK_CAUSE; else 0 */
};
_Static_assert(sizeof(struct sqi_ack) == 24, "an ack record is 24 bytes on the wire");

/* How many records behind this one are its text. */
static inline uint32_t
sqi_ack_text(const struct sqi_ack *ack)
{
        return ack->op == SQI_ACK_CAUSE ? ack->length / (uint32_t)sizeof(*ack) + (ack->length % sizeof(*ack) > 0) : 0;
}

struct sqi_ack_header {
        uint8_t magic[3]; /* "SQA" */
        uint8_t version;
        uint32_t task;        /* the bolt task that acks */
        uint32_t incarnation; /* its */
        uint32_t count;
};
_Static_assert(sizeof(struct sqi_ack_header) == 16, "the header of an ack message is 16 bytes on the wire");

#endif

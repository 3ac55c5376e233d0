/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task publishes of each traced tuple that it has handled, for who follows tuple trees (viewer/tracer.h): by the
 * socket of its tap (channel/tap.h), as this struct and, behind it, `size` bytes of the packed tuple.
 *
 * A spout's span is one call of `next`, and the root of its tree; it has no tuple, no parent and no batch. A bolt's is
 * one `execute`. A span of trace 0 is not one of a tuple: the task says with it that it was told to follow some. Times
 * are of CLOCK_MONOTONIC in ns, so they can be compared on this machine.
 *
 *     emitted -> sealed -> received -> begun -> ended
 *           gathered   network    queued   executed
 */
#ifndef SQI_SPAN_H
#define SQI_SPAN_H

#include <stdint.h>

enum { SQI_SPAN_TUPLE_MAX = 512 }; /* bytes of a tuple that come with its span; a longer one does not */

/* Nothing else that a tap publishes begins like this: who follows trees subscribes to it. */
#define SQI_SPAN_MAGIC "SQT\1"

struct sqi_span {
        uint8_t magic[4];
        uint32_t task, incarnation;
        uint32_t source; /* the task that has emitted the tuple; of a root its own */
        uint64_t trace, id, parent;
        uint64_t emitted_ns, sealed_ns, received_ns, begun_ns, ended_ns;
        uint32_t emitted; /* tuples */
        uint32_t marked;  /* spans that are to come of them: of some receivers' tuples at most */
        uint16_t stream;  /* of the tuple, in its source */
        uint16_t verdict; /* enum sq_verdict */
        uint32_t size;
};
_Static_assert(sizeof(struct sqi_span) == 96, "a span is 96 bytes for who reads it");

#endif

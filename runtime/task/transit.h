/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches in transit: those that a task took out of a channel after it had begun an epoch and before the mark of the
 * epoch came by that channel. They are the state of the channel and part of the snapshot; who goes on from that
 * executes them before anything else.
 */
#ifndef SQI_TRANSIT_H
#define SQI_TRANSIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

struct sqi_transit_batch {
        struct sqi_transit_batch *next;
        zmq_msg_t message;
        bool feedback; /* it came by the feedback inbox */
};

/* All zero: empty. In the order in which they came. */
struct sqi_transit {
        struct sqi_transit_batch *first, *last;
        uint64_t n, bytes;
};

/* Holds another reference to the message, whose bytes nobody changes. 0 or -ENOMEM. */
int sqi_transit_add(struct sqi_transit *transit, zmq_msg_t *message, bool feedback);
/* The same of bytes, which are copied. */
int sqi_transit_copy(struct sqi_transit *transit, const void *bytes, size_t size, bool feedback);
/* Moves the first batch into an initialised message. False: there is none. */
bool sqi_transit_take(struct sqi_transit *transit, zmq_msg_t *ret, bool *ret_feedback);
void sqi_transit_clear(struct sqi_transit *transit);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tap: copies of the batches that a task sends, published for who wants to look at them (viewer/viewer.h).
 *
 *  1. sqi_tap_open() when the first order TAP comes: a PUB socket in the run directory, which stays until the task's
 *     channels are closed.
 *  2. sqi_tap_order() with this one and each that follows: until when, and how much.
 *  3. An outlet whose source has a tap asks sqi_tap_copy() before it sends a batch, and hands the copy to
 *     sqi_tap_show() when it is gone.
 *  4. sqi_tap_is_over(): the orders have stopped, and nobody needs copies any more.
 *
 * sqi_tap_publish() shows anything else, such as what became of a traced tuple.
 *
 * A copy is another reference to the same bytes. Each outlet may show so many bytes a second; of what is beyond that
 * nothing is copied, so a sample of whole batches is seen, and all of them where there are few. Who reads slowly loses
 * batches, and never holds up the task. All of it belongs to the task's thread.
 */
#ifndef SQI_CHANNEL_TAP_H
#define SQI_CHANNEL_TAP_H

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

struct sqi_tap;

/* 0 or a negative errno. */
int sqi_tap_open(void *context, const char *rundir, uint32_t task, struct sqi_tap **ret);
/* Accepts a pointer to NULL, and nulls it. What was shown still reaches those who read. */
void sqi_tap_close(struct sqi_tap **tap);

/* For `ns` from now on each outlet may show `bytes_s` a second, and at once as much as it has not shown of late. Who
 * asks for less than somebody else, whose order still holds, gets as much. */
void sqi_tap_order(struct sqi_tap *tap, uint64_t now_ns, uint64_t ns, double bytes_s);
bool sqi_tap_is_over(const struct sqi_tap *tap, uint64_t now_ns);

/* May this batch be shown? Then a copy of it is in `ret`. *paid_ns is the outlet's own, 0 at first. */
bool sqi_tap_copy(struct sqi_tap *tap, uint64_t *paid_ns, zmq_msg_t *batch, zmq_msg_t *ret);
/* Takes the copy over; one that is not `wanted` is dropped. */
void sqi_tap_show(struct sqi_tap *tap, zmq_msg_t *copy, bool wanted);

/* Shows a copy of these bytes, to who has subscribed to what they begin with. */
void sqi_tap_publish(struct sqi_tap *tap, const void *bytes, size_t size);

#endif

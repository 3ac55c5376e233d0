/* SPDX-License-Identifier: Apache-2.0 */
#include "task/transit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void
append(struct sqi_transit *transit, struct sqi_transit_batch *batch)
{
        if (transit->last)
                transit->last->next = batch;
        else
                transit->first = batch;
        transit->last = batch;
        transit->n++;
        transit->bytes += zmq_msg_size(&batch->message);
}

int
sqi_transit_add(struct sqi_transit *transit, zmq_msg_t *message, bool feedback)
{
        struct sqi_transit_batch *batch = calloc(1, sizeof(*batch));

        if (!batch)
                return -ENOMEM;
        zmq_msg_init(&batch->message);
        if (zmq_msg_copy(&batch->message, message) < 0) {
                free(batch);
                return -ENOMEM;
        }
        batch->feedback = feedback;
        append(transit, batch);
        return 0;
}

int
sqi_transit_copy(struct sqi_transit *transit, const void *bytes, size_t size, bool feedback)
{
        struct sqi_transit_batch *batch = calloc(1, sizeof(*batch));

        if (!batch)
                return -ENOMEM;
        if (zmq_msg_init_size(&batch->message, size) < 0) {
                free(batch);
                return -ENOMEM;
        }
        if (size > 0)
                memcpy(zmq_msg_data(&batch->message), bytes, size);
        batch->feedback = feedback;
        append(transit, batch);
        return 0;
}

bool
sqi_transit_take(struct sqi_transit *transit, zmq_msg_t *ret, bool *ret_feedback)
{
        struct sqi_transit_batch *batch = transit->first;

        if (!batch)
                return false;
        transit->first = batch->next;
        if (!transit->first)
                transit->last = NULL;
        transit->n--;
        transit->bytes -= zmq_msg_size(&batch->message);
        *ret_feedback = batch->feedback;
        zmq_msg_move(ret, &batch->message);
        zmq_msg_close(&batch->message);
        free(batch);
        return true;
}

void
sqi_transit_clear(struct sqi_transit *transit)
{
        zmq_msg_t message;
        bool feedback;

        zmq_msg_init(&message);
        while (sqi_transit_take(transit, &message, &feedback))
                ;
        zmq_msg_close(&message);
}

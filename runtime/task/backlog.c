/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a bolt has taken in and not executed.
 *
 * A mark waits for what is before it in its channel, and a slow bolt would make it wait for seconds. So a bolt that has
 * begun an epoch takes in all that there is up to the marks that are missing, at once (sqi_intake_take_in()), and keeps
 * it in its order. It executes that by and by, before anything that comes later. All of it counts as on its way until
 * it is executed, so no more of it gathers than the senders' bounds let out (channel/outlet.h).
 *
 * An epoch that begins while something waits here, or in the middle of a batch, records that first: to the epoch it is
 * the state of a channel, whether the bolt has looked at it or not.
 */
#include "task/task.h"

/* An end is not recorded: who has ended says so again. */
static bool
give_all(struct sq_task *task, const struct sqi_transit *transit, sqi_backlog_taker *taker)
{
        for (struct sqi_transit_batch *batch = transit->first; batch; batch = batch->next) {
                struct sqi_header header;

                if (zmq_msg_size(&batch->message) < sizeof(header))
                        continue; /* it will be refused */
                memcpy(&header, zmq_msg_data(&batch->message), sizeof(header));
                if (header.kind != SQI_BATCH_END && !taker(task, &batch->message, batch->feedback))
                        return false;
        }
        return true;
}

/* The tuples of the batch under way that are not executed yet, as a batch of their own. 1; 0: there are none;
 * -ENOMEM. */
static int
make_rest(struct sq_task *task, zmq_msg_t *ret)
{
        struct sqi_under_way *batch = &task->bolt.batch;
        struct sqi_frame frame = batch->frame;
        const uint8_t *next = batch->next;

        if (next) {
                frame.index -= batch->stepped;
                frame.run_left += batch->stepped;
        } else if (batch->open && batch->place < task->bolt.stages[0]->n)
                next = task->bolt.stages[0]->tuples[batch->place].slice.at;
        if (!next || frame.index == frame.header.count)
                return 0;
        if (zmq_msg_init_size(ret, sqi_frame_rest_size(&frame, next)) < 0)
                return -ENOMEM;
        sqi_frame_copy_rest(&frame, zmq_msg_data(&batch->message), next, zmq_msg_data(ret));
        return 1;
}

static bool
give_rest(struct sq_task *task, sqi_backlog_taker *taker)
{
        zmq_msg_t rest;
        int r = make_rest(task, &rest);
        bool fine = r >= 0;

        if (r > 0) {
                fine = taker(task, &rest, task->intake.from_feedback);
                zmq_msg_close(&rest);
        }
        return fine;
}

bool
sqi_backlog_give(struct sq_task *task, sqi_backlog_taker *taker)
{
        return give_rest(task, taker) && give_all(task, &task->transit, taker) &&
               give_all(task, &task->intake.backlog, taker);
}

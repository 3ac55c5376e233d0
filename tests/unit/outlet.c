/* SPDX-License-Identifier: Apache-2.0 */
/* The sending end of a channel, and what it knows of the load of its receiver. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "channel/outlet.h"
#include "channel/sequence.h"
#include "channel/socket.h"

enum { SIZE = 1000000 };

struct channel {
        void *context, *inbox, *socket;
        struct sqi_metrics metrics;
        struct sqi_source source;
        struct sqi_load load;
        struct sqi_outlet outlet;
};

static void
set_up(struct channel *channel, bool feedback)
{
        memset(channel, 0, sizeof(*channel));
        channel->context = zmq_ctx_new();
        channel->inbox = sqi_socket_new(channel->context, ZMQ_PULL, 100);
        channel->socket = sqi_socket_new(channel->context, ZMQ_PUSH, 100);
        assert_int_equal(sqi_socket_bind(channel->inbox, "inproc://inbox"), 0);
        assert_int_equal(sqi_socket_connect(channel->socket, "inproc://inbox"), 0);
        channel->source = (struct sqi_source){
                .channel_bytes = SIZE + SIZE / 2, .pool = sqi_pool_new(4096), .metrics = &channel->metrics};
        sqi_outlet_init(&channel->outlet, &channel->source, channel->socket, 1, false, feedback);
        sqi_outlet_watch(&channel->outlet, &channel->load);
}

static void
tear_down(struct channel *channel)
{
        sqi_outlet_clear(&channel->outlet);
        sqi_socket_close(&channel->inbox);
        sqi_socket_close(&channel->socket);
        zmq_ctx_term(channel->context);
        sqi_pool_drop(&channel->source.pool);
}

static int
send_tuple(struct channel *channel, size_t size)
{
        uint8_t *at = sqi_batch_reserve(&channel->outlet.batch, channel->source.pool, size);

        memset(at, 0xc0, size);
        assert_int_equal(sqi_batch_add(&channel->outlet.batch, at + size, 0, NULL, 0), 0);
        sqi_batch_commit(&channel->outlet.batch);
        channel->outlet.seq++;
        return sqi_outlet_push(&channel->outlet, &channel->source);
}

static struct sqi_header
receive(struct channel *channel)
{
        struct sqi_header header;
        zmq_msg_t message;

        zmq_msg_init(&message);
        assert_int_equal(sqi_socket_receive(channel->inbox, &message), 0);
        memcpy(&header, zmq_msg_data(&message), sizeof(header));
        sqi_load_arrive(&channel->load, zmq_msg_size(&message));
        zmq_msg_close(&message);
        return header;
}

static void
holds_back_bytes_above_the_bound_until_those_before_them_have_arrived(void **state)
{
        struct channel channel;

        (void)state;
        set_up(&channel, false);
        assert_int_equal(send_tuple(&channel, SIZE), 0);
        assert_int_equal(send_tuple(&channel, SIZE), -EAGAIN);
        assert_true(channel.outlet.held);
        assert_int_equal(channel.metrics.batches_out, 1);
        receive(&channel);
        assert_int_equal(sqi_outlet_push(&channel.outlet, &channel.source), 0);
        assert_false(channel.outlet.held);
        receive(&channel);
        assert_int_equal(channel.load.bytes, 0);
        tear_down(&channel);
}

static void
sends_what_is_larger_than_the_bound_when_nothing_else_is_on_its_way(void **state)
{
        struct channel channel;

        (void)state;
        set_up(&channel, false);
        assert_int_equal(send_tuple(&channel, 3 * SIZE), 0);
        assert_int_equal(send_tuple(&channel, 1), -EAGAIN);
        receive(&channel);
        assert_int_equal(sqi_outlet_push(&channel.outlet, &channel.source), 0);
        tear_down(&channel);
}

static void
bytes_that_arrive_after_they_were_forgotten_leave_no_room_for_others(void **state)
{
        struct channel channel;

        (void)state;
        set_up(&channel, false);
        assert_int_equal(send_tuple(&channel, 3 * SIZE), 0);
        sqi_load_forget(&channel.load);
        receive(&channel);
        assert_int_equal(channel.load.bytes, 0);
        tear_down(&channel);
}

static void
holds_back_what_a_slow_receiver_would_need_more_than_a_second_for(void **state)
{
        struct channel channel;

        (void)state;
        set_up(&channel, false);
        sqi_load_cost(&channel.load, SQI_QUEUE_NS / 2);
        for (int i = 0; i < 3; i++)
                assert_int_equal(send_tuple(&channel, 1), 0);
        assert_int_equal(channel.outlet.most, 1);
        assert_int_equal(send_tuple(&channel, 1), -EAGAIN);
        sqi_load_add(&channel.load, -1);
        assert_int_equal(sqi_outlet_push(&channel.outlet, &channel.source), 0);
        tear_down(&channel);
}

static void
never_holds_feedback_back(void **state)
{
        struct channel channel;

        (void)state;
        set_up(&channel, true);
        sqi_load_cost(&channel.load, SQI_QUEUE_NS);
        for (int i = 0; i < 5; i++)
                assert_int_equal(send_tuple(&channel, SIZE), 0);
        tear_down(&channel);
}

/* Tasks 1 and 3 of 4 read, and listen; the first reads from the inbox, the other is not looked at. */
static void
set_up_broadcast(struct channel *channel, struct sqi_load loads[4])
{
        set_up(channel, false);
        memset(loads, 0, 4 * sizeof(*loads));
        sqi_outlet_clear(&channel->outlet);
        sqi_outlet_init(&channel->outlet, &channel->source, channel->socket, 1, true, false);
        for (uint32_t task = 1; task < 4; task += 2) {
                assert_int_equal(sqi_outlet_expect(&channel->outlet, 4, task, 1), 0);
                sqi_outlet_reader(&channel->outlet, task, 0, true);
        }
        sqi_outlet_watch(&channel->outlet, loads);
}

static void
holds_a_broadcast_back_until_its_bytes_have_arrived_at_every_reader(void **state)
{
        struct channel channel;
        struct sqi_load loads[4];
        size_t size;

        (void)state;
        set_up_broadcast(&channel, loads);
        assert_int_equal(send_tuple(&channel, SIZE), 0);
        size = (size_t)loads[1].bytes;
        assert_true(size > SIZE);
        assert_int_equal(loads[3].bytes, size);
        assert_int_equal(loads[0].bytes + loads[2].bytes, 0);
        assert_int_equal(send_tuple(&channel, SIZE), -EAGAIN);
        assert_true(channel.outlet.held);
        sqi_load_arrive(&loads[1], size);
        assert_int_equal(sqi_outlet_push(&channel.outlet, &channel.source), -EAGAIN);
        assert_int_equal(loads[1].bytes, 0);
        assert_int_equal(channel.metrics.batches_out, 1);
        sqi_load_arrive(&loads[3], size);
        assert_int_equal(sqi_outlet_push(&channel.outlet, &channel.source), 0);
        assert_int_equal(loads[1].bytes, size);
        assert_int_equal(loads[3].bytes, size);
        tear_down(&channel);
}

static void
sends_a_broadcast_no_faster_than_its_slowest_reader_executes_it(void **state)
{
        struct channel channel;
        struct sqi_load loads[4];

        (void)state;
        set_up_broadcast(&channel, loads);
        sqi_load_cost(&loads[1], 1);
        sqi_load_cost(&loads[3], SQI_QUEUE_NS / 2);
        for (int i = 0; i < 3; i++)
                assert_int_equal(send_tuple(&channel, 1), 0);
        assert_int_equal(channel.outlet.most, 1);
        assert_int_equal(loads[1].queued, 3);
        assert_int_equal(send_tuple(&channel, 1), -EAGAIN);
        sqi_load_add(&loads[3], -1);
        assert_int_equal(sqi_outlet_push(&channel.outlet, &channel.source), 0);
        tear_down(&channel);
}

static void
goes_by_the_pace_of_a_receiver_that_waits_for_others_itself(void **state)
{
        struct channel channel;

        (void)state;
        set_up(&channel, false);
        sqi_load_cost(&channel.load, 1000);
        sqi_load_pace(&channel.load, SQI_QUEUE_NS / 2);
        for (int i = 0; i < 3; i++)
                assert_int_equal(send_tuple(&channel, 1), 0);
        assert_int_equal(channel.outlet.most, 1);
        assert_int_equal(send_tuple(&channel, 1), -EAGAIN);
        sqi_load_pace(&channel.load, 1000);
        assert_int_equal(sqi_outlet_push(&channel.outlet, &channel.source), 0);
        tear_down(&channel);
}

/* Sends until the receiver has more than it can do, and one batch is stuck. */
static void
fill(struct channel *channel)
{
        sqi_load_cost(&channel->load, SQI_QUEUE_NS / 2);
        while (send_tuple(channel, 1) == 0)
                ;
        assert_int_equal(channel->outlet.nstuck, 1);
}

static void
receive_all(struct channel *channel, uint64_t *ret_tuples, uint64_t *ret_mark)
{
        *ret_tuples = *ret_mark = 0;
        while (channel->load.bytes > 0) {
                struct sqi_header header = receive(channel);

                if (header.kind == SQI_BATCH_CHECKPOINT)
                        *ret_mark = header.epoch;
                *ret_tuples += header.count;
        }
}

/* However slow the receiver is, it has the mark as soon as it takes in what is before it. */
static void
sends_the_mark_of_an_epoch_and_what_is_before_it_above_every_bound(void **state)
{
        struct channel channel;
        uint64_t tuples, mark;

        (void)state;
        set_up(&channel, false);
        fill(&channel);
        assert_int_equal(sqi_outlet_mark(&channel.outlet, &channel.source, 7), 0);
        assert_int_equal(channel.outlet.nstuck, 0);
        assert_int_equal(send_tuple(&channel, 1), -EAGAIN); /* what comes behind it waits */
        receive_all(&channel, &tuples, &mark);
        assert_int_equal(tuples, 4);
        assert_int_equal(mark, 7);
        assert_int_equal(send_tuple(&channel, 2 * SIZE), -EAGAIN);
        assert_int_equal(sqi_outlet_mark(&channel.outlet, &channel.source, 8), 0);
        assert_true(channel.load.bytes > channel.source.channel_bytes);
        receive_all(&channel, &tuples, &mark);
        assert_int_equal(tuples, 2);
        assert_int_equal(mark, 8);
        tear_down(&channel);
}

/* Else each epoch would let a receiver fall behind by a batch more. */
static void
is_blocked_when_one_mark_after_the_other_has_gone_above_the_bounds(void **state)
{
        struct channel channel;

        (void)state;
        set_up(&channel, false);
        fill(&channel);
        assert_int_equal(sqi_outlet_mark(&channel.outlet, &channel.source, 1), 0);
        assert_false(sqi_outlet_is_overdrawn(&channel.outlet, &channel.source));
        assert_int_equal(sqi_outlet_mark(&channel.outlet, &channel.source, 2), 0);
        assert_true(sqi_outlet_is_overdrawn(&channel.outlet, &channel.source));
        sqi_load_add(&channel.load, -channel.load.queued);
        assert_false(sqi_outlet_is_overdrawn(&channel.outlet, &channel.source));
        assert_int_equal(send_tuple(&channel, 1), 0);
        fill(&channel);
        assert_int_equal(sqi_outlet_mark(&channel.outlet, &channel.source, 3), 0);
        assert_false(sqi_outlet_is_overdrawn(&channel.outlet, &channel.source)); /* it has caught up meanwhile */
        tear_down(&channel);
}

/* The receiver looks at the numbers of all batches: the gap is to be one that was meant. */
static void
says_once_that_it_has_dropped_what_was_stuck(void **state)
{
        struct channel channel;
        struct sqi_sequence sequence = {0};
        struct sqi_header header;

        (void)state;
        set_up(&channel, false);
        for (int round = 0; round < 2; round++) {
                assert_int_equal(send_tuple(&channel, SIZE), 0);
                assert_int_equal(send_tuple(&channel, SIZE), -EAGAIN);
                header = receive(&channel);
                assert_true(sqi_sequence_take(&sequence, &header));
                sqi_outlet_drop(&channel.outlet);
                assert_int_equal(send_tuple(&channel, 1), 0);
                header = receive(&channel);
                assert_int_equal(header.hints, SQI_HINT_DROPPED);
                assert_int_equal(header.first_seq, sequence.next + 1);
                assert_true(sqi_sequence_take(&sequence, &header));
                sqi_outlet_drop(&channel.outlet); /* nothing */
                assert_int_equal(send_tuple(&channel, 1), 0);
                header = receive(&channel);
                assert_int_equal(header.hints, 0);
                assert_true(sqi_sequence_take(&sequence, &header));
        }
        tear_down(&channel);
}

/* By number and word: whoever sends a batch to a reader that is dead sends it to nobody. */
static void
counts_a_broadcast_reader_only_in_its_living_incarnation(void **state)
{
        struct channel channel;
        struct sqi_outlet *outlet = &channel.outlet;

        (void)state;
        set_up(&channel, false);
        assert_int_equal(sqi_outlet_expect(outlet, 5, 2, 2), 0);
        assert_int_equal(outlet->expected, 2);
        sqi_outlet_reader(outlet, 2, 0, true);
        sqi_outlet_reader(outlet, 2, 0, true);
        sqi_outlet_reader(outlet, 4, 0, true); /* reads something else */
        sqi_outlet_reader(outlet, 9, 0, true);
        assert_int_equal(outlet->subscribed, 1);
        sqi_outlet_reader(outlet, 3, 0, true);
        assert_int_equal(outlet->subscribed, 2);
        sqi_outlet_lose_reader(outlet, 3, 1); /* its socket has not left yet */
        assert_int_equal(outlet->subscribed, 1);
        sqi_outlet_reader(outlet, 3, 0, true);
        assert_int_equal(outlet->subscribed, 1);
        sqi_outlet_reader(outlet, 3, 1, true);
        sqi_outlet_reader(outlet, 3, 0, false);
        sqi_outlet_lose_reader(outlet, 3, 1);
        assert_int_equal(outlet->subscribed, 2);
        sqi_outlet_reader(outlet, 2, 0, false);
        assert_int_equal(outlet->subscribed, 1);
        sqi_outlet_reader(outlet, 2, 1, true); /* before word of the death */
        sqi_outlet_lose_reader(outlet, 2, 1);
        assert_int_equal(outlet->subscribed, 2);
        tear_down(&channel);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(holds_back_bytes_above_the_bound_until_those_before_them_have_arrived),
                cmocka_unit_test(sends_what_is_larger_than_the_bound_when_nothing_else_is_on_its_way),
                cmocka_unit_test(bytes_that_arrive_after_they_were_forgotten_leave_no_room_for_others),
                cmocka_unit_test(holds_back_what_a_slow_receiver_would_need_more_than_a_second_for),
                cmocka_unit_test(never_holds_feedback_back),
                cmocka_unit_test(holds_a_broadcast_back_until_its_bytes_have_arrived_at_every_reader),
                cmocka_unit_test(sends_a_broadcast_no_faster_than_its_slowest_reader_executes_it),
                cmocka_unit_test(counts_a_broadcast_reader_only_in_its_living_incarnation),
                cmocka_unit_test(says_once_that_it_has_dropped_what_was_stuck),
                cmocka_unit_test(goes_by_the_pace_of_a_receiver_that_waits_for_others_itself),
                cmocka_unit_test(sends_the_mark_of_an_epoch_and_what_is_before_it_above_every_bound),
                cmocka_unit_test(is_blocked_when_one_mark_after_the_other_has_gone_above_the_bounds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

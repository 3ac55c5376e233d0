/* SPDX-License-Identifier: Apache-2.0 */
/* A batch whose sender knows of a death, a bolt that has not been told yet, and what it does with its channel to the
 * dead when it is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "channel/socket.h"
#include "rig/rig.h"
#include "made.h"
#include "tuple/batch.h"
#include "tuple/pack.h"
#include "built.h"

/* A task as in a worker: with a control thread, which is the test. */
struct world {
        struct sq_rig *rig;
        struct sq_task *task;
        void *control, *elsewhere;
        uint32_t source, other;
        struct sqi_frame frame;
};

static void
set_up(struct world *world)
{
        memset(world, 0, sizeof(*world));
        world->rig = make_rig("{component: identity, inputs: {in: [n]}}");
        world->task = world->rig->task;
        while (!world->rig->beside.sockets[world->source])
                world->source++;
        while (world->other == world->source || world->other == world->task->id)
                world->other++;
        assert_true(world->other < world->rig->plan->ntasks);
        world->control = sqi_socket_new(world->rig->context, ZMQ_PAIR, 100);
        world->task->control = sqi_socket_new(world->rig->context, ZMQ_PAIR, 100);
        assert_int_equal(sqi_socket_bind(world->control, "inproc://test-control"), 0);
        assert_int_equal(sqi_socket_connect(world->task->control, "inproc://test-control"), 0);
        world->task->driver = NULL;
}

static void
tear_down(struct world *world)
{
        world->task->driver = &world->rig->driver;
        sqi_socket_close(&world->task->control);
        sqi_socket_close(&world->control);
        sq_rig_free(&world->rig);
        if (world->elsewhere)
                zmq_ctx_term(world->elsewhere);
}

static void
tell_of_death(struct world *world, uint32_t task)
{
        struct sqi_message message = {.type = SQI_MSG_PEER_LOST, .task = task, .number = 1};
        void *bytes;
        size_t size;

        assert_int_equal(sqi_message_encode(&message, &bytes, &size), 0);
        assert_int_equal(zmq_send(world->control, bytes, size, 0), (int)size);
        free(bytes);
}

/* A batch comes whose sender knows of `deaths`. True: it may be executed. */
static bool
receive_batch(struct world *world, uint16_t deaths)
{
        struct sqi_pool *pool = sqi_pool_new(4096);
        struct sqi_batch batch = {0};
        struct sqi_header header = {.task = world->source, .edge_key = 1, .deaths = deaths};
        struct sq_value value = sq_int(7);
        zmq_msg_t message;
        uint8_t *bytes;
        size_t size;

        uint8_t *at = sqi_batch_reserve(&batch, pool, 16);
        *at = 0x91;
        assert_int_equal(sqi_batch_add(&batch, sqi_pack(at + 1, &value), 0, NULL, 0), 0);
        sqi_batch_commit(&batch);
        assert_int_equal(sqi_batch_seal(&batch, &header, &bytes, &size), 0);
        assert_int_equal(sqi_rig_feed_frame(world->rig, bytes, size), 0);
        sqi_pool_give(bytes);
        sqi_batch_clear(&batch);
        sqi_pool_drop(&pool);
        zmq_msg_init(&message);
        assert_int_equal(sqi_intake_receive(world->task, &message), 1);
        bool taken = sqi_intake_open(world->task, &message, &world->frame);
        zmq_msg_close(&message);
        return taken;
}

static void
hears_of_a_death_before_it_takes_a_batch_whose_sender_has(void **state)
{
        struct world world;

        (void)state;
        set_up(&world);
        tell_of_death(&world, world.other);
        assert_true(receive_batch(&world, 1));
        assert_int_equal(world.task->intake.fence[world.other], 1);
        assert_int_equal(world.task->collector.source.deaths, 1);
        tear_down(&world);
}

static void
does_not_look_for_word_when_the_sender_knows_no_more(void **state)
{
        struct world world;

        (void)state;
        set_up(&world);
        tell_of_death(&world, world.other);
        assert_true(receive_batch(&world, 0));
        assert_int_equal(world.task->intake.fence[world.other], 0);
        assert_int_equal(world.task->collector.source.deaths, 0);
        tear_down(&world);
}

static void
refuses_the_batch_when_the_word_is_that_its_sender_is_dead(void **state)
{
        struct world world;

        (void)state;
        set_up(&world);
        tell_of_death(&world, world.source);
        assert_false(receive_batch(&world, 1));
        assert_int_equal(world.rig->metrics.fenced, 1);
        tear_down(&world);
}

static void
waits_in_vain_only_once(void **state)
{
        struct world world;

        (void)state;
        set_up(&world);
        sqi_task_obey(world.task, &(struct sqi_message){.type = SQI_MSG_QUIT}); /* ends the wait at once */
        assert_true(receive_batch(&world, 3));
        world.task->quitting = false;
        assert_true(receive_batch(&world, 3)); /* would take a second */
        assert_int_equal(world.task->intake.believed, 3);
        assert_int_equal(world.task->collector.source.deaths, 0);
        tear_down(&world);
}

/* In another process, which is not there. The rig's own context has no thread for such channels. */
static struct sqi_outlet *
reader_elsewhere(struct world *world, enum sqi_phase phase)
{
        struct sqi_outlet *outlet = &world->task->collector.outlets[0];

        world->other = outlet->receiver;
        world->rig->plan->tasks[world->other].worker = 1;
        world->task->rundir = "/nowhere";
        world->task->context = world->elsewhere = zmq_ctx_new();
        world->task->phase = phase;
        world->task->tracking = true;
        return outlet;
}

static void
hear_of_death(struct world *world, enum sqi_message_type type)
{
        sqi_task_obey(world->task, &(struct sqi_message){.type = type, .task = world->other, .number = 1});
}

static void
leaves_the_connection_to_the_dead_before_and_after_its_start(void **state)
{
        (void)state;
        for (enum sqi_phase phase = SQI_WAITING; phase <= SQI_RUNNING; phase++) {
                struct world world;
                set_up(&world);
                struct sqi_outlet *outlet = reader_elsewhere(&world, phase);
                void *before = outlet->socket;
                hear_of_death(&world, SQI_MSG_PEER_LOST);
                assert_ptr_not_equal(outlet->socket, before);
                assert_false(outlet->away);
                tear_down(&world);
        }
}

/* The replays that it has executed since are in that connection, and nobody would make them again. */
static void
drops_nothing_at_word_of_a_death_that_comes_after_the_replays(void **state)
{
        struct world world;

        (void)state;
        set_up(&world);
        struct sqi_outlet *outlet = reader_elsewhere(&world, SQI_RUNNING);
        void *before = outlet->socket;
        sqi_task_obey(world.task, &(struct sqi_message){.type = SQI_MSG_QUIT}); /* ends the wait at once */
        assert_true(receive_batch(&world, 1));
        hear_of_death(&world, SQI_MSG_PEER_LOST);
        assert_ptr_equal(outlet->socket, before);
        assert_false(outlet->away);
        tear_down(&world);
}

static void
sends_nothing_to_the_dead_by_a_connection_that_it_must_not_drop(void **state)
{
        struct world world;

        (void)state;
        set_up(&world);
        struct sqi_outlet *outlet = reader_elsewhere(&world, SQI_RUNNING);
        void *before = outlet->socket;
        outlet->loose = true;
        hear_of_death(&world, SQI_MSG_PEER_LOST);
        assert_ptr_equal(outlet->socket, before);
        assert_int_equal(sqi_outlet_mark(outlet, &world.task->collector.source, 1), -EAGAIN);
        assert_true(outlet->held);
        hear_of_death(&world, SQI_MSG_PEER_READY);
        assert_int_equal(sqi_outlet_push(outlet, &world.task->collector.source), 0);
        tear_down(&world);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(hears_of_a_death_before_it_takes_a_batch_whose_sender_has),
                cmocka_unit_test(does_not_look_for_word_when_the_sender_knows_no_more),
                cmocka_unit_test(refuses_the_batch_when_the_word_is_that_its_sender_is_dead),
                cmocka_unit_test(waits_in_vain_only_once),
                cmocka_unit_test(leaves_the_connection_to_the_dead_before_and_after_its_start),
                cmocka_unit_test(drops_nothing_at_word_of_a_death_that_comes_after_the_replays),
                cmocka_unit_test(sends_nothing_to_the_dead_by_a_connection_that_it_must_not_drop),
        };

        use_built_components();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

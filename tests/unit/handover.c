/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot of a handover: sealed before anybody exits, and what begins from it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../shared/split.h"

/* All tasks of a hand-over have finished: the snapshot of epoch 7 is to be sealed now. */
static void
hand_over(struct world *world)
{
        set_up(world, false);
        world->life->folder = "/snapshots/.open";
        world->life->epoch = 7;
        run_up(world);
        world->life->handover = true;
        step(world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        for (uint32_t t = 0; t < TASKS; t++) {
                hear_with(world,
                          (struct sqi_message){.type = SQI_MSG_SNAPSHOT, .task = t, .number = 7, .a = 100 + t, .b = t});
                hear(world, SQI_MSG_FINISHED, t);
        }
}

static void
nobody_is_told_to_exit_before_the_snapshot_of_a_handover_is_sealed(void **state)
{
        struct world world;

        (void)state;
        hand_over(&world);
        assert_int_equal(count_type(&world, SQI_ACTION_SEAL), 1);
        assert_int_equal(count_sent(&world, SQI_MSG_QUIT, SQI_EVERY_WORKER), 0);
        assert_int_equal(world.life->tasks[COUNT].snapshot.size, 100 + COUNT);
        assert_int_equal(world.life->tasks[COUNT].snapshot.epoch, 7);
        time_comes(&world, 100 * SQI_MS);
        assert_int_equal(count_sent(&world, SQI_MSG_QUIT, SQI_EVERY_WORKER), 0);
        step(&world, (struct sqi_event){.type = SQI_EVENT_SEALED});
        assert_int_equal(count_sent(&world, SQI_MSG_QUIT, SQI_EVERY_WORKER), 1);
        assert_int_equal(world.life->outcome, SQI_OUTCOME_DRAINED);
        assert_int_equal(world.life->unsealed, 0);
        tear_down(&world);
}

static void
a_snapshot_that_could_not_be_sealed_is_remembered_at_the_end(void **state)
{
        struct world world;

        (void)state;
        hand_over(&world);
        step(&world, (struct sqi_event){.type = SQI_EVENT_SEALED, .number = ENOSPC});
        assert_int_equal(count_sent(&world, SQI_MSG_QUIT, SQI_EVERY_WORKER), 1);
        assert_int_equal(world.life->unsealed, ENOSPC);
        tear_down(&world);
}

/* It dies once before the start and once after it. */
static void
only_what_has_not_been_started_yet_begins_from_the_snapshot(void **state)
{
        struct world world;

        (void)state;
        set_up(&world, false);
        world.life->restore = "/snapshots/6";
        for (uint32_t t = 0; t < TASKS; t++) {
                spawned(&world, t);
                subscribed(&world, t);
                hear(&world, SQI_MSG_HELLO, t);
        }
        for (uint32_t t = 0; t < TASKS; t++)
                hear(&world, SQI_MSG_BOUND, t);
        assert_int_equal(count_sent(&world, SQI_MSG_RESTORE, COUNT), 1);
        died(&world, COUNT);
        time_comes(&world, SQI_SECOND);
        spawned(&world, COUNT);
        subscribed(&world, COUNT);
        hear(&world, SQI_MSG_BOUND, COUNT);
        assert_int_equal(count_sent(&world, SQI_MSG_RESTORE, COUNT), 1);
        assert_true(place_of(&world, SQI_MSG_RESTORE) < place_of(&world, SQI_MSG_CONNECT));
        for (uint32_t t = 0; t < TASKS; t++)
                hear(&world, SQI_MSG_READY, t);
        assert_int_equal(world.life->state, SQI_RUNNING);
        died(&world, COUNT);
        time_comes(&world, SQI_SECOND);
        spawned(&world, COUNT);
        subscribed(&world, COUNT);
        hear(&world, SQI_MSG_BOUND, COUNT);
        assert_int_equal(count_sent(&world, SQI_MSG_CONNECT, COUNT), 1);
        assert_int_equal(count_sent(&world, SQI_MSG_RESTORE, COUNT), 0);
        tear_down(&world);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nobody_is_told_to_exit_before_the_snapshot_of_a_handover_is_sealed),
                cmocka_unit_test(a_snapshot_that_could_not_be_sealed_is_remembered_at_the_end),
                cmocka_unit_test(only_what_has_not_been_started_yet_begins_from_the_snapshot),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

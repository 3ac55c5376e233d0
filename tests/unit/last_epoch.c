/* SPDX-License-Identifier: Apache-2.0 */
/* How long a topology under exactly-once waits for its last epoch, as the supervisor decides about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../shared/line.h"
#include "lifecycle/tell.h"

static void
all_but_the_sink_commit(struct world *world)
{
        all_say(world, SQI_MSG_FINISHED);
        all_parts(world, 2);
        seal(world, 0);
        for (uint32_t t = 0; t < SINK; t++)
                hear_with(world, (struct sqi_message){.type = SQI_MSG_COMMITTED, .task = t, .number = 2});
}

static void
fails_for_want_of_the_sink_after(struct world *world, uint64_t later)
{
        char text[256];

        all_beat_for(world, later - SQI_SECOND);
        assert_int_equal(world->life->state, SQI_SEALING);
        all_beat_for(world, SQI_SECOND);
        assert_true(reported(world, SQI_REPORT_UNFINISHED));
        assert_int_equal(world->actions.items[0].task, SINK);
        sqi_report_text(world->life, &world->actions.items[0], text, sizeof(text));
        assert_non_null(strstr(text, "out/0 had not committed epoch 2 when the drain took longer than"));
        assert_int_equal(world->life->outcome, SQI_OUTCOME_FAILED);
}

static void
a_drain_waits_for_the_last_commit_no_longer_than_for_tuples(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        all_but_the_sink_commit(&world);
        fails_for_want_of_the_sink_after(&world, 30 * SQI_SECOND);
        tear_down(&world);
}

static void
who_ends_by_itself_waits_for_the_last_commit_until_a_drain_is_asked_for(void **state)
{
        struct world world;

        (void)state;
        run_line(&world);
        all_but_the_sink_commit(&world);
        all_beat_for(&world, 1000 * SQI_SECOND);
        assert_int_equal(world.life->state, SQI_SEALING);
        world.life->drain_secs = 5;
        step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        fails_for_want_of_the_sink_after(&world, 5 * SQI_SECOND);
        tear_down(&world);
}

/* ---- A hand-over ------------------------------------------------------------------------------------- */

/* The message timeout is 30 s, an epoch's 60. */
static void
hand_over_line(struct world *world)
{
        run_line(world);
        world->life->handover = true;
        step(world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
}

static void
a_handover_waits_for_the_last_commit_as_long_as_a_drain_and_an_epoch_may_take(void **state)
{
        struct world world;

        (void)state;
        hand_over_line(&world);
        all_but_the_sink_commit(&world);
        fails_for_want_of_the_sink_after(&world, 90 * SQI_SECOND);
        tear_down(&world);
}

static void
a_handover_whose_last_epoch_is_never_whole_ends_too(void **state)
{
        struct world world;
        char text[256];

        (void)state;
        hand_over_line(&world);
        all_say(&world, SQI_MSG_FINISHED);
        for (int i = 0; i < 89; i++) {
                all_beat_for(&world, SQI_SECOND);
                part(&world, SPOUT, world.life->checkpoint.epoch);
                part(&world, BOLT, world.life->checkpoint.epoch);
        }
        assert_int_equal(world.life->state, SQI_SEALING);
        assert_true(world.life->checkpoint.given_up > 0);
        all_beat_for(&world, SQI_SECOND);
        assert_true(reported(&world, SQI_REPORT_UNFINISHED));
        assert_int_equal(world.actions.items[0].task, SINK);
        sqi_report_text(world.life, &world.actions.items[0], text, sizeof(text));
        assert_non_null(strstr(text, "out/0 had not written its part of epoch 3"));
        assert_int_equal(world.life->outcome, SQI_OUTCOME_FAILED);
        tear_down(&world);
}

static void
the_time_that_the_disk_takes_does_not_count_in_a_handover(void **state)
{
        struct world world;

        (void)state;
        hand_over_line(&world);
        all_beat_for(&world, 20 * SQI_SECOND);
        world.slow_disk = true;
        all_say(&world, SQI_MSG_FINISHED);
        all_beat_for(&world, 1000 * SQI_SECOND);
        step(&world, (struct sqi_event){.type = SQI_EVENT_FOLDER});
        all_parts(&world, 2);
        all_beat_for(&world, 1000 * SQI_SECOND);
        assert_int_equal(world.life->state, SQI_SEALING);
        seal(&world, 0);
        for (uint32_t t = 0; t < SINK; t++)
                hear_with(&world, (struct sqi_message){.type = SQI_MSG_COMMITTED, .task = t, .number = 2});
        fails_for_want_of_the_sink_after(&world, 70 * SQI_SECOND);
        tear_down(&world);
}

static void
a_death_before_the_last_commit_gives_a_handover_no_more_time(void **state)
{
        struct world world;

        (void)state;
        hand_over_line(&world);
        all_but_the_sink_commit(&world);
        all_beat_for(&world, 80 * SQI_SECOND);
        died(&world, SINK);
        listens_again(&world, SPOUT);
        listens_again(&world, BOLT);
        begin_together(&world, SINK);
        assert_int_equal(world.life->state, SQI_DRAINING);
        all_beat_for(&world, 10 * SQI_SECOND);
        assert_true(reported(&world, SQI_REPORT_UNFINISHED));
        assert_int_equal(world.life->outcome, SQI_OUTCOME_FAILED);
        tear_down(&world);
}

static void
a_kill_has_its_own_limit_also_while_the_disk_has_the_last_epoch_of_a_handover(void **state)
{
        struct world world;

        (void)state;
        hand_over_line(&world);
        all_say(&world, SQI_MSG_FINISHED);
        all_parts(&world, 2);
        all_beat_for(&world, 100 * SQI_SECOND);
        world.life->drain_secs = 5;
        step(&world, (struct sqi_event){.type = SQI_EVENT_DRAIN});
        all_beat_for(&world, 4 * SQI_SECOND);
        assert_int_equal(world.life->state, SQI_SEALING);
        all_beat_for(&world, SQI_SECOND);
        assert_int_equal(world.life->outcome, SQI_OUTCOME_FAILED);
        tear_down(&world);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_drain_waits_for_the_last_commit_no_longer_than_for_tuples),
                cmocka_unit_test(who_ends_by_itself_waits_for_the_last_commit_until_a_drain_is_asked_for),
                cmocka_unit_test(a_handover_waits_for_the_last_commit_as_long_as_a_drain_and_an_epoch_may_take),
                cmocka_unit_test(a_handover_whose_last_epoch_is_never_whole_ends_too),
                cmocka_unit_test(the_time_that_the_disk_takes_does_not_count_in_a_handover),
                cmocka_unit_test(a_death_before_the_last_commit_gives_a_handover_no_more_time),
                cmocka_unit_test(a_kill_has_its_own_limit_also_while_the_disk_has_the_last_epoch_of_a_handover),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* When the tasks of a cycle may finish. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../shared/split.h"

static uint64_t
round_sent(const struct world *world)
{
        return world->actions.items[place_of(world, SQI_MSG_PROBE)].message.number;
}

static void
answer(struct world *world, uint64_t round, uint64_t received, uint64_t sent)
{
        for (uint32_t t = SPLIT_0; t <= COUNT; t++)
                hear_with(world, (struct sqi_message){.type = SQI_MSG_PROBED,
                                                      .task = t,
                                                      .number = round,
                                                      .a = t == COUNT ? received : 0,
                                                      .b = t == COUNT ? sent : 0});
}

static void
releases_a_cycle_after_two_equal_rounds(void **state)
{
        struct world world;
        uint64_t round;

        (void)state;
        set_up(&world, true);
        run_up(&world);
        hear(&world, SQI_MSG_SETTLED, SPLIT_0);
        hear(&world, SQI_MSG_SETTLED, SPLIT_1);
        assert_int_equal(world.actions.n, 0);
        hear(&world, SQI_MSG_SETTLED, COUNT);
        round = round_sent(&world);
        answer(&world, round, 10, 10);
        assert_true(round_sent(&world) > round);
        answer(&world, round_sent(&world), 10, 10);
        assert_int_equal(count_sent(&world, SQI_MSG_RELEASE, SQI_EVERY_WORKER), 1);
        assert_int_equal(world.actions.items[place_of(&world, SQI_MSG_RELEASE)].message.number, 1);
        tear_down(&world);
}

static void
asks_a_busy_cycle_again_after_a_while(void **state)
{
        struct world world;
        uint64_t round;

        (void)state;
        set_up(&world, true);
        run_up(&world);
        for (uint32_t t = SPLIT_0; t <= COUNT; t++)
                hear(&world, SQI_MSG_SETTLED, t);
        round = round_sent(&world);
        answer(&world, round, 10, 12);
        assert_int_equal(world.actions.n, 0);
        world.now = sqi_lifecycle_due(world.life);
        time_comes(&world, 0);
        assert_true(round_sent(&world) > round);
        answer(&world, round_sent(&world), 12, 12);
        answer(&world, round_sent(&world), 13, 13);
        assert_int_equal(count_sent(&world, SQI_MSG_RELEASE, SQI_EVERY_WORKER), 0);
        answer(&world, round_sent(&world), 13, 13);
        assert_int_equal(count_sent(&world, SQI_MSG_RELEASE, SQI_EVERY_WORKER), 1);
        tear_down(&world);
}

static void
releases_a_cycle_whose_task_died_when_it_stands_still(void **state)
{
        struct world world;
        int rounds = 0;

        (void)state;
        set_up(&world, true);
        run_up(&world);
        for (uint32_t t = SPLIT_0; t <= COUNT; t++)
                hear(&world, SQI_MSG_SETTLED, t);
        died(&world, SPLIT_1);
        comes_back(&world, SPLIT_1);
        hear(&world, SQI_MSG_SETTLED, SPLIT_1);
        for (;; rounds++) {
                answer(&world, round_sent(&world), 10, 12);
                if (count_sent(&world, SQI_MSG_RELEASE, SQI_EVERY_WORKER))
                        break;
                world.now = sqi_lifecycle_due(world.life);
                time_comes(&world, 0);
        }
        assert_int_equal(rounds, SQI_CYCLE_STILL);
        tear_down(&world);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(releases_a_cycle_after_two_equal_rounds),
                cmocka_unit_test(asks_a_busy_cycle_again_after_a_while),
                cmocka_unit_test(releases_a_cycle_whose_task_died_when_it_stands_still),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

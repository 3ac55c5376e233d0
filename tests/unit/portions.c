/* SPDX-License-Identifier: Apache-2.0 */
/* At what pace a task writes its keys down: tuples do not wait for all of them, and they come to an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "state/portions.h"

enum { KEY_NS = 200, STRIDE = 64, US = 1000, MS = 1000 * US };

/* A task to which a batch comes every `every_ns`, and takes it `batch_ns`. */
struct world {
        uint64_t every_ns, batch_ns;
        size_t left;
        uint64_t now_ns, next_ns;        /* when the next batch that is not executed was due */
        uint64_t longest_ns, written_ns; /* that one waited; that were spent on keys */
        struct sqi_portions portions;
};

static void
execute(struct world *world)
{
        uint64_t waited_ns = world->now_ns - world->next_ns;

        if (waited_ns > world->longest_ns)
                world->longest_ns = waited_ns;
        world->now_ns += world->batch_ns;
        world->next_ns += world->every_ns;
}

static void
write_portion(struct world *world, uint64_t time_ns)
{
        uint64_t begun_ns = world->now_ns;
        size_t before = world->left;

        do {
                size_t n = world->left < STRIDE ? world->left : STRIDE;

                world->left -= n;
                world->now_ns += n * KEY_NS;
        } while (world->left > 0 && world->now_ns - begun_ns < time_ns);
        world->written_ns += world->now_ns - begun_ns;
        sqi_portions_end(&world->portions, begun_ns, world->now_ns, before - world->left, world->left);
}

/* A batch, if there is one, and a portion, if it is due; then to where one of them is. Returns how long it took. */
static uint64_t
take_down(struct world *world, size_t keys, uint64_t interval_ns)
{
        uint64_t begun_ns = SQI_SECOND;

        world->left = keys;
        world->now_ns = world->next_ns = begun_ns;
        sqi_portions_begin(&world->portions, begun_ns, interval_ns);
        while (world->left > 0) {
                uint64_t time_ns, due_ns;

                if (world->next_ns <= world->now_ns)
                        execute(world);
                time_ns = sqi_portions_time(&world->portions, world->now_ns);
                if (time_ns > 0)
                        write_portion(world, time_ns);
                due_ns = sqi_portions_due(&world->portions);
                if (world->next_ns > world->now_ns && due_ns > world->now_ns)
                        world->now_ns = world->next_ns < due_ns ? world->next_ns : due_ns;
        }
        return world->now_ns - begun_ns;
}

static void
lets_batches_wait_for_one_portion_however_small_they_are(void **state)
{
        struct world world = {.every_ns = 100 * US, .batch_ns = 20 * US};
        uint64_t took_ns = take_down(&world, 100000, SQI_SECOND);

        (void)state;
        assert_in_range(took_ns, 60 * MS, 120 * MS);
        assert_in_range(world.longest_ns, 0, 150 * US);
}

static void
takes_a_quarter_of_the_time_where_a_batch_takes_long(void **state)
{
        struct world world = {.every_ns = 500 * US, .batch_ns = 500 * US};
        uint64_t took_ns = take_down(&world, 100000, SQI_SECOND);

        (void)state;
        assert_in_range(took_ns, world.written_ns * 3, world.written_ns * 5);
}

static void
writes_more_at_once_where_it_would_not_be_through_by_half_of_the_interval(void **state)
{
        struct world world = {.every_ns = 100 * US, .batch_ns = 10 * US};
        uint64_t took_ns = take_down(&world, 1000000, SQI_SECOND);

        (void)state;
        assert_in_range(took_ns, 400 * MS, 550 * MS);
        assert_in_range(world.longest_ns, 0, 300 * US);
}

static void
leaves_a_fifth_of_the_time_to_tuples_where_it_is_late(void **state)
{
        struct world world = {.every_ns = 500 * US, .batch_ns = 500 * US};
        uint64_t took_ns = take_down(&world, 10000000, SQI_SECOND);

        (void)state;
        assert_in_range(took_ns, world.written_ns * 6 / 5, world.written_ns * 3 / 2);
}

static void
goes_on_where_a_portion_had_no_key(void **state)
{
        struct sqi_portions portions;

        (void)state;
        sqi_portions_begin(&portions, SQI_SECOND, SQI_SECOND);
        assert_int_not_equal(sqi_portions_time(&portions, SQI_SECOND), 0);
        sqi_portions_end(&portions, SQI_SECOND, SQI_SECOND, 0, 1);
        assert_int_equal(sqi_portions_time(&portions, SQI_SECOND), 0);
        assert_int_not_equal(sqi_portions_time(&portions, sqi_portions_due(&portions)), 0);
}

static void
looks_again_in_a_while_where_it_was_put_off(void **state)
{
        struct sqi_portions portions;

        (void)state;
        sqi_portions_begin(&portions, SQI_SECOND, SQI_SECOND);
        sqi_portions_put_off(&portions, SQI_SECOND);
        assert_int_equal(sqi_portions_time(&portions, SQI_SECOND + MS), 0);
        assert_int_equal(sqi_portions_time(&portions, SQI_SECOND + 2 * MS), 100 * US);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lets_batches_wait_for_one_portion_however_small_they_are),
                cmocka_unit_test(takes_a_quarter_of_the_time_where_a_batch_takes_long),
                cmocka_unit_test(writes_more_at_once_where_it_would_not_be_through_by_half_of_the_interval),
                cmocka_unit_test(leaves_a_fifth_of_the_time_to_tuples_where_it_is_late),
                cmocka_unit_test(goes_on_where_a_portion_had_no_key),
                cmocka_unit_test(looks_again_in_a_while_where_it_was_put_off),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

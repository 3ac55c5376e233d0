/* SPDX-License-Identifier: Apache-2.0 */
/* A spout that is drained right behind the death of its process: what the dead one had emitted is owed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "channel/load.h"
#include "made.h"
#include "rig/rig.h"

static const char
        NUMBERS[] = "{component: generate, properties: {rate: 1000, fields: {n: seq}}}",
        HELD[] = "{component: zmq, kind: spout, properties: {endpoint: 'ipc:///tmp/squall-owed', format: text}}";

/* One that has died has left `load`; where it was is told by POSITION. */
static struct sq_rig *
begins_again(const char *setup, struct sqi_load *load, uint64_t position, bool draining)
{
        struct sq_rig *rig = make_rig(setup);
        struct sq_task *task = rig->task;

        task->load = load;
        task->draining = draining;
        task->spout.resume = (struct sqi_position){.known = position > 0, .number = position};
        if (position > 0)
                assert_int_equal(task->instance.code->spout->seek(task, position), 0);
        sqi_owed_open(task);
        sqi_owed_start(task);
        return rig;
}

/* How many it emits as time passes. */
static size_t
emitted(struct sq_rig *rig, uint64_t ns)
{
        size_t n = 0;

        for (uint64_t until = rig->clock_ns + ns; rig->clock_ns < until;) {
                sq_rig_advance(rig, 1000000);
                (void)sq_rig_next(rig, 1);
        }

        for (const char *text = sq_rig_emitted(rig, NULL); *text; text++)
                n += *text == '\n';
        return n;
}

static void
leaves_word_of_how_far_it_has_come_and_of_what_is_under_way(void **state)
{
        struct sqi_load load = {0};
        struct sq_rig *rig = begins_again(NUMBERS, &load, 0, false);

        (void)state;
        size_t n = emitted(rig, 10000000);
        assert_true(n > 2);
        assert_int_equal(load.reached, n);
        assert_int_equal(load.under_way, n);
        sq_rig_ack(rig, 0);
        n += emitted(rig, 1000000);
        assert_int_equal(load.reached, n);
        assert_int_equal(load.under_way, n - 1);
        sq_rig_free(&rig);
}

static void
is_drained_only_where_the_dead_one_was(void **state)
{
        struct sqi_load load = {.reached = 20, .under_way = 8};
        struct sq_rig *rig = begins_again(NUMBERS, &load, 12, false);

        (void)state;
        rig->task->draining = true;
        size_t n = emitted(rig, 3000000);
        assert_true(n > 0 && n < 8);
        n += emitted(rig, 100000000);
        assert_int_equal(n, 8);
        assert_false(rig->task->finished); /* its trees are not done yet */
        for (unsigned tree = 0; tree < 8; tree++)
                sq_rig_ack(rig, tree);
        (void)emitted(rig, 1000000);
        assert_true(rig->task->finished);
        assert_int_equal(rig->metrics.lost, 0);
        sq_rig_free(&rig);
}

static void
owes_nothing_when_all_that_the_dead_one_had_emitted_is_done(void **state)
{
        struct sqi_load load = {.reached = 20};
        struct sq_rig *rig = begins_again(NUMBERS, &load, 20, true);

        (void)state;
        assert_int_equal(emitted(rig, 100000000), 0);
        assert_true(rig->task->finished);
        sq_rig_free(&rig);
}

static void
emits_what_it_owes_though_it_is_deactivated(void **state)
{
        struct sqi_load load = {.reached = 5, .under_way = 5};
        struct sq_rig *rig = begins_again(NUMBERS, &load, 0, false);

        (void)state;
        sqi_task_activate(rig->task, false);
        assert_int_equal(emitted(rig, 100000000), 0);
        rig->task->draining = true;
        assert_true(emitted(rig, 100000000) >= 5);
        sq_rig_free(&rig);
}

static void
counts_as_lost_what_nobody_can_emit_again(void **state)
{
        struct sqi_load load = {.reached = 20, .under_way = 3};
        struct sq_rig *rig = begins_again(HELD, &load, 17, false);

        (void)state;
        assert_int_equal(rig->metrics.lost, 3);
        assert_non_null(strstr(sq_rig_logged(rig), "lost 3 tuples that were under way when its process died"));
        assert_false(sqi_owes(rig->task)); /* what it numbers next is not what the dead one numbered so */
        assert_int_equal(load.under_way, 0);
        sq_rig_free(&rig);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(leaves_word_of_how_far_it_has_come_and_of_what_is_under_way),
                cmocka_unit_test(is_drained_only_where_the_dead_one_was),
                cmocka_unit_test(owes_nothing_when_all_that_the_dead_one_had_emitted_is_done),
                cmocka_unit_test(emits_what_it_owes_though_it_is_deactivated),
                cmocka_unit_test(counts_as_lost_what_nobody_can_emit_again),
        };

        use_built_components();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

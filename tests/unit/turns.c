/* SPDX-License-Identifier: Apache-2.0 */
/* A bolt in the middle of a batch: on a clock that shows another millisecond whenever it is looked at. */
#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../shared/folder.h"
#include "built.h"
#include "made.h"
#include "rig/rig.h"
#include "tuple/batch.h"
#include "tuple/pack.h"

enum { TUPLES = 1000 };
static const char IDENTITY[] = "{component: identity, inputs: {in: [n]}}";

static uint64_t
slow_clock(void *context)
{
        struct sq_rig *rig = context;

        return rig->clock_ns += 1000000;
}

static struct sq_rig *
make(const char *setup)
{
        struct sq_rig *rig = make_rig(setup);

        rig->driver.now = slow_clock;
        return rig;
}

static struct sq_rig *
make_pausing(const char *by_file)
{
        char setup[PATH_MAX + 512];

        snprintf(setup, sizeof(setup),
                 "{component: %s/tests/components/pausing.so, properties: {file: %s}, inputs: {in: [n: int]}}",
                 built_folder(), by_file);
        return make(setup);
}

/* A batch of numbers that belong to no tree. */
static void
feed(struct sq_rig *rig)
{
        struct sqi_pool *pool = sqi_pool_new(65536);
        struct sqi_batch batch = {0};
        struct sqi_header header = {.task = 0, .edge_key = 1};
        uint8_t *bytes;
        size_t size;

        while (header.task == rig->task->id)
                header.task++;
        for (int i = 0; i < TUPLES; i++) {
                struct sq_value value = sq_int(i);
                uint8_t *at = sqi_batch_reserve(&batch, pool, 16);
                *at = 0x91;
                assert_int_equal(sqi_batch_add(&batch, sqi_pack(at + 1, &value), 0, NULL, 0), 0);
        }
        sqi_batch_commit(&batch);
        assert_int_equal(sqi_batch_seal(&batch, &header, &bytes, &size), 0);
        assert_int_equal(sqi_rig_feed_frame(rig, bytes, size), 0);
        sqi_pool_give(bytes);
        sqi_batch_clear(&batch);
        sqi_pool_drop(&pool);
}

static size_t
lines(const char *text)
{
        size_t n = 0;

        for (; *text; text++)
                n += *text == '\n';
        return n;
}

static void
sends_what_a_slow_bolt_has_made_before_the_batch_is_over(void **state)
{
        struct sq_rig *rig = make(IDENTITY);

        (void)state;
        feed(rig);
        sqi_task_turn(rig->task);
        assert_true(rig->metrics.executed > 0 && rig->metrics.executed < TUPLES / 10);
        assert_true(rig->metrics.batches_out > 0);
        assert_int_equal(rig->metrics.acked, rig->metrics.executed);
        sq_rig_free(&rig);
}

static void
executes_each_tuple_of_an_interrupted_batch_once_and_in_order(void **state)
{
        struct sq_rig *rig = make(IDENTITY);
        char want[32];
        const char *got;

        (void)state;
        feed(rig);
        sqi_rig_settle(rig);
        assert_int_equal(rig->metrics.executed, TUPLES);
        assert_int_equal(rig->metrics.acked, TUPLES);
        assert_true(rig->metrics.loops > 10);
        got = sq_rig_emitted(rig, NULL);
        assert_int_equal(lines(got), TUPLES);
        for (int i = 0; i < TUPLES; i++, got = strchr(got, '\n') + 1) {
                int n = snprintf(want, sizeof(want), "{\"n\":%d}\n", i);
                assert_memory_equal(got, want, (size_t)n);
        }
        sq_rig_free(&rig);
}

static void
ticks_in_the_middle_of_a_batch(void **state)
{
        struct sq_rig *rig = make(
                "{component: top, properties: {by: n, emit: tick}, config: {topology.tick.tuple.freq.secs: 0.002}, inputs: {in: [n]}}");

        (void)state;
        feed(rig);
        for (int i = 0; i < 4; i++)
                sqi_task_turn(rig->task);
        assert_true(rig->metrics.executed < TUPLES);
        assert_true(rig->metrics.emitted > 0);
        sq_rig_free(&rig);
}

static void
leaves_a_batch_when_it_is_told_to_quit(void **state)
{
        struct sq_rig *rig = make(IDENTITY);

        (void)state;
        feed(rig);
        sqi_task_turn(rig->task);
        sqi_task_obey(rig->task, &(struct sqi_message){.type = SQI_MSG_QUIT});
        sqi_task_turn(rig->task);
        assert_true(rig->metrics.executed < TUPLES / 10);
        assert_false(rig->task->bolt.batch.open);
        sq_rig_free(&rig);
}

static void
shows_life_at_each_tuple(void **state)
{
        struct sq_rig *rig = make(IDENTITY);
        uint64_t before = sqi_metrics_life(&rig->metrics);

        (void)state;
        feed(rig);
        sqi_task_turn(rig->task);
        assert_int_equal(sqi_metrics_life(&rig->metrics) - before, rig->metrics.executed + 1);
        sq_rig_free(&rig);
}

static void
goes_through_a_batch_at_once_where_two_runs_are_to_be_the_same(void **state)
{
        struct sq_rig *rig = make(IDENTITY);

        (void)state;
        rig->driver.whole_batches = true;
        feed(rig);
        sqi_task_turn(rig->task);
        assert_int_equal(rig->metrics.executed, TUPLES);
        sq_rig_free(&rig);
}

/* What comes while it rests waits where it is. */
static void
a_bolt_that_pauses_takes_no_more_than_it_has_begun(void **state)
{
        struct sq_rig *rig = make_pausing("false");

        (void)state;
        feed(rig);
        for (int i = 0; i < 100; i++)
                sqi_task_turn(rig->task);
        assert_in_range(rig->metrics.executed, 1, 128);
        assert_true(rig->task->bolt.batch.open);
        rig->clock_ns += 2000000000;
        sqi_rig_settle(rig);
        assert_int_equal(rig->metrics.executed, TUPLES);
        assert_int_equal(rig->metrics.emitted, TUPLES + 1);
        sq_rig_free(&rig);
}

static void
a_bolt_is_woken_by_its_file_once_there_is_something_in_it(void **state)
{
        struct sq_rig *rig = make_pausing("true");

        (void)state;
        feed(rig);
        sqi_rig_settle(rig);
        assert_int_equal(rig->metrics.executed, TUPLES);
        assert_int_equal(rig->metrics.emitted, TUPLES + 1);
        sq_rig_free(&rig);
}

/* Goes through a batch as in a worker, where nothing goes out before its time unless the task is idle; `queued` tuples
 * are said to have been on their way. */
static uint64_t
batches_out_after(int64_t queued)
{
        struct sq_rig *rig = make_rig(IDENTITY);
        struct sqi_load load = {.queued = queued};
        uint64_t sent;

        feed(rig);
        rig->task->load = &load;
        rig->task->driver = NULL;
        rig->task->look_ns = rig->task->next_flush_ns = UINT64_MAX;
        while (rig->metrics.executed < TUPLES || rig->task->bolt.batch.open)
                sqi_task_turn(rig->task);
        sent = rig->metrics.batches_out;
        rig->task->load = NULL;
        rig->task->driver = &rig->driver;
        sq_rig_free(&rig);
        return sent;
}

static void
sends_what_it_has_made_before_it_looks_for_more_once_it_has_caught_up(void **state)
{
        (void)state;
        assert_int_equal(batches_out_after(TUPLES), 1);
        assert_int_equal(batches_out_after(TUPLES + 1), 0);
}

/* The state as it is between two tuples, and what is left of the batch, to the byte. */
static void
begins_an_epoch_in_the_middle_of_a_batch_and_records_the_rest(void **state)
{
        struct sq_rig *rig = make("{component: count, epochs: true, inputs: {in: [n]}}");
        struct sqi_epoch *epoch = &rig->task->epoch;
        uint64_t number = epoch->begun + 1;
        char folder[64];

        (void)state;
        assert_true(epoch->exact);
        make_folder(folder, sizeof(folder), "turns");
        feed(rig);
        sqi_task_turn(rig->task);
        sqi_task_obey(
                rig->task,
                &(struct sqi_message){.type = SQI_MSG_CHECKPOINT, .number = number, .text = {folder, strlen(folder)}});
        while (epoch->begun < number)
                sqi_task_turn(rig->task);
        assert_true(rig->task->bolt.batch.open);
        assert_in_range(rig->metrics.executed, 1, TUPLES - 1);
        uint64_t size = sizeof(struct sqi_header) + sizeof(struct sqi_run);
        for (uint64_t n = rig->metrics.executed; n < TUPLES; n++)
                size += n < 128 ? 2 : n < 256 ? 3 : 4;
        assert_int_equal(epoch->recorded, size);
        sqi_rig_settle(rig);
        assert_int_equal(rig->metrics.executed, TUPLES);
        sq_rig_free(&rig);
        remove_folder(folder);
}

static void
has_nothing_to_flush_once_it_has_flushed(void **state)
{
        struct sq_rig *rig = make(IDENTITY);

        (void)state;
        feed(rig);
        sqi_rig_settle(rig);
        assert_false(rig->task->bolt.dirty);
        sq_rig_free(&rig);
}

int
main(void)
{
        char binary[PATH_MAX], libdir[PATH_MAX + 16];
        ssize_t n = readlink("/proc/self/exe", binary, sizeof(binary) - 1);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sends_what_a_slow_bolt_has_made_before_the_batch_is_over),
                cmocka_unit_test(executes_each_tuple_of_an_interrupted_batch_once_and_in_order),
                cmocka_unit_test(ticks_in_the_middle_of_a_batch),
                cmocka_unit_test(leaves_a_batch_when_it_is_told_to_quit),
                cmocka_unit_test(shows_life_at_each_tuple),
                cmocka_unit_test(goes_through_a_batch_at_once_where_two_runs_are_to_be_the_same),
                cmocka_unit_test(sends_what_it_has_made_before_it_looks_for_more_once_it_has_caught_up),
                cmocka_unit_test(has_nothing_to_flush_once_it_has_flushed),
                cmocka_unit_test(begins_an_epoch_in_the_middle_of_a_batch_and_records_the_rest),
                cmocka_unit_test(a_bolt_that_pauses_takes_no_more_than_it_has_begun),
                cmocka_unit_test(a_bolt_is_woken_by_its_file_once_there_is_something_in_it),
        };

        binary[n > 0 ? n : 0] = '\0';
        snprintf(libdir, sizeof(libdir), "%s/../..", dirname(binary));
        setenv("SQUALL_LIBDIR", libdir, 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}

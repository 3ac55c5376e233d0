/* SPDX-License-Identifier: Apache-2.0 */
/* The pace of a spout with a rate, as `generate` keeps it on a virtual clock, and `exec`, which is woken by a file. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <squall-test.h>

#include "built.h"
#include "made.h"
#include "rig/rig.h"

#define MS UINT64_C(1000000)

/* How many tuples go out `ns` later. */
static unsigned
emitted_after(struct sq_rig *rig, uint64_t ns)
{
        const char *at;
        unsigned n = 0;

        sq_rig_advance(rig, ns);
        sq_rig_next(rig, 3);
        for (at = sq_rig_emitted(rig, NULL); (at = strchr(at, '\n')); at++)
                n++;
        return n;
}

static void
emits_at_the_rate_from_the_first_call_on(void **unused)
{
        struct sq_rig *rig = make_rig("{component: generate, properties: {rate: 10}}");

        (void)unused;
        assert_int_equal(emitted_after(rig, 0), 1);
        assert_int_equal(emitted_after(rig, 0), 0);
        assert_int_equal(emitted_after(rig, 99 * MS), 0);
        assert_int_equal(emitted_after(rig, 2 * MS), 1);
        assert_int_equal(emitted_after(rig, 100 * MS), 1);
        sq_rig_free(&rig);
}

static void
makes_a_stall_good(void **unused)
{
        struct sq_rig *rig = make_rig("{component: generate, properties: {rate: 10}}");

        (void)unused;
        assert_int_equal(emitted_after(rig, 0), 1);
        assert_int_equal(emitted_after(rig, 1001 * MS), 10);
        assert_int_equal(emitted_after(rig, 98 * MS), 0);
        assert_int_equal(emitted_after(rig, 2 * MS), 1);
        sq_rig_free(&rig);
}

static void
shares_the_rate_among_the_tasks(void **unused)
{
        struct sq_rig *rig = make_rig("{component: generate, properties: {rate: 10}, parallelism: 2, index: 1}");

        (void)unused;
        assert_int_equal(emitted_after(rig, 0), 0);
        assert_int_equal(emitted_after(rig, 101 * MS), 1);
        assert_int_equal(emitted_after(rig, 1000 * MS), 5);
        sq_rig_free(&rig);
}

static void
emits_no_more_than_may_be_pending(void **unused)
{
        struct sq_rig *rig = make_rig(
                "{component: generate, properties: {count: 300}, config: {topology.max.spout.pending: 5}}");

        (void)unused;
        assert_int_equal(emitted_after(rig, 0), 5);
        sq_rig_free(&rig);
}

/* Until its file can be read, as a task does. */
static void
await_file(struct sq_rig *rig)
{
        struct pollfd file = {.fd = rig->task->instance.wake_fd, .events = POLLIN};

        assert_true(file.fd >= 0);
        assert_int_equal(poll(&file, 1, 20000), 1);
}

static void
is_not_woken_by_what_comes_before_its_time(void **unused)
{
        int ends[2];
        char setup[128];
        struct sq_rig *rig;

        (void)unused;
        assert_int_equal(pipe(ends), 0);
        snprintf(setup, sizeof(setup), "{component: exec, properties: {command: 'exec cat <&%d', rate: 10}}", ends[0]);
        rig = make_rig(setup);
        assert_int_equal(emitted_after(rig, 0), 0);
        assert_int_equal(write(ends[1], "1\n2\n", 4), 4);
        await_file(rig);
        assert_int_equal(emitted_after(rig, 0), 1);
        assert_int_equal(rig->task->instance.wake_fd, -1);
        assert_int_equal(emitted_after(rig, 99 * MS), 0);
        assert_int_equal(rig->task->instance.wake_fd, -1);
        assert_int_equal(emitted_after(rig, 2 * MS), 1);
        sq_rig_free(&rig);
        close(ends[0]);
        close(ends[1]);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(emits_at_the_rate_from_the_first_call_on),
                cmocka_unit_test(makes_a_stall_good),
                cmocka_unit_test(shares_the_rate_among_the_tasks),
                cmocka_unit_test(emits_no_more_than_may_be_pending),
                cmocka_unit_test(is_not_woken_by_what_comes_before_its_time),
        };

        use_built_components();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The pace of a spout with a rate, as `generate` keeps it on a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <squall-test.h>

#include "built.h"
#include "made.h"

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

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(emits_at_the_rate_from_the_first_call_on),
                cmocka_unit_test(makes_a_stall_good),
                cmocka_unit_test(shares_the_rate_among_the_tasks),
                cmocka_unit_test(emits_no_more_than_may_be_pending),
        };

        use_built_components();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

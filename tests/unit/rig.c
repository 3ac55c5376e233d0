/* SPDX-License-Identifier: Apache-2.0 */
/* squall-test.h as its users write tests with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "squall-test.h"
#include "built.h"
#include "made.h"

static void
hands_out_what_was_emitted_once(void **state)
{
        struct sq_rig *rig = make_rig("{component: split}");

        (void)state;
        assert_int_equal(sq_rig_execute(rig, NULL, "{line: a storm}"), SQ_ACK);
        assert_string_equal(sq_rig_emitted(rig, NULL), "{\"word\":\"a\"}\n{\"word\":\"storm\"}\n");
        assert_string_equal(sq_rig_emitted(rig, NULL), "");
        assert_int_equal(sq_rig_pending(rig), 0);
        sq_rig_free(&rig);
        assert_null(rig);
}

static void
keeps_state_from_tuple_to_tuple_and_finishes(void **state)
{
        struct sq_rig *rig = make_rig(
                "{component: count, properties: {by: word, emit: end}, inputs: {a: [word], b: [word, n]}}");

        (void)state;
        sq_rig_execute(rig, "a", "{word: x}");
        sq_rig_execute(rig, "b", "[x, 7]");
        assert_string_equal(sq_rig_emitted(rig, NULL), "");
        sq_rig_finish(rig);
        assert_string_equal(sq_rig_emitted(rig, NULL), "{\"word\":\"x\",\"count\":2}\n");
        sq_rig_free(&rig);
}

static void
lets_time_pass_only_when_told(void **state)
{
        struct sq_rig *rig = make_rig(
                "{component: top, properties: {by: n, emit: tick}, config: {topology.tick.tuple.freq.secs: 3600}, inputs: {in: [n]}}");

        (void)state;
        sq_rig_execute(rig, NULL, "[1]");
        sq_rig_advance(rig, 3599000000000u);
        assert_string_equal(sq_rig_emitted(rig, NULL), "");
        sq_rig_advance(rig, 1000000000u);
        assert_string_equal(sq_rig_emitted(rig, NULL), "{\"n\":1}\n");
        sq_rig_tick(rig);
        assert_string_equal(sq_rig_emitted(rig, NULL), "{\"n\":1}\n");
        sq_rig_free(&rig);
}

static void
plays_the_bolts_of_a_spout(void **state)
{
        struct sq_rig *rig = make_rig(
                "{component: generate, properties: {count: 2}, config: {topology.spout.retry.delay.ms: 1000}}");

        (void)state;
        assert_true(sq_rig_next(rig, 5));
        assert_string_equal(sq_rig_emitted(rig, NULL), "{\"seq\":0}\n{\"seq\":1}\n");
        sq_rig_ack(rig, 0);
        sq_rig_fail(rig, 1);
        assert_int_equal(sq_rig_pending(rig), 0);
        sq_rig_advance(rig, 5000000000u);
        assert_string_equal(sq_rig_emitted(rig, NULL), "{\"seq\":1}\n");
        sq_rig_free(&rig);
}

static void
says_why_a_tuple_is_none(void **state)
{
        struct sq_rig *rig = make_rig("{component: split}");

        (void)state;
        assert_int_equal(sq_rig_execute(rig, NULL, "{lin: a}"), SQ_FAIL);
        assert_string_equal(sq_rig_error(rig),
                            "setup:1:2: error: the stream 'default' has no field 'lin' (did you mean 'line'?)");
        assert_int_equal(sq_rig_execute(rig, "nowhere", "{line: a}"), SQ_FAIL);
        assert_string_equal(sq_rig_error(rig), "the component has no input 'nowhere'");
        sq_rig_free(&rig);
}

static void
says_what_is_wrong_with_a_setup(void **state)
{
        static const struct {
                const char *setup, *error;
        } wrong[] = {
                {"{component: splt}", "setup:1:13: error: no built-in bolt 'splt' (did you mean 'split'?)"},
                {"{componnt: split}", "setup:1:2: error: a setup has no 'componnt' (did you mean 'component'?)"},
                {"{component: top, properties: {m: 3}}",
                 "setup:1:34: error: in 'top': no setting 'm' (did you mean 'n'?)"},
        };
        char error[512];

        (void)state;
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                assert_null(sq_rig_new(wrong[i].setup, error, sizeof(error)));
                if (i < 2)
                        assert_string_equal(error, wrong[i].error);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(hands_out_what_was_emitted_once),
                cmocka_unit_test(keeps_state_from_tuple_to_tuple_and_finishes),
                cmocka_unit_test(lets_time_pass_only_when_told),
                cmocka_unit_test(plays_the_bolts_of_a_spout),
                cmocka_unit_test(says_why_a_tuple_is_none),
                cmocka_unit_test(says_what_is_wrong_with_a_setup),
        };

        use_built_components();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

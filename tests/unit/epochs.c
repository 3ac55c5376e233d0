/* SPDX-License-Identifier: Apache-2.0 */
/* What a sink is told of epochs, and what it goes on from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "../shared/folder.h"
#include "../shared/rigged.h"
#include "built.h"

static struct sq_rig *
make(const char *more)
{
        return make_rig("{component: %s/tests/components/epochs.so, inputs: {in: [word]}, %s}", built_folder(), more);
}

static void
an_epoch_is_made_before_the_first_tuple(void **state)
{
        struct sq_rig *rig = make("epochs: true");

        (void)state;
        assert_string_equal(sq_rig_logged(rig), "info: exactly once, from nothing\n"
                                                "info: precommit 1, 0 tuples\n"
                                                "info: commit 1, 0 tuples\n");
        sq_rig_free(&rig);
}

static void
without_exactly_once_nothing_is_told_of_epochs(void **state)
{
        struct sq_rig *rig = make("parallelism: 1");

        (void)state;
        assert_int_equal(sq_rig_execute(rig, NULL, "{word: a}"), SQ_ACK);
        sq_rig_restart(rig, 0);
        assert_string_equal(sq_rig_logged(rig), "info: not exactly once, from nothing\n"
                                                "info: not exactly once, from nothing\n");
        sq_rig_free(&rig);
}

static void
a_restore_commits_the_sealed_epoch_again_and_aborts_what_is_later(void **state)
{
        struct sq_rig *rig = make("epochs: true");

        (void)state;
        assert_int_equal(sq_rig_execute(rig, NULL, "{word: a}"), SQ_ACK);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_SEALED), 0);
        assert_int_equal(sq_rig_execute(rig, NULL, "{word: b}"), SQ_ACK);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_ABANDONED), 0);
        sq_rig_logged(rig);
        sq_rig_restore(rig, 0);
        assert_string_equal(sq_rig_error(rig), "");
        assert_string_equal(sq_rig_logged(rig), "info: exactly once, restored\n"
                                                "info: commit 2, 1 tuples\n"
                                                "info: abort 2, 1 tuples\n");
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
        assert_string_equal(sq_rig_logged(rig), "info: precommit 4, 1 tuples\ninfo: commit 4, 1 tuples\n");
        sq_rig_free(&rig);
}

static void
another_rig_goes_on_from_the_folder_under_new_numbers(void **state)
{
        char folder[64], setup[128];
        struct sq_rig *rig;

        (void)state;
        make_folder(folder, sizeof(folder), "epochs");
        snprintf(setup, sizeof(setup), "epochs: %s", folder);
        rig = make(setup);
        assert_int_equal(sq_rig_execute(rig, NULL, "{word: a}"), SQ_ACK);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
        assert_int_equal(sq_rig_execute(rig, NULL, "{word: b}"), SQ_ACK);
        sq_rig_free(&rig);
        rig = make(setup);
        assert_string_equal(sq_rig_logged(rig), "info: exactly once, restored\n"
                                                "info: commit 2, 1 tuples\n"
                                                "info: abort 2, 1 tuples\n");
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
        assert_string_equal(sq_rig_logged(rig), "info: precommit 1003, 1 tuples\ninfo: commit 1003, 1 tuples\n");
        sq_rig_free(&rig);
        remove_folder(folder);
}

static void
what_a_sink_refuses_gives_the_epoch_up_and_not_the_task(void **state)
{
        struct sq_rig *rig = make("epochs: true, properties: {refused: 2}");

        (void)state;
        assert_int_equal(sq_rig_execute(rig, NULL, "{word: a}"), SQ_ACK);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), -1);
        assert_string_equal(sq_rig_error(rig), "no precommit of 2");
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
        assert_int_equal(sq_rig_execute(rig, NULL, "{word: b}"), SQ_ACK);
        sq_rig_free(&rig);
}

static void
what_is_emitted_where_an_epoch_ends_is_dropped_and_a_misuse(void **state)
{
        struct sq_rig *rig = make("epochs: true, properties: {emits: true}");

        (void)state;
        sq_rig_logged(rig);
        assert_int_equal(sq_rig_checkpoint(rig, SQ_RIG_COMMITTED), 0);
        assert_non_null(strstr(sq_rig_logged(rig), "misuse of squall.h: an emit where an epoch ends: it is dropped"));
        assert_string_equal(sq_rig_emitted(rig, NULL), "");
        sq_rig_free(&rig);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_epoch_is_made_before_the_first_tuple),
                cmocka_unit_test(without_exactly_once_nothing_is_told_of_epochs),
                cmocka_unit_test(a_restore_commits_the_sealed_epoch_again_and_aborts_what_is_later),
                cmocka_unit_test(another_rig_goes_on_from_the_folder_under_new_numbers),
                cmocka_unit_test(what_a_sink_refuses_gives_the_epoch_up_and_not_the_task),
                cmocka_unit_test(what_is_emitted_where_an_epoch_ends_is_dropped_and_a_misuse),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks that stage, with a server that fails between any two of their steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../shared/rigged.h"
#include "built.h"

static void
begin(struct rigged *rigged, const char *settings)
{
        rigged->rig = make_rig("{component: %s/tests/components/staged.so, inputs: {in: [n]}, epochs: %s, "
                               "properties: {path: %s, timeout: 0.01%s}}",
                               built_folder(), rigged->epochs, rigged->place, settings);
}

static int
set_up(void **state)
{
        return set_up_rigged(state, "server");
}

/* ---- Steps ------------------------------------------------------------------------------------------- */

static void
take(struct rigged *rigged, int from, int to)
{
        char tuple[32];

        for (int n = from; n <= to; n++) {
                snprintf(tuple, sizeof(tuple), "{n: %d}", n);
                assert_int_equal(sq_rig_execute(rigged->rig, NULL, tuple), SQ_ACK);
        }
}

/* Another process goes on from the newest epoch. */
static void
die(struct rigged *rigged)
{
        sq_rig_free(&rigged->rig);
        begin(rigged, "");
        assert_string_equal(sq_rig_error(rigged->rig), "");
}

static void
plant(const struct rigged *rigged, const char *fault)
{
        char path[192];
        FILE *file;

        snprintf(path, sizeof(path), "%s.fault", rigged->place);
        if (!fault) {
                unlink(path);
                return;
        }
        file = fopen(path, "we");
        assert_non_null(file);
        fputs(fault, file);
        fclose(file);
}

/* The numbers that are there, in their order. */
static void
has(const struct rigged *rigged, const char *want)
{
        FILE *file = fopen(rigged->place, "re");
        char line[512], rest[2], got[2048] = "";

        while (file && fgets(line, sizeof(line), file)) {
                line[strcspn(line, "\n")] = '\0';
                if (sscanf(line, "%*s %1s", rest) != 1)
                        snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", got[0] ? " " : "", line);
        }
        if (file)
                fclose(file);
        assert_string_equal(got, want);
}

static void
commit(struct rigged *rigged)
{
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_COMMITTED), 0);
}

static size_t
count(const char *text, const char *part)
{
        size_t n = 0;

        for (; (text = strstr(text, part)); text++)
                n++;
        return n;
}

/* ---- Tests ------------------------------------------------------------------------------------------- */

static void
what_is_taken_is_there_when_its_epoch_is_committed(void **state)
{
        struct rigged *rigged = *state;

        begin(rigged, "");
        take(rigged, 1, 3);
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_ABANDONED), 0);
        take(rigged, 4, 4);
        has(rigged, "");
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_SEALED), 0);
        has(rigged, "");
        die(rigged);
        has(rigged, "1 2 3 4");
}

static void
what_was_committed_is_not_written_again_by_who_goes_on(void **state)
{
        struct rigged *rigged = *state;

        begin(rigged, ", batch: 2");
        take(rigged, 1, 5);
        commit(rigged);
        has(rigged, "1 2 3 4 5");
        for (int i = 0; i < 3; i++)
                die(rigged);
        has(rigged, "1 2 3 4 5");
        take(rigged, 6, 6);
        commit(rigged);
        die(rigged);
        has(rigged, "1 2 3 4 5 6");
}

static void
what_the_server_took_without_an_answer_is_not_written_again(void **state)
{
        struct rigged *rigged = *state;

        begin(rigged, ", batch: 2");
        take(rigged, 1, 5);
        plant(rigged, "lost");
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_COMMITTED), -1);
        has(rigged, "1 2");
        die(rigged);
        has(rigged, "1 2 3 4 5");
}

static void
a_server_that_is_away_at_a_restore_is_owed_the_epoch_and_none_is_made_before(void **state)
{
        struct rigged *rigged = *state;

        begin(rigged, "");
        take(rigged, 1, 2);
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_SEALED), 0);
        plant(rigged, "away");
        die(rigged);
        take(rigged, 3, 3);
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_COMMITTED), -1);
        assert_string_equal(sq_rig_error(rigged->rig), "server: away");
        has(rigged, "");
        die(rigged);
        take(rigged, 4, 4);
        plant(rigged, NULL);
        while (sq_rig_checkpoint(rigged->rig, SQ_RIG_COMMITTED) < 0) /* the back-off is not over */
                assert_string_equal(sq_rig_error(rigged->rig), "server: away");
        has(rigged, "1 2 4");
}

static void
what_is_refused_is_told_of_once_and_all_else_is_there(void **state)
{
        struct rigged *rigged = *state;

        begin(rigged, ", batch: 3");
        take(rigged, 1, 6);
        plant(rigged, "6");
        commit(rigged);
        has(rigged, "1 2 3 4 5");
        assert_int_equal(count(sq_rig_logged(rigged->rig), "left out a record"), 1);
        die(rigged);
        assert_int_equal(count(sq_rig_logged(rigged->rig), "left out a record"), 0);
        has(rigged, "1 2 3 4 5");
}

static void
topologies_that_begin_from_nothing_do_not_take_each_other_for_themselves(void **state)
{
        struct rigged *rigged = *state, other = *rigged;

        snprintf(other.epochs, sizeof(other.epochs), "true");
        begin(rigged, "");
        take(rigged, 1, 1);
        commit(rigged);
        begin(&other, "");
        take(&other, 2, 2);
        commit(&other);
        take(rigged, 3, 3);
        commit(rigged);
        has(rigged, "1 2 3");
        sq_rig_free(&other.rig);
}

static void
of_two_that_go_on_from_one_snapshot_the_first_ends(void **state)
{
        struct rigged *rigged = *state, other = *rigged;

        begin(rigged, "");
        take(rigged, 1, 1);
        commit(rigged);
        begin(&other, "");
        take(&other, 2, 2);
        commit(&other);
        take(rigged, 3, 3);
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_COMMITTED), -1);
        assert_string_equal(sq_rig_error(rigged->rig),
                            "server: another topology has gone on from the same snapshot, and writes there now");
        has(rigged, "1 2");
        sq_rig_free(&other.rig);
}

static void
who_goes_back_to_an_earlier_epoch_writes_what_comes_again(void **state)
{
        struct rigged *rigged = *state;
        char newest[192];

        begin(rigged, ", batch: 2");
        take(rigged, 1, 5);
        commit(rigged);
        take(rigged, 6, 8);
        commit(rigged);
        snprintf(newest, sizeof(newest), "%s/epoch-3", rigged->epochs);
        assert_int_equal(unlink(newest), 0);
        die(rigged);
        assert_int_equal(count(sq_rig_logged(rigged->rig), "after the epoch that is gone back to"), 1);
        has(rigged, "1 2 3 4 5 6 7 8");
        take(rigged, 6, 8);
        commit(rigged);
        has(rigged, "1 2 3 4 5 6 7 8 6 7 8");
        die(rigged);
        has(rigged, "1 2 3 4 5 6 7 8 6 7 8");
}

static void
a_mark_that_is_gone_is_told_of_where_there_was_one(void **state)
{
        struct rigged *rigged = *state;

        begin(rigged, "");
        take(rigged, 1, 2);
        commit(rigged);
        assert_int_equal(unlink(rigged->place), 0);
        die(rigged); /* the snapshot is older than the mark */
        assert_int_equal(count(sq_rig_logged(rigged->rig), "is gone, which says what is there"), 0);
        take(rigged, 3, 4);
        commit(rigged);
        assert_int_equal(unlink(rigged->place), 0);
        die(rigged);
        assert_int_equal(count(sq_rig_logged(rigged->rig), "is gone, which says what is there"), 1);
        has(rigged, "3 4");
}

static void
nothing_can_be_emitted_where_an_epoch_is_committed(void **state)
{
        const struct rigged *rigged = *state;
        char setup[PATH_MAX + 512], error[512];

        snprintf(setup, sizeof(setup),
                 "{component: %s/tests/components/staged.so, inputs: {in: [n]}, epochs: true, "
                 "properties: {path: %s, on-error: stream}}",
                 built_folder(), rigged->place);
        assert_null(sq_rig_new(setup, error, sizeof(error)));
        assert_non_null(strstr(error, "write 'dead-letter', 'skip' or 'fail'"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_rigged)
        const struct CMUnitTest tests[] = {
                TEST(what_is_taken_is_there_when_its_epoch_is_committed),
                TEST(what_was_committed_is_not_written_again_by_who_goes_on),
                TEST(what_the_server_took_without_an_answer_is_not_written_again),
                TEST(a_server_that_is_away_at_a_restore_is_owed_the_epoch_and_none_is_made_before),
                TEST(what_is_refused_is_told_of_once_and_all_else_is_there),
                TEST(topologies_that_begin_from_nothing_do_not_take_each_other_for_themselves),
                TEST(of_two_that_go_on_from_one_snapshot_the_first_ends),
                TEST(who_goes_back_to_an_earlier_epoch_writes_what_comes_again),
                TEST(a_mark_that_is_gone_is_told_of_where_there_was_one),
                TEST(nothing_can_be_emitted_where_an_epoch_is_committed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

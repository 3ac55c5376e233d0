/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks that stage, with a server that fails between any two of their steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../shared/folder.h"
#include "built.h"
#include "squall-test.h"

struct world {
        char folder[96], server[160], epochs[160];
        struct sq_rig *rig;
};

static void
begin(struct world *world, const char *settings)
{
        char setup[PATH_MAX + 1024], error[512];

        snprintf(setup, sizeof(setup),
                 "{component: %s/tests/components/staged.so, inputs: {in: [n]}, epochs: %s, "
                 "properties: {path: %s, timeout: 0.01%s}}",
                 built_folder(), world->epochs, world->server, settings);
        world->rig = sq_rig_new(setup, error, sizeof(error));
        if (!world->rig)
                fail_msg("%s", error);
}

static int
set_up(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        make_folder(world->folder, sizeof(world->folder), "staging");
        snprintf(world->server, sizeof(world->server), "%s/server", world->folder);
        snprintf(world->epochs, sizeof(world->epochs), "%s/epochs", world->folder);
        assert_int_equal(mkdir(world->epochs, 0700), 0);
        *state = world;
        return 0;
}

static int
tear_down(void **state)
{
        struct world *world = *state;

        sq_rig_free(&world->rig);
        remove_folder(world->folder);
        free(world);
        return 0;
}

/* ---- Steps ------------------------------------------------------------------------------------------- */

static void
take(struct world *world, int from, int to)
{
        char tuple[32];

        for (int n = from; n <= to; n++) {
                snprintf(tuple, sizeof(tuple), "{n: %d}", n);
                assert_int_equal(sq_rig_execute(world->rig, NULL, tuple), SQ_ACK);
        }
}

/* Another process goes on from the newest epoch. */
static void
die(struct world *world)
{
        sq_rig_free(&world->rig);
        begin(world, "");
        assert_string_equal(sq_rig_error(world->rig), "");
}

static void
plant(const struct world *world, const char *fault)
{
        char path[192];
        FILE *file;

        snprintf(path, sizeof(path), "%s.fault", world->server);
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
has(const struct world *world, const char *want)
{
        FILE *file = fopen(world->server, "re");
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
commit(struct world *world)
{
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_COMMITTED), 0);
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
        struct world *world = *state;

        begin(world, "");
        take(world, 1, 3);
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_ABANDONED), 0);
        take(world, 4, 4);
        has(world, "");
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_SEALED), 0);
        has(world, "");
        die(world);
        has(world, "1 2 3 4");
}

static void
what_was_committed_is_not_written_again_by_who_goes_on(void **state)
{
        struct world *world = *state;

        begin(world, ", batch: 2");
        take(world, 1, 5);
        commit(world);
        has(world, "1 2 3 4 5");
        for (int i = 0; i < 3; i++)
                die(world);
        has(world, "1 2 3 4 5");
        take(world, 6, 6);
        commit(world);
        die(world);
        has(world, "1 2 3 4 5 6");
}

static void
what_the_server_took_without_an_answer_is_not_written_again(void **state)
{
        struct world *world = *state;

        begin(world, ", batch: 2");
        take(world, 1, 5);
        plant(world, "lost");
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_COMMITTED), -1);
        has(world, "1 2");
        die(world);
        has(world, "1 2 3 4 5");
}

static void
a_server_that_is_away_at_a_restore_is_owed_the_epoch_and_none_is_made_before(void **state)
{
        struct world *world = *state;

        begin(world, "");
        take(world, 1, 2);
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_SEALED), 0);
        plant(world, "away");
        die(world);
        take(world, 3, 3);
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_COMMITTED), -1);
        assert_string_equal(sq_rig_error(world->rig), "server: away");
        has(world, "");
        die(world);
        take(world, 4, 4);
        plant(world, NULL);
        while (sq_rig_checkpoint(world->rig, SQ_RIG_COMMITTED) < 0) /* the back-off is not over */
                assert_string_equal(sq_rig_error(world->rig), "server: away");
        has(world, "1 2 4");
}

static void
what_is_refused_is_told_of_once_and_all_else_is_there(void **state)
{
        struct world *world = *state;

        begin(world, ", batch: 3");
        take(world, 1, 6);
        plant(world, "6");
        commit(world);
        has(world, "1 2 3 4 5");
        assert_int_equal(count(sq_rig_logged(world->rig), "left out a record"), 1);
        die(world);
        assert_int_equal(count(sq_rig_logged(world->rig), "left out a record"), 0);
        has(world, "1 2 3 4 5");
}

static void
topologies_that_begin_from_nothing_do_not_take_each_other_for_themselves(void **state)
{
        struct world *world = *state, other = *world;

        snprintf(other.epochs, sizeof(other.epochs), "true");
        begin(world, "");
        take(world, 1, 1);
        commit(world);
        begin(&other, "");
        take(&other, 2, 2);
        commit(&other);
        take(world, 3, 3);
        commit(world);
        has(world, "1 2 3");
        sq_rig_free(&other.rig);
}

static void
of_two_that_go_on_from_one_snapshot_the_first_ends(void **state)
{
        struct world *world = *state, other = *world;

        begin(world, "");
        take(world, 1, 1);
        commit(world);
        begin(&other, "");
        take(&other, 2, 2);
        commit(&other);
        take(world, 3, 3);
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_COMMITTED), -1);
        assert_string_equal(sq_rig_error(world->rig),
                            "server: another topology has gone on from the same snapshot, and writes there now");
        has(world, "1 2");
        sq_rig_free(&other.rig);
}

static void
who_goes_back_to_an_earlier_epoch_writes_what_comes_again(void **state)
{
        struct world *world = *state;
        char newest[192];

        begin(world, ", batch: 2");
        take(world, 1, 5);
        commit(world);
        take(world, 6, 8);
        commit(world);
        snprintf(newest, sizeof(newest), "%s/epoch-3", world->epochs);
        assert_int_equal(unlink(newest), 0);
        die(world);
        assert_int_equal(count(sq_rig_logged(world->rig), "after the epoch that is gone back to"), 1);
        has(world, "1 2 3 4 5 6 7 8");
        take(world, 6, 8);
        commit(world);
        has(world, "1 2 3 4 5 6 7 8 6 7 8");
        die(world);
        has(world, "1 2 3 4 5 6 7 8 6 7 8");
}

static void
a_mark_that_is_gone_is_told_of_where_there_was_one(void **state)
{
        struct world *world = *state;

        begin(world, "");
        take(world, 1, 2);
        commit(world);
        assert_int_equal(unlink(world->server), 0);
        die(world); /* the snapshot is older than the mark */
        assert_int_equal(count(sq_rig_logged(world->rig), "is gone, which says what is there"), 0);
        take(world, 3, 4);
        commit(world);
        assert_int_equal(unlink(world->server), 0);
        die(world);
        assert_int_equal(count(sq_rig_logged(world->rig), "is gone, which says what is there"), 1);
        has(world, "3 4");
}

static void
nothing_can_be_emitted_where_an_epoch_is_committed(void **state)
{
        const struct world *world = *state;
        char setup[PATH_MAX + 512], error[512];

        snprintf(setup, sizeof(setup),
                 "{component: %s/tests/components/staged.so, inputs: {in: [n]}, epochs: true, "
                 "properties: {path: %s, on-error: stream}}",
                 built_folder(), world->server);
        assert_null(sq_rig_new(setup, error, sizeof(error)));
        assert_non_null(strstr(error, "write 'dead-letter', 'skip' or 'fail'"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
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

/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters under exactly-once: each is there once, whoever dies, when its epoch is committed. */
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
        char folder[96], letters[160], epochs[160];
        struct sq_rig *rig;
};

static void
begin(struct world *world, const char *epochs)
{
        char setup[PATH_MAX + 1024], error[512];

        snprintf(setup, sizeof(setup),
                 "{component: %s/bolts/json.so, inputs: {in: [line]}, config: {topology.dead.letter.path: %s}%s%s}",
                 built_folder(), world->letters, *epochs ? ", epochs: " : "", epochs);
        world->rig = sq_rig_new(setup, error, sizeof(error));
        if (!world->rig)
                fail_msg("%s", error);
}

static int
set_up(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        make_folder(world->folder, sizeof(world->folder), "letters");
        snprintf(world->letters, sizeof(world->letters), "%s/letters", world->folder);
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

/* Another process goes on from the newest epoch. */
static void
die(struct world *world)
{
        sq_rig_free(&world->rig);
        begin(world, world->epochs);
        assert_string_equal(sq_rig_error(world->rig), "");
}

/* Not JSON. */
static void
refuse(const struct world *world, const char *text)
{
        char tuple[64];

        snprintf(tuple, sizeof(tuple), "{line: %s}", text);
        assert_int_equal(sq_rig_execute(world->rig, NULL, tuple), SQ_ACK);
}

/* The first letters of the records, in the order of the file. */
static void
has(const struct world *world, const char *want)
{
        FILE *file = fopen(world->letters, "re");
        char line[1024], got[64] = "";

        while (file && fgets(line, sizeof(line), file)) {
                const char *record = strstr(line, "{\"record\":\"");

                assert_non_null(record);
                assert_non_null(strchr(line, '\n'));
                snprintf(got + strlen(got), sizeof(got) - strlen(got), "%c", record[strlen("{\"record\":\"")]);
        }
        if (file)
                fclose(file);
        assert_string_equal(got, want);
}

static void
without_epochs_a_letter_is_there_at_once(void **state)
{
        begin(*state, "");
        refuse(*state, "a-");
        has(*state, "a");
}

static void
a_letter_is_there_when_its_epoch_is_committed(void **state)
{
        struct world *world = *state;

        begin(world, world->epochs);
        refuse(world, "a-");
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_ABANDONED), 0);
        refuse(world, "b-");
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_SEALED), 0);
        has(world, "");
        die(world);
        has(world, "ab");
}

static void
what_is_refused_again_after_a_death_has_one_letter(void **state)
{
        struct world *world = *state;

        begin(world, world->epochs);
        refuse(world, "a-");
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_COMMITTED), 0);
        refuse(world, "b-");
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_ABANDONED), 0);
        die(world);
        has(world, "a");
        refuse(world, "b-");
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_COMMITTED), 0);
        has(world, "ab");
        die(world);
        die(world);
        has(world, "ab");
}

/* The time of the rig stands still, so they are the same, byte for byte. */
static void
two_letters_that_are_alike_are_two(void **state)
{
        struct world *world = *state;

        begin(world, world->epochs);
        refuse(world, "a-");
        refuse(world, "a-");
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_COMMITTED), 0);
        has(world, "aa");
        die(world);
        has(world, "aa");
}

static void
letters_of_others_stand_between_and_a_part_of_ours_is_made_whole(void **state)
{
        struct world *world = *state;
        char bytes[4096], *first;
        FILE *file;
        size_t n;

        begin(world, world->epochs);
        refuse(world, "a-");
        refuse(world, "b-");
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_COMMITTED), 0);
        file = fopen(world->letters, "r+e");
        n = fread(bytes, 1, sizeof(bytes) - 1, file);
        bytes[n] = '\0';
        first = strchr(bytes, '\n');
        assert_non_null(first);
        rewind(file);
        fputs("{\"record\":\"x\"}\n", file);
        fwrite(bytes, 1, (size_t)(first - bytes) + 1, file);
        fputs("{\"record\":\"y\"}\n", file);
        fflush(file);
        assert_int_equal(ftruncate(fileno(file), ftell(file)), 0);
        fclose(file);
        has(world, "xay");
        die(world);
        has(world, "xayb");
}

static void
letters_that_find_no_room_are_written_later(void **state)
{
        struct world *world = *state;

        begin(world, world->epochs);
        assert_int_equal(mkdir(world->letters, 0700), 0);
        refuse(world, "a-");
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_COMMITTED), -1);
        assert_non_null(strstr(sq_rig_error(world->rig), "cannot write the dead letters of an epoch to "));
        assert_int_equal(rmdir(world->letters), 0);
        refuse(world, "b-");
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_COMMITTED), 0);
        has(world, "ab");
}

static void
a_tuple_that_a_bolt_fails_has_one_letter_with_its_fields(void **state)
{
        struct world *world = *state;
        char setup[PATH_MAX + 1024], error[512], line[1024] = "";
        FILE *file;

        snprintf(setup, sizeof(setup),
                 "{component: %s/tests/components/tally.so, properties: {path: /dev/full}, inputs: {in: [word, n]}, "
                 "config: {topology.dead.letter.path: %s}, epochs: true}",
                 built_folder(), world->letters);
        world->rig = sq_rig_new(setup, error, sizeof(error));
        if (!world->rig)
                fail_msg("%s", error);
        assert_int_equal(sq_rig_execute(world->rig, NULL, "{word: a, n: 7}"), SQ_FAIL);
        assert_int_equal(sq_rig_checkpoint(world->rig, SQ_RIG_COMMITTED), 0);
        sq_rig_restore(world->rig, 0);
        file = fopen(world->letters, "re");
        assert_non_null(file);
        assert_non_null(fgets(line, sizeof(line), file));
        assert_non_null(strstr(line, "\"tuples\":[{\"fields\":{\"word\":\"a\",\"n\":7}}]}"));
        assert_null(fgets(line, sizeof(line), file));
        fclose(file);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(without_epochs_a_letter_is_there_at_once),
                TEST(a_letter_is_there_when_its_epoch_is_committed),
                TEST(what_is_refused_again_after_a_death_has_one_letter),
                TEST(two_letters_that_are_alike_are_two),
                TEST(letters_of_others_stand_between_and_a_part_of_ours_is_made_whole),
                TEST(letters_that_find_no_room_are_written_later),
                TEST(a_tuple_that_a_bolt_fails_has_one_letter_with_its_fields),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

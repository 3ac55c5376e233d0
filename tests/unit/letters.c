/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters under exactly-once: each is there once, whoever dies, when its epoch is committed. */
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
begin(struct rigged *rigged, const char *epochs)
{
        rigged->rig = make_rig(
                "{component: %s/bolts/json.so, inputs: {in: [line]}, config: {topology.dead.letter.path: %s}%s%s}",
                built_folder(), rigged->place, *epochs ? ", epochs: " : "", epochs);
}

static int
set_up(void **state)
{
        return set_up_rigged(state, "letters");
}

/* Another process goes on from the newest epoch. */
static void
die(struct rigged *rigged)
{
        sq_rig_free(&rigged->rig);
        begin(rigged, rigged->epochs);
        assert_string_equal(sq_rig_error(rigged->rig), "");
}

/* Not JSON. */
static void
refuse(const struct rigged *rigged, const char *text)
{
        char tuple[64];

        snprintf(tuple, sizeof(tuple), "{line: %s}", text);
        assert_int_equal(sq_rig_execute(rigged->rig, NULL, tuple), SQ_ACK);
}

/* The first letters of the records, in the order of the file. */
static void
has(const struct rigged *rigged, const char *want)
{
        FILE *file = fopen(rigged->place, "re");
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
        struct rigged *rigged = *state;

        begin(rigged, rigged->epochs);
        refuse(rigged, "a-");
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_ABANDONED), 0);
        refuse(rigged, "b-");
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_SEALED), 0);
        has(rigged, "");
        die(rigged);
        has(rigged, "ab");
}

static void
what_is_refused_again_after_a_death_has_one_letter(void **state)
{
        struct rigged *rigged = *state;

        begin(rigged, rigged->epochs);
        refuse(rigged, "a-");
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_COMMITTED), 0);
        refuse(rigged, "b-");
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_ABANDONED), 0);
        die(rigged);
        has(rigged, "a");
        refuse(rigged, "b-");
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_COMMITTED), 0);
        has(rigged, "ab");
        die(rigged);
        die(rigged);
        has(rigged, "ab");
}

/* The time of the rig stands still, so they are the same, byte for byte. */
static void
two_letters_that_are_alike_are_two(void **state)
{
        struct rigged *rigged = *state;

        begin(rigged, rigged->epochs);
        refuse(rigged, "a-");
        refuse(rigged, "a-");
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_COMMITTED), 0);
        has(rigged, "aa");
        die(rigged);
        has(rigged, "aa");
}

static void
letters_of_others_stand_between_and_a_part_of_ours_is_made_whole(void **state)
{
        struct rigged *rigged = *state;
        char bytes[4096], *first;
        FILE *file;
        size_t n;

        begin(rigged, rigged->epochs);
        refuse(rigged, "a-");
        refuse(rigged, "b-");
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_COMMITTED), 0);
        file = fopen(rigged->place, "r+e");
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
        has(rigged, "xay");
        die(rigged);
        has(rigged, "xayb");
}

static void
letters_that_find_no_room_are_written_later(void **state)
{
        struct rigged *rigged = *state;

        begin(rigged, rigged->epochs);
        assert_int_equal(mkdir(rigged->place, 0700), 0);
        refuse(rigged, "a-");
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_COMMITTED), -1);
        assert_non_null(strstr(sq_rig_error(rigged->rig), "cannot write the dead letters of an epoch to "));
        assert_int_equal(rmdir(rigged->place), 0);
        refuse(rigged, "b-");
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_COMMITTED), 0);
        has(rigged, "ab");
}

static void
a_tuple_that_a_bolt_fails_has_one_letter_with_its_fields(void **state)
{
        struct rigged *rigged = *state;
        char line[1024] = "";
        FILE *file;

        rigged->rig = make_rig("{component: %s/tests/components/tally.so, properties: {path: /dev/full}, "
                               "inputs: {in: [word, n]}, config: {topology.dead.letter.path: %s}, epochs: true}",
                               built_folder(), rigged->place);
        assert_int_equal(sq_rig_execute(rigged->rig, NULL, "{word: a, n: 7}"), SQ_FAIL);
        assert_int_equal(sq_rig_checkpoint(rigged->rig, SQ_RIG_COMMITTED), 0);
        sq_rig_restore(rigged->rig, 0);
        file = fopen(rigged->place, "re");
        assert_non_null(file);
        assert_non_null(fgets(line, sizeof(line), file));
        assert_non_null(strstr(line, "\"tuples\":[{\"fields\":{\"word\":\"a\",\"n\":7}}]}"));
        assert_null(fgets(line, sizeof(line), file));
        fclose(file);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_rigged)
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

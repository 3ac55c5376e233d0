/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a topology in the state directory, as earlier versions have left them: where one is damaged it is not
 * believed, whichever bit it is, and one of a later version is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "../shared/fixture.h"
#include "../shared/folder.h"
#include "base/sealed.h"
#include "control/manifest.h"
#include "daemon/levels.h"
#include "daemon/positions.h"
#include "daemon/record.h"
#include "daemon/requests.h"
#include "daemon/snapshots.h"
#include "plan/plan_codec.h"

static int
read_record(const char *folder, char text[FIXTURE_TEXT])
{
        int fd = sqi_folder_open(AT_FDCWD, folder), r;
        struct sqi_record record;
        bool torn;

        r = sqi_record_read(fd, &record, &torn);
        close(fd);
        if (r < 0)
                fixture_say(text, "record: %s", sqi_record_reason(r));
        else
                fixture_say(text, "%s %s %s %d %d %" PRIu32, record.name, record.serial, record.line, (int)record.wish,
                            (int)record.outcome, record.runs);
        return r;
}

/* Those of the topology `words`, whose first task is the spout. */
static int
read_positions(const char *folder, char text[FIXTURE_TEXT])
{
        struct sqi_state state = {.topologies = sqi_folder_open(AT_FDCWD, folder)};
        struct sqi_position positions[4];
        char error[FIXTURE_TEXT];
        bool older;
        uint64_t base;
        int r = sqi_positions_get(&state, "words", &base, positions, 4, &older, error, sizeof(error));

        close(state.topologies);
        if (r < 0)
                fixture_say(text, "%s", error);
        else
                fixture_say(text, "%" PRIu64 " %" PRIu64, base, positions[0].number);
        return r;
}

static int
read_plan(const char *folder, char text[FIXTURE_TEXT])
{
        int fd = sqi_folder_open(AT_FDCWD, folder), r;
        char error[512];
        struct sqi_plan *plan = NULL;
        size_t size;
        void *bytes;
        bool torn;

        r = sqi_sealed_read(fd, "plan", &bytes, &size, &torn);
        close(fd);
        if (r < 0) {
                fixture_say(text, "plan: %s", sqi_sealed_reason(r));
                return r;
        }
        r = sqi_plan_decode(bytes, size, &plan, error, sizeof(error));
        free(bytes);
        if (r < 0)
                fixture_say(text, "plan: %s", error);
        for (uint32_t c = 0; r == 0 && c < plan->ncomponents; c++)
                fixture_say(text, "%s/%" PRIu32 " ", plan->components[c].id, plan->components[c].ntasks);
        sqi_plan_free(&plan);
        return r;
}

static int
read_manifest(const char *folder, char text[FIXTURE_TEXT])
{
        int fd = sqi_folder_open(AT_FDCWD, folder), r;
        struct sqi_manifest manifest;

        r = sqi_manifest_read(fd, &manifest);
        close(fd);
        if (r < 0) {
                fixture_say(text, "manifest: %s", sqi_sealed_reason(r));
                return r;
        }
        fixture_say(text, "%s %" PRIu64, manifest.topology, manifest.epoch);
        for (uint32_t i = 0; i < manifest.nfiles; i++)
                fixture_say(text, ", %s %" PRIu64, manifest.files[i].name, manifest.files[i].size);
        for (uint32_t i = 0; i < manifest.npositions; i++)
                fixture_say(text, ", %s/%" PRIu32 " %" PRIu64, manifest.positions[i].component,
                            manifest.positions[i].index, manifest.positions[i].position.number);
        sqi_manifest_free(&manifest);
        return 0;
}

static int
read_parts(const char *folder, char text[FIXTURE_TEXT])
{
        char error[FIXTURE_TEXT];
        struct sqi_manifest manifest;
        int r = sqi_snapshots_verify(folder, NULL, &manifest, error, sizeof(error));

        if (r < 0) {
                fixture_say(text, "%s", error);
                return r;
        }
        fixture_say(text, "%s %" PRIu64, manifest.topology, manifest.epoch);
        for (uint32_t i = 0; i < manifest.nfiles; i++)
                fixture_say(text, ", %s %" PRIu64, manifest.files[i].name, manifest.files[i].size);
        sqi_manifest_free(&manifest);
        return 0;
}

static int
read_requests(const char *folder, char text[FIXTURE_TEXT])
{
        struct sqi_state state = {.fd = sqi_folder_open(AT_FDCWD, folder)};
        struct sqi_answers *answers = calloc(1, sizeof(*answers));
        int r = sqi_state_get_answers(&state, answers);

        close(state.fd);
        if (r < 0)
                fixture_say(text, "requests: %s", sqi_sealed_reason(r));
        for (uint32_t i = 0; r == 0 && i < answers->n && i < SQI_ANSWERS; i++)
                fixture_say(text, "%s %d, ", answers->items[i].name, (int)answers->items[i].status);
        free(answers);
        return r;
}

static int
read_levels(const char *folder, char text[FIXTURE_TEXT])
{
        struct sqi_levels levels = {0};
        char path[600];
        int r;

        snprintf(path, sizeof(path), "%s/levels", folder);
        r = sqi_levels_load(&levels, path);
        if (r < 0)
                fixture_say(text, "levels: %s", sqi_sealed_reason(r));
        for (uint32_t i = 0; i < levels.n; i++)
                fixture_say(text, "%s %d, ", levels.items[i].component, levels.items[i].level);
        sqi_levels_free(&levels);
        return r;
}

enum { SEAL_VERSION_AT = 6 };
#define SEALED(from, to, name, text, how) \
        { \
                .folder = (from), .below = (to), .file = (name), .version_at = SEAL_VERSION_AT, .whole = (text), \
                .read = (how) \
        }
/* But for its seal. */
#define UNVERSIONED(from, name, text, how) \
        { \
                .folder = (from), .below = "", .file = (name), .whole = (text), .read = (how) \
        }
static const struct fixture fixtures[] = {
        SEALED("state-2/topologies/words", "", "record", "words 5959fa2d5294 5959fa2d5294 0 0 1", read_record),
        SEALED("state-2/topologies/words", "words", "positions", "0 1653", read_positions),
        SEALED("state-2/topologies/words", "", "plan", "gen/1 count/2 out/1 ", read_plan),
        SEALED("state-2/snapshots/words-5959fa2d5294/1", "", "manifest", "words 1, count.0 123, count.1 98, gen/0 1653",
               read_manifest),
        {.folder = "state-3/snapshots/words-90ec2b823e1e/1",
         .below = "",
         .file = "count.0",
         .beside = {"count.1", "manifest"},
         .version_at = FIXTURE_SUMMED,
         .whole = "words 1, count.0 163, count.1 138",
         .read = read_parts},
        SEALED("state-3", "", "requests", "done 0, gone 0, idle 0, words 0, gone 0, idle 0, words 0, ", read_requests),
        SEALED("state-3/topologies/words", "", "levels", "count 3, ", read_levels),
        UNVERSIONED("state-2", "requests", "done 0, gone 0, idle 0, words 0, gone 0, idle 0, ", read_requests),
        UNVERSIONED("state-2/topologies/words", "levels", "count 3, ", read_levels),
};

/* In a seal of today. */
static void
age(const char *folder, const char *name, size_t version_at)
{
        int fd = sqi_folder_open(AT_FDCWD, folder);
        uint8_t *bytes;
        void *it;
        size_t size;
        bool torn;

        assert_int_equal(sqi_sealed_read(fd, name, &it, &size, &torn), 0);
        bytes = it;
        bytes[version_at]++;
        assert_int_equal(sqi_sealed_write(fd, name, bytes, size), 0);
        free(it);
        close(fd);
}

static void
so_are_those_of_a_later_version_in_a_seal_of_today(void **state)
{
        static const struct {
                const char *from, *name;
                size_t version_at;
                fixture_read *read;
        } kinds[] = {{"state-2/topologies/words", "record", 1, read_record},
                     {"state-2/topologies/words", "positions", 3, read_positions},
                     {"state-3/topologies/words", "plan", 13, read_plan},
                     {"state-3/topologies/words", "levels", 3, read_levels},
                     {"state-3", "requests", 3, read_requests}};
        char folder[512], below[600], text[FIXTURE_TEXT];

        (void)state;
        make_folder(folder, sizeof(folder), "later");
        snprintf(below, sizeof(below), "%s/words", folder);
        assert_int_equal(sqi_folder_make(AT_FDCWD, below), 0);
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
                char from[600];
                int fd = sqi_folder_open(AT_FDCWD, below);

                snprintf(from, sizeof(from), "tests/fixtures/%s/%s", kinds[i].from, kinds[i].name);
                assert_int_equal(sqi_file_copy(from, fd, kinds[i].name), 0);
                close(fd);
                age(below, kinds[i].name, kinds[i].version_at);
                text[0] = '\0';
                assert_int_equal(kinds[i].read(kinds[i].read == read_positions ? folder : below, text), -EPROTO);
                assert_non_null(strstr(text, kinds[i].name));
                assert_non_null(strstr(text, "a later version of Squall wrote it"));
        }
        remove_folder(folder);
}

/* Who cannot read them does not know what they say of the other components. */
static void
levels_of_a_later_version_are_not_written_over(void **state)
{
        struct sqi_plan_component component = {.id = "count"};
        struct sqi_plan plan = {.components = &component, .ncomponents = 1};
        struct sqi_levels levels = {0};
        char folder[512], path[600];
        int fd;

        (void)state;
        make_folder(folder, sizeof(folder), "levels");
        snprintf(path, sizeof(path), "%s/levels", folder);
        fd = sqi_folder_open(AT_FDCWD, folder);
        assert_int_equal(sqi_file_copy("tests/fixtures/state-3/topologies/words/levels", fd, "levels"), 0);
        close(fd);
        age(folder, "levels", 3);
        assert_int_equal(sqi_levels_load(&levels, path), -EPROTO);
        assert_int_equal(sqi_levels_set(&levels, path, NULL, &plan, NULL, SQ_DEBUG, 60), -EPROTO);
        assert_int_equal(sqi_levels_load(&levels, path), -EPROTO);
        sqi_levels_free(&levels);
        remove_folder(folder);
}

int
main(int argc, char **argv)
{
        const struct CMUnitTest more[] = {
                cmocka_unit_test(so_are_those_of_a_later_version_in_a_seal_of_today),
                cmocka_unit_test(levels_of_a_later_version_are_not_written_over),
        };
        const struct fixtures all = {fixtures, sizeof(fixtures) / sizeof(fixtures[0]), more,
                                     sizeof(more) / sizeof(more[0]), NULL};

        return fixture_main(argc, argv, &all);
}

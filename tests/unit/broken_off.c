/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of a snapshot that is not wanted any more is broken off, and there is none then. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cmocka.h>

#include "base/sealed.h"
#include "control/snapshot_format.h"
#include "daemon/snapshots.h"

static const struct file_head head = {.magic = {'S', 'Q', 'K', SQI_SNAPSHOT_VERSION}, .ntasks = 1, .epoch = 1};

struct place {
        char top[64], from[96];
        struct sqi_snapshots to;
        struct sqi_manifest manifest;
        struct sqi_manifest_file file;
};

static void
set_up(struct place *place)
{
        int folder;

        *place = (struct place){.file = {.name = "count.0", .size = sizeof(head)}, .top = "/tmp/squall-off.XXXXXX"};
        place->file.sum = XXH3_64bits(&head, sizeof(head));
        place->manifest = (struct sqi_manifest){.epoch = 1, .topology = "counts", .nfiles = 1, .files = &place->file};
        assert_non_null(mkdtemp(place->top));
        snprintf(place->from, sizeof(place->from), "%s/from", place->top);
        snprintf(place->to.durable, sizeof(place->to.durable), "%s/to", place->top);
        assert_int_equal(mkdir(place->from, 0700), 0);
        folder = sqi_folder_open(AT_FDCWD, place->from);
        assert_int_equal(sqi_file_write(folder, place->file.name, &head, sizeof(head)), 0);
        assert_int_equal(sqi_manifest_write(folder, &place->manifest), 0);
        close(folder);
}

static void
copies_nothing_that_is_not_wanted(void **state)
{
        struct sqi_manifest found = {0};
        char error[512], path[PATH_MAX];
        atomic_bool stop = true;
        struct place place;

        (void)state;
        set_up(&place);
        assert_int_equal(sqi_snapshots_adopt(&place.to, &place.manifest, place.from, &stop, error, sizeof(error)),
                         -ECANCELED);
        assert_non_null(strstr(error, "told to end"));
        assert_int_equal(sqi_snapshots_newest(&place.to, &found, path, error, sizeof(error)), -ENOENT);
        stop = false; /* and what was begun is not in the way of another one */
        assert_int_equal(sqi_snapshots_adopt(&place.to, &place.manifest, place.from, &stop, error, sizeof(error)), 0);
        assert_int_equal(sqi_snapshots_newest(&place.to, &found, path, error, sizeof(error)), 0);
        sqi_manifest_free(&found);
        sqi_folder_remove(AT_FDCWD, place.top);
}

static void
reads_nothing_that_is_not_wanted(void **state)
{
        struct sqi_manifest found = {0};
        atomic_bool stop = true;
        struct place place;
        char error[512];

        (void)state;
        set_up(&place);
        assert_int_equal(sqi_snapshots_verify(place.from, &stop, &found, error, sizeof(error)), -ECANCELED);
        assert_int_equal(sqi_snapshots_verify(place.from, NULL, &found, error, sizeof(error)), 0);
        sqi_manifest_free(&found);
        sqi_folder_remove(AT_FDCWD, place.top);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(copies_nothing_that_is_not_wanted),
                cmocka_unit_test(reads_nothing_that_is_not_wanted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

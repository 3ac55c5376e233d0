/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot that a later version wrote is said to be that, and not damaged: its keeper would look for the harm. */
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

struct place {
        struct sqi_snapshots snapshots;
        char epoch[PATH_MAX + 4];
        int folder; /* of the epoch */
};

/* Epoch 1, of one file. */
static void
make(struct place *place, const struct file_head *head)
{
        struct sqi_manifest_file file = {
                .name = "count.0", .size = sizeof(*head), .sum = XXH3_64bits(head, sizeof(*head))};
        struct sqi_manifest manifest = {.epoch = 1, .topology = "counts", .nfiles = 1, .files = &file};

        *place = (struct place){.folder = -1};
        snprintf(place->snapshots.durable, sizeof(place->snapshots.durable), "/tmp/squall-later.XXXXXX");
        assert_non_null(mkdtemp(place->snapshots.durable));
        snprintf(place->epoch, sizeof(place->epoch), "%s/1", place->snapshots.durable);
        assert_int_equal(mkdir(place->epoch, 0700), 0);
        place->folder = sqi_folder_open(AT_FDCWD, place->epoch);
        assert_int_equal(sqi_file_write(place->folder, file.name, head, sizeof(*head)), 0);
        assert_int_equal(sqi_manifest_write(place->folder, &manifest), 0);
}

static void
end(struct place *place)
{
        close(place->folder);
        sqi_snapshots_remove(&place->snapshots);
}

static struct file_head
head_of(int version)
{
        struct file_head head = {.magic = {'S', 'Q', 'K', (char)version}, .ntasks = 1, .epoch = 1};

        return head;
}

static void
assert_verifies_as(const struct place *place, int r, const char *said)
{
        char error[PATH_MAX + 512] = "";
        struct sqi_manifest manifest = {0};

        assert_int_equal(sqi_snapshots_verify(place->epoch, NULL, &manifest, error, sizeof(error)), r);
        assert_non_null(strstr(error, said));
        sqi_manifest_free(&manifest);
}

static void
one_of_this_version_is_whole(void **state)
{
        struct file_head head = head_of(SQI_SNAPSHOT_VERSION);
        struct place place;

        (void)state;
        make(&place, &head);
        assert_verifies_as(&place, 0, "");
        end(&place);
}

static void
a_task_s_part_of_a_later_version_is_named(void **state)
{
        struct file_head head = head_of(SQI_SNAPSHOT_VERSION + 1);
        struct place place;

        (void)state;
        make(&place, &head);
        assert_verifies_as(&place, -EPROTO, "/1/count.0: a later version of Squall wrote it");
        end(&place);
}

/* One more field, of one more version. */
static void
age_by_a_version(int folder)
{
        uint8_t later[256];
        void *bytes;
        size_t size;
        bool torn;

        assert_int_equal(sqi_sealed_read(folder, "manifest", &bytes, &size, &torn), 0);
        assert_true(size < sizeof(later));
        memcpy(later, bytes, size);
        free(bytes);
        assert_true(later[0] < 0x9f && later[1] < 0x7f); /* an array and a number of one byte each */
        later[0]++;
        later[1]++;
        later[size] = 0;
        assert_int_equal(sqi_sealed_write(folder, "manifest", later, size + 1), 0);
}

static void
so_is_a_manifest(void **state)
{
        struct file_head head = head_of(SQI_SNAPSHOT_VERSION);
        char path[PATH_MAX], error[PATH_MAX + 512] = "";
        struct sqi_manifest manifest = {0};
        struct place place;

        (void)state;
        make(&place, &head);
        age_by_a_version(place.folder);
        assert_verifies_as(&place, -EPROTO, "/1/manifest: a later version of Squall wrote it");
        assert_int_equal(sqi_snapshots_newest(&place.snapshots, &manifest, path, error, sizeof(error)), -EPROTO);
        assert_non_null(strstr(error, "/1/manifest: a later version of Squall wrote it"));
        end(&place);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_of_this_version_is_whole),
                cmocka_unit_test(a_task_s_part_of_a_later_version_is_named),
                cmocka_unit_test(so_is_a_manifest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which snapshot a run began from, as its run directory says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../shared/folder.h"
#include "base/sealed.h"
#include "daemon/begun.h"

static char path[64];
static int folder;

static int
set_up(void **state)
{
        (void)state;
        make_folder(path, sizeof(path), "begun");
        folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return folder < 0;
}

static int
tear_down(void **state)
{
        (void)state;
        unlinkat(folder, "from", 0);
        unlinkat(folder, "from.old", 0);
        close(folder);
        return rmdir(path);
}

static void
put(const void *bytes, size_t size)
{
        assert_int_equal(sqi_file_write(folder, "from", bytes, size), 0);
}

static void
says_what_was_written(void **state)
{
        uint64_t epoch = 1;

        (void)state;
        assert_int_equal(sqi_begun_read(folder, &epoch), -ENOENT);
        assert_int_equal(sqi_begun_write(folder, 7), 0);
        assert_int_equal(sqi_begun_read(folder, &epoch), 0);
        assert_int_equal(epoch, 7);
}

static void
reads_the_number_that_was_text_before(void **state)
{
        uint64_t epoch = 1;

        (void)state;
        put("42", 2);
        assert_int_equal(sqi_begun_read(folder, &epoch), 0);
        assert_int_equal(epoch, 42);
}

static void
does_not_believe_what_is_neither(void **state)
{
        static const char *const wrong[] = {"", "4x", "-1", " 4", "99999999999999999999", "4\n"};
        uint64_t epoch = 1;

        (void)state;
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                put(wrong[i], strlen(wrong[i]));
                assert_int_equal(sqi_begun_read(folder, &epoch), -EBADMSG);
        }
        assert_int_equal(epoch, 1);
}

static void
does_not_believe_it_with_a_bit_changed_or_cut_short(void **state)
{
        char *bytes;
        size_t size;
        uint64_t epoch = 1;

        (void)state;
        assert_int_equal(sqi_begun_write(folder, 7), 0);
        assert_int_equal(sqi_file_read(folder, "from", 4096, &bytes, &size), 0);
        for (size_t i = 0; i < 8 * size; i++) {
                bytes[i / 8] ^= (char)(1 << i % 8);
                put(bytes, size);
                bytes[i / 8] ^= (char)(1 << i % 8);
                assert_true(sqi_begun_read(folder, &epoch) < 0);
        }
        for (size_t n = 0; n < size; n++) {
                put(bytes, n);
                assert_int_equal(sqi_begun_read(folder, &epoch), -EBADMSG);
        }
        assert_int_equal(epoch, 1);
        free(bytes);
}

static void
leaves_that_of_a_later_version_alone(void **state)
{
        const char later[16] = {'S', 'Q', 'O', 2};
        uint64_t epoch = 1;

        (void)state;
        assert_int_equal(sqi_sealed_write(folder, "from", later, sizeof(later)), 0);
        assert_int_equal(sqi_begun_read(folder, &epoch), -EPROTO);
        assert_int_equal(epoch, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(says_what_was_written),
                TEST(reads_the_number_that_was_text_before),
                TEST(does_not_believe_what_is_neither),
                TEST(does_not_believe_it_with_a_bit_changed_or_cut_short),
                TEST(leaves_that_of_a_later_version_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

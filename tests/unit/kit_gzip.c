/* SPDX-License-Identifier: Apache-2.0 */
/* Members of gzip that are appended to a file, by several writers that die within. */
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
#include <signal.h>
#include <squall-kit.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../shared/folder.h"

static const struct sq_str no_header;

struct place {
        char folder[96], path[128];
        struct sq_gzip *gzip;
};

static int
set_up(void **state)
{
        struct place *place = calloc(1, sizeof(*place));

        make_folder(place->folder, sizeof(place->folder), "gzip");
        snprintf(place->path, sizeof(place->path), "%s/out.gz", place->folder);
        *state = place;
        return sq_gzip_new(&place->gzip) == -ENOMEM ? -1 : 0;
}

static int
tear_down(void **state)
{
        struct place *place = *state;

        sq_gzip_free(&place->gzip);
        remove_folder(place->folder);
        free(place);
        return 0;
}

static int
open_file(const struct place *place)
{
        int fd = open(place->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

        assert_true(fd >= 0);
        return fd;
}

static struct sq_str
text_of(const char *text)
{
        return (struct sq_str){text, strlen(text)};
}

/* By a writer that knows nothing of the file. */
static int
append(const struct place *place, const char *header, const char *text)
{
        int fd = open_file(place), r;
        uint64_t end = 0;

        r = sq_gzip_append(place->gzip, fd, &end, text_of(header), text_of(text));
        close(fd);
        return r;
}

static off_t
size_of(const struct place *place)
{
        struct stat about;

        assert_int_equal(stat(place->path, &about), 0);
        return about.st_size;
}

/* The text of the file is this one, to its end. */
static void
holds(const struct place *place, const char *text)
{
        char bytes[4096];
        size_t len = 0;
        struct sq_decompressor *from;
        int fd = open(place->path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        assert_true(fd >= 0 && sq_decompresses(fd));
        assert_int_equal(sq_decompressor_open(fd, &from), 0);
        while ((n = sq_decompressor_read(from, bytes + len, sizeof(bytes) - len, len)) > 0)
                len += (size_t)n;
        assert_int_equal(n, 0);
        assert_int_equal(len, strlen(text));
        assert_memory_equal(bytes, text, len);
        sq_decompressor_close(&from);
        close(fd);
}

#define NEEDS_ZLIB(place) \
        if (!(place)->gzip) \
        skip()

static void
appends_members_behind_one_header(void **state)
{
        const struct place *place = *state;

        NEEDS_ZLIB(place);
        assert_int_equal(append(place, "names\n", "one\n"), 0);
        assert_int_equal(append(place, "names\n", "two\n"), 0);
        holds(place, "names\none\ntwo\n");
}

static void
cuts_off_a_member_that_was_torn_at_any_byte(void **state)
{
        const struct place *place = *state;
        off_t first, whole;

        NEEDS_ZLIB(place);
        assert_int_equal(append(place, "", "one\n"), 0);
        first = size_of(place);
        assert_int_equal(append(place, "", "two\n"), 0);
        whole = size_of(place);
        for (off_t at = first; at < whole; at++) {
                assert_int_equal(truncate(place->path, first), 0);
                assert_int_equal(append(place, "", "two\n"), 0);
                assert_int_equal(truncate(place->path, at), 0);
                assert_int_equal(append(place, "", "three\n"), 0);
                holds(place, "one\nthree\n");
        }
}

static void
begins_anew_where_the_first_member_was_torn(void **state)
{
        const struct place *place = *state;
        off_t whole;

        NEEDS_ZLIB(place);
        assert_int_equal(append(place, "", "one\n"), 0);
        whole = size_of(place);
        for (off_t at = 0; at < whole; at++) {
                assert_int_equal(truncate(place->path, 0), 0);
                assert_int_equal(append(place, "", "one\n"), 0);
                assert_int_equal(truncate(place->path, at), 0);
                assert_int_equal(append(place, "names\n", "two\n"), 0);
                holds(place, "names\ntwo\n");
        }
}

/* Two that have it open, of which one dies within its member. */
static void
mends_what_another_writer_has_torn(void **state)
{
        const struct place *place = *state;
        int fd, other;
        uint64_t end = 0, other_end = 0;

        NEEDS_ZLIB(place);
        fd = open_file(place);
        other = open_file(place);
        assert_int_equal(sq_gzip_append(place->gzip, fd, &end, no_header, text_of("one\n")), 0);
        assert_int_equal(sq_gzip_append(place->gzip, other, &other_end, no_header, text_of("two\n")), 0);
        assert_int_equal(sq_gzip_append(place->gzip, other, &other_end, no_header, text_of("three\n")), 0);
        assert_int_equal(ftruncate(other, (off_t)other_end - 5), 0);
        assert_int_equal(sq_gzip_append(place->gzip, fd, &end, no_header, text_of("four\n")), 0);
        holds(place, "one\ntwo\nfour\n");
        close(fd);
        close(other);
}

/* A member as gzip makes it: without our extra field. */
static const unsigned char foreign[] = {0x1f, 0x8b, 8,   0,   0,    0,    0,    0,    0,    3, 1, 4, 0, 0xfb,
                                        0xff, 'o',  'n', 'e', '\n', 0x9f, 0xa8, 0x17, 0xf8, 4, 0, 0, 0};

static void
write_foreign(const struct place *place, size_t len)
{
        int fd = open_file(place);

        assert_int_equal(write(fd, foreign, len), len);
        close(fd);
}

static void
appends_behind_what_another_program_has_compressed(void **state)
{
        const struct place *place = *state;

        NEEDS_ZLIB(place);
        write_foreign(place, sizeof(foreign));
        assert_int_equal(append(place, "", "two\n"), 0);
        assert_int_equal(append(place, "", "three\n"), 0);
        holds(place, "one\ntwo\nthree\n");
}

static void
cuts_nothing_off_that_is_not_its_own(void **state)
{
        const struct place *place = *state;
        int fd;

        NEEDS_ZLIB(place);
        write_foreign(place, sizeof(foreign) - 3);
        assert_int_equal(append(place, "", "two\n"), -EBADMSG);
        assert_int_equal(size_of(place), sizeof(foreign) - 3);
        fd = open_file(place);
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(write(fd, "plain text\n", 11), 11);
        close(fd);
        assert_int_equal(append(place, "", "two\n"), -EBADMSG);
        assert_int_equal(size_of(place), 11);
}

static void
leaves_the_file_as_it_was_when_the_disk_is_full(void **state)
{
        const struct place *place = *state;
        off_t before;
        pid_t child;
        int status;

        NEEDS_ZLIB(place);
        assert_int_equal(append(place, "", "one\n"), 0);
        before = size_of(place);
        child = fork();
        if (child == 0) {
                struct rlimit limit = {(rlim_t)before + 10, (rlim_t)before + 10};

                signal(SIGXFSZ, SIG_IGN);
                setrlimit(RLIMIT_FSIZE, &limit);
                _exit(append(place, "", "two\n") == -EFBIG ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_equal(size_of(place), before);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(appends_members_behind_one_header, set_up, tear_down),
                cmocka_unit_test_setup_teardown(cuts_off_a_member_that_was_torn_at_any_byte, set_up, tear_down),
                cmocka_unit_test_setup_teardown(begins_anew_where_the_first_member_was_torn, set_up, tear_down),
                cmocka_unit_test_setup_teardown(mends_what_another_writer_has_torn, set_up, tear_down),
                cmocka_unit_test_setup_teardown(appends_behind_what_another_program_has_compressed, set_up, tear_down),
                cmocka_unit_test_setup_teardown(cuts_nothing_off_that_is_not_its_own, set_up, tear_down),
                cmocka_unit_test_setup_teardown(leaves_the_file_as_it_was_when_the_disk_is_full, set_up, tear_down),
        };

        return cmocka_run_group_tests_name("kit_gzip", tests, NULL, NULL);
}

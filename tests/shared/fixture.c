/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "folder.h"

enum { PATH_SIZE = 512, EACH_BIT = 512, LENGTHS = 256, MOST_TESTS = 64 };

void
fixture_say(char text[FIXTURE_TEXT], const char *format, ...)
{
        size_t n = strlen(text);
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(text + n, FIXTURE_TEXT - n, format, arguments);
        va_end(arguments);
}

struct file {
        const char *name; /* NULL: there is none */
        char *bytes;
        size_t n;
};

/* The files, and where a copy of them is made. */
struct copy {
        const struct fixture *fixture;
        struct file damaged, beside[FIXTURE_BESIDE];
        char folder[PATH_SIZE], below[PATH_SIZE];
};

static struct file
take(const struct fixture *fixture, const char *name)
{
        struct file file = {.name = name};
        char path[PATH_SIZE];

        if (!name)
                return file;
        snprintf(path, sizeof(path), "tests/fixtures/%s/%s", fixture->folder, name);
        file.bytes = take_file(path, &file.n);
        return file;
}

static void
take_files(struct copy *copy, const struct fixture *fixture)
{
        *copy = (struct copy){.fixture = fixture, .damaged = take(fixture, fixture->file)};
        for (int i = 0; i < FIXTURE_BESIDE; i++)
                copy->beside[i] = take(fixture, fixture->beside[i]);
        make_folder(copy->folder, sizeof(copy->folder) - 32, "fixture");
        snprintf(copy->below, sizeof(copy->below), "%.470s/%s", copy->folder, fixture->below);
}

static void
end(struct copy *copy)
{
        free(copy->damaged.bytes);
        for (int i = 0; i < FIXTURE_BESIDE; i++)
                free(copy->beside[i].bytes);
        remove_folder(copy->folder);
}

static void
put(const struct copy *copy, const struct file *file)
{
        char path[PATH_SIZE + 64];

        if (!file->name)
                return;
        snprintf(path, sizeof(path), "%s/%s", copy->below, file->name);
        put_file(path, file->bytes, file->n);
}

/* As they are now. */
static int
read_copy(const struct copy *copy, char text[FIXTURE_TEXT])
{
        mkdir(copy->below, 0700);
        empty_folder(copy->below);
        put(copy, &copy->damaged);
        for (int i = 0; i < FIXTURE_BESIDE; i++)
                put(copy, &copy->beside[i]);
        text[0] = '\0';
        return copy->fixture->read(copy->folder, text);
}

static void
is_read_as_it_was_written(void **state)
{
        const struct fixture *fixture = *state;
        char text[FIXTURE_TEXT];
        struct copy copy;

        take_files(&copy, fixture);
        assert_int_equal(read_copy(&copy, text), 0);
        assert_string_equal(text, fixture->whole);
        end(&copy);
}

/* Refused, or one of what it may be read as. */
static void
is_not_believed(const struct copy *copy, const char *shortest, const char *how, size_t at)
{
        const struct fixture *fixture = copy->fixture;
        char text[FIXTURE_TEXT];
        int r = read_copy(copy, text);
        size_t n = strlen(text);

        if (r < 0 ? text[0] != '\0' : strcmp(text, fixture->whole) == 0)
                return;
        if (r == 0 && fixture->instead && strcmp(text, fixture->instead) == 0)
                return;
        if (r == 0 && shortest && n >= strlen(shortest) && strncmp(text, fixture->whole, n) == 0)
                return;
        fail_msg("%s/%s, %s %zu: %d, %s", fixture->folder, fixture->file, how, at, r, text);
}

static void
is_not_believed_where_it_is_damaged(void **state)
{
        const struct fixture *fixture = *state;
        struct file *file;
        struct copy copy;
        size_t n;

        take_files(&copy, fixture);
        file = &copy.damaged;
        for (size_t bit = 0; bit < 8 * file->n; bit += file->n <= EACH_BIT ? 1 : 9) { /* else one of each byte or so */
                file->bytes[bit / 8] ^= (char)(1 << bit % 8);
                is_not_believed(&copy, fixture->shortest, "bit", bit);
                file->bytes[bit / 8] ^= (char)(1 << bit % 8);
        }
        for (n = file->n; file->n > 1;) {
                file->n -= file->n > n / LENGTHS + 1 ? n / LENGTHS + 1 : 1;
                is_not_believed(&copy, fixture->shortest ? "" : NULL, "length", file->n);
        }
        file->n = n;
        end(&copy);
}

static void
is_refused_where_a_later_version_wrote_it(void **state)
{
        const struct fixture *fixture = *state;
        char text[FIXTURE_TEXT];
        struct copy copy;

        take_files(&copy, fixture);
        copy.damaged.bytes[fixture->version_at]++;
        assert_int_equal(read_copy(&copy, text), -EPROTO);
        assert_non_null(strstr(text, fixture->file));
        assert_non_null(strstr(text, "a later version of Squall wrote it"));
        end(&copy);
}

/* ---- The program ------------------------------------------------------------------------------------- */

static int
make_all(const struct fixture_maker *makers, const char *folder)
{
        char path[PATH_SIZE];

        for (; makers->folder; makers++) {
                snprintf(path, sizeof(path), "%s/%s", folder, makers->folder);
                if (mkdir(path, 0777) < 0) {
                        perror(path);
                        return 1;
                }
                makers->make(path);
        }
        return 0;
}

static struct CMUnitTest
test_of(const struct fixture *fixture, CMUnitTestFunction test, const char *what)
{
        char *name = NULL;

        assert_true(asprintf(&name, "%s/%s %s", fixture->folder, fixture->file, what) > 0);
        return (struct CMUnitTest){.name = name, .test_func = test, .initial_state = (void *)(uintptr_t)fixture};
}

int
fixture_main(int argc, char **argv, const struct fixtures *fixtures)
{
        struct CMUnitTest tests[MOST_TESTS];
        size_t n = 0, ours;
        int failed;

        if (fixtures->makers && argc == 3 && strcmp(argv[1], "make") == 0)
                return make_all(fixtures->makers, argv[2]);
        assert_true(3 * fixtures->n + fixtures->nmore <= MOST_TESTS);
        for (const struct fixture *it = fixtures->items; it < fixtures->items + fixtures->n; it++) {
                tests[n++] = test_of(it, is_read_as_it_was_written, "is read as it was written");
                if (it->version_at == 0)
                        continue;
                tests[n++] = test_of(it, is_not_believed_where_it_is_damaged, "is not believed where it is damaged");
                if (it->version_at == FIXTURE_SUMMED)
                        continue;
                tests[n++] = test_of(it, is_refused_where_a_later_version_wrote_it,
                                     "is refused where a later version wrote it");
        }
        ours = n;
        for (size_t i = 0; i < fixtures->nmore; i++)
                tests[n++] = fixtures->more[i];
        failed = _cmocka_run_group_tests("fixtures", tests, n, NULL, NULL);
        for (size_t i = 0; i < ours; i++)
                free((void *)(uintptr_t)tests[i].name);
        return failed;
}

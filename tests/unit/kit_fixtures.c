/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the kit as earlier versions have left them. */
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
#include <squall-kit.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../shared/fixture.h"
#include "../shared/journaled.h"
#include "task/task.h"

/* Nobody pulls the plug here. */
int
fdatasync(int fd)
{
        (void)fd;
        return 0;
}

int
fsync(int fd)
{
        (void)fd;
        return 0;
}

static struct sq_str
text_of(const char *text)
{
        return (struct sq_str){text, strlen(text)};
}

/* ---- The journal of a spout -------------------------------------------------------------------------- */

static int
open_journal(const char *folder, struct sqi_kit_journal **ret, char error[FIXTURE_TEXT])
{
        const struct sq_journal_config config = {
                .path = folder, .sync = SQ_JOURNAL_INTERVAL, .max_bytes = SMALL, .interval = 1};

        return sqi_kit_journal_open(&config, "orders", "in", 0, ret, error, FIXTURE_TEXT);
}

static void
make_journal(const char *folder)
{
        static const char *const records[] = {"a storm", "", "{\"n\":7}", "the last"};
        struct sqi_kit_journal *journal = NULL;
        char error[FIXTURE_TEXT];
        uint64_t number;

        assert_int_equal(open_journal(folder, &journal, error), 0);
        assert_int_equal(sqi_kit_journal_seek(journal, 41, NULL), 0);
        sqi_kit_journal_clock(journal, 1, 1800000000000000000);
        for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
                assert_int_equal(sqi_kit_journal_add(journal, text_of(records[i]), &number), 0);
        assert_int_equal(sqi_kit_journal_write(journal), 0);
        sqi_kit_journal_release(journal, 42, 41);
        sqi_kit_journal_close(&journal);
}

/* What comes after a start from nothing. */
static int
read_journal(const char *folder, char text[FIXTURE_TEXT])
{
        struct sqi_kit_journal *journal = NULL;
        struct sq_str record;
        uint64_t number;
        int r = open_journal(folder, &journal, text);

        if (r < 0)
                return r;
        sqi_kit_journal_clock(journal, 1, 1);
        text[0] = '\0';
        while ((r = sqi_kit_journal_next(journal, &number, &record)) == 1)
                fixture_say(text, "%" PRIu64 " %.*s\n", number, (int)record.len, record.ptr);
        if (r < 0)
                snprintf(text, FIXTURE_TEXT, "%s", sqi_kit_journal_error(journal));
        sqi_kit_journal_close(&journal);
        return r;
}

#define DONE_1 "41 a storm\n"
#define TO_DO_1 "42 \n43 {\"n\":7}\n"
#define LAST_1 "44 the last\n"

/* ---- What write has published ------------------------------------------------------------------------ */

static int
publish(const char *folder, unsigned writer, uint64_t epoch, const char *lines)
{
        char path[600];

        snprintf(path, sizeof(path), "%s/out", folder);
        return sq_publish(path, writer, epoch, &(struct sq_str){"", 0}, text_of(lines));
}

static void
make_published(const char *folder)
{
        assert_int_equal(publish(folder, 0, 1, "a\n"), 0);
        assert_int_equal(publish(folder, 2, 1, "b\n"), 0);
        assert_int_equal(publish(folder, 0, 7, "c\n"), 0);
}

/* The file, when three writers have come with epoch 7: the first is through with it. */
static int
read_published(const char *folder, char text[FIXTURE_TEXT])
{
        char path[600], *bytes;
        int r = 0;
        size_t n;

        for (unsigned writer = 0; writer < 3 && r == 0; writer++)
                r = publish(folder, writer, 7, (const char *[]){"first\n", "second\n", "third\n"}[writer]);
        if (r < 0) {
                fixture_say(text, "out.commits: %s",
                            r == -EPROTO ? "a later version of Squall wrote it" : strerror(-r));
                return r;
        }
        snprintf(path, sizeof(path), "%s/out", folder);
        bytes = take_file(path, &n);
        fixture_say(text, "%.*s", (int)n, bytes);
        free(bytes);
        return 0;
}

/* ---- Which runs have begun a file -------------------------------------------------------------------- */

static int
begin(const char *folder, const char *run)
{
        struct sqi_plan_task self = {0};
        struct sqi_plan plan = {.tasks = &self};
        struct sqi_driver driver = {.run = run};
        struct sq_task task = {.plan = &plan, .driver = &driver};
        char path[600];
        int fd, r;

        snprintf(path, sizeof(path), "%s/out", folder);
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        r = sq_begin_anew(&task, path, fd);
        close(fd);
        return r;
}

static void
make_begun(const char *folder)
{
        char path[600];

        assert_int_equal(begin(folder, "words-1-1800000000"), 1);
        assert_int_equal(begin(folder, "words-2-1800000060"), 1);
        snprintf(path, sizeof(path), "%s/out", folder);
        put_file(path, "a\nb\n", 4);
}

/* Tasks of both runs are started again, then one of another run; where they may not, the file is as it was. */
static int
read_begun(const char *folder, char text[FIXTURE_TEXT])
{
        static const char *const runs[] = {"words-1-1800000000", "words-2-1800000060", "words-1"};
        char path[600], *bytes;
        size_t n;
        int r = 0;

        for (size_t i = 0; i < 3 && r >= 0; i++) {
                r = begin(folder, runs[i]);
                fixture_say(text, "%s %d\n", runs[i], r);
        }
        if (r >= 0)
                return 0;
        snprintf(path, sizeof(path), "%s/out", folder);
        bytes = take_file(path, &n);
        assert_int_equal(n, 4);
        free(bytes);
        snprintf(text, FIXTURE_TEXT, "out.runs: %s",
                 r == -EPROTO ? "a later version of Squall wrote it" : strerror(-r));
        return r;
}

#define BEGUN "words-1-1800000000 0\nwords-2-1800000060 0\nwords-1 1\n"

/* ---- All --------------------------------------------------------------------------------------------- */

static const struct fixture fixtures[] = {
        {.folder = "files-1/journal/in-0",
         .below = "in-0",
         .file = "00000000000000000041",
         .beside = {"done"},
         .version_at = 3,
         .whole = TO_DO_1 LAST_1,
         .shortest = TO_DO_1,
         .read = read_journal},
        {.folder = "files-1/journal/in-0",
         .below = "in-0",
         .file = "done",
         .beside = {"00000000000000000041"},
         .version_at = 3,
         .whole = TO_DO_1 LAST_1,
         .instead = DONE_1 TO_DO_1 LAST_1,
         .read = read_journal},
        {.folder = "files-1/published",
         .below = "",
         .file = "out.commits",
         .beside = {"out"},
         .version_at = 3,
         .whole = "a\nb\nc\nsecond\nthird\n",
         .read = read_published},
        {.folder = "files-1/begun",
         .below = "",
         .file = "out.runs",
         .beside = {"out"},
         .whole = BEGUN,
         .read = read_begun},
        {.folder = "files-2/begun",
         .below = "",
         .file = "out.runs",
         .beside = {"out"},
         .version_at = 3,
         .whole = BEGUN,
         .read = read_begun},
};

int
main(int argc, char **argv)
{
        static const struct fixture_maker makers[] = {
                {"journal", make_journal}, {"published", make_published}, {"begun", make_begun}, {0}};
        const struct fixtures all = {fixtures, sizeof(fixtures) / sizeof(fixtures[0]), NULL, 0, makers};

        return fixture_main(argc, argv, &all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a daemon writes down, and reads again after anything may have happened to it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/lease.h"
#include "command/command.h"
#include "base/sealed.h"
#include "daemon/killed.h"
#include "daemon/requests.h"
#include "daemon/positions.h"
#include "daemon/state.h"

/* In place of the system's: while `stuck` is set nothing can be removed. */
static bool stuck;

int
unlinkat(int folder, const char *path, int flags)
{
        errno = EIO;
        return stuck ? -1 : (int)syscall(SYS_unlinkat, folder, path, flags);
}

struct place {
        char path[64];
        int fd;
};

static int
set_up(void **state)
{
        struct place *place = calloc(1, sizeof(*place));

        assert_non_null(place);
        strcpy(place->path, "/tmp/squall-st.XXXXXX");
        assert_non_null(mkdtemp(place->path));
        place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(place->fd >= 0);
        *state = place;
        return 0;
}

static int
tear_down(void **state)
{
        struct place *place = *state;

        close(place->fd);
        sqi_folder_remove(AT_FDCWD, place->path);
        free(place);
        return 0;
}

/* ---- Sealed files ------------------------------------------------------------------------------------ */

static void
assert_content(const struct place *place, const char *content, bool torn)
{
        bool was_torn;
        void *bytes;
        size_t size;

        assert_int_equal(sqi_sealed_read(place->fd, "file", &bytes, &size, &was_torn), 0);
        assert_int_equal(size, strlen(content));
        assert_memory_equal(bytes, content, size);
        assert_int_equal(was_torn, torn);
        free(bytes);
}

static void
what_was_sealed_is_read_again(void **state)
{
        const struct place *place = *state;
        bool torn;
        void *bytes;
        size_t size;

        assert_int_equal(sqi_sealed_read(place->fd, "file", &bytes, &size, &torn), -ENOENT);
        assert_int_equal(sqi_sealed_write(place->fd, "file", "one", 3), 0);
        assert_content(place, "one", false);
        assert_int_equal(sqi_sealed_write(place->fd, "file", "", 0), 0);
        assert_content(place, "", false);
}

/* Every length it may have been cut to, every byte that may be wrong. */
static void
a_torn_file_is_noticed_wherever_it_is_torn_and_the_one_before_it_used(void **state)
{
        const struct place *place = *state;
        char *whole;
        size_t size;

        assert_int_equal(sqi_sealed_write(place->fd, "file", "before", 6), 0);
        assert_int_equal(sqi_sealed_write(place->fd, "file", "after!", 6), 0);
        assert_int_equal(sqi_file_read(place->fd, "file", 1000, &whole, &size), 0);
        for (size_t cut = 0; cut < size; cut++) {
                assert_int_equal(sqi_file_write(place->fd, "file", whole, cut), 0);
                assert_content(place, "before", true);
        }
        for (size_t i = 0; i < size; i++) {
                whole[i] ^= 0x20;
                assert_int_equal(sqi_file_write(place->fd, "file", whole, size), 0);
                assert_content(place, "before", true);
                whole[i] ^= 0x20;
        }
        free(whole);
}

static void
between_the_two_renames_the_one_before_is_there(void **state)
{
        const struct place *place = *state;

        assert_int_equal(sqi_sealed_write(place->fd, "file", "before", 6), 0);
        assert_int_equal(renameat(place->fd, "file", place->fd, "file.old"), 0);
        assert_content(place, "before", false);
        assert_int_equal(sqi_sealed_write(place->fd, "file", "after", 5), 0);
        assert_content(place, "after", false);
}

static void
a_folder_goes_with_all_that_is_in_it(void **state)
{
        const struct place *place = *state;

        assert_int_equal(mkdirat(place->fd, "a", 0700), 0);
        assert_int_equal(mkdirat(place->fd, "a/b", 0700), 0);
        assert_int_equal(sqi_file_write(place->fd, "a/b/c", "x", 1), 0);
        assert_int_equal(symlinkat("/etc", place->fd, "a/etc"), 0);
        assert_int_equal(sqi_folder_remove(place->fd, "a"), 0);
        assert_int_equal(faccessat(place->fd, "a", F_OK, 0), -1);
        assert_int_equal(access("/etc/passwd", F_OK), 0);
        assert_int_equal(sqi_folder_remove(place->fd, "a"), 0);
}

/* ---- The state directory ----------------------------------------------------------------------------- */

static void
a_second_supervisor_is_told_the_pid_of_the_first(void **state)
{
        const struct place *place = *state;
        struct sqi_state first, second;
        char error[512], pid[32], path[80];

        snprintf(path, sizeof(path), "%s/deep/state", place->path);
        assert_int_equal(sqi_state_open(path, &first, error, sizeof(error)), 0);
        assert_int_equal(sqi_state_open(path, &second, error, sizeof(error)), -EWOULDBLOCK);
        snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
        assert_non_null(strstr(error, pid));
        sqi_state_close(&first);
        assert_int_equal(sqi_state_open(path, &second, error, sizeof(error)), 0);
        sqi_state_close(&second);
}

static void
a_directory_open_to_others_is_refused(void **state)
{
        const struct place *place = *state;
        struct sqi_state it;
        char error[512];

        assert_int_equal(chmod(place->path, 0750), 0);
        assert_int_equal(sqi_state_open(place->path, &it, error, sizeof(error)), -EPERM);
        assert_non_null(strstr(error, "chmod 700"));
}

static void
what_was_half_added_or_half_removed_is_swept_away(void **state)
{
        const struct place *place = *state;
        struct sqi_state it;
        char error[512];

        assert_int_equal(sqi_state_open(place->path, &it, error, sizeof(error)), 0);
        sqi_state_close(&it);
        assert_int_equal(mkdirat(place->fd, "topologies/.new-1", 0700), 0);
        assert_int_equal(mkdirat(place->fd, "topologies/.old-2", 0700), 0);
        assert_int_equal(mkdirat(place->fd, "topologies/stays", 0700), 0);
        assert_int_equal(sqi_state_open(place->path, &it, error, sizeof(error)), 0);
        assert_int_equal(faccessat(place->fd, "topologies/.new-1", F_OK, 0), -1);
        assert_int_equal(faccessat(place->fd, "topologies/.old-2", F_OK, 0), -1);
        assert_int_equal(faccessat(place->fd, "topologies/stays", F_OK, 0), 0);
        sqi_state_close(&it);
}

static void
write_at(const struct place *place, const char *path)
{
        int fd = openat(place->fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        close(fd);
}

static void
put_topology(const struct place *place, const char *name)
{
        char path[128];

        snprintf(path, sizeof(path), "topologies/%s", name);
        assert_int_equal(mkdirat(place->fd, path, 0700), 0);
        snprintf(path, sizeof(path), "topologies/%s/log", name);
        write_at(place, path);
        snprintf(path, sizeof(path), "topologies/%s/plan", name);
        write_at(place, path);
}

static void
of_a_removed_topology_the_log_is_left_and_nothing_else(void **state)
{
        const struct place *place = *state;
        struct sqi_state it;
        char error[512], path[PATH_MAX];

        assert_int_equal(sqi_state_open(place->path, &it, error, sizeof(error)), 0);
        put_topology(place, "words");
        write_at(place, "topologies/words/log.1");
        write_at(place, "topologies/words/log.2");
        assert_false(sqi_state_killed_log(&it, "words", path));
        assert_int_equal(sqi_state_remove(&it, &(struct sqi_record){.name = "words", .serial = "1"}), 0);
        assert_true(sqi_state_killed_log(&it, "words", path));
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(faccessat(place->fd, "topologies/words", F_OK, 0), -1);
        assert_int_equal(faccessat(place->fd, "killed/words/log.1", F_OK, 0), 0);
        assert_int_equal(faccessat(place->fd, "killed/words/log.2", F_OK, 0), -1);
        assert_int_equal(faccessat(place->fd, "killed/words/plan", F_OK, 0), -1);
        put_topology(place, "words"); /* killed again, it leaves its own log alone */
        assert_int_equal(sqi_state_remove(&it, &(struct sqi_record){.name = "words", .serial = "2"}), 0);
        assert_int_equal(faccessat(place->fd, "killed/words/log.1", F_OK, 0), -1);
        assert_false(sqi_state_killed_log(&it, "../topologies", path));
        sqi_state_close(&it);
}

static void
a_removal_that_was_cut_off_is_ended_by_the_next_supervisor(void **state)
{
        const struct place *place = *state;
        struct sqi_state it;
        char error[512];

        assert_int_equal(sqi_state_open(place->path, &it, error, sizeof(error)), 0);
        put_topology(place, "words");
        sqi_state_close(&it);
        assert_int_equal(renameat(place->fd, "topologies/words", place->fd, "killed/words"), 0);
        assert_int_equal(sqi_state_open(place->path, &it, error, sizeof(error)), 0);
        assert_int_equal(faccessat(place->fd, "killed/words/log", F_OK, 0), 0);
        assert_int_equal(faccessat(place->fd, "killed/words/plan", F_OK, 0), -1);
        sqi_state_close(&it);
}

static void
a_dropped_update_is_none_for_the_next_supervisor_though_nothing_could_be_removed(void **state)
{
        const struct place *place = *state;
        struct sqi_state it;
        char error[512];

        assert_int_equal(sqi_state_open(place->path, &it, error, sizeof(error)), 0);
        assert_int_equal(sqi_state_drop_next(&it, "words"), 0);
        put_topology(place, ".next-words");
        stuck = true;
        assert_int_equal(sqi_state_drop_next(&it, "words"), 0);
        stuck = false;
        assert_int_equal(faccessat(place->fd, "topologies/.next-words", F_OK, 0), -1);
        sqi_state_close(&it);
        assert_int_equal(sqi_state_open(place->path, &it, error, sizeof(error)), 0);
        sqi_state_close(&it);
        assert_int_equal(unlinkat(place->fd, "topologies", AT_REMOVEDIR), 0); /* it is empty */
}

static void
positions_that_cannot_be_dropped_are_still_there_and_that_is_said(void **state)
{
        const struct place *place = *state;
        struct sqi_position position = {.number = 7, .known = 1}, found;
        struct sqi_state it;
        uint64_t base;
        bool older;
        char error[512];

        assert_int_equal(sqi_state_open(place->path, &it, error, sizeof(error)), 0);
        assert_int_equal(sqi_positions_drop(&it, "words"), -ENOENT);
        assert_int_equal(mkdirat(place->fd, "topologies/words", 0700), 0);
        assert_int_equal(sqi_positions_drop(&it, "words"), 0);
        for (int i = 0; i < 2; i++)
                assert_int_equal(sqi_positions_put(&it, "words", 3, &position, 1), 0);
        stuck = true;
        assert_int_equal(sqi_positions_drop(&it, "words"), -EIO);
        stuck = false;
        assert_int_equal(sqi_positions_get(&it, "words", &base, &found, 1, &older, error, sizeof(error)), 0);
        assert_int_equal(base, 3);
        assert_int_equal(sqi_positions_drop(&it, "words"), 0);
        assert_int_equal(sqi_positions_get(&it, "words", &base, &found, 1, &older, error, sizeof(error)), 0);
        assert_true(base == SQI_NEVER);
        sqi_state_close(&it);
}

static void
positions_that_are_damaged_are_those_of_before_and_that_is_told(void **state)
{
        const struct place *place = *state;
        struct sqi_position found;
        struct sqi_state it;
        uint64_t base;
        bool older;
        char error[512];
        int fd;

        assert_int_equal(sqi_state_open(place->path, &it, error, sizeof(error)), 0);
        assert_int_equal(mkdirat(place->fd, "topologies/words", 0700), 0);
        for (uint64_t number = 7; number < 9; number++)
                assert_int_equal(
                        sqi_positions_put(&it, "words", 3, &(struct sqi_position){.number = number, .known = 1}, 1), 0);
        assert_int_equal(sqi_positions_get(&it, "words", &base, &found, 1, &older, error, sizeof(error)), 0);
        assert_int_equal(found.number, 8);
        assert_false(older);
        fd = openat(place->fd, "topologies/words/positions", O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert_int_equal(write(fd, "garbage", 7), 7);
        close(fd);
        assert_int_equal(sqi_positions_get(&it, "words", &base, &found, 1, &older, error, sizeof(error)), 0);
        assert_int_equal(found.number, 7);
        assert_true(older);
        assert_int_equal(sqi_positions_drop(&it, "words"), 0);
        sqi_state_close(&it);
}

static void
of_many_that_were_killed_the_last_are_kept(void **state)
{
        const struct place *place = *state;
        struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
        struct sqi_state it;
        char error[512], path[PATH_MAX];

        assert_int_equal(sqi_state_open(place->path, &it, error, sizeof(error)), 0);
        for (int i = 0; i <= SQI_KILLED_KEPT; i++) {
                struct sqi_record record = {.serial = "1"};

                snprintf(record.name, sizeof(record.name), "t%d", i);
                put_topology(place, record.name);
                assert_int_equal(sqi_state_remove(&it, &record), 0);
                if (i == 3)
                        assert_int_equal(utimensat(place->fd, "killed/t3", long_ago, 0), 0);
        }
        assert_false(sqi_state_killed_log(&it, "t3", path));
        for (int i = 0; i <= SQI_KILLED_KEPT; i++) {
                char name[16];

                snprintf(name, sizeof(name), "t%d", i);
                assert_int_equal(sqi_state_killed_log(&it, name, path), i != 3);
        }
        sqi_state_close(&it);
}

static void
a_record_comes_back_as_it_was(void **state)
{
        const struct place *place = *state;
        struct sqi_record record = {.name = "words",
                                    .serial = "0123",
                                    .wish = SQI_WISH_INACTIVE,
                                    .drain_secs = 2.5,
                                    .outcome = SQI_OUTCOME_FAILED,
                                    .cause = "no such file",
                                    .submitted = 1700000000,
                                    .began = 1700000001,
                                    .runs = 7,
                                    .rundir = "/run/squall/top-1"};
        struct sqi_record again;
        struct sqi_state it;
        char error[512];
        bool torn;

        assert_int_equal(sqi_state_open(place->path, &it, error, sizeof(error)), 0);
        assert_int_equal(mkdirat(place->fd, "topologies/words", 0700), 0);
        memset(record.request, 9, sizeof(record.request));
        assert_int_equal(sqi_state_put(&it, &record), 0);
        assert_int_equal(sqi_state_get(&it, "words", &again, &torn), 0);
        assert_false(torn);
        assert_string_equal(again.name, "words");
        assert_string_equal(again.serial, "0123");
        assert_string_equal(again.cause, "no such file");
        assert_string_equal(again.rundir, "/run/squall/top-1");
        assert_memory_equal(again.request, record.request, sizeof(record.request));
        assert_int_equal(again.wish, SQI_WISH_INACTIVE);
        assert_int_equal(again.outcome, SQI_OUTCOME_FAILED);
        assert_int_equal(again.runs, 7);
        assert_true(again.drain_secs > 2.4 && again.drain_secs < 2.6);
        sqi_state_close(&it);
}

static void
an_answer_is_kept_for_the_next_supervisor_until_256_others_have_come(void **state)
{
        const struct place *place = *state;
        struct sqi_answers *answers = calloc(2, sizeof(*answers));
        struct sqi_answer answer = {.id = {1}, .status = 0, .name = "words", .serial = "77"};
        struct sqi_state it;
        char error[512];

        assert_non_null(answers);
        assert_int_equal(sqi_state_open(place->path, &it, error, sizeof(error)), 0);
        assert_int_equal(sqi_state_put_answer(&it, &answers[0], &answer), 0);
        assert_int_equal(sqi_state_get_answers(&it, &answers[1]), 0);
        assert_non_null(sqi_answers_find(&answers[1], answer.id));
        assert_string_equal(sqi_answers_find(&answers[1], answer.id)->serial, "77");
        for (int i = 0; i < SQI_ANSWERS; i++) {
                struct sqi_answer other = {.id = {2, (uint8_t)i}};

                assert_non_null(sqi_answers_find(&answers[1], answer.id));
                assert_int_equal(sqi_state_put_answer(&it, &answers[1], &other), 0);
        }
        assert_null(sqi_answers_find(&answers[1], answer.id));
        sqi_state_close(&it);
        free(answers);
}

/* ---- Leases ------------------------------------------------------------------------------------------ */

static void
the_lease_tells_who_holds_it_and_in_which_incarnation(void **state)
{
        const struct place *place = *state;
        int told[2], end[2];
        uint32_t incarnation = 0;
        pid_t pid = 0, child;
        char byte = 0;

        assert_int_equal(sqi_lease_holder(place->path, 3, &pid, &incarnation), -ENOENT);
        assert_int_equal(sqi_lease_begin(place->path, 3, 5), 0);
        assert_int_equal(sqi_lease_holder(place->path, 3, &pid, &incarnation), 0);
        assert_int_equal(pid, 0);
        assert_int_equal(incarnation, 5);
        assert_int_equal(pipe(told), 0);
        assert_int_equal(pipe(end), 0);
        child = fork();
        if (child == 0) {
                close(end[1]);
                byte = sqi_lease_take(place->path, 3, 5) >= 0;
                _exit(write(told[1], &byte, 1) == 1 && read(end[0], &byte, 1) == 0 ? 0 : 1);
        }
        assert_int_equal(read(told[0], &byte, 1), 1);
        assert_int_equal(byte, 1);
        assert_int_equal(sqi_lease_holder(place->path, 3, &pid, &incarnation), 0);
        assert_int_equal(pid, child);
        assert_int_equal(incarnation, 5);
        close(end[1]);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_int_equal(sqi_lease_holder(place->path, 3, &pid, &incarnation), 0);
        assert_int_equal(pid, 0);
        close(told[0]);
        close(told[1]);
        close(end[0]);
}

/* ---- Commands ---------------------------------------------------------------------------------------- */

static void
a_request_comes_back_as_it_was(void **state)
{
        struct sqi_request request = {.id = {1, 2, 3},
                                      .command = SQI_COMMAND_KILL,
                                      .name = {"words", 5},
                                      .seconds = 1.5},
                           again = {.seconds = 0};
        void *bytes;
        size_t size;

        (void)state;
        assert_int_equal(sqi_request_encode(&request, &bytes, &size), 0);
        assert_int_equal(sqi_request_decode(bytes, size, &again), 0);
        assert_int_equal(again.command, SQI_COMMAND_KILL);
        assert_memory_equal(again.id, request.id, SQI_REQUEST_ID);
        assert_int_equal(again.name.len, 5);
        assert_memory_equal(again.name.ptr, "words", 5);
        assert_true(again.seconds > 1.4 && again.seconds < 1.6);
        for (size_t cut = 0; cut < size; cut++)
                assert_int_equal(sqi_request_decode(bytes, cut, &again), -EBADMSG);
        free(bytes);
}

static void
a_request_of_another_version_is_answered_to_its_id(void **state)
{
        struct sqi_request request = {.id = {1, 2, 3}, .command = SQI_COMMAND_LIST, .seconds = -1},
                           again = {.seconds = 0};
        void *bytes;
        size_t size;

        (void)state;
        assert_int_equal(sqi_request_encode(&request, &bytes, &size), 0);
        ((uint8_t *)bytes)[1]++;
        assert_int_equal(sqi_request_decode(bytes, size, &again), -EPROTO);
        assert_memory_equal(again.id, request.id, SQI_REQUEST_ID);
        free(bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_was_sealed_is_read_again),
                TEST(a_torn_file_is_noticed_wherever_it_is_torn_and_the_one_before_it_used),
                TEST(between_the_two_renames_the_one_before_is_there),
                TEST(a_folder_goes_with_all_that_is_in_it),
                TEST(a_second_supervisor_is_told_the_pid_of_the_first),
                TEST(a_directory_open_to_others_is_refused),
                TEST(what_was_half_added_or_half_removed_is_swept_away),
                TEST(of_a_removed_topology_the_log_is_left_and_nothing_else),
                TEST(a_removal_that_was_cut_off_is_ended_by_the_next_supervisor),
                TEST(a_dropped_update_is_none_for_the_next_supervisor_though_nothing_could_be_removed),
                TEST(positions_that_cannot_be_dropped_are_still_there_and_that_is_said),
                TEST(positions_that_are_damaged_are_those_of_before_and_that_is_told),
                TEST(of_many_that_were_killed_the_last_are_kept),
                TEST(a_record_comes_back_as_it_was),
                TEST(an_answer_is_kept_for_the_next_supervisor_until_256_others_have_come),
                TEST(the_lease_tells_who_holds_it_and_in_which_incarnation),
                TEST(a_request_comes_back_as_it_was),
                TEST(a_request_of_another_version_is_answered_to_its_id),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

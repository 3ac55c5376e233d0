/* SPDX-License-Identifier: Apache-2.0 */
/* Keyed state that is handed on: written by one instance of a component, read by the next, of another version maybe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>
#include <xxhash.h>

#include "../shared/folder.h"
#include "control/manifest.h"
#include "rig/rig.h"
#include "made.h"
#include "task/snapshot.h"

enum {
        HEAD_VERSION = 3,
        HEAD_NTASKS = 8,
        HEAD_ROUTING = 24,
        HEAD_STATE_VERSION = 40,
        HEAD_NGONE = 48,
        HEAD_SIZE = 56,
        ENDS = 32,
        ROOM = 4096
};

/* What the task would write down. */
static size_t
save(const struct sq_rig *rig, char *bytes, size_t size)
{
        int fd = memfd_create("snapshot", MFD_CLOEXEC);
        ssize_t n;

        assert_true(fd >= 0);
        assert_int_equal(sqi_snapshot_save(rig->task, fd), 0);
        n = pread(fd, bytes, size, 0);
        assert_true(n >= HEAD_SIZE && (size_t)n < size);
        close(fd);
        return (size_t)n;
}

/* A new instance that reads it. */
static int
begin_from(struct sq_rig *rig, const char *bytes, size_t size)
{
        int fd = memfd_create("snapshot", MFD_CLOEXEC), r;

        assert_int_equal(write(fd, bytes, size), (ssize_t)size);
        assert_int_equal(sqi_task_renew(rig->task), 0);
        r = sqi_snapshot_load(rig->task, fd);
        close(fd);
        return r;
}

/* A component that has seen these two words, and what it would write down. */
static struct sq_rig *
make_seen(const char *component, const char *first, const char *second, char bytes[ROOM], size_t *ret_n)
{
        struct sq_rig *rig = make_rig_of(component);

        sq_rig_execute(rig, NULL, first);
        sq_rig_execute(rig, NULL, second);
        *ret_n = save(rig, bytes, ROOM);
        sq_rig_emitted(rig, NULL);
        return rig;
}

static void
emits_for(struct sq_rig *rig, const char *tuple, const char *expected)
{
        sq_rig_execute(rig, NULL, tuple);
        assert_string_equal(sq_rig_emitted(rig, NULL), expected);
}

static const char STORM[] = "{word: storm}";

/* Without what the version did not have: the number of keys that are gone, and the ends of keys and sections; before 4,
 * the version of the state, too. */
static size_t
turn_into(char version, const char *bytes, size_t n, char old[ROOM])
{
        size_t head = version == 3 ? HEAD_STATE_VERSION : HEAD_NGONE;

        memcpy(old, bytes, head);
        old[HEAD_VERSION] = version;
        memcpy(old + head, bytes + HEAD_SIZE, n - HEAD_SIZE - ENDS);
        return head + n - HEAD_SIZE - ENDS;
}

static void
reads_what_earlier_formats_wrote(void **state)
{
        char bytes[ROOM], old[ROOM];
        size_t n;
        struct sq_rig *rig = make_seen("bolts/count", STORM, STORM, bytes, &n);

        (void)state;
        assert_int_equal(bytes[HEAD_VERSION], 6);
        for (char version = 3; version < 6; version++) {
                assert_int_equal(begin_from(rig, old, turn_into(version, bytes, n, old)), 0);
                emits_for(rig, STORM, "{\"word\":\"storm\",\"count\":3}\n");
        }
        sq_rig_free(&rig);
}

static void
refuses_what_a_later_format_would_write(void **state)
{
        char bytes[ROOM];
        size_t n;
        struct sq_rig *rig = make_seen("bolts/count", STORM, STORM, bytes, &n);

        (void)state;
        bytes[HEAD_VERSION]++;
        assert_int_equal(begin_from(rig, bytes, n), -1);
        sq_rig_free(&rig);
}

/* As the version before has written it: each state is as good as one of that. */
static void
say_it_is_of(char *bytes, uint32_t version)
{
        memcpy(bytes + HEAD_STATE_VERSION, &version, sizeof(version));
}

static void
migrates_the_state_of_another_version(void **state)
{
        char bytes[ROOM];
        size_t n;
        struct sq_rig *rig = make_seen("tests/components/migrating", STORM, STORM, bytes, &n);

        (void)state;
        say_it_is_of(bytes, 1);
        assert_int_equal(begin_from(rig, bytes, n), 0);
        emits_for(rig, STORM, "{\"word\":\"storm\",\"n\":1,\"before\":2}\n");
        sq_rig_free(&rig);
}

static void
does_not_begin_with_state_that_migrate_refuses(void **state)
{
        char bytes[ROOM];
        size_t n;
        struct sq_rig *rig = make_seen("tests/components/migrating", STORM, STORM, bytes, &n);

        (void)state;
        say_it_is_of(bytes, 7);
        assert_int_equal(begin_from(rig, bytes, n), -1);
        assert_true(rig->task->final);
        assert_string_equal(rig->task->error, "no state of version 7 can be read (storm)");
        sq_rig_free(&rig);
}

/* `count` has no migrate. */
static void
begins_without_state_that_does_not_fit_only_where_the_plan_says_so(void **state)
{
        char bytes[ROOM];
        size_t n;
        struct sq_rig *rig = make_seen("bolts/count", STORM, STORM, bytes, &n);

        (void)state;
        say_it_is_of(bytes, 7);
        assert_int_equal(begin_from(rig, bytes, n), -1);
        sq_rig_free(&rig);
        rig = make_seen("bolts/count", STORM, STORM, bytes, &n);
        say_it_is_of(bytes, 7);
        rig->plan->lose_state = true;
        assert_int_equal(begin_from(rig, bytes, n), 0);
        emits_for(rig, STORM, "{\"word\":\"storm\",\"count\":1}\n");
        sq_rig_free(&rig);
}

/* As one of two tasks has written it, whose tuples are dealt out by the fields of nothing. */
static void
say_it_is_of_two(struct sq_rig *rig, char *bytes, uint32_t index)
{
        const uint32_t tasks[] = {2, index};
        const uint64_t routing = 1;

        for (uint32_t e = 0; e < rig->plan->nedges; e++)
                rig->plan->edges[e] = (struct sqi_plan_edge){.from = rig->plan->edges[e].from,
                                                             .stream = rig->plan->edges[e].stream,
                                                             .to = rig->plan->edges[e].to,
                                                             .grouping = SQI_FIELDS};
        memcpy(bytes + HEAD_NTASKS, tasks, sizeof(tasks));
        memcpy(bytes + HEAD_ROUTING, &routing, sizeof(routing));
}

/* A new instance that reads what two tasks have written. */
static int
begin_from_two(struct sq_rig *rig, char *first, char *second, size_t n)
{
        int fd = memfd_create("snapshot", MFD_CLOEXEC), r;

        say_it_is_of_two(rig, first, 0);
        say_it_is_of_two(rig, second, 1);
        r = begin_from(rig, first, n);
        assert_int_equal(write(fd, second, n), (ssize_t)n);
        r = r == 0 ? sqi_snapshot_load(rig->task, fd) : r;
        close(fd);
        return r;
}

static void
puts_the_keys_of_two_tasks_together(void **state)
{
        char storm[ROOM], other[ROOM];
        size_t n;
        struct sq_rig *rig = make_seen("bolts/count", STORM, STORM, storm, &n);

        (void)state;
        sq_rig_free(&rig);
        rig = make_seen("bolts/count", "{word: gales}", "{word: gales}", other, &n);
        assert_int_equal(begin_from_two(rig, storm, other, n), 0);
        emits_for(rig, STORM, "{\"word\":\"storm\",\"count\":3}\n");
        emits_for(rig, "{word: gales}", "{\"word\":\"gales\",\"count\":3}\n");
        sq_rig_free(&rig);
}

static void
does_not_let_one_task_overwrite_a_key_that_another_had_too(void **state)
{
        char bytes[ROOM], other[ROOM];
        size_t n;
        struct sq_rig *rig = make_seen("bolts/count", STORM, STORM, bytes, &n);

        (void)state;
        memcpy(other, bytes, n);
        assert_int_equal(begin_from_two(rig, bytes, other, n), -1);
        assert_non_null(strstr(rig->task->error, "several tasks had one key"));
        sq_rig_free(&rig);
        rig = make_seen("bolts/count", STORM, STORM, bytes, &n);
        memcpy(other, bytes, n);
        rig->plan->lose_state = true;
        assert_int_equal(begin_from_two(rig, bytes, other, n), 0);
        emits_for(rig, STORM, "{\"word\":\"storm\",\"count\":3}\n");
        sq_rig_free(&rig);
}

static void
names_a_file_that_is_cut_short_anywhere(void **state)
{
        char bytes[ROOM];
        size_t n;
        struct sq_rig *rig = make_seen("tests/components/owner", STORM, STORM, bytes, &n);

        (void)state;
        for (size_t cut = 1; cut < n; cut++)
                assert_int_equal(begin_from(rig, bytes, cut), -1);
        sq_rig_free(&rig);
}

static void
hands_on_what_a_key_owns(void **state)
{
        char bytes[ROOM];
        size_t n;
        struct sq_rig *rig = make_seen("tests/components/owner", "{word: ab}", "{word: cab}", bytes, &n);

        (void)state;
        assert_int_equal(begin_from(rig, bytes, n), 0);
        emits_for(rig, "{word: a}", "{\"words\":\"ab cab a\",\"letters\":\"a3b2c1\"}\n");
        sq_rig_free(&rig);
}

static struct sq_str
text(const char *chars)
{
        return (struct sq_str){chars, strlen(chars)};
}

/* Values, a batch in transit by the inbox and one by the feedback, and a finish that was called. */
static size_t
save_all_sections(struct sq_rig *rig, char *bytes, size_t size)
{
        struct sq_task *task = rig->task;

        sq_rig_execute(rig, NULL, "{word: ab}");
        assert_int_equal(sqi_own_values_set(&task->instance.values, text("file"), text("old")), 0);
        assert_int_equal(sqi_own_values_set(&task->instance.values, text("none"), text("")), 0);
        assert_int_equal(sqi_own_values_set(&task->instance.values, text("file"), text("12 bytes")), 0);
        assert_int_equal(sqi_transit_copy(&task->transit, "a batch", 7, false), 0);
        assert_int_equal(sqi_transit_copy(&task->transit, "fed back", 8, true), 0);
        task->over = true;
        size = save(rig, bytes, size);
        task->over = false;
        sqi_transit_clear(&task->transit);
        return size;
}

static void
assert_transit(struct sq_task *task, const char *content, bool by_feedback)
{
        zmq_msg_t message;
        bool feedback = !by_feedback;

        zmq_msg_init(&message);
        assert_true(sqi_transit_take(&task->transit, &message, &feedback));
        assert_int_equal(zmq_msg_size(&message), strlen(content));
        assert_memory_equal(zmq_msg_data(&message), content, strlen(content));
        assert_int_equal(feedback, by_feedback);
        zmq_msg_close(&message);
}

static void
hands_on_values_batches_in_transit_and_that_it_is_over(void **state)
{
        struct sq_rig *rig = make_rig_of("tests/components/owner");
        const struct sqi_own_value *value;
        char bytes[4096];
        size_t n = save_all_sections(rig, bytes, sizeof(bytes));

        (void)state;
        assert_int_equal(begin_from(rig, bytes, n), 0);
        assert_true(rig->task->over);
        assert_int_equal(rig->task->instance.values.n, 2);
        value = sqi_own_values_find(&rig->task->instance.values, text("file"));
        assert_non_null(value);
        assert_int_equal(value->bytes.len, 8);
        assert_memory_equal(value->bytes.ptr, "12 bytes", 8);
        value = sqi_own_values_find(&rig->task->instance.values, text("none"));
        assert_non_null(value);
        assert_int_equal(value->bytes.len, 0);
        assert_transit(rig->task, "a batch", false);
        assert_transit(rig->task, "fed back", true);
        assert_null(rig->task->transit.first);
        sq_rig_free(&rig);
}

static void
says_of_who_has_nothing_else_that_it_is_over(void **state)
{
        struct sq_rig *rig = make_rig_of("tests/components/owner");
        char bytes[4096];
        size_t n;

        (void)state;
        rig->task->over = true;
        n = save(rig, bytes, sizeof(bytes));
        rig->task->over = false;
        assert_int_equal(begin_from(rig, bytes, n), 0);
        assert_true(rig->task->over);
        sq_rig_free(&rig);
}

/* The same run begins with it again, or another one does. */
static void
what_was_told_to_end_is_over_for_its_own_run_alone(void **state)
{
        struct sq_rig *rig = make_rig_of("tests/components/owner");
        struct sq_task *task = rig->task;
        char told[4096], by_itself[4096];
        size_t n, m;

        (void)state;
        task->over = true;
        m = save(rig, by_itself, sizeof(by_itself));
        task->watermarks.drained = true;
        n = save(rig, told, sizeof(told));
        task->over = task->watermarks.drained = false;
        assert_int_equal(begin_from(rig, told, n), 0);
        assert_true(task->over && task->watermarks.drained);
        task->over = task->watermarks.drained = false;
        task->handover.anew = true;
        assert_int_equal(begin_from(rig, told, n), 0);
        assert_false(task->over || task->watermarks.drained);
        assert_int_equal(begin_from(rig, by_itself, m), 0);
        assert_true(task->over);
        sq_rig_free(&rig);
}

static void
put_part(const struct sq_rig *rig, int folder, const char *bytes, size_t n, struct sqi_manifest_file *ret)
{
        uint32_t index;
        int fd;

        memcpy(&index, bytes + HEAD_NTASKS + sizeof(index), sizeof(index));
        snprintf(ret->name, sizeof(ret->name), "%s.%u", rig->task->component->id, index);
        ret->size = n;
        ret->sum = XXH3_64bits(bytes, n);
        fd = openat(folder, ret->name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, bytes, n), (ssize_t)n);
        close(fd);
}

/* A snapshot of two tasks. */
static void
write_two(struct sq_rig *rig, char *first, char *second, size_t n, char path[64])
{
        struct sqi_manifest_file files[2] = {0};
        struct sqi_manifest manifest = {.epoch = 1, .topology = "t", .nfiles = 2, .files = files};
        int folder;

        make_folder(path, 64, "handed-on");
        folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        say_it_is_of_two(rig, first, 0);
        say_it_is_of_two(rig, second, 1);
        put_part(rig, folder, first, n, &files[0]);
        put_part(rig, folder, second, n, &files[1]);
        assert_int_equal(sqi_manifest_write(folder, &manifest), 0);
        close(folder);
}

/* One task goes on from it. */
static int
restore_two(struct sq_rig *rig, char *first, char *second, size_t n)
{
        char path[64];
        int r;

        write_two(rig, first, second, n, path);
        snprintf(rig->task->handover.restore, sizeof(rig->task->handover.restore), "%s", path);
        assert_int_equal(sqi_task_renew(rig->task), 0);
        r = sqi_snapshot_restore(rig->task);
        remove_folder(path);
        return r;
}

static void
is_over_where_all_of_another_number_of_tasks_were(void **state)
{
        struct sq_rig *rig = make_rig_of("tests/components/owner");
        char first[ROOM], second[ROOM];
        size_t n;

        (void)state;
        rig->task->over = true;
        n = save(rig, first, sizeof(first));
        memcpy(second, first, n);
        rig->task->over = false;
        assert_int_equal(restore_two(rig, first, second, n), 0);
        assert_true(rig->task->over);
        sq_rig_free(&rig);
}

static void
of_another_number_of_tasks_who_was_told_to_end_goes_on(void **state)
{
        struct sq_rig *rig = make_rig_of("tests/components/owner");
        char first[ROOM], second[ROOM];
        size_t n;

        (void)state;
        rig->task->over = rig->task->watermarks.drained = true;
        n = save(rig, first, sizeof(first));
        memcpy(second, first, n);
        rig->task->over = rig->task->watermarks.drained = false;
        rig->task->handover.anew = true;
        assert_int_equal(restore_two(rig, first, second, n), 0);
        assert_false(rig->task->over || rig->task->watermarks.drained);
        sq_rig_free(&rig);
}

static void
does_not_begin_from_another_epoch_than_it_is_told(void **state)
{
        char storm[ROOM], other[ROOM];
        size_t n;
        struct sq_rig *rig = make_seen("bolts/count", STORM, STORM, storm, &n);

        (void)state;
        sq_rig_free(&rig);
        rig = make_seen("bolts/count", "{word: gales}", "{word: gales}", other, &n);
        rig->task->handover.restored = 2;
        assert_int_equal(restore_two(rig, storm, other, n), -1);
        assert_non_null(strstr(rig->task->error, "manifest: it is of another epoch: put back what was there"));
        rig->task->failed = 0;
        rig->task->handover.restored = 1;
        assert_int_equal(restore_two(rig, storm, other, n), 0);
        sq_rig_free(&rig);
}

static void
shows_signs_of_life_while_it_reads_many_keys(void **state)
{
        enum { KEYS = 10000 };
        struct sq_rig *rig = make_rig_of("bolts/count");
        int fd = memfd_create("snapshot", MFD_CLOEXEC);
        uint64_t before;

        (void)state;
        for (int i = 0; i < KEYS; i++) {
                char tuple[32];

                snprintf(tuple, sizeof(tuple), "{word: w%d}", i);
                sq_rig_execute(rig, NULL, tuple);
        }
        assert_int_equal(sqi_snapshot_save(rig->task, fd), 0);
        assert_int_equal(sqi_task_renew(rig->task), 0);
        before = rig->task->metrics->loops;
        assert_int_equal(sqi_snapshot_load(rig->task, fd), 0);
        assert_int_equal(sqi_keyed_count(rig->task->instance.keyed), KEYS);
        assert_true(rig->task->metrics->loops >= before + 2);
        close(fd);
        sq_rig_free(&rig);
}

static void
what_is_held_open_may_be_removed(void **state)
{
        struct sqi_snapshot_held held = {0};
        char storm[ROOM], other[ROOM], path[64];
        size_t n;
        struct sq_rig *rig = make_seen("bolts/count", STORM, STORM, storm, &n);

        (void)state;
        sq_rig_free(&rig);
        rig = make_seen("bolts/count", "{word: gales}", "{word: gales}", other, &n);
        write_two(rig, storm, other, n, path);
        assert_int_equal(sqi_snapshot_hold(path, rig->task->component->id, &held), 0);
        remove_folder(path);
        assert_int_equal(sqi_task_renew(rig->task), 0);
        for (int times = 0; times < 2; times++) {
                assert_int_equal(sqi_snapshot_take_held(rig->task, &held), 0);
                assert_int_equal(sqi_keyed_count(rig->task->instance.keyed), 2);
                assert_int_equal(sqi_task_renew(rig->task), 0);
        }
        sqi_snapshot_let_go(&held);
        assert_int_equal(sqi_snapshot_hold(path, rig->task->component->id, &held), -ENOENT);
        sqi_snapshot_let_go(&held);
        sq_rig_free(&rig);
}

static void
names_sections_that_are_cut_short_anywhere(void **state)
{
        struct sq_rig *rig = make_rig_of("tests/components/owner");
        char bytes[4096];
        size_t n = save_all_sections(rig, bytes, sizeof(bytes));

        (void)state;
        for (size_t cut = HEAD_SIZE; cut < n; cut++)
                assert_int_equal(begin_from(rig, bytes, cut), -1);
        sq_rig_free(&rig);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_what_earlier_formats_wrote),
                cmocka_unit_test(refuses_what_a_later_format_would_write),
                cmocka_unit_test(migrates_the_state_of_another_version),
                cmocka_unit_test(does_not_begin_with_state_that_migrate_refuses),
                cmocka_unit_test(begins_without_state_that_does_not_fit_only_where_the_plan_says_so),
                cmocka_unit_test(hands_on_what_a_key_owns),
                cmocka_unit_test(puts_the_keys_of_two_tasks_together),
                cmocka_unit_test(does_not_let_one_task_overwrite_a_key_that_another_had_too),
                cmocka_unit_test(names_a_file_that_is_cut_short_anywhere),
                cmocka_unit_test(hands_on_values_batches_in_transit_and_that_it_is_over),
                cmocka_unit_test(says_of_who_has_nothing_else_that_it_is_over),
                cmocka_unit_test(what_was_told_to_end_is_over_for_its_own_run_alone),
                cmocka_unit_test(is_over_where_all_of_another_number_of_tasks_were),
                cmocka_unit_test(of_another_number_of_tasks_who_was_told_to_end_goes_on),
                cmocka_unit_test(does_not_begin_from_another_epoch_than_it_is_told),
                cmocka_unit_test(shows_signs_of_life_while_it_reads_many_keys),
                cmocka_unit_test(what_is_held_open_may_be_removed),
                cmocka_unit_test(names_sections_that_are_cut_short_anywhere),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of epochs that hold only what has changed: by whatever steps a task came to its keys, it goes on from each of
 * its parts with those that it had then, in their order; or in any, where it went on while they were written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "../shared/folder.h"
#include "rig/rig.h"
#include "../shared/draw.h"
#include "made.h"
#include "state/part_log.h"
#include "state/part_writer.h"
#include "task/snapshot.h"
#include "task/task.h"

enum { KEYS = 200, PART = 3, EPOCHS = 150 };

struct world {
        struct sq_rig *rig, *other, *then;
        struct sqi_part_log *log;
        char folder[64], path[128];
        uint64_t random, epoch, size, sum;
        unsigned grown, merged, dropped;
        unsigned beside; /* steps of the task, at most, between two portions of a part; 0: it is written at once */
        int as_of;       /* what it had then, in a file of its own */
};

static struct sq_str
name(char buffer[32], uint64_t number)
{
        return (struct sq_str){buffer, (size_t)snprintf(buffer, 32, "%.*s%llu", (int)(number % 20),
                                                        "keys of many lengths", (unsigned long long)number)};
}

static void
change_part(struct world *world, const void *state)
{
        struct sqi_keyed *keyed = world->rig->task->instance.keyed;
        struct sqi_part *part = sqi_part_get(sqi_keyed_parts(keyed, state), PART);
        uint64_t element = draw(&world->random, 4);
        struct sq_str key = {(const char *)&element, sizeof(element)};
        struct sqi_block *block = sqi_block_find(sqi_keyed_owned(keyed), part, key);

        sqi_keyed_touch(keyed, state);
        if (block && draw(&world->random, 3) == 0)
                sqi_block_forget(sqi_keyed_owned(keyed), block);
        else
                memset(sqi_block_get(sqi_keyed_owned(keyed), part, key, 8), (int)draw(&world->random, 256), 8);
}

static void
step(struct world *world)
{
        char buffer[32];
        struct sq_str key = name(buffer, draw(&world->random, KEYS));
        void *state;

        if (draw(&world->random, 4) == 0) {
                sq_keyed_forget(world->rig->task, key);
                return;
        }
        state = sq_keyed(world->rig->task, key);
        if (draw(&world->random, 3) == 0)
                change_part(world, state);
        else
                *(uint8_t *)state = (uint8_t)draw(&world->random, 256);
}

/* True: the part is given up in the middle. */
static bool
go_on_beside(struct world *world, struct sqi_snapshot_writing **writing)
{
        bool gives_up = draw(&world->random, 20) == 0;

        world->as_of = memfd_create("as of", MFD_CLOEXEC);
        assert_int_equal(sqi_snapshot_save(world->rig->task, world->as_of), 0);
        for (unsigned turn = 0; sqi_snapshot_go_on(*writing, draw(&world->random, 12)); turn++) {
                if (gives_up && turn == 3) {
                        sqi_snapshot_drop(writing);
                        world->dropped++;
                        return true;
                }
                for (uint64_t n = draw(&world->random, world->beside); n > 0; n--)
                        step(world);
        }
        return false;
}

/* False: it was given up. */
static bool
write_epoch(struct world *world)
{
        struct sqi_snapshot_writing *writing;
        uint64_t before = world->size;
        struct stat about;
        char path[192];

        snprintf(world->path, sizeof(world->path), "%s/%llu", world->folder, (unsigned long long)++world->epoch);
        assert_int_equal(mkdir(world->path, 0700), 0);
        assert_int_equal(sqi_snapshot_begin(world->rig->task, world->epoch, world->path, -1, &world->log, &writing), 0);
        if (world->beside && go_on_beside(world, &writing)) {
                close(world->as_of);
                return false;
        }
        sqi_snapshot_end(writing);
        assert_true(sqi_snapshot_is_done(writing));
        assert_int_equal(sqi_snapshot_close(&writing, &world->size, &world->sum, &world->log), 0);
        snprintf(path, sizeof(path), "%s/%s.0", world->path, world->rig->task->component->id);
        assert_int_equal(stat(path, &about), 0);
        world->grown += about.st_nlink > 1;
        world->merged += about.st_nlink == 1 && world->size < before;
        return true;
}

/* The part as the manifest means it: as many bytes as were told, with their checksum. */
static int
open_part(const struct world *world)
{
        int part = memfd_create("part", MFD_CLOEXEC), fd;
        char path[192];
        void *bytes;

        snprintf(path, sizeof(path), "%s/%s.0", world->path, world->rig->task->component->id);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        bytes = mmap(NULL, world->size, PROT_READ, MAP_PRIVATE, fd, 0);
        assert_true(bytes != MAP_FAILED);
        assert_true(XXH3_64bits(bytes, world->size) == world->sum);
        assert_int_equal(write(part, bytes, world->size), world->size);
        munmap(bytes, world->size);
        close(fd);
        return part;
}

static void
compare_parts(const struct sqi_part *one, const struct sqi_part *two)
{
        struct sqi_block *a = one ? one->first : NULL, *b = two ? two->first : NULL;

        for (; a && b; a = a->next, b = b->next) {
                assert_int_equal(a->len, b->len);
                assert_memory_equal(a->key, b->key, a->len);
                assert_int_equal(a->size, b->size);
                assert_memory_equal(sqi_block_bytes(a), sqi_block_bytes(b), a->size);
        }
        assert_true(!a && !b);
}

static void
compare(const struct sq_task *one, const struct sq_task *two)
{
        size_t size = sqi_component_key_state(one->instance.code), here = 0, there = 0;
        struct sq_str key, other;
        void *state, *restored;

        assert_int_equal(sq_keyed_count(one), sq_keyed_count(two));
        while (sqi_keyed_step(one->instance.keyed, &here, &key, &state)) {
                assert_true(sqi_keyed_step(two->instance.keyed, &there, &other, &restored));
                assert_int_equal(key.len, other.len);
                assert_memory_equal(key.ptr, other.ptr, key.len);
                assert_memory_equal(state, restored, size);
                compare_parts(sqi_part_find(*sqi_keyed_parts(one->instance.keyed, state), PART),
                              sqi_part_find(*sqi_keyed_parts(two->instance.keyed, restored), PART));
        }
}

static void
load_into(struct sq_rig *rig, int fd)
{
        assert_int_equal(sqi_task_renew(rig->task), 0);
        assert_int_equal(sqi_snapshot_load(rig->task, fd), 0);
        close(fd);
}

static void
goes_on_from(struct world *world)
{
        load_into(world->other, open_part(world));
        compare(world->rig->task, world->other->task);
}

static void
compare_in_any_order(const struct sq_task *one, const struct sq_task *two)
{
        size_t size = sqi_component_key_state(one->instance.code), at = 0;
        struct sq_str key;
        void *state, *other;
        uint64_t route;

        assert_int_equal(sq_keyed_count(one), sq_keyed_count(two));
        while (one->instance.keyed && sqi_keyed_step_routed(one->instance.keyed, &at, &key, &state, &route)) {
                other = two->instance.keyed ? sqi_keyed_find(two->instance.keyed, key) : NULL;
                assert_non_null(other);
                assert_memory_equal(state, other, size);
                assert_int_equal(route, sqi_keyed_route(two->instance.keyed, other));
                compare_parts(sqi_part_find(*sqi_keyed_parts(one->instance.keyed, state), PART),
                              sqi_part_find(*sqi_keyed_parts(two->instance.keyed, other), PART));
        }
}

static void
goes_on_as_of_the_beginning(struct world *world)
{
        load_into(world->then, world->as_of);
        load_into(world->other, open_part(world));
        compare_in_any_order(world->then->task, world->other->task);
}

static void
parts_of_what_has_changed_add_up_to_what_there_is(void **state)
{
        unsigned grown = 0, merged = 0;

        (void)state;
        for (uint64_t seed = 1; seed <= 4; seed++) {
                struct world world = {.random = draw_from(seed)};

                world.rig = make_rig_of("tests/components/owner");
                world.other = make_rig_of("tests/components/owner");
                make_folder(world.folder, sizeof(world.folder), "pieces");
                for (int i = 0; i < EPOCHS; i++) {
                        for (uint64_t n = 1 + draw(&world.random, i % 10 ? 12 : KEYS); n > 0; n--)
                                step(&world);
                        if (sq_keyed_count(world.rig->task) == 0)
                                continue;
                        assert_true(write_epoch(&world));
                        goes_on_from(&world);
                }
                grown += world.grown;
                merged += world.merged;
                sqi_part_log_free(&world.log);
                remove_folder(world.folder);
                sq_rig_free(&world.rig);
                sq_rig_free(&world.other);
        }
        print_message("%u parts of what had changed only, %u merged\n", grown, merged);
        assert_true(grown > 100);
        assert_true(merged > 10);
}

/* Keys are forgotten so often that the table closes its gaps, which moves the others. */
static void
a_part_that_is_written_while_its_task_goes_on_is_as_of_its_beginning(void **state)
{
        unsigned grown = 0, dropped = 0;

        (void)state;
        for (uint64_t seed = 1; seed <= 6; seed++) {
                struct world world = {.random = draw_from(seed), .beside = seed % 2 ? 2 : 20};

                world.rig = make_rig_of("tests/components/owner");
                world.other = make_rig_of("tests/components/owner");
                world.then = make_rig_of("tests/components/owner");
                make_folder(world.folder, sizeof(world.folder), "beside");
                for (int i = 0; i < EPOCHS; i++) {
                        for (uint64_t n = 1 + draw(&world.random, i % 10 ? 12 : KEYS); n > 0; n--)
                                step(&world);
                        if (sq_keyed_count(world.rig->task) > 0 && write_epoch(&world))
                                goes_on_as_of_the_beginning(&world);
                }
                grown += world.grown;
                dropped += world.dropped;
                sqi_part_log_free(&world.log);
                remove_folder(world.folder);
                sq_rig_free(&world.rig);
                sq_rig_free(&world.other);
                sq_rig_free(&world.then);
        }
        print_message("%u parts of what had changed only, %u dropped\n", grown, dropped);
        assert_true(grown > 100);
        assert_true(dropped > 3);
}

/* So that its keys may be dealt out to so many tasks. */
static void
group_by_word(const struct sq_rig *rig, uint32_t ntasks)
{
        struct sqi_plan *plan = (struct sqi_plan *)(uintptr_t)rig->task->plan;

        for (uint32_t e = 0; e < plan->nedges; e++) {
                plan->edges[e].grouping = SQI_FIELDS;
                plan->edges[e].nkeys = 1;
        }
        plan->components[plan->tasks[rig->task->id].component].ntasks = ntasks;
}

/* What was late for the task before is so for those that take its keys, however it came to its part. */
static void
with_another_parallelism_event_time_is_as_the_last_piece_has_it(void **state)
{
        struct world world = {.random = draw_from(1)};

        (void)state;
        world.rig = make_rig_of("tests/components/owner");
        world.other = make_rig_of("tests/components/owner");
        make_folder(world.folder, sizeof(world.folder), "time");
        group_by_word(world.rig, 1);
        for (int epoch = 1; epoch <= 3; epoch++) {
                for (int n = epoch == 1 ? KEYS : 1; n > 0; n--)
                        step(&world);
                world.rig->task->instance.watermark = epoch * 10;
                assert_true(write_epoch(&world));
        }
        assert_int_equal(world.grown, 2);
        group_by_word(world.other, 2);
        load_into(world.other, open_part(&world));
        assert_int_equal(sq_watermark(world.other->task), 30);
        group_by_word(world.other, 1);
        sqi_part_log_free(&world.log);
        remove_folder(world.folder);
        sq_rig_free(&world.rig);
        sq_rig_free(&world.other);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parts_of_what_has_changed_add_up_to_what_there_is),
                cmocka_unit_test(a_part_that_is_written_while_its_task_goes_on_is_as_of_its_beginning),
                cmocka_unit_test(with_another_parallelism_event_time_is_as_the_last_piece_has_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The positions of followed files, as earlier versions have left them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "../../spouts/file/places.h"
#include "../shared/fixture.h"
#include "task/task.h"

/* Nobody pulls the plug here. */
int
fsync(int fd)
{
        (void)fd;
        return 0;
}

/* The log of task 0 of component `in`. */
static int
open_log(struct places *places, const char *folder)
{
        struct sqi_plan_task self = {0};
        struct sqi_plan plan = {.name = "follow", .tasks = &self};
        struct sqi_plan_component component = {.id = "in", .ntasks = 1};
        struct sq_task task = {.plan = &plan, .component = &component};

        return places_open(places, folder, &task);
}

static void
make(const char *folder)
{
        static const struct place records[] = {
                {.kind = PLACE_FILE,
                 .number = 1,
                 .known = {.device = 2, .inode = 3, .mark = 0, .changed_ns = 1800000000000000000},
                 .name = {"logs/a.log", 10}},
                {.kind = PLACE_TURN, .number = 7, .file = 1},
                {.kind = PLACE_FILE,
                 .number = 2,
                 .known = {.device = 2, .inode = 4, .mark = 512, .head = 512, .head_hash = 5, .mark_hash = 6},
                 .name = {"logs/b.log", 10}},
                {.kind = PLACE_GONE, .number = 1},
                {.kind = PLACE_DONE, .number = 7696581394432},
        };
        struct places places;

        assert_int_equal(open_log(&places, folder), 0);
        for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
                assert_int_equal(places_add(&places, &records[i]), 0);
        assert_int_equal(places_sync(&places), 0);
        places_close(&places);
}

static bool
say(void *context, const struct place *place)
{
        static const char *const kinds[] = {
                [PLACE_FILE] = "file", [PLACE_TURN] = "turn", [PLACE_GONE] = "gone", [PLACE_DONE] = "done"};
        char *text = context;
        size_t n = strlen(text);

        assert_in_range(place->kind, PLACE_FILE, PLACE_DONE);
        n += (size_t)snprintf(text + n, FIXTURE_TEXT - n, "%s %" PRIu64, kinds[place->kind], place->number);
        if (place->kind == PLACE_TURN)
                n += (size_t)snprintf(text + n, FIXTURE_TEXT - n, " of %" PRIu64, place->file);
        if (place->kind == PLACE_FILE)
                n += (size_t)snprintf(text + n, FIXTURE_TEXT - n,
                                      " %.*s: %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIx64 " %" PRIx64 " %" PRId64,
                                      (int)place->name.len, place->name.ptr, place->known.device, place->known.inode,
                                      place->known.mark, place->known.head_hash, place->known.mark_hash,
                                      place->known.changed_ns);
        snprintf(text + n, FIXTURE_TEXT - n, "\n");
        return true;
}

/* What is cut off is told. */
static int
read_log(const char *folder, char text[FIXTURE_TEXT])
{
        struct places places;
        int r = open_log(&places, folder);

        if (r == 0)
                r = places_read(&places, say, text);
        if (r < 0)
                snprintf(text, FIXTURE_TEXT, "%s", places.error);
        places_close(&places);
        return r;
}

#define WHOLE \
        "file 1 logs/a.log: 2 3 0 0 0 1800000000000000000\n" \
        "turn 7 of 1\n" \
        "file 2 logs/b.log: 2 4 512 5 6 0\n" \
        "gone 1\n" \
        "done 7696581394432\n"

static const struct fixture log_1 = {.folder = "files-1/followed",
                                     .below = "",
                                     .file = "in-0",
                                     .version_at = 3,
                                     .whole = WHOLE,
                                     .shortest = "",
                                     .read = read_log};

int
main(int argc, char **argv)
{
        static const struct fixture_maker makers[] = {{"followed", make}, {0}};
        const struct fixtures all = {&log_1, 1, NULL, 0, makers};

        return fixture_main(argc, argv, &all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Positions of followed files: records, writes and summings-up in any order, against a list of what must be read. Then
 * damage anywhere: what is read is what stands in front of it, what is damaged is not summed up, and whoever writes on
 * is read. Last, any bytes behind the log's head.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../spouts/file/places.h"
#include "task/task.h"

enum { RECORDS = 64, NUMBERS = 16, HEAD = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct list {
        struct place records[RECORDS];
        uint64_t ends[RECORDS];
        size_t n;
};
static const char letters[] = "a/long/enough/name/of/a/file/for/sixty-four/of/its/letters/here.log";
static char folder[64];

static void
check(bool holds)
{
        if (!holds)
                abort();
}

static void
remove_log(void)
{
        static const char *const names[] = {"in-0", "in-0.lock", "in-0.new"};
        char path[96];

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
                unlink(path);
        }
        rmdir(folder);
}

/* The log of task 0 of component `in`. */
static void
open_log(struct places *places)
{
        struct sqi_plan_task self = {0};
        struct sqi_plan plan = {.name = "t", .tasks = &self};
        struct sqi_plan_component component = {.id = "in", .ntasks = 1};
        struct sq_task task = {.plan = &plan, .component = &component};

        check(places_open(places, folder, &task) == 0);
}

static struct place
draw(const uint8_t bytes[3])
{
        struct place place = {.kind = (enum place_kind)(1 + bytes[0] % 4), .number = 1 + bytes[1] % NUMBERS};

        if (place.kind == PLACE_TURN)
                place.file = bytes[2];
        if (place.kind == PLACE_FILE) {
                place.known.mark = bytes[2];
                place.name = (struct sq_str){letters, bytes[2] % sizeof(letters)};
        }
        return place;
}

static bool
same(const struct place *a, const struct place *b)
{
        return a->kind == b->kind && a->number == b->number && a->file == b->file && a->name.len == b->name.len &&
               memcmp(&a->known, &b->known, sizeof(a->known)) == 0 &&
               (a->name.len == 0 || memcmp(a->name.ptr, b->name.ptr, a->name.len) == 0);
}

struct reading {
        struct list *list;
        size_t n;
};

static bool
compare(void *context, const struct place *place)
{
        struct reading *reading = context;
        struct list *list = reading->list;

        check(reading->n < list->n && same(&list->records[reading->n], place));
        check(place->at == (reading->n > 0 ? list->ends[reading->n - 1] : HEAD));
        list->ends[reading->n++] = place->end;
        return true;
}

static size_t
read_log(struct places *places, struct list *list)
{
        struct reading reading = {.list = list};

        check(places_read(places, compare, &reading) == 0);
        check(places->size == (reading.n > 0 ? list->ends[reading.n - 1] : HEAD));
        return reading.n;
}

static void
add(struct places *places, struct list *list, struct place place)
{
        if (list->n == RECORDS)
                return;
        check(places_add(places, &place) == 0);
        list->records[list->n++] = place;
}

/* What is left of the first `n`: of each file the last word, unless it is gone, and of what is done the last. */
static void
sum_up(struct list *list, size_t n)
{
        struct list to = {.n = 0};
        const struct place *last[NUMBERS + 1] = {0}, *done = NULL;

        for (size_t i = 0; i < n; i++) {
                if (list->records[i].kind == PLACE_DONE)
                        done = &list->records[i];
                else if (list->records[i].kind != PLACE_TURN)
                        last[list->records[i].number] = &list->records[i];
        }
        for (size_t i = 1; i <= NUMBERS; i++)
                if (last[i] && last[i]->kind == PLACE_FILE)
                        to.records[to.n++] = *last[i];
        if (done)
                to.records[to.n++] = *done;
        for (size_t i = n; i < list->n; i++)
                to.records[to.n++] = list->records[i];
        *list = to;
}

static void
shorten(struct places *places, struct list *list, unsigned choice)
{
        uint64_t moved;
        size_t n;

        check(places_write(places) == 0 && read_log(places, list) == list->n && places->cut == 0);
        n = choice % (list->n + 1);
        check(places_shorten(places, n > 0 ? list->ends[n - 1] : HEAD, &moved) == 0);
        sum_up(list, n);
        check(read_log(places, list) == list->n && places->cut == 0);
}

/* At `at` a bit is another, or the log ends. Returns how many records are whole in front of it. */
static size_t
damage(struct places *places, const struct list *list, uint64_t at, bool cut)
{
        size_t n = 0;
        char byte;

        while (n < list->n && list->ends[n] <= at)
                n++;
        if (cut) {
                check(ftruncate(places->fd, (off_t)at) == 0);
                return n;
        }
        check(pread(places->fd, &byte, 1, (off_t)at) == 1);
        byte ^= (char)(1 << at % 8);
        check(pwrite(places->fd, &byte, 1, (off_t)at) == 1);
        return n;
}

static bool
any(void *context, const struct place *place)
{
        (void)context;
        return place->end > place->at;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct list list = {.n = 0};
        struct places places;
        uint64_t moved, whole, at;
        size_t i = 3;

        if (size < 3)
                return 0;
        if (folder[0] == '\0') {
                snprintf(folder, sizeof(folder), "%s/places-%ld", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
                         (long)getpid());
                atexit(remove_log);
        }
        remove_log();
        open_log(&places);
        for (; i + 3 <= size && list.n < RECORDS - 1; i += 3) {
                if (data[i] < 200)
                        add(&places, &list, draw(data + i));
                else if (data[i] < 230)
                        check(places_write(&places) == 0);
                else
                        shorten(&places, &list, data[i + 1]);
        }
        check(places_sync(&places) == 0);
        places_close(&places);
        open_log(&places);
        check(read_log(&places, &list) == list.n && places.cut == 0);

        whole = places.size;
        if (whole > HEAD) {
                at = HEAD + (data[0] * UINT64_C(256) + data[1]) % (whole - HEAD);
                list.n = damage(&places, &list, at, data[2] % 2 == 0);
                check(places_shorten(&places, whole, &moved) < 0);
                check(read_log(&places, &list) == list.n);
                check(places.cut == (data[2] % 2 == 0 ? at : whole) - places.size);
        }
        add(&places, &list, draw(data));
        check(places_sync(&places) == 0 && read_log(&places, &list) == list.n && places.cut == 0);
        check(pwrite(places.fd, data, size, (off_t)places.size) == (ssize_t)size);
        check(places_read(&places, any, NULL) == 0);
        places_close(&places);
        return 0;
}

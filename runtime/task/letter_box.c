/* SPDX-License-Identifier: Apache-2.0 */
#include "task/letter_box.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "state/own_values.h"
#include "task/task.h"

static int
append(const struct sq_task *task, const char *lines, size_t n)
{
        int fd = open(task->plan->config.dead_letter, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), r;
        struct sq_append *file = fd < 0 ? NULL : sq_append_new(fd, true);
        size_t done;

        if (!file) {
                r = -errno;
                if (fd >= 0)
                        close(fd);
                return r;
        }
        r = sq_append(file, (struct sq_str){NULL, 0}, lines, n, &done);
        if (r == 0)
                r = sq_append_sync(file);
        sq_append_free(&file);
        return r;
}

static int
hold(struct sqi_letter_box *box, const char *line, size_t n)
{
        size_t room = box->room ? box->room : 4096;
        char *held;

        while (room < box->n + n)
                room *= 2;
        held = room > box->room ? realloc(box->held, room) : box->held;
        if (!held)
                return -ENOMEM;
        box->held = held;
        box->room = room;
        memcpy(held + box->n, line, n);
        box->n += n;
        return 0;
}

int
sqi_letter_box_put(struct sq_task *task, const char *line, size_t n)
{
        struct sqi_letter_box *box = &task->instance.letters;

        return task->epoch.exact && !box->direct ? hold(box, line, n) : append(task, line, n);
}

void
sqi_letter_box_clear(struct sqi_letter_box *box)
{
        free(box->held);
        *box = (struct sqi_letter_box){0};
}

/* ---- Epochs ------------------------------------------------------------------------------------------ */

static struct sq_str
staged(const struct sq_task *task)
{
        const struct sqi_own_value *value = sqi_own_values_find(&task->instance.values, sqi_letters_name);

        return value ? value->bytes : (struct sq_str){NULL, 0};
}

/* Behind those of an epoch that was given up. */
static int
stage(struct sq_task *task, const char *lines, size_t n)
{
        struct sq_str before = staged(task);
        char *all = malloc(before.len + n);
        int r;

        if (!all)
                return -ENOMEM;
        if (before.len > 0)
                memcpy(all, before.ptr, before.len);
        memcpy(all + before.len, lines, n);
        r = sqi_own_values_set(&task->instance.values, sqi_letters_name, (struct sq_str){all, before.len + n});
        free(all);
        return r;
}

int
sqi_letter_box_stage(struct sq_task *task)
{
        struct sqi_letter_box *box = &task->instance.letters;
        int r = box->n > 0 ? stage(task, box->held, box->n) : 0;

        if (r == 0)
                box->n = 0;
        return r;
}

int
sqi_letter_box_inherit(struct sq_task *task, struct sq_str lines)
{
        return lines.len > 0 ? stage(task, lines.ptr, lines.len) : 0;
}

/* ---- What stands there ------------------------------------------------------------------------------- */

struct letter_line {
        uint64_t hash;
        const char *bytes;
        size_t n;
        bool there;
};

static int
by_hash(const void *a, const void *b)
{
        const struct letter_line *x = a, *y = b;

        return (x->hash > y->hash) - (x->hash < y->hash);
}

static int
by_place(const void *a, const void *b)
{
        const struct letter_line *x = a, *y = b;

        return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* The next whole line, with its line end. */
static bool
next_line(struct sq_str text, size_t *at, struct letter_line *ret)
{
        const char *begin = text.ptr + *at, *end = *at < text.len ? memchr(begin, '\n', text.len - *at) : NULL;

        if (!end)
                return false;
        *ret = (struct letter_line){.bytes = begin, .n = (size_t)(end - begin) + 1};
        ret->hash = XXH3_64bits(begin, ret->n);
        *at += ret->n;
        return true;
}

/* Of lines that are the same, one for each that stands in `file`. */
static void
mark(struct letter_line *lines, size_t n, struct sq_str file)
{
        struct letter_line it, *found;

        for (size_t at = 0; next_line(file, &at, &it);) {
                found = bsearch(&it, lines, n, sizeof(*lines), by_hash);
                while (found && found > lines && found[-1].hash == it.hash)
                        found--;
                while (found && found < lines + n && found->hash == it.hash && found->there)
                        found++;
                if (found && found < lines + n && found->hash == it.hash)
                        found->there = true;
        }
}

/* Marks those of the lines that are in the file of letters. A file that is none, as a pipe, has none. */
static int
look(const struct sq_task *task, struct letter_line *lines, size_t n)
{
        int fd = open(task->plan->config.dead_letter, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r = 0;
        void *bytes = NULL;
        struct stat about;

        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fstat(fd, &about) < 0)
                r = -errno;
        else if (S_ISREG(about.st_mode) && about.st_size > 0)
                bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED)
                r = -errno;
        close(fd);
        if (r < 0 || !bytes)
                return r;
        mark(lines, n, (struct sq_str){bytes, (size_t)about.st_size});
        munmap(bytes, (size_t)about.st_size);
        return 0;
}

/* Those of `text` that are not there, malloc'd. */
static int
find_missing(const struct sq_task *task, struct sq_str text, char **ret, size_t *ret_n)
{
        struct letter_line it, *lines = NULL;
        size_t n = 0, at;
        char *missing;
        int r;

        for (at = 0; next_line(text, &at, &it);)
                n++;
        lines = calloc(n + 1, sizeof(*lines));
        missing = malloc(text.len);
        for (size_t i = at = 0; lines && next_line(text, &at, &lines[i]);)
                i++;
        r = lines && missing ? 0 : -ENOMEM;
        if (r == 0) {
                qsort(lines, n, sizeof(*lines), by_hash);
                r = look(task, lines, n);
                qsort(lines, n, sizeof(*lines), by_place);
        }
        *ret_n = 0;
        for (size_t i = 0; r == 0 && i < n; i++) {
                if (lines[i].there)
                        continue;
                memcpy(missing + *ret_n, lines[i].bytes, lines[i].n);
                *ret_n += lines[i].n;
        }
        free(lines);
        *ret = r == 0 ? missing : NULL;
        if (r < 0)
                free(missing);
        return r;
}

int
sqi_letter_box_publish(struct sq_task *task, bool again)
{
        struct sqi_letter_box *box = &task->instance.letters;
        struct sq_str lines = staged(task);
        char *missing = NULL;
        int r = 0;

        if (lines.len == 0)
                return 0;
        if (again || box->tried) {
                r = find_missing(task, lines, &missing, &lines.len);
                lines.ptr = missing;
        }
        box->tried = true;
        if (r == 0 && lines.len > 0)
                r = append(task, lines.ptr, lines.len);
        free(missing);
        if (r < 0)
                return r;
        sqi_own_values_drop(&task->instance.values, sqi_letters_name);
        box->tried = false;
        return 0;
}

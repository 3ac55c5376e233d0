/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several files by a pattern, one after the other, each read once, in the order of their names.
 *
 * No list is kept: the file after one that is at its end is the first whose name is behind its name, as it is then. A
 * file that comes meanwhile is read if it is behind the one that is being read. Tasks share files by a hash of the
 * name, so that none needs to know of the others.
 *
 * A position is NUMBER << SQ_TAIL_SHIFT | OFFSET, NUMBER counting the files of the task. Only the file that is being
 * read is noted, by name and by what it is known by. So the next one is begun when all records of it are done: whatever
 * position the task goes on from is in the file of the note. Under exactly-once nothing is waited for, since a position
 * and its note are of one moment. A file that was read to its end, and has been moved away since, is done with.
 */
#include "many.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char wildcards[] = "*?[{";

struct named {
        struct note note;
        char name[SQ_NOTE_MAX - sizeof(struct note)];
};

bool
file_is_pattern(const char *path)
{
        struct stat st;

        return strpbrk(path, wildcards) && stat(path, &st) < 0;
}

static bool
is_regular(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int
file_match(const char *pattern, glob_t *ret)
{
        int r;

        errno = 0;
        r = glob(pattern, GLOB_NOSORT | GLOB_BRACE | GLOB_ERR | GLOB_NOESCAPE, NULL, ret);
        if (r == 0 || r == GLOB_NOMATCH)
                return 0;
        r = r == GLOB_NOSPACE ? -ENOMEM : errno ? -errno : -EIO;
        globfree(ret);
        return r;
}

/* Is it of this part, and behind `after`, if that is not NULL? */
static bool
is_behind(const char *name, const char *after, uint32_t part, uint32_t parts)
{
        return (!after || strcmp(name, after) > 0) && sq_path_hash(name) % parts == part;
}

/* Of the matches of one part: the first behind `after`, malloc'd; NULL: there is none. 0 or a negative errno. */
static int
first_behind(const char *pattern, const char *after, uint32_t part, uint32_t parts, char **ret)
{
        glob_t found = {0};
        const char *best = NULL;
        int r = file_match(pattern, &found);

        if (r < 0)
                return r;
        for (size_t i = 0; i < found.gl_pathc; i++) {
                const char *name = found.gl_pathv[i];

                if ((!best || strcmp(name, best) < 0) && is_behind(name, after, part, parts) && is_regular(name))
                        best = name;
        }
        r = best && !(*ret = strdup(best)) ? -ENOMEM : 0;
        if (!best)
                *ret = NULL;
        globfree(&found);
        return r;
}

int
file_first_match(const char *pattern, char **ret)
{
        int r = first_behind(pattern, NULL, 0, 1, ret);

        return r == 0 && !*ret ? -ENOENT : r;
}

static void
be_at(struct file *file, char *name)
{
        free(file->name);
        file->name = name;
        file->path = file->records.decoder.source = name ? name : file->pattern;
        if (file->fd >= 0)
                close(file->fd);
        file->fd = file->replayer.fd = -1;
        file->size = file->last = 0;
}

/* Where the names of the matches begin to differ. */
static size_t
common(const char *pattern)
{
        size_t n = strcspn(pattern, wildcards);

        while (n > 0 && pattern[n - 1] != '/')
                n--;
        return n;
}

void
file_note_match(struct sq_task *task, struct file *file, const struct note *note)
{
        struct named named = {.note = *note};
        size_t from = common(file->pattern), n = file->name ? strlen(file->name) : 0;

        if (n == 0)
                return; /* the task has none yet */
        if (n < from || n - from > sizeof(named.name)) {
                (void)sq_error_final(task, "%s: a name of more than %zu bytes cannot be noted with positions",
                                     file->path, sizeof(named.name));
                return;
        }
        memcpy(named.name, file->name + from, n - from);
        sq_note(task, &named, sizeof(named.note) + n - from);
}

/* The next file of the task behind `after`. 1; 0: there is none; -1 after sq_error(). */
static int
open_behind(struct sq_task *task, struct file *file, const char *after)
{
        char *name = NULL;
        int r = first_behind(file->pattern, after, sq_index(task), sq_parallelism(task), &name);

        if (r < 0)
                return sq_error(task, "%s: %s", file->pattern, strerror(-r));
        if (!name) {
                file->pass = 1;
                return 0;
        }
        be_at(file, name);
        if (file_open(task, file) < 0)
                return -1;
        file->first = file->header_end = 0;
        if (file_take_share(task, file) < 0)
                return -1;
        file_begin(file);
        (void)sq_identity_take(&file->identity, file->fd, file_read_up_to(file));
        return 1;
}

int
file_prepare_matches(struct sq_task *task, struct file *file)
{
        char *first = NULL;
        const char *wrong;
        uint64_t at;
        int r = file_first_match(file->path, &first);

        if (r == -ENOENT)
                return sq_error(task, "%s: no file matches it", file->path);
        if (r < 0)
                return sq_error(task, "%s: %s", file->path, strerror(-r));
        file->pattern = file->path;
        be_at(file, first);
        if (file_open(task, file) < 0)
                return -1;
        wrong = sq_records_begin(&file->records, file->fd, &at);
        if (wrong)
                return sq_error(task, "%s: %s", file->path, wrong);
        be_at(file, NULL); /* it may be another task's */
        file->reading = true;
        if (open_behind(task, file, NULL) < 0)
                return -1;
        file_note(task, file);
        return 0;
}

int
file_prepare_follow(struct sq_task *task, struct file *file)
{
        char *first = NULL;
        const char *wrong = NULL;
        uint64_t at;
        int r = file_first_match(file->path, &first);

        if (r < 0 && r != -ENOENT)
                return sq_error(task, "%s: %s", file->path, strerror(-r));
        if (first && file_open_regular(first, &file->fd, &wrong) < 0) {
                r = sq_error(task, "%s: %s", first, wrong);
                free(first);
                return r;
        }
        free(first);
        if (file->fd < 0)
                sq_log(task, SQ_WARN, "%s: no file matches it yet: waits for one", file->path);
        wrong = sq_records_begin(&file->records, file->fd, &at);
        if (file->fd >= 0)
                close(file->fd);
        file->fd = -1;
        if (wrong)
                return sq_error(task, "%s: %s", file->path, wrong);
        if (many_prepare(task, file) < 0)
                return -1;
        file_note(task, file);
        return 0;
}

bool
file_next_match(struct sq_task *task, struct file *file)
{
        int r;

        file->waits = file->undone > 0;
        if (file->waits)
                return false;
        r = open_behind(task, file, file->path);
        file->waits = r < 0;
        if (r <= 0)
                return false;
        file->number++;
        file_note(task, file);
        return true;
}

/* The file is gone, or another one. */
static int
go_on_behind(struct sq_task *task, struct file *file, const struct note *before, uint64_t offset)
{
        int r;

        if (before->size == UNKNOWN || offset < before->size)
                return sq_error_final(task, "%s: was truncated, written anew or replaced before it was read to its end",
                                      file->path);
        r = open_behind(task, file, file->path);
        file->number += r > 0;
        if (r == 0) { /* it stays what is noted */
                file->size = before->size;
                file->identity = before->known;
                file->reader.offset = offset;
        }
        return r < 0 ? -1 : 0;
}

int
file_seek_match(struct sq_task *task, struct file *file, uint64_t position)
{
        struct sq_str noted = sq_noted(task);
        const uint64_t offset = position & SQ_TAIL_OFFSET;
        const size_t from = common(file->pattern);
        struct named before = {0};
        char *name;
        int fd;

        if (noted.len <= sizeof(before.note) || noted.len > sizeof(before))
                return position > 0 ? sq_error_final(task, "%s: was not read before", file->pattern) : 0;
        memcpy(&before, noted.ptr, noted.len);
        if (before.note.path != sq_path_hash(file->pattern))
                return sq_error_final(task, "%s: another pattern than the one whose files were read before",
                                      file->pattern);
        name = calloc(1, from + sizeof(before.name) + 1);
        if (!name)
                return sq_error(task, "%s: %s", file->pattern, strerror(ENOMEM));
        memcpy(name, file->pattern, from);
        memcpy(name + from, before.name, noted.len - sizeof(before.note));
        be_at(file, name);
        file->number = position >> SQ_TAIL_SHIFT;
        file->pass = 0;
        fd = sq_identity_find(&before.note.known, name);
        return fd < 0 ? go_on_behind(task, file, &before.note, offset)
                      : file_go_on(task, file, &before.note, fd, offset);
}

int
file_lag_behind(const struct sq_task *task, const struct file *file, uint64_t *amount)
{
        glob_t found = {0};
        struct stat st;
        int r = file_match(file->pattern, &found);

        if (r < 0)
                return r;
        for (size_t i = 0; i < found.gl_pathc; i++) {
                const char *name = found.gl_pathv[i];

                if (is_behind(name, file->name, sq_index(task), sq_parallelism(task)) && stat(name, &st) == 0 &&
                    S_ISREG(st.st_mode))
                        *amount += (uint64_t)st.st_size;
        }
        globfree(&found);
        return 0;
}

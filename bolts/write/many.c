/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a path with fields in it: each is a writer of its own, with the path that a tuple has made. As many stay
 * open as may; then the one that was written to the longest time ago is written out and closed.
 *
 * What stands in the braces comes from outside, so it may name a file, but no folder: from the first of them on there
 * are as many slashes as the setting has, and nothing between two of them that means another folder.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "write.h"

enum { NAME_MOST = 200 }; /* with room for what a rotation adds */

struct write_files {
        struct sq_templates *templates;
        struct sq_encoder path;
        size_t n, most;
        size_t known, slashes; /* bytes of each path that are the setting's, to the folder's end; slashes behind them */
        uint64_t now;          /* counts tuples */
        struct writer *open[];
};

/* ---- Paths ------------------------------------------------------------------------------------------- */

bool
write_has_fields(const char *path)
{
        return strchr(path, '{') != NULL;
}

/* What the setting has outside of its braces is as it says: which part of a path that is known, and how many folders
 * the rest of it names. 0 or a negative errno. */
static int
take_folders(struct write_files *files, const char *path)
{
        struct sq_value end = sq_str((struct sq_str){"", 1});
        int r = sq_template_write(path, &(struct sq_record){0}, &files->path);

        if (r == 0)
                r = sq_encode_values(&files->path, 1, NULL, &end);
        if (r < 0)
                return r;
        files->known = strcspn(path, "{");
        while (files->known > 0 && path[files->known] != '/')
                files->known--;
        for (const char *at = files->path.bytes + files->known; *at; at++)
                files->slashes += *at == '/';
        return 0;
}

/* NULL, or why no file has that path. */
static const char *
wrong_with(const struct write_files *files, const char *path, size_t len)
{
        size_t slashes = 0, name;

        if (len >= PATH_MAX || memchr(path, '\0', len))
                return "is too long, or has a NUL in it";
        for (const char *at = path + files->known; *at == '/'; at += name) {
                at++;
                slashes++;
                name = strcspn(at, "/");
                if (name == 0 || name > NAME_MOST || (at[0] == '.' && (name == 1 || (name == 2 && at[1] == '.'))))
                        return "has a name in it that is none";
        }
        return slashes == files->slashes ? NULL : "would be in another folder than `path` says";
}

/* The folders that the path is in, as far as they are missing. 0 or a negative errno. */
static int
make_folders(char *path)
{
        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                int r;

                *slash = '\0';
                r = mkdir(path, 0777) < 0 && errno != EEXIST ? -errno : 0;
                *slash = '/';
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- Files ------------------------------------------------------------------------------------------- */

static void
close_file(struct writer **file)
{
        sq_append_free(&(*file)->file);
        sq_encoder_free(&(*file)->header);
        sq_encoder_free(&(*file)->lines);
        write_table_free(&(*file)->table);
        free((*file)->own_path);
        free(*file);
        *file = NULL;
}

static int
open_file(const struct writer *self, const char *path, struct writer **ret)
{
        struct writer *file = calloc(1, sizeof(*file));
        int r = -ENOMEM;

        if (!file)
                return r;
        *file = *self;
        file->files = NULL;
        file->header = (struct sq_encoder){.format = self->header.format, .dialect = self->header.dialect};
        file->lines = (struct sq_encoder){.format = self->lines.format, .dialect = self->lines.dialect};
        file->headed = !write_has_header(self);
        file->table = NULL;
        file->path = file->own_path = strdup(path);
        if (self->table)
                file->table = write_table_new(false);
        if (file->path && (file->table || !self->table))
                r = make_folders(file->own_path);
        if (r == 0)
                r = write_open(file, true);
        if (r == 0)
                *ret = file;
        else
                close_file(&file);
        return r;
}

static int
write_out(struct sq_task *task, struct writer *file)
{
        int r = write_drain(task, file);

        return r == 0 && file->sync ? write_sync(file) : r;
}

/* For one more. 0 or a negative errno: then all are as they were. */
static int
make_place(struct sq_task *task, struct write_files *files)
{
        size_t oldest = 0;
        int r;

        if (files->n < files->most)
                return 0;
        for (size_t i = 1; i < files->n; i++)
                if (files->open[i]->used < files->open[oldest]->used)
                        oldest = i;
        r = write_out(task, files->open[oldest]);
        if (r < 0)
                return r;
        close_file(&files->open[oldest]);
        files->open[oldest] = files->open[--files->n];
        return 0;
}

int
write_file_of(struct sq_task *task, struct writer *self, const struct sq_tuple *in, struct writer **ret,
              const char **ret_wrong)
{
        struct write_files *files = self->files;
        struct sq_value end = sq_str((struct sq_str){"", 1});
        int r = sq_template_make(self->path, files->templates, in, &files->path);

        if (r == 0)
                r = sq_encode_values(&files->path, 1, NULL, &end);
        if (r < 0)
                return r;
        *ret_wrong = wrong_with(files, files->path.bytes, files->path.len - 1);
        if (*ret_wrong)
                return -EBADMSG;
        files->now++;
        for (size_t i = 0; i < files->n; i++)
                if (strcmp(files->open[i]->path, files->path.bytes) == 0) {
                        files->open[i]->used = files->now;
                        *ret = files->open[i];
                        return 0;
                }
        r = make_place(task, files);
        if (r == 0)
                r = open_file(self, files->path.bytes, &files->open[files->n]);
        if (r < 0)
                return r;
        *ret = files->open[files->n++];
        (*ret)->used = files->now;
        sq_gauge(task, "open files", (int64_t)files->n);
        return 0;
}

int
write_out_all(struct sq_task *task, const struct writer *self, const struct writer **ret_failed)
{
        int r = 0;

        for (size_t i = 0; i < self->files->n && r == 0; i++) {
                r = write_out(task, self->files->open[i]);
                *ret_failed = r < 0 ? self->files->open[i] : *ret_failed;
        }
        for (size_t i = 0; i < self->files->n && r < 0; i++)
                self->files->open[i]->lines.len = 0; /* their tuples fail, and come again */
        return r;
}

struct writer *
write_file_at(const struct writer *self, size_t i)
{
        return i < self->files->n ? self->files->open[i] : NULL;
}

int
write_open_files(struct writer *self)
{
        size_t most = (size_t)self->most_open;

        self->files = calloc(1, sizeof(*self->files) + most * sizeof(self->files->open[0]));
        if (!self->files)
                return -ENOMEM;
        self->files->most = most;
        self->files->path.format = SQ_FORMAT_TEXT;
        self->files->templates = sq_templates_new();
        return self->files->templates ? take_folders(self->files, self->path) : -ENOMEM;
}

void
write_close_files(struct writer *self)
{
        struct write_files *files = self->files;

        if (!files)
                return;
        while (files->n > 0)
                close_file(&files->open[--files->n]);
        sq_templates_free(&files->templates);
        sq_encoder_free(&files->path);
        free(files);
        self->files = NULL;
}

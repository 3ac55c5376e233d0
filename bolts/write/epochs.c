/* SPDX-License-Identifier: Apache-2.0 */
/* Exactly once, visible: written. The place of a file is where the lines of the next epoch begin in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "write.h"

/* Where the lines of the next epoch begin. One of the task's own values. */
struct place {
        struct sq_identity file;
        int64_t born_ns; /* an inode may be given to another file; 0: not known */
};

static const char place_name[] = "place";

/* Opens what a descriptor of ours stands for another time. */
static int
open_again(int fd, int flags)
{
        char path[64];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return open(path, flags | O_CLOEXEC);
}

static int
keep_place(struct sq_task *task, int fd)
{
        struct place place = {0};
        struct stat about;
        int look = open_again(fd, O_RDONLY), r;

        if (look < 0)
                return -errno;
        r = fstat(look, &about) < 0 ? -errno : sq_identity_take(&place.file, look, (uint64_t)about.st_size);
        place.born_ns = write_born_at(look);
        close(look);
        if (r == 0)
                sq_own_set(task, place_name, (struct sq_str){(const char *)&place, sizeof(place)});
        return r;
}

/* What cannot be synced may be lost with the next loss of power, whatever a later sync says: back to the last epoch. */
static void
must_sync(struct sq_task *task, const struct writer *self, struct sq_append *file)
{
        int r = sq_append_sync(file);

        if (r == 0)
                return;
        sq_log(task, SQ_ERROR, "%s: cannot be synced: %s", self->path, strerror(-r));
        abort();
}

static int
open_next(struct sq_task *task, struct writer *self)
{
        int fd = write_open_file(self);

        if (fd < 0)
                return -errno;
        self->next = write_append_new(self, fd, true);
        if (!self->next) {
                close(fd);
                return -ENOMEM;
        }
        if (!self->rotated)
                sq_log(task, SQ_WARN, "%s was renamed or deleted: goes on in a new file", self->path);
        self->rotated = false;
        return 0;
}

int
write_end_epoch(struct sq_task *task, struct writer *self)
{
        int r;

        sq_append_free(&self->next); /* of an epoch that was given up */
        r = write_drain(task, self);
        if (r < 0)
                return r;
        must_sync(task, self, self->file);
        if (write_is_full(self) || write_rotates_in(self) == 0)
                write_rotate(task, self);
        if (write_has_gone(self)) {
                r = open_next(task, self);
                if (r < 0)
                        return r;
                must_sync(task, self, self->next);
        }
        return keep_place(task, sq_append_fd(self->next ? self->next : self->file));
}

void
write_take_next(struct writer *self)
{
        if (!self->next)
                return;
        sq_append_free(&self->file);
        self->file = self->next;
        self->next = NULL;
        write_note_birth(self);
        if (fstat(sq_append_fd(self->file), &self->about) < 0)
                self->about = (struct stat){0}; /* is looked for by its name again */
}

/* Cuts the file back to where it was, if it is that file. False: it is not to be found. */
static bool
cut_back(struct sq_task *task, struct writer *self, const struct place *place, int look)
{
        struct stat about;
        int fd;

        if (fstat(look, &about) < 0 || about.st_dev != place->file.device || about.st_ino != place->file.inode ||
            write_born_at(look) != place->born_ns || (uint64_t)about.st_size < place->file.mark)
                return false;
        fd = open_again(look, O_WRONLY | O_APPEND);
        if (fd < 0 || ((uint64_t)about.st_size > place->file.mark && ftruncate(fd, (off_t)place->file.mark) < 0)) {
                if (fd >= 0)
                        close(fd);
                return false;
        }
        if ((uint64_t)about.st_size > place->file.mark)
                sq_log(task, SQ_INFO, "%s: cut back to the %llu bytes of the last epoch", self->path,
                       (unsigned long long)place->file.mark);
        sq_append_free(&self->file);
        return write_take(self, fd, true) == 0;
}

/* The file was renamed after the epoch that is gone back to, and another one is in its place. */
static bool
has_later_file(const struct writer *self)
{
        struct stat st;

        return write_has_gone(self) && stat(self->path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

int
write_back_to_place(struct sq_task *task, struct writer *self)
{
        struct sq_str kept = sq_own(task, place_name);
        struct place place;
        bool found;
        int look, r;

        if (kept.len == 0)
                return 0;
        if (kept.len != sizeof(place))
                return sq_error_final(
                        task,
                        "%s: how far it is committed cannot be read, for the snapshot says it in %zu bytes "
                        "and not in %zu: another version of Squall wrote it (go on with that one)",
                        self->path, kept.len, sizeof(place));
        memcpy(&place, kept.ptr, sizeof(place));
        look = sq_identity_find(&place.file, self->path);
        found = look >= 0 && cut_back(task, self, &place, look);
        if (look >= 0)
                close(look);
        if (!found)
                sq_log(task, SQ_ERROR,
                       "%s: what was committed does not stand there any more (it was replaced, shortened or written "
                       "anew): nothing is cut off, and what came after it comes again",
                       self->path);
        else if (has_later_file(self))
                sq_log(task, SQ_WARN,
                       "%s: was begun after the epoch that is gone back to: its lines, and those of files that were "
                       "rotated since, stay and come again",
                       self->path);
        r = self->file ? 0 : write_open(self, true);
        return r < 0 ? sq_error(task, "%s: %s", self->path, strerror(-r)) : 0;
}

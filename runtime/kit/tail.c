/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following is tail -F's: the path is looked at again whenever the end is reached. Another file there means that the
 * old one was rotated away; it is read to its end once more, for its writer may have been faster than us, and then left
 * for the next: the oldest that was rotated away since, or the one at the path. A file that was copied and truncated is
 * read on in its copy. The last few generations stay open to be replayed from.
 */
#include <errno.h>
#include <fcntl.h>
#include <squall-kit.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is kept with positions. */
struct note {
        uint32_t path;                                 /* its hash: a change of the setting is not a rotation */
        uint32_t generation;                           /* of the last identity */
        struct sq_identity known[SQ_TAIL_GENERATIONS]; /* those that are, the oldest first */
};
_Static_assert(sizeof(struct note) <= SQ_NOTE_MAX, "it fits");

static struct sq_identity *
identity_of(struct sq_tail *tail, uint64_t generation)
{
        return &tail->ids[generation % SQ_TAIL_GENERATIONS];
}

/* The identities of the last generations, the oldest first. */
static size_t
known(struct sq_tail *tail, struct sq_identity ret[SQ_TAIL_GENERATIONS])
{
        for (unsigned i = 0; i < tail->nids; i++)
                ret[i] = *identity_of(tail, tail->generation - (tail->nids - 1 - i));
        return tail->nids;
}

void
sq_tail_begin(struct sq_tail *tail, int fd, uint64_t offset)
{
        int *slot = &tail->fds[tail->generation % SQ_TAIL_GENERATIONS];

        if (fd < 0)
                fd = -1;
        if (*slot >= 0 && *slot != fd)
                close(*slot);
        *slot = fd;
        tail->rotated = false;
        tail->begun = true;
        sq_reader_open(tail->reader, fd, offset, UINT64_MAX);
        if (fd >= 0 && sq_identity_take(identity_of(tail, tail->generation), fd, offset) == 0 &&
            tail->nids < SQ_TAIL_GENERATIONS)
                tail->nids++;
}

void
sq_tail_leave_rewritten(struct sq_task *task, struct sq_tail *tail)
{
        uint64_t offset = tail->reader->offset;
        int *slot = &tail->fds[tail->generation % SQ_TAIL_GENERATIONS],
            copy = sq_identity_find(identity_of(tail, tail->generation), tail->path);

        if (copy >= 0) {
                sq_log(task, SQ_INFO, "%s was truncated or written anew: goes on in the copy of it at byte %llu",
                       tail->path, (unsigned long long)offset);
                close(*slot);
                *slot = copy;
                tail->rotated = true;
                tail->begun = true;
                sq_reader_open(tail->reader, copy, offset, UINT64_MAX);
                (void)sq_identity_take(identity_of(tail, tail->generation), copy, offset);
                return;
        }
        if (tail->seen > offset)
                sq_lost(task, 1, "%s was truncated or written anew: at least the %llu bytes from byte %llu on are lost",
                        tail->path, (unsigned long long)(tail->seen - offset), (unsigned long long)offset);
        else
                sq_log(task, SQ_WARN, "%s was truncated or written anew: it is read from its beginning", tail->path);
        tail->generation++;
        sq_tail_begin(tail, fcntl(*slot, F_DUPFD_CLOEXEC, 0), 0);
}

bool
sq_tail_renew(struct sq_tail *tail)
{
        return tail->reader->fd < 0 || sq_identity_renew(identity_of(tail, tail->generation), tail->reader->fd,
                                                         tail->reader->offset, &tail->seen);
}

bool
sq_tail_look(struct sq_task *task, struct sq_tail *tail)
{
        struct sq_identity before[SQ_TAIL_GENERATIONS];
        struct stat here, there;
        int fd;

        if (!sq_tail_renew(tail)) {
                sq_tail_leave_rewritten(task, tail);
                return true;
        }
        if (tail->reader->fd >= 0 && fstat(tail->reader->fd, &here) == 0) {
                if (stat(tail->path, &there) < 0 || (here.st_ino == there.st_ino && here.st_dev == there.st_dev))
                        return false;
                if (!tail->rotated)
                        return tail->rotated = true;
        }
        fd = sq_identity_after(before, known(tail, before), tail->path);
        if (fd < 0)
                return false;
        if (tail->reader->fd >= 0)
                sq_log(task, SQ_INFO, "%s was rotated: goes on in the file that came after it", tail->path);
        tail->generation += tail->reader->fd >= 0;
        sq_tail_begin(tail, fd, 0);
        return true;
}

/* Reads on in the file that the position is in, whatever its name is now. */
static void
go_on_in(struct sq_task *task, struct sq_tail *tail, const struct sq_identity *identity, uint64_t offset)
{
        int fd = sq_identity_find(identity, tail->path);

        if (fd >= 0) {
                sq_tail_begin(tail, fd, offset);
                *identity_of(tail, tail->generation) = *identity;
                return;
        }
        sq_lost(task, 1,
                "%s: the file that was read up to byte %llu was rotated or truncated and is gone: what came after that in it is lost",
                tail->path, (unsigned long long)offset);
        fd = sq_identity_after(identity, 1, tail->path);
        if (fd < 0 && fd != -ENOENT)
                sq_log(task, SQ_WARN, "%s: %s", tail->path, strerror(-fd));
        tail->generation++;
        sq_tail_begin(tail, fd, 0);
}

void
sq_tail_seek(struct sq_task *task, struct sq_tail *tail, uint64_t position)
{
        struct sq_str noted = sq_noted(task);
        struct note before = {0};
        uint64_t offset = position & SQ_TAIL_OFFSET, back;
        size_t n;
        int fd = tail->fds[0];

        memcpy(&before, noted.ptr, noted.len < sizeof(before) ? noted.len : sizeof(before));
        n = noted.len < offsetof(struct note, known)
                    ? 0
                    : (noted.len - offsetof(struct note, known)) / sizeof(before.known[0]);
        tail->fds[0] = -1;
        tail->nids = 0;
        tail->generation = position >> SQ_TAIL_SHIFT;
        back = (uint32_t)(before.generation - (uint32_t)tail->generation);
        if (before.path == sq_path_hash(tail->path) && back < n) {
                if (fd >= 0)
                        close(fd);
                go_on_in(task, tail, &before.known[n - 1 - back], offset);
                return;
        }
        if (position > 0) {
                sq_log(task, SQ_INFO, "%s: another file than before: it is read from its beginning", tail->path);
                tail->generation++;
        }
        sq_tail_begin(tail, fd, 0);
}

uint64_t
sq_tail_position(const struct sq_tail *tail, uint64_t offset)
{
        return tail->generation << SQ_TAIL_SHIFT | offset;
}

int
sq_tail_fd(const struct sq_tail *tail, uint64_t position)
{
        uint64_t generation = position >> SQ_TAIL_SHIFT;

        return generation + SQ_TAIL_GENERATIONS <= tail->generation ? -ESTALE
                                                                    : tail->fds[generation % SQ_TAIL_GENERATIONS];
}

void
sq_tail_note(struct sq_task *task, struct sq_tail *tail)
{
        struct note note = {.path = sq_path_hash(tail->path), .generation = (uint32_t)tail->generation};
        size_t n = known(tail, note.known);

        sq_note(task, &note, offsetof(struct note, known) + n * sizeof(note.known[0]));
}

void
sq_tail_open(struct sq_tail *tail, const char *path, struct sq_reader *reader)
{
        *tail = (struct sq_tail){.path = path, .reader = reader};
        for (unsigned i = 0; i < SQ_TAIL_GENERATIONS; i++)
                tail->fds[i] = -1;
}

void
sq_tail_close(struct sq_tail *tail)
{
        for (unsigned i = 0; i < SQ_TAIL_GENERATIONS; i++)
                if (tail->fds[i] >= 0)
                        close(tail->fds[i]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following is tail -F's: the path is looked at again whenever the end is reached. Another file there means that the
 * old one was rotated away; it is read to its end once more, for its writer may have been faster than us, and then left
 * for the next: the oldest that was rotated away since, or the one at the path. A file that was copied and truncated is
 * read on in its copy. The last few generations stay open to be replayed from.
 *
 * While there is no file, the next generation is waited for behind those that are known: the last ones that were read,
 * or, at the beginning, what had been rotated away by then. So one that is made, read and rotated away before the next
 * position is kept is found again by who goes on from the one before.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <squall-kit.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* What is kept with positions. */
struct note {
        uint32_t path;                                 /* its hash: a change of the setting is not a rotation */
        uint32_t generation;                           /* of the last identity; before the first: -1 */
        struct sq_identity known[SQ_TAIL_GENERATIONS]; /* those that are, the oldest first */
};
_Static_assert(sizeof(struct note) <= SQ_NOTE_MAX, "it fits");
_Static_assert((SQ_TAIL_GENERATIONS & (SQ_TAIL_GENERATIONS - 1)) == 0, "the one before the first has its place, too");

enum { PAUSES = 100 }; /* a look takes a hundredth of a processor at most */

static struct sq_identity *
identity_of(struct sq_tail *tail, uint64_t generation)
{
        return &tail->ids[generation % SQ_TAIL_GENERATIONS];
}

/* The generation that was identified last: before the first it is -1. */
static uint64_t
last_known(const struct sq_tail *tail)
{
        return tail->generation - (tail->reader->fd < 0);
}

/* The identities of the last generations, the oldest first. */
static size_t
known(struct sq_tail *tail, struct sq_identity ret[SQ_TAIL_GENERATIONS])
{
        for (unsigned i = 0; i < tail->nids; i++)
                ret[i] = *identity_of(tail, last_known(tail) - (tail->nids - 1 - i));
        return tail->nids;
}

/* They are those up to that generation. */
static void
know(struct sq_tail *tail, uint64_t last, const struct sq_identity *known, size_t n)
{
        tail->nids = (unsigned)n;
        for (size_t i = 0; i < n; i++)
                *identity_of(tail, last - (n - 1 - i)) = known[i];
}

/* What comes, comes after what is there now. */
static void
know_what_was(struct sq_tail *tail)
{
        struct sq_identity before[SQ_TAIL_GENERATIONS] = {0};

        know(tail, tail->generation - 1, before, sq_identity_before(tail->path, before, SQ_TAIL_GENERATIONS));
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
        if (fd < 0 && tail->nids == 0)
                know_what_was(tail);
        else if (fd >= 0 && sq_identity_take(identity_of(tail, tail->generation), fd, offset) == 0 &&
                 tail->nids < SQ_TAIL_GENERATIONS)
                tail->nids++;
}

/* The copy of the file that was read, if all stands in it that was read. */
static int
find_copy(struct sq_tail *tail)
{
        int fd = sq_identity_find(identity_of(tail, tail->generation), tail->path);
        struct stat about;

        if (fd < 0 || (fstat(fd, &about) == 0 && (uint64_t)about.st_size >= tail->reader->offset))
                return fd;
        close(fd);
        return -ESTALE;
}

void
sq_tail_leave_rewritten(struct sq_task *task, struct sq_tail *tail)
{
        uint64_t offset = tail->reader->offset;
        int *slot = &tail->fds[tail->generation % SQ_TAIL_GENERATIONS], copy = find_copy(tail);

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

/* The file that comes after those that are known; -EAGAIN: it is too early to look again. */
static int
find_next(struct sq_task *task, struct sq_tail *tail)
{
        struct sq_identity before[SQ_TAIL_GENERATIONS];
        struct timespec begun = {0}, now = {0};
        int fd;

        if (sq_now(task) < tail->look_ns)
                return -EAGAIN;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
        fd = sq_identity_after(before, known(tail, before), tail->path);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        tail->look_ns = sq_now(task) +
                        PAUSES * (uint64_t)((now.tv_sec - begun.tv_sec) * 1000000000 + now.tv_nsec - begun.tv_nsec);
        return fd;
}

/* Nothing is at the path: but what came after the file that is read may have been rotated away, too. */
static bool
has_next(struct sq_task *task, struct sq_tail *tail)
{
        int fd = tail->rotated ? 0 : find_next(task, tail);

        if (fd > 0)
                close(fd);
        return fd >= 0;
}

/* Once for each cause: it is tried again. */
static void
complain(struct sq_task *task, struct sq_tail *tail, int error)
{
        if (error == EAGAIN || error == tail->wrong)
                return;
        tail->wrong = error;
        if (error != ENOENT)
                sq_log(task, SQ_WARN, "%s: %s: trying again", tail->path,
                       error == EINVAL ? "not a regular file" : strerror(error));
}

bool
sq_tail_look(struct sq_task *task, struct sq_tail *tail)
{
        struct stat here, there;
        int fd;

        if (!sq_tail_renew(tail)) {
                sq_tail_leave_rewritten(task, tail);
                return true;
        }
        if (tail->reader->fd >= 0 && fstat(tail->reader->fd, &here) == 0) {
                bool gone = stat(tail->path, &there) < 0;

                if (gone ? !has_next(task, tail) : here.st_ino == there.st_ino && here.st_dev == there.st_dev)
                        return false;
                if (!tail->rotated)
                        return tail->rotated = true;
        }
        fd = find_next(task, tail);
        if (fd < 0) {
                complain(task, tail, -fd);
                return false;
        }
        tail->wrong = 0;
        if (tail->reader->fd >= 0)
                sq_log(task, SQ_INFO, "%s was rotated: goes on in the file that came after it", tail->path);
        tail->generation += tail->reader->fd >= 0;
        sq_tail_begin(tail, fd, 0);
        return true;
}

/* Reads on in the last of the files that were known, whatever its name is now. */
static void
go_on_in(struct sq_task *task, struct sq_tail *tail, const struct sq_identity *before, size_t n, uint64_t offset)
{
        int fd = sq_identity_find(&before[n - 1], tail->path);

        know(tail, tail->generation, before, n);
        if (fd >= 0) {
                tail->nids--; /* which is known anew */
                sq_tail_begin(tail, fd, offset);
                know(tail, tail->generation, before, n);
                return;
        }
        sq_lost(task, 1,
                "%s: the file that was read up to byte %llu was rotated or truncated and is gone: what came after that in it is lost",
                tail->path, (unsigned long long)offset);
        fd = sq_identity_after(before, n, tail->path);
        if (fd < 0 && fd != -ENOENT)
                sq_log(task, SQ_WARN, "%s: %s", tail->path, strerror(-fd));
        tail->generation++;
        sq_tail_begin(tail, fd, 0);
}

/* There was no file: what has come since then is behind those that are known. */
static void
go_on_behind(struct sq_task *task, struct sq_tail *tail, const struct sq_identity *before, size_t n)
{
        char packed[NAME_MAX + 1];

        know(tail, tail->generation - 1, before, n);
        sq_tail_begin(tail, -1, 0);
        if (sq_identity_packed_after(&before[n - 1], tail->path, packed, sizeof(packed)))
                sq_lost(task, 1,
                        "%s: %s was rotated away and compressed before it is known to have been read: what is in it "
                        "is lost (`delaycompress` of logrotate leaves the time to read it)",
                        tail->path, packed);
}

void
sq_tail_seek(struct sq_task *task, struct sq_tail *tail, uint64_t position)
{
        struct sq_str noted = sq_noted(task);
        struct note before = {0};
        uint64_t offset = position & SQ_TAIL_OFFSET, back;
        size_t n;
        int fd = tail->fds[0];
        bool same;

        memcpy(&before, noted.ptr, noted.len < sizeof(before) ? noted.len : sizeof(before));
        n = noted.len < offsetof(struct note, known)
                    ? 0
                    : (noted.len - offsetof(struct note, known)) / sizeof(before.known[0]);
        tail->fds[0] = -1;
        tail->nids = 0;
        tail->generation = position >> SQ_TAIL_SHIFT;
        back = (uint32_t)(before.generation - (uint32_t)tail->generation);
        same = n > 0 && before.path == sq_path_hash(tail->path);
        if (same && (back < n || back == UINT32_MAX)) {
                if (fd >= 0)
                        close(fd);
                if (back < n)
                        go_on_in(task, tail, before.known, n - back, offset);
                else
                        go_on_behind(task, tail, before.known, n);
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
        struct note note = {.path = sq_path_hash(tail->path), .generation = (uint32_t)last_known(tail)};
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

/* SPDX-License-Identifier: Apache-2.0 */
/* The segments of a journal: found, begun, read, removed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/journal.h"

enum { NAME_DIGITS = 20, WINDOW = 256 * 1024 };

static const char name_new[] = "segment.new";

int
sqi_segments_wrong(struct sqi_kit_journal *journal, int r, const char *name, const char *format, ...)
{
        va_list arguments;
        int n = snprintf(journal->error, SQI_SEGMENT_ERROR, "%s%s%s: ", journal->path, name[0] ? "/" : "", name);

        va_start(arguments, format);
        if (n >= 0 && n < SQI_SEGMENT_ERROR)
                vsnprintf(journal->error + n, (size_t)(SQI_SEGMENT_ERROR - n), format, arguments);
        va_end(arguments);
        return r;
}

void
sqi_segments_name(uint64_t first, char ret[SQI_SEGMENT_NAME_MAX])
{
        snprintf(ret, SQI_SEGMENT_NAME_MAX, "%0*" PRIu64, NAME_DIGITS, first);
}

/* ---- Reading one ------------------------------------------------------------------------------------- */

void
sqi_segment_close(struct sqi_segment_reader *reader)
{
        if (reader->fd >= 0)
                close(reader->fd);
        free(reader->bytes);
        *reader = (struct sqi_segment_reader){.fd = -1};
}

/* Reads on until `need` bytes are there, or the file has ended. */
static int
fill(struct sqi_segment_reader *reader, size_t need)
{
        char *grown;
        ssize_t n;

        if (reader->at > 0)
                memmove(reader->bytes, reader->bytes + reader->at, reader->fill - reader->at);
        reader->offset += reader->at;
        reader->fill -= reader->at;
        reader->at = 0;
        if (need < WINDOW)
                need = WINDOW;
        if (need > reader->room) {
                grown = realloc(reader->bytes, need);
                if (!grown)
                        return -ENOMEM;
                reader->bytes = grown;
                reader->room = need;
        }
        while (reader->fill < need && !reader->last) {
                n = pread(reader->fd, reader->bytes + reader->fill, need - reader->fill,
                          (off_t)(reader->offset + reader->fill));
                if (n < 0 && errno != EINTR)
                        return -errno;
                reader->last = n == 0;
                reader->fill += n > 0 ? (size_t)n : 0;
        }
        return 0;
}

static int
check_head(struct sqi_kit_journal *journal, const char *name, const struct sqi_segment_reader *reader,
           struct sqi_segment_head *ret)
{
        int r = sqi_segment_check(reader->bytes, reader->fill, journal->owner, journal->task, ret);

        if (r == -EXDEV)
                return sqi_segments_wrong(
                        journal, r, name,
                        "belongs to another topology, component or task (give each a folder of its own, or remove it)");
        if (r == -EPROTO)
                return sqi_segments_wrong(journal, r, name, SQI_SEGMENT_LATER);
        if (r == 0) {
                char right[SQI_SEGMENT_NAME_MAX];

                sqi_segments_name(ret->first, right);
                r = strcmp(name, right) == 0 ? 0 : -EBADMSG;
        }
        return r < 0 ? sqi_segments_wrong(journal, r, name, "is damaged, or is not a segment of a journal") : 0;
}

/* Opens the file and reads its head. */
static int
open_file(struct sqi_kit_journal *journal, const char *name, struct sqi_segment_reader *reader,
          struct sqi_segment_head *ret)
{
        int r;

        sqi_segment_close(reader);
        reader->fd = openat(journal->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        r = reader->fd < 0 ? -errno : fill(reader, sizeof(*ret));
        if (r < 0)
                return sqi_segments_wrong(journal, r, name, "%s", strerror(-r));
        r = check_head(journal, name, reader, ret);
        if (r < 0)
                return r;
        reader->at = sizeof(*ret);
        reader->number = ret->first;
        return 0;
}

int
sqi_segment_open(struct sqi_kit_journal *journal, size_t i, struct sqi_segment_reader *reader)
{
        char name[SQI_SEGMENT_NAME_MAX];
        struct sqi_segment_head head;

        sqi_segments_name(journal->segments[i].first, name);
        return open_file(journal, name, reader, &head);
}

int
sqi_segment_next(struct sqi_segment_reader *reader, struct sq_str *ret)
{
        size_t need = 0;
        int r;

        for (;;) {
                r = sqi_record_look(reader->bytes + reader->at, reader->fill - reader->at, reader->last, reader->number,
                                    ret, &need);
                if (r != -EAGAIN)
                        break;
                r = fill(reader, need);
                if (r < 0)
                        return r;
        }
        if (r == 1) {
                reader->number++;
                reader->at += SQI_RECORD_HEAD + ret->len;
        }
        return r;
}

/* ---- Opening them all -------------------------------------------------------------------------------- */

static int
push(struct sqi_kit_journal *journal, const struct sqi_segment *segment)
{
        struct sqi_segment *grown = realloc(journal->segments, (journal->n + 1) * sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        grown[journal->n++] = *segment;
        journal->segments = grown;
        journal->bytes += segment->size;
        return 0;
}

static int
compare(const void *a, const void *b)
{
        const struct sqi_segment *left = a, *right = b;

        return (left->first > right->first) - (left->first < right->first);
}

static bool
is_name(const char *name)
{
        return strlen(name) == NAME_DIGITS && strspn(name, "0123456789") == NAME_DIGITS;
}

/* A file of the folder: whose are the segments. */
static int
look_at(struct sqi_kit_journal *journal, const char *name)
{
        struct sqi_segment_head head;
        struct sqi_segment segment;
        struct stat about;
        int r;

        if (!is_name(name))
                return 0;
        r = open_file(journal, name, &journal->reader, &head);
        if (r == 0 && fstat(journal->reader.fd, &about) < 0)
                r = sqi_segments_wrong(journal, -errno, name, "%s", strerror(errno));
        if (r < 0)
                return r;
        segment = (struct sqi_segment){head.first, (uint64_t)about.st_size, head.made_ns};
        return push(journal, &segment);
}

static int
look_at_all(struct sqi_kit_journal *journal)
{
        const struct dirent *entry;
        int fd = openat(journal->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
        DIR *folder = fd < 0 ? NULL : fdopendir(fd);

        if (!folder)
                return sqi_segments_wrong(journal, -errno, "", "%s", strerror(errno));
        while (r == 0 && (entry = readdir(folder)))
                r = look_at(journal, entry->d_name);
        closedir(folder);
        sqi_segment_close(&journal->reader);
        if (journal->n > 0)
                qsort(journal->segments, journal->n, sizeof(*journal->segments), compare);
        return r;
}

/* What an earlier process wrote it has perhaps not synced. */
static int
cut_and_sync(struct sqi_kit_journal *journal, struct sqi_segment *last, uint64_t size)
{
        char name[SQI_SEGMENT_NAME_MAX];
        int fd, r;

        sqi_segments_name(last->first, name);
        fd = openat(journal->folder, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        r = fd < 0 || (size < last->size && ftruncate(fd, (off_t)size) < 0) || fsync(fd) < 0 ? -errno : 0;
        if (fd >= 0)
                close(fd);
        if (r < 0)
                return sqi_segments_wrong(journal, r, name, "%s", strerror(-r));
        journal->bytes -= last->size - size;
        last->size = size;
        return 0;
}

/* Reads the last one to its end. */
static int
find_end(struct sqi_kit_journal *journal)
{
        struct sqi_segment *last = &journal->segments[journal->n - 1];
        struct sqi_segment_reader *reader = &journal->reader;
        char name[SQI_SEGMENT_NAME_MAX];
        struct sq_str record;
        int r = sqi_segment_open(journal, journal->n - 1, reader);

        if (r < 0)
                return r;
        do
                r = sqi_segment_next(reader, &record);
        while (r == 1);
        sqi_segments_name(last->first, name);
        if (r == -EBADMSG)
                return sqi_segments_wrong(journal, r, name,
                                          "is damaged at byte %" PRIu64 ", and more follows (it is whole up to there: "
                                          "`truncate -s %" PRIu64 "` gives the rest up)",
                                          reader->offset + reader->at, reader->offset + reader->at);
        if (r < 0 && r != -EPIPE)
                return sqi_segments_wrong(journal, r, name, "%s", strerror(-r));
        journal->end = journal->found = reader->number;
        journal->torn = last->size - (reader->offset + reader->at);
        return cut_and_sync(journal, last, reader->offset + reader->at);
}

int
sqi_segments_open(struct sqi_kit_journal *journal)
{
        int r;

        if (unlinkat(journal->folder, name_new, 0) < 0 && errno != ENOENT)
                return sqi_segments_wrong(journal, -errno, name_new, "%s", strerror(errno));
        r = look_at_all(journal);
        if (r == 0 && journal->n > 0)
                r = find_end(journal);
        sqi_segment_close(&journal->reader);
        return r;
}

/* ---- Beginning one ----------------------------------------------------------------------------------- */

static int
write_at(int fd, const char *bytes, size_t n, uint64_t offset)
{
        while (n > 0) {
                ssize_t written = pwrite(fd, bytes, n, (off_t)offset);

                if (written < 0 && errno != EINTR)
                        return -errno;
                if (written > 0) {
                        bytes += written;
                        n -= (size_t)written;
                        offset += (uint64_t)written;
                }
        }
        return 0;
}

/* What the last segment holds from `synced` on, behind the head of the new one. */
static int
copy_unsynced(const struct sqi_kit_journal *journal, int to, uint64_t *size)
{
        uint64_t from = journal->synced_size, end = journal->segments[journal->n - 1].size;
        char *bytes = malloc(WINDOW);
        int r = bytes ? 0 : -ENOMEM;

        while (r == 0 && from < end) {
                ssize_t n = pread(journal->fd, bytes, end - from < WINDOW ? (size_t)(end - from) : WINDOW, (off_t)from);

                if (n <= 0 && errno != EINTR)
                        r = n < 0 ? -errno : -EIO;
                if (n <= 0)
                        continue;
                r = write_at(to, bytes, (size_t)n, *size);
                from += (uint64_t)n;
                *size += (uint64_t)n;
        }
        free(bytes);
        return r;
}

static int
fill_new(struct sqi_kit_journal *journal, int fd, struct sqi_segment *segment)
{
        struct sqi_segment_head head = {
                .task = journal->task, .first = segment->first, .made_ns = segment->made_ns, .owner = journal->owner};
        char name[SQI_SEGMENT_NAME_MAX];
        int r;

        sqi_segment_seal(&head);
        r = write_at(fd, (const char *)&head, sizeof(head), 0);
        segment->size = sizeof(head);
        if (r == 0 && segment->first < journal->end)
                r = copy_unsynced(journal, fd, &segment->size);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        sqi_segments_name(segment->first, name);
        if (r == 0 && renameat(journal->folder, name_new, journal->folder, name) < 0)
                r = -errno;
        return r;
}

/* It has its name: it takes the place of one of that name, which held nothing that was synced. */
static void
take_over(struct sqi_kit_journal *journal, int fd, const struct sqi_segment *segment)
{
        if (journal->fd >= 0)
                close(journal->fd);
        if (journal->n > 0 && journal->segments[journal->n - 1].first == segment->first)
                journal->bytes -= journal->segments[--journal->n].size;
        journal->segments[journal->n++] = *segment;
        journal->bytes += segment->size;
        sqi_segment_close(&journal->reader);
        journal->fd = fd;
        journal->is_spent = false;
        journal->synced = journal->end;
        journal->synced_size = segment->size;
}

int
sqi_segments_begin(struct sqi_kit_journal *journal)
{
        struct sqi_segment segment = {.first = journal->fd >= 0 ? journal->synced : journal->end,
                                      .made_ns = journal->wall_ns};
        struct sqi_segment *grown = realloc(journal->segments, (journal->n + 1) * sizeof(*grown));
        int fd, r;

        if (!grown)
                return -ENOMEM;
        journal->segments = grown;
        fd = openat(journal->folder, name_new, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = fill_new(journal, fd, &segment);
        if (r < 0) {
                (void)unlinkat(journal->folder, name_new, 0);
                close(fd);
                return r;
        }
        take_over(journal, fd, &segment);
        if (fsync(journal->folder) == 0)
                return 0;
        journal->is_spent = true; /* nobody knows whether it has its name: another one is begun */
        return -errno;
}

void
sqi_segments_cut(struct sqi_kit_journal *journal)
{
        char name[SQI_SEGMENT_NAME_MAX];
        size_t cut = 0;

        while (cut + 1 < journal->n && journal->segments[cut + 1].first <= journal->needed) {
                sqi_segments_name(journal->segments[cut].first, name);
                if (unlinkat(journal->folder, name, 0) < 0 && errno != ENOENT)
                        break; /* it is tried again */
                journal->bytes -= journal->segments[cut++].size;
        }
        if (cut == 0)
                return;
        journal->n -= cut;
        memmove(journal->segments, journal->segments + cut, journal->n * sizeof(*journal->segments));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file_mark.h"

enum { BYTES_MIN = 1 << 20, SEGMENT_MIN = 64 * 1024, SEGMENT_MAX = 64 << 20, SEGMENTS = 8 };
enum { LOCK_TRIES = 100, MEMORY_SPARE = 4 << 20 };
static const uint64_t DONE_NS = 1000000000;

static const char name_done[] = "done", name_lock[] = "lock";

void
sqi_kit_journal_declare(const struct sq_journal_config *config, struct sq_declaration *decl)
{
        static const char *const others[] = {"journal.sync", "journal.interval", "journal.max-bytes",
                                             "journal.max-age"};

        for (size_t i = 0; !config->path && i < sizeof(others) / sizeof(others[0]); i++)
                sq_declare_unused(decl, others[i], "without `journal`, the folder");
        if (!config->path)
                return;
        if (config->sync != SQ_JOURNAL_INTERVAL)
                sq_declare_unused(decl, "journal.interval", "without `journal.sync: interval`");
        if (config->max_bytes < BYTES_MIN)
                sq_declare_error(decl, "journal.max-bytes", "must be at least %d", BYTES_MIN);
        if (!(config->interval >= 0.001 && config->interval <= 3600))
                sq_declare_error(decl, "journal.interval", "must be from 0.001 to 3600 seconds");
        if (!(config->max_age >= 0 && config->max_age <= 1e9))
                sq_declare_error(decl, "journal.max-age", "must be from 0 to a thousand million seconds");
}

const char *
sqi_kit_journal_error(const struct sqi_kit_journal *journal)
{
        return journal->error;
}

/* Of what has failed as a whole. Returns `r`. */
static int
wrong(struct sqi_kit_journal *journal, int r)
{
        return r < 0 ? sqi_segments_wrong(journal, r, "", "%s", strerror(-r)) : 0;
}

/* ---- Where a start from nothing goes on -------------------------------------------------------------- */

struct done {
        char magic[4];
        uint32_t zero;
        uint64_t number, hash;
};
static const struct done blank = {.magic = {'S', 'Q', 'D', 1}};

/* One that is damaged was not synced: then what was done comes again. */
static int
read_done(struct sqi_kit_journal *journal)
{
        int fd = openat(journal->folder, name_done, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        struct done it = {0};
        ssize_t n = fd < 0 ? 0 : read(fd, &it, sizeof(it));

        if (fd >= 0)
                close(fd);
        int r = sqi_file_mark_check(&it, n < 0 ? 0 : (size_t)n, blank.magic);
        if (r == -EPROTO)
                return sqi_segments_wrong(journal, -EPROTO, name_done, SQI_SEGMENT_LATER);
        journal->done = journal->n > 0 ? journal->segments[0].first : journal->end;
        if (r == 0 && n == (ssize_t)sizeof(it) && it.hash == XXH3_64bits(&it, offsetof(struct done, hash)) &&
            it.number > journal->done)
                journal->done = it.number;
        journal->done_written = journal->done;
        return 0;
}

static void
write_done(struct sqi_kit_journal *journal)
{
        struct done it = blank;
        int fd = openat(journal->folder, "done.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        ssize_t n;

        if (fd < 0)
                return;
        it.number = journal->done;
        it.hash = XXH3_64bits(&it, offsetof(struct done, hash));
        n = write(fd, &it, sizeof(it));
        if (close(fd) == 0 && n == (ssize_t)sizeof(it) &&
            renameat(journal->folder, "done.new", journal->folder, name_done) == 0)
                journal->done_written = journal->done;
        journal->done_ns = journal->now_ns;
}

/* ---- Opening ----------------------------------------------------------------------------------------- */

static int
make_folder(int parent, const char *path)
{
        if (mkdirat(parent, path, 0700) < 0 && errno != EEXIST)
                return -errno;
        return 0;
}

/* PATH, in it the journal's own folder, and the way there is on the disk. */
static int
open_folder(struct sqi_kit_journal *journal, const char *component)
{
        char name[300];
        int r = make_folder(AT_FDCWD, journal->config.path), parent;

        if (r == 0)
                r = sq_sync_above(journal->config.path);
        if (r < 0)
                return r;
        parent = open(journal->config.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (parent < 0)
                return -errno;
        snprintf(name, sizeof(name), "%s-%" PRIu32, component, journal->task);
        r = make_folder(parent, name);
        if (r == 0 && fsync(parent) < 0)
                r = -errno;
        if (r == 0)
                journal->folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (r == 0 && journal->folder < 0)
                r = -errno;
        close(parent);
        return r;
}

/* A child of the one before us may hold the lock for the moment until its exec. */
static int
take_lock(struct sqi_kit_journal *journal)
{
        const struct timespec pause = {.tv_nsec = 10000000};

        journal->lock = openat(journal->folder, name_lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (journal->lock < 0)
                return wrong(journal, -errno);
        for (int i = 0; flock(journal->lock, LOCK_EX | LOCK_NB) < 0; i++) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return wrong(journal, -errno);
                if (i == LOCK_TRIES)
                        return sqi_segments_wrong(journal, -EWOULDBLOCK, "", "another process uses this journal");
                nanosleep(&pause, NULL);
        }
        return 0;
}

static uint64_t
owner_of(const char *topology, const char *component)
{
        return XXH3_64bits_withSeed(component, strlen(component), XXH3_64bits(topology, strlen(topology)));
}

static int
open_all(struct sqi_kit_journal *journal, const char *component)
{
        int r = wrong(journal, open_folder(journal, component));

        if (r == 0)
                r = take_lock(journal);
        if (r == 0)
                r = sqi_segments_open(journal);
        if (r == 0)
                r = read_done(journal);
        if (r < 0)
                return r;
        journal->next = journal->end;
        journal->needed = journal->n > 0 ? journal->segments[0].first : journal->end;
        journal->memory_first = journal->synced = journal->end;
        return sqi_kit_journal_seek(journal, journal->done, NULL);
}

int
sqi_kit_journal_open(const struct sq_journal_config *config, const char *topology, const char *component,
                     unsigned index, struct sqi_kit_journal **ret, char *error, size_t size)
{
        struct sqi_kit_journal *journal = calloc(1, sizeof(*journal));
        size_t length = strlen(config->path) + strlen(component) + sizeof("/-4294967295");
        int r = -ENOMEM;

        if (journal) {
                *journal = (struct sqi_kit_journal){.config = *config,
                                                    .owner = owner_of(topology, component),
                                                    .task = index,
                                                    .folder = -1,
                                                    .lock = -1,
                                                    .fd = -1,
                                                    .end = 1,
                                                    .reader = {.fd = -1}};
                journal->error = calloc(1, SQI_SEGMENT_ERROR);
                journal->path = malloc(length);
        }
        if (journal && journal->error && journal->path) {
                snprintf(journal->path, length, "%s/%s-%u", config->path, component, index);
                r = open_all(journal, component);
        }
        if (r == 0) {
                *ret = journal;
                return 0;
        }
        snprintf(error, size, "%s", journal && journal->error ? journal->error : strerror(ENOMEM));
        sqi_kit_journal_close(&journal);
        return r;
}

void
sqi_kit_journal_close(struct sqi_kit_journal **journal_at)
{
        struct sqi_kit_journal *journal = *journal_at;

        if (!journal)
                return;
        *journal_at = NULL;
        if (journal->folder >= 0 && journal->done != journal->done_written)
                write_done(journal);
        sqi_segment_close(&journal->reader);
        if (journal->fd >= 0)
                close(journal->fd);
        if (journal->lock >= 0)
                close(journal->lock);
        if (journal->folder >= 0)
                close(journal->folder);
        free(journal->segments);
        free(journal->memory);
        free(journal->error);
        free(journal->path);
        free(journal);
}

void
sqi_kit_journal_clock(struct sqi_kit_journal *journal, uint64_t now_ns, int64_t wall_ns)
{
        journal->now_ns = now_ns;
        journal->wall_ns = wall_ns;
}

/* ---- Writing ----------------------------------------------------------------------------------------- */

static bool
is_all_released(const struct sqi_kit_journal *journal)
{
        return journal->needed >= journal->end;
}

static double
age_of(const struct sqi_kit_journal *journal, const struct sqi_segment *segment)
{
        return (double)(journal->wall_ns - segment->made_ns) * 1e-9;
}

bool
sqi_kit_journal_has_room(const struct sqi_kit_journal *journal)
{
        const struct sq_journal_config *config = &journal->config;

        if (is_all_released(journal) && journal->unwritten == 0)
                return true;
        if (journal->bytes + journal->unwritten >= (uint64_t)config->max_bytes)
                return false;
        return !(config->max_age > 0 && journal->n > 0 && age_of(journal, &journal->segments[0]) > config->max_age);
}

int
sqi_kit_journal_add(struct sqi_kit_journal *journal, struct sq_str record, uint64_t *ret_number)
{
        size_t size = SQI_RECORD_HEAD + record.len, room = journal->room ? journal->room : SEGMENT_MIN;
        char *grown;

        if (record.len > SQI_RECORD_MAX)
                return sqi_segments_wrong(journal, -EMSGSIZE, "", "a message of %zu bytes is too long", record.len);
        if (journal->fill + size > journal->room) {
                while (room < journal->fill + size)
                        room *= 2;
                grown = realloc(journal->memory, room);
                if (!grown)
                        return wrong(journal, -ENOMEM);
                journal->memory = grown;
                journal->room = room;
        }
        sqi_record_put(journal->memory + journal->fill, journal->next, record);
        if (record.len > 0)
                memcpy(journal->memory + journal->fill + SQI_RECORD_HEAD, record.ptr, record.len);
        journal->fill += size;
        journal->unwritten += size;
        *ret_number = journal->next++;
        return 0;
}

/* May it be written, or is another one due? */
static bool
is_writable(const struct sqi_kit_journal *journal)
{
        uint64_t most = (uint64_t)journal->config.max_bytes / SEGMENTS;
        const struct sqi_segment *last;

        if (journal->fd < 0 || journal->is_spent)
                return false;
        last = &journal->segments[journal->n - 1];
        most = most < SEGMENT_MIN ? SEGMENT_MIN : most > SEGMENT_MAX ? SEGMENT_MAX : most;
        return last->size < most && !(journal->config.max_age > 0 && last->size > sizeof(struct sqi_segment_head) &&
                                      age_of(journal, last) > journal->config.max_age / SEGMENTS);
}

static int
sync_last(struct sqi_kit_journal *journal)
{
        if (journal->fd < 0 || (journal->synced == journal->end && !journal->is_spent))
                return 0;
        if (!journal->is_spent && fdatasync(journal->fd) == 0) {
                journal->synced = journal->end;
                journal->synced_size = journal->segments[journal->n - 1].size;
                return 0;
        }
        journal->is_spent = true;
        return sqi_segments_begin(journal);
}

static int
begin_next(struct sqi_kit_journal *journal)
{
        int r = sync_last(journal);

        if (r == 0 && !is_writable(journal))
                r = sqi_segments_begin(journal);
        if (r == 0)
                sqi_segments_cut(journal);
        return r;
}

/* All of the memory was read, or nothing of it will be. */
static void
drop_memory(struct sqi_kit_journal *journal)
{
        journal->fill = journal->memory_at = 0;
        journal->memory_first = journal->end;
        if (journal->room <= MEMORY_SPARE)
                return;
        free(journal->memory);
        journal->memory = NULL;
        journal->room = 0;
}

/* The end of the memory, behind the last segment, as one piece. */
static int
write_out(struct sqi_kit_journal *journal)
{
        const char *bytes = journal->memory + (journal->fill - journal->unwritten);
        struct sqi_segment *last;
        size_t done = 0;

        if (!is_writable(journal)) {
                int r = begin_next(journal);

                if (r < 0)
                        return r;
        }
        last = &journal->segments[journal->n - 1];
        while (done < journal->unwritten) {
                ssize_t n = pwrite(journal->fd, bytes + done, journal->unwritten - done, (off_t)(last->size + done));

                if (n < 0 && errno != EINTR) {
                        int r = -errno;

                        (void)!ftruncate(journal->fd, (off_t)last->size); /* or it is written over */
                        return r;
                }
                done += n > 0 ? (size_t)n : 0;
        }
        if (journal->synced == journal->end)
                journal->unsynced_ns = journal->now_ns;
        last->size += done;
        journal->bytes += done;
        journal->unwritten = 0;
        journal->end = journal->next;
        if (journal->at < journal->memory_first)
                drop_memory(journal); /* they are read out of the files, too */
        return 0;
}

uint64_t
sqi_kit_journal_due(const struct sqi_kit_journal *journal)
{
        if (journal->fd < 0 || journal->config.sync == SQ_JOURNAL_NONE || journal->synced == journal->end)
                return UINT64_MAX;
        return journal->config.sync == SQ_JOURNAL_EACH
                       ? 0
                       : journal->unsynced_ns + (uint64_t)(journal->config.interval * 1e9);
}

int
sqi_kit_journal_write(struct sqi_kit_journal *journal)
{
        int r = journal->unwritten > 0 ? write_out(journal) : 0;

        if (r == 0 && journal->now_ns >= sqi_kit_journal_due(journal))
                r = sync_last(journal);
        return wrong(journal, r);
}

int
sqi_kit_journal_sync(struct sqi_kit_journal *journal)
{
        int r = journal->unwritten > 0 ? write_out(journal) : 0;

        return wrong(journal, r == 0 ? sync_last(journal) : r);
}

/* ---- Reading ----------------------------------------------------------------------------------------- */

uint64_t
sqi_kit_journal_at(const struct sqi_kit_journal *journal)
{
        return journal->at;
}

uint64_t
sqi_kit_journal_end(const struct sqi_kit_journal *journal)
{
        return journal->end;
}

uint64_t
sqi_kit_journal_bytes(const struct sqi_kit_journal *journal)
{
        return journal->bytes;
}

int
sqi_kit_journal_seek(struct sqi_kit_journal *journal, uint64_t number, uint64_t *ret_first)
{
        uint64_t first = journal->n > 0 ? journal->segments[0].first : journal->end;

        if (ret_first)
                *ret_first = first;
        if (journal->unwritten > 0)
                return wrong(journal, -EBUSY);
        if (number < first && journal->n > 0)
                return sqi_segments_wrong(journal, -ENOENT, "",
                                          "message %" PRIu64 " is not there any more, it begins with %" PRIu64, number,
                                          first);
        sqi_segment_close(&journal->reader);
        drop_memory(journal);
        if (number > journal->end || journal->n == 0) {
                if (journal->fd >= 0)
                        close(journal->fd);
                journal->fd = -1;
                journal->end = journal->next = journal->synced = journal->memory_first = number ? number : 1;
        }
        journal->at = number ? number : 1;
        return 0;
}

/* The segment of record `at`; behind it begins the next one, or the end. */
static size_t
find(const struct sqi_kit_journal *journal, uint64_t *ret_limit)
{
        size_t i = 0;

        while (i + 1 < journal->n && journal->segments[i + 1].first <= journal->at)
                i++;
        *ret_limit = i + 1 < journal->n ? journal->segments[i + 1].first : journal->end;
        return i;
}

static int
missing(struct sqi_kit_journal *journal, size_t i, int r)
{
        char name[SQI_SEGMENT_NAME_MAX];

        sqi_segments_name(journal->segments[i].first, name);
        if (r < 0 && r != -EPIPE && r != -EBADMSG)
                return sqi_segments_wrong(journal, r, name, "%s", strerror(-r));
        return sqi_segments_wrong(journal, -EBADMSG, name,
                                  "message %" PRIu64 " is damaged or missing, at byte %" PRIu64, journal->reader.number,
                                  journal->reader.offset + journal->reader.at);
}

static int
next_of_files(struct sqi_kit_journal *journal, struct sq_str *ret)
{
        struct sqi_segment_reader *reader = &journal->reader;
        uint64_t limit;
        size_t i = find(journal, &limit);
        int r = 1;

        if (reader->fd < 0 || reader->number != journal->at || journal->segments[i].first == journal->at)
                r = sqi_segment_open(journal, i, reader) < 0 ? -EIO : 1;
        if (r < 0)
                return -EBADMSG;
        if (reader->number < limit)
                reader->last = false; /* more may have been written since */
        do
                r = sqi_segment_next(reader, ret);
        while (r == 1 && reader->number <= journal->at);
        if (r != 1)
                return missing(journal, i, r);
        journal->at++;
        return 1;
}

static int
next_of_memory(struct sqi_kit_journal *journal, struct sq_str *ret)
{
        size_t need;
        int r;

        sqi_segment_close(&journal->reader);
        r = sqi_record_look(journal->memory + journal->memory_at, journal->fill - journal->memory_at, true, journal->at,
                            ret, &need);
        if (r != 1)
                return wrong(journal, -EBADMSG);
        journal->memory_at += SQI_RECORD_HEAD + ret->len;
        journal->at++;
        return 1;
}

int
sqi_kit_journal_next(struct sqi_kit_journal *journal, uint64_t *ret_number, struct sq_str *record)
{
        *ret_number = journal->at;
        if (journal->at < journal->memory_first && journal->at < journal->end)
                return next_of_files(journal, record);
        if (journal->at < journal->end)
                return next_of_memory(journal, record);
        if (journal->unwritten == 0)
                drop_memory(journal);
        return 0;
}

uint64_t
sqi_kit_journal_held(const struct sqi_kit_journal *journal)
{
        return journal->at >= journal->memory_first && journal->at < journal->end ? journal->end - journal->at : 0;
}

/* ---- Cutting ----------------------------------------------------------------------------------------- */

void
sqi_kit_journal_release(struct sqi_kit_journal *journal, uint64_t done, uint64_t needed)
{
        if (done > journal->done)
                journal->done = done;
        if (needed > journal->needed)
                journal->needed = needed;
        sqi_segments_cut(journal);
        if (journal->done > journal->done_written && journal->now_ns >= journal->done_ns + DONE_NS)
                write_done(journal);
}

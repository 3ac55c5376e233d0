/* SPDX-License-Identifier: Apache-2.0 */
#include "places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { LOCK_TRIES = 100, LONG_MIN_BYTES = 1 << 20, LONG_TIMES = 4, NAME_BYTES_MAX = 1 << 16 };

struct head {
        char magic[4];
        uint32_t task, parts, zero;
        uint64_t owner, id, hash;
};
static const char magic[4] = {'S', 'Q', 'F', 1};

struct record {
        uint32_t length; /* with what follows */
        uint32_t kind;
        uint64_t number, file, hash;
};

static int
wrong(struct places *places, int r)
{
        if (r < 0)
                snprintf(places->error, sizeof(places->error), "%s: %s", places->path, strerror(-r));
        return r;
}

/* ---- Opening ----------------------------------------------------------------------------------------- */

/* A child of the one before us may hold the lock for the moment until its exec. */
static int
take_lock(struct places *places)
{
        const struct timespec pause = {.tv_nsec = 10000000};
        char name[4096];

        if (snprintf(name, sizeof(name), "%s.lock", places->path) >= (int)sizeof(name))
                return wrong(places, -ENAMETOOLONG);
        places->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (places->lock < 0)
                return wrong(places, -errno);
        for (int i = 0; flock(places->lock, LOCK_EX | LOCK_NB) < 0; i++) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return wrong(places, -errno);
                if (i == LOCK_TRIES) {
                        snprintf(places->error, sizeof(places->error), "%s: another process uses it", places->path);
                        return -EWOULDBLOCK;
                }
                nanosleep(&pause, NULL);
        }
        return 0;
}

static uint64_t
hash_of_head(const struct head *head)
{
        return XXH3_64bits(head, offsetof(struct head, hash));
}

static struct head
own_head(const struct sq_task *task)
{
        struct head head = {.task = sq_index(task), .parts = sq_parallelism(task)};
        const char *topology = sq_topology(task), *component = sq_component(task);

        memcpy(head.magic, magic, sizeof(magic));
        head.owner = XXH3_64bits_withSeed(component, strlen(component), XXH3_64bits(topology, strlen(topology)));
        return head;
}

/* A new log is there as a whole, or not at all. */
static int
begin(struct places *places, struct head head)
{
        char name[4096];
        int fd, r = 0;

        if (getrandom(&head.id, sizeof(head.id), 0) != sizeof(head.id))
                return wrong(places, -EIO);
        head.hash = hash_of_head(&head);
        if (snprintf(name, sizeof(name), "%s.new", places->path) >= (int)sizeof(name))
                return wrong(places, -ENAMETOOLONG);
        fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return wrong(places, -errno);
        if (write(fd, &head, sizeof(head)) != sizeof(head) || fsync(fd) < 0 || rename(name, places->path) < 0)
                r = errno ? -errno : -EIO;
        if (r < 0) {
                close(fd);
                return wrong(places, r);
        }
        places->fd = fd;
        places->id = head.id;
        places->size = places->summed_up = sizeof(head);
        return 0;
}

static int
go_on(struct places *places, const struct head *own)
{
        struct head head = {0};
        const char *what = NULL;

        if (pread(places->fd, &head, sizeof(head), 0) < 0)
                return wrong(places, -errno);
        if (memcmp(head.magic, magic, sizeof(magic) - 1) == 0 && (uint8_t)head.magic[3] > (uint8_t)magic[3]) {
                snprintf(places->error, sizeof(places->error),
                         "%s: a later version of Squall wrote it (go on with that one)", places->path);
                return -EPROTO;
        }
        if (memcmp(head.magic, magic, sizeof(magic)) != 0 || head.hash != hash_of_head(&head))
                what = "is damaged, or not a file of positions";
        else if (head.owner != own->owner || head.task != own->task)
                what = "belongs to another topology or component";
        else if (head.parts != own->parts)
                what = "was written with another parallelism";
        if (what) {
                snprintf(places->error, sizeof(places->error), "%s: %s (remove it to begin anew)", places->path, what);
                return -EBADMSG;
        }
        places->id = head.id;
        places->size = places->summed_up = sizeof(head);
        return 0;
}

int
places_open(struct places *places, const char *folder, const struct sq_task *task)
{
        const struct head head = own_head(task);
        size_t length = strlen(folder) + strlen(sq_component(task)) + sizeof("/-4294967295");
        int r;

        *places = (struct places){.fd = -1, .lock = -1};
        if (folder[0] == '\0')
                return 0;
        places->path = malloc(length);
        if (!places->path)
                return -ENOMEM;
        snprintf(places->path, length, "%s/%s-%u", folder, sq_component(task), sq_index(task));
        if (mkdir(folder, 0700) < 0 && errno != EEXIST)
                return wrong(places, -errno);
        r = wrong(places, sq_sync_above(folder));
        if (r == 0)
                r = take_lock(places);
        if (r < 0)
                return r;
        places->fd = open(places->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (places->fd >= 0)
                return go_on(places, &head);
        return errno == ENOENT ? begin(places, head) : wrong(places, -errno);
}

void
places_close(struct places *places)
{
        if (places->path && places->fd >= 0)
                close(places->fd);
        if (places->path && places->lock >= 0)
                close(places->lock);
        free(places->path);
        free(places->out);
        *places = (struct places){.fd = -1, .lock = -1};
}

/* ---- Records ----------------------------------------------------------------------------------------- */

static uint64_t
hash_of(const struct record *record, const char *body)
{
        return XXH3_64bits_withSeed(body, record->length - sizeof(*record),
                                    XXH3_64bits(record, offsetof(struct record, hash)));
}

/* The record at the start of the `n` bytes; false: it is none, or torn. */
static bool
look(const char *bytes, size_t n, struct place *ret)
{
        const char *body = bytes + sizeof(struct record);
        struct record record;

        if (n < sizeof(record))
                return false;
        memcpy(&record, bytes, sizeof(record));
        if (record.length < sizeof(record) || record.length > n || record.hash != hash_of(&record, body))
                return false;
        *ret = (struct place){.kind = (enum place_kind)record.kind, .number = record.number, .file = record.file};
        if (ret->kind != PLACE_FILE)
                return true;
        if (record.length < sizeof(record) + sizeof(ret->known))
                return false;
        memcpy(&ret->known, body, sizeof(ret->known));
        ret->name.ptr = body + sizeof(ret->known);
        ret->name.len = record.length - sizeof(record) - sizeof(ret->known);
        return true;
}

static int
read_all(int fd, char **ret, size_t *ret_n)
{
        struct stat about;
        size_t n = 0;
        char *bytes;

        if (fstat(fd, &about) < 0)
                return -errno;
        bytes = malloc((size_t)about.st_size + 1);
        if (!bytes)
                return -ENOMEM;
        while (n < (size_t)about.st_size) {
                ssize_t got = pread(fd, bytes + n, (size_t)about.st_size - n, (off_t)n);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0) { /* it is not torn there, and must not be cut */
                        int r = -errno;
                        free(bytes);
                        return r;
                }
                if (got == 0)
                        break;
                n += (size_t)got;
        }
        *ret = bytes;
        *ret_n = n;
        return 0;
}

int
places_read(struct places *places, places_visit *visit, void *context)
{
        struct place place;
        size_t n = 0, at = sizeof(struct head);
        bool more = true;
        char *bytes = NULL;
        int r = places->path ? read_all(places->fd, &bytes, &n) : 0;

        if (r < 0)
                return wrong(places, r);
        while (at < n && look(bytes + at, n - at, &place)) {
                uint32_t length;

                memcpy(&length, bytes + at, sizeof(length));
                place.at = at;
                place.end = at += length;
                more = more && visit(context, &place);
        }
        free(bytes);
        if (!places->path)
                return 0;
        places->cut = n - at;
        if (places->cut > 0 && ftruncate(places->fd, (off_t)at) < 0)
                r = wrong(places, -errno);
        places->size = at;
        return r;
}

int
places_add(struct places *places, const struct place *place)
{
        bool file = place->kind == PLACE_FILE;
        size_t name = place->name.len < NAME_BYTES_MAX ? place->name.len : NAME_BYTES_MAX,
               length = sizeof(struct record) + (file ? sizeof(place->known) + name : 0),
               room = places->room ? places->room : 1024;
        struct record record = {.length = (uint32_t)length,
                                .kind = (uint32_t)place->kind,
                                .number = place->number,
                                .file = place->file};
        char *to;

        if (!places->path)
                return 0;
        while (room < places->n + length)
                room *= 2;
        to = room > places->room ? realloc(places->out, room) : places->out;
        if (!to)
                return -ENOMEM;
        places->out = to;
        places->room = room;
        to += places->n;
        if (file) {
                memcpy(to + sizeof(record), &place->known, sizeof(place->known));
                if (name > 0)
                        memcpy(to + sizeof(record) + sizeof(place->known), place->name.ptr, name);
        }
        record.hash = hash_of(&record, to + sizeof(record));
        memcpy(to, &record, sizeof(record));
        places->n += length;
        return 0;
}

static int
put(int fd, const char *bytes, size_t n, uint64_t at)
{
        for (size_t done = 0; done < n;) {
                ssize_t wrote = pwrite(fd, bytes + done, n - done, (off_t)(at + done));

                if (wrote < 0 && errno != EINTR)
                        return -errno;
                done += wrote > 0 ? (size_t)wrote : 0;
        }
        return 0;
}

int
places_write(struct places *places)
{
        int r = places->n > 0 ? put(places->fd, places->out, places->n, places->size) : 0;

        if (r < 0)
                return wrong(places, r);
        places->unsynced |= places->n > 0;
        places->size += places->n;
        places->n = 0;
        return 0;
}

int
places_sync(struct places *places)
{
        int r = places_write(places);

        if (r < 0 || !places->path)
                return r;
        if (places->unsynced && fdatasync(places->fd) < 0)
                return wrong(places, -errno);
        places->unsynced = false;
        if (!places->named)
                r = wrong(places, sq_sync_above(places->path));
        places->named = r == 0;
        return r;
}

bool
places_other_knows(const struct places *places, unsigned task, uint64_t device, uint64_t inode)
{
        char name[4096], *bytes;
        struct place place;
        size_t n = 0;
        bool known = false;
        int fd;

        if (!places->path || snprintf(name, sizeof(name), "%.*s-%u", (int)(strrchr(places->path, '-') - places->path),
                                      places->path, task) >= (int)sizeof(name))
                return false;
        fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return false;
        if (read_all(fd, &bytes, &n) == 0) {
                uint32_t length = 0;

                for (size_t at = sizeof(struct head); !known && at < n && look(bytes + at, n - at, &place);
                     at += length) {
                        memcpy(&length, bytes + at, sizeof(length));
                        known = place.kind == PLACE_FILE && place.known.device == device && place.known.inode == inode;
                }
                free(bytes);
        }
        close(fd);
        return known;
}

/* ---- Shortening -------------------------------------------------------------------------------------- */

bool
places_are_long(const struct places *places)
{
        return places->path && places->size > LONG_MIN_BYTES && places->size > LONG_TIMES * places->summed_up;
}

struct found {
        uint64_t number, at;
        uint32_t length;
        bool gone;
};

static int
by_number(const void *left, const void *right)
{
        const struct found *a = left, *b = right;

        if (a->number != b->number)
                return a->number < b->number ? -1 : 1;
        return a->at < b->at ? -1 : a->at > b->at;
}

/* The last word on each file, and on what is done, in front of `limit`. *ret: the bytes written to `to`, which has room
 * for `limit` of them. -EBADMSG: the records do not reach up to there, and what stands behind is not known. */
static int
sum_up(const char *bytes, size_t limit, char *to, struct found *found, size_t *ret)
{
        struct found done = {0};
        struct place place;
        size_t nfound = 0, n = 0, at = sizeof(struct head);

        while (at < limit && look(bytes + at, limit - at, &place)) {
                struct found it = {.number = place.number, .at = at, .gone = place.kind == PLACE_GONE};

                memcpy(&it.length, bytes + at, sizeof(it.length));
                if (place.kind == PLACE_FILE || place.kind == PLACE_GONE)
                        found[nfound++] = it;
                else if (place.kind == PLACE_DONE)
                        done = it;
                at += it.length;
        }
        if (at != limit)
                return -EBADMSG;
        qsort(found, nfound, sizeof(*found), by_number);
        for (size_t i = 0; i < nfound; i++) {
                if (found[i].gone || (i + 1 < nfound && found[i + 1].number == found[i].number))
                        continue;
                memcpy(to + n, bytes + found[i].at, found[i].length);
                n += found[i].length;
        }
        memcpy(to + n, bytes + done.at, done.length);
        *ret = n + done.length;
        return 0;
}

/* The new log takes the place of the old one when it is on the disk. */
static int
replace(struct places *places, const char *bytes, size_t n)
{
        char name[4096];
        int fd, r;

        if (snprintf(name, sizeof(name), "%s.new", places->path) >= (int)sizeof(name))
                return -ENAMETOOLONG;
        fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = put(fd, bytes, n, 0);
        if (r == 0 && (fsync(fd) < 0 || rename(name, places->path) < 0))
                r = -errno;
        if (r < 0) {
                close(fd);
                return r;
        }
        close(places->fd);
        places->fd = fd;
        places->size = n;
        places->named = false;
        return 0;
}

int
places_shorten(struct places *places, uint64_t at, uint64_t *ret_moved)
{
        struct found *found = NULL;
        char *bytes = NULL, *to = NULL;
        size_t n = 0, summed_up = 0;
        int r = places_write(places);

        if (r == 0)
                r = read_all(places->fd, &bytes, &n);
        if (r == 0 && (n < places->size || at > n))
                r = -EIO;
        if (r == 0) {
                to = malloc(n + 1);
                found = calloc(n / sizeof(struct record) + 1, sizeof(*found));
                r = to && found ? 0 : -ENOMEM;
        }
        if (r == 0)
                r = sum_up(bytes, (size_t)at, to + sizeof(struct head), found, &summed_up);
        if (r == 0) {
                memcpy(to, bytes, sizeof(struct head));
                summed_up += sizeof(struct head);
                memcpy(to + summed_up, bytes + at, (size_t)(places->size - at));
                *ret_moved = at - summed_up;
                r = replace(places, to, summed_up + (size_t)(places->size - at));
                if (r == 0)
                        places->summed_up = summed_up;
        }
        free(found);
        free(to);
        free(bytes);
        return wrong(places, r);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a run of a topology begins anew (squall-files.h has the contract).
 *
 * PATH.runs has a line for each run that has begun the file. Under its lock:
 *
 *     1  is this run in it? Then the file may have lines of it, and stays
 *     2  the file is emptied                                        synced
 *     3  the run gets its line: PATH.runs is replaced               synced
 *
 * Before 3 nobody of this run has written: who dies there has lost nothing, and the other tasks wait for the lock. Runs
 * stay in it, for a task of an earlier one may be restarted when a later one has begun the file.
 *
 * Earlier versions wrote the lines alone, and appended them. What is neither such text nor a whole one of ours is not
 * believed, and then nothing is emptied.
 */
#include <errno.h>
#include <limits.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/beside.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* PATH.runs. Of this machine alone, in its byte order. Then the lines. */
struct runs_head {
        char magic[4]; /* "SQR" and the version */
        uint32_t size; /* of the lines */
        uint64_t hash; /* XXH3 of the lines */
};

struct runs {
        int fd; /* its lock */
        size_t n;
        char *lines; /* behind a head */
        char *bytes;
};

enum { NAME = 3, RUNS_MOST = 16 * 1024 * 1024 };
static const char magic[4] = {'S', 'Q', 'R', 1}, ending[] = ".runs";

/* ---- PATH.runs --------------------------------------------------------------------------------------- */

/* Of an earlier version. What a kill has torn, its last line, is left out: but a piece of our magic is none. */
static int
parse_text(struct runs *runs)
{
        const char *end;

        if (runs->n <= NAME && memcmp(runs->lines, magic, runs->n) == 0)
                return -EBADMSG;
        for (size_t i = 0; i < runs->n; i++)
                if ((uint8_t)runs->lines[i] < ' ' && runs->lines[i] != '\n')
                        return -EBADMSG;
        end = memrchr(runs->lines, '\n', runs->n);
        runs->n = end ? (size_t)(end - runs->lines) + 1 : 0;
        return 0;
}

/* An empty one was made for its lock, and says nothing. */
static int
parse(struct runs *runs)
{
        struct runs_head head;

        if (runs->n == 0)
                return 0;
        if (runs->n < sizeof(magic) || memcmp(runs->lines, magic, NAME) != 0)
                return parse_text(runs);
        if ((uint8_t)runs->lines[NAME] > (uint8_t)magic[NAME])
                return -EPROTO;
        if (runs->lines[NAME] != magic[NAME] || runs->n < sizeof(head))
                return -EBADMSG;
        memcpy(&head, runs->lines, sizeof(head));
        runs->lines += sizeof(head);
        runs->n -= sizeof(head);
        return head.size == runs->n && head.hash == XXH3_64bits(runs->lines, runs->n) ? 0 : -EBADMSG;
}

static int
load(struct runs *runs)
{
        struct stat about;
        ssize_t n;

        if (fstat(runs->fd, &about) < 0)
                return -errno;
        if (about.st_size > RUNS_MOST)
                return -EBADMSG;
        runs->n = (size_t)about.st_size;
        runs->bytes = malloc(sizeof(struct runs_head) + runs->n + 1);
        if (!runs->bytes)
                return -ENOMEM;
        runs->lines = runs->bytes + sizeof(struct runs_head);
        n = pread(runs->fd, runs->lines, runs->n, 0);
        if (n < (ssize_t)runs->n)
                return n < 0 ? -errno : -EIO;
        return parse(runs);
}

static bool
has_run(const struct runs *runs, const char *run)
{
        size_t len = strlen(run);
        const char *at = runs->lines, *last = runs->lines + runs->n;

        for (const char *end; at < last && (end = memchr(at, '\n', (size_t)(last - at))); at = end + 1)
                if ((size_t)(end - at) == len && memcmp(at, run, len) == 0)
                        return true;
        return false;
}

static int
add_run(struct runs *runs, const char *path, const char *run)
{
        size_t len = strlen(run), n = runs->n + len + 1;
        struct runs_head head = {.size = (uint32_t)n};
        char *bytes = malloc(sizeof(head) + n), *lines;
        int r;

        if (!bytes)
                return -ENOMEM;
        lines = bytes + sizeof(head);
        memcpy(lines, runs->lines, runs->n);
        memcpy(lines + runs->n, run, len + 1);
        lines[n - 1] = '\n'; /* in place of the NUL */
        memcpy(head.magic, magic, sizeof(magic));
        head.hash = XXH3_64bits(lines, n);
        memcpy(bytes, &head, sizeof(head));
        r = sqi_beside_replace(path, ending, &runs->fd, bytes, sizeof(head) + n);
        free(bytes);
        return r == 0 ? sq_sync_above(path) : r;
}

/* ---- The file ---------------------------------------------------------------------------------------- */

static int
begin_run(const char *path, int fd, const char *run)
{
        struct runs runs = {.fd = sqi_beside_open(path, ending)};
        int r;

        if (runs.fd < 0)
                return runs.fd;
        r = load(&runs);
        if (r == 0 && !has_run(&runs, run)) {
                r = ftruncate(fd, 0) < 0 || fsync(fd) < 0 ? -errno : add_run(&runs, path, run);
                r = r == 0 ? 1 : r;
        }
        free(runs.bytes);
        close(runs.fd);
        return r;
}

bool
sq_begins(const struct sq_task *task)
{
        if (sq_index(task) > 0)
                return false;
        return sq_exactly_once(task) ? !sq_restores(task) : sq_run_id(task) || sq_incarnation(task) == 0;
}

int
sq_begin_anew(const struct sq_task *task, const char *path, int fd)
{
        const char *run = sq_run_id(task);

        if (run)
                return run[0] ? begin_run(path, fd, run) : 0;
        if (!sq_begins(task))
                return 0;
        return ftruncate(fd, 0) < 0 ? -errno : 1;
}

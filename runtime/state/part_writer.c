/* SPDX-License-Identifier: Apache-2.0 */
#include "state/part_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/sealed.h"
#include "state/part_log.h"

/* Bytes that wait for the disk: beyond MUCH it is behind, beyond MOST who puts waits. */
enum { MUCH = 32 * 1024 * 1024, MOST = 128 * 1024 * 1024, SPARES = 64 };

/* Whose a writer with a thread is at last: the caller's when the thread has done all; the thread's, which frees it,
 * when the caller does not wait for that. */
enum { UNDER_WAY, DONE, LEFT };

/* What stands above the lock belongs to the caller, until the thread has it or when it is done; what stands below it,
 * to both. */
struct sqi_part_writer {
        int wake;
        bool apart, borrowed; /* it has a thread; its file is the caller's */
        struct piece *open;   /* is being filled */
        char *path;
        pthread_t thread;

        struct sqi_part_log *log;
        sqi_merge *merge; /* or NULL */
        uint64_t written; /* bytes, by this writer */
        _Atomic int error;
        _Atomic int fate;

        pthread_mutex_t lock;
        pthread_cond_t news;
        struct piece *first, *last, *spare;
        size_t waiting, nspare;
        bool ended, dropped;
};

/* ---- Memory ------------------------------------------------------------------------------------------ */

static void
free_writer(struct sqi_part_writer **writer)
{
        struct sqi_part_writer *it = *writer;

        if (it->log && it->borrowed)
                it->log->fd = -1;
        sqi_part_log_free(&it->log);
        sqi_pieces_free(&it->spare);
        pthread_mutex_destroy(&it->lock);
        pthread_cond_destroy(&it->news);
        free(it->open);
        free(it->path);
        free(it);
        *writer = NULL;
}

/* ---- The file ---------------------------------------------------------------------------------------- */

static void
fail(struct sqi_part_writer *writer, int error)
{
        int none = 0;

        atomic_compare_exchange_strong(&writer->error, &none, error);
}

static bool
is_fine(const struct sqi_part_writer *writer)
{
        return atomic_load(&writer->error) == 0;
}

static void
write_piece(struct sqi_part_writer *writer, const struct piece *piece)
{
        int r;

        if (!is_fine(writer))
                return;
        XXH3_64bits_update(writer->log->sum, piece->bytes, piece->n);
        writer->log->size += piece->n;
        writer->written += piece->n;
        r = sqi_write_all(writer->log->fd, piece->bytes, piece->n);
        if (r < 0)
                fail(writer, r);
}

/* The name is the writer's until it is dropped: another one may have it then. `from` takes it; NULL: nobody has it any
 * more. */
static int
give_name_to(struct sqi_part_writer *writer, const char *from)
{
        int r = -ECANCELED;

        pthread_mutex_lock(&writer->lock);
        if (!writer->dropped)
                r = (from ? rename(from, writer->path) : unlink(writer->path)) < 0 ? -errno : 0;
        pthread_mutex_unlock(&writer->lock);
        return r;
}

/* NULL: it cannot be. */
static struct sqi_part_log *
make_merged(struct sqi_part_writer *writer)
{
        struct sqi_part_log *merged = NULL;
        char aside[PATH_MAX];

        /* no other writer of this name merges into the same one, be there ever so many that were dropped */
        snprintf(aside, sizeof(aside), "%s.merged-%d", writer->path, (int)gettid());
        if (writer->merge(writer->log->fd, writer->log->size, aside, &merged) < 0)
                return NULL;
        if (give_name_to(writer, aside) == 0)
                return merged;
        unlink(aside);
        sqi_part_log_free(&merged);
        return NULL;
}

/* Nothing is lost where it cannot be: the file is longer than it need be. */
static void
merge_if_long(struct sqi_part_writer *writer)
{
        struct sqi_part_log *log = writer->log, *merged = NULL;

        if (writer->merge && sqi_part_log_is_full(log, 0))
                merged = make_merged(writer);
        if (merged) {
                sqi_part_log_free(&writer->log);
                writer->log = merged;
                writer->written += merged->size;
        } else if (!log->first) {
                log->first = log->size;
        }
}

static void
look_whether_dropped(struct sqi_part_writer *writer)
{
        pthread_mutex_lock(&writer->lock);
        if (writer->dropped)
                fail(writer, -ECANCELED);
        pthread_mutex_unlock(&writer->lock);
}

/* Durable, or gone, which gives the room back. */
static void
finish(struct sqi_part_writer *writer)
{
        if (!writer->borrowed && is_fine(writer) && fsync(writer->log->fd) < 0)
                fail(writer, -errno);
        look_whether_dropped(writer);
        if (!writer->borrowed && is_fine(writer))
                merge_if_long(writer);
        if (!writer->borrowed && !is_fine(writer))
                (void)give_name_to(writer, NULL);
}

static bool
is_done(const struct sqi_part_writer *writer)
{
        return atomic_load(&writer->fate) == DONE;
}

/* False: the other one has. */
static bool
decide(struct sqi_part_writer *writer, int fate)
{
        int none = UNDER_WAY;

        return atomic_compare_exchange_strong(&writer->fate, &none, fate);
}

/* ---- The thread -------------------------------------------------------------------------------------- */

/* NULL: that was all. */
static struct piece *
take(struct sqi_part_writer *writer)
{
        struct piece *piece;

        pthread_mutex_lock(&writer->lock);
        while (!writer->first && !writer->ended)
                pthread_cond_wait(&writer->news, &writer->lock);
        piece = writer->first;
        if (piece) {
                writer->first = piece->next;
                writer->waiting -= piece->n;
        }
        if (writer->dropped)
                fail(writer, -ECANCELED);
        pthread_cond_signal(&writer->news);
        pthread_mutex_unlock(&writer->lock);
        return piece;
}

static void
put_aside(struct sqi_part_writer *writer, struct piece *piece)
{
        bool keep;

        pthread_mutex_lock(&writer->lock);
        keep = writer->nspare < SPARES;
        if (keep) {
                piece->next = writer->spare;
                writer->spare = piece;
                writer->nspare++;
        }
        pthread_mutex_unlock(&writer->lock);
        if (!keep)
                free(piece);
}

static void *
run(void *argument)
{
        struct sqi_part_writer *writer = argument;
        struct piece *piece;
        int wake = writer->wake;

        while ((piece = take(writer))) {
                write_piece(writer, piece);
                put_aside(writer, piece);
        }
        finish(writer);
        if (!decide(writer, DONE)) /* else it is the caller's from here on, who may free it */
                free_writer(&writer);
        else if (wake >= 0)
                (void)!write(wake, &(uint64_t){1}, sizeof(uint64_t));
        if (wake >= 0)
                close(wake);
        return NULL;
}

/* Whoever is woken takes the processor of the thread that wakes him maybe, and a busy machine lets that come to its end
 * much later: a thread that has done all is not waited for. */
static void
leave_thread(struct sqi_part_writer *writer)
{
        if (!writer->apart)
                return;
        if (is_done(writer))
                pthread_detach(writer->thread);
        else
                pthread_join(writer->thread, NULL);
        writer->apart = false;
}

void
sqi_part_writer_merge_by(struct sqi_part_writer *writer, sqi_merge *merge)
{
        writer->merge = merge;
}

void
sqi_part_writer_go_apart(struct sqi_part_writer *writer, int wake)
{
        writer->wake = wake < 0 ? -1 : fcntl(wake, F_DUPFD_CLOEXEC, 0); /* the thread may outlive the caller's */
        writer->apart = pthread_create(&writer->thread, NULL, run, writer) == 0;
        if (!writer->apart && writer->wake >= 0)
                close(writer->wake);
}

static void
hand_over(struct sqi_part_writer *writer)
{
        struct piece *piece = writer->open;

        writer->open = NULL;
        piece->next = NULL;
        pthread_mutex_lock(&writer->lock);
        while (writer->waiting > MOST)
                pthread_cond_wait(&writer->news, &writer->lock);
        if (writer->first)
                writer->last->next = piece;
        else
                writer->first = piece;
        writer->last = piece;
        writer->waiting += piece->n;
        pthread_cond_signal(&writer->news);
        pthread_mutex_unlock(&writer->lock);
}

/* ---- The caller -------------------------------------------------------------------------------------- */

/* Takes over the log, unless it fails. */
static int
open_writer(struct sqi_part_log **log, const char *path, struct sqi_part_writer **ret)
{
        struct sqi_part_writer *writer = calloc(1, sizeof(*writer));

        if (!writer)
                return -ENOMEM;
        *writer = (struct sqi_part_writer){.wake = -1, .borrowed = !path, .log = *log};
        writer->path = path ? strdup(path) : NULL;
        if (path && !writer->path) {
                free(writer);
                return -ENOMEM;
        }
        pthread_mutex_init(&writer->lock, NULL);
        pthread_cond_init(&writer->news, NULL);
        writer->spare = writer->log->spare;
        writer->log->spare = NULL;
        for (const struct piece *piece = writer->spare; piece; piece = piece->next)
                writer->nspare++;
        *log = NULL;
        *ret = writer;
        return 0;
}

int
sqi_part_writer_of(int fd, struct sqi_part_writer **ret)
{
        struct sqi_part_log *log = sqi_part_log_new(fd);
        int r = log ? open_writer(&log, NULL, ret) : -ENOMEM;

        if (log)
                log->fd = -1;
        sqi_part_log_free(&log);
        return r;
}

int
sqi_part_writer_new(const char *path, struct sqi_part_writer **ret)
{
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), r;
        struct sqi_part_log *log;

        if (fd < 0)
                return -errno;
        log = sqi_part_log_new(fd);
        r = log ? open_writer(&log, path, ret) : -ENOMEM;
        if (r == 0)
                return 0;
        unlink(path);
        if (log)
                sqi_part_log_free(&log);
        else
                close(fd);
        return r;
}

int
sqi_part_writer_append(struct sqi_part_log **log, const char *path, struct sqi_part_writer **ret)
{
        int r = sqi_part_log_name_again((*log)->fd, path);
        bool named = r == 0;

        if (r == 0)
                r = open_writer(log, path, ret);
        if (r < 0 && named)
                unlink(path);
        sqi_part_log_free(log);
        return r;
}

static void
flush(struct sqi_part_writer *writer)
{
        if (!writer->open || writer->open->n == 0)
                return;
        if (writer->apart) {
                hand_over(writer);
        } else {
                write_piece(writer, writer->open);
                writer->open->n = 0;
        }
}

static struct piece *
take_spare(struct sqi_part_writer *writer)
{
        struct piece *piece;

        pthread_mutex_lock(&writer->lock);
        piece = writer->spare;
        if (piece) {
                writer->spare = piece->next;
                writer->nspare--;
        }
        pthread_mutex_unlock(&writer->lock);
        return piece;
}

/* False: no memory. */
static bool
need_piece(struct sqi_part_writer *writer)
{
        if (writer->open)
                return true;
        writer->open = take_spare(writer);
        if (!writer->open)
                writer->open = malloc(sizeof(*writer->open));
        if (writer->open)
                writer->open->n = 0;
        else
                fail(writer, -ENOMEM);
        return writer->open;
}

void
sqi_part_writer_put(struct sqi_part_writer *writer, const void *bytes, size_t size)
{
        for (const uint8_t *at = bytes; size > 0 && is_fine(writer) && need_piece(writer);) {
                struct piece *piece = writer->open;
                size_t part = size < PIECE - piece->n ? size : PIECE - piece->n;

                memcpy(piece->bytes + piece->n, at, part);
                piece->n += part;
                at += part;
                size -= part;
                if (piece->n == PIECE)
                        flush(writer);
        }
}

uint8_t *
sqi_part_writer_room(struct sqi_part_writer *writer, size_t size)
{
        struct piece *piece;

        if (size > PIECE || !is_fine(writer))
                return NULL;
        if (writer->open && size > PIECE - writer->open->n)
                flush(writer);
        if (!need_piece(writer))
                return NULL;
        piece = writer->open;
        piece->n += size;
        return piece->bytes + piece->n - size;
}

bool
sqi_part_writer_is_behind(struct sqi_part_writer *writer)
{
        bool behind;

        pthread_mutex_lock(&writer->lock);
        behind = writer->waiting > MUCH;
        pthread_mutex_unlock(&writer->lock);
        return behind;
}

void
sqi_part_writer_end(struct sqi_part_writer *writer)
{
        flush(writer);
        if (writer->apart) {
                pthread_mutex_lock(&writer->lock);
                writer->ended = true;
                pthread_cond_signal(&writer->news);
                pthread_mutex_unlock(&writer->lock);
        } else if (!is_done(writer)) {
                finish(writer);
                (void)decide(writer, DONE);
        }
}

bool
sqi_part_writer_is_done(const struct sqi_part_writer *writer)
{
        return is_done(writer);
}

uint64_t
sqi_part_writer_written(const struct sqi_part_writer *writer)
{
        return writer->written;
}

int
sqi_part_writer_close(struct sqi_part_writer **writer, uint64_t *ret_size, uint64_t *ret_sum,
                      struct sqi_part_log **ret_log)
{
        struct sqi_part_writer *it = *writer;
        int r;

        leave_thread(it);
        r = atomic_load(&it->error);
        if (r == 0) {
                *ret_size = it->log->size;
                *ret_sum = XXH3_64bits_digest(it->log->sum);
        }
        if (r == 0 && ret_log) {
                *ret_log = it->log;
                it->log->spare = it->spare;
                it->spare = NULL;
                it->log = NULL;
        }
        free_writer(writer);
        return r;
}

/* Nobody writes what still waits, and another one may have the name. */
static void
give_up(struct sqi_part_writer *writer)
{
        struct piece *first, *spare;

        pthread_mutex_lock(&writer->lock);
        if (!writer->borrowed)
                unlink(writer->path);
        writer->ended = writer->dropped = true;
        first = writer->first;
        spare = writer->spare;
        writer->first = writer->spare = NULL;
        writer->waiting = writer->nspare = 0;
        pthread_cond_signal(&writer->news);
        pthread_mutex_unlock(&writer->lock);
        sqi_pieces_free(&first);
        sqi_pieces_free(&spare);
}

/* The thread may be within a sync or a merge that takes its time; a file that is the caller's must not change behind
 * his back. */
void
sqi_part_writer_drop(struct sqi_part_writer **writer)
{
        struct sqi_part_writer *it = *writer;
        pthread_t thread;

        if (!it)
                return;
        thread = it->thread;
        give_up(it);
        if (it->apart && !it->borrowed && decide(it, LEFT)) {
                pthread_detach(thread);
                *writer = NULL;
                return;
        }
        leave_thread(it);
        free_writer(writer);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "task/part_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/sealed.h"

/* MOST: bytes that wait for the disk. */
enum { PIECE = 256 * 1024, MOST = 128 * 1024 * 1024 };

struct piece {
        struct piece *next;
        size_t n;
        uint8_t bytes[PIECE];
};

/* What stands above the lock belongs to the caller, until the thread has it or when it is done; what stands below it, to
 * both. */
struct sqi_part_writer {
        int fd, wake;
        bool apart, borrowed; /* it has a thread; its file is the caller's */
        struct piece *open;   /* is being filled */
        char *path;
        pthread_t thread;

        XXH3_state_t *sum;
        uint64_t size;
        _Atomic int error;
        _Atomic bool done;

        pthread_mutex_t lock;
        pthread_cond_t news;
        struct piece *first, *last;
        size_t waiting;
        bool ended, dropped;
};

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
        XXH3_64bits_update(writer->sum, piece->bytes, piece->n);
        writer->size += piece->n;
        r = sqi_write_all(writer->fd, piece->bytes, piece->n);
        if (r < 0)
                fail(writer, r);
}

/* Durable, or gone, which gives the room back. */
static void
finish(struct sqi_part_writer *writer)
{
        if (!writer->borrowed) {
                if (is_fine(writer) && fsync(writer->fd) < 0)
                        fail(writer, -errno);
                if (close(writer->fd) < 0)
                        fail(writer, -errno);
                if (!is_fine(writer))
                        unlink(writer->path);
        }
        writer->fd = -1;
        atomic_store(&writer->done, true);
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

static void *
run(void *argument)
{
        struct sqi_part_writer *writer = argument;
        struct piece *piece;

        while ((piece = take(writer))) {
                write_piece(writer, piece);
                free(piece);
        }
        finish(writer);
        if (writer->wake >= 0)
                (void)!write(writer->wake, &(uint64_t){1}, sizeof(uint64_t));
        return NULL;
}

void
sqi_part_writer_go_apart(struct sqi_part_writer *writer, int wake)
{
        writer->wake = wake;
        writer->apart = pthread_create(&writer->thread, NULL, run, writer) == 0;
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

static int
open_writer(int fd, const char *path, struct sqi_part_writer **ret)
{
        struct sqi_part_writer *writer = calloc(1, sizeof(*writer));

        if (!writer)
                return -ENOMEM;
        *writer = (struct sqi_part_writer){.fd = fd, .wake = -1, .borrowed = !path};
        writer->sum = XXH3_createState();
        writer->path = path ? strdup(path) : NULL;
        if (!writer->sum || (path && !writer->path)) {
                XXH3_freeState(writer->sum);
                free(writer->path);
                free(writer);
                return -ENOMEM;
        }
        XXH3_64bits_reset(writer->sum);
        pthread_mutex_init(&writer->lock, NULL);
        pthread_cond_init(&writer->news, NULL);
        *ret = writer;
        return 0;
}

int
sqi_part_writer_of(int fd, struct sqi_part_writer **ret)
{
        return open_writer(fd, NULL, ret);
}

int
sqi_part_writer_new(const char *path, struct sqi_part_writer **ret)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), r;

        if (fd < 0)
                return -errno;
        r = open_writer(fd, path, ret);
        if (r == 0)
                return 0;
        close(fd);
        unlink(path);
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

/* False: no memory. */
static bool
need_piece(struct sqi_part_writer *writer)
{
        if (!writer->open && (writer->open = malloc(sizeof(*writer->open))))
                writer->open->n = 0;
        if (!writer->open)
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

static void
end(struct sqi_part_writer *writer, bool dropped)
{
        if (writer->apart) {
                pthread_mutex_lock(&writer->lock);
                writer->ended = true;
                writer->dropped |= dropped;
                pthread_cond_signal(&writer->news);
                pthread_mutex_unlock(&writer->lock);
        } else if (!atomic_load(&writer->done)) {
                if (dropped)
                        fail(writer, -ECANCELED);
                finish(writer);
        }
}

void
sqi_part_writer_end(struct sqi_part_writer *writer)
{
        flush(writer);
        end(writer, false);
}

bool
sqi_part_writer_is_done(const struct sqi_part_writer *writer)
{
        return atomic_load(&writer->done);
}

static void
free_writer(struct sqi_part_writer **writer)
{
        struct sqi_part_writer *it = *writer;

        XXH3_freeState(it->sum);
        pthread_mutex_destroy(&it->lock);
        pthread_cond_destroy(&it->news);
        free(it->open);
        free(it->path);
        free(it);
        *writer = NULL;
}

int
sqi_part_writer_close(struct sqi_part_writer **writer, uint64_t *ret_size, uint64_t *ret_sum)
{
        struct sqi_part_writer *it = *writer;
        int r;

        if (it->apart)
                pthread_join(it->thread, NULL);
        r = atomic_load(&it->error);
        if (r == 0) {
                *ret_size = it->size;
                *ret_sum = XXH3_64bits_digest(it->sum);
        }
        free_writer(writer);
        return r;
}

void
sqi_part_writer_drop(struct sqi_part_writer **writer)
{
        struct sqi_part_writer *it = *writer;

        if (!it)
                return;
        end(it, true);
        if (it->apart)
                pthread_join(it->thread, NULL);
        if (is_fine(it) && !it->borrowed)
                unlink(it->path); /* it was made durable before */
        free_writer(writer);
}

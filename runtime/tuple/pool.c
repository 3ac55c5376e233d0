/* SPDX-License-Identifier: Apache-2.0 */
#include "tuple/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Stands before every buffer; keeps it aligned for any type. */
struct slab {
        struct sqi_pool *pool;
        struct slab *next;
        size_t size;
        size_t padding;
};

enum { IDLE_MAX = 64 }; /* buffers kept for the next take; more than the channels of a busy task hold at a time */

struct sqi_pool {
        pthread_mutex_t lock;
        struct slab *idle;
        size_t nidle;
        size_t size;
        size_t users; /* the owner and every buffer outside */
};

struct sqi_pool *
sqi_pool_new(size_t size)
{
        struct sqi_pool *pool = calloc(1, sizeof(*pool));

        if (pool) {
                pthread_mutex_init(&pool->lock, NULL);
                pool->size = size;
                pool->users = 1;
        }
        return pool;
}

/* Called with the lock held; lets go of it. */
static void
leave(struct sqi_pool *pool)
{
        struct slab *idle = NULL;
        size_t users = --pool->users;

        if (users == 0)
                idle = pool->idle;
        pthread_mutex_unlock(&pool->lock);
        if (users)
                return;
        while (idle) {
                struct slab *next = idle->next;
                free(idle);
                idle = next;
        }
        pthread_mutex_destroy(&pool->lock);
        free(pool);
}

void
sqi_pool_drop(struct sqi_pool **pool)
{
        if (!*pool)
                return;
        pthread_mutex_lock(&(*pool)->lock);
        leave(*pool);
        *pool = NULL;
}

static struct slab *
make(struct sqi_pool *pool, size_t size)
{
        struct slab *slab = size > SIZE_MAX - sizeof(*slab) ? NULL : malloc(sizeof(*slab) + size);

        if (slab) {
                slab->pool = pool;
                slab->size = size;
        }
        return slab;
}

uint8_t *
sqi_pool_take(struct sqi_pool *pool, size_t size, size_t *ret_size)
{
        struct slab *slab = NULL;

        if (size < pool->size)
                size = pool->size;
        pthread_mutex_lock(&pool->lock);
        if (size == pool->size && pool->idle) {
                slab = pool->idle;
                pool->idle = slab->next;
                pool->nidle--;
        }
        if (!slab)
                slab = make(pool, size);
        if (slab)
                pool->users++;
        pthread_mutex_unlock(&pool->lock);
        if (!slab)
                return NULL;
        *ret_size = slab->size;
        return (uint8_t *)(slab + 1);
}

uint8_t *
sqi_pool_grow(uint8_t *buffer, size_t keep, size_t size, size_t *ret_size)
{
        struct slab *slab = (struct slab *)(void *)buffer - 1;
        uint8_t *larger = sqi_pool_take(slab->pool, size, ret_size);

        if (larger) {
                memcpy(larger, buffer, keep);
                sqi_pool_give(buffer);
        }
        return larger;
}

void
sqi_pool_give(uint8_t *buffer)
{
        if (!buffer)
                return;
        struct slab *slab = (struct slab *)(void *)buffer - 1;
        struct sqi_pool *pool = slab->pool;

        pthread_mutex_lock(&pool->lock);
        if (slab->size == pool->size && pool->nidle < IDLE_MAX) {
                slab->next = pool->idle;
                pool->idle = slab;
                pool->nidle++;
        } else
                free(slab);
        leave(pool);
}

void
sqi_pool_give_zmq(void *buffer, void *hint)
{
        (void)hint;
        sqi_pool_give(buffer);
}

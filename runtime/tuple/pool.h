/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recycled batch buffers. A task takes one, fills it and hands it to ZeroMQ; ZeroMQ gives it back from an I/O thread
 * (or from the receiving task, over inproc) when it has been written. Steady state allocates nothing.
 *
 * Threads: any may give back; one takes. Life: a pool is counted by its buffers, so the owner may drop it while some
 * are still in flight; the last one back frees it.
 */
#ifndef SQI_POOL_H
#define SQI_POOL_H

#include <stddef.h>
#include <stdint.h>

struct sqi_pool;

/* NULL when memory is short. `size`: usable bytes of a standard buffer. */
struct sqi_pool *sqi_pool_new(size_t size);
void sqi_pool_drop(struct sqi_pool **pool);

/* A buffer of at least `size` bytes, the real size in *ret_size; NULL when memory is short. */
uint8_t *sqi_pool_take(struct sqi_pool *pool, size_t size, size_t *ret_size);

/* A larger buffer with the first `keep` bytes of `buffer`, which it replaces; on NULL `buffer` is as it was. */
uint8_t *sqi_pool_grow(uint8_t *buffer, size_t keep, size_t size, size_t *ret_size);

/* Gives back; NULL is fine. The second one has the signature of zmq_free_fn; `hint` is not used. */
void sqi_pool_give(uint8_t *buffer);
void sqi_pool_give_zmq(void *buffer, void *hint);

#endif

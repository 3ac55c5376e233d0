/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch being written, for one channel. What a callback emits is staged behind the committed part; sqi_batch_commit()
 * or sqi_batch_rollback() ends the transaction. Only committed tuples leave.
 *
 *     struct sqi_batch batch = {0};
 *     uint8_t *at = sqi_batch_reserve(&batch, pool, bytes);      room for one tuple
 *     ... pack it at `at`, up to `end` ...
 *     sqi_batch_add(&batch, end, stream, roots, nroots);          it is staged
 *     sqi_batch_commit(&batch);
 *     sqi_batch_seal(&batch, &header, &bytes, &size);             takes the buffer out, ready to send; the batch is
 *                                                                 empty again
 */
#ifndef SQI_BATCH_H
#define SQI_BATCH_H

#include <stdbool.h>

#include "tuple/pool.h"
#include "tuple/wire.h"

/* A place to go back to. */
struct sqi_batch_mark {
        uint32_t len;      /* bytes of header and tuples */
        uint32_t count;    /* tuples */
        uint32_t runs_len; /* bytes of runs */
        uint32_t last_run; /* offset of the last run */
        uint32_t last_count;
        uint32_t run_key;  /* of the last run: stream << 16 | roots */
        uint64_t run_root; /* of the last run, when it has one */
};

struct sqi_batch {
        uint8_t *data; /* NULL while empty; from the pool */
        size_t cap;
        struct sqi_batch_mark now, committed;
        uint8_t *runs;
        uint32_t runs_cap;
        uint32_t ntraced;              /* of them some may be staged */
        struct sqi_trace_mark *traced; /* SQI_TRACED_MAX of them, once there was one */
};

/* The slow halves of the two functions below. */
uint8_t *sqi_batch_make_room(struct sqi_batch *batch, struct sqi_pool *pool, size_t size);
int sqi_batch_begin_run(struct sqi_batch *batch, uint16_t stream, const uint64_t *roots, uint16_t nroots);

/* Room for `size` more bytes, or NULL when memory is short (the batch is as it was). */
static inline uint8_t *
sqi_batch_reserve(struct sqi_batch *batch, struct sqi_pool *pool, size_t size)
{
        if (__builtin_expect(batch->data && batch->cap - batch->now.len >= size, 1))
                return batch->data + batch->now.len;
        return sqi_batch_make_room(batch, pool, size);
}

/* Whether the next tuple continues the last run. Runs of several roots are rare and always begun anew. */
static inline bool
sqi_batch_continues(const struct sqi_batch *batch, uint16_t stream, const uint64_t *roots, uint16_t nroots)
{
        return batch->now.count && batch->now.run_key == ((uint32_t)stream << 16 | nroots) &&
               (nroots == 0 || (nroots == 1 && batch->now.run_root == roots[0]));
}

/* Stages the tuple that was packed up to `end`. -ENOMEM: not staged. */
static inline int
sqi_batch_add(struct sqi_batch *batch, const uint8_t *end, uint16_t stream, const uint64_t *roots, uint16_t nroots)
{
        if (!sqi_batch_continues(batch, stream, roots, nroots)) {
                int r = sqi_batch_begin_run(batch, stream, roots, nroots);
                if (r < 0)
                        return r;
        }
        batch->now.last_count++;
        batch->now.count++;
        batch->now.len = (uint32_t)(end - batch->data);
        return 0;
}

static inline void
sqi_batch_commit(struct sqi_batch *batch)
{
        batch->committed = batch->now;
}

void sqi_batch_rollback(struct sqi_batch *batch);

/* The tuple `mark->index`, which is staged and behind all that are marked, is traced. False: the batch takes no more
 * marks, or memory is short. A mark lives and dies with its tuple. */
bool sqi_batch_trace(struct sqi_batch *batch, const struct sqi_trace_mark *mark);

static inline bool
sqi_batch_is_empty(const struct sqi_batch *batch)
{
        return batch->committed.count == 0;
}

/*
 * Takes the buffer out: `header` (its task, incarnation, flags, edge_key, first_seq set by the caller) is completed and
 * written, the runs are appended. The caller owns *ret_data (sqi_pool_give). Nothing may be staged. -ENOMEM: the batch
 * is as it was.
 */
int sqi_batch_seal(struct sqi_batch *batch, struct sqi_header *header, uint8_t **ret_data, size_t *ret_size);

/* Frees everything; the batch is empty and may be used again. */
void sqi_batch_clear(struct sqi_batch *batch);

#endif

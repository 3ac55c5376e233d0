/* SPDX-License-Identifier: Apache-2.0 */
#include "tuple/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/invariant.h"

enum { SLACK = 64 }; /* a batch's size is below 4 GiB by this much at least */

uint8_t *
sqi_batch_make_room(struct sqi_batch *batch, struct sqi_pool *pool, size_t size)
{
        size_t need = batch->now.len + size;
        uint8_t *data;

        if (size > UINT32_MAX / 2)
                return NULL;
        if (!batch->data) {
                need = SQI_HEADER_SIZE + size;
                data = sqi_pool_take(pool, need, &batch->cap);
                if (!data)
                        return NULL;
                memset(&batch->now, 0, sizeof(batch->now));
                batch->now.len = SQI_HEADER_SIZE;
                batch->committed = batch->now;
        } else {
                if (need > UINT32_MAX - SLACK)
                        return NULL;
                data = sqi_pool_grow(batch->data, batch->now.len, need + need / 2, &batch->cap);
                if (!data)
                        return NULL;
        }
        batch->data = data;
        return data + batch->now.len;
}

int
sqi_batch_begin_run(struct sqi_batch *batch, uint16_t stream, const uint64_t *roots, uint16_t nroots)
{
        uint32_t size = (uint32_t)(sizeof(struct sqi_run) + nroots * sizeof(uint64_t));

        if (batch->now.count) /* a run's count is only written when it is over */
                memcpy(batch->runs + batch->now.last_run, &batch->now.last_count, sizeof(uint32_t));
        if (batch->runs_cap - batch->now.runs_len < size) {
                uint32_t cap = batch->runs_cap * 2 + size + 256;
                uint8_t *runs = realloc(batch->runs, cap);
                if (!runs)
                        return -ENOMEM;
                batch->runs = runs;
                batch->runs_cap = cap;
        }
        struct sqi_run run = {.stream = stream, .nroots = nroots};
        memcpy(batch->runs + batch->now.runs_len, &run, sizeof(run));
        if (nroots)
                memcpy(batch->runs + batch->now.runs_len + sizeof(run), roots, nroots * sizeof(uint64_t));
        batch->now.last_run = batch->now.runs_len;
        batch->now.runs_len += size;
        batch->now.last_count = 0;
        batch->now.run_key = (uint32_t)stream << 16 | nroots;
        batch->now.run_root = nroots ? roots[0] : 0;
        return 0;
}

void
sqi_batch_rollback(struct sqi_batch *batch)
{
        batch->now = batch->committed;
        while (batch->ntraced > 0 && batch->traced[batch->ntraced - 1].index >= batch->now.count)
                batch->ntraced--;
}

bool
sqi_batch_trace(struct sqi_batch *batch, const struct sqi_trace_mark *mark)
{
        sqi_assert(mark->index < batch->now.count);
        if (!batch->traced)
                batch->traced = calloc(SQI_TRACED_MAX, sizeof(*batch->traced));
        if (!batch->traced || batch->ntraced == SQI_TRACED_MAX)
                return false;
        batch->traced[batch->ntraced++] = *mark;
        return true;
}

static size_t
traced_size(const struct sqi_batch *batch)
{
        return batch->ntraced ? sizeof(struct sqi_traced) + batch->ntraced * sizeof(*batch->traced) : 0;
}

static void
write_traced(struct sqi_batch *batch, struct sqi_header *header, uint8_t *at)
{
        const struct sqi_traced head = {.count = batch->ntraced, .sealed_ns = sqi_clock_ns()};

        if (!batch->ntraced)
                return;
        memcpy(at, &head, sizeof(head));
        memcpy(at + sizeof(head), batch->traced, batch->ntraced * sizeof(*batch->traced));
        header->hints |= SQI_HINT_TRACED;
        batch->ntraced = 0;
}

int
sqi_batch_seal(struct sqi_batch *batch, struct sqi_header *header, uint8_t **ret_data, size_t *ret_size)
{
        uint32_t len = batch->now.len, runs_len = batch->now.runs_len;
        size_t behind = runs_len + traced_size(batch);
        uint8_t *data = sqi_batch_reserve(batch, NULL, behind);

        if (!data)
                return -ENOMEM;
        memcpy(batch->runs + batch->now.last_run, &batch->now.last_count, sizeof(uint32_t));
        memcpy(data, batch->runs, runs_len);
        memcpy(header->magic, "SQB", 3);
        header->version = SQI_WIRE_VERSION;
        header->kind = SQI_BATCH_DATA;
        header->count = batch->now.count;
        header->bytes = len - SQI_HEADER_SIZE;
        header->run_bytes = runs_len;
        header->nruns = 0;
        for (uint32_t at = 0; at < runs_len; header->nruns++) {
                struct sqi_run run;
                memcpy(&run, batch->runs + at, sizeof(run));
                at += (uint32_t)(sizeof(run) + run.nroots * sizeof(uint64_t));
        }
        write_traced(batch, header, data + runs_len);
        memcpy(batch->data, header, sizeof(*header));
        *ret_data = batch->data;
        *ret_size = len + behind;
        batch->data = NULL;
        memset(&batch->now, 0, sizeof(batch->now));
        batch->committed = batch->now;
        return 0;
}

void
sqi_batch_clear(struct sqi_batch *batch)
{
        sqi_pool_give(batch->data);
        free(batch->runs);
        free(batch->traced);
        memset(batch, 0, sizeof(*batch));
}

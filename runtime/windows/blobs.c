/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/blobs.h"

#include <stdlib.h>
#include <string.h>

struct blob_key {
        uint64_t slot, number;
};

/* `place` outlives it. */
static struct sq_str
key_of(const struct blob_key *place)
{
        return (struct sq_str){(const char *)place, sizeof(*place)};
}

void *
sqi_blob_get(const struct sqi_blobs *blobs, size_t number, size_t size)
{
        struct sqi_blob *blob;
        void *larger;

        if (blobs->key)
                return sq_map_at(blobs->task, blobs->key, SQI_BLOBS, key_of(&(struct blob_key){blobs->slot, number}),
                                 size);
        blob = &blobs->own[number];
        if (blob->size >= size && blob->bytes)
                return blob->bytes;
        larger = realloc(blob->bytes, size);
        if (!larger)
                return NULL;
        memset((char *)larger + blob->size, 0, size - blob->size);
        *blob = (struct sqi_blob){larger, size};
        return larger;
}

const void *
sqi_blob_peek(const struct sqi_blobs *blobs, size_t number)
{
        size_t size;

        if (!blobs->key)
                return blobs->own[number].bytes;
        return sq_map_peek(blobs->task, blobs->key, SQI_BLOBS, key_of(&(struct blob_key){blobs->slot, number}), &size);
}

void
sqi_blob_forget(const struct sqi_blobs *blobs, size_t number)
{
        if (blobs->key) {
                sq_map_forget(blobs->task, blobs->key, SQI_BLOBS, key_of(&(struct blob_key){blobs->slot, number}));
                return;
        }
        free(blobs->own[number].bytes);
        blobs->own[number] = (struct sqi_blob){0};
}

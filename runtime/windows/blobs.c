/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/blobs.h"

#include <stdlib.h>
#include <string.h>

#include "windows/timeline.h"

struct blob_key {
        uint64_t slot, number;
};

static struct blob_key
place_of(const struct sqi_blobs *blobs, size_t number)
{
        return (struct blob_key){sqi_slot_id(blobs->rule, blobs->slot), number};
}

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

        if (blobs->key) {
                const struct blob_key place = place_of(blobs, number);
                return sq_map_at(blobs->task, blobs->key, SQI_BLOBS, key_of(&place), size);
        }
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
        struct blob_key place;
        size_t size;

        if (!blobs->key)
                return blobs->own[number].bytes;
        place = place_of(blobs, number);
        return sq_map_peek(blobs->task, blobs->key, SQI_BLOBS, key_of(&place), &size);
}

void
sqi_blob_forget(const struct sqi_blobs *blobs, size_t number)
{
        if (blobs->key) {
                const struct blob_key place = place_of(blobs, number);
                sq_map_forget(blobs->task, blobs->key, SQI_BLOBS, key_of(&place));
                return;
        }
        free(blobs->own[number].bytes);
        blobs->own[number] = (struct sqi_blob){0};
}

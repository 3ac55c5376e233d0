/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a window and has no fixed size: sketches, texts, lists. Each is a blob, known by its number; they are in
 * the keyed state, by the window's slot, or beside it for the time of a firing, in which slots are put together.
 */
#ifndef SQI_WINDOWS_BLOBS_H
#define SQI_WINDOWS_BLOBS_H

#include <stddef.h>
#include <stdint.h>

#include "squall.h"

/* The part of the key's maps in which blobs are. */
enum { SQI_BLOBS = 1 };

struct sqi_rule;

struct sqi_blob {
        void *bytes;
        size_t size;
};

/* The blobs of a slot of `key`; or, where `key` is NULL, those of nobody: `own`, one for each number. */
struct sqi_blobs {
        struct sq_task *task;
        const void *key;
        const struct sqi_rule *rule;
        const void *slot;
        struct sqi_blob *own;
};

/* `size` bytes or more; what there is stays, what comes to it is zeroes. It moves when it grows. NULL: no memory. */
void *sqi_blob_get(const struct sqi_blobs *blobs, size_t number, size_t size);
/* To look at; NULL: there is none. */
const void *sqi_blob_peek(const struct sqi_blobs *blobs, size_t number);
void sqi_blob_forget(const struct sqi_blobs *blobs, size_t number);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keyed state for people: rows of a key and its state, as the component's `.show` (squall.h) makes them or, without
 * one, as the bytes allow.
 *
 *     {"key": {"word": "the"}, "state": {"count": 62103}}
 *
 * One thread, that of the task; between two callbacks.
 */
#ifndef SQI_SHOW_H
#define SQI_SHOW_H

#include "squall.h"
#include "tuple/writer.h"

/* What `.show` is filling in. */
struct sqi_showing {
        struct sqi_writer key, state;
        bool has_key;
};

/* Fields that a key is asked for by, at most. */
enum { SQI_SHOW_TEXTS = 6 };

/* How many keys there are at `from` or later is not looked at: the rows of up to `limit` of them, and no more than
 * come to `size` bytes, as members of the array that is open in `writer`. The place to go on from; 0: that was all. */
size_t sqi_show_page(struct sq_task *task, size_t from, size_t limit, size_t size, struct sqi_writer *writer);

/*
 * The same of the keys whose fields read as the `n` texts, at most SQI_SHOW_TEXTS: as text, or as the number, true,
 * false or null that the text reads as; of one text, also the key that is those bytes. How many there are.
 */
size_t sqi_show_keys(struct sq_task *task, const struct sq_str *texts, size_t n, struct sqi_writer *writer);

#endif

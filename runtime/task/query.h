/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `squall query`: a task answers what keyed state it has, between two batches, a page at a time:
 *
 *     QUERY n, a, b, text    text: an array of the texts that the fields of a key read as (show.h), or no bytes: b keys
 *                            from place a on
 *     ANSWER n, text         {"keyed": false}: it keeps none; else {"keyed": true, "keys": how many, "next": place, "rows": []},
 *                            `next` 0: that was all
 *
 * A task that is in a callback, or not started, answers later, or never when it ends before; one question waits at a
 * time, a later one takes its place. Places move when many keys are forgotten between two pages: a key may come twice
 * then, or be missing.
 */
#ifndef SQI_QUERY_H
#define SQI_QUERY_H

#include "control/message.h"

/* Keys of a page, at most. */
enum { SQI_QUERY_PAGE = 1000 };

struct sqi_query {
        uint64_t number, from, limit;
        size_t len;
        uint8_t texts[1024];
};

void sqi_query_order(struct sq_task *task, const struct sqi_message *order);
/* What was asked for is answered. */
void sqi_query_answer(struct sq_task *task);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Catches a bolt that reads a tuple after its callback: a view that it kept (of sq_get_str(), sq_key(), ...) or the
 * tuple itself.
 *
 *  1. A tuple is executed from a copy, in pages of its own. When the callback has returned, the fields are overwritten
 *     with '?', and no access to the pages is allowed any more.
 *  2. An emit of a view into such pages is refused before it is read: sqi_views_stale().
 *  3. Any other access is a SIGSEGV. The handler asks sqi_views_fault(), which opens the pages and remembers which
 *     field it was; the component goes on. sqi_views_report() makes it a misuse, so that the tuple under way fails.
 *
 * A key of sq_key() that does not stand in the tuple as it is wanted is overwritten too, but a read of it is not
 * noticed. The first thousands of tuples are closed one by one, later ones by groups: until then a read of them finds
 * '?' and is not noticed. The pages are a ring: what was kept for hundreds of tuples is caught still, under the name of
 * the field that is there by then. Where somebody else handles SIGSEGV (a sanitizer, a test's framework), that one is
 * told of the access, without the names.
 */
#ifndef SQI_VIEWS_H
#define SQI_VIEWS_H

#include <stdbool.h>
#include <stddef.h>

#include "squall.h"

struct sqi_views;

/* Of one task. NULL when memory is short: then nothing is caught. */
struct sqi_views *sqi_views_new(void);
void sqi_views_free(struct sqi_views **views);

/* The bolt's execute, with the tuple's copy. */
enum sq_verdict sqi_views_execute(struct sqi_views *views, struct sq_task *task, const struct sq_tuple *in);

/* Is it a view of a tuple that is over? Then of what, in `what`. */
bool sqi_views_stale(struct sqi_views *views, const void *at, char *what, size_t size);

/* In a handler of SIGSEGV. True: the access was to a tuple that is over, and may be repeated. */
bool sqi_views_fault(struct sqi_views *views, const void *at);

/* After a callback: tells of what sqi_views_fault() has seen. */
void sqi_views_report(struct sqi_views *views, struct sq_task *task);

#endif

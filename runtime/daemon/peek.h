/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at the tuples of a component, for the page: asked once a second, a few tuples each time. As `squall tap`,
 * but the supervisor is the one that decodes, so it is a small sample: SQI_PEEK_TUPLES of what has come since the
 * last look. At most SQI_PEEKS at a time, and one that was not asked for in a few seconds is closed.
 */
#ifndef SQI_PEEK_H
#define SQI_PEEK_H

#include "daemon/hosted.h"
#include "tuple/writer.h"

enum { SQI_PEEKS = 8, SQI_PEEK_TUPLES = 20 };

/* Writes {component, seen, sent, tuples: [{task, stream, tuple}]}; `stream` NULL: all. 0; -ENOENT: nothing of that
 * name can be looked at; -EBUSY: too many look; or another negative errno; with the cause in `error`, and nothing
 * written. Of a topology that runs. */
int sqi_peek_write(struct sqi_hosted *hosted, const char *component, const char *stream, struct sqi_writer *writer,
                   char *error, size_t size);

/* Closes those that nobody asks for any more; now_ns SQI_NEVER: all. */
void sqi_peek_sweep(struct sqi_daemon *daemon, uint64_t now_ns);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tapped component sends, read from outside of its workers: the other end of channel/tap.h. It decodes, so that
 * no worker has to.
 *
 *     struct sqi_viewer *viewer;
 *     sqi_viewer_open(rundir, "split", NULL, &viewer, error, sizeof(error));      all its streams
 *     while (sqi_viewer_wait(viewer, STDOUT_FILENO, 1000) ...)
 *             while (sqi_viewer_next(viewer, &tuple))
 *                     ...                                                          good until the next call
 *     sqi_viewer_close(&viewer);
 *
 * Nothing comes before the supervisor has told the tasks to publish (SQI_COMMAND_TAP), and again every few seconds.
 * Batches of a worker that was restarted come by themselves. Where several components read a stream, each tuple is sent
 * to each of them, and seen once. What comes is bytes of another process: what does not fit the plan is passed over.
 * One thread.
 */
#ifndef SQI_VIEWER_H
#define SQI_VIEWER_H

#include "plan/plan.h"
#include "tuple/frame.h"
#include "tuple/writer.h"

struct sqi_viewer;

struct sqi_viewed {
        uint32_t task;   /* of the plan */
        uint32_t number; /* of the stream, in its component */
        const struct sqi_plan_stream *stream;
        const struct sqi_slice *slice; /* of as many fields as the stream has */
};

/* `stream` NULL: all that anybody reads. 0, or a negative errno with the cause in `error`; -EINVAL: there is nothing of
 * that name to look at. */
int sqi_viewer_open(const char *rundir, const char *component, const char *stream, struct sqi_viewer **ret, char *error,
                    size_t size);
/* Accepts a pointer to NULL, and nulls it. */
void sqi_viewer_close(struct sqi_viewer **viewer);

const struct sqi_plan *sqi_viewer_plan(const struct sqi_viewer *viewer);
const struct sqi_plan_component *sqi_viewer_component(const struct sqi_viewer *viewer);
/* Is the stream of that number looked at? */
bool sqi_viewer_has(const struct sqi_viewer *viewer, uint32_t stream);

/* Waits until there may be something, for at most `ms`. False: whoever reads `out` is gone. */
bool sqi_viewer_wait(struct sqi_viewer *viewer, int out, int ms);

/* The next tuple; false: none is there now. */
bool sqi_viewer_next(struct sqi_viewer *viewer, struct sqi_viewed *ret);

/* Drops what has come and was not looked at. */
void sqi_viewer_skip(struct sqi_viewer *viewer);

/* A field of the tuple; a view into it. And all of them as a map. */
struct sq_value sqi_viewed_field(const struct sqi_viewed *tuple, uint32_t field);
void sqi_viewed_write(const struct sqi_viewed *tuple, const char *key, struct sqi_writer *writer);

/* Of all that was sent since the first batch that was seen of each channel, in tuples; the rest was not shown. */
struct sqi_viewer_share {
        uint64_t seen, sent;
};
struct sqi_viewer_share sqi_viewer_share(const struct sqi_viewer *viewer);

#endif

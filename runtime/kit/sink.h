/* SPDX-License-Identifier: Apache-2.0 */
/* What the halves of a sink share: sink.c takes tuples and hands records over, staging.c does that by epochs. */
#ifndef SQI_KIT_SINK_H
#define SQI_KIT_SINK_H

#include <squall-kit.h>

/* Where a record stands in `records`; settled: it is not handed over again. */
struct sq_sink_span {
        size_t begin, end;
        bool settled;
};

/* Appends to the spans the one of what `records` has behind `begin`: there is room for it. */
void sqi_sink_add(struct sq_sink *sink, size_t begin);
/* Hands over what there is, for at most `timeout`, and has none then. 0; -EAGAIN: the other side is away; another: the
 * task has failed. */
int sqi_sink_drain(struct sq_task *task, struct sq_sink *sink);
/* Appends bytes as they are, to an encoder of SQ_FORMAT_TEXT. As sq_encode(). */
int sqi_sink_append(struct sq_encoder *bytes, const void *ptr, size_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a component is, in one word. */
#ifndef SQI_KIND_H
#define SQI_KIND_H

#include "squall.h"

/* "spout", "bolt", "grouping" */
static inline const char *
sqi_kind_name(enum sq_kind kind)
{
        return kind == SQ_KIND_SPOUT ? "spout" : kind == SQ_KIND_BOLT ? "bolt" : "grouping";
}

#endif

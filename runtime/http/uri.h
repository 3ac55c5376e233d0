/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request asks for: the path and the query of its first line, taken apart and decoded. The bytes come from
 * anybody; nothing is allocated.
 *
 *     /api/v1/topology/word%20count?window=600      segments: "api" "v1" "topology" "word count"; window: "600"
 */
#ifndef SQI_URI_H
#define SQI_URI_H

#include <stdint.h>

enum { SQI_URI_SIZE = 1024, SQI_URI_SEGMENTS = 8, SQI_URI_PARAMETERS = 8 };

struct sqi_uri {
        uint32_t nsegments, nparameters;
        const char *segments[SQI_URI_SEGMENTS];
        struct sqi_parameter {
                const char *name, *value;
        } parameters[SQI_URI_PARAMETERS];
        char text[SQI_URI_SIZE]; /* what they point into: not to be copied about */
};

/*
 * 0; -ENAMETOOLONG: SQI_URI_SIZE bytes or more, or too many segments or parameters; -EINVAL: not a path that begins
 * with a slash, an empty segment, "." or "..", a byte that is not printable ASCII, a '%' without two hex digits, a NUL.
 * A slash that is written as %2F is part of its segment. After an error there are no segments and no parameters.
 */
int sqi_uri_parse(const char *text, struct sqi_uri *ret);

/* NULL: it is not in the query. Of several of one name, the first. */
const char *sqi_uri_parameter(const struct sqi_uri *uri, const char *name);

#endif

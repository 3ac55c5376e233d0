/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from a pipe, cut into lines: each handed on once it is whole, the last few kept for a crash report. */
#ifndef SQI_LINES_H
#define SQI_LINES_H

#include <stddef.h>

enum { SQI_LINES_KEPT = 21, SQI_LINE_SIZE = 1024 };

/* Start with {0}. A longer line is handed on in pieces. */
struct sqi_lines {
        char kept[SQI_LINES_KEPT][SQI_LINE_SIZE];
        size_t n;   /* lines so far; the next goes to kept[n % SQI_LINES_KEPT] */
        size_t len; /* of the line that is under way, in that place */
};

typedef void sqi_line(void *context, const char *line);
void sqi_lines_add(struct sqi_lines *lines, const char *bytes, size_t size, sqi_line *line, void *context);
/* Hands on a last line without a newline. */
void sqi_lines_end(struct sqi_lines *lines, sqi_line *line, void *context);
/* The kept lines, oldest first: at most 20. */
size_t sqi_lines_kept(const struct sqi_lines *lines);
const char *sqi_lines_get(const struct sqi_lines *lines, size_t i);

#endif

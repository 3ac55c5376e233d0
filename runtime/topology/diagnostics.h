/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks have to say about a topology file: a list of messages, each with its place. */
#ifndef SQI_DIAGNOSTICS_H
#define SQI_DIAGNOSTICS_H

#include "squall.h"

enum sqi_severity { SQI_ERROR, SQI_WARNING, SQI_NOTE };

/* A place in the file; lines and columns count from 1, columns in characters. Line 0: no place (an override, the whole
 * file). */
struct sqi_place {
        uint32_t line, column;
};

struct sqi_diagnostic {
        enum sqi_severity severity;
        struct sqi_place place;
        char *text;
};

/* Start with {0}. After SQI_DIAGNOSTICS_MAX errors further ones are only counted. */
enum { SQI_DIAGNOSTICS_MAX = 200 };
struct sqi_diagnostics {
        size_t n, errors, warnings;
        size_t dropped;
        struct sqi_diagnostic *items;
        bool no_memory; /* a message was lost for want of memory: counts as an error */
        char *source;   /* the text that the places are in, UTF-8, ended by NUL; malloc'd; NULL: not kept */
};

void sqi_diagnose(struct sqi_diagnostics *diagnostics, enum sqi_severity severity, struct sqi_place place,
                  const char *format, ...) SQ_PRINTF(4, 5);

/* By place, keeping the order of messages about one place. */
void sqi_diagnostics_sort(struct sqi_diagnostics *diagnostics);
void sqi_diagnostics_release(struct sqi_diagnostics *diagnostics);

/* "error", "warning", "note" */
const char *sqi_severity_name(enum sqi_severity severity);

/* "FILE:LINE:COLUMN: error: text", or "FILE: error: text" where there is no place; malloc'd, NULL for want of
 * memory. */
char *sqi_diagnostic_text(const char *file, const struct sqi_diagnostic *diagnostic);

/*
 * The line of the source with a mark below the place, each line ended by a newline, a long one cut around the place:
 *
 *       7 |     parallelism: four
 *         |                  ^^^^
 *
 * `mark` and `unmark` are put around the mark: colours, or "". Malloc'd; NULL: there is no place, no source or no
 * memory.
 */
char *sqi_diagnostic_excerpt(const struct sqi_diagnostics *diagnostics, const struct sqi_diagnostic *diagnostic,
                             const char *mark, const char *unmark);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How `squall trace` shows tuple trees: as a waterfall for people, a JSON object a line, or a file for
 * https://ui.perfetto.dev and chrome://tracing (Trace Event Format).
 */
#ifndef CLI_TRACE_SHOW_H
#define CLI_TRACE_SHOW_H

#include <stdio.h>

#include "viewer/tracer.h"

/* Within so many columns; `colour` by escape sequences. */
void cli_trace_text(const struct sqi_plan *plan, const struct sqi_followed *tree, unsigned columns, bool colour);
void cli_trace_json(const struct sqi_plan *plan, const struct sqi_followed *tree);

/* A file of the trees that are put between begin and end. */
void cli_trace_perfetto_begin(const struct sqi_plan *plan, FILE *file);
void cli_trace_perfetto(const struct sqi_plan *plan, const struct sqi_followed *tree, FILE *file);
void cli_trace_perfetto_end(FILE *file);

#endif

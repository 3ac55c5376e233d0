/* SPDX-License-Identifier: Apache-2.0 */
/* The --json of the verbs: written by the one writer (tuple/writer.h), printed here. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include "tuple/writer.h"

/* Prints what was written as a line on stdout, and leaves the writer empty. Without memory for it the command ends,
 * with 1. */
void cli_json_print(struct sqi_writer *json);

/* One value that is JSON already. */
void cli_json_raw(struct sqi_writer *json, const char *key, const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Topology files, as every verb that takes one reads them. */
#ifndef CLI_TOPOLOGY_FILE_H
#define CLI_TOPOLOGY_FILE_H

#include "topology/topology.h"
#include "verb.h"

/* Reads and checks the file of the verb's operand `operand`, with the overrides of -c, and prints errors and warnings
 * on stderr. 0 and the plan, or the exit status. */
int cli_load(const struct cli_args *args, size_t operand, struct sqi_plan **ret);

/* The same of one that is for an Apache Storm cluster, or for a supervisor, with another name for the topology unless
 * `name` is NULL. */
int cli_load_for_storm(const struct cli_args *args, size_t operand, const char *name, struct sqi_plan **ret);
int cli_load_hosted(const struct cli_args *args, size_t operand, const char *name, struct sqi_plan **ret);

/* The file as it stands, malloc'd, for the supervisor to keep; a link is followed. 0 or a negative errno. */
int cli_read_source(const char *path, char **ret_bytes, size_t *ret_size);

/* The parts of it. */
struct sqi_overrides cli_overrides(const struct cli_args *args);
void cli_print_diagnostics(const char *file, const struct sqi_diagnostics *diagnostics);

/* "3 components, 5 tasks in 5 workers, at-least-once" */
const char *cli_plan_summary(const struct sqi_plan *plan, char *buffer, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What --help prints, made from the verbs' tables. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "verb.h"

void cli_help(FILE *out);
void cli_help_verb(FILE *out, const struct cli_entry *entry);

#endif

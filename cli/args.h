/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of a verb, parsed by its tables. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "verb.h"

enum { CLI_LIST_MAX = 64 };

struct cli_value {
        bool given;
        const char *text; /* the last one */
        double number;
        size_t n;
        const char *list[CLI_LIST_MAX];
};

struct cli_args {
        const struct cli_entry *entry;
        bool help; /* --help was asked for; nothing else was checked */
        size_t noperands;
        const char *const *operands;
        struct cli_value values[CLI_OPTIONS_MAX];
};

/* 0, or CLI_USAGE after saying on stderr what is wrong. `argv` is without the verb; it is sorted: operands first. */
int cli_parse(const struct cli_entry *entry, int argc, char **argv, struct cli_args *ret);

#endif

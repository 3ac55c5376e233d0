/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A verb of the `squall` command: one file, one declaration, no list to edit.
 *
 *     static int
 *     run(const struct cli_args *args)
 *     {
 *             if (cli_flag(args, "json"))
 *                     ...
 *             return CLI_DONE;
 *     }
 *
 *     SQI_VERB(check) = {
 *             .about = "Check a topology file: every error and warning, with line and column.",
 *             .operands = { { "FILE", .complete = CLI_COMPLETE_FILE } },
 *             .options = { CLI_OPTION_CONFIG, CLI_OPTION_JSON },
 *             .example = "squall check topologies/wordcount/wordcount.yaml",
 *             .run = run,
 *     };
 *
 * SQI_VERB() puts a pointer to the declaration into the ELF section `squall_verbs`, which main() walks. A verb of two
 * words ("new bolt") is one verb with an operand. The tables are all that --help, the man pages and shell completion
 * are made from.
 */
#ifndef CLI_VERB_H
#define CLI_VERB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "squall.h"

/* Exit statuses. */
enum {
        CLI_DONE = 0,
        CLI_FAILED = 1,    /* the work failed: a topology failed, a test did not pass */
        CLI_USAGE = 2,     /* bad usage or bad input: nothing was started */
        CLI_UNREACHED = 3, /* no supervisor answers */
        CLI_INTERRUPTED = 130,
};

enum { CLI_OPTIONS_MAX = 20, CLI_OPERANDS_MAX = 4 };

/* How an option's or operand's value is completed by a shell. */
enum cli_complete {
        CLI_COMPLETE_NOTHING,
        CLI_COMPLETE_FILE,
        CLI_COMPLETE_DIRECTORY,
        CLI_COMPLETE_TOPOLOGY,  /* a running topology, asked of the supervisor */
        CLI_COMPLETE_COMPONENT, /* a built-in component */
        CLI_COMPLETE_VERB,
        CLI_COMPLETE_CHOICES, /* one of `choices` */
};

enum cli_type {
        CLI_FLAG, /* no value */
        CLI_TEXT,
        CLI_NUMBER,   /* an integer, at least `min` */
        CLI_DURATION, /* 10, 10s, 500ms, 2m, 1h; seconds in cli_seconds(), at least `min` */
        CLI_LIST,     /* text, repeatable */
};

struct cli_option {
        const char *name; /* without the dashes; NULL ends the table */
        char letter;      /* 0: none */
        enum cli_type type;
        const char *value;    /* what help calls the value: "N", "PATH" */
        const char *fallback; /* as text; NULL: not set */
        const char *implied;  /* the value if the option stands alone; NULL: it needs one */
        int64_t min;
        enum cli_complete complete;
        const char *choices; /* "a|b": any other text is refused */
        const char *help;
};

struct cli_operand {
        const char *name; /* as in the usage: "FILE" */
        enum cli_complete complete;
        bool optional;
        bool repeated;       /* the last one only */
        const char *choices; /* "bolt|spout": any other text is refused */
};

struct cli_args;

struct cli_verb {
        const char *about;   /* one line */
        const char *details; /* further text for --help and the man page, or NULL; newlines part paragraphs */
        struct cli_operand operands[CLI_OPERANDS_MAX];
        struct cli_option options[CLI_OPTIONS_MAX];
        const char *example;
        bool hidden;                             /* not listed */
        int (*run)(const struct cli_args *args); /* returns the exit status */
};

/* A verb and its name, which is the identifier handed to SQI_VERB. */
struct cli_entry {
        const char *name;
        const struct cli_verb *verb;
};

#define SQI_VERB(ident) \
        extern const struct cli_verb cli_verb_##ident; \
        static const struct cli_entry cli_entry_##ident = {#ident, &cli_verb_##ident}; \
        static const struct cli_entry *const cli_registered_##ident \
                __attribute__((used, section("squall_verbs"))) = &cli_entry_##ident; \
        const struct cli_verb cli_verb_##ident

/* All registered verbs, sorted by name. `*ret_n` of them. */
const struct cli_entry *const *cli_verbs(size_t *ret_n);
const struct cli_entry *cli_verb_find(const char *name);

/* ---- What the user asked for; to ask for an option that was not declared is our own mistake, and aborts ---- */

size_t cli_noperands(const struct cli_args *args);
const char *cli_operand(const struct cli_args *args, size_t i); /* NULL past the end */

bool cli_flag(const struct cli_args *args, const char *option);
bool cli_given(const struct cli_args *args, const char *option);       /* on the command line, not by its default */
const char *cli_text(const struct cli_args *args, const char *option); /* NULL: not set */
int64_t cli_number(const struct cli_args *args, const char *option);   /* 0: not set */
double cli_seconds(const struct cli_args *args, const char *option);   /* 0: not set */
const char *const *cli_list(const struct cli_args *args, const char *option, size_t *ret_n);

/* "squall: what is wrong (what to do)" on stderr; returns `status`, so that a verb can return it. */
int cli_error(int status, const char *format, ...) SQ_PRINTF(2, 3);
int cli_unknown_verb(const char *name); /* says so, with the nearest one; CLI_USAGE */

/* ---- Options that several verbs have ----------------------------------------------------------------- */

#define CLI_OPTION_JSON \
        { \
                "json", 0, CLI_FLAG, .help = "print JSON" \
        }
#define CLI_OPTION_CONFIG \
        { \
                "config", 'c', CLI_LIST, "KEY=VALUE", .help = "override a key of the topology's config; repeatable" \
        }
/* Of a Flux file: two options. */
#define CLI_OPTION_FLUX \
        {"filter", \
         0, \
         CLI_TEXT, \
         "FILE", \
         .complete = CLI_COMPLETE_FILE, \
         .help = "of a Flux file: replace ${KEY} by the values of this file of properties"}, \
        { \
                "env-filter", 0, CLI_FLAG, .help = "of a Flux file: replace ${ENV-NAME} by the environment" \
        }
/* Who is asked: several options. */
#define CLI_OPTION_SOCKET \
        {"socket", \
         0, \
         CLI_TEXT, \
         "PATH", \
         .complete = CLI_COMPLETE_FILE, \
         .help = "the supervisor's socket (default: $SQUALL_SOCKET, or squall/commands below $XDG_RUNTIME_DIR); or tcp://HOST:PORT"}, \
                {"cert", \
                 0, \
                 CLI_TEXT, \
                 "FILE", \
                 .complete = CLI_COMPLETE_FILE, \
                 .help = "on tcp: our certificate, whose secret key is in FILE_secret (default: $SQUALL_CERT)"}, \
        { \
                "server-cert", 0, CLI_TEXT, "FILE", \
                        .complete = CLI_COMPLETE_FILE, \
                        .help = "on tcp: the supervisor's public certificate (default: $SQUALL_SERVER_CERT)" \
        }

#endif

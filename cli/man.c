/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages and the command line reference, made from the tables that --help is made from. */
#include <stdio.h>
#include <string.h>

#include "verb.h"

/* ---- troff ------------------------------------------------------------------------------------------- */

static void
troff(const char *text)
{
        bool start = true;

        for (; *text != '\0'; text++) {
                if (*text == '\n')
                        fputs("\n.PP\n", stdout);
                else if (*text == '\\')
                        fputs("\\e", stdout);
                else if (*text == '-')
                        fputs("\\-", stdout);
                else if (start && (*text == '.' || *text == '\''))
                        printf("\\&%c", *text);
                else
                        fputc(*text, stdout);
                start = *text == '\n';
        }
        fputc('\n', stdout);
}

static void
synopsis(const struct cli_entry *entry)
{
        printf("squall %s%s", entry->name, entry->verb->options[0].name ? " [OPTION]..." : "");
        for (size_t i = 0; i < CLI_OPERANDS_MAX && entry->verb->operands[i].name; i++)
                printf(entry->verb->operands[i].optional ? " [%s]%s" : " %s%s", entry->verb->operands[i].name,
                       entry->verb->operands[i].repeated ? "..." : "");
        fputc('\n', stdout);
}

static void
troff_verb(const struct cli_entry *entry)
{
        const struct cli_verb *verb = entry->verb;

        printf(".TH SQUALL-%s 1 \"\" \"squall %s\" \"Squall\"\n.SH NAME\nsquall\\-%s \\- ", entry->name, SQI_VERSION,
               entry->name);
        troff(verb->about);
        fputs(".SH SYNOPSIS\n", stdout);
        synopsis(entry);
        if (verb->details) {
                fputs(".SH DESCRIPTION\n", stdout);
                troff(verb->details);
        }
        fputs(".SH OPTIONS\n", stdout);
        for (size_t i = 0; i < CLI_OPTIONS_MAX && verb->options[i].name; i++) {
                const struct cli_option *option = &verb->options[i];

                fputs(".TP\n.B ", stdout);
                if (option->letter != 0)
                        printf("\\-%c, ", option->letter);
                printf("\\-\\-%s%s%s\n", option->name, option->type == CLI_FLAG ? "" : " ",
                       option->type == CLI_FLAG ? ""
                       : option->value          ? option->value
                                                : "VALUE");
                troff(option->help);
                if (option->fallback)
                        printf("(default: %s)\n", option->fallback);
        }
        fputs(".TP\n.B \\-h, \\-\\-help\nusage\n", stdout);
        if (verb->example) {
                fputs(".SH EXAMPLE\n.nf\n", stdout);
                troff(verb->example);
                fputs(".fi\n", stdout);
        }
        fputs(".SH SEE ALSO\n.BR squall (1)\n", stdout);
}

static void
troff_all(const struct cli_entry *const *verbs, size_t n)
{
        printf(".TH SQUALL 1 \"\" \"squall %s\" \"Squall\"\n.SH NAME\nsquall \\- run topologies of spouts and bolts\n"
               ".SH SYNOPSIS\nsquall VERB [OPTION]... [ARGUMENT]...\n.SH VERBS\n",
               SQI_VERSION);
        for (size_t i = 0; i < n; i++) {
                if (verbs[i]->verb->hidden)
                        continue;
                printf(".TP\n.BR squall\\-%s (1)\n", verbs[i]->name);
                troff(verbs[i]->verb->about);
        }
        fputs(".SH EXIT STATUS\n0 done; 1 the work failed; 2 bad usage or bad input, nothing was started; 3 no supervisor answers; "
              "130 stopped by Ctrl\\-C after a clean drain.\n",
              stdout);
}

/* ---- Markdown ---------------------------------------------------------------------------------------- */

static void
cell(const char *text)
{
        for (; *text != '\0'; text++)
                printf(*text == '|' || *text == '<' ? "\\%c" : "%c", *text);
}

static void
markdown_verb(const struct cli_entry *entry)
{
        const struct cli_verb *verb = entry->verb;
        const char *at;

        printf("\n## squall %s\n\n%s\n\n```\n", entry->name, verb->about);
        synopsis(entry);
        fputs("```\n\n", stdout);
        for (at = verb->details; at && *at != '\0'; at++)
                fputs(*at == '\n' ? "\n\n" : (char[]){*at, '\0'}, stdout);
        if (verb->options[0].name)
                fputs(verb->details ? "\n\n| option | | default |\n|---|---|---|\n"
                                    : "| option | | default |\n|---|---|---|\n",
                      stdout);
        for (size_t i = 0; i < CLI_OPTIONS_MAX && verb->options[i].name; i++) {
                const struct cli_option *option = &verb->options[i];

                fputs("| `", stdout);
                if (option->letter != 0)
                        printf("-%c`, `", option->letter);
                printf("--%s%s", option->name, option->type == CLI_FLAG ? "" : " ");
                cell(option->type == CLI_FLAG ? "" : option->value ? option->value : "VALUE");
                fputs("` | ", stdout);
                cell(option->help);
                printf(" | %s |\n", option->fallback ? option->fallback : "");
        }
        if (verb->example)
                printf("\nExample: `%s`\n", verb->example);
}

static int
run(const struct cli_args *args)
{
        const char *name = cli_operand(args, 0);
        bool markdown = cli_flag(args, "markdown");
        const struct cli_entry *const *verbs;
        size_t i, n;

        verbs = cli_verbs(&n);
        if (name && !cli_verb_find(name))
                return cli_unknown_verb(name);
        if (markdown && !name)
                fputs("# The command line\n\nMade from the tables that `--help` is made from: `squall man --markdown`.\n",
                      stdout);
        for (i = 0; i < n && (markdown || name); i++) {
                if (name ? strcmp(verbs[i]->name, name) != 0 : verbs[i]->verb->hidden)
                        continue;
                if (markdown)
                        markdown_verb(verbs[i]);
                else
                        troff_verb(verbs[i]);
        }
        if (!markdown && !name)
                troff_all(verbs, n);
        return CLI_DONE;
}

SQI_VERB(man) = {
        .about = "Print the manual page of a verb, or of the command.",
        .operands = {{.name = "VERB", .complete = CLI_COMPLETE_VERB, .optional = true}},
        .options = {{"markdown", 0, CLI_FLAG, .help = "as Markdown; without VERB, all of them"}},
        .example = "squall man run | man -l -",
        .hidden = true,
        .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 100 };

/* Words of `text` from column `column` on, further lines indented by `indent`. A newline in the text is one in the
 * output. */
static void
print_wrapped(FILE *out, const char *text, int column, int indent)
{
        int at = column;
        size_t len;

        while (*text != '\0') {
                len = strcspn(text, " \n");
                if (at > indent && at + 1 + (int)len > WIDTH) {
                        fprintf(out, "\n%*s", indent, "");
                        at = indent;
                }
                at += fprintf(out, "%s%.*s", at > indent ? " " : "", (int)len, text);
                text += len;
                if (*text == '\n') {
                        fprintf(out, "\n%*s", indent, "");
                        at = indent;
                }
                text += *text != '\0';
        }
        fputc('\n', out);
}

void
cli_help(FILE *out)
{
        const struct cli_entry *const *verbs;
        size_t i, n;

        fprintf(out,
                "squall runs topologies of spouts and bolts.\n\nusage: squall VERB [OPTION]... [ARGUMENT]...\n\nverbs:\n");
        verbs = cli_verbs(&n);
        for (i = 0; i < n; i++) {
                if (verbs[i]->verb->hidden)
                        continue;
                fprintf(out, "  %-12s  ", verbs[i]->name);
                print_wrapped(out, verbs[i]->verb->about, 16, 16);
        }
        fprintf(out, "\nsquall VERB --help says more about a verb, squall --version which version this is.\n");
}

static void
print_usage(FILE *out, const struct cli_entry *entry)
{
        const struct cli_operand *operand = entry->verb->operands;

        fprintf(out, "usage: squall %s%s", entry->name, entry->verb->options[0].name ? " [OPTION]..." : "");
        for (size_t i = 0; i < CLI_OPERANDS_MAX && operand[i].name; i++)
                fprintf(out, operand[i].optional ? " [%s]%s" : " %s%s", operand[i].name,
                        operand[i].repeated ? "..." : "");
        fputc('\n', out);
}

static void
print_option(FILE *out, const struct cli_option *option)
{
        const char *value = option->value ? option->value : "VALUE";
        char left[80], letter[8] = "    ";
        int len;

        if (option->letter != 0)
                snprintf(letter, sizeof(letter), "-%c, ", option->letter);
        len = snprintf(left, sizeof(left), "  %s--%s%s%s", letter, option->name, option->type == CLI_FLAG ? "" : " ",
                       option->type == CLI_FLAG ? "" : value);
        fprintf(out, "%-28s", left);
        if (len >= 28)
                fprintf(out, "\n%28s", "");
        if (option->fallback) {
                char help[512];

                snprintf(help, sizeof(help), "%s (default: %s)", option->help, option->fallback);
                print_wrapped(out, help, 28, 28);
        } else {
                print_wrapped(out, option->help, 28, 28);
        }
}

/* The folder above the topologies that were installed, with a slash behind; empty in the source tree, or when there are
 * none. */
static const char *
find_topologies(char path[PATH_MAX])
{
        static const char installed[] = "/../lib/squall/topologies";
        char here[PATH_MAX], place[PATH_MAX + sizeof(installed)];
        ssize_t n = access("topologies", F_OK) == 0 ? -1 : readlink("/proc/self/exe", here, sizeof(here) - 1);

        if (n > 0) {
                here[n] = '\0';
                *strrchr(here, '/') = '\0';
                snprintf(place, sizeof(place), "%s%s", here, installed);
        }
        if (n <= 0 || !realpath(place, path))
                path[0] = '\0';
        else
                path[strlen(path) - strlen("topologies")] = '\0';
        return path;
}

/* As it can be typed: with the topology's whole path where Squall is installed. */
static void
print_example(FILE *out, const char *example)
{
        const char *file = strstr(example, "topologies/");
        char path[PATH_MAX];
        int before = file ? (int)(file - example) : 0;

        fprintf(out, "\nexample:\n  %.*s%s%s\n", before, example, file ? find_topologies(path) : "", example + before);
}

void
cli_help_verb(FILE *out, const struct cli_entry *entry)
{
        static const struct cli_option help = {"help", 'h', CLI_FLAG, .help = "this text"};
        const struct cli_verb *verb = entry->verb;

        print_wrapped(out, verb->about, 0, 0);
        fputc('\n', out);
        print_usage(out, entry);
        if (verb->details) {
                fputc('\n', out);
                print_wrapped(out, verb->details, 0, 0);
        }
        fprintf(out, "\noptions:\n");
        for (size_t i = 0; i < CLI_OPTIONS_MAX && verb->options[i].name; i++)
                print_option(out, &verb->options[i]);
        print_option(out, &help);
        if (verb->example)
                print_example(out, verb->example);
}

static int
run(const struct cli_args *args)
{
        const char *name = cli_operand(args, 0);
        const struct cli_entry *entry;

        if (!name) {
                cli_help(stdout);
                return CLI_DONE;
        }
        entry = cli_verb_find(name);
        if (!entry)
                return cli_unknown_verb(name);
        cli_help_verb(stdout, entry);
        return CLI_DONE;
}

SQI_VERB(help) = {
        .about = "What squall can do; of one verb: usage, options, an example.",
        .operands = {{"VERB", CLI_COMPLETE_VERB, .optional = true}},
        .example = "squall help run",
        .run = run,
};

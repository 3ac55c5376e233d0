/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"

#include <string.h>

enum { WIDTH = 100 };

/* Words of `text` from column `column` on, further lines indented by `indent`. A newline in the text is one in the output. */
static void
print_wrapped(FILE *out, const char *text, int column, int indent)
{
        int at = column;
        size_t len;

        while (*text != '\0') {
                len = strcspn(text, " \n");
                if (at > indent && at + 1 + (int)len > WIDTH) {
                        (void)fprintf(out, "\n%*s", indent, "");
                        at = indent;
                }
                at += fprintf(out, "%s%.*s", at > indent ? " " : "", (int)len, text);
                text += len;
                if (*text == '\n') {
                        (void)fprintf(out, "\n%*s", indent, "");
                        at = indent;
                }
                text += *text != '\0';
        }
        (void)fputc('\n', out);
}

void
cli_help(FILE *out)
{
        const struct cli_entry *const *verbs;
        size_t i, n;

        (void)fprintf(out,
                      "squall runs topologies of spouts and bolts.\n\nusage: squall VERB [OPTION]... [ARGUMENT]...\n\nverbs:\n");
        verbs = cli_verbs(&n);
        for (i = 0; i < n; i++) {
                if (verbs[i]->verb->hidden)
                        continue;
                (void)fprintf(out, "  %-12s  ", verbs[i]->name);
                print_wrapped(out, verbs[i]->verb->about, 16, 16);
        }
        (void)fprintf(out, "\nsquall VERB --help says more about a verb, squall --version which version this is.\n");
}

static void
print_usage(FILE *out, const struct cli_entry *entry)
{
        const struct cli_operand *operand = entry->verb->operands;
        size_t i;

        (void)fprintf(out, "usage: squall %s%s", entry->name, entry->verb->options[0].name != NULL ? " [OPTION]..." : "");
        for (i = 0; i < CLI_OPERANDS_MAX && operand[i].name != NULL; i++)
                (void)fprintf(out, operand[i].optional ? " [%s]%s" : " %s%s", operand[i].name, operand[i].repeated ? "..." : "");
        (void)fputc('\n', out);
}

static void
print_option(FILE *out, const struct cli_option *option)
{
        const char *value = option->value != NULL ? option->value : "VALUE";
        char left[80], letter[8] = "    ";
        int len;

        if (option->letter != 0)
                (void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
        len = snprintf(left, sizeof(left), "  %s--%s%s%s", letter, option->name, option->type == CLI_FLAG ? "" : " ",
                       option->type == CLI_FLAG ? "" : value);
        (void)fprintf(out, "%-28s", left);
        if (len >= 28)
                (void)fprintf(out, "\n%28s", "");
        if (option->fallback != NULL) {
                char help[512];

                (void)snprintf(help, sizeof(help), "%s (default: %s)", option->help, option->fallback);
                print_wrapped(out, help, 28, 28);
        } else {
                print_wrapped(out, option->help, 28, 28);
        }
}

void
cli_help_verb(FILE *out, const struct cli_entry *entry)
{
        static const struct cli_option help = {"help", 'h', CLI_FLAG, .help = "this text"};
        const struct cli_verb *verb = entry->verb;
        size_t i;

        print_wrapped(out, verb->about, 0, 0);
        (void)fputc('\n', out);
        print_usage(out, entry);
        if (verb->details != NULL) {
                (void)fputc('\n', out);
                print_wrapped(out, verb->details, 0, 0);
        }
        (void)fprintf(out, "\noptions:\n");
        for (i = 0; i < CLI_OPTIONS_MAX && verb->options[i].name != NULL; i++)
                print_option(out, &verb->options[i]);
        print_option(out, &help);
        if (verb->example != NULL)
                (void)fprintf(out, "\nexample:\n  %s\n", verb->example);
}

static int
run(const struct cli_args *args)
{
        const char *name = cli_operand(args, 0);
        const struct cli_entry *entry;

        if (name == NULL) {
                cli_help(stdout);
                return CLI_DONE;
        }
        entry = cli_verb_find(name);
        if (entry == NULL)
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

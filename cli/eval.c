/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions tried by hand, on lines of JSON; and the list of their functions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"
#include "verb.h"

static int
list(const struct cli_kit *kit)
{
        struct sq_function function;
        const char *chapter = "";

        for (unsigned i = 0; kit->function(i, &function); i++) {
                if (strcmp(chapter, function.chapter) != 0)
                        printf("%s%s\n", i ? "\n" : "", function.chapter);
                chapter = function.chapter;
                printf("  %s\n      %s\n", function.signature, function.about);
        }
        return CLI_DONE;
}

/* A cell of a table: `|` ends one. */
static void
print_cell(const char *text)
{
        for (; *text; text++)
                printf(*text == '|' ? "\\|" : "%c", *text);
}

static int
print_page(const struct cli_kit *kit)
{
        struct sq_function function;
        const char *chapter = "";

        printf("# Functions of expressions\n\nThe [guide](guide.md#expressions) says how expressions are written and "
               "where they stand. This page is made from the table of functions: `squall eval --markdown`.\n\n"
               "A type with `?` may be left out, one with `...` may stand again. Where an argument is null the result is "
               "null, unless the type is `any`. `number` is `int` or `float`. A `span` is a text such as `'90s'`, `'5m'`, "
               "`'1h'`, `'2d'`, `'250ms'`, or a number of seconds.\n");
        for (unsigned i = 0; kit->function(i, &function); i++) {
                if (strcmp(chapter, function.chapter) != 0)
                        printf("\n## %s\n\n| function | | for example |\n|---|---|---|\n", function.chapter);
                chapter = function.chapter;
                printf("| `");
                print_cell(function.signature);
                printf("` | ");
                print_cell(function.about);
                printf(" | `");
                print_cell(function.example);
                printf("` is `");
                print_cell(function.result);
                printf("` |\n");
        }
        return CLI_DONE;
}

static int
evaluate(const struct cli_kit *kit, struct sq_exprs *exprs, const char *line, size_t len)
{
        char *value = kit->exprs_try(exprs, 0, (struct sq_str){line, len});

        if (!value)
                return cli_error(CLI_FAILED, "%s", kit->exprs_error(exprs));
        printf("%s\n", value);
        free(value);
        return CLI_DONE;
}

/* A line that has no value is told, and the next one is read. */
static int
evaluate_lines(const struct cli_kit *kit, struct sq_exprs *exprs)
{
        char *line = NULL;
        size_t size = 0;
        ssize_t len;
        int status = CLI_DONE;

        while ((len = getline(&line, &size, stdin)) > 0) {
                if (strspn(line, " \t\r\n") == (size_t)len)
                        continue;
                if (evaluate(kit, exprs, line, (size_t)len) != CLI_DONE)
                        status = CLI_FAILED;
                fflush(stdout);
        }
        free(line);
        if (ferror(stdin))
                status = cli_error(CLI_FAILED, "the standard input cannot be read");
        return status;
}

static int
try_expression(const struct cli_kit *kit, const char *text, const char *input, bool lines)
{
        struct sq_exprs *exprs = kit->exprs_new();
        int status;

        if (!exprs)
                return cli_error(CLI_FAILED, "out of memory");
        kit->exprs_open(exprs);
        if (kit->exprs_add(exprs, text) < 0)
                status = cli_error(CLI_USAGE, "%s", kit->exprs_error(exprs));
        else if (lines)
                status = evaluate_lines(kit, exprs);
        else
                status = evaluate(kit, exprs, input, strlen(input));
        kit->exprs_free(&exprs);
        return status;
}

static int
run(const struct cli_args *args)
{
        const char *input = cli_text(args, "input"), *text = cli_operand(args, 0);
        struct cli_kit kit;
        int status = cli_kit_load(&kit);

        if (status != CLI_DONE)
                return status;
        if (cli_flag(args, "functions"))
                return list(&kit);
        if (cli_flag(args, "markdown"))
                return print_page(&kit);
        if (!text)
                return cli_error(CLI_USAGE, "which expression? (squall eval \"1 + 1\" --input '{}')");
        return try_expression(&kit, text, input, !input);
}

SQI_VERB(eval) = {
        .about = "Try an expression on JSON.",
        .details =
                "The members of a JSON object are the fields; each line of the standard input is such an object, and its "
                "value is printed as a line of JSON. A name that a line lacks is null. Of a line for which the expression "
                "has no value the cause is said, and the exit status is 1 in the end.",
        .operands = {{"EXPRESSION", .optional = true}},
        .options = {{"input", 0, CLI_TEXT, "JSON", .help = "this object, and not the lines of the standard input"},
                    {"functions", 0, CLI_FLAG, .help = "list the functions"},
                    {"markdown", 0, CLI_FLAG, .help = "print docs/expressions.md, the reference of functions"}},
        .example = "squall eval 'round(price * n, 2)' --input '{\"price\": 2.345, \"n\": 2}'",
        .run = run,
};

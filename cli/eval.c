/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions tried by hand, on lines of JSON; and the list of their functions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
               "A type with `?` may be left out, one with `...` may stand again, or be missing behind another. Where an "
               "argument is null the result is "
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

/* What is wrong, and in which line, where there are several. */
static int
refuse(int status, unsigned long line, const char *cause)
{
        return line ? cli_error(status, "line %lu: %s", line, cause) : cli_error(status, "%s", cause);
}

static int
print_value(const struct cli_kit *kit, struct sq_exprs *exprs, struct sq_str json, unsigned long line)
{
        char *value = kit->exprs_try(exprs, 0, json);

        if (!value)
                return refuse(CLI_FAILED, line, kit->exprs_error(exprs));
        printf("%s\n", value);
        fflush(stdout);
        free(value);
        return CLI_DONE;
}

/* NULL: that was said. */
static struct sq_exprs *
read_expression(const struct cli_kit *kit, const char *text, unsigned long line, int *ret_status)
{
        struct sq_exprs *exprs = kit->exprs_new();

        if (!exprs) {
                *ret_status = cli_error(CLI_FAILED, "out of memory");
                return NULL;
        }
        kit->exprs_open(exprs);
        if (kit->exprs_add(exprs, text) >= 0)
                return exprs;
        *ret_status = refuse(CLI_USAGE, line, kit->exprs_error(exprs));
        kit->exprs_free(&exprs);
        return NULL;
}

static int
try_on(const struct cli_kit *kit, const char *text, const char *input, unsigned long line)
{
        int status = CLI_DONE;
        struct sq_exprs *exprs = read_expression(kit, text, line, &status);

        if (exprs)
                status = print_value(kit, exprs, (struct sq_str){input, strlen(input)}, line);
        kit->exprs_free(&exprs);
        return status;
}

/* An expression for lines of objects, or an object for lines of expressions. */
struct trial {
        const struct cli_kit *kit;
        struct sq_exprs *exprs; /* or NULL */
        const char *input;
};

static int
try_line(const struct trial *trial, struct sq_str line, unsigned long number)
{
        if (trial->exprs)
                return print_value(trial->kit, trial->exprs, line, number);
        return try_on(trial->kit, line.ptr, trial->input, number);
}

/* A line of which nothing comes is told, and the next one is read. */
static int
try_lines(const struct trial *trial)
{
        bool terminal = isatty(STDIN_FILENO);
        const char *prompt = terminal && trial->exprs ? "JSON> " : terminal ? "> " : "";
        char *line = NULL;
        size_t size = 0;
        ssize_t len;
        int status = CLI_DONE;

        for (unsigned long number = 1; fputs(prompt, stderr) >= 0 && (len = getline(&line, &size, stdin)) > 0;
             number++) {
                if (line[len - 1] == '\n')
                        line[--len] = '\0';
                if (strspn(line, " \t\r") < (size_t)len &&
                    try_line(trial, (struct sq_str){line, (size_t)len}, terminal ? 0 : number) != CLI_DONE)
                        status = CLI_FAILED;
        }
        free(line);
        if (terminal)
                fputc('\n', stderr);
        if (ferror(stdin))
                status = cli_error(CLI_FAILED, "the standard input cannot be read");
        return status;
}

/* On a terminal, what has no fields waits for no objects. */
static int
try_on_lines(const struct cli_kit *kit, const char *text)
{
        int status = CLI_DONE;
        struct sq_exprs *exprs = read_expression(kit, text, 0, &status);

        if (exprs && kit->exprs_nfields(exprs) == 0 && isatty(STDIN_FILENO))
                status = print_value(kit, exprs, (struct sq_str){"{}", 2}, 0);
        else if (exprs)
                status = try_lines(&(struct trial){kit, exprs, NULL});
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
                return try_lines(&(struct trial){&kit, NULL, input ? input : "{}"});
        return input ? try_on(&kit, text, input, 0) : try_on_lines(&kit, text);
}

SQI_VERB(eval) = {
        .about = "Try an expression on JSON.",
        .details =
                "The members of a JSON object are the fields; each line of the standard input is such an object, and its "
                "value is printed as a line of JSON. A name that a line lacks is null. Of a line for which the expression "
                "has no value the cause is said, and the exit status is 1 in the end. Without EXPRESSION it is a little "
                "shell: each line is an expression, tried on the object of --input. On a terminal an expression without "
                "fields waits for no line.",
        .operands = {{"EXPRESSION", .optional = true}},
        .options = {{"input", 0, CLI_TEXT, "JSON", .help = "this object, and not the lines of the standard input"},
                    {"functions", 0, CLI_FLAG, .help = "list the functions"},
                    {"markdown", 0, CLI_FLAG, .help = "print docs/expressions.md, the reference of functions"}},
        .example = "squall eval 'round(price * n, 2)' --input '{\"price\": 2.345, \"n\": 2}'",
        .run = run,
};

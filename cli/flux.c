/* SPDX-License-Identifier: Apache-2.0 */
/* The verb `flux`: a Flux file as Squall's own YAML. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "topology/yaml.h"
#include "topology_file.h"

/* Words that YAML, or this file's reader, would take for something else. */
static bool
is_plain(const struct sqi_yaml *node)
{
        static const char *const taken[] = {"null", "~", "true", "false", "yes", "no", "on", "off"};
        const char *text = node->text;

        if (node->quoted ? !isalpha((unsigned char)text[0]) : !isalnum((unsigned char)text[0]))
                return text[0] == '-' && isdigit((unsigned char)text[1]) && !node->quoted;
        for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
                if (strcasecmp(text, taken[i]) == 0)
                        return node->kind == SQI_YAML_SCALAR && i >= 2 && !node->quoted;
        for (; *text; text++)
                if (!isalnum((unsigned char)*text) && !strchr("._/-", *text) &&
                    !(*text == ' ' && isalnum((unsigned char)text[1])))
                        return false;
        return true;
}

/* In quotes, and no variable of ours. */
static void
print_quoted(const char *text)
{
        size_t need = sq_json(sq_text(text), NULL, 0) + 1;
        char *json = malloc(need);

        if (!json)
                return;
        sq_json(sq_text(text), json, need);
        for (const char *at = json; *at; at++) {
                if (at[0] == '$' && at[1] == '{')
                        fputc('$', stdout);
                fputc(*at, stdout);
        }
        free(json);
}

static void
print_scalar(const struct sqi_yaml *node)
{
        if (node->kind == SQI_YAML_NULL)
                fputs("null", stdout);
        else if (is_plain(node))
                fputs(node->text, stdout);
        else
                print_quoted(node->text);
}

static void
print_key(const char *key)
{
        const struct sqi_yaml node = {.kind = SQI_YAML_SCALAR, .text = key};

        print_scalar(&node);
        fputc(':', stdout);
}

static bool
is_flat(const struct sqi_yaml *node)
{
        for (const struct sqi_yaml_item *item = node->first; item; item = item->next)
                if (item->value->kind >= SQI_YAML_SEQUENCE)
                        return false;
        return true;
}

static void
print_flow(const struct sqi_yaml *node)
{
        bool map = node->kind == SQI_YAML_MAPPING;
        const char *comma = map ? "{ " : "[";

        if (!node->first)
                fputs(comma, stdout);
        for (const struct sqi_yaml_item *item = node->first; item; item = item->next, comma = ", ") {
                fputs(comma, stdout);
                if (map) {
                        print_key(item->key);
                        fputc(' ', stdout);
                }
                print_scalar(item->value);
        }
        fputs(map ? " }\n" : "]\n", stdout);
}

static void print_block(const struct sqi_yaml *node, int depth, bool begun);

static void
print_value(const struct sqi_yaml *value, int depth, bool in_list)
{
        if (value->kind < SQI_YAML_SEQUENCE) {
                fputc(' ', stdout);
                print_scalar(value);
                fputc('\n', stdout);
        } else if (is_flat(value) && (value->kind == SQI_YAML_SEQUENCE || !in_list)) {
                fputc(' ', stdout);
                print_flow(value);
        } else if (in_list) {
                fputc(' ', stdout);
                print_block(value, depth + 1, true);
        } else {
                fputc('\n', stdout);
                print_block(value, depth + 1, false);
        }
}

/* `begun`: its first line has its indent already. */
static void
print_block(const struct sqi_yaml *node, int depth, bool begun)
{
        for (const struct sqi_yaml_item *item = node->first; item; item = item->next, begun = false) {
                printf("%*s", begun ? 0 : 2 * depth, "");
                if (item->key)
                        print_key(item->key);
                else
                        fputc('-', stdout);
                print_value(item->value, depth, !item->key);
        }
}

static int
run(const struct cli_args *args)
{
        const char *file = cli_operand(args, 0);
        struct sqi_overrides overrides = {.filter = cli_text(args, "filter"),
                                          .env_filter = cli_flag(args, "env-filter")};
        struct sqi_arena *arena = sqi_arena_new();
        struct sqi_diagnostics diagnostics = {0};
        struct sqi_yaml *root = NULL;
        bool is_flux = false, fine;
        int r = arena ? sqi_topology_tree(arena, file, &overrides, &diagnostics, &root, &is_flux) : -ENOMEM;

        cli_print_diagnostics(file, &diagnostics);
        fine = r == 0 && diagnostics.errors == 0;
        sqi_diagnostics_release(&diagnostics);
        if (fine && is_flux)
                print_block(root, 0, false);
        if (arena)
                sqi_arena_free(&arena);
        if (r == -ENOMEM)
                return cli_error(CLI_FAILED, "out of memory");
        if (fine && !is_flux)
                return cli_error(CLI_USAGE, "%s is not a Flux file (it has no className)", file);
        return fine ? CLI_DONE : CLI_USAGE;
}

SQI_VERB(flux) = {
        .about = "Print a topology file of Storm's Flux as Squall's own YAML.",
        .details =
                "`run`, `check` and `submit` take a Flux file as it is, and translate it so. What is Java in it is named, with "
                "what is nearest to it.",
        .operands = {{"FILE", .complete = CLI_COMPLETE_FILE}},
        .options = {CLI_OPTION_FLUX},
        .example = "squall flux topology.yaml --env-filter",
        .run = run,
};

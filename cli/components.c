/* SPDX-License-Identifier: Apache-2.0 */
/* What a component declares of itself, for the built-ins and for any .so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "component/catalog.h"
#include "component/declare.h"
#include "plan/plan.h"
#include "base/nearest.h"
#include "component/settings.h"
#include "verb.h"

/* How a component is shown: as JSON, or as text by `show`. */
struct form {
        void (*show)(const struct sqi_component *component, const char *name);
        struct sqi_writer *json;
};

/* ---- Text -------------------------------------------------------------------------------------------- */

static void
print_line(const struct sqi_component *component, const char *name)
{
        printf("  %-12s %s\n", name, sqi_component_about(component));
}

static void
print_option(const struct sq_option *option)
{
        printf("  %-12s %-6s  %s", option->name, sqi_option_type_name(option->type), option->help ? option->help : "");
        if (option->choices)
                printf(" (%s)", option->choices);
        if (option->required)
                printf(" (required)");
        else if (option->fallback)
                printf(" (default: %s)", option->fallback[0] != '\0' ? option->fallback : "''");
        fputc('\n', stdout);
}

static void
print_fields(const char *title, const struct sq_field *fields)
{
        if (!fields[0].name)
                return;
        printf("  %-12s", title);
        for (size_t i = 0; i < SQ_FIELDS_MAX && fields[i].name; i++)
                printf("%s %s: %s", i > 0 ? "," : "", fields[i].name, sq_type_name(fields[i].type));
        fputc('\n', stdout);
}

static void
print_streams(const struct sqi_component *component)
{
        const struct sq_stream *streams = sqi_component_streams(component);
        const struct sq_field *in = component->kind == SQ_KIND_BOLT ? component->bolt->in : NULL;
        size_t i;

        printf("\nfields:\n");
        if (in && !in[0].name)
                printf("  %-12s %s\n", "in", sqi_component_declare(component) ? "as its settings say" : "any");
        else if (in)
                print_fields("in", in);
        print_fields("out", sqi_component_out(component));
        if (!sqi_component_out(component)[0].name)
                printf("  %-12s %s\n", "out",
                       sqi_component_declare(component) ? "as its settings and inputs say" : "nothing");
        for (i = 0; i < SQ_STREAMS_MAX && streams[i].id; i++) {
                char title[80];

                snprintf(title, sizeof(title), "out %s", streams[i].id);
                print_fields(title, streams[i].fields);
        }
}

static void
print_details(const struct sqi_component *component, const char *name)
{
        const struct sq_option *options = sqi_component_options(component);

        printf("%s, a %s: %s\n", name, sqi_kind_name(component->kind), sqi_component_about(component));
        if (component->kind == SQ_KIND_SPOUT)
                printf("%s\n",
                       component->spout->replay ? "It can replay: at-least-once." : "It can't replay: at-most-once.");
        if (options[0].name)
                printf("\nsettings:\n");
        for (size_t i = 0; i < SQ_OPTIONS_MAX && options[i].name; i++)
                print_option(&options[i]);
        if (component->grouping)
                printf("%s\n", component->grouping->keyed ? "Equal values of `args` go to one task, always."
                                                          : "It does not promise that equal values go to one task.");
        else
                print_streams(component);
}

/* ---- JSON -------------------------------------------------------------------------------------------- */

static void
json_fields(struct sqi_writer *json, const char *key, const struct sq_field *fields)
{
        sqi_write_array(json, key);
        for (size_t i = 0; i < SQ_FIELDS_MAX && fields[i].name; i++) {
                sqi_write_map(json, NULL);
                sqi_write_text(json, "name", fields[i].name);
                sqi_write_text(json, "type", sq_type_name(fields[i].type));
                sqi_write_end(json);
        }
        sqi_write_end(json);
}

static void
json_choices(struct sqi_writer *json, const char *choices)
{
        char word[SQI_WORD_MAX + 1];
        size_t len;

        sqi_write_array(json, "choices");
        for (; *choices != '\0'; choices += len + (choices[len] == '|')) {
                len = strcspn(choices, "|");
                snprintf(word, sizeof(word), "%.*s", (int)len, choices);
                sqi_write_text(json, NULL, word);
        }
        sqi_write_end(json);
}

static void
json_option(struct sqi_writer *json, const struct sq_option *option)
{
        sqi_write_map(json, NULL);
        sqi_write_text(json, "name", option->name);
        sqi_write_text(json, "type", sqi_option_type_name(option->type));
        sqi_write_bool(json, "required", option->required);
        sqi_write_text(json, "default", option->fallback);
        if (option->choices)
                json_choices(json, option->choices);
        sqi_write_text(json, "help", option->help);
        sqi_write_end(json);
}

static void
json_streams(struct sqi_writer *json, const struct sqi_component *component)
{
        const struct sq_stream *streams = sqi_component_streams(component);

        if (component->bolt)
                json_fields(json, "in", component->bolt->in);
        sqi_write_map(json, "streams");
        json_fields(json, "default", sqi_component_out(component));
        for (size_t i = 0; i < SQ_STREAMS_MAX && streams[i].id; i++)
                json_fields(json, streams[i].id, streams[i].fields);
        sqi_write_end(json);
}

static void
json_component(struct sqi_writer *json, const struct sqi_component *component, const char *name)
{
        const struct sq_option *options = sqi_component_options(component);

        sqi_write_map(json, NULL);
        sqi_write_text(json, "name", name);
        sqi_write_text(json, "kind", sqi_kind_name(component->kind));
        sqi_write_text(json, "about", sqi_component_about(component));
        sqi_write_text(json, "path", component->path);
        if (component->spout)
                sqi_write_bool(json, "replays", component->spout->replay != NULL);
        if (component->grouping)
                sqi_write_bool(json, "keyed", component->grouping->keyed);
        else
                sqi_write_bool(json, "declares", sqi_component_declare(component) != NULL);
        sqi_write_array(json, "settings");
        for (size_t i = 0; i < SQ_OPTIONS_MAX && options[i].name; i++)
                json_option(json, &options[i]);
        sqi_write_end(json);
        if (!component->grouping)
                json_streams(json, component);
        sqi_write_end(json);
}

/* ---- The verb ---------------------------------------------------------------------------------------- */

static int
show_path(const struct form *form, const char *path, const char *name)
{
        struct sqi_component *component = NULL;
        char error[512];

        if (sqi_component_load(path, &component, error, sizeof(error)) < 0)
                return cli_error(CLI_USAGE, "%s: %s", path, error);
        if (form->json)
                json_component(form->json, component, name ? name : component->name);
        else
                form->show(component, name ? name : component->name);
        sqi_component_close(&component);
        return CLI_DONE;
}

static int
show_kind(const struct form *form, enum sq_kind kind)
{
        char **names = sqi_catalog_names(kind), *path;
        int status = CLI_DONE, r;

        if (!names)
                return cli_error(CLI_FAILED, "out of memory");
        if (!form->json)
                printf("%s%ss:\n", kind == SQ_KIND_SPOUT ? "" : "\n", sqi_kind_name(kind));
        for (size_t i = 0; names[i]; i++) {
                path = sqi_catalog_find(kind, names[i], ".");
                r = path ? show_path(form, path, names[i]) : CLI_DONE;
                status = r != CLI_DONE ? r : status;
                free(path);
        }
        sqi_catalog_names_free(names);
        return status;
}

static int
unknown(const char *name)
{
        struct sqi_nearest nearest = sqi_nearest(name);
        enum sq_kind kind;
        char **names;

        for (kind = SQ_KIND_SPOUT; kind <= SQ_KIND_GROUPING; kind++) {
                names = sqi_catalog_names(kind);
                for (size_t i = 0; names && names[i]; i++)
                        sqi_nearest_offer(&nearest, names[i]);
                sqi_catalog_names_free(names);
        }
        if (sqi_nearest_name(&nearest))
                return cli_error(CLI_USAGE, "no component '%s' (did you mean '%s'?)", name, sqi_nearest_name(&nearest));
        return cli_error(CLI_USAGE,
                         "no component '%s' (squall components lists them; a file needs a '/', as in ./NAME.so)", name);
}

/* A name may be a spout and a bolt. */
static int
show_name(const struct form *form, const char *name)
{
        enum sq_kind kind;
        int status = CLI_DONE, r;
        bool found = false;
        char *path;

        if (strchr(name, '/'))
                return show_path(form, name, NULL);
        for (kind = SQ_KIND_SPOUT; kind <= SQ_KIND_GROUPING; kind++) {
                path = sqi_catalog_find(kind, name, ".");
                if (!path)
                        continue;
                if (found && !form->json)
                        fputc('\n', stdout);
                r = show_path(form, path, name);
                status = r != CLI_DONE ? r : status;
                found = true;
                free(path);
        }
        return found ? status : unknown(name);
}

static int
run(const struct cli_args *args)
{
        struct sqi_writer json = sqi_writer(SQI_JSON);
        const char *name = cli_operand(args, 0);
        struct form form = {.show = name ? print_details : print_line, .json = cli_flag(args, "json") ? &json : NULL};
        enum sq_kind kind;
        int status = CLI_DONE, r;

        if (form.json) {
                sqi_write_map(&json, NULL);
                sqi_write_array(&json, "components");
        }
        if (name)
                status = show_name(&form, name);
        for (kind = SQ_KIND_SPOUT; !name && kind <= SQ_KIND_GROUPING; kind++) {
                r = show_kind(&form, kind);
                status = r != CLI_DONE ? r : status;
        }
        if (form.json) {
                sqi_write_end(&json);
                sqi_write_end(&json);
                cli_json_print(&json);
        } else if (!name) {
                printf("\nsquall components NAME says more about one; PATH of a .so works as well.\n");
        }
        return status;
}

SQI_VERB(components) = {
        .about = "List the components: settings with types, defaults and help; streams with fields.",
        .operands = {{"NAME|PATH", CLI_COMPLETE_COMPONENT, .optional = true}},
        .options = {CLI_OPTION_JSON},
        .example = "squall components file",
        .run = run,
};

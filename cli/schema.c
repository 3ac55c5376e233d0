/* SPDX-License-Identifier: Apache-2.0 */
/* The topology file as a JSON Schema, made from the table of configuration keys and the declarations of the
 * components. */
#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "component/catalog.h"
#include "plan/config.h"
#include "plan/plan.h"
#include "component/settings.h"
#include "verb.h"

/* One of the words, or a text with a variable in it. */
static void
json_words(struct sqi_writer *json, const char *choices)
{
        char word[128];
        size_t len;

        sqi_write_array(json, "anyOf");
        sqi_write_map(json, NULL);
        sqi_write_array(json, "enum");
        for (; *choices != '\0'; choices += len + (choices[len] == '|')) {
                len = __builtin_strcspn(choices, "|");
                snprintf(word, sizeof(word), "%.*s", (int)len, choices);
                sqi_write_text(json, NULL, word);
        }
        sqi_write_end(json);
        sqi_write_end(json);
        cli_json_raw(json, NULL, "{\"type\":\"string\",\"pattern\":\"[$][{]\"}");
        sqi_write_end(json);
}

/* ${VARIABLE} may stand for any scalar, so a number or flag may be a text as well. */
static void
json_type(struct sqi_writer *json, const char *type)
{
        sqi_write_array(json, "type");
        sqi_write_text(json, NULL, type);
        sqi_write_text(json, NULL, "string");
        sqi_write_end(json);
}

static void
json_config_key(struct sqi_writer *json, const struct sqi_config_key *key)
{
        sqi_write_map(json, key->name);
        if (key->choices)
                json_words(json, key->choices);
        else if (key->type == SQI_CONFIG_PATH)
                sqi_write_text(json, "type", "string");
        else
                json_type(json, key->type == SQI_CONFIG_INT ? "integer" : "number");
        if (key->max > key->min) {
                sqi_write_real(json, "minimum", key->min);
                sqi_write_real(json, "maximum", key->max);
        }
        sqi_write_text(json, "description", key->help);
        if (key->fallback)
                sqi_write_text(json, "default", key->fallback);
        sqi_write_end(json);
}

static void
json_config(struct sqi_writer *json)
{
        sqi_write_map(json, "config");
        sqi_write_text(json, "type", "object");
        sqi_write_bool(json, "additionalProperties", false);
        sqi_write_map(json, "properties");
        for (const struct sqi_config_key *key = sqi_config_keys; key->name; key++)
                json_config_key(json, key);
        sqi_write_end(json);
        sqi_write_end(json);
}

static void
json_option(struct sqi_writer *json, const struct sq_option *option)
{
        static const char *const types[] = {
                [SQ_OPTION_INT] = "integer", [SQ_OPTION_FLOAT] = "number", [SQ_OPTION_BOOL] = "boolean"};

        sqi_write_map(json, option->name);
        if (option->choices)
                json_words(json, option->choices);
        else if (option->type <= SQ_OPTION_BOOL)
                json_type(json, types[option->type]);
        else if (option->type == SQ_OPTION_MAP)
                cli_json_raw(json, "type", "[\"object\",\"array\"]");
        else if (option->type == SQ_OPTION_NESTED)
                cli_json_raw(json, "type", "[\"object\",\"array\",\"string\"]");
        else if (option->type == SQ_OPTION_LIST)
                cli_json_raw(json, "type", "[\"array\",\"string\",\"number\"]");
        else
                cli_json_raw(json, "type", "[\"string\",\"number\",\"boolean\"]");
        sqi_write_text(json, "description", option->help);
        if (option->fallback)
                sqi_write_text(json, "default", option->fallback);
        sqi_write_end(json);
}

/* {"if": {component is NAME}, "then": {properties are its own}} */
static void
json_component(struct sqi_writer *json, const char *name, const struct sqi_component *component)
{
        const struct sq_option *options = sqi_component_options(component);
        bool required = false;

        sqi_write_map(json, NULL);
        sqi_write_map(json, "if");
        sqi_write_map(json, "properties");
        sqi_write_map(json, "component");
        sqi_write_text(json, "const", name);
        for (size_t i = 0; i < 3; i++)
                sqi_write_end(json);
        sqi_write_map(json, "then");
        sqi_write_map(json, "properties");
        sqi_write_map(json, "properties");
        sqi_write_text(json, "description", sqi_component_about(component));
        sqi_write_map(json, "properties");
        for (size_t i = 0; i < SQ_OPTIONS_MAX && options[i].name; i++)
                json_option(json, &options[i]);
        sqi_write_end(json);
        sqi_write_bool(json, "additionalProperties", false);
        sqi_write_array(json, "required");
        for (size_t i = 0; i < SQ_OPTIONS_MAX && options[i].name; i++) {
                if (options[i].required)
                        sqi_write_text(json, NULL, options[i].name);
                required |= options[i].required;
        }
        sqi_write_end(json);
        sqi_write_end(json);
        sqi_write_end(json);
        if (required)
                cli_json_raw(json, "required", "[\"properties\"]");
        sqi_write_end(json);
        sqi_write_end(json);
}

static void
json_kind(struct sqi_writer *json, enum sq_kind kind)
{
        char **names = sqi_catalog_names(kind), error[256], *path;
        struct sqi_component *component;

        sqi_write_map(json, kind == SQ_KIND_SPOUT ? "spouts" : "bolts");
        sqi_write_text(json, "type", "array");
        sqi_write_map(json, "items");
        cli_json_raw(json, "type", "\"object\"");
        cli_json_raw(json, "required", "[\"id\",\"component\"]");
        sqi_write_bool(json, "additionalProperties", false);
        cli_json_raw(
                json, "properties",
                "{\"id\":{\"type\":\"string\",\"description\":\"its name in the topology\"},"
                "\"component\":{\"type\":\"string\",\"description\":\"a built-in, or the path of a .so\"},"
                "\"parallelism\":{\"type\":[\"integer\",\"string\"],\"description\":\"number of tasks\",\"default\":1},"
                "\"event-time\":{\"$ref\":\"#/$defs/event-time\"},"
                "\"config\":{\"$ref\":\"#/$defs/config\"},\"properties\":{\"type\":[\"object\",\"array\"]}}");
        sqi_write_array(json, "allOf");
        for (size_t i = 0; names && names[i]; i++) {
                path = sqi_catalog_find(kind, names[i], ".");
                if (path && sqi_component_load(path, &component, error, sizeof(error)) == 0) {
                        json_component(json, names[i], component);
                        sqi_component_close(&component);
                }
                free(path);
        }
        sqi_write_end(json);
        sqi_write_end(json);
        sqi_write_end(json);
        sqi_catalog_names_free(names);
}

static void
json_event_time(struct sqi_writer *json)
{
        sqi_write_map(json, "event-time");
        cli_json_raw(json, "type", "\"object\"");
        cli_json_raw(json, "required", "[\"field\"]");
        sqi_write_bool(json, "additionalProperties", false);
        cli_json_raw(
                json, "properties",
                "{\"field\":{\"type\":\"string\",\"description\":\"the field with the time of what a tuple tells\"},"
                "\"format\":{\"enum\":[\"s\",\"ms\",\"us\",\"ns\"],\"description\":\"what a number in it counts since 1970\"},"
                "\"out-of-orderness\":{\"type\":[\"string\",\"integer\"],\"description\":\"how much older than the latest one a "
                "tuple may be, such as 5s\"},"
                "\"idle\":{\"type\":\"string\",\"description\":\"so long without a tuple, and nobody waits for it, such as 30s\"},"
                "\"stream\":{\"type\":\"string\",\"default\":\"default\"}}");
        sqi_write_end(json);
}

static void
json_streams(struct sqi_writer *json)
{
        int type;

        sqi_write_map(json, "streams");
        cli_json_raw(json, "type", "\"array\"");
        sqi_write_map(json, "items");
        cli_json_raw(json, "type", "\"object\"");
        cli_json_raw(json, "required", "[\"from\",\"to\"]");
        sqi_write_map(json, "properties");
        cli_json_raw(json, "from", "{\"type\":\"string\",\"description\":\"id of the component that emits\"}");
        cli_json_raw(json, "to", "{\"type\":\"string\",\"description\":\"id of the bolt that reads\"}");
        cli_json_raw(json, "name", "{\"type\":\"string\"}");
        sqi_write_map(json, "grouping");
        cli_json_raw(json, "type", "\"object\"");
        sqi_write_map(json, "properties");
        sqi_write_map(json, "type");
        sqi_write_array(json, "enum");
        for (type = SQI_SHUFFLE; type < SQI_GROUPINGS; type++)
                sqi_write_text(json, NULL, sqi_grouping_name((enum sqi_grouping_type)type));
        sqi_write_end(json);
        sqi_write_end(json);
        cli_json_raw(json, "args",
                     "{\"type\":\"array\",\"description\":\"fields, partial-key, custom: the names of the fields\"}");
        cli_json_raw(json, "component",
                     "{\"type\":\"string\",\"description\":\"custom: a built-in grouping, or the path of a .so\"}");
        cli_json_raw(json, "properties", "{\"type\":[\"object\",\"array\"],\"description\":\"custom: its settings\"}");
        cli_json_raw(json, "streamId", "{\"type\":\"string\",\"default\":\"default\"}");
        for (type = 0; type < 5; type++)
                sqi_write_end(json);
}

static int
run(const struct cli_args *args)
{
        struct sqi_writer json = sqi_writer(SQI_JSON);

        (void)args;
        sqi_write_map(&json, NULL);
        sqi_write_text(&json, "$schema", "https://json-schema.org/draft/2020-12/schema");
        sqi_write_text(&json, "title", "A topology of Squall");
        cli_json_raw(&json, "type", "\"object\"");
        cli_json_raw(&json, "required", "[\"name\",\"spouts\"]");
        sqi_write_map(&json, "$defs");
        json_config(&json);
        json_event_time(&json);
        sqi_write_end(&json);
        sqi_write_map(&json, "properties");
        cli_json_raw(&json, "name", "{\"type\":\"string\"}");
        cli_json_raw(&json, "config", "{\"$ref\":\"#/$defs/config\"}");
        json_kind(&json, SQ_KIND_SPOUT);
        json_kind(&json, SQ_KIND_BOLT);
        json_streams(&json);
        sqi_write_end(&json);
        sqi_write_end(&json);
        cli_json_print(&json);
        return CLI_DONE;
}

SQI_VERB(schema) = {
        .about = "Print the JSON Schema of topology files, so that an editor completes and checks them.",
        .details =
                "With the YAML language server, put this into the first line of a topology file: # yaml-language-server: $schema=squall.schema.json",
        .example = "squall schema >squall.schema.json",
        .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The topology file as a JSON Schema, made from the table of configuration keys and the declarations of the components. */
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
json_words(struct cli_json *json, const char *choices)
{
        char word[128];
        size_t len;

        cli_json_open(json, "anyOf", '[');
        cli_json_open(json, NULL, '{');
        cli_json_open(json, "enum", '[');
        for (; *choices != '\0'; choices += len + (choices[len] == '|')) {
                len = __builtin_strcspn(choices, "|");
                (void)snprintf(word, sizeof(word), "%.*s", (int)len, choices);
                cli_json_text(json, NULL, word);
        }
        cli_json_close(json, ']');
        cli_json_close(json, '}');
        cli_json_raw(json, NULL, "{\"type\":\"string\",\"pattern\":\"[$][{]\"}");
        cli_json_close(json, ']');
}

/* ${VARIABLE} may stand for any scalar, so a number or flag may be a text as well. */
static void
json_type(struct cli_json *json, const char *type)
{
        cli_json_open(json, "type", '[');
        cli_json_text(json, NULL, type);
        cli_json_text(json, NULL, "string");
        cli_json_close(json, ']');
}

static void
json_config_key(struct cli_json *json, const struct sqi_config_key *key)
{
        cli_json_open(json, key->name, '{');
        if (key->choices != NULL)
                json_words(json, key->choices);
        else if (key->type == SQI_CONFIG_PATH)
                cli_json_text(json, "type", "string");
        else
                json_type(json, key->type == SQI_CONFIG_INT ? "integer" : "number");
        if (key->max > key->min) {
                cli_json_real(json, "minimum", key->min);
                cli_json_real(json, "maximum", key->max);
        }
        cli_json_text(json, "description", key->help);
        if (key->fallback != NULL)
                cli_json_text(json, "default", key->fallback);
        cli_json_close(json, '}');
}

static void
json_config(struct cli_json *json)
{
        const struct sqi_config_key *key;

        cli_json_open(json, "config", '{');
        cli_json_text(json, "type", "object");
        cli_json_bool(json, "additionalProperties", false);
        cli_json_open(json, "properties", '{');
        for (key = sqi_config_keys; key->name != NULL; key++)
                json_config_key(json, key);
        cli_json_close(json, '}');
        cli_json_close(json, '}');
}

static void
json_option(struct cli_json *json, const struct sq_option *option)
{
        static const char *const types[] = {
                [SQ_OPTION_INT] = "integer", [SQ_OPTION_FLOAT] = "number", [SQ_OPTION_BOOL] = "boolean"};

        cli_json_open(json, option->name, '{');
        if (option->choices != NULL)
                json_words(json, option->choices);
        else if (option->type <= SQ_OPTION_BOOL)
                json_type(json, types[option->type]);
        else if (option->type == SQ_OPTION_MAP)
                cli_json_raw(json, "type", "[\"object\",\"array\"]");
        else if (option->type == SQ_OPTION_LIST)
                cli_json_raw(json, "type", "[\"array\",\"string\",\"number\"]");
        else
                cli_json_raw(json, "type", "[\"string\",\"number\",\"boolean\"]");
        cli_json_text(json, "description", option->help);
        if (option->fallback != NULL)
                cli_json_text(json, "default", option->fallback);
        cli_json_close(json, '}');
}

/* {"if": {component is NAME}, "then": {properties are its own}} */
static void
json_component(struct cli_json *json, const char *name, const struct sqi_component *component)
{
        const struct sq_option *options = sqi_component_options(component);
        bool required = false;
        size_t i;

        cli_json_open(json, NULL, '{');
        cli_json_open(json, "if", '{');
        cli_json_open(json, "properties", '{');
        cli_json_open(json, "component", '{');
        cli_json_text(json, "const", name);
        for (i = 0; i < 3; i++)
                cli_json_close(json, '}');
        cli_json_open(json, "then", '{');
        cli_json_open(json, "properties", '{');
        cli_json_open(json, "properties", '{');
        cli_json_text(json, "description", sqi_component_about(component));
        cli_json_open(json, "properties", '{');
        for (i = 0; i < SQ_OPTIONS_MAX && options[i].name != NULL; i++)
                json_option(json, &options[i]);
        cli_json_close(json, '}');
        cli_json_bool(json, "additionalProperties", false);
        cli_json_open(json, "required", '[');
        for (i = 0; i < SQ_OPTIONS_MAX && options[i].name != NULL; i++) {
                if (options[i].required)
                        cli_json_text(json, NULL, options[i].name);
                required |= options[i].required;
        }
        cli_json_close(json, ']');
        cli_json_close(json, '}');
        cli_json_close(json, '}');
        if (required)
                cli_json_raw(json, "required", "[\"properties\"]");
        cli_json_close(json, '}');
        cli_json_close(json, '}');
}

static void
json_kind(struct cli_json *json, enum sq_kind kind)
{
        char **names = sqi_catalog_names(kind), error[256], *path;
        struct sqi_component *component;
        size_t i;

        cli_json_open(json, kind == SQ_KIND_SPOUT ? "spouts" : "bolts", '{');
        cli_json_text(json, "type", "array");
        cli_json_open(json, "items", '{');
        cli_json_raw(json, "type", "\"object\"");
        cli_json_raw(json, "required", "[\"id\",\"component\"]");
        cli_json_bool(json, "additionalProperties", false);
        cli_json_raw(json, "properties",
                     "{\"id\":{\"type\":\"string\",\"description\":\"its name in the topology\"},"
                     "\"component\":{\"type\":\"string\",\"description\":\"a built-in, or the path of a .so\"},"
                     "\"parallelism\":{\"type\":[\"integer\",\"string\"],\"description\":\"number of tasks\",\"default\":1},"
                     "\"config\":{\"$ref\":\"#/$defs/config\"},\"properties\":{\"type\":[\"object\",\"array\"]}}");
        cli_json_open(json, "allOf", '[');
        for (i = 0; names != NULL && names[i] != NULL; i++) {
                path = sqi_catalog_find(kind, names[i], ".");
                if (path != NULL && sqi_component_load(path, &component, error, sizeof(error)) == 0) {
                        json_component(json, names[i], component);
                        sqi_component_close(&component);
                }
                free(path);
        }
        cli_json_close(json, ']');
        cli_json_close(json, '}');
        cli_json_close(json, '}');
        sqi_catalog_names_free(names);
}

static void
json_streams(struct cli_json *json)
{
        int type;

        cli_json_open(json, "streams", '{');
        cli_json_raw(json, "type", "\"array\"");
        cli_json_open(json, "items", '{');
        cli_json_raw(json, "type", "\"object\"");
        cli_json_raw(json, "required", "[\"from\",\"to\"]");
        cli_json_open(json, "properties", '{');
        cli_json_raw(json, "from", "{\"type\":\"string\",\"description\":\"id of the component that emits\"}");
        cli_json_raw(json, "to", "{\"type\":\"string\",\"description\":\"id of the bolt that reads\"}");
        cli_json_raw(json, "name", "{\"type\":\"string\"}");
        cli_json_open(json, "grouping", '{');
        cli_json_raw(json, "type", "\"object\"");
        cli_json_open(json, "properties", '{');
        cli_json_open(json, "type", '{');
        cli_json_open(json, "enum", '[');
        for (type = SQI_SHUFFLE; type <= SQI_NONE; type++)
                cli_json_text(json, NULL, sqi_grouping_name((enum sqi_grouping_type)type));
        cli_json_close(json, ']');
        cli_json_close(json, '}');
        cli_json_raw(json, "args", "{\"type\":\"array\",\"description\":\"fields, partial-key: the names of the fields\"}");
        cli_json_raw(json, "streamId", "{\"type\":\"string\",\"default\":\"default\"}");
        for (type = 0; type < 5; type++)
                cli_json_close(json, '}');
}

static int
run(const struct cli_args *args)
{
        struct cli_json json = cli_json(stdout);

        (void)args;
        cli_json_open(&json, NULL, '{');
        cli_json_text(&json, "$schema", "https://json-schema.org/draft/2020-12/schema");
        cli_json_text(&json, "title", "A topology of Squall");
        cli_json_raw(&json, "type", "\"object\"");
        cli_json_raw(&json, "required", "[\"name\",\"spouts\"]");
        cli_json_open(&json, "$defs", '{');
        json_config(&json);
        cli_json_close(&json, '}');
        cli_json_open(&json, "properties", '{');
        cli_json_raw(&json, "name", "{\"type\":\"string\"}");
        cli_json_raw(&json, "config", "{\"$ref\":\"#/$defs/config\"}");
        json_kind(&json, SQ_KIND_SPOUT);
        json_kind(&json, SQ_KIND_BOLT);
        json_streams(&json);
        cli_json_close(&json, '}');
        cli_json_close(&json, '}');
        return CLI_DONE;
}

SQI_VERB(schema) = {
        .about = "Print the JSON Schema of topology files, so that an editor completes and checks them.",
        .details =
                "With the YAML language server, put this into the first line of a topology file: # yaml-language-server: $schema=squall.schema.json",
        .example = "squall schema >squall.schema.json",
        .run = run,
};

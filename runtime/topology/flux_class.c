/* SPDX-License-Identifier: Apache-2.0 */
/* What a Java class of a Flux file is here, and how its arguments become settings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "topology/flux.h"

/* ---- Shell wrappers ---------------------------------------------------------------------------------- */

static int
wrong(struct sqi_flux_job *job, const struct sqi_yaml *at, const char *what)
{
        sqi_diagnose(job->diagnostics, SQI_ERROR, at->place, "%s", what);
        return -1;
}

static const struct sqi_yaml_item *
list_of(const struct sqi_yaml *map, const char *key)
{
        const struct sqi_yaml_item *item = sqi_yaml_get(map, key);

        return item && item->value->kind == SQI_YAML_SEQUENCE ? item->value->first : NULL;
}

static void
write_text(FILE *out, const char *text)
{
        size_t size = sq_json(sq_text(text), NULL, 0) + 1;
        char *quoted = malloc(size);

        if (quoted)
                sq_json(sq_text(text), quoted, size);
        fputs(quoted ? quoted : "null", out);
        free(quoted);
}

static const char *
pass_digits(const char *at)
{
        return at + strspn(at, "0123456789");
}

/* A number of JSON: 10.0.0.1, 2026-01-02 and 007 are text. */
static bool
is_number(const char *text)
{
        const char *at = text + (*text == '-'), *end = pass_digits(at);

        if (end == at || (*at == '0' && end > at + 1))
                return false;
        if (*end == '.') {
                at = end + 1;
                end = pass_digits(at);
        }
        return end > at && *end == '\0';
}

/* A value as JSON, for the settings that take one: `conf`. */
static void
write_json(FILE *out, const struct sqi_yaml *value)
{
        const char *comma = "";

        if (value->kind == SQI_YAML_SCALAR && (value->quoted || value->text[0] == '\0')) {
                write_text(out, value->text);
                return;
        }
        if (value->kind <= SQI_YAML_SCALAR) {
                const char *text = value->kind == SQI_YAML_NULL ? "null" : value->text;
                bool plain = strcmp(text, "true") == 0 || strcmp(text, "false") == 0 || strcmp(text, "null") == 0 ||
                             is_number(text);
                if (plain)
                        fputs(text, out);
                else
                        write_text(out, text);
                return;
        }
        fputc(value->kind == SQI_YAML_MAPPING ? '{' : '[', out);
        for (const struct sqi_yaml_item *item = value->first; item; item = item->next, comma = ",") {
                fputs(comma, out);
                if (item->key) {
                        write_text(out, item->key);
                        fputc(':', out);
                }
                write_json(out, item->value);
        }
        fputc(value->kind == SQI_YAML_MAPPING ? '}' : ']', out);
}

/* Text that `conf` would not take for anything else. */
static bool
is_itself(const struct sqi_yaml *value)
{
        const char *text = value->text;

        if (value->kind != SQI_YAML_SCALAR || !value->quoted)
                return value->kind == SQI_YAML_SCALAR;
        return strchr("{[\"-0123456789", text[0]) == NULL && strcmp(text, "true") != 0 && strcmp(text, "false") != 0 &&
               strcmp(text, "null") != 0;
}

static void
put_conf(struct sqi_flux_job *job, struct sqi_yaml *conf, const char *key, const struct sqi_yaml *value)
{
        struct sqi_yaml *node;
        char *text = NULL;
        size_t size;
        FILE *out;

        if (is_itself(value)) {
                sqi_flux_put(job, conf, key, value);
                return;
        }
        out = open_memstream(&text, &size);
        if (!out) {
                job->no_memory = true;
                return;
        }
        write_json(out, value);
        fclose(out);
        node = sqi_flux_text(job, text, value->place);
        if (node)
                node->quoted = true;
        sqi_flux_put(job, conf, key, node);
        free(text);
}

struct shell {
        struct sqi_yaml *properties, *streams, *conf;
        const struct sqi_yaml *fields;
};

static int
read_method(struct sqi_flux_job *job, struct shell *shell, const struct sqi_yaml *method)
{
        const struct sqi_yaml_item *name = method->kind == SQI_YAML_MAPPING ? sqi_yaml_get(method, "name") : NULL;
        const struct sqi_yaml_item *first = name ? list_of(method, "args") : NULL, *second = first ? first->next : NULL;
        const char *word = name && name->value->kind == SQI_YAML_SCALAR ? name->value->text : "";
        bool one = first && !second, two = second && !second->next && first->value->kind == SQI_YAML_SCALAR;

        if (strcmp(word, "addComponentConfig") == 0) {
                if (!two)
                        return wrong(job, method, "addComponentConfig takes 2 arguments: a key and a value");
                put_conf(job, shell->conf, first->value->text, second->value);
        } else if (strcmp(word, "setDefaultStream") == 0) {
                if (!one || first->value->kind != SQI_YAML_SEQUENCE)
                        return wrong(job, method, "setDefaultStream takes 1 argument: a list of fields");
                shell->fields = first->value;
        } else if (strcmp(word, "setNamedStream") == 0) {
                if (!two || second->value->kind != SQI_YAML_SEQUENCE)
                        return wrong(job, method, "setNamedStream takes 2 arguments: a stream and a list of fields");
                sqi_flux_put(job, shell->streams, first->value->text, second->value);
        } else if (strcmp(word, "setEnv") == 0 && one && first->value->kind == SQI_YAML_MAPPING) {
                sqi_flux_put(job, shell->properties, "env", first->value);
        } else {
                return wrong(job, method,
                             "a shell component has no such method (addComponentConfig, setDefaultStream, "
                             "setNamedStream, setEnv)");
        }
        return 0;
}

/* Storm's programs lie in the folder `resources` of its jar. */
static void
put_folder(struct sqi_flux_job *job, struct sqi_yaml *properties, struct sqi_place place)
{
        const char *slash = strrchr(job->flux->path, '/');
        char path[4096];

        snprintf(path, sizeof(path), "%.*sresources", slash ? (int)(slash - job->flux->path + 1) : 0, job->flux->path);
        if (access(path, X_OK) == 0)
                sqi_flux_put(job, properties, "cwd", sqi_flux_text(job, "resources", place));
}

static void
translate_shell(struct sqi_flux_job *job, const struct sqi_yaml *from, struct sqi_yaml *properties)
{
        const struct sqi_yaml_item *command = list_of(from, "constructorArgs");
        struct shell shell = {.properties = properties,
                              .streams = sqi_flux_node(job, SQI_YAML_MAPPING, from->place),
                              .conf = sqi_flux_node(job, SQI_YAML_MAPPING, from->place)};

        if (!command || command->value->kind != SQI_YAML_SEQUENCE) {
                (void)wrong(job, from, "its first constructor argument is the command, a list");
                return;
        }
        sqi_flux_put(job, properties, "command", command->value);
        if (command->next && command->next->value->kind == SQI_YAML_SEQUENCE)
                shell.fields = command->next->value;
        for (const struct sqi_yaml_item *item = list_of(from, "configMethods"); item; item = item->next)
                (void)read_method(job, &shell, item->value);
        for (const struct sqi_yaml_item *item = job->more->first; item; item = item->next)
                if (!sqi_yaml_get(shell.conf, item->key))
                        put_conf(job, shell.conf, item->key, item->value);
        if (shell.fields)
                sqi_flux_put(job, properties, "fields", shell.fields);
        if (shell.streams && shell.streams->n > 0)
                sqi_flux_put(job, properties, "streams", shell.streams);
        if (shell.conf && shell.conf->n > 0)
                sqi_flux_put(job, properties, "conf", shell.conf);
        put_folder(job, properties, from->place);
}

/* ---- Storm's test components ------------------------------------------------------------------------- */

/* Ten words a second. */
static void
translate_words(struct sqi_flux_job *job, const struct sqi_yaml *from, struct sqi_yaml *properties)
{
        struct sqi_yaml *fields = sqi_flux_node(job, SQI_YAML_MAPPING, from->place);

        sqi_flux_put(job, fields, "word", sqi_flux_text(job, "one-of nathan mike jackson golda bertels", from->place));
        sqi_flux_put(job, properties, "rate", sqi_flux_text(job, "10", from->place));
        sqi_flux_put(job, properties, "fields", fields);
}

/* ---- Classes ----------------------------------------------------------------------------------------- */

#define WRAPPERS "org.apache.storm.flux.wrappers."
#define TESTING "org.apache.storm.testing."

static const struct class
{
        const char *name, *component;
        bool spout, silent;
        void (*translate)(struct sqi_flux_job *job, const struct sqi_yaml *from, struct sqi_yaml *properties);
} classes[] = {
        {WRAPPERS "spouts.FluxShellSpout", "shell", true, false, translate_shell},
        {WRAPPERS "bolts.FluxShellBolt", "shell", false, false, translate_shell},
        {WRAPPERS "bolts.LogInfoBolt", "log", false, true, NULL},
        {TESTING "TestWordSpout", "generate", true, false, translate_words},
        {TESTING "TestWordCounter", "count", false, false, NULL},
};
enum { CLASSES = sizeof(classes) / sizeof(classes[0]) };

/* What is nearest to a class by a word in its name; what stands first counts. */
static const struct {
        const char *word, *nearest;
} nearest[] = {
        {"KafkaSpout", "the spout `kafka`"},
        {"KafkaBolt", "the bolt `kafka`"},
        {"RedisLookup", "the bolt `lookup`"},
        {"Redis", "the bolt `redis`"},
        {"JdbcLookup", "the bolt `lookup`"},
        {"Jdbc", "the bolts `postgres` and `sqlite`"},
        {"Mqtt", "`mqtt`"},
        {"Hdfs", "the bolt `write`"},
        {"HBase", "the bolts `redis` and `postgres`"},
        {"Join", "the example `single-join`"},
        {"Window", "the bolt `window`"},
        {"SplitSentence", "the bolt `split`"},
        {"WordCount", "the bolt `count`"},
        {"Counter", "the bolt `count`"},
        {"Rank", "the bolt `top`"},
        {"Filter", "the bolt `filter`"},
        {"Print", "the bolt `log`"},
};

static const struct class *
find_class(const char *name)
{
        for (size_t i = 0; i < CLASSES; i++)
                if (strcmp(classes[i].name, name) == 0)
                        return &classes[i];
        return NULL;
}

static const char *
class_name(const struct sqi_yaml *component)
{
        const struct sqi_yaml_item *item = component->kind == SQI_YAML_MAPPING ? sqi_yaml_get(component, "className")
                                                                               : NULL;

        return item && item->value->kind == SQI_YAML_SCALAR ? item->value->text : NULL;
}

bool
sqi_flux_is_silent(const struct sqi_yaml *component)
{
        const char *name = class_name(component);
        const struct class *class = name ? find_class(name) : NULL;

        return class && class->silent;
}

static void
refuse(struct sqi_flux_job *job, const struct sqi_yaml *from, const char *name)
{
        const char *near = NULL;

        for (size_t i = 0; name && i < sizeof(nearest) / sizeof(nearest[0]) && !near; i++)
                if (strstr(name, nearest[i].word))
                        near = nearest[i].nearest;
        job->java |= name != NULL;
        if (!name)
                sqi_diagnose(job->diagnostics, SQI_ERROR, from->place, "it has no 'className'");
        else if (near)
                sqi_diagnose(job->diagnostics, SQI_ERROR, sqi_yaml_get(from, "className")->value->place,
                             "className: %s is Java, which Squall does not run (nearest to it: %s)", name, near);
        else
                sqi_diagnose(
                        job->diagnostics, SQI_ERROR, sqi_yaml_get(from, "className")->value->place,
                        "className: %s is Java, which Squall does not run (a component is a program by `shell`, or a "
                        ".so; `squall components` lists the built-in ones)",
                        name);
}

void
sqi_flux_class(struct sqi_flux_job *job, const struct sqi_yaml *from, struct sqi_yaml *into, bool spout)
{
        const char *name = class_name(from);
        const struct class *class = name ? find_class(name) : NULL;
        struct sqi_yaml *properties = sqi_flux_node(job, SQI_YAML_MAPPING, from->place);

        if (!class || class->spout != spout) {
                refuse(job, from, name);
                return;
        }
        sqi_flux_put(job, into, "component", sqi_flux_text(job, class->component, from->place));
        if (class->translate)
                class->translate(job, from, properties);
        if (properties && properties->n > 0)
                sqi_flux_put(job, into, "properties", properties);
}

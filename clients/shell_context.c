/* SPDX-License-Identifier: Apache-2.0 */
/* What a program is told of the topology around it, as Storm tells it. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell.h"

/* An object or an array under way: with a comma before each member but the first. */
struct list {
        struct sqi_shell_bytes *bytes;
        bool begun;
};

static void
put_next(struct list *list)
{
        if (list->begun)
                sqi_shell_put(list->bytes, ",");
        list->begun = true;
}

static void
put_key(struct list *list, const char *key)
{
        put_next(list);
        sqi_shell_put_json(list->bytes, sq_text(key));
        sqi_shell_put(list->bytes, ":");
}

static void
put_member(struct list *list, const char *key, struct sq_value value)
{
        put_key(list, key);
        sqi_shell_put_json(list->bytes, value);
}

static struct list
begin(struct list *outer, const char *key, const char *bracket)
{
        put_key(outer, key);
        sqi_shell_put(outer->bytes, bracket);
        return (struct list){.bytes = outer->bytes};
}

static void
put_grouping(struct list *list, const char *key, const struct sq_reading *reading)
{
        struct list object = begin(list, key, "{"), fields;
        char type[32];
        size_t n = 0;

        for (const char *at = reading->grouping; *at && n + 1 < sizeof(type); at++)
                type[n++] = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
        type[n] = '\0';
        put_member(&object, "type", sq_text(type));
        if (reading->nkeys > 0) {
                fields = begin(&object, "fields", "[");
                for (unsigned k = 0; k < reading->nkeys; k++) {
                        put_next(&fields);
                        sqi_shell_put_json(list->bytes, sq_text(reading->keys[k]));
                }
                sqi_shell_put(list->bytes, "]");
        }
        sqi_shell_put(list->bytes, "}");
}

static void
put_fields(const struct sq_task *task, struct list *list, const char *component, unsigned stream)
{
        struct list fields = begin(list, sq_stream_of(task, component, stream), "[");
        const char *name;

        for (unsigned f = 0; (name = sq_field_of(task, component, stream, f).name); f++) {
                put_next(&fields);
                sqi_shell_put_json(list->bytes, sq_text(name));
        }
        sqi_shell_put(list->bytes, "]");
}

/* The streams that anybody may read: those with fields. */
static bool
is_there(const struct sq_task *task, unsigned stream)
{
        return sq_field_of(task, sq_component(task), stream, 0).name != NULL;
}

static void
put_streams(const struct sq_task *task, struct list *context)
{
        struct list names = begin(context, "streams", "["), fields;
        const char *self = sq_component(task), *name;

        for (unsigned s = 0; (name = sq_stream_of(task, self, s)); s++) {
                if (!is_there(task, s))
                        continue;
                put_next(&names);
                sqi_shell_put_json(context->bytes, sq_text(name));
        }
        sqi_shell_put(context->bytes, "]");
        fields = begin(context, "stream->outputfields", "{");
        for (unsigned s = 0; sq_stream_of(task, self, s); s++)
                if (is_there(task, s))
                        put_fields(task, &fields, self, s);
        sqi_shell_put(context->bytes, "}");
}

/* By stream, and by who reads it. */
static void
put_targets(const struct sq_task *task, struct list *context)
{
        struct list streams = begin(context, "stream->target->grouping", "{"), targets;
        const char *self = sq_component(task), *name;
        struct sq_reading reading;

        for (unsigned s = 0; (name = sq_stream_of(task, self, s)); s++) {
                if (!is_there(task, s))
                        continue;
                targets = begin(&streams, name, "{");
                for (unsigned n = 0; sq_reading(task, n, &reading); n++)
                        if (strcmp(reading.from, self) == 0 && strcmp(reading.stream, name) == 0)
                                put_grouping(&targets, reading.to, &reading);
                sqi_shell_put(context->bytes, "}");
        }
        sqi_shell_put(context->bytes, "}");
}

/* Whether an earlier entry of `streams` has the same source and reader. */
static bool
is_second(const struct sq_task *task, unsigned n, const struct sq_reading *reading)
{
        struct sq_reading earlier;

        for (unsigned i = 0; i < n && sq_reading(task, i, &earlier); i++)
                if (strcmp(earlier.from, reading->from) == 0 && strcmp(earlier.to, reading->to) == 0)
                        return true;
        return false;
}

static unsigned
number_of(const struct sq_task *task, const char *component, const char *stream)
{
        unsigned s = 0;

        for (const char *name; (name = sq_stream_of(task, component, s)) && strcmp(name, stream) != 0;)
                s++;
        return s;
}

/* What it reads, by source and stream: the groupings, or the fields. */
static void
put_sources(const struct sq_task *task, struct list *context, const char *key, bool groupings)
{
        struct list sources = begin(context, key, "{"), streams;
        const char *self = sq_component(task);
        struct sq_reading first, other;

        for (unsigned n = 0; sq_reading(task, n, &first); n++) {
                if (strcmp(first.to, self) != 0 || is_second(task, n, &first))
                        continue;
                streams = begin(&sources, first.from, "{");
                for (unsigned i = n; sq_reading(task, i, &other); i++) {
                        if (strcmp(other.to, self) != 0 || strcmp(other.from, first.from) != 0)
                                continue;
                        if (groupings)
                                put_grouping(&streams, other.stream, &other);
                        else
                                put_fields(task, &streams, other.from, number_of(task, other.from, other.stream));
                }
                sqi_shell_put(context->bytes, "}");
        }
        sqi_shell_put(context->bytes, "}");
}

static void
put_tasks(const struct sq_task *task, struct list *context)
{
        struct list tasks = begin(context, "task->component", "{");
        const char *component;
        char number[16];

        for (unsigned n = 0; (component = sq_component_of(task, n)); n++) {
                snprintf(number, sizeof(number), "%u", sqi_shell_task(n));
                put_member(&tasks, number, sq_text(component));
        }
        sqi_shell_put(context->bytes, "}");
}

static void
put_context(const struct sq_task *task, struct list *message)
{
        struct list context = begin(message, "context", "{");

        put_tasks(task, &context);
        put_member(&context, "taskid", sq_int(sqi_shell_task(sq_number(task))));
        put_member(&context, "componentid", sq_text(sq_component(task)));
        put_streams(task, &context);
        put_targets(task, &context);
        put_sources(task, &context, "source->stream->grouping", true);
        put_sources(task, &context, "source->stream->fields", false);
        sqi_shell_put(message->bytes, "}");
}

static bool
is_given(const struct sqi_shell *shell, const char *name)
{
        for (size_t i = 0; i < shell->conf.n; i++)
                if (strcmp(shell->conf.names[i], name) == 0)
                        return true;
        return false;
}

static void
put_given(const struct sqi_shell *shell, struct list *conf)
{
        struct sq_json_reader json = {0};

        for (size_t i = 0; i < shell->conf.n; i++) {
                const char *text = shell->conf.values[i];
                struct sq_value value;

                put_key(conf, shell->conf.names[i]);
                if (!sq_json_read(&json, (struct sq_str){text, strlen(text)}, &value))
                        value = sq_text(text);
                sqi_shell_put_json(conf->bytes, value);
        }
        sq_json_free(&json);
}

static void
put_conf(const struct sq_task *task, const struct sqi_shell *shell, struct list *message)
{
        struct list conf = begin(message, "conf", "{");
        struct sq_value value;
        const char *name;

        put_given(shell, &conf);
        for (unsigned n = 0; sq_config(task, n, &name, &value); n++)
                if (!is_given(shell, name))
                        put_member(&conf, name, value);
        if (!is_given(shell, "topology.name"))
                put_member(&conf, "topology.name", sq_text(sq_topology(task)));
        if (!is_given(shell, "topology.debug"))
                put_member(&conf, "topology.debug", sq_bool(false));
        if (!is_given(shell, "topology.subprocess.timeout.secs"))
                put_member(&conf, "topology.subprocess.timeout.secs", sq_float(shell->timeout));
        sqi_shell_put(message->bytes, "}");
}

void
sqi_shell_put_handshake(struct sq_task *task, const struct sqi_shell *shell, struct sqi_shell_bytes *bytes)
{
        struct list message = {.bytes = bytes};

        sqi_shell_put(bytes, "{");
        put_member(&message, "pidDir", sq_text(shell->pids));
        put_context(task, &message);
        put_conf(task, shell, &message);
        sqi_shell_put(bytes, "}");
        sqi_shell_put_end(bytes);
}

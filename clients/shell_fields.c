/* SPDX-License-Identifier: Apache-2.0 */
/* What a program emits: the fields and streams of its settings, and an emit held against them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell.h"

/* The fields of a further stream: the entries of `streams` from `first` on that are of it. */
static struct sq_nested
fields_of(const struct sq_nested *streams, size_t first)
{
        struct sq_nested fields = {.values = streams->values + first};

        while (first + fields.n < streams->n && strcmp(streams->names[first + fields.n], streams->names[first]) == 0)
                fields.n++;
        /* A stream of one field may name it without a type. */
        fields.names = streams->keys && streams->keys[first][0] ? streams->keys + first : fields.values;
        return fields;
}

const char *
sqi_shell_read_streams(struct sqi_shell *shell, char *wrong, size_t size)
{
        struct sq_nested fields;
        size_t most = 1;

        for (size_t at = 0; at < shell->streams.n; at += fields_of(&shell->streams, at).n)
                most++;
        shell->nstreams = 1;
        shell->names[0] = "default";
        shell->schemas = calloc(most, sizeof(*shell->schemas));
        snprintf(wrong, size, "no memory");
        if (!shell->schemas)
                return "streams";
        snprintf(wrong, size, "a field has a name and a type alone");
        if (shell->fields.keys || !sq_schema_read(&shell->fields, &shell->schemas[0], wrong, size))
                return "fields";
        for (size_t at = 0; at < shell->streams.n; at += fields.n) {
                fields = fields_of(&shell->streams, at);
                if (shell->nstreams > SQ_DECLARED_STREAMS_MAX) {
                        snprintf(wrong, size, "has more than %u streams", SQ_DECLARED_STREAMS_MAX);
                        return "streams";
                }
                if (!sq_schema_read(&fields, &shell->schemas[shell->nstreams], wrong, size))
                        return "streams";
                shell->names[shell->nstreams++] = shell->streams.names[at];
        }
        return NULL;
}

void
sqi_shell_declare(const struct sqi_shell *shell, struct sq_declaration *decl)
{
        struct sqi_shell *read = malloc(sizeof(*read));
        char wrong[256];
        const char *option;

        if (!read) {
                sq_declare_error(decl, NULL, "no memory");
                return;
        }
        *read = *shell;
        option = sqi_shell_read_streams(read, wrong, sizeof(wrong));
        if (option)
                sq_declare_error(decl, option, "%s: %s", option, wrong);
        if (shell->command.n == 0 || shell->command.items[0][0] == '\0')
                sq_declare_error(decl, "command", "names no program");
        if (!(shell->timeout >= 0.1 && shell->timeout <= 86400))
                sq_declare_error(decl, "timeout", "must be from 0.1 to 86400 seconds");
        for (unsigned s = 0; !option && s < read->nstreams; s++) {
                unsigned stream = s ? sq_declare_stream(decl, read->names[s]) : 0;
                const struct sq_schema *schema = &read->schemas[s];
                for (unsigned f = 0; f < schema->n; f++)
                        sq_declare_out(decl, stream, schema->names[f],
                                       schema->typed ? schema->conversions[f].type : SQ_ANY);
        }
        free(read->schemas);
        free(read);
}

int
sqi_shell_take(struct sqi_shell *shell, const struct sqi_shell_message *message, unsigned *ret_stream,
               struct sq_value values[SQ_FIELDS_MAX])
{
        const struct sq_schema *schema;
        struct sq_items items = sq_items(message->tuple);
        char cause[256];
        unsigned s = 0, n = 0;

        while (s < shell->nstreams && !sq_str_is(message->stream, shell->names[s]))
                s++;
        if (s == shell->nstreams || shell->schemas[s].n == 0)
                return sqi_shell_breaks(shell,
                                        "emitted on the stream '%.*s', which is not declared (see `fields` and "
                                        "`streams`)",
                                        (int)(message->stream.len < 64 ? message->stream.len : 64),
                                        message->stream.ptr);
        schema = &shell->schemas[s];
        while (n < SQ_FIELDS_MAX && sq_next_item(&items, &values[n]))
                n++;
        if (message->tuple.len != schema->n || n != schema->n)
                return sqi_shell_breaks(shell, "emitted %u values on the stream '%s', which has %u fields",
                                        (unsigned)message->tuple.len, shell->names[s], schema->n);
        if (schema->typed && !sq_schema_convert(schema, values, cause, sizeof(cause)))
                return sqi_shell_breaks(shell, "emitted on the stream '%s': %s", shell->names[s], cause);
        *ret_stream = s;
        return 0;
}

int
sqi_shell_receiver(const struct sq_task *task, struct sqi_shell *shell, const struct sqi_shell_message *message,
                   unsigned stream, unsigned *ret)
{
        bool fits = message->task >= 1 && message->task <= UINT32_MAX;
        const char *self = sq_component(task), *to = fits ? sq_component_of(task, (unsigned)(message->task - 1)) : NULL;
        struct sq_reading reading;

        for (unsigned n = 0; to && sq_reading(task, n, &reading); n++)
                if (strcmp(reading.to, to) == 0 && strcmp(reading.from, self) == 0 &&
                    strcmp(reading.stream, shell->names[stream]) == 0 && strcmp(reading.grouping, "direct") == 0) {
                        *ret = (unsigned)(message->task - 1);
                        return 0;
                }
        return sqi_shell_breaks(shell,
                                "emitted to the task %lld, which does not read the stream '%s' by the grouping direct",
                                (long long)message->task, shell->names[stream]);
}

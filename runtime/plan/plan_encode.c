/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "plan/plan.h"
#include "plan/plan_codec.h"
#include "tuple/writer.h"

static void
write_texts(struct sqi_writer *writer, const char *const *texts, size_t n)
{
        sqi_write_array(writer, NULL);
        for (size_t i = 0; i < n; i++)
                sqi_write_text(writer, NULL, texts[i]);
        sqi_write_end(writer);
}

static void
write_fields(struct sqi_writer *writer, const struct sq_field *fields, uint32_t n)
{
        sqi_write_array(writer, NULL);
        for (uint32_t i = 0; i < n; i++) {
                sqi_write_text(writer, NULL, fields[i].name);
                sqi_write_uint(writer, NULL, fields[i].type);
        }
        sqi_write_end(writer);
}

static void
write_places(struct sqi_writer *writer, const uint8_t *places, uint32_t n)
{
        sqi_write_array(writer, NULL);
        for (uint32_t i = 0; i < n; i++)
                sqi_write_uint(writer, NULL, places[i]);
        sqi_write_end(writer);
}

/* The value as the topology file would have it; NULL: not set. */
static const char *
config_text(const struct sqi_config *config, const struct sqi_config_key *key, char *buffer, size_t size)
{
        const char *at = (const char *)config + key->offset, *text = key->choices;
        int64_t number;
        double real;

        switch (key->type) {
        case SQI_CONFIG_PATH:
                memcpy(&text, at, sizeof(text));
                return text;
        case SQI_CONFIG_FLOAT:
                memcpy(&real, at, sizeof(real));
                (void)sqi_print_real(buffer, size, 17, real);
                return buffer;
        case SQI_CONFIG_INT:
        case SQI_CONFIG_ENUM:
                break;
        }
        memcpy(&number, at, sizeof(number));
        if (key->type == SQI_CONFIG_INT)
                snprintf(buffer, size, "%lld", (long long)number);
        for (; key->type == SQI_CONFIG_ENUM && number > 0; number--)
                text += strcspn(text, "|") + 1;
        if (key->type == SQI_CONFIG_ENUM)
                snprintf(buffer, size, "%.*s", (int)strcspn(text, "|"), text);
        return buffer;
}

static void
write_config(struct sqi_writer *writer, const struct sqi_config *config)
{
        char buffer[64];

        sqi_write_array(writer, NULL);
        for (const struct sqi_config_key *key = sqi_config_keys; key->name; key++) {
                const char *text = config_text(config, key, buffer, sizeof(buffer));

                if (!text)
                        continue;
                sqi_write_text(writer, NULL, key->name);
                sqi_write_text(writer, NULL, text);
        }
        sqi_write_end(writer);
}

static void
write_setting(struct sqi_writer *writer, const struct sqi_setting *setting)
{
        sqi_write_array(writer, NULL);
        sqi_write_text(writer, NULL, setting->name);
        sqi_write_uint(writer, NULL, setting->shape);
        write_texts(writer, setting->values, setting->n);
        write_texts(writer, setting->names, setting->names ? setting->n : 0);
        if (setting->shape == SQI_NESTED)
                write_texts(writer, setting->keys, setting->n);
        sqi_write_end(writer);
}

static void
write_streams(struct sqi_writer *writer, const struct sqi_plan_component *component)
{
        sqi_write_array(writer, NULL);
        for (uint32_t i = 0; i < component->nstreams; i++) {
                sqi_write_array(writer, NULL);
                sqi_write_text(writer, NULL, component->streams[i].id);
                write_fields(writer, component->streams[i].fields, component->streams[i].nfields);
                sqi_write_end(writer);
        }
        sqi_write_end(writer);
}

/* A date's has its format, in a part of its own behind the others. */
static void
write_date(struct sqi_writer *writer, const struct sqi_time_format *format)
{
        if (format->unit == SQI_UNIT_DATE)
                sqi_write_text(writer, NULL, format->date);
}

static void
write_event_time(struct sqi_writer *writer, const struct sqi_event_time *time)
{
        sqi_write_array(writer, NULL);
        sqi_write_uint(writer, NULL, time->stream);
        sqi_write_uint(writer, NULL, time->place);
        sqi_write_uint(writer, NULL, time->format.unit);
        sqi_write_uint(writer, NULL, (uint64_t)time->disorder_ns);
        sqi_write_uint(writer, NULL, time->idle_ns);
        write_date(writer, &time->format);
        sqi_write_end(writer);
}

static void
write_settings(struct sqi_writer *writer, const struct sqi_setting *settings, uint32_t n)
{
        sqi_write_array(writer, NULL);
        for (uint32_t i = 0; i < n; i++)
                write_setting(writer, &settings[i]);
        sqi_write_end(writer);
}

static void
write_component(struct sqi_writer *writer, const struct sqi_plan_component *component)
{
        sqi_write_array(writer, NULL);
        sqi_write_text(writer, NULL, component->id);
        sqi_write_uint(writer, NULL, component->kind);
        sqi_write_text(writer, NULL, component->component);
        sqi_write_text(writer, NULL, component->path);
        sqi_write_uint(writer, NULL, component->ntasks);
        sqi_write_uint(writer, NULL, component->cycle);
        sqi_write_real(writer, NULL, component->tick_secs);
        write_fields(writer, component->in, component->nin);
        write_streams(writer, component);
        write_settings(writer, component->settings, component->nsettings);
        if (component->event_time)
                write_event_time(writer, component->event_time);
        sqi_write_end(writer);
}

static void
write_edge(struct sqi_writer *writer, const struct sqi_plan_edge *edge)
{
        sqi_write_array(writer, NULL);
        sqi_write_uint(writer, NULL, edge->from);
        sqi_write_uint(writer, NULL, edge->stream);
        sqi_write_uint(writer, NULL, edge->to);
        sqi_write_uint(writer, NULL, edge->grouping);
        write_places(writer, edge->keys, edge->nkeys);
        write_places(writer, edge->in, edge->nin);
        sqi_write_bool(writer, NULL, edge->feedback);
        if (edge->time.known) {
                sqi_write_array(writer, NULL);
                sqi_write_uint(writer, NULL, edge->time.place);
                sqi_write_uint(writer, NULL, edge->time.format.unit);
                write_date(writer, &edge->time.format);
                sqi_write_end(writer);
        }
        if (edge->custom) {
                sqi_write_array(writer, NULL);
                sqi_write_text(writer, NULL, edge->custom->component);
                sqi_write_text(writer, NULL, edge->custom->path);
                write_settings(writer, edge->custom->settings, edge->custom->nsettings);
                sqi_write_end(writer);
        }
        sqi_write_end(writer);
}

static void
write_plan(struct sqi_writer *writer, const struct sqi_plan *plan)
{
        sqi_write_array(writer, NULL);
        sqi_write_text(writer, NULL, SQI_PLAN_MAGIC);
        sqi_write_uint(writer, NULL, SQI_PLAN_VERSION);
        sqi_write_text(writer, NULL, plan->name);
        sqi_write_text(writer, NULL, plan->directory);
        write_config(writer, &plan->config);
        sqi_write_uint(writer, NULL, plan->nworkers);
        sqi_write_array(writer, NULL);
        for (uint32_t i = 0; i < plan->ncomponents; i++)
                write_component(writer, &plan->components[i]);
        sqi_write_end(writer);
        sqi_write_array(writer, NULL);
        for (uint32_t i = 0; i < plan->nedges; i++)
                write_edge(writer, &plan->edges[i]);
        sqi_write_end(writer);
        sqi_write_array(writer, NULL);
        for (uint32_t i = 0; i < plan->ntasks; i++)
                sqi_write_uint(writer, NULL, plan->tasks[i].worker);
        sqi_write_end(writer);
        sqi_write_bool(writer, NULL, plan->lose_state);
        sqi_write_end(writer);
}

int
sqi_plan_encode(const struct sqi_plan *plan, void **ret_bytes, size_t *ret_size)
{
        struct sqi_writer writer = sqi_writer(SQI_MSGPACK);

        write_plan(&writer, plan);
        return sqi_writer_take(&writer, ret_bytes, ret_size);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <msgpack.h>
#include <stdio.h>
#include <string.h>

#include "plan/plan.h"
#include "plan/plan_codec.h"

static void
pack_text(msgpack_packer *packer, const char *text)
{
        msgpack_pack_str_with_body(packer, text, strlen(text));
}

static void
pack_texts(msgpack_packer *packer, const char *const *texts, size_t n)
{
        size_t i;

        msgpack_pack_array(packer, n);
        for (i = 0; i < n; i++)
                pack_text(packer, texts[i]);
}

static void
pack_fields(msgpack_packer *packer, const struct sq_field *fields, uint32_t n)
{
        uint32_t i;

        msgpack_pack_array(packer, 2u * n);
        for (i = 0; i < n; i++) {
                pack_text(packer, fields[i].name);
                msgpack_pack_uint32(packer, fields[i].type);
        }
}

static void
pack_places(msgpack_packer *packer, const uint8_t *places, uint32_t n)
{
        uint32_t i;

        msgpack_pack_array(packer, n);
        for (i = 0; i < n; i++)
                msgpack_pack_uint8(packer, places[i]);
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
                (void)snprintf(buffer, size, "%.17g", real);
                return buffer;
        case SQI_CONFIG_INT:
        case SQI_CONFIG_ENUM:
                break;
        }
        memcpy(&number, at, sizeof(number));
        if (key->type == SQI_CONFIG_INT)
                (void)snprintf(buffer, size, "%lld", (long long)number);
        for (; key->type == SQI_CONFIG_ENUM && number > 0; number--)
                text += strcspn(text, "|") + 1;
        if (key->type == SQI_CONFIG_ENUM)
                (void)snprintf(buffer, size, "%.*s", (int)strcspn(text, "|"), text);
        return buffer;
}

static void
pack_config(msgpack_packer *packer, const struct sqi_config *config)
{
        const struct sqi_config_key *key;
        const char *text;
        char buffer[64];
        size_t n = 0;

        for (key = sqi_config_keys; key->name != NULL; key++)
                n += config_text(config, key, buffer, sizeof(buffer)) != NULL;
        msgpack_pack_array(packer, 2 * n);
        for (key = sqi_config_keys; key->name != NULL; key++) {
                text = config_text(config, key, buffer, sizeof(buffer));
                if (text == NULL)
                        continue;
                pack_text(packer, key->name);
                pack_text(packer, text);
        }
}

static void
pack_setting(msgpack_packer *packer, const struct sqi_setting *setting)
{
        msgpack_pack_array(packer, SQI_PLAN_SETTING_PARTS);
        pack_text(packer, setting->name);
        msgpack_pack_uint32(packer, setting->shape);
        pack_texts(packer, setting->values, setting->n);
        pack_texts(packer, setting->names, setting->shape == SQI_MAPPING ? setting->n : 0);
}

static void
pack_component(msgpack_packer *packer, const struct sqi_plan_component *component)
{
        uint32_t i;

        msgpack_pack_array(packer, SQI_PLAN_COMPONENT_PARTS);
        pack_text(packer, component->id);
        msgpack_pack_uint32(packer, component->kind);
        pack_text(packer, component->component);
        pack_text(packer, component->path);
        msgpack_pack_uint32(packer, component->ntasks);
        msgpack_pack_uint32(packer, component->cycle);
        msgpack_pack_double(packer, component->tick_secs);
        pack_fields(packer, component->in, component->nin);
        msgpack_pack_array(packer, component->nstreams);
        for (i = 0; i < component->nstreams; i++) {
                msgpack_pack_array(packer, 2);
                pack_text(packer, component->streams[i].id);
                pack_fields(packer, component->streams[i].fields, component->streams[i].nfields);
        }
        msgpack_pack_array(packer, component->nsettings);
        for (i = 0; i < component->nsettings; i++)
                pack_setting(packer, &component->settings[i]);
}

static void
pack_edge(msgpack_packer *packer, const struct sqi_plan_edge *edge)
{
        msgpack_pack_array(packer, SQI_PLAN_EDGE_PARTS);
        msgpack_pack_uint32(packer, edge->from);
        msgpack_pack_uint32(packer, edge->stream);
        msgpack_pack_uint32(packer, edge->to);
        msgpack_pack_uint32(packer, edge->grouping);
        pack_places(packer, edge->keys, edge->nkeys);
        pack_places(packer, edge->in, edge->nin);
        if (edge->feedback)
                msgpack_pack_true(packer);
        else
                msgpack_pack_false(packer);
}

static void
pack_plan(msgpack_packer *packer, const struct sqi_plan *plan)
{
        uint32_t i;

        msgpack_pack_array(packer, SQI_PLAN_PARTS);
        pack_text(packer, SQI_PLAN_MAGIC);
        msgpack_pack_uint32(packer, SQI_PLAN_VERSION);
        pack_text(packer, plan->name);
        pack_text(packer, plan->directory);
        pack_config(packer, &plan->config);
        msgpack_pack_uint32(packer, plan->nworkers);
        msgpack_pack_array(packer, plan->ncomponents);
        for (i = 0; i < plan->ncomponents; i++)
                pack_component(packer, &plan->components[i]);
        msgpack_pack_array(packer, plan->nedges);
        for (i = 0; i < plan->nedges; i++)
                pack_edge(packer, &plan->edges[i]);
        msgpack_pack_array(packer, plan->ntasks);
        for (i = 0; i < plan->ntasks; i++)
                msgpack_pack_uint32(packer, plan->tasks[i].worker);
}

/* The buffer stops growing at the first failure, and remembers it. */
struct sink {
        msgpack_sbuffer buffer;
        bool failed;
};

static int
write_sink(void *data, const char *bytes, size_t size)
{
        struct sink *sink = data;

        sink->failed = sink->failed || msgpack_sbuffer_write(&sink->buffer, bytes, size) != 0;
        return sink->failed ? -1 : 0;
}

int
sqi_plan_encode(const struct sqi_plan *plan, void **ret_bytes, size_t *ret_size)
{
        struct sink sink = {.failed = false};
        msgpack_packer packer;

        msgpack_sbuffer_init(&sink.buffer);
        msgpack_packer_init(&packer, &sink, write_sink);
        pack_plan(&packer, plan);
        if (sink.failed) {
                msgpack_sbuffer_destroy(&sink.buffer);
                return -ENOMEM;
        }
        *ret_size = sink.buffer.size;
        *ret_bytes = msgpack_sbuffer_release(&sink.buffer);
        return 0;
}

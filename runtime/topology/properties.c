/* SPDX-License-Identifier: Apache-2.0 */
/* The `properties` of a component: any YAML of one or two levels into settings. What they mean is not looked at
 * here. */
#include "topology/model.h"

static const char *
setting_value(struct sqi_model *model, const struct sqi_yaml *node, const char *name)
{
        if (node->broken)
                return NULL;
        if (node->kind == SQI_YAML_SCALAR)
                return node->text;
        sqi_model_error(model, node->place, "an entry of '%s' needs a single value, not %s", name,
                        sqi_yaml_kind_name(node->kind));
        return NULL;
}

/* A list in which there are maps is a map in order: [{a: b}, c] is {a: b, c: c}. */
static size_t
count_pairs(const struct sqi_yaml *node, bool *ret_named)
{
        const struct sqi_yaml_item *item;
        size_t n = 0;

        *ret_named = node->kind == SQI_YAML_MAPPING;
        for (item = node->first; item; item = item->next) {
                bool inner = node->kind == SQI_YAML_SEQUENCE && item->value->kind == SQI_YAML_MAPPING;

                n += inner ? item->value->n : 1;
                *ret_named |= inner;
        }
        return n;
}

static bool
add_pair(struct sqi_model *model, struct sqi_setting *setting, const char *name, const struct sqi_yaml *value)
{
        const char *text = setting_value(model, value, setting->name);

        if (!text)
                return false;
        if (setting->names)
                setting->names[setting->n] = name ? name : text;
        setting->values[setting->n++] = text;
        return true;
}

static bool
fill_setting(struct sqi_model *model, struct sqi_setting *setting, const struct sqi_yaml *node)
{
        const struct sqi_yaml_item *item, *inner;
        bool named, ok = true;
        size_t n = count_pairs(node, &named);

        setting->shape = named ? SQI_MAPPING : SQI_SEQUENCE;
        setting->values = sqi_model_alloc(model, n, sizeof(*setting->values));
        setting->names = named ? sqi_model_alloc(model, n, sizeof(*setting->names)) : NULL;
        if (!setting->values || (named && !setting->names))
                return false;
        for (item = node->first; item; item = item->next) {
                if (item->value->kind != SQI_YAML_MAPPING) {
                        ok &= add_pair(model, setting, item->key, item->value);
                        continue;
                }
                if (item->key) {
                        ok &= setting_value(model, item->value, setting->name) != NULL;
                        continue;
                }
                for (inner = item->value->first; inner; inner = inner->next)
                        ok &= add_pair(model, setting, inner->key, inner->value);
        }
        return ok;
}

static bool
take_setting(struct sqi_model *model, struct sqi_setting *setting, const struct sqi_yaml *node)
{
        if (node->broken)
                return false;
        if (node->kind == SQI_YAML_NULL) {
                sqi_model_error(model, node->place, "'%.200s' has no value (give it one, or leave it out)",
                                setting->name);
                return false;
        }
        if (node->kind != SQI_YAML_SCALAR)
                return fill_setting(model, setting, node);
        setting->shape = SQI_SCALAR;
        setting->values = sqi_model_alloc(model, 1, sizeof(*setting->values));
        if (!setting->values)
                return false;
        setting->values[0] = node->text;
        setting->n = 1;
        return true;
}

static void
add_setting(struct sqi_model *model, struct sqi_model_component *component, const struct sqi_yaml_item *item)
{
        struct sqi_setting *setting = &component->settings[component->nsettings];
        const struct sqi_yaml *node = item->value;

        *setting = (struct sqi_setting){.name = item->key}; /* one that failed may have begun to fill this place */
        if (!take_setting(model, setting, node)) {
                component->refused[component->nrefused++] = item->key;
                return;
        }
        component->setting_places[component->nsettings++] = node->kind == SQI_YAML_SCALAR ? node->place
                                                                                          : item->key_place;
}

/* Flux writes properties as a list of {name: NAME, value: VALUE}. */
static void
add_flux_setting(struct sqi_model *model, struct sqi_model_component *component, const struct sqi_yaml *node)
{
        const struct sqi_yaml_item *name = node->kind == SQI_YAML_MAPPING ? sqi_yaml_get(node, "name") : NULL;
        const struct sqi_yaml_item *value = node->kind == SQI_YAML_MAPPING ? sqi_yaml_get(node, "value") : NULL;
        struct sqi_yaml_item item;

        if (!name || !value || node->n != 2 || name->value->kind != SQI_YAML_SCALAR) {
                sqi_model_error(model, node->place,
                                "'properties' needs a map of settings, or Flux's list of {name: ..., value: ...}");
                return;
        }
        item = (struct sqi_yaml_item){name->value->text, name->value->place, value->value, NULL};
        add_setting(model, component, &item);
}

void
sqi_model_properties(struct sqi_model *model, struct sqi_model_component *component, const struct sqi_yaml_item *item)
{
        component->properties_place = item->key_place;
        if (item->value->kind == SQI_YAML_NULL)
                return;
        if (item->value->kind != SQI_YAML_SEQUENCE &&
            !sqi_model_expect(model, item->value, SQI_YAML_MAPPING, "'properties'"))
                return;
        component->settings = sqi_model_alloc(model, item->value->n, sizeof(*component->settings));
        component->setting_places = sqi_model_alloc(model, item->value->n, sizeof(*component->setting_places));
        component->refused = sqi_model_alloc(model, item->value->n, sizeof(*component->refused));
        if (!component->settings || !component->setting_places || !component->refused)
                return;
        for (const struct sqi_yaml_item *each = item->value->first; each; each = each->next)
                if (each->key)
                        add_setting(model, component, each);
                else
                        add_flux_setting(model, component, each->value);
}

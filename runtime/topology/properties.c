/* SPDX-License-Identifier: Apache-2.0 */
/* The `properties` of a component: any YAML of up to three levels into settings. What they mean is not looked at
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

/* What the parts of a setting come to as entries of struct sqi_setting. */
struct outline {
        size_t n;
        bool named;
        const struct sqi_yaml *nested; /* the first map or list that stands for a value */
};

static void
count_value(struct outline *outline, const char *name, const struct sqi_yaml *value)
{
        bool nested = value->kind == SQI_YAML_MAPPING || (name && value->kind == SQI_YAML_SEQUENCE);

        outline->n += nested ? value->n : 1;
        if (nested && !outline->nested)
                outline->nested = value;
}

/* A list in which there are maps is a map in order: [{a: b}, c] is {a: b, c: c}. */
static struct outline
outline_of(const struct sqi_yaml *node)
{
        struct outline outline = {.named = node->kind == SQI_YAML_MAPPING};

        for (const struct sqi_yaml_item *item = node->first; item; item = item->next) {
                if (item->key || item->value->kind != SQI_YAML_MAPPING) {
                        count_value(&outline, item->key, item->value);
                        continue;
                }
                outline.named = true;
                for (const struct sqi_yaml_item *inner = item->value->first; inner; inner = inner->next)
                        count_value(&outline, inner->key, inner->value);
        }
        return outline;
}

static bool
add_entry(struct sqi_model *model, struct sqi_setting *setting, const char *name, const char *key,
          const struct sqi_yaml *value)
{
        const char *text = setting_value(model, value, setting->name);

        if (!text)
                return false;
        if (setting->names)
                setting->names[setting->n] = name ? name : text;
        if (setting->keys)
                setting->keys[setting->n] = key;
        setting->values[setting->n++] = text;
        return true;
}

/* A list stands as an entry for each of its elements. */
static bool
add_elements(struct sqi_model *model, struct sqi_setting *setting, const char *name, const struct sqi_yaml *list)
{
        bool ok = list->n > 0;

        if (!ok)
                sqi_model_error(model, list->place, "an entry of '%s' is an empty list", setting->name);
        for (const struct sqi_yaml_item *item = list->first; item; item = item->next)
                ok &= add_entry(model, setting, name, "", item->value);
        return ok;
}

static bool
add_pair(struct sqi_model *model, struct sqi_setting *setting, const char *name, const struct sqi_yaml *value)
{
        bool ok = true;

        if (name && value->kind == SQI_YAML_SEQUENCE)
                return add_elements(model, setting, name, value);
        if (value->kind != SQI_YAML_MAPPING)
                return add_entry(model, setting, name, "", value);
        if (value->n == 0) {
                sqi_model_error(model, value->place, "an entry of '%s' is an empty map", setting->name);
                return false;
        }
        for (const struct sqi_yaml_item *inner = value->first; inner; inner = inner->next) {
                if (inner->key[0] != '\0') {
                        ok &= add_entry(model, setting, name, inner->key, inner->value);
                        continue;
                }
                sqi_model_error(model, inner->key_place, "an entry of '%s' has an empty key", setting->name);
                ok = false;
        }
        return ok;
}

static bool
fill_setting(struct sqi_model *model, struct sqi_setting *setting, const struct sqi_yaml *node)
{
        struct outline outline = outline_of(node);
        const struct sqi_yaml_item *item, *inner;
        bool ok = true;

        setting->shape = outline.nested ? SQI_NESTED : outline.named ? SQI_MAPPING : SQI_SEQUENCE;
        setting->values = sqi_model_alloc(model, outline.n, sizeof(*setting->values));
        setting->names = outline.named ? sqi_model_alloc(model, outline.n, sizeof(*setting->names)) : NULL;
        setting->keys = outline.nested ? sqi_model_alloc(model, outline.n, sizeof(*setting->keys)) : NULL;
        if (!setting->values || (outline.named && !setting->names) || (outline.nested && !setting->keys))
                return false;
        for (item = node->first; item; item = item->next) {
                if (item->key || item->value->kind != SQI_YAML_MAPPING) {
                        ok &= add_pair(model, setting, item->key, item->value);
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
        if (setting->shape == SQI_NESTED)
                component->nested_places[component->nsettings] = outline_of(node).nested->place;
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
        component->nested_places = sqi_model_alloc(model, item->value->n, sizeof(*component->nested_places));
        component->refused = sqi_model_alloc(model, item->value->n, sizeof(*component->refused));
        if (!component->settings || !component->setting_places || !component->nested_places || !component->refused)
                return;
        for (const struct sqi_yaml_item *each = item->value->first; each; each = each->next)
                if (each->key)
                        add_setting(model, component, each);
                else
                        add_flux_setting(model, component, each->value);
}

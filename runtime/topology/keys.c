/* SPDX-License-Identifier: Apache-2.0 */
#include "topology/keys.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

bool
sqi_expect_value(struct sqi_model *model, const struct sqi_yaml_item *item, enum sqi_yaml_kind kind)
{
        char what[SQI_WORD_MAX + 3];

        snprintf(what, sizeof(what), "'%.*s'", SQI_WORD_MAX, item->key);
        return sqi_model_expect(model, item->value, kind, what);
}

static const struct sqi_key_reader *
find_key(const struct sqi_key_reader *keys, const char *name)
{
        while (keys->name && strcmp(keys->name, name) != 0)
                keys++;
        return keys->name ? keys : NULL;
}

static struct sqi_nearest
nearest_key(const struct sqi_key_reader *keys, const char *name)
{
        struct sqi_nearest nearest = sqi_nearest(name);

        for (; keys->name; keys++)
                if (!keys->instead)
                        sqi_nearest_offer(&nearest, keys->name);
        return nearest;
}

static void
unknown_key(struct sqi_model *model, const struct sqi_key_reader *keys, const struct sqi_yaml_item *item,
            const char *what)
{
        struct sqi_nearest nearest = nearest_key(keys, item->key);
        char hint[SQI_HINT_SIZE], list[SQI_LIST_SIZE] = "";

        if (!sqi_nearest_name(&nearest))
                for (const struct sqi_key_reader *key = keys; key->name; key++)
                        if (!key->instead)
                                sqi_list_add(list, key->name);
        sqi_model_error(model, item->key_place, "unknown key '%.200s' in %s%s%s", item->key, what,
                        sqi_nearest_hint(&nearest, hint), sqi_list_end(list));
}

/* Whether an unknown key may mean that one: then it is not missing, too. */
static bool
is_meant(const struct sqi_key_reader *keys, const struct sqi_yaml *node, const char *name)
{
        struct sqi_nearest nearest;

        for (const struct sqi_yaml_item *item = node->first; item; item = item->next) {
                nearest = nearest_key(keys, item->key);
                if (!find_key(keys, item->key) && sqi_nearest_name(&nearest) &&
                    strcmp(sqi_nearest_name(&nearest), name) == 0)
                        return true;
        }
        return false;
}

void
sqi_read_keys(struct sqi_model *model, const struct sqi_key_reader *keys, const struct sqi_yaml *node, const char *what,
              void *into)
{
        const struct sqi_key_reader *key;

        for (const struct sqi_yaml_item *item = node->first; item; item = item->next) {
                key = find_key(keys, item->key);
                if (!key && strncmp(item->key, "x-", 2) != 0)
                        unknown_key(model, keys, item, what);
                else if (key && key->instead)
                        sqi_model_error(model, item->key_place, "'%s' has no meaning here (%s)", item->key,
                                        key->instead);
                else if (key && key->read)
                        key->read(model, into, item);
        }
        for (key = keys; key->name; key++)
                if (key->required && !sqi_yaml_get(node, key->name) && !is_meant(keys, node, key->name))
                        sqi_model_error(model, node->place, "%s has no '%s'%s", what, key->name, key->required);
}

void
sqi_read_word(struct sqi_model *model, const struct sqi_yaml_item *item, struct sqi_word *ret)
{
        ret->place = item->value->place;
        if (!sqi_expect_value(model, item, SQI_YAML_SCALAR))
                return;
        if (item->value->text[0] == '\0')
                sqi_model_error(model, ret->place, "'%s' is empty", item->key);
        else
                ret->text = item->value->text;
}

void
sqi_read_id(struct sqi_model *model, const struct sqi_yaml_item *item, struct sqi_word *ret)
{
        struct sqi_word word = {0};

        sqi_read_word(model, item, &word);
        ret->place = word.place;
        if (word.text && !sqi_is_id(word.text))
                sqi_model_error(model, word.place,
                                "'%.200s' can't be a name (%d letters, digits, '_', '-', '.' at most)", word.text,
                                SQI_ID_MAX);
        else
                ret->text = word.text;
}

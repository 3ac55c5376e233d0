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

static void
unknown_key(struct sqi_model *model, const struct sqi_key_reader *keys, const struct sqi_yaml_item *item,
            const char *what)
{
        struct sqi_nearest nearest = sqi_nearest(item->key);
        char hint[SQI_HINT_SIZE];
        const struct sqi_key_reader *key;

        for (key = keys; key->name; key++)
                if (!key->instead)
                        sqi_nearest_offer(&nearest, key->name);
        sqi_model_error(model, item->key_place, "unknown key '%.200s' in %s%s", item->key, what,
                        sqi_nearest_hint(&nearest, hint));
}

void
sqi_read_keys(struct sqi_model *model, const struct sqi_key_reader *keys, const struct sqi_yaml *node, const char *what,
              void *into)
{
        const struct sqi_key_reader *key;

        for (const struct sqi_yaml_item *item = node->first; item; item = item->next) {
                for (key = keys; key->name && strcmp(key->name, item->key) != 0; key++)
                        ;
                if (!key->name && strncmp(item->key, "x-", 2) != 0)
                        unknown_key(model, keys, item, what);
                else if (key->name && key->instead)
                        sqi_model_error(model, item->key_place, "'%s' has no meaning here (%s)", item->key,
                                        key->instead);
                else if (key->name && key->read)
                        key->read(model, into, item);
        }
        for (key = keys; key->name; key++)
                if (key->required && !sqi_yaml_get(node, key->name))
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

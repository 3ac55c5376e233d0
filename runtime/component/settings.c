/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text into a state block. Lists and maps are not copied: the arrays of the setting are what the component sees, so a
 * state block is good for as long as the settings are. Wherever a list of one would do a scalar does, and wherever
 * pairs are asked for a plain word stands for itself: `emit: [word, count]` is `emit: {word: word, count: count}`.
 */
#include "component/settings.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"

int
sqi_parse_float(const char *text, double *ret)
{
        double value;
        char *end;

        if (text[0] == '\0' || strchr(" \t\n", text[0]))
                return -EINVAL;
        value = sq_strtod(text, &end);
        if (*end != '\0' || !isfinite(value))
                return -EINVAL;
        *ret = value;
        return 0;
}

int
sqi_parse_int(const char *text, int64_t *ret)
{
        double real;
        long long value;
        char *end;

        if (text[0] == '\0' || strchr(" \t\n", text[0]))
                return -EINVAL;
        errno = 0;
        value = strtoll(text, &end, 10);
        if (*end == '\0' && errno == 0) {
                *ret = value;
                return 0;
        }
        /* 1e6 is a whole number too, as long as a double holds it exactly. */
        if (!strpbrk(text, "eE") || sqi_parse_float(text, &real) < 0 || real != floor(real) || fabs(real) > 0x1p53)
                return -EINVAL;
        *ret = (int64_t)real;
        return 0;
}

int
sqi_parse_bool(const char *text, bool *ret)
{
        static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (strcasecmp(text, words[i]) == 0) {
                        *ret = i % 2 == 1;
                        return 0;
                }
        return -EINVAL;
}

int
sqi_parse_choice(const char *choices, const char *text, int64_t *ret)
{
        size_t len = strlen(text), n;
        int64_t place = 0;

        while (len > 0) {
                n = strcspn(choices, "|");
                if (n == len && strncasecmp(choices, text, len) == 0) {
                        *ret = place;
                        return 0;
                }
                if (choices[n] == '\0')
                        break;
                choices += n + 1;
                place++;
        }
        return -EINVAL;
}

const struct sq_option *
sqi_option_find(const struct sq_option *options, const char *name)
{
        for (size_t i = 0; i < SQ_OPTIONS_MAX && options[i].name; i++)
                if (strcmp(options[i].name, name) == 0)
                        return &options[i];
        return NULL;
}

static const struct {
        const char *name, *needs;
} types[] = {
        [SQ_OPTION_INT] = {"int", "a whole number"},  [SQ_OPTION_FLOAT] = {"float", "a number"},
        [SQ_OPTION_BOOL] = {"bool", "true or false"}, [SQ_OPTION_STR] = {"string", "text"},
        [SQ_OPTION_PATH] = {"path", "a path"},        [SQ_OPTION_ENUM] = {"choice", "one of"},
        [SQ_OPTION_LIST] = {"list", "a list"},        [SQ_OPTION_MAP] = {"map", "a map"},
        [SQ_OPTION_OUTPUT] = {"path", "a path"},      [SQ_OPTION_NESTED] = {"map", "a map"},
};

const char *
sqi_option_type_name(enum sq_option_type type)
{
        return types[type].name;
}

/* Stores one scalar. */
static int
store_text(const struct sq_option *option, const char *text, void *state)
{
        char *at = (char *)state + option->offset;
        int64_t number = 0;
        double real = 0;
        bool flag = false;
        int r = 0;

        switch (option->type) {
        case SQ_OPTION_INT:
                r = sqi_parse_int(text, &number);
                break;
        case SQ_OPTION_ENUM:
                r = sqi_parse_choice(option->choices, text, &number);
                break;
        case SQ_OPTION_FLOAT:
                r = sqi_parse_float(text, &real);
                break;
        case SQ_OPTION_BOOL:
                r = sqi_parse_bool(text, &flag);
                break;
        case SQ_OPTION_PATH:
        case SQ_OPTION_OUTPUT:
                r = text[0] == '\0' ? -EINVAL : 0;
                break;
        default:
                break;
        }
        if (r < 0)
                return r;
        if (option->type == SQ_OPTION_INT || option->type == SQ_OPTION_ENUM)
                memcpy(at, &number, sizeof(number));
        else if (option->type == SQ_OPTION_FLOAT)
                memcpy(at, &real, sizeof(real));
        else if (option->type == SQ_OPTION_BOOL)
                memcpy(at, &flag, sizeof(flag));
        else
                memcpy(at, &text, sizeof(text));
        return 0;
}

static void
store_list(const struct sq_option *option, const struct sqi_setting *setting, void *state)
{
        struct sq_list list = {setting->n, setting->values};

        memcpy((char *)state + option->offset, &list, sizeof(list));
}

static void
store_pairs(const struct sq_option *option, const struct sqi_setting *setting, void *state)
{
        struct sq_pairs pairs = {setting->n, setting->shape == SQI_MAPPING ? setting->names : setting->values,
                                 setting->values};

        memcpy((char *)state + option->offset, &pairs, sizeof(pairs));
}

static void
store_nested(const struct sq_option *option, const struct sqi_setting *setting, void *state)
{
        struct sq_nested nested = {setting->n, setting->names ? setting->names : setting->values, setting->keys,
                                   setting->values};

        memcpy((char *)state + option->offset, &nested, sizeof(nested));
}

static int
refuse(const struct sq_option *option, const struct sqi_setting *setting, char *error, size_t size)
{
        static const char *const shapes[] = {
                [SQI_SEQUENCE] = "a list", [SQI_MAPPING] = "a map", [SQI_NESTED] = "a map"};
        bool choice = option->type == SQ_OPTION_ENUM;
        struct sqi_nearest nearest;
        char hint[SQI_HINT_SIZE];

        if (setting->shape != SQI_SCALAR) {
                snprintf(error, size, "'%s' needs %s%s%s, not %s", option->name, types[option->type].needs,
                         choice ? " " : "", choice ? option->choices : "", shapes[setting->shape]);
                return -EINVAL;
        }
        nearest = sqi_nearest(setting->values[0]);
        sqi_nearest_offer_choices(&nearest, choice ? option->choices : "");
        snprintf(error, size, "'%s' needs %s%s%s, not '%.200s'%s", option->name, types[option->type].needs,
                 choice ? " " : "", choice ? option->choices : "", setting->values[0],
                 sqi_nearest_hint(&nearest, hint));
        return -EINVAL;
}

static int
unknown(const struct sq_option *options, const struct sqi_setting *setting, char *error, size_t size)
{
        struct sqi_nearest nearest = sqi_nearest(setting->name);
        char hint[SQI_HINT_SIZE], list[SQI_LIST_SIZE] = "";

        for (size_t i = 0; i < SQ_OPTIONS_MAX && options[i].name; i++)
                sqi_nearest_offer(&nearest, options[i].name);
        for (size_t i = 0; i < SQ_OPTIONS_MAX && options[i].name && !sqi_nearest_name(&nearest); i++)
                sqi_list_add(list, options[i].name);
        snprintf(error, size, "unknown setting '%.200s'%s%s%s", setting->name, sqi_nearest_hint(&nearest, hint),
                 options[0].name ? "" : " (it has none)", sqi_list_end(list));
        return -EINVAL;
}

/* Of a nested setting: is a value of it a map, or are they lists? */
static bool
has_keys(const struct sqi_setting *setting)
{
        for (size_t i = 0; i < setting->n; i++)
                if (setting->keys[i][0] != '\0')
                        return true;
        return false;
}

int
sqi_settings_store(const struct sq_option *options, const struct sqi_setting *setting, void *state, char *error,
                   size_t size)
{
        const struct sq_option *option = sqi_option_find(options, setting->name);

        if (!option)
                return unknown(options, setting, error, size);
        if (option->type == SQ_OPTION_NESTED) {
                store_nested(option, setting, state);
                return 0;
        }
        if (option->type == SQ_OPTION_MAP && setting->shape == SQI_NESTED) {
                snprintf(error, size, "an entry of '%s' needs a single value, not %s", option->name,
                         has_keys(setting) ? "a map" : "a list");
                return -EINVAL;
        }
        if (option->type == SQ_OPTION_MAP) {
                store_pairs(option, setting, state);
                return 0;
        }
        if (option->type == SQ_OPTION_LIST && !setting->names) {
                store_list(option, setting, state);
                return 0;
        }
        if (setting->shape != SQI_SCALAR || option->type == SQ_OPTION_LIST)
                return refuse(option, setting, error, size);
        if (store_text(option, setting->values[0], state) < 0)
                return refuse(option, setting, error, size);
        return 0;
}

void
sqi_settings_defaults(const struct sq_option *options, void *state)
{
        for (size_t i = 0; i < SQ_OPTIONS_MAX && options[i].name; i++)
                if (options[i].fallback && !sqi_option_is_many(&options[i]))
                        (void)store_text(&options[i], options[i].fallback, state);
}

bool
sqi_settings_missing(const struct sq_option *options, const struct sqi_setting *settings, size_t n, size_t *at,
                     const struct sq_option **ret)
{
        const struct sq_option *option;
        size_t i;

        while (*at < SQ_OPTIONS_MAX && options[*at].name) {
                option = &options[(*at)++];
                for (i = 0; option->required && i < n; i++)
                        if (strcmp(settings[i].name, option->name) == 0)
                                break;
                if (option->required && i == n) {
                        *ret = option;
                        return true;
                }
        }
        return false;
}

int
sqi_settings_fill(const struct sq_option *options, const struct sqi_setting *settings, size_t n, void *state,
                  struct sqi_settings_memory *memory, size_t *ret_bad, char *error, size_t size)
{
        const struct sq_option *missing;
        size_t i, at = 0;

        memory->n = 0;
        sqi_settings_defaults(options, state);
        for (i = 0; i < n; i++)
                if (sqi_settings_store(options, &settings[i], state, error, size) < 0) {
                        *ret_bad = i;
                        return -EINVAL;
                }
        if (sqi_settings_missing(options, settings, n, &at, &missing)) {
                snprintf(error, size, "'%s' is required: %s", missing->name, missing->help ? missing->help : "");
                *ret_bad = n;
                return -EINVAL;
        }
        return 0;
}

void
sqi_settings_release(struct sqi_settings_memory *memory)
{
        while (memory->n > 0)
                free(memory->blocks[--memory->n]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings (`properties`) of one component as the topology file gave them, and how they get into a state block by
 * the component's table of options. Used by the checks and by the worker alike.
 */
#ifndef SQI_SETTINGS_H
#define SQI_SETTINGS_H

#include "squall.h"

enum sqi_setting_shape { SQI_SCALAR, SQI_SEQUENCE, SQI_MAPPING, SQI_NESTED };

/* One property. Scalars have one value; sequences n values; mappings n names and n values; nested mappings besides n
 * keys, "" where the value is not a map itself (struct sq_nested). Paths are absolute. */
struct sqi_setting {
        const char *name;
        enum sqi_setting_shape shape;
        size_t n;
        const char **names; /* SQI_MAPPING and SQI_NESTED only */
        const char **values;
        const char **keys; /* SQI_NESTED only */
};

/* What sqi_settings_fill() allocated; freed with sqi_settings_release(). Strings and lists are borrowed from the
 * settings. */
struct sqi_settings_memory {
        size_t n;
        void *blocks[SQ_OPTIONS_MAX * 2];
};

/*
 * Fills the options of `state` (zeroed by the caller) with defaults and then with `settings`. Returns 0, or -EINVAL
 * with *ret_bad set to the index of the offending setting (or n if a required option is missing) and the cause, without
 * its place, in `error`. Unknown names are refused with the nearest known one.
 */
int sqi_settings_fill(const struct sq_option *options, const struct sqi_setting *settings, size_t n, void *state,
                      struct sqi_settings_memory *memory, size_t *ret_bad, char *error, size_t size);
void sqi_settings_release(struct sqi_settings_memory *memory);

/* The steps of it, for who wants every error and not only the first: the defaults; one setting; the first required
 * option from `*at` on that has no setting (or false), with `*at` moved behind it. */
void sqi_settings_defaults(const struct sq_option *options, void *state);
int sqi_settings_store(const struct sq_option *options, const struct sqi_setting *setting, void *state, char *error,
                       size_t size);
bool sqi_settings_missing(const struct sq_option *options, const struct sqi_setting *settings, size_t n, size_t *at,
                          const struct sq_option **ret);

const struct sq_option *sqi_option_find(const struct sq_option *options, const char *name);
const char *sqi_option_type_name(enum sq_option_type type); /* "int", "path", ... */

static inline bool
sqi_option_is_path(const struct sq_option *option)
{
        return option->type == SQ_OPTION_PATH || option->type == SQ_OPTION_OUTPUT;
}

/* A list or pairs: it has no default. */
static inline bool
sqi_option_is_many(const struct sq_option *option)
{
        return option->type == SQ_OPTION_LIST || option->type == SQ_OPTION_MAP || option->type == SQ_OPTION_NESTED;
}

/* Scalars, for settings and config alike: 0 or -EINVAL. A choice is the place of `text` in "a|b|c". */
int sqi_parse_int(const char *text, int64_t *ret);
int sqi_parse_float(const char *text, double *ret);
int sqi_parse_bool(const char *text, bool *ret);
int sqi_parse_choice(const char *choices, const char *text, int64_t *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maps of a topology file. Each has a table of its keys; one function walks them all, so that unknown keys, missing
 * keys and suggestions are the same everywhere.
 */
#ifndef SQI_KEYS_H
#define SQI_KEYS_H

#include "topology/model.h"

/* A key of a map; a table ends with one without a name. */
struct sqi_key_reader {
        const char *name;
        void (*read)(struct sqi_model *model, void *into, const struct sqi_yaml_item *item); /* NULL: ignored */
        const char *required; /* NULL: it is not; else what to say besides where it is missing */
        const char *instead;  /* not a key of ours: what to do instead */
};

/* Reads the map `node` into `into`, and diagnoses what `keys` does not have; `what` names it. */
void sqi_read_keys(struct sqi_model *model, const struct sqi_key_reader *keys, const struct sqi_yaml *node,
                   const char *what, void *into);

/* The value of a key is of that kind; else it is diagnosed. */
bool sqi_expect_value(struct sqi_model *model, const struct sqi_yaml_item *item, enum sqi_yaml_kind kind);
/* A scalar that is not empty; and one that can be a name. Else without text, and diagnosed. */
void sqi_read_word(struct sqi_model *model, const struct sqi_yaml_item *item, struct sqi_word *ret);
void sqi_read_id(struct sqi_model *model, const struct sqi_yaml_item *item, struct sqi_word *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML document as a tree that knows where each part stood. Variables are replaced, merge keys (<<) are merged,
 * aliases are shared nodes: their expanded size is bounded, and so is the depth, so that whoever walks the tree need
 * not fear either.
 */
#ifndef SQI_YAML_H
#define SQI_YAML_H

#include "base/arena.h"
#include "topology/diagnostics.h"

enum {
        SQI_YAML_BYTES = 1024 * 1024, /* of a file */
        SQI_YAML_DEPTH = 32,
        SQI_YAML_NODES = 50000, /* with aliases expanded */
        SQI_YAML_KEYS = 4096,   /* of one map */
        SQI_YAML_ANCHORS = 1024,
};

enum sqi_yaml_kind { SQI_YAML_NULL, SQI_YAML_SCALAR, SQI_YAML_SEQUENCE, SQI_YAML_MAPPING };

struct sqi_yaml_item {
        const char *key; /* NULL in a sequence */
        struct sqi_place key_place;
        struct sqi_yaml *value;
        struct sqi_yaml_item *next;
};

struct sqi_yaml {
        enum sqi_yaml_kind kind;
        struct sqi_place place;
        const char *text; /* of a scalar */
        bool quoted;      /* or a block: what looks like a number is none */
        bool broken;      /* an error about the scalar is reported already */
        size_t n;
        size_t weight; /* number of nodes in it */
        struct sqi_yaml_item *first;
};

/* Reads a file ("-": standard input). 0, -ENOMEM, or -EINVAL after diagnosing: there is no tree. A tree may come with
 * errors. */
int sqi_yaml_read(struct sqi_arena *arena, const char *path, struct sqi_diagnostics *diagnostics,
                  struct sqi_yaml **ret);

/* Its bytes, malloc'd. 0, -ENOMEM, or -EINVAL after diagnosing. */
int sqi_yaml_load(const char *path, struct sqi_diagnostics *diagnostics, char **ret, size_t *ret_size);

/* From memory; the second one leaves ${NAME} as it stands. */
int sqi_yaml_parse(struct sqi_arena *arena, const char *text, size_t size, struct sqi_diagnostics *diagnostics,
                   struct sqi_yaml **ret);

int sqi_yaml_parse_plain(struct sqi_arena *arena, const char *text, size_t size, struct sqi_diagnostics *diagnostics,
                         struct sqi_yaml **ret);

/* The value of a key; NULL when there is none. */
const struct sqi_yaml_item *sqi_yaml_get(const struct sqi_yaml *mapping, const char *key);

/* The name of a component that the node stands for: the bolt `null` is meant without quotes too. NULL: none. */
const char *sqi_yaml_component(const struct sqi_yaml *node);

/* What to do about what libfyaml reports, in brackets; "": not known. */
const char *sqi_yaml_mend(const char *message);

const char *sqi_yaml_kind_name(enum sqi_yaml_kind kind); /* "a list", ... */

#endif

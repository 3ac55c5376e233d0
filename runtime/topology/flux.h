/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A topology file of Storm's Flux, unmodified: its variables replaced, its includes merged, its classes become
 * components of Squall, all of it a tree in the shape of Squall's own files. Each part keeps the place where it stood,
 * so that whatever is said about the tree is said about the Flux file.
 *
 *     flux_text.c     ${a.b} and ${ENV-X}, in the text, before it is YAML
 *     flux.c          the file: includes, components, streams, config
 *     flux_class.c    what a Java class is here
 *     flux_tree.c     nodes
 */
#ifndef SQI_FLUX_H
#define SQI_FLUX_H

#include "topology/yaml.h"

struct sqi_flux {
        const char *path;   /* of the file; includes start from its folder */
        const char *filter; /* a file of properties, or NULL */
        bool env_filter;
};

/* Known by its keys: a `className`, `includes`, `components` or a `topologySource`, and no `component`. */
bool sqi_flux_is(const char *text, size_t size);

/* 0; after diagnosing -ENOTSUP, where something in it is Java, or -EINVAL; -ENOMEM. */
int sqi_flux_read(struct sqi_arena *arena, const struct sqi_flux *flux, const char *text, size_t size,
                  struct sqi_diagnostics *diagnostics, struct sqi_yaml **ret);

/* ---- between the files of it ------------------------------------------------------------------------- */

/* The text with what its variables stand for, malloc'd; what is not known stays. 0, -ENOMEM, or -EINVAL after
 * diagnosing. */
int sqi_flux_expand(const struct sqi_flux *flux, const char *text, size_t size, struct sqi_diagnostics *diagnostics,
                    char **ret, size_t *ret_size);

/* A translation under way. */
struct sqi_flux_job {
        struct sqi_arena *arena;
        const struct sqi_flux *flux;
        struct sqi_diagnostics *diagnostics;
        const struct sqi_yaml *file; /* the whole, includes merged */
        const struct sqi_yaml *more; /* what of its config is for programs alone: a map */
        bool java;                   /* something was refused because it is Java */
        bool no_memory;
};

/* New nodes; those that are put in need not be copied. */
struct sqi_yaml *sqi_flux_node(struct sqi_flux_job *job, enum sqi_yaml_kind kind, struct sqi_place place);
struct sqi_yaml *sqi_flux_text(struct sqi_flux_job *job, const char *text, struct sqi_place place);
void sqi_flux_put(struct sqi_flux_job *job, struct sqi_yaml *into, const char *key, const struct sqi_yaml *value);

/* Puts `component` and `properties` for the class of a spout or a bolt. */
void sqi_flux_class(struct sqi_flux_job *job, const struct sqi_yaml *from, struct sqi_yaml *into, bool spout);
/* Is it a bolt that emits nothing? */
bool sqi_flux_is_silent(const struct sqi_yaml *component);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds and loads components: built-ins by name, as spouts/NAME.so, bolts/NAME.so and groupings/NAME.so in the places
 * of base/home.h; others by the path of their .so.
 */
#ifndef SQI_CATALOG_H
#define SQI_CATALOG_H

#include "component/kind.h"
#include "squall.h"

/* A loaded component. `bolt`, `spout` or `grouping` is set, as `kind` says. The code of the .so stays mapped as long as
 * the process. */
struct sqi_component {
        void *handle;
        char *path; /* absolute */
        const char *name;
        enum sq_kind kind;
        void *definition; /* a copy of the .so's, as long as ours: what the one of these that is set points at */
        const struct sq_bolt *bolt;
        const struct sq_spout *spout;
        const struct sq_grouping *grouping;
};

/* The parts that all kinds have. */
const struct sq_option *sqi_component_options(const struct sqi_component *component);
const char *sqi_component_about(const struct sqi_component *component);
size_t sqi_component_state_size(const struct sqi_component *component);
/* The parts that spouts and bolts have. */
const struct sq_field *sqi_component_out(const struct sqi_component *component);
const struct sq_stream *sqi_component_streams(const struct sqi_component *component);
typedef void (*sqi_declare_fn)(struct sq_declaration *decl);
sqi_declare_fn sqi_component_declare(const struct sqi_component *component);
sqi_declare_fn sqi_component_probe(const struct sqi_component *component);
size_t sqi_component_key_state(const struct sqi_component *component); /* bytes of each; 0: none */
/* A bolt whose keyed state is handed on to the next plan, instead of being finished with. */
bool sqi_component_hands_on(const struct sqi_component *component);
/* Whether it can go on with keyed state of `size` bytes a key that was written down as of `version`. */
bool sqi_bolt_takes(const struct sq_bolt *bolt, uint32_t version, size_t size);

/*
 * Loads the .so at `path`. Returns 0, or a negative errno with the cause in `error`: -ENOENT, -ENOEXEC (not a
 * component: no manifest, another ABI, another size), -EINVAL (the definition breaks a limit or lacks its callback).
 */
int sqi_component_load(const char *path, struct sqi_component **ret, char *error, size_t size);
void sqi_component_close(struct sqi_component **component);

/* The path of a built-in, to be freed; NULL when there is none. `name` with a '/' is a path, taken relative to
 * `base`. */
char *sqi_catalog_find(enum sq_kind kind, const char *name, const char *base);

/* The names of all built-ins of a kind, sorted, NULL-terminated; free with sqi_catalog_names_free(). */
char **sqi_catalog_names(enum sq_kind kind);
void sqi_catalog_names_free(char **names);

#endif

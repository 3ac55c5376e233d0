/* SPDX-License-Identifier: Apache-2.0 */
/* From the description of a component under test to a rig that runs it: a plan of that component between sources and
 * sinks. */
#ifndef SQI_SETUP_H
#define SQI_SETUP_H

#include "rig/rig.h"
#include "topology/diagnostics.h"
#include "topology/yaml.h"

/* The keys that a setup may have; NULL: not given. */
#define SQI_SETUP_KEYS(X) \
        X(component, "component") \
        X(kind, "kind") \
        X(properties, "properties") \
        X(config, "config") \
        X(inputs, "inputs") \
        X(event_time, "event-time") \
        X(parallelism, "parallelism") \
        X(index, "index") \
        X(direct, "direct") \
        X(epochs, "epochs")

struct sqi_nearest;

struct sqi_setup {
#define X(key, text) const struct sqi_yaml_item *key;
        SQI_SETUP_KEYS(X)
#undef X
        const char *directory; /* of relative paths */
        const char *home;      /* of the component's own path; usually the same */
        /* a tuple that is going to be fed, or NULL: what else it names are input fields too */
        const struct sqi_yaml *example;
};

/* Takes `key` over if it is one of a setup. */
bool sqi_setup_take(struct sqi_setup *setup, const struct sqi_yaml_item *item);
void sqi_setup_offer(struct sqi_nearest *nearest);

/* 0; -EINVAL: either the diagnostics say what is wrong with the setup, or `error` what the component said; -ENOMEM. The
 * YAML must outlive the rig. */
int sqi_setup_open(const struct sqi_setup *setup, struct sqi_arena **arena, struct sqi_diagnostics *diagnostics,
                   struct sq_rig **ret, char *error, size_t size);

#endif

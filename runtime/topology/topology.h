/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a topology file to a plan, in one call:
 *
 *     struct sqi_diagnostics diagnostics = {0};
 *     struct sqi_plan *plan = NULL;
 *     int r = sqi_topology_plan("wordcount.yaml", NULL, &diagnostics, &plan);
 *
 *     (print the diagnostics: errors, warnings and notes, in the order of the file)
 *     sqi_diagnostics_release(&diagnostics);
 *     sqi_plan_free(&plan);
 *
 * The file is read, its variables are replaced, its components loaded, and everything is checked: settings, streams,
 * fields, groupings, cycles. All errors are collected, not only the first. Nothing is started and nothing is printed.
 */
#ifndef SQI_TOPOLOGY_H
#define SQI_TOPOLOGY_H

#include "topology/diagnostics.h"
#include "plan/plan.h"

/* What the command line changes of a topology file. All of it may be left out. */
struct sqi_overrides {
        const char *name; /* another name for the topology */
        size_t nconfig;   /* "key=value" of -c */
        const char *const *config;
        size_t nparallelism; /* "ID=N": another parallelism of a component */
        const char *const *parallelism;
        const char *filter; /* of a Flux file: what its ${a.b} are, a file of properties */
        bool env_filter;    /* and its ${ENV-X} are the environment's */
        bool hosted;        /* a supervisor is to run it, whose standard streams are nobody's */
        bool on_storm;      /* it is for an Apache Storm cluster, which cannot do all of it */
        bool advises;       /* warn also of what is right, and perhaps not what is wanted */
        bool connects;      /* when nothing else is wrong, try the connections of all components (`.probe`) */
};

struct sqi_arena;
struct sqi_yaml;

/* The file as a tree in Squall's own shape: as it is, or a Flux file's translation. As sqi_topology_plan(); the tree is
 * the arena's. *ret_flux (may be NULL): it was a Flux file. */
int sqi_topology_tree(struct sqi_arena *arena, const char *path, const struct sqi_overrides *overrides,
                      struct sqi_diagnostics *diagnostics, struct sqi_yaml **ret, bool *ret_flux);

/*
 * Returns 0 and the plan, to be freed with sqi_plan_free(); there may be warnings. -EINVAL: the diagnostics say why;
 * -ENOTCONN: the file is right, but a connection does not work; -ENOMEM. `overrides` may be NULL. `path` is relative
 * to the working directory; "-" is standard input.
 */
int sqi_topology_plan(const char *path, const struct sqi_overrides *overrides, struct sqi_diagnostics *diagnostics,
                      struct sqi_plan **ret);

#endif

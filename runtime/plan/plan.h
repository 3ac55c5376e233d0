/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: a checked topology laid out as tasks, workers and edges. It is all that the supervisor and the workers know
 * of a topology: the supervisor writes it into the run directory, each worker reads it from there.
 *
 * Life: topology file -> sqi_topology (model.h) -> checks -> sqi_plan_make() -> encode -> file -> decode ->
 * sqi_plan_free().
 *
 * Numbering: a component is its index in `components`, spouts first in file order; a task is its index in `tasks`, a
 * component's tasks one after the other; a worker is 0 .. workers - 1.
 */
#ifndef SQI_PLAN_H
#define SQI_PLAN_H

#include "squall.h"
#include "plan/config.h"
#include "plan/event_time.h"
#include "component/kind.h"
#include "component/settings.h"

enum sqi_grouping_type {
        SQI_SHUFFLE,
        SQI_FIELDS,
        SQI_PARTIAL_KEY,
        SQI_ALL,
        SQI_GLOBAL,
        SQI_DIRECT,
        SQI_LOCAL_OR_SHUFFLE,
        SQI_NONE,   /* Storm's: today the same as shuffle */
        SQI_CUSTOM, /* a .so chooses */
};
enum { SQI_GROUPINGS = SQI_CUSTOM + 1 };

struct sqi_plan_stream {
        const char *id; /* "default" is always stream 0 */
        uint32_t nfields;
        struct sq_field *fields;
        bool watermarks; /* come in it: event_time.h */
};

/* The .so of a custom grouping. */
struct sqi_plan_grouping {
        const char *component; /* as the file named it */
        const char *path;      /* absolute */
        uint32_t nsettings;
        struct sqi_setting *settings;
};

/* One entry of `streams`: who reads which stream, and how its tuples are dealt out. */
struct sqi_plan_edge {
        uint32_t from;   /* component */
        uint32_t stream; /* of `from` */
        uint32_t to;     /* component */
        uint32_t input;  /* number of this edge among the inputs of `to`, from 0 */
        enum sqi_grouping_type grouping;
        uint32_t nkeys; /* fields, partial-key and custom: the places of the named fields in the stream */
        uint8_t keys[SQ_FIELDS_MAX];
        struct sqi_plan_grouping *custom; /* or NULL */
        /* input fields that `to` declared: the place of each in the stream; 0: none declared, as they come */
        uint32_t nin;
        uint8_t in[SQ_FIELDS_MAX];
        struct sqi_edge_time time;
        bool feedback; /* closes a cycle: goes to the feedback inbox, is never waited for (docs/guarantees.md) */
};

struct sqi_plan_component {
        const char *id;
        enum sq_kind kind;
        const char *component; /* as the file named it */
        const char *path;      /* absolute, of its .so */
        uint32_t first_task, ntasks;
        uint32_t cycle;   /* 0, or the number of the cycle (strongly connected part) it belongs to */
        double tick_secs; /* config.tick_secs, or the component's own */
        uint32_t nin;     /* declared input fields (same order as edge.in) */
        struct sq_field *in;
        uint32_t nstreams;
        struct sqi_plan_stream *streams;
        uint32_t nsettings;
        struct sqi_setting *settings;
        struct sqi_event_time *event_time; /* of what it emits; NULL: it passes on the watermarks that come in */
};

struct sqi_plan_task {
        uint32_t component;
        uint32_t index; /* within the component */
        uint32_t worker;
};

struct sqi_plan {
        void *memory; /* what all pointers below point into */
        const char *name;
        const char *directory; /* of the topology file, absolute: what relative paths were resolved against */
        struct sqi_config config;
        bool lose_state; /* keyed state that does not fit this plan is let go; else a task fails with it */
        uint32_t ncomponents, nedges, ntasks, nworkers;
        struct sqi_plan_component *components;
        struct sqi_plan_edge *edges;
        struct sqi_plan_task *tasks;
};

/*
 * msgpack, versioned. Encode: 0 and a malloc'd buffer, or -ENOMEM. Decode takes bytes from a file: every index and
 * length is checked; -EBADMSG with the cause in `error` when they are not a plan of this version. Free accepts NULL and
 * nulls the pointer.
 */
int sqi_plan_encode(const struct sqi_plan *plan, void **ret_bytes, size_t *ret_size);
int sqi_plan_decode(const void *bytes, size_t size, struct sqi_plan **ret, char *error, size_t error_size);
void sqi_plan_free(struct sqi_plan **plan);

/* Its delivery is exactly-once. */
static inline bool
sqi_plan_is_exact(const struct sqi_plan *plan)
{
        return plan->config.delivery == SQI_EXACTLY_ONCE;
}

/* As topology.delivery says it. */
static inline const char *
sqi_plan_delivery(const struct sqi_plan *plan)
{
        return sqi_plan_is_exact(plan)                      ? "exactly-once"
               : plan->config.delivery == SQI_AT_LEAST_ONCE ? "at-least-once"
                                                            : "at-most-once";
}

/* NULL: the plan has none of that id. */
const struct sqi_plan_component *sqi_plan_find(const struct sqi_plan *plan, const char *id);

/* Each .so that the plan names, `i` from 0 to sqi_plan_codes() - 1: where its path stands; NULL: it names none. */
static inline uint32_t
sqi_plan_codes(const struct sqi_plan *plan)
{
        return plan->ncomponents + plan->nedges;
}
const char **sqi_plan_code(const struct sqi_plan *plan, uint32_t i);

/* Where the plan names no file for dead letters: FOLDER/NAME.dead-letters.jsonl. 0 or -ENOMEM. */
int sqi_plan_keep_letters(struct sqi_plan *plan, const char *folder);

/* Gives every component its `ntasks` tasks, and the tasks to the workers, anew. 0 or -ENOMEM. */
int sqi_plan_spread(struct sqi_plan *plan);

enum { SQI_COMPONENTS_MAX = 4096, SQI_TASKS_MAX = 65535, SQI_EDGES_MAX = 65535, SQI_ID_MAX = 64 };
enum { SQI_PARALLELISM_MAX = 4096 }; /* tasks of a component */

/* Names of topologies and components: what a file name, a log line and a process title can hold. */
bool sqi_is_id(const char *text);

const char *sqi_grouping_name(enum sqi_grouping_type type);

/* "count/1" for the task; `buffer` is returned. */
const char *sqi_task_name(const struct sqi_plan *plan, uint32_t task, char *buffer, size_t size);

#endif

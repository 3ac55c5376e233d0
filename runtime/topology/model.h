/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The topology as its file tells it, each part with its place, and what the checks found out about it. The steps, each
 * of which diagnoses all that it finds and leaves marks at what is broken, so that the next step is silent about the
 * consequences:
 *
 *     sqi_model_read()      read.c        YAML into the structures below: keys, types, ranges, ids
 *     sqi_model_override()  overrides.c   what the command line changes
 *     sqi_check_components  check.c       loads the components, fills their settings
 *     sqi_check_streams     check.c       from and to
 *     sqi_order             order.c       cycles, feedback edges, what the spouts reach
 *     sqi_check_fields      fields.c      streamId, fields and types along the streams, in that order
 *     sqi_check_promise     promise.c     who cannot keep what exactly-once promises
 *     sqi_check_on_storm    on_storm.c    when it goes there: what Apache Storm cannot do
 *     sqi_check_connections connect.c     when asked for, and nothing is wrong: what the settings lead to
 *     sqi_plan_make         layout.c      tasks and workers
 */
#ifndef SQI_MODEL_H
#define SQI_MODEL_H

#include "base/arena.h"
#include "base/nearest.h"
#include "component/catalog.h"
#include "component/declare.h"
#include "topology/diagnostics.h"
#include "plan/plan.h"
#include "component/settings.h"
#include "topology/topology.h"
#include "topology/yaml.h"

/* A word of the file. `text` is NULL when it is missing or was refused. */
struct sqi_word {
        const char *text;
        struct sqi_place place;
};

/* `event-time`. */
struct sqi_model_time {
        struct sqi_place place;
        struct sqi_word field, stream, format; /* stream: without text, the default one */
        bool broken;
        struct sqi_event_time it; /* stream and place: event_time.c */
};

/* The event time that comes to a component: in which field, by this name; NULL: that is wrong in the file. */
struct sqi_time_in {
        bool comes;
        const char *field;
        struct sqi_time_format format;
};

struct sqi_model_component {
        enum sq_kind kind;
        struct sqi_place place;
        struct sqi_word id, component;
        int64_t parallelism;
        double tick_secs; /* below 0: the topology's */
        struct sqi_place properties_place;
        size_t nsettings;
        struct sqi_setting *settings;
        struct sqi_place *setting_places;
        struct sqi_place *nested_places; /* of each setting that is nested: the first map that stands for a value */
        /* settings that were given, but wrongly: each is reported already; of an unknown one, what it may mean */
        size_t nrefused;
        const char **refused;
        struct sqi_model_time *event_time; /* of what it emits, or NULL */

        /* check.c */
        struct sqi_component *loaded; /* NULL: can't be loaded */
        void *state;                  /* NULL: its settings are wrong */
        void *partial; /* then: what of them is right, with all that are required, for more that is wrong; or NULL */
        /* order.c */
        uint32_t cycle, rank; /* rank: topological; equal within a cycle */
        bool reached;
        /* fields.c */
        struct sqi_declared *declared; /* NULL: not known */
        bool declare_failed;           /* an error about it is reported */
        /* event_time.c */
        struct sqi_time_in time_in; /* by the nearest one before it */
};

struct sqi_model_edge {
        struct sqi_place place;
        struct sqi_word from, to, stream; /* stream: without text, the default one */
        enum sqi_grouping_type grouping;
        struct sqi_place grouping_place;
        bool grouping_broken;
        struct sqi_model_component *custom; /* what chooses in a custom grouping, or NULL */
        size_t nargs;
        struct sqi_word *args;

        /* check.c; -1: not known */
        int source, target;
        uint32_t input;
        /* order.c */
        bool feedback;
        /* fields.c */
        int stream_index; /* -1: not known */
        uint8_t keys[SQ_FIELDS_MAX], in[SQ_FIELDS_MAX];
        struct sqi_edge_time time;
};

struct sqi_model {
        struct sqi_arena *arena;
        struct sqi_diagnostics *diagnostics;
        const char *directory; /* of the file, absolute */
        bool on_stdin;         /* the file itself came from there */
        bool hosted;           /* it is for a supervisor */
        bool on_storm;         /* or for Apache Storm */
        struct sqi_word name;
        struct sqi_config config;
        bool incomplete; /* components of it could not be read at all */
        bool delivery_given;
        bool advises; /* see sqi_overrides */
        size_t nsaid; /* keys of `config`, as the file has them */
        struct sqi_said {
                const char *key;
                struct sqi_place place; /* of the value */
        } * said;
        size_t ncomponents, nedges;
        struct sqi_model_component *components; /* spouts first */
        struct sqi_model_edge *edges;
};

void sqi_model_read(struct sqi_model *model, const struct sqi_yaml *root);
void sqi_model_override(struct sqi_model *model, const struct sqi_overrides *overrides);
void sqi_check_components(struct sqi_model *model);
void sqi_check_paths(struct sqi_model *model);
void sqi_check_streams(struct sqi_model *model);
void sqi_check_delivery(struct sqi_model *model);
void sqi_check_promise(struct sqi_model *model);
void sqi_check_effects(struct sqi_model *model);
void sqi_order(struct sqi_model *model);
void sqi_check_fields(struct sqi_model *model);
/* What `.declare` and `.probe` of a component are handed, by the fields of its inputs. 0; -ENODATA: they are not known;
 * -ENOMEM. */
int sqi_model_declaration(struct sqi_model *model, size_t component, struct sq_declaration *ret);
/* event_time.c, for fields.c: where watermarks come, as far as components have declared their streams; what a bolt is
 * told of that for an input with these fields; and, once all fields are known, whether there is such a field. */
void sqi_trace_event_time(struct sqi_model *model);
struct sqi_declared_time sqi_time_of_input(const struct sqi_model *model, const struct sqi_model_edge *edge,
                                           const struct sqi_fields *fields);
void sqi_check_event_time(struct sqi_model *model);
void sqi_check_connections(struct sqi_model *model);

/* Unloads the components. */
void sqi_model_release(struct sqi_model *model);

/* Lays a model without errors out as a plan, which takes the arena over (nulled). 0 or -ENOMEM. */
int sqi_plan_make(struct sqi_model *model, struct sqi_plan **ret);

/* For all steps. sqi_model_expect() diagnoses a node of another kind; false for a broken one too. */
#define sqi_model_error(model, place, ...) sqi_diagnose((model)->diagnostics, SQI_ERROR, (place), __VA_ARGS__)
void *sqi_model_alloc(struct sqi_model *model, size_t n, size_t size); /* NULL is noted in the diagnostics */
bool sqi_model_expect(struct sqi_model *model, const struct sqi_yaml *node, enum sqi_yaml_kind kind, const char *what);
void sqi_model_properties(struct sqi_model *model, struct sqi_model_component *component,
                          const struct sqi_yaml_item *item);
int sqi_model_find(const struct sqi_model *model, const char *id); /* -1: no such component */
/* Of fields that have not that name: which is near to it, or all. */
const char *sqi_model_lacks(const struct sqi_fields *fields, const char *name, char hint[SQI_LIST_SIZE]);
/* Is that setting reported as wrong already? */
bool sqi_model_is_refused(const struct sqi_model_component *component, const char *name);
/* Where the component has that setting, or might. */
struct sqi_place sqi_model_setting_place(const struct sqi_model_component *component, const char *name);
/* Where `config` has that key, or nowhere. */
struct sqi_place sqi_model_said_place(const struct sqi_model *model, const char *key);
/* A relative path made absolute by the folder of the file; "-" stays. */
const char *sqi_model_path(struct sqi_model *model, const char *path);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `.declare` of a component talks to: fields of its inputs in, fields of its streams out. The functions of
 * squall.h that take a struct sq_declaration are in declare.c.
 */
#ifndef SQI_DECLARE_H
#define SQI_DECLARE_H

#include "base/arena.h"
#include "component/catalog.h"
#include "component/settings.h"

struct sqi_fields {
        size_t n;
        struct sq_field items[SQ_FIELDS_MAX];
};

/* The event time of a stream, where it is not simply passed on: in which field, SQ_TIME but for the last. */
enum sqi_declared_as {
        SQI_TIME_PASSED_ON,
        SQI_TIME_NONE,  /* sq_declare_time() of no field */
        SQI_TIME_AT,    /* sq_declare_time() */
        SQI_TIME_UNTIL, /* sq_declare_until() */
        SQI_TIME_OF     /* sq_declare_time_of() */
};

struct sqi_declared_stream_time {
        enum sqi_declared_as as;
        const char *field; /* NULL: there is none */
        unsigned input;
};

/* What is declared of a component for given settings and inputs. Stream 0 is the default one. */
struct sqi_declared {
        struct sqi_fields in;
        /* What each input calls a field of `in`; NULL: as it is called there. */
        const char *const *in_each[SQ_FIELDS_MAX];
        size_t nstreams;
        const char *ids[SQ_DECLARED_STREAMS_MAX + 1];
        struct sqi_fields *streams[SQ_DECLARED_STREAMS_MAX + 1]; /* in the arena of the declaration */
        struct sqi_declared_stream_time times[SQ_DECLARED_STREAMS_MAX + 1];
};

/* Of an input: do watermarks come by it, and which of its fields carries the event time, or NULL. */
struct sqi_declared_time {
        bool watermarks;
        const char *field;
};

struct sqi_declared_error {
        char option[64]; /* the setting that it is about, or "" */
        char text[256];
};

enum { SQI_DECLARED_ERRORS_MAX = 8 };

struct sq_declaration {
        struct sqi_arena *arena; /* for names */
        const void *state;
        const struct sqi_setting *settings; /* that were given, or none, where they cannot be relied on */
        size_t nsettings;
        unsigned parallelism;
        bool exactly_once, at_least_once;
        bool open, any; /* sq_declared_open(); and has an input that is not known a field of any name? */
        size_t ninputs;
        const struct sqi_fields *const *inputs; /* the fields of each input */
        const struct sqi_declared_time *times;  /* of each input; NULL: watermarks come by none */
        const struct sq_reading *readings;      /* of each input; NULL: not known */
        struct sqi_declared *declared;
        size_t nerrors; /* the first ones */
        struct sqi_declared_error errors[SQI_DECLARED_ERRORS_MAX];
};

/* Fills `declared` from the definition and `.declare`. 0; -EINVAL: see decl->errors; -ENOMEM. */
int sqi_declare(struct sq_declaration *decl, const struct sqi_component *component);

/* What input `input` calls field `field` of `in`. */
const char *sqi_declared_in_name(const struct sqi_declared *declared, size_t field, size_t input);

/* -1: there is none. */
int sqi_fields_find(const struct sqi_fields *fields, const char *name);
int sqi_declared_stream(const struct sqi_declared *declared, const char *id);
bool sqi_declared_equal(const struct sqi_declared *a, const struct sqi_declared *b);
bool sqi_declared_times(const struct sqi_declared *declared); /* has some stream a time of its own? */

/* The ids of the streams that its definition names, the default one first: how many. */
size_t sqi_component_ids(const struct sqi_component *component, const char *ids[SQ_STREAMS_MAX + 1]);

/* The type that values of a declared type have. */
static inline enum sq_type
sqi_type_held(enum sq_type declared)
{
        return declared == SQ_TEXT ? SQ_STR : declared;
}

/* A copy for a plan, whose types are those of values. NULL: no memory. */
struct sq_field *sqi_fields_held(struct sqi_arena *arena, const struct sqi_fields *fields);

/* May a value of type `given` be read as `wanted`? Integers of both signs for each other, integers as floats, SQ_ANY
 * with all. */
bool sqi_type_fits(enum sq_type wanted, enum sq_type given);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The sides of a join: which inputs they are, which fields are equal, and what the others are called in the output. */
#ifndef SQI_JOINS_SIDES_H
#define SQI_JOINS_SIDES_H

#include <squall.h>

enum { SQI_SIDES_MAX = 8, SQI_SIDE_NAME_MAX = 128, SQI_WRONG_MAX = 256 };

/* An input, as a declaration or a task knows it. */
struct sqi_join_input {
        struct sq_reading reading;
        size_t n;
        struct sq_field fields[SQ_FIELDS_MAX];
};

struct sqi_join_inputs {
        unsigned n; /* SQI_SIDES_MAX at most */
        struct sqi_join_input all[SQI_SIDES_MAX];
};

/* False: there are more. */
bool sqi_join_inputs_declared(const struct sq_declaration *decl, struct sqi_join_inputs *ret);
void sqi_join_inputs_prepared(const struct sq_task *task, struct sqi_join_inputs *ret);

struct sqi_side {
        const struct sqi_join_input *input;
        unsigned number;                 /* of the input */
        char name[SQI_SIDE_NAME_MAX];    /* COMPONENT, or COMPONENT:STREAM */
        const char *keys[SQ_FIELDS_MAX]; /* its fields that are the key */
        size_t n;                        /* those that are not: */
        uint8_t places[SQ_FIELDS_MAX];   /* in the tuple, in order */
};

struct sqi_sides {
        unsigned n;
        size_t nkeys;
        struct sqi_side all[SQI_SIDES_MAX];
};

/* `by` is a list of fields, which all inputs have: then the sides are the inputs in the order of `streams`. Or it has
 * the fields of each input: then they are in its order. False: `wrong`, of SQI_WRONG_MAX bytes, says why. */
bool sqi_sides_read(const struct sqi_join_inputs *inputs, const struct sq_nested *by, struct sqi_sides *ret,
                    char *wrong);
/* -1: there is none. */
int sqi_sides_find(const struct sqi_sides *sides, const char *name);
int sqi_sides_of_input(const struct sqi_sides *sides, unsigned number);
/* What field `i` of a side, which is not of the key, is called in the output: its name, or SIDE_NAME where that is
 * that of another side's field, of the key, or one of those that the join puts there itself. */
const char *sqi_sides_name(const struct sqi_sides *sides, unsigned side, size_t i, bool windowed, char *buffer,
                           size_t size);
/* The type of key field `i`. False: the sides have types of which no two values are equal, `a` and `b` of them. */
bool sqi_sides_key_type(const struct sqi_sides *sides, size_t i, enum sq_type *ret, unsigned *a, unsigned *b);
/* Do the rows of a key come to one task, of several? False: why not, and what to change. `table`: the side that
 * may be sent to all of them, or -1. */
bool sqi_sides_meet(const struct sqi_sides *sides, int table, char *wrong);

#endif

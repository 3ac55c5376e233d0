/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squall-expr.h - expressions over the fields of a tuple, and what bolts declare that pass tuples on.
 *
 * A part of squall-kit.h, which says how it is linked, and what threads and owners there are.
 */
#ifndef SQUALL_EXPR_H
#define SQUALL_EXPR_H

#include <squall-formats.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Expressions ------------------------------------------------------------------------------------- */

/*
 * Expressions over the fields of a tuple, such as `ms > 10 and not path matches '^/admin'` or `price * (count ?? 1)`.
 * expr/grammar.c has the grammar. Several of a component make up a set, over the same fields:
 *
 *     exprs = sq_exprs_declared(decl);                       in `.declare`: over the fields of the inputs
 *     if (sq_exprs_add(exprs, self->where) < 0)              compiled, its types checked
 *             sq_declare_error(decl, "where", "%s", sq_exprs_error(exprs));
 *     sq_exprs_declare(exprs, decl);                         the fields they name are the inputs, from 0 on
 *     sq_exprs_free(&exprs);
 *
 *     self->exprs = sq_exprs_prepared(task);                 in `.prepare`: the same again, to be evaluated
 *     number = sq_exprs_add(self->exprs, self->where);
 *
 *     sq_exprs_begin(self->exprs, task, in);                 in `.execute`, once a tuple
 *     if (!sq_exprs_value(self->exprs, number, &value))      in any order, as often as need be
 *             return sq_fail(task, "where: %s", sq_exprs_error(self->exprs));
 *
 * What an expression makes lives in memory of the set, which the next sq_exprs_begin() uses again: nothing is allocated
 * for a tuple once it is large enough.
 */
struct sq_exprs;

/* NULL: no memory, and of the first the declaration has the error. */
SQ_EXPORT struct sq_exprs *sq_exprs_declared(struct sq_declaration *decl);
SQ_EXPORT struct sq_exprs *sq_exprs_prepared(const struct sq_task *task);
SQ_EXPORT void sq_exprs_free(struct sq_exprs **exprs);
/* Outside a component: an empty set, and what may be named. Names are copied. False: no memory, or SQ_FIELDS_MAX are
 * there. */
SQ_EXPORT struct sq_exprs *sq_exprs_new(void);
SQ_EXPORT bool sq_exprs_field(struct sq_exprs *exprs, const char *name, enum sq_type type);
/* From here on a name that is not a field's becomes a field, of any type. */
SQ_EXPORT void sq_exprs_open(struct sq_exprs *exprs);

/* Compiles an expression. Its number in the set, from 0; or -1, and what is wrong and where is sq_exprs_error(). The
 * second one takes only what may be true or false. */
SQ_EXPORT int sq_exprs_add(struct sq_exprs *exprs, const char *text);
SQ_EXPORT int sq_exprs_add_condition(struct sq_exprs *exprs, const char *text);
SQ_EXPORT size_t sq_exprs_count(const struct sq_exprs *exprs);
/* A view, good until the next call for the set. */
SQ_EXPORT const char *sq_exprs_error(const struct sq_exprs *exprs);
/* The type of all its values but null; SQ_ANY: not known. */
SQ_EXPORT enum sq_type sq_exprs_type(const struct sq_exprs *exprs, int number);
/* The fields that the expressions of the set name, in the order of the component's inputs. */
SQ_EXPORT unsigned sq_exprs_nfields(const struct sq_exprs *exprs);
SQ_EXPORT struct sq_field sq_exprs_used(const struct sq_exprs *exprs, unsigned field);
/* All fields are named, in their order: for who passes them on. Before any is added. */
SQ_EXPORT void sq_exprs_use_all(struct sq_exprs *exprs);
/* After all have been added: asks for these fields, in the types that the inputs give them. */
SQ_EXPORT void sq_exprs_declare(const struct sq_exprs *exprs, struct sq_declaration *decl);

/* Begins with a tuple whose declared inputs begin with the fields of the set; `task` has the clock. */
SQ_EXPORT void sq_exprs_begin(struct sq_exprs *exprs, const struct sq_task *task, const struct sq_tuple *in);
/* The same with the values of the fields, and the clock of the machine. */
SQ_EXPORT void sq_exprs_begin_values(struct sq_exprs *exprs, const struct sq_value *fields);
/* False: it has no value (a division by zero, say); sq_exprs_error() says why. */
SQ_EXPORT bool sq_exprs_value(struct sq_exprs *exprs, int number, struct sq_value *ret);
/* The values of all expressions of the set. */
SQ_EXPORT bool sq_exprs_values(struct sq_exprs *exprs, struct sq_value *ret);
/* The value over the members of a JSON object, as JSON, to be freed; a name that it lacks is null. NULL: none, or
 * `json` is not an object; sq_exprs_error() says why. */
SQ_EXPORT char *sq_exprs_try(struct sq_exprs *exprs, int number, struct sq_str json);
/* 1: it holds; 0: it does not, or is null; -1: it has no value, or another than true and false. */
SQ_EXPORT int sq_exprs_holds(struct sq_exprs *exprs, int number);

/* What functions there are, for documents: `substring(text: str, from: int) -> str`, and an example with its value as
 * JSON. */
struct sq_function {
        const char *chapter, *signature, *about, *example, *result;
};

/* False: there are fewer. */
SQ_EXPORT bool sq_function(unsigned number, struct sq_function *ret);

/* ---- Declaring --------------------------------------------------------------------------------------- */

/* For bolts that pass tuples on as they come: their output has the fields of their inputs, which must all have the
 * same. */
SQ_EXPORT void sq_declare_passing(struct sq_declaration *decl);
/* The same of another stream. */
SQ_EXPORT void sq_declare_passing_on(struct sq_declaration *decl, unsigned stream);

/* Do watermarks come by every input? And the field of event time that all of them have, or NULL. */
SQ_EXPORT bool sq_declared_all_watermarks(const struct sq_declaration *decl);
SQ_EXPORT const char *sq_declared_common_time(const struct sq_declaration *decl);
/* That field, for a component which goes by event time where there is one, and has a setting `time` that may say
 * `wall`. NULL: no watermarks come at all, so it goes by the time of day. Where they come by some inputs only, or
 * without the field, that is refused. */
SQ_EXPORT const char *sq_declared_event_time(struct sq_declaration *decl);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif

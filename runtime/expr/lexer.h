/* SPDX-License-Identifier: Apache-2.0 */
/* What reads an expression, within the kit: lexer.c takes words off the text, node.c makes nodes, typing.c looks
 * whether operands fit, grammar.c puts them together. All return NULL or false once the reader has failed. */
#ifndef SQI_KIT_LEXER_H
#define SQI_KIT_LEXER_H

#include "expr/expr.h"

enum { SQI_DEPTH_MAX = 64 };

struct sqi_lexer {
        struct sqi_scope *scope;
        const char *text, *at;
        unsigned depth;
        bool failed;
        uint32_t wrong_at;
        char wrong[320];
};

/* The first cause stays. Returns NULL. */
void *sqi_fail(struct sqi_lexer *reader, uint32_t at, const char *format, ...) SQ_PRINTF(3, 4);
void *sqi_expected(struct sqi_lexer *reader, const char *what);
uint32_t sqi_here(const struct sqi_lexer *reader);

bool sqi_is_digit(char c);
bool sqi_begins_name(char c);
bool sqi_is_name(char c);
/* Of the name that stands at `at`; 0: none. */
size_t sqi_name_length(const char *at);
/* Words that stand between expressions, or begin one, and so are not text. */
bool sqi_is_reserved(const char *at, size_t len);
void sqi_skip_space(struct sqi_lexer *reader);
/* Takes a word or a sign off the text if it comes next. A blank in it is any blanks. */
bool sqi_take(struct sqi_lexer *reader, const char *word);
/* Text up to the closing quote, copied. */
bool sqi_read_quoted(struct sqi_lexer *reader, struct sq_str *ret);
/* A copy of a part of the text that lives as long as the nodes. */
bool sqi_copy(struct sqi_lexer *reader, const char *from, size_t len, struct sq_str *ret);

struct sqi_node *sqi_new_node(struct sqi_lexer *reader, sqi_eval *eval, uint32_t at, size_t nargs,
                              struct sqi_node *const *args);
struct sqi_node *sqi_new_constant(struct sqi_lexer *reader, uint32_t at, struct sq_value value);
struct sqi_node *sqi_new_text(struct sqi_lexer *reader, uint32_t at, struct sq_str text);
/* The longest field whose name stands at `at`; the field of a name; -1: none. */
int sqi_find_field(const struct sqi_scope *scope, const char *at, size_t *ret_len);
int sqi_find_named(const struct sqi_scope *scope, struct sq_str name);
/* The field `field`, or if that is negative a new one of that name where the scope is open. */
struct sqi_node *sqi_new_field(struct sqi_lexer *reader, uint32_t at, struct sq_str name, int field);
/* The node, or the constant that it is. */
struct sqi_node *sqi_fold(struct sqi_lexer *reader, struct sqi_node *node);
/* To be forgotten with the scope. */
void sqi_keep_prepared(struct sqi_lexer *reader, struct sqi_node *node);

/* The type of what is one or the other. */
enum sq_type sqi_common_type(enum sq_type a, enum sq_type b);
bool sqi_check_condition(struct sqi_lexer *reader, const struct sqi_node *node);
/* Of a part: a map or an array, as far as is known. */
bool sqi_check_whole(struct sqi_lexer *reader, const struct sqi_node *node);
/* For the sign `-` in front of a number; sets the type of `node`. */
bool sqi_check_minus(struct sqi_lexer *reader, struct sqi_node *node);
/* Whether the operands fit; sets the type of what comes out, and prepares a regular expression. */
bool sqi_check_binary(struct sqi_lexer *reader, const struct sqi_operator *op, struct sqi_node *node);

#endif

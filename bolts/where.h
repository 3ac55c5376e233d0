/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions on the fields of a tuple, for `where`:
 *
 *     or         = and { "or" and }
 *     and        = not { "and" not }
 *     not        = "not" not | "(" or ")" | "true" | "false" | FIELD OP VALUE
 *     OP         = "==" | "!=" | "<" | "<=" | ">" | ">=" | "contains" | "matches"
 *     FIELD      = a name of letters, digits, _ . - and bytes above 127, or any text in `backquotes`
 *     VALUE      = a number, true, false, null, text in '' or "" (\ takes the next byte as it is), or a bare word, which is text
 *
 * A condition is an array of nodes: the leaves in the order in which they stand, an operation behind its operands, the root last. Fields
 * are numbered in the order in which they first stand. `matches` is a POSIX extended regular expression that may match anywhere.
 *
 * Numbers compare as numbers, and text that reads as a number does so with a number. Values of different types are unequal, and neither
 * is less.
 */
#ifndef BOLTS_WHERE_H
#define BOLTS_WHERE_H

#include "literal.h"

#include <regex.h>
#include <stdio.h>

enum { WHERE_NODES = 256, WHERE_DEPTH = 64 };
enum where_op {
        WHERE_AND,
        WHERE_OR,
        WHERE_NOT,
        WHERE_CONST,
        WHERE_EQ,
        WHERE_NE,
        WHERE_LE,
        WHERE_LT,
        WHERE_GE,
        WHERE_GT,
        WHERE_CONTAINS,
        WHERE_MATCHES
};

struct where_node {
        enum where_op op;
        uint16_t left, right; /* operands */
        uint16_t field;
        struct sq_value value;
        regex_t *regex;
};

struct where {
        const char *text, *at;
        unsigned depth, n, nfields;
        struct where_node nodes[WHERE_NODES];
        struct sq_str fields[SQ_FIELDS_MAX];
        char *memory; /* of texts, regexes excepted */
        size_t used;
        char error[256];
};

static inline bool where_or(struct where *where);

/* The first cause stays. */
static inline bool
where_wrong(struct where *where, const char *at, const char *expected)
{
        size_t len = strcspn(at, " \t\n()");

        if (*where->error)
                return false;
        if (*at)
                snprintf(where->error, sizeof(where->error), "column %d: expected %s, not `%.*s`", (int)(at - where->text) + 1,
                         expected, (int)(len ? len : 1), at);
        else
                snprintf(where->error, sizeof(where->error), "column %d: expected %s, not the end", (int)(at - where->text) + 1,
                         expected);
        return false;
}

static inline struct where_node *
where_add(struct where *where, enum where_op op)
{
        struct where_node *node = &where->nodes[where->n];

        if (where->n == WHERE_NODES) {
                where_wrong(where, where->at, "a shorter condition");
                return NULL;
        }
        where->n++;
        *node = (struct where_node){.op = op};
        return node;
}

static inline void
where_space(struct where *where)
{
        where->at += strspn(where->at, " \t\r\n");
}

static inline size_t
where_word_length(const char *at)
{
        size_t n = 0;

        while ((at[n] & 0x80) || (at[n] >= '0' && at[n] <= '9') || ((at[n] | 0x20) >= 'a' && (at[n] | 0x20) <= 'z') ||
               (at[n] && strchr("_.-+", at[n])))
                n++;
        return n;
}

/* Takes the word off the text if it comes next. */
static inline bool
where_take(struct where *where, const char *word)
{
        size_t n = strlen(word);

        where_space(where);
        if (where_word_length(where->at) != n || memcmp(where->at, word, n) != 0)
                return false;
        where->at += n;
        return true;
}

/* Text up to the closing quote. */
static inline bool
where_quoted(struct where *where, struct sq_str *ret)
{
        const char *start = where->at;
        char quote = *where->at++, *to = where->memory + where->used;

        *ret = (struct sq_str){to, 0};
        while (*where->at && *where->at != quote) {
                /* A backslash stays in front of what needs none: regular expressions have their own. */
                if (*where->at == '\\' && (where->at[1] == quote || where->at[1] == '\\'))
                        where->at++;
                to[ret->len++] = *where->at++;
        }
        to[ret->len] = '\0';
        where->used += ret->len + 1;
        if (*where->at != quote)
                return where_wrong(where, start, "text with a closing quote");
        where->at++;
        return true;
}

static inline bool
where_field(struct where *where, uint16_t *ret)
{
        struct sq_str name = {where->at, where_word_length(where->at)};
        const char *start = where->at;

        if (*where->at == '`' ? !where_quoted(where, &name) : name.len == 0)
                return where_wrong(where, start, "a field");
        if (*start != '`')
                where->at += name.len;
        for (*ret = 0; *ret < where->nfields; ++*ret)
                if (where->fields[*ret].len == name.len && memcmp(where->fields[*ret].ptr, name.ptr, name.len) == 0)
                        return true;
        if (where->nfields == SQ_FIELDS_MAX)
                return where_wrong(where, start, "fewer fields");
        where->fields[where->nfields++] = name;
        return true;
}

static inline bool
where_operator(struct where *where, enum where_op *ret)
{
        static const struct {
                const char *text;
                enum where_op op;
        } ops[] = {{"==", WHERE_EQ}, {"!=", WHERE_NE}, {"<=", WHERE_LE}, {">=", WHERE_GE}, {"<", WHERE_LT}, {">", WHERE_GT}};

        for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
                if (strncmp(where->at, ops[i].text, strlen(ops[i].text)) == 0) {
                        where->at += strlen(ops[i].text);
                        *ret = ops[i].op;
                        return true;
                }
        *ret = WHERE_CONTAINS;
        if (where_take(where, "contains"))
                return true;
        *ret = WHERE_MATCHES;
        return where_take(where, "matches") || where_wrong(where, where->at, "== != < <= > >= contains or matches");
}

static inline bool
where_value(struct where *where, struct sq_value *ret)
{
        struct sq_str text = {where->at, where_word_length(where->at)};

        if (*where->at == '\'' || *where->at == '"') {
                if (!where_quoted(where, &text))
                        return false;
                *ret = sq_str(text);
                return true;
        }
        if (text.len == 0 || literal_is(text, "and") || literal_is(text, "or") || literal_is(text, "not"))
                return where_wrong(where, where->at, "a value");
        where->at += text.len;
        if (!literal_read(text, ret))
                *ret = sq_str(text);
        return true;
}

static inline bool
where_regex(struct where *where, struct where_node *node, const char *at)
{
        char *pattern = strndup(node->value.as.ptr, node->value.len), cause[128];
        int rc;

        node->regex = malloc(sizeof(*node->regex));
        rc = pattern && node->regex ? regcomp(node->regex, pattern, REG_EXTENDED | REG_NOSUB) : REG_ESPACE;
        free(pattern);
        if (rc == 0)
                return true;
        regerror(rc, NULL, cause, sizeof(cause));
        free(node->regex);
        node->regex = NULL;
        snprintf(where->error, sizeof(where->error), "column %d: not a regular expression: %s", (int)(at - where->text) + 1, cause);
        return false;
}

static inline bool
where_comparison(struct where *where)
{
        struct where_node *node = where_add(where, WHERE_EQ);
        const char *start;

        if (!node || !where_field(where, &node->field))
                return false;
        where_space(where);
        if (!where_operator(where, &node->op))
                return false;
        where_space(where);
        start = where->at;
        if (!where_value(where, &node->value))
                return false;
        if (node->op != WHERE_MATCHES)
                return true;
        if (node->value.type != SQ_STR)
                return where_wrong(where, start, "a regular expression in quotes");
        return where_regex(where, node, start);
}

static inline bool
where_constant(struct where *where, bool value)
{
        struct where_node *node = where_add(where, WHERE_CONST);

        if (node)
                node->value = sq_bool(value);
        return node != NULL;
}

static inline bool
where_not(struct where *where)
{
        struct where_node *node;
        bool good;

        where_space(where);
        if (where->depth >= WHERE_DEPTH)
                return where_wrong(where, where->at, "fewer brackets");
        where->depth++;
        if (where_take(where, "not")) {
                good = where_not(where) && (node = where_add(where, WHERE_NOT));
                if (good)
                        node->left = (uint16_t)(where->n - 2);
        } else if (*where->at == '(') {
                where->at++;
                good = where_or(where);
                where_space(where);
                if (good && *where->at != ')')
                        good = where_wrong(where, where->at, "and, or or )");
                where->at += good;
        } else if (where_take(where, "true"))
                good = where_constant(where, true);
        else if (where_take(where, "false"))
                good = where_constant(where, false);
        else
                good = where_comparison(where);
        where->depth--;
        return good;
}

static inline bool
where_chain(struct where *where, const char *word, enum where_op op, bool (*operand)(struct where *))
{
        struct where_node *node;
        uint16_t left;

        if (!operand(where))
                return false;
        while (where_take(where, word)) {
                left = (uint16_t)(where->n - 1);
                if (!operand(where) || !(node = where_add(where, op)))
                        return false;
                node->left = left;
                node->right = (uint16_t)(where->n - 2);
        }
        return true;
}

static inline bool
where_and(struct where *where)
{
        return where_chain(where, "and", WHERE_AND, where_not);
}

static inline bool
where_or(struct where *where)
{
        return where_chain(where, "or", WHERE_OR, where_and);
}

static inline void
where_free(struct where **where)
{
        for (unsigned i = 0; *where && i < (*where)->n; i++)
                if ((*where)->nodes[i].regex) {
                        regfree((*where)->nodes[i].regex);
                        free((*where)->nodes[i].regex);
                }
        if (*where)
                free((*where)->memory);
        free(*where);
        *where = NULL;
}

/* Reads a condition; `text` must outlive it. When `error` is not empty the condition is good for nothing. NULL: no memory. */
static inline struct where *
where_read(const char *text)
{
        struct where *where = calloc(1, sizeof(*where));

        if (!where || !(where->memory = malloc(2 * strlen(text) + 2))) {
                free(where);
                return NULL;
        }
        where->text = where->at = text;
        if (where_or(where)) {
                where_space(where);
                if (*where->at)
                        where_wrong(where, where->at, "and, or or the end");
        }
        return where;
}

/* ---- Evaluation --------------------------------------------------------------------------------------------------------- */

static inline bool
where_as_double(struct sq_value value, double *ret)
{
        struct sq_value number;

        if (value.type == SQ_STR) {
                if (!literal_number((struct sq_str){value.as.ptr, value.len}, &number))
                        return false;
                value = number;
        }
        *ret = value.type == SQ_INT ? (double)value.as.i : value.type == SQ_UINT ? (double)value.as.u : value.as.f;
        return value.type == SQ_INT || value.type == SQ_UINT || value.type == SQ_FLOAT;
}

enum where_order { WHERE_LESS = -1, WHERE_SAME, WHERE_MORE, WHERE_UNRELATED };

static inline enum where_order
where_compare_bytes(struct sq_value a, struct sq_value b)
{
        size_t n = a.len < b.len ? a.len : b.len;
        int order = n ? memcmp(a.as.ptr, b.as.ptr, n) : 0;

        if (order == 0)
                order = (a.len > b.len) - (a.len < b.len);
        return order < 0 ? WHERE_LESS : order > 0 ? WHERE_MORE : WHERE_SAME;
}

static inline enum where_order
where_compare(struct sq_value a, struct sq_value b)
{
        bool text_a = a.type == SQ_STR || a.type == SQ_BIN;
        double x, y;

        if (a.type == SQ_INT && b.type == SQ_INT)
                return a.as.i < b.as.i ? WHERE_LESS : a.as.i > b.as.i ? WHERE_MORE : WHERE_SAME;
        if (text_a && b.type == SQ_STR)
                return where_compare_bytes(a, b);
        if (a.type == SQ_BOOL && b.type == SQ_BOOL)
                return a.as.b == b.as.b ? WHERE_SAME : a.as.b ? WHERE_MORE : WHERE_LESS;
        if (a.type == SQ_NIL && b.type == SQ_NIL)
                return WHERE_SAME;
        if (b.type != SQ_STR && where_as_double(a, &x) && where_as_double(b, &y))
                return x < y ? WHERE_LESS : x > y ? WHERE_MORE : x == y ? WHERE_SAME : WHERE_UNRELATED;
        return WHERE_UNRELATED;
}

/* Text contains text; an array contains an equal element; a map contains an equal key. */
static inline bool
where_contains(struct sq_value value, struct sq_value part)
{
        struct sq_items items = sq_items(value);
        struct sq_value item;
        bool key = true;

        if (value.type == SQ_STR || value.type == SQ_BIN)
                return part.type == SQ_STR && memmem(value.as.ptr, value.len, part.as.ptr, part.len);
        while (sq_next_item(&items, &item)) {
                if (key && where_compare(item, part) == WHERE_SAME)
                        return true;
                key = value.type != SQ_MAP || !key;
        }
        return false;
}

static inline bool
where_matches(const struct where_node *node, struct sq_value value)
{
        regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)value.len};

        return (value.type == SQ_STR || value.type == SQ_BIN) && regexec(node->regex, value.as.ptr, 1, &range, REG_STARTEND) == 0;
}

static inline bool
where_leaf(const struct where_node *node, struct sq_value value)
{
        enum where_order order;

        if (node->op == WHERE_CONTAINS)
                return where_contains(value, node->value);
        if (node->op == WHERE_MATCHES)
                return where_matches(node, value);
        order = where_compare(value, node->value);
        switch (node->op) {
        case WHERE_EQ:
                return order == WHERE_SAME;
        case WHERE_NE:
                return order != WHERE_SAME;
        case WHERE_LT:
                return order == WHERE_LESS;
        case WHERE_LE:
                return order == WHERE_LESS || order == WHERE_SAME;
        case WHERE_GT:
                return order == WHERE_MORE;
        default:
                return order == WHERE_MORE || order == WHERE_SAME;
        }
}

static inline bool
where_holds_at(const struct where *where, unsigned at, const struct sq_tuple *in)
{
        const struct where_node *node = &where->nodes[at];

        switch (node->op) {
        case WHERE_AND:
                return where_holds_at(where, node->left, in) && where_holds_at(where, node->right, in);
        case WHERE_OR:
                return where_holds_at(where, node->left, in) || where_holds_at(where, node->right, in);
        case WHERE_NOT:
                return !where_holds_at(where, node->left, in);
        case WHERE_CONST:
                return node->value.as.b;
        default:
                return where_leaf(node, sq_get(in, node->field));
        }
}

/* Whether the condition holds for a tuple whose declared inputs are the condition's fields. */
static inline bool
where_holds(const struct where *where, const struct sq_tuple *in)
{
        return where_holds_at(where, where->n - 1, in);
}

#endif

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
 * A condition is an array of nodes: the leaves in the order in which they stand, an operation behind its operands, the
 * root last. Fields are numbered in the order in which they first stand. `matches` is a POSIX extended regular
 * expression that may match anywhere.
 *
 * Numbers compare as numbers, and text that reads as a number does so with a number. Values of different types are
 * unequal, and neither is less.
 */
#include <squall-kit.h>

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 256, DEPTH_MAX = 64 };
enum op { AND, OR, NOT, CONST, EQ, NE, LE, LT, GE, GT, CONTAINS, MATCHES };

struct node {
        enum op op;
        uint16_t left, right; /* operands */
        uint16_t field;
        int column; /* of a comparison: where it begins */
        struct sq_value value;
        regex_t *regex;
};

struct sq_condition {
        const char *text, *at;
        unsigned depth, n, nfields;
        struct node nodes[NODES_MAX];
        struct sq_str fields[SQ_FIELDS_MAX];
        char *memory; /* of texts, regexes excepted */
        size_t used;
        char error[256];
};

static bool read_or(struct sq_condition *condition);

/* The first cause stays. */
static bool
wrong(struct sq_condition *condition, const char *at, const char *expected)
{
        size_t len = strcspn(at, " \t\n()");

        if (*condition->error)
                return false;
        if (*at)
                snprintf(condition->error, sizeof(condition->error), "column %d: expected %s, not `%.*s`",
                         (int)(at - condition->text) + 1, expected, (int)(len ? len : 1), at);
        else
                snprintf(condition->error, sizeof(condition->error), "column %d: expected %s, not the end",
                         (int)(at - condition->text) + 1, expected);
        return false;
}

static struct node *
add_node(struct sq_condition *condition, enum op op)
{
        struct node *node = &condition->nodes[condition->n];

        if (condition->n == NODES_MAX) {
                wrong(condition, condition->at, "a shorter condition");
                return NULL;
        }
        condition->n++;
        *node = (struct node){.op = op};
        return node;
}

static void
skip_space(struct sq_condition *condition)
{
        condition->at += strspn(condition->at, " \t\r\n");
}

static size_t
word_length(const char *at)
{
        size_t n = 0;

        while ((at[n] & 0x80) || (at[n] >= '0' && at[n] <= '9') || ((at[n] | 0x20) >= 'a' && (at[n] | 0x20) <= 'z') ||
               (at[n] && strchr("_.-+", at[n])))
                n++;
        return n;
}

/* Takes the word off the text if it comes next. */
static bool
take(struct sq_condition *condition, const char *word)
{
        size_t n = strlen(word);

        skip_space(condition);
        if (word_length(condition->at) != n || memcmp(condition->at, word, n) != 0)
                return false;
        condition->at += n;
        return true;
}

/* Text up to the closing quote. */
static bool
read_quoted(struct sq_condition *condition, struct sq_str *ret)
{
        const char *start = condition->at;
        char quote = *condition->at++, *to = condition->memory + condition->used;

        *ret = (struct sq_str){to, 0};
        while (*condition->at && *condition->at != quote) {
                /* A backslash stays in front of what needs none: regular expressions have their own. */
                if (*condition->at == '\\' && (condition->at[1] == quote || condition->at[1] == '\\'))
                        condition->at++;
                to[ret->len++] = *condition->at++;
        }
        to[ret->len] = '\0';
        condition->used += ret->len + 1;
        if (*condition->at != quote)
                return wrong(condition, start, "text with a closing quote");
        condition->at++;
        return true;
}

static bool
read_field(struct sq_condition *condition, uint16_t *ret)
{
        struct sq_str name = {condition->at, word_length(condition->at)};
        const char *start = condition->at;

        if (*condition->at == '`' ? !read_quoted(condition, &name) : name.len == 0)
                return wrong(condition, start, "a field");
        if (*start != '`')
                condition->at += name.len;
        for (*ret = 0; *ret < condition->nfields; ++*ret)
                if (condition->fields[*ret].len == name.len &&
                    memcmp(condition->fields[*ret].ptr, name.ptr, name.len) == 0)
                        return true;
        if (condition->nfields == SQ_FIELDS_MAX)
                return wrong(condition, start, "fewer fields");
        condition->fields[condition->nfields++] = name;
        return true;
}

static bool
read_operator(struct sq_condition *condition, enum op *ret)
{
        static const struct {
                const char *text;
                enum op op;
        } ops[] = {{"==", EQ}, {"!=", NE}, {"<=", LE}, {">=", GE}, {"<", LT}, {">", GT}};

        for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
                if (strncmp(condition->at, ops[i].text, strlen(ops[i].text)) == 0) {
                        condition->at += strlen(ops[i].text);
                        *ret = ops[i].op;
                        return true;
                }
        *ret = CONTAINS;
        if (take(condition, "contains"))
                return true;
        *ret = MATCHES;
        return take(condition, "matches") || wrong(condition, condition->at, "== != < <= > >= contains or matches");
}

static bool
read_value(struct sq_condition *condition, struct sq_value *ret)
{
        struct sq_str text = {condition->at, word_length(condition->at)};

        if (*condition->at == '\'' || *condition->at == '"') {
                if (!read_quoted(condition, &text))
                        return false;
                *ret = sq_str(text);
                return true;
        }
        if (text.len == 0 || sq_str_is(text, "and") || sq_str_is(text, "or") || sq_str_is(text, "not"))
                return wrong(condition, condition->at, "a value");
        condition->at += text.len;
        if (!sq_read_literal(text, ret))
                *ret = sq_str(text);
        return true;
}

static bool
read_regex(struct sq_condition *condition, struct node *node, const char *at)
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
        snprintf(condition->error, sizeof(condition->error), "column %d: not a regular expression: %s",
                 (int)(at - condition->text) + 1, cause);
        return false;
}

static bool
read_comparison(struct sq_condition *condition)
{
        struct node *node = add_node(condition, EQ);
        const char *start;

        if (!node)
                return false;
        node->column = (int)(condition->at - condition->text) + 1;
        if (!read_field(condition, &node->field))
                return false;
        skip_space(condition);
        if (!read_operator(condition, &node->op))
                return false;
        skip_space(condition);
        start = condition->at;
        if (!read_value(condition, &node->value))
                return false;
        if (node->op != MATCHES)
                return true;
        if (node->value.type != SQ_STR)
                return wrong(condition, start, "a regular expression in quotes");
        return read_regex(condition, node, start);
}

static bool
read_constant(struct sq_condition *condition, bool value)
{
        struct node *node = add_node(condition, CONST);

        if (node)
                node->value = sq_bool(value);
        return node;
}

static bool
read_not(struct sq_condition *condition)
{
        struct node *node;
        bool good;

        skip_space(condition);
        if (condition->depth >= DEPTH_MAX)
                return wrong(condition, condition->at, "fewer brackets");
        condition->depth++;
        if (take(condition, "not")) {
                good = read_not(condition) && (node = add_node(condition, NOT));
                if (good)
                        node->left = (uint16_t)(condition->n - 2);
        } else if (*condition->at == '(') {
                condition->at++;
                good = read_or(condition);
                skip_space(condition);
                if (good && *condition->at != ')')
                        good = wrong(condition, condition->at, "and, or or )");
                condition->at += good;
        } else if (take(condition, "true"))
                good = read_constant(condition, true);
        else if (take(condition, "false"))
                good = read_constant(condition, false);
        else
                good = read_comparison(condition);
        condition->depth--;
        return good;
}

static bool
read_chain(struct sq_condition *condition, const char *word, enum op op, bool (*operand)(struct sq_condition *))
{
        struct node *node;
        uint16_t left;

        if (!operand(condition))
                return false;
        while (take(condition, word)) {
                left = (uint16_t)(condition->n - 1);
                if (!operand(condition) || !(node = add_node(condition, op)))
                        return false;
                node->left = left;
                node->right = (uint16_t)(condition->n - 2);
        }
        return true;
}

static bool
read_and(struct sq_condition *condition)
{
        return read_chain(condition, "and", AND, read_not);
}

static bool
read_or(struct sq_condition *condition)
{
        return read_chain(condition, "or", OR, read_and);
}

void
sq_condition_free(struct sq_condition **condition)
{
        for (unsigned i = 0; *condition && i < (*condition)->n; i++)
                if ((*condition)->nodes[i].regex) {
                        regfree((*condition)->nodes[i].regex);
                        free((*condition)->nodes[i].regex);
                }
        if (*condition)
                free((*condition)->memory);
        free(*condition);
        *condition = NULL;
}

struct sq_condition *
sq_condition_read(const char *text)
{
        struct sq_condition *condition = calloc(1, sizeof(*condition));

        if (!condition || !(condition->memory = malloc(2 * strlen(text) + 2))) {
                free(condition);
                return NULL;
        }
        condition->text = condition->at = text;
        if (read_or(condition)) {
                skip_space(condition);
                if (*condition->at)
                        wrong(condition, condition->at, "and, or or the end");
        }
        return condition;
}

const char *
sq_condition_error(const struct sq_condition *condition)
{
        if (!condition)
                return strerror(ENOMEM);
        return *condition->error ? condition->error : NULL;
}

static bool
is_number(enum sq_type type)
{
        return type == SQ_INT || type == SQ_UINT || type == SQ_FLOAT;
}

/* Whether values of the declared type compare with that of the node. A text without a type may be anything. */
static bool
compares(const struct node *node, enum sq_type type)
{
        enum sq_type value = node->value.type;
        bool text = type == SQ_STR || type == SQ_BIN;

        if (type == SQ_ANY || type == SQ_TEXT)
                return true;
        if (node->op == MATCHES)
                return text;
        if (node->op == CONTAINS)
                return type == SQ_ARRAY || type == SQ_MAP || (text && value == SQ_STR);
        return value == SQ_NIL || (value == SQ_STR ? text : is_number(value) ? is_number(type) : value == type);
}

static void
check_leaf(const struct node *node, const struct sq_field *field, struct sq_declaration *decl, const char *option)
{
        char value[64];

        if (node->op < EQ || compares(node, field->type))
                return;
        sq_json(node->value, value, sizeof(value));
        if (field->type == SQ_STR && is_number(node->value.type))
                sq_declare_error(decl, option,
                                 "column %d: `%s` is a str, which does not compare with %s: write '%s', or declare the "
                                 "field as a number where it is read",
                                 node->column, field->name, value, value);
        else
                sq_declare_error(decl, option, "column %d: `%s` is declared as %s, which does not compare with %s",
                                 node->column, field->name, sq_type_name(field->type), value);
}

void
sq_condition_declare(const struct sq_condition *condition, struct sq_declaration *decl, const char *option)
{
        char name[256];
        struct sq_field field;

        for (unsigned i = 0; i < condition->nfields; i++) {
                snprintf(name, sizeof(name), "%.*s", (int)condition->fields[i].len, condition->fields[i].ptr);
                field = (struct sq_field){name, sq_declared_field(decl, 0, name).type};
                sq_declare_in(decl, name, field.type);
                for (unsigned n = 0; n < condition->n; n++)
                        if (condition->nodes[n].field == i)
                                check_leaf(&condition->nodes[n], &field, decl, option);
        }
}

/* ---- Evaluation -------------------------------------------------------------------------------------- */

static enum sq_order
compare_bytes(struct sq_value a, struct sq_value b)
{
        size_t n = a.len < b.len ? a.len : b.len;
        int order = n ? memcmp(a.as.ptr, b.as.ptr, n) : 0;

        if (order == 0)
                order = (a.len > b.len) - (a.len < b.len);
        return order < 0 ? SQ_LESS : order > 0 ? SQ_GREATER : SQ_EQUAL;
}

static enum sq_order
compare(struct sq_value a, struct sq_value b)
{
        bool text_a = a.type == SQ_STR || a.type == SQ_BIN;
        struct sq_value x, y;

        if (text_a && b.type == SQ_STR)
                return compare_bytes(a, b);
        if (a.type == SQ_BOOL && b.type == SQ_BOOL)
                return a.as.b == b.as.b ? SQ_EQUAL : a.as.b ? SQ_GREATER : SQ_LESS;
        if (a.type == SQ_NIL && b.type == SQ_NIL)
                return SQ_EQUAL;
        if (b.type != SQ_STR && sq_number_of(a, &x) && sq_number_of(b, &y))
                return sq_compare_numbers(x, y);
        return SQ_UNORDERED;
}

/* Text contains text; an array contains an equal element; a map contains an equal key. */
static bool
contains(struct sq_value value, struct sq_value part)
{
        struct sq_items items = sq_items(value);
        struct sq_value item;
        bool key = true;

        if (value.type == SQ_STR || value.type == SQ_BIN)
                return part.type == SQ_STR && memmem(value.as.ptr, value.len, part.as.ptr, part.len);
        while (sq_next_item(&items, &item)) {
                if (key && compare(item, part) == SQ_EQUAL)
                        return true;
                key = value.type != SQ_MAP || !key;
        }
        return false;
}

static bool
matches(const struct node *node, struct sq_value value)
{
        regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)value.len};

        return (value.type == SQ_STR || value.type == SQ_BIN) &&
               regexec(node->regex, value.as.ptr, 1, &range, REG_STARTEND) == 0;
}

static bool
leaf_holds(const struct node *node, struct sq_value value)
{
        enum sq_order order;

        if (node->op == CONTAINS)
                return contains(value, node->value);
        if (node->op == MATCHES)
                return matches(node, value);
        order = compare(value, node->value);
        switch (node->op) {
        case EQ:
                return order == SQ_EQUAL;
        case NE:
                return order != SQ_EQUAL;
        case LT:
                return order == SQ_LESS;
        case LE:
                return order == SQ_LESS || order == SQ_EQUAL;
        case GT:
                return order == SQ_GREATER;
        default:
                return order == SQ_GREATER || order == SQ_EQUAL;
        }
}

static bool
holds_at(const struct sq_condition *condition, unsigned at, const struct sq_tuple *in)
{
        const struct node *node = &condition->nodes[at];

        switch (node->op) {
        case AND:
                return holds_at(condition, node->left, in) && holds_at(condition, node->right, in);
        case OR:
                return holds_at(condition, node->left, in) || holds_at(condition, node->right, in);
        case NOT:
                return !holds_at(condition, node->left, in);
        case CONST:
                return node->value.as.b;
        default:
                return leaf_holds(node, sq_get(in, node->field));
        }
}

bool
sq_condition_holds(const struct sq_condition *condition, const struct sq_tuple *in)
{
        return holds_at(condition, condition->n - 1, in);
}

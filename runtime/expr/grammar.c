/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions, read by recursive descent:
 *
 *     expression = "if" expression "then" expression "else" expression | or
 *     or         = and { "or" and }
 *     and        = not { "and" not }
 *     not        = "not" not | comparison
 *     comparison = else [ OP else ]     OP: == != < <= > >= contains matches in "not in"
 *     else       = sum [ "??" else ]
 *     sum        = product { "+" product | "-" product }
 *     product    = unary { "*" unary | "/" unary | "//" unary | "%" unary }
 *     unary      = "-" unary | part
 *     part       = primary { "." NAME | "[" expression "]" }
 *     primary    = NUMBER | TEXT | "true" | "false" | "null" | FIELD | NAME "(" arguments ")" | "(" expression ")"
 *                | "[" items "]" | "{" KEY ":" expression, ... "}"
 *
 * TEXT stands in '' or "" (\ in front of that quote or of \ takes it as it is, else it stands for itself). A FIELD is
 * the longest name of an input field that stands there, or any text in `backquotes`: so `user.id` is the field of that
 * name if there is one, else the member `id` of `user`. Behind a comparison a word that is none of this is a text.
 *
 * What is made of constants alone is calculated at once.
 */
#include "expr/lexer.h"

#include <stdio.h>
#include <string.h>

enum { ITEMS_MAX = 4096 };

static struct sqi_node *read_expression(struct sqi_lexer *reader);
static struct sqi_node *read_binary(struct sqi_lexer *reader, unsigned strength);

/* ---- Primaries --------------------------------------------------------------------------------------- */
static size_t
number_length(const char *at)
{
        const char *end = at + strspn(at, "0123456789");

        if (*end == '.' && sqi_is_digit(end[1]))
                end += 1 + strspn(end + 1, "0123456789");
        if ((*end | 0x20) == 'e' &&
            (sqi_is_digit(end[1]) || ((end[1] == '-' || end[1] == '+') && sqi_is_digit(end[2]))))
                end += 2 + strspn(end + 2, "0123456789");
        return (size_t)(end - at);
}

/* Nothing more that a name or number could go on with. */
static struct sqi_node *
read_number(struct sqi_lexer *reader)
{
        const char *end = reader->at + number_length(reader->at);
        uint32_t at = sqi_here(reader);
        struct sq_value value;
        struct sq_str text;

        text = (struct sq_str){reader->at, (size_t)(end - reader->at)};
        if (sqi_is_name(*end) || (*end == '.' && sqi_is_name(end[1])))
                return sqi_fail(
                        reader, at, "`%.*s` is not a number (a text stands in quotes)",
                        (int)strspn(reader->at, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._"),
                        reader->at);
        if (!sq_read_number(text, &value))
                return sqi_fail(reader, at, "the number is beyond all doubles");
        reader->at = end;
        return sqi_new_constant(reader, at, value);
}

struct items {
        size_t n;
        struct sqi_node **nodes;
        size_t room;
};

static bool
add_item(struct sqi_lexer *reader, struct items *items, struct sqi_node *node)
{
        size_t room = items->room ? 2 * items->room : 8;
        struct sqi_node **nodes = items->nodes;

        if (!node)
                return false;
        if (items->n == ITEMS_MAX)
                return sqi_fail(reader, node->at, "more than %d of them", ITEMS_MAX);
        if (items->n == items->room) {
                nodes = sqi_scratch_take(&reader->scope->build.scratch, room * sizeof(struct sqi_node *));
                if (!nodes)
                        return sqi_fail(reader, node->at, "no memory for it");
                if (items->n)
                        memcpy(nodes, items->nodes, items->n * sizeof(struct sqi_node *));
                items->nodes = nodes;
                items->room = room;
        }
        items->nodes[items->n++] = node;
        return true;
}

/* Expressions between commas, up to the closing bracket. */
static bool
read_items(struct sqi_lexer *reader, const char *closing, struct items *ret)
{
        *ret = (struct items){0};
        if (sqi_take(reader, closing))
                return true;
        do
                if (!add_item(reader, ret, read_expression(reader)))
                        return false;
        while (sqi_take(reader, ","));
        return sqi_take(reader, closing) || sqi_expected(reader, *closing == ')' ? "`,` or `)`" : "`,` or `]`");
}

static struct sqi_node *
read_array(struct sqi_lexer *reader)
{
        uint32_t at = sqi_here(reader);
        struct items items;
        struct sqi_node *node;

        reader->at++;
        if (!read_items(reader, "]", &items))
                return NULL;
        node = sqi_new_node(reader, sqi_eval_array, at, items.n, items.nodes);
        if (node)
                node->type = SQ_ARRAY;
        return sqi_fold(reader, node);
}

/* A key of a map literal: a name, or a text in quotes. */
static struct sqi_node *
read_key(struct sqi_lexer *reader)
{
        size_t len;
        uint32_t at;
        struct sq_str key;

        sqi_skip_space(reader);
        at = sqi_here(reader);
        len = sqi_name_length(reader->at);
        if (*reader->at == '\'' || *reader->at == '"' || *reader->at == '`')
                return sqi_read_quoted(reader, &key) ? sqi_new_text(reader, at, key) : NULL;
        if (len == 0)
                return sqi_expected(reader, "a key");
        if (!sqi_copy(reader, reader->at, len, &key))
                return NULL;
        reader->at += len;
        return sqi_new_text(reader, at, key);
}

static bool
read_pair(struct sqi_lexer *reader, struct items *items)
{
        if (!add_item(reader, items, read_key(reader)))
                return false;
        if (!sqi_take(reader, ":"))
                return sqi_expected(reader, "`:`");
        return add_item(reader, items, read_expression(reader));
}

static struct sqi_node *
read_map(struct sqi_lexer *reader)
{
        uint32_t at = sqi_here(reader);
        struct items items = {0};
        struct sqi_node *node;

        reader->at++;
        if (!sqi_take(reader, "}")) {
                do
                        if (!read_pair(reader, &items))
                                return NULL;
                while (sqi_take(reader, ","));
                if (!sqi_take(reader, "}"))
                        return sqi_expected(reader, "`,` or `}`");
        }
        node = sqi_new_node(reader, sqi_eval_map, at, items.n, items.nodes);
        if (node)
                node->type = SQ_MAP;
        return sqi_fold(reader, node);
}

static bool
prepare_call(struct sqi_lexer *reader, struct sqi_node *node)
{
        struct sqi_evaluation *run = &reader->scope->build;

        if (!node->function->prepare)
                return true;
        run->at = node->at;
        node->function->prepare(run, node);
        sqi_keep_prepared(reader, node);
        return !run->failed || sqi_fail(reader, run->failed_at, "%s", run->cause);
}

static struct sqi_node *
read_call(struct sqi_lexer *reader, size_t len)
{
        const struct sqi_function *function = sqi_function_find(reader->at, len);
        uint32_t at = sqi_here(reader), wrong_at = at;
        struct sqi_node *node;
        struct items items;
        uint16_t *kinds;
        char cause[240];

        if (!function)
                return sqi_fail(reader, at, "no function `%.*s` (`squall eval --functions` lists them)", (int)len,
                                reader->at);
        reader->at += len;
        (void)sqi_take(reader, "(");
        if (!read_items(reader, ")", &items))
                return NULL;
        if (items.n > SQI_ARGS_MAX)
                return sqi_fail(reader, at, "more than %d arguments", SQI_ARGS_MAX);
        node = sqi_new_node(reader, sqi_eval_call, at, items.n, items.nodes);
        kinds = sqi_scratch_take(&reader->scope->build.scratch, SQI_ARGS_MAX * sizeof(*kinds));
        if (!node || !kinds)
                return sqi_fail(reader, at, "no memory for it");
        node->function = function;
        node->kinds = kinds;
        if (!sqi_function_check(node, kinds, cause, sizeof(cause), &wrong_at))
                return sqi_fail(reader, wrong_at, "%s", cause);
        return prepare_call(reader, node) ? sqi_fold(reader, node) : NULL;
}

static struct sqi_node *
read_word(struct sqi_lexer *reader)
{
        size_t len = sqi_name_length(reader->at), field_len;
        const char *at = reader->at, *behind = at + len + strspn(at + len, " \t\r\n");
        uint32_t place = sqi_here(reader);
        int field = sqi_find_field(reader->scope, at, &field_len);

        if (sqi_take(reader, "true"))
                return sqi_new_constant(reader, place, sq_bool(true));
        if (sqi_take(reader, "false"))
                return sqi_new_constant(reader, place, sq_bool(false));
        if (sqi_take(reader, "null"))
                return sqi_new_constant(reader, place, sq_nil());
        if (len > 0 && *behind == '(' && field_len <= len && !sqi_is_reserved(at, len))
                return read_call(reader, len);
        if (field >= 0)
                len = field_len;
        else if (len == 0 || sqi_is_reserved(at, len))
                return sqi_expected(reader, "a field, a constant or a function");
        reader->at += len;
        return sqi_new_field(reader, place, (struct sq_str){at, len}, field);
}

static struct sqi_node *
read_primary(struct sqi_lexer *reader)
{
        struct sqi_node *node;
        struct sq_str name;
        uint32_t at;
        size_t len;
        char c;

        sqi_skip_space(reader);
        at = sqi_here(reader);
        c = *reader->at;
        if (c == '\'' || c == '"')
                return sqi_read_quoted(reader, &name) ? sqi_new_text(reader, at, name) : NULL;
        if (c == '`')
                return sqi_read_quoted(reader, &name)
                               ? sqi_new_field(reader, at, name, sqi_find_named(reader->scope, name))
                               : NULL;
        if (sqi_is_digit(c) && sqi_find_field(reader->scope, reader->at, &len) >= 0 && len > number_length(reader->at))
                return read_word(reader);
        if (sqi_is_digit(c) || (c == '.' && sqi_is_digit(reader->at[1])))
                return read_number(reader);
        if (c == '[')
                return read_array(reader);
        if (c == '{')
                return read_map(reader);
        if (c != '(')
                return read_word(reader);
        reader->at++;
        node = read_expression(reader);
        if (node && !sqi_take(reader, ")"))
                return sqi_expected(reader, "`)` or an operator");
        return node;
}

static struct sqi_node *
new_index(struct sqi_lexer *reader, struct sqi_node *whole, struct sqi_node *key, uint32_t at)
{
        struct sqi_node *args[2] = {whole, key};

        if (!whole || !key || !sqi_check_whole(reader, whole))
                return NULL;
        return sqi_fold(reader, sqi_new_node(reader, sqi_eval_index, at, 2, args));
}

static struct sqi_node *
read_part(struct sqi_lexer *reader)
{
        struct sqi_node *node = read_primary(reader);

        while (node && !reader->failed) {
                uint32_t at = sqi_here(reader);
                if (*reader->at == '.' && (sqi_begins_name(reader->at[1]) || reader->at[1] == '`')) {
                        reader->at++;
                        node = new_index(reader, node, read_key(reader), at);
                } else if (*reader->at == '[') {
                        reader->at++;
                        node = new_index(reader, node, read_expression(reader), at);
                        if (node && !sqi_take(reader, "]"))
                                return sqi_expected(reader, "`]`");
                } else
                        break;
        }
        return reader->failed ? NULL : node;
}

static struct sqi_node *
read_unary(struct sqi_lexer *reader)
{
        struct sqi_node *node;
        uint32_t at;

        sqi_skip_space(reader);
        at = sqi_here(reader);
        if (*reader->at != '-')
                return read_part(reader);
        if (reader->depth >= SQI_DEPTH_MAX)
                return sqi_expected(reader, "fewer brackets");
        reader->at++;
        reader->depth++;
        node = read_unary(reader);
        reader->depth--;
        node = node ? sqi_new_node(reader, sqi_eval_minus, at, 1, &node) : NULL;
        return node && sqi_check_minus(reader, node) ? sqi_fold(reader, node) : NULL;
}

/* ---- Operators --------------------------------------------------------------------------------------- */

/* What was a word of a condition: letters, digits and _ . - + */
static size_t
bare_length(const char *at)
{
        size_t n = 0;

        while (sqi_is_name(at[n]) || (at[n] && strchr("_.-+", at[n])))
                n++;
        return n;
}

/* Whether behind a comparison a word stands for itself. */
static bool
is_bare(struct sqi_lexer *reader, size_t *ret_len)
{
        struct sq_value number;
        size_t len, field_len, name;
        const char *at;

        sqi_skip_space(reader);
        at = reader->at;
        len = bare_length(at);
        name = sqi_name_length(at);
        *ret_len = len;
        if (sqi_is_digit(*at)) {
                if (sq_read_number((struct sq_str){at, len}, &number))
                        return false;
                if (!memchr(at, '-', len) && !memchr(at, '+', len))
                        return true;
                sqi_fail(reader, sqi_here(reader),
                         "`%.*s` may be a text, which stands in quotes, or a calculation, which has blanks "
                         "around its signs",
                         (int)(len < 40 ? len : 40), at);
                return false;
        }
        if (name == 0 || reader->scope->open || sqi_is_reserved(at, name) ||
            sqi_find_field(reader->scope, at, &field_len) >= 0)
                return false;
        return at[name + strspn(at + name, " \t\r\n")] != '(';
}

static struct sqi_node *
read_right(struct sqi_lexer *reader, const struct sqi_operator *op, unsigned strength)
{
        uint32_t at;
        struct sq_str text;
        size_t len;

        if (op->rule == SQI_ELSE)
                return read_binary(reader, strength);
        if ((op->rule == SQI_ORDER || op->rule == SQI_EQUALITY || op->rule == SQI_CONTAINS) && is_bare(reader, &len)) {
                at = sqi_here(reader);
                if (!sqi_copy(reader, reader->at, len, &text))
                        return NULL;
                reader->at += len;
                return sqi_new_text(reader, at, text);
        }
        return reader->failed ? NULL : read_binary(reader, strength + 1);
}

static const struct sqi_operator *
take_operator(struct sqi_lexer *reader, unsigned strength)
{
        for (const struct sqi_operator *op = sqi_operators; op->text; op++)
                if (op->strength == strength && sqi_take(reader, op->text))
                        return op;
        return NULL;
}

/* `/` at the strength of products is not the start of `//`: that stands first. */
static struct sqi_node *
read_chain(struct sqi_lexer *reader, struct sqi_node *left, unsigned strength)
{
        const struct sqi_operator *op;
        struct sqi_node *args[2], *node;
        uint32_t at;

        sqi_skip_space(reader);
        at = sqi_here(reader);
        while (left && (op = take_operator(reader, strength))) {
                args[0] = left;
                args[1] = read_right(reader, op, strength);
                node = args[1] ? sqi_new_node(reader, op->eval, at, 2, args) : NULL;
                if (!node || !sqi_check_binary(reader, op, node))
                        return NULL;
                left = sqi_fold(reader, node);
                if (left && strength == SQI_STRENGTH_COMPARE && take_operator(reader, strength))
                        return sqi_fail(reader, at, "one comparison follows another: put `and` between them");
                sqi_skip_space(reader);
                at = sqi_here(reader);
        }
        return left;
}

static struct sqi_node *
read_not(struct sqi_lexer *reader)
{
        uint32_t at = sqi_here(reader);
        struct sqi_node *node;

        if (reader->depth >= SQI_DEPTH_MAX)
                return sqi_expected(reader, "fewer brackets");
        reader->depth++;
        node = read_binary(reader, SQI_STRENGTH_COMPARE);
        reader->depth--;
        if (!node || !sqi_check_condition(reader, node))
                return NULL;
        node = sqi_new_node(reader, sqi_eval_not, at, 1, &node);
        if (node)
                node->type = SQ_BOOL;
        return sqi_fold(reader, node);
}

static struct sqi_node *
read_binary(struct sqi_lexer *reader, unsigned strength)
{
        if (strength > SQI_STRENGTH_MAX)
                return read_unary(reader);
        if (strength == SQI_STRENGTH_COMPARE && sqi_take(reader, "not"))
                return read_not(reader);
        return read_chain(reader, read_binary(reader, strength + 1), strength);
}

static struct sqi_node *
read_if(struct sqi_lexer *reader, uint32_t at)
{
        struct sqi_node *args[3] = {0}, *node;

        args[0] = read_expression(reader);
        if (!args[0] || !sqi_check_condition(reader, args[0]))
                return NULL;
        if (!sqi_take(reader, "then"))
                return sqi_expected(reader, "`then`");
        if (!(args[1] = read_expression(reader)))
                return NULL;
        if (!sqi_take(reader, "else"))
                return sqi_expected(reader, "`else`");
        if (!(args[2] = read_expression(reader)) || !(node = sqi_new_node(reader, sqi_eval_if, at, 3, args)))
                return NULL;
        node->type = (uint8_t)sqi_common_type(args[1]->type, args[2]->type);
        return sqi_fold(reader, node);
}

static struct sqi_node *
read_expression(struct sqi_lexer *reader)
{
        struct sqi_node *node;
        uint32_t at;

        sqi_skip_space(reader);
        at = sqi_here(reader);
        if (reader->depth >= SQI_DEPTH_MAX)
                return sqi_expected(reader, "fewer brackets");
        reader->depth++;
        node = sqi_take(reader, "if") ? read_if(reader, at) : read_binary(reader, 1);
        reader->depth--;
        return reader->failed ? NULL : node;
}

struct sqi_node *
sqi_expr_read(struct sqi_scope *scope, const char *text, char *wrong, size_t size)
{
        struct sqi_lexer reader = {.scope = scope, .text = text, .at = text};
        struct sqi_node *node = read_expression(&reader);
        char place[48];

        sqi_skip_space(&reader);
        if (node && *reader.at)
                node = sqi_expected(&reader, "an operator or the end");
        scope->build.failed = false;
        if (node)
                return node;
        sqi_place(text, reader.wrong_at, place, sizeof(place));
        snprintf(wrong, size, "%s%s", place, reader.wrong);
        return NULL;
}

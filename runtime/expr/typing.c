/* SPDX-License-Identifier: Apache-2.0 */
/* Whether operands fit their operator, as far as their types are known. */
#include "expr/lexer.h"

#include <stdio.h>
#include <string.h>

#include "kit/regex.h"

static bool
is_open(enum sq_type type)
{
        return type == SQ_ANY || type == SQ_NIL;
}

static bool
is_text(enum sq_type type)
{
        return type == SQ_STR || type == SQ_BIN || type == SQ_TEXT;
}

static bool
is_number(enum sq_type type)
{
        return type == SQ_INT || type == SQ_UINT || type == SQ_FLOAT;
}

/* What an operand is called in a message: the text of a field, or a constant. */
static const char *
shown(const struct sqi_lexer *reader, const struct sqi_node *node, char *buffer, size_t size)
{
        char json[64];

        if (node->is_constant && sq_json(node->value, json, sizeof(json)) > 0)
                snprintf(buffer, size, "%s", json);
        else if (node->eval == sqi_eval_field)
                snprintf(buffer, size, "`%.48s` (declared as %s)",
                         reader->scope->fields[reader->scope->used[node->field]].name,
                         sq_type_name((enum sq_type)node->type));
        else
                snprintf(buffer, size, "what is of type %s", sq_type_name((enum sq_type)node->type));
        return buffer;
}

static bool
may_compare(const struct sqi_node *left, const struct sqi_node *right)
{
        enum sq_type a = left->type, b = right->type;

        if (is_open(a) || is_open(b) || a == b || (is_text(a) && is_text(b)) || (is_number(a) && is_number(b)))
                return true;
        return (a == SQ_TEXT && is_number(b)) || (b == SQ_TEXT && is_number(a));
}

static bool
check_comparison(struct sqi_lexer *reader, const struct sqi_node *left, const struct sqi_node *right)
{
        char a[112], b[112];
        const struct sqi_node *text = left->type == SQ_STR ? left : right, *number = text == left ? right : left;

        if (may_compare(left, right))
                return true;
        shown(reader, left, a, sizeof(a));
        shown(reader, right, b, sizeof(b));
        if (text->eval == sqi_eval_field && is_number(number->type) && number->is_constant)
                sqi_fail(reader, left->at,
                         "`%.48s` is a str, which does not compare with %s: write '%s', or declare the field as a "
                         "number where it is read",
                         reader->scope->fields[reader->scope->used[text->field]].name, number == right ? b : a,
                         number == right ? b : a);
        else
                sqi_fail(reader, left->at, "%s does not compare with %s", a, b);
        return false;
}

static bool
check_contains(struct sqi_lexer *reader, const struct sqi_node *whole, const struct sqi_node *part)
{
        char buffer[112];

        if (is_open(whole->type) || whole->type == SQ_ARRAY || whole->type == SQ_MAP)
                return true;
        if (!is_text(whole->type))
                sqi_fail(reader, whole->at, "nothing is in %s: right is a text, an array or a map",
                         shown(reader, whole, buffer, sizeof(buffer)));
        else if (!is_open(part->type) && !is_text(part->type))
                sqi_fail(reader, part->at, "a text is in a text, and not %s",
                         shown(reader, part, buffer, sizeof(buffer)));
        return !reader->failed;
}

bool
sqi_check_condition(struct sqi_lexer *reader, const struct sqi_node *node)
{
        char buffer[112];

        if (is_open(node->type) || node->type == SQ_BOOL)
                return true;
        sqi_fail(reader, node->at, "a condition is true or false, and not %s",
                 shown(reader, node, buffer, sizeof(buffer)));
        return false;
}

static bool
check_number(struct sqi_lexer *reader, const struct sqi_node *node, const char *sign)
{
        char buffer[112];
        const char *mend = "";

        if (is_open(node->type) || sq_may_be_number(node->type))
                return true;
        if (node->type == SQ_STR)
                mend = *sign == '+' ? ": concat() joins texts, int() and float() read one as a number"
                                    : ": int() and float() read a text as a number";
        else if (node->type == SQ_TIME)
                mend = ": time_add() and time_diff() work with times";
        sqi_fail(reader, node->at, "`%s` works with numbers, and not with %s%s", sign,
                 shown(reader, node, buffer, sizeof(buffer)), mend);
        return false;
}

enum sq_type
sqi_common_type(enum sq_type a, enum sq_type b)
{
        if (a == b || b == SQ_NIL)
                return a;
        return a == SQ_NIL ? b : SQ_ANY;
}

static enum sq_type
sum_type(enum sq_type a, enum sq_type b)
{
        bool whole = (a == SQ_INT || a == SQ_UINT) && (b == SQ_INT || b == SQ_UINT);

        return whole ? SQ_INT : a == SQ_FLOAT || b == SQ_FLOAT ? SQ_FLOAT : SQ_ANY;
}

static bool
prepare_regex(struct sqi_lexer *reader, struct sqi_node *node, const struct sqi_node *pattern)
{
        char cause[200];

        if (!pattern->is_constant || pattern->type != SQ_STR) {
                sqi_fail(reader, pattern->at, "expected a regular expression in quotes");
                return false;
        }
        node->prepared = sqi_regex_new((struct sq_str){pattern->value.as.ptr, pattern->value.len}, cause,
                                       sizeof(cause));
        if (!node->prepared)
                sqi_fail(reader, pattern->at, "%s", cause);
        sqi_keep_prepared(reader, node);
        return node->prepared;
}

static bool
check_matches(struct sqi_lexer *reader, struct sqi_node *node)
{
        char buffer[112];

        if (!is_open(node->args[0]->type) && !is_text(node->args[0]->type)) {
                sqi_fail(reader, node->args[0]->at, "%s is not a text, which a regular expression matches",
                         shown(reader, node->args[0], buffer, sizeof(buffer)));
                return false;
        }
        return prepare_regex(reader, node, node->args[1]);
}

/* Whether the operands fit, and the type of what comes out. */
bool
sqi_check_binary(struct sqi_lexer *reader, const struct sqi_operator *op, struct sqi_node *node)
{
        struct sqi_node *left = node->args[0], *right = node->args[1];

        node->type = SQ_BOOL;
        switch ((enum sqi_rule)op->rule) {
        case SQI_LOGIC:
                return sqi_check_condition(reader, left) && sqi_check_condition(reader, right);
        case SQI_ORDER:
        case SQI_EQUALITY:
                return check_comparison(reader, left, right);
        case SQI_CONTAINS:
                return check_contains(reader, left, right);
        case SQI_IN:
                return check_contains(reader, right, left);
        case SQI_MATCHES:
                return check_matches(reader, node);
        case SQI_ELSE:
                node->type = (uint8_t)sqi_common_type(left->type, right->type);
                return true;
        default:
                node->type = op->rule == SQI_DIVIDE ? SQ_FLOAT : (uint8_t)sum_type(left->type, right->type);
                return check_number(reader, left, op->text) && check_number(reader, right, op->text);
        }
}

bool
sqi_check_whole(struct sqi_lexer *reader, const struct sqi_node *node)
{
        char buffer[112];

        if (is_open(node->type) || node->type == SQ_MAP || node->type == SQ_ARRAY)
                return true;
        return sqi_fail(reader, node->at, "%s has no parts", shown(reader, node, buffer, sizeof(buffer)));
}

bool
sqi_check_minus(struct sqi_lexer *reader, struct sqi_node *node)
{
        node->type = (uint8_t)sum_type(SQ_INT, node->args[0]->type);
        return check_number(reader, node->args[0], "-");
}

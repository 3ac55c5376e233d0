/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of functions, checked by the signatures that their documentation shows. */
#include "expr/expr.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What types an argument may have: bits by enum sq_type. */
enum {
        ANY = 0xffff,
        INT = 1 << SQ_INT,
        FLOAT = 1 << SQ_FLOAT,
        NUMBER = INT | 1 << SQ_UINT | FLOAT,
        TEXT = 1 << SQ_STR | 1 << SQ_BIN,
};

static const struct {
        const char *name;
        uint16_t kinds;
        enum sq_type type; /* as a result */
} kinds_of_names[] = {
        {"any", ANY, SQ_ANY},
        {"str", TEXT, SQ_STR},
        {"int", INT, SQ_INT},
        {"uint", NUMBER & ~FLOAT, SQ_UINT},
        {"float", FLOAT, SQ_FLOAT},
        {"number", NUMBER, SQ_ANY},
        {"bool", 1 << SQ_BOOL, SQ_BOOL},
        {"time", 1 << SQ_TIME, SQ_TIME},
        {"array", 1 << SQ_ARRAY, SQ_ARRAY},
        {"map", 1 << SQ_MAP, SQ_MAP},
        {"null", 1 << SQ_NIL, SQ_NIL},
        {"span", TEXT | NUMBER, SQ_ANY},
};

const struct sqi_chapter sqi_chapters[] = {
        {"Texts", sqi_text_functions},
        {"Numbers", sqi_number_functions},
        {"Times", sqi_time_functions},
        {"Arrays and maps", sqi_list_functions},
        {"Addresses", sqi_net_functions},
        {"Types", sqi_type_functions},
        {NULL, NULL},
};

struct param {
        uint16_t kinds;
        bool optional, repeated;
        struct sq_str type; /* as it is written */
};

bool
sq_function(unsigned number, struct sq_function *ret)
{
        const struct sqi_function *f;

        for (const struct sqi_chapter *chapter = sqi_chapters; chapter->title; chapter++)
                for (f = chapter->functions; f->signature; f++)
                        if (number-- == 0) {
                                *ret = (struct sq_function){chapter->title, f->signature, f->about, f->example,
                                                            f->result};
                                return true;
                        }
        return false;
}

static size_t
name_of(const struct sqi_function *function)
{
        return strcspn(function->signature, "(");
}

const struct sqi_function *
sqi_function_find(const char *name, size_t len)
{
        const struct sqi_function *function;

        for (const struct sqi_chapter *chapter = sqi_chapters; chapter->title; chapter++)
                for (function = chapter->functions; function->signature; function++)
                        if (name_of(function) == len && strncmp(function->signature, name, len) == 0)
                                return function;
        return NULL;
}

static uint16_t
kinds_of(struct sq_str type)
{
        uint16_t kinds = 0;
        size_t n;

        for (; type.len > 0; type.ptr += n, type.len -= n) {
                for (n = 0; n < type.len && type.ptr[n] != '|';)
                        n++;
                for (size_t i = 0; i < sizeof(kinds_of_names) / sizeof(*kinds_of_names); i++)
                        if (sq_str_is((struct sq_str){type.ptr, n}, kinds_of_names[i].name))
                                kinds |= kinds_of_names[i].kinds;
                n += n < type.len;
        }
        return kinds;
}

/* Takes a parameter off a signature; false at its end. */
static bool
next_param(const char **at, struct param *ret)
{
        const char *colon = strchr(*at, ':'), *end = strpbrk(*at, ",)");

        if (!colon || !end || colon > end)
                return false;
        *ret = (struct param){.type = {colon + 2, (size_t)(end - colon - 2)}};
        if (ret->type.len > 3 && strncmp(end - 3, "...", 3) == 0) {
                ret->repeated = true;
                ret->type.len -= 3;
        } else if (end[-1] == '?') {
                ret->optional = true;
                ret->type.len--;
        }
        ret->kinds = kinds_of(ret->type);
        *at = *end == ',' ? end + 1 : end;
        return true;
}

/* Whether a value of the type, as far as it is known, may be one of the kinds. */
static bool
may_be(enum sq_type type, uint16_t kinds)
{
        if (type == SQ_ANY || type == SQ_NIL)
                return true;
        if (type == SQ_TEXT)
                return kinds & (TEXT | NUMBER);
        if ((type == SQ_INT || type == SQ_UINT) && kinds & NUMBER)
                return true;
        return kinds & 1u << type;
}

static bool
check_args(struct sqi_node *node, uint16_t *kinds, char *wrong, size_t size, uint32_t *ret_at)
{
        const char *signature = node->function->signature, *at = signature + name_of(node->function) + 1;
        struct param param = {0};
        unsigned n = 0;

        while (n < node->nargs && (param.repeated || next_param(&at, &param))) {
                kinds[n] = param.kinds;
                if (!may_be((enum sq_type)node->args[n]->type, param.kinds)) {
                        *ret_at = node->args[n]->at;
                        snprintf(wrong, size, "argument %u is of type %.*s, and not %s: %s", n + 1, (int)param.type.len,
                                 param.type.ptr, sq_type_name((enum sq_type)node->args[n]->type), signature);
                        return false;
                }
                n++;
        }
        if (n == node->nargs && (param.repeated || !next_param(&at, &param) || param.optional || (param.repeated && n)))
                return true;
        snprintf(wrong, size, "%s arguments: %s", n < node->nargs ? "too many" : "too few", signature);
        return false;
}

static enum sq_type
type_of_all(const struct sqi_node *node)
{
        enum sq_type type = node->nargs ? (enum sq_type)node->args[0]->type : SQ_ANY;

        for (unsigned i = 1; i < node->nargs; i++)
                if (node->args[i]->type != type)
                        return SQ_ANY;
        return type == SQ_TEXT ? SQ_ANY : type;
}

bool
sqi_function_check(struct sqi_node *node, uint16_t *kinds, char *wrong, size_t size, uint32_t *ret_at)
{
        const char *result = strstr(node->function->signature, "-> ") + 3;

        if (!check_args(node, kinds, wrong, size, ret_at))
                return false;
        node->type = (uint8_t)type_of_all(node);
        for (size_t i = 0; i < sizeof(kinds_of_names) / sizeof(*kinds_of_names); i++)
                if (strcmp(kinds_of_names[i].name, result) == 0)
                        node->type = (uint8_t)kinds_of_names[i].type;
        return true;
}

/* Makes the value one of the kinds, if that loses nothing: text that reads as a number, a double that is whole. */
static bool
adapt(struct sq_value *value, uint16_t kinds, bool quoted)
{
        static const struct sq_conversion whole = {.type = SQ_INT};
        struct sq_value number;

        if (!(kinds & NUMBER) || quoted || !sq_number_of(*value, &number))
                return false;
        if (kinds & 1u << number.type)
                *value = number;
        else if (kinds & INT)
                return sq_convert(&whole, number, value);
        else
                *value = sq_float(sq_real_of(number));
        return true;
}

static struct sq_value
refuse(struct sqi_evaluation *run, const struct sqi_node *node, unsigned i, struct sq_value value)
{
        char shown[64];

        sq_json(value, shown, sizeof(shown));
        run->at = node->args[i]->at;
        return sqi_wrong(run, "argument %u of %.*s() cannot be %s", i + 1, (int)name_of(node->function),
                         node->function->signature, shown);
}

struct sq_value
sqi_eval_call(const struct sqi_node *node, struct sqi_evaluation *run)
{
        struct sq_value args[SQI_ARGS_MAX];

        for (unsigned i = 0; i < node->nargs; i++) {
                const struct sqi_node *arg = node->args[i];
                args[i] = arg->eval(arg, run);
                if (node->kinds[i] & 1u << args[i].type)
                        continue;
                if (args[i].type == SQ_NIL)
                        return sq_nil();
                if (!adapt(&args[i], node->kinds[i], arg->is_quoted))
                        return refuse(run, node, i, args[i]);
        }
        run->at = node->at;
        return node->function->call(run, node, node->nargs, args);
}

void
sqi_forget(struct sqi_node *node)
{
        if (node->function && node->function->forget)
                node->function->forget(node->prepared);
}

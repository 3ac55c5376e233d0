/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that make one type of another, by the rule of declared fields. */
#include "expr/expr.h"
#include "expr/text.h"

static struct sq_value
convert(struct sqi_evaluation *run, enum sq_type type, struct sq_value value)
{
        struct sq_conversion conversion = {.type = type};
        struct sq_value converted;
        char shown[64];

        if (sq_convert(&conversion, value, &converted))
                return converted;
        sq_json(value, shown, sizeof(shown));
        return sqi_wrong(run, "%s is not %s", shown, sq_type_name(type));
}

static struct sq_value
call_int(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_value number;

        (void)node;
        (void)n;
        if (args[0].type == SQ_BOOL)
                return sq_int(args[0].as.b);
        /* 12.7 is 12; a text must be whole. */
        if (args[0].type == SQ_FLOAT && args[0].as.f > -0x1p63 && args[0].as.f < 0x1p63)
                return sq_int((int64_t)args[0].as.f);
        if (args[0].type == SQ_STR && sq_number_of(args[0], &number) && number.type == SQ_UINT)
                return number;
        return args[0].type == SQ_UINT ? args[0] : convert(run, SQ_INT, args[0]);
}

static struct sq_value
call_float(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)node;
        (void)n;
        return args[0].type == SQ_BOOL ? sq_float(args[0].as.b) : convert(run, SQ_FLOAT, args[0]);
}

static struct sq_value
call_bool(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)node;
        (void)n;
        if (args[0].type == SQ_INT)
                return sq_bool(args[0].as.i != 0);
        return convert(run, SQ_BOOL, args[0]);
}

static struct sq_value
call_str(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sqi_growing to = {.run = run};

        (void)node;
        (void)n;
        if (args[0].type == SQ_NIL || args[0].type == SQ_STR)
                return args[0];
        sqi_grow_value(&to, args[0]);
        return sqi_grown(&to);
}

static struct sq_value
call_json(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        size_t len = sq_json(args[0], NULL, 0);
        char *text = sqi_scratch_take(&run->scratch, len + 1);

        (void)node;
        (void)n;
        if (!text)
                return sqi_no_memory(run);
        sq_json(args[0], text, len + 1);
        return sqi_text_value(text, len);
}

static struct sq_value
call_type(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)run;
        (void)node;
        (void)n;
        return sq_text(args[0].type == SQ_NIL ? "null" : sq_type_name((enum sq_type)args[0].type));
}

const struct sqi_function sqi_type_functions[] = {
        {"int(x: str|number|bool) -> int",
         "A whole number: of a text that reads as one, of a number without its fraction, 1 of true.",
         "int('42') + int(1.9)", "43", .call = call_int},
        {"float(x: str|number|bool) -> float", "A number with a fraction, of a text that reads as one.", "float('1.5')",
         "1.5", .call = call_float},
        {"bool(x: str|int|bool) -> bool", "Of the texts true and false, or a number that is not 0.", "bool('TRUE')",
         "true", .call = call_bool},
        {"str(x: any) -> str", "A text as it is, a time in ISO 8601, anything else as JSON; null stays null.",
         "str([1, 'a'])", "\"[1,\\\"a\\\"]\"", .call = call_str},
        {"json(x: any) -> str", "The value as JSON.", "json('a')", "\"\\\"a\\\"\"", .call = call_json},
        {"type(x: any) -> str", "What type it is: null, bool, int, uint, float, str, bin, array, map, time.",
         "type(1.5)", "\"float\"", .call = call_type},
        {NULL, NULL, NULL, NULL, NULL, NULL, NULL, false},
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --flag, --flag value, --flag=value, -f value, -fvalue, -f=value, flags of one letter together, and -- before
 * operands that look like flags. Where a value may be left out, what begins with a dash is not it. Options and
 * operands may come in any order.
 */
#include "args.h"
#include <ctype.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "component/settings.h"

/* ---- What a verb asks -------------------------------------------------------------------------------- */

static const struct cli_value *
value_of(const struct cli_args *args, const char *name)
{
        const struct cli_option *options = args->entry->verb->options;

        for (size_t i = 0; i < CLI_OPTIONS_MAX && options[i].name; i++)
                if (strcmp(options[i].name, name) == 0)
                        return &args->values[i];
        fprintf(stderr, "squall: the verb '%s' asks for an option '%s' that it does not have\n", args->entry->name,
                name);
        abort();
}

size_t
cli_noperands(const struct cli_args *args)
{
        return args->noperands;
}

const char *
cli_operand(const struct cli_args *args, size_t i)
{
        return i < args->noperands ? args->operands[i] : NULL;
}

bool
cli_flag(const struct cli_args *args, const char *option)
{
        return value_of(args, option)->given;
}

bool
cli_given(const struct cli_args *args, const char *option)
{
        return value_of(args, option)->given;
}

const char *
cli_text(const struct cli_args *args, const char *option)
{
        return value_of(args, option)->text;
}

int64_t
cli_number(const struct cli_args *args, const char *option)
{
        return (int64_t)value_of(args, option)->number;
}

double
cli_seconds(const struct cli_args *args, const char *option)
{
        return value_of(args, option)->number;
}

const char *const *
cli_list(const struct cli_args *args, const char *option, size_t *ret_n)
{
        const struct cli_value *value = value_of(args, option);

        *ret_n = value->n;
        return value->list;
}

/* ---- Values ------------------------------------------------------------------------------------------ */

static bool
parse_number(const char *text, double *ret)
{
        int64_t number;

        if (sqi_parse_int(text, &number) < 0 || number > INT64_C(1) << 53 || number < -(INT64_C(1) << 53))
                return false;
        *ret = (double)number;
        return true;
}

/* 31 years in seconds; in nanoseconds it goes into 64 bits. */
static const double LONGEST = 1e9;

static bool
parse_duration(const char *text, double *ret)
{
        static const struct {
                const char *unit;
                double seconds;
        } units[] = {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
        size_t digits = strspn(text, "0123456789."), i;
        double number, scale = text[digits] == '\0' ? 1 : 0;
        char copy[32];

        for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
                if (strcmp(text + digits, units[i].unit) == 0)
                        scale = units[i].seconds;
        if (digits == 0 || digits >= sizeof(copy) || scale <= 0)
                return false;
        memcpy(copy, text, digits);
        copy[digits] = '\0';
        if (sqi_parse_float(copy, &number) < 0)
                return false;
        *ret = number * scale;
        return *ret <= LONGEST;
}

static int
wrong_choice(const char *what, const char *choices, const char *text)
{
        struct sqi_nearest nearest = sqi_nearest(text);
        char hint[SQI_HINT_SIZE];

        sqi_nearest_offer_choices(&nearest, choices);
        return cli_error(CLI_USAGE, "%s is one of %s, not '%s'%s", what, choices, text,
                         sqi_nearest_hint(&nearest, hint));
}

static int
set_value(const struct cli_option *option, const char *text, struct cli_value *value)
{
        char what[64];
        int64_t place;

        snprintf(what, sizeof(what), "--%s", option->name);
        if (option->choices && sqi_parse_choice(option->choices, text, &place) < 0)
                return wrong_choice(what, option->choices, text);
        if (option->type == CLI_NUMBER && !parse_number(text, &value->number))
                return cli_error(CLI_USAGE, "%s needs a whole number, not '%s'", what, text);
        if (option->type == CLI_DURATION && !parse_duration(text, &value->number))
                return cli_error(CLI_USAGE, "%s needs a time, not '%s' (10s, 500ms, 2m, 1h)", what, text);
        if ((option->type == CLI_NUMBER || option->type == CLI_DURATION) && value->number < (double)option->min)
                return cli_error(CLI_USAGE, "%s is at least %lld, not %s", what, (long long)option->min, text);
        if (option->type == CLI_LIST && value->n == CLI_LIST_MAX)
                return cli_error(CLI_USAGE, "%s is given more than %d times", what, CLI_LIST_MAX);
        if (option->type == CLI_LIST)
                value->list[value->n++] = text;
        value->text = text;
        return 0;
}

/* ---- The command line -------------------------------------------------------------------------------- */

struct parser {
        struct cli_args *args;
        char **at, **end;
        size_t noperands;
        char **operands;
};

static int
find_long(const struct cli_args *args, const char *name, size_t len)
{
        const struct cli_option *options = args->entry->verb->options;

        for (size_t i = 0; i < CLI_OPTIONS_MAX && options[i].name; i++)
                if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0)
                        return (int)i;
        return -1;
}

static int
find_letter(const struct cli_args *args, char letter)
{
        const struct cli_option *options = args->entry->verb->options;

        for (size_t i = 0; i < CLI_OPTIONS_MAX && options[i].name; i++)
                if (options[i].letter == letter)
                        return (int)i;
        return -1;
}

static int
unknown_option(const struct cli_args *args, const char *text, size_t len)
{
        const struct cli_option *options = args->entry->verb->options;
        char name[SQI_WORD_MAX + 1], hint[SQI_HINT_SIZE] = "";
        struct sqi_nearest nearest;

        snprintf(name, sizeof(name), "%.*s", (int)len, text);
        nearest = sqi_nearest(name + strspn(name, "-"));
        for (size_t i = 0; name[1] == '-' && i < CLI_OPTIONS_MAX && options[i].name; i++)
                sqi_nearest_offer(&nearest, options[i].name);
        if (sqi_nearest_name(&nearest))
                snprintf(hint, sizeof(hint), "did you mean --%s?", sqi_nearest_name(&nearest));
        else
                snprintf(hint, sizeof(hint), "see squall %s --help%s", args->entry->name,
                         args->entry->verb->operands[0].name ? "; an argument that begins with - stands behind --"
                                                             : "");
        return cli_error(CLI_USAGE, "unknown option '%s' (%s)", name, hint);
}

/* `value` is what stands in the same argument, or NULL. */
static int
take_option(struct parser *parser, int i, const char *value)
{
        const struct cli_option *option = &parser->args->entry->verb->options[i];
        struct cli_value *into = &parser->args->values[i];

        into->given = true;
        if (option->type == CLI_FLAG && value)
                return cli_error(CLI_USAGE, "--%s takes no value", option->name);
        if (option->type == CLI_FLAG)
                return 0;
        if (!value && option->implied && (parser->at == parser->end || parser->at[0][0] == '-'))
                value = option->implied;
        if (!value && parser->at == parser->end)
                return cli_error(CLI_USAGE, "--%s needs a value (%s)", option->name,
                                 option->value ? option->value : "VALUE");
        return set_value(option, value ? value : *parser->at++, into);
}

static int
take_long(struct parser *parser, const char *text)
{
        const char *equals = strchr(text, '=');
        size_t len = equals ? (size_t)(equals - text) : strlen(text);
        int i = find_long(parser->args, text + 2, len - 2);

        return i < 0 ? unknown_option(parser->args, text, len) : take_option(parser, i, equals ? equals + 1 : NULL);
}

static int
take_letters(struct parser *parser, const char *text)
{
        const char one[] = {'-', text[1], '\0'};
        const char *rest = text + 2;
        int i = find_letter(parser->args, text[1]);

        if (i < 0)
                return unknown_option(parser->args, one, 2);
        if (parser->args->entry->verb->options[i].type != CLI_FLAG)
                return take_option(parser, i, rest[0] == '\0' ? NULL : rest + (rest[0] == '='));
        for (parser->args->values[i].given = true; *rest != '\0'; rest++) {
                const char next[] = {'-', *rest, '\0'};

                i = find_letter(parser->args, *rest);
                if (i < 0 || parser->args->entry->verb->options[i].type != CLI_FLAG)
                        return unknown_option(parser->args, next, 2);
                parser->args->values[i].given = true;
        }
        return 0;
}

static int
take(struct parser *parser)
{
        const char *text = *parser->at++;

        if (strcmp(text, "--") == 0) {
                while (parser->at < parser->end)
                        parser->operands[parser->noperands++] = *parser->at++;
                return 0;
        }
        if (strcmp(text, "--help") == 0 || (strcmp(text, "-h") == 0 && find_letter(parser->args, 'h') < 0)) {
                parser->args->help = true;
                return 0;
        }
        if (text[0] == '-' && text[1] == '-')
                return take_long(parser, text);
        /* No option is a digit or a sign, so -5 and -(a + b) are operands: a key to query, an expression to eval. */
        if (text[0] == '-' && isalpha((unsigned char)text[1]))
                return take_letters(parser, text);
        parser->operands[parser->noperands++] = parser->at[-1];
        return 0;
}

static int
check_operands(const struct cli_args *args)
{
        const struct cli_operand *operands = args->entry->verb->operands;
        size_t i, n = 0;
        int64_t place;

        for (i = 0; i < CLI_OPERANDS_MAX && operands[i].name; i++, n++) {
                if (i >= args->noperands && !operands[i].optional)
                        return cli_error(CLI_USAGE, "%s is missing (squall %s --help says more)", operands[i].name,
                                         args->entry->name);
                if (i < args->noperands && operands[i].choices &&
                    sqi_parse_choice(operands[i].choices, args->operands[i], &place) < 0)
                        return wrong_choice(operands[i].name, operands[i].choices, args->operands[i]);
        }
        if (args->noperands > n && (n == 0 || !operands[n - 1].repeated))
                return cli_error(CLI_USAGE, "one argument too many: '%s' (squall %s --help says more)",
                                 args->operands[n], args->entry->name);
        return 0;
}

static void
set_fallbacks(struct cli_args *args)
{
        const struct cli_option *options = args->entry->verb->options;

        for (size_t i = 0; i < CLI_OPTIONS_MAX && options[i].name; i++)
                if (!args->values[i].given && options[i].fallback)
                        (void)set_value(&options[i], options[i].fallback, &args->values[i]);
}

int
cli_parse(const struct cli_entry *entry, int argc, char **argv, struct cli_args *ret)
{
        struct parser parser = {.args = ret, .at = argv, .end = argv + argc, .operands = argv};
        int r = 0;

        memset(ret, 0, sizeof(*ret));
        ret->entry = entry;
        ret->operands = (const char *const *)argv;
        while (r == 0 && parser.at < parser.end)
                r = take(&parser);
        ret->noperands = parser.noperands;
        if (r != 0 || ret->help)
                return ret->help ? 0 : r;
        r = check_operands(ret);
        if (r == 0)
                set_fallbacks(ret);
        return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"
#include "json.h"
#include "squall.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

struct cli_json
cli_json(FILE *out)
{
        return (struct cli_json){.out = out};
}

/* The length of the UTF-8 character at `at`, 0 if it is none (RFC 3629: no overlong forms, no surrogates). */
static int
utf8_length(const unsigned char *at)
{
        int n = *at < 0x80 ? 1 : *at >= 0xc2 && *at < 0xe0 ? 2 : (*at & 0xf0) == 0xe0 ? 3 : *at >= 0xf0 && *at < 0xf5 ? 4 : 0;
        int i;

        for (i = 1; i < n; i++)
                if ((at[i] & 0xc0) != 0x80)
                        return 0;
        if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
            (at[0] == 0xf4 && at[1] > 0x8f))
                return 0;
        return n;
}

static void
put_quoted(FILE *out, const char *text)
{
        const unsigned char *at = (const unsigned char *)text;
        int n;

        (void)fputc('"', out);
        while (*at != '\0') {
                n = utf8_length(at);
                if (n == 0)
                        (void)fputs("\\ufffd", out);
                else if (*at == '"' || *at == '\\')
                        (void)fprintf(out, "\\%c", *at);
                else if (*at == '\n')
                        (void)fputs("\\n", out);
                else if (*at < 0x20 || *at == 0x7f)
                        (void)fprintf(out, "\\u%04x", *at);
                else
                        (void)fwrite(at, 1, (size_t)n, out);
                at += n == 0 ? 1 : n;
        }
        (void)fputc('"', out);
}

static void
put_key(struct cli_json *json, const char *key)
{
        if (json->comma)
                (void)fputc(',', json->out);
        json->comma = true;
        if (key == NULL)
                return;
        put_quoted(json->out, key);
        (void)fputc(':', json->out);
}

void
cli_json_open(struct cli_json *json, const char *key, char bracket)
{
        put_key(json, key);
        (void)fputc(bracket, json->out);
        json->comma = false;
        json->depth++;
}

void
cli_json_close(struct cli_json *json, char bracket)
{
        (void)fputc(bracket, json->out);
        json->comma = --json->depth > 0;
        if (json->depth == 0)
                (void)fputc('\n', json->out);
}

void
cli_json_raw(struct cli_json *json, const char *key, const char *text)
{
        put_key(json, key);
        (void)fputs(text, json->out);
}

void
cli_json_text(struct cli_json *json, const char *key, const char *text)
{
        put_key(json, key);
        if (text == NULL)
                (void)fputs("null", json->out);
        else
                put_quoted(json->out, text);
}

void
cli_json_int(struct cli_json *json, const char *key, int64_t number)
{
        put_key(json, key);
        (void)fprintf(json->out, "%" PRId64, number);
}

void
cli_json_uint(struct cli_json *json, const char *key, uint64_t number)
{
        put_key(json, key);
        (void)fprintf(json->out, "%" PRIu64, number);
}

/* The shortest form that reads back as the same number. */
void
cli_json_real(struct cli_json *json, const char *key, double number)
{
        char text[32];
        int digits;

        if (!isfinite(number)) {
                cli_json_raw(json, key, "null");
                return;
        }
        for (digits = 6; digits <= 17; digits++) {
                (void)sqi_print_real(text, sizeof(text), digits, number);
                if (!(sq_strtod(text, NULL) < number) && !(sq_strtod(text, NULL) > number))
                        break;
        }
        cli_json_raw(json, key, text);
}

void
cli_json_bool(struct cli_json *json, const char *key, bool flag)
{
        cli_json_raw(json, key, flag ? "true" : "false");
}

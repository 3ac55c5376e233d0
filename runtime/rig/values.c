/* SPDX-License-Identifier: Apache-2.0 */
#include "rig/values.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/nearest.h"
#include "component/settings.h"

static bool
looks_like_number(const char *text)
{
        text += *text == '-' || *text == '+';
        return isdigit((unsigned char)*text) || (*text == '.' && isdigit((unsigned char)text[1]));
}

static int
read_integer(const char *text, struct sq_value *ret)
{
        int64_t number;
        char *end;

        if (sqi_parse_int(text, &number) == 0) {
                *ret = sq_int(number);
                return 0;
        }
        errno = 0;
        unsigned long long large = strtoull(text, &end, 10);
        if (errno || *end || end == text || *text == '-')
                return -EINVAL;
        *ret = sq_uint(large);
        return 0;
}

static int
read_float(const char *text, struct sq_value *ret)
{
        double number;
        int r = looks_like_number(text) ? sqi_parse_float(text, &number) : -EINVAL;

        if (r == 0)
                *ret = sq_float(number);
        return r;
}

static int
read_bool(const char *text, struct sq_value *ret)
{
        bool flag = strcmp(text, "true") == 0;

        if (!flag && strcmp(text, "false") != 0)
                return -EINVAL;
        *ret = sq_bool(flag);
        return 0;
}

static int
read_time(const char *text, struct sq_value *ret)
{
        struct tm tm = {0};
        const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
        uint32_t nsec = 0, digit = 100000000;
        struct sq_value seconds = sq_nil();

        if (!at) {
                if (read_float(text, &seconds) < 0)
                        return -EINVAL;
                int64_t sec = (int64_t)seconds.as.f;
                *ret = sq_time((struct sq_time){sec, (uint32_t)((seconds.as.f - (double)sec) * 1e9)});
                return 0;
        }
        for (at += *at == '.'; isdigit((unsigned char)*at) && digit; at++, digit /= 10)
                nsec += (uint32_t)(*at - '0') * digit;
        if (strcmp(at, "Z") != 0)
                return -EINVAL;
        *ret = sq_time((struct sq_time){timegm(&tm), nsec});
        return 0;
}

static int
read_hex(struct sqi_arena *arena, const char *text, struct sq_value *ret)
{
        size_t len = strlen(text) / 2;
        unsigned char *bytes = sqi_arena_alloc(arena, len + 1, 1);
        unsigned byte;

        if (!bytes)
                return -ENOMEM;
        for (size_t i = 0; i < len; i++) {
                if (sscanf(text + 2 * i, "%2x", &byte) != 1)
                        return -EINVAL;
                bytes[i] = (unsigned char)byte;
        }
        *ret = sq_bin(bytes, len);
        return strlen(text) % 2 ? -EINVAL : 0;
}

static int
read_any(const struct sqi_yaml *node, struct sq_value *ret)
{
        const char *text = node->text;

        if (!node->quoted && read_bool(text, ret) == 0)
                return 0;
        if (!node->quoted && looks_like_number(text) && (read_integer(text, ret) == 0 || read_float(text, ret) == 0))
                return 0;
        *ret = sq_text(text);
        return 0;
}

static int
read_scalar(struct sqi_arena *arena, const struct sqi_yaml *node, enum sq_type type, struct sq_value *ret)
{
        switch (type) {
        case SQ_STR:
                *ret = sq_text(node->text);
                return 0;
        case SQ_INT:
        case SQ_UINT:
                return read_integer(node->text, ret);
        case SQ_FLOAT:
                return read_float(node->text, ret);
        case SQ_BOOL:
                return read_bool(node->text, ret);
        case SQ_BIN:
                return read_hex(arena, node->text, ret);
        case SQ_TIME:
                return read_time(node->text, ret);
        case SQ_ANY:
                return read_any(node, ret);
        default:
                return -EINVAL;
        }
}

static int
read_items(struct sqi_arena *arena, struct sqi_diagnostics *diagnostics, const struct sqi_yaml *node,
           struct sq_value *ret)
{
        bool map = node->kind == SQI_YAML_MAPPING;
        struct sq_value *items = sqi_arena_alloc(arena, node->n * (map ? 2 : 1), sizeof(*items));
        size_t n = 0;
        int r = items ? 0 : -ENOMEM;

        for (const struct sqi_yaml_item *item = node->first; item && r == 0; item = item->next) {
                if (map)
                        items[n++] = sq_text(item->key);
                r = sqi_value_read(arena, diagnostics, item->value, SQ_ANY, &items[n++]);
        }
        if (r == 0)
                *ret = map ? sq_map(items, node->n) : sq_array(items, n);
        return r;
}

int
sqi_value_read(struct sqi_arena *arena, struct sqi_diagnostics *diagnostics, const struct sqi_yaml *node,
               enum sq_type type, struct sq_value *ret)
{
        bool list = node->kind == SQI_YAML_SEQUENCE, map = node->kind == SQI_YAML_MAPPING;
        int r = -EINVAL;

        if (node->kind == SQI_YAML_NULL) {
                *ret = sq_nil();
                return 0;
        }
        if (node->kind == SQI_YAML_SCALAR)
                r = read_scalar(arena, node, type, ret);
        else if (type == SQ_ANY || (list && type == SQ_ARRAY) || (map && type == SQ_MAP))
                return read_items(arena, diagnostics, node, ret);
        if (r == -EINVAL)
                sqi_diagnose(diagnostics, SQI_ERROR, node->place, "%s is not of type %s",
                             node->kind == SQI_YAML_SCALAR ? node->text : "it", sq_type_name(type));
        return r;
}

bool
sqi_value_is_any(const struct sqi_yaml *node)
{
        return node->kind == SQI_YAML_SCALAR && !node->quoted && strcmp(node->text, "any") == 0;
}

static int
find_field(const struct sqi_plan_stream *stream, const struct sqi_yaml_item *item, struct sqi_diagnostics *diagnostics)
{
        struct sqi_nearest nearest = sqi_nearest(item->key);
        char hint[SQI_HINT_SIZE];

        for (uint32_t f = 0; f < stream->nfields; f++) {
                if (strcmp(stream->fields[f].name, item->key) == 0)
                        return (int)f;
                sqi_nearest_offer(&nearest, stream->fields[f].name);
        }
        sqi_diagnose(diagnostics, SQI_ERROR, item->key_place, "the stream '%s' has no field '%s'%s", stream->id,
                     item->key, sqi_nearest_hint(&nearest, hint));
        return -EINVAL;
}

int
sqi_tuple_read(struct sqi_arena *arena, struct sqi_diagnostics *diagnostics, const struct sqi_yaml *node,
               const struct sqi_plan_stream *stream, bool any, struct sq_value *values, bool *given)
{
        uint32_t place = 0;

        for (uint32_t f = 0; f < stream->nfields; f++) {
                values[f] = sq_nil();
                given[f] = false;
        }
        if (any && sqi_value_is_any(node))
                return 0;
        if (node->kind != SQI_YAML_MAPPING && (node->kind != SQI_YAML_SEQUENCE || node->n != stream->nfields)) {
                sqi_diagnose(diagnostics, SQI_ERROR, node->place,
                             "a tuple of '%s' is a map of its fields, or a list of its %u values", stream->id,
                             (unsigned)stream->nfields);
                return -EINVAL;
        }
        for (const struct sqi_yaml_item *item = node->first; item; item = item->next) {
                int f = node->kind == SQI_YAML_MAPPING ? find_field(stream, item, diagnostics) : (int)place++;
                bool whatever = any && sqi_value_is_any(item->value);
                int r = f < 0 || whatever
                                ? f
                                : sqi_value_read(arena, diagnostics, item->value, stream->fields[f].type, &values[f]);
                if (r < 0)
                        return r;
                given[f] = !whatever;
        }
        return 0;
}

char *
sqi_tuple_json(const struct sqi_plan_stream *stream, const struct sq_value *values, const bool *given)
{
        const char *comma = "{";
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        for (uint32_t f = 0; f < stream->nfields; f++) {
                if (!given[f])
                        continue;
                size_t need = sq_json(values[f], NULL, 0) + 1;
                char *json = malloc(need);
                if (json)
                        sq_json(values[f], json, need);
                fprintf(out, "%s\"%s\":%s", comma, stream->fields[f].name, json ? json : "null");
                free(json);
                comma = ",";
        }
        fputs(comma[0] == '{' ? "{}" : "}", out);
        return fclose(out) == 0 ? text : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/aggregate.h"

#include <math.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

#include "windows/cells.h"

/* ---- The kinds --------------------------------------------------------------------------------------- */

enum argument { NONE, ANYTHING, NUMBER };

/* `name` with a digit behind it ("p99", "top3") where `numbered`; `optional`: the first argument may be missing. */
static const struct kind {
        const char *name;
        size_t size;
        enum argument arguments[SQI_ARGUMENTS];
        bool optional, numbered;
} kinds[SQI_AGGREGATES] = {
        [SQI_COUNT] = {.name = "count", .size = sizeof(uint64_t), .arguments = {ANYTHING, NONE}, .optional = true},
        [SQI_SUM] = {.name = "sum", .size = sizeof(struct sqi_sum), .arguments = {NUMBER, NONE}},
        [SQI_AVG] = {.name = "avg", .size = sizeof(struct sqi_sum), .arguments = {NUMBER, NONE}},
        [SQI_MIN] = {.name = "min", .size = sizeof(struct sq_value), .arguments = {NUMBER, NONE}},
        [SQI_MAX] = {.name = "max", .size = sizeof(struct sq_value), .arguments = {NUMBER, NONE}},
        [SQI_STDDEV] = {.name = "stddev", .size = sizeof(struct sqi_spread), .arguments = {NUMBER, NONE}},
        [SQI_QUANTILE] = {.name = "p",
                          .size = sizeof(struct sqi_sketch),
                          .arguments = {NUMBER, NONE},
                          .numbered = true},
        [SQI_DISTINCT] = {.name = "distinct", .size = sizeof(struct sqi_sketch), .arguments = {ANYTHING, NONE}},
        [SQI_TOP] = {.name = "top",
                     .size = sizeof(struct sqi_ranking),
                     .arguments = {ANYTHING, NONE},
                     .numbered = true},
        [SQI_FIRST] = {.name = "first", .size = sizeof(struct sqi_chosen), .arguments = {ANYTHING, NONE}},
        [SQI_LAST] = {.name = "last", .size = sizeof(struct sqi_chosen), .arguments = {ANYTHING, NONE}},
        [SQI_MIN_BY] = {.name = "min_by", .size = sizeof(struct sqi_chosen), .arguments = {ANYTHING, NUMBER}},
        [SQI_MAX_BY] = {.name = "max_by", .size = sizeof(struct sqi_chosen), .arguments = {ANYTHING, NUMBER}},
        [SQI_COLLECT] = {.name = "collect", .size = sizeof(struct sqi_values), .arguments = {ANYTHING, NONE}},
};

/* Takes a word off the text. */
static struct sq_str
word(const char **text)
{
        size_t length = strcspn(*text, " ");
        struct sq_str taken = {length ? *text : NULL, length};

        *text += length;
        *text += strspn(*text, " ");
        return taken;
}

static bool
read_parameter(struct sqi_aggregate *aggregate, const char *digits, const char *behind)
{
        char *end;
        double parameter = sq_strtod(digits, &end);

        if (end != behind)
                return false;
        aggregate->quantile = parameter / 100;
        aggregate->most = parameter >= 1 && parameter <= 1000 ? (size_t)parameter : 0;
        return aggregate->kind == SQI_TOP ? aggregate->most > 0 && floor(parameter) >= parameter
                                          : aggregate->quantile <= 1;
}

static bool
read_name(struct sqi_aggregate *aggregate, struct sq_str name)
{
        for (aggregate->kind = 0; aggregate->kind < SQI_AGGREGATES; aggregate->kind++) {
                const struct kind *kind = &kinds[aggregate->kind];
                size_t length = strlen(kind->name);

                if (!kind->numbered && sq_str_is(name, kind->name))
                        return true;
                if (kind->numbered && name.len > length && memcmp(name.ptr, kind->name, length) == 0 &&
                    strchr("0123456789", name.ptr[length]))
                        return read_parameter(aggregate, name.ptr + length, name.ptr + name.len);
        }
        return false;
}

bool
sqi_aggregate_read(const char *text, struct sqi_aggregate *ret)
{
        struct sqi_aggregate aggregate = {.columns = {SQI_NO_COLUMN, SQI_NO_COLUMN}};

        if (!read_name(&aggregate, word(&text)))
                return false;
        for (size_t i = 0; i < SQI_ARGUMENTS; i++) {
                aggregate.arguments[i] = word(&text);
                bool missing = !aggregate.arguments[i].ptr, wanted = kinds[aggregate.kind].arguments[i] != NONE;
                if (missing == wanted && !(missing && i == 0 && kinds[aggregate.kind].optional))
                        return false;
        }
        *ret = aggregate;
        return *text == '\0';
}

size_t
sqi_aggregate_size(const struct sqi_aggregate *aggregate)
{
        return kinds[aggregate->kind].size;
}

bool
sqi_aggregate_wants_number(const struct sqi_aggregate *aggregate, size_t argument)
{
        return kinds[aggregate->kind].arguments[argument] == NUMBER;
}

enum sq_type
sqi_aggregate_type(const struct sqi_aggregate *aggregate, enum sq_type type)
{
        switch (aggregate->kind) {
        case SQI_COUNT:
        case SQI_DISTINCT:
                return SQ_INT;
        case SQI_AVG:
        case SQI_STDDEV:
        case SQI_QUANTILE:
                return SQ_FLOAT;
        case SQI_TOP:
        case SQI_COLLECT:
                return SQ_ARRAY;
        case SQI_SUM:
        case SQI_MIN:
        case SQI_MAX:
                return type == SQ_FLOAT || type == SQ_TEXT ? SQ_FLOAT : type == SQ_INT ? SQ_INT : SQ_ANY;
        default:
                return type == SQ_TEXT ? SQ_ANY : type;
        }
}

/* ---- Of one tuple ------------------------------------------------------------------------------------- */

static bool
take_number(const struct sqi_aggregate *aggregate, struct sq_value *value)
{
        if (value->type == SQ_STR) {
                if (!sq_read_number((struct sq_str){value->as.ptr, value->len}, value))
                        return false;
                *value = sq_float(sq_real_of(*value));
        }
        if (value->type != SQ_INT && value->type != SQ_UINT && (value->type != SQ_FLOAT || isnan(value->as.f)))
                return false;
        if (aggregate->kind == SQI_QUANTILE || aggregate->kind == SQI_STDDEV)
                *value = sq_float(sq_real_of(*value));
        return true;
}

bool
sqi_aggregate_take(const struct sqi_aggregate *aggregate, struct sq_value argument, struct sq_value *ret)
{
        struct sq_value value = argument;

        if (argument.type != SQ_NIL && kinds[aggregate->kind].arguments[0] == NUMBER && !take_number(aggregate, &value))
                return false;
        if ((value.type == SQ_ARRAY || value.type == SQ_MAP) && value.form != SQ_PACKED)
                return false; /* its bytes are not side by side */
        *ret = value;
        return true;
}

bool
sqi_aggregate_fold(const struct sqi_aggregate *aggregate, const struct sqi_blobs *blobs, void *cell,
                   const struct sqi_taken *taken)
{
        const struct sq_value value = taken->value;

        if (value.type == SQ_NIL)
                return true;
        switch (aggregate->kind) {
        case SQI_COUNT:
                ++*(uint64_t *)cell;
                return true;
        case SQI_SUM:
        case SQI_AVG:
                sqi_sum_add(cell, value);
                return true;
        case SQI_MIN:
        case SQI_MAX:
                sqi_extreme_put(cell, aggregate->kind == SQI_MAX, value);
                return true;
        case SQI_STDDEV:
                sqi_spread_add(cell, value.as.f);
                return true;
        case SQI_QUANTILE:
                return sqi_sketch_put(cell, blobs, aggregate->blob, sq_bag_ordered(value.as.f), false);
        case SQI_DISTINCT:
                return sqi_sketch_put(cell, blobs, aggregate->blob, sq_bag_hash(value), true);
        case SQI_TOP:
                return sqi_ranking_put(cell, blobs, aggregate->blob, value);
        case SQI_COLLECT:
                return sqi_values_append(cell, blobs, aggregate->blob, 0, value);
        default:
                return sqi_chosen_put(cell, blobs, aggregate->blob, aggregate->kind, taken);
        }
}

/* ---- Of many ------------------------------------------------------------------------------------------ */

bool
sqi_aggregate_merge(const struct sqi_aggregate *aggregate, const struct sqi_blobs *into_blobs, void *into,
                    const struct sqi_blobs *from_blobs, const void *from)
{
        switch (aggregate->kind) {
        case SQI_COUNT:
                *(uint64_t *)into += *(const uint64_t *)from;
                return true;
        case SQI_SUM:
        case SQI_AVG:
                sqi_sum_merge(into, from);
                return true;
        case SQI_MIN:
        case SQI_MAX:
                sqi_extreme_put(into, aggregate->kind == SQI_MAX, *(const struct sq_value *)from);
                return true;
        case SQI_STDDEV:
                sqi_spread_merge(into, from);
                return true;
        case SQI_QUANTILE:
        case SQI_DISTINCT:
                return sqi_sketch_merge(into, into_blobs, from, from_blobs, aggregate->blob,
                                        aggregate->kind == SQI_DISTINCT);
        case SQI_TOP:
                return sqi_ranking_merge(into, into_blobs, from, from_blobs, aggregate->blob);
        case SQI_COLLECT:
                return sqi_values_merge(into, into_blobs, from, from_blobs, aggregate->blob);
        default:
                return sqi_chosen_merge(into, into_blobs, from, from_blobs, aggregate->blob, aggregate->kind);
        }
}

bool
sqi_aggregate_result(const struct sqi_aggregate *aggregate, const struct sqi_blobs *blobs, void *cell,
                     struct sq_value *ret, void **ret_memory)
{
        *ret_memory = NULL;
        switch (aggregate->kind) {
        case SQI_COUNT:
                *ret = sq_int((int64_t) * (const uint64_t *)cell);
                return true;
        case SQI_SUM:
                *ret = sqi_sum_total(cell);
                return true;
        case SQI_AVG:
                *ret = sqi_sum_average(cell);
                return true;
        case SQI_MIN:
        case SQI_MAX:
                *ret = sqi_extreme_value(cell);
                return true;
        case SQI_STDDEV:
                *ret = sqi_spread_deviation(cell);
                return true;
        case SQI_QUANTILE:
                *ret = sqi_sketch_quantile(cell, blobs, aggregate->blob, aggregate->quantile);
                return true;
        case SQI_DISTINCT:
                *ret = sqi_sketch_distinct(cell, blobs, aggregate->blob);
                return true;
        case SQI_TOP:
                return sqi_ranking_list(cell, blobs, aggregate->blob, aggregate->most, ret, ret_memory);
        case SQI_COLLECT:
                return sqi_values_list(cell, blobs, aggregate->blob, ret, ret_memory);
        default:
                *ret = sqi_chosen_value(cell, blobs, aggregate->blob);
                return true;
        }
}

void
sqi_aggregate_clear(const struct sqi_aggregate *aggregate, const struct sqi_blobs *blobs)
{
        if (aggregate->kind < SQI_QUANTILE)
                return;
        sqi_blob_forget(blobs, aggregate->blob);
        if (aggregate->kind == SQI_TOP)
                sqi_blob_forget(blobs, aggregate->blob + SQI_SECOND);
}

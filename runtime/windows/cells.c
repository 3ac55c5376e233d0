/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/cells.h"

#include <math.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

#include "windows/top.h"

/* ---- Sums -------------------------------------------------------------------------------------------- */

static const uint64_t with_real = UINT64_C(1) << 63; /* a bit of `n`: there was a float */

static uint64_t
number_of(const struct sqi_sum *sum)
{
        return sum->n & ~with_real;
}

static __int128
whole_of(const struct sqi_sum *sum)
{
        return (__int128)(((unsigned __int128)(uint64_t)sum->high << 64) | sum->low);
}

static void
add_whole(struct sqi_sum *sum, __int128 whole)
{
        whole += whole_of(sum);
        sum->low = (uint64_t)whole;
        sum->high = (int64_t)(whole >> 64);
}

void
sqi_sum_add(struct sqi_sum *sum, struct sq_value number)
{
        sum->n++;
        if (number.type == SQ_FLOAT) {
                sum->real += number.as.f;
                sum->n |= with_real;
        } else {
                add_whole(sum, number.type == SQ_UINT ? (__int128)number.as.u : (__int128)number.as.i);
        }
}

void
sqi_sum_merge(struct sqi_sum *into, const struct sqi_sum *from)
{
        uint64_t real = (into->n | from->n) & with_real;

        into->n = (number_of(into) + number_of(from)) | real;
        into->real += from->real;
        add_whole(into, whole_of(from));
}

struct sq_value
sqi_sum_total(const struct sqi_sum *sum)
{
        __int128 whole = whole_of(sum);

        if (sum->n == 0)
                return sq_nil();
        if (sum->n & with_real || whole < INT64_MIN || whole > UINT64_MAX)
                return sq_float((double)whole + sum->real);
        return whole > INT64_MAX ? sq_uint((uint64_t)whole) : sq_int((int64_t)whole);
}

struct sq_value
sqi_sum_average(const struct sqi_sum *sum)
{
        if (sum->n == 0)
                return sq_nil();
        return sq_float(((double)whole_of(sum) + sum->real) / (double)number_of(sum));
}

/* ---- Extremes ---------------------------------------------------------------------------------------- */

void
sqi_extreme_put(struct sq_value *extreme, bool greatest, struct sq_value number)
{
        if (number.type == SQ_ANY)
                return;
        if (extreme->type == SQ_ANY || sq_compare_numbers(number, *extreme) == (greatest ? SQ_GREATER : SQ_LESS))
                *extreme = number;
}

struct sq_value
sqi_extreme_value(const struct sq_value *extreme)
{
        return extreme->type == SQ_ANY ? sq_nil() : *extreme;
}

/* ---- Spread ------------------------------------------------------------------------------------------ */

void
sqi_spread_merge(struct sqi_spread *into, const struct sqi_spread *from)
{
        double apart = from->mean - into->mean, n = (double)(into->n + from->n);

        if (from->n == 0)
                return;
        if (into->n == 0) { /* the square of a large value is no number that nothing takes away again */
                *into = *from;
                return;
        }
        into->squares += from->squares + apart * apart * (double)into->n * (double)from->n / n;
        into->mean += apart * (double)from->n / n;
        into->n += from->n;
}

void
sqi_spread_add(struct sqi_spread *spread, double real)
{
        sqi_spread_merge(spread, &(struct sqi_spread){.n = 1, .mean = real});
}

struct sq_value
sqi_spread_deviation(const struct sqi_spread *spread)
{
        return spread->n < 2 ? sq_nil() : sq_float(sqrt(spread->squares / (double)(spread->n - 1)));
}

/* ---- Sketches ---------------------------------------------------------------------------------------- */

/* The bag, its places lent by the blob, which is only looked at if `bytes` is a constant's. */
static struct sq_bag
borrow(const struct sqi_sketch *sketch, const void *bytes)
{
        struct sq_bag bag = {.used = sketch->used, .size = sketch->size, .ceiling = UINT64_MAX - sketch->above};

        memcpy(&bag.places, &bytes, sizeof(bytes));
        bag.lent = true;
        return bag;
}

/* Into the blob, if it has grown out of it. */
static bool
give_back(struct sqi_sketch *sketch, const struct sqi_blobs *blobs, size_t blob, struct sq_bag *bag)
{
        size_t size = bag->size * sizeof(struct sq_occurrence);
        void *bytes = NULL;

        if (!bag->lent) {
                sqi_blob_forget(blobs, blob); /* one that was thinned out is smaller */
                bytes = size ? sqi_blob_get(blobs, blob, size) : NULL;
                if (bytes)
                        memcpy(bytes, bag->places, size);
                free(bag->places);
                if (!bytes && size)
                        return false;
        }
        sketch->used = bag->used;
        sketch->size = bag->size;
        sketch->above = UINT64_MAX - bag->ceiling;
        return true;
}

static struct sq_bag
borrow_to_write(const struct sqi_sketch *sketch, const struct sqi_blobs *blobs, size_t blob)
{
        return borrow(sketch,
                      sketch->size ? sqi_blob_get(blobs, blob, sketch->size * sizeof(struct sq_occurrence)) : NULL);
}

bool
sqi_sketch_put(struct sqi_sketch *sketch, const struct sqi_blobs *blobs, size_t blob, uint64_t key, bool distinct)
{
        struct sq_bag bag = borrow_to_write(sketch, blobs, blob);
        bool ok = sq_bag_put(&bag, key, 1, distinct);

        sketch->n++;
        return give_back(sketch, blobs, blob, &bag) && ok;
}

bool
sqi_sketch_merge(struct sqi_sketch *into, const struct sqi_blobs *into_blobs, const struct sqi_sketch *from,
                 const struct sqi_blobs *from_blobs, size_t blob, bool distinct)
{
        struct sq_bag bag = borrow_to_write(into, into_blobs, blob);
        struct sq_bag other = borrow(from, from->size ? sqi_blob_peek(from_blobs, blob) : NULL);
        bool ok = true;

        if (other.ceiling < bag.ceiling)
                bag.ceiling = other.ceiling;
        for (size_t i = 0; i < other.size && other.places && ok; i++)
                if (other.places[i].n)
                        ok = sq_bag_put(&bag, other.places[i].key, other.places[i].n, distinct);
        into->n += from->n;
        return give_back(into, into_blobs, blob, &bag) && ok;
}

struct sq_value
sqi_sketch_quantile(const struct sqi_sketch *sketch, const struct sqi_blobs *blobs, size_t blob, double quantile)
{
        struct sq_bag bag = borrow_to_write(sketch, blobs, blob);

        return sketch->n == 0 ? sq_nil() : sq_float(sq_bag_quantile(&bag, sketch->n, quantile));
}

struct sq_value
sqi_sketch_distinct(const struct sqi_sketch *sketch, const struct sqi_blobs *blobs, size_t blob)
{
        struct sq_bag bag = borrow_to_write(sketch, blobs, blob);

        return sq_int(sketch->n == 0 ? 0 : sq_bag_distinct(&bag));
}

/* ---- Values of any type ------------------------------------------------------------------------------- */

bool
sqi_value_is_long(struct sq_value value)
{
        return value.type == SQ_STR || value.type == SQ_BIN || value.type == SQ_ARRAY || value.type == SQ_MAP;
}

/* A value as it was, whose bytes are at `bytes` now. */
static struct sq_value
standing_at(struct sq_value value, const void *bytes)
{
        if (sqi_value_is_long(value))
                value.as.ptr = bytes;
        return value;
}

/* ---- The first, the last, that of the least or the greatest -------------------------------------------- */

/* Of equal ranks the first to come, but `last` takes the last. */
static bool
takes_its_place(const struct sqi_chosen *chosen, enum sqi_aggregate_kind kind, struct sq_value rank)
{
        enum sq_order order;

        if (chosen->value.type == SQ_ANY)
                return true;
        order = sq_compare_numbers(rank, chosen->rank);
        if (kind == SQI_FIRST || kind == SQI_MIN_BY)
                return order == SQ_LESS;
        return order == SQ_GREATER || (kind == SQI_LAST && order == SQ_EQUAL);
}

static bool
choose(struct sqi_chosen *chosen, const struct sqi_blobs *blobs, size_t blob, struct sq_value rank,
       struct sq_value value)
{
        void *bytes = sqi_value_is_long(value) && value.len ? sqi_blob_get(blobs, blob, value.len) : NULL;

        if (sqi_value_is_long(value) && value.len && !bytes)
                return false;
        if (bytes)
                memcpy(bytes, value.as.ptr, value.len);
        chosen->rank = rank;
        chosen->value = standing_at(value, NULL);
        return true;
}

bool
sqi_chosen_put(struct sqi_chosen *chosen, const struct sqi_blobs *blobs, size_t blob, enum sqi_aggregate_kind kind,
               const struct sqi_taken *taken)
{
        if (taken->rank.type == SQ_NIL || !takes_its_place(chosen, kind, taken->rank))
                return true;
        return choose(chosen, blobs, blob, taken->rank, taken->value);
}

bool
sqi_chosen_merge(struct sqi_chosen *into, const struct sqi_blobs *into_blobs, const struct sqi_chosen *from,
                 const struct sqi_blobs *from_blobs, size_t blob, enum sqi_aggregate_kind kind)
{
        if (from->value.type == SQ_ANY || !takes_its_place(into, kind, from->rank))
                return true;
        return choose(into, into_blobs, blob, from->rank, standing_at(from->value, sqi_blob_peek(from_blobs, blob)));
}

struct sq_value
sqi_chosen_value(const struct sqi_chosen *chosen, const struct sqi_blobs *blobs, size_t blob)
{
        if (chosen->value.type == SQ_ANY)
                return sq_nil();
        return standing_at(chosen->value, sqi_value_is_long(chosen->value) ? sqi_blob_peek(blobs, blob) : NULL);
}

/* ---- Lists ------------------------------------------------------------------------------------------- */

/* In the blob, with the bytes of a long value behind it. */
struct listed {
        uint64_t number;
        struct sq_value value;
};

static size_t
bytes_of(struct sq_value value)
{
        return sizeof(struct listed) + (sqi_value_is_long(value) ? (value.len + 7u) / 8 * 8 : 0);
}

bool
sqi_values_append(struct sqi_values *values, const struct sqi_blobs *blobs, size_t blob, uint64_t number,
                  struct sq_value value)
{
        const struct listed listed = {number, standing_at(value, NULL)};
        uint64_t size = values->size ? values->size : 64;
        char *bytes;

        while (size < values->used + bytes_of(value))
                size *= 2;
        bytes = sqi_blob_get(blobs, blob, size);
        if (!bytes)
                return false;
        memcpy(bytes + values->used, &listed, sizeof(listed));
        if (sqi_value_is_long(value) && value.len)
                memcpy(bytes + values->used + sizeof(listed), value.as.ptr, value.len);
        values->size = size;
        values->used += bytes_of(value);
        values->n++;
        return true;
}

bool
sqi_values_step(const struct sqi_values *values, const void *bytes, uint64_t *at, uint64_t *ret_number,
                struct sq_value *ret)
{
        const char *here = bytes;
        struct listed listed;

        if (*at >= values->used || !here)
                return false;
        here += *at;
        memcpy(&listed, here, sizeof(listed));
        *at += bytes_of(listed.value);
        *ret_number = listed.number;
        *ret = standing_at(listed.value, here + sizeof(listed));
        return true;
}

bool
sqi_values_merge(struct sqi_values *into, const struct sqi_blobs *into_blobs, const struct sqi_values *from,
                 const struct sqi_blobs *from_blobs, size_t blob)
{
        const void *bytes = sqi_blob_peek(from_blobs, blob);
        uint64_t at = 0, number;
        struct sq_value value;
        bool ok = true;

        while (ok && sqi_values_step(from, bytes, &at, &number, &value))
                ok = sqi_values_append(into, into_blobs, blob, number, value);
        return ok;
}

bool
sqi_values_list(const struct sqi_values *values, const struct sqi_blobs *blobs, size_t blob, struct sq_value *ret,
                void **ret_memory)
{
        const void *bytes = sqi_blob_peek(blobs, blob);
        struct sq_value *items = calloc(values->n + 1, sizeof(*items));
        uint64_t at = 0, number;
        size_t n = 0;

        if (!items)
                return false;
        while (sqi_values_step(values, bytes, &at, &number, &items[n]))
                n++;
        *ret = sq_array(items, n);
        *ret_memory = items;
        return true;
}

/* ---- Rankings ---------------------------------------------------------------------------------------- */

/* Is it there, since this put? */
static bool
is_new(struct sqi_ranking *ranking, uint64_t used)
{
        return ranking->times.used > used;
}

bool
sqi_ranking_put(struct sqi_ranking *ranking, const struct sqi_blobs *blobs, size_t blob, struct sq_value value)
{
        uint64_t hash = sq_bag_hash(value), used = ranking->times.used;

        if (!sqi_sketch_put(&ranking->times, blobs, blob, hash, false))
                return false;
        return !is_new(ranking, used) || sqi_values_append(&ranking->values, blobs, blob + SQI_SECOND, hash, value);
}

uint64_t
sqi_ranking_times(const struct sqi_sketch *times, const void *bytes, uint64_t hash)
{
        struct sq_bag bag = borrow(times, bytes);
        size_t place = bag.size && bag.places ? sq_mix(hash) & (bag.size - 1) : 0;

        if (!bag.size || !bag.places)
                return 0;
        while (bag.places[place].n && bag.places[place].key != hash)
                place = (place + 1) & (bag.size - 1);
        return bag.places[place].n;
}

bool
sqi_ranking_merge(struct sqi_ranking *into, const struct sqi_blobs *into_blobs, const struct sqi_ranking *from,
                  const struct sqi_blobs *from_blobs, size_t blob)
{
        const void *bytes = sqi_blob_peek(from_blobs, blob + SQI_SECOND);
        uint64_t at = 0, hash;
        struct sq_value value;
        bool ok = true;

        while (ok && sqi_values_step(&from->values, bytes, &at, &hash, &value))
                if (sqi_ranking_times(&into->times, sqi_blob_peek(into_blobs, blob), hash) == 0)
                        ok = sqi_values_append(&into->values, into_blobs, blob + SQI_SECOND, hash, value);
        return ok && sqi_sketch_merge(&into->times, into_blobs, &from->times, from_blobs, blob, false);
}

bool
sqi_ranking_list(const struct sqi_ranking *ranking, const struct sqi_blobs *blobs, size_t blob, size_t most,
                 struct sq_value *ret, void **ret_memory)
{
        const void *times = sqi_blob_peek(blobs, blob), *bytes = sqi_blob_peek(blobs, blob + SQI_SECOND);
        struct sqi_top top;
        struct sqi_standing standing;
        uint64_t at = 0;

        if (!sqi_top_begin(&top, most))
                return false;
        while (sqi_values_step(&ranking->values, bytes, &at, &standing.hash, &standing.value)) {
                standing.n = sqi_ranking_times(&ranking->times, times, standing.hash);
                sqi_top_offer(&top, &standing);
        }
        return sqi_top_end(&top, ret, ret_memory);
}
